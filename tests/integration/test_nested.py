# SPDX-License-Identifier: Apache-2.0
"""hull inside a hull container: one with all rights, and one of an unprivileged user"""
import copy
import json
import os
import shutil

import pytest

from support import rootfs, runtime

pytestmark = pytest.mark.release  # it runs where no library is

ALL = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()
_bounding = next(int(line.split()[1], 16) for line in open("/proc/self/status") if line.startswith("CapBnd"))
if not _bounding >> 24 & 1:
    ALL.remove("SYS_RESOURCE")  # which not every machine lets root have


@pytest.fixture
def inner(box, scratch):
    """Inside of the container: hull as /hull/hull, a bundle at /hull/bundle, a state root at /hull/state."""
    shutil.copy(runtime.binary(), scratch / "hull")
    rootfs.make_busybox(scratch / "bundle/rootfs")
    config = copy.deepcopy(box.config)
    config["process"]["args"] = ["/bin/sh", "-c", "true"]
    config["linux"].pop("resources", None)
    config["hostname"] = "inner"

    class Inner:
        pass
    i = Inner()
    i.config = config

    def write(script):
        config["process"]["args"] = ["/bin/sh", "-c", script]
        (scratch / "bundle/config.json").write_text(json.dumps(config))

    def call(*args, **kw):
        return box.exec(box.id, "/hull/hull", "--root", "/hull/state", *args, **kw)
    i.write, i.call = write, call
    return i


