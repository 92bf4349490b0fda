# SPDX-License-Identifier: Apache-2.0
"""Docker and podman: exit codes, streams, terminals, signals, exec, the life of containers."""
import signal
import subprocess
import time

import pytest

from engine import place
from engine.checks import needs
from engine.client import resize
from support.runtime import unique, wait_until


def test_output_and_exit_codes(engine):
    r = engine.run("box", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (r.code, r.out, r.err) == (7, "out\n", "err\n"), str(r)
    assert engine.run("box", "true").code == 0


@pytest.mark.parametrize("argv, code, words", [
    (("--no-such-flag", "box", "true"), 125, "unknown flag"),
    (("--workdir", "/bin/busybox", "box", "true"), (125, 126, 127), "not a directory"),
    (("box", "/etc/not-a-program"), 126, "permission denied"),
    (("box", "/etc"), 126, ""),
    (("box", "no-such-program"), 127, "executable file not found in $PATH"),
    (("box", "/no/such/program"), 127, "no such file or directory"),
    (("--entrypoint", "no-such-program", "box"), 127, "executable file not found in $PATH"),
    (("-u", "no-such-user", "box", "true"), (125, 126), "no-such-user"),
], ids=lambda v: "-".join(v) if isinstance(v, tuple) and isinstance(v[0], str) else "")
def test_what_cannot_start(engine, argv, code, words):
    r = engine.run(*argv)
    assert r.code in (code if isinstance(code, tuple) else (code,)), str(r)
    assert words in r.text.lower().replace("$path", "$PATH"), str(r)


def test_died_of_a_signal(engine):
    assert engine.run("--init", "box", "sh", "-c", "kill -KILL $$").code == 137
    assert engine.run("--init", "box", "sh", "-c", "kill -TERM $$").code == 143


def test_stdin(engine):
    data = b"0123456789abcdef" * 65536
    r = engine.run("-i", "box", "cat", input=data).ok()
    assert r.raw == data
    assert engine.run("-i", "box", "wc", "-c", input=b"").ok().out == "0\n"


def test_much_output(engine):
    assert len(engine.run("box", "seq", "1", "200000").ok().out.split()) == 200000


def test_terminal(engine):
    with engine.terminal("run", "--rm", "-it", "box", "sh") as t:
        t.expect("#")
        t.send("tty; test -t 0 && echo is-$((1+1))\n")
        t.expect("/dev/pts/0")
        t.expect("is-2")
        resize(t, 37, 111)
        t.send("exit 9\n")
        assert t.wait(30) == 9


def test_interrupt_from_the_terminal(engine):
    with engine.terminal("run", "--rm", "-it", "box", "sh", "-c", "trap 'exit 5' INT; echo up; while :; do sleep 0.1; done") as t:
        t.expect("up")
        t.send("\x03")
        assert t.wait(30) == 5


def test_logs(engine):
    name = engine.up(script="for i in 1 2 3; do echo line$i; echo err$i >&2; done; exec sleep 1000")
    engine.wait_logs(name, "err3")
    r = engine("logs", name).ok()
    assert r.out == "line1\nline2\nline3\n" and r.err == "err1\nerr2\nerr3\n"
    follow = engine.popen("logs", "-f", "--tail", "1", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    engine("kill", name).ok()
    assert follow.wait(30) == 0, follow.stderr.read()
    follow.communicate()


def test_signals(engine):
    name = engine.up(script="trap 'echo usr1' USR1; trap 'echo hup; exit 3' HUP; echo up; while :; do sleep 0.1; done")
    engine.wait_logs(name, "up")
    engine("kill", "-s", "USR1", name).ok()
    engine.wait_logs(name, "usr1")
    engine("kill", "-s", "1", name).ok()
    assert engine("wait", name).ok().out == "3\n"
    engine("kill", name).fails("running")


def test_forwarded_signal(engine):
    name = unique("eng")
    p = engine.popen("run", "--rm", "--name", name, "box", "sh", "-c",
                     "trap 'exit 4' TERM; echo up; while :; do sleep 0.1; done", stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    p.send_signal(signal.SIGTERM)
    assert p.wait(30) == 4
    p.stdout.close()


def test_stop(engine):
    name = engine.up(script="trap 'exit 21' TERM; echo up; while :; do sleep 0.1; done")
    engine.wait_logs(name, "up")
    engine("stop", "-t", "60", name).ok()
    assert engine.state(name)["ExitCode"] == 21
    name = engine.up(script="trap '' TERM; echo up; while :; do sleep 0.1; done")
    engine.wait_logs(name, "up")
    engine("stop", "-t", "1", name).ok()
    assert engine.state(name)["ExitCode"] == 137
    name = engine.up("--stop-signal", "QUIT", script="trap 'exit 22' QUIT; echo up; while :; do sleep 0.1; done")
    engine.wait_logs(name, "up")
    engine("stop", "-t", "60", name).ok()
    assert engine.state(name)["ExitCode"] == 22


def test_start_again_and_rename(engine):
    name = engine.up(script="echo more >>/file; cat /file; exit 0")
    engine("wait", name).ok()
    r = engine("start", "-a", name).ok()
    assert r.out == "more\nmore\n"
    engine("rename", name, f"{name}-new").ok()
    engine("restart", f"{name}-new").ok()
    engine("wait", f"{name}-new").ok()
    assert engine("diff", f"{name}-new").ok().out.splitlines()[-1] == "A /file"
    engine("rm", f"{name}-new").ok()
    engine("inspect", name).fails()


def test_create_and_copy(engine, tmp_path):
    name = engine("create", "box", "cat", "/in").ok().out.strip()
    (tmp_path / "in").write_text("carried\n")
    engine("cp", tmp_path / "in", f"{name}:/in").ok()
    assert engine("start", "-a", name).ok().out == "carried\n"
    engine("cp", f"{name}:/etc/passwd", tmp_path / "out").ok()
    assert "root:" in (tmp_path / "out").read_text()


def test_pause(engine):
    name = engine.up(script="i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.02; done")
    wait_until(lambda: engine("exec", name, "cat", "/n").code == 0, 30, 0.1)
    engine("pause", name).ok()
    assert engine.state(name)["Status"] == "paused"
    engine("exec", name, "true").fails()
    n = f"/proc/{engine.pid(name)}/root/n"
    before = open(n).read()
    time.sleep(0.3)     # in which a container that runs would count on
    assert open(n).read() == before
    engine("unpause", name).ok()
    wait_until(lambda: open(n).read().strip() not in ("", before.strip()), 30)


def test_attach(engine):
    name = engine.up("-i", script="while read line && [ $line != end ]; do echo got $line; done; exit 6")
    p = engine.popen("attach", name, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write(b"one\n")
    p.stdin.flush()
    assert p.stdout.readline() == b"got one\n"
    p.stdin.write(b"end\n")
    p.stdin.close()
    assert p.stdout.read().strip() == b""
    p.stdout.close()
    p.wait(30)
    engine.wait_state(name, "exited")
    assert engine.state(name)["ExitCode"] == 6


def test_attach_and_detach_a_terminal(engine):
    name = unique("eng")
    engine("run", "-dit", "--name", name, "box", "sh").ok()
    with engine.terminal("attach", name) as t:
        t.send("echo $((20+3))\n")
        t.expect("23")

        def detached():
            for key in "\x10\x11":     # podman wants to read them one by one
                t.send(key)
                t.pump(0.3)
            return t.process.poll() is not None

        wait_until(detached, 30)
    assert engine.state(name)["Status"] == "running"


# exec

def test_exec(engine):
    name = engine.up()
    r = engine("exec", name, "sh", "-c", "echo out; echo err >&2; exit 19")
    assert (r.code, r.out, r.err) == (19, "out\n", "err\n")
    # Docker 20.10 says 126 of a program that isn't there, later ones 127.
    assert engine("exec", name, "no-such-program").code in (126, 127)
    assert engine("exec", name, "/no/such/program").code in (126, 127)
    assert engine("exec", name, "/etc/not-a-program").code == 126
    assert engine("exec", "-i", name, "wc", "-c", input=b"x" * 300000).ok().out == "300000\n"
    assert engine("exec", name, "sh", "-c", "kill -9 $$").code == 137


def test_exec_options(engine):
    name = engine.up("-e", "FROM=container")
    assert engine.sh(name, "id -u; id -g", "-u", "alice").split() == ["1000", "1000"]
    assert engine.sh(name, "id -u; id -g; echo $HOME", "-u", "1234:77").split()[:2] == ["1234", "77"]
    assert engine.sh(name, "echo $A $FROM", "-e", "A=given") == "given container\n"
    assert engine.sh(name, "pwd", "-w", "/tmp") == "/tmp\n"


def test_exec_detached(engine):
    name = engine.up()
    engine("exec", "-d", name, "sh", "-c", "echo done >/tmp/detached; exec sleep 1000").ok()
    wait_until(lambda: "done" in engine("exec", name, "cat", "/tmp/detached").out, 30, 0.1)
    assert "sleep 1000" in engine.sh(name, "ps")


def test_exec_terminal(engine):
    name = engine.up()
    with engine.terminal("exec", "-it", name, "sh") as t:
        t.expect("#")
        t.send("test -t 0 && tty && exit 11\n")
        t.expect("/dev/pts/")
        assert t.wait(30) == 11


def test_exec_many_at_once(engine):
    name = engine.up()
    calls = [engine.popen("exec", name, "sh", "-c", f"echo {i}; exit {i}", stdout=subprocess.PIPE) for i in range(10)]
    for i, p in enumerate(calls):
        assert p.communicate(timeout=60)[0] == f"{i}\n".encode()
        assert p.returncode == i


@needs(lambda: None if place.has_capability("CAP_SYS_RESOURCE") else "no CAP_SYS_RESOURCE, which all capabilities take")
def test_exec_privileged(engine):
    name = engine.up()
    assert "CapEff:\t0000000000000000" not in engine.sh(name, "grep CapEff /proc/self/status", "--privileged")


def test_top_and_stats(engine):
    name = engine.up()
    assert "sleep 0.1" in engine("top", name, "-o", "pid,args").ok().out or "trap" in engine("top", name).ok().out
    s = engine("stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", name).ok().out.split()
    assert int(s[0]) >= 1 and not s[1].startswith("0B"), s


def test_health(engine):
    name = engine.up("--health-cmd", "test -e /healthy", "--health-interval", "1s", "--health-retries", "2",
                     "--health-start-period", "0s")
    wait_until(lambda: engine.check_health(name) == "unhealthy", 60, 0.1)
    engine.sh(name, "touch /healthy")
    wait_until(lambda: engine.check_health(name) == "healthy", 60, 0.1)


def test_restart_policies(engine):
    name = engine.up("--restart", "on-failure:2", script="echo run; exit 1")
    wait_until(lambda: engine.inspect(name, ".RestartCount") == "2" and
               engine.state(name)["Status"] == "exited", 60, 0.1)
    assert engine("logs", name).ok().out == "run\n" * 3
    name = engine.up("--restart", "always")
    pid = engine.pid(name)
    engine("exec", name, "kill", "-TERM", "1")
    wait_until(lambda: engine.pid(name) not in (0, pid), 60, 0.1)
    engine("stop", "-t", "0", name).ok()
    assert engine.state(name)["Status"] == "exited"


def test_removed_by_itself(engine):
    name = engine.up("--rm", script="exit 0")
    wait_until(lambda: engine("inspect", name).code != 0, 30, 0.1)


def test_init(engine):
    """Orphans are reaped by docker-init: without it they stay as zombies."""
    leave = "sh -c 'sleep 0.1 & echo $! >/tmp/orphan'"
    state = "grep -s State /proc/$(cat /tmp/orphan)/status; true"
    name = engine.up("--init", script="exec sleep 1000")
    assert engine.sh(name, "cat /proc/1/comm").strip() in ("docker-init", "podman-init", "tini")
    engine.sh(name, leave)
    wait_until(lambda: engine.sh(name, state) == "", 30, 0.1)
    name = engine.up(script="exec sleep 1000")
    engine.sh(name, leave)
    wait_until(lambda: "Z" in engine.sh(name, state), 30, 0.1)


def test_twenty_at_once(engine):
    names = [unique("eng") for _ in range(20)]
    calls = [engine.popen("run", "--rm", "--name", n, "box", "sh", "-c", f"echo {n}; exit {i}",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i, n in enumerate(names)]
    for i, p in enumerate(calls):
        out, err = p.communicate(timeout=180)
        assert (p.returncode, out.decode().strip()) == (i, names[i]), err


def test_twenty_stay(engine):
    names = [engine.up() for _ in range(20)]
    assert len({engine.pid(n) for n in names}) == 20
    engine("stop", "-t", "20", *names, timeout=180).ok()
    assert {engine.state(n)["ExitCode"] for n in names} == {0}


def test_image_built_with_run_steps(engine, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        "FROM box\nRUN echo built >/built && id -u >>/built\nUSER alice\nRUN id -u >/tmp/user\n"
        "WORKDIR /work\nCOPY file .\nRUN cat file /tmp/user\nENTRYPOINT [\"cat\", \"/built\", \"/tmp/user\"]\n")
    (tmp_path / "file").write_text("from the context\n")
    r = engine("build", "-t", "built", tmp_path, timeout=180).ok()
    assert "from the context" in r.out
    assert engine.run("built").ok().out == "built\n0\n1000\n"
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN exit 12\n")
    r = engine("build", "-t", "bad", tmp_path, timeout=180)
    assert r.code != 0 and "12" in r.text
    engine("rmi", "-f", "built").ok()
