"""A session of one pair of devices: handshake, ratchet, padding and content in one (chapters 06 to 08).

    initiate --> AwaitingReply --(a message of the peer opens)--> Established
    respond  --> Established

Every function is pure: it returns a new `Session` and leaves the old one as it was, also when it raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from . import content as contents
from . import handshake
from .constants import FIRST_BODY_B, FRAGMENT_B, KEY_B, MAX_CONTENT_B, MAX_COUNTER, MAX_JUMP
from .content import Content
from .errors import (
    AuthenticationError,
    ContentError,
    ContentTooLarge,
    CounterExhausted,
    InvalidArgument,
    SessionExpired,
)
from .handshake import Pinned, ResponderKeys
from .identity import DeviceList, DeviceRecord, FlightIdentity, OurDevice
from .ids import AccountId, DeviceId, DhPublic, RecordHash, SessionId, Tag
from .ports import Encapsulate, Rng
from .prekeys import OneTimeState, VerifiedBundle
from .ratchet import step
from .ratchet.state import RatchetState, Sending, StepDue, build
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
class AwaitingReply:
    """We started the session and nothing has come back: every message repeats `prefix` (HS-04, SES-01)."""

    prefix: bytes = field(repr=False)
    not_after_ms: int
    sent: bool


@dataclass(frozen=True, slots=True)
class Established:
    """A message of the peer has opened."""


_ESTABLISHED: Final = Established()

Phase: TypeAlias = AwaitingReply | Established


class Session(NamedTuple):
    """One handshake's session with one peer device. `opened_ms` is 0 until something has opened."""

    our_record_hash: RecordHash
    peer: PeerDevice
    initiator: bool
    gen: int
    phase: Phase
    ratchet: RatchetState
    one_time: OneTimeState
    created_ms: int
    opened_ms: int

    @property
    def id(self) -> SessionId:
        """The 32 bytes that both sides derived."""
        return self.ratchet.session_id

    def tags(self) -> tuple[Tag, ...]:
        """Every tag under which this session can open something (DR-10)."""
        return self.ratchet.tags()

    def is_expired(self, now_ms: int) -> bool:
        """Whether it was never answered and can no longer send: past its prekeys' end, or at a number that
        no first
        message may have (HS-04, SES-09).
        """
        if not isinstance(self.phase, AwaitingReply):
            return False
        sending = self.ratchet.sending
        beyond = isinstance(sending, Sending) and sending.number > MAX_JUMP
        return beyond or now_ms > self.phase.not_after_ms


class Sealed(NamedTuple):
    """A new session state, to be stored before `envelope` leaves the device."""

    session: Session
    envelope: bytes


class Opened(NamedTuple):
    """A new session state and what arrived; both are to be stored before the relay's copy is acknowledged.

    `missing` counts numbers before this one that have not arrived, `dropped` skipped keys that went unused
    (DR-16), `healed` whether the peer's ratchet key was new.
    """

    session: Session
    content: Content
    missing: int
    dropped: int
    healed: bool


class Healing(NamedTuple):
    """Age of a healing, and how many messages were sent or received since."""

    age_ms: int
    messages: int


class Health(NamedTuple):
    """The newest healing against a classical thief, and against one with a quantum computer (PQ-16)."""

    classical: Healing
    post_quantum: Healing


class Accepted(NamedTuple):
    """A responder's new session; to be stored together with all that HS-08 lists."""

    opened: Opened
    identity: FlightIdentity


def initiate(
    ours: OurDevice,
    our_list: DeviceList,
    bundle: VerifiedBundle,
    gen: int,
    now_ms: int,
    rng: Rng,
    encapsulate: Encapsulate,
) -> Session:
    """Start a session from a verified bundle; nothing leaves until `seal` (HS-01 to HS-03, SES-03).

    `gen` is below 2^31: one more than the highest known for the pair, or 0 after a loss of state.

    Raises:
        CounterExhausted: `gen` is 2^31 (SES-13).
        InvalidArgument, InvalidKey: as `handshake.initiate`.
    """
    if gen >= MAX_COUNTER:
        raise CounterExhausted("no session can follow the last one")
    if now_ms > our_list.expires_ms or now_ms > ours.record.expires_ms:
        raise InvalidArgument("our own device list or record is past its end")
    initiation = handshake.initiate(ours, our_list, bundle, rng, encapsulate)
    used = (bundle.spk, bundle.pqk) if bundle.opk is None else (bundle.spk, bundle.pqk, bundle.opk)
    not_after_ms = min(prekey.not_after_ms for prekey in used)
    return Session(
        ours.record.hash,
        PeerDevice.of(bundle.record),
        True,
        gen,
        AwaitingReply(initiation.prefix, not_after_ms, False),
        step.start_initiator(initiation.keys, DhPublic(bundle.spk.key), now_ms),
        bundle.one_time,
        now_ms,
        0,
    )


def respond(raw: RawEnvelope, ours: ResponderKeys, pinned: Pinned, now_ms: int) -> Accepted:
    """Accept a first flight: handshake, first message and content, or nothing (HS-06 to HS-11).

    Raises:
        RemoteError: whatever failed; no key is consumed by it.
    """
    prefix = envelopes.decode_prefix(raw.prefix)
    response = handshake.respond(prefix, ours, pinned, now_ms)
    spk = RatchetPrivateKey(handshake.dh_private(ours.spk))
    ratchet = step.start_responder(response.keys, spk, now_ms)
    opened = step.open_(ratchet, raw, now_ms)
    content = _content_of(raw, opened.body)
    session = Session(
        ours.record.hash,
        PeerDevice.of(response.identity.record),
        False,
        _gen_under_prefix(content),
        Established(),
        opened.state,
        OneTimeState(ours.opk is not None, ours.pqk.prekey.kind.is_one_time),
        now_ms,
        now_ms,
    )
    return Accepted(Opened(session, content, opened.missing, opened.dropped, True), response.identity)


