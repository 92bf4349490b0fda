# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore with the options for memory, sockets, terminals and namespaces"""
import os
import shutil
import socket
import subprocess

import pytest

import test_checkpoint
from support.console import ConsoleSocket
from support.runtime import wait_until
from test_checkpoint import IGNORE, QUIET, checkpoint, counter, goes_on, images, restore, value  # noqa: F401

criu = test_checkpoint.criu


def need(criu, feature):
    if subprocess.run([criu, "check", "--feature", feature], **QUIET).returncode != 0:
        pytest.skip(f"this kernel has no {feature} for criu")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_pre_dump(criu, counter):  # noqa: F811
    """The memory first, with the container running; then what has changed since."""
    need(criu, "mem_dirty_track")
    counter.hull("checkpoint", "--pre-dump", "--image-path", counter.dir / "parent", "--work-path",
                 counter.dir / "work", *IGNORE, counter.id).ok()
    assert counter.status() == "running"
    goes_on(counter)
    checkpoint(counter, "--parent-path", "../parent").ok()
    assert os.readlink(counter.dir / "images/parent") == "../parent"
    restore(counter).ok()
    goes_on(counter)
    counter.end()


def test_lazy_pages(criu, box, hull):
    """The pages come through the network while the restored container runs already."""
    need(criu, "uffd-noncoop")
    box.writable().sh("while read x; do echo got $x; done").write()
    (r1, w1), (r2, w2) = os.pipe(), os.pipe()
    assert hull("run", "-d", "--bundle", box.dir, box.id, stdin=r1, stdout=w2, stderr=subprocess.DEVNULL).code == 0
    port = free_port()
    ready, status = os.pipe()
    os.set_inheritable(status, True)
    dump = hull.popen("checkpoint", "--lazy-pages", "--page-server", f"127.0.0.1:{port}", "--status-fd", status,
                      *images(box), *IGNORE, box.id, pass_fds=[status], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL)
    os.close(status)
    assert os.read(ready, 1) == b"\0"
    for fd in (ready, r1, w1, r2, w2):
        os.close(fd)
    assert (box.dir / "images/inventory.img").exists()
    daemon = subprocess.Popen([criu, "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", str(port),
                               "-D", str(box.dir / "images"), "-W", str(box.dir / "work")], **QUIET)
    first, box.id = box.id, box.id + "-lazy"
    # The socket between the daemon and restore is in the directory where both work.
    wait_until((box.dir / "work/lazy-pages.socket").exists)
    (r1, w1), (r2, w2) = os.pipe(), os.pipe()
    r = restore(box, "--lazy-pages", stdin=r1, stdout=w2)
    if "page-pipe: splice" in (box.dir / "work/dump.log").read_text():
        # The failure is reported, and nothing of the second container is left; the first goes on.
        r.fails("criu failed", code=1)
        assert dump.wait(20) == 1 and hull.ids() == [first]
        box.id = first
        box.end()
        pytest.skip("CRIU's own page server fails on this kernel")
    r.ok()
    assert dump.wait(20) == 0 and daemon.wait(20) == 0
    assert hull.ids() == [box.id]
    os.write(w1, b"ping\n")
    assert os.read(r2, 100) == b"got ping\n"
    for fd in (r1, w1, r2, w2):
        os.close(fd)
    box.end()


def test_page_server(criu, counter):  # noqa: F811
    """Pages go to another directory, by the network; with the other images they make a container again."""
    port = free_port()
    pages = counter.dir / "pages"
    pages.mkdir()
    server = subprocess.Popen([criu, "page-server", "-D", str(pages), "--address", "127.0.0.1", "--port", str(port)],
                              **QUIET)
    probe = "%04X" % port

    def listening():
        return any(line.split()[1].endswith(f":{probe}") and line.split()[3] == "0A"
                   for line in open("/proc/net/tcp").readlines()[1:])
    wait_until(listening)
    checkpoint(counter, "--page-server", f"127.0.0.1:{port}").ok()
    assert server.wait(20) == 0
    assert list(pages.glob("pages-*.img")) and not list((counter.dir / "images").glob("pages-*.img"))
    for image in pages.iterdir():
        shutil.copy(image, counter.dir / "images")
    restore(counter).ok()
    goes_on(counter)
    counter.end()


def test_terminal(box):
    """The shell's terminal is another one after the restore, sent through the socket again."""
    box.process["terminal"] = True
    box.writable().args("/bin/sh").write()
    path = box.dir / "console"
    with ConsoleSocket(path) as console:
        box.hull("run", "-d", "--bundle", box.dir, "--console-socket", path, box.id, **{
            "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}).ok()
        term = console.terminal()
        term.send("x=kept; echo re''ady\n")
        term.expect("ready")
        checkpoint(box, "--shell-job").ok()
        os.close(term.fd)
        restore(box, "--shell-job", "--console-socket", path).ok()
        term = console.terminal()
        term.send("echo value=$x\n")
        term.expect("value=kept")
        os.close(term.fd)
    box.end()


def test_network_namespace_by_path(box, tag):
    """A namespace that is not the container's own is not saved but joined again."""
    name = f"/var/run/netns/{tag}"
    subprocess.run(["ip", "netns", "add", tag], check=True)
    try:
        box.namespaces(network=name).writable()
        box.up("i=0; while :; do i=$((i+1)); echo $i >/tmp/n; sleep 0.05; done", stdout=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL)
        inode = os.stat(name).st_ino
        checkpoint(box).ok()
        restore(box).ok()
        assert os.stat(f"/proc/{box.pid()}/ns/net").st_ino == inode
        goes_on(box)
        box.end()
    finally:
        subprocess.run(["ip", "netns", "delete", tag], check=True)


def test_file_locks_and_unix_sockets(counter):  # noqa: F811
    """Options that only CRIU acts on reach it."""
    checkpoint(counter, "--file-locks", "--ext-unix-sk", "--link-remap", "--tcp-skip-in-flight",
               "--network-lock", "skip").ok()
    log = (counter.dir / "work/dump.log").read_text()
    assert "Dumping finished successfully" in log
    restore(counter, "--file-locks", "--ext-unix-sk", "--tcp-close", "--auto-dedup").ok()
    goes_on(counter)
    counter.end()


@pytest.mark.parametrize("flag,value_,words", [("--lsm-profile", "nothing", ("lsm-profile",)),
                                               ("--lsm-profile", "apparmor:hull-none", ("criu failed",))])
def test_lsm_profile(counter, flag, value_, words):  # noqa: F811
    checkpoint(counter).ok()
    r = restore(counter, flag, value_)
    if value_.startswith("apparmor") and r.code == 0:
        pytest.skip("criu takes no notice of an LSM that is not there")
    r.fails(*words, code=1)
    assert counter.hull.ids() == []
