# SPDX-License-Identifier: Apache-2.0
"""What this kernel has been built without; User-Mode Linux lacks some of it."""
import os
import subprocess

import pytest

TIME_NAMESPACES = os.path.exists("/proc/self/ns/time")
needs_time_namespaces = pytest.mark.skipif(not TIME_NAMESPACES, reason="the kernel has no time namespaces")
needs_numa = pytest.mark.skipif(not os.path.exists("/proc/self/numa_maps"), reason="the kernel has no NUMA support")


def has_linux32():
    r = subprocess.run(["setarch", "i686", "uname", "-m"], capture_output=True, text=True, check=False)
    return r.stdout == "i686\n"


needs_linux32 = pytest.mark.skipif(not has_linux32(), reason="PER_LINUX32 changes nothing on this machine")
