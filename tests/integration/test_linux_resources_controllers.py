# SPDX-License-Identifier: Apache-2.0
"""
linux.resources of the controllers that few machines have all of: blockIO, hugepageLimits, network,
rdma, real-time cpu. What the plan would write is checked everywhere, the kernel's files where the
controller is there.
"""
import json
import os
import pathlib
import re

import pytest

from support import cgroup2, knobs, leaks
from support.runtime import wait_until

V1 = pathlib.Path("/sys/fs/cgroup/memory").is_dir()
THROTTLE = "/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device"
on_v1 = pytest.mark.skipif(not V1, reason="needs cgroup v1")


def disk():
    """major, minor of a block device that can be throttled."""
    for d in sorted(pathlib.Path("/sys/block").glob("*")):
        if re.match(r"(vd|sd|nvme|xvd|ubd)", d.name):
            return tuple(map(int, (d / "dev").read_text().split(":")))
    return None


def planned(box, v2=False):
    """The line of the plan about limits."""
    box.write()
    hull = cgroup2.over(box.hull) if v2 else box.hull
    plan = hull("create", "--explain", "--bundle", box.dir, box.id).ok().out
    return [x for x in plan.splitlines() if " cgroup.limits " in x][0]


def device(major=254, minor=0, **kw):
    return {"major": major, "minor": minor, **kw}


BLOCK_IO = {
    "weight": 100, "leafWeight": 50,
    "weightDevice": [device(weight=200, leafWeight=300)],
    "throttleReadBpsDevice": [device(rate=1000000)],
    "throttleWriteBpsDevice": [device(rate=1000001)],
    "throttleReadIOPSDevice": [device(rate=1000)],
    "throttleWriteIOPSDevice": [device(rate=1001)],
}


@on_v1
def test_blockIO_plan_v1(box):
    box.linux["resources"]["blockIO"] = BLOCK_IO
    line = planned(box)
    for part in ("blkio.weight=100", "blkio.leaf_weight=50", "blkio.weight_device=254:0 200",
                 "blkio.leaf_weight_device=254:0 300",
                 "blkio.throttle.read_bps_device=254:0 1000000",
                 "blkio.throttle.write_bps_device=254:0 1000001",
                 "blkio.throttle.read_iops_device=254:0 1000",
                 "blkio.throttle.write_iops_device=254:0 1001"):
        assert part in line


@pytest.mark.skipif(bool(cgroup2.reason_to_skip()), reason="no private cgroup2 mount")
def test_plan_v2(box):
    box.linux["resources"].update(
        blockIO=BLOCK_IO, hugepageLimits=[{"pageSize": "2MB", "limit": 4194304}],
        rdma={"mlx5_1": {"hcaHandles": 3, "hcaObjects": 4}})
    line = planned(box, v2=True)
    for part in ("weight=100", "weight=254:0 200", "io.max=254:0 rbps=1000000",
                 "io.max=254:0 wbps=1000001", "io.max=254:0 riops=1000", "io.max=254:0 wiops=1001",
                 "hugetlb.2MB.max=4194304", "hugetlb.2MB.rsvd.max=4194304",
                 "rdma.max=mlx5_1 hca_handle=3 hca_object=4"):
        assert part in line


@on_v1
@pytest.mark.skipif(not disk() or not os.path.exists(THROTTLE),
                    reason="needs a disk and the blkio controller")
def test_throttle(box):
    major, minor = disk()
    box.linux["resources"]["blockIO"] = {
        name: [device(major, minor, rate=rate)] for name, rate in (
            ("throttleReadBpsDevice", 1000000), ("throttleWriteBpsDevice", 2000000),
            ("throttleReadIOPSDevice", 300), ("throttleWriteIOPSDevice", 400))}
    box.up()
    group = [pathlib.Path(p) for p in leaks.cgroups(box.id) if "/blkio/" in p][0]
    for name, rate in (("read_bps", 1000000), ("write_bps", 2000000), ("read_iops", 300),
                       ("write_iops", 400)):
        text = (group / f"blkio.throttle.{name}_device").read_text()
        assert text.split() == [f"{major}:{minor}", str(rate)]
    box.end()


