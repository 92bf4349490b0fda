# SPDX-License-Identifier: Apache-2.0
"""Terminals: a program under a pty of ours, and the socket that receives a container's pty."""
import array
import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import termios
import time


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Reader:
    """Collects what a terminal's master gives and waits for words in it."""

    def __init__(self, fd):
        self.fd, self.seen = fd, b""

    def pump(self, timeout):
        """Reads once; False at the end of the terminal."""
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def expect(self, word, timeout=10):
        """Waits until word has come, and returns all up to and with it; the rest stays."""
        word = word.encode() if isinstance(word, str) else word
        end = time.monotonic() + timeout
        while word not in self.seen:
            alive = self.pump(0.1)
            assert alive or word in self.seen, f"terminal closed before {word!r}: {self.seen!r}"
            assert time.monotonic() < end, f"{word!r} did not come: {self.seen[-2000:]!r}"
        at = self.seen.index(word) + len(word)
        head, self.seen = self.seen[:at], self.seen[at:]
        return head.decode(errors="replace")

    def rest(self, timeout=10):
        end = time.monotonic() + timeout
        while self.pump(0.1):
            assert time.monotonic() < end, f"terminal does not end: {self.seen[-2000:]!r}"
        all_, self.seen = self.seen, b""
        return all_.decode(errors="replace")

    def send(self, text):
        os.write(self.fd, text.encode())

    def size(self, rows, columns):
        set_size(self.fd, rows, columns)


class Terminal(Reader):
    """A program that has a new pty as its controlling terminal and all three streams."""

    def __init__(self, argv, rows=24, columns=80, **kw):
        master, slave = pty.openpty()
        set_size(slave, rows, columns)
        super().__init__(master)
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **kw)
        self.slave = slave  # kept open, so that settings can be looked at

    def attributes(self):
        return termios.tcgetattr(self.slave)

    def wait(self, timeout=10):
        """Reads on until the program ends; returns its exit code."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            self.pump(0.05)
            assert time.monotonic() < end, f"program does not end: {self.seen[-2000:]!r}"
        while select.select([self.fd], [], [], 0.05)[0]:
            self.pump(0)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.wait(5)
            except AssertionError:
                self.process.kill()
                self.process.wait()
        os.close(self.slave)
        os.close(self.fd)


class ConsoleSocket:
    """--console-socket and --pidfd-socket: receives descriptors."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.listener.settimeout(10)

    def receive(self):
        """The descriptor of the next connection, and the message that came with it."""
        conn, _ = self.listener.accept()
        with conn:
            conn.settimeout(10)
            room = socket.CMSG_SPACE(16 * array.array("i").itemsize)
            data, control, _, _ = conn.recvmsg(4096, room)
        fds = array.array("i")
        for level, kind, payload in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
        assert len(fds) == 1, f"{len(fds)} descriptors came with {data!r}"
        return fds[0], data

    def terminal(self):
        return Reader(self.receive()[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        os.unlink(self.path)
