# SPDX-License-Identifier: Apache-2.0
"""
An unprivileged user with `hull spec --rootless`: one id mapped, or ranges by newuidmap, no cgroup asked
for; and root of a user namespace
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from support import cgroup2, leaks, runtime
from support.console import Terminal
from test_wait import KERNEL

KEEPS_STATUS = KERNEL >= (6, 15)


@pytest.fixture
def user(box, scratch):
    """A call of hull as uid 1000, without any capability."""
    if not shutil.which("setpriv"):
        pytest.skip("needs setpriv (util-linux)")
    hull = scratch / "hull"
    shutil.copy(runtime.binary(), hull)
    scratch.chmod(0o755)
    for top, _, files in os.walk(box.dir):
        for name in [".", *files]:
            os.chown(os.path.join(top, name), 1000, 1000, follow_symlinks=False)
    (scratch / "run").mkdir()
    os.chown(scratch / "run", 1000, 1000)
    become = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all",
              "--bounding-set=-all"]
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(scratch / "run"), "USER": "alice"}

    def call(*args, **kw):
        return runtime.Runtime.call(call.argv(*args), env=env, **kw)
    call.argv, call.env = lambda *args: [*become, str(hull), *map(str, args)], env
    return call


@pytest.fixture
def rootless(box, user):
    (box.dir / "config.json").unlink(missing_ok=True)
    user("spec", "--rootless", "--bundle", box.dir).ok()
    box.config = json.loads((box.dir / "config.json").read_text())
    box.process["terminal"] = False
    (box.dir / "config.json").unlink()
    return box


def test_run(rootless, user):
    rootless.sh("id -u; cat /proc/self/uid_map; touch /dev/shm/x; ls /sys > /dev/null; echo done").write()
    r = user("run", "--bundle", rootless.dir, rootless.id).ok()
    assert r.out.split() == ["0", "0", "1000", "1", "done"]
    root = os.path.join(user.env["XDG_RUNTIME_DIR"], "hull")
    assert os.stat(root).st_mode & 0o7777 == 0o1700   # sticky: not for cleaners of old files


def test_life_cycle(rootless, user, scratch):
    rootless.sh("sleep 1000").write()
    with open(os.devnull, "w") as null:
        user("create", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
    assert (scratch / "run/hull" / rootless.id).is_dir()
    user("start", rootless.id).ok()
    assert json.loads(user("state", rootless.id).ok().out)["status"] == "running"
    assert user("exec", rootless.id, "/bin/id", "-u").ok().out == "0\n"
    user("kill", rootless.id, "KILL").ok()
    user("delete", "--force", rootless.id).ok()
    assert user("list", "-q").ok().out == ""


def test_exit_code_and_failure(rootless, user):
    rootless.sh("exit 5").write()
    assert user("run", "--bundle", rootless.dir, rootless.id).code == 5
    rootless.args("/no/such").write()
    user("run", "--bundle", rootless.dir, rootless.id).fails("/no/such", code=1)


def test_without_user_namespace(rootless, user):
    rootless.namespaces(user=False)
    rootless.linux.pop("uidMappings"), rootless.linux.pop("gidMappings")
    rootless.sh("true").write()
    user(
    "run",
    "--bundle",
    rootless.dir,
    rootless.id).fails(
        "rootless container requires user namespaces",
         code=1)


DROP_IN = "/etc/systemd/system/user@.service.d/delegate.conf"


@pytest.mark.parametrize("resources, controller", [
    ({"pids": {"limit": 10}}, "pids"), ({"memory": {"limit": 1 << 26}}, "memory"),
    ({"cpu": {"shares": 512}}, "cpu"), ({"cpu": {"cpus": "0"}}, "cpuset"), ({"blockIO": {"weight": 100}}, None)])
def test_limits_without_permission(rootless, user, resources, controller):
    """An error that names the controller, and the file with which root could delegate it."""
    rootless.linux["resources"] = resources
    rootless.sh("true").write()
    r = user("run", "--bundle", rootless.dir, rootless.id).fails("cgroup", DROP_IN, code=1)
    assert (controller or "controller ") in r.text
    assert user("list", "-q").ok().out == ""


@pytest.fixture
def on_v2(user):
    """The same user where there is nothing but cgroup v2."""
    reason = cgroup2.reason_to_skip()
    if reason:
        pytest.skip(reason)
    def call(*args, **kw):
        return runtime.Runtime.call([*cgroup2.ENTER, *user.argv(*args)], env=user.env, **kw)
    call.argv, call.env = user.argv, user.env
    return call


@pytest.mark.v2
def test_limits_without_permission_on_v2(rootless, on_v2):
    rootless.linux["resources"] = {"pids": {"limit": 10}, "memory": {"limit": 1 << 26}}
    rootless.sh("true").write()
    on_v2("run", "--bundle", rootless.dir, rootless.id).fails(
        "rootless needs no limits + no cgrouppath when no permission is granted for cgroups", "permission denied",
        "(controllers pids, memory: root can delegate them to users by a file " + DROP_IN, "--systemd-cgroup", code=1)
    rootless.linux.pop("resources")
    rootless.write()
    assert on_v2("run", "--bundle", rootless.dir, rootless.id).ok().text == ""


@pytest.fixture
def subtree(tag):
    """A cgroup that root has made for uid 1000, on v2."""
    top = cgroup2.host_view()
    if not top:
        pytest.skip("no cgroup v2 hierarchy")
    d = top / f"{tag}-user"
    d.mkdir()
    for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
        os.chown(d / name, 1000, 1000)
    yield d
    d.rmdir()


@pytest.mark.v2
def test_subtree_of_the_user(rootless, on_v2, subtree, scratch):
    """A cgroup that is his can be used, without a driver; what was not given to it can't."""
    rootless.linux["cgroupsPath"] = f"/{subtree.name}/mine"
    rootless.sh("sleep 1000").write()
    # who moves a process needs the common ancestor's cgroup.procs, so he starts from inside
    enter = f'echo $$ > {subtree}/start/cgroup.procs && exec "$@"'
    (subtree / "start").mkdir()
    os.chown(subtree / "start", 1000, 1000)

    def inside(*args, **kw):
        return runtime.Runtime.call(["sh", "-c", enter, "sh", *cgroup2.ENTER, *on_v2.argv(*args)], env=on_v2.env, **kw)
    try:
        with open(os.devnull, "w") as null:
            inside("run", "-d", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
        assert len((subtree / "mine/cgroup.procs").read_text().split()) == 1
        inside("pause", rootless.id).ok()
        assert "frozen 1" in (subtree / "mine/cgroup.events").read_text()
        inside("resume", rootless.id).ok()
        assert inside("exec", rootless.id, "/bin/id", "-u").ok().out == "0\n"
        inside("delete", "--force", rootless.id).ok()
        assert not (subtree / "mine").exists()
        if "pids" not in (subtree / "cgroup.controllers").read_text():
            rootless.linux["resources"] = {"pids": {"limit": 10}}
            rootless.write()
            inside("run", "--bundle", rootless.dir, rootless.id).fails(
                'controller "pids" not available', DROP_IN, code=1)
    finally:
        shutil.rmtree(subtree / "mine", ignore_errors=True)
        (subtree / "start").rmdir()


def test_nothing_asked_for_is_silent(rootless, user):
    rootless.linux.pop("resources", None)
    r = user("run", "--bundle", rootless.sh("true").write() or rootless.dir, rootless.id).ok()
    assert r.text == ""


def test_update_without_permission(rootless, user):
    rootless.sh("sleep 1000").write()
    with open(os.devnull, "w") as null:
        user("run", "-d", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
    user("update", "--pids-limit", "10", rootless.id).fails("pids", DROP_IN, code=1)
    user("delete", "--force", rootless.id).ok()


def test_wait(rootless, user):
    """Also for the user who runs it: root of the container is somebody else than he."""
    rootless.sh("exit 9").write()
    with open(os.devnull, "w") as null:
        user("create", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
    p = subprocess.Popen(user.argv("wait", rootless.id), env=user.env)
    runtime.wait_until(lambda: leaks.waits_for_a_process(p.pid))
    user("start", rootless.id).ok()
    assert p.wait(20) in ((9,) if KEEPS_STATUS else (9, 254))
    user("delete", "--force", rootless.id).ok()


def test_walk_through(rootless, user, scratch):
    """As documents have it, word for word: spec --rootless and run, with the terminal of `spec`."""
    top = pathlib.Path("/tmp/hull")
    if top.exists():
        pytest.skip(f"{top} is in use")
    hull = scratch / "bin"
    hull.mkdir()
    shutil.copy(scratch / "hull", hull / "hull")
    script = (f"cd {rootless.dir} && PATH={hull}:$PATH && hull spec --rootless && "
              "hull --root /tmp/hull run mycontainer01")
    become = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all"]
    try:
        with Terminal([*become, "sh", "-c", script]) as t:
            t.expect("/ # ")
            t.send("id; hostname; echo $((6 * 7))\r")
            out = t.expect("42")
            assert "uid=0(root) gid=0(root)" in out and "runc" in out
            t.send("exit 5\r")
            assert t.wait() == 5
        assert [p.name for p in top.iterdir()] == []
    finally:
        shutil.rmtree(top, ignore_errors=True)


@pytest.fixture
def ranges(rootless, scratch, tmp_path):
    """Calls of hull as a user with ranges of ids, by a private /etc/passwd, /etc/subuid and /etc/subgid."""
    if not shutil.which("newuidmap"):
        pytest.skip("needs newuidmap (package uidmap)")
    passwd, subid = tmp_path / "passwd", tmp_path / "subid"
    passwd.write_text(pathlib.Path("/etc/passwd").read_text() + "hullranges:x:1000:1000::/:/bin/sh\n")
    subid.write_text("hullranges:300000:65536\n")
    script = (f"mount --bind {passwd} /etc/passwd && mount --bind {subid} /etc/subuid && "
              f"mount --bind {subid} /etc/subgid && exec setpriv --reuid 1000 --regid 1000 --clear-groups \"$@\"")
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(scratch / "run"), "USER": "hullranges"}
    for kind in ("uidMappings", "gidMappings"):
        rootless.linux[kind] = [{"containerID": 0, "hostID": 1000, "size": 1},
                                {"containerID": 1, "hostID": 300000, "size": 65536}]

    def call(*args, **kw):
        return runtime.Runtime.call(["unshare", "-m", "sh", "-c", script, "sh", str(scratch / "hull"),
                                     *map(str, args)], env=env, **kw)
    return call


def test_ranges(rootless, ranges):
    rootless.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7, 1000]}
    rootless.sh("id -u; id -G; cat /proc/self/uid_map; cat /proc/self/setgroups").write()
    out = ranges("run", "--bundle", rootless.dir, rootless.id).ok().out.split()
    assert out[:4] == ["5", "6", "7", "1000"]
    assert out[4:] == ["0", "1000", "1", "1", "300000", "65536", "allow"]


