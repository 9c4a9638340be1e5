"""Stored sessions and pairs as chapter 12 has them, read by the reader written from the chapters alone."""

from __future__ import annotations

from typing import Any

import independent_reader as reader
from independent_reader import Value, need
from independent_refusal import Refused

Row = list[Any]


def whole(data: bytes, version: int, count: int) -> Row:
    """An array of that many items behind its format version (SES-14)."""
    row = reader.decode(data, 16_384)
    if not isinstance(row, list) or not row:
        raise Refused("remote.decode")
    need(row[0] == version and not isinstance(row[0], bool))
    return list(reader.items(row, count, count))


def checked(*values: object) -> None:
    """Values that were only to be read."""


def flag(value: Value) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise Refused("remote.decode")
    return value


def key(value: Value) -> bytes:
    """32 bytes."""
    return reader.octets(value, 32)


def counter(value: Value) -> int:
    """A number below 2^31 in a header; one more where it is the next one."""
    return reader.uint(value, 0, 2**31)


def session(data: bytes, skipped: list[tuple[bytes, bytes]]) -> tuple[reader.State, int]:
    """State and epoch of a stored session with its skipped keys; else `local.snapshot` (SES-14)."""
    try:
        return _session(whole(data, 3, 19), [skipped_key(place, value) for place, value in skipped])
    except Refused:
        raise Refused("local.snapshot") from None


def _session(row: Row, skipped: list[reader.Skipped]) -> tuple[reader.State, int]:
    session_id, _ = key(row[1]), key(row[2])
    account, device, record = reader.items(row[3], 3, 3)
    checked(key(account), reader.octets(device, 16), key(record))
    initiator, epoch = flag(row[4]), reader.uint(row[5], 0, 2**32 - 1)
    phase(row[6])
    for one in reader.items(row[7], 2, 2):
        flag(one)
    checked(reader.uint(row[8]), reader.uint(row[9]))
    pq_epoch = reader.uint(row[14], 0, 2**31 - 1)
    state = kem(row[16])
    generates = state.name in ("KeyDue", "Offering", "SecretHeld")
    need(generates == (initiator == (pq_epoch % 2 == 0)))
    return reader.State(
        session_id,
        key(row[10]),
        sending(row[11]),
        receiving(row[12]),
        key(row[13]),
        pq_epoch,
        tuple(skipped),
        reader.uint(row[15]),
        state,
        reader.uint(row[17]),
        moment(row[18]),
    ), epoch


def phase(value: Value) -> None:
    """Started with its prefix, heard or proven."""
    if not isinstance(value, bool):
        prefix, end = reader.items(value, 2, 2)
        checked(reader.octets(prefix, 2108), reader.uint(end))


def moment(value: Value) -> tuple[int, int]:
    """A time and a count of messages."""
    at_ms, count = reader.items(value, 2, 2)
    return reader.uint(at_ms), reader.uint(count)


def sending(value: Value) -> reader.Sending:
    """The sending half; of a chain only what a receiver needs."""
    row: Row = reader.items(value, 3, 8)
    match reader.uint(row[0], 0, 2), len(row):
        case 0, 3:
            return reader.Sending(key(row[1]), None, key(row[2]), 0)
        case 1, 8:
            checked(reader.canonical_key(key(row[2])), key(row[3]), key(row[4]), counter(row[6]))
            return reader.Sending(key(row[1]), None, key(row[7]), counter(row[5]))
        case 2, 4:
            return reader.Sending(None, reader.canonical_key(key(row[1])), key(row[2]), counter(row[3]))
        case _:
            raise Refused("remote.decode")


def receiving(value: Value) -> reader.Receiving | None:
    """The receiving chain, if there is one."""
    if value is None:
        return None
    their_key, header_key, chain_key, number, pq_epoch = reader.items(value, 5, 5)
    theirs = reader.canonical_key(key(their_key))
    epoch = reader.uint(pq_epoch, 0, 2**31 - 1)
    return reader.Receiving(theirs, key(header_key), key(chain_key), counter(number), epoch)


def kem(value: Value) -> reader.Kem:
    """A state of the KEM ratchet."""
    row: Row = reader.items(value, 1, 7)
    match reader.uint(row[0], 0, 5), len(row):
        case 0, 1:
            return reader.Kem("KeyDue")
        case 1, 5:
            seed = reader.octets(row[1], 64)
            key_id = reader.key_id_of(reader.kem_public(seed))
            late = (moment(row[4]), reader.uint(row[2]), *pieces(row[3], 1120))
            return reader.Kem("Offering", seed, key_id, b"", b"", *late)
        case 2, 4:
            secret, mark = key(row[1]), reader.octets(row[2], 8)
            return reader.Kem("SecretHeld", secret=secret, hash=mark, made=moment(row[3]))
        case 3, 2:
            mark, there = pieces(row[1], 1184)
            return reader.Kem("Collecting", hash=mark, pieces=there)
        case 4, 2:
            whole_key = reader.kem_key(reader.octets(row[1], 1184))
            return reader.Kem("CiphertextDue", key_id=reader.key_id_of(whole_key), message=whole_key)
        case 5, 7:
            key_id, text = reader.octets(row[1], 8), reader.octets(row[2], 1120)
            late = (moment(row[6]), reader.uint(row[4]), *pieces(row[5], 1184))
            return reader.Kem("Answering", b"", key_id, text, key(row[3]), *late)
        case _:
            raise Refused("remote.decode")


