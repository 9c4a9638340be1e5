"""A session of one pair of devices: handshake, ratchet, padding and content in one (chapters 06 to 08).

    initiate --> Started --(a message of the peer opens)-----------------> Proven
    respond  --> Heard ----(a chain that answers our ratchet key opens)--> Proven

Every function is pure: it returns a new `Session` and leaves the old one as it was, also when it raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from . import content as contents
from . import handshake
from .constants import FRAGMENT_B, KEY_B, MAX_CONTENT_B, MAX_JUMP, PREKEY_LIFE_MS
from .content import Content
from .errors import (
    AuthenticationError,
    ContentError,
    InvalidArgument,
    SessionExpired,
)
from .handshake import Pinned, ResponderKeys
from .identity import DeviceList, DeviceRecord, OurDevice
from .ids import AccountId, DeviceId, DhPublic, RecordHash, SessionId, Tag
from .ports import Encapsulate, Rng
from .prekeys import OneTimeState, VerifiedBundle
from .ratchet import step
from .ratchet.state import RatchetState, Sending, StepDue
from .secret import RatchetPrivateKey
from .wire import envelope as envelopes
from .wire import padding
from .wire.envelope import RawEnvelope


class PeerDevice(NamedTuple):
    """The other end of a session."""

    account_id: AccountId
    device_id: DeviceId
    record_hash: RecordHash

    @classmethod
    def of(cls, record: DeviceRecord) -> PeerDevice:
        """Name the device of a record."""
        return cls(record.account_id, record.device_id, record.hash)


@dataclass(frozen=True, slots=True)
class Started:
    """We started the session and nothing has come back: every message repeats `prefix` (HS-04, SES-36)."""

    prefix: bytes = field(repr=False)
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """The peer started the session; what came may be a copy of what it sent long ago (SES-36)."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A chain has opened that answers a ratchet key which we made in this session (SES-36)."""


Phase: TypeAlias = Started | Heard | Proven


class Origin(NamedTuple):
    """What stays the same for the whole life of a session."""

    our_record_hash: RecordHash
    peer: PeerDevice
    initiator: bool
    epoch: int
    one_time: OneTimeState
    created_ms: int


class Session(NamedTuple):
    """One handshake's session with one peer device. `opened_ms` is 0 until something has opened."""

    origin: Origin
    phase: Phase
    ratchet: RatchetState
    opened_ms: int

    @property
    def id(self) -> SessionId:
        """The 32 bytes that both sides derived."""
        return self.ratchet.session_id

    def tags(self) -> tuple[Tag, ...]:
        """Every tag under which this session can open something (DR-10)."""
        return self.ratchet.tags()

    def is_expired(self, now_ms: int) -> bool:
        """Whether it was never answered and can no longer send: past its prekeys' end, or at a number that no
        first message may have (HS-04, SES-09).
        """
        if not isinstance(self.phase, Started):
            return False
        sending = self.ratchet.sending
        beyond = isinstance(sending, Sending) and sending.number > MAX_JUMP
        return beyond or now_ms > self.phase.not_after_ms

    @property
    def ends_ms(self) -> int:
        """Until when a session that we started may send while nobody answers; 0 for all others (HS-04)."""
        return self.phase.not_after_ms if isinstance(self.phase, Started) else 0

    @property
    def ratchet_key(self) -> DhPublic | None:
        """Our ratchet key that the peer has not answered yet; None while the next message makes a new one."""
        sending = self.ratchet.sending
        return sending.public_key if isinstance(sending, Sending) else None


class Sealed(NamedTuple):
    """A new session state, to be stored before `envelope` leaves the device."""

    session: Session
    envelope: bytes


class Opened(NamedTuple):
    """A new session state and what arrived; both are to be stored before the relay's copy is acknowledged.

    `skipped` counts message keys that were passed over, `dropped` skipped keys that went unused (DR-16),
    `answered` is our ratchet key that a new chain answers, None without one and for the key of an SPK
    (SES-36).
    """

    session: Session
    content: Content
    skipped: int
    dropped: int
    answered: DhPublic | None


