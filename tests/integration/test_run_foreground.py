# SPDX-License-Identifier: Apache-2.0
"""run in the foreground and detached: exit codes, signals, standard streams without loss"""
import hashlib
import os
import signal
import subprocess
import threading
import time

import pytest

from support.console import Terminal
from support.runtime import wait_until

MEGABYTES = 100


@pytest.mark.parametrize("code", [0, 1, 2, 42, 126, 127, 128, 255])
def test_exit_code(box, code):
    assert box.sh(f"exit {code}").run().code == code


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGABRT,
                                 signal.SIGSEGV, signal.SIGUSR1])
def test_killed_by_a_signal(box, sig):
    """From inside: init of a pid namespace ignores what it has no handler for, so from the host."""
    box.sh("sleep 1000" if sig == signal.SIGKILL else "exec sleep 1000")
    box.namespaces(pid=False)
    box.write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id)
    wait_until(
    lambda: (
        box.hull.root /
        box.id /
         "state.json").exists() and box.status() == "running")
    os.kill(box.pid(), sig)
    assert p.wait(10) == 128 + sig


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT,
                                 signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT, signal.SIGRTMIN + 2])
def test_forwarded(box, sig):
    box.sh(f"trap 'echo got; exit 9' {int(sig)}; echo ready; while :; do sleep 0.02; done").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    p.send_signal(sig)
    assert p.wait(10) == 9
    assert p.stdout.read() == b"got\n"
    p.stdout.close()


@pytest.mark.parametrize("sig", [signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH])
def test_not_forwarded(box, sig):
    box.sh(f"trap 'echo got' {int(sig)}; echo ready; i=0; while [ $i -lt 20 ]; do i=$((i+1)); "
           "sleep 0.02; done; exit 4" if sig != signal.SIGCHLD else "echo ready; sleep 0.4; exit 4").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    p.send_signal(sig)
    assert p.wait(10) == 4
    assert b"got" not in p.stdout.read()
    p.stdout.close()


def test_many_signals(box):
    box.sh("n=0; trap 'n=$((n+1))' USR1; trap 'echo $n; exit 0' TERM; echo ready; "
           "while :; do sleep 0.01; done").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, stdout=subprocess.PIPE)
    p.stdout.readline()
    for _ in range(20):
        p.send_signal(signal.SIGUSR1)
        time.sleep(0.02)
    p.send_signal(signal.SIGTERM)
    assert p.wait(10) == 0
    assert int(p.stdout.read()) >= 5
    p.stdout.close()


def test_ignored_signal_mask_of_the_caller(box):
    """A blocked mask or SIGCHLD ignored by the caller neither hangs us nor reaches the program."""
    def odd():
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - \
                               {signal.SIGKILL, signal.SIGSTOP})
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    box.args("/bin/cat", "/proc/self/status").write()
    r = box.hull.call(box.hull.argv("run", "--bundle", box.dir, box.id), preexec_fn=odd).ok()
    found = dict(l.split(":\t", 1) for l in r.out.splitlines() if l.startswith("Sig"))
    assert int(found["SigBlk"], 16) == 0


def digest_of(stream, expect=None):
    h, n = hashlib.sha256(), 0
    while True:
        data = stream.read(1 << 16)
        if not data:
            return n, h.hexdigest()
        n += len(data)
        h.update(data)


def pattern():
    """What `seq` in the container prints, for comparison."""
    return "seq 1 13500000 | head -c 104857600"


def expected():
    p = subprocess.Popen(["sh", "-c", pattern()], stdout=subprocess.PIPE)
    with p.stdout:
        result = digest_of(p.stdout)
    p.wait()
    return result


@pytest.mark.slow
def test_100_megabytes_through_stdout(box):
    box.sh(pattern()).write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, stdout=subprocess.PIPE)
    with p.stdout:
        got = digest_of(p.stdout)
    assert p.wait(60) == 0
    assert got[0] == MEGABYTES << 20 and got == expected()


@pytest.mark.slow
def test_100_megabytes_through_a_terminal(box):
    """terminal: true with output to a pipe: not one byte may be lost, however slow the reader."""
    box.process["terminal"] = True
    box.sh(pattern()).write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, stdout=subprocess.PIPE)
    with p.stdout:
        got = digest_of(p.stdout)
    assert p.wait(60) == 0
    assert got[0] == MEGABYTES << 20 and got == expected()


def test_output_at_the_end_is_not_lost_on_a_terminal(box):
    """The last lines are still in the pty when the program has ended."""
    box.process["terminal"] = True
    for _ in range(10):
        out = box.sh("i=0; while [ $i -lt 500 ]; do echo line-$i; i=$((i+1)); done").run().ok().out
        assert out.split() == [f"line-{i}" for i in range(500)]


