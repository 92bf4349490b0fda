# SPDX-License-Identifier: Apache-2.0
"""linux.memoryPolicy: what numa_maps says about the program, in init and in exec."""
import pytest

from support.kernel import needs_numa

SHOW = "head -n 1 /proc/self/numa_maps | cut -d ' ' -f 2"


@needs_numa
@pytest.mark.parametrize("mode,nodes,flags,seen", [
    ("MPOL_DEFAULT", "", [], "default"),
    ("MPOL_LOCAL", "", [], "local"),
    ("MPOL_BIND", "0", [], "bind:0"),
    ("MPOL_INTERLEAVE", "0", [], "interleave:0"),
    ("MPOL_PREFERRED", "0", [], "prefer:0"),
    ("MPOL_PREFERRED_MANY", "0", [], "prefer (many):0"),
    ("MPOL_BIND", "0", ["MPOL_F_STATIC_NODES"], "bind=static:0"),
    ("MPOL_PREFERRED", "0", ["MPOL_F_RELATIVE_NODES"], "prefer=relative:0"),
])
def test_modes(box, mode, nodes, flags, seen):
    box.linux["memoryPolicy"] = {"mode": mode, "nodes": nodes, "flags": flags}
    assert box.out(SHOW).strip().startswith(seen.split()[0])


@needs_numa
def test_exec(box):
    box.linux["memoryPolicy"] = {"mode": "MPOL_INTERLEAVE", "nodes": "0"}
    box.up()
    assert box.esh(SHOW) == "interleave:0\n"
    box.end()


@pytest.mark.parametrize("value,words", [
    ({}, "invalid memory policy mode"),
    ({"nodes": "0-7"}, "invalid memory policy mode"),
    ({"mode": "INTERLEAVE", "nodes": "0"}, "invalid memory policy mode"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["bad"]}, "invalid memory policy flag"),
    ({"mode": "MPOL_DEFAULT", "nodes": "0-7"}, "mode requires 0 nodes but got 8"),
    ({"mode": "MPOL_BIND"}, "requires at least one node"),
    ({"mode": "MPOL_BIND", "nodes": "0-9876543210"}, "invalid memory policy node"),
    pytest.param({"mode": "MPOL_BIND", "nodes": "1000"}, "set_mempolicy: invalid argument", marks=needs_numa),
])
def test_refused(box, value, words):
    box.linux["memoryPolicy"] = value
    box.run().fails(words, code=1)


def test_null(box):
    box.linux["memoryPolicy"] = None
    box.args("/bin/true").run().ok()
