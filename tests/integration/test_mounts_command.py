# SPDX-License-Identifier: Apache-2.0
"""mounts add and mounts remove: what a running container sees afterwards, and what the host does not."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

from support import leaks
from support.runtime import wait_until
from test_faults import BINARY as FAULTS
from test_faults import pytestmark as needs_build
from test_rootless import rootless, user  # noqa: F401
from test_security_races import out_of, swapping

TMPFS = {"destination": "/data/tmpfs", "type": "tmpfs", "source": "tmpfs"}


class Mounts:
    """A running container and the command."""

    def __init__(self, box, tmp_path):
        self.box, self.file = box, tmp_path / "mounts.json"

    def __call__(self, verb, *mounts, **kw):
        self.file.write_text(json.dumps(list(mounts)))
        return self.box.hull("mounts", verb, self.box.id, self.file, **kw)

    def add(self, *mounts):
        return self("add", *mounts)

    def remove(self, *destinations):
        return self("remove", *({"destination": d} for d in destinations))

    def table(self):
        """Mount points in the container below /data and /esc, with their lines."""
        text = pathlib.Path(f"/proc/{self.box.pid()}/mountinfo").read_text()
        lines = [line.split() for line in text.splitlines()]
        return {f[4]: f for f in lines if f[4].startswith(("/data", "/esc"))}

    def sh(self, script):
        return self.box.esh(script)


@pytest.fixture
def source(scratch):
    (scratch / "file").write_text("host\n")
    (scratch / "dir").mkdir()
    (scratch / "dir/inside").write_text("inside\n")
    os.symlink("file", scratch / "link")
    os.symlink("dir", scratch / "dlink")
    return scratch


@pytest.fixture
def box(box):
    (box.rootfs / "data").mkdir()
    return box.writable()


@pytest.fixture
def mounts(box, tmp_path):
    """Not yet running: the test may change the box, and calls box.up()."""
    yield Mounts(box, tmp_path)
    assert not leaks.mounts(str(tmp_path / "bundle")), "the host sees mounts of the container"
    if (box.hull.root / box.id).is_dir():
        box.end()


def bind(source, destination, *options, **members):
    return {"destination": destination, "type": "bind", "source": str(source), "options": ["bind", *options], **members}


# ----------------------------------------------------------------------------------------------- add


def test_directory(mounts, box, source):
    box.up()
    mounts.add(bind(source / "dir", "/data/a/b")).ok()
    assert mounts.sh("cat /data/a/b/inside; echo new > /data/a/b/new") == "inside\n"
    assert (source / "dir/new").read_text() == "new\n"


def test_file_read_only(mounts, box, source):
    box.up()
    mounts.add(bind(source / "file", "/data/file", "ro", "nosuid", "nodev", "noexec")).ok()
    assert mounts.sh("cat /data/file; echo > /data/file || echo refused") == "host\nrefused\n"
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(mounts.table()["/data/file"][5].split(","))


def test_options_of_a_tmpfs(mounts, box):
    (box.rootfs / "data/tmpfs").mkdir(mode=0o711)
    box.up()
    mounts.add(dict(TMPFS, options=["size=64k", "nosuid"])).ok()
    assert mounts.sh("stat -c '%a %u' /data/tmpfs; head -c 70000 /dev/zero > /data/tmpfs/x || echo full") == "711 0\nfull\n"


def test_tmpcopyup_and_read_only(mounts, box):
    (box.rootfs / "data/tmpfs").mkdir()
    (box.rootfs / "data/tmpfs/x").write_text("image\n")
    box.up()
    mounts.add(dict(TMPFS, options=["tmpcopyup", "ro"])).ok()
    assert mounts.sh("cat /data/tmpfs/x; touch /data/tmpfs/y || echo refused") == "image\nrefused\n"


def test_the_root_stays_writable_or_not(mounts, box):
    box.up()
    mounts.add(dict(TMPFS, options=["ro"])).ok()
    assert mounts.sh("touch /data/x && echo writable") == "writable\n"


def test_proc_is_of_the_container(mounts, box, source):
    box.up()
    mounts.add(dict(TMPFS, type="proc", destination="/data/proc"), bind(source / "dir", "/data/dir")).ok()
    assert mounts.sh("cmp /data/proc/1/stat /proc/1/stat && cat /data/dir/inside") == "inside\n"
    assert int(mounts.sh("readlink /data/proc/self")) < 1000


def test_sysfs_is_of_the_container(mounts, box):
    box.up()
    mounts.add(dict(TMPFS, type="sysfs", destination="/data/sys")).ok()
    assert mounts.sh("ls /data/sys/class/net") == "lo\n"


@pytest.mark.parametrize("kind", ["mqueue", "ramfs"])
def test_other_types(mounts, box, kind):
    box.up()
    mounts.add(dict(TMPFS, type=kind)).ok()
    assert mounts.table()["/data/tmpfs"][-3] == kind


def test_order_and_nesting(mounts, box, source):
    box.up()
    mounts.add(TMPFS, bind(source / "dir", "/data/tmpfs/dir"), bind(source / "file", "/data/tmpfs/file")).ok()
    assert mounts.sh("cat /data/tmpfs/dir/inside /data/tmpfs/file; ls /data/tmpfs") == "inside\nhost\ndir\nfile\n"


def test_a_source_relative_to_the_bundle(mounts, box):
    (box.dir / "volume").mkdir()
    (box.dir / "volume/x").write_text("bundle\n")
    box.up()
    mounts.add(bind("volume", "/data/v")).ok()
    assert mounts.sh("cat /data/v/x") == "bundle\n"


def test_links_as_source(mounts, box, source):
    box.up()
    mounts.add(bind(source / "link", "/data/copied", "copy-symlink"), bind(source / "link", "/data/followed"),
               bind(source / "link", "/data/mounted", "src-nofollow")).ok()
    assert mounts.sh("readlink /data/copied; cat /data/followed; readlink /data/mounted") == "file\nhost\nfile\n"


def test_nothing_to_do(mounts, box):
    box.up()
    mounts.add().ok()
    mounts.remove().ok()


def test_from_a_pipe(mounts, box, source):
    box.up()
    text = json.dumps([bind(source / "dir", "/data/a")]).encode()
    box.hull("mounts", "add", box.id, "/dev/stdin", input=text).ok()
    assert "/data/a" in mounts.table()


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_user_namespace(mounts, box, source, mode):
    """With mode 0700 the container's root could not reach the source itself."""
    os.chown(source / "file", 100000, 100000)
    source.chmod(mode)
    box.userns().chown_to()
    box.up()
    mounts.add(bind(source / "file", "/data/file", "ro"), TMPFS,
               dict(TMPFS, type="proc", destination="/data/proc")).ok()
    assert mounts.sh("stat -c %u:%g /data/file /data/tmpfs; cat /data/proc/self/status | grep -c Name") == "0:0\n0:0\n1\n"
    assert "ro" in mounts.table()["/data/file"][5]


