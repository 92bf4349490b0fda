# SPDX-License-Identifier: Apache-2.0
"""process.args: the look-up of the program, its arguments, its failures"""
import os
import shutil

import pytest


def test_arguments_arrive_as_given(box):
    args = ["a b", "", "-x", "$HOME", "ünï\ncode", "'\""]
    box.args("/bin/sh", "-c", 'for a; do printf "[%s]" "$a"; done', "sh", *args)
    assert box.run().ok().out == "".join(f"[{a}]" for a in args)


def test_many_arguments(box):
    args = [str(i) for i in range(5000)]
    assert box.args("/bin/sh", "-c", "echo $#", "sh", *args).run().ok().out == "5000\n"


def test_search_along_path(box):
    box.process["env"] = ["PATH=/nowhere:/opt/bin:/bin"]
    os.makedirs(box.rootfs / "opt/bin")
    (box.rootfs / "opt/bin/tool").write_text("#!/bin/sh\necho found $0\n")
    (box.rootfs / "opt/bin/tool").chmod(0o755)
    assert box.args("tool").run().ok().out == "found /opt/bin/tool\n"


def test_search_skips_what_cannot_be_executed(box):
    """execvp: a directory or a file without x bit earlier in PATH is passed over."""
    box.process["env"] = ["PATH=/a:/b:/c:/bin"]
    for d in "abc":
        os.mkdir(box.rootfs / d)
    os.mkdir(box.rootfs / "a/tool")
    (box.rootfs / "b/tool").write_text("#!/bin/sh\necho wrong\n")
    (box.rootfs / "c/tool").write_text("#!/bin/sh\necho right\n")
    (box.rootfs / "c/tool").chmod(0o755)
    assert box.args("tool").run().ok().out == "right\n"


def test_relative_path_is_from_cwd(box):
    os.makedirs(box.rootfs / "work/sub")
    shutil.copy(box.rootfs / "bin/busybox", box.rootfs / "work/sub/echo")
    box.process["cwd"] = "/work"
    assert box.args("sub/echo", "here").run().ok().out == "here\n"
    assert box.args("./sub/echo", "here").run().ok().out == "here\n"


def test_argv0_is_kept(box):
    box.args("sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline; true")
    assert box.run().ok().out.startswith("sh -c ")


def test_link_is_followed_inside(box):
    os.symlink("/bin/busybox", box.rootfs / "bin/absolute-link")
    box.args("/bin/absolute-link", "echo", "x")
    r = box.run()
    assert r.code in (0, 127), r  # busybox may not know an applet of that name
    os.symlink("/bin/sh", box.rootfs / "sbin/sh")
    assert box.args("/sbin/sh", "-c", "echo y").run().ok().out == "y\n"


@pytest.mark.parametrize("path", ["/no/such/program", "no-such-program", "./nothing"])
def test_missing_program(box, path):
    r = box.args(path).run().fails("exec: ", code=1)
    assert path.lstrip("./") in r.text
    assert "no such file or directory" in r.text or "executable file not found in $PATH" in r.text
    box.create().fails("exec: ", code=1)


def test_not_executable(box):
    (box.rootfs / "plain").write_text("text")
    box.args("/plain").run().fails('exec: "/plain": permission denied', code=1)


def test_directory(box):
    r = box.args("/bin").run().fails('exec: "/bin"', code=1)
    assert "is a directory: permission denied" in r.text


def test_interpreter_missing(box):
    """Only execve knows: one bare line, exit 255 or 1, as runc."""
    (box.rootfs / "run.sh").write_text("#!/no/interpreter\n")
    (box.rootfs / "run.sh").chmod(0o755)
    r = box.args("/run.sh").run().fails("exec /run.sh: no such file or directory")
    assert r.text.strip() == "exec /run.sh: no such file or directory"


def test_exec_format_error(box):
    (box.rootfs / "junk").write_bytes(b"\x00\x01\x02 not a program")
    (box.rootfs / "junk").chmod(0o755)
    box.args("/junk").run().fails("exec /junk: exec format error")


def test_argument_list_too_long(box):
    box.args("/bin/echo", "x" * (200 * 1024)).run().fails("argument list too long")


@pytest.mark.parametrize("args", [[], None])
def test_empty_is_refused(box, args):
    box.process["args"] = args
    box.run().fails("args must not be empty", code=1)


def test_capability_to_execute(box):
    """The permission check is the kernel's: ambient CAP_DAC_OVERRIDE lets a user run it."""
    shutil.copy(box.rootfs / "bin/busybox", box.rootfs / "bin/private")
    (box.rootfs / "bin/private").chmod(0o100)
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.args("/bin/private", "true").run().fails("permission denied")
    box.process["capabilities"] = {s: ["CAP_DAC_OVERRIDE"] for s in
                                   ("bounding", "permitted", "effective", "inheritable", "ambient")}
    box.args("/bin/private").run().text  # starts; which applet busybox takes does not matter
    assert "permission denied" not in box.run().text
