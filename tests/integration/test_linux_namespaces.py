# SPDX-License-Identifier: Apache-2.0
"""linux.namespaces: each type new, joined by path, and absent; what belongs to each"""
import os
import pathlib
import shutil
import subprocess

import pytest

from support import cgroup2
from support.kernel import TIME_NAMESPACES, needs_time_namespaces
from support.runtime import wait_until

FILES = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user",
         "cgroup": "cgroup", "time": "time"}
KINDS = [pytest.param(k, marks=needs_time_namespaces) if k == "time" else k for k in FILES]
PLAIN = [KINDS[list(FILES).index(k)] for k in ("pid", "network", "ipc", "uts", "cgroup", "time")]


def ns(pid, kind):
    name = FILES[kind] + ("_for_children" if kind == "never" else "")
    return os.readlink(f"/proc/{pid}/ns/{name}")


def host(kind):
    return ns("self", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_new(box, kind):
    if kind == "user":
        box.userns()
        box.chown_to()
    else:
        box.namespaces(**{kind: True})
    pid = box.up()
    assert ns(pid, kind) != host(kind)
    box.end()


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "mount"])
def test_absent_means_the_callers(box, kind):
    box.namespaces(**{kind: False})
    if kind == "uts":
        del box.config["hostname"]
    if kind == "network":
        for m in box.mounts:
            if m["destination"] == "/sys":
                m["options"] = ["nosuid", "noexec", "nodev", "ro"]
    pid = box.up()
    assert ns(pid, kind) == host(kind)
    box.end()


@pytest.mark.parametrize("kind", PLAIN)
def test_join_by_path(make_box, kind):
    a, b = make_box("a"), make_box("b")
    a.namespaces(**{kind: True})
    first = a.up()
    b.namespaces(**{kind: f"/proc/{first}/ns/{FILES[kind]}"})
    second = b.up()
    assert ns(second, kind) == ns(first, kind) != host(kind)
    for other in ("pid", "network", "ipc", "uts", "mount"):
        if other != kind:
            assert ns(second, other) != ns(first, other)
    b.end()
    a.end()


def test_join_all_but_mount(make_box):
    """As containers of a pod do."""
    a, b = make_box("a"), make_box("b")
    a.namespaces(cgroup=True, time=TIME_NAMESPACES)
    first = a.up()
    kinds = ["pid", "network", "ipc", "uts", "cgroup"] + ["time"] * TIME_NAMESPACES
    b.namespaces(**{k: f"/proc/{first}/ns/{FILES[k]}" for k in kinds})
    del b.config["hostname"]
    second = b.up()
    assert all(ns(second, k) == ns(first, k) for k in kinds)
    assert ns(second, "mount") != ns(first, "mount")
    b.end()
    a.end()


def test_join_user_and_the_rest(make_box):
    """A user namespace by path, without mappings in the configuration."""
    a, b = make_box("a"), make_box("b")
    a.userns()
    a.chown_to()
    b.chown_to()
    first = a.up()
    kinds = ["user", "network", "ipc", "uts"]
    b.namespaces(**{k: f"/proc/{first}/ns/{FILES[k]}" for k in kinds})
    del b.config["hostname"]
    second = b.up()
    assert all(ns(second, k) == ns(first, k) for k in kinds)
    assert b.esh("id -u; cat /proc/self/uid_map").split() == ["0", "0", "100000", "65536"]
    b.end()
    a.end()


def test_join_user_and_pid(make_box):
    a, b = make_box("a"), make_box("b")
    a.userns()
    a.chown_to()
    b.chown_to()
    first = a.up()
    b.namespaces(user=f"/proc/{first}/ns/user", pid=f"/proc/{first}/ns/pid")
    second = b.up()
    assert ns(second, "pid") == ns(first, "pid") and ns(second, "user") == ns(first, "user")
    b.end()
    a.end()


