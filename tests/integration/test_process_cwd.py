# SPDX-License-Identifier: Apache-2.0
"""process.cwd: made when missing, inside the rootfs only, entered as root or as the user"""
import os

import pytest


def test_cwd(box):
    box.process["cwd"] = "/tmp"
    assert box.out("pwd; echo $PWD").split()[0] == "/tmp"


def test_missing_is_made(box):
    box.writable().process["cwd"] = "/made/here"
    assert box.out("pwd") == "/made/here\n"
    assert (box.rootfs / "made/here").is_dir()
    assert (box.rootfs / "made").stat().st_mode & 0o7777 == 0o755


def test_missing_is_made_on_a_read_only_rootfs(box):
    """It is made before the rootfs becomes read-only, as runc does."""
    box.process["cwd"] = "/made"
    assert box.out("pwd") == "/made\n"


def test_missing_below_a_mount(box, scratch):
    box.bind(scratch, "/mnt")
    box.process["cwd"] = "/mnt/made"
    assert box.out("pwd") == "/mnt/made\n"
    assert (scratch / "made").is_dir()


def test_private_directory_of_the_user(box):
    """Root without CAP_DAC_OVERRIDE may not enter it: the second try is the user's."""
    d = box.rootfs / "home/private"
    d.mkdir()
    os.chown(d, 1000, 1000)
    d.chmod(0o700)
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["cwd"] = "/home/private"
    assert box.out("pwd") == "/home/private\n"


def test_directory_that_only_root_may_enter(box):
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["cwd"] = "/root"
    assert box.sh("pwd").run().ok().out == "/root\n"


def test_exec_cwd(box):
    box.up()
    assert box.exec("--cwd", "/tmp", box.id, "/bin/pwd").ok().out == "/tmp\n"
    assert box.exec(box.id, "/bin/pwd").ok().out == "/\n"


def test_exec_cwd_private_to_the_init_user(box):
    d = box.rootfs / "home/private"
    d.mkdir()
    os.chown(d, 42, 42)
    d.chmod(0o700)
    box.process["user"] = {"uid": 42, "gid": 42}
    box.process["cwd"] = "/home/private"
    box.up()
    assert box.exec("--user", "0", box.id, "/bin/true").ok()


@pytest.mark.parametrize("value", ["", None, "relative", "./x", "../.."])
def test_not_absolute(box, value):
    box.process["cwd"] = value
    r = box.run().fails(code=1)
    assert "Cwd" in r.text or "process.cwd" in r.text


def test_is_a_file(box):
    (box.rootfs / "file").write_text("")
    box.process["cwd"] = "/file"
    box.run().fails("file", "not a directory", code=1)


def test_link_is_resolved_inside(box, scratch):
    os.symlink(scratch, box.rootfs / "out")
    os.symlink("/tmp", box.rootfs / "in")
    box.process["cwd"] = "/in"
    assert box.out("pwd -P") == "/tmp\n"
    box.process["cwd"] = "/out/sub"
    r = box.sh("pwd -P").run()
    if r.code == 0:  # a dangling link: made inside of the rootfs, where it points to
        assert r.out.startswith(str(scratch))
        assert (box.rootfs / str(scratch / "sub").lstrip("/")).is_dir()
    assert list(scratch.iterdir()) == []
