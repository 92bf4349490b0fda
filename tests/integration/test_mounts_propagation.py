# SPDX-License-Identifier: Apache-2.0
"""Propagation: mounts[].options (shared, slave, private, unbindable and r-forms), rootfsPropagation"""
import subprocess

import pytest

from support import leaks
from test_mounts import mountinfo, table


def kind(m):
    tags = {t.split(":")[0] for t in m["tags"]}
    return tags & {"shared", "master", "unbindable", "propagate_from"}


@pytest.fixture
def shared(scratch):
    """A shared tmpfs in the host's namespace, with another one on `inner`."""
    d = scratch / "shared"
    d.mkdir()
    for what in (["-t", "tmpfs", "tmpfs", str(d)], ["--make-shared", str(d)]):
        subprocess.run(["mount", *what], check=True, timeout=10)
    (d / "inner").mkdir()
    for what in (["-t", "tmpfs", "tmpfs", str(d / "inner")],
                 ["--make-shared", str(d / "inner")]):
        subprocess.run(["mount", *what], check=True, timeout=10)
    yield d
    subprocess.run(["umount", "-R", str(d)], check=True, timeout=10)


@pytest.mark.parametrize("word, want", [
    ("private", set()), ("rprivate", set()), ("slave", {"master"}), ("rslave", {"master"}),
    ("shared", {"shared", "master"}), ("rshared", {"shared", "master"}),
    ("unbindable", {"unbindable"}), ("runbindable", {"unbindable"}),
])
def test_of_a_bind(box, shared, word, want):
    box.mount("/mnt", "bind", str(shared), ["rbind", word])
    m = mountinfo(box)
    got = kind(m["/mnt"])
    if word in ("shared", "rshared"):
        assert "shared" in got
    else:
        assert got == want
    if word.startswith("r") and word != "rshared":
        assert kind(m["/mnt/inner"]) == want


def test_default_is_slave(box, shared):
    """rootfsPropagation absent: mounts of the host come in, none goes out."""
    box.mount("/mnt", "bind", str(shared), ["rbind"])
    assert "shared" not in kind(mountinfo(box)["/mnt"])


@pytest.fixture
def shared_rootfs(box):
    """The root file system is a shared mount of the host; returns what mounts there and sees it inside."""
    for what in (["--bind", str(box.rootfs), str(box.rootfs)], ["--make-shared", str(box.rootfs)]):
        subprocess.run(["mount", *what], check=True, timeout=10)

    def arrives():
        subprocess.run(["mount", "-t", "tmpfs", "later", str(box.rootfs / "srv")], check=True, timeout=10)
        return " /srv " in box.esh("cat /proc/self/mountinfo")
    (box.rootfs / "srv").mkdir()
    yield arrives
    subprocess.run(["umount", "-R", "-l", str(box.rootfs)], check=True, timeout=10)


@pytest.mark.parametrize("flags", [[], ["--no-pivot"]])
def test_default_root_is_private(box, shared_rootfs, flags):
    """What the host mounts below the rootfs directory later is not for the container."""
    box.up("sleep 1000", *flags)
    assert kind(table(box.esh("cat /proc/self/mountinfo"))["/"]) == set()
    assert not shared_rootfs()
    box.end()


@pytest.mark.parametrize("word, want", [
    ("private", set()), ("rprivate", set()), ("slave", {"master"}), ("rslave", {"master"}),
    ("shared", {"shared"}), ("rshared", {"shared"})])
def test_rootfsPropagation_of_a_shared_root(box, shared_rootfs, word, want):
    """As in runc, which makes the root private before it shares it."""
    box.linux["rootfsPropagation"] = word
    box.up()
    assert kind(table(box.esh("cat /proc/self/mountinfo"))["/"]) == want
    assert shared_rootfs() == (want == {"master"})
    box.end()


def test_rslave_receives(box, shared):
    box.mount("/mnt", "bind", str(shared), ["rbind", "rslave"])
    box.up()
    (shared / "later").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "later", str(shared / "later")], check=True, timeout=10)
    try:
        assert " /mnt/later " in box.esh("cat /proc/self/mountinfo")
    finally:
        subprocess.run(["umount", str(shared / "later")], check=True, timeout=10)
    assert " /mnt/later " not in box.esh("cat /proc/self/mountinfo")
    box.end()


def test_private_receives_nothing(box, shared):
    box.mount("/mnt", "bind", str(shared), ["rbind", "rprivate"])
    box.up()
    (shared / "later").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "later", str(shared / "later")], check=True, timeout=10)
    try:
        assert " /mnt/later " not in box.esh("cat /proc/self/mountinfo")
    finally:
        subprocess.run(["umount", str(shared / "later")], check=True, timeout=10)
    box.end()


@pytest.mark.parametrize("word", ["rslave", "rprivate", "slave", "private"])
def test_nothing_goes_out(box, shared, word):
    box.caps("CAP_SYS_ADMIN")
    box.mount("/mnt", "bind", str(shared), ["rbind", word])
    before = leaks.host_mounts(shared)
    box.up()
    box.esh("mkdir -p /mnt/out && mount -t tmpfs out /mnt/out")
    assert leaks.host_mounts(shared) == before
    box.end()


def test_rshared_goes_out(box, shared):
    """What an engine asks for with -v x:y:rshared."""
    box.caps("CAP_SYS_ADMIN")
    box.linux["rootfsPropagation"] = "shared"
    box.mount("/mnt", "bind", str(shared), ["rbind", "rshared"])
    box.up()
    box.esh("mkdir -p /mnt/out && mount -t tmpfs out /mnt/out")
    seen = f" {shared}/out " in open("/proc/self/mountinfo").read()
    box.end()
    subprocess.run(["umount", str(shared / "out")], check=False, timeout=10, capture_output=True)
    assert seen


@pytest.mark.parametrize("word, want", [
    ("private", set()), ("rprivate", set()), ("slave", set()), ("rslave", set()),
    ("shared", {"shared"}), ("rshared", {"shared"}), ("unbindable", {"unbindable"}),
    ("runbindable", {"unbindable"}),
])
def test_rootfsPropagation(box, word, want):
    box.linux["rootfsPropagation"] = word
    if word == "runbindable":  # then nothing can be bind-mounted any more
        box.config["mounts"] = [m for m in box.mounts if m["type"] != "cgroup"]
        box.linux["readonlyPaths"] = box.linux["maskedPaths"] = []
    got = kind(mountinfo(box)["/"])
    if want:
        assert got >= want
    else:
        assert not got & {"shared", "unbindable"}


def test_rootfsPropagation_unknown(box):
    box.linux["rootfsPropagation"] = "bogus"
    box.run().fails("rootfsPropagation", "bogus", code=1)


def test_rootfsPropagation_shared_leaks_nothing(box):
    """The rootfs' peers are made below a private parent: the host sees none of our mounts."""
    before = leaks.host_mounts(box.dir)
    box.linux["rootfsPropagation"] = "rshared"
    box.up()
    assert leaks.host_mounts(box.dir) == before
    box.end()
