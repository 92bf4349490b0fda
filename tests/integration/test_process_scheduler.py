# SPDX-License-Identifier: Apache-2.0
"""process.scheduler, for init and for exec."""
import json
import os
import time

import pytest

from support import runtime, sched

needs_nice = pytest.mark.skipif(not sched.has_cap(sched.CAP_SYS_NICE), reason="needs CAP_SYS_NICE")
PLAIN = [("SCHED_OTHER", 0, 7), ("SCHED_BATCH", 3, 19), ("SCHED_IDLE", 5, 0)]


@pytest.mark.parametrize("policy,number,nice", PLAIN)
def test_plain_policies(box, policy, number, nice):
    box.process["scheduler"] = {"policy": policy, "nice": nice, "priority": 0}
    a = sched.attributes(box.up())
    assert (a.policy, a.flags, a.priority) == (number, 0, 0)
    if policy != "SCHED_IDLE":
        assert a.nice == nice
    box.end()


@needs_nice
@pytest.mark.parametrize("policy,number", [("SCHED_FIFO", 1), ("SCHED_RR", 2)])
def test_real_time(box, policy, number):
    box.process["scheduler"] = {"policy": policy, "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    r = box.sh("sleep 1000").detach()
    if r.code and "operation not permitted" in r.text:
        pytest.skip("this machine's cgroup has no real-time budget")
    a = sched.attributes(box.pid())
    assert (a.policy, a.priority, a.flags) == (number, 3, 1)
    box.end()


@needs_nice
def test_negative_nice(box):
    box.process["scheduler"] = {"policy": "SCHED_OTHER", "nice": -7}
    assert sched.attributes(box.up()).nice == -7
    box.end()


@needs_nice
def test_deadline(box):
    box.process["scheduler"] = {"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK"],
                                "runtime": 42000, "deadline": 100000, "period": 1000000}
    box.args("/bin/sleep", "1000").detach().ok()
    a = sched.attributes(box.pid())
    assert (a.policy, a.flags & 1) == (sched.SCHED_DEADLINE, 1)
    assert (a.runtime, a.deadline, a.period) == (42000, 100000, 1000000)
    box.end()


@needs_nice
def test_in_a_user_namespace(box):
    """What takes a right of the initial user namespace is done for init by the parent."""
    box.userns().chown_to()
    box.process["scheduler"] = {"policy": "SCHED_OTHER", "nice": -3}
    assert sched.attributes(box.up()).nice == -3
    box.hull("exec", "-d", "--pid-file", box.dir / "pid", box.id, "/bin/sleep", "1000",
             stdout=None, stderr=None).ok()
    assert sched.attributes(int((box.dir / "pid").read_text())).nice == -3
    box.end()


def test_exec_inherits_and_overrides(box):
    box.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 19}
    box.up()

    def run(*flags):
        pid_file = box.dir / "pid"
        pid_file.unlink(missing_ok=True)
        box._quiet("exec", "-d", "--pid-file", pid_file, *flags).ok()
        return sched.attributes(int(pid_file.read_text()))

    a = run(box.id, "/bin/sleep", "1000")
    assert (a.policy, a.nice) == (3, 19)
    process = {"args": ["/bin/sleep", "1000"], "cwd": "/"}
    (box.dir / "p.json").write_text(json.dumps(process))
    assert run("--process", box.dir / "p.json", box.id).policy == 3
    process["scheduler"] = {"policy": "SCHED_IDLE"}
    (box.dir / "p.json").write_text(json.dumps(process))
    assert run("--process", box.dir / "p.json", box.id).policy == 5
    box.end()


@needs_nice
def test_deadline_with_a_cpuset(box):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs")
    box.linux["resources"]["cpu"] = {"cpus": "0"}
    box.process["scheduler"] = {"policy": "SCHED_DEADLINE", "nice": 19, "runtime": 42000,
                                "deadline": 1000000, "period": 1000000}
    box.run().fails("process scheduler can't be used together with AllowedCPUs", code=1)


@pytest.mark.parametrize("value,words", [
    ({}, "process.scheduler.policy"),
    ({"policy": "SCHED_BOGUS"}, "process.scheduler.policy"),
    ({"policy": "SCHED_OTHER", "nice": 20}, "invalid scheduler.nice: 20"),
    ({"policy": "SCHED_OTHER", "priority": 1}, "scheduler.priority can only be specified"),
    ({"policy": "SCHED_RR", "priority": 1, "period": 1}, "runtime/deadline/period can only"),
    ({"policy": "SCHED_OTHER", "flags": ["X"]}, "process.scheduler.flags[0]"),
    ({"policy": "SCHED_FIFO", "priority": 100}, "error setting scheduler: invalid argument"),
    ({"policy": "SCHED_DEADLINE"}, "error setting scheduler: invalid argument"),
])
def test_refused(box, value, words):
    box.process["scheduler"] = value
    box.run().fails(words, code=1)


def test_null(box):
    box.process["scheduler"] = None
    box.args("/bin/true").run().ok()
