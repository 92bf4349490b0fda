# SPDX-License-Identifier: Apache-2.0
"""exec: what its options do, seen from inside or by the kernel's own files"""
import json
import os
import pathlib
import signal
import subprocess

import pytest

from support import cgroup2
from support.console import ConsoleSocket
from support.leaks import waits_for_a_process
from support.runtime import Runtime, wait_until


@pytest.fixture
def up(box):
    box.up()
    yield box
    box.end()


def pid_in(fd):
    """The pid that a pidfd is of."""
    return int(next(line for line in open(f"/proc/self/fdinfo/{fd}") if line.startswith("Pid:")).split()[1])


def sub_cgroups(box, *hierarchies):
    """Makes the directory `sub` in the container's v1 cgroups; the paths by controller."""
    made = {}
    for line in open(f"/proc/{box.pid()}/cgroup"):
        _, names, path = line.strip().split(":", 2)
        d = pathlib.Path("/sys/fs/cgroup") / names.removeprefix("name=") / path.strip("/")
        if names in hierarchies and d.is_dir():
            (d / "sub").mkdir(exist_ok=True)
            made[names] = path
    if set(made) != set(hierarchies):
        pytest.skip(f"no cgroup v1 hierarchies {hierarchies}")
    return made


def own_cgroups(text):
    return {line.split(":")[1]: line.split(":", 2)[2] for line in text.split()}


# --cgroup
def test_cgroup_of_one_controller(up):
    """v1: CTRL:PATH; in the other hierarchies it is the container's."""
    base = sub_cgroups(up, "pids", "memory")
    got = own_cgroups(up.exec("--cgroup", "pids:sub", up.id, "/bin/cat", "/proc/self/cgroup").ok().out)
    assert got["pids"].endswith("/sub") and got["memory"] == base["memory"]


def test_cgroup_of_several_controllers(up):
    sub_cgroups(up, "pids", "memory")
    for words in (["--cgroup", "pids,memory:sub"], ["--cgroup", "pids:sub", "--cgroup", "memory:/sub"]):
        got = own_cgroups(up.exec(*words, up.id, "/bin/cat", "/proc/self/cgroup").ok().out)
        assert got["pids"].endswith("/sub") and got["memory"].endswith("/sub")


@pytest.mark.parametrize("path, words", [
    ("pids:..", "bad sub cgroup path: .."), ("pids:../..", "bad sub cgroup path: ../.."),
    ("pids:sub/../../x", "bad sub cgroup path"), ("nonsense:sub", "unknown controller nonsense"),
    ("pids:none", "no such file or directory"), ("none", "no such file or directory"),
    ("/../../../../x", "bad sub cgroup path: /../../../../x")])
def test_cgroup_that_can_not_be(up, path, words):
    sub_cgroups(up, "pids", "memory")
    up.exec("--cgroup", path, up.id, "/bin/cat", "/proc/self/cgroup").fails(
        "exec failed: unable to start container process: ", words, code=255)


@pytest.fixture
def v2(box):
    reason = cgroup2.reason_to_skip()
    if reason:
        pytest.skip(reason)
    box.hull = cgroup2.over(box.hull)
    box.namespaces(cgroup=True)
    box.up()
    yield box
    box.end()


@pytest.mark.v2
def test_cgroup_on_v2(v2):
    """A path below the container's, with and without a slash in front."""
    d = cgroup2.host_view() / open(f"/proc/{v2.pid()}/cgroup").read().strip().rpartition("0::/")[2]
    (d / "sub/deeper").mkdir(parents=True)
    for path, seen in (("sub", "/sub"), ("/sub", "/sub"), ("sub/deeper", "/sub/deeper"), ("/", "/"), ("sub/..", "/")):
        r = v2.exec("--cgroup", path, v2.id, "/bin/cat", "/proc/self/cgroup").ok()
        assert f"0::{seen}" in r.out.split(), (path, r.out)
    v2.exec("--cgroup", "none", v2.id, "/bin/true").fails("adding pid ", "no such file or directory", code=255)
    v2.exec("--cgroup", "../..", v2.id, "/bin/true").fails("bad sub cgroup path", code=255)
    v2.exec("--cgroup", "pids:sub", v2.id, "/bin/true").fails(code=255)


