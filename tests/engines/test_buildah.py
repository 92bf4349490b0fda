# SPDX-License-Identifier: Apache-2.0
"""buildah: images from nothing, RUN steps, build files."""
import os
import shutil

import pytest

from engine import RUNTIME, look, place
from support.console import Terminal
from support.runtime import Runtime, unique


class Buildah:
    def __init__(self, where, images):
        self.dir = where
        self.tree = images.tree
        (where / "storage.conf").write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{where}/root"\nrunroot = "{where}/run"\n')
        (where / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (where / "containers.conf").write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n')
        self.env = {**os.environ, "CONTAINERS_CONF": f"{where}/containers.conf", "BUILDAH_RUNTIME": RUNTIME,
                    "CONTAINERS_STORAGE_CONF": f"{where}/storage.conf", "TMPDIR": str(where), "HOME": str(where)}

    def __call__(self, *args, **kw):
        return Runtime.call([place.program("buildah"), *map(str, args)], timeout=120, env=self.env, **kw)

    def from_scratch(self):
        name = self("from", "--name", unique("b"), "scratch").ok().out.strip()
        self("copy", name, self.tree, "/").ok()
        return name


@pytest.fixture
def buildah(images, tmp_path):
    if not place.program("buildah"):
        pytest.skip("no buildah here (buildah)")
    b = Buildah(tmp_path, images)
    yield b
    b("rm", "-a")
    b("rmi", "-a", "-f")
    shutil.rmtree(tmp_path / "root", ignore_errors=True)


def test_run(buildah):
    name = buildah.from_scratch()
    r = buildah("run", name, "--", "sh", "-c", "echo out; echo err >&2; echo kept >/file; exit 7")
    assert r.code == 7 and r.out == "out\n" and "err" in r.err, str(r)
    assert buildah("run", name, "--", "cat", "/file").ok().out == "kept\n"
    assert buildah("run", "--user", "alice", name, "--", "id", "-u").ok().out == "1000\n"
    assert buildah("run", "--env", "A=b", "--workingdir", "/tmp", name, "--", "sh", "-c", "echo $A; pwd").ok().out == "b\n/tmp\n"
    assert buildah("run", name, "--", "wc", "-c", input=b"x" * 100000).ok().out == "100000\n"


def test_what_cannot_start(buildah):
    name = buildah.from_scratch()
    buildah("run", name, "--", "no-such-program").fails("executable file not found in $PATH")
    buildah("run", name, "--", "/etc/not-a-program").fails("permission denied")


def test_run_options(buildah, tmp_path):
    name = buildah.from_scratch()
    (tmp_path / "in").write_text("given\n")
    out = buildah("run", "-v", f"{tmp_path}:/v:ro", "--hostname", "given", name, "--", "sh", "-c",
                  "cat /v/in; hostname; echo x >/v/x || echo ro").ok().out
    assert out == "given\ngiven\nro\n"
    text = buildah("run", "--cap-drop", "CAP_CHOWN", "--cap-add", "CAP_NET_ADMIN", name, "--", "cat", "/proc/self/status").ok().out
    assert look.capability(text, 12) and not look.capability(text, 0)
    assert buildah("run", "--network", "host", name, "--", "readlink", "/proc/self/ns/net").ok().out.strip() == \
        os.readlink("/proc/self/ns/net")


def test_terminal(buildah):
    name = buildah.from_scratch()
    with Terminal([place.program("buildah"), "run", "-t", name, "--", "sh"], env=buildah.env) as t:
        t.expect("#")
        t.send("test -t 0 && tty; exit 9\n")
        t.expect("/dev/")
        assert t.wait(30) == 9


@pytest.mark.parametrize("isolation", ["oci", "rootless"])
def test_build_file(buildah, tmp_path, isolation):
    base = buildah.from_scratch()
    buildah("commit", base, "base").ok()
    context = tmp_path / "context"
    context.mkdir()
    (context / "file").write_text("from the context\n")
    (context / "Containerfile").write_text(
        "FROM base AS one\nRUN echo built >/built && id -u >>/built\nFROM base\nCOPY --from=one /built /built\n"
        "COPY file /file\nUSER alice\nRUN id -u >/tmp/user && cat /file\nRUN --mount=type=tmpfs,target=/t grep ' /t ' /proc/mounts\n")
    r = buildah("bud", "--isolation", isolation, "--pull-never", "-t", "built", context).ok()
    assert "from the context" in r.out
    name = buildah("from", "--pull-never", "built").ok().out.strip()
    assert buildah("run", name, "--", "cat", "/built", "/tmp/user").ok().out == "built\n0\n1000\n"
    (context / "Containerfile").write_text("FROM base\nRUN exit 12\n")
    buildah("bud", "--isolation", isolation, "--pull-never", context).fails("exit status 12")
