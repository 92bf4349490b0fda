# SPDX-License-Identifier: Apache-2.0
"""
linux.intelRdt. Few machines have the hardware: a directory takes the place of resctrl in a private
mount namespace. Unlike the file system it makes no files of its own and does not remove them.
"""
import json
import os
import shutil

import pytest

from support import runtime

# sysfs makes no directories: a tmpfs over /sys/fs has one, and shows the rest of it.
ENTER = """
set -e
if [ -d /sys/fs/resctrl ]; then
    mount --bind "$0" /sys/fs/resctrl
else
    mount -t tmpfs tmpfs /mnt
    for d in /sys/fs/*; do mkdir /mnt/"${d##*/}"; mount --rbind "$d" /mnt/"${d##*/}"; done
    mkdir /mnt/resctrl
    mount --bind "$0" /mnt/resctrl
    mount --move /mnt /sys/fs
fi
exec "$@"
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"),
                                reason="needs root and unshare (util-linux)")


@pytest.fixture
def resctrl(scratch):
    """The contents of /sys/fs/resctrl on a machine with two L3 caches."""
    def put(name, text):
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_text(text)

    put("schemata", "    L3:0=fff;1=fff\n    MB:0=100;1=100\n")
    put("tasks", "1\n")
    put("info/L3/cbm_mask", "fff\n")
    put("info/L3/min_cbm_bits", "1\n")
    put("info/L3/num_closids", "16\n")
    put("info/MB/min_bandwidth", "10\n")
    put("info/MB/num_closids", "8\n")
    put("info/last_cmd_status", "ok\n")
    (scratch / "mon_groups").mkdir()
    return scratch


@pytest.fixture
def rdt(box, resctrl):
    """A bundle whose runtime sees that directory as /sys/fs/resctrl."""
    box.hull = runtime.Runtime(box.hull.root, box.hull.program,
                               ["unshare", "-m", "sh", "-c", ENTER, str(resctrl)])
    yield box
    for d in [*resctrl.glob("mon_groups/*"), *resctrl.glob("*/mon_groups/*"), resctrl / box.id]:
        for name in ("tasks", "schemata"):
            (d / name).unlink(missing_ok=True)


def empty(*groups):
    """resctrl removes a group's files with the directory."""
    for g in groups:
        for name in ("tasks", "schemata"):
            (g / name).unlink(missing_ok=True)


def test_group_of_the_container(rdt, resctrl):
    rdt.linux["intelRdt"] = {"l3CacheSchema": "L3:0=f;1=f0", "memBwSchema": "MB:0=20;1=70",
                             "schemata": ["L2:0=f"]}
    pid = rdt.up()
    group = resctrl / rdt.id
    assert (group / "schemata").read_text() == "L3:0=f;1=f0\nMB:0=20;1=70\nL2:0=f\n"
    assert (group / "tasks").read_text() == str(pid)
    state = json.loads((rdt.hull.root / rdt.id / "state.json").read_text())
    assert state["intel_rdt_path"] == f"/sys/fs/resctrl/{rdt.id}"
    empty(group)
    rdt.end()
    assert not group.exists()


def test_exec_joins(rdt, resctrl):
    rdt.linux["intelRdt"] = {}
    rdt.up()
    rdt._quiet("exec", "-d", "--pid-file", rdt.dir / "pid", rdt.id, "/bin/sleep", "1000").ok()
    assert (resctrl / rdt.id / "tasks").read_text() == (rdt.dir / "pid").read_text()
    assert not (resctrl / rdt.id / "schemata").exists(), "written though nothing was asked for"
    empty(resctrl / rdt.id)
    rdt.end()


def test_monitoring(rdt, resctrl):
    group = resctrl / "gold"
    (group / "mon_groups").mkdir(parents=True)
    rdt.linux["intelRdt"] = {"closID": "gold", "enableMonitoring": True}
    pid = rdt.up()
    mon = group / "mon_groups" / rdt.id
    assert (mon / "tasks").read_text() == (group / "tasks").read_text() == str(pid)
    empty(mon)
    rdt.end()
    assert group.exists() and not mon.exists()


def test_class_that_exists(rdt, resctrl):
    """It stays, and is not written to without a schema."""
    group = resctrl / "gold"
    group.mkdir()
    rdt.linux["intelRdt"] = {"closID": "gold"}
    rdt.args("/bin/true").run().ok()
    assert sorted(p.name for p in group.iterdir()) == ["tasks"]


def test_root_class(rdt, resctrl):
    rdt.linux["intelRdt"] = {"closID": "/"}
    rdt.args("/bin/true").run().ok()
    assert (resctrl / "tasks").read_text() != "1\n" and not (resctrl / rdt.id).exists()


def test_class_that_must_exist(rdt):
    rdt.linux["intelRdt"] = {"closID": "gold"}
    rdt.run().fails("clos dir not accessible (must be pre-created when schemata, l3CacheSchema and "
                    "memBwSchema are empty)", "no such file or directory", code=1)


