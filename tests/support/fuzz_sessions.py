"""Fuzz targets of chapters 06 to 09: envelopes into sessions, pieces into the KEM ratchet, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import fuzz_seeds
import kem_states
from fuzz_target import Shape, Target, require
from vector_devices import responder_keys
from vector_files import unhex

from e2ee import session, snapshot
from e2ee.constants import FIRST_FLIGHT_B, FRAGMENT_B, NUMBER_B, TAG_B
from e2ee.errors import (
    AuthenticationError,
    BadSignature,
    ContentError,
    DecodeError,
    Expired,
    IdentityMismatch,
    InvalidKey,
    ListExpired,
    ListFork,
    ListGap,
    ListRollback,
    PqDesync,
    ReplayError,
    SkipLimitExceeded,
    SnapshotError,
    UnsupportedVersion,
)
from e2ee.handshake import ResponderKeys
from e2ee.numbers import Number, Received
from e2ee.pair import Pair
from e2ee.ratchet import kem_ratchet, stored
from e2ee.ratchet.kem_ratchet import KemState
from e2ee.ratchet.skipped import SkippedKey
from e2ee.session import Accepted, Opened, Session
from e2ee.wire import envelope

_PLACE_B: Final = TAG_B + 4
_LINE: Final = b"line"
_MESSAGE_SIZES: Final = (106 + 512, 106 + 1024, FIRST_FLIGHT_B)


# --- a session that is given bytes ---


class _Held(NamedTuple):
    session: Session
    encoded: bytes
    now_ms: int


@cache
def _held() -> _Held:
    given = next(one for one in fuzz_seeds.inputs("session.open") if one["skipped"])
    rows = [snapshot.decode_skipped(unhex(row["place"]), unhex(row["value"])) for row in given["skipped"]]
    encoded = unhex(given["session"])
    return _Held(snapshot.decode_session(encoded, rows), encoded, given["now_ms"])


def _open(data: bytes) -> Opened:
    held = _held()
    try:
        return session.open_(held.session, envelope.decode(data), held.now_ms)
    finally:
        require(snapshot.encode_session(held.session) == held.encoded, "a session stays as it was (DR-18)")


def _open_holds(_: bytes, opened: Opened) -> None:
    row = snapshot.encode_session(opened.session)
    again = snapshot.decode_session(row, list(opened.session.ratchet.skipped))
    require(snapshot.encode_session(again) == row, "the new state can be stored (SES-14)")


def _open_seeds() -> Iterator[bytes]:
    for given in fuzz_seeds.inputs("session.open"):
        if unhex(given["session"]) == _held().encoded:
            yield unhex(given["honest"])
            yield unhex(given["envelope"])


@cache
def _flight() -> dict[str, Any]:
    return next(one["honest"] | one for one in fuzz_seeds.inputs("session.respond"))


@cache
def _responder() -> ResponderKeys:
    given = _flight()
    return responder_keys(given["responder"], given["honest"])


def _respond(data: bytes) -> Accepted:
    return session.respond(envelope.decode(data), _responder(), lambda _: None, _flight()["now_ms"])


def _respond_holds(_: bytes, accepted: Accepted) -> None:
    opened = accepted.opened
    require(opened.session.origin.epoch == opened.content.epoch, "the epoch is that of the content (HS-05)")
    require(
        opened.session.origin.peer.record_hash == accepted.record.hash,
        "the peer is the sender (HS-07)",
    )


def _respond_seeds() -> Iterator[bytes]:
    for given in fuzz_seeds.inputs("session.respond"):
        yield unhex(given["honest"]["envelope"])
        yield unhex(given["envelope"])


# --- pieces ---


@cache
def _sides() -> tuple[KemState, ...]:
    """Every state that takes pieces: the input's first byte chooses."""
    due = kem_ratchet.CiphertextDue(kem_states.KEY, kem_ratchet.key_id(kem_states.KEY))
    return (
        kem_ratchet.KEY_DUE,
        kem_states.offering(),
        kem_ratchet.NOTHING_COLLECTED,
        due,
        kem_states.answering(),
    )


def _take_pieces(data: bytes) -> tuple[KemState, list[KemState]]:
    states = _sides()
    first = states[data[0] % len(states)] if data else states[0]
    passed: list[KemState] = [first]
    for start in range(1, len(data), FRAGMENT_B):
        block = data[start : start + FRAGMENT_B].ljust(FRAGMENT_B, b"\0")
        passed.append(kem_states.take(passed[-1], block))
    return first, passed


