# SPDX-License-Identifier: Apache-2.0
"""Docker daemons set up otherwise: user namespaces, containers that outlive the daemon, checkpoints."""
import signal

import pytest

from engine import RUNTIME, place
from engine.checks import needs
from engine.docker import Docker
from support.runtime import wait_until


def test_runtime_is_ours(docker):
    assert docker("info", "-f", "{{.DefaultRuntime}} {{(index .Runtimes \"hull\").Path}}").ok().out.split() == \
        ["hull", RUNTIME]
    assert docker.run("--runtime", "hull", "box", "echo", "x").ok().out == "x\n"


def test_events(docker):
    docker.run("--name", "eventful", "box", "true").ok()
    wait_until(lambda: all(w in docker("events", "--since", "1m", "--until", "0s", "--filter",
                                       "container=eventful").out for w in ("create", "start", "die", "destroy")), 20, 0.2)


@pytest.fixture(scope="module")
def make_docker(images, tmp_path_factory):
    if not place.program("dockerd") or not place.program("docker"):
        pytest.skip("no docker here (docker.io)")
    made = []

    def make(name, *flags):
        made.append(Docker(images.where.parent, images, name, *flags))
        return made[-1]

    yield make
    for d in made:
        d.stop()


@pytest.fixture(scope="module")
def remapped(make_docker):
    """A daemon whose containers have root mapped to an unprivileged id."""
    return make_docker("docker-userns", f"--userns-remap={place.USER}:{place.USER}", "--bridge=none")


def test_user_namespace(remapped):
    d = remapped
    out = d.out("cat /proc/self/uid_map; id -u; touch /f && ls -ln /f").split()
    assert out[:4] == ["0", str(place.SUBIDS), "65536", "0"]
    name = d.up()
    assert f"Uid:\t{place.SUBIDS}" in open(f"/proc/{d.pid(name)}/status").read()
    assert d.sh(name, "id -u", "-u", "alice") == "1000\n"
    with d.terminal("exec", "-it", name, "sh") as t:
        t.send("tty; exit 3\n")
        t.expect("/dev/pts/")
        assert t.wait(30) == 3
    d("stop", "-t", "20", name).ok()
    d.clean()


def test_user_namespace_and_volume(remapped, tmp_path):
    d = remapped
    (tmp_path / "theirs").write_text("x")
    (tmp_path / "theirs").chmod(0o600)
    d.run("-v", f"{tmp_path}:/v", "box", "cat", "/v/theirs").fails("Permission denied")
    assert d.out("cat /v/theirs", "-v", f"{tmp_path}:/v", "--userns", "host") == "x"


@pytest.fixture(scope="module")
def surviving(make_docker):
    return make_docker("docker-live", "--live-restore", "--bridge=none")


def test_daemon_killed_under_a_container(surviving):
    d = surviving
    name = d.up(script="trap 'exit 8' TERM; while :; do sleep 0.1; done")
    pid = d.pid(name)
    d.daemon.stop(signal.SIGKILL)
    assert place.alive(pid)
    d.daemon.start()
    assert d.state(name)["Status"] == "running" and d.pid(name) == pid
    assert d.sh(name, "echo here") == "here\n"
    d("stop", "-t", "30", name).ok()
    assert d.state(name)["ExitCode"] == 8
    d.clean()


@needs(place.no_criu)
def test_checkpoint(surviving):
    d = surviving
    name = d.up("--security-opt", "seccomp=unconfined", "--network", "none",
                script="i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.05; done")
    wait_until(lambda: d("exec", name, "cat", "/n").out.strip() > "3", 30, 0.1)
    d("checkpoint", "create", name, "c1").ok()
    d.wait_state(name, "exited")
    # Docker writes the images into containerd's store, which may not have forgotten them yet.
    wait_until(lambda: "already exists" not in d("start", "--checkpoint", "c1", name).text, 60, 0.5)
    assert d.state(name)["Status"] == "running"
    before = d.sh(name, "cat /n")
    wait_until(lambda: d.sh(name, "cat /n") != before, 30, 0.1)
    d.clean()
