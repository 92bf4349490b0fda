# SPDX-License-Identifier: Apache-2.0
"""update: every field of linux.resources by the kernel's own file, flags, merging, roll-back"""
import json
import pathlib
import subprocess

import pytest

from support import devices, knobs
from support.runtime import wait_until

V2 = knobs.V2
NO_SWAP = "no swap accounting here"


def some_disk():
    """major, minor of a whole disk."""
    r = subprocess.run(["lsblk", "-dno", "MAJ:MIN"], capture_output=True, text=True, check=False)
    words = r.stdout.split()
    return tuple(map(int, words[0].split(":"))) if words else None


def with_resources(box, **kinds):
    box.linux.setdefault("resources", {}).update(kinds)
    return box


def update(box, resources=None, *flags):
    if resources is not None:
        return box.hull("update", "-r", "-", box.id, input=json.dumps(resources).encode())
    return box.hull("update", *flags, box.id)


def stored(box):
    return json.loads((box.hull.root / box.id / "state.json").read_text()).get("resources")


# member at create and after, controller, then file and what it shows on v1 and on v2. None: no such thing there.
FIELDS = [
    ("memory.limit", {"memory": {"limit": 67108864}}, {"memory": {"limit": 33554432}},
     ("memory", "memory.limit_in_bytes", "67108864", "33554432"), ("memory.max", "67108864", "33554432")),
    ("memory.reservation", {"memory": {"reservation": 33554432}}, {"memory": {"reservation": 16777216}},
     ("memory", "memory.soft_limit_in_bytes", "33554432", "16777216"), ("memory.low", "33554432", "16777216")),
    ("memory.swap", {"memory": {"limit": 33554432, "swap": 67108864}}, {"memory": {"swap": 50331648}},
     ("memory", "memory.memsw.limit_in_bytes", "67108864", "50331648"), ("memory.swap.max", "33554432", "16777216")),
    ("memory.swappiness", {"memory": {"swappiness": 7}}, {"memory": {"swappiness": 8}},
     ("memory", "memory.swappiness", "7", "8"), None),
    ("cpu.shares", {"cpu": {"shares": 512}}, {"cpu": {"shares": 2048}},
     ("cpu", "cpu.shares", "512", "2048"), ("cpu.weight", "59", "174")),
    ("cpu.quota", {"cpu": {"quota": 50000}}, {"cpu": {"quota": 40000}},
     ("cpu", "cpu.cfs_quota_us", "50000", "40000"), ("cpu.max", "50000 100000", "40000 100000")),
    ("cpu.period", {"cpu": {"quota": 40000, "period": 50000}}, {"cpu": {"period": 80000}},
     ("cpu", "cpu.cfs_period_us", "50000", "80000"), ("cpu.max", "40000 50000", "40000 80000")),
    ("cpu.burst", {"cpu": {"quota": 50000, "burst": 10000}}, {"cpu": {"burst": 20000}},
     ("cpu", "cpu.cfs_burst_us", "10000", "20000"), ("cpu.max.burst", "10000", "20000")),
    ("cpu.idle", {"cpu": {"idle": 1}}, {"cpu": {"idle": 0}},
     ("cpu", "cpu.idle", "1", "0"), ("cpu.idle", "1", "0")),
    ("cpu.realtimePeriod", {"cpu": {"realtimePeriod": 900000}}, {"cpu": {"realtimePeriod": 800000}},
     ("cpu", "cpu.rt_period_us", "900000", "800000"), None),
    ("cpu.realtimeRuntime", {"cpu": {"realtimeRuntime": 2000, "realtimePeriod": 900000}},
     {"cpu": {"realtimeRuntime": 1000}},
     ("cpu", "cpu.rt_runtime_us", "2000", "1000"), None),
    ("cpu.cpus", {"cpu": {"cpus": "0"}}, {"cpu": {"cpus": "1"}},
     ("cpuset", "cpuset.cpus", "0", "1"), ("cpuset.cpus", "0", "1")),
    ("cpu.mems", {"cpu": {"mems": "0"}}, {"cpu": {"mems": "0"}},
     ("cpuset", "cpuset.mems", "0", "0"), ("cpuset.mems", "0", "0")),
    ("pids.limit", {"pids": {"limit": 20}}, {"pids": {"limit": -1}},
     ("pids", "pids.max", "20", "max"), ("pids.max", "20", "max")),
    ("blockIO.weight", {"blockIO": {"weight": 500}}, {"blockIO": {"weight": 300}},
     ("blkio", "blkio.bfq.weight", "500", "300"), ("io.bfq.weight", "default 500", "default 300")),
    ("hugepageLimits", {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]},
     {"hugepageLimits": [{"pageSize": "2MB", "limit": 2097152}]},
     ("hugetlb", "hugetlb.2MB.limit_in_bytes", "4194304", "2097152"), ("hugetlb.2MB.max", "4194304", "2097152")),
    ("hugepageLimits, reserved", {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]},
     {"hugepageLimits": [{"pageSize": "2MB", "limit": 2097152}]},
     ("hugetlb", "hugetlb.2MB.rsvd.limit_in_bytes", "4194304", "2097152"),
     ("hugetlb.2MB.rsvd.max", "4194304", "2097152")),
    ("network.classID", {"network": {"classID": 1048577}}, {"network": {"classID": 1048578}},
     ("net_cls", "net_cls.classid", "1048577", "1048578"), None),
    ("unified", {"unified": {"memory.high": "67108864"}}, {"unified": {"memory.high": "33554432"}},
     None, ("memory.high", "67108864", "33554432")),
]


