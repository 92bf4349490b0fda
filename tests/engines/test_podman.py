# SPDX-License-Identifier: Apache-2.0
"""podman: pods, user namespaces, checkpoints, how it hears of errors, and as an ordinary user."""
import os
import subprocess

import pytest

from engine import RUNTIME, image, look, place
from engine.checks import needs
from support.runtime import unique, wait_until

COUNTER = "i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.05; done"


@pytest.fixture(params=["hull", "runc"])
def podman(request, make_podman):
    p = make_podman(request.param)
    yield p
    p.clean()


@pytest.fixture
def rootless(make_podman):
    """podman of an ordinary user with ranges of subordinate ids."""
    reason = no_rootless()
    if reason:
        pytest.skip(reason)
    p = make_podman("rootless", user=place.UID)
    yield p
    p.clean()


def no_rootless():
    if not os.path.exists("/usr/bin/newuidmap"):
        return "no newuidmap here (uidmap)"
    return None


def test_runtime_is_ours(podman):
    path = podman("info", "-f", "{{.Host.OCIRuntime.Path}}").ok().out.strip()
    assert os.path.realpath(path) == os.path.realpath(RUNTIME)


def test_errors_in_json(make_podman):
    """With the line that tells podman that hull's log is JSON."""
    p = make_podman("jsonlog", more='\nruntime_supports_json = ["crun", "runc", "hull", "jsonlog"]')
    r = p.run("box", "no-such-program").fails("executable file not found in $PATH", code=127)
    assert "level=error" not in r.err


@pytest.mark.parametrize("name,more", [("crun", ""), ("nocgroups", '\nruntime_supports_nocgroup = ["nocgroups"]')])
def test_without_cgroups(make_podman, name, more):
    """Of a runtime with the name crun podman knows that it can do this."""
    if os.environ.get("RUNTIME"):
        pytest.skip("a runtime that may not know --cgroup-manager")
    p = make_podman(name, more=more)
    container = p.up("--cgroups=disabled", "--network=host")
    own = open("/proc/self/cgroup", encoding="utf-8").read()
    assert look.of(p.pid(container), "cgroup") == own
    assert p.sh(container, "echo in") == "in\n"
    p("stop", "-t", "20", container).ok()
    assert p.state(container)["ExitCode"] == 0


# pods

def test_pod(podman):
    pod = unique("pod")
    podman("pod", "create", "--name", pod, "--infra-command", "/pause").ok()
    a = podman.up("--pod", pod)
    b = podman.up("--pod", pod)
    for kind in ("net", "ipc", "uts"):
        assert os.readlink(f"/proc/{podman.pid(a)}/ns/{kind}") == os.readlink(f"/proc/{podman.pid(b)}/ns/{kind}")
    assert os.readlink(f"/proc/{podman.pid(a)}/ns/pid") != os.readlink(f"/proc/{podman.pid(b)}/ns/pid")
    podman("pod", "pause", pod).ok()
    assert podman.state(a)["Status"] == "paused"
    podman("pod", "unpause", pod).ok()
    podman("pod", "stop", "-t", "20", pod).ok()
    assert podman.state(a)["ExitCode"] == 0
    podman("pod", "start", pod).ok()
    assert podman.state(b)["Status"] == "running"
    podman("pod", "rm", "-f", "-t", "0", pod).ok()


def test_pod_with_shared_pids(podman):
    pod = unique("pod")
    podman("pod", "create", "--name", pod, "--share", "net,pid,ipc", "--infra-command", "/pause").ok()
    a = podman.up("--pod", pod)
    assert podman.sh(a, "tr '\\0' ' ' </proc/1/cmdline").split()[0] in ("/pause", "/catatonit", "/sleep")
    podman("stop", "-t", "20", a).ok()
    assert podman.state(a)["ExitCode"] == 0
    podman("pod", "rm", "-f", "-t", "0", pod).ok()


def test_kubernetes_yaml(podman, tmp_path):
    (tmp_path / "pod.yaml").write_text(f"""
apiVersion: v1
kind: Pod
metadata:
  name: played
spec:
  containers:
  - name: one
    image: {image.BOX}
    imagePullPolicy: Never
    command: [sh, -c, "echo $A; exec sleep 1000"]
    env: [{{name: A, value: given}}]
""")
    podman("play", "kube", tmp_path / "pod.yaml").ok()
    podman.wait_logs("played-one", "given")
    podman("play", "kube", "--down", tmp_path / "pod.yaml").ok()


# user namespaces

def test_user_namespace(podman):
    flags = ("--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536")
    out = podman.out("cat /proc/self/uid_map; id -u; touch /f && ls -n /f", *flags).split()
    assert out[:4] == ["0", "300000", "65536", "0"]
    name = podman.up(*flags)
    assert podman.sh(name, "id -u", "-u", "alice") == "1000\n"
    assert f"Uid:\t{300000}" in look.of(podman.pid(name), "status")


# checkpoint

@needs(place.no_criu)
def test_checkpoint_and_restore(podman):
    name = podman.up("--network", "none", script=COUNTER)
    wait_until(lambda: podman.sh(name, "cat /n; true").strip() > "3", 30, 0.1)
    podman("container", "checkpoint", name).ok()
    assert podman.state(name)["Status"] == "exited"
    podman("container", "restore", name).ok()
    before = podman.sh(name, "cat /n")
    wait_until(lambda: podman.sh(name, "cat /n") != before, 30, 0.1)


