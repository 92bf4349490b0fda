# SPDX-License-Identifier: Apache-2.0
"""linux.sysctl"""
import pytest


@pytest.mark.parametrize("key, value", [
    ("net.ipv4.ip_forward", "1"), ("net/ipv4/ip_forward", "1"), ("kernel.shmmax", "4294967296"),
    ("kernel.msgmax", "16384"), ("fs.mqueue.msg_max", "100"), ("kernel.domainname", "dom.test"),
    ("kernel.sem", "32000 1024000000 500 32000"),
])
def test_set(box, key, value):
    path = "/proc/sys/" + key.replace(".", "/")
    with open(path) as f:
        before = f.read()
    box.linux["sysctl"] = {key: value}
    assert box.out(f"cat {path}").split() == value.split()
    with open(path) as f:
        assert f.read() == before


def test_dot_in_a_name(box):
    """net.ipv4.conf.eno2/100.x in dots is net/ipv4/conf/eno2.100/x in slashes."""
    box.linux["sysctl"] = {"net/ipv4/conf/eno2.100/rp_filter": "1"}
    box.run().fails("eno2.100/rp_filter", "no such file or directory", code=1)


@pytest.mark.parametrize("key, word", [
    ("kernel.panic", "not in a separate kernel namespace"),
    ("vm.swappiness", "not in a separate kernel namespace"),
    ("kernel.core_pattern", "not in a separate kernel namespace"),
    ("kernel.hostname", "conflicts"), ("fs.file-max", "not in a separate kernel namespace"),
    ("user.max_user_namespaces", "without a user namespace"),
    ("net.ipv4/../../kernel/core_pattern", "sysctl"), ("net..ipv4", "sysctl"), ("", "sysctl"),
    ("net/../kernel/panic", "sysctl"), ("/net/ipv4/ip_forward", "sysctl"),
])
def test_refused_by_name(box, key, word):
    box.linux["sysctl"] = {key: "1"}
    box.run().fails(word, code=1)


@pytest.mark.parametrize("key, kind", [("net.ipv4.ip_forward", "network"), ("kernel.shmmax", "ipc"),
                                       ("kernel.domainname", "uts")])
def test_needs_its_namespace(box, key, kind):
    box.namespaces(**{kind: False})
    if kind == "uts":
        del box.config["hostname"]
    box.linux["sysctl"] = {key: "1"}
    r = box.run().fails(code=1)
    assert "namespace" in r.text


def test_missing_key(box):
    box.linux["sysctl"] = {"net.no.such.key": "1"}
    box.run().fails("net", "no such file or directory", code=1)


def test_refused_value(box):
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "garbage"}
    box.run().fails("net", "invalid argument", code=1)


def test_ipc_and_net_of_the_user_namespace(box):
    box.userns()
    box.chown_to()
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    assert box.out("cat /proc/sys/net/ipv4/ip_forward") == "1\n"


def test_without_proc_in_the_container(box):
    """The write goes through the runtime's own procfs, not through what is mounted inside."""
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/proc"]
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.caps("CAP_SYS_ADMIN")
    assert box.out("mount -t proc proc /mnt; cat /mnt/sys/net/ipv4/ip_forward") == "1\n"


def test_read_only_afterwards(box):
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    assert "Read-only" in box.sh("echo 0 > /proc/sys/net/ipv4/ip_forward").run().err
