# SPDX-License-Identifier: Apache-2.0
"""events: the JSON tree of runc, the stream, OOM notifications, the end of the stream"""
import json
import os
import subprocess
import time

import pytest

from support import knobs
from support.runtime import PATIENCE, wait_until

RUNC = os.environ.get("RUNC", "/usr/sbin/runc")


def shape(v):
    """Names and types, in order; numbers are all alike."""
    if isinstance(v, dict):
        return {k: shape(x) for k, x in v.items()}
    if isinstance(v, list):
        return [shape(x) for x in v[:1]]
    return "number" if isinstance(v, (int, float)) else type(v).__name__


def stats(box):
    out = box.hull("events", "--stats", box.id).ok().out
    assert out.endswith("}\n") and out.count("\n") == 1
    assert out.startswith(f'{{"type":"stats","id":"{box.id}","data":{{')
    return json.loads(out)["data"]


class Stream:
    """events in the background, writing to a file."""

    def __init__(self, box, *flags):
        self.path = box.dir / "events.log"
        with open(self.path, "wb") as f:
            self.p = box.hull.popen("events", *flags, box.id, stdout=f, stderr=subprocess.PIPE)

    def events(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def kinds(self):
        return [e["type"] for e in self.events()]

    def end(self, timeout=10):
        try:
            _, err = self.p.communicate(timeout=timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.communicate()
            raise
        assert self.p.returncode == 0, err


def test_stats(box):
    box.linux["resources"].update(pids={"limit": 33}, memory={"limit": 67108864})
    box.up("head -c 30000000 /dev/urandom > /dev/null; sleep 1000")
    wait_until(lambda: stats(box)["cpu"]["usage"]["total"] > 20000000)
    d = stats(box)
    assert list(d) == ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt",
                       "network_interfaces"]
    assert d["memory"]["usage"]["limit"] == 67108864
    assert 0 < d["memory"]["usage"]["usage"] < 67108864
    assert d["pids"]["limit"] == 33 and d["pids"]["current"] >= 1
    assert list(d["memory"]["raw"]) == sorted(d["memory"]["raw"])
    assert d["intel_rdt"] == {} and d["network_interfaces"] is None
    if knobs.V2:
        assert d["memory"]["raw"]["anon"] > 0
    else:
        assert d["memory"]["raw"]["total_rss"] > 0
        assert d["cpuset"]["cpus"]
        assert sum(d["cpu"]["usage"]["percpu"]) == pytest.approx(d["cpu"]["usage"]["total"], rel=0.2)
    box.end()


def test_throttling(box):
    box.linux["resources"]["cpu"] = {"quota": 2000, "period": 20000}
    box.up("while :; do :; done")
    d = wait_until(lambda: (lambda t: t if t.get("throttling", {}).get("throttledTime") else None)(stats(box)["cpu"]))
    assert d["throttling"]["periods"] >= d["throttling"]["throttledPeriods"] > 0
    box.end()


def test_same_tree_as_runc(box, tmp_path):
    """The same keys in the same order as runc for the same container, where runc is at hand."""
    if not os.access(RUNC, os.X_OK):
        pytest.skip(f"no runc at {RUNC} (set RUNC)")
    box.linux["resources"].update(memory={"limit": 67108864}, cpu={"quota": 20000}, pids={"limit": 50})
    # Something for blkio to count.
    box.writable().up("dd if=/dev/zero of=/f$RANDOM$(date +%N) bs=4096 count=100 conv=fsync; sleep 1000")
    other = [RUNC, "--root", str(tmp_path / "runc")]
    name = box.id + "-runc"
    subprocess.run([*other, "run", "-d", "--bundle", box.dir, name], check=True, timeout=20,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        r = subprocess.run([*other, "events", "--stats", name], check=True, timeout=20, capture_output=True)
        theirs, mine = json.loads(r.stdout)["data"], stats(box)
    finally:
        subprocess.run([*other, "delete", "-f", name], check=True, timeout=20)
    box.end()
    # Left out when they happen to be zero: compared only where both have them.
    for tree in (theirs, mine):
        tree["cpu"].pop("throttling", None)
        tree["memory"].pop("cache", None)
    assert shape(mine) == shape(theirs)
    assert json.dumps(shape(mine)) == json.dumps(shape(theirs)), "the order of the keys differs"


def test_stream(box):
    box.up()
    s = Stream(box, "--interval", "100ms")
    wait_until(lambda: s.kinds().count("stats") >= 3)
    box.end()
    s.end()
    assert set(s.kinds()) == {"stats"} and all(e["id"] == box.id for e in s.events())


def test_stream_ends_with_the_container(box):
    """When it stops, without waiting for delete or for the next tick."""
    box.up()
    s = Stream(box, "--interval", "1h")
    time.sleep(0.3)
    assert s.p.poll() is None
    start = time.monotonic()
    box.kill("KILL").ok()
    s.end()
    assert time.monotonic() - start < 3
    box.delete().ok()


def test_oom(box):
    """A process of exec is killed, the container goes on; then init itself."""
    box.linux["resources"]["memory"] = {"limit": 33554432, "swap": 33554432}
    box.up()
    s = Stream(box, "--interval", "1h")
    time.sleep(0.5)
    r = box.hull("exec", box.id, "/bin/sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done", timeout=60)
    assert r.code == 137
    wait_until(lambda: "oom" in s.kinds())
    assert f'{{"type":"oom","id":"{box.id}"}}\n' in s.path.read_text()
    assert box.status() == "running"
    box.end()
    s.end()


def test_oom_of_init(box):
    if knobs.SYSTEMD:
        pytest.skip("systemd removes the scope, and its counters, with init")
    box.linux["resources"]["memory"] = {"limit": 33554432, "swap": 33554432}
    box.up("while [ ! -e /dev/shm/go ]; do sleep 0.05; done; x=0123456789abcdef; while :; do x=$x$x; done")
    s = Stream(box, "--interval", "1h")
    time.sleep(0.5)
    box.esh(": > /dev/shm/go")
    s.end(30)
    assert "oom" in s.kinds()
    box.delete("--force").ok()


def test_shared_pid_namespace(box):
    """Without a pid namespace of its own the stream lasts until the last process has gone."""
    box.namespaces(pid=False)
    box.up("sleep 1000 & exec sleep 0.7")
    s = Stream(box, "--interval", "1h")
    time.sleep(1.5)
    assert s.p.poll() is None
    box.delete().ok()
    s.end()


@pytest.mark.parametrize("interval", ["1s", "1m30s", "0.5s", ".5s", "100ms", "250000us", "1h"])
def test_durations(box, interval):
    box.up()
    assert box.hull("events", "--interval", interval, "--stats", box.id).ok().out
    box.end()


@pytest.mark.parametrize("interval", ["", "5", "s", "1x", "1s2", "-1s", "0", "0s", "1..5s"])
def test_bad_durations(box, interval):
    box.up()
    box.hull("events", "--interval", interval, box.id, timeout=5).fails("interval", code=1)
    box.end()


def test_errors(box, hull):
    hull("events", "no-such-container").fails("container does not exist", code=1)
    box.up("true")
    box.wait_stopped()
    box.hull("events", box.id).fails(f"container with id {box.id} is not running", code=1)
    box.hull("events", "--stats", box.id).fails("is not running", code=1)
    box.delete().ok()