def test_ranges_exec(rootless, ranges):
    rootless.sh("sleep 1000").write()
    with open(os.devnull, "w") as null:
        ranges("run", "-d", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
    r = ranges("exec", "--user", "3:4", "--additional-gids", "9", rootless.id, "/bin/id")
    assert "uid=3" in r.ok().out and "gid=4" in r.out and "9" in r.out.split("groups=")[1]
    assert ranges("exec", rootless.id, "/bin/id", "-u").ok().out == "0\n"
    ranges("delete", "--force", rootless.id).ok()


def test_ranges_that_are_not_ours(rootless, ranges):
    rootless.linux["uidMappings"][1]["hostID"] = 500000
    rootless.sh("true").write()
    ranges("run", "--bundle", rootless.dir, rootless.id).fails(
        "newuidmap", "the ranges asked for must be in /etc/subuid", code=1)


def test_without_newuidmap(rootless, user, scratch):
    """A range takes the helper; that it is missing is said."""
    for kind in ("uidMappings", "gidMappings"):
        rootless.linux[kind] = [{"containerID": 0, "hostID": 1000, "size": 1},
                                {"containerID": 1, "hostID": 300000, "size": 10}]
    rootless.sh("true").write()
    argv = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all",
            str(scratch / "hull"), "--root", str(scratch / "run/x"), "run", "--bundle", str(rootless.dir), rootless.id]
    runtime.Runtime.call(argv, executable=shutil.which("setpriv"), env={"PATH": "/nowhere"}).fails(
        "newuidmap", "can't be run (package uidmap)", code=1)


