# SPDX-License-Identifier: Apache-2.0
"""A containerd of the session, with ctr and with the CRI plugin."""
import json
import os
import re
import subprocess

from support.console import Terminal
from support.runtime import Runtime, unique

from . import RUNTIME, SYSTEMD, cri, docs, image, place
from .daemon import Daemon

TIMEOUT = 90
NETWORK = {
    "cniVersion": "0.4.0", "name": "hulleng", "plugins": [
        {"type": "bridge", "bridge": "hulleng0", "isGateway": True, "ipMasq": False,
         "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.177.0.0/16"}]],
                  "routes": [{"dst": "0.0.0.0/0"}]}}]}


def settings(major, where):
    """What the tests need beside the documented lines: paths, and what the machine can't do."""
    cri = "io.containerd.grpc.v1.cri" if major == 1 else "io.containerd.cri.v1.runtime"
    pause = f'[plugins."{cri}"]\n  sandbox_image' if major == 1 else \
        '[plugins."io.containerd.cri.v1.images".pinned_images]\n  sandbox'
    return f"""
{pause} = "{image.PAUSE}"
{'' if major == 1 else f'[plugins."{cri}"]'}
  restrict_oom_score_adj = {str(not place.has_capability('CAP_SYS_RESOURCE')).lower()}
[plugins."{cri}".cni]
  {f'bin_dir = "{place.cni_plugins()}"' if major == 1 else f'bin_dirs = ["{place.cni_plugins()}"]'}
  conf_dir = "{where}/net.d"
"""


class Containerd:
    def __init__(self, where, images):
        self.dir = where / "containerd"
        (self.dir / "net.d").mkdir(parents=True)
        self.socket = self.dir / "sock"
        program, major = place.program("containerd"), self.version()
        config = docs.snippet(f"containerd-{major + 1}").replace("SystemdCgroup = true", f"SystemdCgroup = {str(SYSTEMD).lower()}")
        own = f"""root = "{self.dir}/root"
state = "{self.dir}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
                    "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{self.socket}"
"""
        version, rest = config.split("\n", 1)
        (self.dir / "config.toml").write_text(f"{version}\n{own}{rest}{settings(major, self.dir)}")
        (self.dir / "net.d/10-net.conflist").write_text(json.dumps(NETWORK))
        self.program = place.program("ctr")
        self.parent = f"hullengine{os.getpid()}c.slice" if SYSTEMD else f"/hull-engine-{os.getpid()}c"
        self.daemon = Daemon([program, "-c", self.dir / "config.toml"], self.dir / "log",
                             lambda: self("version").code == 0)
        for namespace in ("default", "k8s.io"):
            for archive in (images.box, images.pause):
                self("-n", namespace, "images", "import", archive).ok()
        self.cri = cri.Cri(self.socket)

    @staticmethod
    def version():
        return int(re.search(r" v?(\d+)\.\d", Runtime.call([place.program("containerd"), "--version"]).ok().out)[1])

    def argv(self, *args):
        return [self.program, "-a", str(self.socket), *map(str, args)]

    def __call__(self, *args, timeout=TIMEOUT, **kw):
        return Runtime.call(self.argv(*args), timeout=timeout, **kw)

    def popen(self, *args, **kw):
        return subprocess.Popen(self.argv(*args), **{"stdin": subprocess.DEVNULL, **kw})

    def flags(self, name):
        driver = ["--runc-systemd-cgroup", "--cgroup", f"{self.parent}:ctr:{name}"] if SYSTEMD else \
            ["--cgroup", f"{self.parent}/{name}"]
        return ["--runc-binary", RUNTIME, *driver]

    def run_argv(self, *args):
        name = unique("ctr")
        flags = list(args[:args.index(image.BOX)])
        return name, ["run", *self.flags(name), *flags, image.BOX, name, *args[len(flags) + 1:]]

    def run(self, *args, **kw):
        """ctr run --rm FLAGS... image.BOX COMMAND..."""
        return self(*self.run_argv("--rm", *args)[1], **kw)

    def out(self, script, *flags, **kw):
        return self.run(*flags, image.BOX, "sh", "-c", script, **kw).ok().out

    def up(self, *flags, script="trap 'exit 0' TERM; while :; do sleep 0.1; done"):
        name, argv = self.run_argv("-d", *flags, image.BOX, "sh", "-c", script)
        with open(self.dir / f"{name}.out", "wb") as f:     # that a detached container keeps open
            self(*argv, stdout=f, stderr=f).ok()
        return name

    def terminal(self, *args):
        return Terminal(self.argv(*args))

    def task(self, name):
        """Pid and state of a task, None if there is none."""
        for line in self("task", "ls").ok().out.splitlines()[1:]:
            words = line.split()
            if words[0] == name:
                return int(words[1]), words[2]
        return None

    def pid(self, name):
        return self.task(name)[0]

    def clean(self):
        names = self("containers", "ls", "-q").ok().out.split()
        for line in self("task", "ls", "-q").ok().out.split():
            self("task", "rm", "-f", line)
        if names:
            self("containers", "rm", *names).ok()

    def clean_pods(self):
        for pod in self.cri("ListPodSandbox")["items"]:
            self.cri("StopPodSandbox", pod_sandbox_id=pod["id"])
            self.cri("RemovePodSandbox", pod_sandbox_id=pod["id"])

    def stop(self):
        self.clean()
        self.clean_pods()
        self.cri.close()
        self.daemon.stop()
