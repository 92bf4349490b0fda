# SPDX-License-Identifier: Apache-2.0
"""
The budget of one `hull run` of the example configuration on cgroup v2: at most 2 processes, 2 execs and
320 system calls in all, traced by strace from the runtime's first instruction to its exit.

Counting, as in the figures that the budget comes from: processes are the
distinct pids in the log (the runtime and the container's program); execs are the successful execve lines,
the start of the runtime and of the program included; system calls are all lines that begin a call, in both
processes, from the runtime's execve to the last exit, with a static /true that makes one call.
"""
import collections
import os
import re
import shutil
import struct

import pytest

from support import cgroup2
from support.runtime import example_config

pytestmark = pytest.mark.release
PROCESSES, EXECS, CALLS = 2, 2, 320
pytestmark = pytest.mark.release
CALL = re.compile(r"^(\d+) +(\w+)\(")


def lines_of(path):
    """(pid, call, line) of each system call; unfinished ones once, by their beginning."""
    for line in path.read_text(errors="replace").splitlines():
        m = CALL.match(line)
        if m:
            yield int(m.group(1)), m.group(2), line


def smallest_true(path):
    """A static program that only exits, so that the figures are the runtime's. x86-64 machine code."""
    code = b"\x31\xff\xb8\x3c\x00\x00\x00\x0f\x05"  # xor edi,edi; mov eax,60; syscall
    base, size = 0x400000, 64 + 56 + len(code)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0,
                                                           64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 4096)
    path.write_bytes(header + segment + code)
    path.chmod(0o755)


def trace(box, log):
    if os.uname().machine == "x86_64":
        smallest_true(box.rootfs / "true")
    else:
        os.symlink("/bin/true", box.rootfs / "true")
    box.config = {**example_config(), "process": {**example_config()["process"], "terminal": False,
                                                  "args": ["/true"]}}
    box.write()
    box.hull.prefix = [*cgroup2.ENTER, "strace", "-f", "-qq", "-o", str(log)]
    box.hull("run", "--bundle", box.dir, box.id, timeout=60).ok()
    box.hull.prefix = cgroup2.ENTER
    return list(lines_of(log))


@pytest.mark.v2
def test_run(box, scratch, record_property):
    reason = cgroup2.reason_to_skip()
    if os.environ.get("HULL_GUEST") == "uml":
        reason = "User-Mode Linux has no PR_SET_MM: one more exec, and what belongs to it"
    if reason or not shutil.which("strace"):
        pytest.skip(reason or "needs strace")
    box.hull = cgroup2.over(box.hull)
    box.hull.root.mkdir(mode=0o700)  # as on a machine where a container has run before
    calls = trace(box, scratch / "log")
    pids = {pid for pid, _, _ in calls}
    execs = [l for _, c, l in calls if c in ("execve", "execveat") and not re.search(r"= -1", l)]
    table = ", ".join(
    f"{c} {n}" for c,
    n in collections.Counter(
        c for _,
        c,
         _ in calls).most_common())
    figures = f"{len(pids)} processes, {len(execs)} execs, {len(calls)} system calls: {table}"
    record_property("budget", figures)
    print(figures)
    assert len(pids) <= PROCESSES, figures
    assert len(execs) <= EXECS, figures
    assert len(calls) <= CALLS, figures


def test_version_and_state_need_no_exec(box, scratch):
    """Short commands run from the host's file as it is, in one process, with few calls."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    box.up()
    for args, most in ((("--version",), 30), (("state", box.id), 80)):
        log = scratch / "log"
        argv = ["strace",
    "-f",
    "-qq",
    "-o",
    str(log),
    box.hull.program,
    "--root",
    str(box.hull.root),
     *args]
        box.hull.call(argv).ok()
        calls = list(lines_of(log))
        assert len({pid for pid, _, _ in calls}) == 1
        assert sum(c == "execve" for _, c, _ in calls) == 1
        assert len(calls) <= most, f"{args}: {len(calls)}: " + \
                   str(collections.Counter(c for _, c, _ in calls))
    box.end()
