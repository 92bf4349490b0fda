# SPDX-License-Identifier: Apache-2.0
"""root.path and root.readonly"""
import os
import shutil
import subprocess

import pytest

from support import runtime


def test_relative_is_from_the_bundle(box):
    box.config["root"]["path"] = "rootfs"
    assert box.out("ls /bin/busybox") == "/bin/busybox\n"


def test_absolute(box):
    box.config["root"]["path"] = str(box.rootfs)
    assert box.out("ls /bin/busybox") == "/bin/busybox\n"


def test_dot(box, make_box):
    """The bundle itself may be the rootfs."""
    box.config["root"]["path"] = "."
    for entry in os.listdir(box.rootfs):
        shutil.move(box.rootfs / entry, box.dir / entry)
    assert box.out("ls /config.json") == "/config.json\n"


def test_dotdot_and_slashes(box):
    box.config["root"]["path"] = "rootfs/../rootfs//./"
    assert box.out("ls -d /bin") == "/bin\n"


def test_only_the_rootfs_is_visible(box):
    names = set(box.out("ls -a /").split())
    assert names == {".", "..", *os.listdir(box.rootfs)}


def test_nothing_of_the_host_is_reachable(box):
    out = box.out("cat /proc/self/mountinfo")
    for line in out.splitlines():
        fields = line.split()
        assert not fields[4].startswith("/.."), line
    assert out.splitlines()[0].split()[4] == "/"
    assert "oldroot" not in out and "pivot" not in out


def test_rootfs_is_a_mount(box):
    fields = [l.split() for l in box.out("cat /proc/self/mountinfo").splitlines()]
    assert [f[4] for f in fields].count("/") == 1


@pytest.mark.parametrize("readonly", [True, False, None])
def test_readonly(box, readonly):
    if readonly is None:
        del box.config["root"]["readonly"]
    else:
        box.config["root"]["readonly"] = readonly
    r = box.sh("touch /file 2>&1; grep ' / / \\| / [^ ]*rootfs / ' /proc/self/mountinfo").run()
    if readonly:
        assert "Read-only file system" in r.out and not (box.rootfs / "file").exists()
    else:
        assert r.out.find("Read-only") < 0 and (box.rootfs / "file").exists()


def test_readonly_does_not_reach_the_mounts(box, scratch):
    box.bind(scratch, "/mnt")
    assert box.out("touch /mnt/x /dev/shm/y && echo fine") == "fine\n"


def test_readonly_does_not_touch_the_host(box):
    box.run().text
    assert os.access(box.rootfs, os.W_OK)
    (box.rootfs / "still").write_text("writable")


@pytest.mark.parametrize("value, word", [
    ("none", "no such file or directory"), ("/no/such/place", "no such file or directory"),
    ("config.json", "not a directory"), ("", "root.path"), ("/", "root"),
])
def test_bad_path(box, value, word):
    box.config["root"]["path"] = value
    box.run().fails(word, code=1)


def test_link_is_refused(box):
    """As runc: a rootfs that is a link could be changed under us."""
    os.symlink("rootfs", box.dir / "link")
    box.config["root"]["path"] = "link"
    box.run().fails("link", code=1)


def test_missing_root(box):
    del box.config["root"]
    box.run().fails("root", code=1)


def test_no_pivot(box):
    assert box.sh("ls -d /bin; touch /x 2>&1; true").run("--no-pivot").ok().out.startswith("/bin\n")


def test_no_pivot_hides_the_host(box):
    box.caps("CAP_SYS_ADMIN", "CAP_SYS_CHROOT")
    out = box.sh("cat /proc/self/mountinfo; ls /").run("--no-pivot").ok().out
    assert str(box.hull.root) not in out


def test_same_rootfs_twice(make_box):
    """Two containers on one rootfs at the same time."""
    a, b = make_box("a"), make_box("b")
    b.config["root"]["path"] = str(a.rootfs)
    a.up()
    b.up()
    assert a.esh("echo a") == "a\n" and b.esh("echo b") == "b\n"
    a.end()
    assert b.esh("ls -d /bin") == "/bin\n"
    b.end()


@pytest.mark.release
@pytest.mark.release
def test_in_a_chroot(make_box, scratch, tag):
    """The runtime itself in a chroot: run and exec stay in the container's files."""
    box = make_box()
    jail = scratch / "jail"
    for d in ("proc", "sys", "dev", "b", "state", "bin"):
        (jail / d).mkdir(parents=True)
    shutil.copy(runtime.binary(), jail / "bin/hull")
    shutil.copy("/bin/busybox", jail / "bin/busybox")
    box.sh("echo marker > /tmp/marker; sleep 1000")
    box.writable().write()
    script = f"""
set -e
mount --bind {jail} {jail}
cd {jail}
for d in proc sys dev; do mount --rbind /$d $d; done
mount --rbind {box.dir} b
chroot . /bin/hull --root /state run -d --bundle /b {box.id} > /dev/null 2> {scratch}/err < /dev/null
sleep 0.3
chroot . /bin/hull --root /state exec {box.id} /bin/cat /tmp/marker
chroot . /bin/hull --root /state exec {box.id} /bin/ls /
chroot . /bin/hull --root /state delete --force {box.id}
"""
    p = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60,
                       check=False)
    err = (scratch / "err").read_text() if (scratch / "err").exists() else ""
    assert p.returncode == 0, p.stderr + err
    names = p.stdout.split()
    assert names[0] == "marker" and "b" not in names[1:] and "state" not in names and "boot" not in names
