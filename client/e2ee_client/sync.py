"""The client for programs without an event loop: the same names as in `e2ee_client`, without `await`.

    from e2ee_client import sync

    with sync.Client.create("me.db", passphrase=..., relay="wss://relay.example") as me:
        contact = me.add_contact(card_text)
        contact.send("Hello").wait_for(MessageState.SENT, timeout_s=30)

All clients share one background thread with an event loop, which ends with the last of them. Calls may come
from any thread, several at a time; none of them may come from within an event loop, which it would block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from e2ee.card import ContactCard
from e2ee.secret import RecoveryKey
from e2ee.session import Health

from . import client as asynchronous
from . import contacts as handles
from .engine import ContactView
from .errors import ClientClosed
from .events import ConnectionState, MessageState
from .opening import Kind, Opening, Runtime, StorePath
from .runtime.background import BACKGROUND
from .runtime.event_stream import ClientEvent
from .runtime.event_stream import EventIterator as AsyncEventIterator


class EventIterator:
    """Iterator over events; `next` has a time limit, iteration has none. Ends when the client is closed."""

    def __init__(self, inner: AsyncEventIterator) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[ClientEvent]:
        return self

    def __next__(self) -> ClientEvent:
        try:
            return self.next()
        except ClientClosed:
            raise StopIteration from None

    def next(self, timeout_s: float | None = None) -> ClientEvent:
        """Return the next event.

        Raises:
            WaitTimeout: none came in time; nothing is lost.
            ClientClosed: there are no more; the client was closed, or this iteration.
        """
        return BACKGROUND.run(self._inner.next(timeout_s))

    def close(self) -> None:
        """End the iteration and drop what waits."""
        BACKGROUND.ask(self._inner.close)


class Message:
    """A text of either side; see `e2ee_client.Message`."""

    def __init__(self, inner: handles.Message) -> None:
        self._inner = inner
        self.account_id = inner.account_id
        self.message_id = inner.message_id
        self.outgoing = inner.outgoing
        self.text = inner.text
        self.sent_ms = inner.sent_ms
        self.received_ms = inner.received_ms

    @property
    def inner(self) -> handles.Message:
        """The asynchronous message."""
        return self._inner

    @property
    def state(self) -> MessageState:
        """How far it has come."""
        return self._inner.state

    @property
    def reason(self) -> str:
        """Code of the failure, if the state is FAILED."""
        return self._inner.reason

    def wait_for(self, state: MessageState, timeout_s: float | None = None) -> None:
        """Wait until our message has come at least so far."""
        BACKGROUND.run(self._inner.wait_for(state, timeout_s))

    def __repr__(self) -> str:
        return repr(self._inner)


class Contact:
    """An account that we know; see `e2ee_client.Contact`."""

    def __init__(self, inner: handles.Contact) -> None:
        self._inner = inner
        self.account_id = inner.account_id

    @property
    def view(self) -> ContactView:
        """Everything that is known of it at once."""
        return BACKGROUND.ask(lambda: self._inner.view)

    @property
    def name(self) -> str | None:
        """The name from its card, or the one given by `set_name`."""
        return self.view.name

    @property
    def relay_url(self) -> str:
        """The relay through which we reach it."""
        return self.view.relay_url

    @property
    def accepted(self) -> bool:
        """Whether receipts and an own address are given to it."""
        return self.view.accepted

    @property
    def verified(self) -> bool:
        """Whether a person has compared the safety number."""
        return self.view.verified

    @property
    def alarm(self) -> str:
        """Code of an identity alarm that a person has to look at, or empty."""
        return self.view.alarm

    @property
    def unread(self) -> int:
        """How many of its texts were not marked as read."""
        return BACKGROUND.ask(lambda: self._inner.unread)

    def safety_number(self) -> str:
        """Return the sixty digits, the same on both sides."""
        return BACKGROUND.ask(self._inner.safety_number)

    def qr_payload(self) -> str:
        """Return the text for a QR code that the other side scans."""
        return BACKGROUND.ask(self._inner.qr_payload)

    def health(self) -> Health | None:
        """Return how fresh the session is; None while there is none."""
        return BACKGROUND.ask(self._inner.health)

    def matches(self, scanned: str) -> bool:
        """Whether a scanned QR payload, or digits that were read out, are those of this contact."""
        return BACKGROUND.ask(lambda: self._inner.matches(scanned))

    def send(self, text: str) -> Message:
        """Send a text; when this returns, it is in the store."""
        return Message(BACKGROUND.run(self._inner.send(text)))

    def send_many(self, texts: Iterable[str]) -> list[Message]:
        """Send a burst of texts, in their order; when this returns, all are in the store, or none."""
        return [Message(one) for one in BACKGROUND.run(self._inner.send_many(texts))]

    def history(self, before: Message | None = None, limit: int = 100) -> list[Message]:
        """Return the newest texts, at most `limit`, or the newest of those that stand before `before`."""
        inner = None if before is None else before.inner
        return [Message(one) for one in BACKGROUND.run(self._inner.history(inner, limit))]

    def message(self, message_id: bytes, outgoing: bool | None = None) -> Message:
        """Return one text by the id that events name: ours, the contact's, or with None of either side."""
        return Message(BACKGROUND.run(self._inner.message(message_id, outgoing)))

    def mark_read(self, messages: Iterable[Message]) -> None:
        """Tell the other side that a person has seen these, if read receipts are switched on."""
        BACKGROUND.run(self._inner.mark_read([one.inner for one in messages]))

    def accept(self) -> None:
        """Accept somebody who wrote first."""
        BACKGROUND.run(self._inner.accept())

    def verify(self, verified: bool = True) -> None:
        """Note that a person has compared the safety number; that also ends an alarm."""
        BACKGROUND.run(self._inner.verify(verified))

    def set_name(self, name: str | None) -> None:
        """Give it a name that stays on this device."""
        BACKGROUND.run(self._inner.set_name(name))

    def forget(self) -> None:
        """Delete it with its texts, sessions and keys, and its way to us at the relay."""
        BACKGROUND.run(self._inner.forget())

    def __eq__(self, other: object) -> bool:
        return self._inner == other._inner if isinstance(other, Contact) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)


