# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' Container Runtime Interface (runtime.v1), as a node's kubelet speaks it; and its streams."""
import base64
import json
import os
import re
import socket
import struct

from . import image, wire

ID = {"container_id": (1, "str")}
POD = {"pod_sandbox_id": (1, "str")}
TABLES = {
    "Empty": {},
    "Version": {"version": (1, "str"), "runtime_name": (2, "str"), "runtime_version": (3, "str"),
                "runtime_api_version": (4, "str")},
    "Int64": {"value": (1, "int")},
    "Mount": {"container_path": (1, "str"), "host_path": (2, "str"), "readonly": (3, "bool"), "propagation": (5, "int"),
              "uidMappings": (6, ["Range"]), "gidMappings": (7, ["Range"]), "recursive_read_only": (8, "bool")},
    "Range": {"host_id": (1, "int"), "container_id": (2, "int"), "length": (3, "int")},
    "UserNamespace": {"mode": (1, "int"), "uids": (2, ["Range"]), "gids": (3, ["Range"])},
    "NamespaceOption": {"network": (1, "int"), "pid": (2, "int"), "ipc": (3, "int"), "target_id": (4, "str"),
                        "userns_options": (5, "UserNamespace")},
    "Profile": {"profile_type": (1, "int"), "localhost_ref": (2, "str")},
    "SandboxSecurity": {"namespace_options": (1, "NamespaceOption"), "run_as_user": (3, "Int64"),
                        "readonly_rootfs": (4, "bool"), "privileged": (6, "bool"), "seccomp": (9, "Profile")},
    "LinuxSandbox": {"cgroup_parent": (1, "str"), "security_context": (2, "SandboxSecurity"), "sysctls": (3, "map")},
    "SandboxMetadata": {"name": (1, "str"), "uid": (2, "str"), "namespace": (3, "str"), "attempt": (4, "int")},
    "Sandbox": {"metadata": (1, "SandboxMetadata"), "hostname": (2, "str"), "log_directory": (3, "str"),
                "labels": (6, "map"), "annotations": (7, "map"), "linux": (8, "LinuxSandbox")},
    "RunPodSandboxRequest": {"config": (1, "Sandbox"), "runtime_handler": (2, "str")},
    "RunPodSandboxResponse": POD, "StopPodSandboxRequest": POD, "RemovePodSandboxRequest": POD,
    "PodSandboxStatusRequest": {**POD, "verbose": (2, "bool")},
    "SandboxNetwork": {"ip": (1, "str")},
    "SandboxStatus": {"id": (1, "str"), "state": (3, "int"), "network": (5, "SandboxNetwork"),
                      "runtime_handler": (9, "str")},
    "PodSandboxStatusResponse": {"status": (1, "SandboxStatus"), "info": (2, "map")},
    "ListPodSandboxRequest": {}, "ListPodSandboxResponse": {"items": (1, ["SandboxItem"])},
    "SandboxItem": {"id": (1, "str"), "state": (3, "int")},
    "Image": {"image": (1, "str")},
    "KeyValue": {"key": (1, "str"), "value": (2, "str")},
    "Resources": {"cpu_period": (1, "int"), "cpu_quota": (2, "int"), "cpu_shares": (3, "int"),
                  "memory_limit_in_bytes": (4, "int"), "oom_score_adj": (5, "int"), "cpuset_cpus": (6, "str"),
                  "cpuset_mems": (7, "str"), "unified": (9, "map")},
    "Capability": {"add_capabilities": (1, ["str"]), "drop_capabilities": (2, ["str"])},
    "Security": {"capabilities": (1, "Capability"), "privileged": (2, "bool"), "namespace_options": (3, "NamespaceOption"),
                 "run_as_user": (5, "Int64"), "run_as_username": (6, "str"), "readonly_rootfs": (7, "bool"),
                 "supplemental_groups": (8, ["int"]), "no_new_privs": (11, "bool"), "run_as_group": (12, "Int64"),
                 "masked_paths": (13, ["str"]), "readonly_paths": (14, ["str"]), "seccomp": (15, "Profile"),
                 "apparmor": (16, "Profile")},
    "LinuxContainer": {"resources": (1, "Resources"), "security_context": (2, "Security")},
    "Metadata": {"name": (1, "str"), "attempt": (2, "int")},
    "Device": {"container_path": (1, "str"), "host_path": (2, "str"), "permissions": (3, "str")},
    "Container": {"metadata": (1, "Metadata"), "image": (2, "Image"), "command": (3, ["str"]), "args": (4, ["str"]),
                  "working_dir": (5, "str"), "envs": (6, ["KeyValue"]), "mounts": (7, ["Mount"]),
                  "devices": (8, ["Device"]), "labels": (9, "map"), "annotations": (10, "map"), "log_path": (11, "str"),
                  "stdin": (12, "bool"), "stdin_once": (13, "bool"), "tty": (14, "bool"), "linux": (15, "LinuxContainer")},
    "CreateContainerRequest": {**POD, "config": (2, "Container"), "sandbox_config": (3, "Sandbox")},
    "CreateContainerResponse": ID, "StartContainerRequest": ID, "RemoveContainerRequest": ID,
    "StopContainerRequest": {**ID, "timeout": (2, "int")},
    "ContainerStatusRequest": {**ID, "verbose": (2, "bool")},
    "ContainerStatus": {"id": (1, "str"), "state": (3, "int"), "exit_code": (7, "int"), "reason": (10, "str"),
                        "message": (11, "str"), "started_at": (5, "int"), "finished_at": (6, "int")},
    "ContainerStatusResponse": {"status": (1, "ContainerStatus"), "info": (2, "map")},
    "ListContainersRequest": {}, "ListContainersResponse": {"containers": (1, ["ContainerItem"])},
    "ContainerItem": {"id": (1, "str"), "state": (6, "int")},
    "UpdateContainerResourcesRequest": {**ID, "linux": (2, "Resources")},
    "ExecSyncRequest": {**ID, "cmd": (2, ["str"]), "timeout": (3, "int")},
    "ExecSyncResponse": {"stdout": (1, "bytes"), "stderr": (2, "bytes"), "exit_code": (3, "int")},
    "ExecRequest": {**ID, "cmd": (2, ["str"]), "tty": (3, "bool"), "stdin": (4, "bool"), "stdout": (5, "bool"),
                    "stderr": (6, "bool")},
    "AttachRequest": {**ID, "stdin": (2, "bool"), "tty": (3, "bool"), "stdout": (4, "bool"), "stderr": (5, "bool")},
    "Url": {"url": (1, "str")},
    "Condition": {"type": (1, "str"), "status": (2, "bool"), "message": (4, "str")},
    "RuntimeStatus": {"conditions": (1, ["Condition"])},
    "StatusRequest": {"verbose": (1, "bool")},
    "StatusResponse": {"status": (1, "RuntimeStatus"), "info": (2, "map"), "runtime_handlers": (3, ["Handler"])},
    "Handler": {"name": (1, "str"), "features": (2, "HandlerFeatures")},
    "HandlerFeatures": {"recursive_read_only_mounts": (1, "bool"), "user_namespaces": (2, "bool")},
    "UInt64": {"value": (1, "int")},
    "Cpu": {"usage_core_nano_seconds": (2, "UInt64")},
    "Memory": {"working_set_bytes": (2, "UInt64")},
    "Stats": {"cpu": (2, "Cpu"), "memory": (3, "Memory")},
    "ContainerStatsRequest": ID,
    "ContainerStatsResponse": {"stats": (1, "Stats")},
}
# Methods whose messages are not NAMERequest and NAMEResponse of the tables.
OTHERS = {"Version": ("Version", "Version"), "Exec": ("ExecRequest", "Url"), "Attach": ("AttachRequest", "Url")}
CREATED, RUNNING, EXITED = range(3)
POD_NS, CONTAINER_NS, NODE_NS, TARGET_NS = range(4)


