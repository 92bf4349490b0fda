# SPDX-License-Identifier: Apache-2.0
"""
cgroup v2 in a private cgroup2 mount. A hybrid machine keeps the controllers on v1, so membership, the
device program, freeze and kill, and clone into the cgroup are looked at here; limits belong to a guest.
"""
import os
import pathlib
import shutil

import pytest

from support import cgroup2, knobs, leaks
from support.runtime import wait_until

pytestmark = [pytest.mark.v2, pytest.mark.skipif(knobs.SYSTEMD, reason="about the cgroupfs driver")]


@pytest.fixture(scope="module", autouse=True)
def needed():
    reason = cgroup2.reason_to_skip()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def v2(box):
    box.hull = cgroup2.over(box.hull)
    return box


def group(box):
    """The container's directory, seen from the host."""
    found = [p for p in leaks.cgroups(box.id) if p.endswith(box.id)]
    top = str(cgroup2.host_view())
    return pathlib.Path([p for p in found if p.startswith(top)][0])


def test_membership(v2):
    pid = v2.up("sleep 1000 & wait")
    line = [l for l in pathlib.Path(
        f"/proc/{pid}/cgroup").read_text().splitlines() if l.startswith("0::")]
    assert line[0].endswith("/" + v2.id)
    assert str(pid) in (group(v2) / "cgroup.procs").read_text().split()
    wait_until(lambda: len((group(v2) / "cgroup.procs").read_text().split()) == 2)
    v2.end()
    assert leaks.cgroups(v2.id) == []


def test_v1_is_not_touched(v2):
    pid = v2.up()
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if not line.startswith("0::"):
            assert v2.id not in line
    v2.end()


def test_cgroupsPath(v2):
    v2.linux["cgroupsPath"] = f"/{v2.id}-p"
    pid = v2.up()
    assert f"0::/{v2.id}-p\n" in pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    v2.end()


def test_exec(v2):
    v2.namespaces(cgroup=False).up()
    assert v2.id in v2.esh("cat /proc/self/cgroup")
    v2.end()


def test_cgroup_mount_inside(v2):
    """Read-only, and with a cgroup namespace rooted at the container's own cgroup."""
    v2.namespaces(cgroup=True)
    out = v2.out("grep ' /sys/fs/cgroup ' /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs | wc -l; "
                 "grep ^0 /proc/self/cgroup; touch /sys/fs/cgroup/x 2>&1; find /sys/fs/cgroup -type d | wc -l")
    lines = out.splitlines()
    assert " - cgroup2 " in lines[0] and "ro" in lines[0].split()[5].split(",")
    assert int(lines[1]) in (2, 3) and lines[2] == "0::/"
    assert "Read-only" in out and lines[-1].strip() == "1"


def test_cgroup_mount_without_namespace(v2):
    """As runc: the hierarchy as it is, read-only."""
    out = v2.out("grep ' /sys/fs/cgroup ' /proc/self/mountinfo; mkdir /sys/fs/cgroup/x 2>&1; true")
    assert "ro" in out.split()[5].split(",") and "Read-only" in out


def test_device_program(v2):
    v2.caps("CAP_MKNOD").writable()
    r = v2.sh("mknod /tmp/mem c 1 1 && echo made; cat /tmp/mem; echo x > /dev/null && "
              "head -c 1 /dev/zero | wc -c").run()
    assert "Operation not permitted" in r.err
    assert r.out.split() == ["made", "1"]


