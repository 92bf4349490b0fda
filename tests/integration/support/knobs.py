# SPDX-License-Identifier: Apache-2.0
"""The files of a container's cgroup, on v1, hybrid and v2."""
import os
import pathlib

ROOT = pathlib.Path("/sys/fs/cgroup")
V2 = os.path.exists(ROOT / "cgroup.controllers")
SYSTEMD = os.environ.get("HULL_SYSTEMD") == "1"   # the driver that the tests use


def directory(pid, controller=""):
    """The cgroup of pid: of a controller on v1, the only one on v2. None if there is no such hierarchy."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if V2 and not names:
            return ROOT / path.lstrip("/")
        if not V2 and controller in names.split(","):
            for name in (names, controller, names.removeprefix("name="), "unified" if not names else ""):
                if name and (ROOT / name / path.lstrip("/")).is_dir():
                    return ROOT / name / path.lstrip("/")
    return None


def file(box, name, controller=""):
    """The path of a control file, None where the kernel or the machine has none."""
    d = directory(box.pid(), controller)
    return d / name if d and (d / name).exists() else None


def read(box, name, controller=""):
    path = file(box, name, controller)
    return path.read_text().strip() if path else None


def controllers():
    """Those that can limit something here."""
    if V2:
        return set((ROOT / "cgroup.controllers").read_text().split())
    return {n for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
            for n in line.split(":")[1].split(",") if n}