class Failed(Exception):
    """An error of the service, with its text."""


class Cri:
    def __init__(self, path):
        # Its handlers of fork can abort us, and all that we fork executes a program.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
        import grpc
        self.grpc = grpc
        self.channel = grpc.insecure_channel(f"unix://{path}")

    def __call__(self, method, **message):
        ask, answer = OTHERS.get(method, (f"{method}Request", f"{method}Response"))
        if answer not in TABLES:
            answer = "Empty"
        call = self.channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                        request_serializer=lambda m: wire.encode(TABLES, ask, m),
                                        response_deserializer=lambda b: wire.decode(TABLES, answer, b))
        try:
            return call(message, timeout=120)
        except self.grpc.RpcError as e:
            raise Failed(f"{method}: {e.details()}") from e

    def close(self):
        self.channel.close()


class Pod:
    """A sandbox with its containers."""

    def __init__(self, cri, name, logs, parent, linux=None, hostname="pod", handler=""):
        self.cri, self.name, self.logs, self.containers = cri, name, logs, 0
        # One for each pod, as a kubelet has it.
        parent = f"{parent.removesuffix('.slice')}-{name}.slice" if parent.endswith(".slice") else f"{parent}/{name}"
        linux = {"cgroup_parent": parent, **(linux or {})}
        self.config = {"metadata": {"name": name, "uid": f"uid-{name}", "namespace": "default", "attempt": 0},
                       "log_directory": str(logs), "linux": linux, "annotations": {"of": "the tests"}}
        if hostname:
            self.config["hostname"] = hostname
        self.id = cri("RunPodSandbox", config=self.config, runtime_handler=handler)["pod_sandbox_id"]

    def status(self):
        return self.cri("PodSandboxStatus", pod_sandbox_id=self.id, verbose=True)

    def create(self, *args, linux=None, **config):
        self.containers += 1
        name = f"c{self.containers}"
        whole = {"metadata": {"name": name, "attempt": 0}, "image": {"image": image.BOX}, "command": list(args),
                 "log_path": f"{name}.log", "linux": linux or {}, **config}
        made = self.cri("CreateContainer", pod_sandbox_id=self.id, config=whole, sandbox_config=self.config)
        return Container(self, made["container_id"], self.logs / f"{name}.log")

    def run(self, *args, **kw):
        c = self.create(*args, **kw)
        c.start()
        return c

    def sh(self, script, **kw):
        return self.run("sh", "-c", script, **kw)

    def up(self, **kw):
        return self.sh("trap 'exit 0' TERM; while :; do sleep 0.1; done", **kw)

    def remove(self):
        self.cri("StopPodSandbox", pod_sandbox_id=self.id)
        self.cri("RemovePodSandbox", pod_sandbox_id=self.id)


