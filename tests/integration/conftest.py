# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests. They need root, a static busybox and the runtime's binary."""
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support import leaks, rootfs, runtime  # noqa: E402


def pytest_configure(config):
    os.umask(0o022)
    for sig in (signal.SIGINT, signal.SIGQUIT):  # ignored in a shell's background jobs
        if signal.getsignal(sig) == signal.SIG_IGN:
            signal.signal(sig, signal.SIG_DFL)
    os.environ.pop("NOTIFY_SOCKET", None)


def reason_to_skip():
    if os.geteuid() != 0:
        return "needs root"
    if not os.access(runtime.binary(), os.X_OK):
        return f"no binary at {runtime.binary()} (build it, or set HULL)"
    if not rootfs.busybox_path():
        return "needs busybox-static"
    return None


def is_dynamic(path):
    """Whether an ELF file names an interpreter (the development builds do, the release does not)."""
    return b"/ld-linux" in pathlib.Path(path).read_bytes()[:65536]


def pytest_collection_modifyitems(items):
    reason = reason_to_skip()
    dynamic = not reason and is_dynamic(runtime.binary())
    for item in items:
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        elif dynamic and item.get_closest_marker("release"):
            item.add_marker(pytest.mark.skip(reason="about the release binary; this one is dynamic"))


@pytest.fixture
def tag():
    """In the name of everything that the test makes on the host."""
    return runtime.unique()


@pytest.fixture
def tmp_path(tag):
    """Unlike pytest's own it can be entered by everybody: containers in a user namespace must."""
    d = pathlib.Path(tempfile.gettempdir()) / f"hull-it-{tag}"
    d.mkdir(mode=0o755)
    yield d
    shutil.rmtree(d, ignore_errors=True)


@pytest.fixture
def hull(tmp_path, tag):
    """The runtime with a state root of its own; afterwards nothing may be left of the test."""
    leaks.be_init()
    rt = runtime.Runtime(tmp_path / "state")
    yield rt
    left = leaks.find(tag, tmp_path)
    if rt.root.is_dir():
        left += [f"state {p}" for p in rt.root.iterdir()]
    if left:
        leaks.clean(tag, tmp_path)
    assert not left, "left behind: " + "; ".join(left)


@pytest.fixture
def make_box(tmp_path, hull, tag):
    """Makes bundles with a busybox rootfs: make_box("name")."""
    made = []

    def make(name="bundle", rt=None):
        d = tmp_path / name
        rootfs.make_busybox(d / "rootfs")
        box = runtime.Bundle(d, rt or hull, ident=tag if not made else f"{tag}-{len(made)}")
        made.append(box)
        return box

    yield make
    for box in made:
        if (box.hull.root / box.id).is_dir():
            box.delete("--force")


@pytest.fixture
def box(make_box):
    """One bundle with a busybox rootfs and the configuration of `hull spec` (without terminal)."""
    return make_box()


@pytest.fixture(scope="session")
def debian_root():
    root = rootfs.debian()
    if isinstance(root, str):
        pytest.skip(root)
    return root


@pytest.fixture
def debian(tmp_path, hull, tag, debian_root):
    """A bundle with a read-only Debian rootfs, as `hull spec` configures it."""
    d = tmp_path / "debian"
    d.mkdir()
    box = runtime.Bundle(d, hull, rootfs=debian_root, ident=tag)
    yield box
    if (hull.root / box.id).is_dir():
        box.end()


@pytest.fixture
def scratch(tmp_path, hull):
    """An empty directory on the host that containers may reach into."""
    d = tmp_path / "scratch"
    d.mkdir()
    return d
