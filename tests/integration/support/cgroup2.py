# SPDX-License-Identifier: Apache-2.0
"""A view of the machine with nothing but cgroup v2: a private mount namespace over the unified tree."""
import os
import pathlib
import shutil
import subprocess

from . import runtime

# The inner shell replaces itself, so that signals and the exit code are those of the runtime.
ENTER = ["unshare", "-m", "sh", "-c",
         'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', "sh"]


def reason_to_skip():
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("unshare"):
        return "needs unshare (util-linux)"
    r = subprocess.run([*ENTER, "test", "-e", "/sys/fs/cgroup/cgroup.procs"], capture_output=True,
                       text=True, timeout=20, check=False)
    return None if r.returncode == 0 else f"no private cgroup2 mount: {r.stderr.strip()}"


def over(rt):
    """The same runtime and state root, seen from the cgroup v2 machine."""
    return runtime.Runtime(rt.root, rt.program, ENTER)


def host_view():
    """Where the host has the unified hierarchy mounted."""
    for p in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        if os.path.exists(f"{p}/cgroup.procs"):
            return pathlib.Path(p)
    return None
