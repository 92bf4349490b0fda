# SPDX-License-Identifier: Apache-2.0
"""linux.devices, the default devices and links, and what is in /dev"""
import os
import stat

import pytest

DEFAULTS = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9),
            "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
         "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}


def dev(box, path):
    """mode, uid, gid, type and numbers of a node, as seen inside."""
    out = box.out(f"stat -c '%a %u %g %F %t %T' {path}").rsplit(None, 2)
    mode, uid, gid, kind = out[0].split(None, 3)
    return int(mode, 8), int(uid), int(gid), kind, int(out[1], 16), int(out[2], 16)


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_node(box, name):
    assert dev(box, f"/dev/{name}") == (0o666, 0, 0, "character special file", *DEFAULTS[name])


@pytest.mark.parametrize("name", LINKS)
def test_default_link(box, name):
    assert box.out(f"readlink /dev/{name}").strip() == LINKS[name]


def test_core_link(box):
    if os.path.exists("/proc/kcore"):
        assert box.out("readlink /dev/core") == "/proc/kcore\n"


def test_nothing_else(box):
    names = set(box.out("ls /dev").split())
    assert names == {*DEFAULTS, *LINKS, "core", "pts", "shm", "mqueue"} or \
        names == {*DEFAULTS, *LINKS, "pts", "shm", "mqueue"}


def test_defaults_work(box):
    out = box.out("echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; "
                  "echo y > /dev/full 2>/dev/null || echo full; echo z > /dev/stdout")
    assert out.split() == ["4", "4", "full", "z"]


def test_configured(box):
    box.linux["devices"] = [
        {"type": "c", "path": "/dev/one", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 11, "gid": 12},
        {"type": "b", "path": "/dev/block", "major": 7, "minor": 250, "fileMode": 0o600},
        {"type": "p", "path": "/dev/fifo", "fileMode": 0o622, "uid": 5},
        {"type": "u", "path": "/dev/sub/dir/u", "major": 1, "minor": 5},
    ]
    assert dev(box, "/dev/one") == (0o640, 11, 12, "character special file", 1, 3)
    assert dev(box, "/dev/block") == (0o600, 0, 0, "block special file", 7, 250)
    assert dev(box, "/dev/fifo")[:4] == (0o622, 5, 0, "fifo")
    assert dev(box, "/dev/sub/dir/u")[3:] == ("character special file", 1, 5)


def test_mode_is_not_subject_to_umask(box):
    box.linux["devices"] = [{"type": "c", "path": "/dev/x",
        "major": 1, "minor": 3, "fileMode": 0o666}]
    old = os.umask(0o077)
    try:
        assert dev(box, "/dev/x")[0] == 0o666
    finally:
        os.umask(old)


@pytest.mark.parametrize("mode", [0o666, 0o100666, 0o20666])
def test_file_type_bits_in_the_mode(box, mode):
    """Engines pass st_mode as it is."""
    box.linux["devices"] = [{"type": "c", "path": "/dev/x",
        "major": 1, "minor": 3, "fileMode": mode}]
    assert dev(box, "/dev/x")[:1] == (0o666,)


def test_outside_of_dev(box):
    box.writable()
    box.linux["devices"] = [{"type": "c", "path": "/srv/node", "major": 1, "minor": 3}]
    assert dev(box, "/srv/node")[4:] == (1, 3)
    assert stat.S_ISCHR((box.rootfs / "srv/node").stat().st_mode)


def test_of_the_default_set(box):
    """Listing /dev/tty or /dev/null once more is no error and makes no second node."""
    box.linux["devices"] = [
        {"type": "c", "path": "/dev/tty", "major": 5, "minor": 0, "fileMode": 0o666, "uid": 0, "gid": 0},
        {"type": "c", "path": "/dev/null", "major": 1, "minor": 3},
        {"type": "c", "path": "/dev/ptmx", "major": 5, "minor": 2, "fileMode": 0o666}]
    assert dev(box, "/dev/tty")[1:] == (0, 0, "character special file", 5, 0)
    box.args("/bin/true").run().ok()


def test_existing_other_node_is_an_error(box):
    """The spec: a file of that name that is not the device MUST be an error."""
    box.writable()
    (box.rootfs / "srv").mkdir()
    (box.rootfs / "srv/node").write_text("not a device")
    box.linux["devices"] = [{"type": "c", "path": "/srv/node", "major": 1, "minor": 3}]
    box.run().fails("/srv/node", code=1)
    assert (box.rootfs / "srv/node").read_text() == "not a device"


