# SPDX-License-Identifier: Apache-2.0
"""linux.mountLabel, with the annotation run.oci.mount_context_type."""
import pathlib

import pytest

LABEL = "system_u:object_r:container_file_t:s0:c4,c5"
IN_FORCE = pathlib.Path("/sys/fs/selinux/enforce").exists()
needs_selinux = pytest.mark.skipif(not IN_FORCE, reason="needs SELinux")
no_selinux = pytest.mark.skipif(IN_FORCE, reason="SELinux is there")


@needs_selinux
@pytest.mark.parametrize("kind", ["context", "rootcontext", "fscontext", "defcontext"])
def test_label(box, kind):
    box.linux["mountLabel"] = LABEL
    box.config["annotations"] = {"run.oci.mount_context_type": kind}
    assert kind in box.out("grep ' /dev tmpfs' /proc/mounts")


@no_selinux
@pytest.mark.parametrize("kind", [None, "context", "rootcontext", "fscontext", "defcontext"])
def test_the_kernel_is_asked(box, kind):
    """Without SELinux the kernel knows no such option: the message shows which one it got."""
    box.linux["mountLabel"] = LABEL
    if kind:
        box.config["annotations"] = {"run.oci.mount_context_type": kind}
    box.args("/bin/true").run().fails(f"mount tmpfs: {kind or 'context'}", "invalid argument", code=1)


def test_unknown_kind(box):
    box.linux["mountLabel"] = LABEL
    box.config["annotations"] = {"run.oci.mount_context_type": "bogus"}
    box.args("/bin/true").run().fails("run.oci.mount_context_type", '"bogus"', code=1)


def test_empty(box):
    box.linux["mountLabel"] = ""
    box.args("/bin/true").run().ok()
