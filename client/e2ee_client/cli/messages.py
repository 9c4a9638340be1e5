"""Commands on texts: send, listen, history."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from e2ee_client import (
    Client,
    ClientEvent,
    ConnectionChanged,
    ConnectionState,
    EventIterator,
    Message,
    MessageReceived,
    MessageState,
)
from e2ee_client.errors import WaitTimeout
from e2ee_client.room_events import EntryAdded, RoomChanged
from e2ee_client.rooms.taking_over import hand_to_takers

from .addressing import find_contact, label, short_id
from .event_lines import event_json, event_line, is_news, is_told, name_of
from .failures import DONE, Refused
from .fetching import unless_hopeless, waiting, when_fetched
from .marks import mark_of
from .neutral import neutral
from .room_addressing import company_of
from .room_event_lines import entry_of, is_of_company, is_text_of_room, line_of
from .room_lines import entry_json
from .serving import serving
from .session import Session, Work, local_time, settle


def send(session: Session) -> Work:
    """Send a text and wait until it has come as far as asked."""
    passphrase = session.passphrase()
    text = session.given_or_input(session.options.text)
    wanted = MessageState(session.options.wait)

    async def work() -> int:
        online = wanted is not MessageState.QUEUED
        async with session.open(passphrase, online=online) as client:
            events, watched = client.events(), client.events()
            contact = find_contact(client, session.options.contact)
            message = await contact.send(text)
            try:
                reached = message.wait_for(wanted, session.options.timeout)
                await unless_hopeless(session, client, watched, reached)
            except WaitTimeout:
                is_kept = message.state is MessageState.QUEUED
                raise Refused("send.kept" if is_kept else "send.undelivered") from None
            finally:
                _show_sent(session, message)
                if not session.is_shared:
                    await settle(client)
                    await _tell_of_meanwhile(session, client, events)
            return DONE

    return work()


def _show_sent(session: Session, message: Message) -> None:
    if session.options.json:
        session.terminal.json({"message_id": message.message_id.hex(), "state": message.state.value})
    elif message.state is not MessageState.FAILED:
        session.say(f"state.{message.state.value}")


async def _tell_of_meanwhile(session: Session, client: Client, events: EventIterator) -> None:
    """Texts that came in while we were online are in the store, and were shown nowhere."""
    found = await waiting(events)
    for event in filter(is_news, found):
        session.terminal.remark(event_line(event, client, session.texts))
    counts = Counter(one.account_id for one in found if isinstance(one, MessageReceived))
    for account_id, count in counts.items():
        name, short = name_of(client, account_id), short_id(account_id)
        session.remark("send.meanwhile", count=count, name=name, short=short)


def listen(session: Session) -> Work:
    """Print events until Ctrl-C, or until so many texts came."""
    return _listening(session)


def run_desk(session: Session) -> Work:
    """Print events as `listen` does; whoever takes a room is handed what was said before."""

    def handing(client: Client) -> Coroutine[Any, Any, None]:
        desk = company_of(client)
        return hand_to_takers(desk, client.events(), desk.policy.history)

    return _listening(session, handing)


def _listening(session: Session, beside: Callable[[Client], Coroutine[Any, Any, None]] | None = None) -> Work:
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            if session.is_shared:
                await _print_events(session, client)
                return DONE
            async with AsyncExitStack() as stack:
                if beside is not None:
                    await stack.enter_async_context(_running(beside(client)))
                await stack.enter_async_context(serving(session, client, passphrase))
                await _print_events(session, client)
            await settle(client)
            return DONE

    return work()


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


@dataclass
class _Told:
    """What was printed, and would be again: the last line of each room, which a change that nobody sees would
    repeat, and the entries that are here as a copy, whose originals may come (TRN-17).
    """

    rooms: dict[bytes, str] = field(default_factory=dict)
    copies: set[bytes] = field(default_factory=set)

    def is_known(self, event: ClientEvent) -> bool:
        """Whether an event brings the original of a copy."""
        if not isinstance(event, EntryAdded) or event.forwarded_by is not None:
            return False
        is_known = event.entry_hash in self.copies
        self.copies.discard(event.entry_hash)
        return is_known


async def _print_events(session: Session, client: Client) -> None:
    options, texts_seen = session.options, 0
    told = _Told()
    connection: ClientEvent | None = None
    async for event in client.events():
        if told.is_known(event) and not options.json:
            continue
        is_text = isinstance(event, MessageReceived) or is_text_of_room(event, client)
        if isinstance(event, ConnectionChanged) and not options.json:
            # Every further attempt that fails would say the same; that the entry waits comes once a day.
            if event == connection and (event.state is ConnectionState.OFFLINE or not event.code):
                continue
            connection = event
        is_shown = options.json or (is_told(event) and not is_of_company(event, client))
        if is_text or (not options.texts and is_shown):
            await _print_event(session, client, event, told)
        texts_seen += is_text
        if options.count is not None and texts_seen >= options.count:
            return


async def _print_event(session: Session, client: Client, event: ClientEvent, told: _Told) -> None:
    """Print an event."""
    entry = await entry_of(event, client)
    if session.options.json:
        about = event_json(event)
        session.terminal.json(about if entry is None else {**about, "entry": entry_json(entry)})
    elif entry is not None:
        session.terminal.line(line_of(entry, client, session.texts))
        if entry.forwarded_by is not None and entry.payload is not None:
            told.copies.add(entry.hash)
    else:
        line = event_line(event, client, session.texts)
        if isinstance(event, RoomChanged):
            if told.rooms.get(event.room_id) == line:
                return
            told.rooms[event.room_id] = line
        session.terminal.prose(line)


def history(session: Session) -> Work:
    """Print the texts exchanged with a contact."""

    async def act(client: Client) -> None:
        contact = find_contact(client, session.options.contact)
        name = label(contact)
        shown = await contact.history(limit=session.options.last or sys.maxsize)
        for message in shown:
            if session.options.json:
                session.terminal.json(_message_json(message))
            else:
                session.terminal.line(_message_line(session, message, name))
        await contact.mark_read(shown)

    return when_fetched(session, act)


def _message_json(message: Message) -> dict[str, object]:
    return {
        "message_id": message.message_id.hex(),
        "outgoing": message.outgoing,
        "text": message.text,
        "sent_ms": message.sent_ms,
        "received_ms": message.received_ms,
        "state": message.state.value if message.outgoing else None,
    }


def _message_line(session: Session, message: Message, name: str) -> str:
    when = local_time(message.received_ms, "%Y-%m-%d %H:%M:%S")
    if not message.outgoing:
        return f"{when} {name}: {neutral(message.text)}"
    mark = mark_of(message.state, full=session.terminal.has_marks)
    return f"{when} {session.texts.say('chat.you')}: {neutral(message.text)}  {mark}"
