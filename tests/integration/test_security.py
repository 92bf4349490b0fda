# SPDX-License-Identifier: Apache-2.0
"""
Attacks from known advisories, against decoys below the test's own directory. The rootfs and all volumes
are hostile; nothing outside of the rootfs, the cgroup and the state directory may be read, written,
mounted on, signalled or made.
"""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import time

import pytest

from support import leaks, runtime
from support.console import ConsoleSocket, Terminal


@pytest.fixture
def decoy(scratch):
    """A directory on the host that must stay as it is."""
    d = scratch / "decoy"
    (d / "sub").mkdir(parents=True)
    (d / "file").write_text("decoy\n")

    def snapshot():
        return sorted((str(p), p.lstat().st_mode, p.lstat().st_uid, p.read_text() if p.is_file() else "")
                      for p in [d, *d.rglob("*")])

    before = snapshot()
    yield d
    assert snapshot() == before, "the decoy was changed"


# CVE-2024-21626: leaked descriptors and the working directory
@pytest.mark.parametrize("fd", [*range(0, 16)])
def test_cwd_proc_self_fd_run(box, fd):
    box.process["cwd"] = f"/proc/self/fd/{fd}"
    r = box.sh("pwd -P; ls -a; ls -a ../../..").run()
    if r.code == 0:
        assert "state.json" not in r.out and "boot" not in r.out.split()
        assert not r.out.startswith("(unreachable)")


@pytest.mark.parametrize("fd", [*range(3, 16)])
def test_cwd_proc_self_fd_exec(box, fd):
    box.up()
    r = box.exec(
    "--cwd",
    f"/proc/self/fd/{fd}",
    box.id,
    "/bin/sh",
    "-c",
     "pwd -P; ls -a ../../../..")
    if r.code == 0:
        assert "boot" not in r.out.split() and not r.out.startswith("(unreachable)")
    box.end()


@pytest.mark.parametrize("fd", range(3, 12))
def test_args_proc_self_fd(box, fd):
    r = box.args(f"/proc/self/fd/{fd}", "version").run()
    assert "hull" not in r.out and "spec:" not in r.out


def test_cwd_link_in_the_image(box):
    """WORKDIR in an image may be a link to /proc/self/fd/N."""
    for n in range(3, 12):
        os.symlink(f"/proc/self/fd/{n}", box.rootfs / f"wd{n}")
        box.process["cwd"] = f"/wd{n}"
        r = box.sh("pwd -P; ls ../../..").run()
        assert "boot" not in r.out.split()


# symlinked mount destinations
@pytest.mark.parametrize("kind", ["tmpfs", "bind", "proc", "sysfs", "mqueue", "devpts"])
@pytest.mark.parametrize("link", ["last", "parent", "dotdot", "chain"])
def test_mount_destination_link(box, decoy, kind, link):
    target = str(decoy)
    where = "/link"
    if link == "last":
        os.symlink(target, box.rootfs / "link")
    elif link == "parent":
        os.symlink(target, box.rootfs / "link")
        where = "/link/sub"
    elif link == "dotdot":
        os.symlink("../" * 20 + target.lstrip("/"), box.rootfs / "link")
    else:
        os.symlink("b", box.rootfs / "link")
        os.symlink(target, box.rootfs / "b")
    if kind == "bind":
        (box.dir / "src").mkdir()
        (box.dir / "src/marker").touch()
        box.bind(box.dir / "src", where)
    else:
        box.mount(where, kind, kind, [])
    box.sh(f"ls {where}/ >/dev/null; grep -c '{target}' /proc/self/mountinfo").run()
    assert not [m for m in leaks.mounts(str(decoy))]


def test_file_bind_through_a_link(box, decoy):
    """/etc/resolv.conf in the image is a link to a host file."""
    (box.dir / "resolv").write_text("nameserver x\n")
    os.symlink(decoy / "file", box.rootfs / "etc/resolv.conf")
    box.bind(box.dir / "resolv", "/etc/resolv.conf")
    assert box.sh("cat /etc/resolv.conf").run().out in ("nameserver x\n", "")


