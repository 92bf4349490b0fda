# SPDX-License-Identifier: Apache-2.0
"""process.terminal and process.consoleSize"""
import os
import stat
import termios

import pytest

from support.console import ConsoleSocket, Terminal
from support.runtime import wait_until


@pytest.fixture
def tty(box):
    box.process["terminal"] = True
    box.process["env"].append("PS1=# ")
    return box


def interactive(box, *flags, **kw):
    box.write()
    return Terminal(box.hull.argv("run", "--bundle", box.dir, *flags, box.id), **kw)


def test_streams_are_the_pty(tty):
    tty.sh("readlink /proc/self/fd/0; readlink /proc/self/fd/1; readlink /proc/self/fd/2; tty; "
           "ls -l /dev/console | cut -c1; echo done")
    with interactive(tty) as t:
        out = t.expect("done")
        assert t.wait() == 0
    assert out.split() == ["/dev/pts/0"] * 4 + ["c", "done"]


def test_console_is_the_pty(tty):
    tty.sh("echo written > /dev/console; stat -c %t:%T /dev/console /dev/pts/0; "
           "grep ' /dev/console ' /proc/self/mountinfo | cut -d- -f2; echo done")
    with interactive(tty) as t:
        out = t.expect("done").split()
        t.wait()
    assert out[0] == "written"
    assert out[1] == out[2] == "88:0"
    assert out[3] == "devpts"


def test_controlling_terminal(tty):
    """Job control works: ^C reaches the program, and only it."""
    tty.sh("trap 'echo interrupted; exit 7' INT; echo ready; while :; do sleep 0.05; done")
    with interactive(tty) as t:
        t.expect("ready")
        t.send("\x03")
        t.expect("interrupted")
        assert t.wait() == 7


def test_controlling_terminal_is_not_the_callers(tty):
    tty.sh("echo marker > /dev/tty; cat /proc/self/stat | cut -d' ' -f7; echo done")
    with interactive(tty) as t:
        out = t.expect("done").split()
        t.wait()
    assert out[0] == "marker"
    assert int(out[1]) == os.makedev(136, 0)


def test_no_terminal_has_no_controlling_terminal(box):
    box.sh("cat /proc/self/stat | cut -d' ' -f7; test -e /dev/console; echo $?; "
           "(: < /dev/tty) 2>/dev/null || echo none")
    with interactive(box) as t:
        out = t.expect("none").split()
        t.wait()
    assert out == ["0", "1", "none"]


def test_console_size(tty):
    tty.process["consoleSize"] = {"height": 31, "width": 97}
    tty.sh("stty size; echo done")
    with ConsoleSocket(tty.dir / "s") as s:
        tty.create("--console-socket", s.path).ok()
        t = s.terminal()
        tty.start().ok()
        assert t.expect("done").split()[:2] == ["31", "97"]


def test_console_size_is_ignored_without_terminal(box):
    box.process["consoleSize"] = {"height": 31, "width": 97}
    assert box.out("echo fine") == "fine\n"


def test_size_of_the_caller_and_resize(tty):
    tty.sh("stty size; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done")
    with interactive(tty, rows=33, columns=101) as t:
        assert t.expect("ready").split()[:2] == ["33", "101"]
        t.size(44, 122)
        t.expect("44 122")
        assert t.wait() == 0


def test_raw_mode_and_restore(tty):
    """Our terminal is raw while the container runs, and as before afterwards."""
    tty.sh("echo ready; read x; echo got-$x; exit 3")
    with interactive(tty) as t:
        before = t.attributes()
        t.expect("ready")
        wait_until(lambda: not t.attributes()[3] & termios.ICANON)
        assert not t.attributes()[3] & termios.ECHO
        t.send("word\r")
        t.expect("got-word")
        assert t.wait() == 3
        assert t.attributes() == before


def test_restore_after_failure(tty):
    tty.args("/no/such/program")
    with interactive(tty) as t:
        before = t.attributes()
        assert t.wait() == 1
        assert t.attributes() == before


def test_no_carriage_return_is_added(tty):
    """runc switches ONLCR off in the foreground: line ends arrive as the program wrote them."""
    assert tty.sh("echo one; echo two").run().ok().raw == b"one\ntwo\n"
    box_exec = tty.sh("sleep 1000")
    with ConsoleSocket(tty.dir / "s") as s:
        box_exec.detach("--console-socket", s.path).ok()
        t = s.terminal()
        r = tty.exec("-t", tty.id, "/bin/sh", "-c", "echo one; echo two").ok()
        assert r.raw == b"one\ntwo\n"
        tty.end()
        t.rest()


def test_stdin_is_not_a_terminal(tty):
    """As `echo command | runc run` with terminal: true: no error, the input reaches the program."""
    tty.sh("read x; echo got-$x; stty size >/dev/null && echo size")
    r = tty.run(input=b"word\n")
    assert r.code == 0, r
    assert "got-word" in r.out and "size" in r.out