@pytest.mark.parametrize("first, then, v1, v2", [f[1:] for f in FIELDS], ids=[f[0] for f in FIELDS])
def test_field(box, first, then, v1, v2):
    """What the kernel shows after create and after update."""
    if (v2 if V2 else v1) is None:
        pytest.skip("no such limit on this version of cgroups: see tests/unit/test_cgroup_limits.c")
    controller, name, at_create, after = ("", *v2) if V2 else v1
    if (name.split(".")[0] if V2 else controller) not in knobs.controllers():
        pytest.skip(f"no controller for {name} here; the bytes: tests/unit/test_cgroup_limits.c")
    box.up()
    if not knobs.file(box, name, controller):
        box.end()
        pytest.skip(f"this kernel has no {name}; the bytes: tests/unit/test_cgroup_limits.c")
    box.end()
    with_resources(box, **first).up()
    assert knobs.read(box, name, controller) == at_create
    update(box, then).ok()
    assert knobs.read(box, name, controller) == after
    box.end()


FLAGS = [
    (["--memory", "67108864"], "memory", "memory.limit_in_bytes", "memory.max", "67108864", "67108864"),
    (["--memory", "50M"], "memory", "memory.limit_in_bytes", "memory.max", "52428800", "52428800"),
    (["--memory=1.5g"], "memory", "memory.limit_in_bytes", "memory.max", "1610612736", "1610612736"),
    (["--memory", "512 kB"], "memory", "memory.limit_in_bytes", "memory.max", "524288", "524288"),
    (["--memory", "64MiB"], "memory", "memory.limit_in_bytes", "memory.max", "67108864", "67108864"),
    (["--memory", "-1"], "memory", "memory.limit_in_bytes", "memory.max", "9223372036854771712", "max"),
    (["--memory-reservation", "8m"], "memory", "memory.soft_limit_in_bytes", "memory.low", "8388608", "8388608"),
    (["--cpu-share", "200"], "cpu", "cpu.shares", "cpu.weight", "200", "29"),
    (["--cpu-quota", "20000"], "cpu", "cpu.cfs_quota_us", "cpu.max", "20000", "20000 100000"),
    (["--cpu-period", "50000"], "cpu", "cpu.cfs_period_us", "cpu.max", "50000", "max 50000"),
    (["--cpu-period", "50000", "--cpu-burst", "7"], "cpu", "cpu.cfs_burst_us", "cpu.max.burst", "7", "7"),
    (["--cpu-idle", "1"], "cpu", "cpu.idle", "cpu.idle", "1", "1"),
    (["--cpuset-cpus", "0"], "cpuset", "cpuset.cpus", "cpuset.cpus", "0", "0"),
    (["--cpuset-mems", "0"], "cpuset", "cpuset.mems", "cpuset.mems", "0", "0"),
    (["--pids-limit", "12"], "pids", "pids.max", "pids.max", "12", "12"),
    (["--pids-limit", "-1"], "pids", "pids.max", "pids.max", "max", "max"),
    (["--pids-limit", "0"], "pids", "pids.max", "pids.max", "1", "1"),
    (["--blkio-weight", "300"], "blkio", "blkio.bfq.weight", "io.bfq.weight", "300", "default 300"),
]