def test_etc_is_a_link(box, decoy):
    (box.dir / "resolv").write_text("x")
    shutil.move(box.rootfs / "etc", box.rootfs / "real-etc")
    os.symlink(decoy, box.rootfs / "etc")
    box.bind(box.dir / "resolv", "/etc/resolv.conf")
    box.sh("true").run()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [4])
def test_mount_destination_race(make_box, scratch, decoy, seconds):
    """CVE-2021-30465, CVE-2024-45310: a volume in which a directory and a link change places."""
    volume = scratch / "volume"
    (volume / "dir").mkdir(parents=True)
    os.symlink("../" * 20 + str(decoy).lstrip("/"), volume / "link")
    swapper = subprocess.Popen(["python3", "-c", SWAP, str(volume / "dir"), str(volume / "link")])
    try:
        box = make_box()
        box.bind(volume, "/mnt")
        for i in range(4):
            box.mount(f"/mnt/dir/sub{i}/x", "tmpfs", "tmpfs", [])
        end = time.monotonic() + seconds
        n = 0
        while time.monotonic() < end:
            r = box.sh("true").run()
            assert r.code in (0, 1)
            assert not leaks.mounts(str(decoy))
            assert sorted(os.listdir(decoy)) == ["file", "sub"], "something was made in the decoy"
            n += 1
        assert n > 5
    finally:
        swapper.kill()
        swapper.wait()


SWAP = """
import ctypes, os, sys
a, b = (p.encode() for p in sys.argv[1:3])
renameat2 = ctypes.CDLL(None).renameat2
while True:
    renameat2(-100, a, -100, b, 2)
"""


# /proc and /sys
@pytest.mark.parametrize("name", ["proc", "sys"])
def test_proc_or_sys_is_a_link(box, decoy, name):
    """CVE-2019-19921, CVE-2023-27561."""
    (box.rootfs / name).rmdir()
    os.symlink(decoy, box.rootfs / name)
    box.sh("true").run().fails("must be mounted on ordinary directory", code=1)


def test_proc_is_a_link_inside(box):
    (box.rootfs / "proc").rmdir()
    (box.rootfs / "fake").mkdir()
    os.symlink("fake", box.rootfs / "proc")
    box.sh("true").run().fails("must be mounted on ordinary directory", code=1)


def test_sysctl_does_not_follow_the_images_proc(box, decoy):
    """CVE-2025-52881: the write goes through the runtime's own procfs."""
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/proc"]
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    (box.rootfs / "proc").rmdir()
    os.symlink(decoy, box.rootfs / "proc")
    (box.dir / "x").touch()
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.process["oomScoreAdj"] = 700
    box.sh("true").run()


# /dev
def test_dev_is_a_link(box, decoy):
    """CVE-2026-41579: no mount on /dev, and the image's /dev points out."""
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    (box.rootfs / "dev").rmdir()
    os.symlink("../" * 20 + str(decoy).lstrip("/"), box.rootfs / "dev")
    box.writable()
    box.sh("true").run()
    assert sorted(os.listdir(decoy)) == ["file", "sub"]


@pytest.mark.parametrize("name", ["null", "zero", "full", "random",
                         "urandom", "tty", "ptmx", "fd", "stdin", "core"])
def test_dev_nodes_are_links(box, decoy, name):
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    os.symlink(decoy / "file", box.rootfs / "dev" / name)
    box.writable()
    box.sh("echo overwritten > /dev/null").run()
    assert (decoy / "file").read_text() == "decoy\n"


