# SPDX-License-Identifier: Apache-2.0
"""linux.personality"""
import os

import pytest

from support.kernel import needs_linux32


@needs_linux32
def test_linux32(box):
    box.linux["personality"] = {"domain": "LINUX32"}
    assert box.out("uname -m; cat /proc/self/personality 2>/dev/null").split()[0] == "i686"


def test_linux(box):
    box.linux["personality"] = {"domain": "LINUX"}
    assert box.out("uname -m").strip() == os.uname().machine


@needs_linux32
def test_exec(box):
    box.linux["personality"] = {"domain": "LINUX32"}
    box.up()
    assert box.esh("uname -m") == "i686\n"
    box.end()


@pytest.mark.parametrize("value", [{"domain": "BOGUS"}, {}, {"domain": ""}, {"domain": "linux32"}])
def test_refused(box, value):
    box.linux["personality"] = value
    box.run().fails("linux.personality", code=1)


def test_null(box):
    box.linux["personality"] = None
    box.args("/bin/true").run().ok()
