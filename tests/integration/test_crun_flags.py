# SPDX-License-Identifier: Apache-2.0
"""What callers of crun pass: the cgroup manager, targets of the log, containers by regular expression."""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from support.runtime import wait_until

# Takes what is sent to a datagram socket at argv[1], in a mount namespace whose directory of it is ours.
LISTEN = """
import os, pathlib, socket, subprocess, sys
path = pathlib.Path(sys.argv[1])
missing = [d for d in (path.parent, *path.parent.parents) if not d.exists()]
top = (missing or [path.parent])[-1].parent if missing else path.parent
subprocess.run(["mount", "-t", "tmpfs", "x", str(top)], check=True)
path.parent.mkdir(parents=True, exist_ok=True)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(str(path))
code = subprocess.run(sys.argv[2:]).returncode
s.setblocking(False)
got = []
try:
    while True:
        got.append(s.recv(4096))
except BlockingIOError:
    pass
os.write(1, bytes([0]).join(got))
sys.exit(code)
"""


def listen(path, argv):
    """Exit code, standard error and the datagrams that came to the socket meanwhile."""
    r = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, "-c", LISTEN, path, *argv],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return r.returncode, r.stderr.decode(), r.stdout.decode().split("\0")


@pytest.fixture
def many(hull, box):
    """Three containers that run."""
    box.sh("sleep 1000").write()
    ids = [f"{box.id}-{n}" for n in ("a1", "a2", "b1")]
    for ident in ids:
        box.detach(ident=ident).ok()
    yield ids
    for ident in ids:
        box.hull("delete", "--force", ident).ok()


def statuses(hull):
    return {c["id"]: c["status"] for c in json.loads(hull("list", "-f", "json").ok().out) or []}


# --cgroup-manager

def test_cgroupfs(box):
    box.sh("cat /proc/self/cgroup").namespaces(cgroup=False)
    box.write()
    assert box.id in box.hull("--cgroup-manager", "cgroupfs", "run", "--bundle", box.dir, box.id).ok().out


