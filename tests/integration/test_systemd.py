# SPDX-License-Identifier: Apache-2.0
"""
--systemd-cgroup on a host that systemd runs: the guest of tests/guest, on cgroup v2, hybrid and v1. What is
asserted is what systemd says of the unit, and what the kernel's own files hold.
"""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from support import devices, knobs, systemd
from support.runtime import Runtime, wait_until


@pytest.fixture(autouse=True)
def needed():
    if not systemd.running():
        pytest.skip("needs systemd as process 1 (tests/guest/run)")


@pytest.fixture
def sd(box, monkeypatch):
    """The flag goes to the commands that make a container, and never to later ones."""
    monkeypatch.setenv("HULL_SYSTEMD", "1")
    box.unit = f"runc-{box.id}.scope"
    yield box
    if (box.hull.root / box.id).is_dir():
        box.delete("--force")
    assert systemd.units(box.id) == []


def needs(*controllers):
    missing = set(controllers) - knobs.controllers()
    if missing:
        pytest.skip(f"the guest's kernel has no {', '.join(sorted(missing))} controller")


# ------------------------------------------------------------------------------------------- the unit

def test_default_scope(sd):
    pid = sd.up()
    assert systemd.show(sd.unit, "ActiveState") == "active"
    assert systemd.show(sd.unit, "Slice") == "system.slice"
    assert systemd.show(sd.unit, "Delegate") == "yes"
    assert systemd.show(sd.unit, "DefaultDependencies") == "no"
    assert systemd.show(sd.unit, "NeedDaemonReload") == "no"
    for what in ("Memory", "CPU", "Tasks", "IO" if knobs.V2 else "BlockIO"):
        assert systemd.show(sd.unit, f"{what}Accounting") == "yes"
    lines = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    named = [line for line in lines if line.startswith("0::") or "name=systemd" in line]
    assert named and all(line.endswith(f"/system.slice/{sd.unit}") for line in named), lines
    state = json.loads((sd.hull.root / sd.id / "state.json").read_text())
    assert state["systemd_cgroup"] is True
    sd.delete("--force").ok()
    assert not systemd.is_loaded(sd.unit)


def test_every_process_is_in_the_scope(sd):
    """Also on v1, where systemd does not know all hierarchies."""
    pid = sd.up("sleep 1000 & wait")
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        assert line.endswith(sd.unit), line
    inside = sd.esh("cat /proc/self/cgroup")
    for line in inside.splitlines():
        assert line.endswith((sd.unit, ":/")), line
    sd.hull("kill", sd.id, "KILL").ok()
    sd.wait_stopped()


@pytest.mark.parametrize("path,unit,where", [
    ("a-b{}.slice:pre:n{}", "pre-n{}.scope", "a.slice/a-b{}.slice"),
    (":pre:n{}", "pre-n{}.scope", "system.slice"),
    ("-.slice:pre:n{}", "pre-n{}.scope", ""),
])
def test_cgroupsPath(sd, path, unit, where):
    sd.linux["cgroupsPath"] = path.format(sd.id, sd.id)
    pid = sd.up()
    unit, where = unit.format(sd.id), where.format(sd.id)
    assert systemd.show(unit, "ActiveState") == "active"
    assert str(knobs.directory(pid, "name=systemd")).endswith(f"{where}/{unit}")
    sd.delete("--force").ok()
    subprocess.run(["systemctl", "stop", f"a-b{sd.id}.slice"], check=False, capture_output=True)
    wait_until(lambda: systemd.units(sd.id) == [])
    # Slices in v1 hierarchies that systemd does not know are ours and stay, as cgroupsPath's parents do.
    for d in knobs.ROOT.glob(f"*/a.slice/a-b{sd.id}.slice"):
        d.rmdir()


