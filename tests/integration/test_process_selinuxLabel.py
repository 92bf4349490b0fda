# SPDX-License-Identifier: Apache-2.0
"""process.selinuxLabel, for init and for exec, and the label of the session keyring."""
import pathlib

import pytest

LABEL = "system_u:system_r:container_t:s0:c4,c5"
IN_FORCE = pathlib.Path("/sys/fs/selinux/enforce").exists()
needs_selinux = pytest.mark.skipif(not IN_FORCE, reason="needs SELinux")
no_selinux = pytest.mark.skipif(IN_FORCE, reason="SELinux is there")


@needs_selinux
def test_init_and_exec(box):
    box.process["selinuxLabel"] = LABEL
    assert pathlib.Path(f"/proc/{box.up()}/attr/current").read_text().rstrip("\0") == LABEL
    assert box.esh("cat /proc/self/attr/current").rstrip("\0\n") == LABEL
    box.end()


@no_selinux
def test_without_selinux(box):
    box.process["selinuxLabel"] = LABEL
    box.args("/bin/true").run().fails(
        "selinux label is specified in config, but selinux is disabled or not supported", code=1)


@no_selinux
def test_exec_without_selinux(box):
    box.up()
    box.exec("--process-label", LABEL, box.id, "/bin/true").fails("selinux is disabled", code=255)
    box.end()


def test_empty(box):
    box.process["selinuxLabel"] = ""
    box.args("/bin/true").run().ok()
