# SPDX-License-Identifier: Apache-2.0
"""mounts: order, types, destinations, failures. Options have their own file, and so have binds."""
import os
import subprocess

import pytest

from support import leaks


def table(box_or_text):
    """mountinfo as a list of dicts, the last mount on a destination wins."""
    found = {}
    for line in box_or_text.splitlines():
        left, right = line.split(" - ")
        f, g = left.split(), right.split()
        found[f[4]] = {"root": f[3], "options": set(f[5].split(",")), "tags": f[6:], "type": g[0],
                       "source": g[1], "super": set(g[2].split(","))}
    return found


def mountinfo(box, *flags):
    return table(box.args("/bin/cat", "/proc/self/mountinfo").run(*flags).ok().out)


def test_example(box):
    """Every mount of `hull spec`, as runc makes them."""
    m = mountinfo(box)
    assert m["/"]["options"] >= {"ro"}
    assert m["/proc"]["type"] == "proc"
    assert m["/dev"]["type"] == "tmpfs"
    assert m["/dev"]["options"] >= {"rw", "nosuid"}
    assert m["/dev"]["super"] >= {"size=65536k", "mode=755"}
    assert m["/dev/pts"]["type"] == "devpts"
    assert m["/dev/pts"]["options"] >= {"nosuid", "noexec", "relatime"}
    assert m["/dev/pts"]["super"] >= {"gid=5", "mode=620", "ptmxmode=666"}
    assert m["/dev/shm"]["options"] >= {"rw", "nosuid", "nodev", "noexec"}
    assert m["/dev/shm"]["super"] >= {"size=65536k"}
    assert m["/dev/mqueue"]["type"] == "mqueue"
    assert m["/dev/mqueue"]["options"] >= {"nosuid", "nodev", "noexec"}
    assert m["/sys"]["type"] == "sysfs"
    assert m["/sys"]["options"] >= {"ro", "nosuid", "nodev", "noexec"}
    assert m["/sys/fs/cgroup"]["options"] >= {"nosuid", "nodev", "noexec"}


def test_strictatime_of_dev(box):
    assert "relatime" not in mountinfo(box)["/dev"]["options"]
    assert "noatime" not in mountinfo(box)["/dev"]["options"]


def test_cgroup_v1_farm(box):
    if not os.path.isdir("/sys/fs/cgroup/memory"):
        pytest.skip("no cgroup v1 here")
    m = mountinfo(box)
    for controller in ("memory", "pids", "devices", "cpu"):
        assert m[f"/sys/fs/cgroup/{controller}"]["options"] >= {"ro", "nosuid", "noexec", "nodev"}
        assert m[f"/sys/fs/cgroup/{controller}"]["type"] == "cgroup"
    assert "ro" in m["/sys/fs/cgroup"]["options"] | m["/sys/fs/cgroup"]["super"]
    out = box.out("touch /sys/fs/cgroup/x 2>&1; mkdir /sys/fs/cgroup/pids/y 2>&1; true")
    assert out.count("Read-only file system") == 2


def test_cgroup_mount_shows_only_the_containers(box):
    """Without a cgroup namespace the mount's root is the container's cgroup."""
    if not os.path.isdir("/sys/fs/cgroup/memory"):
        pytest.skip("no cgroup v1 here")
    out = box.out(
        "cat /sys/fs/cgroup/pids/cgroup.procs | wc -l; ls -d /sys/fs/cgroup/pids/*/ 2>&1; true")
    assert out.splitlines()[0].strip() in ("2", "3", "4")
    assert "No such file" in out


def test_cgroup_mount_with_namespace(box):
    box.namespaces(cgroup=True)
    m = mountinfo(box)
    assert "/sys/fs/cgroup" in m
    out = box.out("cat /proc/self/cgroup")
    for line in out.splitlines():
        if box.id in line:
            raise AssertionError(f"the host's path is visible: {line}")
    assert ":/\n" in out


