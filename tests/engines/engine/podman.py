# SPDX-License-Identifier: Apache-2.0
"""
podman with storage, networks and configuration of the session. By the name of its runtime it decides how
it is told of errors: of "runc" it wants a log in JSON, of others their standard error.
"""
import json
import os

from . import RUNTIME, SYSTEMD, docs, image, place
from .client import Client

# Without ulimits of ours podman raises them, which takes CAP_SYS_RESOURCE.
SETTINGS = """
[engine]
cgroup_manager = "{manager}"
events_logger = "file"
cni_plugin_dirs = ["{cni}"]
infra_image = "{pause}"
{runtime}
[network]
cni_plugin_dirs = ["{cni}"]
network_config_dir = "{dir}/net.d"
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
init_path = "{init}"
{rest}
"""


class Podman(Client):
    name = "podman"

    def __init__(self, where, images, name, user=None, more=""):
        self.dir = where / f"podman-{name}{'-rootless' if user else ''}"
        self.dir.mkdir()
        (self.dir / "net.d").mkdir()
        if place.no_iptables():     # the default network without what takes them
            plugin = {"type": "bridge", "bridge": "cni-podman0", "isGateway": True, "ipam": {
                "type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}}
            (self.dir / "net.d/87-podman.conflist").write_text(json.dumps(
                {"cniVersion": "0.4.0", "name": "podman", "plugins": [plugin]}))
        documented = docs.snippet("podman")     # [engine] with one line, and [engine.runtimes]
        if name == "hull":
            engine, runtimes = documented.split("[engine]\n")[1].split("[engine.runtimes]")
        else:
            (self.dir / name).symlink_to(RUNTIME)
            engine, runtimes = f'runtime = "{name}"', f'\n{name} = ["{self.dir}/{name}"]\n'
        manager = "systemd" if SYSTEMD and not (user and place.no_user_session()) else "cgroupfs"
        text = SETTINGS.format(manager=manager, cni=place.cni_plugins(), pause=image.PAUSE,
                               dir=self.dir, init=place.program("tini-static") or place.program("catatonit") or "",
                               runtime=engine + more, rest="[engine.runtimes]" + runtimes)
        (self.dir / "containers.conf").write_text(text)
        driver = "vfs" if user or place.no_overlay(str(where)) else "overlay"
        (self.dir / "storage.conf").write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{self.dir}/root"\n'
                                               f'runroot = "{self.dir}/run"\n')
        (self.dir / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (self.dir / "registries.conf").write_text('unqualified-search-registries = []\n')
        (self.dir / "tmp").mkdir()
        self.env = {**os.environ, "CONTAINERS_CONF": f"{self.dir}/containers.conf", "HOME": str(self.dir),
                    "CONTAINERS_STORAGE_CONF": f"{self.dir}/storage.conf",
                    "CONTAINERS_REGISTRIES_CONF": f"{self.dir}/registries.conf", "TMPDIR": f"{self.dir}/tmp",
                    "BUILDAH_RUNTIME": RUNTIME}
        self.prefix = [place.program("podman")]
        if user:
            self.env.update({"XDG_RUNTIME_DIR": f"/run/user/{user}", "HOME": f"{self.dir}", "USER": place.USER})
            self.popen_flags = {"user": user, "group": user, "extra_groups": [], "cwd": str(self.dir)}
            os.makedirs(f"/run/user/{user}", exist_ok=True)
            os.chown(f"/run/user/{user}", user, user)
            for top, dirs, files in os.walk(self.dir):
                for path in [top, *(os.path.join(top, f) for f in files)]:
                    os.chown(path, user, user, follow_symlinks=False)
        else:
            self.prefix += ["--tmpdir", f"{self.dir}/libpod"]
        for archive in (images.box, images.pause):
            self("load", "-i", archive).ok()
        self("tag", image.BOX, "box").ok()

    def check_health(self, name):
        """podman leaves the asking to timers of systemd; here it is told to."""
        self("healthcheck", "run", name)
        return super().check_health(name)

    def clean(self):
        pods = self("pod", "ps", "-q").out.split()
        if pods:
            self("pod", "rm", "-f", *pods, timeout=180).ok()
        left = self("ps", "-aq", "--external").out.split()
        if left:
            self("rm", "-f", "-t", "0", *left, timeout=180).ok()

    def stop(self):
        self.clean()
        if self.popen_flags:
            self("unshare", "rm", "-rf", f"{self.dir}/root", f"{self.dir}/run")
            self("system", "migrate")   # ends the process that holds the user namespace
