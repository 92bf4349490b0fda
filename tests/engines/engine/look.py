# SPDX-License-Identifier: Apache-2.0
"""What a container is given, read where the kernel shows it."""
import pathlib

from support import knobs

# name of a limit: (controller and file on v1, file on v2)
FILES = {
    "memory": ("memory", "memory.limit_in_bytes", "memory.max"),
    "reservation": ("memory", "memory.soft_limit_in_bytes", "memory.low"),
    "pids": ("pids", "pids.max", "pids.max"),
    "shares": ("cpu", "cpu.shares", "cpu.weight"),
    "quota": ("cpu", "cpu.cfs_quota_us", "cpu.max"),
    "cpus": ("cpuset", "cpuset.cpus", "cpuset.cpus"),
    "io": ("blkio", "blkio.weight", "io.weight"),
}


def cgroup(pid, name="memory"):
    return knobs.directory(pid, FILES[name][0])


def limit(pid, name):
    """The content of the limit's file, None where the kernel has none."""
    controller, v1, v2 = FILES[name]
    d = knobs.directory(pid, controller)
    file = d and d / (v2 if knobs.V2 else v1)
    return file.read_text().strip() if file and file.exists() else None


def no_limit(*names):
    """None, or why a limit can't be seen here: asked of our own cgroup."""
    have = knobs.controllers()
    missing = [n for n in names if FILES[n][0].replace("blkio", "io" if knobs.V2 else "blkio") not in have]
    return f"no controller for {', '.join(missing)}" if missing else None


def quota(text):
    """cpu.max gives quota and period, v1 the quota alone."""
    return int(text.split()[0])


def status(text, name):
    """A line of /proc/PID/status."""
    return next(l.split(":", 1)[1].strip() for l in text.splitlines() if l.startswith(name + ":"))


def capability(text, number, which="CapEff"):
    return bool(int(status(text, which), 16) >> number & 1)


def of(pid, name):
    return pathlib.Path(f"/proc/{pid}/{name}").read_text()
