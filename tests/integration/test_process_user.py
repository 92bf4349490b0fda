# SPDX-License-Identifier: Apache-2.0
"""process.user: uid, gid, umask, additionalGids"""
import os
import pathlib

import pytest


def status(box, *fields):
    """Fields of /proc/self/status of the program."""
    text = box.args("/bin/cat", "/proc/self/status").run().ok().out
    found = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return [found[f].split() for f in fields]


def test_uid_gid(box):
    box.process["user"] = {"uid": 1000, "gid": 1001}
    uid, gid, groups = status(box, "Uid", "Gid", "Groups")
    assert uid == ["1000"] * 4 and gid == ["1001"] * 4 and groups == []


def test_highest_uid(box):
    box.process["user"] = {"uid": 4294967294, "gid": 4294967294}
    uid, gid = status(box, "Uid", "Gid")
    assert uid == ["4294967294"] * 4 and gid == ["4294967294"] * 4


@pytest.mark.parametrize("field", ["uid", "gid"])
def test_minus_one_is_refused(box, field):
    box.process["user"][field] = 4294967295
    box.run().fails(f"process.user.{field}")


def test_root_has_no_groups_of_the_caller(box):
    """setgroups is called with an empty list too."""
    before = os.getgroups()
    os.setgroups([4, 24])
    try:
        assert status(box, "Groups") == [[]]
    finally:
        os.setgroups(before)


def test_additional_gids(box):
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5, 20, 4294967294]}
    assert status(box, "Groups") == [["5", "20", "4294967294"]]


@pytest.mark.parametrize("umask", [0, 0o22, 0o77, 0o777, 0o1])
def test_umask(box, umask):
    box.process["user"]["umask"] = umask
    assert int(box.out("umask"), 8) == umask
    box.up()
    assert int(box.esh("umask"), 8) == umask


def test_umask_default(box):
    """Without the field the program gets the caller's umask, as with runc."""
    old = os.umask(0o027)
    try:
        assert int(box.out("umask"), 8) in (0o027, 0o022)
    finally:
        os.umask(old)


def test_umask_does_not_change_what_the_runtime_makes(box):
    box.process["user"]["umask"] = 0o777
    assert box.out("stat -c %a /dev/null /dev /dev/shm").split() == ["666", "755", "1777"]


def test_umask_of_the_caller_does_not_either(box):
    old = os.umask(0o077)
    try:
        out = box.out("stat -c %a /dev/null /dev /dev/shm /dev/pts/ptmx").split()
    finally:
        os.umask(old)
    assert out == ["666", "755", "1777", "666"]


def test_without_user(box):
    del box.process["user"]
    uid, gid = status(box, "Uid", "Gid")
    assert uid == ["0"] * 4 and gid == ["0"] * 4


def test_username_is_ignored(box):
    box.process["user"] = {"uid": 1000, "gid": 1000, "username": "root"}
    assert status(box, "Uid") == [["1000"] * 4]


def test_numeric_names_in_passwd_mean_nothing(box):
    """CVE-2016-3697: a user called 1000 with uid 0."""
    pathlib.Path(box.rootfs, "etc/passwd").write_text("1000:x:0:0::/root:/bin/sh\n")
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert status(box, "Uid") == [["1000"] * 4]


def test_file_access(box):
    box.process["user"] = {"uid": 1000, "gid": 1000}
    r = box.sh("cat /root/x").run()
    assert r.code == 1 and "Permission denied" in r.err
