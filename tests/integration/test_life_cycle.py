# SPDX-License-Identifier: Apache-2.0
"""create, start, state, list, kill, delete: statuses, outputs, rules, and what is refused"""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from support import knobs
from support.console import ConsoleSocket
from support.runtime import Runtime, unique, wait_until


def test_walk_through(box):
    box.sh("sleep 1000").create().ok()
    st = box.state()
    assert st["status"] == "created" and st["id"] == box.id and st["bundle"] == str(box.dir)
    assert os.path.exists(f"/proc/{st['pid']}")
    box.start().ok()
    assert box.state()["pid"] == st["pid"] and box.status() == "running"
    box.delete().fails("that is not stopped", code=1)
    box.kill("KILL").ok()
    box.wait_stopped()
    assert box.state()["pid"] == 0
    box.delete().ok()
    box.hull("state", box.id).fails("container does not exist", code=1)


def test_program_does_not_run_before_start(box, scratch):
    box.bind(scratch, "/mnt")
    box.sh("touch /mnt/ran")
    box.create().ok()
    time.sleep(0.2)
    assert list(scratch.iterdir()) == []
    box.start().ok()
    box.wait_stopped()
    assert (scratch / "ran").exists()
    box.delete().ok()


STATE_KEYS = ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created"]


def test_state_output(box):
    box.sh("sleep 1000").create().ok()
    text = box.hull("state", box.id).ok().out
    st = json.loads(text)
    assert list(st)[:7] == STATE_KEYS
    assert text.startswith('{\n  "ociVersion": "1.')
    assert st["rootfs"] == str(box.rootfs)
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", st["created"])
    box.end()


def test_state_without_id(hull):
    hull("state").fails(code=1)


