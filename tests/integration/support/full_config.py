# SPDX-License-Identifier: Apache-2.0
"""A configuration in which every field of the spec for Linux occurs, and ways to walk and change it."""
import json
import pathlib

FIELDS = pathlib.Path(__file__).parents[2] / "data/spec/fields-1.3.txt"
IDS = [{"containerID": 0, "hostID": 100000, "size": 65536}]
HOOK = [{"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 5}]
THROTTLE = [{"major": 8, "minor": 0, "rate": 1000}]

CONFIG = {
    "ociVersion": "1.3.0",
    "process": {
        "terminal": False,
        "consoleSize": {"height": 24, "width": 80},
        "user": {"uid": 0, "gid": 0, "umask": 18, "additionalGids": [5], "username": "x"},
        "args": ["/bin/true"],
        "commandLine": "x",
        "env": ["PATH=/bin"],
        "cwd": "/",
        "capabilities": {s: ["CAP_KILL"] for s in
                         ("bounding", "effective", "inheritable", "permitted", "ambient")},
        "rlimits": [{"type": "RLIMIT_CORE", "hard": 0, "soft": 0}],
        "noNewPrivileges": True,
        "apparmorProfile": "profile",
        "oomScoreAdj": 100,
        "scheduler": {"policy": "SCHED_OTHER", "nice": 1, "priority": 0,
                      "flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 0, "deadline": 0, "period": 0},
        "selinuxLabel": "label",
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
        "execCPUAffinity": {"initial": "0", "final": "0"},
    },
    "root": {"path": "rootfs", "readonly": True},
    "hostname": "host",
    "domainname": "domain",
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
               {"destination": "/mnt", "type": "bind", "source": "/srv", "options": ["rbind", "idmap"],
                "uidMappings": IDS, "gidMappings": IDS}],
    "hooks": {k: HOOK for k in ("prestart", "createRuntime", "createContainer", "startContainer",
                                "poststart", "poststop")},
    "annotations": {"key": "value"},
    "linux": {
        "uidMappings": IDS,
        "gidMappings": IDS,
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "resources": {
            "devices": [{"allow": False, "type": "c", "major": 1, "minor": 3, "access": "rwm"}],
            "memory": {"limit": 100, "reservation": 100, "swap": 100, "kernel": 100, "kernelTCP": 100,
                       "swappiness": 5, "disableOOMKiller": False, "useHierarchy": True,
                       "checkBeforeUpdate": False},
            "cpu": {"shares": 10, "quota": 10, "burst": 10, "period": 10, "realtimeRuntime": 10,
                    "realtimePeriod": 10, "cpus": "0", "mems": "0", "idle": 0},
            "pids": {"limit": 10},
            "blockIO": {"weight": 10, "leafWeight": 10,
                        "weightDevice": [{"major": 8, "minor": 0, "weight": 10, "leafWeight": 10}],
                        "throttleReadBpsDevice": THROTTLE, "throttleWriteBpsDevice": THROTTLE,
                        "throttleReadIOPSDevice": THROTTLE, "throttleWriteIOPSDevice": THROTTLE},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
            "network": {"classID": 1, "priorities": [{"name": "eth0", "priority": 5}]},
            "rdma": {"mlx": {"hcaHandles": 1, "hcaObjects": 2}},
            "unified": {"memory.high": "100"},
        },
        "cgroupsPath": "/full",
        "namespaces": [{"type": "ipc", "path": "/proc/self/ns/ipc"}] + [
            {"type": t} for t in ("pid", "network", "mount", "uts", "user", "cgroup", "time")],
        "devices": [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3, "fileMode": 438, "uid": 0,
                     "gid": 0}],
        "netDevices": {"eth0": {"name": "eth1"}},
        "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
                    "architectures": ["SCMP_ARCH_X86_64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                    "listenerPath": "/sock", "listenerMetadata": "meta",
                    "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                                  "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_EQ"}]}]},
        "rootfsPropagation": "rslave",
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "mountLabel": "label",
        "intelRdt": {"closID": "x", "schemata": ["MB:0=10"], "l3CacheSchema": "L3:0=f",
                     "memBwSchema": "MB:0=10", "enableMonitoring": False},
        "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
        "personality": {"domain": "LINUX", "flags": []},
        "timeOffsets": {"monotonic": {"secs": 1, "nanosecs": 1}, "boottime": {"secs": 1, "nanosecs": 1}},
    },
}
# Go's type of each number that is not an int64.
NUMBERS = {
    "uid": (0, 2**32), "gid": (0, 2**32), "umask": (0, 2**32), "additionalGids": (0, 2**32),
    "height": (0, 2**32), "width": (0, 2**32), "hard": (0, 2**64), "soft": (0, 2**64),
    "oomScoreAdj": (-2**31, 2**31), "containerID": (0, 2**32), "hostID": (0, 2**32),
    "size": (0, 2**32), "swappiness": (0, 2**64), "shares": (0, 2**64), "burst": (0, 2**64),
    "period": (0, 2**64), "realtimePeriod": (0, 2**64), "weight": (0, 2**16), "leafWeight": (0, 2**16),
    "rate": (0, 2**64), "classID": (0, 2**32), "fileMode": (0, 2**32), "hcaHandles": (0, 2**32),
    "hcaObjects": (0, 2**32), "index": (0, 2**32), "value": (0, 2**64), "valueTwo": (0, 2**64),
    "errnoRet": (0, 2**32), "defaultErrnoRet": (0, 2**32), "nanosecs": (0, 2**32), "nice": (-2**31, 2**31),
    "runtime": (0, 2**64), "deadline": (0, 2**64), "priority": None,
}
MAPS = (
    "annotations",
    "linux.sysctl",
    "linux.resources.unified",
    "linux.resources.rdma",
     "linux.netDevices")


def spec_fields():
    """Lines of the spec's list: (path with [] and {}, required?)."""
    for line in FIELDS.read_text().splitlines():
        path, *rest = line.split()
        yield path, "required" in rest


def walk(value=None, path="", general=""):
    """(JSON path, path as in the spec's list, value) of every member, first elements of lists."""
    value = CONFIG if value is None else value
    if isinstance(value, dict):
        for key, v in value.items():
            if general in MAPS:
                p, g = f"{path}.{key}", general + "{}"
                if isinstance(v, dict):
                    yield from walk(v, p, g)
                continue
            p, g = (f"{path}.{key}", f"{general}.{key}") if path else (key, key)
            yield p, g, v
            yield from walk(v, p, g)
    elif isinstance(value, list):
        for i, v in enumerate(value):
            if isinstance(v, (dict, list)):
                yield from walk(v, f"{path}[{i}]", f"{general}[]")


def tokens(path):
    for part in path.split("."):
        name, *indexes = part.replace("]", "").split("[")
        yield name
        yield from map(int, indexes)


def changed(path, value, config=CONFIG):
    """A copy of the configuration with another value at path; value DELETE removes it."""
    config = json.loads(json.dumps(config))  # not deepcopy, which keeps shared parts shared
    at, steps = config, list(tokens(path))
    for t in steps[:-1]:
        at = at[t]
    if value is DELETE:
        del at[steps[-1]]
    else:
        at[steps[-1]] = value
    return config


class DELETE:
    pass


def wrong_values(value):
    """Values of other types than this one."""
    if isinstance(value, bool):
        return ["true", 1, [], {}, 0.5]
    if isinstance(value, int):
        return ["1", True, [], {}, 1.5, 1e30, 10**30, -10**30]
    if isinstance(value, str):
        return [5, False, [], {}, 1.5]
    if isinstance(value, list):
        return ["x", 5, True, {}, {"0": "x"}]
    return ["x", 5, True, [], [{}]]
