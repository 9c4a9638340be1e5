"""A real relay process: crashes, restarts, draining, health, logs, and the operator's commands."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from conversations import until
from e2ee_relay.protocol import (
    Ack,
    Done,
    ErrorCode,
    Frame,
    GoAway,
    Message,
    Ping,
    PrekeysBundle,
    PrekeysFetch,
    PrekeysStock,
    QueueEmpty,
    Role,
    Send,
    SendItem,
    SendResults,
    TtlClass,
    decode_frames,
    encode_frames,
)
from e2ee_relay.store.sqlite_schema import SCHEMA_VERSION
from held_port import HeldPort
from relay_actors import Company, Owner, Peer, SocketLink
from relay_process import PROGRAM, RelayProcess
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

pytestmark = pytest.mark.processes
GENEROUS = (
    "contact_messages=1000000/1000000",
    "contact_b=1000000000/1000000000",
    "mailbox_messages=1000000/1000000",
    "creations=1000/1000",
    "directory_b=1000000/1000000",
)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[RelayProcess]:
    with RelayProcess(tmp_path / "relay", *GENEROUS) as running:
        yield running


OPENED: list[ClientConnection] = []


@pytest.fixture(autouse=True)
async def _close_sockets() -> AsyncIterator[None]:
    """Close what a test has opened, in the loop in which it was opened."""
    yield
    while OPENED:
        await OPENED.pop().close()


async def open_socket(process: RelayProcess, *, max_queue: int = 16) -> ClientConnection:
    opened = await connect(
        process.url, compression=None, max_size=1 << 20, max_queue=max_queue, close_timeout=0.2
    )
    OPENED.append(opened)
    return opened


async def until_closed(client: ClientConnection) -> tuple[list[Frame], int | None]:
    """Take frames until the relay closes; return them and its close code."""
    frames: list[Frame] = []
    try:
        while True:
            frames += decode_frames(await client.recv(decode=False), Role.CLIENT)
    except ConnectionClosed as closed:
        return frames, None if closed.rcvd is None else closed.rcvd.code


async def open_peer(process: RelayProcess) -> Peer:
    return await Peer(SocketLink(await open_socket(process))).greet()


def files_of(process: RelayProcess) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(process.data_dir.iterdir()))


async def until_gone(process: RelayProcess, *secrets: bytes) -> None:
    """Wait until a running relay has tidied its files of all these (RLY-43)."""
    for _ in range(600):
        await asyncio.sleep(0.1)
        left = files_of(process)
        if not any(secret in left for secret in secrets):
            return
    pytest.fail("deleted data is still in the files")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def command(process: RelayProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    line = [
        sys.executable,
        "-m",
        "e2ee_relay",
        arguments[0],
        "--data-dir",
        str(process.data_dir),
        *arguments[1:],
    ]
    variables = {**os.environ, "PYTHONPATH": str(root / "server")}
    return subprocess.run(line, capture_output=True, text=True, env=variables, timeout=60, check=False)


class Load:
    """A sender that keeps sending, and remembers what was confirmed."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.confirmed: set[bytes] = set()
        self.waiting: list[SendItem] = []
        self.is_over = False

    async def run(self, process: RelayProcess) -> None:
        while not self.is_over:
            try:
                peer = await open_peer(process)
                while not self.is_over:
                    await self.one_batch(peer)
            except (OSError, WebSocketException):
                await asyncio.sleep(0.02)

    async def one_batch(self, peer: Peer) -> None:
        # The same bytes under the same id are sent again until they are confirmed.
        self.waiting = self.waiting or [self.owner.item(os.urandom(200)) for _ in range(4)]
        results = await peer.send(*self.waiting)
        left = []
        for item, result in zip(self.waiting, results, strict=True):
            if result.code is ErrorCode.OK:
                self.confirmed.add(item.msg_id)
            else:
                left.append(item)
        self.waiting = left


async def drain_mailbox(process: RelayProcess, owner: Owner) -> list[Message]:
    """Take and acknowledge everything that is held."""
    peer = await open_peer(process)
    await owner.prove(peer)
    await owner.subscribe(peer)
    taken: list[Message] = []
    while not any(isinstance(push, QueueEmpty) for push in peer.pushes):
        fresh = [push for push in peer.pushes if isinstance(push, Message)]
        peer.pushes = [push for push in peer.pushes if not isinstance(push, Message)]
        if fresh:
            await owner.ack(peer, *fresh)
            taken += fresh
        elif not any(isinstance(push, QueueEmpty) for push in peer.pushes):
            await peer.pump()
    fresh = [push for push in peer.pushes if isinstance(push, Message)]
    if fresh:
        await owner.ack(peer, *fresh)
    await peer.link.close()
    return taken + fresh


