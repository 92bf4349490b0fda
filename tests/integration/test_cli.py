# SPDX-License-Identifier: Apache-2.0
"""The command line: help, version, flags in all their spellings, log, usage errors, state root"""
import datetime
import json
import os
import re
import shutil
import stat
import time

import pytest

from support.runtime import Runtime, binary

COMMANDS = ["create", "delete", "exec", "kill", "list", "run", "spec", "start", "state"]


def call(*args, **kw):
    return Runtime.call([binary(), *map(str, args)], **kw)


@pytest.mark.parametrize("flag", ["-h", "--help", "-help", "help", "h"])
def test_help(flag):
    r = call(flag).ok()
    lines = r.out.splitlines()
    assert lines[0] == "NAME:" and "Open Container Initiative runtime" in lines[1]
    for c in COMMANDS:
        assert re.search(rf"^ +{c} ", r.out, re.M), c
    assert r.err == ""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_command(command, flag):
    r = call(command, flag).ok()
    lines = r.out.splitlines()
    assert lines[0] == "NAME:" and f"{os.path.basename(binary())} {command}" in lines[1]


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_version(flag):
    r = call(flag).ok()
    a, b, c = r.out.splitlines()[:3]
    assert re.match(r"^\w+ version \d+\.\d+\.\d+", a)
    assert b.startswith("commit: ") and re.match(r"^spec: 1\.\d+\.\d+$", c)


def test_unknown_command():
    call("foo").fails("No help topic for 'foo'")
    call("foo", "-h").fails("No help topic for 'foo'")


@pytest.mark.parametrize("args", [("--no-such-flag", "list"), ("list", "--no-such-flag"),
                                  ("run", "-x", "id"), ("state",), ("state", "a", "b"), ("start",),
                                  ("kill",), ("kill", "a", "b", "c"), ("delete",), ("create",),
                                  ("run",), ("spec", "x"), ("list", "x"), ("--log",),
                                  ("run", "--preserve-fds", "x", "id"), ("list", "--quiet=perhaps"),
                                  ("run", "--preserve-fds=-1", "id")])
def test_usage_errors(args):
    call(*args).fails(code=1)


def test_exec_usage_error_is_1():
    """255 is for an exec that failed."""
    call("exec").fails(code=1)
    call("exec", "--no-such-flag", "x", "y").fails(code=1)
    call("exec", "--preserve-fds", "x", "y", "z").fails(code=1)


@pytest.mark.parametrize("flags", [["--pid-file", ""], ["--console-socket="], ["--pidfd-socket", ""]])
def test_empty_value_is_none(box, flags):
    """Scripts pass variables on that are not set: --pid-file "$PIDFILE"."""
    box.sh("echo ran").run(*flags).ok()


@pytest.mark.parametrize("flag", ["user", "cwd", "pid-file", "process", "console-socket", "pidfd-socket",
                                  "apparmor", "process-label"])
def test_empty_value_of_exec_is_none(box, flag):
    box.up()
    assert box.exec(f"--{flag}=", box.id, "echo", "ran").ok().out == "ran\n"
    box.end()


def test_empty_signal_is_the_default(box):
    box.up("trap 'exit 7' TERM; while :; do sleep 0.05; done")
    box.kill("").ok()
    box.wait_stopped()
    box.end()


def test_dashes_after_the_id(box):
    """Only the one that ends the flags, once."""
    box.up()
    assert box.exec(box.id, "--", "echo", "hi").ok().out == "hi\n"
    assert box.exec("--", box.id, "echo", "--").ok().out == "--\n"
    box.exec("--", box.id, "--", "echo").fails('exec: "--"', code=255)
    assert "sleep" in box.hull("ps", box.id, "--", "-ef").ok().out
    box.end()


def test_log_time_is_local(scratch):
    for zone, end in (("UTC", "Z"), ("ZON+5:30", "-05:30"), ("ZON-3", "+03:00")):
        log = scratch / zone.replace(":", "")
        call("--log", str(log), "--log-format", "json", "state", "none", env={**os.environ, "TZ": zone}).fails()
        when = json.loads(log.read_text())["time"]
        assert when.endswith(end) and abs(datetime.datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp()
                                          - time.time()) < 60


def test_exec_needs_a_program(box):
    box.up()
    box.exec(box.id).fails(code=255)
    box.end()


@pytest.mark.parametrize("form", [["--bundle", "D"], ["-bundle", "D"], ["--bundle=D"], ["-bundle=D"],
                                  ["-b", "D"], ["-b=D"], ["--b", "D"]])
def test_spellings_of_a_flag(box, form):
    """One or two dashes, `=` or the next word: containerd sends -bundle and -no-subreaper."""
    box.args("/bin/true").write()
    box.hull("run", *[f.replace("D", str(box.dir)) for f in form], box.id).ok()


@pytest.mark.parametrize("form", ["--detach", "-detach", "-d", "--detach=true", "-d=1"])
def test_spellings_of_a_switch(box, form):
    box.sh("sleep 1000").write()
    box._quiet("run", "--bundle", box.dir, form, box.id).ok()
    assert box.status() == "running"
    box.end()


