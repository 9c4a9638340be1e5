"""Hosts of a chaos run: network namespaces on one bridge, nodes in them, links that can be cut."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_NET = "10.77.0"
HUB = f"{_NET}.1"
PORT = 18443
_READY_S = 60.0


def missing() -> str:
    """Name what keeps this machine from making namespaces; empty: nothing does."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "ip is not installed (Debian: iproute2)"
    made = subprocess.run(["ip", "netns", "add", f"srtry{os.getpid()}"], capture_output=True, check=False)
    if made.returncode:
        return "this machine does not allow network namespaces"
    _ip("netns", "del", f"srtry{os.getpid()}")
    return ""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Net:
    """A hub and some hosts, each a namespace of its own; the hub has the bridge."""

    def __init__(self, hosts: int) -> None:
        self.hub = f"srhub{os.getpid()}"
        self.hosts = [f"srhost{os.getpid()}n{place}" for place in range(hosts)]

    def __enter__(self) -> Net:
        _ip("netns", "add", self.hub)
        self._in(self.hub, "link", "set", "lo", "up")
        self._in(self.hub, "link", "add", "br0", "type", "bridge")
        self._in(self.hub, "addr", "add", f"{HUB}/24", "dev", "br0")
        self._in(self.hub, "link", "set", "br0", "up")
        for place, host in enumerate(self.hosts):
            _ip("netns", "add", host)
            self._in(self.hub, "link", "add", f"to{place}", "type", "veth", "peer", "eth0", "netns", host)
            self._in(self.hub, "link", "set", f"to{place}", "master", "br0", "up")
            self._in(host, "link", "set", "lo", "up")
            self._in(host, "addr", "add", f"{address(place)}/24", "dev", "eth0")
            self._in(host, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in (*self.hosts, self.hub):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def _in(self, host: str, *words: str) -> None:
        _ip("-n", host, *words)

    def enter(self, host: str) -> tuple[str, ...]:
        """The words that run a program on a host."""
        return ("ip", "netns", "exec", host)


def set_link(place: int, up: bool) -> None:
    """Cut or mend the cable of a host; called in the hub."""
    _ip("link", "set", f"to{place}", "up" if up else "down")


def address(place: int) -> str:
    return f"{_NET}.{11 + place}"


class ChaosNode:
    """One relay node on its host; called in the hub."""

    def __init__(self, place: int, host: str, store: str, folder: Path, *settings: str) -> None:
        self.place = place
        words = [f"store={store}", "relay_name=chaos.example", "poll_s=2", "public_plaintext=true", *settings]
        self._command = ["ip", "netns", "exec", host, sys.executable, "-m", "e2ee_relay", "serve"]
        self._command += ["--listen", f"{address(place)}:{PORT}"]
        for word in words:
            self._command += ["--set", word]
        self._log = folder / f"node{place}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it without waiting; `is_up` tells the rest."""
        paths = os.pathsep.join(str(_ROOT / part) for part in (".", "client", "server"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=_ROOT, env={**os.environ, "PYTHONPATH": paths}
            )

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a crash would. `ip netns exec` has become the program, so this is its process."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def keep_up(self) -> None:
        """Start it if it does not run, as a service manager would."""
        if not self.is_up:
            self.start()


def wait_until_ready(log: Path, count: int = 1) -> None:
    """Wait until a node has said so many times that it listens."""
    deadline = time.monotonic() + _READY_S
    while not log.exists() or log.read_text("utf-8", "replace").count("ready ") < count:
        if time.monotonic() > deadline:
            raise TimeoutError("a node does not start")
        time.sleep(0.1)
