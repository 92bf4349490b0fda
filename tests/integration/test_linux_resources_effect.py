# SPDX-License-Identifier: Apache-2.0
"""linux.resources by effect, on whichever version of cgroups there is: limits hold, also after an update"""
import json
import pathlib
import time

import pytest

from support import knobs
from support.runtime import wait_until


def need(controller):
    if controller not in knobs.controllers():
        pytest.skip(f"no {controller} controller here")


def limit(box, **kinds):
    box.linux.setdefault("resources", {}).update(kinds)
    return box


def update(box, **kinds):
    box.hull("update", "-r", "-", box.id, input=json.dumps(kinds).encode()).ok()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def share_of_cpu(pid, seconds=2.0):
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - start)


def test_fork_bomb(box):
    need("pids")
    limit(box, pids={"limit": 10})
    box.up("while [ ! -e /dev/shm/more ]; do sleep 0.1; done; "
           "b() { b | b & b; }; b")
    assert knobs.read(box, "pids.max", "pids") == "10"
    current = knobs.file(box, "pids.current", "pids")
    box.hull("exec", box.id, "/bin/touch", "/dev/shm/more")
    for _ in range(10):
        if box.status() != "running" or not current.exists():
            break   # the shell gives up when it can't fork
        assert int(current.read_text()) <= 10
        time.sleep(0.05)
    box.end()


def test_memory_hog(box):
    """137, and the kernel's counter says why."""
    need("memory")
    limit(box, memory={"limit": 33554432, "swap": 33554432})
    box.up()
    r = box.hull("exec", box.id, "/bin/sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done", timeout=60)
    assert r.code == 137
    text = knobs.read(box, "memory.events" if knobs.V2 else "memory.oom_control", "memory")
    assert int(dict(line.split() for line in text.splitlines())["oom_kill"]) >= 1
    box.end()


def test_cpu_quota(box):
    """A fifth of a CPU, then half of that."""
    need("cpu")
    limit(box, cpu={"quota": 20000, "period": 100000})
    pid = box.up("while :; do :; done")
    assert share_of_cpu(pid) < 0.26
    update(box, cpu={"quota": 10000})
    assert share_of_cpu(pid) < 0.15
    box.end()


def test_cpuset(box):
    need("cpuset")
    limit(box, cpu={"cpus": "0"})
    pid = box.up("while :; do :; done")

    def allowed():
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return [line for line in text.splitlines() if line.startswith("Cpus_allowed_list")][0].split()[1]
    assert allowed() == "0"
    if not pathlib.Path("/sys/devices/system/cpu/cpu1").exists():
        box.end()
        pytest.skip("one CPU only")
    update(box, cpu={"cpus": "1"})
    assert wait_until(lambda: allowed() == "1")
    box.end()


def test_devices(box):
    """/dev/mem is not to be opened, /dev/kmsg only for reading, the default ones in any way."""
    box.linux["resources"]["devices"] = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]
    box.caps("CAP_MKNOD", "CAP_SYSLOG").writable()
    out = box.out("mknod /tmp/mem c 1 1; mknod /tmp/kmsg c 1 11; "
                  "(: < /tmp/mem) || echo mem-r; (: < /tmp/kmsg) && echo kmsg-r; (: > /tmp/kmsg) || echo kmsg-w; "
                  "(: <> /dev/null) && (: <> /dev/zero) && (: < /dev/urandom) && echo defaults")
    assert out.split() == ["mem-r", "kmsg-r", "kmsg-w", "defaults"]
