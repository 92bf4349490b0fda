# SPDX-License-Identifier: Apache-2.0
"""Images made here, since no registry is asked: busybox, and a pause program for Kubernetes' sandboxes."""
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

from support import rootfs

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOX = "localhost/box:latest"
PAUSE = "localhost/pause:3"
PAUSE_C = "#include <unistd.h>\nint main(void)\n{\n    for (;;)\n        pause();\n}\n"


def busybox_tree(where):
    root = rootfs.make_busybox(where)
    (root / "etc/not-a-program").write_text("text\n")
    (root / "etc/not-a-program").chmod(0o644)
    return root


def tar_of(tree, name):
    """A tar file of a tree, with its owners."""
    subprocess.run(["tar", "-C", tree, "--numeric-owner", "-cf", name, "."], check=True, timeout=60)
    return name


def docker_archive(tree, name, ref, config):
    """What `docker save` writes: a layer, a configuration and a manifest in a tar file."""
    layer = pathlib.Path(tar_of(tree, f"{name}.layer"))
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    text = json.dumps({"architecture": "amd64", "os": "linux", "config": config,
                       "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                       "history": [{"created_by": "the tests"}]}).encode()
    files = {f"{digest}/layer.tar": layer.read_bytes(), f"{hashlib.sha256(text).hexdigest()}.json": text}
    files["manifest.json"] = json.dumps([{"Config": list(files)[1], "RepoTags": [ref],
                                          "Layers": [f"{digest}/layer.tar"]}]).encode()
    with tarfile.open(name, "w") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    layer.unlink()
    return name


class Images:
    """Trees and archives below a directory, made once in a session."""

    def __init__(self, where):
        where.mkdir()
        self.where = where
        self.tree = busybox_tree(where / "box")
        self.tar = tar_of(self.tree, where / "box.tar")
        self.box = docker_archive(self.tree, where / "box-archive.tar", BOX, {"Env": [PATH], "Cmd": ["sh"]})
        self.pause = docker_archive(self._pause_tree(), where / "pause-archive.tar", PAUSE,
                                    {"Env": [PATH], "Entrypoint": self.pause_command})
        for path in where.iterdir():
            os.chmod(path, 0o755)

    def _pause_tree(self):
        """A static program, where a compiler is; busybox does it otherwise."""
        tree = self.where / "pause"
        tree.mkdir()
        source = self.where / "pause.c"
        source.write_text(PAUSE_C)
        built = shutil.which("gcc") and subprocess.run(
            ["gcc", "-static", "-Os", "-o", tree / "pause", source], capture_output=True, check=False)
        if built and built.returncode == 0:
            self.pause_command = ["/pause"]
        else:
            shutil.copy(rootfs.busybox_path(), tree / "sleep")
            self.pause_command = ["/sleep", "100000"]
        return tree
