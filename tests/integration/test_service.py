# SPDX-License-Identifier: Apache-2.0
"""sd_notify and socket activation: NOTIFY_SOCKET, LISTEN_FDS. We play the manager; in a guest systemd is one."""
import array
import json
import os
import pathlib
import socket
import subprocess

import pytest

from support import systemd
from support.runtime import Runtime, wait_until

# notifier [UID [SOCKET]]: READY of that user, then one BARRIER and more than a socket's queue holds.
NOTIFIER = r"""
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
static int barrier(int s)
{
    union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = {.h = {
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec io = {.iov_base = "BARRIER=1", .iov_len = 9};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
    int p[2];
    if (pipe(p) < 0)
        return 6;
    memcpy(CMSG_DATA(&c.h), &p[1], sizeof(int));
    if (sendmsg(s, &m, 0) < 0)
        return 7;
    close(p[1]);
    return poll(&(struct pollfd){.fd = p[0]}, 1, 20000) == 1 ? 0 : 8;
}
int main(int argc, char **argv)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *path = argc > 2 ? argv[2] : getenv("NOTIFY_SOCKET"), *text = "STATUS=warming up\nREADY=1\n";
    if (!path || strlen(path) >= sizeof(a.sun_path))
        return 3;
    strcpy(a.sun_path, path);
    if (*path == '@')
        a.sun_path[0] = 0;
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (argc > 1 && setuid(atoi(argv[1])) < 0)
        return 5;
    if (connect(s, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + strlen(path)) < 0 ||
        send(s, "STATUS=early", 12, 0) < 0 || send(s, text, strlen(text), 0) < 0)
        return 4;
    int r = barrier(s);
    for (int i = 0; r == 0 && i < 1000; i++)
        send(s, "STATUS=running", 14, 0);
    FILE *f = argc > 2 ? stdout : fopen("/tmp/outcome", "w");
    if (f) {
        fprintf(f, "%d\n", r);
        fflush(f);
    }
    pause();
    return 0;
}
"""

# The same when it is told to; and the other end of socket activation.
SERVICE = r"""
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
static void end(int sig) { (void)sig; _exit(0); }
static int ready(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    strcpy(a.sun_path, path);
    if (*path == '@')
        a.sun_path[0] = 0;
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    while (access("/control/go", F_OK) != 0)
        usleep(20000);
    if (access("/control/fail", F_OK) == 0)
        return 3;
    if (connect(s, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + strlen(path)) < 0 ||
        send(s, "READY=1", 7, 0) < 0)
        return 4;
    for (;;)
        pause();
}
static int serve(void)
{
    char text[256];
    const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID"), *names = getenv("LISTEN_FDNAMES");
    int n = snprintf(text, sizeof(text), "%s %d %s\n", fds, atoi(pid) == getpid(), names);
    for (;;) {
        int c = accept(3, NULL, NULL);
        if (c < 0 || write(c, text, n) != n || close(c) < 0)
            return 5;
    }
}
int main(int argc, char **argv)
{
    signal(SIGTERM, end);   /* for init of a pid namespace there is no other way to end by it */
    return argc > 1 && strcmp(argv[1], "serve") == 0 ? serve() : ready();
}
"""


@pytest.fixture(scope="session")
def notifier(tmp_path_factory):
    d = tmp_path_factory.mktemp("notifier")
    d.chmod(0o755)
    for name, text in (("notifier", NOTIFIER), ("service", SERVICE)):
        (d / f"{name}.c").write_text(text)
        subprocess.run(["gcc", "-static", "-o", d / name, d / f"{name}.c"], check=True)
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


def expect_ready(manager, box, pid=None):
    """In the foreground the runtime is the main process, and stays: no barrier."""
    assert manager.receive() == (f"READY=1\nMAINPID={pid or box.pid()}\n", 0)
    if not pid:
        assert manager.receive() == ("BARRIER=1", 1)


