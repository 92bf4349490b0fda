# SPDX-License-Identifier: Apache-2.0
"""hooks: the six kinds, their order, namespaces, standard input, environment, time-out and failure"""
import json
import os
import platform
import sys
import time

import pytest

from support import leaks

CREATE = ["prestart", "createRuntime", "createContainer"]
KINDS = [*CREATE, "startContainer", "poststart", "poststop"]


class Recorder:
    """Hooks that append to files in a directory that both host and container can reach."""

    def __init__(self, box, where):
        self.box, self.dir = box, where
        box.bind(where, "/record")
        box.config["hooks"] = {}

    def add(self, kind, script, inside=None, **member):
        """A shell script; $R is the record directory from where the hook runs."""
        inside = kind == "startContainer" if inside is None else inside
        place = "/record" if inside else str(self.dir)
        hook = {"path": "/bin/sh" if inside or kind == "createContainer" else "/bin/busybox",
                "args": ["sh", "-c", f"R={place}; {script}"], **member}
        if hook["path"] == "/bin/busybox":
            hook["args"] = ["busybox", *hook["args"]]
        self.box.config["hooks"].setdefault(kind, []).append(hook)
        return hook

    def read(self, name):
        path = self.dir / name
        return path.read_text() if path.exists() else None


@pytest.fixture
def record(box, scratch):
    return Recorder(box, scratch)


def test_order(box, record):
    for kind in KINDS:
        record.add(kind, f"echo {kind}-0 >> $R/order")
        record.add(kind, f"echo {kind}-1 >> $R/order")
    box.sh("echo program >> /record/order; sleep 0.3")
    box.create().ok()
    assert record.read("order").split() == [f"{k}-{i}" for k in CREATE for i in (0, 1)]
    box.start().ok()
    lines = record.read("order").split()
    assert lines[6:8] == ["startContainer-0", "startContainer-1"]
    assert {"poststart-0", "poststart-1"} <= set(lines[8:])
    box.wait_stopped()
    box.delete().ok()
    lines = record.read("order").split()
    assert lines[-2:] == ["poststop-0", "poststop-1"] and "program" in lines[8:11]
    assert len(lines) == 13


def test_order_of_run(box, record):
    for kind in KINDS:
        record.add(kind, f"echo {kind} >> $R/order")
    box.sh("sleep 0.2; echo program >> /record/order")
    box.run().ok()
    assert record.read("order").split() == [*KINDS[:5], "program", "poststop"]


@pytest.mark.parametrize("kind", KINDS)
def test_state_on_stdin(box, record, kind):
    box.config["annotations"] = {"key": "välue"}
    record.add(kind, "cat > $R/state")
    box.sh("sleep 1000").create().ok()
    pid = box.pid()
    box.start().ok()
    box.kill().ok()
    box.wait_stopped()
    box.delete().ok()
    state = json.loads(record.read("state"))
    assert state["ociVersion"].startswith("1.") and state["id"] == box.id
    assert state["bundle"] == str(box.dir)
    assert state["annotations"] == {"key": "välue"}
    members = ["ociVersion", "id", "status", "pid", "bundle", "annotations"]   # the spec's, in runc's order
    assert list(state) == [m for m in members if m != "pid" or kind != "poststop"]
    want = {"poststart": "running", "poststop": "stopped", "startContainer": "created"}
    assert state["status"] == want.get(kind, "creating")
    if kind in ("prestart", "createRuntime", "poststart"):
        assert state["pid"] == pid
    elif kind in ("createContainer", "startContainer"):
        assert state["pid"] == 1 or state["pid"] == pid


@pytest.mark.parametrize("kind", KINDS)
def test_namespaces(box, record, kind):
    script = "for n in mnt uts pid ipc net; do readlink /proc/self/ns/$n; done > $R/ns; cat > /dev/null"
    record.add(kind, script)
    box.sh("sleep 1000").create().ok()
    pid = box.pid()
    inside = [os.readlink(f"/proc/{pid}/ns/{n}") for n in ("mnt", "uts", "pid", "ipc", "net")]
    host = [os.readlink(f"/proc/self/ns/{n}") for n in ("mnt", "uts", "pid", "ipc", "net")]
    box.start().ok()
    box.end()
    got = record.read("ns").split()
    if kind in ("createContainer", "startContainer"):
        assert got == inside
    else:
        assert got == host


