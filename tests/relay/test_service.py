"""The relay as a service: notifications, watchdog, draining in time, disclosure, a full disk."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2ee_relay.cli import main
from e2ee_relay.config import Config, load
from e2ee_relay.limits import Policy
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.notify import ServiceNotifier
from e2ee_relay.pages import Pages
from e2ee_relay.protocol import ErrorCode, GoAway, Role, decode_frames
from e2ee_relay.setting_table import SETTINGS
from e2ee_relay.settings import ConfigError
from relay_actors import Owner, Peer, SocketLink, sent_again
from relay_process import RelayProcess
from websockets.asyncio.client import connect

UNIT = "server/deploy/sealroom-relay.service"
MOST_EXPOSURE = 1.5
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Manager:
    """A service manager's socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(60)

    def heard(self) -> str:
        """Return the next word."""
        return self._socket.recv(4096).decode()

    def heard_but(self, word: str) -> str:
        """Return the next word that is another."""
        heard = self.heard()
        while heard == word:
            heard = self.heard()
        return heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "file" else f"@sealroom-test-{os.getpid()}"
    listening = Manager(address)
    yield listening
    listening.close()


def test_each_word_to_the_manager(manager: Manager) -> None:
    """RLY-83: as systemd's protocol has them."""
    notifier = ServiceNotifier(manager.address)
    for say, word in (
        (notifier.ready, "READY=1"),
        (notifier.stopping, "STOPPING=1"),
        (notifier.alive, "WATCHDOG=1"),
    ):
        assert say()
        assert manager.heard() == word
    assert notifier.reloading(7)
    assert manager.heard() == "RELOADING=1\nMONOTONIC_USEC=7"


def test_without_a_manager_nothing_is_said(tmp_path: Path) -> None:
    """RLY-83: nobody to tell, or a manager that is gone: the relay goes on."""
    assert not ServiceNotifier().ready()
    assert not ServiceNotifier(str(tmp_path / "gone")).ready()


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_read_from_the_environment(
    environment: dict[str, str], interval_s: float | None
) -> None:
    """RLY-83: three words within the manager's patience, and only if this process is meant."""
    assert ServiceNotifier.from_environment(environment, 77).interval_s == interval_s


@pytest.mark.processes
def test_a_life_under_a_manager(manager: Manager, tmp_path: Path) -> None:
    """RLY-83: ready, alive, reloading, draining; the socket is the one of the environment."""
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "300000"}
    with RelayProcess(tmp_path / "relay", environment=environment) as relay:
        assert manager.heard() == "READY=1"
        assert [manager.heard() for _ in range(3)] == ["WATCHDOG=1"] * 3
        os.kill(relay.pid, signal.SIGHUP)
        assert manager.heard_but("WATCHDOG=1").startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert manager.heard_but("WATCHDOG=1") == "READY=1"
        relay.terminate()
        assert manager.heard_but("WATCHDOG=1") == "STOPPING=1"
        assert relay.wait() == 0


@pytest.mark.processes
async def test_a_stopped_store_is_not_called_alive(tmp_path: Path) -> None:
    """RLY-83: while changes wait and none is carried out, the watchdog hears nothing."""
    manager = Manager(str(tmp_path / "notify"))
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "600000"}
    with RelayProcess(tmp_path / "relay", environment=environment) as relay:
        async with connect(relay.url, compression=None) as client:
            owner = Owner()
            peer = await Peer(SocketLink(client)).greet()
            await owner.set_up(peer)
            # Whoever holds the write lock stops the writer, for as long as SQLite waits for it.
            holder = await asyncio.to_thread(_lock, tmp_path / "relay" / "relay.db")
            sending = asyncio.create_task(peer.send(owner.item(b"1")))
            await asyncio.sleep(0.3)
            late = asyncio.create_task(connect_and_create(relay))
            async with asyncio.timeout(60):
                while _forget_all(manager):  # noqa: ASYNC110 - that nothing comes has no event
                    await asyncio.sleep(1.0)
            holder.communicate(b"\n", timeout=60)
            assert (await sending)[0].code is ErrorCode.OK
            await late
        assert await asyncio.to_thread(manager.heard) == "WATCHDOG=1"
    manager.close()


def _lock(database: Path) -> subprocess.Popen[bytes]:
    program = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE'); print('held', flush=True)\n"
        "sys.stdin.readline(); db.execute('ROLLBACK'); db.close()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


async def connect_and_create(relay: RelayProcess) -> None:
    async with connect(relay.url, compression=None) as client:
        await Owner().create(await Peer(SocketLink(client)).greet())