def test_list_table(make_box):
    a, b = make_box("a"), make_box("b")
    a.up()
    b.sh("true").create().ok()
    lines = a.hull("list").ok().out.splitlines()
    assert lines[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    rows = [l.split() for l in lines[1:]]
    assert [r[0] for r in rows] == sorted([a.id, b.id])
    row = {r[0]: r for r in rows}
    assert row[a.id][1:4] == [str(a.pid()), "running", str(a.dir)]
    assert row[b.id][2] == "created" and row[a.id][5] == "root"
    a.end(), b.end()


def test_list_json(make_box):
    a, b = make_box("a"), make_box("b")
    a.config["annotations"] = {"k": "v"}
    a.up()
    b.up()
    text = a.hull("list", "--format", "json").ok().out
    assert text.count("\n") == 1
    got = json.loads(text)
    assert [g["id"] for g in got] == sorted([a.id, b.id])
    assert list(got[0])[:7] == STATE_KEYS and got[0]["annotations"] == {"k": "v"}
    assert got[0]["owner"] == "root"
    a.end(), b.end()


def test_list_quiet_and_empty(box):
    box.args("/bin/true").create().ok()
    assert box.hull("list", "-q").ok().out == box.id + "\n"
    box.end()
    assert box.hull("list", "-q").ok().out == ""
    assert box.hull("list", "-f", "json").ok().out == "null\n"
    assert box.hull("list").ok().out.split() == [
    "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]


def test_list_bad_format(hull):
    hull.root.mkdir(mode=0o700)
    hull("list", "-f", "yaml").fails("invalid format option", code=1)


def test_broken_entries(make_box):
    """list goes on, one warning each; delete --force removes them and signals nobody."""
    a, b = make_box("a"), make_box("b")
    a.up()
    pid = b.up()
    state = b.hull.root / b.id / "state.json"
    saved = state.read_text()
    for text in ("", "null", "{", "[]", "{\"id\": 5}", "x" * 1000, saved[:len(saved) // 2]):
        state.write_text(text)
        r = a.hull("list", "-q")
        assert r.code == 0 and a.id in r.out.split(), (text, r)
        a.hull("state", b.id).fails(code=1)
        a.hull("kill", b.id, "KILL").fails(code=1)
        assert os.path.exists(f"/proc/{pid}")
    state.write_text(saved)
    b.end()
    (a.hull.root / "stray").mkdir()
    (a.hull.root / "file").write_text("")
    r = a.hull("list", "-q").ok()
    assert r.out.split() == [a.id]
    a.hull("delete", "--force", "stray").ok()
    assert not (a.hull.root / "stray").exists()
    (a.hull.root / "file").unlink()
    a.end()


@pytest.mark.parametrize("text", ["", "null", "{", "garbage"])
def test_delete_force_of_a_broken_entry(box, text):
    box.hull.root.mkdir(mode=0o700)
    d = box.hull.root / box.id
    d.mkdir()
    (d / "state.json").write_text(text)
    box.delete("--force").ok()
    assert not d.exists()


def test_recycled_pid_is_not_ours(box):
    """A process with the pid but another start time: stopped, never signalled."""
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()
    state = box.hull.root / box.id / "state.json"
    st = json.loads(state.read_text())
    time.sleep(0.05)    # start times are in hundredths of a second: the victim's must be a later one
    victim = subprocess.Popen(["sleep", "1000"])
    try:
        st["init_process_pid"] = victim.pid
        state.write_text(json.dumps(st))
        assert box.status() == "stopped"
        box.kill("KILL").fails("container not running", code=1)
        box.delete("--force").ok()
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


# ids
@pytest.mark.parametrize("ident", ["", ".", "..", "a/b", "../x", "/x", "a b", "a:b", "ü", "x" * 1025,
                                   "a\nb", "a;b", "*"])
@pytest.mark.parametrize("command", ["create", "run"])
def test_bad_ids(box, ident, command):
    box.args("/bin/true").write()
    box.hull(command, "--bundle", box.dir, ident).fails(code=1)
    assert not box.hull.root.exists() or os.listdir(box.hull.root) == []


@pytest.mark.parametrize("command", ["state", "start", "kill", "delete"])
@pytest.mark.parametrize("ident", ["../decoy", "..", ".", "a/b", ""])
def test_bad_ids_of_others(box, command, ident, scratch):
    box.hull.root.mkdir(mode=0o700)
    (box.hull.root.parent / "decoy").mkdir(exist_ok=True)
    (box.hull.root.parent / "decoy/state.json").write_text("{}")
    box.hull(command, ident).fails(code=1)
    assert (box.hull.root.parent / "decoy/state.json").exists()


@pytest.mark.parametrize("ident", ["..decoy", "a.b", "A_b-c+d", "0"])
def test_good_ids(box, ident):
    if knobs.SYSTEMD and "+" in ident:
        pytest.skip("systemd takes no + in a unit's name")
    tag = unique("id") + ident
    box.args("/bin/true").run(ident=tag).ok()


def test_longest_id(box):
    r = box.args("/bin/true").run(ident="x" * 255)
    assert r.code == 0 or "name too long" in r.text


# twice
def test_same_id_twice(box):
    box.up()
    box.create().fails("container with given ID already exists", code=1)
    box.run().fails("container with given ID already exists", code=1)
    assert box.status() == "running"
    box.end()


def test_id_can_be_used_again(box):
    for _ in range(3):
        box.sh("true").run().ok()
    box.create().ok()
    box.end()
    box.sh("true").run().ok()


def test_start_twice(box):
    box.up()
    box.start().fails("cannot start an already running container", code=1)
    box.kill().ok()
    box.wait_stopped()
    box.start().fails("cannot start a container that has stopped", code=1)
    box.delete().ok()
    box.start().fails("container does not exist", code=1)


def test_two_starts_at_once(box, scratch):
    """One wins, the program runs once."""
    box.bind(scratch, "/mnt")
    box.sh("echo x >> /mnt/count; sleep 1000").create().ok()
    a, b = box.hull.popen("start", box.id, stderr=subprocess.DEVNULL), \
        box.hull.popen("start", box.id, stderr=subprocess.DEVNULL)
    codes = sorted([a.wait(20), b.wait(20)])
    assert codes == [0, 1]
    wait_until(lambda: (scratch / "count").exists() and (scratch / "count").read_text() == "x\n")
    box.end()


def test_two_creates_at_once(box):
    """Of the same id: exactly one makes it."""
    box.sh("sleep 1000").write()
    for _ in range(5):
        ps = [box.hull.popen("create", "--bundle", box.dir, box.id, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(4)]
        codes = sorted(p.wait(20) for p in ps)
        assert codes == [0, 1, 1, 1]
        assert box.status() == "created"
        box.end()


def test_many_at_once(box):
    """Different ids on one bundle."""
    box.args("/bin/true").write()
    ps = [box.hull.popen("run", "--bundle", box.dir, f"{box.id}-{i}", stderr=subprocess.PIPE)
          for i in range(12)]
    for p in ps:
        _, err = p.communicate(timeout=30)
        assert p.returncode == 0, err


def test_create_and_delete_at_once(box):
    box.sh("sleep 1000").write()
    for _ in range(5):
        p = box.hull.popen("create", "--bundle", box.dir, box.id, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        box.hull("delete", "--force", box.id)
        p.wait(20)
        box.hull("delete", "--force", box.id).ok()
        assert box.hull.ids() == []


# delete
def test_delete_unknown(hull):
    hull("delete", "none").fails("container does not exist", code=1)
    hull("delete", "--force", "none").ok()
    hull("delete", "-f", "none").ok()


def test_delete_created(box):
    """runc kills a created container and removes it."""
    box.args("/bin/true").create().ok()
    pid = box.pid()
    box.delete().ok()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


def test_delete_force_running(box):
    pid = box.up()
    box.delete("--force").ok()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


def test_delete_kills_what_is_left_of_a_stopped_one(box):
    """Host pid namespace: the other processes outlive init."""
    box.namespaces(pid=False)
    pid = box.up("sleep 1000 & exec sleep 1000")
    os.kill(pid, signal.SIGKILL)
    box.wait_stopped()
    box.delete().ok()


# kill
@pytest.mark.parametrize("sig", ["TERM", "SIGTERM", "sigterm", "term", "15"])
def test_kill_names(box, sig):
    box.up("trap 'exit 3' TERM; while :; do sleep 0.05; done")
    time.sleep(0.1)
    box.kill(sig).ok()
    box.wait_stopped()
    box.delete().ok()


def test_kill_default_is_term(box):
    box.up("trap 'exit 3' TERM; while :; do sleep 0.05; done")
    time.sleep(0.1)
    box.hull("kill", box.id).ok()
    box.wait_stopped()
    box.delete().ok()


@pytest.mark.parametrize("sig", ["FOO", "SIGFOO", "65", "-1",
                         "4294967305", "9x", "SIG", "0x9", " 9"])
def test_kill_bad_signals(box, sig):
    box.up()
    box.kill(sig).fails(code=1)
    assert box.status() == "running"
    box.end()


@pytest.mark.parametrize("sig", ["RTMIN", "SIGRTMIN+3", "RTMAX", "40", "64", "USR1", "WINCH"])
def test_kill_other_signals(box, sig):
    box.up("exec sleep 1000")
    box.kill(sig).ok()
    box.end()


def test_kill_zero_and_stopped(box):
    box.up()
    box.kill("0").ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    box.kill("0").fails("container not running", code=1)
    box.kill("0", "--all").ok()
    box.kill("KILL", "-a").ok()
    box.delete().ok()


def test_kill_created(box):
    box.sh("sleep 1000").create().ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()


def test_kill_reaches_all_without_pid_namespace(box):
    box.namespaces(pid=False)
    box.up("sleep 1000 & sleep 1000 & exec sleep 1000")
    box.kill("KILL").ok()
    box.wait_stopped()
    from support import leaks
    wait_until(lambda: len(leaks.processes(box.id, box.dir)) == 0)
    box.delete().ok()


def test_kill_all_after_init_has_gone(box):
    box.namespaces(pid=False)
    pid = box.up("sleep 1000 & exec sleep 1000")
    os.kill(pid, signal.SIGKILL)
    box.wait_stopped()
    box.kill("KILL", "--all").ok()
    from support import leaks
    wait_until(lambda: len(leaks.processes(box.id, box.dir)) == 0)
    box.delete().ok()


def test_kill_with_joined_pid_namespace(make_box):
    a, b = make_box("a"), make_box("b")
    pid = a.up()
    b.namespaces(pid=f"/proc/{pid}/ns/pid")
    b.up("sleep 1000 & exec sleep 1000")
    b.kill("KILL").ok()
    b.wait_stopped()
    b.delete().ok()
    assert a.status() == "running"
    a.end()


def test_host_pid_init_gone_is_stopped(box):
    box.namespaces(pid=False)
    pid = box.up("sleep 1000 & exec sleep 1000")
    os.kill(pid, signal.SIGKILL)
    box.wait_stopped()
    box.end()


# files and descriptors
def test_pid_file(box, scratch):
    box.sh("sleep 1000").create("--pid-file", scratch / "pid").ok()
    assert (scratch / "pid").read_text() == str(box.pid())
    box.end()
    box.sh("true").run("--pid-file", scratch / "pid2").ok()
    assert int((scratch / "pid2").read_text()) > 1


def test_pid_file_is_relative_to_the_caller(box, scratch):
    box.sh("sleep 1000").create("--pid-file", "here.pid", cwd=scratch).ok()
    assert (scratch / "here.pid").exists() and not (box.dir / "here.pid").exists()
    box.end()


def test_pid_file_replaces(box, scratch):
    (scratch / "pid").write_text("old")
    box.sh("sleep 1000").create("--pid-file", scratch / "pid").ok()
    assert (scratch / "pid").read_text() == str(box.pid())
    box.end()


def test_pid_file_that_cannot_be_written(box, scratch):
    box.sh("sleep 1000").create("--pid-file", scratch / "no/dir/pid").fails(
        "no such file or directory", code=1)
    assert box.hull.ids() == []


@pytest.mark.parametrize("command", ["create", "run", "detach"])
def test_pidfd_socket(box, command):
    box.sh("sleep 1000" if command != "run" else "sleep 0.3")
    with ConsoleSocket(box.dir / "p") as s:
        getattr(box, command)("--pidfd-socket", s.path).ok()
        fd, data = s.receive()
        if command != "run":
            info = open(f"/proc/self/fdinfo/{fd}").read()
            assert f"Pid:\t{box.pid()}\n" in info
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            box.wait_stopped()
            box.delete().ok()
        os.close(fd)


def test_pidfd_socket_dead(box):
    box.sh("true").run(
    "--pidfd-socket",
    box.dir /
    "none").fails(
        "no such file or directory",
         code=1)


def test_preserve_fds(box, scratch):
    (scratch / "a").write_text("first")
    (scratch / "b").write_text("second")
    fds = [os.open(scratch / n, os.O_RDONLY) for n in "ab"]
    box.sh("cat <&3; cat <&4; ls /proc/self/fd | wc -l").write()

    def at_3_and_4():
        os.dup2(fds[0], 200)
        os.dup2(fds[1], 201)
        os.dup2(200, 3)
        os.dup2(201, 4)

    r = Runtime.call(box.hull.argv("run", "--bundle", box.dir, "--preserve-fds", "2", box.id),
                     preexec_fn=at_3_and_4, pass_fds=(3, 4))
    for fd in fds:
        os.close(fd)
    assert r.ok().out == "firstsecond" + "6\n"


def test_preserve_fds_that_are_not_there(box):
    box.args("/bin/true").run("--preserve-fds", "7").fails("preserved-fd", code=1)


def test_other_descriptors_are_not_passed_on(box, scratch):
    (scratch / "a").write_text("")
    with open(scratch / "a") as f:
        box.sh("ls /proc/self/fd | wc -l").write()
        r = Runtime.call(box.hull.argv("run", "--bundle", box.dir, box.id), pass_fds=(f.fileno(),))
    assert r.ok().out.strip() == "4"


def test_listen_fds(box):
    """Socket activation: LISTEN_FDS of our caller go to the program."""
    read, write = os.pipe()
    box.sh("echo $LISTEN_FDS $LISTEN_PID; ls /proc/self/fd | wc -l").write()

    def prepare():
        os.dup2(read, 3)
        os.environ["LISTEN_PID"] = str(os.getpid())

    argv = ["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh",
            *box.hull.argv("run", "--bundle", box.dir, box.id)]
    r = Runtime.call(argv, preexec_fn=lambda: os.dup2(read, 3), pass_fds=(3, read))
    os.close(read), os.close(write)
    assert r.code == 0


# explain
@pytest.mark.parametrize("command", ["create", "run"])
def test_explain(box, command):
    box.args("/bin/true").write()
    before = sorted(os.listdir(box.rootfs))
    r = box.hull(command, "--explain", "--bundle", box.dir, box.id).ok()
    assert "clone" in r.out and "exec" in r.out and len(r.out.splitlines()) > 20
    j = json.loads(box.hull(command, "--explain=json", "--bundle", box.dir, box.id).ok().out)
    steps = j["steps"] if isinstance(j, dict) else j
    assert len(steps) > 20
    assert not box.hull.root.exists() and sorted(os.listdir(box.rootfs)) == before


def test_explain_of_a_broken_config(box):
    box.config["process"]["cwd"] = "x"
    box.write()
    box.hull("create", "--explain", "--bundle", box.dir, box.id).fails("Cwd", code=1)


def test_article(box):
    """The usual walk-through with `sleep 5` and list in between."""
    box.args("sleep", "5").create().ok()
    assert " created " in box.hull("list").ok().out
    box.start().ok()
    assert " running " in box.hull("list").ok().out
    box.kill("KILL").ok()
    box.wait_stopped()
    assert " stopped " in box.hull("list").ok().out
    box.delete().ok()
    assert box.id not in box.hull("list").ok().out
