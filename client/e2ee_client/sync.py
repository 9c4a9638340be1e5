"""The client for programs without an event loop: the same names as in `e2ee_client`, without `await`.

    from e2ee_client import sync

    with sync.Client.open_or_create("me.db", passphrase=..., relay="wss://relay.example") as me:
        contact = me.add_contact(card_text)
        contact.send("Hello").wait_for(MessageState.SENT, timeout_s=30)

All clients share one background thread with an event loop, which ends with the last of them. Calls may come
from any thread, several at a time; none of them may come from within an event loop, which it would block.

Each method is made from the asynchronous one: it takes its arguments, documentation and errors, and hands its
result through `convert`, so that no asynchronous handle gets out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from e2ee.secret import RecoveryKey

from . import client as asynchronous
from . import contacts as handles
from . import inviting
from .blocking import Closing, Handle, Held, Holder, Read, asking, same, starting, waiting
from .engine import ContactView
from .errors import ClientClosed
from .events import ConnectionState, MessageState, OfContact
from .runtime import event_stream
from .runtime.background import BACKGROUND

ClientEvent: TypeAlias = "event_stream.ClientEvent[Contact]"


def _client(inner: asynchronous.Client) -> Client:
    return Client(inner)


class Message(Handle[handles.Message]):
    """A text of either side; see `e2ee_client.Message`."""

    account_id = Read[bytes]("account_id")
    message_id = Read[bytes]("message_id")
    outgoing = Read[bool]("outgoing")
    text = Read[str]("text")
    sent_ms = Read[int]("sent_ms")
    received_ms = Read[int]("received_ms")
    state = Read[MessageState]("state")
    reason = Read[str]("reason")
    wait_for = waiting(handles.Message.wait_for, same)


def _messages(inner: list[handles.Message]) -> list[Message]:
    return [Message(one) for one in inner]


class Contact(Handle[handles.Contact]):
    """An account that we know; see `e2ee_client.Contact`."""

    account_id = Read[bytes]("account_id")
    view = Read[ContactView]("view", ask=True)
    name = Read[str | None]("name", ask=True)
    relay_url = Read[str]("relay_url", ask=True)
    accepted = Read[bool]("accepted", ask=True)
    verified = Read[bool]("verified", ask=True)
    alarm = Read[str]("alarm", ask=True)
    unread = Read[int]("unread", ask=True)
    safety_number = asking(handles.Contact.safety_number, same)
    qr_payload = asking(handles.Contact.qr_payload, same)
    matches = asking(handles.Contact.matches, same)
    health = asking(handles.Contact.health, same)
    send = waiting(handles.Contact.send, Message)
    send_many = waiting(handles.Contact.send_many, _messages)
    message = waiting(handles.Contact.message, Message)
    accept = waiting(handles.Contact.accept, same)
    verify = waiting(handles.Contact.verify, same)
    set_name = waiting(handles.Contact.set_name, same)
    forget = waiting(handles.Contact.forget, same)

    def history(self, before: Message | None = None, limit: int = 100) -> list[Message]:
        """Return the newest texts, or the newest before one of them; as `e2ee_client.Contact.history`."""
        inner = None if before is None else before.inner
        return _messages(BACKGROUND.run(self.inner.history(inner, limit)))

    def mark_read(self, messages: Iterable[Message]) -> None:
        """Note that a person has seen these; as `e2ee_client.Contact.mark_read`."""
        BACKGROUND.run(self.inner.mark_read([one.inner for one in messages]))


def _contacts(inner: list[handles.Contact]) -> list[Contact]:
    return [Contact(one) for one in inner]


def _event(inner: event_stream.ClientEvent) -> ClientEvent:
    """The same event with a handle of this module."""
    event: Any = inner
    if isinstance(inner, OfContact) and inner.account_id:
        event = copy.copy(inner)
        event.attach(Contact(inner.contact))
    named: ClientEvent = event
    return named


class EventIterator(Handle[event_stream.EventIterator]):
    """Iterator over events; `next` has a time limit, iteration has none. Ends when the client is closed."""

    next = waiting(event_stream.EventIterator.next, _event)
    close = asking(event_stream.EventIterator.close, same)

    def __iter__(self) -> Iterator[ClientEvent]:
        return self

    def __next__(self) -> ClientEvent:
        try:
            return self.next()
        except ClientClosed:
            raise StopIteration from None


class Invitation(Closing[inviting.Invitation]):
    """An invite that waits for its device; see `e2ee_client.Invitation`."""

    code = Read[str]("code")
    digits = waiting(inviting.Invitation.digits, same)
    confirm = waiting(inviting.Invitation.confirm, same)
    fingerprint = Read[str]("fingerprint", ask=True)
    asked = asking(inviting.Invitation.asked, same)
    hold = waiting(inviting.Invitation.hold, same)


class Client(Holder[asynchronous.Client]):
    """One account on one device; see `e2ee_client.Client`."""

    def __init__(self, inner: asynchronous.Client, held: Held | None = None) -> None:
        """Not for callers: use `create`, `open`, `open_or_create`, `restore` or `join`."""
        super().__init__(inner, held)
        self.recovery_key: RecoveryKey | None = inner.recovery_key

    create = staticmethod(starting(asynchronous.Client.create, _client))
    open = staticmethod(starting(asynchronous.Client.open, _client))
    open_or_create = staticmethod(starting(asynchronous.Client.open_or_create, _client))
    restore = staticmethod(starting(asynchronous.Client.restore, _client))
    join = staticmethod(starting(asynchronous.Client.join, _client))

    account_id = Read[bytes]("account_id", ask=True)
    connection_state = Read[ConnectionState]("connection_state", ask=True)
    entry_waits = Read[bool]("entry_waits", ask=True)
    list_expires_ms = Read[int]("list_expires_ms", ask=True)
    card = asking(asynchronous.Client.card, same)
    wait_online = waiting(asynchronous.Client.wait_online, same)
    wait_settled = waiting(asynchronous.Client.wait_settled, same)
    wait_compared = waiting(asynchronous.Client.wait_compared, same)
    wait_fetched = waiting(asynchronous.Client.wait_fetched, same)
    events = asking(asynchronous.Client.events, EventIterator)
    add_contact = waiting(asynchronous.Client.add_contact, Contact)
    contact = asking(asynchronous.Client.contact, Contact)
    contacts = asking(asynchronous.Client.contacts, _contacts)
    sign_successor = asking(asynchronous.Client.sign_successor, same)
    read_successor = asking(asynchronous.Client.read_successor, same)
    follow_successor = waiting(asynchronous.Client.follow_successor, Contact)
    invite = waiting(asynchronous.Client.invite, Invitation)
    devices = asking(asynchronous.Client.devices, same)
    remove_device = waiting(asynchronous.Client.remove_device, same)
    export = waiting(asynchronous.Client.export, same)
    export_account_key = waiting(asynchronous.Client.export_account_key, same)
    remove_account_key = waiting(asynchronous.Client.remove_account_key, same)
    renewal_request = asking(asynchronous.Client.renewal_request, same)
    install_list = waiting(asynchronous.Client.install_list, same)
    list_beside = waiting(asynchronous.Client.list_beside, same)
    follow_entry = waiting(asynchronous.Client.follow_entry, same)
    check_passphrase = waiting(asynchronous.Client.check_passphrase, same)
    change_passphrase = waiting(asynchronous.Client.change_passphrase, same)
