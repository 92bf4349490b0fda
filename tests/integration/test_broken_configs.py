# SPDX-License-Identifier: Apache-2.0
"""
Broken configurations are refused before any side effect: exit code, one line with the JSON path and the
position, nothing left. Generated from a configuration that has every field of the spec.
"""
import json
import os
import re

import pytest

from support import full_config, leaks, rootfs, runtime
from support.full_config import CONFIG, DELETE, changed

NODES = list(full_config.walk())
REQUIRED = {p for p, required in full_config.spec_fields() if required}
# Go's types of the spec say "omitempty" with a pointer there, and engines leave it out.
OPTIONAL_IN_GO = {"linux.resources.pids.limit"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One bundle for all cases of this file; looked over for leftovers after each and at the end."""
    tag = runtime.unique("hb")
    d = tmp_path_factory.mktemp(tag)
    rootfs.make_busybox(d / "bundle/rootfs")
    box = runtime.Bundle(d / "bundle", runtime.Runtime(d / "state"), ident=tag)
    yield box
    assert leaks.find(tag, d) == []


def refused(box, text, *words, one_line=True):
    """create refuses the text: exit 1, one line with all the words, nothing left."""
    text = text if isinstance(text, (str, bytes)) else json.dumps(text)
    (box.dir / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    r = box.hull("create", "--bundle", box.dir, box.id)
    assert r.code == 1, f"not refused: {text[:300]!r}\n{r}"
    for word in words:
        assert word in r.text, f"{word!r} is not in: {r.err}"
    assert len(r.err.splitlines()) == 1, r.err
    assert not box.hull.root.exists() or os.listdir(box.hull.root) == []
    return r


def test_the_full_config_has_every_field():
    have = {g for _, g, _ in NODES}
    missing = [p for p, _ in full_config.spec_fields() if p not in have and not p.endswith("}")]
    assert missing == []


@pytest.mark.parametrize("path, general", [(p, g)
                         for p, g, _ in NODES if g in REQUIRED - OPTIONAL_IN_GO])
def test_missing_required_field(place, path, general):
    refused(place, changed(path, DELETE), path)


@pytest.mark.parametrize("path", [p for p, _, _ in NODES])
def test_wrong_type(place, path):
    value = [v for p, _, v in NODES if p == path][0]
    for wrong in full_config.wrong_values(value):
        r = refused(place, changed(path, wrong), path)
        assert re.search(r"\(\d+:\d+\)", r.err), r.err


@pytest.mark.parametrize("path, general", [
    (p, g) for p, g, v in NODES if isinstance(v, list) and v and isinstance(v[0], (str, int))])
def test_wrong_type_of_an_element(place, path, general):
    value = [v for p, _, v in NODES if p == path][0]
    for wrong in full_config.wrong_values(value[0]):
        refused(place, changed(path, [*value, wrong]), f"{path}[{len(value)}]")
    refused(place, changed(path, [None, *value])) if isinstance(value[0], int) else None


@pytest.mark.parametrize("path", [p for p, _,
                         v in NODES if isinstance(v, list) and v and isinstance(v[0], dict)])
def test_wrong_type_of_an_object_in_a_list(place, path):
    for wrong in ("x", 5, True, []):
        refused(place, changed(f"{path}[0]", wrong), f"{path}[0]")


@pytest.mark.parametrize("path", full_config.MAPS)
def test_wrong_type_in_a_map(place, path):
    objects = "rdma" in path or "netDevices" in path
    for wrong in (5, True, [], "x" if objects else {}):
        refused(place, changed(path, {"the-key": wrong}), path, "the-key")


@pytest.mark.parametrize("path", [p for p, _,
                         v in NODES if isinstance(v, int) and not isinstance(v, bool)])
def test_overflow(place, path):
    name = path.rsplit(".", 1)[-1]
    low, high = full_config.NUMBERS.get(name) or (-2**63, 2**63)
    if name == "priority":
        low, high = (0, 2**32) if "network" in path else (-2**31, 2**31)
    if "scheduler" in path and name in ("runtime", "deadline", "period"):
        low, high = 0, 2**64
    if "hugepage" in path:
        low, high = 0, 2**64
    for wrong in (low - 1, high, high * 1000, -high * 1000):
        refused(place, changed(path, wrong), path)


ENUMS = ["process.rlimits[0].type", "process.scheduler.policy", "process.scheduler.flags[0]",
         "process.ioPriority.class", "linux.namespaces[0].type", "linux.devices[0].type",
         "linux.seccomp.defaultAction", "linux.seccomp.architectures[0]", "linux.seccomp.flags[0]",
         "linux.seccomp.syscalls[0].action", "linux.seccomp.syscalls[0].args[0].op",
         "linux.personality.domain", "linux.resources.devices[0].type",
         "linux.resources.devices[0].access", "linux.rootfsPropagation"]


@pytest.mark.parametrize("path", ENUMS)
def test_unknown_word(place, path):
    refused(place, changed(path, "BOGUS"), "BOGUS", path)


@pytest.mark.parametrize("path, value", [
    ("ociVersion", ""), ("ociVersion", "x"), ("ociVersion", "1.0"), ("ociVersion", "2.0.0"),
    ("ociVersion", "1.0.0.0"), ("root.path", ""), ("process.cwd", ""), ("process.cwd", "relative"),
    ("process.args", []), ("process.env[0]", "NOEQUALS"), ("process.env[0]", "=x"),
    ("process.user.uid", 4294967295), ("process.user.gid", 4294967295), ("process.oomScoreAdj", 1001),
    ("process.ioPriority.priority", 8), ("process.scheduler.nice", 40),
    ("linux.uidMappings[0].size", 0), ("linux.namespaces[0].path", "relative"),
    ("linux.devices[0].path", "relative"), ("hooks.prestart[0].path", "relative"),
    ("hooks.poststop[0].timeout", 0), ("linux.seccomp.syscalls[0].names", []),
    ("linux.seccomp.syscalls[0].args[0].index", 6), ("mounts[0].destination", ""),
    ("linux.timeOffsets.boottime.nanosecs", 10**9), ("annotations", {"": "x"}),
])
def test_bad_value(place, path, value):
    r = refused(place, changed(path, value))
    assert path.split("[0].names")[0] in r.text, f"{path} is not named in: {r.err}"


# the text itself
GOOD = json.dumps(runtime.example_config() if os.access(runtime.binary(), os.X_OK) else CONFIG)


@pytest.mark.parametrize("cut", [0, 1, 2, 5] + list(range(7, len(GOOD), max(1, len(GOOD) // 50))))
def test_truncated(place, cut):
    refused(place, GOOD[:cut], "config.json")


@pytest.mark.parametrize("text, word", [
    (b"", ""), (b" \n", ""), (b"null", ""), (b"[]", ""), (b'"x"', ""), (b"5", ""), (b"true", ""),
    (b"{", ""), (b"}", ""), (b"{}", "ociVersion"), (b"{]", ""), (b"{,}", ""), (b'{"a"}', ""),
    (b'{"a":}', ""), (b'{"a":1,}', ""), (b"{'a':1}", ""), (b'{a:1}', ""), (b'{"a":01}', ""),
    (b'{"a":1.}', ""), (b'{"a":.5}', ""), (b'{"a":+1}', ""), (b'{"a":1e}', ""), (b'{"a":NaN}', ""),
    (b'{"a":Infinity}', ""), (b'{"a":tru}', ""), (b'{"a":"\\x"}', ""), (b'{"a":"\\u12"}', ""),
    (b'{"a":"\n"}', ""), (b'{"a":"\t"}', ""), (b'{"a":1} x', ""), (b'{"a":1}{}', ""),
    (b'// c\n{}', ""), (b'\xff\xfe{}', ""), (b'{"a":"', ""), (b'{"a":1 "b":2}', ""),
])
def test_malformed_text(place, text, word):
    refused(place, text, "config.json", word)


def with_raw_string(raw):
    return GOOD.encode().replace(b'"sh"', b'"' + raw + b'"')


@pytest.mark.parametrize("raw, word", [
    (b"\xff", "UTF-8"), (b"\xc3", "UTF-8"), (b"\xc0\x80", "UTF-8"), (b"\xed\xa0\x80", "UTF-8"),
    (b"\xf4\x90\x80\x80", "UTF-8"), (b"\xf8\x88\x80\x80\x80", "UTF-8"), (b"a\\u0000b", "U+0000"),
    (b"a\x00b", ""), (b"\\ud800", ""),
])
def test_bad_string(place, raw, word):
    refused(place, with_raw_string(raw), word, "process.args")


def test_unpaired_surrogates_and_escapes_that_are_fine(box):
    box.args("/bin/echo", "é€😀\\\"/")
    box.config["process"]["args"][1] = "é€😀\\\"/\b"
    assert box.run().ok().out == "é€😀\\\"/\b\n"


def test_too_deep(place):
    refused(place, '{"a":' * 5000 + "1" + "}" * 5000, "")
    refused(place, GOOD[:-1] + ', "x": ' + "[" * 100000 + "]" * 100000 + "}", "")


def test_too_large(place):
    refused(place, GOOD[:-1] + ', "x": "' + "y" * (17 << 20) + '"}', "config.json")


def test_large_but_allowed(box):
    box.config["annotations"] = {"x": "y" * (8 << 20)}
    box.args("/bin/true").run().ok()


def test_duplicate_key(box):
    """As Go: the last one counts."""
    box.args("/bin/true").write()
    path = box.dir / "config.json"
    path.write_text(path.read_text()[:-1] + ', "hostname": "second"}')
    text = json.dumps(box.config)[:-1] + ', "hostname": "second"}'
    path.write_text(text.replace('"/bin/true"', '"/bin/hostname"'))
    assert box.hull("run", "--bundle", box.dir, box.id).ok().out == "second\n"


def test_unknown_fields_are_ignored(box):
    box.config["x-unknown"] = {"a": [1, {"b": None}]}
    box.process["unknown"] = 5
    box.linux["resources"]["newController"] = {"limit": "x"}
    box.args("/bin/true").run().ok()


def test_odd_cased_names(box):
    """runc's users rely on Go's reader: exact first, else without regard to case."""
    box.config["HostName"] = "odd"
    del box.config["hostname"]
    box.config["Process"] = box.config.pop("process")
    box.config["Process"]["ARGS"] = ["/bin/hostname"]
    del box.config["Process"]["args"]
    assert box.run().ok().out == "odd\n"


def test_null_everywhere(box):
    """Go reads null as absent: engines write it."""
    required = {g for g, r in full_config.spec_fields() if r}
    names = {"process": ["consoleSize", "capabilities", "rlimits", "oomScoreAdj", "scheduler",
                         "apparmorProfile", "selinuxLabel", "ioPriority", "execCPUAffinity"],
             "linux": ["uidMappings", "sysctl", "resources", "cgroupsPath", "devices", "netDevices",
                       "seccomp", "rootfsPropagation", "maskedPaths", "readonlyPaths", "mountLabel",
                       "intelRdt", "memoryPolicy", "personality", "timeOffsets"]}
    for part, fields in names.items():
        for f in fields:
            box.config[part][f] = None
    box.config["hooks"] = box.config["annotations"] = box.config["domainname"] = None
    assert required
    box.args("/bin/true").run().ok()


def test_fifo_and_directory_as_config(place):
    path = place.dir / "config.json"
    path.unlink(missing_ok=True)
    path.mkdir()
    place.hull("create", "--bundle", place.dir, place.id).fails("config.json", code=1)
    path.rmdir()
    os.mkfifo(path)
    place.hull("create", "--bundle", place.dir, place.id, timeout=10).fails("config.json", code=1)
    path.unlink()
