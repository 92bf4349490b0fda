# SPDX-License-Identifier: Apache-2.0
"""
What a test may not leave behind: state entries, cgroups, mounts, processes. Everything of one test
bears its tag in its name or lies below its directory, so that tests can run beside each other.
"""
import os
import pathlib
import signal
import subprocess
import time

CGROUPS = "/sys/fs/cgroup"


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
        return [line for line in f if "pytest-" not in line or str(own) in line]


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


def reap(known=()):
    """Collects the dead among our children that no Popen waits for (we are a child subreaper)."""
    reaped = []
    while True:
        try:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return reaped
        if info is None or info.si_pid in known:
            return reaped
        os.waitpid(info.si_pid, 0)
        reaped.append(info.si_pid)


def describe(pid):
    try:
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        comm = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return str(pid)
    return f"{pid} ({comm}: {line.strip()})"


def find(tag, directory, settle=1.0):
    """A list of lines that name what was left; waits a moment for dying processes."""
    end = time.monotonic() + settle
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
