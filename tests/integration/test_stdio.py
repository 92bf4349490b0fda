# SPDX-License-Identifier: Apache-2.0
"""The standard streams of a container: whose they are, and what of the caller's is behind them."""
import hashlib
import os
import pty
import signal
import socket
import subprocess
import threading

import pytest

from support.runtime import unique, wait_until

USER = {"uid": 1000, "gid": 1000}
OWNER = "stat -L -c %u /proc/self/fd/1; echo again > /dev/stdout; echo err > /dev/stderr"


class Pipes:
    """Two pipes of root's, as shims make them, with what came out of them."""

    def __init__(self):
        self.out, self.err = os.pipe(), os.pipe()
        self.kw = {"stdout": self.out[1], "stderr": self.err[1]}

    def end(self):
        texts = []
        for r, w in self.out, self.err:
            os.close(w)
            with os.fdopen(r) as f:
                texts.append(f.read())
        return texts


@pytest.mark.parametrize("way", ["create", "run", "run -d", "exec", "exec -d"])
def test_owner(box, way):
    """Programs of another user than root open /dev/stdout: their logs often are links to it."""
    pipes = Pipes()
    if way.startswith("exec"):
        box.up()
        box.exec(*way.split()[1:], "-u", "1000:1000", box.id, "sh", "-c", OWNER, **pipes.kw).ok()
    else:
        box.process["user"] = USER
        box.sh(OWNER)
        getattr(box, {"create": "create", "run": "run", "run -d": "detach"}[way])(**pipes.kw).ok()
        if way == "create":
            box.start().ok()
    if way in ("create", "run -d"):
        box.wait_stopped()
        box.end()
    if way == "exec -d":   # the pipes' other ends are the process's
        text = Pipes.end(pipes)
        box.end()
    else:
        text = pipes.end()
        box.delete("--force")
    assert text == ["1000\nagain\n", "err\n"]


def test_owner_in_a_user_namespace(box):
    box.userns()
    box.chown_to()
    box.process["user"] = USER
    box.writable()
    pipes = Pipes()
    box.sh(OWNER).run(**pipes.kw).ok()
    assert pipes.end() == ["1000\nagain\n", "err\n"]
    out = box.dir / "out"
    with open(out, "w") as f:
        box.run(stdout=f, stderr=subprocess.DEVNULL).ok()
    assert out.read_text() == "1000\nagain\n"
    assert os.stat(out).st_uid == 0


def test_dev_null_stays_the_hosts(box):
    before = os.stat("/dev/null")
    box.process["user"] = USER
    null = subprocess.DEVNULL
    box.sh("true").run(stdout=null, stderr=null).ok()
    box.create(stdout=null, stderr=null).ok()
    box.end()
    after = os.stat("/dev/null")
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


@pytest.fixture(params=["run", "exec"])
def foreground(request, box):
    """Runs a script in the foreground by run and by exec."""
    def call(script, **kw):
        if request.param == "run":
            box.sh(script).write()
            return box.hull("run", "--bundle", box.dir, unique(), **kw)
        return box.exec(box.id, "/bin/sh", "-c", script, **kw)
    call.argv = lambda script: box.hull.argv("exec", box.id, "/bin/sh", "-c", script)
    if request.param == "exec":
        box.up()
    yield call
    box.delete("--force")


def test_files_of_the_caller_cannot_be_opened_again(foreground, scratch):
    """By /proc/self/fd: what was given to be read would be written to, what was appended to be cut off."""
    source, log = scratch / "in", scratch / "log"
    source.write_text("of the host\n")
    log.write_text("old\n")
    with open(source) as i, open(log, "a") as o:
        foreground("cat; echo new > /dev/stdout; echo bad > /proc/self/fd/0; exit 0", stdin=i, stdout=o).ok()
    assert source.read_text() == "of the host\n"
    assert log.read_text() == "old\nof the host\nnew\n"


def test_socket(foreground):
    """As systemd gives it to a unit: it could not be opened by name."""
    ours, theirs = socket.socketpair()
    r = foreground("cat; echo two > /dev/stdout; echo three > /dev/stderr", stdout=theirs, stderr=theirs)
    theirs.close()
    got = b"".join(iter(lambda: ours.recv(4096), b""))
    ours.close()
    assert r.code == 0 and sorted(got.split()) == [b"three", b"two"]


def test_terminal_of_the_caller(foreground):
    """Nothing of it gets in: it could be given input that the caller's shell reads."""
    master, slave = pty.openpty()
    owner = os.fstat(slave).st_uid
    r = foreground("test -t 0 -o -t 1 -o -t 2 && exit 9; ls -l /proc/self/fd >&2; echo out; exit 4",
                   stdin=slave, stdout=slave, stderr=slave)
    assert r.code == 4 and os.fstat(slave).st_uid == owner
    text = os.read(master, 4096).decode()
    assert "out\r\n" in text and "/dev/pts" not in text and "pipe:" in text
    os.close(slave)
    os.close(master)


def test_much_both_ways(foreground, scratch):
    data = os.urandom(5 << 20)
    (scratch / "in").write_bytes(data)
    with open(scratch / "in") as i, open(scratch / "out", "w") as o, open(scratch / "err", "w") as e:
        foreground("tee /dev/stderr; exit 3", stdin=i, stdout=o, stderr=e).fails(code=3)
    digest = hashlib.sha256(data).digest()
    for name in "out", "err":
        assert hashlib.sha256((scratch / name).read_bytes()).digest() == digest


def test_input_that_nobody_reads(foreground, scratch):
    """Neither too much of it nor its lack holds the end up."""
    (scratch / "in").write_bytes(bytes(1 << 20))
    with open(scratch / "in") as i:
        assert foreground("exec <&-; echo done", stdin=i).ok().out == "done\n"
        assert foreground("echo done", stdin=i).ok().out == "done\n"
    a, b = socket.socketpair()
    assert foreground("echo done", stdin=a).ok().out == "done\n"
    a.close()
    b.close()


def test_end_of_input(foreground):
    a, b = socket.socketpair()
    b.send(b"some")
    timer = threading.Timer(0.2, b.close)
    timer.start()
    assert foreground("cat; echo; echo end", stdin=a).ok().out == "some\nend\n"
    timer.join()
    a.close()


def test_reader_that_is_gone(foreground):
    """The program gets EPIPE, as if it wrote to the caller's stream itself."""
    ours, theirs = socket.socketpair()
    ours.close()
    r = foreground("yes 2> /dev/null; exit 7", stdout=theirs)
    theirs.close()
    assert r.code == 7


def test_exec_waits_for_those_it_leaves_behind(box, scratch):
    """As runc: they may write still. A signal ends the wait, not them."""
    box.up()
    argv = box.hull.argv("exec", box.id, "/bin/sh", "-c", "(sleep 1; echo late) & echo early; exit 5")
    with open(scratch / "out", "w") as o:
        assert subprocess.run(argv, stdout=o, timeout=20, check=False).returncode == 5
    assert (scratch / "out").read_text() == "early\nlate\n"
    argv[-1] = "sleep 1000 & echo early; exit 5"
    with open(scratch / "out", "w") as o:
        p = subprocess.Popen(argv, stdout=o)
    wait_until(lambda: (scratch / "out").read_text() == "early\n")
    wait_until(lambda: box.esh("ps").count("sh -c sleep 1000 &") <= 1)
    p.send_signal(signal.SIGTERM)
    assert p.wait(20) in (5, 143)
    box.end()