def test_class_that_is_made(rdt, resctrl):
    """A class that has a name outlives the container that made it, as the spec wants."""
    rdt.linux["intelRdt"] = {"closID": "gold", "schemata": ["L3:0=f"]}
    rdt.args("/bin/true").run().ok()
    assert (resctrl / "gold/schemata").read_text() == "L3:0=f\n"


@pytest.mark.parametrize("member,same,other", [
    ("l3CacheSchema", "L3:1=0F0;0=00f", "L3:0=ff"), ("memBwSchema", "MB:0=20", "MB:0=30")])
def test_existing_class_must_match(rdt, resctrl, member, same, other):
    group = resctrl / "gold"
    group.mkdir()
    text = "    L3:0=f;1=f0\n    MB:0=20;1=70\n"
    (group / "schemata").write_text(text)
    rdt.linux["intelRdt"] = {"closID": "gold", member: other}
    rdt.args("/bin/true").run().fails(f"intelRdt.{member} {other} does not match", code=1)
    assert (group / "schemata").read_text() == text
    rdt.linux["intelRdt"] = {"closID": "gold", member: same}
    rdt.run().ok()


def test_update(rdt, resctrl):
    rdt.linux["intelRdt"] = {"l3CacheSchema": "L3:0=f"}
    rdt.up()
    rdt.hull("update", "--l3-cache-schema", "L3:0=ff", "--mem-bw-schema", "MB:0=50", rdt.id).ok()
    assert (resctrl / rdt.id / "schemata").read_text() == "L3:0=ff\nMB:0=50\n"
    empty(resctrl / rdt.id)
    rdt.end()


def test_update_without(rdt):
    rdt.up()
    rdt.hull("update", "--l3-cache-schema", "L3:0=ff", rdt.id).fails(
        "updating a non-existent Intel RDT configuration is not supported", code=1)
    rdt.end()


def test_statistics(rdt, resctrl):
    rdt.linux["intelRdt"] = {"schemata": ["L3:0=f;1=f", "MB:0=20"]}
    for domain, llc in (("mon_L3_00", 4096), ("mon_L3_01", 0)):
        d = resctrl / rdt.id / "mon_data" / domain
        d.mkdir(parents=True)
        (d / "llc_occupancy").write_text(f"{llc}\n")
        (d / "mbm_total_bytes").write_text("7\n")
        (d / "mbm_local_bytes").write_text("3\n")
    mon = resctrl / "info/L3_MON"
    mon.mkdir()
    (mon / "mon_features").write_text("llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n")
    rdt.up()
    data = json.loads(rdt.hull("events", "--stats", rdt.id).ok().out)["data"]["intel_rdt"]
    assert data == {
        "l3_cache_info": {"cbm_mask": "fff", "min_cbm_bits": 1, "num_closids": 16},
        "l3_cache_schema_root": "L3:0=fff;1=fff", "l3_cache_schema": "L3:0=f;1=f",
        "mem_bw_info": {"min_bandwidth": 10, "num_closids": 8},
        "mem_bw_schema_root": "MB:0=100;1=100", "mem_bw_schema": "MB:0=20",
        "schemata": ["L3:0=f;1=f", "MB:0=20"],
        "mbm_stats": [{"mbm_total_bytes": 7, "mbm_local_bytes": 3}] * 2,
        "cmt_stats": [{"llc_occupancy": 4096}, {"llc_occupancy": 0}]}
    rdt.end()


@pytest.mark.parametrize("missing,value,words", [
    ("info/L3", {"l3CacheSchema": "L3:0=f"}, "Intel RDT/CAT is not enabled"),
    ("info/MB", {"memBwSchema": "MB:0=10"}, "Intel RDT/MBA is not enabled")])
def test_hardware_without(rdt, resctrl, missing, value, words):
    shutil.rmtree(resctrl / missing)
    rdt.linux["intelRdt"] = value
    rdt.run().fails(words, code=1)


@pytest.mark.parametrize("value,words", [
    ({"closID": ".."}, 'invalid intelRdt.ClosID ".."'),
    ({"closID": "a/b"}, 'invalid intelRdt.ClosID "a/b"'),
    ({"memBwSchema": "L3:0=1"}, "linux.intelRdt.memBwSchema"),
    ({"schemata": ["L3:0=1\nMB:0=1"]}, "linux.intelRdt.schemata[0]"),
])
def test_refused(rdt, value, words):
    rdt.linux["intelRdt"] = value
    rdt.run().fails(words, code=1)


@pytest.mark.skipif(os.path.exists("/sys/fs/resctrl/schemata"), reason="resctrl is mounted")
def test_not_mounted(box):
    box.linux["intelRdt"] = {"closID": "gold"}
    box.run().fails("intelRdt is specified in config, but Intel RDT is not enabled", code=1)


def test_null(box):
    box.linux["intelRdt"] = None
    box.args("/bin/true").run().ok()
