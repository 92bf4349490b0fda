# SPDX-License-Identifier: Apache-2.0
"""--trace: the times of the steps"""
import json

import pytest


def read(path):
    """The spans of a trace by thread, in order."""
    events = json.loads(path.read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    spans = [e for e in events if e["ph"] == "X"]
    return {n: [e for e in spans if e["tid"] == tid] for tid, n in names.items()}


def plan(box, command):
    steps = json.loads(box.hull(command, "--explain=json", "--bundle", box.dir, box.id).ok().out)
    return {p: [s for s in steps if s["process"] == p] for p in ("parent", "init")}


@pytest.mark.parametrize("command", ["create", "run"])
def test_start(box, tmp_path, command):
    """Every step of the plan once, with what --explain says of it, and a process' steps one after another."""
    box.args("/bin/true").write()
    want = plan(box, command)
    box.hull(command, "--trace", tmp_path / "trace", "--bundle", box.dir, box.id,
             **({"stdout": open(tmp_path / "log", "w"), "stderr": open(tmp_path / "err", "w")})).ok()
    got = read(tmp_path / "trace")
    assert got["parent"][0]["name"] == "prepare" and got["parent"][0]["ts"] == 0
    for process, spans in got.items():
        steps = [s for s in spans if s["name"] != "prepare"]
        # A create does not wait for init to wait.
        expected = [s["kind"] for s in want[process]]
        names = [s["name"] for s in steps]
        assert names == expected[:len(names)]
        assert len(names) >= len(expected) - (2 if command == "create" and process == "init" else 0)
        for span, step in zip(steps, want[process]):
            assert span["args"].get("field") == step.get("field")
            assert span["args"]["step"] == step["step"]
        for a, b in zip(spans, spans[1:]):
            assert a["dur"] >= 0 and a["ts"] + a["dur"] <= b["ts"] + 0.001, (a, b)
    clone = next(s for s in got["parent"] if s["name"] == "clone")
    assert got["init"][0]["ts"] >= clone["ts"]
    box.end() if command == "create" else None


def test_exec(box, tmp_path):
    box.up()
    box.hull("exec", "--trace", tmp_path / "trace", box.id, "/bin/true").ok()
    got = read(tmp_path / "trace")
    assert [s["name"] for s in got["init"]][-1] == "exec"
    assert "join.clone" in [s["name"] for s in got["parent"]] or len(got["parent"]) > 2
    box.end()


def test_failure(box, tmp_path):
    """The step that failed is the last of its process."""
    box.mount("/x", "no-such-filesystem")
    box.args("/bin/true").write()
    box.hull("run", "--trace", tmp_path / "trace", "--bundle", box.dir, box.id).fails("no such device", code=1)
    last = read(tmp_path / "trace")["init"][-1]
    assert last["name"] == "mount" and "/x" in last["args"]["detail"]


def test_file_that_cannot_be_written(box, tmp_path):
    """A warning: the container is more important."""
    box.args("/bin/true").write()
    r = box.hull("run", "--trace", tmp_path / "no/such", "--bundle", box.dir, box.id).ok()
    assert "could not write the trace" in r.text and "no such file or directory" in r.text
