# SPDX-License-Identifier: Apache-2.0
"""The mount options that crun has beside runc's: links as source or mount point, idmap=..., rdirsync."""
import json
import os

import pytest

from test_mounts import mountinfo
from test_security_races import swapping

RANGES = [{"containerID": 0, "hostID": 100000, "size": 1}, {"containerID": 1, "hostID": 100002, "size": 60000}]


@pytest.fixture
def source(scratch):
    """A file, a directory, and links to them and to nothing."""
    (scratch / "file").write_text("host\n")
    (scratch / "dir").mkdir()
    (scratch / "dir/inside").write_text("inside\n")
    for name, text in (("link", "file"), ("dlink", "dir"), ("dangling", "/no/where")):
        os.symlink(text, scratch / name)
    return scratch


@pytest.fixture
def box(box):
    (box.rootfs / "data").mkdir()
    return box


# ------------------------------------------------------------------------------------- copy-symlink


@pytest.mark.parametrize("name,text", [("link", "file"), ("dangling", "/no/where"), ("dlink", "dir")])
def test_the_link_is_made_again(box, source, name, text):
    box.bind(source / name, "/data/deep/link", "copy-symlink")
    assert box.out("readlink /data/deep/link; grep -c /data/deep /proc/self/mountinfo || true") == f"{text}\n0\n"
    assert os.readlink(box.rootfs / "data/deep/link") == text


def test_again_with_the_same_link(box, source):
    box.bind(source / "link", "/data/link", "copy-symlink", "ro")
    assert [box.out("readlink /data/link") for _ in range(2)] == ["file\n", "file\n"]


@pytest.mark.parametrize("make", [
    lambda p: os.symlink("other", p), lambda p: os.symlink("filex", p), lambda p: os.symlink("fil", p),
    lambda p: p.write_text("x"), lambda p: p.mkdir()], ids=["other", "longer", "shorter", "file", "directory"])
def test_something_else_is_there(box, source, make):
    make(box.rootfs / "data/link")
    box.bind(source / "link", "/data/link", "copy-symlink")
    box.run().fails("/data/link", "already exists with a different content", code=1)


def test_no_link_is_a_bind(box, source):
    box.bind(source / "file", "/data/file", "copy-symlink", "ro")
    assert box.out("cat /data/file; echo > /data/file || echo refused") == "host\nrefused\n"
    assert (box.rootfs / "data/file").read_text() == ""


def test_only_the_last_component_is_copied(box, source):
    box.bind(source / "dlink/inside", "/data/file", "copy-symlink")
    assert box.out("cat /data/file; test -L /data/file || echo file") == "inside\nfile\n"


def test_a_source_in_the_root_file_system(box):
    os.symlink("/etc/passwd", box.rootfs / "data/one")
    box.bind(box.rootfs / "data/one", "/data/two", "copy-symlink")
    assert box.out("readlink /data/two") == "/etc/passwd\n"


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_with_a_user_namespace(box, source, mode):
    """With mode 0700 the container's root can't read the link itself."""
    source.chmod(mode)
    box.userns().chown_to()
    box.bind(source / "link", "/data/link", "copy-symlink")
    box.bind(source / "file", "/data/file", "copy-symlink")
    assert box.out("readlink /data/link; cat /data/file") == "file\nhost\n"


@pytest.mark.parametrize("text", ["/../../out", "../../../../../../../../../{out}", "{out}"])
def test_directory_of_the_copy_leads_out(box, source, tmp_path, text):
    out = tmp_path / "out"
    out.mkdir()
    os.symlink(text.format(out=str(out)), box.rootfs / "data/way")
    box.bind(source / "link", "/data/way/link", "copy-symlink")
    box.run()
    assert os.listdir(out) == []


def test_destination_with_dots(box, source, tmp_path):
    box.bind(source / "link", "/data/../../../../link", "copy-symlink")
    assert box.out("readlink /link") == "file\n"
    assert not os.path.lexists(tmp_path / "link")


