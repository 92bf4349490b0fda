# SPDX-License-Identifier: Apache-2.0
"""mounts[].options: every word of the spec, seen in the container's mountinfo"""
import os
import shutil
import subprocess

import pytest

from test_mounts import mountinfo, table

# word -> (per-mount flags that must be there, flags that must not)
FLAGS = {
    "ro": ({"ro"}, {"rw"}), "rw": ({"rw"}, {"ro"}),
    "nosuid": ({"nosuid"}, set()), "suid": (set(), {"nosuid"}),
    "nodev": ({"nodev"}, set()), "dev": (set(), {"nodev"}),
    "noexec": ({"noexec"}, set()), "exec": (set(), {"noexec"}),
    "noatime": ({"noatime"}, set()), "atime": (set(), {"noatime"}),
    "nodiratime": ({"nodiratime"}, set()), "diratime": (set(), {"nodiratime"}),
    "relatime": ({"relatime"}, set()), "norelatime": (set(), {"noatime"}),
    "strictatime": (set(), {"relatime", "noatime"}), "nostrictatime": (set(), set()),
    "nosymfollow": ({"nosymfollow"}, set()), "symfollow": (set(), {"nosymfollow"}),
    "defaults": (set(), {"ro", "nosuid", "nodev", "noexec"}),
    "silent": (set(), set()), "loud": (set(), set()),
    "iversion": (set(), set()), "noiversion": (set(), set()),
    "nolazytime": (set(), set()), "nomand": (set(), set()), "async": (set(), set()),
}
SUPER = {"sync": "sync", "dirsync": "dirsync", "lazytime": "lazytime"}
OPPOSITE = [("ro", "rw"), ("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec"),
            ("noatime", "atime"), ("nosymfollow", "symfollow")]


@pytest.mark.parametrize("word", FLAGS)
def test_on_tmpfs(box, word):
    box.mount("/mnt", "tmpfs", "tmpfs", [word])
    has, not_ = FLAGS[word]
    options = mountinfo(box)["/mnt"]["options"]
    assert options >= has and not options & not_


@pytest.mark.parametrize("word", [w for w in FLAGS if w not in ("iversion", "noiversion")])
def test_on_bind(box, word, scratch):
    box.bind(scratch, "/mnt", word)
    has, not_ = FLAGS[word]
    options = mountinfo(box)["/mnt"]["options"]
    assert options >= has and not options & not_


@pytest.mark.parametrize("word, seen", SUPER.items())
def test_super_block_options(box, word, seen):
    box.mount("/mnt", "tmpfs", "tmpfs", [word])
    m = mountinfo(box)["/mnt"]
    assert seen in m["super"] | m["options"]


@pytest.mark.parametrize("first, second", OPPOSITE)
def test_the_last_word_wins(box, first, second):
    box.mount("/mnt", "tmpfs", "tmpfs", [first, second])
    box.mount("/home", "tmpfs", "tmpfs", [second, first])
    m = mountinfo(box)
    assert first not in m["/mnt"]["options"]
    assert first in m["/home"]["options"]


def test_all_together(box):
    box.mount("/mnt", "tmpfs", "tmpfs", ["ro", "nosuid", "nodev", "noexec", "noatime", "size=8k",
                                         "mode=700"])
    m = mountinfo(box)["/mnt"]
    assert m["options"] >= {"ro", "nosuid", "nodev", "noexec", "noatime"}
    assert m["super"] >= {"size=8k", "mode=700"}


def test_no_options_member(box):
    box.mounts.append({"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"})
    assert mountinfo(box)["/mnt"]["type"] == "tmpfs"


# Recursive ones: a tree of two mounts, the option must reach the inner one.
@pytest.fixture
def tree(box, scratch):
    """A directory with a tmpfs on `inner` and one more on `inner/deep`, in the host's namespace."""
    d = scratch / "tree"
    (d / "inner").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(d / "inner")], check=True, timeout=10)
    (d / "inner/deep").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(d / "inner/deep")], check=True, timeout=10)
    yield d
    subprocess.run(["umount", str(d / "inner/deep")], check=True, timeout=10)
    subprocess.run(["umount", str(d / "inner")], check=True, timeout=10)


RECURSIVE = {
    "rro": ({"ro"}, set()), "rrw": (set(), {"ro"}), "rnosuid": ({"nosuid"}, set()),
    "rsuid": (set(), {"nosuid"}), "rnodev": ({"nodev"}, set()), "rdev": (set(), {"nodev"}),
    "rnoexec": ({"noexec"}, set()), "rexec": (set(), {"noexec"}),
    "rnoatime": ({"noatime"}, {"relatime"}), "ratime": (set(), {"noatime"}),
    "rnodiratime": ({"nodiratime"}, set()), "rdiratime": (set(), {"nodiratime"}),
    "rrelatime": ({"relatime"}, set()), "rnorelatime": (set(), {"noatime"}),
    "rstrictatime": (set(), {"relatime", "noatime"}), "rnostrictatime": (set(), set()),
    "rnosymfollow": ({"nosymfollow"}, set()), "rsymfollow": (set(), {"nosymfollow"}),
}