class Healing(NamedTuple):
    """Age of a healing, and how many messages were sent or received since."""

    age_ms: int
    messages: int


class Health(NamedTuple):
    """The newest healing against a classical thief, and against one with a quantum computer (PQ-16)."""

    classical: Healing
    post_quantum: Healing


class Accepted(NamedTuple):
    """A responder's new session, its initiator and the list in force; stored with all that HS-08 lists."""

    opened: Opened
    record: DeviceRecord
    device_list: DeviceList


def initiate(
    ours: OurDevice,
    our_list: DeviceList,
    bundle: VerifiedBundle,
    epoch: int,
    now_ms: int,
    rng: Rng,
    encapsulate: Encapsulate,
    *,
    grace_ms: int = 0,
) -> Session:
    """Start a session from a verified bundle; nothing leaves until `seal` (HS-01 to HS-03).

    `epoch` is that of `pair.next_epoch`. `grace_ms` is by how much a pair that has met may send past the
    end of the prekeys (SES-34).

    Raises:
        InvalidArgument, InvalidKey: as `handshake.initiate`.
    """
    if now_ms > our_list.expires_ms or now_ms > ours.record.expires_ms:
        raise InvalidArgument("our own device list or record is past its end")
    keys, prefix = handshake.initiate(ours, our_list, bundle, rng, encapsulate)
    not_after_ms = min(now_ms + PREKEY_LIFE_MS, *(one.not_after_ms + grace_ms for one in bundle.prekeys))
    return Session(
        origin=Origin(
            our_record_hash=ours.record.hash,
            peer=PeerDevice.of(bundle.record),
            initiator=True,
            epoch=epoch,
            one_time=bundle.one_time,
            created_ms=now_ms,
        ),
        phase=Started(prefix, not_after_ms),
        ratchet=step.start_initiator(keys, DhPublic(bundle.spk.key), now_ms),
        opened_ms=0,
    )


def respond(
    raw: RawEnvelope, ours: ResponderKeys, pinned: Pinned, now_ms: int, max_skip: int = MAX_JUMP
) -> Accepted:
    """Accept a first flight: handshake, first message and content, or nothing (HS-06 to HS-11).

    Raises:
        RemoteError: whatever failed; no key is consumed by it.
    """
    prefix = envelopes.decode_prefix(raw.prefix)
    response = handshake.respond(prefix, ours, pinned, now_ms)
    spk = RatchetPrivateKey(handshake.dh_private(ours.spk))
    ratchet = step.start_responder(response.keys, spk, now_ms)
    opened = step.open_(ratchet, raw, now_ms, max_skip)
    content = _content_of(raw, opened.body)
    session = Session(
        origin=Origin(
            our_record_hash=ours.record.hash,
            peer=PeerDevice.of(response.record),
            initiator=False,
            epoch=_epoch_under_prefix(content),
            one_time=OneTimeState(ours.opk is not None, ours.pqk.prekey.kind.is_one_time),
            created_ms=now_ms,
        ),
        phase=Heard(),
        ratchet=opened.state,
        opened_ms=now_ms,
    )
    outcome = Opened(session, content, opened.missing, opened.dropped, None)
    return Accepted(outcome, response.record, response.device_list)


def seal(session: Session, content: Content, now_ms: int, rng: Rng, encapsulate: Encapsulate) -> Sealed:
    """Seal a content; under a prefix `epoch` is filled in (WIRE-10 to WIRE-14, HS-04, HS-05, PQ-04).

    Raises:
        SessionExpired: never answered, and too late to begin at the peer (SES-09).
        ContentTooLarge: over 64 KiB.
        CounterExhausted: the chain is full (DR-09).
        InvalidArgument: `epoch` is set by the caller, or a content under a prefix has no way back.
    """
    if content.epoch is not None:
        raise InvalidArgument("the epoch belongs to the session")
    phase, ratchet = session.phase, session.ratchet
    is_first = isinstance(phase, Started)
    if isinstance(phase, Started):
        if session.is_expired(now_ms):
            raise SessionExpired("the session was never answered and can no longer start at the peer")
        if content.way_back is None:
            raise InvalidArgument("a content under a prefix has a way back")
        plain = contents.encode(content._replace(epoch=session.origin.epoch))
        lead, kem = envelopes.FIRST_LEAD + phase.prefix, ratchet.kem
    else:
        encoded = contents.encode(content)
        ratchet, kem, block = step.load(ratchet, now_ms, rng, encapsulate)
        lead, plain = envelopes.LEAD, block + encoded
    body = padding.pad(plain, padding.body_class(len(plain) + 1, first=is_first))
    ratchet, envelope = step.seal(ratchet, lead, body, rng, kem)
    return Sealed(_after(session, ratchet), envelope)


