"""Stored sessions and pairs, versioned, deterministic; skipped keys are rows apart (SES-14, SES-15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from .constants import (
    ACCOUNT_ID_B,
    ASK_ID_B,
    DEVICE_ID_B,
    HASH_B,
    KEY_B,
    LINE_B,
    MAX_MISSING_RANGES,
    PREFIX_B,
    SESSION_ID_B,
    TAG_B,
)
from .content import decode_top, encode_top
from .errors import DecodeError, InvalidKey, SnapshotError
from .ids import AccountId, DeviceId, DhPublic, RecordHash, SessionId, Tag
from .numbers import MAX_NUMBER, Given, Range, Received
from .pair import MAX_EPOCH, Ask, Budget, Candidate, Pair, Standing, Wanted
from .prekeys import OneTimeState
from .ratchet import skipped, stored
from .ratchet.skipped import SkippedKey, SkippedKeys
from .secret import HeaderKey, MessageKey
from .session import Heard, Origin, PeerDevice, Phase, Proven, Session, Started
from .wire import cbor
from .wire.fields import MAX_MS, array, bstr, flag, uint

FORMAT: Final = 1
SESSION_FORMAT: Final = 3
PAIR_FORMAT: Final = 2
_MAX_B: Final = 16_384


def encode_session(session: Session) -> bytes:
    """Return a session without its skipped keys (SES-14)."""
    return cbor.encode(
        [
            SESSION_FORMAT,
            session.id,
            session.origin.our_record_hash,
            list(session.origin.peer),
            session.origin.initiator,
            session.origin.epoch,
            _encode_phase(session.phase),
            list(session.origin.one_time),
            session.origin.created_ms,
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


def decode_outline(encoded: bytes) -> tuple[tuple[Tag, ...], int]:
    """Return by what a stored session is found: its tags but those of skipped keys, and when it opened last.

    Raises:
        SnapshotError: unknown version, or damaged where these stand.
    """
    try:
        items = _versioned(encoded, 10 + stored.RATCHET_ITEMS, SESSION_FORMAT)
        return stored.decode_tags(items[10:]), uint(items[9], MAX_MS)
    except DecodeError:
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
            HeaderKey(bstr(items[1], KEY_B)),
            MessageKey(bstr(items[2], KEY_B)),
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
    """Return a pair without the ratchets of its sessions, and without the line of its numbers (SES-14)."""
    wanted = pair.wanted
    return cbor.encode(
        [
            PAIR_FORMAT,
            [_encode_standing(one) for one in pair.sessions],
            pair.known,
            pair.met,
            None if wanted is None else [wanted.since_ms, encode_top(wanted.top), wanted.again],
            None if pair.candidate is None else list(pair.candidate),
            None if pair.ask is None else list(pair.ask),
            pair.asked_ms,
            pair.gap_asks,
            pair.rolled_back_ms,
            list(pair.budget),
            pair.given.n,
            list(pair.received),
        ]
    )


def decode_pair(encoded: bytes, line: bytes) -> Pair:
    """Read a stored pair; `line` is the one drawn at this opening of the store (SES-29).

    Raises:
        SnapshotError: unknown version, or damaged.
    """
    try:
        return _decode_pair(_versioned(encoded, 13, PAIR_FORMAT), line)
    except DecodeError:
        raise SnapshotError("the stored pair is damaged") from None


def _versioned(encoded: bytes, length: int, version: int = FORMAT) -> Sequence[cbor.Value]:
    value = cbor.decode(encoded, _MAX_B)
    if not isinstance(value, list) or not value or type(value[0]) is not int or value[0] != version:
        raise SnapshotError("unknown version of a stored state")
    return array(value, length, length)


def _decode_session(items: Sequence[cbor.Value], keys: SkippedKeys) -> Session:
    account_id, device_id, record_hash = array(items[3], 3, 3)
    initiator, session_id = flag(items[4]), SessionId(bstr(items[1], SESSION_ID_B))
    return Session(
        origin=Origin(
            our_record_hash=RecordHash(bstr(items[2], HASH_B)),
            peer=PeerDevice(
                AccountId(bstr(account_id, ACCOUNT_ID_B)),
                DeviceId(bstr(device_id, DEVICE_ID_B)),
                RecordHash(bstr(record_hash, HASH_B)),
            ),
            initiator=initiator,
            epoch=uint(items[5], MAX_EPOCH),
            one_time=OneTimeState(*(flag(item) for item in array(items[7], 2, 2))),
            created_ms=uint(items[8], MAX_MS),
        ),
        phase=_decode_phase(items[6]),
        ratchet=stored.decode_ratchet(items[10:], session_id, initiator, keys),
        opened_ms=uint(items[9], MAX_MS),
    )


def _decode_pair(items: Sequence[cbor.Value], line: bytes) -> Pair:
    asked_ms, gap_asks, rolled_back_ms = (uint(item, MAX_MS) for item in items[7:10])
    budget = [uint(item, MAX_MS) for item in array(items[10], 7, 7)]
    return Pair(
        sessions=tuple(_decode_standing(item) for item in array(items[1], 0, 64)),
        known=uint(items[2], MAX_EPOCH),
        met=flag(items[3]),
        wanted=None if items[4] is None else _decode_wanted(items[4]),
        candidate=None if items[5] is None else _decode_candidate(items[5]),
        ask=None if items[6] is None else _decode_ask(items[6]),
        asked_ms=asked_ms,
        gap_asks=gap_asks,
        rolled_back_ms=rolled_back_ms,
        budget=Budget(*budget),
        given=Given(uint(items[11], MAX_NUMBER), line),
        received=_decode_received(items[12]),
    )


def _encode_standing(one: Standing) -> cbor.Value:
    return [*one[:-1], encode_top(one.top)]


def _decode_standing(value: cbor.Value) -> Standing:
    items = array(value, 9, 9)
    return Standing(
        id=SessionId(bstr(items[0], SESSION_ID_B)),
        epoch=uint(items[1], MAX_EPOCH),
        ours=flag(items[2]),
        created_ms=uint(items[3], MAX_MS),
        ends_ms=uint(items[4], MAX_MS),
        proven=flag(items[5]),
        since_ms=uint(items[6], MAX_MS),
        beside=None if items[7] is None else DhPublic(bstr(items[7], KEY_B)),
        top=decode_top(items[8]),
    )


def _decode_wanted(value: cbor.Value) -> Wanted:
    since_ms, top, again = array(value, 3, 3)
    return Wanted(uint(since_ms, MAX_MS), decode_top(top), flag(again))


def _decode_candidate(value: cbor.Value) -> Candidate:
    session_id, since_ms, asked_ms, repeats = array(value, 4, 4)
    return Candidate(
        SessionId(bstr(session_id, SESSION_ID_B)),
        uint(since_ms, MAX_MS),
        uint(asked_ms, MAX_MS),
        uint(repeats, MAX_MS),
    )


def _decode_ask(value: cbor.Value) -> Ask:
    ask_id, taken_ms, patience_ms = array(value, 3, 3)
    return Ask(bstr(ask_id, ASK_ID_B), uint(taken_ms, MAX_MS), uint(patience_ms, MAX_MS))


def _decode_received(value: cbor.Value) -> Received:
    highest, line, first, line_highest, missing, forgotten = array(value, 6, 6)
    return Received(
        uint(highest, MAX_NUMBER),
        bstr(line, LINE_B),
        uint(first, MAX_NUMBER),
        uint(line_highest, MAX_NUMBER),
        tuple(_decode_range(item) for item in array(missing, 0, MAX_MISSING_RANGES)),
        uint(forgotten, MAX_NUMBER),
    )


def _decode_range(value: cbor.Value) -> Range:
    first, last = array(value, 2, 2)
    return uint(first, MAX_NUMBER), uint(last, MAX_NUMBER)


def _encode_phase(phase: Phase) -> cbor.Value:
    if isinstance(phase, Started):
        return [phase.prefix, phase.not_after_ms]
    return isinstance(phase, Proven)


def _decode_phase(value: cbor.Value) -> Phase:
    if isinstance(value, bool):
        return Proven() if value else Heard()
    prefix, not_after_ms = array(value, 2, 2)
    return Started(bstr(prefix, PREFIX_B), uint(not_after_ms, MAX_MS))