def test_slice_unit(sd):
    """A name that ends in .slice makes a slice; systemd puts no process into one, so hull does."""
    name = f"hull-{sd.id}.slice"
    sd.linux["cgroupsPath"] = f"hull.slice::{name}"
    sd.linux["resources"]["pids"] = {"limit": 77}
    pid = sd.up()
    assert systemd.show(name, "ActiveState") == "active"
    assert systemd.show(name, "TasksMax") == "77"
    assert str(knobs.directory(pid, "pids")).endswith(f"hull.slice/{name}")
    sd.delete("--force").ok()
    wait_until(lambda: systemd.units(name) == [])


@pytest.mark.parametrize("path", ["/a/b", "a:b", "x:y:z", "../x.slice:a:b", "a--b.slice:c:d",
                                  "a.slice:b:../../c", "a.slice:b:c d", "a.slice:b/c:d"])
def test_bad_cgroupsPath(sd, path):
    sd.linux["cgroupsPath"] = path
    sd.sh("true").run().fails("cgroupsPath")
    assert sd.hull.ids() == []


# ----------------------------------------------------------------------------------------- resources

LIMITS = [
    # controller, resources, property, its value, v1 file, its value, v2 file, its value
    ("memory", {"memory": {"limit": 64 << 20}}, "MemoryMax|MemoryLimit", str(64 << 20),
     "memory.limit_in_bytes", str(64 << 20), "memory.max", str(64 << 20)),
    ("cpu", {"cpu": {"shares": 512}}, "CPUWeight|CPUShares", "59|512", "cpu.shares", "512",
     "cpu.weight", "59"),
    ("cpu", {"cpu": {"quota": 20000, "period": 50000}}, "CPUQuotaPerSecUSec", "400ms",
     "cpu.cfs_quota_us", "20000", "cpu.max", "20000 50000"),
    ("cpu", {"cpu": {"quota": 1234, "period": 100000}}, "CPUQuotaPerSecUSec", "20ms",
     "cpu.cfs_quota_us", "2000", "cpu.max", "2000 100000"),
    ("pids", {"pids": {"limit": 20}}, "TasksMax", "20", "pids.max", "20", "pids.max", "20"),
    ("pids", {"pids": {"limit": 0}}, "TasksMax", "1", "pids.max", "1", "pids.max", "1"),
    ("pids", {"pids": {"limit": -1}}, "TasksMax", "infinity", "pids.max", "max", "pids.max", "max"),
    ("cpuset", {"cpu": {"cpus": "0"}}, "AllowedCPUs", "0", "cpuset.cpus", "0", "cpuset.cpus", "0"),
]


def check(sd, pid, row):
    controller, _, prop, value, v1, in_v1, v2, in_v2 = row
    pick = 0 if knobs.V2 else -1
    assert systemd.limit(pid, controller, v1, v2) == (in_v2 if knobs.V2 else in_v1)   # systemd is waited for
    assert systemd.show(sd.unit, prop.split("|")[pick]) == value.split("|")[pick]


@pytest.mark.parametrize("row", LIMITS, ids=lambda r: json.dumps(r[1]))
def test_limit_at_create_and_update(sd, row):
    needs(row[0])
    sd.linux["resources"].update(row[1])
    if row[1].get("pids") == {"limit": 0}:
        sd.args("/bin/sleep", "1000").detach().ok()
        pid = sd.pid()
    else:
        pid = sd.up("exec sleep 1000")
    check(sd, pid, row)
    systemd.daemon_reload()
    check(sd, pid, row)
    sd.delete("--force").ok()
    for key in row[1]:
        del sd.linux["resources"][key]
    pid = sd.up("exec sleep 1000")
    sd.hull("update", "-r", "-", sd.id, input=json.dumps(row[1]).encode()).ok()
    check(sd, pid, row)
    systemd.daemon_reload()
    check(sd, pid, row)


UNIFIED = [
    ("memory.high", "20971520", "MemoryHigh", "20971520"),
    ("memory.low", "524288", "MemoryLow", "524288"),
    ("memory.min", "131072", "MemoryMin", "131072"),
    ("memory.max", "41943040", "MemoryMax", "41943040"),
    ("pids.max", "99", "TasksMax", "99"),
    ("cpu.max", "10000 100000", "CPUQuotaPerSecUSec", "100ms"),
    ("cpu.weight", "16", "CPUWeight", "16"),
]


