# SPDX-License-Identifier: Apache-2.0
"""A root file system that changes while the container is made: no effect outside, no mask left out."""
import contextlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import time

import pytest

from support import leaks
from support.console import Terminal
from support.runtime import wait_until

pytestmark = pytest.mark.slow
SECONDS = 3
SWAP = """
import ctypes, sys
a, b = (p.encode() for p in sys.argv[1:3])
renameat2 = ctypes.CDLL(None).renameat2
while True:
    renameat2(-100, a, -100, b, 2)
"""


@pytest.fixture
def decoy(scratch):
    """A directory of the host that nothing may be done to."""
    d = scratch / "decoy"
    (d / "sub").mkdir(parents=True)
    (d / "file").write_text("precious")
    yield d
    assert sorted(os.listdir(d)) == ["file", "sub"] and not os.listdir(d / "sub")
    assert (d / "file").read_text() == "precious" and stat.S_IMODE((d / "file").stat().st_mode) == 0o644


def out_of(rootfs, target):
    """A link in the root file system that leads to a path of the host, however it is resolved."""
    return "../" * 20 + str(target).lstrip("/")


@contextlib.contextmanager
def swapping(a, b):
    """Two names change places all the time."""
    p = subprocess.Popen([sys.executable, "-c", SWAP, str(a), str(b)])
    try:
        yield
    finally:
        p.kill()
        p.wait()


def race(box, a, b, decoy, check=lambda r: None):
    """Runs the box over and over meanwhile."""
    n = 0
    with swapping(a, b):
        end = time.monotonic() + SECONDS
        while n < 5 or time.monotonic() < end:
            r = box.run()
            assert r.code in (0, 1), r
            assert not leaks.mounts(str(decoy))
            check(r)
            n += 1


def without_dev(box):
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    return box.writable()


def test_dev(box, decoy):
    """CVE-2026-41579: nodes and links are made in the directory that was opened, inside of the root."""
    without_dev(box).sh("true")
    (box.rootfs / "other").symlink_to(out_of(box.rootfs, decoy))
    race(box, box.rootfs / "dev", box.rootfs / "other", decoy)


def test_mode_of_a_node(box, decoy, scratch):
    """The set-id bits are given back after the chown to the node, not to what is at its name by then."""
    if not shutil.which("strace"):
        pytest.skip("needs strace, which holds the runtime after its chown")
    (scratch / "volume").mkdir()
    node = scratch / "volume/node"
    box.bind(scratch / "volume", "/mnt")
    box.linux["devices"] = [{"type": "c", "path": "/mnt/node", "major": 1, "minor": 3, "fileMode": 0o4666,
                             "uid": 1000, "gid": 1000}]
    box.hull.prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fchownat",
                       "-e", "inject=fchownat:delay_exit=400000"]
    box.args("/bin/true").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id)
    wait_until(lambda: node.exists() and node.stat().st_uid == 1000)
    node.rename(scratch / "moved")
    node.symlink_to(decoy / "file")
    assert p.wait(20) == 0
    assert stat.S_IMODE((decoy / "file").stat().st_mode) == 0o644
    assert stat.S_IMODE((scratch / "moved").stat().st_mode) == 0o4666
    box.hull.prefix = []


def test_masking_null(box, decoy):
    """CVE-2025-31133: what masks is the device 1:3, or the container does not start."""
    without_dev(box)
    (box.rootfs / "var/secret").write_text("secret")
    (box.rootfs / "dev/other").symlink_to(out_of(box.rootfs, decoy / "file"))
    os.mknod(box.rootfs / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    box.linux["maskedPaths"] = ["/var/secret"]
    box.sh("stat -c %t:%T /var/secret; cat /var/secret")

    def check(r):
        assert r.code == 1 or r.out == "1:3\n", r
    race(box, box.rootfs / "dev/null", box.rootfs / "dev/other", decoy, check)


def test_masked_directory(box, decoy):
    """A directory to be masked and a link: what the path leads to at last is masked, or the start fails."""
    box.writable()
    (box.rootfs / "var/a").mkdir()
    (box.rootfs / "var/a/inner").write_text("secret")
    (box.rootfs / "var/b").symlink_to(out_of(box.rootfs, decoy))
    box.linux["maskedPaths"] = ["/var/a"]
    box.sh("true")
    race(box, box.rootfs / "var/a", box.rootfs / "var/b", decoy)


@pytest.mark.parametrize("target", ["outside", "inside"])
def test_proc(box, decoy, target):
    """
    CVE-2019-19921, CVE-2025-52881: whoever exchanges /proc gets neither a sysctl written elsewhere nor a
    procfs without its masks.
    """
    (box.rootfs / "fake").mkdir()
    (box.rootfs / "other").symlink_to(out_of(box.rootfs, decoy) if target == "outside" else "fake")
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.process["oomScoreAdj"] = 300
    # Wherever it has come to lie: no procfs of the container lets the host's core_pattern be changed.
    box.sh("for p in /proc /other /fake; do [ -e $p/sys/kernel/core_pattern ] && "
           "{ : >>$p/sys/kernel/core_pattern; } 2>/dev/null && echo WRITABLE $p; "
           "[ -e $p/kcore ] && dd if=$p/kcore bs=1 count=1 2>/dev/null | grep -q . && echo READABLE $p; done; true")

    def check(r):
        assert "ABLE" not in r.out, r
    race(box, box.rootfs / "proc", box.rootfs / "other", decoy, check)


def test_cwd(box, decoy):
    """CVE-2024-45310: the directory is made inside, also below a path that turns into a link."""
    box.writable()
    (box.rootfs / "var/a").mkdir()
    (box.rootfs / "var/b").symlink_to(out_of(box.rootfs, decoy))
    box.process["cwd"] = "/var/a/new/deep"
    box.sh("true")
    race(box, box.rootfs / "var/a", box.rootfs / "var/b", decoy)


def test_console(box, decoy):
    """CVE-2025-52565: /dev/console is bound on what was opened in the root."""
    without_dev(box)
    box.mount("/dev/pts", "devpts", "devpts", ["newinstance", "ptmxmode=0666", "mode=0620"])
    (box.rootfs / "dev/pts").mkdir()
    (box.rootfs / "dev/console").touch()
    (box.rootfs / "dev/other").symlink_to(out_of(box.rootfs, decoy / "file"))
    box.process["terminal"] = True
    box.sh("echo typed >/dev/console").write()
    with swapping(box.rootfs / "dev/console", box.rootfs / "dev/other"):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with Terminal(box.hull.argv("run", "--bundle", box.dir, box.id)) as t:
                assert t.wait() in (0, 1)
            assert not leaks.mounts(str(decoy))


def test_bind_source_stays_the_hosts(box, decoy, scratch):
    """A volume that its other user exchanges for a link to the host: the source is the engine's business,
    what is below it is not followed out of the container."""
    volume = scratch / "volume"
    (volume / "dir").mkdir(parents=True)
    (volume / "link").symlink_to(out_of(box.rootfs, decoy))
    box.bind(volume, "/mnt")
    box.bind(scratch, "/mnt/dir", "rro")
    box.sh("true")
    race(box, volume / "dir", volume / "link", decoy)
    assert not list(pathlib.Path(decoy, "sub").iterdir())