def privileged(box, scratch):
    box.process["noNewPrivileges"] = False
    box.process["capabilities"] = {s: [f"CAP_{c}" for c in ALL] for s in ("bounding", "effective", "permitted")}
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.linux["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    for m in box.mounts:
        if m["type"] in ("cgroup", "sysfs"):
            m["options"] = [o for o in m["options"] if o != "ro"]
    box.bind(scratch, "/hull", "rbind", "rw")
    return box


@pytest.fixture(params=[False, True], ids=["cgroup-of-the-host", "cgroup-namespace"])
def outer(request, box, scratch, inner):
    privileged(box, scratch)
    if request.param:
        box.namespaces(cgroup=True)
    box.up()
    yield box
    box.end()


def test_run(outer, inner):
    inner.write("id -u; hostname; ls /proc | grep -c '^[0-9]'; echo x > /dev/null; exit 3")
    r = inner.call("run", "--bundle", "/hull/bundle", "inner")
    assert (r.code, r.err) == (3, "") and r.out.split()[:2] == ["0", "inner"], str(r)
    assert int(r.out.split()[2]) < 6  # the processes of the inner container alone


def test_life_cycle(outer, inner):
    inner.write("sleep 1000")
    r = outer.exec(outer.id, "/bin/sh", "-c", "/hull/hull --root /hull/state create --bundle /hull/bundle inner > /dev/null 2>&1")
    assert r.code == 0, str(r)
    inner.call("start", "inner").ok()
    assert json.loads(inner.call("state", "inner").ok().out)["status"] == "running"
    assert inner.call("exec", "inner", "/bin/hostname").ok().out == "inner\n"
    assert inner.call("exec", "inner", "/bin/sh", "-c", "exit 9").code == 9
    assert json.loads(inner.call("ps", "-f", "json", "inner").ok().out)
    inner.call("pause", "inner").ok()
    assert json.loads(inner.call("state", "inner").ok().out)["status"] == "paused"
    inner.call("resume", "inner").ok()
    inner.call("kill", "inner", "KILL").ok()
    runtime.wait_until(lambda: json.loads(inner.call("state", "inner").ok().out)["status"] == "stopped")
    inner.call("delete", "inner").ok()
    assert inner.call("list", "-q").ok().out == ""


def test_limits(outer, inner):
    inner.config["linux"]["resources"] = {"pids": {"limit": 20}}
    inner.write("for i in $(seq 40); do sleep 5 & done; echo reached")
    r = inner.call("run", "--bundle", "/hull/bundle", "inner")
    assert "can't fork" in r.err, str(r)


def test_user_namespace_inside(outer, inner, scratch):
    for top, _, files in os.walk(scratch / "bundle/rootfs"):
        for name in [".", *files]:
            os.chown(os.path.join(top, name), 100000, 100000, follow_symlinks=False)
    inner.config["linux"]["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        inner.config["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    inner.write("cat /proc/self/uid_map")
    assert inner.call("run", "--bundle", "/hull/bundle", "inner").ok().out.split() == ["0", "100000", "1000"]


def test_three_deep(outer, inner, scratch):
    """A container in a container in a container."""
    rootfs.make_busybox(scratch / "bundle2/rootfs")
    shutil.copy(runtime.binary(), scratch / "hull2")
    (scratch / "bundle2/config.json").write_text(json.dumps({**inner.config, "process": {
        **inner.config["process"], "args": ["/bin/sh", "-c", "echo deepest; exit 4"]}}))
    config = copy.deepcopy(outer.config)
    config["mounts"][-1]["source"] = "/hull"
    config["linux"]["cgroupsPath"] = "middle"
    config["root"] = {"path": "rootfs"}
    config["process"]["args"] = ["/hull/hull2", "--root", "/tmp/state", "run", "--bundle", "/hull/bundle2", "deep"]
    config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    (scratch / "bundle/config.json").write_text(json.dumps(config))
    r = inner.call("run", "--bundle", "/hull/bundle", "middle")
    assert (r.code, r.out) == (4, "deepest\n"), str(r)


# rootless
@pytest.fixture
def rootless(box, scratch, inner):
    """A container that uid 1000 runs, with one id; in it that one is root."""
    shutil.copy(runtime.binary(), scratch / "outer-hull")
    scratch.chmod(0o755)
    (scratch / "run").mkdir()
    for d in (box.dir, scratch):
        for top, _, files in os.walk(d):
            for name in [".", *files]:
                os.chown(os.path.join(top, name), 1000, 1000, follow_symlinks=False)
    become = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all",
              "--bounding-set=-all", str(scratch / "outer-hull"), "--root", str(scratch / "run/state")]

    def user(*args, **kw):
        return runtime.Runtime.call([*become, *map(str, args)], **kw)
    user("spec", "--rootless", "--bundle", scratch / "run").ok()
    config = json.loads((scratch / "run/config.json").read_text())
    config["process"]["terminal"] = False
    inner.config = copy.deepcopy(config)
    for kind in ("uidMappings", "gidMappings"):
        inner.config["linux"][kind] = [{"containerID": 0, "hostID": 0, "size": 1}]
    inner.config["hostname"] = "inner"
    config["process"]["capabilities"] = {s: [f"CAP_{c}" for c in ALL] for s in ("bounding", "effective", "permitted")}
    config["process"]["noNewPrivileges"] = False
    config["linux"]["maskedPaths"] = config["linux"]["readonlyPaths"] = []
    config["process"]["args"] = ["/bin/sleep", "1000"]
    config["mounts"].append({"destination": "/hull", "type": "bind", "source": str(scratch), "options": ["rbind", "rw"]})
    (box.dir / "config.json").write_text(json.dumps(config))
    with open(os.devnull, "w") as null:
        user("run", "-d", "--bundle", box.dir, box.id, stdout=null, stderr=null).ok()

    def write(script):
        inner.config["process"]["args"] = ["/bin/sh", "-c", script]
        (scratch / "bundle/config.json").write_text(json.dumps(inner.config))

    inner.write = write
    inner.sh = lambda script: user("exec", box.id, "/bin/sh", "-c", script)
    inner.call = lambda *args: user("exec", box.id, "/hull/hull", "--root", "/hull/state", *args)
    yield inner
    user("delete", "--force", box.id).ok()


@pytest.mark.parametrize("userns", [True, False])
def test_rootless(rootless, userns):
    """With a user namespace of its own, and in that of the container around it."""
    if not userns:
        rootless.config["linux"]["namespaces"] = [n for n in rootless.config["linux"]["namespaces"] if n["type"] != "user"]
        rootless.config["linux"].pop("uidMappings"), rootless.config["linux"].pop("gidMappings")
    rootless.write("id -u; hostname; echo x > /dev/null; head -c 2 /dev/zero | wc -c; ls /sys > /dev/null && exit 3")
    r = rootless.call("run", "--bundle", "/hull/bundle", "inner")
    assert (r.code, r.out, r.err) == (3, "0\ninner\n2\n", ""), str(r)


def test_rootless_exec(rootless):
    rootless.write("sleep 1000")
    rootless.sh("/hull/hull --root /hull/state run -d --bundle /hull/bundle inner > /dev/null 2>&1").ok()
    assert rootless.call("exec", "inner", "/bin/hostname").ok().out == "inner\n"
    rootless.call("delete", "--force", "inner").ok()
    assert rootless.call("list", "-q").ok().out == ""