async def test_a_killed_relay_loses_nothing_confirmed(process: RelayProcess) -> None:
    """RLY-30, RLY-32, RLY-35: SIGKILL at random moments under load; each confirmed message is there, once."""
    owners = [Owner() for _ in range(3)]
    for owner in owners:
        await owner.set_up(await open_peer(process))
    loads = [Load(owner) for owner in owners]
    tasks = [asyncio.create_task(load.run(process)) for load in loads]
    moments = random.Random(7)
    for _ in range(6):
        await asyncio.sleep(moments.uniform(0.15, 0.4))
        await asyncio.to_thread(process.restart)
    await until(lambda: all(len(load.confirmed) > 20 for load in loads))
    for load in loads:
        load.is_over = True
    await asyncio.gather(*tasks)
    await asyncio.to_thread(process.restart)
    for owner, load in zip(owners, loads, strict=True):
        messages = await drain_mailbox(process, owner)
        ids = [message.msg_id for message in messages]
        assert len(load.confirmed) > 20
        assert len(ids) == len(set(ids))
        assert load.confirmed <= set(ids)
        assert set(ids) - load.confirmed <= {item.msg_id for item in load.waiting}
        assert [message.seq for message in messages] == sorted(message.seq for message in messages)


async def test_acknowledged_messages_do_not_come_back(process: RelayProcess) -> None:
    """RLY-37: what was answered Done is deleted, also when the process is killed right after."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    await peer.send(*[owner.item(b"%d" % number) for number in range(20)])
    assert len(await drain_mailbox(process, owner)) == 20
    await asyncio.to_thread(process.restart)
    assert await drain_mailbox(process, owner) == []


async def test_prekeys_are_handed_out_once_over_crashes(tmp_path: Path) -> None:
    """RLY-63: a key that somebody got is not given again, whenever the process is killed."""
    settings = (*GENEROUS, "fetches=100000/100000", "fetches_per_device=100000/100000")
    with RelayProcess(tmp_path / "relay", *settings) as process:
        owner = Owner()
        peer = await open_peer(process)
        await owner.set_up(peer)
        company = Company(owner, now_ms())
        await company.publish(peer)
        await peer.expect(PrekeysStock, company.upload(peer, 150, 5))
        seen: list[bytes] = []

        async def take() -> None:
            while len(seen) < 60:
                try:
                    taker = await open_peer(process)
                    while len(seen) < 60:
                        request = PrekeysFetch(
                            taker.next_id(), company.account_id, company.record_hash, company.front_token
                        )
                        answer = await taker.expect(PrekeysBundle, request)
                        if answer.one_time_x25519:
                            seen.append(answer.bundle)
                except (OSError, WebSocketException):
                    await asyncio.sleep(0.02)

        takers = [asyncio.create_task(take()) for _ in range(4)]
        for _ in range(3):
            await asyncio.sleep(0.02)
            await asyncio.to_thread(process.restart)
        await asyncio.gather(*takers)
        assert len(seen) >= 60
        assert len(set(seen)) == len(seen)


async def test_sigterm_drains(process: RelayProcess) -> None:
    """RLY-70: what was read is committed and answered, clients are told, close code 1001, status 0."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    sender = await open_socket(process)
    request = Send(7, tuple(owner.item(os.urandom(50_000)) for _ in range(10)))
    await sender.send(encode_frames([request]))
    await until(lambda: not sender.transport.get_write_buffer_size())
    process.terminate()
    frames, code = await until_closed(sender)
    assert code == 1001
    assert any(isinstance(frame, GoAway) and frame.retry_after_ms == 2000 for frame in frames)
    answers = [frame for frame in frames if isinstance(frame, SendResults)]
    assert await asyncio.to_thread(process.wait) == 0
    confirmed = [result.code is ErrorCode.OK for answer in answers for result in answer.results]
    assert confirmed == [True] * 10
    await asyncio.to_thread(process.start)
    assert len(await drain_mailbox(process, owner)) == 10


