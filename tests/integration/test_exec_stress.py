# SPDX-License-Identifier: Apache-2.0
"""
Many execs at once in one container: every exit code and every byte of output is right, and nothing is left.
HULL_STRESS_EXECS says how many (1000 take a minute), HULL_STRESS_AT_ONCE how many at a time.
"""
import concurrent.futures
import os
import subprocess

import pytest

from support.console import Terminal
from support.runtime import Runtime, wait_until

EXECS = int(os.environ.get("HULL_STRESS_EXECS", "160"))
AT_ONCE = int(os.environ.get("HULL_STRESS_AT_ONCE", "16"))
SIZE = 100000


def piped(box, i):
    """Half of the output there, half by way of standard input."""
    data = bytes((i + k) % 256 for k in range(SIZE))
    r = Runtime.call(box.hull.argv("exec", "--env", f"N={i}", box.id, "/bin/sh", "-c",
                                   'head -c $((N * 100)) /data; cat; echo "end $N" >&2; exit $((N % 256))'),
                     input=data, timeout=120)
    assert r.code == i % 256, f"{i}: exit {r.code}: {r.err}"
    assert r.raw == box.data[:i * 100] + data, f"{i}: {len(r.raw)} bytes"
    assert r.err == f"end {i}\n", f"{i}: {r.err!r}"


def on_a_terminal(box, i):
    with Terminal(box.hull.argv("exec", "--tty", "--env", f"N={i}", box.id, "/bin/sh", "-c",
                                'read x; head -c 20000 /text; echo "end $x $N"; exit $((N % 256))')) as t:
        t.send(f"word{i}\r")
        out = t.expect(f"end word{i} {i}", timeout=120)
        code = t.wait(120)
    assert code == i % 256, f"{i}: exit {code}"
    assert box.text[:20000] in out.replace("\r", ""), f"{i}: {len(out)} characters"


def detached(box, i):
    pid_file, out = box.dir / f"pid{i}", box.dir / f"out{i}"
    with open(out, "wb") as f:
        r = Runtime.call(box.hull.argv("exec", "--detach", "--pid-file", pid_file, box.id, "/bin/sh", "-c",
                                       f"head -c {SIZE} /data; echo end {i}"), stdout=f, stderr=f, timeout=120)
    assert r.code == 0 and int(pid_file.read_text()) > 1
    end = box.data[:SIZE] + f"end {i}\n".encode()
    wait_until(lambda: out.read_bytes() == end, timeout=60)


def refused(box, i):
    r = box.exec(box.id, f"/no/such/{i}", timeout=120)
    assert r.code == 255 and f'exec: "/no/such/{i}": stat /no/such/{i}: no such file' in r.text, str(r)


@pytest.fixture
def box(box):
    box.data = os.urandom(1 << 20)
    (box.rootfs / "data").write_bytes(box.data)
    box.text = "".join(f"line {i} of a text\n" for i in range(2000))
    (box.rootfs / "text").write_text(box.text)
    box.up()
    yield box
    box.end()


def processes_in(box):
    return box.hull("ps", "-f", "json", box.id).ok().out.strip()


@pytest.mark.slow
def test_many_at_once(box):
    before = processes_in(box)
    kinds = [piped, piped, piped, on_a_terminal, detached, refused]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(kinds[i % len(kinds)], box, i) for i in range(1, EXECS + 1)]
        failures = [str(j.exception()) for j in jobs if j.exception()]
    assert not failures, f"{len(failures)} of {EXECS}: " + "\n".join(failures[:5])
    # what was detached has ended as well: there is init, and nobody else, living or dead
    wait_until(lambda: processes_in(box) == before)
    init = box.pid()
    inside = subprocess.run(["nsenter", "-t", str(init), "-m", "-p", "/bin/busybox", "ls", "/proc"], check=True,
                            capture_output=True, text=True, timeout=20).stdout.split()
    assert sum(name.isdigit() for name in inside) == 2   # init and ls
    assert os.listdir(f"/proc/{init}/task") == [str(init)]
    assert sorted(p.name for p in (box.hull.root / box.id).iterdir()) == ["config.json", "state.json"]
    assert box.status() == "running"
