# SPDX-License-Identifier: Apache-2.0
"""mounts[].uidMappings, gidMappings, and the options idmap and ridmap."""
import os
import subprocess

import pytest

MAP = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def ids(first, host, size=100):
    return [{"containerID": first, "hostID": host, "size": size}]


@pytest.fixture
def source(scratch):
    """A directory with files of several owners, and a mount below it with more."""
    for name, uid, gid in (("a", 0, 0), ("b", 1, 2)):
        (scratch / name).write_text(name)
        os.chown(scratch / name, uid, gid)
    sub, other = scratch / "sub", scratch.parent / "other"
    for d in (sub, other):
        d.mkdir()
    (other / "c").write_text("c")
    os.chown(other / "c", 1, 2)
    subprocess.run(["mount", "--bind", other, sub], check=True)
    yield scratch
    subprocess.run(["umount", sub], check=True)


def mapped(box, source, options=("bind",), uid=MAP, gid=MAP, to="/mnt"):
    m = box.bind(source, to)
    m["options"] = list(options)
    if uid:
        m["uidMappings"] = uid
    if gid:
        m["gidMappings"] = gid
    return box


def stat(box, *files):
    return box.out(f"stat -c %u:%g {' '.join(files)}").split()


def test_without_a_user_namespace(box, source):
    mapped(box, source)
    assert stat(box, "/mnt/a", "/mnt/b") == ["100000:100000", "100001:100002"]


def test_with_a_user_namespace(box, source):
    box.userns().chown_to()
    mapped(box, source)
    assert stat(box, "/mnt/a", "/mnt/b") == ["0:0", "1:2"]


def test_source_that_the_container_may_not_reach(box, source):
    source.chmod(0o700)
    box.userns().chown_to()
    mapped(box, source)
    assert stat(box, "/mnt/b") == ["1:2"]


def test_writing(box, source):
    box.userns().chown_to()
    mapped(box, source)
    assert box.out("touch /mnt/new; stat -c %u:%g /mnt/new").split() == ["0:0"]
    st = (source / "new").stat()
    assert (st.st_uid, st.st_gid) == (0, 0)


def test_an_unmapped_user_can_not_write(box, source):
    source.chmod(0o777)
    mapped(box, source)
    box.sh("touch /mnt/new").run().fails("Value too large")


def test_several_mappings_of_one_source(box, source):
    mapped(box, source, uid=ids(0, 500), gid=ids(0, 600), to="/mnt")
    mapped(box, source, uid=ids(0, 700), gid=ids(0, 800), to="/tmp/x")
    mapped(box, source, uid=ids(0, 500), gid=ids(0, 600), to="/tmp/y")
    assert stat(box, "/mnt/b", "/tmp/x/b", "/tmp/y/b") == ["501:602", "701:802", "501:602"]


def test_ranges(box, source):
    mapped(box, source, uid=ids(0, 1000, 1) + ids(1, 3000, 1), gid=ids(0, 5000, 3))
    assert stat(box, "/mnt/a", "/mnt/b") == ["1000:5000", "3000:5002"]


@pytest.mark.parametrize("userns", [False, True])
@pytest.mark.parametrize("options,below", [
    (["rbind"], False), (["rbind", "idmap"], False), (["rbind", "ridmap"], True)])
def test_recursion(box, source, userns, options, below):
    if userns:
        box.userns().chown_to()
    mapped(box, source, options)
    top, inner = stat(box, "/mnt/b", "/mnt/sub/c")
    assert top == ("1:2" if userns else "100001:100002")
    unmapped = "65534:65534" if userns else "1:2"
    assert inner == (top if below else unmapped)


@pytest.mark.parametrize("option,below", [("idmap", False), ("ridmap", True)])
def test_the_containers_own_mapping(box, source, option, below):
    box.userns().chown_to()
    mapped(box, source, ["rbind", option], None, None)
    assert stat(box, "/mnt/b", "/mnt/sub/c") == ["1:2", "1:2" if below else "65534:65534"]


def test_the_mapping_of_a_joined_namespace(make_box, source):
    first = make_box()
    first.userns().chown_to()
    pid = first.up()
    box = make_box("second")
    box.userns().chown_to()
    box.namespaces(user=f"/proc/{pid}/ns/user")
    del box.linux["uidMappings"], box.linux["gidMappings"]
    mapped(box, source, ["bind", "idmap"], None, None)
    assert stat(box, "/mnt/b") == ["1:2"]
    first.end()


@pytest.mark.parametrize("userns", [False, True])
def test_source_in_the_container(box, source, userns):
    """A source below the rootfs is what the container's earlier mounts have made of it."""
    (box.rootfs / "one").mkdir()
    (box.rootfs / "two").mkdir()
    if userns:
        box.userns().chown_to()
    box.mount("/one", "bind", str(source), ["rbind", "rprivate"])
    mapped(box, box.rootfs / "one", ["rbind"], to="/two")
    mapped(box, box.rootfs / "one", ["rbind"], to="/mnt")
    expect = "1:2" if userns else "100001:100002"
    assert stat(box, "/two/b", "/mnt/b") == [expect, expect]


def test_source_in_the_container_before_a_cgroup_mount(box, source):
    """What the parent says about the cgroup may reach init while it waits for the mapping."""
    box.userns().chown_to()
    (box.rootfs / "one").mkdir()
    cgroup = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
              "options": ["ro", "nosuid", "noexec", "nodev"]}
    box.config["mounts"] = [m for m in box.mounts if m["type"] != "cgroup"]
    box.mount("/one", "bind", str(source), ["rbind"])
    mapped(box, box.rootfs / "one", ["rbind"])
    box.mounts.append(cgroup)
    assert stat(box, "/mnt/b") == ["1:2"]


def test_other_options(box, source):
    mapped(box, source, ["bind", "ro", "nosuid", "shared"])
    line = box.out("grep ' /mnt ' /proc/self/mountinfo")
    assert "ro,nosuid" in line and "shared:" in line and "idmapped" in line


def test_no_descriptor_is_left(box, source):
    for i in range(20):
        mapped(box, source, to=f"/tmp/{i}")
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 20}]
    assert stat(box, "/tmp/19/b") == ["100001:100002"]
    box.userns().chown_to()
    assert stat(box, "/tmp/19/b") == ["1:2"]


@pytest.mark.parametrize("change,words", [
    (dict(uidMappings=MAP), "must have both uid and gid mappings"),
    (dict(gidMappings=MAP), "must have both uid and gid mappings"),
    (dict(options=["bind", "idmap"]), "must have both uid and gid mappings"),
    (dict(options=["ro"], type="tmpfs", uidMappings=MAP, gidMappings=MAP),
     "id-mapped mounts are only supported for bind-mounts"),
    (dict(uidMappings=[{"containerID": 0, "hostID": 1, "size": 0}], gidMappings=MAP),
     "write to /proc/"),
])
def test_refused(box, source, change, words):
    m = box.bind(source, "/mnt")
    m.update(change)
    box.run().fails(words, code=1)


def test_a_file_system_without_mapping(box):
    """procfs knows no mapped mounts; the message names the call and the source."""
    mapped(box, "/proc/sys/kernel/ostype")
    box.run().fails("failed to set MOUNT_ATTR_IDMAP on /proc/sys/kernel/ostype",
                    "invalid argument", code=1)