def test_ready_of_a_detached_run(box, manager, notifier):
    box.bind(notifier, "/n", "ro")
    box.args("/n/notifier").write()
    p = box.hull.popen("run", "-d", "--bundle", box.dir, box.id, env=manager.env())
    expect_ready(manager, box)
    assert p.wait(10) == 0
    box.hull("delete", "-f", box.id).ok()


def test_ready_of_a_foreground_run(box, manager, notifier):
    bind_notifier(box, notifier)
    box.args("/n/notifier").write()
    p = box.hull.popen("run", "--bundle", box.dir, box.id, env=manager.env())
    expect_ready(manager, box, p.pid)
    assert p.poll() is None
    wait_until(outcome(box))
    box.hull("kill", box.id, "KILL").ok()
    assert p.wait(10) == 137


def bind_notifier(box, notifier):
    (box.rootfs / "n").mkdir()  # not for root of a user namespace to make
    box.bind(notifier, "/n", "ro")
    box.bind(box.rootfs / "tmp", "/tmp")
    (box.rootfs / "tmp").chmod(0o777)


def outcome(box):
    """Whether the notifier has got through all that it sends."""
    file = box.rootfs / "tmp/outcome"
    return lambda: file.exists() and file.read_text() == "0\n"


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


# exec into a container that was made without a manager.

@pytest.fixture(params=["", "user", "host-network"])
def container(request, box, notifier):
    """One to exec into: as it comes, with a user namespace, and with the host's network."""
    if request.param == "user":
        box.userns()
    if request.param == "host-network":
        box.namespaces(network=False)
    bind_notifier(box, notifier)
    box.up()
    yield box
    box.end()


def test_ready_of_a_foreground_exec(container, manager, tmp_path):
    pid_file = tmp_path / "pid"
    p = container.hull.popen("exec", "--pid-file", pid_file, container.id, "/n/notifier", env=manager.env())
    expect_ready(manager, container, p.pid)
    wait_until(outcome(container))
    assert p.poll() is None
    os.kill(int(pid_file.read_text()), 9)
    assert p.wait(10) == 137


def test_ready_of_a_detached_exec(container, manager, tmp_path):
    pid_file = tmp_path / "pid"
    p = container.hull.popen("exec", "-d", "--pid-file", pid_file, container.id, "/n/notifier", env=manager.env(),
                             stdout=subprocess.DEVNULL)
    ready = manager.receive()
    assert ready == (f"READY=1\nMAINPID={pid_file.read_text()}\n", 0)
    assert manager.receive() == ("BARRIER=1", 1)
    assert p.wait(10) == 0


def test_detached_exec_of_what_ends_without_ready(container, manager):
    container.exec("-d", container.id, "/bin/true", env=manager.env()).ok()


def test_exec_of_a_user_speaks_for_itself(container, manager, tmp_path):
    p = container.hull.popen("exec", "--user", "1000:1000", "--pid-file", tmp_path / "pid", container.id, "/n/notifier",
                             env=manager.env())
    expect_ready(manager, container, p.pid)
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert p.wait(10) == 137


