# SPDX-License-Identifier: Apache-2.0
"""config-linux.md "Cgroup ownership": who owns the container's cgroup, on v2"""
import os
import pathlib

import pytest

from support import cgroup2, knobs, leaks

HOST = 100000
DELEGATE = pathlib.Path("/sys/kernel/cgroup/delegate")


@pytest.fixture
def v2(box):
    if not knobs.V2:
        reason = cgroup2.reason_to_skip()
        if reason:
            pytest.skip(reason)
        box.hull = cgroup2.over(box.hull)
    box.namespaces(cgroup=True)
    return box


def cgroup_mount(box, *options):
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/sys/fs/cgroup"]
    box.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", *options])


def owners(box):
    """uid of the directory and of each file, seen from the host."""
    top = str(cgroup2.host_view())
    d = pathlib.Path([p for p in leaks.cgroups(box.id) if p.startswith(top) and p.endswith((box.id, box.id + ".scope"))][0])
    return os.stat(d).st_uid, {f.name: os.stat(f).st_uid for f in d.iterdir() if f.is_file()}


def listed():
    names = DELEGATE.read_text().split() if DELEGATE.exists() else \
        ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]
    return set(names)


def expect(box, uid):
    directory, files = owners(box)
    assert directory == uid
    assert {f for f, owner in files.items() if owner == uid} == \
        (listed() & set(files) if uid else set(files))


def test_user_namespace(v2):
    v2.userns(host=HOST).chown_to(HOST)
    cgroup_mount(v2, "rw")
    v2.up("sleep 1000")
    expect(v2, HOST)
    out = v2.esh("cd /sys/fs/cgroup; mkdir sub && echo 1 > sub/cgroup.procs && cat sub/cgroup.procs; "
                 "echo 1 > cgroup.procs; rmdir sub; ls -nd . | cut -d' ' -f3-12")
    assert out.splitlines()[0] == "1"
    v2.end()


@pytest.mark.parametrize("option", ["ro", "nosuid,ro"])
def test_read_only_mount(v2, option):
    v2.userns(host=HOST).chown_to(HOST)
    cgroup_mount(v2, option)
    v2.up("sleep 1000")
    expect(v2, 0)
    v2.end()


def test_without_a_mount(v2):
    v2.userns(host=HOST).chown_to(HOST)
    v2.config["mounts"] = [m for m in v2.mounts if m["destination"] != "/sys/fs/cgroup"]
    v2.up("sleep 1000")
    expect(v2, 0)
    v2.end()


def test_without_a_cgroup_namespace(v2):
    v2.userns(host=HOST).chown_to(HOST)
    v2.namespaces(cgroup=False)
    cgroup_mount(v2, "rw")
    r = v2.sh("sleep 1000").detach()
    if r.code != 0:
        pytest.skip("no cgroup mount in a user namespace without a cgroup namespace here")
    expect(v2, 0)
    v2.end()


def test_user_without_user_namespace(v2):
    v2.process["user"] = {"uid": 1234, "gid": 0}
    cgroup_mount(v2, "rw")
    v2.up("sleep 1000")
    expect(v2, 1234)
    v2.end()


def test_root_keeps_it(v2):
    cgroup_mount(v2, "rw")
    v2.up("sleep 1000")
    expect(v2, 0)
    v2.end()
