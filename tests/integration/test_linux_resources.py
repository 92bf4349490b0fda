# SPDX-License-Identifier: Apache-2.0
"""linux.resources on cgroup v1: memory, cpu, cpuset, pids, devices; by the kernel's files and by effect"""
import os
import pathlib

import pytest

from support.runtime import wait_until

pytestmark = pytest.mark.skipif(not os.path.isdir("/sys/fs/cgroup/memory"),
                                reason="no cgroup v1 here")


def knob(box, controller, name):
    """A file of the container's cgroup."""
    for line in pathlib.Path(f"/proc/{box.pid()}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return (pathlib.Path("/sys/fs/cgroup") / controller / \
                    path.lstrip("/") / name).read_text().strip()
    raise AssertionError(f"no hierarchy {controller}")


def with_resources(box, **kinds):
    box.linux.setdefault("resources", {}).update(kinds)
    return box


@pytest.mark.parametrize("member, file, value, seen", [
    ("limit", "memory.limit_in_bytes", 67108864, "67108864"),
    ("reservation", "memory.soft_limit_in_bytes", 33554432, "33554432"),
    ("limit", "memory.limit_in_bytes", -1, "9223372036854771712"),
    ("swappiness", "memory.swappiness", 7, "7"),
])
def test_memory_files(box, member, file, value, seen):
    if not list(pathlib.Path("/sys/fs/cgroup/memory").glob(file)) and member == "swappiness":
        pytest.skip(f"no {file} here")
    with_resources(box, memory={member: value}).up()
    assert knob(box, "memory", file) == seen
    box.end()


def test_memory_swap(box):
    if not os.path.exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"):
        pytest.skip("no swap accounting here")
    with_resources(box, memory={"limit": 67108864, "swap": 134217728}).up()
    assert knob(box, "memory", "memory.memsw.limit_in_bytes") == "134217728"
    assert knob(box, "memory", "memory.limit_in_bytes") == "67108864"
    box.end()


def test_disable_oom_killer(box):
    with_resources(box, memory={"limit": 67108864, "disableOOMKiller": True})
    r = box.sh("sleep 1000").detach()
    if r.code != 0:
        r.fails("memory.oom_control")
        pytest.skip("this kernel has no oom_control")
    assert "oom_kill_disable 1" in knob(box, "memory", "memory.oom_control")
    box.end()


def test_memory_hog_is_killed(box):
    """137, and only the container is hit."""
    with_resources(box, memory={"limit": 33554432})
    r = box.sh("x=0123456789abcdef; while :; do x=$x$x; done").run(timeout=30)
    assert r.code == 137, r


def test_tiny_limit_says_so(box):
    """Too low for anything to run: the message tells that it was the memory limit."""
    with_resources(box, memory={"limit": 4096})
    r = box.sh("true").run(timeout=30)
    assert r.code != 0
    if r.code != 137:
        assert "memory" in r.text.lower() or "oom" in r.text.lower(), r


@pytest.mark.parametrize("cpu, file, seen", [
    ({"shares": 512}, "cpu.shares", "512"),
    ({"quota": 50000, "period": 100000}, "cpu.cfs_quota_us", "50000"),
    ({"quota": 20000, "period": 40000}, "cpu.cfs_period_us", "40000"),
    ({"quota": 50000, "period": 100000, "burst": 10000}, "cpu.cfs_burst_us", "10000"),
    ({"quota": -1}, "cpu.cfs_quota_us", "-1"),
    ({"idle": 1}, "cpu.idle", "1"),
])
def test_cpu_files(box, cpu, file, seen):
    if not os.path.exists(
        f"/sys/fs/cgroup/cpu/{file}") and not file.startswith(("cpu.idle", "cpu.cfs_b")):
        pytest.skip(f"no {file} here")
    with_resources(box, cpu=cpu)
    r = box.sh("sleep 1000").detach()
    if r.code != 0 and file in ("cpu.idle", "cpu.cfs_burst_us",
                                "cpu.cfs_quota_us", "cpu.cfs_period_us"):
        r.fails("cpu.")
        pytest.skip(f"this kernel has no {file}")
    r.ok()
    assert knob(box, "cpu", file) == seen
    box.end()


def test_cpu_quota_by_effect(box):
    """A tenth of a CPU: half a second of wall clock gives far less CPU time."""
    if not os.path.exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"):
        pytest.skip("no CFS bandwidth here")
    with_resources(box, cpu={"quota": 10000, "period": 100000})
    pid = box.up("while :; do :; done")
    os.sched_yield()
    start = _ticks(pid)
    import time
    time.sleep(1.0)
    used = (_ticks(pid) - start) / os.sysconf("SC_CLK_TCK")
    box.end()
    assert used < 0.3, used


def _ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_cpuset(box):
    with_resources(box, cpu={"cpus": "0", "mems": "0"}).up()
    assert knob(box, "cpuset", "cpuset.cpus") == "0"
    assert knob(box, "cpuset", "cpuset.mems") == "0"
    assert "Cpus_allowed_list:\t0\n" in box.esh("cat /proc/self/status")
    assert "Cpus_allowed_list:\t0\n" in box.esh("cat /proc/1/status")
    box.end()


def test_cpuset_is_inherited_when_absent(box):
    box.up()
    assert knob(box, "cpuset", "cpuset.cpus") == \
        pathlib.Path("/sys/fs/cgroup/cpuset/cpuset.cpus").read_text().strip()
    box.end()


def test_cpu_affinity_of_the_caller_is_not_passed_on(box):
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        pytest.skip("one CPU only")
    os.sched_setaffinity(0, {min(mine)})
    try:
        out = box.out("grep Cpus_allowed_list /proc/self/status")
    finally:
        os.sched_setaffinity(0, mine)
    assert out.split()[1] != str(min(mine))


@pytest.mark.parametrize("limit, seen", [(7, "7"), (-1, "max"), (1000, "1000")])
def test_pids_file(box, limit, seen):
    with_resources(box, pids={"limit": limit}).up()
    assert knob(box, "pids", "pids.max") == seen
    box.end()


def test_pids_zero(box):
    """runc since 1.4: 0 is a limit, written as 1."""
    with_resources(box, pids={"limit": 0}).up("exec sleep 1000")
    assert knob(box, "pids", "pids.max") in ("0", "1")
    box.end()


def test_fork_bomb(box):
    with_resources(box, pids={"limit": 8})
    r = box.sh("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo survived").run(timeout=30)
    assert "can't fork" in r.err or "Resource temporarily unavailable" in r.err
    assert r.code != 0 or "survived" in r.out


def test_pids_current_counts(box):
    with_resources(box, pids={"limit": 20}).up("sleep 1000 & sleep 1000 & wait")
    wait_until(lambda: knob(box, "pids", "pids.current") == "3")
    box.end()


# Devices
def test_denied_device(box):
    """A node of a device that no rule allows can be made, with CAP_MKNOD, but not opened."""
    box.caps("CAP_MKNOD").writable()
    r = box.sh("mknod /tmp/mem c 1 1 && echo made; cat /tmp/mem > /dev/null").run()
    assert r.out == "made\n" and "Operation not permitted" in r.err


def test_default_without_any_rule(box):
    """No rules at all still means the default list, deny by default."""
    del box.linux["resources"]
    box.caps("CAP_MKNOD").writable()
    r = box.sh("mknod /tmp/mem c 1 1; cat /tmp/mem > /dev/null").run()
    assert "Operation not permitted" in r.err


DEFAULT_ALLOWED = ["c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm",
                   "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"]


def test_list(box):
    box.up()
    have = knob(box, "devices", "devices.list").splitlines()
    assert set(DEFAULT_ALLOWED) <= set(have) and "a *:* rwm" not in have
    box.end()


def test_allowed_rule(box):
    box.linux["resources"]["devices"] += [{"allow": True, "type": "c", "major": 1, "minor": 11,
                                           "access": "r"}]
    box.caps("CAP_MKNOD", "CAP_SYSLOG").writable()
    box.up()
    assert "c 1:11 r" in knob(box, "devices", "devices.list")
    r = box.hull("exec", box.id, "/bin/sh", "-c",
                 "mknod /tmp/kmsg c 1 11; (: < /tmp/kmsg) && echo read; (: > /tmp/kmsg) || echo denied")
    assert "read" in r.out and "denied" in r.out
    box.end()


def test_rw_without_m(box):
    """Access letters are separate; mknod is allowed by default."""
    box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"},
                                         {"allow": True, "type": "c", "major": 1, "minor": 1, "access": "rw"}]
    box.up()
    assert "c 1:1 rw" in knob(box, "devices", "devices.list")
    box.end()