class Client:
    """One account on one device; see `e2ee_client.Client`."""

    def __init__(self, inner: asynchronous.Client) -> None:
        """Not for callers: use `create`, `open` or `restore`."""
        self._inner = inner
        self._open = True
        self._lock = threading.Lock()
        self.recovery_key: RecoveryKey | None = inner.recovery_key

    @classmethod
    def create(
        cls,
        path: StorePath,
        *,
        relay: str,
        passphrase: str | None = None,
        key: bytes | None = None,
        name: str | None = None,
        kind: Kind = "person",
        publish: bool = False,
        front_desk: bool = False,
        read_receipts: bool = False,
        registration_secret: str | bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Self:
        """Make a new account in a new store; arguments and errors as in `e2ee_client.Client.create`."""
        return cls._start(
            lambda: asynchronous.Client.create(
                path,
                relay=relay,
                passphrase=passphrase,
                key=key,
                name=name,
                kind=kind,
                publish=publish,
                front_desk=front_desk,
                read_receipts=read_receipts,
                registration_secret=registration_secret,
                online=online,
                runtime=runtime,
            )
        )

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        passphrase: str | None = None,
        key: bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Self:
        """Open the account of a store; arguments and errors as in `e2ee_client.Client.open`."""
        return cls._start(
            lambda: asynchronous.Client.open(
                path, passphrase=passphrase, key=key, online=online, runtime=runtime
            )
        )

    @classmethod
    def restore(
        cls,
        path: StorePath,
        backup: bytes,
        *,
        backup_passphrase: str,
        passphrase: str | None = None,
        key: bytes | None = None,
        registration_secret: str | bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Self:
        """Make a new device for the account of a backup; as in `e2ee_client.Client.restore`."""
        return cls._start(
            lambda: asynchronous.Client.restore(
                path,
                backup,
                backup_passphrase=backup_passphrase,
                passphrase=passphrase,
                key=key,
                registration_secret=registration_secret,
                online=online,
                runtime=runtime,
            )
        )

    @classmethod
    def _start(cls, opening: Callable[[], Opening[asynchronous.Client]]) -> Self:
        async def starting() -> asynchronous.Client:
            return await opening()

        BACKGROUND.hold()
        try:
            return cls(BACKGROUND.run(starting()))
        except BaseException:
            BACKGROUND.release()
            raise

    def close(self) -> None:
        """Go offline and close the store; iterations over events end. Closing twice is allowed."""
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            try:
                BACKGROUND.run(self._inner.close())
            finally:
                BACKGROUND.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def account_id(self) -> bytes:
        """Our account id, 32 bytes."""
        return BACKGROUND.ask(lambda: self._inner.account_id)

    def card(self) -> ContactCard:
        """Return our contact card."""
        return BACKGROUND.ask(self._inner.card)

    @property
    def connection_state(self) -> ConnectionState:
        """Whether all our mailboxes are connected."""
        return BACKGROUND.ask(lambda: self._inner.connection_state)

    def wait_online(self, timeout_s: float | None = None) -> None:
        """Wait until all our mailboxes are connected."""
        BACKGROUND.run(self._inner.wait_online(timeout_s))

    def wait_settled(self, timeout_s: float | None = None) -> None:
        """Wait until our relays know what they have to: directory entry, prekeys, who may write to us."""
        BACKGROUND.run(self._inner.wait_settled(timeout_s))

    def events(self) -> EventIterator:
        """Iterate over what happens from now on; the first iteration begins when the client was opened."""
        return EventIterator(BACKGROUND.ask(self._inner.events))

    def add_contact(self, card: ContactCard | str) -> Contact:
        """Add a contact by its card; adding it again returns the same contact."""
        return Contact(BACKGROUND.run(self._inner.add_contact(card)))

    def contact(self, account_id: bytes) -> Contact:
        """Return a contact by its account id, as events name it."""
        return Contact(BACKGROUND.ask(lambda: self._inner.contact(account_id)))

    def contacts(self) -> list[Contact]:
        """Return all contacts."""
        return [Contact(one) for one in BACKGROUND.ask(self._inner.contacts)]

    def export(self, passphrase: str) -> bytes:
        """Return a backup file."""
        return BACKGROUND.run(self._inner.export(passphrase))

    def export_account_key(self, passphrase: str) -> bytes:
        """Return a file with the account key, to be kept offline."""
        return BACKGROUND.run(self._inner.export_account_key(passphrase))

    def remove_account_key(self) -> None:
        """Forget the account key on this device."""
        BACKGROUND.run(self._inner.remove_account_key())

    def renewal_request(self) -> bytes:
        """Return what the account key has to sign before our device list ends."""
        return BACKGROUND.ask(self._inner.renewal_request)

    def install_list(self, signed: bytes) -> None:
        """Install the signed answer to a renewal request."""
        BACKGROUND.run(self._inner.install_list(signed))

    @property
    def list_expires_ms(self) -> int:
        """When our device list ends, Unix milliseconds."""
        return BACKGROUND.ask(lambda: self._inner.list_expires_ms)

    def change_passphrase(self, old: str, new: str) -> None:
        """Change the passphrase of the store."""
        BACKGROUND.run(self._inner.change_passphrase(old, new))

    def __repr__(self) -> str:
        return repr(self._inner)
