# SPDX-License-Identifier: Apache-2.0
"""
A terminal's life in the four places that have one: run and exec, in the foreground under the caller's
terminal and detached with a console socket. Size, keys, end of file, hang-up, and the last bytes.
"""
import fcntl
import os
import random
import select
import signal
import socket
import struct
import subprocess
import termios
import time
import tty

import pytest

from support import leaks
from support.console import ConsoleSocket, Reader, Terminal
from support.runtime import wait_until

both = pytest.mark.parametrize("command", ["run", "exec"])


@pytest.fixture
def session(box, scratch):
    """Starts a script on a terminal: in the foreground a Terminal, detached the Reader of the pty's master."""
    box.bind(scratch, "/note", "rw")
    opened = []

    def start(command, script, detached=False, args=None):
        args = args or ["/bin/sh", "-c", script]
        if command == "exec":
            box.process["terminal"] = False
            box.up()
            words = ["exec", "--tty"]
            rest = [box.id, *args]
        else:
            box.process["terminal"] = True
            box.args(*args).write()
            words = ["run", "--bundle", box.dir]
            rest = [box.id]
        if not detached:
            t = Terminal(box.hull.argv(*words, *rest), rows=30, columns=90)
            opened.append(t)
            return t
        with ConsoleSocket(box.dir / "socket") as s:
            box._quiet(*words, "--detach", "--console-socket", s.path, "--pid-file", scratch / "pid", *rest).ok()
            t = s.terminal()
        t.pid = int((scratch / "pid").read_text())
        return t
    yield start
    for t in opened:
        try:
            t.__exit__()
        except OSError:
            pass  # a test has closed it
    if (box.hull.root / box.id).is_dir():
        box.end()


def ended(pid):
    return leaks._state(pid)[0] in "ZX"


def in_the_foreground(command):
    """Whether a process with this command line is what its terminal's keys go to, and is not stopped."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f, open(f"/proc/{pid}/stat") as g:
                line, stat = f.read(), g.read()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()   # from the third on: state ppid pgrp session tty tpgid
        if line.split("\0")[:-1] == command.split() and fields[2] == fields[5] and fields[0] == "S":
            return True
    return False


def a_sleep():
    """A command line that no other test has."""
    return f"sleep {random.randrange(10 ** 6, 10 ** 9)}"


LOOP = "while :; do sleep 0.02; done"


@both
@pytest.mark.parametrize("detached", [False, True])
def test_resize(session, command, detached):
    """The terminal of the program follows the one around it; the program gets SIGWINCH."""
    t = session(command, f"trap 'stty size; exit 3' WINCH; stty size; echo ready; {LOOP}", detached)
    out = t.expect("ready")
    assert detached or "30 90" in out
    t.size(44, 122)
    t.expect("44 122")
    assert detached or t.wait() == 3


@both
@pytest.mark.parametrize("detached", [False, True])
def test_interrupt_key(session, command, detached):
    """^C reaches the program by its own terminal, and nobody else: the caller lives on and has its code."""
    t = session(command, f"trap 'echo interrupted; exit 7' INT; echo ready; {LOOP}", detached)
    t.expect("ready")
    t.send("\x03")
    t.expect("interrupted")
    assert detached or t.wait() == 7


@both
def test_quit_and_kill(session, command):
    program = f"/bin/{a_sleep()}"
    t = session(command, "", args=program.split())
    wait_until(lambda: in_the_foreground(program))
    wait_until(lambda: not t.attributes()[3] & termios.ISIG)
    if command == "run":
        t.send("\x1c")   # pid 1 has no handler for it: nothing happens, also not to the caller
        t.send("\x03")
        assert t.process.poll() is None
        t.process.send_signal(signal.SIGKILL)
        assert t.process.wait(10) == -signal.SIGKILL
        return
    t.send("\x1c")
    assert t.wait() == 128 + signal.SIGQUIT


@both
@pytest.mark.parametrize("detached", [False, True])
def test_job_control(session, command, detached):
    """^Z stops what runs in the foreground of the shell inside, fg continues it."""
    t = session(command, "", detached, ["/bin/sh", "-i"])
    sleep = a_sleep()
    t.send("PS1='$ '; echo be''gin\r")
    t.expect("begin")
    t.send(f"{sleep}\r")
    wait_until(lambda: in_the_foreground(sleep))
    t.send("\x1a")
    t.expect("Stopped")
    t.send("jobs; echo list''ed\r")
    assert sleep in t.expect("listed")
    t.send("fg %1\r")
    wait_until(lambda: in_the_foreground(sleep))
    t.send("\x03")
    t.expect("^C")
    t.send("echo again''=$?\r")
    t.expect("again=130")
    t.send("exit 6\r")
    assert detached or t.wait() == 6


@both
@pytest.mark.parametrize("detached", [False, True])
def test_end_of_file_key(session, command, detached):
    """^D at the start of a line is the end of the program's input."""
    t = session(command, "echo ready; cat; echo after; exit 4", detached)
    t.expect("ready")
    t.send("typed\r")
    t.expect("typed")
    t.send("\x04")
    t.expect("after")
    assert detached or t.wait() == 4


