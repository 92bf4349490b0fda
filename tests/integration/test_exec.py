# SPDX-License-Identifier: Apache-2.0
"""exec: its forms and options, exit codes, process files, terminals, and what it refuses"""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from support.console import ConsoleSocket, Terminal
from support.runtime import Runtime, wait_until

ENGINES = pathlib.Path(__file__).parents[1] / "data/engine-configs"


@pytest.fixture
def up(box):
    box.up()
    yield box
    box.end()


def test_output_and_code(up):
    r = up.exec(up.id, "/bin/sh", "-c", "echo out; echo err >&2; exit 5")
    assert (r.out, r.err, r.code) == ("out\n", "err\n", 5)


@pytest.mark.parametrize("code", [0, 1, 127, 255])
def test_exit_code(up, code):
    assert up.exec(up.id, "/bin/sh", "-c", f"exit {code}").code == code


def test_killed(up):
    assert up.exec(up.id, "/bin/sh", "-c", "kill -9 $$").code == 137
    assert up.exec(up.id, "/bin/sh", "-c", "kill -15 $$").code == 143


def test_path_look_up(up):
    assert up.exec(up.id, "echo", "x").ok().out == "x\n"


@pytest.mark.parametrize("args, word", [
    (["/no/such"], "no such file or directory"), (["no-such"],
     "no-such"), (["/etc/passwd"], "permission denied"),
    (["/bin"], "/bin"), ([""], ""),
])
def test_failures_are_255(up, args, word):
    up.exec(up.id, *args).fails(word, code=255)


def test_missing_interpreter_is_one_line(up):
    (up.rootfs / "run.sh").write_text("#!/no/interpreter\n")
    (up.rootfs / "run.sh").chmod(0o755)
    r = up.exec(up.id, "/run.sh").fails("exec /run.sh: no such file or directory", code=255)
    assert len(r.text.strip().splitlines()) == 1


def test_stdin(up):
    data = os.urandom(1 << 20)
    r = up.exec(up.id, "/bin/cat", input=data)
    assert r.raw == data


def test_in_a_created_container(box):
    box.sh("sleep 1000").create().ok()
    assert box.esh("echo in") == "in\n"
    assert box.status() == "created"
    box.start().ok()
    box.end()


def test_not_in_a_stopped_one(box):
    box.up()
    box.kill().ok()
    box.wait_stopped()
    box.exec(box.id, "true").fails("cannot exec in a stopped container", code=255)
    box.delete().ok()


def test_unknown_container(hull):
    hull("exec", "none", "true").fails("container does not exist", code=255)


def test_user(up):
    out = up.exec("--user", "1000:1001", up.id, "/bin/sh", "-c", "id -u; id -g; id -G").ok().out
    assert out.split() == ["1000", "1001", "1001"]
    out = up.exec("-u", "1000", up.id, "/bin/sh", "-c", "id -u; id -g").ok().out
    assert out.split() == ["1000", "0"]


@pytest.mark.parametrize("user", ["4294967295", "4294967296", "4294968296", "-1", "+1", " 1", "1 ", "1:",
                                  ":1", "1:-5", "1:2:3", "root", "1a", "0x1", "1:4294967296", "",
                                  "18446744073709551616", "1:root"])
def test_user_strings(up, user):
    """No string may become uid 0 by accident."""
    r = up.exec("--user", user, up.id, "/bin/id", "-u")
    if user == "" and r.code == 0:
        assert r.out == "0\n"  # as not given
        return
    r.fails(code=255)


def test_additional_gids(up):
    out = up.exec(
    "--user",
    "1000:1000",
    "--additional-gids",
    "100",
    "-g",
    "65534",
    up.id,
    "/bin/id",
     "-G")
    assert out.ok().out.split() == ["1000", "100", "65534"]


def test_preserve_fds(up, scratch):
    (scratch / "a").write_text("first")
    fd = os.open(scratch / "a", os.O_RDONLY)
    r = Runtime.call(up.hull.argv("exec", "--preserve-fds", "1", up.id, "/bin/cat", "/proc/self/fd/3"),
                     preexec_fn=lambda: os.dup2(fd, 3), pass_fds=(3, fd))
    os.close(fd)
    assert r.ok().out == "first"


def test_no_other_descriptors(up):
    assert up.esh("ls /proc/self/fd | wc -l").strip() == "4"


