# SPDX-License-Identifier: Apache-2.0
"""ps: the rows of ps(1) for the container's processes, and their pids as JSON"""
import json
import re
import subprocess

import pytest

from support.runtime import wait_until

# In User-Mode Linux procps fails with "Unable to get system boot time".
PS_WORKS = subprocess.run(["ps", "-ef"], capture_output=True, check=False).returncode == 0
needs_ps = pytest.mark.skipif(not PS_WORKS, reason="ps -ef fails on this machine")


def pids(box):
    return json.loads(box.hull("ps", "-f", "json", box.id).ok().out) or []


@needs_ps
def test_table(box):
    pid = box.up("sleep 1001 & sleep 1002; true")
    wait_until(lambda: len(pids(box)) == 3)
    lines = box.hull("ps", box.id).ok().out.splitlines()
    assert re.match(r"UID +PID +PPID +C +STIME +TTY +TIME +CMD", lines[0])
    assert len(lines) == 4
    assert {int(line.split()[1]) for line in lines[1:]} == set(pids(box))
    assert any(int(line.split()[1]) == pid for line in lines[1:])
    assert any("sleep 1001" in line for line in lines)
    box.end()


def test_json(box):
    pid = box.up("exec sleep 1000")
    r = box.hull("ps", "--format", "json", box.id).ok()
    assert r.out == f"[{pid}]\n"
    box.end()


def test_ps_options(box):
    pid = box.up("exec sleep 1000")
    wait_until(lambda: "sleep" in box.hull("ps", box.id, "-e", "-o", "comm,pid").ok().out)
    lines = box.hull("ps", box.id, "-e", "-o", "comm,pid").ok().out.splitlines()
    assert lines[0].split() == ["COMMAND", "PID"]
    assert [line.split() for line in lines[1:]] == [["sleep", str(pid)]]
    box.hull("ps", box.id, "-e", "-x").ok()
    box.end()


@needs_ps
def test_exec_is_listed(box):
    box.up()
    p = box.hull.popen("exec", box.id, "/bin/sleep", "1003")
    try:
        wait_until(lambda: "sleep 1003" in box.hull("ps", box.id).out)
    finally:
        box.end()
        p.wait(timeout=10)


def test_after_the_end(box):
    box.up("true")
    box.wait_stopped()
    assert box.hull("ps", "-f", "json", box.id).ok().out == "null\n"
    if PS_WORKS:
        assert len(box.hull("ps", box.id).ok().out.splitlines()) == 1
    box.delete().ok()


def test_errors(box, hull, tmp_path):
    hull("ps", "no-such-container").fails("container does not exist", code=1)
    box.up()
    box.hull("ps", "-f", "xml", box.id).fails("invalid format option", code=1)
    box.hull("ps", box.id, "--no-such-option").fails("exit status 1", code=1)
    box.hull("ps", box.id, "-e", "-o", "comm").fails("couldn't find PID field in ps output", code=1)
    (tmp_path / "empty").mkdir()
    box.hull("ps", box.id, env={"PATH": str(tmp_path / "empty")}) \
        .fails("executable file not found in $PATH", code=1)
    box.end()
