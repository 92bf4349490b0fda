# SPDX-License-Identifier: Apache-2.0
"""What the command lines of Docker and podman have in common."""
import json
import signal
import subprocess

from support.console import Terminal
from support.runtime import Runtime, unique, wait_until

from . import SYSTEMD

TIMEOUT = 90
UP = "trap 'exit 0' TERM; while :; do sleep 0.1; done"


def resize(terminal, rows, columns):
    """
    Changes the size of the terminal that a client shows a shell's in, and waits until the shell sees it.
    The client is told until then: it may not be listening yet when the prompt comes.
    """
    terminal.size(rows, columns)
    terminal.send(f"until [ \"$(stty size)\" = '{rows} {columns}' ]; do sleep 0.1; done; echo resiz''ed\n")

    def seen():
        terminal.process.send_signal(signal.SIGWINCH)
        terminal.pump(0.2)
        return b"resized" in terminal.seen

    wait_until(seen, 60)
    terminal.expect("resized")


class Client:
    """engine(...) calls the client; engine.up(...) makes a container that the end of the test removes."""
    prefix = []     # the client with its global flags
    env = None
    popen_flags = {}
    image = "box"

    def argv(self, *args):
        return [*self.prefix, *map(str, args)]

    def __call__(self, *args, timeout=TIMEOUT, **kw):
        return Runtime.call(self.argv(*args), timeout=timeout, env=self.env, **self.popen_flags, **kw)

    def popen(self, *args, **kw):
        return subprocess.Popen(self.argv(*args), env=self.env, **self.popen_flags, **{"stdin": subprocess.DEVNULL, **kw})

    def terminal(self, *args):
        return Terminal(self.argv(*args), env=self.env, **self.popen_flags)

    def run(self, *args, **kw):
        """In the foreground, removed at its end."""
        return self("run", "--rm", *args, **kw)

    def out(self, script, *flags, **kw):
        """What a shell script in a new container prints."""
        return self.run(*flags, "box", "sh", "-c", script, **kw).ok().out

    def up(self, *flags, script=UP, image="box"):
        """A detached container that runs the script; its name."""
        name = unique("eng")
        self("run", "-d", "--name", name, *flags, image, "sh", "-c", script).ok()
        return name

    def inspect(self, name, template):
        return self("inspect", "-f", "{{" + template + "}}", name).ok().out.strip()

    def state(self, name):
        return json.loads(self.inspect(name, "json .State"))

    def pid(self, name):
        return int(self.inspect(name, ".State.Pid"))

    def sh(self, name, script, *flags, **kw):
        """What a shell script in a running container prints."""
        return self("exec", *flags, name, "sh", "-c", script, **kw).ok().out

    def wait_state(self, name, status, timeout=60):
        return wait_until(lambda: self.state(name)["Status"] == status, timeout, 0.1)

    def wait_logs(self, name, word, timeout=60):
        return wait_until(lambda: word in self("logs", name).text, timeout, 0.1)

    def check_health(self, name):
        """The state of health, which Docker asks for by itself."""
        return self.state(name)["Health"]["Status"]

    def a_parent(self):
        """The name of a cgroup for --cgroup-parent."""
        return f"hulleng{unique('p')}.slice" if SYSTEMD else f"/hull-eng-{unique('p')}"

    def clean(self):
        left = self("ps", "-aq").out.split()
        if left:
            self("rm", "-f", "-v", *left, timeout=180).ok()