def test_slow_reader(box):
    box.process["terminal"] = True
    box.sh("seq 1 60000").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, stdout=subprocess.PIPE)
    got = b""
    with p.stdout:
        for _ in range(5):
            time.sleep(0.1)
            got += os.read(p.stdout.fileno(), 1000)
        got += p.stdout.read()
    assert p.wait(20) == 0
    assert got.split() == [str(i).encode() for i in range(1, 60001)]


def test_stdin_through_a_pipe(box):
    data = os.urandom(3 << 20)
    r = box.args("/bin/cat").run(input=data)
    assert r.raw == data and r.code == 0


def test_stdin_through_a_terminal(box):
    """More than a pty takes at once."""
    box.process["terminal"] = True
    text = b"".join(b"%0100d\n" % i for i in range(2000))
    box.sh("stty -echo -icanon min 1; echo ready; head -c 202000 | md5sum").write()
    p = box.hull.popen(
    "run",
    "--bundle",
    box.dir,
    box.id,
    stdin=subprocess.PIPE,
     stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    writer = threading.Thread(target=lambda: (p.stdin.write(text), p.stdin.flush()))
    writer.start()
    out = p.stdout.readline()
    writer.join(20)
    p.stdin.close()
    assert p.wait(20) == 0
    assert out.split()[0].decode() == hashlib.md5(text).hexdigest()
    p.stdout.close()


def test_reader_goes_away(box):
    """The container ends by SIGPIPE or goes on; the runtime does not hang."""
    box.sh("i=0; while [ $i -lt 2000 ]; do echo $i || exit 3; i=$((i+1)); done").write()
    p = box.hull.popen(
    "run",
    "--bundle",
    box.dir,
    box.id,
    stdout=subprocess.PIPE,
     stderr=subprocess.DEVNULL)
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(20) is not None


def test_stderr_is_separate(box):
    r = box.sh("echo out; echo err >&2").run().ok()
    assert (r.out, r.err) == ("out\n", "err\n")


def test_background_process_does_not_hold_us(box):
    """Output pipes that a background process keeps open: run ends with its program."""
    begin = time.monotonic()
    box.args("/bin/sh", "-c", "sleep 30 & exit 6").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, stdout=subprocess.DEVNULL)
    assert p.wait(10) == 6 and time.monotonic() - begin < 8


def test_background_process_on_a_terminal(box):
    box.process["terminal"] = True
    begin = time.monotonic()
    assert box.sh("(trap '' HUP; sleep 30) & echo x; exit 6").run().code == 6
    assert time.monotonic() - begin < 8


def test_orphans_are_reaped(box):
    """run is a child subreaper: what init leaves outside of a pid namespace does not become a zombie."""
    box.namespaces(pid=False)
    box.sh("(sleep 0.2 &) ; (sleep 0.1 &); sleep 0.6; exit 7").write()
    assert box.run().code == 7


def test_no_subreaper(box):
    assert box.sh("exit 7").run("--no-subreaper").code == 7


def test_keep(box):
    assert box.sh("exit 7").run("--keep").code == 7
    assert box.status() == "stopped"
    box.delete().ok()


def test_detach(box):
    begin = time.monotonic()
    box.up()
    assert time.monotonic() - begin < 5 and box.status() == "running"
    box.end()


def test_detached_has_the_callers_streams(box):
    box.sh("echo out; echo err >&2").detach().ok()
    box.wait_stopped()
    assert box.printed() == "out\n"
    box.end()


def test_detached_error_is_reported(box):
    box.args("/no/such").detach().fails("/no/such", code=1)
    assert box.hull.ids() == []


def test_kill_minus_9_of_the_foreground_runtime(box):
    """The container goes on, and can be deleted."""
    box.sh("sleep 1000").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id)
    wait_until(
    lambda: (
        box.hull.root /
        box.id /
         "state.json").exists() and box.status() == "running")
    p.kill()
    p.wait()
    assert box.status() == "running"
    box.end()


def test_terminal_hang_up(box):
    """The caller's terminal goes away: the runtime hands on SIGHUP and ends."""
    box.process["terminal"] = True
    box.sh("echo ready; sleep 1000").write()
    t = Terminal(box.hull.argv("run", "--bundle", box.dir, box.id))
    t.expect("ready")
    os.close(t.slave)
    os.close(t.fd)
    try:
        t.process.wait(3)
    except subprocess.TimeoutExpired:
        box.kill("KILL")  # a shell as pid 1 ignores SIGHUP: then it goes on
        t.process.wait(5)


def test_sigint_during_create(box, scratch):
    """An interrupt is a failure of the current step, rolled back."""
    os.mkfifo(scratch / "gate")
    box.config["hooks"] = {"createRuntime": [
        {"path": "/bin/busybox", "args": ["busybox", "cat", str(scratch / "gate")]}]}
    box.sh("true").write()
    p = box.hull.popen("create", "--bundle", box.dir, box.id, stderr=subprocess.PIPE)
    wait_until(lambda: (box.hull.root / box.id).is_dir())
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    try:
        p.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        box.end()
        raise
    assert p.returncode != 0
    assert box.hull.ids() == []