def test_flags_of_the_source_stay_locked(mounts, box, source):
    """As at a create: what the host has mounted read-only can't be made writable in a user namespace."""
    subprocess.run(["mount", "--bind", source / "dir", source / "dir"], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", source / "dir"], check=True)
        box.userns().chown_to()
        box.up()
        mounts.add(bind(source / "dir", "/data/dir", "nosuid")).ok()
        assert "ro" in mounts.table()["/data/dir"][5].split(",")
        mounts.add(bind(source / "dir", "/data/two", "rw")).fails("cannot clear locked flags", code=1)
        assert "/data/two" not in mounts.table()
    finally:
        subprocess.run(["umount", source / "dir"], check=True)


@pytest.mark.parametrize("userns,option,expect", [
    (False, "idmap=uids=0-7-10;gids=0-8-10", "7:8"), (True, "idmap=uids=@0-7-10;gids=@0-8-10", "7:8"),
    (True, "idmap", "0:0"), (False, None, "300:300"), (True, None, "65534:65534")])
def test_mapped_ids(mounts, box, source, userns, option, expect):
    if userns:
        box.userns().chown_to()
    box.up()
    if option:
        mounts.add(bind(source / "dir", "/data/dir", option)).ok()
    else:
        ids = [{"containerID": 0, "hostID": 300, "size": 10}]
        mounts.add(bind(source / "dir", "/data/dir", uidMappings=ids, gidMappings=ids)).ok()
    assert mounts.sh("stat -c %u:%g /data/dir/inside") == expect + "\n"


def test_created_and_paused(mounts, box, source):
    box.sh("cat /data/a/inside; sleep 1000").create().ok()
    mounts.add(bind(source / "dir", "/data/a")).ok()
    box.start().ok()
    box.hull("pause", box.id).ok()
    mounts.add(bind(source / "dir", "/data/b")).ok()
    assert box.status() == "paused"
    box.hull("resume", box.id).ok()
    assert mounts.sh("cat /data/b/inside") == "inside\n"
    assert box.printed() == "inside\n"


def test_what_the_container_mounts_there_stays_in_it(mounts, box, source):
    """The source is shared: without care a mount in the container would show up on the host."""
    (source / "dir/sub").mkdir()
    subprocess.run(["mount", "--bind", source / "dir", source / "dir"], check=True)
    try:
        subprocess.run(["mount", "--make-shared", source / "dir"], check=True)
        pid = box.up()
        mounts.add(bind(source / "dir", "/data/a", "rbind")).ok()
        subprocess.run(["nsenter", "-t", str(pid), "-m", "/bin/busybox", "mount", "-t", "tmpfs", "x", "/data/a/sub"],
                       check=True)
        assert "/data/a/sub" in mounts.table()
        assert not leaks.mounts(str(source / "dir/sub"))
    finally:
        subprocess.run(["umount", "-R", source / "dir"], check=True)


@pytest.mark.parametrize("options", [["remount", "ro"], ["bind", "remount", "ro"]])
def test_no_remount(mounts, box, options):
    box.up()
    mounts.add(dict(TMPFS)).ok()
    mounts.add(dict(TMPFS, options=options)).fails("remount is not possible in a running container", code=1)


def test_a_user_without_rights(rootless, user, tmp_path, source):
    """Sources are cloned from a copy of the host's mounts that belongs to the container's namespace."""
    (source / "dir/sub").mkdir()
    (source / "closed").mkdir(mode=0o700)
    (tmp_path / "m.json").write_text(json.dumps([
        bind(source / "dir", "/tmp/dir", "rbind", "ro"), bind(source / "file", "/tmp/file"),
        dict(TMPFS, destination="/tmp/tmpfs"), dict(TMPFS, destination="/tmp/proc", type="proc")]))
    rootless.config["root"]["readonly"] = False
    rootless.sh("sleep 1000").write()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "x", source / "dir/sub"], check=True)
    (source / "dir/sub/below").touch()
    try:
        with open(os.devnull, "w") as null:
            user("run", "-d", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
        user("mounts", "add", rootless.id, tmp_path / "m.json").ok()
        r = user("exec", rootless.id, "/bin/sh", "-c",
                 "cat /tmp/dir/inside /tmp/file; ls /tmp/dir/sub; touch /tmp/dir/x || echo refused; ls -d /tmp/proc/1")
        assert r.out == "inside\nhost\nbelow\nrefused\n/tmp/proc/1\n"
        (tmp_path / "closed.json").write_text(json.dumps([bind(source / "closed/x", "/tmp/x")]))
        user("mounts", "add", rootless.id, tmp_path / "closed.json").fails("open source", "permission denied", code=1)
        (tmp_path / "alone.json").write_text(json.dumps([bind(source / "dir", "/tmp/x", "ro")]))
        user("mounts", "add", rootless.id, tmp_path / "alone.json").fails("open source", "use rbind", code=1)
        user("mounts", "remove", rootless.id, tmp_path / "m.json").ok()
        assert user("exec", rootless.id, "/bin/ls", "-A", "/tmp/dir", "/tmp/tmpfs").out == "/tmp/dir:\n\n/tmp/tmpfs:\n"
    finally:
        user("delete", "--force", rootless.id)
        subprocess.run(["umount", source / "dir/sub"], check=True)


# ---------------------------------------------------------------------------------- undo and refusals


@pytest.mark.parametrize("userns", [False, True])
def test_all_is_taken_back(mounts, box, source, userns):
    if userns:
        box.userns().chown_to()
    (box.rootfs / "data/file").touch()
    box.up()
    before = mounts.table()
    mounts.add(TMPFS, bind(source / "dir", "/data/tmpfs/dir"), bind(source / "link", "/data/link", "copy-symlink"),
               bind(source / "file", "/data/file"), dict(TMPFS, destination="/data/mq", type="mqueue"),
               dict(TMPFS, destination="/data/t", options=["ro", "lazytime"]),
               bind(source / "dir", "/data/file/x")).fails("/data/file/x", "not a directory", code=1)
    assert mounts.table() == before
    assert mounts.sh("ls -A /data /data/tmpfs").split() == ["/data:", "file", "mq", "t", "tmpfs", "/data/tmpfs:"]


@needs_build
def test_a_failure_at_each_step(mounts, box, source):
    """By number, until there are no more steps."""
    for name in ("tmpfs", "dir"):
        (box.rootfs / "data" / name).mkdir()
    box.up()
    mounts.file.write_text(json.dumps([dict(TMPFS, options=["ro"]), bind(source / "dir", "/data/dir"),
                                       bind(source / "link", "/data/link", "copy-symlink")]))
    argv = [FAULTS, "--root", str(box.hull.root), "mounts", "add", box.id, str(mounts.file)]
    for step in range(20):
        if step == 3:    # the parent's last one, by which its process may have done everything
            continue
        r = box.hull.call(argv, env={**os.environ, "HULL_FAULT": f"{step}:5"})
        if r.code == 0:
            break
        r.fails(f"injected fault at step {step}", code=1)
        assert mounts.table() == {} and mounts.sh("ls /data") == "dir\ntmpfs\n"
    assert step == 11
    assert set(mounts.table()) == {"/data/tmpfs", "/data/dir"}


def test_signals_wait(mounts, box, tmp_path):
    """Killed half-way nobody would take the first mount back: SIGTERM counts when all is done."""
    (box.rootfs / "data/tmpfs").mkdir()
    for i in range(1000):
        (box.rootfs / f"data/tmpfs/{i}").touch()
    box.up()
    entries = [dict(TMPFS, options=["tmpcopyup"])] * 10
    mounts.file.write_text(json.dumps(entries))
    for _ in range(5):
        p = box.hull.popen("mounts", "add", box.id, mounts.file)
        wait_until(lambda: mounts.table() or p.poll() is not None)
        p.send_signal(signal.SIGTERM)
        p.wait(timeout=60)
        assert pathlib.Path(f"/proc/{box.pid()}/mountinfo").read_text().count(" /data/tmpfs ") == 10
        mounts("remove", *entries).ok()


@pytest.mark.parametrize("bad,words", [
    (dict(TMPFS, options=["nonsense=1"]), "nonsense"),
    (bind("/no/where", "/data/x"), "open source /no/where"),
    (dict(TMPFS, destination=""), "destination"),
    (dict(TMPFS, type=None), "neither a type nor the option bind is given"),
    (dict(TMPFS, options=["idmap"]), "id-mapped mounts are only supported for bind-mounts"),
    (dict(TMPFS, type="overlay", options=["lowerdir=/data:/etc"]), "type overlay can't be mounted in a running container"),
    (dict(TMPFS, type="ext4", source="/dev/sda1"), "type ext4 can't be mounted in a running container"),
    (dict(TMPFS, type="cgroup"), "type cgroup can't be mounted in a running container"),
    (dict(TMPFS, options=["remount", "ro"], destination="/data"), "remount is not possible"),
    (dict(TMPFS, options=["iversion"]), "with these options in a running container"),
    (dict(TMPFS, destination="/"), "on the top of rootfs"),
    (dict(TMPFS, destination="/data/../../.."), "on the top of rootfs"),
    (dict(TMPFS, destination="/proc", type="proc"), "would uncover what is masked"),
    (dict(TMPFS, destination="/proc"), "would uncover what is masked"),
    (bind("/proc", "/proc", "rbind"), "would uncover what is masked"),
    (bind("/etc/passwd", "/proc/filesystems"), "inside /proc"),
    (bind("/etc", "/proc/self/cwd"), "/proc/self/cwd"),
    (bind("/etc", "/data/way/sys/kernel"), "inside /proc"),
    (dict(TMPFS, type="proc", destination="/data/way"), "must be mounted on ordinary directory"),
])
def test_refused(mounts, box, bad, words):
    os.symlink("/proc", box.rootfs / "data/way")
    box.up()
    before = mounts.table()
    mounts.add(TMPFS, bad).fails(words, code=1)
    assert mounts.table() == before
    assert mounts.sh("ls -d /proc/1") == "/proc/1\n"


@pytest.mark.parametrize("text,words", [
    ("", "empty"), ("[", "1:2"), ("[{}]", "mounts[0].destination: missing"), ("{}", "mounts: expected array"),
    ('[{"destination":1}]', "mounts[0].destination: expected string"), ("[] []", "expected end of text"),
    ('[{"destination":"/x","type":"bind","source":"/","options":["bind","idmap=x"]}]', "mounts[0].options[1]"),
])
def test_files_that_make_no_sense(mounts, box, text, words):
    box.up()
    mounts.file.write_text(text)
    for verb in ("add", "remove"):
        box.hull("mounts", verb, box.id, mounts.file).fails(words, code=1)


def test_calls_that_make_no_sense(mounts, box, tmp_path):
    box.up()
    mounts("change").fails("unknown command change", code=1)
    box.hull("mounts", "add", box.id).fails("requires exactly 3", code=1)
    box.hull("mounts", "add", box.id, tmp_path / "none").fails("no such file", code=1)
    box.hull("mounts", "add", "nobody", mounts.file).fails("container does not exist", code=1)


def test_a_stopped_container(mounts, box):
    box.up()
    box.kill()
    box.wait_stopped()
    for verb in ("add", "remove"):
        mounts(verb, TMPFS).fails("container not running", code=1)


def test_without_a_mount_namespace(mounts, box):
    box.namespaces(mount=False)
    box.config["mounts"] = []
    for member in ("maskedPaths", "readonlyPaths"):
        box.linux.pop(member, None)
    box.sh("sleep 1000").detach().ok()
    mounts.add(TMPFS).fails("no mount namespace of its own", code=1)


# ------------------------------------------------------------------------------------ hostile contents


@pytest.mark.parametrize("text", ["/../../esc", "{out}", "../../../../../../../../../../..{out}"])
def test_destination_leads_out(mounts, box, source, tmp_path, text):
    out = tmp_path / "out"
    out.mkdir()
    os.symlink(text.format(out=out), box.rootfs / "data/way")
    (box.rootfs / "esc").mkdir()
    box.up()
    for destination in ("/data/way/x", "/data/way"):
        mounts.add(dict(TMPFS, destination=destination), bind(source / "dir", destination))
    mounts.add(bind(source / "link", "/data/way/link", "copy-symlink"))
    assert os.listdir(out) == []
    assert not leaks.mounts(str(out))


@pytest.mark.slow
@pytest.mark.parametrize("what", ["dir", "tmpfs", "copy-symlink", "dest-nofollow"])
def test_destination_is_swapped(mounts, box, source, tmp_path, what):
    """A directory of the container and a link to the host's, and to /proc, change places meanwhile."""
    out = tmp_path / "out"
    out.mkdir()
    (box.rootfs / "data/dir").mkdir()
    os.symlink(out_of(box.rootfs, out), box.rootfs / "data/other")
    box.up()
    m = {"dir": bind(source / "dir", "/data/dir/x"), "tmpfs": dict(TMPFS, destination="/data/dir/x"),
         "copy-symlink": bind(source / "link", "/data/dir/x", "copy-symlink"),
         "dest-nofollow": bind(source / "file", "/data/dir/x", "dest-nofollow")}[what]
    for target in (out_of(box.rootfs, out), "/proc/sys"):
        os.unlink(box.rootfs / "data/other")
        os.symlink(target, box.rootfs / "data/other")
        with swapping(box.rootfs / "data/dir", box.rootfs / "data/other"):
            for _ in range(25):
                r = mounts.add(m)
                assert r.code in (0, 1), r
                mounts("remove", m)
                assert not leaks.mounts(str(out))
        if os.path.islink(box.rootfs / "data/dir"):
            os.rename(box.rootfs / "data/dir", box.rootfs / "data/tmp")
            os.rename(box.rootfs / "data/other", box.rootfs / "data/dir")
            os.rename(box.rootfs / "data/tmp", box.rootfs / "data/other")
    assert os.listdir(out) == []
    assert mounts.sh("ls /proc/sys/kernel/hostname; grep -c ' /proc/sys/x ' /proc/self/mountinfo || true").split() == \
        ["/proc/sys/kernel/hostname", "0"]


@pytest.mark.slow
def test_source_is_swapped(mounts, box, source, tmp_path):
    (tmp_path / "secret").write_text("secret\n")
    os.symlink(tmp_path / "secret", source / "other")
    box.up()
    with swapping(source / "file", source / "other"):
        for _ in range(40):
            r = mounts.add(bind(source / "file", "/data/file", "src-nofollow"))
            assert r.code == 0, r
            assert mounts.sh("cat /data/file || echo link") in ("host\n", "link\n")
            mounts.add(bind(source / "file", "/data/copy", "copy-symlink"))
            mounts("remove", bind(source, "/data/copy", "copy-symlink"))
            mounts.remove("/data/file").ok()


# -------------------------------------------------------------------------------------------- remove


def test_remove(mounts, box, source):
    box.up()
    mounts.add(TMPFS, bind(source / "dir", "/data/tmpfs/dir"), bind(source / "file", "/data/file")).ok()
    mounts.remove("/data/tmpfs", "/data/tmpfs/dir", "/data/file").ok()
    assert mounts.table() == {}
    assert (source / "dir/inside").exists()


@pytest.mark.parametrize("entry", [{}, {"type": "tmpfs"}])
def test_remove_of_no_destination(mounts, box, entry):
    box.up()
    mounts("remove", entry).fails("destination")


@pytest.mark.parametrize("userns", [False, True])
def test_remove_what_the_configuration_has(mounts, box, source, userns):
    if userns:
        box.userns().chown_to()
    box.bind(source / "dir", "/data/conf")
    box.up()
    assert "/data/conf" in mounts.table()
    mounts.remove("/data/conf").ok()
    assert mounts.table() == {}


def test_one_of_two_on_each_other(mounts, box, source):
    box.up()
    mounts.add(bind(source / "dir", "/data/x"), dict(TMPFS, destination="/data/x")).ok()
    assert mounts.sh("ls /data/x") == ""
    mounts.remove("/data/x").ok()
    assert mounts.sh("ls /data/x") == "inside\n"
    mounts.remove("/data/x").ok()
    mounts.remove("/data/x").fails("nothing is mounted at /data/x", code=1)


def test_in_use_and_with_more_below(mounts, box, source):
    box.up("while ! cd /data/tmpfs/dir 2>/dev/null; do sleep 0.05; done; touch here; sleep 1000")
    mounts.add(TMPFS, bind(source / "dir", "/data/tmpfs/dir")).ok()
    wait_until((source / "dir/here").exists)
    mounts.remove("/data/tmpfs").ok()
    assert mounts.table() == {}


def test_through_a_link(mounts, box, source):
    os.symlink("dir", box.rootfs / "data/way")
    (box.rootfs / "data/dir").mkdir()
    box.up()
    mounts.add(bind(source / "dir", "/data/way")).ok()
    assert "/data/dir" in mounts.table()
    mounts.remove("/data/way").ok()
    assert mounts.table() == {}


def test_links(mounts, box, source):
    """What is mounted on a link, a link that is mounted, and a copied one."""
    os.symlink("dir", box.rootfs / "data/point")
    (box.rootfs / "data/dir").mkdir()
    box.up()
    entries = [bind(source / "file", "/data/point", "dest-nofollow"), bind(source / "dlink", "/data/link", "src-nofollow"),
               bind(source / "dlink", "/data/copy", "copy-symlink"), dict(TMPFS, destination="/data/dir")]
    mounts.add(*entries).ok()
    assert set(mounts.table()) == {"/data/point", "/data/link", "/data/dir"}
    mounts("remove", *entries[:3]).ok()
    assert set(mounts.table()) == {"/data/dir"}
    assert mounts.sh("ls /data") == "dir\nlink\npoint\n"


@pytest.mark.parametrize("what", ["/", "/data/..", "/proc", "/proc/keys", "/proc/sys", "/sys/firmware", "/data/root",
                                  "/data/proc/keys"])
def test_what_stays(mounts, box, what):
    os.symlink("/", box.rootfs / "data/root")
    os.symlink("/proc", box.rootfs / "data/proc")
    box.up()
    before = pathlib.Path(f"/proc/{box.pid()}/mountinfo").read_text()
    mounts.remove(what).fails("must stay mounted", code=1)
    assert pathlib.Path(f"/proc/{box.pid()}/mountinfo").read_text() == before


@pytest.mark.parametrize("what,words", [("/data", "nothing is mounted at /data"), ("/data/none", "open /data/none"),
                                        ("/etc/passwd", "nothing is mounted at /etc/passwd"),
                                        ("", "the destination is empty"), ("/.", "/ must stay mounted")])
def test_not_mounted(mounts, box, what, words):
    box.up()
    mounts.remove(what).fails(words, code=1)


def test_stops_at_the_first_that_is_not_there(mounts, box, source):
    box.up()
    mounts.add(bind(source / "dir", "/data/a"), bind(source / "dir", "/data/b")).ok()
    mounts.remove("/data/a", "/data/none", "/data/b").fails("/data/none", code=1)
    assert set(mounts.table()) == {"/data/a"}