@pytest.mark.parametrize("key,value,prop,shown", UNIFIED)
def test_unified(sd, key, value, prop, shown):
    if not knobs.V2:
        sd.linux["resources"]["unified"] = {key: value}
        sd.sh("true").run().fails("invalid configuration")
        return
    needs(key.split(".", maxsplit=1)[0])
    sd.linux["resources"]["unified"] = {key: value}
    pid = sd.up()
    assert systemd.show(sd.unit, prop) == shown
    assert (knobs.directory(pid) / key).read_text().strip() == value


def test_refused_update_changes_nothing(sd):
    """Neither in the kernel nor in systemd."""
    needs("pids", "cpu")
    sd.linux["resources"]["pids"] = {"limit": 50}
    pid = sd.up()
    # The quota's file takes no period of less than a millisecond; pids comes before it.
    r = sd.hull("update", "-r", "-", sd.id,
                input=b'{"pids": {"limit": 60}, "cpu": {"quota": 1000, "period": 10}}')
    r.fails("cpu")
    assert systemd.limit(pid, "pids", "pids.max", "pids.max") == "50"
    assert systemd.show(sd.unit, "TasksMax") == "50"
    sd.hull("update", "--pids-limit", "70", sd.id).ok()
    assert systemd.show(sd.unit, "TasksMax") == "70"


def test_limit_that_the_kernel_refuses_at_create(sd):
    needs("cpu")
    sd.linux["resources"]["cpu"] = {"quota": 1000, "period": 10}
    sd.sh("true").run().fails("linux.resources.cpu")
    assert sd.hull.ids() == []


def test_memory_hog(sd):
    needs("memory")
    sd.linux["resources"]["memory"] = {"limit": 32 << 20, "swap": 32 << 20}
    assert sd.sh("x=0123456789abcdef; while :; do x=$x$x; done").run(timeout=60).code == 137


def test_init_is_oom_killed(sd):
    """The scope, and with it the kernel's counter, goes with init."""
    if not knobs.V2:
        pytest.skip("v1 counts in the scope alone")
    sd.linux["resources"]["memory"] = {"limit": 4096, "swap": 4096}
    sd.sh("true").run().fails("OOM-killed", "memory.max is 4096")
    assert sd.hull.ids() == []


# ------------------------------------------------------------------------------------------- devices

ALLOWED = [{"allow": False, "access": "rwm"},
           {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rw"}]


def kmsg(sd):
    """Whether /dev/kmsg (1:11) can be opened, and a device that no rule allows (1:1, mem)."""
    return sd.esh("head -c 0 /dev/kmsg && echo kmsg; head -c 0 /dev/mem && echo mem; "
                  "echo x >/dev/null && echo null; true")


def with_devices(sd, rules):
    sd.linux["resources"]["devices"] = rules
    sd.linux["devices"] = [{"path": f"/dev/{name}", "type": "c", "major": 1, "minor": minor, "fileMode": 0o666}
                           for name, minor in (("kmsg", 11), ("mem", 1))]
    sd.caps("CAP_SYS_RAWIO", "CAP_SYSLOG")
    sd.up()


def test_devices_after_daemon_reload(sd):
    with_devices(sd, ALLOWED)
    assert kmsg(sd) == "kmsg\nnull\n"
    assert systemd.show(sd.unit, "DevicePolicy") == "strict"
    systemd.daemon_reload()
    assert kmsg(sd) == "kmsg\nnull\n"
    sd.hull("update", "--pids-limit", "100", sd.id).ok()
    assert kmsg(sd) == "kmsg\nnull\n"
    systemd.daemon_reload()
    assert kmsg(sd) == "kmsg\nnull\n"
    assert "/dev/pts" in sd.esh("mount | grep devpts")


def test_devices_while_systemd_reloads(sd):
    """Reloads and updates, and nothing is denied or allowed for a moment that should not be."""
    if not knobs.V2:
        pytest.skip("on v1 systemd itself denies all and allows again at a daemon-reload")
    loop = devices.OpeningLoop(sd)
    for i in range(3):   # it takes seconds in a guest
        systemd.daemon_reload()
        for j in range(3):
            sd.hull("update", "--pids-limit", str(100 + 10 * i + j), sd.id).ok()
    loop.end()


@pytest.mark.parametrize("rules", [
    [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "minor": 11, "access": "rw"}],
    [{"allow": True, "access": "rwm"}, {"allow": False, "type": "c", "major": 1, "minor": 1, "access": "rw"}],
], ids=["one minor of all majors", "all but one"])
def test_rules_that_systemd_has_no_words_for(sd, rules):
    with_devices(sd, rules)
    assert kmsg(sd) == "kmsg\nnull\n"
    sd.hull("update", "--pids-limit", "100", sd.id).ok()
    assert kmsg(sd) == "kmsg\nnull\n"
    if not knobs.V2:
        return   # as with runc: a daemon-reload leaves what systemd knows
    systemd.daemon_reload()
    assert kmsg(sd) == "kmsg\nnull\n"


# --------------------------------------------------------------------------------------- annotations

def test_annotations(sd):
    sd.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 7",
                                "org.systemd.property.CollectMode": "'inactive-or-failed'",
                                "org.systemd.property.After": "['local-fs.target']"}
    sd.up()
    assert systemd.show(sd.unit, "TimeoutStopUSec") == "7s"
    assert systemd.show(sd.unit, "CollectMode") == "inactive-or-failed"
    assert "local-fs.target" in systemd.show(sd.unit, "After").split()


