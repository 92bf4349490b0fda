# SPDX-License-Identifier: Apache-2.0
"""
Many creates, starts and deletes with either cgroup driver (HULL_CYCLES, 30 by default); afterwards there are
no more cgroups, units, mounts, processes and descriptors than before. In a guest nobody else makes any, so those
of the whole machine are counted there, systemd's and the message bus's descriptors among them.
"""
import os
import pathlib

import pytest

from support import knobs, leaks, systemd
from support.runtime import wait_until

CYCLES = int(os.environ.get("HULL_CYCLES", "30"))
ALONE = "HULL_GUEST" in os.environ


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def daemons():
    """pid of systemd and of the message bus."""
    found = [1]
    for p in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if p.read_text() == "dbus-daemon\n":
                found.append(int(p.parent.name))
        except OSError:
            pass
    return sorted(found)


def programs():
    """All processes but the kernel's own threads, zombies too."""
    found = 0
    for p in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = p.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        found += rest[1] != "2" and p.parent.name != "2"
    return found


def of_machine():
    return {"cgroups": sum(1 for _ in knobs.ROOT.rglob("cgroup.procs")),
            "processes": programs(),
            **{f"descriptors of process {pid}": descriptors(pid) for pid in daemons()},
            "units": len(systemd.units("")) if systemd.running() else 0}


def seen(box):
    here = {"mounts": len(leaks.host_mounts(box.dir)), "own descriptors": descriptors("self"),
            "own cgroups": len(leaks.cgroups(box.id)), "own processes": len(leaks.processes(box.id, box.dir))}
    return {**here, **of_machine()} if ALONE else here


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["cgroupfs", "systemd"])
def test_create_start_delete(box, driver, monkeypatch):
    if driver == "systemd" and not systemd.running():
        pytest.skip("needs systemd as process 1 (tests/guest/run)")
    monkeypatch.setenv("HULL_SYSTEMD", "1" if driver == "systemd" else "0")

    def cycle():
        box.create().ok()
        box.start().ok()
        box.wait_stopped()
        box.delete().ok()
        pathlib.Path(box.output).unlink()
        pathlib.Path(f"{box.output}.err").unlink()

    box.args("/bin/true")
    cycle()
    before = seen(box)
    for _ in range(CYCLES):
        cycle()
    more = {}

    def settled():
        """Fewer is fine: what came before may still have been on its way out."""
        more.clear()
        more.update({k: (before[k], n) for k, n in seen(box).items() if n > before.get(k, 0)})
        return not more
    try:
        wait_until(settled)
    except AssertionError:
        assert not more, "before and after"
        raise
