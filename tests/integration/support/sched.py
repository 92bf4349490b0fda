# SPDX-License-Identifier: Apache-2.0
"""Scheduling attributes of a process, straight from the kernel."""
import collections
import ctypes
import os
import struct

SYS_SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}.get(os.uname().machine)
SYS_IOPRIO_GET = {"x86_64": 252, "aarch64": 31}.get(os.uname().machine)
SCHED_DEADLINE = 6

_libc = ctypes.CDLL(None, use_errno=True)
Attributes = collections.namedtuple("Attributes",
                                    "size policy flags nice priority runtime deadline period")


def attributes(pid):
    """sched_getattr(2)"""
    buf = ctypes.create_string_buffer(56)
    if _libc.syscall(SYS_SCHED_GETATTR, pid, buf, 56, 0) < 0:
        raise OSError(ctypes.get_errno(), "sched_getattr")
    return Attributes(*struct.unpack_from("=IIQiIQQQ", buf))


def io_priority(pid):
    """ioprio_get(2): class and level."""
    value = _libc.syscall(SYS_IOPRIO_GET, 1, pid)
    if value < 0:
        raise OSError(ctypes.get_errno(), "ioprio_get")
    return value >> 13, value & 0x1fff


def has_cap(number):
    """Whether this process has a capability."""
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    return False


CAP_SYS_NICE = 23