def test_roots(box, record):
    """createContainer runs before the pivot, startContainer after it."""
    record.add("createContainer", "ls / > $R/create; pwd >> $R/create", inside=False)
    record.add("startContainer", "ls / > $R/start")
    box.sh("true").run().ok()
    assert "record" not in record.read("create").split()
    assert record.read("create").split()[-1] == str(box.rootfs)
    assert "record" in record.read("start").split()


def test_createRuntime_sees_the_mounts(box, record):
    """The container's mounts are at their host path in init's mount namespace."""
    box.mount("/mnt", "tmpfs", "tmpfs", [])
    record.add("createRuntime", "sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' > $R/pid; "
                                "cat /proc/$(cat $R/pid)/mountinfo > $R/mounts")
    box.sh("true").run().ok()
    assert f" {box.rootfs}/mnt " in record.read("mounts")


def test_mount_made_by_createContainer(box, record, scratch):
    record.add("createContainer", f"busybox mount -t tmpfs fromhook {box.rootfs}/mnt", inside=False)
    assert "fromhook" in box.out("cat /proc/self/mountinfo")


@pytest.mark.parametrize("kind", KINDS)
def test_environment(box, record, kind):
    """Exactly the hook's env: nothing of the caller's, nothing of the program's."""
    os.environ["HULL_TEST_CALLER"] = "leak"
    try:
        hook = record.add(kind, "", env=["A=1", "B=x=y"])
        place = "/record" if kind == "startContainer" else record.dir
        hook.update(
    path="/bin/busybox",
    args=[
        "busybox",
        "cp",
        "/proc/self/environ",
         f"{place}/env"])
        box.sh("true").run().ok()
    finally:
        del os.environ["HULL_TEST_CALLER"]
    assert sorted(record.read("env").split("\0")) == ["", "A=1", "B=x=y"]


def test_environment_of_startContainer_by_default(box, record):
    """Without an env of its own it inherits the program's, HOME included."""
    record.add("startContainer", "cat /proc/$$/environ | tr '\\0' '\\n' > $R/env")
    box.process["env"] = ["PATH=/bin", "X=y"]
    box.sh("true").run().ok()
    assert set(record.read("env").split()) >= {"PATH=/bin", "X=y", "HOME=/root"}


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "poststart", "poststop"])
@pytest.mark.parametrize("member", [{}, {"env": []}], ids=["none", "empty"])
def test_environment_by_default(box, record, kind, member):
    """Those that run on the host have the runtime's, unless an empty one is asked for."""
    record.add(kind, "cat /proc/self/environ > $R/env", **member)
    box.sh("sleep 0.2").run(env={**os.environ, "HULL_TEST_CALLER": "here"}).ok()
    caller = [v for v in record.read("env").split("\0") if v.startswith("HULL_TEST_CALLER=")]
    assert caller == ([] if member else ["HULL_TEST_CALLER=here"])


def test_environment_of_createContainer_by_default(box, record):
    """It is in the container's namespaces: nothing of the caller's."""
    record.add("createContainer", "cat /proc/self/environ > $R/env")
    box.sh("true").run(env={**os.environ, "HULL_TEST_CALLER": "leak"}).ok()
    names = {v.split("=")[0] for v in record.read("env").split("\0")[:-1]}
    assert names and names <= {"PWD", "OLDPWD", "SHLVL", "_"}   # the shell's own


