# SPDX-License-Identifier: Apache-2.0
"""annotations: kept in the state"""
import pytest


def test_in_state(box):
    box.config["annotations"] = {"a.b/c": "d", "empty": "", "ünï": "cödé \"quoted\"\n"}
    box.args("/bin/true").create().ok()
    assert box.state()["annotations"] == box.config["annotations"]
    box.end()


def test_absent(box):
    box.args("/bin/true").create().ok()
    assert not box.state().get("annotations")
    box.end()


@pytest.mark.parametrize("value", [{"": "x"}, {"a": 1}, {"a": None}, ["a"], "a"])
def test_refused(box, value):
    box.config["annotations"] = value
    r = box.args("/bin/true").run()
    if value == {"a": None}:  # Go reads null as the empty string
        return
    r.fails("annotations", code=1)


def test_later_changes_of_the_file_have_no_effect(box):
    box.config["annotations"] = {"k": "first"}
    box.process["env"].append("WHICH=first")
    box.sh("sleep 1000").create().ok()
    box.config["annotations"] = {"k": "second"}
    box.process["env"][-1] = "WHICH=second"
    box.write()
    box.start().ok()
    assert box.state()["annotations"] == {"k": "first"}
    assert box.esh("echo $WHICH") == "first\n"
    box.end()