# root of a user namespace
FAKE = ["unshare", "--user", "--map-root-user"]


@pytest.fixture(params=["user", "root"])
def fake(request, box, scratch):
    """A call of hull as `unshare -Ur hull` does it: uid 0 in a user namespace that has one id alone."""
    hull = scratch / "hull"
    shutil.copy(runtime.binary(), hull)
    box.config = json.loads(json.dumps(box.config).replace('"gid=5"', '"mode=0620"'))
    box.linux.pop("resources", None)
    become = []
    if request.param == "user":
        for top, _, files in os.walk(box.dir):
            for name in [".", *files]:
                os.chown(os.path.join(top, name), 1000, 1000, follow_symlinks=False)
        become = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all",
                  "--bounding-set=-all"]
    (scratch / "run").mkdir(mode=0o777)
    (scratch / "run").chmod(0o777)

    def call(*args, inside=(), **kw):
        argv = [*become, *FAKE, *inside, str(hull), "--root", str(scratch / "run/state"), *map(str, args)]
        return runtime.Runtime.call(argv, **kw)
    call.enter = lambda pid, *args: runtime.Runtime.call(
        [*become, "nsenter", "--preserve-credentials", "-U", "-t", str(pid), str(hull), "--root",
         str(scratch / "run/state"), *map(str, args)])
    yield call
    # what a test has left belongs to a user namespace: end it from outside
    for pid in leaks.processes(box.id, box.dir):
        os.kill(pid, signal.SIGKILL)