@pytest.mark.parametrize("name,value,words", [
    ("TimeoutStopSec", "'x'", ["value parse error", "not a number"]),
    ("CollectMode", "inactive", ["value parse error", "expected at offset 0"]),
    ("Ab", "1", ["name incorrect", "too short"]),
    ("A1b", "1", ["name incorrect", "non-alphabetic"]),
    ("CollectMode", "uint64 5", ["unable to start unit"]),
    ("NoSuchThing", "true", ["unable to start unit", "NoSuchThing"]),
])
def test_bad_annotations(sd, name, value, words):
    sd.config["annotations"] = {f"org.systemd.property.{name}": value}
    sd.sh("true").run().fails(*words)
    assert sd.hull.ids() == []


def test_annotations_without_systemd(box, monkeypatch):
    monkeypatch.delenv("HULL_SYSTEMD", raising=False)
    box.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "nonsense"}
    box.sh("true").run().ok()


# ------------------------------------------------------------------------------------------- failures

def test_unit_of_somebody_else(sd):
    other = subprocess.Popen(["systemd-run", "--scope", "--quiet", f"--unit={sd.unit}", "sleep", "1000"])
    try:
        wait_until(lambda: systemd.show(sd.unit, "ActiveState") == "active")
        assert sd.sh("true").run().code != 0
        assert sd.hull.ids() == []
        assert systemd.show(sd.unit, "ActiveState") == "active" and other.poll() is None
    finally:
        other.kill()
        other.wait()
    wait_until(lambda: not systemd.is_loaded(sd.unit))


def test_failed_unit_is_forgotten(sd):
    """One that failed before, and one that fails: systemd ends this scope after a second."""
    sd.config["annotations"] = {"org.systemd.property.RuntimeMaxSec": "1",
                                "org.systemd.property.TimeoutStopSec": "1"}
    sd.up("exec sleep 1000")
    sd.wait_stopped()
    wait_until(lambda: systemd.show(sd.unit, "ActiveState") == "failed")
    shutil.rmtree(sd.hull.root / sd.id)   # nobody deletes it
    sd.config["annotations"] = {}
    sd.up()
    assert systemd.show(sd.unit, "ActiveState") == "active"
    sd.delete("--force").ok()
    assert not systemd.is_loaded(sd.unit)


def test_init_that_fails_says_why(sd):
    """Its end meets P in the middle of its talk with systemd."""
    sd.bind("/nonexistent", "/mnt")
    for _ in range(5):
        sd.sh("true").run().fails("error mounting", "no such file or directory")
    assert sd.hull.ids() == []


