# SPDX-License-Identifier: Apache-2.0
"""The copy that the processes in a container run from (CVE-2019-5736), where the kernel refuses the usual one."""
import ctypes
import errno
import os
import platform
import shutil
import struct

import pytest
from support import runtime

F_ADD_SEALS = 1033
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000
NUMBERS = {"x86_64": {"fcntl": 72, "memfd_create": 319, "openat": 257}, "aarch64": {"fcntl": 25, "memfd_create": 279, "openat": 56}}

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"),
                       reason="needs root and unshare (util-linux)"),
    pytest.mark.skipif(platform.machine() not in NUMBERS, reason="system call numbers unknown here"),
]


def refusal(call, error, argument=None):
    """For preexec_fn: the call, with (index, value) as an argument, ends in the error, here and in all children."""
    load, equal, give = 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 0), (equal, 0, 3 if argument else 1, NUMBERS[platform.machine()][call])]
    if argument:
        steps += [(load, 0, 0, 16 + 8 * argument[0]), (equal, 0, 1, argument[1])]
    steps += [(give, 0, 0, RET_ERRNO | error), (give, 0, 0, RET_ALLOW)]
    code = b"".join(struct.pack("HBBI", *s) for s in steps)

    def install():
        memory = ctypes.create_string_buffer(code)
        program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(memory))
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) < 0:
            os._exit(99)
    return install


BUSY = refusal("fcntl", errno.EBUSY, (1, F_ADD_SEALS))
FORBIDDEN = refusal("memfd_create", errno.EACCES)
O_LARGEFILE = 0x8000 if platform.machine() == "x86_64" else 0x20000
NO_TMPFILE = [refusal("openat", errno.EACCES, (2, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC | more))
              for more in (0, O_LARGEFILE)]   # musl adds it


def program_of_init(box, **kw):
    """The path that /proc shows of the waiting init's program, once it is known to be a copy of the host's file."""
    box.sh("true").create(**kw).ok()
    exe = f"/proc/{box.pid()}/exe"
    host, st = os.stat(box.hull.program), os.stat(exe)
    assert (st.st_dev, st.st_ino) != (host.st_dev, host.st_ino)
    path = os.readlink(exe)
    if not path.startswith("/memfd:"):
        assert st.st_nlink == 0 and st.st_mode & 0o222 == 0
    box.end()
    return path


def run_prefixed(box, script, **kw):
    """A foreground run in new mount and pid namespaces that the script prepares."""
    hull = runtime.Runtime(box.hull.root, prefix=[
        "unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-ec", script + '\nexec "$@"', "sh"])
    box.sh("echo from inside").write()
    return hull("run", "--bundle", box.dir, runtime.unique(), **kw)


def test_refusals_take_effect():
    """The two filters do what the tests below rely on."""
    asks = f"import os, fcntl; fcntl.fcntl(os.memfd_create('x', os.MFD_ALLOW_SEALING), {F_ADD_SEALS}, 8)"
    for refused, error in (BUSY, "busy"), (FORBIDDEN, "denied"):
        r = runtime.Runtime.call(["python3", "-c", asks], preexec_fn=refused)
        assert r.code == 1 and error in r.err, r
    runtime.Runtime.call(["python3", "-c", asks]).ok()


def test_usual_copy_is_a_memfd(box):
    assert program_of_init(box).startswith("/memfd:")


@pytest.mark.parametrize("refused", [BUSY, FORBIDDEN], ids=["pages-held", "no-executable-memfd"])
def test_file_without_a_name_instead(box, refused):
    """F_SEAL_WRITE ends in EBUSY when something else in the kernel holds a page of the file for long."""
    path = program_of_init(box, preexec_fn=refused)
    assert path.startswith(("/run/", "/tmp/", "/var/tmp/")) and path.endswith(" (deleted)")


def test_sysctl_memfd_noexec(box):
    """The sysctl is one of the pid namespace, and can't be taken back in it."""
    if not os.path.exists("/proc/sys/vm/memfd_noexec"):
        pytest.skip("no sysctl vm.memfd_noexec: Linux before 6.3")
    r = run_prefixed(box, "echo 2 > /proc/sys/vm/memfd_noexec")
    assert r.ok().out == "from inside\n"


@pytest.mark.parametrize("script", ["", "echo 2 > /proc/sys/vm/memfd_noexec"], ids=["pages-held", "sysctl"])
def test_run_is_a_tmpfs(box, script):
    """As under systemd. A file of a tmpfs has a seal of its own: the copy must be known for one all the same."""
    if script and not os.path.exists("/proc/sys/vm/memfd_noexec"):
        pytest.skip("no sysctl vm.memfd_noexec: Linux before 6.3")
    r = run_prefixed(box, f"mount -t tmpfs tmpfs /run\n{script}", **({} if script else {"preexec_fn": BUSY}))
    assert r.ok().out == "from inside\n"


def test_directories_without_exec(box):
    """/run has the option noexec on many systems: the next directory is taken."""
    r = run_prefixed(box, "mount -t tmpfs -o noexec tmpfs /run", preexec_fn=BUSY)
    assert r.ok().out == "from inside\n"


def test_no_place_for_a_copy(box):
    def refused():
        for refuse in BUSY, *NO_TMPFILE:
            refuse()

    r = box.sh("echo from inside").run(preexec_fn=refused)
    r.fails("copy /proc/self/exe", "/run, /tmp and /var/tmp", "permission denied", code=1)