def test_fake_root(box, fake):
    """No user namespace of its own is asked for: it has ours."""
    box.sh("id -u; cat /proc/self/uid_map; echo x > /dev/null; head -c 1 /dev/zero | wc -c; ls /sys >/dev/null; "
           "hostname; touch /dev/shm/x; ls /proc | grep -c '^[0-9]*$'").write()
    box.config["hostname"] = "faked"
    box.write()
    r = fake("run", "--bundle", box.dir, box.id).ok()
    out = r.out.split()
    assert out[0:2] == ["0", "0"] and out[3:] == ["1", "1", "faked"] + out[6:] and r.err == ""
    assert fake("list", "-q").ok().out == ""


def test_fake_root_exit_code_and_failure(box, fake):
    box.sh("exit 5").write()
    assert fake("run", "--bundle", box.dir, box.id).code == 5
    box.args("/no/such").write()
    fake("run", "--bundle", box.dir, box.id).fails("/no/such", code=1)


def test_fake_root_life_cycle(box, fake, scratch):
    """Later commands come from the same user namespace."""
    box.sh("sleep 1000").write()
    with open(os.devnull, "w") as null:
        fake("create", "--bundle", box.dir, box.id, stdout=null, stderr=null).ok()
    state = json.loads((scratch / "run/state" / box.id / "state.json").read_text())
    pid = state["init_process_pid"]
    fake.enter(pid, "start", box.id).ok()
    assert json.loads(fake.enter(pid, "state", box.id).ok().out)["status"] == "running"
    assert fake.enter(pid, "exec", box.id, "/bin/id", "-u").ok().out == "0\n"
    assert fake.enter(pid, "exec", box.id, "/bin/sh", "-c", "exit 7").code == 7
    fake.enter(pid, "delete", "--force", box.id).ok()
    assert not (scratch / "run/state" / box.id).exists()


