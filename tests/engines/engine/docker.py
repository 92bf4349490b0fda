# SPDX-License-Identifier: Apache-2.0
"""A Docker daemon of the session, and its client."""
import json
import os
import subprocess

from support.console import Terminal
from support.runtime import Runtime, unique, wait_until

from . import SYSTEMD, docs, place
from .daemon import Daemon
from .image import PATH

TIMEOUT = 90


class Docker:
    """docker(...) calls the client; docker.run(...) with a name, so that the end of a test can remove it."""

    def __init__(self, where, images, name, *flags):
        self.dir = where / name
        self.dir.mkdir()
        self.socket = f"unix://{self.dir}/sock"
        self.env = {**os.environ, "DOCKER_HOST": self.socket, "DOCKER_CONFIG": str(self.dir / "client"),
                    "DOCKER_BUILDKIT": "0"}
        self.program = place.program("docker")
        config = json.loads(docs.snippet("docker"))
        config["experimental"] = True   # docker checkpoint
        (self.dir / "daemon.json").write_text(json.dumps(config))
        self.parent = f"hullengine{os.getpid()}.slice" if SYSTEMD else f"/hull-engine-{os.getpid()}"
        argv = [place.program("dockerd"), "--config-file", self.dir / "daemon.json", "--data-root", self.dir / "data",
                "--exec-root", self.dir / "exec", "-p", self.dir / "pid", "-H", self.socket,
                "--exec-opt", f"native.cgroupdriver={'systemd' if SYSTEMD else 'cgroupfs'}", *flags]
        if "--cgroup-parent" not in flags:
            argv += ["--cgroup-parent", self.parent]
        if place.no_iptables():
            argv += ["--iptables=false", "--ip6tables=false"]
        if place.no_bridge():
            argv += ["--bridge=none"]
        if place.no_overlay(str(where)):
            argv += ["--storage-driver", "vfs"]
        self.daemon = Daemon(argv, self.dir / "log", lambda: self("version").code == 0, timeout=120)
        with open(images.tar, "rb") as f:
            self("import", "-c", f"ENV {PATH}", "-c", 'CMD ["sh"]', "-", "box", stdin=f).ok()

    def argv(self, *args):
        return [self.program, *map(str, args)]

    def __call__(self, *args, timeout=TIMEOUT, **kw):
        return Runtime.call(self.argv(*args), timeout=timeout, env=self.env, **kw)

    def popen(self, *args, **kw):
        return subprocess.Popen(self.argv(*args), env=self.env, **{"stdin": subprocess.DEVNULL, **kw})

    def terminal(self, *args):
        return Terminal(self.argv(*args), env=self.env)

    def run(self, *args, **kw):
        """Foreground, removed at its end."""
        return self("run", "--rm", *args, **kw)

    def out(self, script, *flags, **kw):
        """What a shell script in a new container prints."""
        return self.run(*flags, "box", "sh", "-c", script, **kw).ok().out

    def up(self, *flags, script="trap 'exit 0' TERM; while :; do sleep 0.1; done", image="box"):
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

    def clean(self):
        left = self("ps", "-aq").out.split()
        if left:
            self("rm", "-f", "-v", *left).ok()

    def stop(self):
        self.clean()
        self.daemon.stop()
