"""Stored sessions and pairs, versioned, deterministic; skipped keys are rows apart (SES-14, SES-15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from .constants import (
    ACCOUNT_ID_B,
    DEVICE_ID_B,
    HASH_B,
    KEY_B,
    MAX_COUNTER,
    PREFIX_B,
    SESSION_ID_B,
    TAG_B,
)
from .errors import DecodeError, InvalidKey, SnapshotError
from .ids import AccountId, DeviceId, RecordHash, SessionId, Tag
from .pair import Inactive, Pair
from .prekeys import OneTimeState
from .ratchet import skipped, stored
from .ratchet.skipped import SkippedKey, SkippedKeys
from .secret import HeaderKey, MessageKey
from .session import AwaitingReply, Established, PeerDevice, Phase, Session
from .wire import cbor
from .wire.fields import MAX_MS, array, bstr, uint

FORMAT: Final = 1
SESSION_FORMAT: Final = 2
_MAX_B: Final = 16_384


class PairRow(NamedTuple):
    """Stored form of a pair without its sessions: ids, and since when the inactive ones are."""

    active: SessionId | None
    inactive: tuple[tuple[SessionId, int], ...]
    highest_gen: int


def encode_session(session: Session) -> bytes:
    """Return a session without its skipped keys (SES-14)."""
    return cbor.encode(
        [
            SESSION_FORMAT,
            session.id,
            session.our_record_hash,
            list(session.peer),
            session.initiator,
            session.gen,
            _encode_phase(session.phase),
            list(session.one_time),
            session.created_ms,
            session.opened_ms,
            *stored.encode_ratchet(session.ratchet),
        ]
    )


def decode_session(encoded: bytes, rows: Iterable[SkippedKey] = ()) -> Session:
    """Rebuild a session from its stored form and the rows of its skipped keys.

    Raises:
        SnapshotError: unknown version, or damaged.
    """
    try:
        return _decode_session(
            _versioned(encoded, 10 + stored.RATCHET_ITEMS, SESSION_FORMAT), skipped.restore(list(rows))
        )
    except (DecodeError, InvalidKey):
        raise SnapshotError("the stored session is damaged") from None


def encode_skipped(row: SkippedKey) -> tuple[bytes, bytes]:
    """Return (place, value) of a skipped key: tag and number, then the keys and the time (SES-14)."""
    place = row.tag + row.number.to_bytes(4, "big")
    return place, cbor.encode([FORMAT, row.header_key.expose(), row.message_key.expose(), row.stored_ms])


def decode_skipped(place: bytes, value: bytes) -> SkippedKey:
    """Rebuild a skipped key from its row.

    Raises:
        SnapshotError: unknown version, or damaged.
    """
    try:
        items = _versioned(value, 4)
        if len(place) != TAG_B + 4:
            raise DecodeError("not the place of a skipped key")
        return SkippedKey(
            Tag(place[:TAG_B]),
            int.from_bytes(place[TAG_B:], "big"),
            HeaderKey(bstr(items[1], KEY_B, KEY_B)),
            MessageKey(bstr(items[2], KEY_B, KEY_B)),
            uint(items[3], MAX_MS),
        )
    except DecodeError:
        raise SnapshotError("the stored key is damaged") from None


def skipped_changes(before: SkippedKeys, after: SkippedKeys) -> tuple[list[SkippedKey], list[bytes]]:
    """Return (rows that are new, places of rows that are gone) between two states of one session."""
    if before is after:
        return [], []
    old = {row.tag + row.number.to_bytes(4, "big"): row for row in before}
    new = {row.tag + row.number.to_bytes(4, "big"): row for row in after}
    return [row for place, row in new.items() if place not in old], [
        place for place in old if place not in new
    ]


def encode_pair(pair: Pair) -> bytes:
    """Return a pair without its sessions."""
    active = None if pair.active is None else pair.active.id
    inactive: list[cbor.Value] = [[item.session.id, item.since_ms] for item in pair.inactive]
    return cbor.encode([FORMAT, active, inactive, pair.highest_gen])


def decode_pair(encoded: bytes) -> PairRow:
    """Read a stored pair; its sessions are stored apart.

    Raises:
        SnapshotError: unknown version, or damaged.
    """
    try:
        items = _versioned(encoded, 4)
        inactive = [array(item, 2, 2) for item in array(items[2], 0, 64)]
        return PairRow(
            None if items[1] is None else SessionId(bstr(items[1], SESSION_ID_B, SESSION_ID_B)),
            tuple(
                (SessionId(bstr(one, SESSION_ID_B, SESSION_ID_B)), uint(since, MAX_MS))
                for one, since in inactive
            ),
            uint(items[3], MAX_COUNTER),
        )
    except DecodeError:
        raise SnapshotError("the stored pair is damaged") from None


def restore_pair(row: PairRow, sessions: dict[SessionId, Session]) -> Pair:
    """Join a stored pair with its sessions.

    Raises:
        SnapshotError: a session is missing.
    """
    try:
        return Pair(
            None if row.active is None else sessions[row.active],
            tuple(Inactive(sessions[one], since_ms) for one, since_ms in row.inactive),
            row.highest_gen,
        )
    except KeyError:
        raise SnapshotError("a session of the pair is missing") from None


def _versioned(encoded: bytes, length: int, version: int = FORMAT) -> Sequence[cbor.Value]:
    value = cbor.decode(encoded, _MAX_B)
    if not isinstance(value, list) or not value or type(value[0]) is not int or value[0] != version:
        raise SnapshotError("unknown version of a stored state")
    return array(value, length, length)


def _decode_session(items: Sequence[cbor.Value], keys: SkippedKeys) -> Session:
    account_id, device_id, record_hash = array(items[3], 3, 3)
    initiator, session_id = _flag(items[4]), SessionId(bstr(items[1], SESSION_ID_B, SESSION_ID_B))
    return Session(
        RecordHash(bstr(items[2], HASH_B, HASH_B)),
        PeerDevice(
            AccountId(bstr(account_id, ACCOUNT_ID_B, ACCOUNT_ID_B)),
            DeviceId(bstr(device_id, DEVICE_ID_B, DEVICE_ID_B)),
            RecordHash(bstr(record_hash, HASH_B, HASH_B)),
        ),
        initiator,
        uint(items[5], MAX_COUNTER - 1),
        _decode_phase(items[6]),
        stored.decode_ratchet(items[10:], session_id, initiator, keys),
        OneTimeState(*(_flag(item) for item in array(items[7], 2, 2))),
        uint(items[8], MAX_MS),
        uint(items[9], MAX_MS),
    )


def _encode_phase(phase: Phase) -> cbor.Value:
    return None if isinstance(phase, Established) else [phase.prefix, phase.not_after_ms, phase.sent]


def _decode_phase(value: cbor.Value) -> Phase:
    if value is None:
        return Established()
    prefix, not_after_ms, sent = array(value, 3, 3)
    return AwaitingReply(bstr(prefix, PREFIX_B, PREFIX_B), uint(not_after_ms, MAX_MS), _flag(sent))


def _flag(value: cbor.Value) -> bool:
    if not isinstance(value, bool):
        raise DecodeError("not true or false")
    return value