def test_owner_of_the_pty(tty):
    tty.process["user"] = {"uid": 1000, "gid": 1000}
    tty.sh("stat -c %u:%g:%a /dev/pts/0; echo typed > /dev/pts/0; echo done")
    with interactive(tty) as t:
        out = t.expect("done").split()
        t.wait()
    assert out[0] == "1000:5:620"
    assert out[1] == "typed"


NO_SOCKET = "cannot allocate tty if hull will detach without setting console socket: give --console-socket"
NO_USE = "cannot use console socket if hull will not detach or allocate tty: "
LEAVE = ", or leave out --console-socket"
TRUE, FALSE = (f"set process.terminal to {w} in the configuration" for w in ("true", "false"))


def test_detach_needs_console_socket(tty):
    """A mistake in usage is answered with the ways out."""
    tty.detach().fails(f"{NO_SOCKET}, {FALSE} or leave out --detach", code=1)
    tty.create().fails(f"{NO_SOCKET} or {FALSE}", code=1)
    assert tty.hull.ids() == []


def test_console_socket_needs_detach_and_terminal(tty):
    with ConsoleSocket(tty.dir / "s") as s:
        tty.run("--console-socket", s.path).fails(f"{NO_USE}add --detach{LEAVE}", code=1)
        tty.process["terminal"] = False
        tty.create("--console-socket", s.path).fails(f"{NO_USE}{TRUE}{LEAVE}", code=1)
        tty.detach("--console-socket", s.path).fails(f"{NO_USE}{TRUE}{LEAVE}", code=1)
        tty.run("--console-socket", s.path).fails(f"{NO_USE}add --detach and {TRUE}{LEAVE}", code=1)
    assert tty.hull.ids() == []


def test_usage_of_exec(box):
    box.up()
    (box.dir / "tty.json").write_text('{"args": ["/bin/true"], "cwd": "/", "terminal": true}')
    (box.dir / "no.json").write_text('{"args": ["/bin/true"], "cwd": "/"}')
    file = [f"set terminal to {w} in the process file" for w in ("true", "false")]

    def refused(words, *args):
        box.exec(*args).fails(words, code=255)
    refused(f"{NO_SOCKET}, leave out --tty or leave out --detach", "-t", "-d", box.id, "/bin/true")
    refused(f"{NO_SOCKET}, {file[1]} or leave out --detach", "-d", "-p", box.dir / "tty.json", box.id)
    with ConsoleSocket(box.dir / "s") as s:
        socket = ["--console-socket", s.path]
        refused(f"{NO_USE}add --detach{LEAVE}", *socket, "-t", box.id, "/bin/true")
        refused(f"{NO_USE}add --tty{LEAVE}", *socket, "-d", box.id, "/bin/true")
        refused(f"{NO_USE}add --detach and add --tty{LEAVE}", *socket, box.id, "/bin/true")
        refused(f"{NO_USE}add --detach{LEAVE}", *socket, "-p", box.dir / "tty.json", box.id)
        refused(f"{NO_USE}{file[0]}{LEAVE}", *socket, "-d", "-p", box.dir / "no.json", box.id)
    box.end()


def test_console_socket_run_detached(tty):
    tty.sh("tty; read line; echo answer-$line; sleep 1000")
    with ConsoleSocket(tty.dir / "s") as s:
        tty.detach("--console-socket", s.path).ok()
        t = s.terminal()
        t.expect("/dev/pts/0")
        t.send("question\n")
        t.expect("answer-question")
    assert stat.S_ISCHR(os.fstat(t.fd).st_mode)
    tty.end()
    t.rest()


def test_console_socket_dead(tty):
    with ConsoleSocket(tty.dir / "s") as s:
        s.listener.close()
        tty.create("--console-socket", s.path).fails("connection refused")
        assert tty.hull.ids() == []
    tty.create("--console-socket", tty.dir / "none").fails("no such file or directory")


def test_descriptors_of_the_terminal_session(tty):
    tty.sh("ls /proc/self/fd | tr '\\n' ' '; echo done")
    with interactive(tty) as t:
        out = t.expect("done").split()
        t.wait()
    assert out == ["0", "1", "2", "3", "done"]  # 3 is ls's own


def test_exec_tty(box):
    box.up()
    argv = box.hull.argv("exec", "--tty", box.id, "/bin/sh", "-c",
                         "tty; stty size; readlink /proc/self/fd/2; read x; exit $x")
    with Terminal(argv, rows=30, columns=90) as t:
        out = t.expect("90") + t.expect("/dev/pts/")
        assert "/dev/pts/" in out and "30 90" in out
        t.send("9\r")
        assert t.wait() == 9
