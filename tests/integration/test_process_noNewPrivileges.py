# SPDX-License-Identifier: Apache-2.0
"""process.noNewPrivileges"""
import shutil

import pytest


def flag(text):
    return [line.split()[1] for line in text.splitlines() if line.startswith("NoNewPrivs")]


@pytest.mark.parametrize("value, seen", [(True, "1"), (False, "0"), (None, "0")])
def test_flag(box, value, seen):
    if value is None:
        del box.process["noNewPrivileges"]
    else:
        box.process["noNewPrivileges"] = value
    box.args("/bin/cat", "/proc/self/status")
    assert flag(box.run().ok().out) == [seen]


@pytest.mark.parametrize("value, uid", [(True, "1000"), (False, "0")])
def test_set_uid_program(box, value, uid):
    shutil.copy(box.rootfs / "bin/busybox", box.rootfs / "bin/suid")
    (box.rootfs / "bin/suid").chmod(0o4755)
    (box.rootfs / "bin/id").unlink()
    shutil.move(box.rootfs / "bin/suid", box.rootfs / "bin/id")
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["noNewPrivileges"] = value
    box.args("/bin/id", "-u")
    # busybox drops set-uid for applets that do not need it: look at what the kernel gave.
    (box.rootfs / "bin/cat").unlink()
    shutil.copy(box.rootfs / "bin/busybox", box.rootfs / "bin/cat")
    (box.rootfs / "bin/cat").chmod(0o4755)
    text = box.args("/bin/cat", "/proc/self/status").run().out
    saved = [line.split() for line in text.splitlines() if line.startswith("Uid")][0]
    if value:
        assert saved[1:] == ["1000"] * 4
    else:
        assert text == "" or saved[1] == "1000"


def test_exec(box):
    box.process["noNewPrivileges"] = True
    box.up()
    assert flag(box.exec(box.id, "/bin/cat", "/proc/self/status").ok().out) == ["1"]


def test_exec_option(box):
    box.process["noNewPrivileges"] = False
    box.up()
    assert flag(box.exec(box.id, "/bin/cat", "/proc/self/status").ok().out) == ["0"]
    out = box.exec("--no-new-privs", box.id, "/bin/cat", "/proc/self/status").ok().out
    assert flag(out) == ["1"]