async def test_deleted_data_leaves_the_files_of_a_running_relay(process: RelayProcess) -> None:
    """RLY-43: seconds after the acknowledgement no file has the body, the id or the token."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    bodies = [os.urandom(20_000) for _ in range(8)]
    await peer.send(*[owner.item(body) for body in bodies])
    held = files_of(process)
    assert all(body[:64] in held for body in bodies)
    await drain_mailbox(process, owner)
    await until_gone(process, *[body[at : at + 32] for body in bodies for at in (0, 5000, 19_900)])
    assert owner.token not in files_of(process)


async def test_logs_and_metrics_name_nobody(tmp_path: Path) -> None:
    """RLY-72, RLY-73: no address, id, token or content, at the lowest level, a broken client among them."""
    settings = (*GENEROUS, "log_level=debug", "max_connections=1000")
    with RelayProcess(tmp_path / "relay", *settings) as process:
        owner = Owner()
        peer = await open_peer(process)
        await owner.set_up(peer)
        canary = os.urandom(24)
        item = owner.item(canary)
        await peer.send(item, owner.item(b"x", token=bytes(32)))
        broken = await open_socket(process)
        await broken.send(b"\xff" + canary)
        _, code = await until_closed(broken)
        assert code == 1002
        metrics = process.figures()
        port = peer.link._send.__self__.local_address[1]  # type: ignore[attr-defined]  # the socket behind the link
        process.stop()
        shown = process.log() + metrics
    assert 'sealroom_relay_refusals_total{code="DENIED"} 1' in metrics
    assert "sealroom_relay_accepted_total 1" in metrics
    for secret in (canary, owner.mailbox, owner.token, owner.owner_pub, item.msg_id, peer.nonce):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert "127.0.0.1" not in shown
    assert re.search(rf"(?<!\d){port}(?!\d)", shown) is None
    lines = [json.loads(line) for line in process.log().splitlines()]
    assert {line["event"] for line in lines} == {"started", "client_refused", "draining", "stopped"}
    for line in lines:
        assert all(
            isinstance(value, int) for name, value in line.items() if name not in ("level", "event", "text")
        )


async def test_text_messages_are_refused(process: RelayProcess) -> None:
    """RLY-03: binary messages only."""
    client = await open_socket(process)
    await client.send("hello")
    frames, code = await until_closed(client)
    assert (len(frames), code) == (1, 1002)


async def test_health_on_the_same_port(process: RelayProcess) -> None:
    """RLY-74, RLY-167: alive and ready, but no figures; other paths are WebSockets."""
    assert process.get("/livez") == (200, "ok\n")
    assert process.get("/healthz") == (200, "ok\n")
    assert process.get("/readyz") == (200, "ready\n")
    for path in ("/", "/metrics", "/metrics?", "/metrics/"):
        assert process.get(path)[0] == 426


async def test_metrics_on_a_port_of_their_own(tmp_path: Path) -> None:
    """RLY-167: with health beside them, and nothing else."""
    held = HeldPort()
    port = held.number
    with RelayProcess(tmp_path / "relay", f"metrics_listen=127.0.0.1:{port}") as process:
        assert process.get("/metrics")[0] == 426
        process._port, served = port, process.port
        assert process.get("/metrics")[0] == 200
        assert process.get("/readyz")[0] == 200
        assert process.get("/nothing")[0] == 404
        process._port = served


async def test_a_client_that_does_not_read_is_dropped(process: RelayProcess) -> None:
    """RLY-71: its connection goes, its messages stay, others are served."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    await peer.send(owner.item(b"held"))
    raw = await open_socket(process, max_queue=1)
    slow = await Peer(SocketLink(raw)).greet()
    await owner.prove(slow)
    await owner.subscribe(slow)
    raw.transport.pause_reading()
    for _ in range(100):
        await peer.send(*[owner.item(os.urandom(90_000), ttl=TtlClass.EPHEMERAL) for _ in range(5)])
        if "sealroom_relay_slow_clients_total 1" in process.figures():
            break
    else:
        pytest.fail("the slow client was not dropped")
    raw.transport.abort()
    assert await peer.ask(Ping(900)) == Done(900)
    (message,) = await drain_mailbox(process, owner)
    assert message.body == b"held"


async def is_taken(process: RelayProcess) -> bool:
    """Whether the relay takes one more connection."""
    try:
        await open_peer(process)
    except InvalidStatus:
        return False
    return True


