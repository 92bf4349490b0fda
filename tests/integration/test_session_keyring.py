# SPDX-License-Identifier: Apache-2.0
"""The session keyring: a new one for each container and exec, unless --no-new-keyring"""
import ctypes

import pytest

KEYCTL_JOIN, KEYCTL_READ = 1, 11
keyctl = ctypes.CDLL(None).syscall
SYS_add_key, SYS_keyctl = 248, 250


@pytest.fixture
def visible(box):
    """A container that can look at /proc/keys."""
    box.linux["maskedPaths"] = []
    return box


def keyrings(text):
    return [line.split()[8] for line in text.splitlines() if " keyring " in line]


def test_named_after_the_container(visible):
    out = visible.out("cat /proc/keys")
    assert f"_ses.{visible.id}" in out


def test_no_new_keyring(visible):
    out = visible.sh("cat /proc/keys").run("--no-new-keyring").ok().out
    assert f"_ses.{visible.id}" not in out


def test_exec(visible):
    visible.up()
    assert f"_ses.{visible.id}" in visible.esh("cat /proc/keys")
    visible.end()


def test_in_a_user_namespace(visible):
    visible.userns()
    visible.chown_to()
    visible.args("/bin/true").run().ok()


def test_for_a_user(visible):
    """The program's user owns it or may at least search it."""
    visible.process["user"] = {"uid": 1000, "gid": 1000}
    assert f"_ses.{visible.id}" in visible.out("cat /proc/keys")
