# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore, where there is a criu that works here (in PATH)"""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from support.runtime import wait_until

COUNTER = "i=0; while :; do i=$((i+1)); echo $i >/tmp/n; sleep 0.05; done"
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
IGNORE = ("--manage-cgroups-mode", "ignore")


@pytest.fixture(scope="module", autouse=True)
def criu():
    program = shutil.which("criu")
    if not program:
        pytest.skip("no criu in PATH")
    r = subprocess.run([program, "check"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if r.returncode != 0:
        last = (r.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"criu does not work here: {last}")
    return program


@pytest.fixture
def counter(box):
    """A container that counts in a file of its writable rootfs."""
    box.writable()
    box.up(COUNTER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    box.count = box.rootfs / "tmp/n"
    wait_until(lambda: value(box) > 3)
    return box


def value(box):
    """The count; the file is empty for a moment at each write, and maybe at the checkpoint."""
    try:
        return int((box.rootfs / "tmp/n").read_text() or 0)
    except FileNotFoundError:
        return 0


def images(box):
    return ("--image-path", box.dir / "images", "--work-path", box.dir / "work")


def checkpoint(box, *flags):
    return box.hull("checkpoint", *images(box), *IGNORE, *flags, box.id)


def restore(box, *flags, **kw):
    box.write()
    log = box.dir / "restore.out"
    with open(log, "w+b") as f:
        r = box.hull("restore", "-d", "--bundle", box.dir, *images(box), *IGNORE, *flags, box.id,
                     **{**QUIET, "stderr": f, **kw})
        f.seek(0)
        r.err = f.read().decode()
    return r


def goes_on(box):
    at = value(box)
    wait_until(lambda: value(box) > at + 2)


def test_there_and_back(counter):
    """The container is gone after a checkpoint, and goes on from where it was, twice."""
    for _ in range(2):
        checkpoint(counter).ok()
        at = value(counter)
        counter.hull("state", counter.id).fails("does not exist", code=1)
        restore(counter).ok()
        assert counter.status() == "running"
        wait_until(lambda: value(counter) > at)
        goes_on(counter)
        assert counter.esh("echo here").strip() == "here"
    assert sorted(os.listdir(counter.hull.root / counter.id)) == ["config.json", "state.json"]
    assert "criu-root" not in pathlib.Path("/proc/self/mountinfo").read_text()
    counter.end()


def test_leave_running(counter):
    checkpoint(counter, "--leave-running").ok()
    assert counter.status() == "running"
    goes_on(counter)
    assert (counter.dir / "images/inventory.img").exists()
    assert len(json.loads((counter.dir / "images/descriptors.json").read_text())) == 3
    assert (counter.dir / "work/dump.log").exists()
    counter.end()


def test_paused(counter):
    counter.hull("pause", counter.id).ok()
    checkpoint(counter).ok()
    restore(counter).ok()
    counter.end()


def test_created_and_unknown(box, hull):
    box.sh("sleep 1000").create().ok()
    checkpoint(box).fails("cannot be checkpointed in created state", code=1)
    box.end()
    hull("checkpoint", "no-such-container").fails("container does not exist", code=1)


def test_pid_file_and_cgroup(counter):
    """The restored init is in the cgroup of the new container, and the pid file says who it is."""
    checkpoint(counter).ok()
    counter.linux["cgroupsPath"] = f"/{counter.id}-moved"
    restore(counter, "--pid-file", counter.dir / "pid").ok()
    pid = int((counter.dir / "pid").read_text())
    assert pid == counter.pid()
    assert f"/{counter.id}-moved\n" in pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    counter.end()


def test_bind_mounts(box, scratch):
    """Mount points that are missing are made again; links in the destination are followed."""
    (scratch / "a").mkdir()
    (scratch / "b").mkdir()
    (scratch / "b/file").write_text("nested")
    (box.rootfs / "real").mkdir()
    (box.rootfs / "link").symlink_to("/real")
    box.writable()
    box.bind(scratch / "a", "/link/a")
    box.bind(scratch / "b", "/link/a/in/b")
    box.up(COUNTER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoint(box).ok()
    shutil.rmtree(scratch / "a/in")
    restore(box).ok()
    assert box.esh("cat /real/a/in/b/file") == "nested"
    assert (scratch / "a/in/b").is_dir() and not list((scratch / "a/in/b").iterdir())
    box.end()


def test_pipes(box):
    """Pipes of the standard streams are replaced by those of the restore."""
    box.writable().sh("while read x; do echo got $x; done").write()
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    r = box.hull("run", "-d", "--bundle", box.dir, box.id, stdin=r1, stdout=w2, stderr=subprocess.DEVNULL)
    assert r.code == 0
    checkpoint(box).ok()
    os.close(r1), os.close(w1), os.close(r2), os.close(w2)
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    assert restore(box, stdin=r1, stdout=w2).code == 0
    os.write(w1, b"ping\n")
    assert os.read(r2, 100) == b"got ping\n"
    box.end()
    os.close(r1), os.close(w1), os.close(r2), os.close(w2)


def test_foreground(box):
    """The exit status is the container's, which is removed afterwards."""
    box.writable().sh("while [ ! -e /tmp/stop ]; do sleep 0.05; done; exit 7")
    box.detach(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).ok()
    checkpoint(box).ok()
    p = box.hull.popen("restore", "--bundle", box.dir, *images(box), *IGNORE, box.id,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: box.id in box.hull.ids())
    (box.rootfs / "tmp/stop").touch()
    assert p.wait(20) == 7
    assert box.hull.ids() == []


def test_hooks(counter):
    checkpoint(counter).ok()
    mark = counter.dir / "mark"
    counter.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >{mark}"]}]}
    restore(counter).ok()
    state = json.loads(mark.read_text())
    assert state["id"] == counter.id and state["pid"] == counter.pid()
    counter.end()


def test_failing_hook(counter):
    """Everything is taken back."""
    checkpoint(counter).ok()
    counter.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    restore(counter).fails("createRuntime hook", code=1)
    assert counter.hull.ids() == []


def test_bad_images(counter):
    """The error is CRIU's, with the lines of its log."""
    checkpoint(counter).ok()
    (counter.dir / "images/inventory.img").write_bytes(b"")
    restore(counter).fails("criu failed: type", "Quoting", "restore.log", "Error", code=1)
    assert counter.hull.ids() == []


def test_bad_options(counter, tmp_path):
    checkpoint(counter, "--parent-path", tmp_path).fails("--parent-path must be relative", code=1)
    checkpoint(counter, "--parent-path", "../none").fails("invalid --parent-path", code=1)
    checkpoint(counter, "--manage-cgroups-mode", "odd").fails("invalid manage-cgroups-mode value", code=1)
    checkpoint(counter, "--page-server", "nowhere").fails("--page-server ADDRESS:PORT", code=1)
    checkpoint(counter, "--empty-ns", "pid").fails("is not supported", code=1)
    assert counter.status() == "running"
    counter.end()


def test_no_criu(counter):
    env = {**os.environ, "PATH": "/nonexistent"}
    counter.hull("checkpoint", *images(counter), counter.id, env=env).fails("\"criu\"", "not found in $PATH", code=1)
    assert counter.status() == "running"
    counter.end()
