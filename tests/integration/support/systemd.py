# SPDX-License-Identifier: Apache-2.0
"""systemd as the tests see it: units, their properties, and the cgroup directories behind them."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path("/sys/fs/cgroup")
USER = "tester"   # has a systemd of his own in the guest


def running():
    return os.path.isdir("/run/systemd/system")


def version():
    out = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True).stdout
    return int(out.split()[1])


def is_v2():
    return (ROOT / "cgroup.controllers").exists()


def controllers():
    """What the guest's kernel has, wherever it is mounted."""
    if is_v2():
        return set((ROOT / "cgroup.controllers").read_text().split())
    return {name for d in ROOT.iterdir() for name in d.name.split(",")}


def _systemctl(*args, user=False):
    argv = ["systemctl", *args]
    if user:
        argv[1:1] = ["--user", "-M", f"{USER}@.host"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def show(unit, name, user=False):
    return _systemctl("show", "-P", name, unit, user=user).stdout.strip()


def is_loaded(unit, user=False):
    return show(unit, "LoadState", user) == "loaded"


def daemon_reload():
    assert _systemctl("daemon-reload").returncode == 0


def units(word):
    """Names of all units with word in them, of whatever state."""
    out = _systemctl("list-units", "--all", "--plain", "--no-legend", f"*{word}*").stdout
    return [line.split()[0] for line in out.splitlines() if line.strip()]


def directory(pid, controller=""):
    """The cgroup directory of a process: of a v1 controller, or on v2 the one."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if is_v2():
            return ROOT / path[1:]
        if controller in names.split(","):
            return ROOT / names.replace("name=", "") / path[1:]
    raise AssertionError(f"pid {pid} has no cgroup of {controller!r}")


def limit(pid, controller, v1, v2):
    """What the kernel's file of a limit holds."""
    return (directory(pid, controller) / (v2 if is_v2() else v1)).read_text().strip()
