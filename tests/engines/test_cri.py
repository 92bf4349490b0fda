# SPDX-License-Identifier: Apache-2.0
"""containerd's CRI plugin, driven as a Kubernetes node drives it."""
import json
import os
import re
import subprocess
import threading

import pytest

from engine import SYSTEMD, cri, docs, look, place
from engine.checks import needs
from engine.containerd import Containerd
from engine.cri import CONTAINER_NS, EXITED, NODE_NS, POD_NS, RUNNING, TARGET_NS
from support.runtime import unique, wait_until

HOST_NETWORK = {"security_context": {"namespace_options": {"network": NODE_NS}}}


def missing(name):
    return None if place.has_capability(name) else f"no {name} here"


@pytest.fixture
def make_pod(node, tmp_path):
    """make_pod(**options): a sandbox; all are removed at the end."""
    def make(**kw):
        kw.setdefault("linux", HOST_NETWORK)
        if kw["linux"].get("security_context", {}).get("namespace_options", {}).get("network") == NODE_NS:
            kw.setdefault("hostname", None)
        return cri.Pod(node.cri, unique("pod"), tmp_path, node.parent, **kw)
    return make


@pytest.fixture
def pod(make_pod):
    """A sandbox in the host's network."""
    return make_pod()


def test_version_and_status(node):
    assert node.cri("Version", version="v1")["runtime_name"] == "containerd"
    conditions = {c["type"]: c["status"] for c in node.cri("Status", verbose=True)["status"]["conditions"]}
    assert conditions["RuntimeReady"]


def test_handler_of_the_runtime_class(make_pod, node):
    """The name in the documented RuntimeClass is that of the documented entry in containerd's file."""
    text = (docs.REPOSITORY / "docs/engines.md").read_text()
    handler = re.search(r"^handler: (\w+)$", text, re.M)[1]
    pod = make_pod(handler=handler)
    assert pod.status()["status"]["runtime_handler"] == handler
    info = json.loads(pod.status()["info"]["info"])
    assert info["runtimeOptions"]["binary_name"] == docs.RUNTIME
    with pytest.raises(cri.Failed):
        make_pod(handler="no-such-handler")


def test_a_pods_life(pod):
    assert pod.status()["status"]["state"] == 0
    c = pod.create("sh", "-c", "echo out; echo err >&2; exit 7")
    assert c.status()["state"] == cri.CREATED
    c.start()
    s = c.wait()
    assert (s["state"], s["exit_code"], s["reason"]) == (EXITED, 7, "Error")
    assert sorted(c.log().splitlines()) == ["err", "out"]
    assert s["finished_at"] > 0 and s["started_at"] > 0
    c.cri("RemoveContainer", container_id=c.id)
    pod.cri("StopPodSandbox", pod_sandbox_id=pod.id)
    assert pod.status()["status"]["state"] == 1
    pod.cri("StopPodSandbox", pod_sandbox_id=pod.id)    # again: nothing to do
    pod.cri("RemovePodSandbox", pod_sandbox_id=pod.id)
    assert pod.id not in [i["id"] for i in pod.cri("ListPodSandbox")["items"]]


def test_what_cannot_start(pod):
    for program, words in (("no-such-program", "executable file not found in $PATH"),
                           ("/no/such/program", "no such file or directory"),
                           ("/etc/not-a-program", "permission denied")):
        c = pod.create(program)
        with pytest.raises(cri.Failed, match=re.escape(words)):
            c.start()
        s = c.status()
        assert s["state"] == EXITED and s["exit_code"] == 128 and s["reason"] == "StartError", s


def test_stop(pod):
    c = pod.sh("trap 'exit 21' TERM; echo up; while :; do sleep 0.1; done")
    wait_until(lambda: "up" in c.log(), 30)
    c.stop(60)
    assert c.status()["exit_code"] == 21
    c = pod.sh("trap '' TERM; echo up; while :; do sleep 0.1; done")
    wait_until(lambda: "up" in c.log(), 30)
    c.stop(1)
    assert c.status()["exit_code"] == 137
    c.stop(1)   # again: nothing to do


def test_pod_removed_under_its_containers(pod):
    pids = [pod.up().pid(), pod.sh("sleep 1000 & exec sleep 1000").pid()]
    pod.remove()
    assert not any(place.alive(p) for p in pids)


def test_exec_sync(pod):
    c = pod.up(working_dir="/tmp", envs=[{"key": "A", "value": "b"}])
    assert c.exec("sh", "-c", "echo out; echo err >&2; exit 19") == (19, "out\n", "err\n")
    assert c.out("pwd; echo $A") == "/tmp\nb\n"
    with pytest.raises(cri.Failed, match="executable file not found"):
        c.exec("no-such-program")
    with pytest.raises(cri.Failed, match="timeout|deadline"):
        c.exec("sleep", "1000", timeout=1)
    wait_until(lambda: "sleep1000" not in c.out("cat /proc/[0-9]*/cmdline | tr -d '\\0'").replace("cat/proc", ""), 30, 0.1)
    assert c.exec("true") == (0, "", "")