def test_program_that_is_missing(sd):
    sd.args("/no/such/program").run().fails("no such file or directory")
    assert sd.hull.ids() == []


def test_without_a_bus(sd):
    """systemd's own socket serves as well."""
    env = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    sd.sh("exec sleep 1000").detach(env=env).ok()
    assert systemd.show(sd.unit, "ActiveState") == "active"
    sd.hull("update", "--pids-limit", "99", sd.id, env=env).ok()
    assert systemd.show(sd.unit, "TasksMax") == "99"
    sd.hull("delete", "--force", sd.id, env=env).ok()
    assert not systemd.is_loaded(sd.unit)


def test_busy_container(sd):
    """Processes that ignore SIGTERM, in cgroups of their own below, frozen: delete is quick all the same."""
    pid = sd.up("trap '' TERM; sleep 1000 & sleep 1000 & wait")
    if knobs.V2:
        below = knobs.directory(pid) / "a" / "b"
        below.mkdir(parents=True)
        (below / "cgroup.procs").write_text(str(pid))
    sd.hull("pause", sd.id).ok()
    sd.hull("delete", "--force", sd.id, timeout=15).ok()
    assert not systemd.is_loaded(sd.unit)


# -------------------------------------------------------------------------------------------- rootless

@pytest.fixture
def user(make_box, tmp_path, monkeypatch):
    """A bundle of a user with a systemd of his own."""
    if not knobs.V2:
        pytest.skip("a user's systemd can't delegate v1")
    if subprocess.run(["id", systemd.USER], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"no user {systemd.USER}")
    monkeypatch.setenv("HULL_SYSTEMD", "1")
    box = make_box("user")
    uid = int(subprocess.run(["id", "-u", systemd.USER], capture_output=True, text=True, check=True).stdout)
    box.hull = Runtime(tmp_path / "user-state", prefix=[
        "systemd-run", "--user", "-M", f"{systemd.USER}@.host", "--quiet", "--pipe", "--wait", "--collect",
        "env", f"XDG_RUNTIME_DIR=/run/user/{uid}", f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{uid}/bus"])
    box.chown_to(uid)
    os.chown(box.dir, uid, uid)
    os.chown(tmp_path, uid, uid)
    box.namespaces(user=True, network=False)
    box.linux["uidMappings"] = [{"containerID": 0, "hostID": uid, "size": 1}]
    box.linux["gidMappings"] = [{"containerID": 0, "hostID": uid, "size": 1}]
    for m in box.mounts:
        m["options"] = [o for o in m.get("options", []) if not o.startswith("gid=")]
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/sys"]
    box.unit = f"runc-{box.id}.scope"
    yield box
    if (box.hull.root / box.id).is_dir():
        box.delete("--force")
    wait_until(lambda: not systemd.is_loaded(box.unit, user=True))


def test_rootless(user):
    user.linux["resources"] = {"pids": {"limit": 55}, "memory": {"limit": 64 << 20}}
    user.sh("exec sleep 1000").detach().ok()
    pid = user.pid()
    assert systemd.show(user.unit, "TasksMax", user=True) == "55"
    where = knobs.directory(pid)
    assert str(where).endswith(f"/user.slice/{user.unit}") and "/user@" in str(where)
    assert (where / "pids.max").read_text() == "55\n"
    assert (where / "memory.max").read_text() == f"{64 << 20}\n"
    # The caller comes from a cgroup that is not the user's to move processes out of.
    with open(user.dir / "exec-output", "w", encoding="ascii") as f:   # the program keeps it open
        user.hull("exec", "-d", "--pid-file", user.dir / "pid", user.id, "sleep", "1000",
                  stdout=f, stderr=f).ok()
    other = int((user.dir / "pid").read_text())
    assert knobs.directory(other) == where
    user.hull("update", "--pids-limit", "44", user.id).ok()
    assert systemd.show(user.unit, "TasksMax", user=True) == "44"
    user.delete("--force").ok()
    wait_until(lambda: not where.exists())


def assert_limits_hold(user):
    """No more processes than pids.max; 137 for a memory hog, and the kernel's counter says why."""
    bomb = "exec >/dev/null; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 2>/dev/null & done"
    r = user.hull("exec", user.id, "/bin/sh", "-c", bomb)
    assert "can't fork" in r.err
    where = knobs.directory(user.pid())
    assert int((where / "pids.current").read_text()) <= int((where / "pids.max").read_text())
    user.hull("update", "--pids-limit", "100", user.id).ok()
    r = user.hull("exec", user.id, "/bin/sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done", timeout=60)
    assert r.code == 137
    events = dict(line.split() for line in (where / "memory.events").read_text().splitlines())
    assert int(events["oom_kill"]) >= 1


def test_rootless_limits_hold(user):
    user.linux["resources"] = {"pids": {"limit": 10}, "memory": {"limit": 32 << 20, "swap": 32 << 20}}
    user.sh("exec sleep 1000").detach().ok()
    assert_limits_hold(user)
    user.delete("--force").ok()


def test_rootless_in_a_delegated_subtree(user, monkeypatch):
    """
    The other driver, in a service of the user's that has its cgroup for itself: it moves to a child,
    as no process may be where controllers are passed on.
    """
    monkeypatch.delenv("HULL_SYSTEMD")
    user.linux["resources"] = {"pids": {"limit": 10}, "memory": {"limit": 32 << 20, "swap": 32 << 20}}
    user.linux["cgroupsPath"] = "@/container"
    user.sh("exec sleep 1000").write()
    run = user.hull.argv("run", "-d", "--bundle", user.dir, user.id)[len(user.hull.prefix):]
    script = f"""set -e
own=$(sed s/^0::// /proc/self/cgroup)
mkdir /sys/fs/cgroup$own/shell && echo $$ >/sys/fs/cgroup$own/shell/cgroup.procs
sed -i "s,@/container,$own/container," {user.dir}/config.json
{" ".join(run)} </dev/null >{user.dir}/out 2>&1
touch {user.dir}/started
sleep infinity"""
    service = f"hull-{user.id}.service"
    start = [p for p in user.hull.prefix if p not in ("--pipe", "--wait", "--collect")]
    start.insert(start.index("--quiet"), f"--unit={service}")
    start.insert(start.index("--quiet"), "--property=Delegate=yes")
    (user.dir / "script").write_text(script)   # systemd expands $ in arguments
    subprocess.run([*start, "sh", str(user.dir / "script")], check=True)
    try:
        wait_until((user.dir / "started").exists)
        where = knobs.directory(user.pid())
        assert where.name == "container" and where.parent.name == service
        assert (where / "pids.max").read_text() == "10\n"
        assert (where / "memory.max").read_text() == f"{32 << 20}\n"
        assert_limits_hold(user)
        user.delete("--force").ok()
        assert not where.exists()
    finally:
        systemd.call("--user", "-M", f"{systemd.USER}@.host", "stop", service)


def test_root_of_a_user_namespace(user):
    """As rootless engines call: uid 0 here, another one for the user's bus."""
    user.hull.prefix += ["unshare", "-Ur", "-m"]
    user.linux["uidMappings"] = user.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 1}]
    user.sh("exec sleep 1000").detach().ok()
    assert systemd.show(user.unit, "ActiveState", user=True) == "active"
    user.delete("--force").ok()


def test_rootless_without_a_bus(user):
    """The manager's own socket; and nothing at all."""
    prefix = user.hull.prefix
    user.hull.prefix = [p if not p.startswith("DBUS_") else "DBUS_SESSION_BUS_ADDRESS=unix:path=/none" for p in prefix]
    user.sh("true").run().ok()
    user.hull.prefix = [p if not p.startswith("XDG_") else "XDG_RUNTIME_DIR=/none" for p in user.hull.prefix]
    user.sh("true").run().fails("failed to connect to dbus", "dbus-user-session")
    user.hull.prefix = prefix