def test_disabled(box):
    """It stays in our cgroup, and everything else works."""
    box.sh("sleep 1000").namespaces(cgroup=False)
    box.linux["cgroupsPath"] = f"/hull-never-{box.id}"
    box.write()
    before = {top for top, _, _ in os.walk("/sys/fs/cgroup")}
    box.hull("--cgroup-manager=disabled", "run", "-d", "--bundle", box.dir, box.id, stdin=subprocess.DEVNULL,
             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = box.pid()
    assert pathlib.Path(f"/proc/{pid}/cgroup").read_text() == pathlib.Path("/proc/self/cgroup").read_text()
    assert not [top for top, _, _ in os.walk("/sys/fs/cgroup") if top not in before and box.id in top]
    assert box.esh("echo in; cat /proc/self/cgroup") == "in\n" + pathlib.Path("/proc/self/cgroup").read_text()
    box.hull("pause", box.id).fails("cgroups not configured")
    box.kill().ok()
    box.wait_stopped()
    box.delete().ok()


def test_disabled_without_a_pid_namespace(box):
    """There is no cgroup to kill by: KILL goes to init."""
    box.sh("sleep 1000").namespaces(cgroup=False, pid=False)
    box.write()
    box.hull("--cgroup-manager=disabled", "run", "-d", "--bundle", box.dir, box.id, stdin=subprocess.DEVNULL,
             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    box.kill().ok()
    box.wait_stopped()
    box.delete().ok()


def test_disabled_leaves_limits_out(box):
    box.sh("true")
    box.linux["resources"] = {"pids": {"limit": 10}, "devices": [{"allow": False, "access": "rwm"}]}
    box.write()
    r = box.hull("--cgroup-manager=disabled", "run", "--bundle", box.dir, box.id).ok()
    assert "cgroups are disabled: linux.resources is left out" in r.err


def test_systemd_is_the_driver(box):
    box.sh("true")
    box.linux["cgroupsPath"] = "no-unit"
    box.write()
    box.hull("--cgroup-manager=systemd", "run", "--bundle", box.dir, box.id).fails("slice:prefix:name")


def test_no_such_manager(hull):
    hull("--cgroup-manager", "cgroups", "list").fails("cgroupfs, systemd or disabled")


# --log, --log-level

def test_log_to_a_file(hull, tmp_path):
    hull("--log", f"file:{tmp_path}/log", "state", "nobody").fails("does not exist")
    assert "container does not exist" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("name", ["named", ""])
def test_log_to_the_journal(hull, name):
    argv = list(map(str, [*hull.prefix, hull.program, f"--log=journald:{name}", "--root", hull.root, "state", "nobody"]))
    code, err, got = listen("/run/systemd/journal/socket", argv)
    assert code == 1 and "container does not exist" in err
    assert got == [f"PRIORITY=3\nSYSLOG_IDENTIFIER={name or 'hull'}\nMESSAGE=container does not exist\n"]


def test_log_to_syslog(hull):
    argv = list(map(str, [*hull.prefix, hull.program, "--log", "syslog:named", "--root", hull.root, "state", "nobody"]))
    code, err, got = listen("/dev/log", argv)
    assert code == 1 and "container does not exist" in err
    assert len(got) == 1 and re.match(r"<11>.* named: container does not exist$", got[0].rstrip("\n\0")), got


def test_log_to_no_journal(hull):
    if os.path.exists("/run/systemd/journal/socket"):
        pytest.skip("there is a journal")
    hull("--log", "journald:x", "list").fails("open journald:x: no such file or directory")


def test_log_level(box):
    box.sh("true")
    box.process["capabilities"]["bounding"] = ["CAP_NO_SUCH"]
    box.write()
    lines = {}
    for level in ("error", "warning", "info", "debug"):
        lines[level] = box.hull("--log-level", level, "run", "--bundle", box.dir, box.id).ok().err
    assert lines["error"] == "" and "CAP_NO_SUCH" in lines["warning"] and "level=debug" not in lines["info"]
    assert "level=debug" in lines["debug"]
    assert "level=debug" in box.hull("--debug", "--log-level=error", "run", "--bundle", box.dir, box.id).ok().err
    box.hull("--log-level", "loud", "list").fails("invalid log-level: error, warning, info or debug")


# --regex

def test_kill_and_delete_by_regex(hull, many):
    a1, a2, b1 = many
    hull("kill", "--regex", "a[0-9]$", "KILL").ok()
    wait_until(lambda: statuses(hull) == {a1: "stopped", a2: "stopped", b1: "running"})
    hull("delete", "-r", "a[0-9]$").ok()
    assert statuses(hull) == {b1: "running"}
    hull("delete", "-r", "[ab]1$").fails("is not stopped")
    hull("delete", "-f", "-r", "[ab]1$").ok()
    assert statuses(hull) == {}


def test_one_that_fails_does_not_stop_the_others(hull, many):
    a1, a2, b1 = many
    hull("kill", a2, "KILL").ok()
    wait_until(lambda: statuses(hull)[a2] == "stopped")
    hull("delete", "--regex", ".").fails("is not stopped")
    assert sorted(statuses(hull)) == sorted([a1, b1])


@pytest.mark.parametrize("command", ["kill", "delete"])
def test_regex_that_is_none(hull, command):
    hull.root.mkdir()
    hull(command, "--regex", "a(").fails("invalid regular expression")


@pytest.mark.parametrize("command", ["kill", "delete"])
def test_regex_that_matches_nothing(hull, command):
    hull.root.mkdir()
    hull(command, "--regex", "nothing").ok()


# others

def test_spec_to_a_file(hull, tmp_path):
    file = tmp_path / "other.json"
    file.write_text("old " * 10000)
    hull("spec", "--file", file, cwd=tmp_path).ok()
    assert json.loads(file.read_text())["ociVersion"] and not (tmp_path / "config.json").exists()
    hull("spec", "-f", tmp_path / "no/x.json").fails("no such file or directory")


def test_version_by_a_capital_letter(hull):
    assert hull("-V").ok().out == hull("--version").ok().out


def test_words_for_no_and_yes(box):
    box.up()
    assert box.exec("--tty=no", box.id, "/bin/sh", "-c", "test -t 0 || echo none").ok().out == "none\n"
    box.end()
