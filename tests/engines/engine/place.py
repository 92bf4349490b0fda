# SPDX-License-Identifier: Apache-2.0
"""
Where the engines run: in a mount and a network namespace of the test session, with a /run, users and
networks of their own, so that nothing on the machine meets them and all of it is gone with the session.
What remains of the machine: its cgroups, in which everything has the session's name or is looked for
at the end. And probes of what the machine offers.
"""
import ctypes
import functools
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import time

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
# The ordinary user: one of the machine's with a systemd of his own, or one of the session's without.
GIVEN_USER = os.environ.get("HULL_ENGINE_USER")
USER = GIVEN_USER or "hullengines"
UID = pwd.getpwnam(USER).pw_uid if GIVEN_USER else 20077
SUBIDS = int(next(l.split(":")[1] for l in open("/etc/subuid", encoding="utf-8") if l.startswith(f"{USER}:"))) \
    if GIVEN_USER else 1000000
ENGINES = "".join(f"{d}:" for d in os.environ.get("ENGINES", "").split(":") if d)
CGROUPS = pathlib.Path("/sys/fs/cgroup")
CAPABILITIES = {"CAP_SYS_RESOURCE": 24, "CAP_SYS_ADMIN": 21}


def sh(*argv, **kw):
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=True, **kw)


def enter(tmp):
    """Goes to the namespaces, as root. What is mounted here is shared within, as on systemd's machines."""
    os.environ["PATH"] = ENGINES + os.environ["PATH"]   # engines call each other
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    sh("mount", "--make-rprivate", "/")
    old = tmp / "run"
    old.mkdir()
    sh("mount", "--rbind", "/run", old)
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run")
    for name in ("systemd", "dbus", "user", "udev"):
        if (old / name).is_dir():
            pathlib.Path("/run", name).mkdir()
            sh("mount", "--rbind", old / name, f"/run/{name}")
    sh("umount", "-l", old)
    own_cgroup_directory(tmp)
    sh("mount", "-t", "tmpfs", "-o", "mode=1777", "shm", "/dev/shm")    # where podman keeps its locks
    if os.path.exists("/dev/net/tun"):      # for everybody, as udev would have it: slirp4netns takes it
        sh("mount", "-t", "tmpfs", "-o", "mode=755", "net", "/dev/net")
        os.mknod("/dev/net/tun", 0o666 | stat.S_IFCHR, os.makedev(10, 200))
        os.chmod("/dev/net/tun", 0o666)
    add_user(tmp)
    cni = pathlib.Path("/var/lib/cni")
    made = not cni.exists()
    cni.mkdir(exist_ok=True)
    sh("mount", "-t", "tmpfs", "cni", cni)
    sh("mount", "--make-rshared", "/")
    sh("ip", "link", "set", "lo", "up")
    return [cni] if made else []


def own_cgroup_directory(tmp):
    """
    Where v1 hierarchies are mounted in a tmpfs: one of our own with the same mounts, since podman makes
    directories in it, and takes what is a directory there to be a controller.
    """
    mounts = [l.split() for l in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    if not any(m[4] == str(CGROUPS) and m[m.index("-") + 1] == "tmpfs" for m in mounts):
        return
    old = tmp / "cgroup"
    old.mkdir()
    sh("mount", "--rbind", CGROUPS, old)
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "cgroups", CGROUPS)
    for name in sorted(os.listdir(old)):
        if (old / name).is_symlink():
            (CGROUPS / name).symlink_to(os.readlink(old / name))
        elif any(m[4] == f"{CGROUPS}/{name}" for m in mounts):
            (CGROUPS / name).mkdir()
            sh("mount", "--rbind", old / name, CGROUPS / name)
    sh("umount", "-l", old)


def add_user(tmp):
    """
    An ordinary user with ranges of subordinate ids, in a copy of /etc: a mount on a file of the machine's
    would be gone when somebody there replaces it.
    """
    sh("cp", "-a", "/etc", tmp / "etc")
    sh("mount", "--bind", tmp / "etc", "/etc")
    home = tmp / "home"
    home.mkdir(mode=0o755)
    os.chown(home, UID, UID)
    if GIVEN_USER:
        return
    lines = {"passwd": f"{USER}:x:{UID}:{UID}::{tmp}/home:/bin/sh", "group": f"{USER}:x:{UID}:",
             "subuid": f"{USER}:{SUBIDS}:65536", "subgid": f"{USER}:{SUBIDS}:65536"}
    for name, line in lines.items():
        with open(f"/etc/{name}", "a", encoding="utf-8") as f:
            print(line, file=f)
    assert pwd.getpwuid(UID).pw_name == USER


def program(name):
    """From the directories of $ENGINES; then Debian's own before others of the same name."""
    return shutil.which(name, path=f"{ENGINES}/usr/bin:/usr/sbin") or shutil.which(name)


