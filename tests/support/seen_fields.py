"""What reaches a relay, taken apart into fields as far as a relay can do it (LKG-01).

Frames and rows are read without the relay's own decoder, so that a key, an item or a column that nobody
declared comes out under a path of its own. What has a public layout (envelope, record, list, prekey,
address, bundle) is opened further; what does not fit its layout comes out as `...unreadable`, which nobody
declares either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import cbor2
from e2ee_relay import protocol

Value = bytes | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Owner:
    """The message, mailbox and account that a frame or row names, where it does."""

    message: bytes | None = None
    mailbox: bytes | None = None
    account: bytes | None = None


NOBODY = Owner()


@dataclass(frozen=True, slots=True)
class Field:
    """One value that the relay sees, and whose it is."""

    path: str
    value: Value
    owner: Owner = NOBODY


# --- names ---

RECORD = (
    *("version", "suites", "account_id", "device_id", "sign_pub", "dh_pub"),
    *("kind", "flags", "created_ms", "expires_ms"),
)
DEVICE_LIST = (
    *("version", "account_id", "seq", "prev_hash"),
    *("issued_ms", "expires_ms", "recovery_pub", "records"),
)
PREKEY = ("suite", "account_id", "record_hash", "type", "usage", "id", "not_after_ms", "key")
ADDRESS = ("version", "record_hash", "mailbox", "token", "issued_ms")
LIMITS = tuple(one.name for one in fields(protocol.Limits))
SEND_ITEM = tuple(one.name for one in fields(protocol.SendItem))
SEND_RESULT = tuple(one.name for one in fields(protocol.SendResult))
FRAMES: dict[int, tuple[str, ...]] = {
    kind.OP: tuple(one.name for one in fields(kind))[1:] for kind in get_args(protocol.KnownFrame)
}
_PREFIX = (
    *(("ephemeral", 32), ("spk_id", 4), ("opk_id", 4), ("pqk_id", 4)),
    *(("ciphertext", 1088), ("sealed_identity", 976)),
)
_BEFORE_BODY = (("tag", 8), ("salt", 16), ("sealed_header", 64))
_NUMBERS = frozenset({"spk_id", "opk_id", "pqk_id"})
_PREKEY_KEY = {1: "x25519_key", 2: "kem_key"}


def operation_names(root: Path) -> dict[int, str]:
    """Numbers and names of all frames, from the tables of chapter 11."""
    chapter = (root / "spec/11-relay.md").read_text("utf-8")
    frames = chapter[: chapter.index("\n## 3. ")]
    return {int(number): name for number, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", frames, re.M)}


# --- structures with a public layout ---

Opened = Iterator[tuple[str, Value]]


def _by_number(name: str, names: Sequence[str], values: Mapping[Any, Any]) -> Opened:
    for key, value in values.items():
        known = isinstance(key, int) and 1 <= key <= len(names)
        path = f"{name}.{names[key - 1] if known else f'key {key}'}"
        yield from ((path, one) for one in (value if isinstance(value, list) else [value]))


def _signed(open_inner: Callable[[bytes], Opened], name: str) -> Callable[[bytes], Opened]:
    def open_(encoded: bytes) -> Opened:
        inner, signature, *more = cbor2.loads(encoded)
        yield from open_inner(inner)
        yield f"{name}.signature", signature
        yield from ((f"{name}.more", one) for one in more)

    return open_


def _record(encoded: bytes) -> Opened:
    yield from _by_number("record", RECORD, cbor2.loads(encoded))


def _device_list(encoded: bytes) -> Opened:
    yield from _by_number("list", DEVICE_LIST, cbor2.loads(encoded))


def _address(encoded: bytes) -> Opened:
    yield from _by_number("address", ADDRESS, cbor2.loads(encoded))


def _prekey(encoded: bytes) -> Opened:
    values = cbor2.loads(encoded)
    for path, value in _by_number("prekey", PREKEY, values):
        yield (f"prekey.{_PREKEY_KEY[values[4]]}" if path == "prekey.key" else path), value


_LIST = _signed(_device_list, "list")
_SIGNED_ADDRESS = _signed(_address, "address")
_SIGNED_PREKEY = _signed(_prekey, "prekey")


def _bundle(encoded: bytes) -> Opened:
    openers = {1: _record, 2: _LIST, 3: _SIGNED_PREKEY, 4: _SIGNED_PREKEY, 5: _SIGNED_PREKEY}
    for key, value in cbor2.loads(encoded).items():
        if key not in openers:
            yield f"bundle.key {key}", value
        elif value is None:
            yield "bundle.absent", key
        else:
            yield from openers[key](value)


def _cut(name: str, layout: Sequence[tuple[str, int]], encoded: bytes) -> Opened:
    for part, size_b in layout:
        value, encoded = encoded[:size_b], encoded[size_b:]
        yield f"{name}.{part}", int.from_bytes(value, "big") if part in _NUMBERS else value
    if encoded:
        yield f"{name}.sealed_body", encoded


def _envelope(encoded: bytes) -> Opened:
    version, kind = encoded[:2]
    yield "envelope.size", len(encoded)
    yield "envelope.version", version
    yield "envelope.kind", kind
    layout = (*_PREFIX, *_BEFORE_BODY) if kind == 2 else _BEFORE_BODY
    yield from _cut("envelope", layout, encoded[2:])


STRUCTURES: dict[str, Callable[[bytes], Opened]] = {
    **dict.fromkeys(("SEND.body", "MESSAGE.body", "db.message.body"), _envelope),
    **dict.fromkeys(("PUBLISH.lists", "LOOKUP_RESULT.lists", "db.device_list.signed_list"), _LIST),
    **dict.fromkeys(("PUBLISH.records", "LOOKUP_RESULT.records", "db.device.record"), _record),
    **dict.fromkeys(("PUBLISH.addresses", "LOOKUP_RESULT.addresses", "db.device.address"), _SIGNED_ADDRESS),
    **dict.fromkeys(
        (
            *("PREKEYS_UPLOAD.signed_prekey", "PREKEYS_UPLOAD.last_resort"),
            *("PREKEYS_UPLOAD.one_time_x25519", "PREKEYS_UPLOAD.one_time_kem"),
            *("db.prekey.signed_prekey", "db.reusable_prekey.signed_prekey"),
        ),
        _SIGNED_PREKEY,
    ),
    "PREKEYS_BUNDLE.bundle": _bundle,
}


def opened(path: str, value: Value, owner: Owner = NOBODY) -> Iterator[Field]:
    """Open a value further if its path has a public layout."""
    structure = STRUCTURES.get(path)
    if structure is None or not isinstance(value, bytes):
        yield Field(path, value, owner)
        return
    try:
        parts = list(structure(value))
    except (ValueError, KeyError, TypeError, AttributeError, EOFError):
        parts = [(f"{path}.unreadable", value)]
    yield from (Field(inner, part, owner) for inner, part in parts)


# --- frames ---


def fields_of_message(encoded: bytes, names: Mapping[int, str]) -> list[Field]:
    """Take one binary message apart, whatever it holds."""
    frames = cbor2.loads(encoded)
    return [field for frame in frames for field in _frame(frame, names)]


def _frame(frame: Mapping[int, Any], names: Mapping[int, str]) -> Iterator[Field]:
    operation = frame[0]
    name = names.get(operation, f"operation {operation}")
    known = FRAMES.get(operation, ())
    owner = _owner(dict(zip(known, (frame[key] for key in sorted(frame) if key >= 2), strict=False)))
    yield Field("frame.operation", name)
    for key, value in frame.items():
        if key == 1:
            yield Field("frame.request_id", value)
        elif key >= 2:
            part = known[key - 2] if key - 2 < len(known) else f"key {key}"
            yield from _values(f"{name}.{part}", value, owner)


def _owner(values: Mapping[str, Any]) -> Owner:
    named = values.get("mailboxes", [values.get("mailbox")])
    mailbox = named[0] if len(named) == 1 else None
    return Owner(values.get("msg_id"), mailbox, values.get("account_id"))


def _values(path: str, value: Any, owner: Owner) -> Iterator[Field]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from opened(f"{path}.{LIMITS[key] if key in range(len(LIMITS)) else f'key {key}'}", inner)
    elif isinstance(value, list):
        for one in value:
            yield from _row(path, one) if isinstance(one, list) else opened(path, one, owner)
    else:
        yield from opened(path, value, owner)


def _row(path: str, row: list[Any]) -> Iterator[Field]:
    operation = path.split(".", 1)[0]
    names = SEND_ITEM if operation == "SEND" else SEND_RESULT
    owner = Owner(row[2], row[0]) if operation == "SEND" else NOBODY
    for place, value in enumerate(row):
        part = names[place] if place < len(names) else f"item {place}"
        yield from opened(f"{operation}.{part}", value, owner)


# --- rows ---


def fields_of_row(table: str, row: Mapping[str, Value]) -> list[Field]:
    """Take one row of the database apart; `meta` has a path for each of its names."""
    if table == "meta":
        return [Field(f"db.meta.{row['name']!s}", row["value"])]
    owner = Owner(_bytes(row.get("msg_id")), _bytes(row.get("mailbox")), _bytes(row.get("account_id")))
    return [field for column, value in row.items() for field in opened(f"db.{table}.{column}", value, owner)]


def _bytes(value: Value) -> bytes | None:
    return value if isinstance(value, bytes) else None