@on_v1
def test_other_plans_v1(box):
    box.linux["resources"].update(
        hugepageLimits=[{"pageSize": "2MB", "limit": 4194304}],
        network={"classID": 1048577, "priorities": [{"name": "lo", "priority": 5}]},
        rdma={"mlx5_1": {"hcaHandles": 3, "hcaObjects": 4}},
        cpu={"realtimeRuntime": 950000, "realtimePeriod": 1000000})
    line = planned(box)
    for part in ("hugetlb.2MB.limit_in_bytes=4194304", "net_cls.classid=1048577",
                 "net_prio.ifpriomap=lo 5", "rdma.max=mlx5_1 hca_handle=3 hca_object=4",
                 "cpu.rt_period_us=1000000 cpu.rt_runtime_us=950000"):
        assert part in line


@pytest.mark.skipif(bool(cgroup2.reason_to_skip()) or not cgroup2.host_view() or "hugetlb" not in
                    (cgroup2.host_view() / "cgroup.controllers").read_text().split(),
                    reason="needs the hugetlb controller on cgroup v2")
def test_hugepageLimits(box):
    box.hull = cgroup2.over(box.hull)
    box.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4194304}]
    box.up()
    group = [pathlib.Path(p) for p in leaks.cgroups(box.id)
             if (pathlib.Path(p) / "hugetlb.2MB.max").exists()][0]
    assert (group / "hugetlb.2MB.max").read_text().strip() == "4194304"
    assert (group / "hugetlb.2MB.rsvd.max").read_text().strip() == "4194304"
    box.hull("update", "-r", "-", box.id,
             input=b'{"hugepageLimits": [{"pageSize": "2MB", "limit": 2097152}]}').ok()
    assert (group / "hugetlb.2MB.max").read_text().strip() == "2097152"
    assert (group / "hugetlb.2MB.rsvd.max").read_text().strip() == "2097152"
    box.end()


def test_kernel_memory(box):
    """Kernels have given these limits up: a warning, and nothing is written."""
    box.linux["resources"]["memory"] = {"kernel": 64 << 20, "kernelTCP": 64 << 20, "useHierarchy": False}
    r = box.sh("true").run().ok()
    assert "Kernel memory settings are ignored" in r.err
    box.up()
    assert knobs.read(box, "memory.kmem.limit_in_bytes", "memory") in (None, "9223372036854771712")
    box.end()


@pytest.mark.parametrize("member,value", [
    ("hugepageLimits", [{"pageSize": "3XB", "limit": 1}]),
    ("network", {"priorities": [{"name": "lo"}]}),
    ("rdma", {"a b": {"hcaHandles": 1}}),
    ("blockIO", {"throttleReadBpsDevice": [{"major": 1, "minor": 2}]}),
])
def test_refused(box, member, value):
    box.linux["resources"][member] = value
    box.run().fails(f"linux.resources.{member}", code=1)


def test_missing_controller(box):
    """No machine here has InfiniBand: a limit that can't be had is an error."""
    if any("rdma" in p.read_text()
           for p in pathlib.Path("/sys/fs/cgroup").glob("**/cgroup.controllers")):
        pytest.skip("the rdma controller is there")
    box.linux["resources"]["rdma"] = {"mlx5_1": {"hcaHandles": 3}}
    box.run().fails("rdma", code=1)


def test_memory_checkBeforeUpdate(box):
    """With it an update to less than is used is refused; the kernel of v1 refuses anyway."""
    box.linux["resources"]["memory"] = {"limit": 64 << 20, "checkBeforeUpdate": True}
    box.sh("head -c 20000000 /dev/zero > /dev/shm/f; touch /dev/shm/done; sleep 1000")
    box.detach().ok()
    wait_until(lambda: box.hull("exec", box.id, "/bin/ls", "/dev/shm/done").code == 0)
    (box.dir / "r.json").write_text(json.dumps({"memory": {"limit": 1 << 20, "checkBeforeUpdate": True}}))
    box.hull("update", "--resources", box.dir / "r.json", box.id).fails(code=1)
    assert box.status() == "running"
    box.end()