def test_cgroup_rw(box):
    for m in box.mounts:
        if m["type"] == "cgroup":
            m["options"].remove("ro")
    if not os.path.isdir("/sys/fs/cgroup/pids"):
        pytest.skip("no cgroup v1 here")
    box.namespaces(cgroup=True)
    box.caps("CAP_DAC_OVERRIDE")
    out = box.out("mkdir /sys/fs/cgroup/pids/sub && rmdir /sys/fs/cgroup/pids/sub && echo fine")
    assert out == "fine\n"


def test_tmpfs(box):
    box.caps("CAP_DAC_OVERRIDE")
    box.mount("/mnt", "tmpfs", "tmpfs", ["size=1m", "mode=0710", "uid=1000", "gid=1001", "nodev"])
    out = box.out("stat -c %a:%u:%g /mnt; df -k /mnt | tail -1 | awk '{print $2}'; touch /mnt/x")
    assert out.split() == ["710:1000:1001", "1024"]
    assert not (box.rootfs / "mnt/x").exists()


def test_tmpfs_full(box):
    box.mount("/mnt", "tmpfs", "tmpfs", ["size=64k"])
    r = box.sh("dd if=/dev/zero of=/mnt/f bs=1k count=100").run()
    assert r.code != 0 and "No space left" in r.err


def test_tmpfs_has_the_mode_of_the_directory(box):
    (box.rootfs / "mnt").chmod(0o710)
    box.mount("/mnt", "tmpfs", "tmpfs", [])
    assert box.out("stat -c %a /mnt") == "710\n"


def test_tmpfs_with_sticky_and_setuid_bits(box):
    (box.rootfs / "mnt").chmod(0o7755)
    box.mount("/mnt", "tmpfs", "tmpfs", [])
    box.mount("/tmp", "tmpfs", "tmpfs", [])
    assert box.out("stat -c %a /mnt /tmp").split() == ["7755", "1777"]


def test_tmpfs_explicit_mode_wins(box):
    (box.rootfs / "mnt").chmod(0o700)
    box.mount("/mnt", "tmpfs", "tmpfs", ["mode=1755"])
    assert box.out("stat -c %a /mnt") == "1755\n"


def test_tmpfs_on_a_missing_directory(box):
    box.mount("/new/place", "tmpfs", "tmpfs", [])
    out = box.out("stat -c %a /new/place /new").split()
    assert out == ["1777", "755"]


def test_tmpcopyup(box):
    d = box.rootfs / "var/data"
    (d / "sub").mkdir(parents=True)
    (d / "file").write_text("content")
    (d / "file").chmod(0o640)
    os.chown(d / "file", 1000, 1001)
    (d / "sub/deep").write_text("deep")
    (d / "sub").chmod(0o2751)
    os.symlink("/etc/passwd", d / "link")
    os.link(d / "file", d / "hard")
    box.mount("/var/data", "tmpfs", "tmpfs", ["tmpcopyup"])
    box.process["user"]["umask"] = 0o77
    box.caps("CAP_DAC_OVERRIDE")
    out = box.out("cd /var/data; cat file sub/deep; echo; stat -c %a:%u:%g file; stat -c %a sub; "
                  "readlink link; echo changed > file; grep -c . file; stat -f -c %T . ")
    assert out.splitlines()[0] == "contentdeep"
    assert out.splitlines()[1:4] == ["640:1000:1001", "2751", "/etc/passwd"]
    assert (d / "file").read_text() == "content"


def test_tmpcopyup_of_an_empty_or_missing_directory(box):
    box.mount("/mnt", "tmpfs", "tmpfs", ["tmpcopyup"])
    box.mount("/made/for/it", "tmpfs", "tmpfs", ["tmpcopyup"])
    assert box.out("ls -a /mnt /made/for/it | wc -w").strip() == "6"


def test_proc_belongs_to_the_pid_namespace(box):
    out = box.out("ls /proc | grep -c '^[0-9]*$'; cat /proc/1/comm")
    assert int(out.split()[0]) <= 4 and out.split()[1] in ("sh", "busybox", "cat")


