"""Commands on texts: send, listen, history."""

from __future__ import annotations

import sys
from collections import Counter

from e2ee_client import Client, ClientEvent, ConnectionChanged, Message, MessageReceived, MessageState
from e2ee_client.errors import WaitTimeout

from .addressing import find_contact, label, short_id
from .event_lines import event_json, event_line
from .failures import DONE, Refused
from .files import given_or_input
from .marks import mark_of
from .neutral import neutral
from .session import Session, local_time, settle


def send(session: Session) -> int:
    """Send a text and wait until it has come as far as asked."""
    passphrase = session.passphrase()
    text = given_or_input(session.options.text)
    wanted = MessageState(session.options.wait)

    async def work() -> int:
        online = wanted is not MessageState.QUEUED
        async with session.open(passphrase, online=online) as client:
            events = client.events()
            contact = find_contact(client, session.options.contact)
            message = await contact.send(text)
            try:
                await _wait(message, wanted, session.options.timeout)
            finally:
                _show_sent(session, message)
                await settle(client)
                names = {one.account_id: label(one) for one in client.contacts()}
                await client.close()
                _tell_of_meanwhile(session, [event async for event in events], names)
            return DONE

    return session.run(work())


async def _wait(message: Message, wanted: MessageState, timeout_s: float) -> None:
    try:
        await message.wait_for(wanted, timeout_s)
    except WaitTimeout:
        is_kept = message.state is MessageState.QUEUED
        raise Refused("send.kept" if is_kept else "send.undelivered") from None


def _show_sent(session: Session, message: Message) -> None:
    if session.options.json:
        session.terminal.json({"message_id": message.message_id.hex(), "state": message.state.value})
    elif message.state is not MessageState.FAILED:
        session.say(f"state.{message.state.value}")


def _tell_of_meanwhile(session: Session, events: list[ClientEvent], names: dict[bytes, str]) -> None:
    """Texts that came in while we were online are in the store, and were shown nowhere."""
    counts = Counter(one.account_id for one in events if isinstance(one, MessageReceived))
    for account_id, count in counts.items():
        short = short_id(account_id)
        session.remark("send.meanwhile", count=count, name=names.get(account_id, short), short=short)


def listen(session: Session) -> int:
    """Print events until Ctrl-C, or until so many texts came."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            await _print_events(session, client)
            await settle(client)
            return DONE

    return session.run(work())


async def _print_events(session: Session, client: Client) -> None:
    options, texts_seen = session.options, 0
    connection: ClientEvent | None = None
    async for event in client.events():
        is_text = isinstance(event, MessageReceived)
        if isinstance(event, ConnectionChanged) and not options.json:
            # Every further attempt that fails would say the same again.
            if event == connection:
                continue
            connection = event
        if is_text or not options.texts:
            if options.json:
                session.terminal.json(event_json(event))
            else:
                session.terminal.line(event_line(event, client, session.texts))
        texts_seen += is_text
        if options.count is not None and texts_seen >= options.count:
            return


def history(session: Session) -> int:
    """Print the texts exchanged with a contact."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            contact = find_contact(client, session.options.contact)
            name = label(contact)
            messages = await contact.history(limit=session.options.last or sys.maxsize)
        for message in messages:
            if session.options.json:
                session.terminal.json(_message_json(message))
            else:
                session.terminal.line(_message_line(session, message, name))
        return DONE

    return session.run(work())


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
