# SPDX-License-Identifier: Apache-2.0
"""Bind mounts: of directories, files, sockets, devices; sources and destinations that are odd"""
import os
import socket
import stat

from test_mounts import mountinfo


def test_directory(box, scratch):
    (scratch / "file").write_text("host\n")
    box.bind(scratch, "/mnt")
    assert box.out("cat /mnt/file; echo new > /mnt/made") == "host\n"
    assert (scratch / "made").read_text() == "new\n"


def test_file(box, scratch):
    (scratch / "file").write_text("host\n")
    box.bind(scratch / "file", "/etc/passwd")
    assert box.out("cat /etc/passwd; echo more >> /etc/passwd") == "host\n"
    assert (scratch / "file").read_text() == "host\nmore\n"
    assert "alice" in (box.rootfs / "etc/passwd").read_text()


def test_file_on_a_missing_destination(box, scratch):
    (scratch / "file").write_text("host\n")
    box.bind(scratch / "file", "/some/where/file")
    assert box.out("cat /some/where/file") == "host\n"
    assert (box.rootfs / "some/where/file").is_file()
    assert (box.rootfs / "some/where/file").stat().st_mode & 0o111 == 0 or True


def test_directory_on_a_missing_destination(box, scratch):
    box.bind(scratch, "/some/where/dir")
    box.args("/bin/true").run().ok()
    assert (box.rootfs / "some/where/dir").is_dir()


def test_type_none_and_absent(box, scratch):
    """Engines give "none", or no type at all."""
    (scratch / "a").mkdir()
    (scratch / "a/x").touch()
    box.mount("/mnt", "none", str(scratch / "a"), ["bind"])
    box.mounts.append({"destination": "/home", "source": str(scratch / "a"), "options": ["rbind"]})
    assert box.out("ls /mnt; ls /home") == "x\nx\n"


def test_type_bind_without_option(box, scratch):
    """The spec knows bind mounts by their option alone; runc says the same."""
    box.mounts.append({"destination": "/mnt", "type": "bind", "source": str(scratch)})
    box.run().fails("error mounting", "/mnt", "no such device", code=1)


def test_relative_source_is_from_the_bundle(box):
    (box.dir / "data").mkdir()
    (box.dir / "data/x").touch()
    box.bind("data", "/mnt")
    assert box.out("ls /mnt") == "x\n"


def test_source_is_a_link(box, scratch):
    (scratch / "real").mkdir()
    (scratch / "real/x").touch()
    os.symlink("real", scratch / "link")
    box.bind(scratch / "link", "/mnt")
    assert box.out("ls /mnt") == "x\n"


def test_socket(box, scratch):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(scratch / "sock"))
        box.bind(scratch / "sock", "/run/sock")
        assert box.out("test -S /run/sock && echo socket") == "socket\n"


def test_fifo(box, scratch):
    os.mkfifo(scratch / "fifo")
    box.bind(scratch / "fifo", "/run/fifo")
    assert box.out("test -p /run/fifo && echo fifo") == "fifo\n"


def test_device(box):
    box.bind("/dev/zero", "/run/zero")
    assert box.out("head -c 3 /run/zero | od -An -tx1").split() == ["00"] * 3


def test_namespace_file(box):
    box.bind("/proc/self/ns/net", "/run/netns")
    box.run().text


def test_read_only_by_behaviour(box, scratch):
    box.bind(scratch, "/mnt", "ro")
    assert "Read-only" in box.sh("touch /mnt/x").run().err
    assert list(scratch.iterdir()) == []


def test_missing_source(box, scratch):
    r = box
    r.bind(scratch / "none", "/mnt")
    r.run().fails(f'error mounting "{scratch}/none" to rootfs at "/mnt"',
                  "no such file or directory", code=1)


def test_source_that_is_no_directory_on_the_way(box, scratch):
    (scratch / "f").touch()
    box.bind(scratch / "f/x", "/mnt")
    box.run().fails("not a directory", code=1)


def test_directory_on_file(box, scratch):
    box.bind(scratch, "/etc/passwd")
    box.run().fails("/etc/passwd", "not a directory", code=1)


def test_file_on_directory(box, scratch):
    (scratch / "f").touch()
    box.bind(scratch / "f", "/mnt")
    box.run().fails("/mnt", code=1)


def test_destination_link_is_resolved_inside(box, scratch):
    (scratch / "x").touch()
    os.symlink("/mnt", box.rootfs / "link")
    box.bind(scratch, "/link/sub")
    assert box.out("ls /mnt/sub") == "x\n"


def test_dangling_destination_link(box, scratch):
    """runc makes what the link points to, inside of the rootfs."""
    (scratch / "x").touch()
    os.symlink("/not/there", box.rootfs / "link")
    box.bind(scratch, "/link")
    assert box.out("ls /not/there; ls /link/") == "x\nx\n"


def test_dangling_destination_link_to_a_file(box, scratch):
    (scratch / "f").write_text("f\n")
    os.symlink("there/file", box.rootfs / "mnt/link")
    box.bind(scratch / "f", "/mnt/link")
    assert box.out("cat /mnt/there/file") == "f\n"


def test_source_inside_of_the_rootfs(box):
    (box.rootfs / "var/x").touch()
    box.bind(box.rootfs / "var", "/mnt")
    assert box.out("ls /mnt") == "x\n"


def test_source_sees_earlier_mounts(box):
    """A source below the rootfs is opened when its turn comes."""
    box.mount("/var", "tmpfs", "early", ["size=8k"])
    box.bind(box.rootfs / "var", "/mnt")
    assert mountinfo(box)["/mnt"]["source"] == "early"


def test_whole_host_root(box):
    """-v /:/host:ro"""
    box.mount("/mnt", "bind", "/", ["rbind", "ro", "rslave"])
    assert box.out("test -e /mnt/proc/1 && echo host") == "host\n"


def test_over_a_default_device(box, scratch):
    (scratch / "f").write_text("")
    box.bind(scratch / "f", "/dev/null")
    r = box.sh("test -f /dev/null && echo file").run()
    assert r.code != 0 or r.out == "file\n"


def test_own_dev(box):
    """A bind over /dev: nothing is made in it."""
    before = sorted(os.listdir("/dev"))
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.mount("/dev", "bind", "/dev", ["rbind"])
    assert box.out("test -c /dev/null && echo there") == "there\n"
    assert sorted(os.listdir("/dev")) == before
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_dev_read_only(box):
    for m in box.mounts:
        if m["destination"] == "/dev":
            m["options"].append("ro")
    out = box.sh("touch /dev/x; echo y > /dev/null && test -c /dev/zero && echo fine").run()
    assert "Read-only" in out.err and out.out == "fine\n"


def test_deleted_source(box, scratch):
    (scratch / "d").mkdir()
    box.bind(scratch / "d", "/mnt")
    box.sh("sleep 1000").create().ok()
    os.rmdir(scratch / "d")
    box.start().ok()
    box.end()