def _forget_all(manager: Manager) -> int:
    """Take what has come, return how many words."""
    manager._socket.setblocking(False)
    heard = 0
    try:
        while manager._socket.recv(4096):
            heard += 1
    except BlockingIOError:
        manager._socket.settimeout(60)
    return heard


@pytest.mark.processes
async def test_draining_ends_in_time_whatever_clients_do(tmp_path: Path) -> None:
    """RLY-70: clients that answer nothing, one in its handshake, one that never spoke; all together."""
    with RelayProcess(tmp_path / "relay", "drain_s=1") as relay:
        sockets = [await _mute(relay, b"") for _ in range(2)]
        upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        sockets.append(await _mute(relay, upgrade))
        whole = upgrade + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        sockets += [await _mute(relay, whole) for _ in range(8)]
        await asyncio.sleep(0.2)
        begun = time.monotonic()
        relay.terminate()
        assert await asyncio.to_thread(relay.wait) == 0
        assert time.monotonic() - begun < 20
        for writer in sockets:
            writer.close()


async def _mute(relay: RelayProcess, said: bytes) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(said)
    return writer


async def test_clients_are_asked_back_one_after_the_other(relay: MemoryRelay) -> None:
    """RLY-70: the first fifty after the set time, the next ones later."""
    links = [relay.connect() for _ in range(101)]
    for link in links:
        await link.receive_bytes()
    relay.node.drain(2000)
    asked = [decode_frames(await link.receive_bytes(), Role.CLIENT)[0] for link in links]
    assert asked == [GoAway(0, 2000)] * 50 + [GoAway(0, 2050)] * 50 + [GoAway(0, 2100)]


@pytest.mark.processes
async def test_a_full_disk(tmp_path: Path) -> None:
    """RLY-30, RLY-74: nothing is confirmed, readiness and figures say so; with room it goes on."""
    with RelayProcess(tmp_path / "relay") as relay:
        async with connect(relay.url, compression=None) as client:
            owner = Owner()
            peer = await Peer(SocketLink(client)).greet()
            await owner.set_up(peer)
            assert (await peer.send(owner.item(b"before")))[0].code is ErrorCode.OK
            # A limit on the size of files stands for a disk without room; the log stays below it.
            resource.prlimit(relay.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
            (refused,) = await peer.send(owner.item(os.urandom(50_000)))
            assert refused.code is ErrorCode.UNAVAILABLE
            assert refused.retry_after_ms > 0
            assert relay.get("/readyz") == (503, "not ready: the store fails\n")
            assert relay.get("/livez")[0] == 200
            assert "sealroom_relay_store_failures_total 0" not in relay.figures()
            resource.prlimit(relay.pid, resource.RLIMIT_FSIZE, UNLIMITED)
            await sent_again(peer, owner)
        assert "store_failing" in relay.log()


# --- configuration ---


@pytest.mark.processes
def test_the_disclosure(tmp_path: Path) -> None:
    """RLY-82: what the operator set and grants, and nothing of what is stored; metrics are not public."""
    settings = ("contact=mailto:relay@example.org", "privacy_url=https://example.org/p", "quota_messages=7")
    with RelayProcess(tmp_path / "relay", *settings, "relay_name=relay.example.org") as relay:
        status, text = relay.get("/info")
        told = json.loads(text)
        assert status == 200
        assert (told["relay_name"], told["contact"], told["privacy_url"], told["source_url"]) == (
            "relay.example.org",
            "mailto:relay@example.org",
            "https://example.org/p",
            None,
        )
        assert (told["quota_messages"], told["retention_s"], told["registration"]) == (7, 2_592_000, "open")
        assert not {"mailboxes", "connections", "accounts"} & set(told)


class Calm:
    """A relay without complaints."""

    def complaints(self) -> list[str]:
        return []

    def figures(self) -> str:
        return "figures"


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "relay.example.org:0", "[::1]:0", "127.0.0.1:0"])
@pytest.mark.parametrize("figures", [{}, {"metrics_listen": "off"}, {"metrics_listen": "127.0.0.1:0"}])
def test_figures_are_not_for_clients(listen: str, figures: dict[str, str]) -> None:
    """RLY-167: whatever is set, the clients' port has none."""
    pages = Pages(load(None, {}, {"listen": listen, **figures}), Calm())
    assert pages.for_clients("/metrics") is None
    assert pages.for_operators("/metrics").body == b"figures"


def test_the_address_of_the_figures() -> None:
    """RLY-167: loopback by default; "off" is none."""
    by_default, off = load(None, {}, {}), load(None, {}, {"metrics_listen": "off"})
    chosen = load(None, {}, {"metrics_listen": "10.0.0.1:9"})
    assert (by_default.metrics_host, by_default.metrics_port) == ("127.0.0.1", 9465)
    assert (chosen.metrics_host, chosen.metrics_port) == ("10.0.0.1", 9)
    assert off.metrics_port is None
    assert [one.metrics_chosen for one in (by_default, off, chosen)] == [False, True, True]


