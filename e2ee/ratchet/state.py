"""The states of a ratchet: sum types, so that "no chain yet" is no value that could match (DR-02)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from e2ee.ids import DhPublic, SessionId, Tag
from e2ee.secret import ChainKey, HeaderKey, RatchetPrivateKey, RootKey

from . import chain
from .kem_ratchet import KemState, Mark
from .skipped import SkippedKeys

build: Final = tuple.__new__
"""Makes a named tuple from all of its fields in 0.25 us; by field names 0.6 us, in use up to 0.9 us.

Only for the states that every message makes anew, in methods that do nothing else: to seal and to open would
else take an eighth longer, and a fifth to a quarter where the core is compiled. All else is built otherwise.
"""


@dataclass(frozen=True, slots=True)
class Listening:
    """A responder that has received nothing; its ratchet key is the signed prekey (DR-01)."""

    private_key: RatchetPrivateKey
    next_header_key: HeaderKey


class Sending(NamedTuple):
    """We hold a ratchet key of our own that the peer will answer to. `number` is the next to be used."""

    private_key: RatchetPrivateKey
    public_key: DhPublic
    header_key: HeaderKey
    tag: Tag
    chain_key: ChainKey
    number: int
    previous_length: int
    next_header_key: HeaderKey

    def advanced(self, chain_key: ChainKey) -> Sending:
        """Return the chain after one message more."""
        private, public, header_key, tag, _, number, previous_length, next_header_key = self
        fields = (private, public, header_key, tag, chain_key, number + 1, previous_length, next_header_key)
        return build(Sending, fields)


class StepDue(NamedTuple):
    """The next send makes a fresh ratchet key against `their_key` (DR-03)."""

    their_key: DhPublic
    next_header_key: HeaderKey
    previous_length: int


@dataclass(frozen=True, slots=True)
class NoChain:
    """Nothing has been received in this session."""


class Receiving(NamedTuple):
    """The peer's newest chain. `number` is the next expected; each of its headers has this `pq_epoch`."""

    their_key: DhPublic
    header_key: HeaderKey
    tag: Tag
    chain_key: ChainKey
    number: int
    pq_epoch: int

    def advanced(self, chain_key: ChainKey, number: int) -> Receiving:
        """Return the chain with the next number that it expects."""
        their_key, header_key, tag, _, _, pq_epoch = self
        return build(Receiving, (their_key, header_key, tag, chain_key, number, pq_epoch))


class NextReceive(NamedTuple):
    """What the peer's next chain is known by, before anything of it has arrived."""

    header_key: HeaderKey
    tag: Tag

    @classmethod
    def of(cls, header_key: HeaderKey) -> NextReceive:
        """Derive the tag of a header key (DR-10)."""
        return cls(header_key=header_key, tag=chain.tag(header_key))


class Healing(NamedTuple):
    """The newest healings, and how many messages the finished chains had (DR-19, PQ-16)."""

    healed_ms: int
    post_quantum: Mark
    finished: int


SendingState: TypeAlias = Listening | Sending | StepDue
ReceivingState: TypeAlias = NoChain | Receiving


class RatchetState(NamedTuple):
    """One side of a session's ratchet (chapter 07, "State")."""

    session_id: SessionId
    root_key: RootKey
    sending: SendingState
    receiving: ReceivingState
    next_receive: NextReceive
    pq_epoch: int
    kem: KemState
    skipped: SkippedKeys
    healing: Healing

    def messages(self) -> int:
        """How many messages were sent and received, missing ones included (PQ-16)."""
        return self.healing.finished + self.since_step()

    def since_step(self) -> int:
        """How many of them belong to the chains that are open."""
        sent = self.sending.number if isinstance(self.sending, Sending) else 0
        return sent + (self.receiving.number if isinstance(self.receiving, Receiving) else 0)

    def tags(self) -> tuple[Tag, ...]:
        """Every tag under which this state can open something (DR-10); may hold one twice."""
        current = (self.receiving.tag,) if isinstance(self.receiving, Receiving) else ()
        return (*current, self.next_receive.tag, *(tag for tag, _ in self.skipped.chains()))

    def with_sending(self, sending: SendingState, kem: KemState) -> RatchetState:
        """Return the state after a message: another sending side, and perhaps a piece more that is sent."""
        session_id, root_key, _, receiving, next_receive, pq_epoch, _, skipped, healing = self
        fields = (session_id, root_key, sending, receiving, next_receive, pq_epoch, kem, skipped, healing)
        return build(RatchetState, fields)

    def with_receiving(self, receiving: ReceivingState, skipped: SkippedKeys) -> RatchetState:
        """Return the state with another receiving side and other skipped keys."""
        session_id, root_key, sending, _, next_receive, pq_epoch, kem, _, healing = self
        fields = (session_id, root_key, sending, receiving, next_receive, pq_epoch, kem, skipped, healing)
        return build(RatchetState, fields)