@pytest.mark.parametrize("pid", [False, True])
@pytest.mark.parametrize("fake", [False, True])
def test_join_user_and_mount(box, fake, pid):
    """What is at /proc in a joined mount namespace may be anything: no descriptor of ours is looked up there."""
    script = "read x; "
    if fake:
        script += "mount -t tmpfs fake /proc; mkdir -p /proc/self/ns /proc/self/fd; echo x > /proc/self/ns/mnt; "
    with subprocess.Popen(["unshare", "--user", "--mount", "sh", "-c", script + "echo ready; read x"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as p:
        wait_until(lambda: ns(p.pid, "user") != ns("self", "user"))
        for name in ("uid_map", "gid_map"):
            pathlib.Path(f"/proc/{p.pid}/{name}").write_text("0 0 65536")
        p.stdin.write(b"\n")
        assert p.stdout.readline() == b"ready\n"
        box.linux["namespaces"] = [{"type": "pid"}] if pid else []
        box.namespaces(user=f"/proc/{p.pid}/ns/user", mount=f"/proc/{p.pid}/ns/mnt")
        box.config["mounts"], box.linux["maskedPaths"], box.linux["readonlyPaths"] = [], [], []
        del box.config["hostname"]
        r = box.args("/bin/echo", "in").run()
        p.stdin.write(b"\n")
    if fake and not pid:    # where no procfs of our own can be had
        r.fails("open a procfs in the mount namespace", code=1)
    else:
        assert r.ok().out == "in\n"


def test_user_namespace_by_bind_mounted_file(make_box, scratch):
    a, b = make_box("a"), make_box("b")
    a.userns()
    a.chown_to()
    b.chown_to()
    first = a.up()
    (scratch / "ns").touch()
    subprocess.run(["mount", "--bind", f"/proc/{first}/ns/user", str(scratch / "ns")], check=True,
                   timeout=10)
    try:
        b.namespaces(user=scratch / "ns")
        second = b.up()
        assert ns(second, "user") == ns(first, "user")
        b.end()
        a.end()
    finally:
        subprocess.run(["umount", str(scratch / "ns")], check=True, timeout=10)


def test_network_of_another_user_namespace(make_box, scratch):
    """A network namespace that the joined user namespace does not own is joined before it."""
    a, b = make_box("a"), make_box("b")
    b.userns()
    b.chown_to()
    first = a.up()  # in the initial user namespace
    b.namespaces(network=f"/proc/{first}/ns/net")
    for m in b.mounts:
        if m["destination"] == "/sys":  # sysfs may not be mounted by a stranger of the netns
            m.update({"type": "bind", "source": "/sys", "options": ["rbind", "ro"]})
    second = b.up()
    assert ns(second, "network") == ns(first, "network")
    b.end()
    a.end()


def test_new_network_has_lo_up(box):
    out = box.out("ip link show lo; ip link | grep -c '^[0-9]'; ping -c 1 127.0.0.1 2>&1 | tail -1")
    assert "UP" in out.split("<")[1].split(">")[0]


def test_host_network(box):
    """Other tests make links of their own meanwhile: what was there before and after is what counts."""
    box.namespaces(network=False)
    before = set(os.listdir("/sys/class/net"))
    inside = set(box.out("ls /sys/class/net").split())
    after = set(os.listdir("/sys/class/net"))
    assert before & after <= inside
    assert os.readlink("/proc/self/ns/net") == box.out("readlink /proc/self/ns/net").strip()


def test_new_pid(box):
    box.sh("echo $$")
    assert box.run().ok().out == "1\n"


def test_host_pid(box):
    box.namespaces(pid=False)
    assert int(box.out("echo $$")) > 1
    assert ns("self", "pid") == box.out("readlink /proc/self/ns/pid").strip()


def test_new_ipc(box):
    assert box.out("cat /proc/sysvipc/shm | wc -l").strip() == "1"


def test_new_cgroup(box):
    box.namespaces(cgroup=True)
    for line in box.out("cat /proc/self/cgroup").splitlines():
        assert line.split(":", 2)[2] == "/", line


@pytest.mark.parametrize("also", [False, True])
def test_cgroup2_mount_begins_at_the_containers_cgroup(box, also):
    """Also where no mount of type "cgroup" follows: the namespace is made before either type."""
    if not cgroup2.host_view():
        pytest.skip("no unified hierarchy here")
    box.namespaces(cgroup=True)
    box.config["mounts"] = [m for m in box.mounts if m["type"] != "cgroup"]
    box.mount("/mnt", "cgroup2", options=["nosuid", "noexec", "nodev"])
    if also:
        box.mount("/home", "cgroup")
    line, *files = box.out("grep ' /mnt ' /proc/self/mountinfo; ls /mnt").splitlines()
    assert line.split()[3] == "/"
    assert "cgroup.type" in files   # which the root of the hierarchy does not have


def test_no_mount_namespace(box):
    """Allowed by runc: chroot into the rootfs, nothing is mounted on the host."""
    box.namespaces(mount=False)
    box.config["mounts"] = []
    for key in ("maskedPaths", "readonlyPaths"):
        box.linux.pop(key)
    box.writable()
    before = open("/proc/self/mountinfo").read().count(str(box.dir))
    out = box.args("/bin/ls", "/").run().ok().out
    assert set(out.split()) >= {"bin", "etc"} and "boot" not in out.split()
    assert open("/proc/self/mountinfo").read().count(str(box.dir)) == before


def test_none_at_all(box):
    box.linux["namespaces"] = []
    box.config["mounts"] = []
    del box.config["hostname"]
    for key in ("maskedPaths", "readonlyPaths"):
        box.linux.pop(key)
    box.writable()
    assert box.args("/bin/ls", "-d", "/bin").run().ok().out == "/bin\n"


@pytest.mark.parametrize("kind, file", [("network", "pid"), ("uts", "net"), ("ipc", "mnt"),
                                        ("pid", "uts"), ("user", "net"), ("mount", "uts")])
def test_path_of_another_type(box, kind, file):
    box.namespaces(**{kind: f"/proc/self/ns/{file}"})
    r = box.run().fails(code=1)
    assert "namespace" in r.text or "ns" in r.text


@pytest.mark.parametrize("kind", ["network", "uts", "ipc", "pid", "user", "cgroup", "time"])
def test_missing_path(box, kind):
    box.namespaces(**{kind: "/proc/self/ns/none"})
    box.run().fails("/proc/self/ns/none", "no such file or directory", code=1)


def test_path_that_is_no_namespace(box, scratch):
    (scratch / "f").touch()
    box.namespaces(network=scratch / "f")
    box.run().fails(str(scratch / "f"), code=1)


def test_path_of_a_fifo_does_not_hang(box, scratch):
    os.mkfifo(scratch / "fifo")
    box.namespaces(network=scratch / "fifo")
    box.run(timeout=10).fails(code=1)


def test_relative_path(box):
    box.namespaces(network="proc/self/ns/net")
    box.run().fails("linux.namespaces", code=1)


def test_duplicate_type(box):
    box.linux["namespaces"].append({"type": "pid"})
    box.run().fails("duplicated ns", code=1)


def test_unknown_type(box):
    box.linux["namespaces"].append({"type": "galaxy"})
    where = len(box.linux["namespaces"]) - 1
    box.run().fails(f"linux.namespaces[{where}].type", "galaxy", code=1)


def test_path_of_a_dead_process(make_box):
    a, b = make_box("a"), make_box("b")
    pid = a.up()
    b.namespaces(network=f"/proc/{pid}/ns/net")
    a.end()
    b.run().fails(f"/proc/{pid}/ns/net", code=1)


def test_exec_is_in_all_of_them(box):
    box.namespaces(cgroup=True, time=TIME_NAMESPACES)
    pid = box.up()
    names = ["pid", "net", "mnt", "ipc", "uts", "cgroup"] + ["time"] * TIME_NAMESPACES
    inside = box.esh(f"for n in {' '.join(names)}; do readlink /proc/self/ns/$n; done")
    assert inside.split() == [os.readlink(f"/proc/{pid}/ns/{n}") for n in names]
    box.end()


@pytest.mark.release
@pytest.mark.release
def test_strace_shows_the_primitives(box, scratch):
    """strace -f -e trace=clone,clone3,unshare hull run: the namespaces are there to be seen."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    box.args("/bin/true").write()
    argv = ["strace", "-f", "-o", str(scratch / "log"), "-e", "trace=clone,clone3,unshare",
            *box.hull.argv("run", "--bundle", box.dir, box.id)]
    box.hull.call(argv).ok()
    text = (scratch / "log").read_text()
    for flag in ("CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWNET", "CLONE_NEWIPC", "CLONE_NEWUTS"):
        assert flag in text, flag
