"""What waits at our relays comes first, before a command shows what the store holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from e2ee_client import Client, ClientEvent, ConnectionChanged, ConnectionState, EventIterator
from e2ee_client.errors import WaitTimeout

from .event_lines import event_line, event_text, is_news
from .session import Session, Work, opened

CONNECT_S: Final = 10.0
ALL_S: Final = 30.0
# What follows from what waited, such as the answer to an ask, comes soon after it.
QUIET_S: Final = 0.3
T = TypeVar("T")
_HOPELESS: Final = ("relay.certificate", "relay.not_a_relay")


async def fetch(session: Session, client: Client) -> None:
    """Fetch, unless `--offline` was given or the client is online for another command anyway.

    A relay that does not answer is told of with its reason; what the store holds is shown all the same.
    """
    if session.options.offline or session.is_shared:
        return
    events = client.events()
    loop = asyncio.get_running_loop()
    if await _connected(session, client, events, loop.time() + CONNECT_S):
        with suppress(WaitTimeout):
            await client.wait_fetched(ALL_S)
        await _until_quiet(session, client, events, loop.time() + ALL_S)


def when_fetched(session: Session, act: Callable[[Client], Awaitable[None]]) -> Work:
    """Open the account, fetch what waits, and do something with what is there then."""

    async def fetched(client: Client) -> None:
        await fetch(session, client)
        await act(client)

    return opened(session, fetched, online=not session.options.offline)


async def waiting(events: EventIterator) -> list[ClientEvent]:
    """Return the events that have come so far."""
    found: list[ClientEvent] = []
    with suppress(WaitTimeout):
        while True:
            found.append(await events.next(0))
    return found


async def unless_hopeless(
    session: Session, client: Client, events: EventIterator, work: Coroutine[Any, Any, T]
) -> T:
    """Wait for something that needs the relay, and say meanwhile why there is no connection.

    A certificate that does not hold stays so: it ends the waiting.

    Raises:
        WaitTimeout: as the work does, or the relay cannot be trusted.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_hopeless(session, client, events))
    try:
        await asyncio.wait([task, watch], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise WaitTimeout("the relay is not trusted")
        return task.result()
    finally:
        task.cancel()
        watch.cancel()
        await asyncio.wait([task, watch])


async def _hopeless(session: Session, client: Client, events: EventIterator) -> None:
    told = ""
    async for event in events:
        if not isinstance(event, ConnectionChanged) or not event.code:
            continue
        if (line := event_line(event, client, session.texts)) != told:
            told = line
            session.terminal.remark(line)
        if event.code.startswith(_HOPELESS):
            return
    # No event follows, and the work ends as the client does.
    await asyncio.Event().wait()


async def _connected(session: Session, client: Client, events: EventIterator, until: float) -> bool:
    """Whether all our mailboxes were connected in time; without mailboxes there is nothing to fetch."""
    while (state := client.connection_state) is not ConnectionState.ONLINE:
        # Offline now means that it has failed, of which an event tells, or that there is no mailbox.
        left_s = until - asyncio.get_running_loop().time() if state is ConnectionState.CONNECTING else 0.0
        try:
            event = await events.next(max(0.0, left_s))
        except WaitTimeout:
            if state is ConnectionState.CONNECTING:
                session.remark("fetch.slow")
            return False
        if isinstance(event, ConnectionChanged) and event.state is ConnectionState.OFFLINE:
            session.terminal.remark(
                session.texts.say("fetch.failed", reason=event_text(event, client, session.texts))
            )
            return False
        _tell(session, client, event)
    return True


async def _until_quiet(session: Session, client: Client, events: EventIterator, until: float) -> None:
    while asyncio.get_running_loop().time() < until:
        try:
            _tell(session, client, await events.next(QUIET_S))
        except WaitTimeout:
            return


def _tell(session: Session, client: Client, event: ClientEvent) -> None:
    if is_news(event):
        session.terminal.remark(event_line(event, client, session.texts))