def test_proc_options(box):
    for m in box.mounts:
        if m["destination"] == "/proc":
            m["options"] = ["nosuid", "noexec", "nodev", "hidepid=2"]
    m = mountinfo(box)["/proc"]
    assert m["options"] >= {"nosuid", "noexec", "nodev"}
    assert m["super"] & {"hidepid=2", "hidepid=invisible"}


def test_sysfs_writable(box):
    for m in box.mounts:
        if m["destination"] == "/sys":
            m["options"].remove("ro")
    assert "rw" in mountinfo(box)["/sys"]["options"]


def test_mqueue_works(box):
    assert box.out("touch /dev/mqueue/q && ls /dev/mqueue") == "q\n"


def test_devpts_is_private(box):
    host = set(os.listdir("/dev/pts"))
    out = set(box.out("ls /dev/pts").split())
    assert out == {"ptmx"} and "ptmx" in host


def test_order(box, scratch):
    """Later mounts see and cover earlier ones."""
    (scratch / "sub").mkdir()
    (scratch / "sub/below").write_text("")
    box.bind(scratch, "/mnt")
    box.mount("/mnt/sub", "tmpfs", "tmpfs", [])
    box.mount("/mnt/sub/deeper", "tmpfs", "tmpfs", ["size=4k"])
    assert box.out("ls /mnt /mnt/sub") == "/mnt:\nsub\n\n/mnt/sub:\ndeeper\n"
    assert os.listdir(scratch / "sub") == ["below"]


def test_same_destination_twice(box):
    box.mount("/mnt", "tmpfs", "first", [])
    box.mount("/mnt", "tmpfs", "second", [])
    assert mountinfo(box)["/mnt"]["source"] == "second"


def test_destination_is_made(box):
    box.mount("/a/b/c", "tmpfs", "tmpfs", [])
    assert "/a/b/c" in mountinfo(box)
    assert (box.rootfs / "a/b/c").is_dir()
    assert (box.rootfs / "a").stat().st_mode & 0o7777 == 0o755


def test_destination_inherits_setgid(box):
    (box.rootfs / "mnt").chmod(0o2775)
    os.chown(box.rootfs / "mnt", 0, 1000)
    (box.rootfs / "mnt").chmod(0o2775)
    box.mount("/mnt/x/y", "tmpfs", "tmpfs", [])
    box.run()
    st = (box.rootfs / "mnt/x").stat()
    assert st.st_gid == 1000 and st.st_mode & 0o2000
    assert (box.rootfs / "mnt").stat().st_mode & 0o7777 == 0o2775


def test_relative_destination(box):
    """Deprecated: means from /."""
    box.mount("mnt", "tmpfs", "tmpfs", ["size=4k"])
    assert "/mnt" in mountinfo(box)


def test_destination_with_dots(box):
    box.mount("/mnt/../mnt/./x", "tmpfs", "tmpfs", [])
    assert "/mnt/x" in mountinfo(box)


def test_many(box):
    for i in range(200):
        box.mount(f"/mnt/{i}", "tmpfs", "tmpfs", ["size=4k"])
    assert sum(1 for k in mountinfo(box) if k.startswith("/mnt/")) == 200


def test_odd_characters(box):
    box.mount("/mnt/a b\tc\\d", "tmpfs", "tmpfs", [])
    assert "/mnt/a\\040b\\011c\\134d" in mountinfo(box)


def test_overlay(box, scratch):
    for d in ("lower", "upper", "work"):
        (scratch / d).mkdir()
    (scratch / "lower/file").write_text("below")
    box.mount("/mnt", "overlay", "overlay", [f"lowerdir={scratch}/lower", f"upperdir={scratch}/upper",
                                             f"workdir={scratch}/work", "nodev"])
    assert box.out("cat /mnt/file; echo new > /mnt/other") == "below"
    assert (scratch / "upper/other").read_text() == "new\n"


def test_ramfs(box):
    box.mount("/mnt", "ramfs", "ramfs", ["nosuid"])
    assert mountinfo(box)["/mnt"]["type"] == "ramfs"