def open_(session: Session, raw: RawEnvelope, now_ms: int, max_skip: int = MAX_JUMP) -> Opened:
    """Open a message of this session, with a prefix or without (DR-10 to DR-19, SES-21, PQ-07).

    Raises:
        RemoteError: whatever failed; the session is as it was.
    """
    if raw.prefix and session.origin.initiator:
        raise AuthenticationError
    ratchet, body, skipped, dropped, new_chain, answered = step.open_(session.ratchet, raw, now_ms, max_skip)
    content = _content_of(raw, body)
    if raw.prefix:
        if _epoch_under_prefix(content) != session.origin.epoch:
            raise ContentError("another epoch than the session was made with")
    else:
        if content.epoch is not None:
            raise ContentError("an epoch belongs under a prefix")
        ratchet = step.unload(ratchet, body, new_chain)
    phase = session.phase if answered is None else Proven()
    advanced = Session(origin=session.origin, phase=phase, ratchet=ratchet, opened_ms=now_ms)
    return Opened(advanced, content, skipped, dropped, answered)


def expire_skipped(session: Session, now_ms: int) -> tuple[Session, int]:
    """Drop skipped keys past their age; return the session and how many went (DR-16, SES-33)."""
    kept, dropped = session.ratchet.skipped.trimmed(now_ms)
    return (_after(session, session.ratchet._replace(skipped=kept)) if dropped else session), dropped


def health(session: Session, now_ms: int) -> Health:
    """Return how long ago the session healed, classically and against a quantum computer (PQ-16)."""
    ratchet = session.ratchet
    healed = ratchet.healing.post_quantum
    return Health(
        Healing(max(now_ms - ratchet.healing.healed_ms, 0), ratchet.since_step()),
        Healing(max(now_ms - healed.at_ms, 0), max(ratchet.messages() - healed.messages, 0)),
    )


def is_our_turn(session: Session) -> bool:
    """Whether the next message takes a root step: the peer has written last (DR-03)."""
    return isinstance(session.ratchet.sending, StepDue)


def replay_key(raw: RawEnvelope) -> bytes:
    """Return what the replay cache holds of a first flight: SPK id and EK, 36 bytes (HS-09)."""
    prefix = envelopes.decode_prefix(raw.prefix)
    return prefix.spk_id.to_bytes(KEY_B // 8, "big") + prefix.ephemeral


def _after(session: Session, ratchet: RatchetState) -> Session:
    """Return the session with another state of its ratchet."""
    return Session(origin=session.origin, phase=session.phase, ratchet=ratchet, opened_ms=session.opened_ms)


def _content_of(raw: RawEnvelope, body: bytes) -> Content:
    """Check the padding behind a fragment block, and decode (WIRE-10 to WIRE-14)."""
    start = 0 if raw.prefix else FRAGMENT_B
    encoded = padding.unpad(body, start)
    class_b = padding.body_class(start + len(encoded) + 1, first=bool(raw.prefix))
    if class_b != len(body) or len(encoded) > MAX_CONTENT_B:
        raise AuthenticationError
    return contents.decode(encoded)


def _epoch_under_prefix(content: Content) -> int:
    """Return the epoch that a content under a prefix states, beside a way back (HS-05, SES-21)."""
    if content.epoch is None or content.way_back is None:
        raise ContentError("a content under a prefix has an epoch and a way back")
    return content.epoch