@pytest.mark.parametrize("flags, controller, v1, v2, seen1, seen2", FLAGS, ids=[" ".join(f[0]) for f in FLAGS])
def test_flag(box, flags, controller, v1, v2, seen1, seen2):
    box.up()
    if not knobs.file(box, v2 if V2 else v1, controller):
        box.end()
        pytest.skip(f"no {v2 if V2 else v1} here")
    if "--cpu-burst" in flags:
        update(box, None, "--cpu-quota", "10000").ok()
    update(box, None, *flags).ok()
    assert knobs.read(box, v2 if V2 else v1, controller) == (seen2 if V2 else seen1)
    box.end()


def test_flags_after_the_id(box):
    """runc takes them there too."""
    box.up()
    box.hull("update", box.id, "--pids-limit", "9").ok()
    assert knobs.read(box, "pids.max", "pids") in ("9", None)
    box.end()


def test_resources_file(box):
    box.up()
    f = box.dir / "r.json"
    f.write_text('{"PIDS": {"Limit": 6}}')
    box.hull("update", "--resources", f, box.id).ok()
    assert knobs.read(box, "pids.max", "pids") in ("6", None)
    box.hull("update", "-r", box.dir / "none.json", box.id).fails("no such file or directory", code=1)
    box.end()


def memory(box):
    return knobs.read(box, "memory.max" if V2 else "memory.limit_in_bytes", "memory")


def swap(box):
    return knobs.read(box, "memory.swap.max" if V2 else "memory.memsw.limit_in_bytes", "memory")


def test_memory_and_swap_in_any_order(box):
    """Up and down; the kernel insists on limit <= memory+swap at every moment (v1)."""
    with_resources(box, memory={"limit": 33554432}).up()
    if swap(box) is None:
        box.end()
        pytest.skip(NO_SWAP)
    for limit, both in ((30, 50), (60, 80), (30, 50), (10, 300), (200, 201)):
        update(box, None, "--memory", f"{limit}M", "--memory-swap", f"{both}M").ok()
        assert memory(box) == str(limit << 20)
        assert swap(box) == str((both - limit if V2 else both) << 20)
    update(box, None, "--memory-swap", "-1").ok()
    assert swap(box) == ("max" if V2 else "9223372036854771712")
    update(box, None, "--memory", "-1").ok()
    assert memory(box) == swap(box) == ("max" if V2 else "9223372036854771712")
    box.end()


def quota(box):
    if V2:
        return tuple(knobs.read(box, "cpu.max").split())
    return (knobs.read(box, "cpu.cfs_quota_us", "cpu").replace("-1", "max"),
            knobs.read(box, "cpu.cfs_period_us", "cpu"))


def test_quota_and_period_keep_each_other(box):
    """All are whole per cents of a CPU, to which systemd rounds."""
    with_resources(box, cpu={"quota": 450000, "period": 1000000, "shares": 100}).up()
    if not knobs.file(box, "cpu.max" if V2 else "cpu.cfs_quota_us", "cpu"):
        box.end()
        pytest.skip("no CFS bandwidth here")
    for flags, seen in ((["--cpu-period", "900000"], ("450000", "900000")),
                        (["--cpu-quota", "720000"], ("720000", "900000")),
                        (["--memory", "100M"], ("720000", "900000")),
                        (["--cpu-period", "800000"], ("720000", "800000")),
                        (["--cpu-quota", "-1"], ("max", "800000")),
                        (["--cpu-quota", "-1", "--cpu-period", "100000"], ("max", "100000"))):
        update(box, None, *flags).ok()
        assert quota(box) == seen, flags
    box.end()


def test_what_is_not_mentioned_stays(box):
    """Also what somebody else has written meanwhile."""
    if knobs.SYSTEMD:
        pytest.skip("systemd writes all that it knows, as often as it likes")
    with_resources(box, pids={"limit": 20}, memory={"limit": 67108864}).up()
    path = knobs.file(box, "pids.max", "pids")
    if not path:
        box.end()
        pytest.skip("no pids controller here")
    path.write_text("33")
    update(box, None, "--memory", "50M").ok()
    assert path.read_text() == "33\n"
    box.end()


