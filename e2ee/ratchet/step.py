"""Sealing and opening: pure functions from a state to a new one (DR-18).

    send     Listening --x    Sending --> Sending    StepDue --> Sending
    receive  number known or ahead in the current chain: sending stays as it is
             new chain:  Listening --> StepDue    Sending --> StepDue    StepDue --x

A receiver looks up header keys by tag, opens the header, and only then derives anything (DR-10, DR-11). It
builds the new state beside the old one; whatever raises leaves the caller with the old object.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from e2ee.constants import KEY_B, MAX_COUNTER, MAX_JUMP, SALT_B
from e2ee.errors import (
    AuthenticationError,
    CounterExhausted,
    InvalidArgument,
    InvalidKey,
    ReplayError,
    SkipLimitExceeded,
)
from e2ee.handshake import HandshakeKeys
from e2ee.ids import DhPublic
from e2ee.ports import Encapsulate, Rng
from e2ee.primitives import dh
from e2ee.secret import ChainKey, EpochSecret, HeaderKey, MessageKey, RatchetPrivateKey
from e2ee.wire.envelope import Header, RawEnvelope, decode_header, encode_header

from . import chain, kem_ratchet, message
from .kem_ratchet import KemState, Mark
from .skipped import EMPTY, SkippedKeys
from .state import (
    Healing,
    Listening,
    NextReceive,
    NoChain,
    RatchetState,
    Receiving,
    ReceivingState,
    Sending,
    SendingState,
    StepDue,
)

_LEAD_B: Final = 2


class Opened(NamedTuple):
    """Outcome of opening: the new state, the padded body, and what became visible on the way.

    `new_chain` says whether the message began a chain. `answered` is the ratchet key of ours that a new chain
    answers: None where none began, and for a responder's first chain, which answers its signed prekey.
    `missing` is how many keys were skipped, in the old chain and in the new one (DR-13), `dropped` how many
    skipped keys went unused (DR-16).
    """

    state: RatchetState
    body: bytes
    missing: int
    dropped: int
    new_chain: bool = False
    answered: DhPublic | None = None


def start_initiator(keys: HandshakeKeys, their_spk: DhPublic, now_ms: int) -> RatchetState:
    """Return the initiator's first state (DR-01)."""
    due = StepDue(their_key=their_spk, next_header_key=keys.initiator_header_key, previous_length=0)
    return _start(keys, due, keys.responder_header_key, kem_ratchet.KEY_DUE, now_ms)


def start_responder(keys: HandshakeKeys, our_spk: RatchetPrivateKey, now_ms: int) -> RatchetState:
    """Return the responder's first state, which can only receive (DR-01, DR-02)."""
    listening = Listening(private_key=our_spk, next_header_key=keys.responder_header_key)
    return _start(keys, listening, keys.initiator_header_key, kem_ratchet.NOTHING_COLLECTED, now_ms)


def _start(
    keys: HandshakeKeys, sending: SendingState, next_receive: HeaderKey, kem: KemState, now_ms: int
) -> RatchetState:
    return RatchetState(
        session_id=keys.session_id,
        root_key=keys.root_key,
        sending=sending,
        receiving=NoChain(),
        next_receive=NextReceive.of(next_receive),
        pq_epoch=0,
        kem=kem,
        skipped=EMPTY,
        healing=Healing(healed_ms=now_ms, post_quantum=Mark(now_ms, 0), finished=0),
    )


def seal(
    state: RatchetState, lead: bytes, body: bytes, rng: Rng, kem: KemState
) -> tuple[RatchetState, bytes]:
    """Seal a padded body after `lead`, version, kind and perhaps a prefix; return (state, envelope) (DR-04
    to DR-09). `kem` is the KEM ratchet's state after this message: as `load` returned it, or unchanged.

    Raises:
        InvalidArgument: a responder that has received nothing (DR-02), or a state whose next step mixes an
            epoch secret, which goes through `load` first (PQ-06).
        CounterExhausted: the chain is full (DR-09).
    """
    if isinstance(state.sending, StepDue) and isinstance(state.kem, kem_ratchet.SecretHeld):
        raise InvalidArgument("a held epoch secret is mixed by the step that loads a message")
    state, sending = _turned(state, rng)
    if sending.number >= MAX_COUNTER or sending.previous_length >= MAX_COUNTER:
        raise CounterExhausted("the sending chain is full")
    header = encode_header(sending.public_key, sending.previous_length, sending.number, state.pq_epoch)
    next_chain_key, envelope = message.seal(
        sending.chain_key.expose(),
        sending.header_key.expose(),
        sending.tag,
        state.session_id,
        header,
        rng(SALT_B),
        lead,
        body,
    )
    return state.with_sending(sending.advanced(ChainKey(next_chain_key)), kem), envelope


