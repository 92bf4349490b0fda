# SPDX-License-Identifier: Apache-2.0
"""What create, start and delete leave when they are killed, and what others do about it and about a held lock"""
import fcntl
import os
import shutil
import subprocess

import pytest

from support import leaks
from support.runtime import wait_until


@pytest.fixture
def add_hook(box):
    """Adds a hook that is a shell script, of the host's busybox or the container's."""
    def add(kind, script):
        path = "/bin/sh" if kind == "startContainer" else "/bin/busybox"
        box.config.setdefault("hooks", {})[kind] = [{"path": path, "args": ["sh", "-c", script]}]
    return add


@pytest.mark.parametrize("files", [[], ["config.json"], ["state.json.tmp"]], ids=["empty", "created", "writing"])
def test_leftover_of_a_killed_create_or_delete(box, files):
    """A directory without state.json that nobody has locked is no container, as for runc."""
    box.hull.root.mkdir(mode=0o700)
    d = box.hull.root / box.id

    def leave():
        d.mkdir()
        for name in files:
            (d / name).write_text("{")

    leave()
    for args in (("state", box.id), ("kill", box.id), ("ps", box.id), ("start", box.id)):
        box.hull(*args).fails("container does not exist", code=1)
    assert box.hull("list").ok().err == ""
    box.delete().fails("container does not exist", code=1)
    assert not d.exists()
    leave()
    box.delete("--force").ok()
    assert not d.exists()
    leave()
    box.sh("echo made").run().ok()
    leave()
    box.sh("true").create().ok()
    assert box.status() == "created"
    box.end()


def test_directory_that_somebody_has_locked(box):
    """A create that has only just begun: it is not taken for a leftover."""
    box.hull.root.mkdir(mode=0o700)
    d = box.hull.root / box.id
    d.mkdir()
    fd = os.open(d, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    box.sh("true").run().fails("container with given ID already exists", code=1)
    assert d.is_dir()
    os.close(fd)
    box.run().ok()


def test_start_that_was_killed(box, add_hook):
    """The program runs: a second start must neither end it nor say anything else."""
    add_hook("startContainer", "sleep 1.5")
    box.sh("sleep 1000").create().ok()
    p = box.hull.popen("start", box.id, stderr=subprocess.DEVNULL)
    wait_until(lambda: box.status() == "running")   # from the moment that init is told to go
    assert p.poll() is None
    p.kill()
    p.wait(20)
    box.start().fails("cannot start an already running container", code=1)
    wait_until(lambda: box.hull("ps", box.id).ok().out.count("sleep 1000") == 1)
    box.delete().fails("is not stopped", code=1)
    assert box.status() == "running"
    box.end()


def test_start_killed_before_the_fifo_went(box):
    """The same in the instant between the byte and the removal of exec.fifo: the fifo is still there."""
    pid = box.up()
    os.mkfifo(box.hull.root / box.id / "exec.fifo")
    assert box.status() == "created"
    box.start().fails("cannot start an already running container", code=1)
    assert box.status() == "running" and os.path.exists(f"/proc/{pid}")
    box.end()


def test_others_may_act_while_start_waits_for_hooks(box, add_hook):
    add_hook("poststart", "sleep 3")
    box.sh("sleep 1000").create().ok()
    p = box.hull.popen("start", box.id, stderr=subprocess.DEVNULL)
    wait_until(lambda: box.status() == "running")
    box.hull("pause", box.id, timeout=2).ok()
    box.hull("resume", box.id, timeout=2).ok()
    box.delete("--force").ok()
    assert p.poll() is None
    p.wait(20)
    assert box.hull.ids() == []


def test_delete_force_of_a_locked_one(box):
    """Somebody is at work with it for long: it is ended first, and never forgotten while it runs."""
    pid = box.up()
    fd = os.open(box.hull.root / box.id, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    p = box.hull.popen("delete", "--force", box.id, stderr=subprocess.PIPE)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert p.poll() is None and (box.hull.root / box.id / "state.json").exists()
    os.close(fd)
    assert p.wait(20) == 0 and p.stderr.read() == b""
    p.stderr.close()
    assert box.hull.ids() == [] and leaks.find(box.id, box.dir) == []


@pytest.mark.slow
def test_delete_force_of_one_that_stays_locked(box):
    box.up()
    fd = os.open(box.hull.root / box.id, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    box.hull("delete", "--force", box.id, timeout=40).fails("is locked by another hull", code=1)
    assert box.status() == "stopped"
    os.close(fd)
    box.delete().ok()


def test_create_that_was_deleted_meanwhile(box, add_hook):
    """Its undo must not touch the container that has its name by then."""
    add_hook("createRuntime", "sleep 2")
    box.sh("sleep 1000").write()
    p = box.hull.popen("create", "--bundle", box.dir, box.id, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    d = box.hull.root / box.id
    wait_until(lambda: (d / "state.json").exists())
    shutil.rmtree(d)
    d.mkdir()
    (d / "state.json").write_text("another's")
    assert p.wait(20) != 0
    assert (d / "state.json").read_text() == "another's"
    shutil.rmtree(d)