def test_roll_back(box):
    """One limit that the kernel refuses: none is changed, and nothing is stored."""
    with_resources(box, pids={"limit": 20}, cpu={"shares": 512}, memory={"limit": 67108864}).up()
    before = (memory(box), knobs.read(box, "pids.max", "pids"),
              knobs.read(box, "cpu.weight" if V2 else "cpu.shares", "cpu"))
    if not knobs.file(box, "cpu.idle", "cpu"):
        box.end()
        pytest.skip("no cpu.idle here")
    update(box, {"memory": {"limit": 33554432}, "cpu": {"shares": 2048, "idle": 7}, "pids": {"limit": 5}}) \
        .fails("linux.resources.cpu.idle", "invalid argument", code=1)
    assert before == (memory(box), knobs.read(box, "pids.max", "pids"),
                      knobs.read(box, "cpu.weight" if V2 else "cpu.shares", "cpu"))
    assert stored(box) is None
    assert box.status() == "running"
    box.end()


def test_saved_for_the_next(box):
    """The stored configuration is that of create; what update made of it is in state.json."""
    with_resources(box, memory={"limit": 67108864, "reservation": 1048576}).up()
    update(box, None, "--memory", "50M").ok()
    assert stored(box)["memory"] == {"limit": 52428800, "reservation": 1048576}
    update(box, None, "--pids-limit", "7").ok()
    assert stored(box)["memory"] == {"limit": 52428800, "reservation": 1048576}
    assert stored(box)["pids"] == {"limit": 7}
    assert stored(box)["devices"] == box.linux["resources"]["devices"]
    assert box.esh("echo fine") == "fine\n"
    box.end()


def test_paused_stays_paused(box):
    box.up()
    box.hull("pause", box.id).ok()
    update(box, None, "--pids-limit", "30").ok()
    assert box.status() == "paused"
    box.hull("resume", box.id).ok()
    box.end()


def test_created(box):
    box.sh("sleep 1000").create().ok()
    update(box, None, "--pids-limit", "31").ok()
    assert knobs.read(box, "pids.max", "pids") in ("31", None)
    assert box.status() == "created"
    box.end()


def test_devices_are_not_touched(box):
    box.caps("CAP_MKNOD").writable().up()
    before = knobs.read(box, "devices.list", "devices")
    update(box, {"devices": [{"allow": True, "access": "rwm"}], "pids": {"limit": 9}}).ok()
    assert knobs.read(box, "devices.list", "devices") == before
    r = box.hull("exec", box.id, "/bin/sh", "-c", "mknod /tmp/x c 1 1 && echo made; : < /tmp/x")
    assert r.out == "made\n" and "Operation not permitted" in r.err
    box.end()


def test_devices_at_every_moment(box):
    """systemd on v1 writes all device rules anew, "deny all" first, with any other limit."""
    loop = devices.OpeningLoop(box)
    for i in range(30):
        update(box, None, "--pids-limit", str(20 + i)).ok()
    loop.end()
    box.end()


def throttle(box, kind, disk):
    """The limit of the disk in bytes or operations per second."""
    major, minor = disk
    if V2:
        key = {"throttleReadBpsDevice": "rbps", "throttleWriteBpsDevice": "wbps",
               "throttleReadIOPSDevice": "riops", "throttleWriteIOPSDevice": "wiops"}[kind]
        for line in knobs.read(box, "io.max").splitlines():
            if line.startswith(f"{major}:{minor} "):
                return dict(w.split("=") for w in line.split()[1:])[key]
        return "max"
    name = {"throttleReadBpsDevice": "read_bps", "throttleWriteBpsDevice": "write_bps",
            "throttleReadIOPSDevice": "read_iops", "throttleWriteIOPSDevice": "write_iops"}[kind]
    for line in knobs.read(box, f"blkio.throttle.{name}_device", "blkio").splitlines():
        if line.startswith(f"{major}:{minor} "):
            return line.split()[1]
    return "max"


@pytest.mark.parametrize("kind", ["throttleReadBpsDevice", "throttleWriteBpsDevice",
                                  "throttleReadIOPSDevice", "throttleWriteIOPSDevice"])
def test_throttle(box, kind):
    disk = some_disk()
    if not disk:
        pytest.skip("no disk here")
    entry = {"major": disk[0], "minor": disk[1]}
    with_resources(box, blockIO={kind: [{**entry, "rate": 485760}, {**entry, "rate": 485761}]})
    box.up()
    assert throttle(box, kind, disk) == "485761"
    update(box, {"blockIO": {kind: [{**entry, "rate": 10485760}]}}).ok()
    assert throttle(box, kind, disk) == "10485760"
    assert [d["rate"] for d in stored(box)["blockIO"][kind]] == [485760, 10485760]
    update(box, {"blockIO": {kind: [{**entry, "rate": 7}]}, "cpu": {"cpus": "4000"}}).fails("cpuset.cpus")
    assert throttle(box, kind, disk) == "10485760"
    update(box, {"blockIO": {kind: [{**entry, "rate": 0}]}}).ok()
    assert throttle(box, kind, disk) == "max"
    box.end()