def test_ext4_image(box, scratch):
    """A file system on a block device, when this machine has loop devices."""
    image = scratch / "image"
    with open(image, "wb") as f:
        f.truncate(4 << 20)
    made = subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], capture_output=True, timeout=30)
    loop = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True,
                          text=True, timeout=30)
    if made.returncode or loop.returncode:
        pytest.skip(f"no loop device here: {loop.stderr.strip()}")
    device = loop.stdout.strip()
    try:
        box.mount("/mnt", "ext4", device, ["ro", "noatime"])
        m = mountinfo(box)["/mnt"]
        assert m["type"] == "ext4" and m["source"] == device and m["options"] >= {"ro", "noatime"}
    finally:
        subprocess.run(["losetup", "-d", device], check=False, timeout=30)


def test_no_mounts_at_all(box):
    box.config["mounts"] = []
    box.linux.pop("maskedPaths")
    box.linux.pop("readonlyPaths")
    assert box.args("/bin/ls", "-d", "/bin").run().ok().out == "/bin\n"


def test_mounts_absent(box):
    del box.config["mounts"]
    assert box.args("/bin/ls", "-d", "/bin").run().ok().out == "/bin\n"


@pytest.mark.parametrize("kind, source, options, words", [
    ("nosuchfs", "x", [], ["nosuchfs", "no such device"]),
    ("tmpfs", "tmpfs", ["size=garbage"], ["/mnt", "invalid argument"]),
    ("tmpfs", "tmpfs", ["nosuchoption"], ["/mnt", "invalid argument"]),
    ("ext4", "/dev/does-not-exist", [], ["/mnt", "no such file or directory"]),
    ("overlay", "overlay", ["lowerdir=/no/where"], ["/mnt"]),
    ("proc", "proc", ["bogus=1"], ["/mnt", "invalid argument"]),
])
def test_refused(box, kind, source, options, words):
    box.mount("/mnt", kind, source, options)
    box.run().fails("error mounting", *words, code=1)


def test_missing_destination(box):
    box.mounts.append({"type": "tmpfs", "source": "tmpfs"})
    box.run().fails(f"mounts[{len(box.mounts) - 1}].destination", code=1)


@pytest.mark.parametrize("destination", ["/proc/sys", "/proc/self/attr", "/proc/1",
                                         "/proc/sys/kernel/core_pattern", "/proc/filesystems"])
def test_nothing_in_proc(box, destination, scratch):
    """Only the short list that lxcfs needs may be covered."""
    (scratch / "f").write_text("")
    source = scratch / "f" if destination.endswith(("pattern", "systems")) else scratch
    box.bind(source, destination)
    box.run().fails("inside /proc", code=1)


@pytest.mark.parametrize("name", ["meminfo", "cpuinfo", "uptime", "stat", "loadavg", "swaps"])
def test_lxcfs_files(box, name, scratch):
    (scratch / name).write_text("from lxcfs\n")
    box.bind(scratch / name, f"/proc/{name}")
    assert box.out(f"cat /proc/{name}") == "from lxcfs\n"


def test_over_proc_itself(box, scratch):
    box.bind(scratch, "/proc")
    box.run().fails("/proc", code=1)


def test_host_mount_table_is_untouched(box, scratch):
    before = leaks.host_mounts(scratch)
    box.bind(scratch, "/mnt")
    box.up()
    assert leaks.host_mounts(scratch) == before
    box.end()
    assert leaks.host_mounts(scratch) == before


@pytest.mark.parametrize("more", [[], ["bind"]], ids=["file-system", "mount"])
def test_dev_made_read_only_by_a_remount(box, more):
    """Its nodes are made all the same."""
    box.mount("/dev", "tmpfs", "tmpfs", ["remount", "ro", "nosuid", *more])
    r = box.sh("test -c /dev/null && test -c /dev/zero && touch /dev/x").run()
    assert "Read-only" in r.err and "null" not in r.err, r