def cni_plugins():
    """Where containernetworking-plugins are, None without them."""
    found = shutil.which("host-local", path="/usr/lib/cni:/opt/cni/bin")
    return os.path.dirname(found) if found else None


def has_capability(name):
    line = next(l for l in pathlib.Path("/proc/self/status").read_text().splitlines() if l.startswith("CapBnd"))
    return bool(int(line.split()[1], 16) >> CAPABILITIES[name] & 1)


def no_user_session():
    """None, or why the ordinary user has no systemd to ask for cgroups."""
    return None if os.path.exists(f"/run/user/{UID}/bus") else "no service manager of the ordinary user"


def cgroup_v2():
    return (CGROUPS / "cgroup.controllers").exists()


def try_out(*argv):
    """None, or why a command fails."""
    try:
        r = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        return f"no {argv[0]}"
    return None if r.returncode == 0 else (r.stderr.strip().splitlines() or [f"{argv[0]}: exit {r.returncode}"])[-1]


@functools.cache
def no_bridge():
    """None, or why there can be no network with a bridge."""
    reason = try_out("ip", "link", "add", "hullprobe0", "type", "bridge")
    if reason:
        return f"no bridge here: {reason}"
    try_out("ip", "link", "del", "hullprobe0")
    reason = try_out("ip", "link", "add", "hullprobe0", "type", "veth", "peer", "name", "hullprobe1")
    if reason:
        return f"no veth pair here: {reason}"
    try_out("ip", "link", "del", "hullprobe0")
    return None


@functools.cache
def no_iptables():
    reason = try_out("iptables", "-w", "-t", "nat", "-N", "hullprobe")
    if not reason:
        try_out("iptables", "-w", "-t", "nat", "-X", "hullprobe")
    return f"no iptables here: {reason}" if reason else None


@functools.cache
def no_overlay(tmp):
    """None, or why overlay mounts fail."""
    top = pathlib.Path(tmp, "overlay-probe")
    for d in ("l", "u", "w", "m"):
        (top / d).mkdir(parents=True)
    reason = try_out("mount", "-t", "overlay", "-o", f"lowerdir={top}/l,upperdir={top}/u,workdir={top}/w",
                     "overlay", str(top / "m"))
    if not reason:
        sh("umount", top / "m")
    shutil.rmtree(top)
    return reason


@functools.cache
def no_criu():
    if not shutil.which("criu"):
        return "no criu in PATH"
    reason = try_out(shutil.which("criu"), "check")
    return f"criu does not work here: {reason}" if reason else None


def no_swap_limit():
    here = [*CGROUPS.glob("memory/memory.memsw.limit_in_bytes"), *CGROUPS.glob("*/memory.swap.max")]
    return None if here else "no limit of swap in this kernel"


def cgroups():
    return [top for top, _, _ in os.walk(CGROUPS)]


def cgroups_left(before):
    """New cgroups with a name that engines or these tests give, which are removed; not those of others."""
    words = ("hull-eng", "hulleng", "libpod", "docker", "containerd", "buildah", "/default/", "crio-", "cri-")
    left = [c for c in cgroups() if c not in before and any(w in c for w in words)]
    # Parents that engines make and keep.
    kept = [c for c in left if not any(w in pathlib.Path(c).name for w in ("libpod-",)) and empty(c)]
    for path in sorted(left, key=len, reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            pass
    return [f"cgroup {c}" for c in left if c not in kept]


def empty(cgroup):
    try:
        return not any(pathlib.Path(top, "cgroup.procs").read_text() for top, _, _ in os.walk(cgroup))
    except OSError:
        return True


def processes_left():
    """All descendants of the session: it adopts orphans."""
    from support import leaks
    end = 20
    while end:
        leaks.reap()
        pids = [int(p) for t in os.listdir("/proc/self/task")
                for p in pathlib.Path(f"/proc/self/task/{t}/children").read_text().split()]
        if not pids:
            return []
        end -= 1
        time.sleep(0.1)
    left = [leaks.describe(p) for p in pids]
    for pid in pids:
        os.kill(pid, 9)
    return left


def leave(tmp, made):
    """Unmounts what was mounted below the session's directory and removes it."""
    for line in reversed(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()):
        point = line.split()[4]
        if point.startswith(f"{tmp}/"):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    for path in made:
        subprocess.run(["umount", "-l", path], check=False, capture_output=True)
        try:
            path.rmdir()
        except OSError:
            pass
    shutil.rmtree(tmp, ignore_errors=True)


def alive(pid):
    from support import leaks
    return leaks._state(pid)[0] not in "ZX"


def a_device():
    """The number of a character device that can be opened and is none of those that each container has."""
    for path in ("/dev/fuse", "/dev/net/tun", "/dev/loop-control"):
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
            return os.stat(path).st_rdev
        except OSError:
            pass
    return None