def load(
    state: RatchetState, now_ms: int, rng: Rng, encapsulate: Encapsulate
) -> tuple[RatchetState, KemState, bytes]:
    """Take the sending step if it is due; return the state, the next message's fragment block, and with it
    the KEM ratchet's state that `seal` is to keep (PQ-04, PQ-05).

    Raises:
        InvalidArgument: a responder that has received nothing (DR-02).
    """
    state, _ = _turned(state, rng)
    kem = state.kem
    if isinstance(kem, kem_ratchet.DUE):
        now = Mark(now_ms, state.messages())
        kem = kem_ratchet.make(kem, state.session_id, state.pq_epoch, now, rng, encapsulate)
    following, block = kem_ratchet.next_block(kem)
    return state, following, block


def unload(state: RatchetState, body: bytes, new_chain: bool) -> RatchetState:
    """Take the fragment block of a body that has opened, perhaps the first of a new chain (PQ-07).

    Raises:
        AuthenticationError, PqDesync: as `kem_ratchet.receive`.
    """
    kem = kem_ratchet.receive(state.kem, state.session_id, state.pq_epoch, body, new_chain=new_chain)
    return state if kem is state.kem else state.with_sending(state.sending, kem)


def open_(state: RatchetState, raw: RawEnvelope, now_ms: int, max_skip: int = MAX_JUMP) -> Opened:
    """Open an envelope of this session (DR-10 to DR-19), which may skip up to `max_skip` keys, at most 1000.

    Raises:
        AuthenticationError: it does not open, for whatever reason (DR-11).
        ReplayError: its number was opened before (DR-12).
        SkipLimitExceeded: it would skip more keys (DR-13).
        PqDesync: it mixes an epoch whose secret we do not have (PQ-12).
    """
    # A tag is public, so it is compared as it is.
    tag, receiving = raw.tag, state.receiving
    associated = raw.ahead[:_LEAD_B] + tag + raw.salt + state.session_id
    if isinstance(receiving, Receiving) and receiving.tag == tag:
        header = _open_header(receiving.header_key, raw, associated)
        if header is not None:
            return _open_current(state, raw, header, receiving, now_ms, max_skip)
    if state.next_receive.tag == tag:
        header = _open_header(state.next_receive.header_key, raw, associated)
        if header is not None:
            return _open_new_chain(state, raw, header, now_ms, max_skip)
    unexpired, _ = state.skipped.trimmed(now_ms)
    for older_tag, header_key in unexpired.chains():
        if older_tag == tag:
            header = _open_header(header_key, raw, associated)
            if header is not None:
                return _open_skipped(state, raw, header_key, header.number, now_ms)
    raise AuthenticationError


def _turned(state: RatchetState, rng: Rng) -> tuple[RatchetState, Sending]:
    """Take the sending step if it is due (DR-03, DR-06, PQ-06)."""
    sending = state.sending
    if isinstance(sending, Sending):
        return state, sending
    if isinstance(sending, Listening):
        raise InvalidArgument("a responder cannot send before it has received")
    private = RatchetPrivateKey(rng(KEY_B))
    shared = dh.exchange(private.expose(), sending.their_key)
    mixing = kem_ratchet.after_own_step(state.kem)
    secret = None
    if mixing is not None:
        kem, secret, made = mixing
        healing = state.healing._replace(post_quantum=made)
        state = state._replace(pq_epoch=state.pq_epoch + 1, kem=kem, healing=healing)
    outputs = chain.root(state.root_key, shared, secret, state.pq_epoch)
    fresh = Sending(
        private_key=private,
        public_key=dh.derive_public(private.expose()),
        header_key=sending.next_header_key,
        tag=chain.tag(sending.next_header_key),
        chain_key=outputs.chain_key,
        number=0,
        previous_length=sending.previous_length,
        next_header_key=outputs.next_header_key,
    )
    return state._replace(root_key=outputs.root_key, sending=fresh), fresh


def _open_header(header_key: HeaderKey, raw: RawEnvelope, associated: bytes) -> Header | None:
    try:
        plain = message.open_header(header_key.expose(), raw.salt, raw.sealed_header, associated)
    except AuthenticationError:
        return None
    return decode_header(plain)


def _open_current(
    state: RatchetState, raw: RawEnvelope, header: Header, receiving: Receiving, now_ms: int, max_skip: int
) -> Opened:
    """Open in the newest chain: ahead of what was seen, or a skipped number (DR-12, DR-13, DR-15)."""
    if header.ratchet_key != receiving.their_key or header.pq_epoch != receiving.pq_epoch:
        raise AuthenticationError
    number = header.number
    missing = number - receiving.number
    if missing < 0:
        return _open_skipped(state, raw, receiving.header_key, number, now_ms)
    _check_skip(missing, max_skip)
    return _open_ahead(state, receiving, raw, number, missing, now_ms)


