# SPDX-License-Identifier: Apache-2.0
"""process.oomScoreAdj. Lowering needs CAP_SYS_RESOURCE, so only raising is looked at everywhere."""
import pathlib

import pytest

OURS = int(pathlib.Path("/proc/self/oom_score_adj").read_text())


@pytest.mark.parametrize("value", [v for v in (1, 100, 500, 1000) if v >= OURS])
def test_raised(box, value):
    box.process["oomScoreAdj"] = value
    assert int(box.out("cat /proc/self/oom_score_adj")) == value


def test_absent_leaves_it(box):
    assert int(box.out("cat /proc/self/oom_score_adj")) == OURS


def test_null_leaves_it(box):
    box.process["oomScoreAdj"] = None
    assert int(box.out("cat /proc/self/oom_score_adj")) == OURS


def test_exec(box):
    box.process["oomScoreAdj"] = 700
    box.up()
    assert int(box.esh("cat /proc/self/oom_score_adj")) == 700


def test_not_dumpable_is_no_hindrance(box):
    box.process["oomScoreAdj"] = 600
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert int(box.out("cat /proc/self/oom_score_adj")) == 600


@pytest.mark.parametrize("value", [-1001, 1001, 1 << 40])
def test_out_of_range(box, value):
    box.process["oomScoreAdj"] = value
    box.run().fails("process.oomScoreAdj", code=1)


def test_lowering_without_the_right_is_an_error(box):
    with open("/proc/self/status") as f:
        prm = [int(line.split()[1], 16) for line in f if line.startswith("CapEff")][0]
    if prm & 1 << 24:
        pytest.skip("we have CAP_SYS_RESOURCE")
    if OURS < -999:
        pytest.skip("can't be lowered")
    box.process["oomScoreAdj"] = -1000
    box.run().fails("oom_score_adj", "permission denied", code=1)
