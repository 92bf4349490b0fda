# SPDX-License-Identifier: Apache-2.0
"""
What can't be found or executed: the message names the file, interpreter or loader and the reason, and
ends in runc's words, in run, in start (there it is the container's own output) and in exec
"""
import json
import os
import platform
import shutil
import struct

import pytest

from support.console import Terminal

X86 = platform.machine() == "x86_64"
ENOENT, EACCES, ENOEXEC = "no such file or directory", "permission denied", "exec format error"
ELOOP, ELIBBAD = "too many levels of symbolic links", "accessing a corrupted shared library"
EM_X86_64, EM_AARCH64 = 62, 183


def elf(machine=EM_X86_64 if X86 else EM_AARCH64, interpreter=None, kind=2, bits=64, big=False):
    """An ELF file with one program header that names a loader, or without any."""
    o = ">" if big else "<"
    name = interpreter.encode() + b"\0" if interpreter else b""
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 2 if big else 1, 1]) + bytes(9)
    size, entry = (64, 56) if bits == 64 else (52, 32)
    n = 1 if interpreter else 0
    word = "Q" if bits == 64 else "I"
    head = ident + struct.pack(f"{o}HHI3{word}I6H", kind, machine, 1, 0, size, 0, 0, size, entry, n, 0, 0, 0)
    off = size + entry * n
    if bits == 64:
        header = struct.pack(f"{o}IIQQQQQQ", 3, 4, off, 0, 0, len(name), len(name), 1)
    else:
        header = struct.pack(f"{o}IIIIIIII", 3, off, 0, 0, len(name), len(name), 4, 1)
    return head + (header if n else b"") + name + bytes(64)


def put(box, name, data, mode=0o755):
    path = box.rootfs / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    path.chmod(mode)
    return path


# name: (what is made in the rootfs, the program, the reason, the errno phrase)
# Found out by execve itself
LATE = {
    "interpreter": (lambda b: put(b, "x", "#!/no/such arg\n"),
                    "the script interpreter /no/such of /x is not there", ENOENT),
    "interpreter-of-interpreter": (lambda b: (put(b, "x", "#! /y\n"), put(b, "y", "#!/no\n")),
                                   "the script interpreter /no of /y is not there", ENOENT),
    "interpreter-link": (lambda b: (put(b, "x", "#!/y\n"), os.symlink("/gone", b.rootfs / "y")),
                         "the script interpreter /y of /x is a symbolic link to /gone, which is not there", ENOENT),
    "crlf": (lambda b: put(b, "x", "#!/bin/sh\r\necho\r\n"),
             "the first line of /x ends in CR LF, as written on Windows, so its interpreter is not found", ENOENT),
    "interpreter-mode": (lambda b: (put(b, "x", "#!/y\n"), put(b, "y", elf(), 0o644)),
                         "the script interpreter /y of /x has no x bit (mode 0644)", EACCES),
    "interpreter-directory": (lambda b: put(b, "x", "#!/bin\n"),
                              "the script interpreter /bin of /x is a directory, not a program", EACCES),
    "interpreter-fifo": (lambda b: (put(b, "x", "#!/y\n"), os.mkfifo(b.rootfs / "y", 0o777)),
                         "the script interpreter /y of /x is a FIFO, not a program", EACCES),
    "interpreter-device": (lambda b: put(b, "x", "#!/dev/zero\n"),
                           "the script interpreter /dev/zero of /x is a device, not a program", EACCES),
    "interpreter-loop": (lambda b: (put(b, "x", "#!/y\n"), os.symlink("y", b.rootfs / "y")),
                         "the script interpreter /y of /x is a symbolic link that leads to itself or through too "
                         "many others", ELOOP),
    "interpreters-in-a-row": (lambda b: (put(b, "x", "#!/y\n"), put(b, "y", "#!/x\n")),
                              "/x has too many script interpreters in a row", ELOOP),
    "no-interpreter-named": (lambda b: put(b, "x", "#! \n"),
                             "/x names no interpreter in its first line", ENOEXEC),
    "long-first-line": (lambda b: put(b, "x", "#!/" + 300 * "y" + "\n"),
                        "the first line of /x is too long", ENOEXEC),
    "loader": (lambda b: put(b, "x", elf(interpreter="/lib/ld-none.so")),
               "the ELF loader /lib/ld-none.so of /x is not there", ENOENT),
    "loader-of-interpreter": (lambda b: (put(b, "x", "#!/y\n"), put(b, "y", elf(interpreter="/ld"))),
                              "the ELF loader /ld of /y is not there", ENOENT),
    "loader-mode": (lambda b: (put(b, "x", elf(interpreter="/y")), put(b, "y", elf(), 0o600)),
                    "the ELF loader /y of /x has no x bit (mode 0600)", EACCES),
    "loader-format": (lambda b: (put(b, "x", elf(interpreter="/y")), put(b, "y", "text" * 40)),
                      "the ELF loader /y of /x is a text without a first line that names an interpreter (#!)", ELIBBAD),
    "machine": (lambda b: put(b, "x", elf(EM_AARCH64 if X86 else EM_X86_64)),
                f"/x is made for {'ARM64' if X86 else 'x86-64'}, which cannot run here ({platform.machine()})", ENOEXEC),
    "machine-32": (lambda b: put(b, "x", elf(40 if X86 else 3, bits=32)),
                   f"/x is made for {'ARM' if X86 else 'i386'}, which cannot run here ({platform.machine()})", ENOEXEC),
    "machine-big-endian": (lambda b: put(b, "x", elf(22, big=True)), "/x is made for s390, which", ENOEXEC),
    "machine-unknown": (lambda b: put(b, "x", elf(0x7777)), "/x is made for another kind of processor, which", ENOEXEC),
    "object-file": (lambda b: put(b, "x", elf(kind=1)), "/x is an ELF file, but not a program", ENOEXEC),
    "cut-off": (lambda b: put(b, "x", elf()[:40]), "/x is a damaged ELF file", ENOEXEC),
    "empty": (lambda b: put(b, "x", ""), "/x is empty", ENOEXEC),
    "text": (lambda b: put(b, "x", "echo hello\n"),
             "/x is a text without a first line that names an interpreter (#!)", ENOEXEC),
    "binary": (lambda b: put(b, "x", b"MZ\0\1\2\3"), "/x is in no format of a program that is known here", ENOEXEC),
    "control-characters": (lambda b: put(b, "x", b"#!/\x1b[2J\x9b1m\x07y\n"),
                           "the script interpreter /?[2J?1m?y of /x is not there", ENOENT),
}
# Found out before, when args[0] is looked up: an error of create
EARLY = {
    "missing": (lambda b: None, "", f"stat /x: {ENOENT}"),
    "dangling": (lambda b: os.symlink("/gone", b.rootfs / "x"),
                 "/x is a symbolic link to /gone, which is not there", f"stat /x: {ENOENT}"),
    "loop": (lambda b: os.symlink("x", b.rootfs / "x"),
             "/x is a symbolic link that leads to itself or through too many others", f"stat /x: {ELOOP}"),
    "mode": (lambda b: put(b, "x", "#!/bin/sh\n", 0o644), "/x has no x bit (mode 0644)", EACCES),
    "directory": (lambda b: (b.rootfs / "x").mkdir(), "/x is a directory, not a program", "is a directory"),
    "fifo": (lambda b: os.mkfifo(b.rootfs / "x", 0o666), "/x is a FIFO, not a program", EACCES),
}


