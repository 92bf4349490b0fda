# SPDX-License-Identifier: Apache-2.0
"""Interactive shells under a real terminal, with busybox and Debian, as a person would use them"""
import time

import pytest

from support.console import Terminal
from support.runtime import example_config


def shell(box, *flags):
    box.config["process"]["terminal"] = True
    box.args("sh")
    box.write()
    return Terminal(box.hull.argv("run", "--bundle", box.dir, *flags, box.id), rows=30, columns=100)


def say(t, command, end="END"):
    """Types a command, returns what it printed."""
    t.send(f"{command}; echo {end[0]}''{end[1:]}\r")
    out = t.expect(f"\n{end}", timeout=20).replace("\r", "")
    # before it: the prompt and the echo of the command
    typed = out.rindex(f"{end[0]}''{end[1:]}\n")
    return out[typed:].split("\n", 1)[1].rsplit("\n", 1)[0]


def test_busybox(box):
    """The unmodified configuration of `hull spec`."""
    box.config = example_config()
    with shell(box) as t:
        t.expect("# ")
        assert "uid=0(root) gid=0(root)" in say(t, "id")
        assert "PID" in say(t, "ps") and " sh" in say(t, "ps")
        assert "proc on /proc type proc" in say(t, "mount")
        assert say(t, "hostname") == "runc"
        assert "Read-only" in say(t, "touch /x")
        t.send("exit 12\r")
        assert t.wait() == 12


def test_control_keys(box):
    with shell(box) as t:
        t.expect("# ")
        t.send("sleep 1000\r")
        t.expect("sleep 1000")
        time.sleep(0.3)
        t.send("\x03")
        t.expect("# ")
        assert say(t, "echo alive") == "alive"
        t.send("sleep 1000\r")
        t.expect("sleep 1000")
        time.sleep(0.3)
        t.send("\x1a")
        t.expect("Stopped")
        assert "sleep" in say(t, "jobs")
        say(t, "kill -9 %1")
        for _ in range(2):  # the first may only warn of the stopped job
            time.sleep(0.3)
            t.send("\x04")
        t.wait()


def test_exec_shell(box):
    box.up()
    with Terminal(box.hull.argv("exec", "-t", box.id, "sh")) as t:
        t.expect("# ")
        assert "sleep" in say(t, "ps")
        t.send("exit\r")
        assert t.wait() == 0
    box.end()


@pytest.mark.debian
def test_debian(debian):
    with shell(debian) as t:
        t.expect("# ")
        assert say(t, "apt-get --version").startswith("apt ")
        assert "uid=0(root)" in say(t, "id")
        assert "sh" in say(t, "ls -l /proc/1/exe; cat /proc/1/comm")
        assert "/proc type proc" in say(t, "mount")
        assert "bookworm" in say(t, "cat /etc/os-release")
        t.send("exit 3\r")
        assert t.wait() == 3


@pytest.mark.debian
def test_debian_without_terminal(debian):
    assert debian.args("apt-get", "--version").run().ok().out.startswith("apt ")
    assert debian.args("id", "-u").run().ok().out == "0\n"
    assert "perl" in debian.args("perl", "-e", 'print "perl $$\n"').run().ok().out
    assert debian.args("bash", "-c", "echo $HOME; exit 4").run().code == 4


@pytest.mark.debian
def test_debian_long_running(debian):
    debian.args("sleep", "1000").create().ok()
    debian.start().ok()
    assert debian.exec(debian.id, "cat", "/etc/debian_version").ok().out.startswith("12")
    debian.kill("TERM").ok()
    debian.kill("KILL").ok()
    debian.wait_stopped()
    debian.delete().ok()
