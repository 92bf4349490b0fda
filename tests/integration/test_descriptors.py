# SPDX-License-Identifier: Apache-2.0
"""Descriptors: what a created container holds, what a program inherits, and no more"""
import os
import re

import pytest

from support import cgroup2
from support.console import ConsoleSocket
from support.kernel import TIME_NAMESPACES
from support.runtime import Runtime


def held(pid):
    """number -> what it points to."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return found


def judge(box, extra=()):
    """stdio, one socket (or none), the fifo, preserved ones: nothing else."""
    fds = held(box.pid())
    others = {n: t for n, t in fds.items() if n > 2 and n not in extra}
    kinds = []
    for target in others.values():
        if target.endswith("/exec.fifo"):
            kinds.append("fifo")
        elif target.startswith("socket:"):
            kinds.append("socket")
        else:
            kinds.append(target)
    assert sorted(kinds) in (["fifo"], ["fifo", "socket"]), fds
    assert set(fds) >= {0, 1, 2, *extra}


def test_created(box):
    box.sh("true").create().ok()
    judge(box)
    box.end()


def test_created_with_everything(box, scratch):
    """Mounts, masks, hooks, devices, namespaces: none leaves a descriptor."""
    for i in range(5):
        (scratch / str(i)).mkdir()
        box.bind(scratch / str(i), f"/mnt/{i}")
    box.namespaces(cgroup=True, time=TIME_NAMESPACES)
    box.linux["devices"] = [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3}]
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.config["hooks"] = {k: [{"path": "/bin/true"}]
        for k in ("prestart", "createRuntime", "createContainer")}
    box.sh("true").create("--pid-file", scratch / "pid").ok()
    judge(box)
    box.end()


def test_created_in_a_user_namespace(box):
    box.userns()
    box.chown_to()
    box.sh("true").create().ok()
    judge(box)
    box.end()


def test_created_with_joined_namespaces(make_box):
    a, b = make_box("a"), make_box("b")
    pid = a.up()
    b.namespaces(
    network=f"/proc/{pid}/ns/net",
    ipc=f"/proc/{pid}/ns/ipc",
     pid=f"/proc/{pid}/ns/pid")
    b.sh("true").create().ok()
    judge(b)
    b.end(), a.end()


def test_created_with_terminal(box):
    box.process["terminal"] = True
    with ConsoleSocket(box.dir / "s") as s:
        box.sh("true").create("--console-socket", s.path).ok()
        t = s.terminal()
    fds = held(box.pid())
    assert [fds[i] for i in (0, 1, 2)] == ["/dev/pts/0"] * \
                             3 or all("pts" in fds[i] for i in (0, 1, 2))
    judge(box)
    box.end()
    t.rest()


def test_created_with_preserved(box, scratch):
    (scratch / "f").write_text("")
    fd = os.open(scratch / "f", os.O_RDONLY)
    box.sh("true").write()
    with open(os.devnull, "w") as null:
        r = Runtime.call(box.hull.argv("create", "--bundle", box.dir, "--preserve-fds", "1", box.id),
                         preexec_fn=lambda: os.dup2(fd, 3), pass_fds=(3, fd), stdout=null, stderr=null)
    os.close(fd)
    assert r.code == 0
    assert held(box.pid())[3] == str(scratch / "f")
    judge(box, extra=(3,))
    box.end()


def test_created_with_log_and_debug(box, scratch):
    """The log file stays with the runtime."""
    box.sh("true").write()
    with open(os.devnull, "w") as null:
        Runtime.call([box.hull.program, "--debug", "--log", str(scratch / "log"), "--root", str(box.hull.root),
                      "create", "--bundle", str(box.dir), box.id], stdout=null, stderr=null).ok()
    judge(box)
    box.end()


def test_created_on_v2(box):
    reason = cgroup2.reason_to_skip()
    if reason:
        pytest.skip(reason)
    box.hull = cgroup2.over(box.hull)
    box.sh("true").create().ok()
    judge(box)
    box.end()


def test_no_lock_is_held(box):
    """The lock on the state directory is not inherited by init."""
    box.sh("true").create().ok()
    inode = str((box.hull.root / box.id).stat().st_ino)
    assert not [l for l in open("/proc/locks") if re.search(rf":{inode}\b", l)]
    box.end()


@pytest.mark.parametrize("form", ["run", "exec"])
def test_program(box, form):
    script = "ls -l /proc/self/fd"
    if form == "run":
        out = box.out(script)
    else:
        box.up()
        out = box.esh(script)
        box.end()
    numbers = [int(l.split()[8]) for l in out.splitlines() if "->" in l]
    assert sorted(numbers) == [0, 1, 2]  # the one that ls reads by is closed when it looks


def test_started_program(box):
    box.up()
    assert sorted(held(box.pid())) == [0, 1, 2]
    box.end()


def test_startContainer_hook(box, scratch):
    box.bind(scratch, "/record")
    box.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": [
        "sh", "-c", "ls -l /proc/self/fd > /record/fds"]}]}
    box.args("/bin/true").run().ok()
    numbers = [int(l.split()[8]) for l in (scratch / "fds").read_text().splitlines() if "->" in l]
    assert sorted(numbers) == [0, 1, 2]  # the one that ls reads by is closed when it looks


def test_memory_map_of_init_shows_no_host_file(box):
    """The waiting init runs from a sealed copy or from something else than the host's binary."""
    box.sh("true").create().ok()
    exe = os.readlink(f"/proc/{box.pid()}/exe")
    host = os.stat(box.hull.program)
    st = os.stat(f"/proc/{box.pid()}/exe")
    assert (st.st_dev, st.st_ino) != (host.st_dev, host.st_ino), exe
    box.end()
