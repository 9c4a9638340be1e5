"""What the application holds: contacts and messages, each a handle on what engine and store know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

from e2ee import fingerprint
from e2ee.errors import DecodeError
from e2ee.ids import AccountId
from e2ee.session import Health
from e2ee_client.engine import ContactView, Effect, Engine, records
from e2ee_client.errors import ConfigError, MessageFailed, UnknownContact, WaitTimeout
from e2ee_client.events import ConnectionChanged, Event, MessageState, MessageStateChanged, OfContact

from .opening import check_name
from .runtime.shell import Shell

_RANK: Final = {
    MessageState.QUEUED: 0,
    MessageState.SENT: 1,
    MessageState.DELIVERED: 2,
    MessageState.READ: 3,
}
_Place: TypeAlias = tuple[bytes, bytes, bool]


class Signal:
    """Wakes everybody who waits at the moment."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._awaited = False

    def fire(self) -> None:
        """Wake them."""
        if self._awaited:
            self._event.set()
            self._event, self._awaited = asyncio.Event(), False

    async def wait(self) -> None:
        """Wait for the next `fire`."""
        self._awaited = True
        await self._event.wait()


class Watch:
    """Keeps the handles that the application holds up to date, and wakes who waits for a change."""

    def __init__(self) -> None:
        self._messages: WeakValueDictionary[_Place, Message] = WeakValueDictionary()
        self._shell: Shell[Engine] | None = None
        self._hindered: dict[str, str] = {}
        self.progress = Signal()
        self.also: Callable[[Event], None] | None = None

    def watch(self, shell: Shell[Engine]) -> None:
        """Give the events of this shell their contacts."""
        self._shell = shell

    def message(self, shell: Shell[Engine], stored: records.Message) -> Message:
        """Return the one handle of a text."""
        place = (stored.account_id, stored.message_id, stored.outgoing)
        message = self._messages.get(place)
        if message is None:
            message = self._messages[place] = Message(shell, stored)
        return message

    def event(self, event: Event) -> None:
        """Take note of an event, before the application sees it."""
        if isinstance(event, OfContact) and event.account_id and self._shell is not None:
            event.attach(Contact(self._shell, self, event.account_id))
        if isinstance(event, MessageStateChanged):
            message = self._messages.get((event.account_id, event.message_id, True))
            if message is not None:
                message.advance(event)
        if isinstance(event, ConnectionChanged):
            self._hindered[event.relay_url] = event.code
        if self.also is not None:
            self.also(event)

    def hindrance(self) -> str:
        """Return what is in the way at which relay, as events told it last, for the end of an error text."""
        return "".join(f"; {url}: {code}" for url, code in self._hindered.items() if code)

    def stepped(self) -> None:
        """The engine has made a step: what is waited for may have come true."""
        self.progress.fire()

    def end(self) -> None:
        """The client is closed: nobody is to wait any longer."""
        self.progress.fire()
        for message in list(self._messages.values()):
            message.changed.fire()


