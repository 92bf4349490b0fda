# SPDX-License-Identifier: Apache-2.0
"""The shortest way through every command."""


def test_run(box):
    assert box.out("echo hello; id -u") == "hello\n0\n"


def test_life_cycle(box):
    box.sh("sleep 1000").create().ok()
    assert box.status() == "created"
    box.start().ok()
    assert box.status() == "running"
    assert box.esh("echo inside") == "inside\n"
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()
    assert box.hull.ids() == []