# --ignore-paused
def test_ignore_paused(up, scratch):
    """It waits until the container goes on."""
    up.hull("pause", up.id).ok()
    up.exec(up.id, "/bin/true").fails("cannot exec in a paused container", code=255)
    p = up.hull.popen("exec", "--ignore-paused", up.id, "/bin/sh", "-c", "echo went on; exit 5", stdout=subprocess.PIPE)
    ps = wait_until(lambda: len(json.loads(up.hull("ps", "-f", "json", up.id).ok().out)) > 1 or p.poll() is not None)
    assert ps and p.poll() is None
    up.hull("resume", up.id).ok()
    out, _ = p.communicate(timeout=20)
    assert (p.returncode, out) == (5, b"went on\n")


# --pid-file, --pidfd-socket
@pytest.mark.parametrize("detach", [False, True])
def test_pid_and_pidfd(up, scratch, detach):
    """Both name the process, by its pid on the host."""
    with ConsoleSocket(up.dir / "p") as s:
        argv = up.hull.argv("exec", *(["--detach"] if detach else []), "--pid-file", scratch / "pid",
                            "--pidfd-socket", s.path, up.id, "/bin/sleep", "4711")
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        fd, word = s.receive()
        wait_until(lambda: (scratch / "pid").exists() and (scratch / "pid").read_text())
        pid = int((scratch / "pid").read_text())
        assert pid_in(fd) == pid and word == b"pidfd"
        wait_until(lambda: pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"/bin/sleep\x004711\0")
        assert os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{up.pid()}/ns/pid")
        signal.pidfd_send_signal(fd, signal.SIGTERM)
        os.close(fd)
        assert p.wait(20) == (0 if detach else 128 + signal.SIGTERM)
    assert not list(scratch.glob(".pid*"))


def test_relative_pid_file(up, scratch):
    """From the caller's directory."""
    Runtime.call(up.hull.argv("exec", "--pid-file", "here", up.id, "/bin/true"), cwd=scratch).ok()
    assert int((scratch / "here").read_text()) > 1


def test_pid_file_that_is_there(up, scratch):
    (scratch / "pid").write_text("old and longer than a pid")
    up.exec("--pid-file", scratch / "pid", up.id, "/bin/true").ok()
    assert (scratch / "pid").read_text().isdigit()


def test_pidfd_socket_that_is_not_there(up):
    up.exec("--pidfd-socket", up.dir / "none", up.id, "/bin/true").fails(
        "failed to dial pidfd socket", "no such file or directory", code=255)


# --preserve-fds
def test_preserve_fds(up, scratch):
    """As many as asked for, with the numbers they had, and none beyond."""
    for i in (3, 4, 5):
        (scratch / str(i)).write_text(f"{i}")
    script = "".join(f"exec {i}<{scratch}/{i}; " for i in (3, 4, 5)) + 'exec "$@"'
    show = "cat <&3; cat <&4; ls /proc/self/fd | tr '\\n' ' '"
    argv = up.hull.argv("exec", "--preserve-fds", "2", up.id, "/bin/sh", "-c", show)
    assert Runtime.call(["sh", "-c", script, "sh", *argv]).ok().out.split() == ["34" + "0", "1", "2", "3", "4", "5"]


# --env, --cwd, --user, --process
def test_env_is_added(up):
    """To the configuration's; the last one of a name counts."""
    out = up.exec("-e", "A=1", "--env", "PATH=/bin:/x", "-e", "A=2", up.id, "/bin/env").ok().out.split()
    assert "A=2" in out and "A=1" not in out and "PATH=/bin:/x" in out and "TERM=xterm" in out


def test_home_follows_the_user(up):
    assert up.exec("--user", "1000", up.id, "/bin/sh", "-c", "echo $HOME").ok().out == "/home/alice\n"
    assert up.exec("--user", "4321", up.id, "/bin/sh", "-c", "echo $HOME").ok().out == "/\n"


def test_cwd(up):
    assert up.exec("--cwd", "/usr/bin", up.id, "/bin/sh", "-c", "pwd; readlink /proc/self/cwd").ok().out == \
        "/usr/bin\n/usr/bin\n"
    up.exec("--cwd", "/none", up.id, "/bin/true").fails("no such file or directory", code=255)
    up.exec("--cwd", "relative", up.id, "/bin/true").fails("Cwd", code=255)


