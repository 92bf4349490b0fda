# SPDX-License-Identifier: Apache-2.0
"""The completion scripts, each in its shell."""
import contextlib
import os
import pty
import select
import shutil
import subprocess
import time

import pytest

from support import runtime

TOOL = runtime.REPOSITORY / "tools/completions"
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the tree has no tools/completions")


def need(shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")


def script(shell, scratch):
    out = scratch / f"hull.{shell}"
    out.write_bytes(subprocess.run([TOOL, runtime.binary(), shell], check=True, stdout=subprocess.PIPE).stdout)
    return out


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/hull").symlink_to(os.path.realpath(runtime.binary()))
    return tmp_path


def env(scratch):
    return {**os.environ, "PATH": f"{scratch}/bin:{os.environ['PATH']}", "HOME": str(scratch), "TERM": "dumb"}


def bash(line, scratch):
    """What bash offers for the last word of the line."""
    words = line.split(" ")
    code = ('source "$0"; shift 0; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _hull; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
    r = subprocess.run(["bash", "-c", code, script("bash", scratch), *words], env=env(scratch), check=True,
                       capture_output=True, text=True)
    assert r.stderr == ""
    return r.stdout.split()


def fish(line, scratch):
    r = subprocess.run(["fish", "--no-config", "-c", f"source {script('fish', scratch)}; complete -C '{line}'"],
                       env=env(scratch), check=True, capture_output=True, text=True)
    return [entry.split("\t")[0] for entry in r.stdout.splitlines()]


def zsh(line, expected, scratch):
    """Types the line and a tab into an interactive zsh; whether what it shows then has the word."""
    setup = (f"PS1='' ; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D -u; LISTMAX=1000; "
             f"source {script('zsh', scratch)}; echo rea''dy\n")
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], env(scratch))
    seen = b""

    def until(word):
        nonlocal seen
        end = time.monotonic() + 15
        while word not in seen and time.monotonic() < end:
            if select.select([fd], [], [], 0.5)[0]:
                try:
                    seen += os.read(fd, 65536)
                except OSError:
                    break
        return word in seen

    try:
        os.write(fd, setup.encode())
        assert until(b"\nready"), seen
        seen = b""
        os.write(fd, line.encode() + b"\t")
        return until(expected.encode()), seen
    finally:
        os.close(fd)
        os.kill(pid, 9)
        with contextlib.suppress(ChildProcessError):    # reaped by whoever else waits in this process
            os.waitpid(pid, 0)


CASES = [
    ("hull st", ["start", "state"]),
    ("hull --log-f", ["--log-format"]),
    ("hull --log-format j", ["json"]),
    ("hull update --cpuset", ["--cpuset-cpus", "--cpuset-mems"]),
    ("hull --debug exec --no-new", ["--no-new-privs"]),
]


@pytest.mark.parametrize("line,words", CASES)
def test_bash(line, words, scratch):
    assert bash(line, scratch) == words


@pytest.mark.parametrize("line,words", CASES)
def test_fish(line, words, scratch):
    need("fish")
    assert fish(line, scratch) == words


# zsh fills in what is certain and lists the rest.
@pytest.mark.parametrize("line,expected", [("hull che", "hull checkpoint"), ("hull stat", "hull state"),
                                           ("hull --log-f", "--log-format"),
                                           ("hull exec --no-new", "exec --no-new-privs")])
def test_zsh(line, expected, scratch):
    need("zsh")
    found, seen = zsh(line, expected, scratch)
    assert found, seen


def test_ids(box, scratch):
    """The ids of the state root that the line names."""
    box.up()
    line = f"hull --root {box.hull.root} kill {box.id[:-1]}"
    try:
        assert box.id in bash(line, scratch)
        assert bash(f"hull --root {box.hull.root} run ", scratch) == []
        if shutil.which("fish"):
            assert box.id in fish(line, scratch)
        if shutil.which("zsh"):
            found, seen = zsh(line, f"kill {box.id}", scratch)
            assert found, seen
    finally:
        box.end()
