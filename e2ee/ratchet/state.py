"""The states of a ratchet: sum types, so that "no chain yet" is no value that could match (DR-02)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from e2ee.ids import DhPublic, SessionId, Tag
from e2ee.secret import ChainKey, HeaderKey, RatchetPrivateKey, RootKey

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
    """The peer's newest chain. `number` is the next expected."""

    their_key: DhPublic
    header_key: HeaderKey
    tag: Tag
    chain_key: ChainKey
    number: int


SendingState: TypeAlias = Listening | Sending | StepDue
ReceivingState: TypeAlias = NoChain | Receiving


class RatchetState(NamedTuple):
    """One side of a session's ratchet (chapter 07, "State")."""

    session_id: SessionId
    root_key: RootKey
    sending: SendingState
    receiving: ReceivingState
    next_header_key: HeaderKey
    next_tag: Tag
    pq_epoch: int
    skipped: SkippedKeys
    healed_ms: int

    def tags(self) -> tuple[Tag, ...]:
        """Every tag under which this state can open something (DR-10); may hold one twice."""
        current = (self.receiving.tag,) if isinstance(self.receiving, Receiving) else ()
        return (*current, self.next_tag, *(tag for tag, _ in self.skipped.chains()))

    def with_sending(self, sending: SendingState, root_key: RootKey | None = None) -> RatchetState:
        """Return the state with another sending side, and with the root key of its step if it took one."""
        return build(
            RatchetState,
            (
                self.session_id,
                self.root_key if root_key is None else root_key,
                sending,
                self.receiving,
                self.next_header_key,
                self.next_tag,
                self.pq_epoch,
                self.skipped,
                self.healed_ms,
            ),
        )

    def with_receiving(self, receiving: ReceivingState, skipped: SkippedKeys) -> RatchetState:
        """Return the state with another receiving side and other skipped keys."""
        return build(
            RatchetState,
            (
                self.session_id,
                self.root_key,
                self.sending,
                receiving,
                self.next_header_key,
                self.next_tag,
                self.pq_epoch,
                skipped,
                self.healed_ms,
            ),
        )
