# SPDX-License-Identifier: Apache-2.0
"""linux.cgroupsPath: where the container lives, on all hierarchies of the host"""
import os
import pathlib

import pytest

from support import knobs, leaks

pytestmark = pytest.mark.skipif(knobs.SYSTEMD, reason="about the cgroupfs driver; systemd's: test_systemd.py")
V1 = os.path.isdir("/sys/fs/cgroup/pids")


def groups(pid):
    """hierarchy -> path of a process."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        found[names] = path
    return found


@pytest.fixture
def parents(box):
    """Parents in cgroupsPath stay after delete, as with runc: the test takes them away."""
    yield
    for path in leaks.cgroups(box.id):
        assert pathlib.Path(path, "cgroup.procs").read_text() == ""
        assert not path.endswith(("/c", "/x", "/inner")), f"{path} is the container's own"
        os.rmdir(path)


def test_default_is_named_after_the_container(box):
    pid = box.up()
    own = groups("self")
    for names, path in groups(pid).items():
        # v2: our own cgroup has processes and can't pass controllers on, so beside it; hybrid's v2: at
        # the root. As runc.
        base = own[names] if names else "/" if V1 else os.path.dirname(own[names])
        assert path == (base.rstrip("/") + "/" + box.id), names
    box.end()
    assert leaks.cgroups(box.id) == []


def test_absolute(box, parents):
    box.linux["cgroupsPath"] = f"/{box.id}-a/b/c"
    pid = box.up()
    for names, path in groups(pid).items():
        assert path.endswith(f"/{box.id}-a/b/c"), names
    box.end()


def test_relative(box, parents):
    box.linux["cgroupsPath"] = f"{box.id}-r/x"
    pid = box.up()
    for names, path in groups(pid).items():
        assert path.endswith(f"/{box.id}-r/x"), names
    box.end()


def test_parents_that_were_there_stay(box, parents):
    """Only what create made is removed."""
    parent = pathlib.Path("/sys/fs/cgroup/pids" if V1 else "/sys/fs/cgroup") / f"{box.id}-keep"
    parent.mkdir()
    box.linux["cgroupsPath"] = f"/{box.id}-keep/inner"
    box.up()
    box.end()
    assert parent.is_dir() and not (parent / "inner").exists()


def test_processes_are_in_it_before_the_program_runs(box):
    """The program's first look at itself shows the cgroup."""
    out = box.namespaces(cgroup=False).args("/bin/cat", "/proc/self/cgroup").run().ok().out
    assert all(box.id in line for line in out.splitlines())


def test_children_too(box):
    box.up("sleep 1000 & sleep 1000 & wait")
    path = pathlib.Path("/sys/fs/cgroup/pids" if V1 else "/sys/fs/cgroup")
    found = [p for p in path.rglob("cgroup.procs") if box.id in str(p)]
    assert len(found) == 1 and len(found[0].read_text().split()) == 3
    box.end()


def test_exec_joins_it(box):
    pid = box.namespaces(cgroup=False).up()
    assert [l.split(":", 2)[2] for l in box.esh("cat /proc/self/cgroup").splitlines()] == \
        list(groups(pid).values())
    box.end()


@pytest.mark.parametrize("path", ["../../escape", "/../escape", "/a/../../b", "x/.."])
def test_escape_is_refused(box, path):
    """Nothing is made outside of the hierarchies, whatever the path."""
    box.linux["cgroupsPath"] = path.replace("escape", box.id)
    r = box.args("/bin/true").run()
    assert not os.path.exists(f"/sys/fs/{box.id}") and not os.path.exists(f"/sys/{box.id}")
    if r.code != 0:
        assert "cgroup" in r.text


def test_deep_escape(box, scratch, parents):
    """The path that crun HEAD followed out of /sys/fs/cgroup."""
    (scratch / "decoy").mkdir()
    box.linux["cgroupsPath"] = f"../../../../../../../..{scratch}/decoy/made"
    box.args("/bin/true").run()
    assert list((scratch / "decoy").iterdir()) == []


def test_not_empty(make_box):
    """A cgroup with processes in it is refused, and left alone."""
    a, b = make_box("a"), make_box("b")
    a.linux["cgroupsPath"] = f"/{a.id}-shared"
    b.linux["cgroupsPath"] = f"/{a.id}-shared"
    pid = a.up()
    b.sh("true").run().fails("container's cgroup is not empty", code=1)
    assert a.status() == "running" and os.path.exists(f"/proc/{pid}")
    a.end()


def test_bad_command_line_does_not_touch_the_owner(make_box, scratch):
    """A failing create for the same cgroup must not kill the container that owns it."""
    a, b = make_box("a"), make_box("b")
    a.linux["cgroupsPath"] = b.linux["cgroupsPath"] = f"/{a.id}-shared"
    pid = a.up()
    b.create("--pid-file", scratch / "no/such/dir/pid").fails(code=1)
    assert os.path.exists(f"/proc/{pid}") and a.status() == "running"
    a.end()


def test_empty_string_means_the_default(box):
    box.linux["cgroupsPath"] = ""
    pid = box.up()
    assert all(path.endswith("/" + box.id) for path in groups(pid).values())
    box.end()


def test_sub_cgroups_are_removed_too(box):
    """What the container made below its own cgroup."""
    if not V1:
        pytest.skip("no cgroup v1 here")
    for m in box.mounts:
        if m["type"] == "cgroup":
            m["options"].remove("ro")
    box.caps("CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN")
    box.namespaces(cgroup=True)
    box.up("for c in pids memory; do mkdir -p /sys/fs/cgroup/$c/a/b; "
           "sh -c 'echo $$ > /sys/fs/cgroup/'$c'/a/b/cgroup.procs; exec sleep 1000' & done; wait")
    leaks.time.sleep(0.2)
    box.end()
    assert leaks.cgroups(box.id) == []


def test_after_kill_minus_9_of_init(box):
    pid = box.up("sleep 1000 & exec sleep 1000")
    os.kill(pid, 9)
    box.wait_stopped()
    box.delete().ok()
    assert leaks.cgroups(box.id) == []


def test_hybrid_membership(box):
    """On a hybrid host init and exec are in the unified hierarchy's cgroup as well."""
    if not os.path.isdir("/sys/fs/cgroup/unified"):
        pytest.skip("no hybrid hierarchy here")
    pid = box.up()
    assert groups(pid)[""].endswith("/" + box.id)
    assert f"0::{groups(pid)['']}" in box.esh("cat /proc/self/cgroup")
    box.end()