def test_many_exec_at_once(pod):
    """As the probes of a pod with many of them."""
    c = pod.up()
    got = {}

    def one(i):
        got[i] = c.exec("sh", "-c", f"echo {i}; exit {i}")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got == {i: (i, f"{i}\n", "") for i in range(12)}


def test_exec_stream(pod):
    c = pod.up()
    s = c.stream("Exec", cmd=["sh", "-c", "read x; echo got $x; echo err >&2; exit 5"], stdin=True, stdout=True, stderr=True)
    s.send("words\n")
    s.expect("got words\n")
    s.expect("err\n", 2)
    assert s.finish() == 5


def test_exec_stream_with_terminal(pod):
    c = pod.up()
    s = c.stream("Exec", cmd=["sh"], stdin=True, stdout=True, tty=True)
    s.expect("#")
    s.resize(31, 97)
    s.send("until [ \"$(stty size)\" = '31 97' ]; do :; done; tty; echo resiz''ed\n")
    s.expect("/dev/pts/")
    s.expect("resized")
    s.send("exit 4\n")
    assert s.finish() == 4


def test_attach(pod):
    c = pod.sh("while read x && [ $x != end ]; do echo got $x; done; exit 6", stdin=True)
    s = c.stream("Attach", stdin=True, stdout=True, stderr=True)
    s.send("words\n")
    s.expect("got words\n")
    s.send("end\n")
    s.finish()
    assert c.wait()["exit_code"] == 6
    assert c.log() == "got words\n"


def test_attach_to_a_terminal(pod):
    c = pod.run("sh", stdin=True, tty=True)
    s = c.stream("Attach", stdin=True, stdout=True, tty=True)
    s.send("tty; stty size; exit 3\n")
    s.expect("/dev/pts/0")
    s.finish()
    assert c.wait()["exit_code"] == 3


@needs(look.no_limit, "memory")
def test_limits_and_update(pod):
    c = pod.up(linux={"resources": {"memory_limit_in_bytes": 64 << 20, "cpu_period": 100000, "cpu_quota": 50000,
                                    "cpu_shares": 512, "oom_score_adj": 300}})
    pid = c.pid()
    assert look.limit(pid, "memory") == str(64 << 20)
    assert look.quota(look.limit(pid, "quota")) == 50000
    assert look.of(pid, "oom_score_adj") == "300\n"
    c.cri("UpdateContainerResources", container_id=c.id, linux={"memory_limit_in_bytes": 96 << 20, "cpu_quota": 25000})
    assert look.limit(pid, "memory") == str(96 << 20)
    assert look.quota(look.limit(pid, "quota")) == 25000


@needs(look.no_limit, "memory")
def test_out_of_memory_is_reported(pod):
    c = pod.sh("sh -c 'x=a; while :; do x=$x$x$x$x; done'; code=$?; sleep 1; exit $code",
               linux={"resources": {"memory_limit_in_bytes": 24 << 20}})
    s = c.wait()
    assert s["exit_code"] == 137
    wait_until(lambda: c.status()["reason"] == "OOMKilled", 20, 0.1)


@needs(look.no_limit, "memory")
def test_stats(pod):
    c = pod.sh("x=$(seq 1 100000); while :; do :; done")
    wait_until(lambda: (c.cri("ContainerStats", container_id=c.id)["stats"]["cpu"] or {}).get(
        "usage_core_nano_seconds", {"value": 0})["value"] > 10**8, 60, 0.2)
    assert c.cri("ContainerStats", container_id=c.id)["stats"]["memory"]["working_set_bytes"]["value"] > 10**5


def test_cgroup_of_the_pod(pod, node):
    directory = str(look.cgroup(pod.up().pid(), "pids"))
    assert node.parent.removesuffix(".slice") in directory and pod.name in directory
    assert ("cri-containerd" in directory) == SYSTEMD


def test_namespaces_of_the_pod(make_pod):
    pod = make_pod(linux={"security_context": {"namespace_options": {"network": NODE_NS, "pid": CONTAINER_NS}}})
    a, b = pod.up(), pod.up()
    kinds = {k: [os.readlink(f"/proc/{c.pid()}/ns/{k}") for c in (a, b)] for k in ("net", "ipc", "uts", "pid", "mnt")}
    ours = {k: os.readlink(f"/proc/self/ns/{k}") for k in kinds}
    assert kinds["net"] == [ours["net"]] * 2
    assert kinds["ipc"][0] == kinds["ipc"][1] != ours["ipc"]
    options = {"network": NODE_NS, "pid": TARGET_NS, "target_id": a.id}
    c = pod.up(linux={"security_context": {"namespace_options": options}})
    assert os.readlink(f"/proc/{c.pid()}/ns/pid") == os.readlink(f"/proc/{a.pid()}/ns/pid")