@both
def test_hang_up_of_the_callers_terminal(session, scratch, command):
    """The program is told by SIGHUP, and its code is still ours."""
    t = session(command, f"trap 'echo hung-up > /note/hup; exit 9' HUP; echo ready; {LOOP}")
    t.expect("ready")
    os.close(t.slave)
    os.close(t.fd)
    assert t.process.wait(10) == 9
    assert (scratch / "hup").read_text() == "hung-up\n"


@both
def test_hang_up_of_a_detached_one(session, scratch, command):
    """Whoever has the master closes it: the kernel tells the session."""
    t = session(command, f"trap 'echo hung-up > /note/hup; exit 9' HUP; echo ready; {LOOP}", detached=True)
    t.expect("ready")
    os.close(t.fd)
    wait_until(lambda: (scratch / "hup").exists() and (scratch / "hup").read_text() == "hung-up\n")
    wait_until(lambda: ended(t.pid))


@both
@pytest.mark.parametrize("detached", [False, True])
def test_last_bytes(session, command, detached):
    """All of what was written at the very end comes, and then the end."""
    t = session(command, "read x; seq 1 400; printf 'no line end'", detached)
    t.send("go\r")
    if detached:
        wait_until(lambda: ended(t.pid))
        out = t.rest()
    else:
        out = t.expect("no line end")
        assert t.wait() == 0
    words = out.replace("go", "").split()
    assert words == [str(i) for i in range(1, 401)] + ["no", "line", "end"]


@both
def test_last_bytes_into_a_pipe(box, command):
    """With a terminal inside and a pipe outside."""
    script = "i=0; while [ $i -lt 500 ]; do echo line-$i; i=$((i+1)); done; printf end"
    if command == "exec":
        box.up()
    box.process["terminal"] = True
    for _ in range(10):
        r = (box.exec("--tty", box.id, "/bin/sh", "-c", script) if command == "exec" else box.sh(script).run()).ok()
        assert r.raw == b"".join(b"line-%d\n" % i for i in range(500)) + b"end"
    if command == "exec":
        box.end()


class Pipe:
    """Standard output of a terminal session: a pipe of one page, read when the test says so."""

    def __init__(self, blocking):
        self.r, self.w = os.pipe()
        fcntl.fcntl(self.w, fcntl.F_SETPIPE_SZ, select.PIPE_BUF)
        os.set_blocking(self.w, blocking)

    def full(self):
        return not select.select([], [self.w], [], 0)[1]

    def rest(self):
        """To the end."""
        os.close(self.w)
        with os.fdopen(self.r, "rb") as f:
            return f.read()


@pytest.fixture
def piped(box, scratch):
    """Starts a script on a terminal with a pipe as our standard output."""
    box.bind(scratch, "/note", "rw")

    def start(command, script, stdout, **kw):
        if command == "exec":
            box.up()
            return box.hull.popen("exec", "--tty", box.id, "/bin/sh", "-c", script, stdout=stdout, **kw)
        box.process["terminal"] = True
        box.sh(script).write()
        return box.hull.popen("run", "--bundle", box.dir, box.id, stdout=stdout, **kw)
    yield start
    if (box.hull.root / box.id).is_dir():
        box.end()


