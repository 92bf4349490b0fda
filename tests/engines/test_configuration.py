# SPDX-License-Identifier: Apache-2.0
"""Docker and podman: everything that ends up in config.json: limits, mounts, identity, rights, devices, namespaces."""
import json
import os
import pathlib
import stat
import subprocess

import pytest

from engine import look, place
from engine.checks import needs
from support.runtime import unique, wait_until

SYS_RESOURCE = "CAP_SYS_RESOURCE"


def missing(name):
    return None if place.has_capability(name) else f"no {name} here"


# limits

@needs(look.no_limit, "memory")
def test_memory_limit_and_update(engine):
    name = engine.up("-m", "64m", "--memory-reservation", "32m")
    pid = engine.pid(name)
    assert look.limit(pid, "memory") == str(64 << 20)
    assert look.limit(pid, "reservation") == str(32 << 20)
    engine("update", "-m", "96m", "--memory-swap", "192m", name).ok()
    assert look.limit(pid, "memory") == str(96 << 20)


@needs(look.no_limit, "memory")
def test_out_of_memory_is_reported(engine):
    """Of a child, while the container goes on: conmon may not see in time what kills all of it."""
    name = unique("eng")
    r = engine("run", "--name", name, "-m", "24m", "--memory-swap", "24m", "box", "sh", "-c",
               "sh -c 'x=a; while :; do x=$x$x$x$x; done'; code=$?; sleep 1; exit $code")
    assert r.code == 137, str(r)
    if engine.name == "docker":     # podman 4.3 with conmon 2.1.6 reports it of no runtime
        wait_until(lambda: engine.state(name)["OOMKilled"], 20, 0.1)


@needs(look.no_limit, "shares")
def test_cpu(engine):
    name = engine.up("--cpus", "0.5", "--cpu-shares", "512")
    pid = engine.pid(name)
    assert look.quota(look.limit(pid, "quota")) == 50000
    if not place.cgroup_v2():
        assert look.limit(pid, "shares") == "512"
    engine("update", "--cpus", "0.25", "--cpu-shares", "256", name).ok()
    assert look.quota(look.limit(pid, "quota")) == 25000


@needs(look.no_limit, "cpus")
def test_cpuset(engine):
    name = engine.up("--cpuset-cpus", "0", "--cpuset-mems", "0")
    assert look.limit(engine.pid(name), "cpus") == "0"
    assert engine.sh(name, "grep Cpus_allowed_list /proc/self/status").split()[1] == "0"


@needs(look.no_limit, "pids")
def test_pids(engine):
    name = engine.up("--pids-limit", "20")
    assert look.limit(engine.pid(name), "pids") == "20"
    r = engine("exec", name, "sh", "-c", "for i in $(seq 40); do sleep 20 & done; echo all")
    assert "all" not in r.out or "fork" in r.err
    if engine.name == "docker":     # podman can't
        engine("update", "--pids-limit", "30", name).ok()
        assert look.limit(engine.pid(name), "pids") == "30"


def test_cgroup_parent(engine):
    parent = engine.a_parent()
    name = engine.up("--cgroup-parent", parent)
    directory = str(look.cgroup(engine.pid(name), "pids"))
    assert parent in directory and engine.inspect(name, ".Id") in directory
    engine("rm", "-f", name).ok()
    assert not os.path.exists(directory)


def test_oom_score(engine):
    name = engine.up("--oom-score-adj", "300")
    assert look.of(engine.pid(name), "oom_score_adj") == "300\n"


# files

def test_volumes(engine, tmp_path):
    (tmp_path / "in").write_text("given\n")
    r = engine.run("-v", f"{tmp_path}:/rw", "-v", f"{tmp_path}:/ro:ro", "box", "sh", "-c",
                   "cat /ro/in; echo made >/rw/out; echo no >/ro/out2").fails("Read-only file system")
    assert r.out == "given\n"
    assert (tmp_path / "out").read_text() == "made\n" and not (tmp_path / "out2").exists()
    assert engine.out("cat /f", "-v", f"{tmp_path}/in:/f:ro") == "given\n"


def test_named_volume(engine):
    volume = unique("vol")
    engine.out("echo kept >/v/file", "-v", f"{volume}:/v")
    assert engine.out("cat /v/file", "--mount", f"type=volume,source={volume},target=/v,ro") == "kept\n"
    engine("volume", "rm", volume).ok()


@pytest.mark.parametrize("mode, arrives, leaves", [("private", False, False), ("rslave", True, False),
                                                   ("rshared", True, True)])
