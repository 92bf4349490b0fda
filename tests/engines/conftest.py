# SPDX-License-Identifier: Apache-2.0
"""
Fixtures of the engine tests. The runtime under test is $RUNTIME, $HULL or build/hull; --results FILE
writes what every test came to, for tools/engine-table.
"""
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from engine import RUNTIME, image, place  # noqa: E402
from support import leaks, rootfs  # noqa: E402

LIMIT = 400     # seconds for one test
TOP = None
MADE = []


def pytest_addoption(parser):
    parser.addoption("--results", metavar="FILE", help="write one line of JSON for each test")


def reason_to_skip():
    if os.geteuid() != 0:
        return "needs root"
    if not os.access(RUNTIME, os.X_OK):
        return f"no binary at {RUNTIME} (build it, or set HULL)"
    if not rootfs.busybox_path():
        return "needs busybox-static"
    return None


def pytest_configure(config):
    global TOP
    os.umask(0o022)
    for sig in (signal.SIGINT, signal.SIGQUIT):  # ignored in a shell's background jobs
        if signal.getsignal(sig) == signal.SIG_IGN:
            signal.signal(sig, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGALRM, too_long)
    os.environ.pop("NOTIFY_SOCKET", None)
    if reason_to_skip() or config.option.collectonly:
        return
    leaks.be_init()
    TOP = pathlib.Path(tempfile.mkdtemp(prefix="hull-eng-"))
    TOP.chmod(0o755)
    MADE.extend(place.enter(TOP))


def pytest_unconfigure():
    if TOP:
        place.leave(TOP, MADE)


def pytest_collection_modifyitems(items):
    reason = reason_to_skip()
    for item in items:
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


class TooLong(Exception):
    pass


def too_long(*_):
    raise TooLong(f"a test took more than {LIMIT} s")


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """An engine that hangs must not hang the tests."""
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    file = item.config.option.results
    if file and (report.when == "call" or report.outcome != "passed"):
        reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
        with open(file, "a", encoding="utf-8") as f:
            print(json.dumps({"test": f"{item.path.name}::{item.name}", "when": report.when, "outcome": report.outcome,
                              "reason": reason}), file=f)


@pytest.fixture(scope="session")
def images():
    return image.Images(TOP / "images")


@pytest.fixture
def tmp_path():
    """Below the session's directory; everybody may enter it."""
    d = pathlib.Path(tempfile.mkdtemp(dir=TOP, prefix="t"))
    d.chmod(0o755)
    yield d
    shutil.rmtree(d, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def nothing_left():
    """After the daemons have ended: no process that a test or an engine has started, no cgroup with their names."""
    before = set(place.cgroups())
    yield
    left = place.processes_left() + place.cgroups_left(before)
    assert not left, "left behind: " + "; ".join(left)


def docker_reason():
    return None if place.program("dockerd") and place.program("docker") else "no docker here (docker.io)"


@pytest.fixture(scope="session")
def docker_daemon(images, nothing_left):
    from engine.docker import Docker
    if docker_reason():
        pytest.skip(docker_reason())
    d = Docker(TOP, images, "docker")
    yield d
    d.stop()


@pytest.fixture(scope="session")
def make_podman(images, nothing_left):
    """make_podman(name): podman with the documented configuration, or with a link of that name as its runtime."""
    from engine.podman import Podman
    made = {}

    def make(name, **kw):
        if not place.program("podman"):
            pytest.skip("no podman here (podman)")
        if name not in made:
            made[name] = None
            made[name] = Podman(TOP, images, name, **kw)
        assert made[name], f"podman with the runtime {name} could not be set up, see the first error"
        return made[name]

    yield make
    for p in filter(None, made.values()):
        p.stop()


@pytest.fixture(params=["docker", "podman", "podman-runc"])
def engine(request):
    """Docker; podman with hull by its own name; podman with it by the name runc."""
    kind, _, name = request.param.partition("-")
    if kind == "docker":
        e = request.getfixturevalue("docker_daemon")
    else:
        e = request.getfixturevalue("make_podman")(name or "hull")
    yield e
    e.clean()


@pytest.fixture
def docker(docker_daemon):
    yield docker_daemon
    docker_daemon.clean()


def containerd_reason():
    return None if place.program("containerd") and place.program("ctr") else "no containerd here (containerd)"


@pytest.fixture(scope="session")
def containerd_daemon(images, nothing_left):
    if containerd_reason():
        pytest.skip(containerd_reason())
    pytest.importorskip("grpc", reason="no python3-grpcio here")
    from engine.containerd import Containerd
    d = Containerd(TOP, images)
    yield d
    d.stop()


@pytest.fixture
def ctr(containerd_daemon):
    yield containerd_daemon
    containerd_daemon.clean()


@pytest.fixture
def node(containerd_daemon):
    """containerd as a Kubernetes node."""
    yield containerd_daemon
    containerd_daemon.clean_pods()
