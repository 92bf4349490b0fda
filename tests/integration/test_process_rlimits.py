# SPDX-License-Identifier: Apache-2.0
"""process.rlimits, read back from /proc/self/limits"""
import pytest

ROWS = {
    "RLIMIT_AS": "Max address space", "RLIMIT_CORE": "Max core file size", "RLIMIT_CPU": "Max cpu time",
    "RLIMIT_DATA": "Max data size", "RLIMIT_FSIZE": "Max file size", "RLIMIT_LOCKS": "Max file locks",
    "RLIMIT_MEMLOCK": "Max locked memory", "RLIMIT_MSGQUEUE": "Max msgqueue size",
    "RLIMIT_NICE": "Max nice priority", "RLIMIT_NOFILE": "Max open files",
    "RLIMIT_NPROC": "Max processes", "RLIMIT_RSS": "Max resident set",
    "RLIMIT_RTPRIO": "Max realtime priority", "RLIMIT_RTTIME": "Max realtime timeout",
    "RLIMIT_SIGPENDING": "Max pending signals", "RLIMIT_STACK": "Max stack size",
}
# Values that the program can live with and that are not above the usual hard limits.
VALUES = {"RLIMIT_AS": (1 << 32, 1 << 33), "RLIMIT_DATA": (1 << 30, 1 << 31),
          "RLIMIT_STACK": (1 << 20, 1 << 22), "RLIMIT_MEMLOCK": (4096, 8192),
          "RLIMIT_MSGQUEUE": (4096, 8192), "RLIMIT_NICE": (0, 0), "RLIMIT_RTPRIO": (0, 0),
          "RLIMIT_SIGPENDING": (50, 60), "RLIMIT_CORE": (0, 0)}


def limits(text):
    found = {}
    for line in text.splitlines()[1:]:
        for kind, title in ROWS.items():
            if line.startswith(title):
                found[kind] = tuple(line[len(title):].split()[:2])
    return found


def read(box):
    return limits(box.args("/bin/cat", "/proc/self/limits").run().ok().out)


@pytest.mark.parametrize("kind", ROWS)
def test_each_type(box, kind):
    soft, hard = VALUES.get(kind, (100, 200))
    box.process["rlimits"] = [{"type": kind, "soft": soft, "hard": hard}]
    assert read(box)[kind] == (str(soft), str(hard))


def test_only_the_listed_ones_change(box):
    box.process["rlimits"] = []
    before = read(box)
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 33, "hard": 44}]
    after = read(box)
    assert after.pop("RLIMIT_NOFILE") == ("33", "44")
    before.pop("RLIMIT_NOFILE")
    assert after == before


def test_small_nofile_does_not_hurt_the_runtime(box, scratch):
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 8, "hard": 8}]
    for i in range(20):
        (scratch / str(i)).mkdir()
        box.bind(scratch / str(i), f"/mnt/{i}")
    assert box.out("ls /mnt | wc -l").strip() == "20"


def test_behaviour(box):
    box.process["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 10240, "hard": 10240}]
    box.writable()
    r = box.sh("dd if=/dev/zero of=/tmp/f bs=1024 count=100 2>/dev/null; stat -c %s /tmp/f").run()
    assert r.out.strip() == "10240"


def test_exec_has_the_same(box):
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]
    box.up()
    got = limits(box.exec(box.id, "/bin/cat", "/proc/self/limits").ok().out)
    assert got["RLIMIT_NOFILE"] == ("77", "88")


@pytest.mark.parametrize("kind", ["RLIMIT_FOO", "NOFILE", "rlimit_nofile", ""])
def test_unknown_type(box, kind):
    box.process["rlimits"] = [{"type": kind, "soft": 1, "hard": 1}]
    box.run().fails("process.rlimits[0].type", code=1)


def test_duplicate_type(box):
    box.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2
    box.run().fails("process.rlimits[1].type", "duplicate", code=1)


def test_soft_above_hard(box):
    box.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]
    box.run().fails("process.rlimits[0]", code=1)


def test_refused_by_the_kernel(box):
    """Above the kernel's own maximum: EPERM even for root."""
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1 << 40, "hard": 1 << 40}]
    box.run().fails("RLIMIT_NOFILE", "operation not permitted", code=1)


def test_largest_value_is_unlimited(box):
    top = (1 << 64) - 1
    box.process["rlimits"] = [{"type": "RLIMIT_CPU", "soft": top, "hard": top}]
    assert read(box)["RLIMIT_CPU"] == ("unlimited", "unlimited")
