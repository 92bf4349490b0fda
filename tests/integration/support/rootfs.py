# SPDX-License-Identifier: Apache-2.0
"""Root filesystems: busybox (made in milliseconds for each test) and Debian (made once, cached)."""
import fcntl
import os
import pathlib
import shutil
import subprocess

BUSYBOX = "/bin/busybox"
PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
alice:x:1000:1000:Alice:/home/alice:/bin/sh
bob:x:1001:1001:Bob:/home/bob:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
"""
GROUP = """root:x:0:
daemon:x:1:
tty:x:5:
alice:x:1000:
bob:x:1001:
nobody:x:65534:
"""
DIRS = ("bin", "etc", "dev", "proc", "sys", "tmp", "root", "home/alice", "var", "usr/bin",
        "usr/sbin", "sbin", "mnt", "run")

# The commands that tests use; making all 270 links takes longer than most tests.
APPLETS = """[ ash awk basename cat chmod chown chroot chrt cp cut date dd df dirname dmesg du echo env expr
false find free fsync grep groups gunzip gzip head hostname id ionice ip kill killall link linux32 ln ls
lsof md5sum mkdir mkfifo mknod mktemp more mount mountpoint mv nc netstat nice nohup nproc nsenter od
passwd pidof ping printf ps pwd readlink realpath renice reset rm rmdir sed seq setsid sh sha256sum sleep
sort stat stty su sync sysctl tail tar taskset tee test time timeout top touch tr true truncate tty umount
uname uniq unlink unshare uptime usleep vi w watch wc wget which who whoami xargs yes zcat""".split()


def busybox_path():
    """A static busybox, or None."""
    for path in (BUSYBOX, "/usr/bin/busybox"):
        if os.access(path, os.X_OK):
            return path
    return None


def make_busybox(where):
    """Fills the directory where with a small busybox system."""
    root = pathlib.Path(where)
    for d in DIRS:
        (root / d).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "root").chmod(0o700)
    os.chown(root / "home/alice", 1000, 1000)
    shutil.copyfile(busybox_path(), root / "bin/busybox")
    (root / "bin/busybox").chmod(0o755)
    for name in APPLETS:
        os.symlink("busybox", root / "bin" / name)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    return root


def cache_dir():
    d = pathlib.Path(os.environ.get("HULL_TEST_CACHE", "/var/tmp/hull-test"))
    d.mkdir(parents=True, exist_ok=True)
    return d


def apt_sources():
    """The host's apt sources, as arguments for mmdebstrap."""
    etc = pathlib.Path("/etc/apt")
    found = [p for p in [etc / "sources.list"] if p.exists() and p.read_text().strip()]
    parts = etc / "sources.list.d"
    if parts.is_dir():
        found += sorted(p for p in parts.iterdir() if p.suffix in (".list", ".sources"))
    return [str(p) for p in found if "debian" in p.read_text()]


def debian():
    """The cached Debian root filesystem; a string that says why there is none otherwise."""
    cache = cache_dir()
    root = cache / "debian"
    with open(cache / "debian.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (cache / "debian.done").exists():
            return root
        if not shutil.which("mmdebstrap"):
            return "mmdebstrap is not installed"
        if root.exists():
            shutil.rmtree(root)
        done = subprocess.run(["mmdebstrap", "--variant=minbase", "--quiet", "bookworm", str(root)]
                              + apt_sources(), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=420)
        if done.returncode != 0:
            return "mmdebstrap failed: " + (done.stderr.strip().splitlines() or ["?"])[-1]
        (cache / "debian.done").touch()
        return root
