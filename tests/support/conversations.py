"""What two clients do with each other in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from e2ee_client import Client, ClientEvent, Contact, EventIterator, MessageReceived, MessageState

E = TypeVar("E", bound=ClientEvent)


async def next_of(events: EventIterator, kind: type[E], timeout_s: float = 60.0) -> E:
    """Return the next event of a kind, passing over others."""
    async with asyncio.timeout(timeout_s):
        while True:
            event = await events.next(timeout_s)
            if isinstance(event, kind):
                return event


async def meet(customer: Client, shop: Client) -> tuple[Contact, Contact]:
    """Let the customer write first and the shop answer; return each one's contact of the other."""
    events = shop.events()
    theirs = await customer.add_contact(shop.card())
    first = await theirs.send("first")
    received = await next_of(events, MessageReceived)
    ours = shop.contact(received.account_id)
    answer = await ours.send("answer")
    await first.wait_for(MessageState.DELIVERED, timeout_s=60)
    await answer.wait_for(MessageState.DELIVERED, timeout_s=60)
    events.close()
    return theirs, ours


async def until(happened: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for what tells nobody that it has happened."""
    async with asyncio.timeout(timeout_s):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def until_read(read: Callable[[], Awaitable[object]], wanted: object, timeout_s: float = 60.0) -> None:
    """Wait until something reads as it should."""
    async with asyncio.timeout(timeout_s):
        while await read() != wanted:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def collect(events: EventIterator, count: int, timeout_s: float = 60.0) -> list[str]:
    """Return the next so many received texts."""
    texts: list[str] = []
    while len(texts) < count:
        texts.append((await next_of(events, MessageReceived, timeout_s)).text)
    return texts