def test_switch_off(box):
    assert box.sh("echo waited").run("--detach=false").ok().out == "waited\n"


def test_flags_stop_at_the_id(box):
    box.up()
    out = box.exec(box.id, "echo", "--tty", "-d", "--help").ok().out
    assert out == "--tty -d --help\n"
    out = box.exec("--", box.id, "echo", "x").ok().out
    assert out == "x\n"
    box.end()


def test_bundle_is_the_current_directory(box):
    box.args("/bin/true").write()
    box.hull("run", box.id, cwd=box.dir).ok()


def test_missing_bundle(hull, scratch):
    hull("run", "--bundle", scratch / "none", "x").fails("no such file or directory", code=1)
    r = hull("run", "--bundle", scratch, "x").fails(code=1)
    assert "config.json" in r.text
    hull("create", "--bundle", scratch, "x").fails("config.json", code=1)


# Log
LINE = re.compile(r'^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)" level=error msg=".*"$')


def test_error_is_one_logrus_line(hull):
    r = hull("state", "none").fails("container does not exist", code=1)
    lines = r.err.splitlines()
    assert len(lines) == 1 and LINE.match(lines[0]), r.err


def test_error_prefix_of_run(box):
    box.args("/no/such").run().fails(
        "run failed: unable to start container process: error during container init: exec: "
        '"/no/such"', code=1)
    box.exec(box.id, "x").fails("exec failed: ", code=255)


def test_log_file(box, scratch):
    log = scratch / "log"
    box.args("/no/such").write()
    r = box.hull.call([box.hull.program, "--log", str(log), "--root", str(box.hull.root), "run",
                       "--bundle", str(box.dir), box.id]).fails("/no/such", code=1)
    assert LINE.match(log.read_text().splitlines()[0])
    assert not r.err.startswith("time=")
    # The log is appended to.
    box.hull.call([box.hull.program, "--log", str(log), "--root", str(box.hull.root), "state", "x"])
    assert len(log.read_text().splitlines()) >= 2
    assert log.stat().st_mode & 0o777 == 0o644


def test_log_json(hull, scratch):
    log = scratch / "log"
    hull.call([hull.program, "--log-format", "json", "--log", str(log), "--root", str(hull.root),
               "state", 'qu"ote\\x']).fails(code=1)
    entry = json.loads(log.read_text())
    assert entry["level"] == "error" and set(entry) == {"level", "msg", "time"}
    assert re.match(r"^\d{4}-\d\d-\d\dT", entry["time"])


def test_log_json_on_stderr(hull):
    r = hull.call([hull.program, "--log-format=json", "--root",
                  str(hull.root), "state", "x"]).fails(code=1)
    assert json.loads(r.err)["msg"] == "container does not exist"


def test_bad_log(scratch):
    call("--log-format", "xml", "list").fails("log-format", code=1)
    call("--log", scratch / "no/dir/log", "list").fails("no such file or directory", code=1)


def test_debug(box, scratch):
    """Each step is named at debug level, and nothing of it without --debug."""
    box.args("/bin/true").write()
    argv = [box.hull.program,
    "--debug",
    "--root",
    str(box.hull.root),
    "run",
    "--bundle",
    str(box.dir),
     box.id]
    r = box.hull.call(argv).ok()
    assert "level=debug" in r.err and "clone" in r.err
    argv[1:1] = ["--log", str(scratch / "log"), "--log-format", "json"]
    r = box.hull.call(argv).ok()
    assert r.err == "" and '"level":"debug"' in (scratch / "log").read_text()
    assert box.run().ok().text == ""


def test_debug_create(box):
    """Log lines of init after create has gone must not end it."""
    box.sh("sleep 1000").write()
    for _ in range(3):
        box._quiet("create", "--bundle", box.dir, box.id).ok()
        box.end()
        argv = [box.hull.program,
    "--debug",
    "--root",
    str(box.hull.root),
    "create",
    "--bundle",
    str(box.dir),
     box.id]
        with open(os.devnull, "w") as null:
            Runtime.call(argv, stdout=null, stderr=null).ok()
        assert box.status() == "created"
        box.start().ok()
        assert box.status() == "running"
        box.end()


def test_success_is_silent(box):
    box.args("/bin/true")
    for r in (box.create(), box.start()):
        assert r.ok().text == ""
    box.wait_stopped()
    assert box.delete().ok().text == ""


def test_newline_in_a_message_stays_one_line(box):
    r = box.args("/no/such\nprogram").run().fails(code=1)
    assert len(r.err.splitlines()) == 1


# State root
def test_root_is_made_private(box):
    box.args("/bin/true").create().ok()
    assert stat.S_IMODE(box.hull.root.stat().st_mode) & 0o077 in (0, 0o011)
    assert stat.S_IMODE((box.hull.root / box.id).stat().st_mode) & 0o006 == 0
    assert (box.hull.root / box.id / "state.json").stat().st_mode & 0o077 == 0
    assert stat.S_ISFIFO((box.hull.root / box.id / "exec.fifo").stat().st_mode)
    box.end()


