"""Stored form of a ratchet: the end of a stored session; skipped keys are rows apart (SES-14, SES-15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee.constants import KEY_B, MAX_COUNTER
from e2ee.errors import DecodeError
from e2ee.ids import DhPublic, SessionId, Tag
from e2ee.primitives import dh
from e2ee.secret import ChainKey, HeaderKey, RatchetPrivateKey, RootKey
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS, array, bstr, uint

from . import chain, kem_ratchet, kem_stored
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

_LISTENING, _SENDING, _STEP_DUE = 0, 1, 2


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
        kem_stored.encode(state.kem),
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
    kem = kem_stored.decode(kem_items, pq_epoch)
    if kem_ratchet.is_generator(kem) != (initiator == (pq_epoch % 2 == 0)):
        raise DecodeError("a state of the other side of the KEM ratchet")
    return RatchetState(
        session_id=session_id,
        root_key=RootKey(_key(root_key)),
        sending=_decode_sending(sending),
        receiving=_decode_receiving(receiving),
        next_receive=NextReceive.of(HeaderKey(_key(next_header_key))),
        pq_epoch=pq_epoch,
        kem=kem,
        skipped=skipped,
        healing=Healing(
            healed_ms=uint(healed_ms, MAX_MS),
            post_quantum=kem_stored.decode_mark(mark),
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


def _key(value: cbor.Value) -> bytes:
    return bstr(value, KEY_B, KEY_B)


def _public(value: cbor.Value) -> DhPublic:
    return dh.public_key(_key(value))