def _pieces_hold(_: bytes, taken: tuple[KemState, list[KemState]]) -> None:
    first, passed = taken
    require(first in _sides(), "the state that it began with is as it was (PQ-07)")
    for after in passed:
        row = stored.encode_kem(after)
        require(stored.encode_kem(stored.decode_kem(row, 0)) == row, "a state can be stored (SES-14)")
        block = kem_ratchet.next_block(after)[1]
        require(len(block) == FRAGMENT_B, "every state has a block to send (PQ-05)")


def _piece_seeds() -> Iterator[bytes]:
    _, offering, _, _, answering = _sides()
    key, text = b"".join(kem_states.blocks(offering)), b"".join(kem_states.blocks(answering))
    for number in range(len(_sides())):
        yield bytes((number,)) + key
        yield bytes((number,)) + text
    yield b"\x02" + key[:272] * 3 + key[272:]


# --- snapshots ---


def _session_holds(data: bytes, decoded: Session) -> None:
    require(snapshot.encode_session(decoded) == data, "a stored session has one encoding (SES-14)")


def _session_seeds() -> Iterator[bytes]:
    yield from {unhex(case["session"]) for case in fuzz_seeds.vectors("snapshot")["cases"]}
    yield from {unhex(given["session"]) for given in fuzz_seeds.inputs("session.open")}


def _decode_skipped(data: bytes) -> SkippedKey:
    return snapshot.decode_skipped(data[:_PLACE_B], data[_PLACE_B:])


def _skipped_holds(data: bytes, row: SkippedKey) -> None:
    require(b"".join(snapshot.encode_skipped(row)) == data, "a stored key has one encoding (SES-14)")


def _skipped_seeds() -> Iterator[bytes]:
    for case in fuzz_seeds.vectors("snapshot")["cases"]:
        yield from (unhex(row["place"]) + unhex(row["value"]) for row in case["skipped"])


def _decode_pair(data: bytes) -> Pair:
    return snapshot.decode_pair(data, _LINE)


def _pair_holds(data: bytes, pair: Pair) -> None:
    require(snapshot.encode_pair(pair) == data, "a stored pair has one encoding (SES-14)")
    require(pair.given.line == _LINE, "the line is drawn, never read (SES-29)")


def _pair_seeds() -> Iterator[bytes]:
    yield from (unhex(case["pair"]) for case in fuzz_seeds.vectors("snapshot")["pairs"])


# --- numbers ---


def _number_holds(data: bytes, number: Number) -> None:
    require(number.encode() == data, "a number has one encoding (CON-12)")
    for after, findings in (Received().take(number), Received().told(number)):
        require(after.highest >= number.n - 1 and len(findings) <= 2, "a number is noted (SES-30)")


def _number_seeds() -> Iterator[bytes]:
    for number in (Number(1, _LINE, 1), Number(2**53 - 1, _LINE, 2**53 - 1), Number(7, _LINE, 8)):
        yield number.encode()


_SPLIT: Final = frozenset({DecodeError, UnsupportedVersion, AuthenticationError})
# Only a sender that seals it right gets an input as far as these.
_BEHIND_THE_SEAL: Final = frozenset(
    {BadSignature, ContentError, Expired, IdentityMismatch, ListExpired, ListFork, ListGap, ListRollback}
)
_STORED: Final = frozenset({SnapshotError})

TARGETS: Final = (
    Target(
        "open",
        _open,
        _open_holds,
        _SPLIT | {ContentError, PqDesync, ReplayError, SkipLimitExceeded},
        _open_seeds,
        max_b=4200,
        sizes=_MESSAGE_SIZES,
    ),
    Target(
        "respond",
        _respond,
        _respond_holds,
        _SPLIT | _BEHIND_THE_SEAL | {InvalidKey},
        _respond_seeds,
        max_b=4200,
        sizes=(FIRST_FLIGHT_B,),
    ),
    Target(
        "pieces",
        _take_pieces,
        _pieces_hold,
        frozenset({AuthenticationError, PqDesync}),
        _piece_seeds,
        max_b=1 + 8 * FRAGMENT_B,
        sizes=tuple(1 + count * FRAGMENT_B for count in range(1, 9)),
    ),
    Target(
        "snapshot_session", snapshot.decode_session, _session_holds, _STORED, _session_seeds, Shape.CBOR, 9000
    ),
    Target("snapshot_skipped", _decode_skipped, _skipped_holds, _STORED, _skipped_seeds, max_b=256),
    Target("snapshot_pair", _decode_pair, _pair_holds, _STORED, _pair_seeds, Shape.CBOR, 4000),
    Target(
        "number",
        Number.decode,
        _number_holds,
        frozenset({DecodeError}),
        _number_seeds,
        max_b=NUMBER_B + 1,
        sizes=(NUMBER_B,),
    ),
)