def test_propagation(engine, tmp_path, mode, arrives, leaves):
    for d in ("host", "inside"):
        (tmp_path / d).mkdir()
    name = engine.up("-v", f"{tmp_path}:/v:{mode}", "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
    subprocess.run(["mount", "-t", "tmpfs", "from-host", tmp_path / "host"], check=True)
    try:
        assert ("from-host" in engine.sh(name, "cat /proc/mounts")) == arrives
        engine.sh(name, "mount -t tmpfs from-inside /v/inside")
        assert ("from-inside" in pathlib.Path("/proc/mounts").read_text()) == leaves
        engine.sh(name, "umount /v/inside")
    finally:
        subprocess.run(["umount", "-l", tmp_path / "host"], check=True)


def test_tmpfs_and_shm(engine):
    out = engine.out("grep -E ' /(t|dev/shm) ' /proc/mounts; df -k /t | tail -1",
                     "--tmpfs", "/t:size=4m,mode=700,noexec", "--shm-size", "8m")
    assert "size=4096k" in out and "mode=700" in out and "noexec" in out and "size=8192k" in out, out


def test_read_only(engine):
    r = engine.run("--read-only", "--tmpfs", "/tmp", "box", "sh", "-c", "echo x >/tmp/x && cat /tmp/x; echo y >/y")
    assert r.out == "x\n"
    r.fails("Read-only file system", code=1)


def test_masked_and_read_only_paths(engine):
    r = engine.run("box", "sh", "-c", "cat /proc/timer_list /proc/keys; ls /proc/acpi; echo 1 >/proc/sys/kernel/panic")
    assert "Read-only file system" in r.err and r.out == ""
    assert engine.out("head -c 3 /proc/keys; true", "--security-opt", "systempaths=unconfined")


# identity

def test_user(engine):
    assert engine.out("id -u; id -g; id -G", "-u", "alice").split()[:2] == ["1000", "1000"]
    out = engine.out("id -u; id -g; id -G", "-u", "4321:99", "--group-add", "77").split()
    assert out[:2] == ["4321", "99"] and "77" in out
    assert engine.out("echo $HOME", "-u", "alice") == "/home/alice\n"


def test_names(engine):
    assert engine.out("hostname; cat /etc/hostname; echo; grep added /etc/hosts", "-h", "given", "--add-host",
                      "added:10.1.2.3").split() == ["given", "given", "10.1.2.3", "added"]
    if engine.name == "docker":
        out = engine.out("hostname; cat /proc/sys/kernel/domainname", "-h", "given", "--domainname", "example")
        assert out.split() in (["given", "example"], ["given.example", "(none)"]), out


def test_environment_and_directory(engine):
    assert engine.out("echo $A; pwd", "-e", "A=b c", "-w", "/home/alice") == "b c\n/home/alice\n"
    if engine.name == "docker":     # which makes it
        assert engine.out("pwd", "-w", "/made/for/it") == "/made/for/it\n"


def test_nothing_of_the_engine_leaks(engine):
    out = engine.out("tr '\\0' '\\n' </proc/1/environ; ls /proc/1/fd")
    names = {l.split("=")[0] for l in out.splitlines() if "=" in l}
    assert names <= {"PATH", "HOSTNAME", "HOME", "TERM", "container"}
    assert [l for l in out.split() if l.isdigit() and int(l) > 2] in ([], ["3"], ["10"])


# rights

def test_capabilities(engine):
    text = engine.out("cat /proc/self/status")
    assert look.capability(text, 0) and not look.capability(text, 12) and not look.capability(text, 21)
    text = engine.out("cat /proc/self/status", "--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN")
    assert look.capability(text, 12) and not look.capability(text, 0)
    text = engine.out("cat /proc/self/status", "--cap-drop", "ALL")
    assert look.status(text, "CapEff") == "0" * 16 and look.status(text, "CapBnd") == "0" * 16
    text = engine.out("cat /proc/self/status", "-u", "alice")
    assert look.status(text, "CapEff") == "0" * 16


def test_no_new_privileges_and_seccomp(engine, tmp_path):
    text = engine.out("cat /proc/self/status", "--security-opt", "no-new-privileges")
    assert look.status(text, "NoNewPrivs") == "1" and look.status(text, "Seccomp") == "2"
    text = engine.out("cat /proc/self/status", "--security-opt", "seccomp=unconfined")
    assert look.status(text, "Seccomp") == "0"
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
               "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    (tmp_path / "profile").write_text(json.dumps(profile))
    engine.run("--security-opt", f"seccomp={tmp_path}/profile", "box", "mkdir", "/d").fails("Operation not permitted")
    engine.run("box", "unshare", "-m", "true").fails("Operation not permitted")


@needs(missing, SYS_RESOURCE)
def test_privileged(engine):
    out = engine.out("cat /proc/self/status; ls /dev | wc -l; mount -t tmpfs x /mnt && echo mounted; "
                     "echo 1 >/proc/sys/kernel/panic_on_oops && echo written; grep ' /sys ' /proc/mounts", "--privileged")
    assert "mounted" in out and look.status(out, "Seccomp") == "0" and " /sys sysfs rw" in out, out


def test_ulimits(engine):
    assert engine.out("ulimit -n; ulimit -c", "--ulimit", "nofile=512:512", "--ulimit", "core=0",
                      "--ulimit", "nproc=4096:4096").split() == ["512", "0"]


def test_devices(engine, tmp_path):
    number = place.a_device()
    if not number:
        pytest.skip("no device here that can be opened and isn't in every container")
    node = tmp_path / "node"
    os.mknod(node, 0o600 | stat.S_IFCHR, number)
    assert engine.out("ls -l /dev/given; : </dev/given && : >>/dev/given && echo ok",
                      "--device", f"{node}:/dev/given:rwm").split()[-1] == "ok"
    engine.run("--device", f"{node}:/dev/given:r", "box", "sh", "-c", ": </dev/given || exit 9; : >>/dev/given"
               ).fails("Operation not permitted", code=1)
    engine.run("box", "sh", "-c", "mknod /dev/kmsg2 c 1 11 && cat /dev/kmsg2").fails("Operation not permitted")
    assert engine.out("mknod /d c 1 5; head -c 3 /d | wc -c", "--device-cgroup-rule", "c 1:* rwm") == "3\n"


def test_sysctl(engine):
    assert engine.out("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax",
                      "--sysctl", "net.ipv4.ip_unprivileged_port_start=77", "--sysctl", "kernel.msgmax=9999"
                      ).split() == ["77", "9999"]


# namespaces

@pytest.mark.parametrize("flag, kind", [("--pid", "pid"), ("--network", "net"), ("--ipc", "ipc"), ("--uts", "uts")])
def test_host_namespaces(engine, flag, kind):
    ours = os.readlink(f"/proc/self/ns/{kind}")
    assert engine.out(f"readlink /proc/self/ns/{kind}").strip() != ours
    assert engine.out(f"readlink /proc/self/ns/{kind}", flag, "host").strip() == ours


@pytest.mark.parametrize("flag, kind", [("--pid", "pid"), ("--network", "net"), ("--ipc", "ipc")])
def test_namespace_of_another_container(engine, flag, kind):
    other = engine.up("--ipc", "shareable")
    ns = engine.sh(other, f"readlink /proc/self/ns/{kind}")
    assert engine.out(f"readlink /proc/self/ns/{kind}", flag, f"container:{other}") == ns


def test_cgroup_namespace(engine):
    if not place.cgroup_v2():
        assert engine.out("cat /proc/1/cgroup", "--cgroupns", "private").count(":/\n") > 1
    else:
        assert engine.out("cat /proc/1/cgroup").strip() == "0::/"
    assert "0::/\n" != engine.out("cat /proc/1/cgroup", "--cgroupns", "host")


# networks

@needs(place.no_bridge)
def test_network(engine):
    name = engine.up(script="echo served | nc -l -p 8000; sleep 1000")
    address = engine.inspect(name, ".NetworkSettings.IPAddress")
    assert engine.out(f"until nc {address} 8000 </dev/null; do sleep 0.1; done") == "served\n"


@needs(place.no_bridge)
@needs(place.no_iptables)
def test_custom_network(engine):
    network = unique("net")
    engine("network", "create", network).ok()
    server = engine.up("--network", network, script="echo served | nc -l -p 8000; sleep 1000")
    address = "server"
    if engine.name == "docker":     # podman takes a name server for that, netavark's or a plugin
        engine("network", "disconnect", network, server).ok()
        engine("network", "connect", "--alias", "server", network, server).ok()
    else:
        address = engine.inspect(server, f'(index .NetworkSettings.Networks "{network}").IPAddress')
    assert engine.out(f"until nc {address} 8000 </dev/null; do sleep 0.1; done", "--network", network) == "served\n"
    engine("network", "disconnect", network, server).ok()
    assert "eth" not in engine.sh(server, "ls /sys/class/net")
    engine("rm", "-f", server).ok()
    engine("network", "rm", network).ok()


@needs(place.no_bridge)
@needs(place.no_iptables)
def test_published_port(engine):
    name = engine.up("-p", "127.0.0.1:18077:8000", script="while :; do echo served | nc -l -p 8000; done")
    wait_until(lambda: subprocess.run(["busybox", "nc", "127.0.0.1", "18077"], stdin=subprocess.DEVNULL,
                                      capture_output=True, check=False, timeout=20).stdout == b"served\n", 30, 0.2)
    engine("rm", "-f", name).ok()


def test_no_network(engine):
    assert engine.out("ls /sys/class/net", "--network", "none").split() == ["lo"]
    assert "LOOPBACK,UP" in engine.out("ip link show lo", "--network", "none")