def test_relative_root(box, scratch):
    box.args("/bin/true").write()
    r = box.hull.call([box.hull.program, "--root", "rel", "create", "--bundle", str(box.dir), box.id],
                      cwd=scratch, stdout=None, stderr=None)
    assert r.code == 0 and (scratch / "rel" / box.id).is_dir()
    box.hull.call([box.hull.program, "--root", "rel", "delete", "-f", box.id], cwd=scratch).ok()


def test_slash_is_no_root():
    call("--root", "/", "list").fails(code=1)


def test_rootless_values(hull):
    hull.call([hull.program, "--rootless", "maybe", "--root",
              str(hull.root), "list"]).fails("rootless", code=1)


def test_called_runc(box, scratch):
    """Through a link of that name the messages say runc, and so does --version."""
    link = scratch / "runc"
    link.symlink_to(os.path.realpath(binary()))
    assert Runtime.call([str(link), "--version"]).ok().out.startswith("runc version ")
    assert "runc - Open Container Initiative runtime" in Runtime.call([str(link), "-h"]).ok().out
    box.args("/no/such").write()
    Runtime.call([str(link), "--root", str(box.hull.root), "run", "--bundle", str(box.dir), box.id]).fails(
        "runc run failed: unable to start container process: ", code=1)
    box.args("/bin/echo", "hi").write()
    r = Runtime.call([str(link), "--root", str(box.hull.root),
                     "run", "--bundle", str(box.dir), box.id]).ok()
    assert r.out == "hi\n"


def test_called_by_another_name(box, scratch):
    copy = scratch / "other-name"
    shutil.copy(binary(), copy)
    lines = Runtime.call([str(copy), "run", "-h"]).ok().out.splitlines()
    assert "other-name run" in lines[1]
    box.args("/bin/echo", "hi").write()
    r = Runtime.call([str(copy), "--root", str(box.hull.root),
                     "run", "--bundle", str(box.dir), box.id]).ok()
    assert r.out == "hi\n"


def test_default_roots(box, scratch):
    """/run/hull or /run/runc by name; below XDG_RUNTIME_DIR only when not really root."""
    assert call("list", "-q").code == 0
    env = dict(os.environ, XDG_RUNTIME_DIR=str(scratch))
    call("list", "-q", env=env).ok()
    assert list(scratch.iterdir()) == []


def test_missing_root(hull, scratch):
    """Given explicitly it is an error for list, as runc."""
    Runtime.call([binary(), "--root", str(scratch / "none"), "list"]
                 ).fails("no such file or directory", code=1)
    Runtime.call([binary(), "--root", str(scratch / "none"), "state", "x"]
                 ).fails("container does not exist", code=1)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_standard_streams(box, closed):
    """A stream that the caller closed does not become some file of ours."""
    def close():
        for fd in closed:
            os.close(fd)
    box.sh("exit 5").write()
    r = Runtime.call(box.hull.argv("run", "--bundle", box.dir, box.id), preexec_fn=close)
    assert r.code == 5


def test_spec(scratch):
    call("spec", "--bundle", scratch).ok()
    config = json.loads((scratch / "config.json").read_text())
    assert config["process"]["args"] == ["sh"] and config["process"]["terminal"] is True
    assert [n["type"] for n in config["linux"]["namespaces"]
        ][:5] == ["pid", "network", "ipc", "uts", "mount"]
    call("spec", "--bundle", scratch).fails("File config.json exists. Remove it first", code=1)
    call("spec", "-b", scratch / "none").fails("no such file or directory", code=1)


def test_spec_rootless(scratch):
    call("spec", "--rootless", cwd=scratch).ok()
    config = json.loads((scratch / "config.json").read_text())
    kinds = [n["type"] for n in config["linux"]["namespaces"]]
    assert "user" in kinds and "network" not in kinds
    assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    assert "resources" not in config["linux"]
    options = [o for m in config["mounts"] for o in m.get("options", [])]
    assert not [o for o in options if o.startswith(("uid=", "gid="))]


def test_spec_is_runcs(scratch):
    """The same document as runc's, where one is installed."""
    runc = os.environ.get("RUNC") or shutil.which("runc")
    if not runc:
        pytest.skip("no runc to compare with")
    if not re.search(r"^spec: 1\.([3-9]|\d\d)", Runtime.call([runc, "--version"]).ok().out, re.M):
        pytest.skip("the runc here is of another spec version (set RUNC)")
    (scratch / "a").mkdir()
    (scratch / "b").mkdir()
    call("spec", "-b", scratch / "a").ok()
    Runtime.call([runc, "spec", "-b", str(scratch / "b")]).ok()
    a, b = (json.loads((scratch / d / "config.json").read_text()) for d in "ab")
    a.pop("ociVersion"), b.pop("ociVersion")
    assert a == b
