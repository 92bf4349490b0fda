# SPDX-License-Identifier: Apache-2.0
"""The command features: the structure of the spec's features.md, with the truth in it."""
import json
import os
import pathlib
import subprocess

import pytest



def features(hull):
    return json.loads(hull("features").ok().out)


def keys(tree, at=""):
    found = set()
    for k, v in tree.items():
        if at == ".annotations":
            continue
        found.add(f"{at}.{k}")
        if isinstance(v, dict):
            found |= keys(v, f"{at}.{k}")
    return found


def test_structure(hull):
    f = features(hull)
    assert f["ociVersionMin"] == "1.0.0" and f["ociVersionMax"] == "1.3.0"
    assert f["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer",
                          "poststart", "poststop"]
    assert f["linux"]["namespaces"] == ["cgroup", "ipc", "mount", "network", "pid", "time", "user",
                                        "uts"]
    assert len(f["linux"]["capabilities"]) >= 41
    for part in ("apparmor", "selinux", "intelRdt", "seccomp", "netDevices"):
        assert f["linux"][part]["enabled"] is True
    assert f["linux"]["mountExtensions"] == {"idmap": {"enabled": True}}
    assert f["mountOptions"] == sorted(set(f["mountOptions"]))
    assert len(f["linux"]["seccomp"]["archs"]) == 23


def test_words_are_accepted(box):
    f = features(box.hull)
    if pathlib.Path("/proc/self/numa_maps").exists():
        box.linux["memoryPolicy"] = {"mode": f["linux"]["memoryPolicy"]["modes"][1]}
    flags = set(f["linux"]["seccomp"]["supportedFlags"])
    flags.discard("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")  # needs an agent
    for i, flag in enumerate(sorted(flags)):
        box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag],
                                "architectures": f["linux"]["seccomp"]["archs"]}
        box.args("/bin/true").run(ident=f"{box.id}-{i}").ok()


def test_annotations(hull):
    a = features(hull)["annotations"]
    assert all(isinstance(v, str) for v in a.values())
    for key in ("org.opencontainers.runc.version", "org.opencontainers.runc.commit",
                "org.opencontainers.runc.checkpoint.enabled", "run.hull.version"):
        assert a[key]
    assert a["run.hull.host.kernel"] == os.uname().release
    assert a["run.hull.host.apparmor"] == str(
        pathlib.Path("/sys/kernel/security/apparmor").exists()).lower()
    v2 = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
    assert (a["run.hull.host.cgroup"] == "v2") == v2


def test_takes_no_arguments(hull):
    hull("features", "x").fails(code=1)


@pytest.mark.skipif("RUNC" not in os.environ, reason="RUNC does not name a runc of 1.4 or later")
def test_like_runc(hull):
    """Every key and every word of runc's tree is in ours."""
    program = os.environ["RUNC"]
    theirs = json.loads(subprocess.run([program, "features"], capture_output=True, check=True,
                                       timeout=20).stdout)
    ours = features(hull)
    assert keys(theirs) <= keys(ours)
    assert set(theirs["mountOptions"]) <= set(ours["mountOptions"])
    for part in ("namespaces", "capabilities"):
        assert set(theirs["linux"][part]) <= set(ours["linux"][part])
    for part in ("actions", "operators", "archs", "knownFlags"):
        assert set(theirs["linux"]["seccomp"].get(part, ())) <= set(ours["linux"]["seccomp"][part])