def test_fake_root_with_a_user_namespace_of_its_own(box, fake):
    box.namespaces(user=True)
    for kind in ("uidMappings", "gidMappings"):
        box.linux[kind] = [{"containerID": 0, "hostID": 0, "size": 1}]
    box.sh("id -u; cat /proc/self/uid_map; cat /proc/self/setgroups; echo x > /dev/null; ls /sys > /dev/null").write()
    r = fake("run", "--bundle", box.dir, box.id).ok()
    assert r.out.split() == ["0", "0", "0", "1", "deny"] and r.err == ""


def test_fake_root_oom_score(box, fake):
    """A higher one can be had; a lower one not, and the container runs with the caller's."""
    for value, expected in ((500, "500"), (-500, "0")):
        box.process["oomScoreAdj"] = value
        box.sh("cat /proc/self/oom_score_adj").write()
        assert fake("run", "--bundle", box.dir, box.id).ok().out.strip() == expected


IN_USERNS = """
import ctypes, os, sys
ids, argv = int(sys.argv[1]), sys.argv[2:]
r, w = os.pipe(); r2, w2 = os.pipe()
pid = os.fork()
if pid == 0:
    ctypes.CDLL(None).unshare(0x10000000 | 0x20000)
    os.write(w, b"x"); os.read(r2, 1)
    os.setresgid(0, 0, 0); os.setresuid(0, 0, 0); os.setgroups([])
    os.execvp(argv[0], argv)
os.read(r, 1)
for kind in ("uid_map", "gid_map"):
    open(f"/proc/{pid}/{kind}", "w").write(f"0 400000 {ids}")
os.write(w2, b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


needs_time = pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="the kernel has no time namespaces")


@pytest.fixture
def nested_root(box, scratch):
    """A call of hull as root of a user namespace with 65536 ids that root has made, in a mount namespace of its own."""
    shutil.copy(runtime.binary(), scratch / "hull")
    box.chown_to(400000)
    (scratch / "run").mkdir()
    os.chown(scratch / "run", 400000, 400000)
    box.linux.pop("resources", None)

    def call(*args, before="true", **kw):
        script = f'{before} && exec "$@"'
        return runtime.Runtime.call(
            [sys.executable, "-c", IN_USERNS, "65536", "sh", "-c", script, "sh", str(scratch / "hull"), "--root",
             str(scratch / "run/state"), *map(str, args)], **kw)
    return call


def test_nested_root(box, nested_root):
    """The unchanged example works, but for resources."""
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
    box.sh("id -u; id -G; cat /proc/self/uid_map; stat -c %u /bin/busybox; hostname").write()
    r = nested_root("run", "--bundle", box.dir, box.id).ok()
    assert r.out.split() == ["1000", "1000", "5", "0", "400000", "65536", "0", "runc"] and r.err == ""


def test_nested_root_with_a_range_for_the_container(box, nested_root):
    box.namespaces(user=True)
    for kind in ("uidMappings", "gidMappings"):
        box.linux[kind] = [{"containerID": 0, "hostID": 0, "size": 100}]
    box.process["user"] = {"uid": 50, "gid": 60}
    box.sh("id -u; cat /proc/self/uid_map").write()
    assert nested_root("run", "--bundle", box.dir, box.id).ok().out.split() == ["50", "0", "0", "100"]


@needs_time
def test_nested_root_and_time_offsets(box, nested_root):
    box.namespaces(user=True, time=True)
    for kind in ("uidMappings", "gidMappings"):
        box.linux[kind] = [{"containerID": 0, "hostID": 0, "size": 100}]
    box.linux["timeOffsets"] = {"boottime": {"secs": 1000000}}
    box.sh("cat /proc/self/timens_offsets").write()
    out = nested_root("run", "--bundle", box.dir, box.id).ok().out.split()
    assert out[out.index("boottime") + 1] == "1000000"


@pytest.mark.parametrize("kind", ["pid", pytest.param("time", marks=needs_time), "ipc", "net", "uts"])
def test_nested_root_joins(box, nested_root, scratch, kind):
    """A namespace of another container of his, by path; P could not come back from pid and time."""
    box.namespaces(time=kind == "time")
    box.sh("sleep 1000").write()
    (scratch / "hooked").mkdir()
    (scratch / "hooked").chmod(0o777)
    with open(os.devnull, "w") as null:
        nested_root("run", "-d", "--bundle", box.dir, box.id, stdout=null, stderr=null).ok()
    pid = json.loads((scratch / "run/state" / box.id / "state.json").read_text())["init_process_pid"]
    try:
        name = {"net": "network"}.get(kind, kind)
        box.namespaces(**{"time": False, name: f"/proc/{pid}/ns/{kind}"})
        box.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
            "sh", "-c", f"readlink /proc/self/ns/{kind} > {scratch}/hooked/{kind}"]}]}
        box.sh(f"readlink /proc/self/ns/{kind}").write()
        r = runtime.Runtime.call(["nsenter", "-t", str(pid), "-U", "--setuid", "0", "--setgid", "0", "--",
                                  "unshare", "-m", str(scratch / "hull"), "--root", str(scratch / "run/state"),
                                  "run", "--bundle", str(box.dir), f"{box.id}-2"]).ok()
        assert r.out.strip() == os.readlink(f"/proc/{pid}/ns/{kind}")
        assert (scratch / "hooked" / kind).read_text().strip() == os.readlink(f"/proc/self/ns/{kind}")
    finally:
        os.kill(pid, signal.SIGKILL)
        shutil.rmtree(scratch / "run/state", ignore_errors=True)


@pytest.mark.parametrize("userns", [False, True])
def test_nested_root_may_map_ids_of_what_it_has_mounted(box, nested_root, scratch, userns):
    """A tmpfs of the user namespace can be id-mapped (kernel 6.3); a file system of the host can't."""
    (scratch / "t").mkdir()
    m = box.bind(scratch / "t", "/mnt", "rw")
    m["uidMappings"] = m["gidMappings"] = [{"containerID": 0, "hostID": 77, "size": 10}]
    if userns:
        box.namespaces(user=True)
        for kind in ("uidMappings", "gidMappings"):
            box.linux[kind] = [{"containerID": 0, "hostID": 0, "size": 1000}]
    box.sh("stat -c %u:%g /mnt/f").write()
    before = f"mount -t tmpfs t {scratch}/t && touch {scratch}/t/f && chmod 777 {scratch}/t"
    r = nested_root("run", "--bundle", box.dir, box.id, before=before)
    if "maybe the filesystem used doesn't support idmap mounts" in r.text:
        pytest.skip("this kernel has no id-mapped tmpfs")
    assert r.ok().out == "77:77\n"
    r = nested_root("run", "--bundle", box.dir, box.id)
    r.fails("failed to set MOUNT_ATTR_IDMAP", "operation not permitted", code=1)