def test_pid_namespace_of_the_pod(make_pod):
    pod = make_pod(linux={"security_context": {"namespace_options": {"network": NODE_NS, "pid": POD_NS}}})
    a = pod.up(linux={"security_context": {"namespace_options": {"network": NODE_NS, "pid": POD_NS}}})
    assert a.out("cat /proc/1/cmdline | tr '\\0' ' '").split()[0] in ("/pause", "/sleep")
    a.stop(30)
    assert a.status()["exit_code"] == 0


def test_namespaces_of_the_host(make_pod):
    options = {"security_context": {"namespace_options": {"network": NODE_NS, "pid": NODE_NS, "ipc": NODE_NS}}}
    pod = make_pod(linux=options)
    pid = pod.up(linux=options).pid()
    for kind in ("net", "pid", "ipc"):
        assert os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}")


@needs(place.no_bridge)
@needs(lambda: None if place.cni_plugins() else "no containernetworking-plugins here")
def test_network_of_the_pod(make_pod):
    server = make_pod(linux={})
    address = server.status()["status"]["network"]["ip"]
    c = server.sh("hostname; while :; do echo served | nc -l -p 8000; done")
    client = make_pod(linux={}).up()
    assert client.out(f"until nc {address} 8000 </dev/null; do sleep 0.1; done") == "served\n"
    assert c.log() == "pod\n"
    assert c.out("until nc 127.0.0.1 8000 </dev/null; do sleep 0.1; done") == "served\n"


def no_second_containerd():
    return None if Containerd.version() >= 2 else "containerd before 2.0 does not have this"


@needs(no_second_containerd)
def test_features_that_the_engine_sees(node):
    handlers = {h["name"]: h["features"] for h in node.cri("Status")["runtime_handlers"]}
    assert handlers["hull"] == {"recursive_read_only_mounts": True, "user_namespaces": True}


@needs(no_second_containerd)
@needs(place.no_bridge)
@needs(lambda: None if place.cni_plugins() else "no containernetworking-plugins here")
def test_user_namespace_of_the_pod(make_pod, tmp_path):
    """As for hostUsers: false; a kubelet has the volumes mapped, too."""
    ids = [{"host_id": 3000000, "container_id": 0, "length": 65536}]
    options = {"security_context": {"namespace_options": {"userns_options": {"mode": POD_NS, "uids": ids, "gids": ids}}}}
    pod = make_pod(linux=options)
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o777)
    c, other = (pod.up(linux=options, mounts=[{"container_path": "/v", "host_path": str(volume), "uidMappings": ids,
                                               "gidMappings": ids}]) for _ in range(2))
    assert look.of(c.pid(), "uid_map").split() == ["0", "3000000", "65536"]
    assert os.readlink(f"/proc/{c.pid()}/ns/user") == os.readlink(f"/proc/{other.pid()}/ns/user")
    assert c.out("id -u; stat -c %u /bin/sh /v") == "0\n0\n0\n"
    c.out("echo mine >/v/file")
    assert os.stat(volume / "file").st_uid == 0 and os.stat(f"/proc/{c.pid()}").st_uid == 3000000
    assert c.exec("sh", "-c", "mount -t tmpfs x /mnt")[0] != 0


@needs(no_second_containerd)
def test_recursively_read_only_mounts(pod, tmp_path):
    below = tmp_path / "below"
    below.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "below", below], check=True)
    try:
        mount = {"container_path": "/m", "host_path": str(tmp_path), "readonly": True}
        assert pod.up(mounts=[mount]).exec("touch", "/m/below/x")[0] == 0
        c = pod.up(mounts=[{**mount, "recursive_read_only": True}])
        assert "Read-only" in c.exec("touch", "/m/below/y")[2]
    finally:
        subprocess.run(["umount", "-l", below], check=True)


def test_mounts(pod, tmp_path):
    (tmp_path / "in").write_text("given\n")
    c = pod.up(mounts=[{"container_path": "/rw", "host_path": str(tmp_path)},
                       {"container_path": "/ro", "host_path": str(tmp_path), "readonly": True},
                       {"container_path": "/etc/hosts", "host_path": str(tmp_path / "in")}],
               linux={"security_context": {"readonly_rootfs": True}})
    assert c.out("cat /ro/in /etc/hosts") == "given\ngiven\n"
    c.out("echo made >/rw/out")
    assert (tmp_path / "out").read_text() == "made\n"
    assert "Read-only" in c.exec("sh", "-c", "echo x >/ro/x")[2]
    assert "Read-only" in c.exec("sh", "-c", "echo x >/x")[2]


