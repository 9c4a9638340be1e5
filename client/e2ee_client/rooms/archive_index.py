"""The index of an archive: which file has which room, and as what it was written (EXP-20 to EXP-22)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from e2ee.ids import AccountId
from e2ee.rooms.entry import RoomId
from e2ee.wire.fields import MAX_MS
from e2ee_client.errors import ConfigError

INDEX_NAME: Final = "archive.json"
INDEX_MAX_B: Final = 64 * 1024**2
VERSION: Final = 1
MAX_KEPT: Final = 16
_NAME: Final = re.compile(r"[0-9]{4}-[0-9]{2}/([0-9a-f]{32})(\.[0-9]{1,16})?\.json")


class Archived(NamedTuple):
    """How a room was written: its file, what stood in it, when; and files that are kept from before."""

    file: str
    sha256: bytes
    entries: int
    withheld: int
    state: bytes
    at_ms: int
    kept: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """All rooms of an archive."""

    company: AccountId
    rooms: Mapping[RoomId, Archived]

    def with_room(self, room_id: RoomId, archived: Archived) -> Index:
        """Return an index in which a room is as it was just written."""
        return replace(self, rooms={**self.rooms, room_id: archived})

    def without_room(self, room_id: RoomId) -> Index:
        """Return an index in which a room is not."""
        return replace(self, rooms={one: known for one, known in self.rooms.items() if one != room_id})


def encode_index(index: Index) -> bytes:
    """Return an index as JSON."""
    rooms = {
        room_id.hex(): {
            "file": one.file,
            "sha256": one.sha256.hex(),
            "entries": one.entries,
            "withheld": one.withheld,
            "state": one.state.hex(),
            "at_ms": one.at_ms,
            "kept": [[name, digest.hex()] for name, digest in one.kept],
        }
        for room_id, one in index.rooms.items()
    }
    found = {"sealroom_archive": VERSION, "company": index.company.hex(), "rooms": rooms}
    return json.dumps(found, indent=1, sort_keys=True).encode() + b"\n"


class _Bad(Exception):
    """What stands there is none."""


def decode_index(content: bytes) -> Index:
    """Read an index.

    Raises:
        ConfigError: it is none, or of another version.
    """
    try:
        if len(content) > INDEX_MAX_B:
            raise _Bad
        found = _map(json.loads(content), {"sealroom_archive", "company", "rooms"})
        if found["sealroom_archive"] != VERSION or not isinstance(found["rooms"], dict):
            raise _Bad
        rooms = {RoomId(_hex(key, 16)): _archived(key, one) for key, one in found["rooms"].items()}
        return Index(AccountId(_hex(found["company"], 32)), rooms)
    except (_Bad, ValueError, RecursionError):
        raise ConfigError("the index of the archive is none of this version") from None


def _archived(room: str, value: object) -> Archived:
    one = _map(value, {"file", "sha256", "entries", "withheld", "state", "at_ms", "kept"})
    kept = one["kept"]
    if not isinstance(kept, list) or len(kept) > MAX_KEPT:
        raise _Bad
    return Archived(
        _name(one["file"], room),
        _hex(one["sha256"], 32),
        _number(one["entries"]),
        _number(one["withheld"]),
        _hex(one["state"], 32),
        _number(one["at_ms"]),
        tuple(_kept(pair, room) for pair in kept),
    )


def _kept(value: object, room: str) -> tuple[str, bytes]:
    if not isinstance(value, list) or len(value) != 2:
        raise _Bad
    return _name(value[0], room), _hex(value[1], 32)


def _map(value: object, names: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or value.keys() != names:
        raise _Bad
    return value


def _name(value: object, room: str) -> str:
    """Return the name of a file of a room: nothing that leads out of the folder."""
    match = _NAME.fullmatch(_text(value))
    if match is None or match[1] != room:
        raise _Bad
    return match[0]


def _hex(value: object, size_b: int) -> bytes:
    found = bytes.fromhex(_text(value))
    if len(found) != size_b or found.hex() != value:
        raise _Bad
    return found


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_MS:
        raise _Bad
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Bad
    return value