@pytest.mark.parametrize("name", LATE)
def test_late_in_run(box, name):
    make, why, phrase = LATE[name]
    make(box)
    r = box.args("/x").run()
    assert (r.code, r.out) == (255, ""), r
    # scripts compare the output of run where the interpreter of a script is not there
    bare = why.startswith("the script interpreter") and phrase == ENOENT
    line = r.err.rstrip("\n")
    assert "\n" not in line
    if bare:
        assert line == f"exec /x: {phrase}"
    else:
        assert line.startswith(why) and line.endswith(f": exec /x: {phrase}")


@pytest.mark.parametrize("name", LATE)
def test_late_in_start(box, name):
    make, why, phrase = LATE[name]
    make(box)
    box.args("/x").create().ok()
    box.start().ok()
    box.wait_stopped()
    assert box.output.with_name(box.output.name + ".err").read_text().startswith(why)
    assert box.output.with_name(box.output.name + ".err").read_text().endswith(f": exec /x: {phrase}\n")
    box.delete().ok()


@pytest.mark.parametrize("name", LATE)
def test_late_in_exec(box, name):
    make, why, phrase = LATE[name]
    make(box)
    box.up()
    r = box.exec(box.id, "/x")
    assert (r.code, r.out) == (255, ""), r
    assert r.err.startswith(why) and r.err.endswith(f": exec /x: {phrase}\n") and r.err.count("\n") == 1
    box.end()


@pytest.mark.parametrize("name", EARLY)
def test_early(box, name):
    make, why, phrase = EARLY[name]
    make(box)
    box.args("/x")
    words = f'{why}: exec: "/x": {phrase}' if why else f'exec: "/x": {phrase}'
    box.run().fails(f"unable to start container process: error during container init: {words}", code=1)
    box.create().fails(f"error during container init: {words}", code=1)
    assert box.hull.ids() == []
    box.up()
    r = box.exec(box.id, "/x").fails(f"exec failed: unable to start container process: {words}", code=255)
    assert r.err.count("\n") == 1
    box.end()


def test_reason_goes_to_the_log_of_run(box):
    """Where the output has to be runc's line alone."""
    put(box, "x", "#!/no/such\n")
    box.args("/x").write()
    log = box.dir / "log"
    r = box.hull.call([box.hull.program, "--log", log, "--log-format", "json", *box.hull.argv(
        "run", "--bundle", box.dir, box.id)[1:]])
    assert r.text == f"exec /x: {ENOENT}\n" and r.code == 255
    assert '"level":"info","msg":"the script interpreter /no/such of /x is not there"' in log.read_text()


