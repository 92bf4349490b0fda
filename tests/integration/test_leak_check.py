# SPDX-License-Identifier: Apache-2.0
"""The check after each test finds what it is meant to find"""
import pathlib
import subprocess
import time

from support import leaks, runtime


def gone(tag, directory):
    leaks.clean(tag, directory)
    assert leaks.find(tag, directory) == []


def test_process_in_a_rootfs(box, tag, tmp_path):
    p = subprocess.Popen(["chroot", str(box.rootfs), "/bin/sleep", "1000"])
    time.sleep(0.1)
    assert f"process {p.pid} " in " ".join(leaks.find(tag, tmp_path, 0))
    p.kill()
    p.wait()
    assert leaks.find(tag, tmp_path) == []


def test_process_in_a_cgroup(tag, tmp_path):
    top = pathlib.Path(sorted(p for p in pathlib.Path(
        "/sys/fs/cgroup").glob("*/cgroup.procs"))[0]).parent
    (top / f"{tag}-x").mkdir()
    p = subprocess.Popen(["sleep", "1000"])
    (top / f"{tag}-x/cgroup.procs").write_text(str(p.pid))
    found = " ".join(leaks.find(tag, tmp_path, 0))
    assert f"process {p.pid} " in found and f"cgroup {top}/{tag}-x" in found
    p.kill()
    p.wait()
    gone(tag, tmp_path)


def test_mount(tag, tmp_path):
    subprocess.run(["mount", "-t", "tmpfs", "x", str(tmp_path)], check=True, timeout=10)
    assert leaks.find(tag, tmp_path, 0) == [f"mount {tmp_path}"]
    gone(tag, tmp_path)


def test_container_that_nobody_deleted(box, tag, tmp_path):
    box.up()
    found = leaks.find(tag, tmp_path, 0)
    assert any(f.startswith("process")
               for f in found) and any(f.startswith("cgroup") for f in found)
    box.end()
    assert leaks.find(tag, tmp_path) == []


def test_names_are_unique():
    assert len({runtime.unique() for _ in range(100)}) == 100
