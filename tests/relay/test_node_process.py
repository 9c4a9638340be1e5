"""Nodes as processes: three behave as one to real clients, a database that is away, a clock that is wrong."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from disk_run import fill, small_disk
from e2ee_client import Client, MessageState
from e2ee_client.events import MessageReceived
from e2ee_relay.config import Config
from e2ee_relay.protocol import ErrorCode, Message
from e2ee_relay.shared_engine import SharedEngine
from e2ee_relay.store.api import Close, Find, Op, Stocks, StoreError
from postgres_server import PostgresServer
from relay_actors import Owner, Peer, SocketLink
from relay_backends import SharedDatabase
from relay_process import RelayProcess
from tcp_proxy import TcpProxy
from websockets.asyncio.client import connect

KEY = bytes(range(32))
pytestmark = pytest.mark.processes


@pytest.fixture
def three(tmp_path: Path, shared_database: SharedDatabase) -> Iterator[list[RelayProcess]]:
    url = shared_database.server().make_database()
    nodes = [RelayProcess(tmp_path / f"node{number}", f"store={url}", "poll_s=2") for number in range(3)]
    for node in nodes:
        node.start()
    yield nodes
    for node in nodes:
        node.stop()


async def peer_at(node: RelayProcess) -> Peer:
    return await Peer(SocketLink(await connect(node.url, compression=None)), timeout_s=60).greet()


async def received(client: Client, texts: list[str]) -> None:
    """Wait until a client has received these texts, each once."""
    found: list[str] = []
    async for event in client.events():
        if isinstance(event, MessageReceived):
            found.append(event.text)
        if len(found) == len(texts):
            break
    assert sorted(found) == sorted(texts)


async def test_three_nodes_are_one_relay_to_clients(three: list[RelayProcess], tmp_path: Path) -> None:
    """RLY-105, RLY-107: each party on another node, all nodes restarted, nothing lost or doubled."""
    async with (
        TcpProxy([node.port for node in three]) as proxy,
        Client.create(tmp_path / "desk.db", key=KEY, relay=proxy.url, publish=True) as desk,
        Client.create(tmp_path / "me.db", key=KEY, relay=proxy.url) as me,
    ):
        praxis = await me.add_contact(desk.card())
        sent = [await praxis.send(f"first {number}") for number in range(3)]
        await asyncio.wait_for(received(desk, [f"first {number}" for number in range(3)]), 60)
        assert len(proxy.ports_in_use()) > 1
        for node in three:
            node.kill()
            proxy.cut()
            later = await praxis.send(f"while {node.port} is away")
            sent.append(later)
            node.start()
        await asyncio.wait_for(received(desk, [f"while {node.port} is away" for node in three]), 60)
        for message in sent:
            await message.wait_for(MessageState.SENT, timeout_s=60)


async def test_a_database_that_is_away(tmp_path: Path) -> None:
    """RLY-109: typed answers, not ready, told in the log; when it is back, all that was answered OK."""
    server = PostgresServer().start()
    node = RelayProcess(tmp_path / "node", f"store={server.make_database()}").start()
    try:
        peer, owner = await peer_at(node), Owner()
        await owner.set_up(peer)
        await owner.subscribe(peer)
        before = owner.item(b"before")
        assert (await peer.send(before))[0].code is ErrorCode.OK
        assert (await peer.push(Message)).body == b"before"
        server.stop("immediate")
        result = (await peer.send(owner.item(b"meanwhile")))[0]
        assert (result.code, result.retry_after_ms > 0) == (ErrorCode.UNAVAILABLE, True)
        await until(lambda: "the database is away" in node.get("/readyz")[1])
        await until(lambda: "the database is away" in node.log())
        assert node.get("/livez")[0] == 200
        server.start()
        await until(lambda: "database" not in node.get("/readyz")[1])
        await until(lambda: '"event": "ready"' in node.log())
        again = await peer_at(node)
        await owner.prove(again)
        await owner.subscribe(again)
        assert (await again.push(Message)).body == b"before"
        assert (await again.send(before))[0].code is ErrorCode.OK
        assert "sealroom_relay_database_connected 0" not in node.figures()
        assert "127.0.0.1" not in node.log()
    finally:
        node.kill()
        server.remove()


async def test_a_database_without_room(tmp_path: Path, shared_database: SharedDatabase) -> None:
    """RLY-278: refused by name, told to the operator; with room again all that was confirmed is there."""
    server = shared_database.server()
    with small_tablespace(server) as (url, disk):
        node = RelayProcess(tmp_path / "node", f"store={url}").start()
        try:
            peer, owner = await peer_at(node), Owner()
            await owner.set_up(peer)
            fill(disk / "filler")
            confirmed: set[bytes] = set()
            while True:
                item = owner.item(os.urandom(60_000))
                (result,) = await peer.send(item)
                if result.code is not ErrorCode.OK:
                    break
                confirmed.add(item.msg_id)
            assert (result.code, result.retry_after_ms > 0) == (ErrorCode.UNAVAILABLE, True)
            status, page = node.get("/readyz")
            assert (status, "the database has no room" in page) == (503, True)
            (disk / "filler").unlink()
            await until(lambda: "the database" not in node.get("/readyz")[1])
            later = owner.item(b"later")
            assert (await peer.send(later))[0].code is ErrorCode.OK
            await owner.subscribe(peer)
            found = {(await peer.push(Message)).msg_id for _ in range(len(confirmed) + 1)}
            assert found == confirmed | {later.msg_id}
        finally:
            node.kill()


@contextmanager
def small_tablespace(server: PostgresServer) -> Iterator[tuple[str, Path]]:
    """Yield the address of a database with a disk of its own, of 32 MiB, and where that is."""
    try:
        with small_disk(server.directory / "disk", 32 << 20) as disk, ExitStack() as after:
            (disk / "data").mkdir()
            owner = server.data.stat()
            os.chown(disk / "data", owner.st_uid, owner.st_gid)
            db = after.enter_context(psycopg.connect(server.url(), autocommit=True))
            db.execute(f"CREATE TABLESPACE small LOCATION '{disk / 'data'}'".encode())
            after.callback(db.execute, b"DROP TABLESPACE small")
            db.execute(b"CREATE DATABASE small TABLESPACE small")
            after.callback(db.execute, b"DROP DATABASE small WITH (FORCE)")
            yield server.url("small"), disk
    except PermissionError as error:
        pytest.skip(f"a tmpfs cannot be mounted here: {error}")


async def until(holds: object, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():  # type: ignore[operator]  # a function
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


def test_a_node_with_a_wrong_clock_does_not_start(shared_database: SharedDatabase) -> None:
    """RLY-113."""
    config = Config(store=shared_database.empty())
    ten_years_ms = 10 * 365 * 86_400_000
    with pytest.raises(StoreError, match="clocks"):
        SharedEngine(config, lambda: time.time_ns() // 1_000_000 + ten_years_ms)


def test_the_backlog_of_a_node_decides_over_newcomers(shared_database: SharedDatabase) -> None:
    """RLY-158: of a node it is the backlog alone, over all its connections to the database."""
    config = Config(store=shared_database.empty(), registration_backlog=2)
    engine = SharedEngine(config, lambda: time.time_ns() // 1_000_000)
    mailbox = bytes(16)
    for request in (Find((mailbox,), bytes(32)), Close(mailbox, 1), Stocks(mailbox)):
        assert engine.core.admits_mailboxes()
        engine.store.submit(Op(None, request))
    assert not engine.core.admits_mailboxes()
    engine.store.stop(1)


def test_a_node_refuses_to_start_without_its_database(tmp_path: Path) -> None:
    """RLY-109: it ends, and says why without the address."""
    node = RelayProcess(tmp_path / "node", f"store=postgresql://who@/nothing?host={tmp_path}")
    with pytest.raises(RuntimeError, match="the database cannot be used") as raised:
        node.start()
    assert "who" not in str(raised.value).partition("cannot be used")[2]