SIGQUIT = 3


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of rt_sigaction is x86-64's")
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer", "startContainer"])
def test_ignored_signals_are_not_handed_down(box, record, kind):
    """Real-time ones and those that C libraries keep to themselves too."""
    numbers = [1, 10, 13, 31, 32, 33, 34, 40, 63, 64]
    ignore = "; ".join(f"libc.syscall(13, {n}, (ctypes.c_ulong * 4)(1), None, 8)" for n in numbers)
    record.add(kind, "grep SigIgn /proc/self/status > $R/status")
    box.sh("grep SigIgn /proc/self/status")
    box.hull.prefix = [sys.executable, "-c", f"import ctypes, os, sys; libc = ctypes.CDLL(None); {ignore}; "
                       "os.execv(sys.argv[1], sys.argv[1:])"]
    r = box.run().ok()
    for status in r.out, record.read("status"):
        assert int(status.split()[1], 16) & ~(1 << SIGQUIT - 1) == 0   # which the shell itself ignores


def test_timeout_of_one_that_left_its_group(box, record):
    """setsid makes a group of its own; the hook is ended all the same."""
    record.add("createRuntime", "true", timeout=1)
    hook = box.config["hooks"]["createRuntime"][0]
    hook.update(path=sys.executable, args=[
        "python3", "-c", "import os, time; os.setpgid(0, os.getpgid(os.getppid())); time.sleep(30)"])
    begin = time.monotonic()
    box.sh("true").run().fails("hook ran past specified timeout of 1.0s", code=1)
    assert time.monotonic() - begin < 15


