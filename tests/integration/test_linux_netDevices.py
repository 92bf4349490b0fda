# SPDX-License-Identifier: Apache-2.0
"""linux.netDevices: veth ends are moved; what they had on the host they have in the container."""
import itertools
import json
import os
import pathlib
import subprocess

import pytest

_count = itertools.count()


def ip(*args, check=True):
    return subprocess.run(["ip", *args], capture_output=True, text=True, check=check, timeout=20)


def can_make_links():
    name = f"hp{os.getpid() % 100000}"
    made = ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", check=False)
    if made.returncode:
        return False
    ip("link", "del", f"{name}a")
    return True


pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not can_make_links(),
                                reason="needs root, ip(8) and veth devices")


@pytest.fixture
def links():
    """Makes pairs of devices: links() gives the name of one end; the other stays on the host."""
    made = []

    def make():
        name = f"hl{os.getpid() % 100000}x{next(_count)}"
        ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b")
        made.append(name)
        return f"{name}a"

    yield make
    for name in made:
        ip("link", "del", f"{name}b", check=False)


@pytest.fixture
def netns(tag):
    ip("netns", "add", tag)
    yield f"/run/netns/{tag}"
    ip("netns", "del", tag)


def on_host(name):
    return pathlib.Path(f"/sys/class/net/{name}").exists()


def describe(name, netns=None):
    where = ["-n", os.path.basename(netns)] if netns else []
    out = ip(*where, "-json", "address", "show", "dev", name, check=False).stdout
    return json.loads(out)[0] if out.strip() else None


def addresses(info):
    return {(a["local"], a["prefixlen"]) for a in info["addr_info"] if a["scope"] == "global"}


def test_moved(box, links):
    name = links()
    box.linux["netDevices"] = {name: {}}
    out = box.out(f"cat /sys/class/net/{name}/flags; ls /sys/class/net")
    flags, *names = out.split()
    assert int(flags, 16) & 1, "the device is not up"
    assert set(names) == {"lo", name}


def test_renamed_with_all_it_had(box, links):
    name = links()
    ip("link", "set", "dev", name, "mtu", "1789", "address", "02:11:22:33:44:55")
    ip("address", "add", "169.254.169.77/32", "dev", name)
    ip("address", "add", "10.255.7.1/24", "brd", "+", "dev", name)
    ip("address", "add", "fd00:77::1/64", "dev", name, "nodad")
    ip("address", "add", "127.7.7.7/32", "dev", name, "scope", "host")
    box.linux["netDevices"] = {name: {"name": "inside0"}}
    box.process["args"] = ["/bin/ip", "address", "show", "dev", "inside0"]
    out = box.run().ok().out
    assert "mtu 1789" in out and "02:11:22:33:44:55" in out
    for a in ("169.254.169.77/32", "10.255.7.1/24 brd 10.255.7.255", "fd00:77::1/64"):
        assert a in out
    assert "127.7.7.7" not in out


def test_ipv6_of_a_device_that_is_up(box, links):
    """The kernel drops IPv6 addresses when a device goes down, which it has to for the move."""
    name = links()
    ip("link", "set", "dev", name, "up")
    ip("address", "add", "fd00:78::1/64", "dev", name, "nodad")
    box.linux["netDevices"] = {name: {}}
    assert "fd00:78::1/64" in box.out(f"ip address show dev {name}")


def test_existing_namespace(box, links, netns):
    name = links()
    box.namespaces(network=netns)
    box.linux["netDevices"] = {name: {"name": "inside0"}}
    box.args("/bin/true").run().ok()
    assert not on_host(name)
    assert describe("inside0", netns)["flags"].count("UP")  # not taken back by delete


def test_user_namespace(box, links):
    name = links()
    box.userns().chown_to()
    box.linux["netDevices"] = {name: {"name": "inside0"}}
    assert box.out("cat /sys/class/net/inside0/flags").strip()
    assert not on_host(name)


def test_several(box, links):
    one, two = links(), links()
    box.linux["netDevices"] = {one: {"name": "a0"}, two: {"name": "b0"}}
    assert set(box.out("ls /sys/class/net").split()) == {"lo", "a0", "b0"}


def test_template(box, links, netns):
    one, two = links(), links()
    ip("address", "add", "10.255.8.1/24", "dev", two)
    box.namespaces(network=netns)
    box.linux["netDevices"] = {one: {"name": "net%d"}, two: {"name": "net%d"}}
    box.args("/bin/true").run().ok()
    assert describe("net0", netns) and addresses(describe("net1", netns)) == {("10.255.8.1", 24)}


def test_hooks_see_it(box, links, tmp_path):
    name = links()
    box.linux["netDevices"] = {name: {"name": "inside0"}}
    box.config["hooks"] = {"createContainer": [
        {"path": "/bin/sh", "args": ["sh", "-c", f"ls /sys/class/net > {tmp_path}/seen; "
                                     f"ip link show inside0 >> {tmp_path}/seen"]}]}
    box.args("/bin/true").run().ok()
    assert "inside0" in (tmp_path / "seen").read_text()


@pytest.mark.parametrize("up", [False, True])
def test_comes_back_when_the_start_fails(box, links, netns, up):
    """Also from a namespace that outlives the container."""
    one, two = links(), links()
    ip("link", "set", "dev", one, "mtu", "1600")
    if up:
        ip("link", "set", "dev", one, "up")
    ip("address", "add", "10.255.9.1/24", "dev", one)
    ip("address", "add", "fd00:79::1/64", "dev", one, "nodad")
    before = describe(one)
    box.namespaces(network=netns)
    box.linux["netDevices"] = {one: {"name": "inside0"}, two: {}}
    box.args("/bin/nothing").run().fails("/bin/nothing", code=1)
    assert on_host(one) and on_host(two) and not describe("inside0", netns)
    after = describe(one)
    assert after["mtu"] == 1600 and addresses(after) == addresses(before)
    assert ("UP" in after["flags"]) == up


def test_clash_of_names(box, links, netns):
    one, two = links(), links()
    ip("link", "set", "dev", two, "netns", os.path.basename(netns))
    box.namespaces(network=netns)
    box.linux["netDevices"] = {one: {"name": two}}
    box.args("/bin/true").run().fails(
        f"error creating network interfaces: move netDevice {one} to namespace {netns}",
        "file exists", code=1)
    assert on_host(one)
    ip("-n", os.path.basename(netns), "link", "del", two)


def test_missing_device(box, links):
    name = links()
    box.linux["netDevices"] = {name: {}, "nosuch0": {}}
    box.args("/bin/true").run().fails("move netDevice nosuch0", "no such device", code=1)
    assert on_host(name)


@pytest.mark.parametrize("devices,words", [
    ({"a/b": {}}, 'invalid network device name "a/b"'),
    ({"lo": {"name": "x" * 16}}, "invalid network device name"),
    ({"lo": {"name": ".."}}, "invalid network device name"),
])
def test_bad_names(box, devices, words):
    box.linux["netDevices"] = devices
    box.run().fails(words, code=1)


def test_without_a_network_namespace(box):
    box.namespaces(network=False)
    box.linux["netDevices"] = {"lo": {}}
    box.run().fails("unable to move network devices without a NET namespace", code=1)


def test_loopback_can_not_move(box):
    box.linux["netDevices"] = {"lo": {"name": "lo7"}}
    box.run().fails("fail to move network device", "invalid argument", code=1)
    assert pathlib.Path("/sys/class/net/lo/flags").read_text().strip() in ("0x9", "0x8")
