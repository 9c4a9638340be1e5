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
import functools
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeAlias, TypeVar, overload

from e2ee.secret import RecoveryKey

from . import client as asynchronous
from . import contacts as handles
from . import inviting
from .engine import ContactView
from .errors import ClientClosed
from .events import ConnectionState, MessageState, OfContact
from .opening import Opening
from .runtime import event_stream
from .runtime.background import BACKGROUND

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
ClientEvent: TypeAlias = "event_stream.ClientEvent[Contact]"


class _Handle(Generic[A]):
    """What stands for an asynchronous object; two that stand for the same one are equal."""

    def __init__(self, inner: A) -> None:
        """Not for callers."""
        self.inner = inner

    def __eq__(self, other: object) -> bool:
        return self.inner == other.inner if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.inner)

    def __repr__(self) -> str:
        return repr(self.inner)


def _same(result: T) -> T:
    return result


def _waiting(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]], convert: Callable[[T], R]
) -> Callable[Concatenate[_Handle[A], P], R]:
    """A method that runs a coroutine in the thread, and waits for it."""

    @functools.wraps(method)
    def call(self: _Handle[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return convert(BACKGROUND.run(method(self.inner, *args, **kwargs)))

    return call


def _asking(
    method: Callable[Concatenate[A, P], T], convert: Callable[[T], R]
) -> Callable[Concatenate[_Handle[A], P], R]:
    """A method that calls a function in the thread, between two steps of the client."""

    @functools.wraps(method)
    def call(self: _Handle[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return convert(BACKGROUND.ask(lambda: method(self.inner, *args, **kwargs)))

    return call


def _starting(method: Callable[P, Opening[asynchronous.Client]]) -> Callable[P, Client]:
    """A function that opens a client, which holds the thread until it is closed."""

    @functools.wraps(method)
    def start(*args: P.args, **kwargs: P.kwargs) -> Client:
        async def starting() -> asynchronous.Client:
            return await method(*args, **kwargs)

        BACKGROUND.hold()
        try:
            return Client(BACKGROUND.run(starting()))
        except BaseException:
            BACKGROUND.release()
            raise

    return start


class _Read(Generic[T]):
    """An attribute of the asynchronous object; with `ask`, one that is read in the thread."""

    def __init__(self, name: str, *, ask: bool = False) -> None:
        self._name, self._ask = name, ask

    @overload
    def __get__(self, handle: None, owner: type) -> Self: ...
    @overload
    def __get__(self, handle: _Handle[Any], owner: type) -> T: ...
    def __get__(self, handle: _Handle[Any] | None, owner: type) -> Self | T:
        if handle is None:
            return self
        read: Callable[[], T] = functools.partial(getattr, handle.inner, self._name)
        return BACKGROUND.ask(read) if self._ask else read()


class Message(_Handle[handles.Message]):
    """A text of either side; see `e2ee_client.Message`."""

    account_id = _Read[bytes]("account_id")
    message_id = _Read[bytes]("message_id")
    outgoing = _Read[bool]("outgoing")
    text = _Read[str]("text")
    sent_ms = _Read[int]("sent_ms")
    received_ms = _Read[int]("received_ms")
    state = _Read[MessageState]("state")
    reason = _Read[str]("reason")
    wait_for = _waiting(handles.Message.wait_for, _same)


def _messages(inner: list[handles.Message]) -> list[Message]:
    return [Message(one) for one in inner]


class Contact(_Handle[handles.Contact]):
    """An account that we know; see `e2ee_client.Contact`."""

    account_id = _Read[bytes]("account_id")
    view = _Read[ContactView]("view", ask=True)
    name = _Read["str | None"]("name", ask=True)
    relay_url = _Read[str]("relay_url", ask=True)
    accepted = _Read[bool]("accepted", ask=True)
    verified = _Read[bool]("verified", ask=True)
    alarm = _Read[str]("alarm", ask=True)
    unread = _Read[int]("unread", ask=True)
    safety_number = _asking(handles.Contact.safety_number, _same)
    qr_payload = _asking(handles.Contact.qr_payload, _same)
    matches = _asking(handles.Contact.matches, _same)
    health = _asking(handles.Contact.health, _same)
    send = _waiting(handles.Contact.send, Message)
    send_many = _waiting(handles.Contact.send_many, _messages)
    message = _waiting(handles.Contact.message, Message)
    accept = _waiting(handles.Contact.accept, _same)
    verify = _waiting(handles.Contact.verify, _same)
    set_name = _waiting(handles.Contact.set_name, _same)
    forget = _waiting(handles.Contact.forget, _same)

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


class EventIterator(_Handle[event_stream.EventIterator]):
    """Iterator over events; `next` has a time limit, iteration has none. Ends when the client is closed."""

    next = _waiting(event_stream.EventIterator.next, _event)
    close = _asking(event_stream.EventIterator.close, _same)

    def __iter__(self) -> Iterator[ClientEvent]:
        return self

    def __next__(self) -> ClientEvent:
        try:
            return self.next()
        except ClientClosed:
            raise StopIteration from None


class Invitation(_Handle[inviting.Invitation]):
    """An invite that waits for its device; see `e2ee_client.Invitation`."""

    code = _Read[str]("code")
    digits = _waiting(inviting.Invitation.digits, _same)
    confirm = _waiting(inviting.Invitation.confirm, _same)
    close = _waiting(inviting.Invitation.close, _same)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Client(_Handle[asynchronous.Client]):
    """One account on one device; see `e2ee_client.Client`."""

    def __init__(self, inner: asynchronous.Client) -> None:
        """Not for callers: use `create`, `open`, `open_or_create`, `restore` or `join`."""
        super().__init__(inner)
        self._open = True
        self._lock = threading.Lock()
        self.recovery_key: RecoveryKey | None = inner.recovery_key

    create = staticmethod(_starting(asynchronous.Client.create))
    open = staticmethod(_starting(asynchronous.Client.open))
    open_or_create = staticmethod(_starting(asynchronous.Client.open_or_create))
    restore = staticmethod(_starting(asynchronous.Client.restore))
    join = staticmethod(_starting(asynchronous.Client.join))

    account_id = _Read[bytes]("account_id", ask=True)
    connection_state = _Read[ConnectionState]("connection_state", ask=True)
    list_expires_ms = _Read[int]("list_expires_ms", ask=True)
    card = _asking(asynchronous.Client.card, _same)
    wait_online = _waiting(asynchronous.Client.wait_online, _same)
    wait_settled = _waiting(asynchronous.Client.wait_settled, _same)
    wait_fetched = _waiting(asynchronous.Client.wait_fetched, _same)
    events = _asking(asynchronous.Client.events, EventIterator)
    add_contact = _waiting(asynchronous.Client.add_contact, Contact)
    contact = _asking(asynchronous.Client.contact, Contact)
    contacts = _asking(asynchronous.Client.contacts, _contacts)
    invite = _waiting(asynchronous.Client.invite, Invitation)
    devices = _asking(asynchronous.Client.devices, _same)
    remove_device = _waiting(asynchronous.Client.remove_device, _same)
    export = _waiting(asynchronous.Client.export, _same)
    export_account_key = _waiting(asynchronous.Client.export_account_key, _same)
    remove_account_key = _waiting(asynchronous.Client.remove_account_key, _same)
    renewal_request = _asking(asynchronous.Client.renewal_request, _same)
    install_list = _waiting(asynchronous.Client.install_list, _same)
    change_passphrase = _waiting(asynchronous.Client.change_passphrase, _same)

    def close(self) -> None:
        """Go offline and close the store; iterations over events end. Closing twice is allowed."""
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            try:
                BACKGROUND.run(self.inner.close())
            finally:
                BACKGROUND.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
