# SPDX-License-Identifier: Apache-2.0
"""wait: the exit code of a container's init, for callers that are not its parent"""
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from support import leaks
from support.leaks import waits_for_a_process
from support.runtime import wait_until

UNKNOWN, FAILED = 254, 255
KERNEL = tuple(int("".join(c for c in n if c.isdigit())) for n in platform.release().split(".")[:2])
keeps_status = pytest.mark.skipif(KERNEL < (6, 15), reason="before 6.15 the kernel keeps no exit status")


def waiting(box, **kw):
    p = box.hull.popen("wait", box.id, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    wait_until(lambda: waits_for_a_process(p.pid) or p.poll() is not None)
    assert p.poll() is None, p.communicate()
    return p


def result(p):
    out, err = p.communicate(timeout=20)
    return p.returncode, out + err


@pytest.fixture
def gated(box, scratch):
    """A container whose shell ends as a FIFO tells it to."""
    os.mkfifo(scratch / "go")
    box.bind(scratch, "/gate")
    box.up('read x < /gate/go; eval "$x"; sleep 1000')
    yield box
    if (box.hull.root / box.id).is_dir():
        box.end()


def tell(scratch, word):
    (scratch / "go").write_text(word + "\n")


@keeps_status
@pytest.mark.parametrize("word, code", [("exit 0", 0), ("exit 7", 7), ("exit 255", 255)])
def test_exit_code(gated, scratch, word, code):
    p = waiting(gated)
    tell(scratch, word)
    assert result(p) == (code, b"")


@keeps_status
def test_killed(gated):
    p = waiting(gated)
    gated.kill("KILL").ok()
    assert result(p) == (128 + signal.SIGKILL, b"")


@keeps_status
def test_several_callers(gated, scratch):
    ps = [waiting(gated) for _ in range(3)]
    tell(scratch, "exit 3")
    assert [result(p) for p in ps] == [(3, b"")] * 3


@keeps_status
def test_container_in_the_foreground(box, scratch):
    """Whoever runs it is the parent and removes it; wait learns the same code."""
    os.mkfifo(scratch / "go")
    box.bind(scratch, "/gate")
    box.sh("read x < /gate/go; exit 9").write()
    run = box.hull.popen("run", "--bundle", box.dir, box.id)
    wait_until(lambda: box.id in box.hull.ids() and box.status() == "running")
    p = waiting(box)
    tell(scratch, "")
    assert result(p) == (9, b"")
    assert run.wait(10) == 9


@keeps_status
def test_created_container(box):
    """It is waited for also before it is started."""
    box.sh("exit 4").create().ok()
    p = waiting(box)
    assert box.status() == "created"
    box.start().ok()
    assert result(p) == (4, b"")
    box.wait_stopped()
    box.delete().ok()


@keeps_status
@pytest.mark.parametrize("start", [False, True])
def test_deleted_while_waiting(box, start):
    box.sh("sleep 1000").create().ok()
    if start:
        box.start().ok()
    p = waiting(box)
    box.delete("--force").ok()
    assert result(p) == (128 + signal.SIGKILL, b"")


@keeps_status
def test_paused(gated, scratch):
    gated.hull("pause", gated.id).ok()
    p = waiting(gated)
    gated.hull("resume", gated.id).ok()
    tell(scratch, "exit 2")
    assert result(p) == (2, b"")


@keeps_status
def test_first_thread_ends_before_the_program(box, scratch):
    (scratch / "t.c").write_text(
        "#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
        "static void *f(void *a) { char c; (void)read(0, &c, 1); exit(5); return a; }\n"
        "int main(void) { pthread_t t; pthread_create(&t, 0, f, 0); pthread_exit(0); }\n")
    subprocess.run(["gcc", "-static", "-o", box.rootfs / "bin/threads", scratch / "t.c", "-lpthread"],
                   check=True, timeout=60)
    r, w = os.pipe()
    box.args("/bin/threads").detach(stdin=r).ok()
    p = waiting(box)
    os.write(w, b"x")
    os.close(r), os.close(w)
    assert result(p) == (5, b"")
    box.end()


def test_stopped_before(box):
    """What nobody recorded and the kernel has forgotten is said to be so."""
    box.sh("exit 6").detach().ok()
    box.wait_stopped()
    wait_until(lambda: not os.path.exists(f"/proc/{box_pid(box)}"))
    box.hull("wait", box.id).fails("container has already stopped", "exit status was not recorded", code=UNKNOWN)
    box.delete().ok()


def box_pid(box):
    return json.loads((box.hull.root / box.id / "state.json").read_text())["init_process_pid"]


class Careless:
    """A parent that adopts a container's init and never waits for it."""

    SCRIPT = ("import ctypes, subprocess, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); "
              "r = subprocess.run(sys.argv[1:]).returncode; print(r, flush=True); sys.stdin.read()")

    def __init__(self, argv):
        self.p = subprocess.Popen([sys.executable, "-c", self.SCRIPT, *argv], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        assert self.p.stdout.readline() == b"0\n"

    def end(self):
        self.p.communicate()


def test_zombie(box, scratch):
    """Stopped, but its parent has not waited for it: that can be read, on any kernel."""
    box.sh("exit 6").write()
    parent = Careless(box.hull.argv("run", "-d", "--bundle", str(box.dir), box.id))
    box.wait_stopped()
    r = box.hull("wait", box.id)
    assert (r.code, r.text) == (6, "")
    parent.end()
    box.delete().ok()


@pytest.mark.release
def test_kernel_without_exit_information(gated, scratch):
    """As before 6.15: the parent reaps, and then nobody knows."""
    if not shutil.which("strace"):
        pytest.skip("needs strace, which makes the call fail")
    p = subprocess.Popen(["strace", "-f", "-o", scratch / "trace", "-e", "trace=ioctl", "-e", "inject=ioctl:error=ENOTTY",
                          *gated.hull.argv("wait", gated.id)], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tracee = wait_until(lambda: [c for c in open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
                                 if waits_for_a_process(c)])[0]
    os.kill(int(tracee), signal.SIGSTOP)  # so that it can't be faster than the parent
    wait_until(lambda: leaks._state(tracee)[0] in "Tt")
    pid = gated.pid()
    gated.kill("KILL").ok()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    os.kill(int(tracee), signal.SIGCONT)
    code, text = result(p)
    assert code == UNKNOWN and b"its exit status is not known" in text, text


def test_unknown_container(hull):
    hull("wait", "none").fails("container does not exist", code=FAILED)
    hull("wait", "..").fails("invalid container ID format", code=FAILED)


@pytest.mark.parametrize("args", [[], ["a", "b"]])
def test_usage(hull, args):
    hull("wait", *args).fails('"wait" requires exactly 1 argument', code=FAILED)


@keeps_status
def test_while_it_is_being_created(box, scratch):
    """A hook holds up create; wait goes on when there is a container, and fails if there will be none."""
    os.mkfifo(scratch / "hook")
    box.config["hooks"] = {"createRuntime": [
        {"path": "/bin/sh", "args": ["sh", "-c", f"read x < {scratch}/hook; exit $x"]}]}
    for answer, expected in (("0", (0, b"")), ("1", None)):
        made = []
        t = threading.Thread(target=lambda: made.append(box.sh("exit 0").create()))
        t.start()
        wait_until(lambda: box.id in box.hull.ids())
        p = box.hull.popen("wait", box.id, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        (scratch / "hook").write_text(answer + "\n")
        t.join(20)
        if expected:
            made[0].ok()
            wait_until(lambda: waits_for_a_process(p.pid) or p.poll() is not None)
            box.start().ok()
            assert result(p) == expected
            box.wait_stopped()
            box.delete().ok()
        else:
            made[0].fails("error running createRuntime hook")
            code, text = result(p)
            assert code == FAILED, (code, text)
