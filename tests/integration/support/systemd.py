# SPDX-License-Identifier: Apache-2.0
"""systemd as the tests see it: units and their properties."""
import os
import subprocess

from . import knobs
from .runtime import PATIENCE

USER = "tester"   # has a systemd of his own in the guest


def running():
    return os.path.isdir("/run/systemd/system")


def version():
    out = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True).stdout
    return int(out.split()[1])


def _systemctl(*args, user=False):
    argv = ["systemctl", *args]
    if user:
        argv[1:1] = ["--user", "-M", f"{USER}@.host"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60 * PATIENCE)


def show(unit, name, user=False):
    return _systemctl("show", "-P", name, unit, user=user).stdout.strip()


def is_loaded(unit, user=False):
    return show(unit, "LoadState", user) == "loaded"


def call(*args):
    """systemctl."""
    return _systemctl(*args)


def daemon_reload():
    assert _systemctl("daemon-reload").returncode == 0


def units(word):
    """Names of all units with word in them, of whatever state."""
    out = _systemctl("list-units", "--all", "--plain", "--no-legend", f"*{word}*").stdout
    return [line.split()[0] for line in out.splitlines() if line.strip()]


def limit(pid, controller, v1, v2):
    """What the kernel's file of a limit holds."""
    return (knobs.directory(pid, controller) / (v2 if knobs.V2 else v1)).read_text().strip()
