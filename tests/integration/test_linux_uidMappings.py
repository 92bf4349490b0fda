# SPDX-License-Identifier: Apache-2.0
"""linux.uidMappings and linux.gidMappings: containers in a user namespace of their own"""
import os

import pytest

from support.kernel import TIME_NAMESPACES


@pytest.fixture
def mapped(box):
    box.userns()
    return box.chown_to()


def test_maps(mapped):
    out = mapped.out("cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g")
    assert out.split() == ["0", "100000", "65536"] * 2 + ["0", "0"]


def test_several_ranges(box):
    box.userns()
    box.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000},
                                {"containerID": 1000, "hostID": 300000, "size": 10}]
    box.linux["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 10}]
    for top, _, files in os.walk(box.rootfs):
        for name in [".", *files]:
            os.chown(os.path.join(top, name), 100000, 200000, follow_symlinks=False)
    box.process["user"] = {"uid": 1001, "gid": 5}
    out = box.out("cat /proc/self/uid_map; id -u; id -g").split()
    assert out == ["0", "100000", "1000", "1000", "300000", "10", "1001", "5"]


def test_host_ids(mapped):
    mapped.process["user"] = {"uid": 1000, "gid": 1000}
    pid = mapped.up()
    status = open(f"/proc/{pid}/status").read()
    assert "Uid:\t101000\t101000\t101000\t101000" in status
    mapped.end()


def test_full_example_config(mapped):
    """All mounts of the example work in a user namespace, cgroup ones included."""
    out = mapped.out("cat /proc/self/mountinfo; echo x > /dev/null; ls -l /dev/null")
    for place in ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"):
        assert f" {place} " in out


def test_devices_are_binds(mapped):
    out = mapped.out("echo x > /dev/null && head -c 2 /dev/zero | od -An -tx1; "
                     "grep ' /dev/null ' /proc/self/mountinfo | wc -l")
    assert out.split() == ["00", "00", "1"]
    st = os.stat("/dev/null")
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (0, 0, 0o666)


def test_capabilities_are_over_the_namespace_only(mapped):
    mapped.caps("CAP_SYS_ADMIN", "CAP_SYS_TIME", "CAP_DAC_OVERRIDE")
    r = mapped.sh("mount -t tmpfs x /mnt && echo mounted; date -s 2020-01-01; "
                  "echo 1 > /proc/sys/kernel/panic || echo refused").run()
    assert "mounted" in r.out and "refused" in r.out
    assert "can't set date" in r.err or "Operation not permitted" in r.err


def test_hostname_and_sysctl(mapped):
    mapped.config["hostname"] = "mapped"
    mapped.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"}
    out = mapped.out("hostname; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced")
    assert out.split() == ["mapped", "1", "1"]


def test_oom_score_and_rlimits(mapped):
    mapped.process["oomScoreAdj"] = 500
    mapped.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 55, "hard": 66}]
    out = mapped.out("cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn")
    assert out.split() == ["500", "55", "66"]


def test_bind_source_that_mapped_root_cannot_reach(mapped, scratch):
    """The runtime opens it on the container's behalf."""
    (scratch / "private/inner").mkdir(parents=True)
    (scratch / "private/inner/file").write_text("reached\n")
    (scratch / "private").chmod(0o700)
    mapped.bind(scratch / "private/inner", "/mnt")
    assert mapped.out("cat /mnt/file") == "reached\n"


def test_locked_flags_of_a_source(mapped, scratch):
    """In a user namespace nosuid of the source can't be cleared: kept, unless asked for."""
    import subprocess
    (scratch / "t").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,mode=777", "t",
                    str(scratch / "t")], check=True, timeout=10)
    try:
        mapped.bind(scratch / "t", "/mnt", "ro")
        out = mapped.out("grep ' /mnt ' /proc/self/mountinfo")
        assert set(out.split()[5].split(",")) >= {"ro", "nosuid", "nodev", "noexec"}
        mapped.mounts[-1]["options"] = ["bind", "suid"]
        r = mapped.sh("grep ' /mnt ' /proc/self/mountinfo").run()
        if r.code == 0:
            assert "nosuid" not in r.out
        else:
            r.fails("error mounting", "operation not permitted")
    finally:
        subprocess.run(["umount", str(scratch / "t")], check=True, timeout=10)


def test_terminal(mapped):
    from support.console import ConsoleSocket
    mapped.process["terminal"] = True
    mapped.sh("tty; stat -c %u:%g /dev/pts/0")
    with ConsoleSocket(mapped.dir / "s") as s:
        mapped.create("--console-socket", s.path).ok()
        t = s.terminal()
        mapped.start().ok()
        assert "/dev/pts/0" in t.expect("0:5")
        mapped.wait_stopped()
    mapped.end()


def test_exec(mapped):
    mapped.up()
    assert mapped.esh("id -u; cat /proc/self/uid_map").split() == ["0", "0", "100000", "65536"]
    assert mapped.exec("--user", "5:6", mapped.id, "/bin/id", "-u").ok().out == "5\n"
    mapped.end()


def test_exec_as_unmapped_user(mapped):
    mapped.up()
    mapped.exec("--user", "70000", mapped.id, "/bin/true").fails("invalid argument", code=255)
    mapped.end()


def test_unmapped_user(mapped):
    mapped.process["user"] = {"uid": 70000, "gid": 0}
    mapped.run().fails("invalid argument", code=1)


def test_all_namespaces(mapped):
    mapped.namespaces(cgroup=True, time=TIME_NAMESPACES)
    pid = mapped.up()
    for n in ("user", "pid", "net", "mnt", "ipc", "uts", "cgroup", *(["time"] if TIME_NAMESPACES else [])):
        assert os.readlink(f"/proc/{pid}/ns/{n}") != os.readlink(f"/proc/self/ns/{n}"), n
    mapped.end()


def test_kill_and_delete(mapped):
    mapped.up()
    mapped.kill("TERM").ok()
    mapped.kill("KILL").ok()
    mapped.wait_stopped()
    mapped.delete().ok()


@pytest.mark.parametrize("field", ["uidMappings", "gidMappings"])
def test_overlapping(box, field):
    box.userns()
    box.linux[field] = [{"containerID": 0, "hostID": 100000, "size": 10},
                        {"containerID": 5, "hostID": 200000, "size": 10}]
    box.run().fails("map", "invalid argument", code=1)


def test_without_mappings(box):
    box.namespaces(user=True)
    box.run().fails("user namespaces enabled, but no namespace path", code=1)


def test_mappings_without_namespace(box):
    """As runc: they mean nothing."""
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 1, "size": 1}]
    out = box.out("cat /proc/self/uid_map; stat -c %u /sys/fs/cgroup; id -u").split()
    with open("/proc/self/uid_map") as f:
        assert out == [*f.read().split(), "0", "0"]


@pytest.mark.parametrize("change", [{"size": 0}, {"size": 4294967295, "containerID": 10},
                                    {"hostID": 4294967295, "size": 2}])
def test_bad_range(box, change):
    box.userns()
    box.linux["uidMappings"][0].update(change)
    box.run().fails("linux.uidMappings[0]", code=1)
