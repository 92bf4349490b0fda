# SPDX-License-Identifier: Apache-2.0
"""process.ioPriority, for init and for exec."""
import json

import pytest

from support import sched

CLASSES = [("IOPRIO_CLASS_BE", 2, 4), ("IOPRIO_CLASS_IDLE", 3, 0), ("IOPRIO_CLASS_BE", 2, 0)]


@pytest.mark.parametrize("name,number,level", CLASSES)
def test_classes(box, name, number, level):
    box.process["ioPriority"] = {"class": name, "priority": level}
    assert sched.io_priority(box.up()) == (number, level)
    box.end()


@pytest.mark.skipif(not sched.has_cap(sched.CAP_SYS_NICE), reason="needs CAP_SYS_NICE")
@pytest.mark.parametrize("userns", [False, True])
def test_real_time(box, userns):
    if userns:
        box.userns().chown_to()
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_RT", "priority": 7}
    assert sched.io_priority(box.up()) == (1, 7)
    box.end()


def test_without_priority(box):
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE"}
    assert sched.io_priority(box.up())[0] == 3
    box.end()


def test_exec_inherits_and_overrides(box):
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 4}
    box.up()
    assert box.hull("exec", box.id, "/bin/ionice").ok().out == "best-effort: prio 4\n"
    process = {"args": ["/bin/ionice"], "cwd": "/", "ioPriority": {"class": "IOPRIO_CLASS_IDLE"}}
    (box.dir / "p.json").write_text(json.dumps(process))
    assert box.hull("exec", "--process", box.dir / "p.json", box.id).ok().out.startswith("idle")
    box.end()


@pytest.mark.parametrize("value,words", [
    ({}, "process.ioPriority.class"),
    ({"class": "BE"}, "process.ioPriority.class"),
    ({"class": "IOPRIO_CLASS_BE", "priority": 8}, "invalid ioPriority.Priority: 8"),
    ({"class": "IOPRIO_CLASS_BE", "priority": -1}, "invalid ioPriority.Priority: -1"),
])
def test_refused(box, value, words):
    box.process["ioPriority"] = value
    box.run().fails(words, code=1)