@pytest.mark.parametrize("word", RECURSIVE)
def test_recursive(box, tree, word):
    box.mount("/mnt", "bind", str(tree), ["rbind", word])
    m = mountinfo(box)
    has, not_ = RECURSIVE[word]
    for place in ("/mnt", "/mnt/inner", "/mnt/inner/deep"):
        assert m[place]["options"] >= has, place
        assert not m[place]["options"] & not_, place


def test_ro_is_not_recursive(box, tree):
    box.mount("/mnt", "bind", str(tree), ["rbind", "ro"])
    m = mountinfo(box)
    assert "ro" in m["/mnt"]["options"] and "rw" in m["/mnt/inner"]["options"]


def test_rro_by_behaviour(box, tree):
    box.mount("/mnt", "bind", str(tree), ["rbind", "rro"])
    out = box.out("touch /mnt/a /mnt/inner/b /mnt/inner/deep/c 2>&1 | grep -c Read-only")
    assert out.strip() == "3"
    assert os.access(tree / "inner", os.W_OK)
    (tree / "inner/still").write_text("writable on the host")


def test_bind_is_not_recursive(box, tree):
    box.mount("/mnt", "bind", str(tree), ["bind"])
    m = mountinfo(box)
    assert "/mnt" in m and "/mnt/inner" not in m


@pytest.mark.parametrize("source", ["tree", "tree/inner"])
def test_in_a_user_namespace_bind_can_not_leave_mounts_out(box, tree, source):
    """They might hide something. Bound with the rest, they would be writable below a read-only bind."""
    box.userns().chown_to()
    box.bind(tree.parent / source, "/mnt", "ro")
    box.run().fails(f"open source {tree.parent / source} (in a user namespace", "use rbind",
                    "invalid argument", code=1)
    box.mounts[-1]["options"] = ["rbind", "rro"]
    assert box.sh("touch /mnt/a /mnt/inner/b /mnt/deep/c").run().err.count("Read-only") == 2


def test_in_a_user_namespace_nothing_below_is_no_matter(box, tree):
    box.userns().chown_to()
    box.bind(tree / "inner/deep", "/mnt", "ro")
    assert "ro" in mountinfo(box)["/mnt"]["options"]


def test_rbind_is(box, tree):
    box.mount("/mnt", "bind", str(tree), ["rbind"])
    assert "/mnt/inner/deep" in mountinfo(box)


def test_flags_of_the_source_are_kept(box, tree):
    """No option at all: the source's flags stay."""
    subprocess.run(["mount", "-o", "remount,bind,nosuid,nodev,noexec", str(tree / "inner")],
                   check=True, timeout=10)
    box.mount("/mnt", "bind", str(tree / "inner"), ["bind"])
    assert mountinfo(box)["/mnt"]["options"] >= {"nosuid", "nodev", "noexec"}


def test_any_flag_clears_the_rest(box, tree):
    """One flag given: the unspecified ones are cleared, as mount(8) remounts."""
    subprocess.run(["mount", "-o", "remount,bind,nosuid,nodev,noexec", str(tree / "inner")],
                   check=True, timeout=10)
    box.mount("/mnt", "bind", str(tree / "inner"), ["bind", "nosuid"])
    options = mountinfo(box)["/mnt"]["options"]
    assert "nosuid" in options and not options & {"nodev", "noexec"}


def test_clearing_flag(box, tree):
    subprocess.run(["mount", "-o", "remount,bind,nosuid,nodev,ro", str(tree / "inner")],
                   check=True, timeout=10)
    box.mount("/mnt", "bind", str(tree / "inner"), ["bind", "rw"])
    options = mountinfo(box)["/mnt"]["options"]
    assert "rw" in options
    subprocess.run(["mount", "-o", "remount,bind,rw", str(tree / "inner")], check=True, timeout=10)


@pytest.mark.parametrize("option", ["size=1m", "mode=755", "uid=0"])
def test_data_on_a_bind_is_an_error(box, scratch, option):
    box.bind(scratch, "/mnt", option)
    box.run().fails("bind mounts cannot have any filesystem-specific options applied", code=1)