def test_dev_console_link(box, decoy):
    """CVE-2026-88264."""
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.mount("/dev/pts", "devpts", "devpts", ["newinstance", "ptmxmode=0666", "mode=0620"])
    os.symlink(decoy / "made", box.rootfs / "dev/console")
    box.writable().process["terminal"] = True
    box.sh("tty; echo end").write()
    with Terminal(box.hull.argv("run", "--bundle", box.dir, box.id)) as t:
        t.wait()
    assert not (decoy / "made").exists()


def test_dev_console_link_to_a_file(box, decoy):
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.mount("/dev/pts", "devpts", "devpts", ["newinstance", "ptmxmode=0666", "mode=0620"])
    os.symlink(decoy / "file", box.rootfs / "dev/console")
    box.writable().process["terminal"] = True
    box.sh("echo x > /dev/console; echo end").write()
    with Terminal(box.hull.argv("run", "--bundle", box.dir, box.id)) as t:
        t.wait()


@pytest.mark.parametrize("what", ["link", "file", "directory", "fifo", "other-device"])
def test_masked_dev_null_replaced(box, decoy, what):
    """CVE-2025-31133: what masks a file is a verified /dev/null, or the start is refused."""
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    null = box.rootfs / "dev/null"
    {"link": lambda: os.symlink(decoy / "file", null), "file": lambda: null.write_text("evil"),
     "directory": null.mkdir, "fifo": lambda: os.mkfifo(null),
     "other-device": lambda: os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 5))}[what]()
    (box.rootfs / "var/secret").write_text("secret")
    box.linux["maskedPaths"] = ["/var/secret", "/proc/kcore"]
    r = box.writable().sh("cat /var/secret; stat -c %t:%T /var/secret").run()
    if r.code == 0:
        assert r.out == "1:3\n", r


def test_dev_null_of_the_streams(box, decoy):
    """CVE-2026-88265: standard streams are not reattached to something else."""
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    os.symlink(decoy / "file", box.rootfs / "dev/null")
    box.process["user"] = {"uid": 1000, "gid": 1000}
    with open(os.devnull, "r+") as null:
        box.sh("readlink /proc/self/fd/1").write()
        box.hull("run", "--bundle", box.dir, box.id, stdout=null, stderr=null)
    assert os.stat("/dev/null").st_uid == 0


def test_ptmx_replaced(box, decoy):
    """The terminal comes from the devpts that was mounted, whatever /dev/ptmx of the image is."""
    box.config["mounts"] = [m for m in box.mounts if m["destination"] in ("/proc", "/dev/pts")]
    os.symlink(decoy / "file", box.rootfs / "dev/ptmx")
    box.writable().process["terminal"] = True
    box.sh("tty; echo end").write()
    with Terminal(box.hull.argv("run", "--bundle", box.dir, box.id)) as t:
        t.wait()


def test_devices_through_links(box, decoy):
    os.symlink(decoy, box.rootfs / "out")
    box.writable().linux["devices"] = [{"type": "c", "path": "/out/made/node", "major": 1, "minor": 3},
                                       {"type": "p", "path": "/out/fifo"}]
    box.sh("true").run()
    assert not (decoy / "made").exists() and not (decoy / "fifo").exists()


def test_masked_and_readonly_through_links(box, decoy):
    os.symlink(decoy / "file", box.rootfs / "var/m")
    os.symlink(decoy, box.rootfs / "var/r")
    box.linux["maskedPaths"] = ["/var/m"]
    box.linux["readonlyPaths"] = ["/var/r"]
    box.sh("true").run()
    assert not leaks.mounts(str(decoy))


def test_tmpcopyup_through_links(box, decoy):
    """What is copied is the image's, not the host's."""
    os.symlink(decoy, box.rootfs / "var/t")
    box.mount("/var/t", "tmpfs", "tmpfs", ["tmpcopyup"])
    r = box.sh("cat /var/t/file").run()
    assert "decoy" not in r.out