def pieces(value: Value, size: int) -> tuple[bytes, tuple[bytes, ...]]:
    """What is collected of a whole of that size: its hash and five pieces, or nothing."""
    if value is None:
        return b"", ()
    mark, held = reader.items(value, 2, 2)
    there: list[bytes] = []
    for at, one in enumerate(reader.items(held, 5, 5)):
        long = min(256, size - 256 * at)
        there.append(b"" if one is None else reader.octets(one, long).ljust(256, b"\0"))
    need(0 < sum(map(bool, there)) < 5)
    return reader.octets(mark, 8), tuple(there)


def skipped_key(place: bytes, value: bytes) -> reader.Skipped:
    """The row of a skipped key."""
    need(len(place) == 12)
    _, header_key, message_key, stored_ms = whole(value, 1, 4)
    number = int.from_bytes(place[8:], "big")
    return reader.Skipped(key(header_key), number, key(message_key), reader.uint(stored_ms))


def pair(data: bytes) -> dict[str, Any]:
    """A stored pair by the names of its fields; else `local.snapshot` (SES-14)."""
    try:
        return _pair(whole(data, 2, 13))
    except Refused:
        raise Refused("local.snapshot") from None


def _pair(row: Row) -> dict[str, Any]:
    asked_ms, gap_asks, rolled_back_ms = (reader.uint(one) for one in row[7:10])
    return {
        "sessions": [standing(one) for one in reader.items(row[1], 0, 64)],
        "known": reader.uint(row[2], 0, 2**32 - 1),
        "met": flag(row[3]),
        "wanted": wanted(row[4]),
        "candidate": candidate(row[5]),
        "ask": ask(row[6]),
        "asked_ms": asked_ms,
        "gap_asks": gap_asks,
        "rolled_back_ms": rolled_back_ms,
        "budget": [reader.uint(one) for one in reader.items(row[10], 7, 7)],
        "given": reader.uint(row[11]),
        "received": received(row[12]),
    }


def standing(value: Value) -> Row:
    """A session of a pair."""
    row: Row = reader.items(value, 9, 9)
    checked(key(row[0]), reader.uint(row[1], 0, 2**32 - 1))
    checked(flag(row[2]), reader.uint(row[3]), reader.uint(row[4]), flag(row[5]), reader.uint(row[6]))
    need(row[7] is None or len(key(row[7])) == 32)
    top(row[8])
    return row


def top(value: Value) -> Value:
    """Epoch and short id, or nothing."""
    if value is not None:
        epoch, short_id = reader.items(value, 2, 2)
        checked(reader.uint(epoch, 0, 2**32 - 1), reader.octets(short_id, 8))
    return value


def wanted(value: Value) -> Value:
    """What is wanted, or nothing."""
    if value is not None:
        since_ms, lacked, again = reader.items(value, 3, 3)
        checked(reader.uint(since_ms), top(lacked), flag(again))
    return value


def candidate(value: Value) -> Value:
    """The candidate, or nothing."""
    if value is not None:
        session_id, *numbers = reader.items(value, 4, 4)
        checked(key(session_id), [reader.uint(one) for one in numbers])
    return value


def ask(value: Value) -> Value:
    """The open ask, or nothing."""
    if value is not None:
        ask_id, *numbers = reader.items(value, 3, 3)
        checked(reader.octets(ask_id, 8), [reader.uint(one) for one in numbers])
    return value


def received(value: Value) -> Row:
    """What is known of the peer's numbers."""
    row: Row = reader.items(value, 6, 6)
    reader.octets(row[1], 4)
    for one in (row[0], row[2], row[3], row[5]):
        reader.uint(one)
    for found in reader.items(row[4], 0, 64):
        for end in reader.items(found, 2, 2):
            reader.uint(end)
    return row


def check_sending(known: dict[str, Any], session_id: bytes, sync: int | None, now_ms: int) -> None:
    """Whether a text (None), ask (1) or tell (2) may be sealed on a session of a pair (SES-02, SES-22)."""
    rows = known["sessions"]
    active = reader.active_session([(row[0], row[1], row[5]) for row in rows])
    if active is None and not known["met"]:
        able = [(row[0], row[1], True) for row in rows if now_ms <= row[4]]
        active = reader.active_session(able)
    candidate = None if known["candidate"] is None else known["candidate"][0]
    exempt = sync == 2 or (sync == 1 and session_id == candidate)
    need(exempt or session_id == active, "local.session_inactive")
