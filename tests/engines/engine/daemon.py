# SPDX-License-Identifier: Apache-2.0
"""A daemon of the session: started in its own directory, its log kept, ended by its pid."""
import ctypes
import pathlib
import signal
import subprocess

from support.runtime import wait_until


PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


class Daemon:
    def __init__(self, argv, log, ready, timeout=60, **kw):
        self.log = pathlib.Path(log)
        self.argv, self.ready, self.timeout, self.kw = [str(a) for a in argv], ready, timeout, kw
        self.start()

    def start(self):
        with open(self.log, "ab") as f:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM), **self.kw)

        def up():
            assert self.process.poll() is None, f"{self.argv[0]} has ended: {self.tail()}"
            return self.ready()

        wait_until(up, timeout=self.timeout, step=0.1)

    def stop(self, sig=signal.SIGTERM, timeout=60):
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.argv[0]} did not end: {self.tail()}") from None

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:]