async def test_too_many_connections_are_turned_away(tmp_path: Path) -> None:
    with RelayProcess(tmp_path / "relay", "max_connections=2") as process:
        kept = [await open_peer(process) for _ in range(2)]
        with pytest.raises(Exception, match="503"):
            await open_socket(process)
        await kept[0].link.close()
        async with asyncio.timeout(60):
            while not await is_taken(process):  # noqa: ASYNC110 - nothing tells that a place is free again
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(("kind", "is_less"), [("", True), ("S", False)], ids=["hard", "soft"])
async def test_there_are_no_more_connections_than_open_files(
    tmp_path: Path, kind: str, is_less: bool
) -> None:
    """RLY-224: who comes beyond is told; a limit that can be raised is."""
    script = f'ulimit -{kind}n 100; exec "$@"'
    program = ("/bin/sh", "-c", script, "sh", sys.executable, "-m", "e2ee_relay")
    settings = ("max_connections=60", "max_handshakes=20")
    with RelayProcess(tmp_path / "relay", *settings, program=program) as process:
        lines = [json.loads(line) for line in process.log().splitlines()]
        told = [line["connections"] for line in lines if line["event"] == "few_open_files"]
        assert told == ([33] if is_less else [])
        for _ in range(33):
            await open_peer(process)
        if is_less:
            with pytest.raises(Exception, match="503"):
                await open_socket(process)
        else:
            await open_peer(process)


async def test_a_flood_of_requests_is_answered_in_full(process: RelayProcess) -> None:
    """RLY-07: reading pauses while commits are outstanding; nothing is lost or answered twice."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    client = await open_socket(process)
    count = 600
    frames = [Send(number + 1, (owner.item(b"x", token=owner.token),)) for number in range(count)]
    for start in range(0, count, 100):
        await client.send(encode_frames(frames[start : start + 100]))
    answered: list[int] = []
    while len(answered) < count:
        message = await asyncio.wait_for(client.recv(decode=False), 60)
        answered += [frame.request_id for frame in decode_frames(message, Role.CLIENT) if frame.request_id]
    assert sorted(answered) == list(range(1, count + 1))


# --- commands ---


async def test_inspect_shows_everything_held(process: RelayProcess) -> None:
    """RLY-77: every row, of a running relay."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    body = os.urandom(100)
    await peer.send(owner.item(body))
    company = Company(owner, now_ms())
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 2, 1))
    shown = json.loads(command(process, "inspect", "--json", "--mailbox", owner.mailbox.hex()).stdout)
    assert shown["mailbox"][0]["owner_pub"] == owner.owner_pub.hex()
    assert [row["body"] for row in shown["message"]] == [body.hex()]
    assert len(shown["token"]) == 2
    assert [row["msg_id"] for row in shown["seen"]] == [row["msg_id"] for row in shown["message"]]
    assert shown["device"][0]["address"] is not None
    assert (len(shown["prekey"]), len(shown["reusable_prekey"]), len(shown["prekey_mark"])) == (3, 2, 2)
    shown = json.loads(command(process, "inspect", "--json", "--account", company.account_id.hex()).stdout)
    assert [row["signed_list"] for row in shown["device_list"]] == [company.lists[0].hex()]
    assert shown["device"][0]["record"] == company.record.hex()
    assert (len(shown["prekey"]), len(shown["reusable_prekey"]), len(shown["prekey_mark"])) == (3, 2, 2)


