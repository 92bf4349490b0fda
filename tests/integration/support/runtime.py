# SPDX-License-Identifier: Apache-2.0
"""The runtime under test and the bundles it is given."""
import copy
import itertools
import json
import os
import pathlib
import subprocess
import time

TIMEOUT = 20
PATIENCE = float(os.environ.get("HULL_PATIENCE", "1"))   # all time limits are that much longer
REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
_counter = itertools.count()
_spec = None


def binary():
    return os.environ.get("HULL", str(REPOSITORY / "build/hull"))


def wait_until(what, timeout=10, step=0.01):
    """Calls what until it gives something true, and returns that."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"timed out waiting for {what}"
        time.sleep(step)


class Result:
    """What one call of a program gave back."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.raw, self.err = argv, code, out, err.decode(errors="replace")

    @property
    def out(self):
        return self.raw.decode(errors="replace")

    @property
    def text(self):
        """Both outputs, with the quotes of a log line taken back."""
        return self.out + self.err.replace('\\"', '"')

    def ok(self):
        assert self.code == 0, f"exit {self.code}: {self}"
        return self

    def fails(self, *words, code=None):
        """Asserts a failure that names all the words in its message."""
        assert self.code != 0, f"succeeded, but should not: {self}"
        assert 0 < self.code <= 128 or self.code > 128 + 64, f"died of a signal: {self}"
        if code is not None:
            assert self.code == code, f"exit {self.code}, not {code}: {self}"
        for word in words:
            assert word in self.text, f"{word!r} is not in the message: {self}"
        return self

    def __str__(self):
        return f"{' '.join(map(str, self.argv))}\n--- stdout\n{self.out[-4000:]}\n--- stderr\n{self.err[-4000:]}"


