# SPDX-License-Identifier: Apache-2.0
"""linux.seccomp"""
import array
import errno
import fcntl
import json
import os
import platform
import socket
import struct
import threading

import pytest

NNP = pytest.mark.parametrize("nnp", [True, False])
X86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86_64 numbers")


def profile(*syscalls, default="SCMP_ACT_ALLOW", **more):
    return {"defaultAction": default, "syscalls": list(syscalls), **more}


def rule(*names, action="SCMP_ACT_ERRNO", **more):
    return {"names": list(names), "action": action, **more}


MKDIR = rule("mkdir", "mkdirat", errnoRet=errno.ENETDOWN)

# What the runtime needs after the filter is in, and what a static busybox needs.
RUNTIME = ["read", "write", "close", "execve"]
PROGRAM = ["brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink",
           "readlinkat", "getrandom", "mprotect", "mmap", "munmap", "getuid", "geteuid", "getgid", "getegid",
           "setuid", "setgid", "prctl", "exit_group", "fstat", "newfstatat", "uname", "ioctl", "rt_sigaction",
           "futex", "sigaltstack"]


@NNP
@pytest.mark.parametrize("uid", [0, 1000])
def test_errno(box, nnp, uid):
    box.process["noNewPrivileges"] = nnp
    box.process["user"] = {"uid": uid, "gid": uid}
    box.linux["seccomp"] = profile(MKDIR)
    r = box.sh("mkdir /dev/shm/x; grep Seccomp: /proc/self/status; grep CapEff /proc/self/status").run()
    assert "Network is down" in r.err and "Seccomp:\t2" in r.out
    if uid:
        assert "CapEff:\t0000000000000000" in r.out


@NNP
def test_exec_and_create(box, nnp):
    box.process["noNewPrivileges"] = nnp
    box.linux["seccomp"] = profile(MKDIR)
    box.sh("mkdir /dev/shm/x || exec sleep 1000").create().ok()
    assert box.status() == "created"
    box.start().ok()
    box.exec(box.id, "mkdir", "/dev/shm/y").fails("Network is down")


