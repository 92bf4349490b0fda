#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
bench.py: times hull beside runc and crun, as root. Every round runs each runtime once, in changing
order, so that what else the machine does hits all alike; the ratio is the median of the rounds' own
ratios. All get the same bundle (busybox, the configuration of `hull spec`) and a state root of their
own. HULL, RUNC and CRUN name other binaries.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

AT_ONCE = 16
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
QUIET = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
         (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
         (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)]
# What makes a hybrid layout pure, in a mount namespace of our own.
PRIVATE = {"v1": "umount /sys/fs/cgroup/unified",
           "v2": "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup"}


def call(*argv):
    pid = os.posix_spawn(argv[0], [str(a) for a in argv], os.environ, file_actions=QUIET)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code != 0:
        raise SystemExit(f"bench: exit code {code} of: {' '.join(map(str, argv))}")


def call_at_once(n, *argv):
    """n calls side by side: the time of each in milliseconds."""
    argv = [str(a) for a in argv]
    begun = {os.posix_spawn(argv[0], argv, os.environ, file_actions=QUIET): time.perf_counter() for _ in range(n)}
    times = []
    while begun:
        pid, status = os.wait()
        times.append((time.perf_counter() - begun.pop(pid)) * 1000)
        if status != 0:
            raise SystemExit(f"bench: exit code {os.waitstatus_to_exitcode(status)} of: {' '.join(argv)}")
    return times


class Runtime:
    def __init__(self, name, path, state):
        self.name, self.path = name, str(path)
        self.base = [self.path, "--root", str(state / name)]
        self.id = f"bench-{name}-{os.getpid()}"

    def do(self, *argv):
        call(*self.base, *argv)


def make_bundle(where, hull, args):
    rootfs = where / "rootfs"
    for d in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        (rootfs / d).mkdir(parents=True)
    busybox = shutil.which("busybox")
    if not busybox:
        sys.exit("bench: needs busybox-static")
    shutil.copy(busybox, rootfs / "bin/busybox")
    for applet in ("sh", "true", "sleep"):
        (rootfs / "bin" / applet).symlink_to("busybox")
    subprocess.run([hull, "spec", "--bundle", where], check=True)
    config = json.loads((where / "config.json").read_text())
    config["ociVersion"] = "1.0.2"  # what older runtimes take
    config["process"]["terminal"] = False
    config["process"]["args"] = args
    (where / "config.json").write_text(json.dumps(config))
    return where


def tasks(short, long):
    """Name, what is timed, what goes before and after it."""
    def nothing(_):
        pass

    def create_start_delete(rt):
        rt.do("create", "--bundle", long, rt.id)
        rt.do("start", rt.id)
        rt.do("delete", "--force", rt.id)

    def start(rt):
        rt.do("create", "--bundle", long, rt.id)
        rt.do("start", rt.id)

    def end(rt):
        rt.do("delete", "--force", rt.id)

    return [
        ("--version", lambda rt: call(rt.path, "--version"), nothing, nothing),
        ("state", lambda rt: rt.do("state", rt.id), start, end),
        ("run", lambda rt: rt.do("run", "--bundle", short, rt.id), nothing, nothing),
        ("exec", lambda rt: rt.do("exec", rt.id, "true"), start, end),
        (f"exec, {AT_ONCE} at once", lambda rt: call_at_once(AT_ONCE, *rt.base, "exec", rt.id, "true"), start, end),
        ("create+start+delete", create_start_delete, nothing, nothing),
    ]


def measure(runtimes, action, rounds):
    times = {rt.name: [] for rt in runtimes}
    for i in range(rounds + 3):
        for rt in runtimes[i % len(runtimes):] + runtimes[:i % len(runtimes)]:
            begin = time.perf_counter()
            each = action(rt)       # its own times, if it did several things
            if i >= 3:              # the first rounds warm the caches
                times[rt.name].append(statistics.median(each) if each else (time.perf_counter() - begin) * 1000)
    return times


def print_table(rows, runtimes):
    others = runtimes[1:]
    print(f"{'':20}" + "".join(f"{rt.name + ' ms':>12}" for rt in runtimes)
          + "".join(f"{'hull/' + rt.name:>12}" for rt in others))
    for name, times in rows:
        line = f"{name:20}" + "".join(f"{statistics.median(times[rt.name]):12.2f}" for rt in runtimes)
        for rt in others:
            ratio = statistics.median(a / b for a, b in zip(times["hull"], times[rt.name]))
            line += f"{ratio:12.2f}"
        print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--cgroup", choices=PRIVATE, help="in a private mount namespace with only this")
    parser.add_argument("--json", metavar="FILE", help="write all times in milliseconds")
    o = parser.parse_args()
    if o.cgroup and "HULL_BENCH_PRIVATE" not in os.environ:
        os.environ["HULL_BENCH_PRIVATE"] = "1"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", "sh", "-c",
                              PRIVATE[o.cgroup] + ' && exec "$@"', "sh", sys.executable] + sys.argv)
    hull = os.environ.get("HULL", str(REPOSITORY / "build/hull"))
    # The state is in memory, as /run is.
    with tempfile.TemporaryDirectory(prefix="hull-bench-") as name, \
         tempfile.TemporaryDirectory(prefix="hull-bench-", dir="/dev/shm") as state:
        tmp, state = pathlib.Path(name), pathlib.Path(state)
        short = make_bundle(tmp / "short", hull, ["true"])
        long = make_bundle(tmp / "long", hull, ["sleep", "600"])
        runtimes = [Runtime("hull", hull, state)]
        for other in ("runc", "crun"):
            path = os.environ.get(other.upper()) or shutil.which(other)
            if path:
                runtimes.append(Runtime(other, path, state))
            else:
                print(f"bench: no {other} on this machine, left out")
        for rt in list(runtimes):
            trial = subprocess.run(rt.base + ["run", "--bundle", str(short), rt.id], stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True)
            if trial.returncode != 0:
                print(f"bench: {rt.name} is left out: {trial.stderr.strip()}")
                runtimes.remove(rt)
                subprocess.run(rt.base + ["delete", "--force", rt.id], capture_output=True)
                continue
            text = subprocess.run([rt.path, "--version"], capture_output=True, text=True, check=True)
            print(f"{rt.name}: {text.stdout.splitlines()[0]} ({rt.path})")
        rows = []
        for name, action, before, after in tasks(short, long):
            done = []
            try:
                for rt in runtimes:
                    done.append(rt)
                    before(rt)
                rows.append((name, measure(runtimes, action, o.rounds)))
            finally:
                for rt in done:
                    after(rt)
        print_table(rows, runtimes)
        if o.json:
            pathlib.Path(o.json).write_text(json.dumps(dict(rows), indent=1))


if __name__ == "__main__":
    main()
