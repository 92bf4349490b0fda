# SPDX-License-Identifier: Apache-2.0
"""
Fault injection at every step of the plan, with a build that has it (meson setup -Dfaults=true):
HULL_FAULT=N:ERRNO fails step N, N:sSIGNAL raises a signal there, in the process that carries it out.
"""
import errno
import functools
import os
import pathlib
import re
import signal
import tempfile

import pytest

from support import leaks, rootfs, runtime

BINARY = os.environ.get("HULL_FAULTS_BIN", str(runtime.REPOSITORY / "build-faults/hull"))
pytestmark = pytest.mark.skipif(not os.access(BINARY, os.X_OK),
                                reason=f"no build with fault injection at {BINARY} (set HULL_FAULTS_BIN)")


class Place:
    """One bundle for many containers, with a look for leftovers after each."""

    def __init__(self, directory):
        self.dir = directory
        self.idents = []
        rootfs.make_busybox(directory / "bundle/rootfs")
        self.box = runtime.Bundle(
    directory / "bundle",
    runtime.Runtime(
        directory / "state",
         BINARY))
        box = self.box
        box.namespaces(cgroup=True)
        if os.path.exists("/proc/self/ns/time"):
            box.namespaces(time=True)
            box.linux["timeOffsets"] = {"boottime": {"secs": 5}}
        box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
        box.linux["resources"]["pids"] = {"limit": 100}
        box.linux["devices"] = [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3}]
        box.linux["personality"] = {"domain": "LINUX"}
        box.config["domainname"] = "dom"
        box.process["oomScoreAdj"] = 500
        box.process["cwd"] = "/tmp"
        hook = [{"path": "/bin/sh", "args": ["sh", "-c", "exit 0"]}]
        box.config["hooks"] = {k: hook for k in ("prestart", "createRuntime", "createContainer",
                                                 "startContainer", "poststart", "poststop")}
        (directory / "bundle/data").mkdir()
        box.bind("data", "/mnt")
        box.sh("true").write()

    @functools.cache
    def steps(self, command):
        """(number, process, name) of each step, from --explain."""
        text = self.box.hull(command, "--explain", "--bundle", self.box.dir, "x").ok().out
        found = [re.match(r"\s*([PI])\s+(\d+)\s+(\S+)", l) for l in text.splitlines()]
        found = [(int(m.group(2)), m.group(1), m.group(3)) for m in found if m]
        assert len(found) > 30, text
        return found

    def call(self, command, ident, fault, **kw):
        env = dict(os.environ, HULL_FAULT=fault)
        return self.box._quiet(command, "--bundle", self.box.dir, ident, env=env, **kw)

    def new(self):
        self.idents.append(runtime.unique("hf"))
        return self.idents[-1]

    def tidy(self):
        """After a failed assertion: what a broken runtime left must not stay on the machine."""
        for ident in self.idents:
            if (self.box.hull.root / ident).exists():
                self.box.hull("delete", "--force", ident)
            if leaks.find(ident, self.dir, 0):
                leaks.clean(ident, self.dir)
        self.idents.clear()

    def nothing_left(self, ident):
        left = leaks.find(ident, self.dir)
        if (self.box.hull.root / ident).exists():
            left.append("state entry")
        if left:
            leaks.clean(ident, self.dir)
        assert left == []


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    leaks.be_init()
    d = tmp_path_factory.mktemp(runtime.unique("hf"))
    return Place(d)


@pytest.fixture(autouse=True)
def tidy(request, place):
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed or place.box.hull.ids():
        place.tidy()
    place.idents.clear()


def pytest_generate_tests(metafunc):
    """One case for each step of each command's plan, which only --explain knows."""
    if "step" not in metafunc.fixturenames:
        return
    cases = []
    if os.access(BINARY, os.X_OK) and rootfs.busybox_path() and os.geteuid() == 0:
        with tempfile.TemporaryDirectory() as d:
            place = Place(pathlib.Path(d))
            cases = [(c, s) for c in ("create", "run") for s in place.steps(c)]
    metafunc.parametrize(
    "command, step",
    cases,
    ids=[
        f"{c}-{s[0]}-{s[1]}-{s[2]}" for c,
         s in cases])


def test_error(place, command, step, code=errno.EIO):
    """A failing step: the message has its errno, the exit code is 1, everything is undone."""
    number, where, name = step
    ident = place.new()
    r = place.call(command, ident, f"{number}:{code}")
    if where == "I" and command == "create" and number >= place.steps(command)[-2][0]:
        # I has said that it is ready: create may be gone. Then start sees it, or a dead container.
        if r.code == 0:
            place.box.hull("start", ident).fails(code=1)
        place.box.hull("delete", "--force", ident).ok()
        place.nothing_left(ident)
        return
    assert r.code != 0 and (r.code == 1 or r.code == 255), (number, where, name, r)
    assert f"injected fault at step {number}: input/output error" in r.text, (number, name, r)
    place.nothing_left(ident)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_signal(place, command, step, sig):
    """Killed at any step: delete --force clears what is left; a killed init is reported."""
    number, where, name = step
    ident = place.new()
    r = place.call(command, ident, f"{number}:s{int(sig)}")
    if where == "P" and sig == signal.SIGKILL:
        assert r.code == -9, (number, name, r)
    elif where == "I" and r.code != 0:
        assert r.code in (1, 137, 143, 255), (number, name, r)
    place.box.hull("delete", "--force", ident).ok()
    place.nothing_left(ident)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_start(place, sig):
    """start is killed at many moments: the container is created, running or stopped, and deletable."""
    for delay in range(12):
        ident = place.new()
        place.call("create", ident, "").ok()
        p = place.box.hull.popen("start", ident)
        import time
        time.sleep(delay * 0.0005)
        p.send_signal(sig)
        p.wait(10)
        status = place.box.state(ident)["status"]
        assert status in ("created", "running", "stopped")
        place.box.hull("delete", "--force", ident).ok()
        place.nothing_left(ident)


@pytest.mark.parametrize("command", ["create", "run"])
def test_killed_from_outside_at_many_moments(place, command):
    """Beside the steps: SIGKILL at arbitrary times, as a crashing engine does it."""
    import time
    for delay in range(30):
        ident = place.new()
        p = place.box.hull.popen(command, "--bundle", place.box.dir, ident)
        time.sleep(delay * 0.0004)
        p.kill()
        p.wait(10)
        place.box.hull("delete", "--force", ident).ok()
        place.nothing_left(ident)


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20])
def test_few_descriptors(place, limit):
    """EMFILE anywhere: an error or success, nothing left."""
    import resource
    ident = place.new()
    argv = place.box.hull.argv("run", "--bundle", place.box.dir, ident)
    r = runtime.Runtime.call(argv, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (limit, limit)))
    assert r.code >= 0, r
    place.nothing_left(ident)


@pytest.mark.parametrize("where", ["state"])
def test_no_space(place, where):
    """A full state root."""
    import subprocess
    root = place.dir / "full"
    root.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=10", "full", str(root)], check=True,
                   timeout=10)
    try:
        rt = runtime.Runtime(root / "state", BINARY)
        rt.root.mkdir()
        (root / "filler").write_bytes(b"x" * 4096)
        ident = place.new()
        r = rt("create", "--bundle", place.box.dir, ident)
        r.fails("no space left on device", code=1)
        assert os.listdir(rt.root) == []
    finally:
        subprocess.run(["umount", str(root)], check=True, timeout=10)
    place.nothing_left(ident)
