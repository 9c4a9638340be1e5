"""A forked child, as preloading web servers and `multiprocessing` make them (STO-22, STO-58)."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from e2ee_client import Client, WebSocketTransport, sync
from e2ee_client.errors import ClientClosed
from e2ee_client.runtime.event_stream import StoreTrouble
from e2ee_client.runtime.transport import Connection
from e2ee_client.testing import MemoryNetwork
from forked_child import FORKING, WITH_THREADS, in_child
from websockets.asyncio.server import ServerConnection, serve

KEY = b"k" * 32
pytestmark = [FORKING, WITH_THREADS]


def _made(path: Path | None, network: MemoryNetwork) -> sync.Client:
    return sync.Client.create(
        path, key=None if path is None else KEY, relay=network.url, runtime=network.runtime()
    )


def test_a_child_is_refused_and_may_have_a_client_of_its_own(tmp_path: Path) -> None:
    """STO-58: every call ends; neither the thread nor its clients are in the child."""
    network = MemoryNetwork()
    with _made(tmp_path / "me.db", network) as me, _made(None, network) as other:
        contact = me.add_contact(other.card())

        def work() -> bool:
            for call in (me.contacts, lambda: contact.send("x"), me.card):
                with pytest.raises(ClientClosed):
                    call()
            with _made(tmp_path / "child.db", network) as own:
                with pytest.raises(ClientClosed):
                    me.contacts()
                me.close()
                return own.contacts() == []

        assert in_child(work)
        assert contact.send("y").text == "y"


async def test_an_asynchronous_client_is_refused(tmp_path: Path) -> None:
    """STO-58: also in an event loop of the child's own; closing does nothing there."""
    network = MemoryNetwork()
    async with Client.create(tmp_path / "me.db", key=KEY, relay=network.url, runtime=network.runtime()) as me:

        async def use() -> bool:
            with pytest.raises(ClientClosed):
                await me.add_contact(me_card)
            with pytest.raises(ClientClosed):
                me.contacts()
            await me.close()
            return True

        async def read() -> bool:
            for one in (events, empty):
                with pytest.raises(ClientClosed):
                    await one.next(timeout_s=0.1)
            return True

        me_card, events = me.card(), me.events()
        events.put(StoreTrouble("store.full"))
        empty = me.events()
        assert in_child(lambda: asyncio.new_event_loop().run_until_complete(read()))
        assert in_child(lambda: asyncio.new_event_loop().run_until_complete(use()))
        assert me.contacts() == []


@contextmanager
def _echoing() -> Iterator[str]:
    """A server in a thread of its own, which sends back what it is sent."""
    loop, over, address = asyncio.new_event_loop(), asyncio.Event(), [""]
    stands = threading.Event()

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def run() -> None:
        async with serve(echo, "127.0.0.1", 0) as server:
            address[0] = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            stands.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    stands.wait()
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def test_a_child_ends_no_connection_to_a_relay() -> None:
    """STO-58: a task that is collected in the child says goodbye to nobody."""
    with _echoing() as url:
        held: list[Any] = [asyncio.new_event_loop()]

        def run(work: Awaitable[Any]) -> Any:
            return held[0].run_until_complete(work)

        async def until_cancelled(opened: asyncio.Future[Connection]) -> None:
            connection = await WebSocketTransport(close_timeout_s=0.2).open(url)
            opened.set_result(connection)
            try:
                await asyncio.Event().wait()
            finally:
                await connection.close()

        held.append(held[0].create_future())
        held.append(held[0].create_task(until_cancelled(held[1])))
        held[1] = run(held[1])

        def work() -> bool:
            held.clear()
            gc.collect()
            return True

        assert in_child(work)
        run(held[1].send(b"still"))
        assert run(held[1].receive()) == b"still"
        held[2].cancel()
        run(asyncio.wait([held[2]]))
        held[0].close()
