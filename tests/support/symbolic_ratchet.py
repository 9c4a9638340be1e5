"""A Double Ratchet without cryptography: a key is a hash of what it is made of.

Public and private key are the same number, so that one who knows a number can compute with it, and who does
not know it cannot. It follows e2ee.ratchet in what opens, what is refused, and which key is answered.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple

MAX_SKIP: Final = 1_000
_DH, _TAG, _ROOT, _CHAIN, _HEADER, _MESSAGE, _NEXT, _ID, _FIRST, _SECOND = range(10)
_MASK: Final = 2**64 - 1


class Refused(Exception):
    """A message that does not open; its text is the reason."""


def mix(*parts: Hashable) -> int:
    """Derive a number of 64 bits."""
    return hash(parts) & _MASK


def agree(one: int, other: int) -> int:
    """Return the secret of two key pairs."""
    return mix(_DH, min(one, other), max(one, other))


def session_id(root: int) -> bytes:
    """Return the 32 bytes that name the session of a handshake."""
    return mix(root, _ID).to_bytes(8, "big") + bytes(24)


class Prefix(NamedTuple):
    """What the messages of a session that was not answered repeat."""

    ephemeral: int
    prekey_id: int
    one_time_id: int | None
    identity: int


class Header(NamedTuple):
    """The sender's ratchet key, the length of its last chain, and the number in this one."""

    key: int
    previous: int
    number: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a relay carries; `header_key` and `message_key` are those that seal header and body."""

    prefix: Prefix | None
    tag: int
    header_key: int
    header: Header
    message_key: int
    body: object


class Mode(Enum):
    """What the sending side does next."""

    LISTENING = 0
    STEP_DUE = 1
    SENDING = 2


class Chain(NamedTuple):
    """The newest receiving chain."""

    their_key: int
    header_key: int
    chain_key: int
    number: int


class Opened(NamedTuple):
    """The ratchet after a message, its body, and our key that a new chain of it answers."""

    ratchet: Ratchet
    body: object
    answered: int | None


@dataclass(frozen=True, slots=True)
class Ratchet:
    """The state of one side; it is never changed in place."""

    root: int
    initiator: bool
    mode: Mode
    our_key: int
    their_key: int
    send_header_key: int
    next_header_key: int
    header_key: int = 0
    chain_key: int = 0
    number: int = 0
    previous: int = 0
    chain: Chain | None = None
    chains: int = 0
    skipped: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of_initiator(cls, root: int, their_key: int) -> Ratchet:
        """Start the side that made the handshake."""
        return cls(root, True, Mode.STEP_DUE, 0, their_key, mix(root, _FIRST), mix(root, _SECOND))

    @classmethod
    def of_responder(cls, root: int, our_key: int) -> Ratchet:
        """Start the other side."""
        return cls(root, False, Mode.LISTENING, our_key, 0, mix(root, _SECOND), mix(root, _FIRST))

    @property
    def unanswered_key(self) -> int | None:
        """Our ratchet key that the peer has not answered; None while the next message makes a new one."""
        return self.our_key if self.mode is Mode.SENDING else None

    @property
    def is_answered(self) -> bool:
        """Whether a chain has answered a key that was made in this session: the peer holds it."""
        return self.chains > (0 if self.initiator else 1)

    @property
    def owes_third_leg(self) -> bool:
        """Whether the peer cannot know yet that we hold a session that we have started."""
        return self.initiator and self.mode is Mode.STEP_DUE

    def tags(self) -> set[int]:
        """Every tag under which something can open."""
        newest = set() if self.chain is None else {mix(_TAG, self.chain.header_key)}
        return {mix(_TAG, self.next_header_key)} | newest | {tag for tag, _ in self.skipped}

    def seal(self, prefix: Prefix | None, body: object, fresh_key: int) -> tuple[Ratchet, Envelope]:
        """Seal a body; `fresh_key` is used where a new chain begins."""
        if self.mode is Mode.LISTENING:
            raise Refused("nothing to send with")
        ratchet = self if self.mode is Mode.SENDING else self._with_chain(fresh_key)
        envelope = Envelope(
            prefix,
            mix(_TAG, ratchet.header_key),
            ratchet.header_key,
            Header(ratchet.our_key, ratchet.previous, ratchet.number),
            mix(ratchet.chain_key, _MESSAGE),
            body,
        )
        moved = replace(ratchet, chain_key=mix(ratchet.chain_key, _CHAIN), number=ratchet.number + 1)
        return moved, envelope

    def _with_chain(self, fresh_key: int) -> Ratchet:
        root = mix(self.root, agree(fresh_key, self.their_key))
        return replace(
            self,
            mode=Mode.SENDING,
            our_key=fresh_key,
            root=mix(root, _ROOT),
            header_key=self.send_header_key,
            chain_key=mix(root, _CHAIN),
            send_header_key=mix(root, _NEXT),
            number=0,
        )

    def open(self, envelope: Envelope) -> Opened:
        """Open a message.

        Raises:
            Refused: nothing has changed.
        """
        place = envelope.tag, envelope.header.number
        if place in self.skipped:
            return self._open_skipped(place, envelope)
        if self.chain is not None and envelope.tag == mix(_TAG, self.chain.header_key):
            return self._open_next(self._checked(self.chain, envelope), envelope, None)
        if envelope.tag != mix(_TAG, self.next_header_key):
            raise Refused("unknown")
        if envelope.header_key != self.next_header_key or self.mode is Mode.STEP_DUE:
            raise Refused("auth")
        is_answer = self.initiator or self.chains > 0
        return self._open_next(
            self._with_their_chain(envelope), envelope, self.our_key if is_answer else None
        )

    def _open_skipped(self, place: tuple[int, int], envelope: Envelope) -> Opened:
        if self.skipped[place] != (envelope.header_key, envelope.message_key):
            raise Refused("auth")
        rest = {key: value for key, value in self.skipped.items() if key != place}
        return Opened(replace(self, skipped=rest), envelope.body, None)

    def _checked(self, chain: Chain, envelope: Envelope) -> Ratchet:
        if envelope.header_key != chain.header_key or envelope.header.key != chain.their_key:
            raise Refused("auth")
        if envelope.header.number < chain.number:
            raise Refused("replay")
        return self

    def _with_their_chain(self, envelope: Envelope) -> Ratchet:
        ratchet = self
        if ratchet.chain is not None:
            if envelope.header.previous < ratchet.chain.number:
                raise Refused("auth")
            ratchet = ratchet._skip_to(ratchet.chain, envelope.header.previous)
        root = mix(ratchet.root, agree(ratchet.our_key, envelope.header.key))
        return replace(
            ratchet,
            mode=Mode.STEP_DUE,
            root=mix(root, _ROOT),
            their_key=envelope.header.key,
            chain=Chain(envelope.header.key, ratchet.next_header_key, mix(root, _CHAIN), 0),
            next_header_key=mix(root, _NEXT),
            previous=ratchet.number,
            chains=ratchet.chains + 1,
        )

    def _open_next(self, ratchet: Ratchet, envelope: Envelope, answered: int | None) -> Opened:
        if ratchet.chain is None:
            raise Refused("unknown")
        ratchet = ratchet._skip_to(ratchet.chain, envelope.header.number)
        chain = ratchet.chain
        if chain is None or mix(chain.chain_key, _MESSAGE) != envelope.message_key:
            raise Refused("auth")
        moved = chain._replace(chain_key=mix(chain.chain_key, _CHAIN), number=chain.number + 1)
        return Opened(replace(ratchet, chain=moved), envelope.body, answered)

    def _skip_to(self, chain: Chain, number: int) -> Ratchet:
        if number - chain.number > MAX_SKIP:
            raise Refused("skip")
        skipped = dict(self.skipped)
        while chain.number < number:
            key = mix(chain.chain_key, _MESSAGE)
            skipped[mix(_TAG, chain.header_key), chain.number] = chain.header_key, key
            chain = chain._replace(chain_key=mix(chain.chain_key, _CHAIN), number=chain.number + 1)
        return replace(self, chain=chain, skipped=skipped)
