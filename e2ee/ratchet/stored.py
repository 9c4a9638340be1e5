"""Stored form of a ratchet: the end of a stored session; skipped keys are rows apart (SES-14, SES-15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee.constants import KEM_KEY_B, KEM_SEED_B, KEY_B, MAX_COUNTER
from e2ee.errors import DecodeError
from e2ee.ids import DhPublic, SessionId, Tag
from e2ee.primitives import dh, kem
from e2ee.secret import ChainKey, EpochSecret, HeaderKey, RatchetPrivateKey, RootKey
from e2ee.wire import cbor, fragment
from e2ee.wire.fields import MAX_MS, array, bstr, uint

from . import chain, kem_ratchet
from .kem_ratchet import (
    Answering,
    CiphertextDue,
    Collecting,
    KemState,
    KeyDue,
    Mark,
    Offering,
    Pieces,
    SecretHeld,
)
from .skipped import SkippedKeys
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

RATCHET_ITEMS: Final = 9
"""How many items of a stored session are the ratchet's."""

_LISTENING, _SENDING, _STEP_DUE = range(3)
_KEY_DUE, _OFFERING, _SECRET_HELD, _COLLECTING, _CIPHERTEXT_DUE, _ANSWERING = range(6)


def encode_ratchet(state: RatchetState) -> list[cbor.Value]:
    """Return the items of a state without its session id and its skipped keys (SES-14)."""
    healing = state.healing
    return [
        state.root_key.expose(),
        _encode_sending(state.sending),
        _encode_receiving(state.receiving),
        state.next_receive.header_key.expose(),
        state.pq_epoch,
        healing.healed_ms,
        encode_kem(state.kem),
        healing.finished,
        list(healing.post_quantum),
    ]


def decode_ratchet(
    items: Sequence[cbor.Value], session_id: SessionId, initiator: bool, skipped: SkippedKeys
) -> RatchetState:
    """Rebuild a state from its 9 items; `initiator` is whether our side started the session.

    Raises:
        DecodeError, InvalidKey: damaged, or a state of the KEM ratchet that belongs to the other side.
    """
    root_key, sending, receiving, next_header_key, epoch, healed_ms, kem_items, finished, mark = items
    pq_epoch = uint(epoch, MAX_COUNTER - 1)
    kem_state = decode_kem(kem_items, pq_epoch)
    if kem_ratchet.is_generator(kem_state) != (initiator == (pq_epoch % 2 == 0)):
        raise DecodeError("a state of the other side of the KEM ratchet")
    return RatchetState(
        session_id=session_id,
        root_key=RootKey(_key(root_key)),
        sending=_decode_sending(sending),
        receiving=_decode_receiving(receiving),
        next_receive=NextReceive.of(HeaderKey(_key(next_header_key))),
        pq_epoch=pq_epoch,
        kem=kem_state,
        skipped=skipped,
        healing=Healing(
            healed_ms=uint(healed_ms, MAX_MS),
            post_quantum=_decode_mark(mark),
            finished=uint(finished, MAX_MS),
        ),
    )


def decode_tags(items: Sequence[cbor.Value]) -> tuple[Tag, ...]:
    """Read from the 9 items of a state the tags under which it can open something, as `RatchetState.tags`
    does; those of skipped keys stand in rows of their own (DR-10, SES-14).

    Raises:
        DecodeError: damaged.
    """
    receiving, next_header_key = items[2], items[3]
    keys = [] if receiving is None else [array(receiving, 5, 5)[1]]
    return tuple(chain.tag(HeaderKey(_key(one))) for one in (*keys, next_header_key))


def _encode_sending(sending: SendingState) -> cbor.Value:
    next_header_key = sending.next_header_key.expose()
    if isinstance(sending, Listening):
        return [_LISTENING, sending.private_key.expose(), next_header_key]
    if isinstance(sending, StepDue):
        return [_STEP_DUE, sending.their_key, next_header_key, sending.previous_length]
    return [
        _SENDING,
        sending.private_key.expose(),
        sending.public_key,
        sending.header_key.expose(),
        sending.chain_key.expose(),
        sending.number,
        sending.previous_length,
        next_header_key,
    ]


def _decode_sending(value: cbor.Value) -> SendingState:
    items = array(value, 3, 8)
    match uint(items[0], _STEP_DUE), len(items):
        case 0, 3:
            return Listening(
                private_key=RatchetPrivateKey(_key(items[1])), next_header_key=HeaderKey(_key(items[2]))
            )
        case 1, 8:
            header_key = HeaderKey(_key(items[3]))
            return Sending(
                private_key=RatchetPrivateKey(_key(items[1])),
                public_key=_public(items[2]),
                header_key=header_key,
                tag=chain.tag(header_key),
                chain_key=ChainKey(_key(items[4])),
                number=uint(items[5], MAX_COUNTER),
                previous_length=uint(items[6], MAX_COUNTER),
                next_header_key=HeaderKey(_key(items[7])),
            )
        case 2, 4:
            return StepDue(
                their_key=_public(items[1]),
                next_header_key=HeaderKey(_key(items[2])),
                previous_length=uint(items[3], MAX_COUNTER),
            )
        case _:
            raise DecodeError("not a sending state")


