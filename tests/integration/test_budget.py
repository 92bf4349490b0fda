# SPDX-License-Identifier: Apache-2.0
"""
The budget of one `hull run` of the example configuration on cgroup v2: at most 2 processes, 2 execs and
320 system calls in all, traced by strace from the runtime's first instruction to its exit.

Counting: processes are the distinct pids in the log (the runtime and the container's program); execs are
successful execve lines after the runtime's own start, so the container's program is one and a restart
from a sealed copy would be the other; system calls are all lines of the log that begin a call, the two
successful execs and exits included, in both processes, until the program's execve returns: what the
program itself (true) does afterwards is not the runtime's.
"""
import collections
import re
import shutil

import pytest

from support import cgroup2
from support.runtime import example_config

PROCESSES, EXECS, CALLS = 2, 2, 320
CALL = re.compile(r"^(\d+) +(\w+)\(")


def lines_of(path):
    """(pid, call, line) of each system call; unfinished ones once, by their beginning."""
    for line in path.read_text(errors="replace").splitlines():
        m = CALL.match(line)
        if m:
            yield int(m.group(1)), m.group(2), line


def trace(box, log):
    box.config = {**example_config(), "process": {**example_config()["process"], "terminal": False,
                                                  "args": ["/bin/true"]}}
    box.write()
    box.hull.prefix = [*cgroup2.ENTER, "strace", "-f", "-qq", "-o", str(log)]
    box.hull("run", "--bundle", box.dir, box.id, timeout=60).ok()
    box.hull.prefix = cgroup2.ENTER
    return list(lines_of(log))


@pytest.mark.v2
def test_run(box, scratch, record_property):
    reason = cgroup2.reason_to_skip()
    if reason or not shutil.which("strace"):
        pytest.skip(reason or "needs strace")
    box.hull = cgroup2.over(box.hull)
    trace(box, scratch / "warm")
    calls = trace(box, scratch / "log")
    pids = {pid for pid, _, _ in calls}
    execs = [l for _, c, l in calls if c in ("execve", "execveat") and not re.search(r"= -1", l)][1:]
    runtime_pid = calls[0][0]
    program = [i for i, (pid, c, l) in enumerate(calls) if c.startswith("execve") and pid != runtime_pid]
    counted = [c for i, (pid, c, _) in enumerate(calls) if pid == runtime_pid or i <= program[-1]]
    by_call = collections.Counter(counted)
    table = ", ".join(f"{c} {n}" for c, n in by_call.most_common())
    figures = f"{len(pids)} processes, {len(execs)} execs, {len(counted)} system calls " \
              f"({len(calls)} with the program's own): {table}"
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
        argv = ["strace", "-f", "-qq", "-o", str(log), box.hull.program, "--root", str(box.hull.root), *args]
        box.hull.call(argv).ok()
        calls = list(lines_of(log))
        assert len({pid for pid, _, _ in calls}) == 1
        assert sum(c == "execve" for _, c, _ in calls) == 1
        assert len(calls) <= most, f"{args}: {len(calls)}: " + str(collections.Counter(c for _, c, _ in calls))
    box.end()
