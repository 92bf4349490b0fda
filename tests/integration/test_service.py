# SPDX-License-Identifier: Apache-2.0
"""sd_notify and socket activation: NOTIFY_SOCKET, LISTEN_FDS. We play the service manager."""
import array
import os
import socket
import subprocess

import pytest

NOTIFIER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET"), *text = "STATUS=warming up\nREADY=1\n";
    if (!path || strlen(path) >= sizeof(a.sun_path))
        return 3;
    strcpy(a.sun_path, path);
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (connect(s, (struct sockaddr *)&a, sizeof(a)) < 0 || send(s, "STATUS=early", 12, 0) < 0 ||
        send(s, text, strlen(text), 0) < 0)
        return 4;
    pause();
    return 0;
}
"""


@pytest.fixture(scope="session")
def notifier(tmp_path_factory):
    d = tmp_path_factory.mktemp("notifier")
    (d / "n.c").write_text(NOTIFIER)
    subprocess.run(["gcc", "-static", "-o", d / "notifier", d / "n.c"], check=True)
    return d


class Manager:
    def __init__(self, path):
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(10)

    def env(self):
        return dict(os.environ, NOTIFY_SOCKET=self.path)

    def receive(self):
        """One datagram and how many descriptors came with it; they are closed, which ends a BARRIER."""
        text, extra, _, _ = self.sock.recvmsg(4096, 1024)
        fds = array.array("i")
        for _, _, data in extra:
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        for fd in fds:
            os.close(fd)
        return text.decode(), len(fds)


@pytest.fixture
def manager(tmp_path):
    m = Manager(tmp_path / "manager")
    yield m
    m.sock.close()


def expect_ready(manager, box):
    assert manager.receive() == (f"READY=1\nMAINPID={box.pid()}\n", 0)
    assert manager.receive() == ("BARRIER=1", 1)


def test_ready_of_a_detached_run(box, manager, notifier):
    box.bind(notifier, "/n", "ro")
    box.args("/n/notifier").write()
    p = box.hull.popen("run", "-d", "--bundle", box.dir, box.id, env=manager.env())
    expect_ready(manager, box)
    assert p.wait(10) == 0
    box.hull("delete", "-f", box.id).ok()


def test_ready_of_a_foreground_run(box, manager, notifier):
    box.bind(notifier, "/n", "ro")
    box.args("/n/notifier").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, env=manager.env())
    expect_ready(manager, box)
    assert p.poll() is None
    box.hull("kill", box.id, "KILL").ok()
    assert p.wait(10) == 137


def create(box, manager):
    """The container keeps our output, so it must be no pipe that we wait for."""
    box.write()
    p = box.hull.popen("create", "--bundle", box.dir, box.id, env=manager.env(),
                       stdout=subprocess.DEVNULL)
    assert p.wait(10) == 0


def test_ready_of_start(box, manager, notifier):
    box.bind(notifier, "/n", "ro")
    box.args("/n/notifier")
    create(box, manager)
    p = box.hull.popen("start", box.id, env=manager.env())
    expect_ready(manager, box)
    assert p.wait(10) == 0
    box.hull("delete", "-f", box.id).ok()


def test_start_returns_when_the_program_ends_without_ready(box, manager):
    box.args("/bin/true")
    create(box, manager)
    box.hull("start", box.id, env=manager.env()).ok()
    box.hull("delete", box.id).ok()


def test_without_a_manager_nothing_is_mounted(box):
    assert box.out("echo [$NOTIFY_SOCKET]; ls /run") == "[]\n"


def test_listen_fds(box, tmp_path):
    (tmp_path / "data").write_text("handed over\n")
    box.sh("cat <&3; echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES").write()
    script = 'exec 3<"$1"; shift; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"'
    r = box.hull.call(["sh", "-c", script, "sh", str(tmp_path / "data"),
                       *box.hull.argv("run", "--bundle", box.dir, box.id)]).ok()
    assert r.out == "handed over\n1 1 web\n"


def test_listen_fds_of_somebody_else_are_not_ours(box):
    box.sh("echo [$LISTEN_FDS]; ls /proc/self/fd | wc -l").write()
    r = box.hull("run", "--bundle", box.dir, box.id,
                 env=dict(os.environ, LISTEN_FDS="1", LISTEN_PID="1")).ok()
    assert r.out == "[]\n4\n"