async def test_the_receipt_of_a_mailbox_counts_what_its_devices_lose(process: RelayProcess) -> None:
    """RLY-171, RLY-172, RLY-27: address, slot and prekeys of the devices that name it go with it."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    company = Company(owner, now_ms())
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 2, 1))
    done = command(process, "purge", "--mailbox", owner.mailbox.hex(), "--yes")
    assert "mailbox 1, token 2, device 1, prekey 3, reusable_prekey 2, prekey_mark 2\n" in done.stdout
    assert "  left: 0 rows\n" in done.stdout


@pytest.mark.parametrize("running", [True, False])
async def test_purge_removes_everything(process: RelayProcess, running: bool) -> None:
    """RLY-77: beside a running relay and without one; nothing of it is in the files."""
    owner, other = Owner(), Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    await other.set_up(peer)
    company = Company(owner, now_ms())
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 2, 1))
    body = os.urandom(100)
    await peer.send(owner.item(body), other.item(b"stays"))
    if not running:
        process.stop()
    for kind, subject in (("--account", company.account_id), ("--mailbox", owner.mailbox)):
        done = command(process, "purge", kind, subject.hex(), "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"  by: {'the running relay' if running else 'this command'}\n" in done.stdout
        assert "  left: 0 rows\n" in done.stdout
        held = json.loads(command(process, "inspect", "--json", kind, subject.hex()).stdout)
        assert not any(held.values())
    if not running:
        process.start()
    sender = await open_peer(process)
    assert [result.code for result in await sender.send(owner.item(b"x"), other.item(b"y"))] == [
        ErrorCode.DENIED,
        ErrorCode.OK,
    ]
    await until_gone(process, owner.mailbox, owner.owner_pub, body, company.account_id, company.record_hash)


def test_restore_commands(process: RelayProcess) -> None:
    """RLY-76: the check tells, the declaration burns; both need the relay to be stopped."""
    busy = command(process, "restore-check")
    assert busy.returncode == 1
    assert "another process" in busy.stderr
    process.stop()
    report = json.loads(command(process, "restore-check").stdout)
    assert (report["intact"], report["older_copy"], report["schema"]) == (True, False, SCHEMA_VERSION)
    (process.data_dir / "relay.mark").unlink()
    assert json.loads(command(process, "restore-check").stdout)["older_copy"]
    done = command(process, "restored")
    assert done.stdout == "declared as restored; one-time keys burned: 0\n"
    assert not json.loads(command(process, "restore-check").stdout)["older_copy"]
    copied = command(process, "backup", str(process.data_dir.parent / "copy"))
    assert copied.returncode == 0
    process.start()


def test_commands_without_a_database(tmp_path: Path) -> None:
    """RLY-77: a typing error in the path creates nothing."""
    process = RelayProcess(tmp_path / "nowhere")
    for arguments in (["inspect", "--mailbox", "00" * 16], ["purge", "--account", "00" * 32], ["restored"]):
        done = command(process, *arguments)
        assert done.returncode == 1
        assert "no database" in done.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="no core dumps here at all")
def test_a_relay_writes_no_core_dump(tmp_path: Path) -> None:
    """RLY-275: also where its shell allows them."""
    program = ("sh", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "sh", *PROGRAM)
    with RelayProcess(tmp_path / "relay", program=program) as process:
        limits = Path(f"/proc/{process.pid}/limits").read_text("ascii")
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


def test_an_error_output_that_was_closed_before_the_start_is_no_fault(tmp_path: Path) -> None:
    """As of `sealroom-relay serve 2>&-`: its log is lost, and messages are served."""
    program = ("sh", "-c", 'exec "$@" 2>&-', "sh", *PROGRAM)
    with RelayProcess(tmp_path / "relay", program=program) as process:
        assert process.stop() == 0
    assert process.log() == ""


def test_two_relays_do_not_share_a_directory(process: RelayProcess) -> None:
    second = RelayProcess(process.data_dir)
    with pytest.raises(RuntimeError, match="another process"):
        second.start()


async def taken_by_default() -> socket.socket:
    """Take the default port for figures as soon as no other test has it; a relay that runs here keeps it."""
    for _ in range(200):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", 9465))
        await asyncio.sleep(0.1)
    return socket.socket()


@pytest.mark.parametrize(("metrics", "logged"), [(True, True), (False, False)], ids=["default", "off"])
async def test_a_default_address_for_figures_may_be_taken(
    tmp_path: Path, metrics: bool, logged: bool
) -> None:
    """RLY-167: the log says that they are not served, and all else is; who wants none is told nothing."""
    with await taken_by_default():
        process = RelayProcess(
            tmp_path / "relay", *([] if metrics else ["metrics_listen=off"]), figures=False
        )
        with process:
            assert process.get("/readyz")[0] == 200
            await open_peer(process)
    assert ("figures_not_served" in process.log()) == logged


@pytest.mark.parametrize("name", ["listen", "metrics_listen"])
def test_a_relay_that_cannot_listen_ends(name: str, tmp_path: Path) -> None:
    """RLY-83: for either port, with what is wrong, and the directory is free again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {"listen": "127.0.0.1:0", name: f"127.0.0.1:{taken.getsockname()[1]}"}
        line = [sys.executable, "-m", "e2ee_relay", "serve", "--data-dir", str(tmp_path / "relay")]
        for setting in settings.items():
            line += ["--set", "=".join(setting)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    with RelayProcess(tmp_path / "relay"):
        pass


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """RLY-70: an operator who does not want to wait needs no SIGKILL."""
    with RelayProcess(tmp_path / "relay", "drain_s=30") as process:
        process.terminate()
        process.terminate()
        assert process.wait() in (0, -signal.SIGTERM)
        process.start()


async def test_an_unacknowledged_message_survives_a_vanished_client(process: RelayProcess) -> None:
    """RLY-35: the socket is cut without a goodbye."""
    owner = Owner()
    peer = await open_peer(process)
    await owner.set_up(peer)
    client = await open_socket(process)
    vanishing = await Peer(SocketLink(client)).greet()
    await owner.prove(vanishing)
    await owner.subscribe(vanishing)
    await peer.send(owner.item(b"hello"))
    await vanishing.push(Message)
    client.transport.abort()
    (message,) = await drain_mailbox(process, owner)
    assert message.body == b"hello"
    assert await peer.ask(Ack(901, bytes(16), (1,))) != Done(901)
