# SPDX-License-Identifier: Apache-2.0
"""linux.seccomp.syscalls[].args: every operator, by kill(2) with signals that do no harm."""
import pytest

HARMLESS = (17, 18, 23, 28)     # CHLD CONT URG WINCH
SIGNAL = 1                      # kill's second argument


def profile(*args, errno=None):
    rule = {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": list(args)}
    if errno:
        rule["errnoRet"] = errno
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}


def arg(op, value, **kw):
    return {"index": SIGNAL, "value": value, "op": f"SCMP_CMP_{op}", **kw}


def denied(box):
    """The signals that could not be sent."""
    words = " ".join(map(str, HARMLESS))
    out = box.out(f"for s in {words}; do kill -$s $$ 2>/dev/null || echo $s; done")
    return tuple(map(int, out.split()))


@pytest.mark.parametrize("op,value,expect", [
    ("EQ", 18, (18,)),
    ("NE", 18, (17, 23, 28)),
    ("LT", 23, (17, 18)),
    ("LE", 23, (17, 18, 23)),
    ("GT", 23, (28,)),
    ("GE", 23, (23, 28)),
    ("EQ", (1 << 32) + 18, ()),     # arguments are 64 bits wide
    ("LT", 1 << 32, HARMLESS),
])
def test_operators(box, op, value, expect):
    box.linux["seccomp"] = profile(arg(op, value))
    assert denied(box) == expect


@pytest.mark.parametrize("mask,value,expect", [(0x10, 0x10, HARMLESS), (0x1, 0x1, (17, 23)),
                                               (0xff, 28, (28,)), (0x2, 0x2, (18, 23))])
def test_masked(box, mask, value, expect):
    box.linux["seccomp"] = profile(arg("MASKED_EQ", mask, valueTwo=value))
    assert denied(box) == expect


def test_all_of_several(box):
    """Conditions on different arguments must all hold."""
    box.linux["seccomp"] = profile({"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, arg("EQ", 18))
    assert denied(box) == (18,)     # the shell is process 1
    box.linux["seccomp"] = profile({"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}, arg("EQ", 18))
    assert denied(box) == ()


def test_errnoRet(box):
    box.linux["seccomp"] = profile(arg("EQ", 18), errno=6)
    box.sh("kill -18 $$").run().fails("No such device or address")


@pytest.mark.parametrize("value,words", [
    ({"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}, "args[0]"),
    ({"index": 0, "value": 0, "op": "SCMP_CMP_XX"}, "args[0].op"),
    ({"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}, "args[0].value"),
    ({"value": 0, "op": "SCMP_CMP_EQ"}, "args[0].index"),
])
def test_refused(box, value, words):
    box.linux["seccomp"] = profile(value)
    box.run().fails("linux.seccomp.syscalls[0]." + words, code=1)
