# SPDX-License-Identifier: Apache-2.0
"""Configurations as Docker, podman, buildah, containerd and CRI-O wrote them: decoded, planned, run"""
import json
import os
import pathlib
import re

import pytest

from support import knobs

pytestmark = pytest.mark.skipif(knobs.SYSTEMD, reason="these have cgroupsPaths of the cgroupfs driver")

DATA = pathlib.Path(__file__).parents[1] / "data/engine-configs"
FILES = sorted(p.name for p in DATA.glob("*.json") if not p.name.startswith("exec-"))
LATER = {"linux.seccomp", "process.apparmorProfile", "process.selinuxLabel", "linux.mountLabel",
         "process.scheduler", "process.ioPriority", "linux.resources.blockIO", "linux.intelRdt",
         "linux.resources.hugepageLimits", "linux.resources.network", "linux.resources.unified",
         "linux.resources.rdma", "linux.netDevices", "linux.memoryPolicy"}


def drop(config, path):
    *parents, last = path.split(".")
    for p in parents:
        config = config[p]
    del config[last]


def planned(box, config):
    """Text of --explain; fields that hull names as not supported are removed one by one."""
    dropped = set()
    while True:
        box.config = config
        box.write()
        r = box.hull("create", "--explain", "--bundle", box.dir, box.id)
        m = re.search(r'([\w.\[\]]+): not supported yet', r.err)
        if r.code == 0 or not m:
            return r.ok().out, dropped
        assert m.group(1) in LATER, r
        drop(config, m.group(1))
        dropped.add(m.group(1))




def load(box, name):
    config = json.loads((DATA / name).read_text())
    config["root"]["path"] = str(box.rootfs)
    for n in config["linux"]["namespaces"]:
        if "path" in n:  # of processes that were there then
            file = {"network": "net", "mount": "mnt"}.get(n["type"], n["type"])
            n["path"] = f"/proc/self/ns/{file}"
    return config


def terminal_off(config):
    """create with a terminal needs a console socket, which --explain does too."""
    config["process"]["terminal"] = False
    return config


@pytest.mark.parametrize("name", FILES)
def test_plan(box, name):
    text, dropped = planned(box, terminal_off(load(box, name)))
    assert len(text.splitlines()) > 30
    config = json.loads((DATA / name).read_text())
    for m in config["mounts"]:
        assert m["destination"].rstrip("/") in text, m
    assert not box.hull.root.exists()
    assert dropped <= LATER


@pytest.mark.parametrize("name", FILES)
def test_plan_as_json(box, name):
    config = terminal_off(load(box, name))
    planned(box, config)
    r = box.hull("run", "--explain=json", "--bundle", box.dir, box.id).ok()
    assert json.loads(r.out)


def runnable(box, name, scratch):
    """Sources and hooks that only the engine's machine had, adapted to this one."""
    config = terminal_off(load(box, name))
    config.pop("hooks", None)
    for m in config["mounts"]:
        source = m.get("source", "")
        if m.get("type") == "bind" or {"bind", "rbind"} & set(m.get("options", [])):
            if not os.path.exists(source):
                own = scratch / m["destination"].strip("/").replace("/", "_")
                own.write_text("adapted\n") if "." in own.name or "etc" in own.name else own.mkdir()
                m["source"] = str(own)
    for n in list(config["linux"]["namespaces"]):
        n.pop("path", None)
    _, dropped = planned(box, config)
    config["linux"]["cgroupsPath"] = f"/{box.id}"
    if config["process"].get("oomScoreAdj", 0) < 0:
        del config["process"]["oomScoreAdj"]
    return config


@pytest.mark.parametrize("name", [n for n in FILES if "rootless" not in n])
def test_run(box, name, scratch):
    config = runnable(box, name, scratch)
    if not any(n["type"] == "uts" for n in config["linux"]["namespaces"]):
        config.pop("hostname", None)
    maps = config["linux"].get("uidMappings")
    if maps:
        host = next(m["hostID"] for m in maps if m["containerID"] == 0)
        box.chown_to(host)
        for p in scratch.rglob("*"):
            os.chown(p, host, host)
    box.config = config
    config["process"]["cwd"] = "/"
    box.sh("id -u; cat /proc/1/mountinfo > /dev/null; echo done").write()
    r = box.run().ok()
    assert r.out.split() == ["0", "done"] or r.out.split()[-1] == "done"


def test_docker_default_in_detail(box, scratch):
    """What a user of `docker run` sees."""
    box.config = runnable(box, "docker-default.json", scratch)
    out = box.out("grep -c . /proc/self/mountinfo; cat /etc/resolv.conf; hostname; "
                  "grep CapEff /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; "
                  "(echo 1 > /proc/sys/kernel/panic) 2>&1; ls /sys/firmware; df -k /dev/shm | tail -1")
    assert "adapted" in out and box.config["hostname"] in out
    assert "00000000a80425fb" in out
    assert "Read-only" in out


def test_docker_tty(box, scratch):
    from support.console import ConsoleSocket
    box.config = runnable(box, "docker-tty.json", scratch)
    box.process["terminal"] = True
    box.sh("tty; stty size; echo done")
    with ConsoleSocket(box.dir / "s") as s:
        box.create("--console-socket", s.path).ok()
        t = s.terminal()
        box.start().ok()
        assert "/dev/pts/0" in t.expect("done")
        box.wait_stopped()
    box.end()


@pytest.mark.parametrize("name", FILES)
def test_refusal_names_the_field(box, name):
    """As they are: run, or one line that names what is not supported yet."""
    config = terminal_off(load(box, name))
    config.pop("hooks", None)
    box.config = config
    box.write()
    r = box.hull("create", "--explain", "--bundle", box.dir, box.id)
    if r.code != 0:
        assert len(r.err.splitlines()) == 1
        r.fails("not supported yet", code=1)
        assert any(f in r.text for f in LATER)