def test_pid_file(up, scratch):
    up.exec("--pid-file", scratch / "pid", up.id, "/bin/true").ok()
    assert int((scratch / "pid").read_text()) > 1


def test_detach(up, scratch):
    with open(scratch / "out", "w+b") as f:
        up.exec("--detach", "--pid-file", scratch / "pid", up.id, "/bin/sh", "-c", "echo x; sleep 1000",
                stdout=f, stderr=f).ok()
    pid = int((scratch / "pid").read_text())
    assert os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink(f"/proc/{up.pid()}/ns/mnt")
    wait_until(lambda: (scratch / "out").read_text() == "x\n")


def test_detach_failure(up):
    up.exec("-d", up.id, "/no/such").fails("/no/such", code=255)


def test_pid_file_that_cannot_be_written(up, scratch):
    up.exec("--pid-file", scratch / "none/pid", up.id, "/bin/sleep", "1000").fails(
        "no such file or directory", code=255)
    wait_until(lambda: "sleep 1000" not in up.esh(
        "ps | grep -v grep | grep -v 'sleep 1000$' || true") or True)


def test_pidfd_socket(up):
    with ConsoleSocket(up.dir / "p") as s:
        with open(os.devnull, "w") as null:
            up.exec(
    "-d",
    "--pidfd-socket",
    s.path,
    up.id,
    "/bin/sleep",
    "1000",
    stdout=null,
     stderr=null).ok()
        fd, _ = s.receive()
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)


# process files
def process_file(box, **members):
    p = {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "cwd": "/",
         "env": ["PATH=/bin"], **members}
    path = box.dir / "process.json"
    path.write_text(json.dumps(p))
    return path


def test_process_file(up):
    path = process_file(up, args=["/bin/sh", "-c", "id -u; pwd; echo $X; ulimit -n"], cwd="/tmp",
                        user={"uid": 1000, "gid": 1000}, env=["PATH=/bin", "X=y"],
                        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 99}])
    assert up.exec("--process", path, up.id).ok().out.split() == ["1000", "/tmp", "y", "99"]


def test_process_file_has_its_own_environment(up):
    """Nothing of the container's env; HOME is added."""
    path = process_file(up, args=["/bin/env"])
    out = up.exec("-p", path, up.id).ok().out.split()
    assert sorted(out) == ["HOME=/root", "PATH=/bin"]
    path = process_file(up, args=["/bin/env"], env=None)
    assert "HOME=/root" in up.exec("-p", path, up.id).ok().out
    assert "TERM" not in up.exec("-p", path, up.id).ok().out


@pytest.mark.parametrize("change, word", [
    ({"args": []}, "args must not be empty"), ({"cwd": "x"}, "Cwd"), ({"cwd": 5}, "cwd"),
    ({"user": {"uid": "0", "gid": 0}}, "user.uid"), ({"args": "ls"}, "args"),
    ({"rlimits": [{"type": "X", "soft": 1, "hard": 1}]}, "rlimits[0].type"),
    ({"oomScoreAdj": "high"}, "oomScoreAdj"),
    ({"capabilities": {"bounding": "ALL"}}, "capabilities.bounding"),
])
def test_broken_process_file(up, change, word):
    up.exec("-p", process_file(up, **change), up.id).fails(word, code=255)


def test_missing_process_file(up):
    up.exec("-p", up.dir / "none.json", up.id).fails("no such file or directory", code=255)


@pytest.mark.parametrize("name", sorted(p.name for p in ENGINES.glob("exec-process*.json")))
def test_engine_process_files(box, name):
    """Those that containerd and CRI-O hand over."""
    p = json.loads((ENGINES / name).read_text())
    p["args"], p["cwd"] = ["/bin/sh", "-c", "id -u; id -G"], "/"
    for field in ("apparmorProfile", "selinuxLabel"):
        p.pop(field, None)
    box.up()
    path = box.dir / "p.json"
    path.write_text(json.dumps(p))
    argv = box.hull.argv("exec", "--process", path, box.id)
    if p.get("terminal"):
        with Terminal(argv) as t:
            out = t.expect("\n") + t.expect("\n")
            t.wait()
    else:
        out = Runtime.call(argv).ok().out
    assert out.split()[0] == str(p["user"]["uid"])
    box.end()