def test_existing_same_node_is_fine(box):
    box.writable()
    os.mkdir(box.rootfs / "srv")
    os.mknod(box.rootfs / "srv/node", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    box.linux["devices"] = [{"type": "c", "path": "/srv/node", "major": 1, "minor": 3}]
    assert dev(box, "/srv/node")[4:] == (1, 3)


@pytest.mark.parametrize("change, word", [
    ({"type": "x"}, "linux.devices[0].type"), ({"type": None}, "linux.devices[0].type"),
    ({"path": None}, "linux.devices[0].path"), ({"path": "relative"}, "linux.devices[0].path"),
    ({"major": None}, "linux.devices[0]"), ({"major": -1}, "linux.devices[0]"),
    ({"fileMode": -1}, "linux.devices[0].fileMode"), ({"uid": "root"}, "linux.devices[0].uid"),
])
def test_malformed(box, change, word):
    d = {"type": "c", "path": "/dev/x", "major": 1, "minor": 3}
    d.update(change)
    box.linux["devices"] = [d]
    box.run().fails(word, code=1)


def test_in_a_user_namespace(box):
    box.userns()
    box.chown_to()
    box.linux["devices"] = [{"type": "c", "path": "/dev/zero", "major": 1, "minor": 5},
                            {"type": "c", "path": "/dev/kmsg", "major": 1, "minor": 11}]
    if not os.path.exists("/dev/kmsg"):
        box.linux["devices"].pop()
    assert box.out("head -c 2 /dev/zero | wc -c").strip() == "2"


def test_host_dev_is_untouched(box):
    before = {n: os.lstat(f"/dev/{n}") for n in DEFAULTS}
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.args("/bin/true").run().ok()
    for n, st in before.items():
        now = os.lstat(f"/dev/{n}")
        assert (now.st_mode, now.st_uid, now.st_gid) == (st.st_mode, st.st_uid, st.st_gid)


@pytest.fixture
def bound(box, scratch):
    """A box that binds a directory of the host, which has a ptmx of its own; call it with the destination."""
    volume = scratch / "volume"
    (volume / "sub").mkdir(parents=True)
    (volume / "ptmx").write_text("the host's")
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.linux["maskedPaths"] = []
    box.writable()

    def bind(destination, *options):
        box.mount(destination, "bind", str(volume), options or ["rbind"])
        return box
    yield bind
    assert sorted(os.listdir(volume)) == ["ptmx", "sub"] and not os.listdir(volume / "sub")
    assert (volume / "ptmx").read_text() == "the host's"


@pytest.mark.parametrize("options", [["rbind"], ["bind"], ["rbind,rw"], ["nosuid,bind"]])
def test_nothing_is_made_in_a_bound_dev(bound, options):
    """However the options are written."""
    assert bound("/dev", *options).out("ls /dev") == "ptmx\nsub\n"


def test_nothing_is_made_in_a_dev_bound_by_its_path_on_the_host(bound, box):
    bound(f"{box.rootfs}/dev").args("/bin/true").run().ok()


@pytest.mark.parametrize("destination, dev", [
    ("/link", None), ("/dev", "real"), ("/real", "real"), ("/real", "/real/sub")])
def test_nothing_is_made_in_a_dev_bound_through_a_link(bound, box, destination, dev):
    """The destination is a link to /dev, or /dev is one that leads into the bound directory."""
    (box.rootfs / "link").symlink_to("dev")
    if dev:
        (box.rootfs / "dev").rmdir()
        (box.rootfs / "dev").symlink_to(dev)
        (box.rootfs / "real").mkdir()
    assert bound(destination).args("/bin/true").run().ok()


def test_a_tmpfs_over_a_bound_dev_is_filled(bound, box):
    (box.rootfs / "link").symlink_to("dev")
    bound("/link").mount("/dev", "tmpfs", "tmpfs", ["mode=755"])
    assert set(box.out("ls /dev").split()) >= {*DEFAULTS, *LINKS}


def test_a_bind_elsewhere_is_no_matter(bound, box):
    bound("/device")
    assert set(box.out("ls /dev").split()) >= {*DEFAULTS, *LINKS}
