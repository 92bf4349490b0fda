# SPDX-License-Identifier: Apache-2.0
"""annotations: kept in the state"""
import json
import os
import socket

import pytest

from support.console import ConsoleSocket


def test_in_state(box):
    box.config["annotations"] = {"a.b/c": "d", "empty": "", "ünï": "cödé \"quoted\"\n"}
    box.args("/bin/true").create().ok()
    assert box.state()["annotations"] == box.config["annotations"]
    box.end()


def test_absent(box):
    box.args("/bin/true").create().ok()
    assert not box.state().get("annotations")
    box.end()


@pytest.mark.parametrize("value", [{"": "x"}, {"a": 1}, {"a": None}, ["a"], "a"])
def test_refused(box, value):
    box.config["annotations"] = value
    r = box.args("/bin/true").run()
    if value == {"a": None}:  # Go reads null as the empty string
        return
    r.fails("annotations", code=1)


def test_later_changes_of_the_file_have_no_effect(box):
    box.config["annotations"] = {"k": "first"}
    box.process["env"].append("WHICH=first")
    box.sh("sleep 1000").create().ok()
    box.config["annotations"] = {"k": "second"}
    box.process["env"][-1] = "WHICH=second"
    box.write()
    box.start().ok()
    assert box.state()["annotations"] == {"k": "first"}
    assert box.esh("echo $WHICH") == "first\n"
    box.end()


# crun's annotations
def groups(box):
    return box.run().ok().out.split()


def test_keep_original_groups(box):
    """The program keeps our groups, in exec too; without the annotation it has its own."""
    os.setgroups([4242, 0])
    try:
        box.process["user"]["additionalGids"] = [77]
        box.args("/bin/sh", "-c", "id -G")
        assert "77" in groups(box) and "4242" not in groups(box)
        box.config["annotations"] = {"run.oci.keep_original_groups": "0"}
        assert "4242" not in groups(box)
        box.config["annotations"] = {"run.oci.keep_original_groups": "1"}
        assert "4242" in groups(box) and "77" not in groups(box)
        box.up()
        assert "4242" in box.esh("id -G").split()
        box.end()
    finally:
        os.setgroups([])


def test_hooks_output(box, tmp_path):
    """Of all hooks that see the host's files, added to what is there."""
    out, err = tmp_path / "out", tmp_path / "err"
    box.config["annotations"] = {"run.oci.hooks.stdout": str(out), "run.oci.hooks.stderr": str(err)}
    kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
    box.config["hooks"] = {k: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {k}; echo {k} >&2"]}] for k in kinds}
    out.write_text("before\n")
    box.args("/bin/true").run().ok()
    assert out.read_text().split() == ["before"] + kinds
    assert err.read_text().split() == kinds
    # An error does not quote what went into the files.
    box.config["hooks"] = {"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", "echo word; exit 3"]}]}
    r = box.run().fails("exit status 3", code=1)
    assert "word" not in r.text and out.read_text().endswith("word\n")
    box.config["annotations"]["run.oci.hooks.stdout"] = str(tmp_path / "no/such")
    box.run().fails("no/such", "no such file or directory", code=1)


def test_pidfd_receiver(box, tmp_path):
    with ConsoleSocket(tmp_path / "socket") as receiver:
        box.config["annotations"] = {"run.oci.pidfd_receiver": receiver.path}
        pid = box.up()
        fd, _ = receiver.receive()
        assert f"Pid:\t{pid}\n" in open(f"/proc/self/fdinfo/{fd}").read()
        os.close(fd)
    box.end()


def test_seccomp_receiver(box, tmp_path):
    """In the place of listenerPath, which goes before it."""
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                            "syscalls": [{"names": ["swapoff"], "action": "SCMP_ACT_NOTIFY"}]}
    box.args("/bin/true").run().fails("seccomp listenerPath is not set", code=1)
    box.config["annotations"] = {"run.oci.seccomp.receiver": str(tmp_path / "agent")}
    box.run().fails(f"dial unix {tmp_path}/agent", code=1)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "agent"))
    server.listen(1)
    box.up()
    conn, _ = server.accept()
    text, fds, _, _ = socket.recv_fds(conn, 65536, 1)
    assert len(fds) == 1 and json.loads(text)["fds"] == ["seccompFd"]
    os.close(fds[0])
    conn.close()
    server.close()
    box.end()


def test_seccomp_fail_unknown_syscall(box):
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                            "syscalls": [{"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}]}
    box.args("/bin/true").run().ok()
    box.config["annotations"] = {"run.oci.seccomp_fail_unknown_syscall": "1"}
    box.run().fails("no_such_call is not a valid syscall", "linux.seccomp.syscalls", code=1)
