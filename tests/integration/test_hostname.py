# SPDX-License-Identifier: Apache-2.0
"""hostname and domainname"""
import os

import pytest


def test_hostname(box):
    box.config["hostname"] = "box-1"
    host = os.uname().nodename
    assert box.out("hostname; cat /proc/sys/kernel/hostname") == "box-1\nbox-1\n"
    assert os.uname().nodename == host


def test_domainname(box):
    box.config["domainname"] = "example.test"
    before = open("/proc/sys/kernel/domainname").read()
    assert box.out("cat /proc/sys/kernel/domainname") == "example.test\n"
    assert open("/proc/sys/kernel/domainname").read() == before


def test_absent_keeps_the_hosts(box):
    del box.config["hostname"]
    assert box.out("hostname").strip() == os.uname().nodename


def test_longest(box):
    box.config["hostname"] = "h" * 64
    assert box.out("hostname").strip() == "h" * 64


def test_too_long(box):
    box.config["hostname"] = "h" * 65
    r = box.run().fails("hostname", code=1)
    assert "invalid argument" in r.text or "64" in r.text or "too long" in r.text


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_needs_a_uts_namespace(box, field):
    box.namespaces(uts=False)
    del box.config["hostname"]
    box.config[field] = "x"
    box.run().fails(f"unable to set {field} without a private UTS namespace", code=1)


def test_exec_sees_it(box):
    box.config["hostname"] = "box-2"
    box.up()
    assert box.esh("hostname") == "box-2\n"


def test_in_a_joined_uts_namespace(make_box):
    a, b = make_box("a"), make_box("b")
    a.config["hostname"] = "first"
    pid = a.up()
    b.namespaces(uts=f"/proc/{pid}/ns/uts")
    b.config["hostname"] = "second"
    assert b.out("hostname") == "second\n"
    assert a.esh("hostname") == "second\n"
    a.end()
