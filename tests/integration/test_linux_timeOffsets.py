# SPDX-License-Identifier: Apache-2.0
"""linux.timeOffsets"""
import time

import pytest

from support.kernel import needs_time_namespaces

pytestmark = needs_time_namespaces


def test_boottime(box):
    box.namespaces(time=True)
    box.linux["timeOffsets"] = {"boottime": {"secs": 7881, "nanosecs": 2718281}}
    here = float(open("/proc/uptime").read().split()[0])
    there = float(box.out("cat /proc/uptime").split()[0])
    assert 7880 < there - here < 7890


def test_monotonic_and_file(box):
    box.namespaces(time=True)
    box.linux["timeOffsets"] = {"monotonic": {"secs": 12345, "nanosecs": 1},
                                "boottime": {"secs": -1, "nanosecs": 5}}
    lines = [l.split() for l in box.out("cat /proc/self/timens_offsets").splitlines()]
    assert ["monotonic", "12345", "1"] in lines and ["boottime", "-1", "5"] in lines


@pytest.mark.parametrize("value", [None, {}, {"monotonic": {}}, {"monotonic": {"secs": 0}}])
def test_none(box, value):
    box.namespaces(time=True)
    box.linux["timeOffsets"] = value
    box.args("/bin/true").run().ok()


def test_need_a_time_namespace(box):
    box.linux["timeOffsets"] = {"boottime": {"secs": 1}}
    r = box.run().fails(code=1)
    assert "time" in r.text


def test_not_with_a_joined_one(box):
    box.namespaces(time="/proc/self/ns/time")
    box.linux["timeOffsets"] = {"boottime": {"secs": 1}}
    r = box.run().fails(code=1)
    assert "time" in r.text


def test_in_a_user_namespace(box):
    box.userns()
    box.chown_to()
    box.namespaces(time=True)
    box.linux["timeOffsets"] = {"boottime": {"secs": 5000}}
    assert float(box.out("cat /proc/uptime").split()[0]) > 5000


def test_exec(box):
    box.namespaces(time=True)
    box.linux["timeOffsets"] = {"boottime": {"secs": 5000}}
    box.up()
    here = float(open("/proc/uptime").read().split()[0])
    assert float(box.esh("cat /proc/uptime").split()[0]) - here > 4990
    box.end()


def test_liveness_is_right_with_offsets(box):
    """The start time by which the runtime knows its container does not shift."""
    box.namespaces(time=True)
    box.linux["timeOffsets"] = {"boottime": {"secs": 100000}}
    box.up()
    time.sleep(0.1)
    assert box.status() == "running"
    box.end()


def test_too_large(box):
    box.namespaces(time=True)
    box.linux["timeOffsets"] = {"boottime": {"secs": 1 << 62}}
    r = box.run().fails(code=1)
    assert "timens" in r.text or "timeOffsets" in r.text or "offset" in r.text


def test_bad_nanosecs(box):
    box.namespaces(time=True)
    box.linux["timeOffsets"] = {"boottime": {"nanosecs": 4294967296}}
    box.run().fails("linux.timeOffsets.boottime.nanosecs", code=1)