def test_oom_killer(box):
    if V2:
        pytest.skip("v1 only")
    box.up()
    for value in (True, False):
        update(box, {"memory": {"disableOOMKiller": value}}).ok()
        assert f"oom_kill_disable {int(value)}" in knobs.read(box, "memory.oom_control", "memory")
    box.end()


def test_check_before_update(box):
    """v1: the kernel refuses what it can't reclaim at once. v2: it would kill, so we look before."""
    # With a command after it, as the shell would become its last one and give the memory back.
    box.up("x=$(head -c 3000000 /dev/urandom | od -x); sleep 1000; echo ${#x}")
    before = memory(box)
    wait_until(lambda: int(knobs.read(box, "memory.current" if V2 else "memory.usage_in_bytes", "memory")) > 1 << 20,
               timeout=60)  # the shell is slow at it on a busy machine
    for asked, words in (({"limit": 65536}, "rejecting memory limit" if V2 else "unable to set memory limit"),
                         ({"limit": 65536, "swap": 70000}, "rejecting memory+swap limit")):
        if not V2 and "swap" in asked:
            continue
        update(box, {"memory": {**asked, "checkBeforeUpdate": True}}).fails(words, code=1)
        assert box.status() == "running" and memory(box) == before
    box.end()


def test_unified_on_v1(box):
    if V2:
        pytest.skip("v1 only")
    box.up()
    update(box, {"unified": {"memory.max": "1"}}).fails("invalid configuration", code=1)
    box.end()


@pytest.mark.parametrize("flags, words", [
    (["--memory", "lots"], ["invalid value for memory"]),
    (["--memory", "-5"], ["invalid value for memory"]),
    (["--memory", "5x"], ["invalid value for memory"]),
    (["--cpu-quota", "1.5"], ["invalid value for cpu-quota"]),
    (["--cpu-share", "-3"], ["invalid value for cpu-share"]),
    (["--cpu-idle", "2"], ["cpu.idle"]),
    (["--cpuset-cpus", "garbage"], ["cpuset.cpus"]),
    (["--pids-limit", "many"], ["pids-limit"]),
    (["--l3-cache-schema", "L3:0=f"], ["l3 cache schema is not enabled"]),
    (["--no-such-flag"], ["no-such-flag"]),
])
def test_bad_flags(box, flags, words):
    box.up()
    if flags[0] == "--cpu-idle" and not knobs.file(box, "cpu.idle", "cpu"):
        box.end()
        pytest.skip("no cpu.idle here")
    update(box, None, *flags).fails(*words, code=1)
    assert box.status() == "running" and stored(box) is None
    box.end()


@pytest.mark.parametrize("text, words", [
    ("", ["is empty"]), ("[]", ["expected"]), ('{"memory": {"limit": "1g"}}', ["memory.limit"]),
    ('{"blockIO": {"throttleReadBpsDevice": [{"major": 1}]}}', ["blockIO.throttleReadBpsDevice[0]"]),
])
def test_bad_json(box, text, words):
    box.up()
    r = box.hull("update", "-r", "-", box.id, input=text.encode())
    r.fails(code=1)
    assert any(w in r.text for w in words), r
    box.end()


def test_stopped_and_unknown(box, hull):
    hull("update", "--memory", "50M", "no-such-container").fails("container does not exist", code=1)
    box.up("true")
    box.wait_stopped()
    update(box, None, "--memory", "50M").fails("container not running", code=1)
    box.delete().ok()


def test_memory_limit_is_named_when_it_kills(box):
    """An OOM kill at create says so, and which limit it was."""
    with_resources(box, memory={"limit": 65536})
    r = box.sh("true").create(timeout=30)
    if r.code == 0:
        box.end()
        pytest.skip("init fits in 64 KiB here")
    # v1 refuses the limit if init has more than that already.
    assert "OOM-killed" in r.text or "unable to set memory limit" in r.text, r
    r.fails("65536")
    assert not pathlib.Path(box.hull.root / box.id).exists()
