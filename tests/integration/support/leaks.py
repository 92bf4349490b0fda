# SPDX-License-Identifier: Apache-2.0
"""
What a test may not leave behind: state entries, cgroups, mounts, processes. Everything of one test
bears its tag in its name or lies below its directory, so that tests can run beside each other.
"""
import ctypes
import os
import pathlib
import signal
import subprocess
import threading
import time

from . import runtime

CGROUPS = "/sys/fs/cgroup"
PR_SET_CHILD_SUBREAPER = 36


def cgroups(tag):
    """Cgroup directories whose name contains tag, deepest first."""
    found = []
    for top, dirs, _ in os.walk(CGROUPS):
        for d in dirs:
            if tag in d or tag in top[len(CGROUPS):]:
                found.append(os.path.join(top, d))
    return sorted(found, key=len, reverse=True)


def mounts(*words):
    with open("/proc/self/mountinfo") as f:
        return [line.split()[4] for line in f if any(w in line for w in words)]


def host_mounts(own):
    """The lines of the host's mountinfo, without what other tests do at the same time."""
    with open("/proc/self/mountinfo") as f:
        return [line for line in f if "hull-it-" not in line or str(own) in line]


def _same_root(pid, roots):
    try:
        st = os.stat(f"/proc/{pid}/root/")
    except OSError:
        return False
    return (st.st_dev, st.st_ino) in roots


def _names(pid, words):
    try:
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        groups = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
    return any(w in line or w in groups for w in words)


def _state(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "X", 0
    rest = text[text.rindex(")") + 2:].split()
    return rest[0], int(rest[1])


def waits_for_a_process(pid):
    """Whether a process has a pidfd open and sleeps: hull wait does nothing else."""
    try:
        fds = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any("pidfd" in f for f in fds) and _state(pid)[0] == "S"


def processes(tag, directory):
    """Pids of live processes that belong to the test: by root directory, command line or cgroup."""
    roots = set()
    for p in pathlib.Path(directory).glob("**/rootfs"):
        try:
            st = p.stat()
            roots.add((st.st_dev, st.st_ino))
        except OSError:
            pass
    words = (tag, str(directory))
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        state, parent = _state(entry)
        if state in "ZX":
            continue
        if _names(entry, words) or _same_root(entry, roots):
            found.append(int(entry))
    return found


_lock = threading.Lock()
_ours = {}
_popen_init = subprocess.Popen.__init__


def _registering_init(self, *args, **kw):
    with _lock:
        _popen_init(self, *args, **kw)
        _ours[self.pid] = self


def _children():
    found = []
    for task in os.listdir("/proc/self/task"):
        try:
            found += pathlib.Path(f"/proc/self/task/{task}/children").read_text().split()
        except OSError:
            pass
    return map(int, found)


def reap():
    """Collects dead orphans; never a child that somebody started with Popen and will wait for."""
    with _lock:
        for pid in [p for p, popen in _ours.items() if popen.returncode is not None]:
            del _ours[pid]
        for pid in _children():
            if pid not in _ours:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass


def be_init():
    """
    Adopts and reaps the inits of detached containers, whose parent has ended. The machine's pid 1
    may be slow to do it, and a pid namespace ends only when all its dead are reaped.
    """
    if subprocess.Popen.__init__ is _registering_init:
        return
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    subprocess.Popen.__init__ = _registering_init

    def forever():
        while True:
            try:
                reap()
            except OSError:  # no descriptor is free, for example: nobody else would go on with it
                pass
            time.sleep(0.02)

    threading.Thread(target=forever, daemon=True).start()


def describe(pid):
    try:
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        comm = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return str(pid)
    return f"{pid} ({comm}: {line.strip()})"


def find(tag, directory, settle=2.0):
    """A list of lines that name what was left; waits a moment for dying processes."""
    end = time.monotonic() + settle * runtime.PATIENCE
    while True:
        reap()
        left = [f"process {describe(p)}" for p in processes(tag, directory)]
        left += [f"cgroup {c}" for c in cgroups(tag)]
        left += [f"mount {m}" for m in mounts(tag, str(directory))]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)


def clean(tag, directory):
    """Removes what find() would report, by pid and by path."""
    for pid in processes(tag, directory):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.05)
    reap()
    for point in reversed(mounts(tag, str(directory))):
        subprocess.run(["umount", "-l", point], check=False, timeout=10, capture_output=True)
    for path in cgroups(tag):
        for _ in range(20):
            try:
                os.rmdir(path)
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.05)
