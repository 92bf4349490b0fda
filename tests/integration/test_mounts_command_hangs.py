# SPDX-License-Identifier: Apache-2.0
"""mounts add and remove, when the container serves a file system that never answers."""
import json
import os
import signal
import subprocess
import sys

import pytest

from support.runtime import wait_until
from test_mounts_command import TMPFS, box, mounts  # noqa: F401

SILENT = """
import ctypes, os, sys
fuse, ns = os.open("/dev/fuse", os.O_RDWR), os.open(f"/proc/{sys.argv[1]}/ns/mnt", os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
data = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if libc.setns(ns, 0) or libc.mount(b"silent", b"/data/tmpfs", b"fuse", 0, data):
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def silent(mounts, box):
    """A file system in the container that never answers, as one of its own processes could serve it."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    (box.rootfs / "data/tmpfs").mkdir()
    pid = box.up()
    p = subprocess.Popen([sys.executable, "-c", SILENT, str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
    assert p.stdout.readline() == "mounted\n"
    yield p
    p.kill()
    p.communicate()


@pytest.mark.parametrize("change", ["add", "remove"])
def test_a_look_up_that_never_ends(mounts, box, silent, change):
    """Nothing is mounted yet, so a signal ends it; and delete --force ends what it waits for."""
    mounts.file.write_text(json.dumps([dict(TMPFS, destination="/data/tmpfs/x")]))

    def hangs():
        p = box.hull.popen("mounts", change, box.id, mounts.file, stderr=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            p.wait(0.5)
        return p

    p = hangs()
    p.send_signal(signal.SIGTERM)
    assert "interrupted by signal 15" in p.communicate(timeout=20)[1].decode() and p.returncode == 1
    p, pid = hangs(), box.pid()
    delete = box.hull.popen("delete", "--force", box.id)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    silent.kill()   # as every process of the container ends with its init
    assert delete.wait(20) == 0
    assert p.communicate(timeout=20)[0] is None and p.returncode == 1
    assert box.hull.ids() == []
