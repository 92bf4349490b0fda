# SPDX-License-Identifier: Apache-2.0
"""process.env: what the program finds in its environment, and the rules for HOME"""
import os

import pytest


def env(box):
    """The environment as the kernel gave it to the program, in order."""
    raw = box.args("/bin/cat", "/proc/self/environ").run().ok().raw
    return [v.decode() for v in raw.split(b"\0")[:-1]]


def test_exactly_what_the_config_says(box):
    os.environ["HULL_TEST_CALLER"] = "leak"
    box.process["env"] = ["PATH=/bin", "HOME=/x", "A=1", "EMPTY=", "B=a=b"]
    try:
        assert sorted(env(box)) == sorted(box.process["env"])
    finally:
        del os.environ["HULL_TEST_CALLER"]


def test_last_duplicate_wins(box):
    box.process["env"] = ["PATH=/bin", "HOME=/x", "A=1", "B=2", "A=3", "A="]
    assert sorted(env(box)) == sorted(["PATH=/bin", "HOME=/x", "B=2", "A="])


def test_newline_is_kept(box):
    box.process["env"] = ["PATH=/bin", "HOME=/x", "A=one\ntwo", "LAST=x"]
    assert "A=one\ntwo" in env(box)


def test_empty(box):
    box.process["env"] = []
    assert env(box) == ["HOME=/root"]


def test_absent(box):
    del box.process["env"]
    assert env(box) == ["HOME=/root"]


@pytest.mark.parametrize("uid, home", [(0, "/root"), (1000, "/home/alice"), (4242, "/")])
def test_home_from_passwd(box, uid, home):
    box.process["user"] = {"uid": uid, "gid": uid}
    assert f"HOME={home}" in env(box)


def test_empty_home_counts_as_missing(box):
    box.process["env"] = ["PATH=/bin", "HOME="]
    assert env(box) == ["PATH=/bin", "HOME=/root"] or sorted(env(box)
               ) == ["HOME=/root", "PATH=/bin"]


def test_home_of_the_config_stays(box):
    box.process["env"] = ["PATH=/bin", "HOME=/elsewhere"]
    assert "HOME=/elsewhere" in env(box)


def test_home_without_passwd(box):
    (box.rootfs / "etc/passwd").unlink()
    assert "HOME=/" in env(box)


def test_home_with_odd_passwd(box):
    (box.rootfs / "etc/passwd").write_text("\n# comment\nbroken line\n:x:0\n"
                                           "root:x:0:0:a:/second:/bin/sh\nroot:x:0:0::/third:/bin/sh")
    assert "HOME=/second" in env(box)


def test_passwd_is_not_followed_out_of_the_rootfs(box, scratch):
    """A link to an absolute path means a file in the container."""
    (scratch / "passwd").write_text("root:x:0:0::/host:/bin/sh\n")
    (box.rootfs / "etc/passwd").unlink()
    os.symlink(scratch / "passwd", box.rootfs / "etc/passwd")
    assert "HOME=/" in env(box)


def test_passwd_fifo_does_not_block(box):
    (box.rootfs / "etc/passwd").unlink()
    os.mkfifo(box.rootfs / "etc/passwd")
    r = box.args("/bin/true").run(timeout=10)
    assert r.code in (0, 1)


@pytest.mark.parametrize("bad, word", [("NOEQUALS", "missing '='"), ("=x", "name cannot be empty")])
def test_malformed(box, bad, word):
    box.process["env"].append(bad)
    box.run().fails("invalid environment variable", word, code=1)


def test_exec_environment(box):
    box.process["env"] = ["PATH=/bin", "TERM=xterm", "A=1", "B=2"]
    box.up()
    out = box.exec("--env", "A=9", "-e", "C=3", box.id, "/bin/env").ok().out.split()
    assert sorted(out) == sorted(["PATH=/bin", "TERM=xterm", "A=9", "B=2", "C=3", "HOME=/root"])


def test_exec_home_follows_user(box):
    box.up()
    out = box.exec("--user", "1000:1000", box.id, "/bin/sh", "-c", "echo $HOME").ok().out
    assert out == "/home/alice\n"


def test_environment_of_the_caller_is_not_visible_while_created(box):
    """/proc/1/environ of a container that waits for start shows nothing of the runtime's caller."""
    env = dict(os.environ, HULL_TEST_SECRET="secret-of-the-caller")
    box.args("/bin/true").create(env=env).ok()
    raw = open(f"/proc/{box.pid()}/environ", "rb").read()
    assert b"secret-of-the-caller" not in raw
