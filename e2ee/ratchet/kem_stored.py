"""Stored form of the KEM ratchet's states: one item of a stored session (SES-14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee.constants import KEM_KEY_B, KEM_SEED_B, KEY_B
from e2ee.errors import DecodeError
from e2ee.primitives import kem
from e2ee.secret import EpochSecret, KemSeed
from e2ee.wire import cbor, fragment
from e2ee.wire.fields import MAX_MS, array, bstr, uint

from . import kem_ratchet
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

_KEY_DUE, _OFFERING, _SECRET_HELD, _COLLECTING, _CIPHERTEXT_DUE, _ANSWERING = range(6)
_LENGTHS: Final = {
    _KEY_DUE: 1,
    _OFFERING: 5,
    _SECRET_HELD: 4,
    _COLLECTING: 2,
    _CIPHERTEXT_DUE: 2,
    _ANSWERING: 7,
}


def encode(state: KemState) -> cbor.Value:
    """Return a state as an array that begins with its number."""
    match state:
        case KeyDue():
            return [_KEY_DUE]
        case Offering(seed, _, _, _, sent, received, made):
            return [_OFFERING, seed.expose(), sent, _encode_pieces(received), list(made)]
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


def decode(value: cbor.Value, pq_epoch: int) -> KemState:
    """Rebuild a state; what follows from the rest is derived.

    Raises:
        DecodeError, InvalidKey: damaged.
    """
    items = array(value, 1, 7)
    number = uint(items[0], _ANSWERING)
    if len(items) != _LENGTHS[number]:
        raise DecodeError("not a state of the KEM ratchet")
    match number:
        case 0:
            return kem_ratchet.KEY_DUE
        case 1:
            return _decode_offering(items, pq_epoch + 1)
        case 2:
            return SecretHeld(_secret(items[1]), _id(items[2]), decode_mark(items[3]))
        case 3:
            return Collecting(_decode_pieces(items[1], fragment.EK))
        case 4:
            key = kem.encapsulation_key(bstr(items[1], KEM_KEY_B, KEM_KEY_B))
            return CiphertextDue(key, kem_ratchet.key_id(key))
        case _:
            return _decode_answering(items, pq_epoch + 1)


def decode_mark(value: cbor.Value) -> Mark:
    """Rebuild a moment of a session.

    Raises:
        DecodeError: damaged.
    """
    at_ms, messages = array(value, 2, 2)
    return Mark(uint(at_ms, MAX_MS), uint(messages, MAX_MS))


def _decode_offering(items: Sequence[cbor.Value], epoch: int) -> Offering:
    seed = KemSeed(bstr(items[1], KEM_SEED_B, KEM_SEED_B))
    received = _decode_pieces(items[3], fragment.CT)
    return kem_ratchet.offering(seed, epoch, uint(items[2], MAX_MS), received, decode_mark(items[4]))


def _decode_answering(items: Sequence[cbor.Value], epoch: int) -> Answering:
    key_id = _id(items[1])
    message = bstr(items[2], fragment.KEM_MESSAGE_B, fragment.KEM_MESSAGE_B)
    other = _decode_pieces(items[5], fragment.EK)
    made = decode_mark(items[6])
    return kem_ratchet.answering(
        key_id, message, _secret(items[3]), epoch, uint(items[4], MAX_MS), other, made
    )


def _encode_pieces(pieces: Pieces | None) -> cbor.Value:
    return None if pieces is None else [pieces.id, list(pieces.data)]


def _decode_pieces(value: cbor.Value, kind: int) -> Pieces | None:
    if value is None:
        return None
    id_, data = array(value, 2, 2)
    pieces: list[bytes | None] = []
    for index, piece in enumerate(array(data, fragment.PIECES, fragment.PIECES)):
        size_b = fragment.piece_size_b(kind, index)
        pieces.append(None if piece is None else bstr(piece, size_b, size_b))
    if pieces.count(None) in (0, fragment.PIECES):
        raise DecodeError("pieces that are none, or whole")
    return Pieces(_id(id_), tuple(pieces))


def _id(value: cbor.Value) -> bytes:
    return bstr(value, fragment.ID_B, fragment.ID_B)


def _secret(value: cbor.Value) -> EpochSecret:
    return EpochSecret(bstr(value, KEY_B, KEY_B))
