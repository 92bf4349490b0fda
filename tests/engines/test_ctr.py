# SPDX-License-Identifier: Apache-2.0
"""containerd by ctr: the shim without another engine above it."""
import os
import subprocess
import time

from engine import look, place
from engine.checks import needs
from engine.client import resize
from engine.image import BOX
from support.runtime import wait_until


def test_output_and_exit_codes(ctr):
    r = ctr.run(BOX, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (r.code, r.out) == (7, "out\n") and "err\n" in r.err
    assert ctr.run(BOX, "true").code == 0


def test_what_cannot_start(ctr):
    ctr.run(BOX, "no-such-program").fails("executable file not found in $PATH")
    ctr.run(BOX, "/no/such/program").fails("no such file or directory")
    ctr.run(BOX, "/etc/not-a-program").fails("permission denied")


def test_stdin(ctr):
    data = b"0123456789abcdef" * 20000
    # ctr 1.6 on one CPU loses what it has not copied when the program ends, with any runtime.
    assert ctr.run(BOX, "sh", "-c", "cat; sleep 1", input=data).ok().raw == data


def test_terminal(ctr):
    _, argv = ctr.run_argv("--rm", "-t", BOX, "sh")
    with ctr.terminal(*argv) as t:
        t.expect("#")
        resize(t, 33, 99)
        t.send("tty\n")
        t.expect("/dev/")
        t.send("exit 9\n")
        assert t.wait(30) == 9


def test_signals(ctr):
    name, argv = ctr.run_argv("--rm", BOX, "sh", "-c", "trap 'echo usr1' USR1; trap 'exit 3' TERM; echo up; "
                              "while :; do sleep 0.1; done")
    p = ctr.popen(*argv, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    ctr("task", "kill", "-s", "SIGUSR1", name).ok()
    assert p.stdout.readline() == b"usr1\n"
    ctr("task", "kill", "-s", "15", name).ok()
    assert p.wait(30) == 3
    p.stdout.close()


def test_kill_all(ctr):
    name = ctr.up(script="sleep 1000 & exec sleep 1000")
    ctr("task", "kill", "-a", "-s", "KILL", name).ok()
    wait_until(lambda: ctr.task(name)[1] == "STOPPED", 30)
    ctr("task", "delete", name)
    assert ctr.task(name) is None


def test_pause(ctr):
    name = ctr.up(script="i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.02; done")
    n = f"/proc/{ctr.pid(name)}/root/n"
    wait_until(lambda: os.path.exists(n), 30)
    ctr("task", "pause", name).ok()
    assert ctr.task(name)[1] == "PAUSED"
    before = open(n).read()
    time.sleep(0.3)     # in which a container that runs would count on
    assert open(n).read() == before
    ctr("task", "resume", name).ok()
    wait_until(lambda: open(n).read().strip() not in ("", before.strip()), 30)


def test_exec(ctr):
    name = ctr.up()
    r = ctr("task", "exec", "--exec-id", "e1", name, "sh", "-c", "echo out; exit 19")
    assert (r.code, r.out) == (19, "out\n")
    assert ctr("task", "exec", "--exec-id", "e2", name, "wc", "-c", input=b"x" * 100000).ok().out == "100000\n"
    assert ctr("task", "exec", "--exec-id", "e3", "--cwd", "/tmp", name, "pwd").ok().out == "/tmp\n"
    assert ctr("task", "exec", "--exec-id", "e6", "--user", "1000", name, "id", "-u").ok().out == "1000\n"
    ctr("task", "exec", "--exec-id", "e4", name, "no-such-program").fails("executable file not found in $PATH")
    with ctr.terminal("task", "exec", "-t", "--exec-id", "e5", name, "sh") as t:
        t.expect("#")
        t.send("test -t 0 && exit 11\n")
        assert t.wait(30) == 11


def test_processes_and_metrics(ctr):
    name = ctr.up()
    pids = [int(l.split()[0]) for l in ctr("task", "ps", name).ok().out.splitlines()[1:]]
    assert ctr.pid(name) in pids
    assert "memory" in ctr("task", "metrics", name).ok().out


@needs(look.no_limit, "memory")
def test_limits(ctr):
    name = ctr.up("--memory-limit", str(64 << 20), "--cpus", "0.5")
    assert look.limit(ctr.pid(name), "memory") == str(64 << 20)
    assert look.quota(look.limit(ctr.pid(name), "quota")) == 50000


def test_options(ctr, tmp_path):
    (tmp_path / "in").write_text("given\n")
    out = ctr.out("pwd; echo $A; cat /m/in; echo x >/m/x || echo ro; readlink /proc/self/ns/net",
                  "--cwd", "/tmp", "--env", "A=b", "--net-host",
                  "--mount", f"type=bind,src={tmp_path},dst=/m,options=rbind:ro").split()
    assert out[:4] == ["/tmp", "b", "given", "ro"] and out[4] == os.readlink("/proc/self/ns/net")
    ctr.run("--read-only", BOX, "touch", "/x").fails("Read-only file system")


def test_rights(ctr):
    text = ctr.out("cat /proc/self/status", "--cap-add", "CAP_NET_ADMIN", "--cap-drop", "CAP_CHOWN", "--seccomp")
    assert look.capability(text, 12) and not look.capability(text, 0)
    assert look.status(text, "Seccomp") == "2" and look.status(text, "NoNewPrivs") == "1"


@needs(lambda: None if place.has_capability("CAP_SYS_RESOURCE") else "no CAP_SYS_RESOURCE here")
def test_privileged(ctr):
    assert "mounted" in ctr.out("mount -t tmpfs x /mnt && echo mounted", "--privileged")


def test_namespace_of_another(ctr):
    other = ctr.up()
    path = f"/proc/{ctr.pid(other)}/ns/uts"
    assert ctr.out("readlink /proc/self/ns/uts", "--with-ns", f"uts:{path}").strip() == os.readlink(path)


def test_user_namespace(ctr):
    out = ctr.out("cat /proc/self/uid_map; id -u", "--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536")
    assert out.split() == ["0", "300000", "65536", "0"]


def test_twenty_at_once(ctr):
    calls = []
    for i in range(20):
        name, argv = ctr.run_argv("--rm", BOX, "sh", "-c", f"echo {i}; exit {i}")
        calls.append(ctr.popen(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    for i, p in enumerate(calls):
        out, err = p.communicate(timeout=180)
        assert (p.returncode, out.decode().strip()) == (i, str(i)), err


@needs(place.no_criu)
def test_checkpoint(ctr, tmp_path):
    name = ctr.up(script="i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.05; done")
    n = f"/proc/{ctr.pid(name)}/root/n"
    wait_until(lambda: os.path.exists(n) and open(n).read().strip() > "3", 30)
    images = tmp_path / "images"
    images.mkdir()
    ctr("task", "checkpoint", "--image-path", images, "--exit", name).ok()
    assert (images / "inventory.img").exists()
    wait_until(lambda: ctr.task(name) is None or ctr.task(name)[1] == "STOPPED", 30)