def test_directory_of_the_copy_is_swapped(box, source, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (box.rootfs / "data/dir").mkdir()
    os.symlink(f"../../../../../../../..{out}", box.rootfs / "data/other")
    box.bind(source / "link", "/data/dir/link", "copy-symlink")
    with swapping(box.rootfs / "data/dir", box.rootfs / "data/other"):
        for _ in range(30):
            box.args("/bin/true").run()
    assert os.listdir(out) == []


def test_other_types_ignore_it(box):
    box.mount("/data", "tmpfs", options=["copy-symlink", "src-nofollow"])
    assert mountinfo(box)["/data"]["type"] == "tmpfs"


# ------------------------------------------------------------------------------------- src-nofollow


def test_the_link_is_mounted(box, source):
    """The container follows it from where it is mounted, in its own root."""
    (box.rootfs / "data/file").write_text("image\n")
    box.bind(source / "link", "/data/link", "src-nofollow")
    assert box.out("readlink /data/link; cat /data/link") == "file\nimage\n"
    assert not (box.rootfs / "data/link").is_symlink()


def test_an_absolute_link_is_of_the_container(box, source, tmp_path):
    (tmp_path / "secret").write_text("host")
    os.symlink(tmp_path / "secret", source / "absolute")
    box.bind(source / "absolute", "/data/link", "src-nofollow")
    assert box.out("readlink /data/link; cat /data/link 2>/dev/null || echo none") == f"{tmp_path}/secret\nnone\n"


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_mounted_link_with_a_user_namespace(box, source, mode):
    source.chmod(mode)
    box.userns().chown_to()
    box.bind(source / "link", "/data/link", "src-nofollow", "ro")
    assert box.out("readlink /data/link") == "file\n"
    assert mountinfo(box)["/data/link"]["options"] >= {"ro"}


def test_no_link_with_src_nofollow(box, source):
    box.bind(source / "file", "/data/file", "src-nofollow")
    box.bind(source / "dir", "/data/dir", "src-nofollow")
    assert box.out("cat /data/file /data/dir/inside") == "host\ninside\n"


def test_source_that_is_swapped(box, source, tmp_path):
    """A link in the source's place never shows what it points to."""
    (tmp_path / "secret").write_text("secret\n")
    os.symlink(tmp_path / "secret", source / "other")
    box.bind(source / "file", "/data/file", "src-nofollow")
    seen = set()
    with swapping(source / "file", source / "other"):
        for _ in range(40):
            r = box.sh("cat /data/file 2>/dev/null || echo link").run()
            seen.add(r.out)
    assert seen <= {"host\n", "link\n", ""}, seen


# ------------------------------------------------------------------------------------ dest-nofollow


@pytest.mark.parametrize("target", ["real", "/no/where", "../../../../../../../../etc/hostname"])
def test_a_link_as_mount_point(box, source, target):
    (box.rootfs / "data/real").write_text("image\n")
    os.symlink(target, box.rootfs / "data/link")
    box.bind(source / "file", "/data/link", "dest-nofollow")
    assert box.out("cat /data/link /data/real; grep -c ' /data/link ' /proc/self/mountinfo") == "host\nimage\n1\n"
    assert os.readlink(box.rootfs / "data/link") == target


def test_without_it_the_link_is_followed(box, source):
    (box.rootfs / "data/real").write_text("image\n")
    os.symlink("real", box.rootfs / "data/link")
    box.bind(source / "file", "/data/link")
    assert box.out("grep -c ' /data/real ' /proc/self/mountinfo") == "1\n"


def test_link_on_link(box, source):
    os.symlink("nothing", box.rootfs / "data/link")
    box.bind(source / "link", "/data/link", "src-nofollow", "dest-nofollow")
    assert box.out("readlink /data/link") == "file\n"
    assert os.readlink(box.rootfs / "data/link") == "nothing"


def test_a_directory_has_no_place_on_a_link(box, source):
    os.symlink("other", box.rootfs / "data/link")
    (box.rootfs / "data/other").mkdir()
    box.bind(source / "dir", "/data/link", "dest-nofollow")
    box.run().fails("/data/link", "not a directory", code=1)
    box.mounts[-1] = {"destination": "/data/link", "type": "tmpfs", "source": "tmpfs", "options": ["dest-nofollow"]}
    box.run().fails("/data/link", "not a directory", code=1)


def test_a_missing_mount_point_is_made(box, source):
    box.bind(source / "file", "/data/new/file", "dest-nofollow")
    assert box.out("cat /data/new/file") == "host\n"


def test_directories_on_the_way_are_followed(box, source):
    (box.rootfs / "data/dir").mkdir()
    os.symlink("/data/dir", box.rootfs / "way")
    os.symlink("x", box.rootfs / "data/dir/link")
    box.bind(source / "file", "/way/link", "dest-nofollow")
    assert box.out("cat /data/dir/link") == "host\n"


@pytest.mark.parametrize("link", ["/proc/mounts", "/proc/self", "/proc/self/exe", "/proc/self/root",
                                  "/proc/self/fd/0", "/proc/thread-self", "/way/self/exe"])
def test_links_in_proc_stay_closed(box, source, link):
    os.symlink("/proc", box.rootfs / "way")
    box.bind(source / "file", link, "dest-nofollow")
    box.run().fails("cannot be mounted because it is inside /proc", code=1)


@pytest.mark.parametrize("text", ["/../../out", "../../../../../../../../../{out}"])
def test_directory_of_the_mount_point_leads_out(box, source, tmp_path, text):
    out = tmp_path / "out"
    out.mkdir()
    os.symlink("x", out / "link")
    os.symlink(text.format(out=str(out)), box.rootfs / "data/way")
    box.bind(source / "file", "/data/way/link", "dest-nofollow")
    box.run()
    assert os.listdir(out) == ["link"]
    assert os.readlink(out / "link") == "x"


def test_root_is_no_mount_point(box, source):
    box.bind(source / "dir", "/data/..", "dest-nofollow")
    box.run().fails("on the top of rootfs", code=1)


# -------------------------------------------------------------------------------------------- idmap


@pytest.fixture
def owners(scratch):
    for name, uid, gid in (("a", 0, 0), ("b", 1, 2), ("c", 5, 105)):
        (scratch / name).write_text(name)
        os.chown(scratch / name, uid, gid)
    return scratch


def owned(box):
    return box.out("stat -c %u:%g /data/a /data/b /data/c").split()


@pytest.mark.parametrize("word", ["idmap", "ridmap"])
@pytest.mark.parametrize("option,expect", [
    ("uids=0-1-10;gids=0-100-10", ["1:100", "2:102", "6:65534"]),
    ("uids=0-1-1#1-50-9;gids=0-100-200", ["1:100", "50:102", "54:205"]),
    ("gids=0-7-3#105-20-1;uids=5-1-1", ["65534:7", "65534:9", "1:20"]),
])
def test_idmap_without_a_user_namespace(box, owners, word, option, expect):
    box.bind(owners, "/data", f"{word}={option}")
    assert owned(box) == expect


@pytest.mark.parametrize("option,expect", [
    ("uids=0-100001-10;gids=0-100100-200", ["1:100", "2:102", "6:205"]),
    ("uids=@0-1-10;gids=@0-100-200", ["1:100", "2:102", "6:205"]),
    ("uids=@1-3-10;gids=@0-100-200", ["65534:100", "3:102", "7:205"]),
    ("uids=@0-1-1#@1-7-10;gids=@0-100-200", ["1:100", "7:102", "11:205"]),
    ("uids=@0-1-1#1-7-10;gids=@0-100-200", ["1:100", "65534:102", "65534:205"]),
])
def test_idmap_with_a_user_namespace(box, owners, option, expect):
    box.userns().chown_to()
    box.bind(owners, "/data", f"idmap={option}")
    assert owned(box) == expect


@pytest.mark.parametrize("option,expect", [
    ("@0-3-1", ["3:0", "65534:2", "65534:105"]),
    ("@1-0-1", ["65534:0", "0:2", "65534:105"]),
    ("@1-3-10", ["65534:0", "3:2", "7:105"]),
])
def test_idmap_relative_to_ranges(box, owners, option, expect):
    box.userns().chown_to()
    box.linux["uidMappings"] = RANGES
    box.bind(owners, "/data", f"idmap=uids={option};gids=@0-0-200")
    assert owned(box) == expect


def test_members_of_the_mount_win(box, owners):
    m = box.bind(owners, "/data", "idmap=uids=0-1-10;gids=0-100-10")
    m["uidMappings"] = m["gidMappings"] = [{"containerID": 0, "hostID": 300, "size": 200}]
    assert owned(box) == ["300:300", "301:302", "305:405"]


def test_nothing_after_the_sign(box, owners):
    box.userns().chown_to()
    box.bind(owners, "/data", "idmap=")
    assert owned(box) == ["0:0", "1:2", "5:105"]


@pytest.mark.parametrize("option,words", [
    ("idmap=uids=0-1", "a mapping is three numbers"),
    ("idmap=uids=", "a mapping is three numbers"),
    ("idmap=uids=0-1-2#", "a mapping is three numbers"),
    ("idmap=uids=0-1-2-3;gids=0-0-1", "a mapping is three numbers"),
    ("idmap=uids=x-1-3;gids=0-0-1", "a mapping is three numbers"),
    ("idmap=uids=-1-1-3;gids=0-0-1", "a mapping is three numbers"),
    ("idmap=uids=0-1-4294967296;gids=0-0-1", "a mapping is three numbers"),
    ("idmap=uids=0-1-99999999999999999999;gids=0-0-1", "a mapping is three numbers"),
    ("ridmap=foo=0-1-3", "only uids= and gids= are known"),
    ("idmap=0-1-3", "only uids= and gids= are known"),
    ("idmap=uids=@0-1-10;gids=@0-0-1", "outside of the user namespace mappings"),
    ("idmap=uids=0-1-10", "must have both uid and gid mappings"),
    ("idmap", "must have both uid and gid mappings"),
])
def test_idmap_that_makes_no_sense(box, owners, option, words):
    box.bind(owners, "/data", option)
    box.run().fails(words, f"mounts[{len(box.mounts) - 1}]", code=1)


def test_idmap_of_other_types(box):
    box.mount("/data", "tmpfs", options=["idmap=uids=0-1-10;gids=0-1-10"])
    box.run().fails("id-mapped mounts are only supported for bind-mounts", code=1)


# ---------------------------------------------------------------------------------------- the words


def test_rdirsync(box, scratch):
    box.mount("/data", "tmpfs", options=["rdirsync"])
    box.bind(scratch, "/mnt", "rdirsync")
    m = mountinfo(box)
    assert "dirsync" in m["/data"]["super"]
    assert "/mnt" in m


@pytest.mark.parametrize("word", ["rsync", "rasync", "rmand", "rnomand"])
def test_words_that_the_kernel_has_nothing_for(box, scratch, word):
    box.bind(scratch, "/data", word)
    box.run().fails("cannot have any filesystem-specific options", code=1)


def test_features_lists_the_words_of_runc(hull):
    words = json.loads(hull("features").ok().out)["mountOptions"]
    assert not {"copy-symlink", "src-nofollow", "dest-nofollow", "rdirsync", "idmap"} & set(words)
    assert {"tmpcopyup", "rro", "bind"} <= set(words)
