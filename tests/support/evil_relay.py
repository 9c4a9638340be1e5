"""A relay that lies: the real relay core behind a strategy that may change whatever passes.

    client --request--> strategy.request --> real core --> strategy.answer / strategy.push --> client

A strategy sees each frame decoded and returns what goes on in its place: the same, others, several, none.
It keeps the whole traffic, may push what it likes into any mailbox, and answers requests by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

from e2ee_relay.limits import Policy
from e2ee_relay.memory import MemoryConnection, MemoryRelay
from e2ee_relay.protocol import (
    ErrorCode,
    Frame,
    FrameError,
    KnownFrame,
    Message,
    PrekeysBundle,
    PrekeysUpload,
    Request,
    Role,
    Send,
    SendItem,
    SendResult,
    SendResults,
    Subscribe,
    decode_frames,
    encode_frames,
    hour_of,
)
from e2ee_relay.session import Session
from forgery import map_of

from e2ee.wire import cbor

_EPHEMERAL: Final = 0


class Strategy:
    """An honest relay; each attack overrides what it needs, and says with `did` what it has done."""

    relay: EvilRelay

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        """Return what the core gets in place of a client's request."""
        return (frame,)

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        """Return what a client gets in place of the core's answer to its request."""
        return (frame,)

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        """Return what a client gets in place of a push."""
        return (frame,)

    def did(self, what: str) -> None:
        """Note for the evidence what the relay did; the same thing once."""
        if what not in self.relay.deeds:
            self.relay.deeds.append(what)


class Keeper(Strategy):
    """Keeps what is for some mailboxes, and delivers of it what it likes, in the order that it likes."""

    def __init__(self) -> None:
        self.mailboxes: set[bytes] = set()
        self.kept: list[Message] = []

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, Message) or frame.mailbox not in self.mailboxes:
            return (frame,)
        self.kept.append(frame)
        return ()

    def release(self, *numbers: int) -> None:
        """Deliver kept messages by their numbers; the others stay away for good."""
        for number in numbers:
            self.relay.slip(self.kept[number].mailbox, self.kept[number].body)


class LastResort(Strategy):
    """Hands out bundles without one-time keys, as if the company's stock were empty."""

    def __init__(self) -> None:
        self.last_resort = b""

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        if isinstance(frame, PrekeysUpload) and frame.last_resort is not None:
            self.last_resort = frame.last_resort
        return (frame,)

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, PrekeysBundle):
            return (frame,)
        self.did("withheld the one-time keys")
        bundle = cbor.encode(map_of(frame.bundle) | {4: None, 5: self.last_resort})
        return (PrekeysBundle(frame.request_id, bundle, False, False),)


class _Passage:
    """The outlet of a connection under a strategy."""

    def __init__(self, transmit: Callable[[KnownFrame], None]) -> None:
        self._transmit = transmit

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Have the strategy decide."""
        self._transmit(frame)


class EvilRelay(MemoryRelay):
    """The relay in memory, under a strategy."""

    def __init__(
        self, clock_ms: Callable[[], int], strategy: Strategy | None = None, policy: Policy | None = None
    ) -> None:
        self.strategy = strategy or Strategy()
        self.strategy.relay = self
        self.deeds: list[str] = []
        self.raw: list[bytes] = []
        self.mail: list[SendItem] = []
        self.delivered: list[Message] = []
        self._listening: dict[bytes, int] = {}
        self._asked: dict[tuple[int, int], Request] = {}
        self._numbers: dict[Session, int] = {}
        self._connections_by_number: dict[int, MemoryConnection] = {}
        super().__init__(clock_ms, os.urandom, policy)

    # --- on the way in and out ---

    def open_session(self, connection: MemoryConnection, visitor: bytes) -> Session:
        """Open a connection whose frames pass through the strategy."""
        number = len(self._connections_by_number) + 1
        self._connections_by_number[number] = connection
        outlet = _Passage(lambda frame: self._transmit(number, frame))
        session = self.node.connect(outlet, self._rng(32), visitor)
        self._numbers[session] = number
        return session

    def take(self, connection: MemoryConnection, session: Session, message: bytes) -> None:
        """Take a client's message: the strategy decides what the core gets of it."""
        number = self._numbers[session]
        self.raw.append(message)
        try:
            frames = decode_frames(message, Role.RELAY)
        except FrameError:
            super().take(connection, session, message)
            return
        for frame in frames:
            for passed in self._let_in(number, frame):
                super().take(connection, session, encode_frames([passed]))

    def _let_in(self, number: int, frame: Frame) -> Iterable[KnownFrame]:
        if not isinstance(frame, Request):
            return ()
        self._asked[number, frame.request_id] = frame
        if isinstance(frame, Subscribe):
            self._listening.update((mailbox, number) for mailbox in frame.mailboxes)
        if isinstance(frame, Send):
            self.mail.extend(frame.items)
        return self.strategy.request(number, frame)

    def _transmit(self, number: int, frame: KnownFrame) -> None:
        if isinstance(frame, Message):
            self.delivered.append(frame)
        if frame.request_id:
            request = self._asked.get((number, frame.request_id))
            passed = self.strategy.answer(number, request, frame)
        else:
            passed = self.strategy.push(number, frame)
        self.tell(number, *passed)

    # --- what a strategy or a test may do by hand ---

    def tell(self, connection: int, *frames: KnownFrame) -> None:
        """Send frames to a connection, past the strategy."""
        for frame in frames:
            self._connections_by_number[connection].put(frame)

    def slip(self, mailbox: bytes, body: bytes) -> None:
        """Push a body of the relay's choice to whoever listens to a mailbox; it needs no acknowledgement."""
        now_ms = hour_of(self._clock_ms())
        self.tell(self._listening[mailbox], Message(0, mailbox, _EPHEMERAL, os.urandom(16), body, now_ms))

    def bodies(self, mailbox: bytes | None = None) -> list[bytes]:
        """Return every sealed body that a client handed over, perhaps only those to one mailbox."""
        return [item.body for item in self.mail if mailbox in (None, item.mailbox)]

    def mailboxes(self) -> list[bytes]:
        """Return every mailbox that somebody listens to, in the order of the first subscription."""
        return list(self._listening)


def accepted(send: Send) -> SendResults:
    """Return the answer that makes a client believe that everything is on disk."""
    return SendResults(send.request_id, tuple(SendResult(ErrorCode.OK) for _ in send.items))


def denied(send: Send) -> SendResults:
    """Return the answer that sends a client back to the directory."""
    return SendResults(send.request_id, tuple(SendResult(ErrorCode.DENIED) for _ in send.items))