def seal(session: Session, content: Content, now_ms: int, rng: Rng, encapsulate: Encapsulate) -> Sealed:
    """Seal a content; under a prefix `gen` is filled in (WIRE-10 to WIRE-14, HS-04, HS-05, PQ-04).

    Raises:
        SessionExpired: never answered, and the peer's SPK is past its end (SES-09).
        ContentTooLarge: over 64 KiB, or over the room of a first flight.
        CounterExhausted: the chain is full (DR-09).
        InvalidArgument: `gen` is set by the caller, or a content under a prefix has no way back.
    """
    if content.gen is not None:
        raise InvalidArgument("gen belongs to the session")
    phase = session.phase
    if isinstance(phase, Established):
        encoded = contents.encode(content)
        ratchet, kem, block = step.load(session.ratchet, now_ms, rng, encapsulate)
        body = padding.pad(block + encoded, padding.body_class(FRAGMENT_B + len(encoded) + 1))
        ratchet, envelope = step.seal(ratchet, envelopes.LEAD, body, rng, kem)
        return Sealed(_with_ratchet(session, ratchet, phase), envelope)
    if session.is_expired(now_ms):
        raise SessionExpired("the session was never answered and can no longer start at the peer")
    if content.way_back is None:
        raise InvalidArgument("a content under a prefix has a way back")
    encoded = contents.encode(content._replace(gen=session.gen))
    if not phase.sent and len(encoded) >= FIRST_BODY_B:
        raise ContentTooLarge("the content does not fit into a first flight")
    body = padding.pad(encoded, padding.first_body_class(len(encoded) + 1))
    ratchet, envelope = step.seal(
        session.ratchet, envelopes.FIRST_LEAD + phase.prefix, body, rng, session.ratchet.kem
    )
    return Sealed(_with_ratchet(session, ratchet, replace(phase, sent=True)), envelope)


def open_(session: Session, raw: RawEnvelope, now_ms: int) -> Opened:
    """Open a message of this session, also one that still carries the prefix (DR-10 to DR-19, SES-06,
    PQ-07).

    Raises:
        RemoteError: whatever failed; the session is as it was.
    """
    if raw.prefix and session.initiator:
        raise AuthenticationError
    opened = step.open_(session.ratchet, raw, now_ms)
    content = _content_of(raw, opened.body)
    ratchet = opened.state
    if raw.prefix:
        if _gen_under_prefix(content) != session.gen:
            raise ContentError("another gen than the session was made with")
    else:
        if content.gen is not None:
            raise ContentError("gen belongs under a prefix")
        ratchet = step.unload(ratchet, opened.body, opened.new_chain)
    advanced = build(
        Session,
        (
            session.our_record_hash,
            session.peer,
            session.initiator,
            session.gen,
            _ESTABLISHED,
            ratchet,
            session.one_time,
            session.created_ms,
            now_ms,
        ),
    )
    return build(Opened, (advanced, content, opened.missing, opened.dropped, opened.new_chain))


def expire_skipped(session: Session, now_ms: int) -> tuple[Session, int]:
    """Drop skipped keys past their age; return the session and how many went (DR-16, SES-05)."""
    ratchet, dropped = step.expire_skipped(session.ratchet, now_ms)
    return (session._replace(ratchet=ratchet) if dropped else session), dropped


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


def first_room_b() -> int:
    """Return how many bytes of encoded content fit into a first flight (WIRE-12)."""
    return FIRST_BODY_B - 1


def replay_key(raw: RawEnvelope) -> bytes:
    """Return what the replay cache holds of a first flight: SPK id and EK, 36 bytes (HS-09)."""
    prefix = envelopes.decode_prefix(raw.prefix)
    return prefix.spk_id.to_bytes(KEY_B // 8, "big") + prefix.ephemeral


def _content_of(raw: RawEnvelope, body: bytes) -> Content:
    """Check the padding behind a fragment block, and decode (WIRE-10 to WIRE-14)."""
    if raw.prefix:
        encoded = padding.unpad(body)
        class_b = padding.first_body_class(len(encoded) + 1)
    else:
        encoded = padding.unpad(body, FRAGMENT_B)
        class_b = padding.body_class(FRAGMENT_B + len(encoded) + 1)
    if class_b != len(body) or len(encoded) > MAX_CONTENT_B:
        raise AuthenticationError
    return contents.decode(encoded)


def _gen_under_prefix(content: Content) -> int:
    """Return the `gen` that a content under a prefix states, beside a way back (HS-05, SES-06)."""
    if content.gen is None or content.way_back is None:
        raise ContentError("a content under a prefix has gen and a way back")
    return content.gen


def _with_ratchet(session: Session, ratchet: RatchetState, phase: Phase) -> Session:
    return build(
        Session,
        (
            session.our_record_hash,
            session.peer,
            session.initiator,
            session.gen,
            phase,
            ratchet,
            session.one_time,
            session.created_ms,
            session.opened_ms,
        ),
    )