def test_device_rules(v2):
    v2.linux["resources"]["devices"] += [
        {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]
    v2.caps("CAP_MKNOD", "CAP_SYSLOG").writable()
    r = v2.sh("mknod /tmp/k c 1 11; (: < /tmp/k) && echo read; (: > /tmp/k) || echo denied; "
              "mknod /tmp/b b 7 0; (: < /tmp/b) || echo block-denied").run()
    assert r.out.split() == ["read", "denied", "block-denied"], r


def test_allow_all(v2):
    v2.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    v2.caps("CAP_MKNOD", "CAP_SYS_RAWIO").writable()
    r = v2.sh("mknod /tmp/full c 1 7; mknod /tmp/k c 1 11; (: < /tmp/k) && echo read").run()
    assert "read" in r.out or "denied" not in r.err


def test_hole_in_a_wildcard_is_refused(v2):
    """As runc, whose rules are cgroup v1's: no silent difference between the two."""
    v2.linux["resources"]["devices"] += [
        {"allow": True, "type": "c", "major": 1, "access": "rwm"},
        {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "rwm"}]
    v2.sh("true").run().fails("cannot punch hole in existing wildcard rule", code=1)


def test_exec_is_under_the_device_program(v2):
    v2.caps("CAP_MKNOD").writable()
    v2.up()
    r = v2.exec(v2.id, "/bin/sh", "-c", "mknod /tmp/mem c 1 1; cat /tmp/mem")
    assert "Operation not permitted" in r.err
    v2.end()


def test_frozen_is_paused(v2):
    v2.up()
    freeze = group(v2) / "cgroup.freeze"
    freeze.write_text("1")
    wait_until(lambda: "frozen 1" in (group(v2) / "cgroup.events").read_text())
    assert v2.status() == "paused"
    v2.exec(v2.id, "/bin/true").fails("cannot exec in a paused container", code=255)
    freeze.write_text("0")
    assert v2.status() == "running"
    v2.end()


def test_delete_force_of_a_frozen_one(v2):
    v2.up("sleep 1000 & wait")
    (group(v2) / "cgroup.freeze").write_text("1")
    v2.end()
    assert leaks.cgroups(v2.id) == []


def test_kill_without_private_pid_namespace(v2):
    """cgroup.kill reaches every process, also after init has gone."""
    v2.namespaces(pid=False)
    v2.up("sleep 1000 & sleep 1000 & exec sleep 1000")
    wait_until(lambda: len((group(v2) / "cgroup.procs").read_text().split()) == 3)
    v2.kill("KILL").ok()
    wait_until(lambda: (group(v2) / "cgroup.procs").read_text() == "")
    v2.wait_stopped()
    v2.delete().ok()


def test_delete_kills_what_is_left(v2):
    v2.namespaces(pid=False)
    pid = v2.up("sleep 1000 & exec sleep 1000")
    os.kill(pid, 9)
    v2.wait_stopped()
    v2.delete().ok()
    assert leaks.cgroups(v2.id) == []


def test_sub_cgroups_are_removed(v2):
    v2.up()
    (group(v2) / "a/b").mkdir(parents=True)
    (group(v2) / "a/b/cgroup.procs").write_text(str(v2.pid()))
    v2.end()
    assert leaks.cgroups(v2.id) == []


@pytest.mark.release
def test_clone_into_the_cgroup(v2, scratch):
    """init is born in its cgroup: nobody writes its pid into cgroup.procs."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    v2.args("/bin/true").write()
    log = scratch / "trace"
    v2.hull.prefix += ["strace", "-f", "-o", str(log), "-e", "trace=clone,clone3,openat,write"]
    v2.hull("run", "--bundle", v2.dir, v2.id).ok()
    v2.hull.prefix = cgroup2.ENTER
    text = log.read_text()
    clones = [l for l in text.splitlines() if "CLONE_INTO_CGROUP" in l and "clone3" in l]
    assert clones and "= -1" not in clones[0]
    assert "cgroup.procs\", O_W" not in text and "cgroup.procs\", O_RDW" not in text


def test_user_namespace(v2):
    v2.userns()
    v2.chown_to()
    v2.namespaces(cgroup=True)
    assert "0::/\n" in v2.out("cat /proc/self/cgroup")


def test_not_empty(v2, make_box):
    other = make_box("other")
    other.hull = v2.hull
    v2.linux["cgroupsPath"] = other.linux["cgroupsPath"] = f"/{v2.id}-shared"
    v2.up()
    other.sh("true").run().fails("container's cgroup is not empty", code=1)
    assert v2.status() == "running"
    v2.end()


def test_unified(v2):
    """A file of the cgroup core, which is there whatever controllers there are."""
    v2.linux["resources"]["unified"] = {"cgroup.max.depth": "3"}
    v2.up()
    assert (group(v2) / "cgroup.max.depth").read_text() == "3\n"
    v2.hull("update", "-r", "-", v2.id, input=b'{"unified": {"cgroup.max.depth": "4"}}').ok()
    assert (group(v2) / "cgroup.max.depth").read_text() == "4\n"
    v2.end()


def test_limits_of_a_controller_that_is_not_there(v2):
    """The memory controller is on v1 here: an error that names the file, nothing left."""
    if "memory" in (cgroup2.host_view() / "cgroup.controllers").read_text().split():
        pytest.skip("the memory controller is on v2 here")
    v2.linux["resources"]["memory"] = {"limit": 67108864}
    r = v2.args("/bin/true").run().fails("memory", code=1)
    assert v2.hull.ids() == [] and r