def test_reason_is_shown_to_people(box):
    """And to whoever sits at a terminal."""
    put(box, "x", "#!/no/such\n")
    box.args("/x").write()
    with Terminal(box.hull.argv("run", "--bundle", box.dir, box.id)) as t:
        t.expect("the script interpreter /no/such of /x is not there")
        assert t.wait() == 255


@pytest.mark.parametrize("where", ["program", "interpreter"])
def test_noexec(box, where):
    box.mount("/mnt", "tmpfs", "tmpfs", ["noexec"])
    box.bind(box.rootfs / "bin", "/stuff", "noexec", "ro")
    box.sh("sleep 1000")
    if where == "program":
        box.up()
        r = box.exec(box.id, "/stuff/busybox").fails(code=255)
        assert f'/stuff/busybox lies on a mount with the option noexec: exec: "/stuff/busybox": {EACCES}' in r.text
        box.end()
        box.args("/stuff/busybox").run().fails("noexec", 'exec: "/stuff/busybox": permission denied', code=1)
    else:
        put(box, "x", "#!/stuff/sh\n")
        box.up()
        r = box.exec(box.id, "/x").fails(code=255)
        assert r.err == ("the script interpreter /stuff/sh of /x lies on a mount with the option noexec: "
                         f"exec /x: {EACCES}\n")
        box.end()


def test_bits_for_somebody_else(box):
    put(box, "x", "#!/bin/sh\n", 0o700)
    box.process["user"] = {"uid": 1000, "gid": 1001}
    box.args("/x").run().fails(
        '/x may not be executed by uid 1000 and gid 1001 (owner 0:0, mode 0700): exec: "/x": permission denied', code=1)


def test_directory_that_may_not_be_searched(box):
    put(box, "secret/x", "#!/bin/sh\n")
    (box.rootfs / "secret").chmod(0o700)
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.args("/secret/x").run().fails(
        'a directory on the way to /secret/x may not be searched: exec: "/secret/x": permission denied', code=1)


def test_not_in_path(box):
    box.args("nothing").run().fails('exec: "nothing": executable file not found in $PATH', code=1)
    box.process["env"] = ["TERM=xterm"]
    box.args("sh").run().fails('process.env has no PATH: exec: "sh": executable file not found in $PATH', code=1)


def test_in_path_but_not_executable(box):
    put(box, "bin/plain", "x", 0o644)
    box.args("plain").run().fails('/bin/plain has no x bit (mode 0644): exec: "plain": permission denied', code=1)


def test_text_busy(box):
    """Open for writing, by whoever."""
    path = put(box, "x", b"")
    shutil.copyfile(box.rootfs / "bin/busybox", path)
    box.up()
    with open(path, "r+b"):
        r = box.exec(box.id, "/x", "true")
        if r.code == 0:
            pytest.skip("this kernel does not mind")
        assert r.err == "somebody has /x, or what it needs, open for writing: exec /x: text file busy\n"
        assert r.code == 255
    box.end()


def test_argument_list_too_long(box):
    box.up()
    (box.dir / "p.json").write_text(json.dumps({"args": ["/bin/echo", "x" * (200 * 1024)], "cwd": "/"}))
    r = box.exec("-p", box.dir / "p.json", box.id)
    assert (r.code, r.err) == (255, "exec /bin/echo: argument list too long\n")
    box.end()


@pytest.mark.parametrize("action", ["SCMP_ACT_KILL_PROCESS", "SCMP_ACT_ERRNO"])
def test_filter_that_refuses_to_look(box, action):
    """The bare message, rather than none: we don't make a call that the program's filter ends us for."""
    put(box, "x", "#!/no/such\n")
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["openat", "open", "stat", "newfstatat"], "action": action}]}
    box.args("/bin/sleep", "1000").detach().ok()
    r = box.exec(box.id, "/x")
    assert (r.code, r.err) == (255, f"exec /x: {ENOENT}\n")
    box.end()


def test_hostile_files(box):
    """Nothing that lies in the root makes the one who looks wait, or read without end."""
    os.mkfifo(box.rootfs / "fifo", 0o777)
    put(box, "a", elf(interpreter="/fifo"))
    put(box, "b", "#!/fifo\n")
    data = bytearray(elf(interpreter="/none"))
    data[56:58] = b"\xff\xff"                   # e_phnum
    data[32:40] = struct.pack("<Q", 1 << 62)    # e_phoff
    put(box, "c", bytes(data))
    data = bytearray(elf(interpreter="/none"))
    data[64 + 8:64 + 16] = struct.pack("<Q", (1 << 64) - 1)   # p_offset
    data[64 + 32:64 + 40] = struct.pack("<Q", 1 << 40)        # p_filesz
    put(box, "d", bytes(data))
    with open(put(box, "e", "#!"), "r+b") as f:
        f.truncate(1 << 40)
    put(box, "f", "#!" + "\t" * 300)
    box.up()
    for name in "abcdef":
        r = box.exec(box.id, f"/{name}", timeout=10)
        assert r.code == 255 and f"exec /{name}: " in r.err, r
        assert len(r.err) < 1000
    box.end()