def test_nobody_else_on_the_host_speaks_for_exec(box, manager, notifier, tmp_path):
    """Everybody sees the name of the socket in the host's network namespace."""
    bind_notifier(box.namespaces(network=False), notifier)
    box.up()
    script = "echo $NOTIFY_SOCKET; read x; exec /n/notifier"
    p = box.hull.popen("exec", "--pid-file", tmp_path / "pid", box.id, "/bin/sh", "-c", script, env=manager.env(),
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    name = p.stdout.readline().strip()
    assert name.startswith("@hull-")
    with subprocess.Popen([notifier / "notifier", "4321", name], stdout=subprocess.PIPE, text=True) as liar:
        assert liar.stdout.readline() == "0\n"     # all that it says has been read
        liar.kill()
    manager.sock.settimeout(0)
    with pytest.raises(BlockingIOError):
        manager.receive()
    manager.sock.settimeout(10)
    print(file=p.stdin, flush=True)
    expect_ready(manager, box, p.pid)
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert p.wait(10) == 137
    box.end()


def test_name_of_execs_socket_is_each_time_another(box, manager):
    box.up()
    names = {box.esh("echo $NOTIFY_SOCKET", env=manager.env()) for _ in range(3)}
    assert len(names) == 3 and all(n.startswith("@hull-") for n in names)
    assert box.esh("echo [$NOTIFY_SOCKET]") == "[]\n"
    box.end()


def test_without_a_manager_nothing_is_mounted(box):
    assert box.out("echo [$NOTIFY_SOCKET]; ls /run") == "[]\n"


def activated(tmp_path, argv, names="web", opened=1, fds=None):
    """A call with `opened` sockets (files here) from 3 on, LISTEN_FDS=fds for its own pid."""
    for i in range(opened):
        (tmp_path / f"data{i}").write_text(f"handed over {i}\n")
    redirect = " ".join(f"{3 + i}<{tmp_path}/data{i}" for i in range(opened))
    script = (f'exec {redirect}; export LISTEN_PID=$$ LISTEN_FDS={opened if fds is None else fds} '
              f'LISTEN_FDNAMES={names}; exec "$@"')
    return Runtime.call(["sh", "-c", script, "sh", *argv])


SHOW = "cat <&3; echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES $$; ls /proc/self/fd | wc -l"


def test_listen_fds(box, tmp_path):
    box.sh(SHOW).write()
    r = activated(tmp_path, box.hull.argv("run", "--bundle", box.dir, box.id)).ok()
    assert r.out == "handed over 0\n1 1 web 1\n5\n"


def test_listen_fds_of_create(box, tmp_path):
    box.sh("cat <&3 > /tmp/out; echo $LISTEN_FDS $LISTEN_PID >> /tmp/out; sleep 1000").write()
    (box.rootfs / "tmp/out").touch()
    box.bind(box.rootfs / "tmp", "/tmp").update(options=["bind", "rw"])
    box.write()
    argv = box.hull.argv("create", "--bundle", box.dir, box.id)
    r = activated(tmp_path, ["sh", "-c", f'exec "$@" > {tmp_path}/o 2>&1', "sh", *argv])
    assert r.code == 0, (tmp_path / "o").read_text()
    box.start().ok()
    wait_until(lambda: (box.rootfs / "tmp/out").read_text() == "handed over 0\n1 1\n")
    box.end()


def test_listen_fds_without_a_private_pid_namespace(box, tmp_path):
    """LISTEN_PID is what the program sees as its own."""
    box.namespaces(pid=False)
    box.sh(SHOW).write()
    out = activated(tmp_path, box.hull.argv("run", "--bundle", box.dir, box.id)).ok().out.split()
    assert out[3:6] == ["1", out[6], "web"] and int(out[6]) > 1


def test_listen_fds_of_exec(box, tmp_path):
    box.up()
    argv = box.hull.argv("exec", box.id, "/bin/sh", "-c", SHOW)
    out = activated(tmp_path, argv).ok().out.split()
    assert out[:3] == ["handed", "over", "0"]
    assert out[3] == "1" and out[4] == out[6] != "1" and out[5] == "web" and out[7] == "5"


def test_listen_fds_and_preserved_ones(box, tmp_path):
    """Those of LISTEN_FDS come first, as runc has it for run."""
    box.up()
    show = "cat <&3; cat <&4; echo $LISTEN_FDS; ls /proc/self/fd | wc -l"
    out = "handed over 0\nhanded over 1\n1\n6\n"
    argv = box.hull.argv("exec", "--preserve-fds", "1", box.id, "/bin/sh", "-c", show)
    assert activated(tmp_path, argv, opened=2, fds=1).ok().out == out
    box.end()
    box.sh(show).write()
    argv = box.hull.argv("run", "--preserve-fds", "1", "--bundle", box.dir, box.id)
    assert activated(tmp_path, argv, opened=2, fds=1).ok().out == out


def test_listen_fds_over_a_process_file(box, tmp_path):
    box.up()
    (tmp_path / "p.json").write_text(json.dumps(
        {"args": ["/bin/sh", "-c", SHOW], "cwd": "/", "env": ["PATH=/bin", "LISTEN_PID=99", "LISTEN_FDS=9"]}))
    out = activated(tmp_path, box.hull.argv("exec", "-p", tmp_path / "p.json", box.id)).ok().out.split()
    assert out[3] == "1" and out[4] == out[6]
    box.end()


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("command", ["run", "exec"])
def test_more_listen_fds_than_there_are(box, tmp_path, command, log):
    """Never is a descriptor of ours taken for one of them: the bundle's directory, the log."""
    flags = ["--log", tmp_path / "log"] if log else []
    if command == "exec":
        box.up()
    else:
        box.sh("true").write()
    words = ["run", "--bundle", box.dir, box.id] if command == "run" else ["exec", box.id, "/bin/true"]
    argv = [*box.hull.prefix, box.hull.program, *flags, "--root", box.hull.root, *words]
    for opened, missing in ((1, "4"), (0, "3")):
        activated(tmp_path, map(str, argv), opened=opened, fds=2).fails(
            "LISTEN_FDS is 2", f"descriptor {missing} is not open")


@pytest.mark.parametrize("command", ["run", "exec"])
def test_more_preserved_fds_than_there_are(box, tmp_path, command):
    if command == "exec":
        box.up()
    else:
        box.sh("true").write()
    words = (["run", "--preserve-fds", "1", "--bundle", box.dir, box.id] if command == "run" else
             ["exec", "--preserve-fds", "1", box.id, "/bin/true"])
    argv = [*box.hull.prefix, box.hull.program, "--log", tmp_path / "log", "--root", box.hull.root, *words]
    Runtime.call(list(map(str, argv))).fails("unable to stat preserved-fd 0 (of 1)", "bad file descriptor")


@pytest.mark.parametrize("fds", ["0", "-1", "x", "1x", "99999999999999999999", ""])
def test_listen_fds_that_are_no_number(box, tmp_path, fds):
    box.sh("echo [$LISTEN_FDS]; ls /proc/self/fd | wc -l").write()
    r = activated(tmp_path, box.hull.argv("run", "--bundle", box.dir, box.id), fds=f"'{fds}'").ok()
    assert r.out == "[]\n4\n"


def test_listen_fds_of_somebody_else_are_not_ours(box):
    box.sh("echo [$LISTEN_FDS]; ls /proc/self/fd | wc -l").write()
    r = box.hull("run", "--bundle", box.dir, box.id,
                 env=dict(os.environ, LISTEN_FDS="1", LISTEN_PID="1")).ok()
    assert r.out == "[]\n4\n"
    box.up()
    r = box.exec(box.id, "/bin/sh", "-c", "echo [$LISTEN_FDS]; ls /proc/self/fd | wc -l",
                 env=dict(os.environ, LISTEN_FDS="1", LISTEN_PID="1")).ok()
    assert r.out == "[]\n4\n"


# ------------------------------------------------------------------------------- systemd is the manager

class Units:
    """Units of systemd that run a container; all are gone afterwards."""

    def __init__(self, box, notifier, control):
        if not systemd.running():
            pytest.skip("needs systemd as process 1 (tests/guest/run)")
        self.box, self.control, self.files = box, control, []
        self.service, self.socket = f"hull-{box.id}.service", f"hull-{box.id}.socket"
        box.bind(notifier, "/n", "ro")
        box.bind(control, "/control", "ro")

    def write(self, name, text):
        path = pathlib.Path("/run/systemd/system", name)
        path.write_text(text)
        self.files.append(path)
        systemd.daemon_reload()

    def command(self, *args):
        return " ".join(self.box.hull.argv(*args))

    def state(self):
        return systemd.show(self.service, "ActiveState")

    def end(self):
        for path in self.files:
            systemd.call("stop", path.name)
            path.unlink()
        systemd.daemon_reload()
        systemd.call("reset-failed", *[p.name for p in self.files])


@pytest.fixture
def units(box, notifier, scratch):
    u = Units(box, notifier, scratch)
    yield u
    u.end()


def notify_unit(units, *flags):
    box = units.box
    box.args("/n/service").write()
    run = units.command("run", *flags, "--bundle", box.dir, box.id)
    delete = units.command("delete", "--force", box.id)
    # A main process that is not its child is killed by systemd right after its SIGTERM.
    units.write(units.service, f"[Service]\nType=notify\nTimeoutStartSec=infinity\nExecStart={run}\n"
                               f"SuccessExitStatus=SIGKILL\n"
                               f"ExecStopPost={delete}\n")
    systemd.call("start", "--no-block", units.service)
    wait_until(lambda: box.id in box.hull.ids() and box.status() == "running")
    return box.pid()


@pytest.mark.parametrize("flags", [[], ["--detach"]], ids=["foreground", "detached"])
def test_unit_is_active_when_the_container_is_ready(units, flags):
    pid = notify_unit(units, *flags)
    box = units.box
    for _ in range(10):   # systemd has had the chance to think otherwise
        assert units.state() == "activating"
    (units.control / "go").touch()
    wait_until(lambda: units.state() != "activating")
    assert units.state() == "active" and box.status() == "running"
    main = int(systemd.show(units.service, "MainPID"))
    assert main == pid if flags else pathlib.Path(f"/proc/{main}/cgroup").read_text().endswith(f"{units.service}\n")
    systemd.call("stop", units.service)
    assert units.state() == "inactive"
    assert box.hull.ids() == []


@pytest.mark.parametrize("flags", [[], ["--detach"]], ids=["foreground", "detached"])
def test_unit_is_active_when_the_exec_is_ready(units, flags):
    box = units.box
    box.up()
    start = units.command("exec", *flags, box.id, "/n/service")
    units.write(units.service, f"[Service]\nType=notify\nTimeoutStartSec=infinity\nSuccessExitStatus=SIGKILL\n"
                               f"ExecStart={start}\n")
    systemd.call("start", "--no-block", units.service)
    wait_until(lambda: len(json.loads(box.hull("ps", "-f", "json", box.id).ok().out)) == 2)
    for _ in range(10):
        assert units.state() == "activating"
    (units.control / "go").touch()
    wait_until(lambda: units.state() != "activating")
    assert units.state() == "active"
    systemd.call("stop", units.service)
    wait_until(lambda: len(json.loads(box.hull("ps", "-f", "json", box.id).ok().out)) == 1)
    assert box.status() == "running"
    box.end()


def test_unit_fails_when_the_container_is_never_ready(units):
    notify_unit(units)
    (units.control / "fail").touch()
    (units.control / "go").touch()
    wait_until(lambda: units.state() == "failed")
    assert units.box.hull.ids() == []


def test_unit_with_socket_activation(units):
    """The first connection starts the container, which answers it, and the next one, from a socket of systemd's."""
    box = units.box
    box.args("/n/service", "serve").write()
    path = units.control / "socket"
    units.write(units.service, f"[Service]\nExecStart={units.command('run', '--bundle', box.dir, box.id)}\n")
    units.write(units.socket, f"[Socket]\nListenStream={path}\nFileDescriptorName=web\n")
    systemd.call("start", units.socket)
    assert units.state() == "inactive" and box.hull.ids() == []
    for _ in range(2):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(100)
            s.connect(str(path))
            assert s.makefile().read() == "1 1 web\n"
    assert units.state() == "active" and box.status() == "running"
    systemd.call("stop", units.socket)
    systemd.call("stop", units.service)
    assert box.hull.ids() == []