@needs(place.no_criu)
def test_checkpoint_leaves_running(podman):
    name = podman.up("--network", "none", script=COUNTER)
    wait_until(lambda: podman.sh(name, "cat /n; true").strip() > "3", 30, 0.1)
    podman("container", "checkpoint", "--leave-running", name).ok()
    assert podman.state(name)["Status"] == "running"


@needs(place.no_criu)
def test_checkpoint_moved(podman, tmp_path):
    """Exported to a file, restored as another container."""
    name = podman.up("--network", "none", script=COUNTER)
    wait_until(lambda: podman.sh(name, "cat /n; true").strip() > "3", 30, 0.1)
    podman("container", "checkpoint", "--export", tmp_path / "c.tar", name).ok()
    at = int(podman("diff", name).ok() and 0)
    podman("rm", name).ok()
    podman("container", "restore", "--import", tmp_path / "c.tar", "--name", f"{name}-2").ok()
    wait_until(lambda: int(podman.sh(f"{name}-2", "cat /n").strip() or 0) > at, 30, 0.1)


@needs(place.no_criu)
@needs(place.no_bridge)
def test_checkpoint_with_network(podman):
    name = podman.up(script=COUNTER)
    wait_until(lambda: podman.sh(name, "cat /n; true").strip() > "3", 30, 0.1)
    podman("container", "checkpoint", name).ok()
    podman("container", "restore", name).ok()
    assert "eth0" in podman.sh(name, "ls /sys/class/net")


# as an ordinary user

def test_rootless_run(rootless):
    r = rootless.run("box", "sh", "-c", "echo out; id -u; cat /proc/self/uid_map; exit 7")
    assert r.code == 7 and r.out.split()[:2] == ["out", "0"], str(r)
    assert str(place.UID) in r.out and str(place.SUBIDS) in r.out
    assert rootless.run("box", "no-such-program").code == 127
    assert rootless.run("-i", "box", "wc", "-c", input=b"x" * 100000).ok().out == "100000\n"


def test_rootless_life(rootless, tmp_path):
    name = rootless.up()
    assert rootless.sh(name, "id -u", "-u", "alice") == "1000\n"
    assert f"Uid:\t{place.UID}" in look.of(rootless.pid(name), "status")
    with rootless.terminal("exec", "-it", name, "sh") as t:
        t.expect("#")
        t.send("test -t 0 && exit 11\n")
        assert t.wait(30) == 11
    rootless("stop", "-t", "20", name).ok()
    assert rootless.state(name)["ExitCode"] == 0
    rootless("start", name).ok()
    rootless("kill", name).ok()
    rootless.wait_state(name, "exited")
    assert rootless.state(name)["ExitCode"] == 137


def test_rootless_options(rootless, tmp_path):
    os.chown(tmp_path, place.UID, place.UID)
    out = rootless.out("echo made >/v/file; hostname; mount | grep ' /t '; id -u", "-v", f"{tmp_path}:/v", "-h", "given",
                       "--tmpfs", "/t:size=4m", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    assert out.split()[0] == "given" and "size=4096k" in out
    assert os.stat(tmp_path / "file").st_uid == place.UID
    rootless.run("--read-only", "box", "touch", "/x").fails("Read-only file system")
    assert rootless.out("id -u", "--userns", "keep-id").strip() == str(place.UID)
    rootless.run("-u", "1000", "box", "id", "-u").ok()
    assert rootless.out("ls /sys/class/net", "--network", "none").split() == ["lo"]
    assert rootless.out("readlink /proc/self/ns/net", "--network", "host").strip() == os.readlink("/proc/self/ns/net")


@needs(place.no_user_session)
@needs(lambda: None if place.cgroup_v2() else "no cgroup v2 here")
def test_rootless_limits(rootless):
    name = rootless.up("--memory", "64m", "--pids-limit", "50")
    pid = rootless.pid(name)
    assert (look.limit(pid, "memory"), look.limit(pid, "pids")) == (str(64 << 20), "50")
    rootless("pause", name).ok()
    rootless("unpause", name).ok()


@needs(lambda: None if place.program("slirp4netns") and os.path.exists("/dev/net/tun") else "no slirp4netns or tun here")
def test_rootless_network(rootless):
    assert "tap0" in rootless.out("ls /sys/class/net", "--network", "slirp4netns")


def test_rootless_pod(rootless):
    pod = unique("pod")
    rootless("pod", "create", "--name", pod, "--infra-command", "/pause", "--network", "none").ok()
    a, b = rootless.up("--pod", pod), rootless.up("--pod", pod)
    assert os.readlink(f"/proc/{rootless.pid(a)}/ns/net") == os.readlink(f"/proc/{rootless.pid(b)}/ns/net")
    rootless("pod", "rm", "-f", "-t", "0", pod).ok()


def test_rootless_build(rootless, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN echo built >/built && id -u >>/built\nCMD cat /built\n")
    rootless("build", "--network", "none", "-t", "built", tmp_path).ok()
    assert rootless.run("built").ok().out == "built\n0\n"


def test_rootless_twenty_at_once(rootless):
    calls = [rootless.popen("run", "--rm", "--network", "none", "box", "sh", "-c", f"echo {i}; exit {i}",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i in range(20)]
    for i, p in enumerate(calls):
        out, err = p.communicate(timeout=300)
        assert (p.returncode, out.decode().strip()) == (i, str(i)), err
