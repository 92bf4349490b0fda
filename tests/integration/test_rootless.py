# SPDX-License-Identifier: Apache-2.0
"""An unprivileged user with `hull spec --rootless`: one id mapped, no cgroup asked for"""
import json
import os
import shutil

import pytest

from support import runtime


@pytest.fixture
def user(box, scratch):
    """A call of hull as uid 1000, without any capability."""
    if not shutil.which("setpriv"):
        pytest.skip("needs setpriv (util-linux)")
    hull = scratch / "hull"
    shutil.copy(runtime.binary(), hull)
    scratch.chmod(0o755)
    for top, _, files in os.walk(box.dir):
        for name in [".", *files]:
            os.chown(os.path.join(top, name), 1000, 1000, follow_symlinks=False)
    (scratch / "run").mkdir()
    os.chown(scratch / "run", 1000, 1000)
    become = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--inh-caps=-all",
              "--bounding-set=-all"]
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(scratch / "run"), "USER": "alice"}

    def call(*args, **kw):
        return runtime.Runtime.call([*become, str(hull), *map(str, args)], env=env, **kw)
    return call


@pytest.fixture
def rootless(box, user):
    (box.dir / "config.json").unlink(missing_ok=True)
    user("spec", "--rootless", "--bundle", box.dir).ok()
    box.config = json.loads((box.dir / "config.json").read_text())
    box.process["terminal"] = False
    (box.dir / "config.json").unlink()
    return box


def test_run(rootless, user):
    rootless.sh("id -u; cat /proc/self/uid_map; touch /dev/shm/x; ls /sys > /dev/null; echo done").write()
    r = user("run", "--bundle", rootless.dir, rootless.id).ok()
    assert r.out.split() == ["0", "0", "1000", "1", "done"]


def test_life_cycle(rootless, user, scratch):
    rootless.sh("sleep 1000").write()
    with open(os.devnull, "w") as null:
        user("create", "--bundle", rootless.dir, rootless.id, stdout=null, stderr=null).ok()
    assert (scratch / "run/hull" / rootless.id).is_dir()
    user("start", rootless.id).ok()
    assert json.loads(user("state", rootless.id).ok().out)["status"] == "running"
    assert user("exec", rootless.id, "/bin/id", "-u").ok().out == "0\n"
    user("kill", rootless.id, "KILL").ok()
    user("delete", "--force", rootless.id).ok()
    assert user("list", "-q").ok().out == ""


def test_exit_code_and_failure(rootless, user):
    rootless.sh("exit 5").write()
    assert user("run", "--bundle", rootless.dir, rootless.id).code == 5
    rootless.args("/no/such").write()
    user("run", "--bundle", rootless.dir, rootless.id).fails("/no/such", code=1)


def test_without_user_namespace(rootless, user):
    rootless.namespaces(user=False)
    rootless.linux.pop("uidMappings"), rootless.linux.pop("gidMappings")
    rootless.sh("true").write()
    user(
    "run",
    "--bundle",
    rootless.dir,
    rootless.id).fails(
        "rootless container requires user namespaces",
         code=1)


def test_limits_without_permission(rootless, user):
    rootless.linux["resources"] = {"pids": {"limit": 10}}
    rootless.sh("true").write()
    r = user("run", "--bundle", rootless.dir, rootless.id)
    assert r.code != 0 and "cgroup" in r.text