@pytest.mark.parametrize("mode, arrives, leaves", [(0, False, False), (1, True, False), (2, True, True)])
def test_propagation(pod, tmp_path, mode, arrives, leaves):
    for d in ("host", "inside"):
        (tmp_path / d).mkdir()
    c = pod.up(mounts=[{"container_path": "/v", "host_path": str(tmp_path), "propagation": mode}],
               linux={"security_context": {"capabilities": {"add_capabilities": ["SYS_ADMIN"]},
                                           "seccomp": {"profile_type": 1}, "apparmor": {"profile_type": 1}}})
    place.sh("mount", "-t", "tmpfs", "from-host", tmp_path / "host")
    try:
        assert ("from-host" in c.out("cat /proc/mounts")) == arrives
        c.out("mount -t tmpfs from-inside /v/inside")
        assert ("from-inside" in open("/proc/mounts").read()) == leaves
        c.out("umount /v/inside")
    finally:
        place.sh("umount", "-l", tmp_path / "host")


def test_security_context(pod):
    c = pod.up(linux={"security_context": {
        "run_as_user": {"value": 1234}, "run_as_group": {"value": 77}, "supplemental_groups": [88], "no_new_privs": True,
        "seccomp": {"profile_type": 0}, "capabilities": {"drop_capabilities": ["ALL"]},
        "masked_paths": ["/proc/timer_list"], "readonly_paths": ["/proc/sys"]}})
    text = c.out("cat /proc/self/status; echo; id -u; id -g; id -G; cat /proc/timer_list")
    assert look.status(text, "NoNewPrivs") == "1" and look.status(text, "Seccomp") == "2"
    assert look.status(text, "CapBnd") == "0" * 16
    assert text.split("\n\n")[1].split() == ["1234", "77", "77", "88"]
    text = pod.up(linux={"security_context": {"capabilities": {"add_capabilities": ["NET_ADMIN"],
                                                               "drop_capabilities": ["CHOWN"]}}}).out("cat /proc/self/status")
    assert look.capability(text, 12) and not look.capability(text, 0)


def test_user_by_name(pod):
    assert pod.up(linux={"security_context": {"run_as_username": "alice"}}).out("id -un") == "alice\n"


def test_device(pod):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse here")
    c = pod.up(devices=[{"container_path": "/dev/given", "host_path": "/dev/fuse", "permissions": "rwm"}])
    assert c.out("ls -l /dev/given").startswith("c")


@needs(missing, "CAP_SYS_RESOURCE")
def test_privileged(make_pod):
    pod = make_pod(linux={"security_context": {"privileged": True, "namespace_options": {"network": NODE_NS}}})
    c = pod.up(linux={"security_context": {"privileged": True}})
    assert "mounted" in c.out("mount -t tmpfs x /mnt && echo mounted")


def test_sysctls_of_the_pod(make_pod):
    pod = make_pod(linux={**HOST_NETWORK, "sysctls": {"kernel.msgmax": "9999"}})
    assert pod.up().out("cat /proc/sys/kernel/msgmax") == "9999\n"


def test_restarted_as_a_kubelet_does(pod):
    """A container that has ended is made again beside the old one."""
    for i in range(3):
        c = pod.sh(f"exit {i}")
        assert c.wait()["exit_code"] == i
    states = [c["state"] for c in pod.cri("ListContainers")["containers"]]
    assert states.count(EXITED) == 3 and RUNNING not in states


@needs(lambda: None if os.cpu_count() > 1 else "one CPU, on which containerd 1.6 loses one of many sandboxes at "
                                               "times, with runc, too")
def test_twenty_pods_at_once(make_pod):
    codes = {}

    def one(i):
        p = make_pod()
        codes[i] = p.sh(f"exit {i}").wait()["exit_code"]
        p.remove()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert codes == {i: i for i in range(20)}


def test_daemon_killed_under_a_pod(pod, node):
    """containerd finds its shims and pods again."""
    c = pod.up()
    pid = c.pid()
    node.daemon.stop(9)
    node.daemon.start()
    wait_until(lambda: ready(c), 60, 0.2)
    assert c.pid() == pid
    assert c.out("echo here") == "here\n"
    c.stop(30)
    assert c.status()["exit_code"] == 0


def ready(container):
    try:
        return container.status()["state"] == RUNNING
    except cri.Failed:
        return False