def _encode_receiving(receiving: ReceivingState) -> cbor.Value:
    if isinstance(receiving, NoChain):
        return None
    return [
        receiving.their_key,
        receiving.header_key.expose(),
        receiving.chain_key.expose(),
        receiving.number,
        receiving.pq_epoch,
    ]


def _decode_receiving(value: cbor.Value) -> ReceivingState:
    if value is None:
        return NoChain()
    their_key, key, chain_key, number, pq_epoch = array(value, 5, 5)
    header_key = HeaderKey(_key(key))
    return Receiving(
        their_key=_public(their_key),
        header_key=header_key,
        tag=chain.tag(header_key),
        chain_key=ChainKey(_key(chain_key)),
        number=uint(number, MAX_COUNTER),
        pq_epoch=uint(pq_epoch, MAX_COUNTER - 1),
    )


def encode_kem(state: KemState) -> cbor.Value:
    """Return a state of the KEM ratchet as an array that begins with its number."""
    match state:
        case KeyDue():
            return [_KEY_DUE]
        case Offering(pair, _, _, sent, received, made):
            return [_OFFERING, pair.expose(), sent, _encode_pieces(received), list(made)]
        case SecretHeld(secret, id_, made):
            return [_SECRET_HELD, secret.expose(), id_, list(made)]
        case Collecting(received):
            return [_COLLECTING, _encode_pieces(received)]
        case CiphertextDue(key, _):
            return [_CIPHERTEXT_DUE, key]
        case _:
            key_id, _, secret, sent, other, made = state
            pieces = _encode_pieces(other)
            return [_ANSWERING, key_id, state.message, secret.expose(), sent, pieces, list(made)]


def decode_kem(value: cbor.Value, pq_epoch: int) -> KemState:
    """Rebuild a state of the KEM ratchet; what follows from the rest is derived.

    Raises:
        DecodeError, InvalidKey: damaged.
    """
    items = array(value, 1, 7)
    match uint(items[0], _ANSWERING), len(items):
        case 0, 1:
            return kem_ratchet.KEY_DUE
        case 1, 5:
            return _decode_offering(items, pq_epoch + 1)
        case 2, 4:
            return SecretHeld(EpochSecret(_key(items[1])), _id(items[2]), _decode_mark(items[3]))
        case 3, 2:
            return Collecting(_decode_pieces(items[1], fragment.EK))
        case 4, 2:
            key = kem.encapsulation_key(bstr(items[1], KEM_KEY_B))
            return CiphertextDue(key, kem_ratchet.key_id(key))
        case 5, 7:
            return _decode_answering(items, pq_epoch + 1)
        case _:
            raise DecodeError("not a state of the KEM ratchet")


def _decode_mark(value: cbor.Value) -> Mark:
    at_ms, messages = array(value, 2, 2)
    return Mark(uint(at_ms, MAX_MS), uint(messages, MAX_MS))


def _decode_offering(items: Sequence[cbor.Value], epoch: int) -> Offering:
    pair = kem.DecapsulationKey(bstr(items[1], KEM_SEED_B))
    received = _decode_pieces(items[3], fragment.CT)
    return kem_ratchet.offering(pair, epoch, uint(items[2], MAX_MS), received, _decode_mark(items[4]))


def _decode_answering(items: Sequence[cbor.Value], epoch: int) -> Answering:
    message, secret = bstr(items[2], fragment.KEM_MESSAGE_B), EpochSecret(_key(items[3]))
    other, made = _decode_pieces(items[5], fragment.EK), _decode_mark(items[6])
    return kem_ratchet.answering(_id(items[1]), message, secret, epoch, uint(items[4], MAX_MS), other, made)


def _encode_pieces(pieces: Pieces | None) -> cbor.Value:
    return None if pieces is None else [pieces.id, list(pieces.data)]


def _decode_pieces(value: cbor.Value, kind: int) -> Pieces | None:
    if value is None:
        return None
    id_, data = array(value, 2, 2)
    pieces: list[bytes | None] = []
    for index, piece in enumerate(array(data, fragment.PIECES, fragment.PIECES)):
        size_b = fragment.piece_size_b(kind, index)
        pieces.append(None if piece is None else bstr(piece, size_b))
    if pieces.count(None) in (0, fragment.PIECES):
        raise DecodeError("pieces that are none, or whole")
    return Pieces(_id(id_), tuple(pieces))


def _id(value: cbor.Value) -> bytes:
    return bstr(value, fragment.ID_B)


def _key(value: cbor.Value) -> bytes:
    return bstr(value, KEY_B)


def _public(value: cbor.Value) -> DhPublic:
    return dh.public_key(_key(value))