def _open_skipped(
    state: RatchetState, raw: RawEnvelope, header_key: HeaderKey, number: int, now_ms: int
) -> Opened:
    kept, dropped = state.skipped.trimmed(now_ms)
    message_key = kept.get(header_key, number)
    if message_key is None:
        raise ReplayError("the message was opened before, or its key is gone")
    body = message.open_skipped(message_key.expose(), raw.salt, raw.sealed_body, raw.ahead + state.session_id)
    return Opened(state._replace(skipped=kept.without(header_key, number)), body, 0, dropped)


def _open_ahead(
    state: RatchetState, receiving: Receiving, raw: RawEnvelope, number: int, missing: int, now_ms: int
) -> Opened:
    """Open at the next number of the state's chain or beyond; `missing` is said to the caller (DR-13)."""
    chain_key, skipped = _pass_over(receiving, number - receiving.number, state.skipped, now_ms)
    next_chain_key, body = message.open_next(
        chain_key.expose(), raw.salt, raw.sealed_body, raw.ahead + state.session_id
    )
    skipped, dropped = skipped.trimmed(now_ms)
    advanced = receiving.advanced(ChainKey(next_chain_key), number + 1)
    return Opened(state.with_receiving(advanced, skipped), body, missing, dropped)


def _open_new_chain(
    state: RatchetState, raw: RawEnvelope, header: Header, now_ms: int, max_skip: int
) -> Opened:
    """Finish the old chain, take the receiving step, and open in the new chain (DR-14)."""
    sending = state.sending
    if isinstance(sending, StepDue):
        raise AuthenticationError
    kem, secret, healed = _their_epoch(state, header.pq_epoch)
    left_behind = _left_behind(state.receiving, header)
    missing = left_behind + header.number
    _check_skip(missing, max_skip)
    shared = _exchange(sending, header.ratchet_key)
    outputs = chain.root(state.root_key, shared, secret, header.pq_epoch)
    sent, answered = (sending.number, sending.public_key) if isinstance(sending, Sending) else (0, None)
    begun = Receiving(
        their_key=header.ratchet_key,
        header_key=state.next_receive.header_key,
        tag=state.next_receive.tag,
        chain_key=outputs.chain_key,
        number=0,
        pq_epoch=header.pq_epoch,
    )
    finished = state.healing.finished + sent + header.previous_length
    skipped = state.skipped
    if isinstance(state.receiving, Receiving):
        _, skipped = _pass_over(state.receiving, left_behind, skipped, now_ms)
    turned = RatchetState(
        session_id=state.session_id,
        root_key=outputs.root_key,
        sending=StepDue(
            their_key=header.ratchet_key, next_header_key=sending.next_header_key, previous_length=sent
        ),
        receiving=begun,
        next_receive=NextReceive.of(outputs.next_header_key),
        pq_epoch=header.pq_epoch,
        kem=kem,
        skipped=skipped,
        healing=Healing(healed_ms=now_ms, post_quantum=healed, finished=finished),
    )
    opened = _open_ahead(turned, begun, raw, header.number, missing, now_ms)
    return opened._replace(new_chain=True, answered=answered)


def _their_epoch(state: RatchetState, pq_epoch: int) -> tuple[KemState, EpochSecret | None, Mark]:
    """Return KEM state, KEM secret and healing of a new chain with this epoch (PQ-12)."""
    if pq_epoch == state.pq_epoch:
        return state.kem, None, state.healing.post_quantum
    if pq_epoch != state.pq_epoch + 1:
        raise AuthenticationError
    return kem_ratchet.after_their_step(state.kem)


def _left_behind(receiving: ReceivingState, header: Header) -> int:
    """Return how many keys the chain before a new one still owes (DR-14)."""
    if isinstance(receiving, NoChain):
        if header.previous_length:
            raise AuthenticationError
        return 0
    if header.previous_length < receiving.number or header.ratchet_key == receiving.their_key:
        raise AuthenticationError
    return header.previous_length - receiving.number


def _check_skip(count: int, max_skip: int) -> None:
    if count and count > min(max_skip, MAX_JUMP):
        raise SkipLimitExceeded("the message would skip more keys than allowed")


def _exchange(sending: Listening | Sending, their_key: DhPublic) -> bytes:
    try:
        return dh.exchange(sending.private_key.expose(), their_key)
    except InvalidKey:
        raise AuthenticationError from None


def _pass_over(old: Receiving, count: int, skipped: SkippedKeys, now_ms: int) -> tuple[ChainKey, SkippedKeys]:
    """Return the chain key `count` numbers further on, and the skipped keys with those of the numbers."""
    if not count:
        return old.chain_key, skipped
    keys: list[MessageKey] = []
    key = old.chain_key.expose()
    for _ in range(count):
        key, message_key = chain.step(key)
        keys.append(MessageKey(message_key))
    return ChainKey(key), skipped.with_keys(old.tag, old.header_key, old.number, keys, now_ms)
