# SPDX-License-Identifier: Apache-2.0
"""A Docker daemon of the session, and its client."""
import json
import os

from . import SYSTEMD, docs, place
from .client import Client
from .daemon import Daemon
from .image import PATH


class Docker(Client):
    name = "docker"

    def __init__(self, where, images, name, *flags, runtimes=()):
        self.dir = where / name
        self.dir.mkdir()
        self.socket = f"unix://{self.dir}/sock"
        self.env = {**os.environ, "DOCKER_HOST": self.socket, "DOCKER_CONFIG": str(self.dir / "client"),
                    "DOCKER_BUILDKIT": "0"}
        self.prefix = [place.program("docker")]
        config = json.loads(docs.snippet("docker"))
        config["experimental"] = True   # docker checkpoint
        config["runtimes"].update({f"bench-{n}": {"path": path} for n, path in dict(runtimes).items()})
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

    def stop(self):
        self.clean()
        self.daemon.stop()
