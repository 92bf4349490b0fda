# SPDX-License-Identifier: Apache-2.0
"""process.apparmorProfile, for init and for exec."""
import pathlib
import shutil
import subprocess

import pytest

PROFILE = """profile {name} flags=(attach_disconnected,mediate_deleted) {{
  file,
  capability,
  signal,
  deny /mnt/forbidden* w,
}}
"""
IN_FORCE = pathlib.Path("/sys/kernel/security/apparmor").exists()
needs_apparmor = pytest.mark.skipif(not IN_FORCE or not shutil.which("apparmor_parser"),
                                    reason="needs AppArmor and apparmor_parser")
TRY = "cat /proc/self/attr/current; touch /mnt/fine && touch /mnt/forbidden"


@pytest.fixture
def profile(tag, tmp_path):
    path = tmp_path / "profile"
    path.write_text(PROFILE.format(name=tag))
    subprocess.run(["apparmor_parser", "-r", path], check=True, timeout=120)
    yield tag
    subprocess.run(["apparmor_parser", "-R", path], check=True, timeout=120)


@needs_apparmor
@pytest.mark.parametrize("userns", [False, True])
@pytest.mark.parametrize("nnp", [False, True])
def test_init(box, profile, userns, nnp):
    if userns:
        box.userns().chown_to()
    box.process["apparmorProfile"] = profile
    box.process["noNewPrivileges"] = nnp
    r = box.writable().sh(TRY).run()
    assert r.out == f"{profile} (enforce)\n" and r.code == 1
    assert "/mnt/forbidden: Permission denied" in r.err
    assert (box.rootfs / "mnt/fine").exists()


@needs_apparmor
def test_exec(box, profile):
    box.process["apparmorProfile"] = profile
    box.writable().up()
    box.exec(box.id, "/bin/sh", "-c", TRY).fails(f"{profile} (enforce)", "Permission denied")
    box.end()


@needs_apparmor
def test_exec_flag(box, profile):
    box.writable().up()
    assert box.esh("cat /proc/self/attr/current") == "unconfined\n"
    box.exec("--apparmor", profile, box.id, "/bin/sh", "-c", TRY).fails("Permission denied")
    box.exec("--apparmor", "nobody-loaded-this", box.id, "/bin/true").fails(
        "unable to apply apparmor profile", "no such file or directory", code=255)
    box.end()


def test_not_there(box):
    """A profile that is not loaded, or no AppArmor at all, is an error and not ignored."""
    box.process["apparmorProfile"] = "nobody-loaded-this"
    box.args("/bin/true").run().fails(
        "unable to apply apparmor profile: apparmor failed to apply profile", code=1)


def test_empty(box):
    box.process["apparmorProfile"] = ""
    box.args("/bin/true").run().ok()