class Runtime:
    """hull with a state root of its own. A prefix is a command that runs it, as "unshare -m"."""

    def __init__(self, root, program=None, prefix=()):
        self.root = pathlib.Path(root)
        self.program = program or binary()
        self.prefix = list(prefix)

    def argv(self, *args):
        """With HULL_SYSTEMD=1 containers are made with the systemd driver; later commands know."""
        systemd = os.environ.get("HULL_SYSTEMD") == "1" and args[0] in ("create", "run")
        flags = ["--systemd-cgroup"] if systemd else []
        return [*self.prefix, self.program, *flags, "--root", str(self.root), *map(str, args)]

    def __call__(self, *args, timeout=TIMEOUT, **kw):
        return self.call(self.argv(*args), timeout=timeout, **kw)

    @staticmethod
    def call(argv, timeout=TIMEOUT, input=None, stdin=subprocess.DEVNULL, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        if input is not None:
            stdin = subprocess.PIPE
        timeout *= PATIENCE
        p = subprocess.Popen(argv, stdin=stdin, **kw)
        try:
            out, err = p.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            p.terminate()
            try:
                out, err = p.communicate(timeout=3)
            except subprocess.TimeoutExpired:
                p.kill()
                out, err = p.communicate(timeout=3)
            raise AssertionError(f"no end within {timeout} s: "
                                 f"{Result(argv, p.returncode, out or b'', err or b'')}")
        return Result(argv, p.returncode, out or b"", err or b"")

    def popen(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(*args), **kw)

    def ids(self):
        if not self.root.is_dir():
            return []
        return self("list", "-q").ok().out.split()


def example_config():
    """The configuration that `hull spec` writes, as a new dict."""
    global _spec
    if _spec is None:
        import tempfile
        with tempfile.TemporaryDirectory() as d:
            Runtime.call([binary(), "spec", "--bundle", d]).ok()
            _spec = json.loads(pathlib.Path(d, "config.json").read_text())
    return copy.deepcopy(_spec)


def unique(prefix="ht"):
    """A name that no other test uses, in any worker."""
    return f"{prefix}{os.getpid()}x{next(_counter)}"


class Bundle:
    """A bundle directory with its container: config is a dict, written before each create or run."""

    def __init__(self, directory, runtime, rootfs=None, ident=None):
        self.dir = pathlib.Path(directory)
        self.hull = runtime
        self.id = ident or unique()
        self.config = example_config()
        self.config["process"]["terminal"] = False
        self.rootfs = self.dir / "rootfs"
        if rootfs:
            self.rootfs = pathlib.Path(rootfs)
            self.config["root"]["path"] = str(rootfs)

    process = property(lambda self: self.config["process"])
    linux = property(lambda self: self.config["linux"])
    mounts = property(lambda self: self.config["mounts"])

    def args(self, *args):
        self.process["args"] = list(args)
        return self

    def sh(self, script):
        return self.args("/bin/sh", "-c", script)

    def writable(self):
        self.config["root"]["readonly"] = False
        return self

    def caps(self, *names, sets=("bounding", "effective", "permitted")):
        """Gives the program these capabilities beside those of the example."""
        for s in sets:
            have = self.process.setdefault("capabilities", {}).setdefault(s, [])
            have += [n for n in names if n not in have]
        return self

    def mount(self, destination, kind, source=None, options=()):
        m = {"destination": destination, "type": kind, "source": source or kind,
             "options": list(options)}
        self.mounts.append(m)
        return m

    def bind(self, source, destination, *options):
        return self.mount(destination, "bind", str(source), ["bind", *options])

    def namespaces(self, **kinds):
        """Namespace types: True for a new one, False for none, a path to join."""
        have = {n["type"]: n for n in self.linux["namespaces"]}
        for kind, value in kinds.items():
            if value is False:
                have.pop(kind, None)
            elif value is True:
                have[kind] = {"type": kind}
            else:
                have[kind] = {"type": kind, "path": str(value)}
        self.linux["namespaces"] = list(have.values())
        return self

    def userns(self, size=65536, host=100000):
        """A new user namespace; the rootfs must be readable for its root."""
        self.namespaces(user=True)
        self.linux["uidMappings"] = [{"containerID": 0, "hostID": host, "size": size}]
        self.linux["gidMappings"] = [{"containerID": 0, "hostID": host, "size": size}]
        return self

    def chown_to(self, host=100000):
        for top, dirs, files in os.walk(self.rootfs):
            for name in [".", *files]:
                os.chown(os.path.join(top, name), host, host, follow_symlinks=False)
        return self

    def write(self):
        (self.dir / "config.json").write_text(json.dumps(self.config, indent=1))

    def run(self, *flags, ident=None, **kw):
        self.write()
        return self.hull("run", "--bundle", self.dir, *flags, ident or self.id, **kw)

    def create(self, *flags, ident=None, **kw):
        """Without pipes: init would keep them open."""
        self.write()
        return self._quiet("create", "--bundle", self.dir, *flags, ident or self.id, **kw)

    def detach(self, *flags, ident=None, **kw):
        self.write()
        return self._quiet("run", "-d", "--bundle", self.dir, *flags, ident or self.id, **kw)

    def _quiet(self, *args, stdout=None, stderr=None, **kw):
        """init inherits the standard streams: a file of our own in place of a pipe."""
        name = self.dir / f".output-{unique()}"
        with open(name, "w+b") as f, open(f"{name}.err", "w+b") as g:
            r = self.hull(*args, stdout=stdout or f, stderr=stderr or g, **kw)
            f.seek(0)
            g.seek(0)
            r = Result(r.argv, r.code, f.read(), g.read())
        self.output = name
        return r

    def printed(self):
        """What the detached container has written to its standard output up to now."""
        return pathlib.Path(self.output).read_text(errors="replace")

    def out(self, script, *flags, **kw):
        """Standard output of a shell script run in the container."""
        return self.sh(script).run(*flags, **kw).ok().out

    def up(self, script="sleep 1000", *flags, **kw):
        """Runs the script detached, and returns the pid of init."""
        self.sh(script).detach(*flags, **kw).ok()
        return self.pid()

    def start(self, **kw):
        return self.hull("start", self.id, **kw)

    def exec(self, *args, **kw):
        return self.hull("exec", *args, **kw)

    def esh(self, script, *flags, **kw):
        """Output of a script run by exec."""
        return self.hull("exec", *flags, self.id, "/bin/sh", "-c", script, **kw).ok().out

    def state(self, ident=None):
        return json.loads(self.hull("state", ident or self.id).ok().out)

    def pid(self):
        return self.state()["pid"]

    def status(self):
        return self.state()["status"]

    def kill(self, sig="KILL", *flags):
        return self.hull("kill", *flags, self.id, sig)

    def wait_stopped(self, timeout=10):
        return wait_until(lambda: self.status() == "stopped", timeout)

    def delete(self, *flags, ident=None):
        return self.hull("delete", *flags, ident or self.id)

    def end(self):
        return self.delete("--force").ok()
