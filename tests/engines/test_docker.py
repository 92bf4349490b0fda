# SPDX-License-Identifier: Apache-2.0
"""Docker: exit codes, streams, terminals, signals, exec, the life of containers."""
import json
import signal
import subprocess
import time

import pytest

from engine import RUNTIME, place
from engine.checks import needs
from support.runtime import unique, wait_until


def test_output_and_exit_codes(docker):
    r = docker.run("box", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (r.code, r.out, r.err) == (7, "out\n", "err\n")
    assert docker.run("box", "true").code == 0


@pytest.mark.parametrize("argv, code, words", [
    (("--no-such-flag", "box", "true"), 125, "unknown flag"),
    (("--workdir", "/bin/busybox", "box", "true"), (125, 126, 127), "not a directory"),
    (("box", "/etc/not-a-program"), 126, "permission denied"),
    (("box", "/etc"), 126, ""),
    (("box", "no-such-program"), 127, "executable file not found in $PATH"),
    (("box", "/no/such/program"), 127, "no such file or directory"),
    (("--entrypoint", "no-such-program", "box"), 127, "executable file not found in $PATH"),
    (("-u", "no-such-user", "box", "true"), 125, "no-such-user"),
], ids=lambda v: "-".join(v) if isinstance(v, tuple) and isinstance(v[0], str) else "")
def test_what_cannot_start(docker, argv, code, words):
    r = docker.run(*argv)
    assert r.code in (code if isinstance(code, tuple) else (code,)), r
    assert words in r.text.lower().replace("$path", "$PATH"), r


def test_died_of_a_signal(docker):
    assert docker.run("--init", "box", "sh", "-c", "kill -KILL $$").code == 137
    assert docker.run("--init", "box", "sh", "-c", "kill -TERM $$").code == 143


def test_stdin(docker):
    data = b"0123456789abcdef" * 65536
    r = docker.run("-i", "box", "cat", input=data).ok()
    assert r.raw == data
    assert docker.run("-i", "box", "wc", "-c", input=b"").ok().out == "0\n"


def test_much_output(docker):
    assert len(docker.run("box", "seq", "1", "200000").ok().out.split()) == 200000


def test_terminal(docker):
    with docker.terminal("run", "--rm", "-it", "box", "sh") as t:
        t.expect("#")
        t.size(37, 111)
        t.send("stty size; tty; test -t 0 && echo is-$((1+1))\n")
        t.expect("/dev/pts/0")
        t.expect("is-2")
        t.send("until [ \"$(stty size)\" = '37 111' ]; do :; done; echo resiz''ed\n")
        t.expect("resized")
        t.send("exit 9\n")
        assert t.wait(30) == 9


def test_interrupt_from_the_terminal(docker):
    with docker.terminal("run", "--rm", "-it", "box", "sh", "-c", "trap 'exit 5' INT; echo up; while :; do sleep 0.1; done") as t:
        t.expect("up")
        t.send("\x03")
        assert t.wait(30) == 5


def test_logs(docker):
    name = docker.up(script="for i in 1 2 3; do echo line$i; echo err$i >&2; done; exec sleep 1000")
    docker.wait_logs(name, "err3")
    r = docker("logs", name).ok()
    assert r.out == "line1\nline2\nline3\n" and r.err == "err1\nerr2\nerr3\n"
    follow = docker.popen("logs", "-f", "--tail", "1", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    docker("kill", name).ok()
    assert follow.wait(30) == 0
    follow.communicate()


def test_signals(docker):
    name = docker.up(script="trap 'echo usr1' USR1; trap 'echo hup; exit 3' HUP; echo up; while :; do sleep 0.1; done")
    docker.wait_logs(name, "up")
    docker("kill", "-s", "USR1", name).ok()
    docker.wait_logs(name, "usr1")
    docker("kill", "-s", "1", name).ok()
    assert docker("wait", name).ok().out == "3\n"
    docker("kill", name).fails("is not running")


def test_forwarded_signal(docker):
    name = unique("eng")
    p = docker.popen("run", "--rm", "--name", name, "box", "sh", "-c",
                     "trap 'exit 4' TERM; echo up; while :; do sleep 0.1; done", stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    p.send_signal(signal.SIGTERM)
    assert p.wait(30) == 4
    p.stdout.close()


def test_stop(docker):
    name = docker.up(script="trap 'exit 21' TERM; echo up; while :; do sleep 0.1; done")
    docker.wait_logs(name, "up")
    docker("stop", "-t", "60", name).ok()
    assert docker.state(name)["ExitCode"] == 21
    name = docker.up(script="trap '' TERM; echo up; while :; do sleep 0.1; done")
    docker.wait_logs(name, "up")
    docker("stop", "-t", "1", name).ok()
    assert docker.state(name)["ExitCode"] == 137
    name = docker.up("--stop-signal", "QUIT", script="trap 'exit 22' QUIT; echo up; while :; do sleep 0.1; done")
    docker.wait_logs(name, "up")
    docker("stop", "-t", "60", name).ok()
    assert docker.state(name)["ExitCode"] == 22


def test_start_again_and_rename(docker):
    name = docker.up(script="echo more >>/file; cat /file; exit 0")
    docker("wait", name).ok()
    r = docker("start", "-a", name).ok()
    assert r.out == "more\nmore\n"
    docker("rename", name, f"{name}-new").ok()
    docker("restart", f"{name}-new").ok()
    docker("wait", f"{name}-new").ok()
    assert docker("diff", f"{name}-new").ok().out == "A /file\n"
    docker("rm", f"{name}-new").ok()
    docker("inspect", name).fails()


def test_create_and_copy(docker, tmp_path):
    name = docker("create", "box", "cat", "/in").ok().out.strip()
    (tmp_path / "in").write_text("carried\n")
    docker("cp", tmp_path / "in", f"{name}:/in").ok()
    assert docker("start", "-a", name).ok().out == "carried\n"
    docker("cp", f"{name}:/etc/passwd", tmp_path / "out").ok()
    assert "root:" in (tmp_path / "out").read_text()


def test_pause(docker):
    name = docker.up(script="i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.02; done")
    wait_until(lambda: docker("exec", name, "cat", "/n").code == 0, 30, 0.1)
    docker("pause", name).ok()
    assert docker.state(name)["Status"] == "paused"
    docker("exec", name, "true").fails("paused")
    n = f"/proc/{docker.pid(name)}/root/n"
    before = open(n).read()
    time.sleep(0.3)     # in which a container that runs would count on
    assert open(n).read() == before
    docker("unpause", name).ok()
    wait_until(lambda: open(n).read().strip() not in ("", before.strip()), 30)


def test_attach(docker):
    name = docker.up("-i", script="while read line && [ $line != end ]; do echo got $line; done; exit 6")
    p = docker.popen("attach", name, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write(b"one\n")
    p.stdin.flush()
    assert p.stdout.readline() == b"got one\n"
    p.stdin.write(b"end\n")
    p.stdin.close()
    assert p.stdout.read() == b""
    p.stdout.close()
    p.wait(30)
    docker.wait_state(name, "exited")
    assert docker.state(name)["ExitCode"] == 6


def test_attach_and_detach_a_terminal(docker):
    name = unique("eng")
    docker("run", "-dit", "--name", name, "box", "sh").ok()
    with docker.terminal("attach", name) as t:
        t.send("echo $((20+3))\n")
        t.expect("23")
        t.send("\x10\x11")
        t.expect("read escape sequence")
        t.wait(30)
    assert docker.state(name)["Status"] == "running"


# exec

def test_exec(docker):
    name = docker.up()
    r = docker("exec", name, "sh", "-c", "echo out; echo err >&2; exit 19")
    assert (r.code, r.out, r.err) == (19, "out\n", "err\n")
    # Docker 20.10 says 126 of a program that isn't there, later ones 127.
    assert docker("exec", name, "no-such-program").code in (126, 127)
    assert docker("exec", name, "/no/such/program").code in (126, 127)
    assert docker("exec", name, "/etc/not-a-program").code == 126
    assert docker("exec", "-i", name, "wc", "-c", input=b"x" * 300000).ok().out == "300000\n"
    assert docker("exec", name, "sh", "-c", "kill -9 $$").code == 137


def test_exec_options(docker):
    name = docker.up("-e", "FROM=container")
    assert docker.sh(name, "id -u; id -g", "-u", "alice").split() == ["1000", "1000"]
    assert docker.sh(name, "id -u; id -g; echo $HOME", "-u", "1234:77").split()[:2] == ["1234", "77"]
    assert docker.sh(name, "echo $A $FROM", "-e", "A=given") == "given container\n"
    assert docker.sh(name, "pwd", "-w", "/tmp") == "/tmp\n"


def test_exec_detached(docker):
    name = docker.up()
    docker("exec", "-d", name, "sh", "-c", "echo done >/tmp/detached; exec sleep 1000").ok()
    wait_until(lambda: "done" in docker("exec", name, "cat", "/tmp/detached").out, 30, 0.1)
    assert "sleep 1000" in docker("top", name).ok().out


def test_exec_terminal(docker):
    name = docker.up()
    with docker.terminal("exec", "-it", name, "sh") as t:
        t.expect("#")
        t.send("test -t 0 && tty && exit 11\n")
        t.expect("/dev/pts/")
        assert t.wait(30) == 11


def test_exec_many_at_once(docker):
    name = docker.up()
    calls = [docker.popen("exec", name, "sh", "-c", f"echo {i}; exit {i}", stdout=subprocess.PIPE) for i in range(10)]
    for i, p in enumerate(calls):
        assert p.communicate(timeout=60)[0] == f"{i}\n".encode()
        assert p.returncode == i


@needs(lambda: None if place.has_capability("CAP_SYS_RESOURCE") else "no CAP_SYS_RESOURCE, which all capabilities take")
def test_exec_privileged(docker):
    name = docker.up()
    assert "CapEff:\t0000000000000000" not in docker.sh(name, "grep CapEff /proc/self/status", "--privileged")


def test_top_and_stats(docker):
    name = docker.up()
    assert "sleep 0.1" in docker("top", name, "-o", "pid,args").ok().out or "trap" in docker("top", name).ok().out
    s = json.loads(docker("stats", "--no-stream", "--format", "{{json .}}", name).ok().out)
    assert int(s["PIDs"]) >= 1 and not s["MemUsage"].startswith("0B"), s


def test_health(docker):
    name = docker.up("--health-cmd", "test -e /healthy", "--health-interval", "0.2s", "--health-retries", "2",
                     "--health-start-period", "0s")
    wait_until(lambda: docker.state(name)["Health"]["Status"] == "unhealthy", 60, 0.1)
    docker.sh(name, "touch /healthy")
    wait_until(lambda: docker.state(name)["Health"]["Status"] == "healthy", 60, 0.1)


def test_restart_policies(docker):
    name = docker.up("--restart", "on-failure:2", script="echo run; exit 1")
    wait_until(lambda: docker.inspect(name, ".RestartCount") == "2" and
               docker.state(name)["Status"] == "exited", 60, 0.1)
    assert docker("logs", name).ok().out == "run\n" * 3
    name = docker.up("--restart", "always")
    pid = docker.pid(name)
    docker("exec", name, "kill", "-TERM", "1")
    wait_until(lambda: docker.pid(name) not in (0, pid), 60, 0.1)
    docker("stop", "-t", "0", name).ok()
    assert docker.state(name)["Status"] == "exited"


def test_removed_by_itself(docker):
    name = docker.up("--rm", script="exit 0")
    wait_until(lambda: docker("inspect", name).code != 0, 30, 0.1)


def test_init(docker):
    """Orphans are reaped by docker-init: without it they stay as zombies."""
    leave = "sh -c 'sleep 0.1 & echo $! >/tmp/orphan'"
    state = "grep -s State /proc/$(cat /tmp/orphan)/status; true"
    name = docker.up("--init", script="exec sleep 1000")
    assert docker.sh(name, "cat /proc/1/comm").strip() in ("docker-init", "tini")
    docker.sh(name, leave)
    wait_until(lambda: docker.sh(name, state) == "", 30, 0.1)
    name = docker.up(script="exec sleep 1000")
    docker.sh(name, leave)
    wait_until(lambda: "Z" in docker.sh(name, state), 30, 0.1)


def test_twenty_at_once(docker):
    names = [unique("eng") for _ in range(20)]
    calls = [docker.popen("run", "--rm", "--name", n, "box", "sh", "-c", f"echo {n}; exit {i}",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i, n in enumerate(names)]
    for i, p in enumerate(calls):
        out, err = p.communicate(timeout=180)
        assert (p.returncode, out.decode().strip()) == (i, names[i]), err


def test_twenty_stay(docker):
    names = [docker.up() for _ in range(20)]
    assert len({docker.pid(n) for n in names}) == 20
    docker("stop", "-t", "20", *names, timeout=180).ok()
    assert {docker.state(n)["ExitCode"] for n in names} == {0}


def test_image_built_with_run_steps(docker, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        "FROM box\nRUN echo built >/built && id -u >>/built\nUSER alice\nRUN id -u >/tmp/user\n"
        "WORKDIR /work\nCOPY file .\nRUN cat file /tmp/user\nENTRYPOINT [\"cat\", \"/built\", \"/tmp/user\"]\n")
    (tmp_path / "file").write_text("from the context\n")
    r = docker("build", "-t", "built", tmp_path, timeout=180).ok()
    assert "from the context" in r.out
    assert docker.run("built").ok().out == "built\n0\n1000\n"
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN exit 12\n")
    r = docker("build", "-t", "bad", tmp_path, timeout=180)
    assert r.code != 0 and "12" in r.text
    docker("rmi", "-f", "built").ok()


def test_events(docker):
    docker.run("--name", "eventful", "box", "true").ok()
    wait_until(lambda: all(w in docker("events", "--since", "1m", "--until", "0s", "--filter",
                                       "container=eventful").out for w in ("create", "start", "die", "destroy")), 20, 0.2)


def test_runtime_is_ours(docker):
    assert docker("info", "-f", "{{.DefaultRuntime}} {{(index .Runtimes \"hull\").Path}}").ok().out.split() == \
        ["hull", RUNTIME]
    assert docker.run("--runtime", "hull", "box", "echo", "x").ok().out == "x\n"
