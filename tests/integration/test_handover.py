# SPDX-License-Identifier: Apache-2.0
"""A node changes its runtime under containers that are there: from runc to hull, and back."""
import json
import os
import pathlib
import shutil

import pytest

from support.runtime import Runtime, wait_until

RUNC = os.environ.get("RUNC") or shutil.which("runc")
pytestmark = pytest.mark.skipif(not RUNC, reason="no runc (RUNC, or Debian's package)")


@pytest.fixture
def runc(hull):
    return Runtime(hull.root, program=RUNC)


def create(runtime, box, script="exec sleep 1000"):
    box.config["ociVersion"] = "1.0.2"     # what an older runc takes
    box.sh(script).write()
    runtime("create", "--bundle", box.dir, box.id, stdout=open(box.dir / "log", "w"),
            stderr=open(box.dir / "err", "w")).ok()


def state(runtime, box):
    return json.loads(runtime("state", box.id).ok().out)


def own(text, box):
    return [line.split() for line in text.splitlines() if line.split()[0] == box.id]


def live(runtime, box, starter):
    """Everything that is done with a container in a life, from list to delete."""
    assert state(runtime, box)["status"] == "created"
    row, = own(runtime("list").ok().out, box)
    assert row[2:4] == ["created", str(box.dir)] and row[5] == "root"
    assert state(runtime, box)["annotations"] == {"org.example": "a=b"}
    starter("start", box.id).ok()
    wait_until(lambda: (box.dir / "log").read_text() == "here\n")
    pid = state(runtime, box)["pid"]
    assert state(runtime, box)["status"] == "running"
    assert json.loads(runtime("ps", "--format", "json", box.id).ok().out) == [pid]
    for kind in ("pid", "mnt", "net", "uts", "ipc"):
        inside = runtime("exec", box.id, "/bin/readlink", f"/proc/self/ns/{kind}").ok().out.strip()
        assert inside == os.readlink(f"/proc/{pid}/ns/{kind}"), kind
    runtime("pause", box.id).ok()
    assert state(runtime, box)["status"] == "paused"
    runtime("resume", box.id).ok()
    runtime("kill", box.id, "KILL").ok()
    wait_until(lambda: state(runtime, box)["status"] == "stopped")
    runtime("delete", box.id).ok()
    assert list(pathlib.Path(box.hull.root).iterdir()) == []


def test_namespace_paths(box, hull, runc):
    """Scripts take them from state.json, to enter a network namespace for example."""
    paths = {}
    for runtime in hull, runc:
        create(runtime, box)
        record = json.loads((hull.root / box.id / "state.json").read_text())
        paths[runtime] = {k: v.replace(str(state(runtime, box)["pid"]), "PID")
                          for k, v in record["namespace_paths"].items()}
        runtime("delete", "--force", box.id).ok()
    assert set(paths[runc].items()) <= set(paths[hull].items())   # older ones know no time namespace
    assert len(paths[hull]) == 8


@pytest.mark.parametrize("way", ["from runc", "to runc"])
def test_life(box, hull, runc, way):
    maker, user = (runc, hull) if way == "from runc" else (hull, runc)
    box.config["annotations"] = {"org.example": "a=b"}
    create(maker, box, "echo here; exec sleep 1000")
    live(user, box, hull)   # only hull can open the gate of both: docs/differences.md


@pytest.mark.parametrize("way", ["from runc", "to runc"])
@pytest.mark.parametrize("started", [False, True])
def test_delete_force(box, hull, runc, way, started):
    maker, user = (runc, hull) if way == "from runc" else (hull, runc)
    create(maker, box)
    if started:
        maker("start", box.id).ok()
    user("delete", "--force", box.id).ok()
    assert list(pathlib.Path(box.hull.root).iterdir()) == []


def test_the_configuration_is_the_bundles(box, hull, runc):
    """exec in a container of runc's takes the user, the capabilities and the environment of its config."""
    box.process["env"] = ["PATH=/bin", "HANDED=over"]
    box.process["cwd"] = "/tmp"
    create(runc, box)
    hull("start", box.id).ok()
    out = hull("exec", box.id, "/bin/sh", "-c", "echo $HANDED; pwd; grep CapBnd /proc/self/status").ok().out
    assert out.split() == ["over", "/tmp", "CapBnd:", "0000000020000420"]
    hull("delete", "--force", box.id).ok()


def test_update_and_hooks(box, hull, runc):
    """The limits change, the state stays readable, and delete runs the poststop hooks."""
    box.config["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >{box.dir}/hook"]}]}
    create(runc, box)
    hull("start", box.id).ok()
    hull("update", "--pids-limit", "33", box.id).ok()
    st = state(hull, box)
    pids = [line.split(":")[2] for line in pathlib.Path(f"/proc/{st['pid']}/cgroup").read_text().splitlines()
            if line.split(":")[1] in ("pids", "")]
    limits = [p for d in pids for top in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup", "/sys/fs/cgroup/unified")
              if (p := pathlib.Path(top + d) / "pids.max").exists()]
    assert limits and limits[0].read_text() == "33\n"
    assert st["status"] == "running" and st["bundle"] == str(box.dir)
    hull("delete", "--force", box.id).ok()
    assert json.loads((box.dir / "hook").read_text())["id"] == box.id


def test_init_that_died_before_its_start(box, hull, runc):
    create(runc, box)
    os.kill(state(hull, box)["pid"], 9)
    wait_until(lambda: state(hull, box)["status"] == "stopped")
    hull("start", box.id).fails("cannot start a container that has stopped", code=1)
    hull("delete", box.id).ok()