def test_id_mapped_mounts_are_not_for_users(rootless, user, scratch):
    (scratch / "t").mkdir()
    m = rootless.bind(scratch / "t", "/mnt")
    m["uidMappings"] = m["gidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 1}]
    rootless.sh("true").write()
    user("run", "--bundle", rootless.dir, rootless.id).fails(
        "id-mapped mounts are not supported for rootless containers", code=1)


def test_root_of_a_user_namespace(rootless, user, scratch):
    """As podman runs it for a user: no user namespace in the configuration, the state in XDG_RUNTIME_DIR."""
    rootless.namespaces(user=False, network=True)
    rootless.linux.pop("uidMappings"), rootless.linux.pop("gidMappings")
    rootless.sh("id -u; cat /proc/self/uid_map; exit 5").write()
    enter = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "unshare", "--user", "--map-root-user"]
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(scratch / "run")}

    def call(*args, **kw):
        return runtime.Runtime.call([*enter, str(scratch / "hull"), *map(str, args)], env=env, **kw)

    r = call("run", "--bundle", rootless.dir, rootless.id)
    assert r.code == 5 and r.out.split() == ["0", "0", "1000", "1"], str(r)
    rootless.sh("sleep 1000").write()
    with open(os.devnull, "w") as null:
        call("create", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
    assert (scratch / "run/hull" / rootless.id).is_dir()
    call("start", rootless.id).ok()
    call("delete", "--force", rootless.id).ok()