def test_umask_of_a_process_file(up, scratch):
    for user, expected in (({"uid": 0, "gid": 0, "umask": 0o27}, "0027"), ({"uid": 0, "gid": 0}, "0031")):
        (scratch / "p").write_text(json.dumps({"args": ["/bin/sh", "-c", "umask"], "cwd": "/", "user": user}))
        r = Runtime.call(["sh", "-c", 'umask 0031; exec "$@"', "sh", *up.hull.argv("exec", "-p", scratch / "p", up.id)])
        assert r.ok().out.strip() == expected


def test_umask_of_the_configuration(box):
    box.process["user"]["umask"] = 0o77
    box.up()
    assert box.esh("umask") == "0077\n"
    box.end()


def test_process_file_by_a_pipe(up):
    p = json.dumps({"args": ["/bin/sh", "-c", "echo piped; exit 3"], "cwd": "/", "env": ["PATH=/bin"]})
    r = Runtime.call(up.hull.argv("exec", "-p", "/dev/stdin", up.id), input=p.encode())
    assert (r.code, r.out) == (3, "piped\n")


def test_no_new_privs_and_capabilities(up):
    out = up.exec("--no-new-privs", "--cap", "CAP_SYS_NICE", up.id, "/bin/cat", "/proc/self/status").ok().out
    status = dict(line.split(":\t", 1) for line in out.splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapBnd"], 16) >> 23 & 1 and int(status["CapEff"], 16) >> 23 & 1
    assert not int(status["CapInh"], 16) and not int(status["CapAmb"], 16)
    assert not int(dict(line.split(":\t", 1) for line in up.esh("cat /proc/self/status").splitlines()
                        if ":\t" in line)["CapEff"], 16) >> 23 & 1


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("flag, want", [([], None), (["--no-new-privs"], "1"), (["--no-new-privs=false"], "0")])
def test_no_new_privs_given_or_not(box, configured, flag, want):
    box.process["noNewPrivileges"] = configured
    box.up()
    out = box.exec(*flag, box.id, "grep", "NoNewPrivs", "/proc/self/status").ok().out
    assert out.split()[1] == (want or str(int(configured)))
    box.end()


def test_what_is_inherited_from_the_configuration(box):
    """rlimits, oomScoreAdj, noNewPrivileges, personality, scheduler and ioPriority count for exec too."""
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]
    box.process["oomScoreAdj"] = 300
    box.process["noNewPrivileges"] = True
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
    box.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 4}
    box.linux["personality"] = {"domain": "LINUX32"}
    box.up()
    out = box.esh("ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; ionice -p $$; "
                  "cut -d' ' -f19 /proc/self/stat; cat /proc/self/personality; "
                  "grep NoNewPrivs /proc/self/status | cut -f2").split("\n")
    assert out[:3] == ["77", "88", "300"]
    assert "prio 6" in out[3] and out[4:7] == ["4", "00000008", "1"]
    box.end()


# signals and ends
@pytest.mark.parametrize("sig", ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "CONT", "WINCH"])
def test_signals_reach_the_process(up, sig):
    """Those that are for the terminal's owner are not passed on; all others are."""
    p = up.hull.popen("exec", up.id, "/bin/sh", "-c",
                      f"trap 'echo got; exit 8' {sig} TERM; echo ready; while :; do sleep 0.02; done",
                      stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    p.send_signal(getattr(signal, f"SIG{sig}"))
    if sig == "WINCH":
        assert p.poll() is None
        p.terminate()
    out, _ = p.communicate(timeout=20)
    assert (p.returncode, out) == (8, b"got\n")


def test_killed_runtime(up, scratch):
    """What it ran goes on: the process is the container's, not ours."""
    p = up.hull.popen("exec", "--pid-file", scratch / "pid", up.id, "/bin/sleep", "4712")
    pid = int(wait_until(lambda: (scratch / "pid").exists() and (scratch / "pid").read_text()))
    wait_until(lambda: waits_for_a_process(p.pid))
    p.kill()
    p.wait()
    assert pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sleep")
    os.kill(pid, signal.SIGKILL)
