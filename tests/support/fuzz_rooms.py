"""Fuzz targets of chapters 16 and 17: headers, payloads, forwards, signals, dossiers, states.

Each is read by the independent reader too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import fuzz_seeds
import independent_heads as heads
import independent_reader as reader
import independent_rooms as rooms
from fuzz_beside import beside
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee.constants import DEVICE_ID_B
from e2ee.errors import ContentError, DecodeError, InvalidKey, NoRight, UnsupportedVersion
from e2ee.ids import DeviceId
from e2ee.rooms import entry as entries
from e2ee.rooms import forward, signals
from e2ee.rooms.entry import EntryHash, Header, RoomId
from e2ee.rooms.payloads import EntryPayload, decode_payload, encode_payload
from e2ee.rooms.state import State, WrittenState, check_change
from e2ee.wire import cbor
from e2ee.wire.fields import array, bstr, uint

_CONTENT: Final = frozenset({DecodeError, ContentError})


@cache
def _transcript() -> dict[str, Any]:
    return fuzz_seeds.vectors("transcript")


def _of(encoded: bytes) -> cbor.Value:
    return cbor.decode(encoded)


# --- headers and payloads ---


def _header_holds(data: bytes, found: Header) -> None:
    again = entries.make_header(
        *(found.room_id, found.kind, found.n, found.sent_ms),
        prev=found.prev,
        seen=found.seen,
        state=found.state,
    )
    require(again.encoded == data == found.encoded, "a header has one encoding (TRN-02)")


def _header_seeds() -> Iterator[bytes]:
    yield from (unhex(row["header"]) for row in _transcript()["entries"])
    for given in fuzz_seeds.inputs("entry.decode"):
        value = _of(unhex(given["content"]))
        header = value.get(1) if isinstance(value, dict) else None
        if isinstance(header, bytes):
            yield header


def _decode_kind(data: bytes) -> tuple[int, EntryPayload]:
    """The input is [kind, payload]."""
    kind, value = array(cbor.decode(data, entries.BODY_MAX_B), 2, 2)
    number = uint(kind, entries.MAX_KIND, 1)
    return number, decode_payload(number, value)


def _read_kind(data: bytes) -> None:
    kind, value = reader.items(reader.decode(data, entries.BODY_MAX_B), 2, 2)
    rooms.PAYLOADS.get(reader.uint(kind, 1, entries.MAX_KIND), rooms.anything)(value)


def _kind_holds(data: bytes, found: tuple[int, EntryPayload]) -> None:
    kind, payload = found
    require(cbor.encode([kind, encode_payload(payload)]) == data, "a payload has one encoding (TRN-21)")


def _kind_seeds() -> Iterator[bytes]:
    vectors: list[dict[str, Any]] = [*fuzz_seeds.vectors("rooms")["payloads"]]
    for given in (*vectors, *fuzz_seeds.inputs("payload.decode")):
        try:
            yield cbor.encode([given["kind"], _of(unhex(given["payload"]))])
        except DecodeError:
            continue


# --- forwards ---


def _forward_holds(data: bytes, found: tuple[RoomId, list[cbor.Value]]) -> None:
    require(cbor.encode({1: found[0], 2: found[1]}) == data, "a forward has one encoding (TRN-15)")


def _forward_seeds() -> Iterator[bytes]:
    lines = [_of(unhex(row["line"])) for row in _transcript()["entries"]]
    room_id = unhex(_transcript()["room_id"])
    yield from (cbor.encode({1: room_id, 2: lines[:count]}) for count in (1, 2, 3))
    yield from (one for one in fuzz_seeds.negative("forward.decode", "forward") if len(one) <= 4096)


# --- signals, dossiers ---


def _signal_holds(data: bytes, found: tuple[RoomId, signals.Signal]) -> None:
    require(cbor.encode(signals.encode_signal(*found)) == data, "a signal has one encoding (TRN-25)")


def _signal_seeds() -> Iterator[bytes]:
    yield from (unhex(row["signal"]) for row in fuzz_seeds.vectors("rooms")["signals"])
    yield from fuzz_seeds.negative("signal.decode", "signal")


def _decode_dossier(data: bytes) -> signals.Dossier:
    found = signals.decode_dossier(cbor.decode(data))
    rooms.dossier(data)
    return found


def _dossier_holds(data: bytes, found: signals.Dossier) -> None:
    require(cbor.encode(signals.encode_dossier(found)) == data, "a dossier has one encoding (ROOM-25)")


def _dossier_seeds() -> Iterator[bytes]:
    yield unhex(fuzz_seeds.vectors("rooms")["dossier"])
    yield from fuzz_seeds.negative("dossier.decode", "dossier")


# --- one state after another ---


def _decode_change(data: bytes) -> State:
    """The input is [author, before, state, [[device, rank], ...]]: may this author write this state?"""
    author, before, state, ranks = array(cbor.decode(data), 4, 4)
    rows = [array(row, 2, 2) for row in array(ranks, 0, 16)]
    known = {DeviceId(bstr(row[0], DEVICE_ID_B, DEVICE_ID_B)): uint(row[1], 3) for row in rows}
    by = DeviceId(bstr(author, DEVICE_ID_B, DEVICE_ID_B))
    found, old = State.of(state), State.of(before)
    check_change(WrittenState(EntryHash(bytes(32)), by, 0, found), old, known)
    return found


def _read_change(data: bytes) -> None:
    author, before, state, ranks = reader.items(reader.decode(data), 4, 4)
    rows = [reader.items(row, 2, 2) for row in reader.items(ranks, 0, 16)]
    known = {reader.octets(device, 16): reader.uint(rank, 0, 3) for device, rank in rows}
    by = reader.octets(author, 16)
    for value in (state, before):
        rooms.state(value)
    if isinstance(before, dict) and isinstance(state, dict):
        reader.need(reader.uint(state[2]) == reader.uint(before[2]) + 1, "room.right")
        heads.judge(heads.State(bytes(32), by, 0, state), before, known)


def _change_holds(data: bytes, found: State) -> None:
    items = array(cbor.decode(data), 4, 4)
    require(found.value() == items[2], "a state has one encoding (ROOM-04)")


def _change_seeds() -> Iterator[bytes]:
    vectors = fuzz_seeds.vectors("room_heads")
    by_ref = {tuple(one["ref"]): one["ranks"] for one in vectors["rosters"]}
    for one in vectors["sets"][::3]:
        states = {row["hash"]: _of(unhex(row["state"])) for row in one["states"]}
        for row in one["states"]:
            state = states[row["hash"]]
            if not isinstance(state, dict) or not isinstance(state[3], bytes):
                continue
            before = states.get(state[3].hex())
            named = state[8] if isinstance(state[8], list) else []
            ref = tuple(part.hex() if isinstance(part, bytes) else part for part in named)
            ranks: list[cbor.Value] = [[unhex(device), rank] for device, rank in by_ref.get(ref, [])]
            if before is not None:
                yield cbor.encode([unhex(row["author"]), before, state, ranks])


TARGETS: Final = (
    Target(
        "room_header",
        beside(Header.decode, rooms.header),
        _header_holds,
        frozenset({DecodeError}),
        _header_seeds,
        Shape.CBOR,
        1100,
    ),
    Target(
        "room_payload",
        beside(_decode_kind, _read_kind),
        _kind_holds,
        frozenset({DecodeError, UnsupportedVersion}),
        _kind_seeds,
        Shape.CBOR,
    ),
    Target(
        "room_forward",
        beside(lambda data: forward.decode_forward(cbor.decode(data)), rooms.forward),
        _forward_holds,
        _CONTENT,
        _forward_seeds,
        Shape.CBOR,
    ),
    Target(
        "room_signal",
        beside(lambda data: signals.decode_signal(cbor.decode(data)), rooms.signal),
        _signal_holds,
        _CONTENT,
        _signal_seeds,
        Shape.CBOR,
        2048,
    ),
    Target(
        "room_dossier", _decode_dossier, _dossier_holds, _CONTENT | {InvalidKey}, _dossier_seeds, Shape.CBOR
    ),
    Target(
        "room_change",
        beside(_decode_change, _read_change),
        _change_holds,
        frozenset({DecodeError, UnsupportedVersion, NoRight}),
        _change_seeds,
        Shape.CBOR,
        2048,
    ),
)