def test_daemon_of_a_hook_ends_with_a_failed_create(box, record):
    """Without a pid namespace it does not end with init; it is in the cgroup, which can't go before it has."""
    box.namespaces(pid=False)
    record.add("createContainer", "setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo $! > $R/pid")
    record.add("createContainer", "exit 1")
    box.sh("true").create().fails("createContainer hook #1", code=1)

    def ended():    # or a zombie, until whoever has adopted it looks
        try:
            with open(f"/proc/{record.read('pid').strip()}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True
    assert ended()
    assert leaks.find(box.id, box.dir) == []


def test_argv0(box, record):
    (box.config["hooks"].setdefault("createRuntime", [])).append(
        {"path": "/bin/busybox", "args": ["sh", "-c", f"echo $0 > {record.dir}/zero"]})
    box.sh("true").run().ok()
    assert record.read("zero") == "sh\n"


def test_no_args(box, record):
    """args may be absent: argv is empty or the path."""
    box.config["hooks"]["createRuntime"] = [{"path": "/bin/true"}]
    box.sh("true").run().ok()


@pytest.mark.parametrize("kind", KINDS)
def test_ignoring_stdin_is_no_error(box, record, kind):
    box.config["annotations"] = {f"k{i}": "x" * 100 for i in range(2000)}
    record.add(kind, "exec < /dev/null; echo ran > $R/ran")
    box.sh("true").run().ok()
    assert record.read("ran") == "ran\n"


@pytest.mark.parametrize("kind", KINDS[:5])
@pytest.mark.parametrize("index", [0, 1])
def test_failing(box, record, kind, index):
    for i in range(index):
        record.add(kind, "cat > /dev/null")
    record.add(kind, "echo said this >&2; exit 3")
    record.add(kind, "echo later > $R/later")
    record.add("poststop", "echo poststop > $R/poststop")
    box.sh("echo program > /record/program; sleep 1000")
    r = box.run().fails(f"error running {kind} hook #{index}: exit status 3", code=1)
    assert "said this" in r.text
    assert record.read("later") is None
    if kind != "poststart":
        assert record.read("program") is None
    assert box.hull.ids() == []
    assert record.read("poststop") == "poststop\n"


@pytest.mark.parametrize("kind", CREATE)
def test_failing_in_create(box, record, kind):
    record.add(kind, "exit 1")
    box.sh("true").create().fails(f"error running {kind} hook #0", code=1)
    assert box.hull.ids() == []


@pytest.mark.parametrize("kind", ["startContainer", "poststart"])
def test_failing_in_start(box, record, kind):
    record.add(kind, "exit 1")
    box.sh("sleep 1000").create().ok()
    box.start().fails(f"error running {kind} hook #0", code=1)
    assert box.hull.ids() == []


def test_failing_poststop_is_a_warning(box, record):
    record.add("poststop", "exit 1")
    record.add("poststop", "echo second > $R/second")
    r = box.sh("exit 5").run()
    assert r.code == 5 and "level=warning" in r.err and "poststop hook #0" in r.err
    assert record.read("second") == "second\n"


@pytest.mark.parametrize("kind", KINDS[:5])
def test_killed_by_a_signal(box, record, kind):
    record.add(kind, "kill -9 $$")
    box.sh("sleep 1000")
    r = box.run().fails(f"error running {kind} hook #0", code=1)
    assert "signal: killed" in r.text or "killed" in r.text


@pytest.mark.parametrize("kind", KINDS[:5])
def test_missing_program(box, record, kind):
    box.config["hooks"][kind] = [{"path": "/no/such/hook"}]
    box.sh("sleep 1000")
    box.run().fails(f"error running {kind} hook #0", "no such file or directory", code=1)


@pytest.mark.parametrize("kind", KINDS[:5])
def test_timeout(box, record, kind):
    """The hook and its child are ended; the grandchild must not keep us waiting by its pipe."""
    record.add(kind, "sleep 60 & sleep 60", timeout=1)
    begin = time.monotonic()
    r = box.sh("sleep 1000").run().fails(f"error running {kind} hook #0", code=1)
    assert 0.9 < time.monotonic() - begin < 8
    assert "timeout" in r.text or "timed out" in r.text or "deadline" in r.text


def test_timeout_of_poststop(box, record):
    record.add("poststop", "sleep 60", timeout=1)
    record.add("poststop", "echo second > $R/second")
    r = box.sh("true").run(timeout=15)
    assert r.code == 0 and "poststop hook #0" in r.err
    assert record.read("second") == "second\n"


@pytest.mark.parametrize("timeout", [0, -1])
def test_bad_timeout(box, record, timeout):
    record.add("createRuntime", "true", timeout=timeout)
    box.run().fails("hooks.createRuntime[0].timeout", code=1)


def test_relative_path(box, record):
    box.config["hooks"]["prestart"] = [{"path": "bin/true"}]
    box.run().fails("hooks.prestart[0].path", code=1)


def test_no_descriptors_leak(box, record):
    for kind in KINDS:
        record.add(kind, f"ls -l /proc/$$/fd > $R/fd-{kind}")
    box.sh("true").run().ok()
    for kind in KINDS:
        names = [line.split()[8] for line in record.read(f"fd-{kind}").splitlines() if "->" in line]
        assert set(names) <= {"0", "1", "2"}, (kind, record.read(f"fd-{kind}"))


def test_signal_mask_is_clean(box, record):
    """Looked at without a shell, which ignores some signals by itself."""
    for kind in KINDS:
        place = "/record" if kind == "startContainer" else record.dir
        record.add(kind, "").update(path="/bin/busybox", args=["busybox", "cp", "/proc/self/status",
                                                               f"{place}/sig-{kind}"])
    box.sh("true").run().ok()
    for kind in KINDS:
        for line in record.read(f"sig-{kind}").splitlines():
            if line.startswith(("SigBlk", "SigIgn")):
                assert int(line.split()[1], 16) == 0, (kind, line)


def test_without_mount_namespace(box, record):
    box.namespaces(mount=False)
    for m in list(box.mounts):
        box.mounts.remove(m)
    for key in ("maskedPaths", "readonlyPaths"):
        box.linux.pop(key)
    box.writable()
    box.config["hooks"] = {}
    record.add("createRuntime", "echo once >> $R/count; pwd >> $R/count")
    box.args("/bin/true")
    r = box.run()
    assert r.code == 0, r
    assert record.read("count").split() == ["once", str(box.dir)]


def test_hooks_null_and_empty(box):
    for value in (None, {}, {"prestart": None}, {"prestart": []}):
        box.config["hooks"] = value
        box.args("/bin/true").run().ok()