def test_tmpcopyup_of_links_and_nodes(box, decoy):
    d = box.rootfs / "var/t"
    d.mkdir()
    os.symlink(decoy / "file", d / "link")
    os.mkfifo(d / "fifo")
    os.mknod(d / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    box.mount("/var/t", "tmpfs", "tmpfs", ["tmpcopyup"])
    r = box.sh("readlink /var/t/link; test -p /var/t/fifo && echo fifo").run(timeout=15)
    assert "decoy\n" != r.out


def test_cwd_made_through_a_link(box, decoy):
    os.symlink(decoy, box.rootfs / "out")
    box.writable().process["cwd"] = "/out/made/here"
    box.sh("true").run()
    assert not (decoy / "made").exists()


# credentials
def test_inheritable_stays_empty(box):
    """CVE-2022-29162."""
    out = box.out("grep CapInh /proc/self/status")
    assert int(out.split()[1], 16) == 0
    box.up()
    assert int(box.exec("--cap", "CAP_NET_ADMIN", box.id, "/bin/grep", "CapInh", "/proc/self/status")
               .ok().out.split()[1], 16) == 0
    box.end()


def test_exec_has_no_more_than_the_container(box):
    box.process["noNewPrivileges"] = True
    box.up()
    out = box.esh("grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; cat /proc/1/status | "
                  "grep -E 'CapBnd|NoNewPrivs|Seccomp:'").splitlines()
    assert out[:3] == out[3:]
    box.end()


# CVE-2019-5736
@pytest.fixture
def copy_of_hull(scratch):
    """A copy of the runtime: were an attack to succeed, only the copy would suffer."""
    target = scratch / "hull-copy"
    shutil.copy(runtime.binary(), target)
    target.chmod(0o755)
    return target


WATCH = r"""
i=0
while [ $i -lt 400 ]; do
  for p in /proc/[0-9]*; do
    [ "$p" = "/proc/$$" ] && continue
    case "$(readlink $p/exe)" in *busybox*) continue;; esac
    (echo overwritten > $p/exe) 2>/dev/null && echo wrote $p
    (exec 9< $p/exe && i=0; while [ $i -lt 5 ]; do (echo overwritten > /proc/self/fd/9) 2>/dev/null && echo wrote; i=$((i+1)); done) 2>/dev/null
  done
  i=$((i+1))
done
"""


def test_exe_overwrite_through_exec(box, copy_of_hull):
    """A process in the container watches for the runtime's exec and writes to its /proc/PID/exe."""
    box.hull = runtime.Runtime(box.hull.root, str(copy_of_hull))
    before = copy_of_hull.read_bytes()
    box.caps("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE").writable()
    box.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    box.up(WATCH)
    for _ in range(15):
        box.exec(box.id, "/bin/true")
    assert copy_of_hull.read_bytes() == before
    box.end()
    assert copy_of_hull.read_bytes() == before


@pytest.mark.parametrize("form", ["shebang", "link", "direct"])
def test_exe_overwrite_by_reexecution(box, copy_of_hull, form):
    """#!/proc/self/exe: the kernel runs the runtime's own image; it must be a sealed copy."""
    box.hull = runtime.Runtime(box.hull.root, str(copy_of_hull))
    before = copy_of_hull.read_bytes()
    box.caps("CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE").writable()
    if form == "shebang":
        (box.rootfs / "entry").write_text("#!/proc/self/exe\n")
        (box.rootfs / "entry").chmod(0o755)
        program = "/entry"
    elif form == "link":
        os.symlink("/proc/self/exe", box.rootfs / "entry")
        program = "/entry"
    else:
        program = "/proc/self/exe"
    box.args(program, "--version").run()
    box.up(WATCH)
    for _ in range(8):
        box.exec(box.id, program, "--version")
        box.exec(box.id, program, "run", "x")
    box.end()
    assert copy_of_hull.read_bytes() == before


def test_exe_of_init_is_not_writable_from_the_host_either(box, copy_of_hull):
    """/proc/PID/exe of a waiting init is no way to the binary on disk."""
    box.hull = runtime.Runtime(box.hull.root, str(copy_of_hull))
    box.sh("true").create().ok()
    st, own = os.stat(f"/proc/{box.pid()}/exe"), copy_of_hull.stat()
    assert (st.st_dev, st.st_ino) != (own.st_dev, own.st_ino)
    with pytest.raises(OSError):
        os.close(os.open(f"/proc/{box.pid()}/exe", os.O_WRONLY))
    box.end()


def test_waiting_init_is_not_dumpable(box):
    """CVE-2016-9962: nothing in the container can look into it, or into a joining exec."""
    box.sh("true").create().ok()
    st = os.stat(f"/proc/{box.pid()}/fd")
    assert st.st_uid == 0
    assert pathlib.Path(f"/proc/{box.pid()}/environ").read_bytes().strip(b"\0") == b""
    box.end()


LOOK_AROUND = r"""
while :; do
  for p in /proc/[0-9]*; do
    [ "$p" = /proc/1 ] || cat $p/root@FILE@ $p/cwd@FILE@ $p/fd/*/../..@FILE@
  done >> /tmp/seen 2>/dev/null
done
"""


def stolen(box):
    seen = box.rootfs / "tmp/seen"
    return seen.read_text(errors="replace") if seen.exists() else ""


def test_joining_exec_gives_no_way_to_the_host(box, decoy):
    """
    CVE-2016-9962: whoever has CAP_SYS_PTRACE in the container may open /proc/PID/root of an exec that
    joins. So a process may appear in the container's pid namespace only after it has left the host's
    mount namespace.
    """
    box.caps("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH").writable()
    box.up(LOOK_AROUND.replace("@FILE@", str(decoy / "file")))
    for _ in range(40):
        box.exec(box.id, "/bin/true")
    box.end()
    assert stolen(box) == ""


@pytest.mark.xfail(strict=False, reason="known, as with runc: procfs can only be mounted from inside of "
                   "the pid namespace, so init is visible there before its pivot")
def test_joining_container_gives_no_way_to_the_host(make_box, decoy):
    """The same for a container that is created into the pid namespace of another one (a pod's)."""
    a, b = make_box("a"), make_box("b")
    a.caps("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH").writable()
    pid = a.up(LOOK_AROUND.replace("@FILE@", str(decoy / "file")))
    b.namespaces(pid=f"/proc/{pid}/ns/pid")
    for _ in range(15):
        b.sh("true").run().ok()
    a.end()
    assert stolen(a) == ""


def test_joining_exec_shows_no_descriptors(box):
    """A process with CAP_SYS_PTRACE in the container never sees a descriptor of the host in an exec."""
    box.caps("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH").writable()
    box.up(r"""
while :; do for p in /proc/[0-9]*; do [ "$p" = /proc/1 ] || ls -l $p/fd $p/cwd $p/root 2>/dev/null; done >> /tmp/seen; done
""")
    for _ in range(15):
        box.exec(box.id, "/bin/true")
    box.end()
    seen = (box.rootfs /
    "tmp/seen").read_text(errors="replace") if (box.rootfs /
     "tmp/seen").exists() else ""
    assert str(box.hull.root) not in seen and "state.json" not in seen and "memfd" not in seen
    assert str(box.dir) not in seen


# state root
def test_state_link_is_not_followed(box, decoy):
    """delete of a link in the state root empties no foreign directory."""
    box.hull.root.mkdir(mode=0o700)
    os.symlink(decoy, box.hull.root / box.id)
    box.sh("true").create().fails(code=1)
    for command in (("delete", "--force"), ("delete",), ("state",), ("kill",), ("start",)):
        box.hull(*command, box.id)
    assert (decoy / "file").exists()
    (box.hull.root / box.id).unlink(missing_ok=True)


def test_state_files_that_are_links(box, decoy):
    box.up()
    state = box.hull.root / box.id / "state.json"
    saved = state.read_bytes()
    state.unlink()
    os.symlink(decoy / "file", state)
    box.hull("state", box.id).fails(code=1)
    state.unlink()
    state.write_bytes(saved)
    state.chmod(0o600)
    fifo = box.hull.root / box.id / "exec.fifo"
    os.symlink(decoy / "file", fifo)
    box.hull("start", box.id)
    fifo.unlink(missing_ok=True)
    box.end()


def test_cgroup_path_in_the_state_cannot_escape(box, decoy):
    """A damaged state file: delete --force removes no directory outside of the cgroup trees."""
    box.sh("sleep 1000").create().ok()
    state = box.hull.root / box.id / "state.json"
    saved = state.read_text()
    st = json.loads(saved)

    def twist(v):
        if isinstance(v, dict):
            return {k: twist(x) for k, x in v.items()}
        return str(decoy / "sub") if isinstance(v, str) else v

    st["cgroup_paths"] = twist(st["cgroup_paths"])
    state.write_text(json.dumps(st))
    box.hull("delete", "--force", box.id)
    assert (decoy / "sub").is_dir()
    if (box.hull.root / box.id).is_dir():
        state.write_text(saved)
        box.end()
    leaks.clean(box.id, box.dir)


@pytest.mark.parametrize("ident", ["../decoy", "x/../../scratch/decoy", "/", "..", ".", ""])
def test_id_traversal(box, decoy, ident):
    box.hull.root.mkdir(mode=0o700)
    for command in (("delete", "--force"), ("state",), ("kill",)):
        box.hull(*command, ident)
    box.sh("true").write()
    box.hull("create", "--bundle", box.dir, ident).fails(code=1)


# terminals
def test_tiocsti(box):
    """CVE-2017-5226: the program cannot type into the caller's terminal."""
    box.sh("cut -d' ' -f7 /proc/self/stat; echo done").write()
    with Terminal(box.hull.argv("run", "--bundle", box.dir, box.id)) as t:
        out = t.expect("done")
        t.wait()
    assert out.split()[0] == "0"


def test_console_is_the_containers(box):
    """The pty that the console socket gets is of the container's own devpts."""
    box.process["terminal"] = True
    with ConsoleSocket(box.dir / "s") as s:
        box.sh("sleep 1000").detach("--console-socket", s.path).ok()
        t = s.terminal()
        st = os.fstat(t.fd)
        inside = os.stat(f"/proc/{box.pid()}/root/dev/pts/0")
    assert stat.S_ISCHR(st.st_mode) and stat.S_ISCHR(inside.st_mode)
    assert inside.st_dev != os.stat("/dev/pts").st_dev
    box.end()
    t.rest()


# the rest of the list
def test_hostile_passwd(box):
    """A huge passwd, one endless line, no newline: HOME is / or found, in bounded time."""
    (box.rootfs / "etc/passwd").write_bytes(b"x" * (5 << 20) + b"\nroot:x:0:0::/found:/bin/sh\n")
    r = box.sh("echo $HOME").run(timeout=15)
    assert r.code in (0, 1)
    (box.rootfs / "etc/passwd").write_bytes(b"root:x:0:0::/a\0b:/bin/sh\n" * 10)
    box.sh("true").run()


def test_passwd_is_a_device(box):
    (box.rootfs / "etc/passwd").unlink()
    os.mknod(box.rootfs / "etc/passwd", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    r = box.sh("true").run(timeout=15)
    assert r.code in (0, 1)


def test_setgid_and_stickiness_of_made_directories(box):
    old = os.umask(0)
    try:
        box.mount("/made/a", "tmpfs", "tmpfs", [])
        box.sh("true").run().ok()
    finally:
        os.umask(old)
    assert (box.rootfs / "made").stat().st_mode & 0o022 == 0