# terminals
def test_console_socket(up):
    with ConsoleSocket(up.dir / "s") as s:
        with open(os.devnull, "w") as null:
            up.exec("-t", "-d", "--console-socket", s.path, up.id, "/bin/sh", "-c", "tty; read x; echo got-$x",
                    stdout=null, stderr=null).ok()
        t = s.terminal()
        assert "/dev/pts/" in t.expect("\n")
        t.send("word\n")
        t.expect("got-word")


def test_tty_rules(up):
    up.exec("-t", "-d", up.id, "/bin/true").fails("cannot allocate tty if", code=255)


def test_owner_of_the_pty(up):
    argv = up.hull.argv("exec", "-t", "-u", "1000:1000", up.id, "/bin/sh", "-c",
                        "stat -c %u:%g $(tty); echo end")
    with Terminal(argv) as t:
        assert "1000:5" in t.expect("end")
        t.wait()


def test_tty_false(box):
    """--tty=false over a config with a terminal."""
    box.process["terminal"] = True
    with ConsoleSocket(box.dir / "s") as s:
        box.sh("sleep 1000").detach("--console-socket", s.path).ok()
        t = s.terminal()
    r = box.exec("--tty=false", box.id, "/bin/sh", "-c", "readlink /proc/self/fd/1")
    assert "pts" not in r.ok().out
    box.end()
    t.rest()


def test_controlling_terminal_of_the_caller_is_out_of_reach(up):
    """No terminal: a session of its own, TIOCSTI into the caller's is impossible."""
    argv = up.hull.argv("exec", up.id, "/bin/sh", "-c", "cut -d' ' -f6,7 /proc/self/stat; echo $$")
    with Terminal(argv) as t:
        out = t.expect("\n").split()
        t.wait()
    assert out[1] == "0"


def test_signals_are_forwarded(up):
    p = up.hull.popen("exec", up.id, "/bin/sh", "-c",
                      "trap 'echo got; exit 8' TERM; echo ready; while :; do sleep 0.02; done",
                      stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    p.terminate()
    assert p.wait(10) == 8
    p.stdout.close()


def test_many_at_once(up):
    ps = [
    up.hull.popen(
        "exec",
        up.id,
        "/bin/sh",
        "-c",
        f"sleep 0.1; exit {i}") for i in range(
            1,
             11)]
    assert [p.wait(20) for p in ps] == list(range(1, 11))


def test_container_ends_meanwhile(box):
    box.up()
    p = box.hull.popen("exec", box.id, "/bin/sleep", "1000")
    time.sleep(0.3)
    box.kill().ok()
    assert p.wait(10) == 137
    box.wait_stopped()
    box.delete().ok()


def test_stored_config_counts(box):
    """Edits of config.json after create have no effect on exec."""
    box.process["env"].append("WHICH=created")
    box.up()
    (box.dir / "config.json").write_text("{broken")
    assert box.esh("echo $WHICH") == "created\n"
    box.end()


def test_unknown_capability_is_a_warning(up):
    r = up.exec("--cap", "CAP_BOGUS", up.id, "/bin/true")
    assert r.text, "neither a message nor an error"


@pytest.mark.parametrize("flag,words", [
    ("--apparmor", "unable to apply apparmor profile"), ("--process-label", "process label")])
def test_labels_that_can_not_be_had(up, flag, words):
    r = up.exec(flag, "no:such:label:here", up.id, "/bin/true").fails(code=255)
    assert words in r.text or "selinux is disabled" in r.text


def test_env_without_equals(up):
    up.exec("--env", "NOEQUALS", up.id, "/bin/true").fails("invalid environment variable", code=255)


def test_without_private_mount_namespace_of_proc(box):
    """A container whose rootfs has no /proc mounted can be entered."""
    box.config["mounts"] = [m for m in box.mounts if m["destination"] == "/dev"]
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.up()
    assert box.esh("echo in") == "in\n"
    box.end()


def test_console_size_of_a_process_file(up):
    path = process_file(up, terminal=True, consoleSize={"height": 17, "width": 66},
                        args=["/bin/sh", "-c", "stty size; echo end"])
    with ConsoleSocket(up.dir / "s") as s:
        with open(os.devnull, "w") as null:
            up.exec(
    "-d",
    "--console-socket",
    s.path,
    "-p",
    path,
    up.id,
    stdout=null,
     stderr=null).ok()
        assert "17 66" in s.terminal().expect("end")
