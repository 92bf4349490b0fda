# SPDX-License-Identifier: Apache-2.0
"""linux.maskedPaths and linux.readonlyPaths"""
import os

import pytest


@pytest.fixture
def files(box):
    (box.rootfs / "var/file").write_text("secret")
    (box.rootfs / "var/dir/sub").mkdir(parents=True)
    (box.rootfs / "var/dir/file").write_text("secret")
    (box.rootfs / "var/dir2").mkdir()
    return box.writable()


def test_file(files):
    files.linux["maskedPaths"] = ["/var/file"]
    r = files.sh("cat /var/file; echo x > /var/file; rm -f /var/file; umount /var/file").run()
    assert r.out == "" and r.code != 0
    assert (files.rootfs / "var/file").read_text() == "secret"


def test_directory(files):
    files.linux["maskedPaths"] = ["/var/dir"]
    r = files.sh("ls -a /var/dir; touch /var/dir/x; cat /var/dir/file").run()
    assert r.out.split() == [".", ".."]
    assert "Read-only" in r.err and "No such file" in r.err


def test_directories_share_one_superblock(files):
    files.linux["maskedPaths"] = ["/var/dir", "/var/dir2", "/proc/fs"]
    out = files.out("stat -c %d /var/dir /var/dir2 /proc/fs").split()
    assert len(out) == 3 and len(set(out)) == 1


def test_missing_is_ignored(files):
    files.linux["maskedPaths"] = ["/no/such/path", "/var/none"]
    files.args("/bin/true").run().ok()


def test_duplicates_make_one_mount(files):
    files.linux["maskedPaths"] = ["/var/file", "/var/file", "/var/dir", "/var/dir"]
    out = files.out(
        "grep -c ' /var/file ' /proc/self/mountinfo; grep -c ' /var/dir ' /proc/self/mountinfo")
    assert out.split() == ["1", "1"]


def test_defaults(box):
    """Those of `hull spec` that this kernel has."""
    for path in box.linux["maskedPaths"]:
        out = box.out(f"test -e {path} || echo absent; test -d {path} && ls -A {path}; "
                      f"test -f {path} -o -c {path} && cat {path}; true")
        assert out in ("", "absent\n"), path


def test_on_a_read_only_rootfs(files):
    files.config["root"]["readonly"] = True
    files.linux["maskedPaths"] = ["/var/file", "/var/dir"]
    assert files.out("cat /var/file; ls -A /var/dir") == ""


def test_privileged_container_cannot_write_through(files):
    files.caps("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE")
    files.linux["maskedPaths"] = ["/var/dir"]
    r = files.sh("touch /var/dir/x").run()
    assert r.code != 0
    assert not (files.rootfs / "var/dir/x").exists()


def test_exec_sees_the_same(files):
    files.linux["maskedPaths"] = ["/var/file"]
    files.up()
    assert files.esh("cat /var/file") == ""
    files.end()


@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
def test_relative_is_refused(box, field):
    box.linux[field] = ["proc/kcore"]
    r = box.run()
    assert r.code == 0 or field in r.text  # runc takes it as from /


@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("value", [None, []])
def test_none(box, field, value):
    box.linux[field] = value
    box.args("/bin/true").run().ok()


def test_readonly_root(files):
    files.linux["readonlyPaths"] = ["/"]
    r = files.sh("touch /var/x; touch /dev/shm/x && echo shm").run()
    assert "Read-only" in r.err and r.out == "shm\n"
    assert not (files.rootfs / "var/x").exists()


def test_readonly_directory(files):
    files.linux["readonlyPaths"] = ["/var/dir"]
    r = files.sh("cat /var/dir/file; touch /var/dir/x; touch /var/other").run()
    assert r.out == "secret" and r.err.count("Read-only") == 1
    assert (files.rootfs / "var/other").exists()


def test_readonly_file(files):
    files.linux["readonlyPaths"] = ["/var/file"]
    r = files.sh("cat /var/file; echo x > /var/file").run()
    assert r.out == "secret" and "Read-only" in r.err


def test_readonly_is_recursive_and_keeps_flags(files):
    files.mount("/var/dir2", "tmpfs", "tmpfs", ["nosuid", "nodev", "noexec"])
    files.linux["readonlyPaths"] = ["/var/dir2"]
    out = files.out("grep ' /var/dir2 ' /proc/self/mountinfo | tail -1")
    assert set(out.split()[5].split(",")) >= {"ro", "nosuid", "nodev", "noexec"}


def test_readonly_defaults(box):
    box.caps("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE")
    for path in box.linux["readonlyPaths"]:
        out = box.out(
            f"test -e {path} && grep ' {path} ' /proc/self/mountinfo | cut -d' ' -f6; true")
        if os.path.exists(path):
            assert out.startswith("ro"), path
    r = box.sh("echo 0 > /proc/sys/kernel/panic; echo h > /proc/sysrq-trigger").run()
    assert r.code != 0


def test_missing_readonly_is_ignored(box):
    box.linux["readonlyPaths"] = ["/no/such", "/proc/none"]
    box.args("/bin/true").run().ok()


def test_both(files):
    files.linux["maskedPaths"] = ["/var/dir/sub"]
    files.linux["readonlyPaths"] = ["/var/dir"]
    out = files.sh("ls -A /var/dir/sub; cat /var/dir/file; touch /var/dir/x").run()
    assert out.out == "secret" and "Read-only" in out.err


@pytest.mark.parametrize("kind, source, options", [("proc", "proc", []), ("bind", "/proc", ["rbind"])])
@pytest.mark.parametrize("destination", ["/proc", "/link/proc"])
def test_the_last_proc_is_masked(box, kind, source, options, destination):
    """Also when a link of the image leads the later mount over the first."""
    (box.rootfs / "link").symlink_to(".")
    box.linux["maskedPaths"], box.linux["readonlyPaths"] = ["/proc/version", "/proc/fs"], ["/proc/sys"]
    box.mount(destination, kind, source, options)
    out = box.out("cat /proc/version; ls -A /proc/fs; cat /proc/self/mountinfo")
    lines = out.splitlines()
    assert all(" - " in line for line in lines), "something of what is masked is to be seen"
    top = [line.split()[0] for line in lines if line.split()[4] == "/proc"]
    assert len(top) == 2
    on = {line.split()[4]: line.split()[1] for line in lines}
    assert on["/proc/version"] == on["/proc/fs"] == on["/proc/sys"] == top[-1]
