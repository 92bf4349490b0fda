# SPDX-License-Identifier: Apache-2.0
"""What a container's program can do with devices, moment by moment."""

from .runtime import wait_until

LOOP = """exec 2>/dev/null; n=0
while [ ! -e /dev/shm/end ]; do
    true <>/dev/null || echo null was denied
    true </dev/kmsg && echo kmsg was allowed
    n=$((n + 1)); [ $n != 20 ] || echo looping
done
echo ended; sleep 1000"""


class OpeningLoop:
    """The container's program: it opens /dev/null, which it may, and /dev/kmsg, which it may not, all the time."""

    def __init__(self, box):
        self.box = box
        box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}]
        box.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}]
        box.caps("CAP_SYSLOG").up(LOOP)
        wait_until(lambda: "looping" in box.printed())

    def end(self):
        """Nothing was ever denied or allowed that should not have been."""
        self.box.hull("exec", self.box.id, "/bin/touch", "/dev/shm/end").ok()
        wait_until(lambda: "ended" in self.box.printed())
        assert self.box.printed() == "looping\nended\n"
