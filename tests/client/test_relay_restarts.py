"""Clients over sockets, against a relay process that is killed and started again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conversations import collect, meet
from e2ee_client import Client, ConnectionState, MessageState
from relay_process import RelayProcess

pytestmark = pytest.mark.processes
KEY = b"k" * 32


async def test_killed_relay_and_closed_clients_lose_nothing(tmp_path: Path) -> None:
    """RLY-30, SES-11: what was confirmed is there once, in order, after every restart."""
    with RelayProcess(tmp_path / "relay") as relay:
        async with (
            Client.create(tmp_path / "shop.db", key=KEY, relay=relay.url, publish=True) as shop,
            Client.create(tmp_path / "me.db", key=KEY, relay=relay.url) as me,
        ):
            await shop.wait_settled(60)
            theirs, ours = await meet(me, shop)
            events = shop.events()
            for turn in range(3):
                for n in range(10):
                    await theirs.send(f"{turn}.{n}")
                await asyncio.to_thread(relay.restart)
            await ours.send("answer while the relay came back")
            expected = [f"{turn}.{n}" for turn in range(3) for n in range(10)]
            assert await collect(events, 30, 60) == expected
            await (await theirs.send("last")).wait_for(MessageState.DELIVERED, 60)
        async with Client.open(tmp_path / "me.db", key=KEY) as me:
            texts = [one.text for one in await me.contacts()[0].history() if not one.outgoing]
            assert texts == ["answer", "answer while the relay came back"]


async def test_a_draining_relay_is_left_and_found_again(tmp_path: Path) -> None:
    with RelayProcess(tmp_path / "relay") as relay:
        async with Client.create(tmp_path / "me.db", key=KEY, relay=relay.url, publish=True) as me:
            await me.wait_online(60)
            await asyncio.to_thread(relay.stop)
            async with asyncio.timeout(60):
                while me.connection_state is ConnectionState.ONLINE:  # noqa: ASYNC110  # a state, no signal
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(relay.start)
            await me.wait_online(60)
