"""The peers' servers: each a process with files of its own below one folder, on a port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.peers.relay.xmpp import HOST, PASSWORD

_START_S: Final = 30.0
PROGRAMS: Final = {"mosquitto": "mosquitto", "nats": "nats-server", "prosody": "prosody"}


class NotInstalled(Exception):
    """A peer's program is not there; the text says which."""


def program(name: str) -> str:
    """Return the path of a peer's program.

    Raises:
        NotInstalled: it is not there.
    """
    found = shutil.which(PROGRAMS[name]) or shutil.which(PROGRAMS[name], path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NotInstalled(f"{PROGRAMS[name]} is not installed")
    return found


def version(name: str) -> str:
    """Return what a peer says of its version."""
    asked = {"mosquitto": ["-h"], "nats": ["--version"], "prosody": ["--version"]}[name]
    if name == "prosody":
        control = shutil.which("prosodyctl") or "prosodyctl"
        said = subprocess.run([control, "about"], capture_output=True, text=True, check=False).stdout
        return next((line for line in said.splitlines() if line.startswith("Prosody")), "prosody")
    said = subprocess.run([program(name), *asked], capture_output=True, text=True, check=False).stdout
    return said.splitlines()[0] if said else name


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running peer."""

    def __init__(self, command: list[str], port: int, folder: Path) -> None:
        self.port = port
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        self.pid = self._process.pid
        deadline = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    raise RuntimeError((folder / "log").read_text("utf-8", "replace")[-500:]) from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._log.close()


def mosquitto(folder: Path, _clients: int, *, autosave: bool = False) -> Server:
    """Mosquitto with persistence; with `autosave`, a snapshot at each change."""
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {folder}/",
        "max_queued_messages 0",
        "user root",
    ]
    if autosave:
        lines += ["autosave_on_changes true", "autosave_interval 1"]
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", "utf-8")
    return Server([program("mosquitto"), "-c", str(config)], port, folder)


def nats(folder: Path, _clients: int, *, always: bool = False) -> Server:
    """NATS with JetStream on files; with `always`, synchronised at each write."""
    port = free_port()
    sync = "\nsync_interval: always" if always else ""
    storage = f'jetstream {{ store_dir: "{folder}/js"{sync} }}'
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\nmax_connections: 100000\n{storage}\n',
        "utf-8",
    )
    return Server([program("nats"), "-c", str(config)], port, folder)


def prosody(folder: Path, clients: int) -> Server:
    """Prosody with an archive of messages in its internal files, and stream management."""
    port = free_port()
    accounts = folder / "data" / HOST / "accounts"
    accounts.mkdir(parents=True)
    for place in range(clients):
        (accounts / f"u{place}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n', "utf-8")
    config = folder / "prosody.cfg.lua"
    config.write_text(
        f"""
daemonize = false
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
modules_enabled = {{ "saslauth"; "roster"; "disco"; "smacks"; "mam"; "offline"; "presence"; "message"; "iq" }}
modules_disabled = {{ "s2s"; "tls"; "limits" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
default_archive_policy = true
archive_expires_after = "never"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
log = {{ warn = "*console" }}
VirtualHost "{HOST}"
""",
        "utf-8",
    )
    return Server([program("prosody"), "--config", str(config), "-F"], port, folder)
