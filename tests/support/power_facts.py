"""What a relay had told its clients at one moment of a recorded run, and so must still know after it.

The bytes that left its sockets say what was promised; which request an answer belongs to is known from the
clients' own record, found by the nonce of the connection's HELLO.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar, Final

import cbor2
from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    Frame,
    Hello,
    KnownFrame,
    Message,
    PrekeysBundle,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    Role,
    Send,
    SendResults,
    TokenAdd,
    decode_frames,
)
from power_trace import SENDS, Step
from relay_actors import Peer

_ONE_TIME: Final = (4, 5)
_BINARY: Final = 2
_GENERATION_BITS: Final = 32
_UPGRADED: Final = b"HTTP/1.1 "
Place = tuple[bytes, bytes]


class RecordedPeer(Peer):
    """A connection that keeps what it asked, and when (seconds of the system's clock)."""

    asked: ClassVar[dict[bytes, dict[int, tuple[float, KnownFrame]]]] = {}

    async def begin(self, request: KnownFrame) -> None:
        self.asked.setdefault(self.nonce, {})[request.request_id] = time.time(), request
        await super().begin(request)


@dataclass(slots=True)
class Facts:
    """What must hold after a loss of power."""

    messages: dict[Place, bytes] = field(default_factory=dict)
    # Deletion was asked: they may be there or not. Deletion was confirmed: they must not come back.
    may_be_gone: set[Place] = field(default_factory=set)
    deleted: set[Place] = field(default_factory=set)
    mailboxes: set[bytes] = field(default_factory=set)
    removals: set[bytes] = field(default_factory=set)
    removed: set[bytes] = field(default_factory=set)
    tokens: set[Place] = field(default_factory=set)
    accounts: set[bytes] = field(default_factory=set)
    highest_key: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    handed_out: set[bytes] = field(default_factory=set)
    generation: int = 0

    def owed(self) -> dict[Place, bytes]:
        """The messages that must be held, with digests of their bodies."""
        return {
            place: digest
            for place, digest in self.messages.items()
            if place not in self.may_be_gone and place[0] not in self.removals
        }


def digest(octets: bytes) -> bytes:
    return hashlib.blake2b(octets, digest_size=16).digest()


class _Stream:
    """One connection's bytes from the relay."""

    def __init__(self) -> None:
        self.nonce = b""
        self._bytes = bytearray()
        self._is_upgraded = False

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that are complete now; a server's frames are not masked."""
        self._bytes += octets
        if not self._is_upgraded:
            head, found, rest = bytes(self._bytes).partition(b"\r\n\r\n")
            if not found or b" 101 " not in head:
                return []
            self._is_upgraded, self._bytes = True, bytearray(rest)
        frames: list[Frame] = []
        while (one := self._next()) is not None:
            opcode, payload = one
            frames += decode_frames(payload, Role.CLIENT) if opcode == _BINARY else []
        return frames

    def _next(self) -> tuple[int, bytes] | None:
        if len(self._bytes) < 2:
            return None
        size, start = self._bytes[1], 2
        if size >= 126:
            start += 2 if size == 126 else 8
            size = int.from_bytes(self._bytes[2:start], "big")
        if len(self._bytes) < start:
            return None
        if len(self._bytes) < start + size:
            return None
        opcode, payload = self._bytes[0] & 15, bytes(self._bytes[start : start + size])
        del self._bytes[: start + size]
        return opcode, payload


class Witness:
    """Follows the same steps as the disk and keeps the facts."""

    def __init__(self, asked: dict[bytes, dict[int, tuple[float, KnownFrame]]]) -> None:
        self.facts = Facts()
        self._asked = asked
        self._streams: dict[str, _Stream] = {}
        self._msg_ids: dict[tuple[bytes, int], bytes] = {}
        deletions = [
            (at, request)
            for requests in asked.values()
            for at, request in requests.values()
            if isinstance(request, Ack | DeleteMailbox)
        ]
        self._deletions = deque(sorted(deletions, key=lambda one: one[0]))

    def follow(self, step: Step) -> None:
        """Take one step. What leaves counts when its call begins."""
        if step.is_end or step.call.name not in SENDS or not step.call.place.startswith("socket:"):
            return
        octets = b"".join(step.call.texts)[: step.call.result]
        if octets.startswith(_UPGRADED):
            self._streams[step.call.place] = _Stream()
        stream = self._streams.setdefault(step.call.place, _Stream())
        for frame in stream.feed(octets):
            if isinstance(frame, Hello):
                stream.nonce = frame.nonce
            elif isinstance(frame, Message):
                self._msg_ids[frame.mailbox, frame.seq] = frame.msg_id
                self.facts.generation = max(self.facts.generation, frame.seq >> _GENERATION_BITS)
            elif found := self._asked.get(stream.nonce, {}).get(frame.request_id):
                self._answered(found[1], frame)

    def look(self, at: float) -> Facts:
        """The facts at that second, with what clients had asked to be deleted by then."""
        while self._deletions and self._deletions[0][0] <= at:
            _, request = self._deletions.popleft()
            if isinstance(request, Ack):
                self.facts.may_be_gone.update(self._places(request))
            else:
                self.facts.removals.add(request.mailbox)
        return self.facts

    def _places(self, request: Ack) -> list[Place]:
        return [
            (request.mailbox, self._msg_ids[request.mailbox, seq])
            for seq in request.seqs
            if (request.mailbox, seq) in self._msg_ids
        ]

    def _answered(self, request: KnownFrame, answer: Frame) -> None:
        facts = self.facts
        match request, answer:
            case Send(), SendResults():
                for item, result in zip(request.items, answer.results, strict=True):
                    if result.code is ErrorCode.OK:
                        facts.messages[item.mailbox, item.msg_id] = digest(item.body)
            case Ack(), Done():
                facts.deleted.update(self._places(request))
            case CreateMailbox(), Done():
                facts.mailboxes.add(request.mailbox)
            case DeleteMailbox(), Done():
                facts.removed.add(request.mailbox)
            case TokenAdd(), Done():
                facts.tokens.update((request.mailbox, one) for one in request.token_hashes)
            case Publish(), Done():
                facts.accounts.add(request.account_id)
            case _:
                self._answered_about_prekeys(request, answer)

    def _answered_about_prekeys(self, request: KnownFrame, answer: Frame) -> None:
        if isinstance(request, PrekeysUpload) and isinstance(answer, PrekeysStock):
            highest = answer.highest_x25519_id, answer.highest_kem_id
            self.facts.highest_key[request.record_hash] = highest
        elif isinstance(answer, PrekeysBundle):
            bundle = cbor2.loads(answer.bundle)
            given = (answer.one_time_x25519, answer.one_time_kem)
            self.facts.handed_out.update(
                digest(bundle[place]) for place, is_given in zip(_ONE_TIME, given, strict=True) if is_given
            )