def asleep(pid):
    return leaks._state(pid)[0] == "S"


def lines(n):
    return b"".join(b"%d\n" % i for i in range(1, n + 1))


@both
@pytest.mark.parametrize("blocking", [True, False])
def test_reader_that_comes_late(piped, scratch, command, blocking):
    """The program has ended before anybody reads: its terminal still has all that the pipe did not take."""
    out = Pipe(blocking)
    p = piped(command, "seq 1 2000; touch /note/done; exit 3", out.w)
    wait_until((scratch / "done").exists)
    wait_until(lambda: out.full() and asleep(p.pid))
    assert p.poll() is None
    assert out.rest() == lines(2000)
    assert p.wait(10) == 3


@both
@pytest.mark.parametrize("blocking", [True, False])
def test_signal_while_nobody_reads(piped, scratch, command, blocking):
    """It reaches the program, and what comes afterwards is the output without a gap."""
    out = Pipe(blocking)
    p = piped(command, "trap 'touch /note/got; exit 9' TERM; seq 1 1000000 & touch /note/ready; " + LOOP, out.w)
    wait_until((scratch / "ready").exists)
    wait_until(lambda: out.full() and asleep(p.pid))
    p.send_signal(signal.SIGTERM)
    wait_until((scratch / "got").exists)
    got = out.rest()
    assert p.wait(10) == 9
    assert len(got) > select.PIPE_BUF and got == lines(1000000)[:len(got)]


TTY_BUFFER = 4095   # what a terminal has ready for its reader at most


def unread(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]


@both
def test_signal_while_nobody_reads_the_terminal(session, scratch, command):
    """Nor does a terminal keep it from the program, as one whose connection has stalled."""
    t = session(command, "trap 'touch /note/got; exit 9' TERM; seq 1 1000000 & touch /note/ready; " + LOOP)
    wait_until((scratch / "ready").exists)
    wait_until(lambda: unread(t.fd) == TTY_BUFFER and asleep(t.process.pid))
    t.process.send_signal(signal.SIGTERM)
    wait_until((scratch / "got").exists)
    assert t.wait() == 9
    got = t.seen.replace(b"\r", b"")
    assert len(got) > select.PIPE_BUF and got == lines(1000000)[:len(got)]


@both
def test_stdout_is_the_master_of_a_terminal(piped, command):
    """Which must not be opened anew: that would be another terminal."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        p = piped(command, "echo typed; exit 5", master)
        assert Reader(slave).expect("typed\n") == "typed\n"
        assert p.wait(10) == 5
    finally:
        os.close(master)
        os.close(slave)


@both
def test_reader_that_goes_away(piped, scratch, command):
    """The program goes on, and does not wait for room on its terminal."""
    out = Pipe(True)
    p = piped(command, "seq 1 2000; touch /note/done; seq 1 20000; exit 4", out.w)
    os.close(out.w)
    wait_until((scratch / "done").exists)
    os.close(out.r)
    assert p.wait(10) == 4


@both
def test_stdin_that_has_nothing_after_all(piped, command):
    """poll has said so, but read gives EAGAIN, as for a datagram whose checksum is wrong: not the end of our input."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stdin, \
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        stdin.bind(("127.0.0.1", 0))
        stdin.setblocking(False)
        out = Pipe(True)
        p = piped(command, "stty -echo; echo ready; read x; exit $x", out.w, stdin=stdin)
        wait_until(lambda: select.select([out.r], [], [], 0)[0])
        port = stdin.getsockname()[1]
        for checksum, text in [(1, b"5"), (0, b"4")]:   # 0 is none, thus right
            wait_until(lambda: not select.select([stdin], [], [], 0)[0])
            text = text.rjust(100, b"0") + b"\n"   # a short one would be looked at before it is queued
            raw.sendto(struct.pack("!HHHH", port, port, 8 + len(text), checksum) + text, ("127.0.0.1", 0))
        assert p.wait(10) == 4
    assert out.rest() == b"ready\n"