def test_remount(box):
    """An option word of the spec: changes a mount that is there already."""
    box.mount("/mnt", "tmpfs", "tmpfs", [])
    box.mount("/mnt", "tmpfs", "tmpfs", ["remount", "ro"])
    r = box.args("/bin/cat", "/proc/self/mountinfo").run().ok()
    assert "ro" in table(r.out)["/mnt"]["options"]


@pytest.mark.parametrize("key, want", [("context", "u:r:t:s0,c1"), ("rootcontext", "u:r:t:s0,c1"),
                                       ("mpol", '\\"u:r:t:s0,c1\\"')])
def test_quotes_of_a_context(box, scratch, key, want):
    """The kernel takes them off for mount(2), but not what fsconfig gives it."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    box.mount("/mnt", "tmpfs", "tmpfs", ["private", f'{key}="u:r:t:s0,c1"'])
    box.hull.prefix = ["strace", "-f", "-qq", "-o", str(scratch / "log"), "-e", "trace=fsconfig"]
    box.args("/bin/true").run()     # most kernels have no SELinux, and refuse it
    box.hull.prefix = []
    assert f'"{key}", "{want}"' in (scratch / "log").read_text()


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_long_data_reaches_the_file_system_as_a_whole(box, kind):
    """mount(2) would drop what is beyond a page."""
    box.mount("/mnt", kind, kind, ["mode=755"] * 1000 + ["mode=0711"])
    assert box.out("stat -c %a /mnt") == "711\n"


@pytest.mark.parametrize("option", ["iversion", "remount"])
def test_long_data_where_only_mount_can_say_it(box, option):
    box.mount("/mnt", "tmpfs", "tmpfs", [])
    box.mount("/mnt", "tmpfs", "tmpfs", ["mode=755"] * 1000 + [option])
    box.run().fails("/mnt", "8999 bytes of options, which mount(2) would cut", code=1)


def test_remount_with_bind(box, scratch):
    """The mount that is there gets other flags. Its source is not bound, nor looked at."""
    (scratch / "secret").touch()
    box.mount("/mnt", "tmpfs", "tmpfs", ["nosuid"])
    box.mount("/mnt", "bind", str(scratch), ["bind", "remount", "ro"])
    m = [line for line in box.out("cat /proc/self/mountinfo; ls /mnt").splitlines() if "/mnt" in line]
    assert len(m) == 1 and "secret" not in m
    mnt = table(m[0])["/mnt"]
    assert mnt["type"] == "tmpfs" and mnt["options"] >= {"ro"} and "rw" in mnt["super"]
    assert "nosuid" not in mnt["options"]


def test_remount_with_bind_where_nothing_is_mounted(box, scratch):
    box.mount("/mnt", "bind", str(scratch), ["bind", "remount", "ro"])
    box.run().fails("error mounting", "/mnt", "MS_BIND|MS_REMOUNT", "invalid argument", code=1)


def test_remount_with_bind_and_recursive_options(box, tree):
    box.bind(tree, "/mnt", "rbind", "nosuid")
    box.mount("/mnt", "bind", str(tree), ["bind", "remount", "rro", "rslave"])
    m = mountinfo(box)
    for place in ("/mnt", "/mnt/inner", "/mnt/inner/deep"):
        assert "ro" in m[place]["options"], place
    assert "nosuid" not in m["/mnt"]["options"]


def test_remount_with_bind_takes_no_data(box):
    box.mount("/mnt", "tmpfs", "tmpfs", [])
    box.mount("/mnt", "bind", "tmpfs", ["bind", "remount", "size=1m"])
    box.run().fails("bind mounts cannot have any filesystem-specific options applied", code=1)


@pytest.mark.parametrize("kind, source, option", [("proc", "proc", None), ("bind", "/proc", "bind")])
def test_remount_of_proc(box, kind, source, option):
    """What is masked in it stays masked."""
    box.mount("/proc", kind, source, ["remount", "ro", *filter(None, [option])])
    out = box.out("cat /proc/self/mountinfo; cat /proc/timer_list")
    assert "ro" in table(out)["/proc"]["options"]
    assert sum(line.split()[4] == "/proc" for line in out.splitlines()) == 1


def test_options_by_behaviour(box):
    """nodev, noexec and nosymfollow do what they say."""
    box.caps("CAP_MKNOD").writable()
    box.mount("/mnt", "tmpfs", "tmpfs", ["nodev", "noexec", "nosymfollow"])
    out = box.sh("mknod /mnt/null c 1 3 && echo x > /mnt/null; cp /bin/busybox /mnt/echo; "
                 "/mnt/echo hi; ln -s /etc/passwd /mnt/l; cat /mnt/l").run()
    assert out.err.count("denied") >= 2
    assert "Too many levels" in out.err or "symbolic" in out.err