def test_allow_all(box):
    """Privileged containers: one rule that allows everything."""
    box.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    box.up()
    assert knob(box, "devices", "devices.list").splitlines()[0] == "a *:* rwm"
    box.end()


def test_defaults_cannot_be_denied(box):
    box.linux["resources"]["devices"] = [
        {"allow": False, "access": "rwm"},
        {"allow": False, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]
    assert box.out("echo x > /dev/null && echo fine") == "fine\n"


def test_hole_in_a_wildcard_is_refused(box):
    box.linux["resources"]["devices"] += [
        {"allow": True, "type": "c", "major": 10, "access": "rwm"},
        {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]
    box.sh("true").run().fails("cannot punch hole in existing wildcard rule", code=1)


def test_device_rule_in_a_user_namespace(box):
    box.userns()
    box.chown_to()
    assert box.out("echo x > /dev/null && echo fine") == "fine\n"


@pytest.mark.parametrize("resources, word", [
    ({"memory": {"limit": "1g"}}, "linux.resources.memory.limit"),
    ({"pids": {"limit": "max"}}, "linux.resources.pids.limit"),
    ({"cpu": {"shares": -1}}, "linux.resources.cpu.shares"),
    ({"cpu": {"cpus": "garbage"}}, "cpuset.cpus"),
    ({"cpu": {"cpus": "100000"}}, "cpuset.cpus"),
    ({"cpu": {"mems": "999"}}, "cpuset.mems"),
    ({"devices": [{"allow": True, "access": "xyz"}]}, "linux.resources.devices[0]"),
    ({"devices": [{"allow": True, "type": "q", "access": "r"}]}, "linux.resources.devices[0]"),
    ({"unified": {"memory.max": "1"}}, "unified"),
    ({"memory": {"swappiness": 101}}, "swappiness"),
])
def test_refused(box, resources, word):
    with_resources(box, **resources)
    box.args("/bin/true").run().fails(word, code=1)


def test_null_and_empty(box):
    for value in (None, {}, {"memory": None, "cpu": {}, "pids": None, "devices": None}):
        box.linux["resources"] = value
        box.args("/bin/true").run().ok()
