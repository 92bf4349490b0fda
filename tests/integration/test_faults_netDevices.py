# SPDX-License-Identifier: Apache-2.0
"""
Fault injection (see test_faults.py) with what the standard case lacks: a device of the host that must
come back, a mount whose ids the parent maps, priorities that the parent sets.
"""
import errno
import json
import os
import pathlib
import re
import subprocess

import pytest

from support import runtime
from test_faults import BINARY
from test_faults import pytestmark as needs_build

NAME = f"hf{os.getpid() % 100000}"


def ip(*args):
    return subprocess.run(["ip", *args], capture_output=True, text=True, check=False, timeout=20)


def has_veth():
    made = os.geteuid() == 0 and ip("link", "add", f"{NAME}p", "type", "veth").returncode == 0
    ip("link", "del", f"{NAME}p")
    return made


pytestmark = [needs_build, pytest.mark.skipif(not has_veth(), reason="needs root and veth devices")]


@pytest.fixture
def device():
    name = f"{NAME}a"
    ip("link", "add", name, "type", "veth", "peer", "name", f"{NAME}b")
    ip("address", "add", "10.255.3.1/24", "dev", name)
    ip("link", "set", "dev", name, "up")
    yield name
    ip("link", "del", f"{NAME}b")


@pytest.fixture
def place(box, scratch, device):
    box.hull = runtime.Runtime(box.hull.root, BINARY)
    (box.rootfs / "one").mkdir()
    box.userns().chown_to()
    box.mount("/one", "bind", str(scratch), ["rbind"])
    box.mount("/mnt", "bind", str(box.rootfs / "one"), ["rbind", "idmap"])
    box.linux["netDevices"] = {device: {"name": "inside0"}}
    if os.path.exists("/proc/self/numa_maps"):
        box.linux["memoryPolicy"] = {"mode": "MPOL_DEFAULT"}
    box.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    box.args("/bin/true").write()
    return box


def steps(box):
    plan = box.hull("create", "--explain", "--bundle", box.dir, "x").ok().out
    found = [re.match(r"\s*([PI])\s+(\d+)\s+(\S+)", x) for x in plan.splitlines()]
    return [(int(m.group(2)), m.group(1), m.group(3)) for m in found if m]


def state_of(device):
    out = ip("-json", "address", "show", "dev", device).stdout
    info = json.loads(out)[0]
    return ("UP" in info["flags"],
            [(a["local"], a["prefixlen"]) for a in info["addr_info"] if a["family"] == "inet"])


def test_error_at_every_step(place, device):
    """Nothing is left, and the device is on the host again with its address."""
    plan = steps(place)
    assert {"net.devices", "mount.idmap", "scheduler"} <= {name for _, _, name in plan}
    for number, where, name in plan:
        if where == "I" and number >= plan[-2][0]:
            continue    # after COMMIT: the container exists
        env = dict(os.environ, HULL_FAULT=f"{number}:{errno.EIO}")
        r = place._quiet("create", "--bundle", place.dir, place.id, env=env)
        assert f"injected fault at step {number}" in r.text, (number, name, str(r))
        assert not (place.hull.root / place.id).exists(), name
        assert state_of(device) == (True, [("10.255.3.1", 24)]), f"after step {number} {name}"


def test_killed_at_every_step(place, device):
    """delete --force clears up; the device may be gone with the namespace that it was moved to."""
    for number, where, name in steps(place):
        if where != "P":
            continue
        env = dict(os.environ, HULL_FAULT=f"{number}:s9")
        with open(os.devnull, "w") as null:
            subprocess.run(place.hull.argv("create", "--bundle", place.dir, place.id), env=env,
                           stdin=subprocess.DEVNULL, stdout=null, stderr=null, timeout=20,
                           check=False)
        place.hull("delete", "--force", place.id).ok()
        if not pathlib.Path(f"/sys/class/net/{device}").exists():
            runtime.wait_until(lambda: not pathlib.Path(f"/sys/class/net/{NAME}b").exists())
            ip("link", "add", device, "type", "veth", "peer", "name", f"{NAME}b")
