# SPDX-License-Identifier: Apache-2.0
"""process.execCPUAffinity, and that the affinity of whoever starts the runtime is not handed on."""
import json
import os

import pytest

from support.runtime import wait_until

CPUS = sorted(os.sched_getaffinity(0))
needs_two = pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")
SHOW = "grep Cpus_allowed_list /proc/self/status | cut -f2"


def allowed(box, *flags):
    return box.esh(SHOW, *flags).strip()


@needs_two
@pytest.mark.parametrize("text", [str(CPUS[0]), str(CPUS[-1])])
def test_final(box, text):
    box.process["execCPUAffinity"] = {"initial": str(CPUS[0]), "final": text}
    box.up()
    assert allowed(box) == text
    box.end()


@needs_two
def test_initial_alone_stays(box):
    """As in runc: the reset is for processes without any affinity in the configuration."""
    box.process["execCPUAffinity"] = {"initial": str(CPUS[0])}
    pid = box.up()
    assert allowed(box) == str(CPUS[0])
    assert os.sched_getaffinity(pid) == set(CPUS)  # it is for exec only
    box.end()


@needs_two
def test_process_file(box):
    box.process["execCPUAffinity"] = {"final": str(CPUS[0])}
    box.up()
    process = {"args": ["/bin/sh", "-c", SHOW], "cwd": "/"}
    (box.dir / "p.json").write_text(json.dumps(process))
    assert box.hull("exec", "--process", box.dir / "p.json", box.id).ok().out.strip() == str(CPUS[0])
    process["execCPUAffinity"] = {"final": str(CPUS[1])}
    (box.dir / "p.json").write_text(json.dumps(process))
    assert box.hull("exec", "--process", box.dir / "p.json", box.id).ok().out.strip() == str(CPUS[1])
    box.end()


@needs_two
def test_the_callers_own_is_reset(box):
    def narrow():
        os.sched_setaffinity(0, {CPUS[0]})

    box.sh(f"{SHOW}; sleep 1000")
    box.detach(preexec_fn=narrow).ok()
    assert os.sched_getaffinity(box.pid()) == set(CPUS)
    r = box.hull("exec", box.id, "/bin/sh", "-c", SHOW, preexec_fn=narrow).ok()
    assert r.out == wait_until(box.printed)
    box.end()


@pytest.mark.parametrize("member", ["initial", "final"])
def test_refused(box, member):
    box.process["execCPUAffinity"] = {member: "a-b"}
    box.run().fails(f"process.execCPUAffinity.{member}", code=1)
