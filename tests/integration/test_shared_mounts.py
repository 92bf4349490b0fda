# SPDX-License-Identifier: Apache-2.0
"""
The mount tests once more on a machine whose mounts are shared, as systemd makes them: the files of mount
tests are run by a pytest of its own in a mount namespace with `mount --make-rshared /`. The host's mount
table is the same before, during and after.
"""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from support import runtime

FILES = ["test_mounts.py", "test_mounts_bind.py", "test_mounts_options.py", "test_mounts_propagation.py",
         "test_root.py", "test_linux_maskedPaths.py", "test_linux_uidMappings.py", "test_smoke.py"]
SHARED = ["unshare", "-m", "--propagation", "shared", "sh",
    "-c", 'mount --make-rshared / && exec "$@"', "sh"]


@pytest.fixture(scope="module", autouse=True)
def needed():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root and unshare (util-linux)")
    if os.environ.get("HULL_TEST_SHARED"):
        pytest.skip("this is the run under shared mounts")


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_file(name):
    here = pathlib.Path(__file__).parent
    env = dict(os.environ, HULL_TEST_SHARED="1")
    for key in list(env):
        if key.startswith("PYTEST_"):
            del env[key]
    p = subprocess.run([*SHARED, sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "-p",
                        "no:cacheprovider", str(here / name)], capture_output=True, text=True, env=env,
                       cwd=here, timeout=240, check=False)
    assert p.returncode == 0, p.stdout[-6000:] + p.stderr[-2000:]


def table(*words):
    return [l for l in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
            if "hull-it-" not in l or any(w in l for w in words)]


LOOK = r"""
set -e
mount --make-rshared /
look() { grep -v 'hull-it-' /proc/self/mountinfo; grep "$TAG" /proc/self/mountinfo || true; }
look > "$OUT/before"
"$HULL" --root "$ROOT" create --bundle "$BUNDLE" "$ID" > /dev/null 2>&1
look > "$OUT/created"
"$HULL" --root "$ROOT" start "$ID"
look > "$OUT/running"
"$HULL" --root "$ROOT" exec "$ID" /bin/sh -c 'mkdir -p /mnt/made && mount -t tmpfs made /mnt/made && mount -t tmpfs made2 /tmp'
look > "$OUT/mounted"
"$HULL" --root "$ROOT" delete --force "$ID"
look > "$OUT/deleted"
"""


@pytest.mark.parametrize("user", [False, True], ids=["plain", "userns"])
@pytest.mark.parametrize("bind", [[], ["rslave"], ["rprivate"], ["private"], ["slave"]], ids=str)
def test_table_is_the_same(box, scratch, tag, user, bind):
    """Before, while created, while running, after mounts made inside, and after delete."""
    if user:
        box.userns()
        box.chown_to()
        os.chown(scratch, 100000, 100000)
    box.caps("CAP_SYS_ADMIN").writable()
    box.mount("/mnt", "bind", str(scratch), ["rbind", *bind])
    box.sh("sleep 1000").write()
    out = box.dir / "tables"
    out.mkdir()
    env = dict(os.environ, OUT=str(out), HULL=runtime.binary(), ROOT=str(box.hull.root), BUNDLE=str(box.dir),
               ID=box.id, TAG=tag)
    p = subprocess.run(["unshare", "-m", "--propagation", "shared", "sh", "-c", LOOK], env=env, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert p.returncode == 0, p.stderr
    before = (out / "before").read_text()
    for when in ("created", "running", "mounted", "deleted"):
        assert (out / when).read_text() == before, when


def test_no_pivot(box):
    """--no-pivot moves the rootfs over /: nothing of it may reach the host."""
    box.args("/bin/true").write()
    p = subprocess.run([*SHARED, "sh", "-c", 'cat /proc/self/mountinfo > "$1/a"; shift; "$@"; '
                        'cat /proc/self/mountinfo', "sh", str(box.dir),
                        *box.hull.argv("run", "--no-pivot", "--bundle", box.dir, box.id)],
                       capture_output=True, text=True, timeout=60, check=False)
    assert p.returncode == 0, p.stderr

    def own(text):
        return [l for l in text.splitlines() if "hull-it-" not in l or box.id in l]
    assert own(p.stdout) == own((box.dir / "a").read_text())
