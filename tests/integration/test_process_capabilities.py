# SPDX-License-Identifier: Apache-2.0
"""process.capabilities: the five sets, read back from /proc/self/status"""
import pathlib

import pytest

NAMES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE""".split()
SETS = {"inheritable": "CapInh", "permitted": "CapPrm", "effective": "CapEff",
        "bounding": "CapBnd", "ambient": "CapAmb"}


def mask(names):
    return sum(1 << NAMES.index(n.removeprefix("CAP_")) for n in names)


def ours():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm"):
            return int(line.split()[1], 16)


def parse(text):
    found = dict(line.split(":\t", 1) for line in text.splitlines() if line.startswith("Cap"))
    return {name: int(found[field], 16) for name, field in SETS.items()}


def sets(box):
    return parse(box.args("/bin/cat", "/proc/self/status").run().ok().out)


def test_example(box):
    three = mask(["AUDIT_WRITE", "KILL", "NET_BIND_SERVICE"])
    assert sets(box) == {"inheritable": 0, "permitted": three, "effective": three,
                         "bounding": three, "ambient": 0}


def test_absent_means_none(box):
    del box.process["capabilities"]
    assert set(sets(box).values()) == {0}


def test_empty_object_means_none(box):
    box.process["capabilities"] = {}
    assert set(sets(box).values()) == {0}


def test_each_set_for_a_user(box):
    """Without execve's rules for uid 0 the sets are seen as they were written."""
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["capabilities"] = {
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"],
        "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_KILL"],
        "inheritable": ["CAP_CHOWN", "CAP_KILL"],
        "ambient": ["CAP_KILL"],
    }
    got = sets(box)
    assert got["bounding"] == mask(["CHOWN", "KILL", "SETUID"])
    assert got["inheritable"] == mask(["CHOWN", "KILL"])
    assert got["permitted"] == got["effective"] == got["ambient"] == mask(["KILL"])


def test_user_without_ambient_has_none(box):
    box.process["user"] = {"uid": 1000, "gid": 1000}
    got = sets(box)
    assert got["permitted"] == got["effective"] == got["ambient"] == got["inheritable"] == 0
    assert got["bounding"] == mask(["AUDIT_WRITE", "KILL", "NET_BIND_SERVICE"])


def test_bounding_limits_root(box):
    box.process["capabilities"] = {"bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"],
                                   "effective": ["CAP_CHOWN"]}
    got = sets(box)
    assert got["bounding"] == got["permitted"] == got["effective"] == mask(["CHOWN"])


def test_inheritable_for_root(box):
    names = ["CAP_CHOWN", "CAP_KILL"]
    box.process["capabilities"] = {s: names for s in ("bounding", "permitted", "effective",
                                                      "inheritable")}
    got = sets(box)
    assert got["inheritable"] == got["permitted"] == mask(names) and got["ambient"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_name(box, name):
    if not ours() & mask([name]):
        pytest.skip(f"we do not have CAP_{name} ourselves")
    cap = [f"CAP_{name}"]
    box.process["capabilities"] = {"bounding": cap, "permitted": cap, "effective": cap}
    assert sets(box)["bounding"] == mask([name])


@pytest.mark.parametrize("name", ["CAP_UNKNOWN", "UNKNOWN_CAP", "CAP_", "CHOWN_"])
def test_unknown_is_a_warning(box, name):
    box.caps(name)
    r = box.args("/bin/true").run().ok()
    assert "level=warning" in r.err and name in r.err


def test_ambient_without_inheritable_is_a_warning(box):
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["capabilities"] = {
        "bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_CHOWN", "CAP_KILL"]}
    r = box.args("/bin/cat", "/proc/self/status").run().ok()
    assert "can't raise ambient capability CAP_CHOWN: " in r.err
    assert parse(r.out)["ambient"] == mask(["KILL"])


def test_what_we_do_not_have_is_a_warning(box):
    missing = [n for n in NAMES if not ours() & mask([n])]
    if not missing:
        pytest.skip("we have all capabilities")
    box.caps(f"CAP_{missing[0]}")
    r = box.args("/bin/cat", "/proc/self/status").run().ok()
    assert not parse(r.out)["effective"] & mask(missing)


def test_behaviour(box):
    """CAP_CHOWN decides whether root may give a file away."""
    box.writable()
    assert "denied" in box.sh("touch /tmp/f; chown 1000 /tmp/f 2>&1; true").run().out \
        or "not permitted" in box.run().out
    box.caps("CAP_CHOWN")
    assert box.out("touch /tmp/g; chown 1000 /tmp/g; stat -c %u /tmp/g") == "1000\n"


def test_exec_has_the_same(box):
    box.up()
    assert parse(box.exec(box.id, "/bin/cat", "/proc/self/status").ok().out) == \
        parse(box.esh("cat /proc/1/status"))


def test_exec_cap_adds(box):
    box.process["capabilities"] = {}
    box.up()
    got = parse(box.exec("--cap", "CAP_CHOWN", "-c", "CAP_KILL", box.id, "/bin/cat",
                         "/proc/self/status").ok().out)
    two = mask(["CHOWN", "KILL"])
    assert got == {"bounding": two, "effective": two, "permitted": two, "inheritable": 0,
                   "ambient": 0}


def test_exec_cap_adds_to_ambient_beside_inheritable(box):
    names = ["CAP_KILL"]
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["capabilities"] = {s: names for s in SETS}
    box.up()
    got = parse(box.exec("--cap", "CAP_CHOWN", box.id, "/bin/cat", "/proc/self/status").ok().out)
    assert got["inheritable"] == mask(["KILL"])
    assert got["bounding"] == mask(["KILL", "CHOWN"])
