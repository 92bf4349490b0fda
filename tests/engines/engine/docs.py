# SPDX-License-Identifier: Apache-2.0
"""The configuration that the engines are given is that of docs/engines.md, with the tested binary's path."""
import re

from . import REPOSITORY, RUNTIME

INSTALLED = "/usr/sbin/hull"


def snippet(name, runtime=RUNTIME):
    """The block behind <!-- snippet: NAME -->."""
    text = (REPOSITORY / "docs/engines.md").read_text()
    found = re.search(rf"<!-- snippet: {re.escape(name)} -->\n+```\w*\n(.*?)```", text, re.S)
    assert found, f"docs/engines.md has no snippet {name}"
    assert INSTALLED in found[1], f"the snippet {name} does not name {INSTALLED}"
    return found[1].replace(INSTALLED, str(runtime))