VALUES = {
    "listen": "127.0.0.9:1",
    "metrics_listen": "127.0.0.9:2",
    "log_level": "error",
    "registration_secret_file": None,
    "tls_cert": "c",
    "tls_key": "k",
    "data_dir": "d",
    "relay_name": "n",
    "registration_secret": "s",
    "contact": "c",
    "privacy_url": "p",
    "source_url": "s",
    "public_plaintext": "true",
    "store": "postgresql:///relay",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_can_be_set_in_the_environment(name: str, tmp_path: Path) -> None:
    """RLY-11, RLY-21: by its name in capitals, over what the file says."""
    secret = tmp_path / "secret"
    secret.write_text("from a file")
    number = "3/2" if name in RATES else "3"
    value = VALUES.get(name, number) or str(secret)
    environment = {f"SEALROOM_RELAY_{name.upper()}": value}
    if name.startswith("tls_"):
        environment = {"SEALROOM_RELAY_TLS_CERT": "c", "SEALROOM_RELAY_TLS_KEY": "k"}
    if name in ("client_address", "trusted_proxies"):
        environment = {
            "SEALROOM_RELAY_CLIENT_ADDRESS": "forwarded-for",
            "SEALROOM_RELAY_TRUSTED_PROXIES": "10.0.0.1",
        }
    assert load(None, environment, {}) != load(None, {}, {})


RATES = frozenset(
    name for name in SETTINGS if "Rate" in str((Policy.__annotations__ | Config.__annotations__).get(name))
)


def test_an_error_names_its_origin_and_what_was_meant(tmp_path: Path) -> None:
    """An operator finds the place without a search."""
    file = tmp_path / "relay.toml"
    file.write_text("quota_messages = 0\n")
    with pytest.raises(ConfigError, match=r"^quota_messages: .* \(set by the file\)$"):
        load(file, {}, {})
    with pytest.raises(ConfigError, match=r"\(set by the environment\)$"):
        load(file, {"SEALROOM_RELAY_QUOTA_MESSAGES": "0"}, {})
    with pytest.raises(ConfigError, match=r"^qouta_messages: not a setting.*; quota_messages is"):
        load(None, {}, {"qouta_messages": "5"})


def test_the_check_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate that cannot be used fails it; what is seldom meant is told and passes."""
    data = ["--data-dir", str(tmp_path / "r")]
    for command in (["serve", "--check-config"], ["check-config"]):
        assert main([*command, *data]) == 0
        assert capsys.readouterr() == ("the configuration can be used\n", "")
        public = ("listen=0.0.0.0:80", "metrics_listen=0.0.0.0:81", "public_plaintext=true")
        assert main([*command, *data, *[part for one in public for part in ("--set", one)]]) == 0
        told = capsys.readouterr().err
        assert all(word in told for word in ("no TLS", "metrics_listen", "relay_name"))
        wrong = ["--set", "tls_cert=missing.pem", "--set", "tls_key=missing.pem"]
        assert main([*command, *data, *wrong]) == 2
        assert "tls_cert" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


# --- the unit ---


def _unit(repo_root: Path, folder: Path) -> Path:
    """Write the unit with a program that exists here in the place of the installed one."""
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is missing")
        pytest.skip("systemd-analyze (Debian: systemd) is not installed")
    text = (repo_root / UNIT).read_text("utf-8")
    assert "/opt/sealroom/bin/sealroom-relay" in text
    unit = folder / "sealroom-relay.service"
    unit.write_text(text.replace("/opt/sealroom/bin/sealroom-relay", "/bin/true"), "utf-8")
    return unit


def test_the_unit_verifies(repo_root: Path, tmp_path: Path) -> None:
    """RLY-83: systemd finds nothing to say about it; a misspelt line would be told."""
    unit = _unit(repo_root, tmp_path)
    line = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    unit.write_text(unit.read_text("utf-8").replace("WatchdogSec=", "WatchdogSecs="), "utf-8")
    spoilt = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert "WatchdogSecs" in spoilt.stderr


def test_the_unit_is_closed(repo_root: Path, tmp_path: Path) -> None:
    """RLY-83: systemd's own score of exposure, 0 best and 10 worst; above the bar it fails."""
    unit = _unit(repo_root, tmp_path)
    line = [
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={int(MOST_EXPOSURE * 10)}",
        str(unit),
    ]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-200:]
    assert "Overall exposure level" in done.stdout
