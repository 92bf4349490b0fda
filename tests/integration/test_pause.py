# SPDX-License-Identifier: Apache-2.0
"""pause and resume: the freezer"""
import pathlib
import time

from support.runtime import wait_until


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_pause_and_resume(box):
    """By effect: a busy process does nothing while it is paused."""
    pid = box.up("while :; do :; done")
    wait_until(lambda: ticks(pid) > 2)
    box.hull("pause", box.id).ok()
    assert box.status() == "paused"
    before = ticks(pid)
    time.sleep(0.3)
    assert ticks(pid) == before
    box.hull("resume", box.id).ok()
    assert box.status() == "running"
    wait_until(lambda: ticks(pid) > before + 2)
    box.end()


def test_twice(box):
    box.up()
    box.hull("resume", box.id).fails("container not paused", code=1)
    box.hull("pause", box.id).ok()
    box.hull("pause", box.id).fails("container not running", code=1)
    assert box.status() == "paused"
    box.hull("resume", box.id).ok()
    box.hull("resume", box.id).fails("container not paused", code=1)
    box.end()


def test_unknown_and_stopped(box, hull):
    hull("pause", "no-such-container").fails("container does not exist", code=1)
    hull("resume", "no-such-container").fails("container does not exist", code=1)
    box.up("true")
    box.wait_stopped()
    box.hull("pause", box.id).fails("container not running", code=1)
    box.hull("resume", box.id).fails("container not paused", code=1)
    box.delete().ok()


def test_created(box):
    """A created container can be paused; it is created again afterwards, and starts."""
    box.sh("sleep 1000").create().ok()
    box.hull("pause", box.id).ok()
    assert box.status() == "paused"
    box.start().fails("paused", code=1)
    box.hull("resume", box.id).ok()
    assert box.status() == "created"
    box.start().ok()
    assert box.status() == "running"
    box.end()


def test_nested_cgroups(box):
    """Processes in cgroups below are paused too."""
    pid = box.up("while :; do :; done & wait")
    child = wait_until(lambda: pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())[0]
    box.hull("pause", box.id).ok()
    before = ticks(child)
    time.sleep(0.2)
    assert ticks(child) == before
    box.hull("resume", box.id).ok()
    box.end()


def test_commands_on_a_paused_container(box):
    box.up()
    box.hull("pause", box.id).ok()
    box.hull("exec", box.id, "/bin/true").fails("cannot exec in a paused container", code=255)
    box.delete().fails("paused", code=1)
    assert box.hull("ps", "-f", "json", box.id).ok().out.startswith("[")
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()


def test_force_delete_of_a_paused_one(box):
    box.up("sleep 1000 & sleep 1000")
    box.hull("pause", box.id).ok()
    box.end()