async def wait_until(reached: Callable[[], bool], signal: Signal, timeout_s: float | None, what: str) -> None:
    """Wait until `reached`, asking again at each signal; it may raise to end the waiting.

    Raises:
        WaitTimeout: not in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            while not reached():
                await signal.wait()
    except TimeoutError:
        raise WaitTimeout(f"{what} did not happen in time") from None


class Message:
    """A text of either side. Its `state` follows what happens as long as the application holds it."""

    def __init__(self, shell: Shell[Engine], stored: records.Message) -> None:
        """Not for callers: `Contact.send` and `Contact.history` return messages."""
        self._shell = shell
        self.account_id: bytes = stored.account_id
        self.message_id = stored.message_id
        self.outgoing = stored.outgoing
        self.text = stored.text
        self.sent_ms = stored.sent_ms
        self.received_ms = stored.received_ms
        self.state = stored.state
        self.reason = ""
        self.changed = Signal()

    async def wait_for(self, state: MessageState, timeout_s: float | None = None) -> None:
        """Wait until our message has come at least so far.

        `SENT` means on the relay's disk, `DELIVERED` on the other side's. The other side tells of a delivery
        only once it has accepted us, which it also does by writing to us (CON-04).

        Raises:
            WaitTimeout: not in time; it may still come that far.
            MessageFailed: it will not come that far.
            ConfigError: the message is not ours.
            ClientClosed: the client was closed meanwhile.
        """
        if not self.outgoing:
            raise ConfigError("only a message of our own has states to wait for")
        await wait_until(lambda: self._has_reached(state), self.changed, timeout_s, f"state {state.value}")

    def _has_reached(self, state: MessageState) -> bool:
        if self.state is state:
            return True
        if self.state is MessageState.FAILED:
            raise MessageFailed(self.reason)
        if state is not MessageState.FAILED and _RANK[self.state] >= _RANK[state]:
            return True
        self._shell.check_open()
        return False

    def advance(self, event: MessageStateChanged) -> None:
        """Take over a new state; called by the client."""
        self.state, self.reason = event.state, event.code
        self.changed.fire()

    def __repr__(self) -> str:
        return f"<Message {'to' if self.outgoing else 'from'} a contact, {self.state.value}>"


class Contact:
    """An account that we know, by its id. Two handles of the same contact are equal."""

    def __init__(self, shell: Shell[Engine], watch: Watch, account_id: bytes) -> None:
        """Not for callers: use `Client.add_contact`, `contact` or `contacts`."""
        self._shell = shell
        self._watch = watch
        self.account_id = account_id

    # --- what we know ---

    @property
    def view(self) -> ContactView:
        """Everything below at once.

        Raises:
            UnknownContact: it was forgotten.
        """
        for one in self._shell.machine.contacts():
            if one.account_id == self.account_id:
                return one
        raise UnknownContact("no such contact")

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
        """Whether receipts and an own address are given to it (CON-04)."""
        return self.view.accepted

    @property
    def verified(self) -> bool:
        """Whether a person has compared the safety number."""
        return self.view.verified

    @property
    def alarm(self) -> str:
        """Code of an identity alarm that a person has to look at, or empty (ID-07)."""
        return self.view.alarm

    @property
    def unread(self) -> int:
        """How many of its texts were not marked as read.

        Raises:
            UnknownContact: it was forgotten.
        """
        return self._shell.machine.unread(self.account_id)

    def safety_number(self) -> str:
        """Return the sixty digits, the same on both sides (ID-25)."""
        return self._shell.machine.safety_number(self.account_id)

    def qr_payload(self) -> str:
        """Return the text for a QR code that the other side scans (ID-26)."""
        return self._shell.machine.qr_payload(self.account_id)

    def matches(self, scanned: str) -> bool:
        """Whether a scanned QR payload, or digits that were read out, are those of this contact (ID-25,
        ID-26).

        Raises:
            ConfigError: the text is neither.
        """
        digits = "".join(scanned.split())
        if len(digits) == 60 and digits.isascii() and digits.isdigit():
            return digits == self.safety_number().replace(" ", "")
        ours = AccountId(self._shell.machine.account_id)
        try:
            return fingerprint.compare_qr(ours, AccountId(self.account_id), scanned.strip())
        except DecodeError:
            raise ConfigError("the text is not a safety number") from None

    def health(self) -> Health | None:
        """Return the age of the newest healing, and the messages since, against a classical thief and against
        one with a quantum computer; None while no session is there (PQ-16).
        """
        return self._shell.machine.health(self.account_id, self._shell.now_ms)

    # --- what can be done ---

    async def send(self, text: str) -> Message:
        """Send a text. When this returns, it is in the store, and will go out also after a crash.

        Raises:
            MessageEmpty, MessageTooLarge: not a text that fits.
            ContactBlocked: its identity raised an alarm.
            UnknownContact: it was forgotten.
            StoreFull: no room; nothing is sent.
            ConfigError: no str, or one with half of a surrogate pair.
        """
        return (await self.send_many([text]))[0]

    async def send_many(self, texts: Iterable[str]) -> list[Message]:
        """Send a burst of texts, in their order, under one commit: all of them, or none (STO-28).

        Raises:
            ConfigError: one text, whose letters would be sent. SealroomError: as `send`.
        """
        if isinstance(texts, str):
            raise ConfigError("a burst is several texts; one text goes by send")
        account_id, burst = AccountId(self.account_id), [checked_text(text) for text in texts]

        def step(engine: Engine, now_ms: int) -> tuple[list[Message], list[Effect]]:
            ids, effects = engine.send_texts(account_id, burst, now_ms)
            stored = [
                records.Message(account_id, message_id, True, text, now_ms, now_ms, MessageState.QUEUED)
                for message_id, text in zip(ids, burst, strict=True)
            ]
            # Made inside the step: the first change of their state may come before this call returns.
            return [self._watch.message(self._shell, one) for one in stored], effects

        return await self._shell.call(step)

    async def history(self, before: Message | None = None, limit: int = 100) -> list[Message]:
        """Return the newest texts, at most `limit`, in the order in which they came or were written; with
        `before`, the newest of those that stand before it.

        Raises:
            UnknownMessage: `before` is a text of another contact, or was forgotten.
            ConfigError: `limit` is less than 1.
        """
        if limit < 1:
            raise ConfigError("a page of the history has at least one text")
        first = None if before is None else (before.message_id, before.outgoing)
        texts = await self._shell.ask(lambda engine: engine.history(self.account_id, first, limit))
        return [self._watch.message(self._shell, one) for one in texts]

    async def message(self, message_id: bytes, outgoing: bool | None = None) -> Message:
        """Return one text by the id that events name: ours, the contact's, or with None of either side.

        Raises:
            UnknownMessage: no text with this contact has this id.
        """
        stored = await self._shell.ask(lambda engine: engine.message(self.account_id, message_id, outgoing))
        return self._watch.message(self._shell, stored)

    async def mark_read(self, messages: Iterable[Message]) -> None:
        """Note that a person has seen these, and tell the other side if read receipts are switched on."""
        theirs = [one for one in messages if not one.outgoing]
        ids = [one.message_id for one in theirs]
        await self._shell.do(lambda engine, now_ms: engine.mark_read(self.account_id, ids, now_ms))
        for one in theirs:
            one.state = MessageState.READ

    async def accept(self) -> None:
        """Accept somebody who wrote first: it gets receipts and an address of its own (CON-04)."""
        await self._shell.do(lambda engine, now_ms: engine.accept_contact(self.account_id, now_ms))

    async def verify(self, verified: bool = True) -> None:
        """Note that a person has compared the safety number; that also ends an alarm."""
        await self._shell.do(lambda engine, now_ms: engine.set_verified(self.account_id, verified, now_ms))

    async def set_name(self, name: str | None) -> None:
        """Give it a name that stays on this device; None takes it away.

        Raises:
            ConfigError: not a name (ID-33).
        """
        check_name(name)
        await self._shell.do(lambda engine, now_ms: engine.set_name(self.account_id, name, now_ms))

    async def forget(self) -> None:
        """Delete it with its texts, sessions and keys, and its way to us at the relay."""
        await self._shell.do(lambda engine, now_ms: engine.forget_contact(self.account_id, now_ms))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Contact):
            return NotImplemented
        return self._shell is other._shell and self.account_id == other.account_id

    def __hash__(self) -> int:
        return hash(self.account_id)

    def __repr__(self) -> str:
        return f"<Contact {self.account_id.hex()[:8]}>"


def checked_text(text: object) -> str:
    """Return a text that can be encoded.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(text, str):
        raise ConfigError("a text is a str")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise ConfigError("a text is Unicode without lone surrogates")
    return text