@X86_64
@NNP
@pytest.mark.parametrize("default", ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"])
def test_nothing_more_is_needed(box, nnp, default):
    """Without no_new_privs one capset(2) more."""
    box.process["noNewPrivileges"] = nnp
    names = RUNTIME + PROGRAM + ([] if nnp else ["capset"])
    box.linux["seccomp"] = profile(rule(*names, action="SCMP_ACT_ALLOW"), default=default)
    assert box.args("/bin/echo", "there").run().ok().out == "there\n"
    box.args("/bin/echo", "there").create().ok()
    box.start().ok()
    box.wait_stopped()
    assert box.printed() == "there\n"


@pytest.mark.parametrize("nothing", [{}, {"defaultAction": "", "syscalls": None}, {"architectures": []}])
def test_empty_profile_is_none(box, nothing):
    """What Go writes of an empty struct."""
    box.linux["seccomp"] = nothing
    assert box.out("grep Seccomp: /proc/self/status").split() == ["Seccomp:", "0"]
    box.linux["seccomp"] = {**nothing, "syscalls": [MKDIR]}
    box.run().fails("linux.seccomp.defaultAction", "missing required field", code=1)


# Not with AddressSanitizer, which makes calls of its own before an end, and exits itself when they fail.
@pytest.mark.release
@NNP
@pytest.mark.parametrize("profile_", [
    profile(), profile(rule("execve", action="SCMP_ACT_ALLOW")),
    profile(rule("read", "write", "close", action="SCMP_ACT_ALLOW"))], ids=["nothing", "execve", "pipes"])
@pytest.mark.parametrize("command", ["create", "run"])
def test_profile_that_forbids_to_exit(box, nnp, profile_, command):
    """An end that the filter refuses must not be tried again for ever."""
    box.process["noNewPrivileges"] = nnp
    box.linux["seccomp"] = {**profile_, "defaultAction": "SCMP_ACT_ERRNO"}
    box.sh("true")
    r = box.create() if command == "create" else box.run()
    if command == "run":
        assert r.code != 0   # 132, SIGILL, when init has nothing else left
    elif r.code == 0:
        box.start()     # init was still waiting: now its end must come
        box.wait_stopped()
        box.end()
    assert box.hull.ids() == []


@X86_64
def test_newer_calls_get_enosys(box):
    names = RUNTIME + PROGRAM + ["capset", "fchmodat2"]
    box.linux["seccomp"] = profile(rule(*names, action="SCMP_ACT_ALLOW"), default="SCMP_ACT_ERRNO")
    box.args("/bin/echo", "there").run().ok()
    box.linux["seccomp"]["defaultErrnoRet"] = errno.ENXIO
    box.args("/bin/mkdir", "/dev/shm/x").run().fails("No such device or address")


@pytest.mark.parametrize("flags, number", [
    (None, 4), ([], 0), (["SECCOMP_FILTER_FLAG_TSYNC"], 0), (["SECCOMP_FILTER_FLAG_LOG"], 2),
    (["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 6)])
def test_flags(box, flags, number):
    box.linux["seccomp"] = profile(MKDIR)
    if flags is not None:
        box.linux["seccomp"]["flags"] = flags
    box.write()
    r = box.args("/bin/true")
    box.write()
    r = box.hull("--debug", "run", "--bundle", box.dir, box.id).ok()
    assert f"seccomp filter flags: {number}" in r.err


def test_user_namespace(box):
    box.userns().chown_to()
    box.linux["seccomp"] = profile(MKDIR)
    assert "Network is down" in box.sh("mkdir /dev/shm/x").run().err


@pytest.mark.parametrize("change, word", [
    ({"defaultAction": "SCMP_ACT_NOTIFY"}, "SCMP_ACT_NOTIFY cannot be used as default action"),
    ({"syscalls": [rule("write", action="SCMP_ACT_NOTIFY")]}, "SCMP_ACT_NOTIFY cannot be used for the write syscall"),
    ({"syscalls": [rule("read", action="SCMP_ACT_NOTIFY")], "listenerPath": ""}, "seccomp listenerPath is not set"),
    ({"syscalls": [rule("read", action="SCMP_ACT_ALLOW", errnoRet=1)]}, "errno"),
    ({"syscalls": [rule("read", action="SCMP_ACT_NONE")]}, "SCMP_ACT_NONE"),
    ({"architectures": ["SCMP_ARCH_PDP11"]}, "SCMP_ARCH_PDP11"),
    ({"flags": ["SECCOMP_FILTER_FLAG_X"]}, "SECCOMP_FILTER_FLAG_X"),
])
def test_refused(box, change, word):
    box.linux["seccomp"] = {**profile(MKDIR, listenerPath="/nobody"), **change}
    box.args("/bin/true").run().fails(word)


class Agent(threading.Thread):
    """Answers mkdir with ENOMEDIUM and lets everything else through."""

    RECV, SEND = 0xC0502100, 0xC0182101

    def __init__(self, path):
        super().__init__(daemon=True)
        self.states, self.calls, self.fds = [], [], []
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(8)
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            with c:
                text, ancillary, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(4))
            fds = array.array("i")
            fds.frombytes(ancillary[0][2][:4])
            self.states.append(json.loads(text))
            self.fds.append(fds[0])
            threading.Thread(target=self.serve, args=(fds[0],), daemon=True).start()

    def serve(self, fd):
        while True:
            b = bytearray(80)
            try:
                fcntl.ioctl(fd, self.RECV, b)
                ident, _, _, nr = struct.unpack_from("QIIi", b)
                self.calls.append(nr)
                answer = (-errno.ENOMEDIUM, 0) if nr in (83, 258) else (0, 1)
                fcntl.ioctl(fd, self.SEND, bytearray(struct.pack("QqiI", ident, 0, *answer)))
            except OSError as e:
                if e.errno != errno.ENOENT or not b:
                    return

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for fd in self.fds:
            os.close(fd)


@pytest.fixture
def agent(tmp_path):
    a = Agent(tmp_path / "agent.sock")
    yield a
    a.close()


def notified(tmp_path, *names):
    return profile(rule(*names, action="SCMP_ACT_NOTIFY"), listenerPath=str(tmp_path / "agent.sock"),
                   listenerMetadata="about")


@X86_64
@NNP
def test_notify(box, agent, tmp_path, nnp):
    box.process["noNewPrivileges"] = nnp
    box.linux["seccomp"] = notified(tmp_path, "mkdir")
    box.config["annotations"] = {"a": "b"}
    box.sh("mkdir /dev/shm/x || sleep 1000").detach().ok()
    box.exec(box.id, "mkdir", "/dev/shm/x").fails("No medium found")
    first, second = agent.states
    pid = box.pid()
    assert first["fds"] == ["seccompFd"] and first["metadata"] == "about" and first["pid"] == pid
    assert first["state"]["id"] == box.id and first["state"]["status"] == "creating"
    assert first["state"]["pid"] == pid and first["state"]["annotations"] == {"a": "b"}
    assert first["state"]["bundle"] == str(box.dir) and first["ociVersion"]
    assert second["state"]["status"] == "running" and second["state"]["pid"] == pid
    assert second["pid"] != pid


@X86_64
@NNP
def test_notify_about_what_the_runtime_does(box, agent, tmp_path, nnp):
    """The listener has to reach the agent before any of these is used, also without sendmsg."""
    box.process["noNewPrivileges"] = nnp
    box.linux["seccomp"] = notified(tmp_path, "sendmsg", "recvmsg", "sendto", "recvfrom", "close", "read", "execve",
                                    "openat", "fcntl", "capset", "rt_sigprocmask", "rt_sigaction")
    assert box.out("ls /proc/self/fd | wc -l") == "4\n"
    assert agent.calls.count(59) >= 1


def test_no_agent(box, tmp_path):
    box.linux["seccomp"] = notified(tmp_path, "mkdir")
    box.args("/bin/true").run().fails("failed to connect with seccomp agent specified in the seccomp profile",
                                      "no such file or directory")
    box.linux["seccomp"]["listenerPath"] = "@hull-no-such-agent"
    box.args("/bin/true").run().fails("failed to connect with seccomp agent", "connection refused")
