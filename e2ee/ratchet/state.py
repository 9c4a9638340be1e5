"""The states of a ratchet: sum types, so that "no chain yet" is no value that could match (DR-02)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from e2ee.ids import DhPublic, SessionId, Tag
from e2ee.secret import ChainKey, HeaderKey, RatchetPrivateKey, RootKey

from .kem_ratchet import KemState, Mark
from .skipped import SkippedKeys

build: Final = tuple.__new__
"""Makes a named tuple from all of its fields for half the price of its constructor: for what is made on each
message.
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


@dataclass(frozen=True, slots=True)
class StepDue:
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


SendingState: TypeAlias = Listening | Sending | StepDue
ReceivingState: TypeAlias = NoChain | Receiving


class RatchetState(NamedTuple):
    """One side of a session's ratchet (chapter 07, "State"). `finished` counts the messages of chains that
    are over (PQ-16).
    """

    session_id: SessionId
    root_key: RootKey
    sending: SendingState
    receiving: ReceivingState
    next_header_key: HeaderKey
    next_tag: Tag
    pq_epoch: int
    skipped: SkippedKeys
    healed_ms: int
    kem: KemState
    finished: int
    pq_healing: Mark

    def messages(self) -> int:
        """How many messages were sent and received, missing ones included (PQ-16)."""
        return self.finished + self.since_step()

    def since_step(self) -> int:
        """How many of them belong to the chains that are open."""
        sent = self.sending.number if isinstance(self.sending, Sending) else 0
        return sent + (self.receiving.number if isinstance(self.receiving, Receiving) else 0)

    def tags(self) -> tuple[Tag, ...]:
        """Every tag under which this state can open something (DR-10); may hold one twice."""
        current = (self.receiving.tag,) if isinstance(self.receiving, Receiving) else ()
        return (*current, self.next_tag, *(tag for tag, _ in self.skipped.chains()))

    def with_sending(self, sending: SendingState, kem: KemState) -> RatchetState:
        """Return the state after a message: another sending side, and perhaps a piece more that is sent."""
        return build(
            RatchetState,
            (
                self.session_id,
                self.root_key,
                sending,
                self.receiving,
                self.next_header_key,
                self.next_tag,
                self.pq_epoch,
                self.skipped,
                self.healed_ms,
                kem,
                self.finished,
                self.pq_healing,
            ),
        )

    def with_receiving(self, receiving: ReceivingState, skipped: SkippedKeys) -> RatchetState:
        """Return the state with another receiving side and other skipped keys."""
        session_id, root_key, sending, _, key, tag, epoch, _, healed_ms, kem, finished, healing = self
        return build(
            RatchetState,
            (
                session_id,
                root_key,
                sending,
                receiving,
                key,
                tag,
                epoch,
                skipped,
                healed_ms,
                kem,
                finished,
                healing,
            ),
        )

    def with_kem(self, kem: KemState) -> RatchetState:
        """Return the state with another state of the KEM ratchet."""
        return build(
            RatchetState,
            (
                self.session_id,
                self.root_key,
                self.sending,
                self.receiving,
                self.next_header_key,
                self.next_tag,
                self.pq_epoch,
                self.skipped,
                self.healed_ms,
                kem,
                self.finished,
                self.pq_healing,
            ),
        )