class Container:
    def __init__(self, pod, ident, log):
        self.pod, self.cri, self.id, self.log_file = pod, pod.cri, ident, log

    def start(self):
        self.cri("StartContainer", container_id=self.id)

    def status(self):
        return self.cri("ContainerStatus", container_id=self.id)["status"]

    def pid(self):
        return json.loads(self.cri("ContainerStatus", container_id=self.id, verbose=True)["info"]["info"])["pid"]

    def log(self):
        """What was printed: the lines of the log without time, stream and tag."""
        lines = self.log_file.read_text().splitlines() if self.log_file.exists() else []
        return "".join(re.sub(r"^\S+ \S+ ", "", l)[2:] + ("\n" if l.split(" ")[2] == "F" else "") for l in lines)

    def wait(self):
        from support.runtime import wait_until
        wait_until(lambda: self.status()["state"] == EXITED, 60, 0.05)
        return self.status()

    def exec(self, *args, timeout=0):
        r = self.cri("ExecSync", container_id=self.id, cmd=args, timeout=timeout)
        return r["exit_code"], r["stdout"].decode(), r["stderr"].decode()

    def out(self, script):
        code, out, err = self.exec("sh", "-c", script)
        assert code == 0, f"exit {code}: {script}: {out}{err}"
        return out

    def stop(self, timeout):
        self.cri("StopContainer", container_id=self.id, timeout=timeout)

    def stream(self, method, **flags):
        return Stream(self.cri(method, container_id=self.id, **flags)["url"])


class Stream:
    """
    The WebSocket of Exec and Attach (v4.channel.k8s.io): a message is a channel's number (0 to 2 for the
    standard streams, 3 for the result as JSON, 4 for the size of the terminal) and data.
    """

    def __init__(self, url):
        host, port, path = re.match(r"https?://([^:/]+):(\d+)(/.*)", url).groups()
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self._more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.seen = {1: b"", 2: b"", 3: b""}

    def _more(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError
        self.data += got

    def _take(self, n):
        while len(self.data) < n:
            self._more()
        head, self.data = self.data[:n], self.data[n:]
        return head

    def send(self, data, channel=0):
        data = bytes([channel]) + (data if isinstance(data, bytes) else data.encode())
        mask = os.urandom(4)
        size = struct.pack("!BB", 0x82, 0x80 | len(data)) if len(data) < 126 else \
            struct.pack("!BBH", 0x82, 0x80 | 126, len(data))
        self.socket.sendall(size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def resize(self, rows, columns):
        self.send(json.dumps({"Width": columns, "Height": rows}), 4)

    def pump(self):
        """Takes one message; False at the end."""
        try:
            first, second = self._take(2)
            size = second & 0x7f
            if size >= 126:
                size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
            data = self._take(size)
        except (EOFError, ConnectionError):
            return False
        if first & 0xf == 8:
            return False
        if first & 0xf in (1, 2) and data:
            self.seen[data[0]] = self.seen.get(data[0], b"") + data[1:]
        return True

    def expect(self, word, channel=1):
        while word.encode() not in self.seen[channel]:
            assert self.pump(), f"the stream ended before {word!r}: {self.seen}"
        at = self.seen[channel].index(word.encode()) + len(word)
        head, self.seen[channel] = self.seen[channel][:at], self.seen[channel][at:]
        return head.decode()

    def finish(self):
        """Reads to the end; the exit code."""
        while self.pump():
            pass
        self.socket.close()
        result = json.loads(self.seen[3] or "{}")
        if result.get("status") == "Success":
            return 0
        causes = result.get("details", {}).get("causes", [])
        return int(next((c["message"] for c in causes if c["reason"] == "ExitCode"), -1))