@pytest.mark.slow
def test_a_lot_through_the_terminal_of_exec(box):
    """However slow the reader."""
    box.up()
    p = box.hull.popen("exec", "--tty", box.id, "/bin/sh", "-c", "seq 1 1000000", stdout=subprocess.PIPE)
    expected, size = 1, 0
    with p.stdout:
        for line in p.stdout:
            assert int(line) == expected
            expected += 1
            size += len(line)
    assert p.wait(60) == 0 and expected == 1000001
    box.end()


@both
def test_raw_mode_and_restore(session, command):
    """The caller's terminal is raw meanwhile and afterwards as it was, also when the program is killed."""
    t = session(command, "echo ready; read x; kill -9 $$; exit 3")
    before = termios.tcgetattr(t.slave)
    t.expect("ready")
    wait_until(lambda: not t.attributes()[3] & termios.ICANON)
    t.send("x\r")
    assert t.wait() == (3 if command == "run" else 128 + signal.SIGKILL)   # pid 1 can't kill itself
    after = t.attributes()
    after[3] |= termios.ICANON | termios.ECHO
    assert t.attributes()[3] & termios.ICANON and t.attributes()[3] & termios.ECHO
    assert len(before) == len(after)


@both
def test_line_ends_on_the_callers_terminal(session, command):
    """The program's terminal adds no carriage return, so the caller's must go on doing so while it is raw."""
    t = session(command, "echo ready; read x; echo one; echo two; exit 3")
    t.expect("ready\r\n")
    wait_until(lambda: not t.attributes()[3] & termios.ICANON)
    assert t.attributes()[1] & termios.OPOST
    t.send("x\r")
    t.expect("one\r\ntwo\r\n")
    assert t.wait() == 3


WITHOUT = "T=$(tty); exec 0</dev/null 1>/dev/null 2>/dev/null; "


@both
def test_terminal_that_is_opened_anew(session, command):
    """For moments nobody in the container has the terminal open: it is there again afterwards."""
    t = session(command, f"{WITHOUT} i=0; while [ $i -lt 200 ]; do echo line-$i >$T; i=$((i+1)); done; exit 3")
    assert t.wait() == 3
    assert t.seen.decode().split() == [f"line-{i}" for i in range(200)]


def ticks(pid):
    """The processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:13]))


@both
def test_typed_while_nobody_has_the_terminal(session, scratch, command):
    """It waits for the next one who reads, and we for both without spinning."""
    t = session(command, f"{WITHOUT} echo >/note/closed; until [ -e /note/go ]; do sleep 0.02; done; "
                         "read x <$T; echo got-$x >$T; exit 3")
    wait_until((scratch / "closed").exists)
    wait_until(lambda: not t.attributes()[3] & termios.ICANON)
    before = ticks(t.process.pid)
    time.sleep(0.5)
    assert ticks(t.process.pid) - before < 0.2 * os.sysconf("SC_CLK_TCK")
    t.send("word\r")
    wait_until(lambda: not select.select([t.slave], [], [], 0)[0])   # has been read
    (scratch / "go").touch()
    t.expect("got-word")
    assert t.wait() == 3


@both
def test_process_that_keeps_the_terminal(session, command):
    """A background process has it open: we end with the program."""
    t = session(command, "(trap '' HUP; exec sleep 1000) & echo x; exit 6")
    assert t.wait() == 6


@both
def test_stdin_from_a_file(box, scratch, command):
    """terminal: true, but the caller has none: the file is typed into it."""
    (scratch / "in").write_text("first\nsecond\n")
    script = "read a; read b; echo [$a] [$b]; exit 5"
    if command == "exec":
        box.up()
    box.process["terminal"] = True
    with open(scratch / "in") as f:
        r = (box.exec("--tty", box.id, "/bin/sh", "-c", script, stdin=f) if command == "exec"
             else box.sh(script).run(stdin=f))
    assert r.code == 5 and "[first] [second]" in r.out
    if command == "exec":
        box.end()
