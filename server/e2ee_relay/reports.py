"""Stored rows and statistics as text for people, or as JSON for programs (RLY-77, RLY-85)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString, TypeAlias, cast

JsonValue: TypeAlias = int | str | None
Row: TypeAlias = Mapping[str, JsonValue]
Held: TypeAlias = Mapping[str, Sequence[Row]]

_DAY_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
# What is counted of a database of either kind; no id is among it.
COUNTED: Final[dict[str, LiteralString]] = {
    "mailboxes": "SELECT count(*) FROM mailbox",
    "tokens": "SELECT count(*) FROM token",
    "held_messages": "SELECT count(*) FROM message",
    "held_bytes": "SELECT CAST(coalesce(sum(length(body)), 0) AS bigint) FROM message",
    "oldest_held_ms": "SELECT min(received_ms) FROM message",
    "remembered_ids": "SELECT count(*) FROM seen",
    "blobs": "SELECT count(*) FROM blob",
    "blob_bytes": "SELECT CAST(coalesce(sum(size_b), 0) AS bigint) FROM blob",
    "accounts": "SELECT count(DISTINCT account_id) FROM device_list",
    "devices": "SELECT count(*) FROM device",
    "one_time_x25519": "SELECT count(*) FROM prekey WHERE key_type = 1",
    "one_time_kem": "SELECT count(*) FROM prekey WHERE key_type = 2",
}
# Devices that have ever uploaded, and have fewer keys of a kind than the number that stands behind it.
DEVICES_BELOW: Final[LiteralString] = (
    "SELECT count(DISTINCT record_hash) FROM prekey_mark AS mark WHERE (SELECT count(*) FROM prekey"
    " WHERE prekey.record_hash = mark.record_hash AND prekey.key_type = mark.key_type) < "
)
# A longer byte string is shown by its beginning and its size; --json has all of it.
_SHOWN_HEX: Final = 128
_BEGINNING_HEX: Final = 32


def as_row(names: Iterable[str], values: Iterable[object]) -> dict[str, JsonValue]:
    """Return a row of a database as it is shown: byte strings as hex."""
    shown = [one.hex() if isinstance(one, bytes) else one for one in values]
    return dict(zip(names, cast("list[JsonValue]", shown), strict=True))


def print_held(held: Held, what: str, *, as_json: bool) -> None:
    """Print every row about a mailbox or account, by table; `what` says which of both."""
    if as_json:
        sys.stdout.write(json.dumps(held, indent=2) + "\n")
    elif not any(held.values()):
        sys.stdout.write(f"nothing found about this {what}\n")
    else:
        sys.stdout.writelines(_table(name, rows) for name, rows in held.items() if rows)


def _table(name: str, rows: Sequence[Row]) -> str:
    parts = [f"{name}: {len(rows)}\n"]
    for row in rows:
        lines = [f"{column}: {shown(column, value)}\n" for column, value in row.items()]
        parts.append("  - " + "    ".join(lines))
    return "".join(parts)


def print_statistics(figures: Row, *, as_json: bool) -> None:
    """Print figures, one a line."""
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    labels = {name: name.removesuffix("_ms").replace("_", " ") for name in figures}
    width = max(len(label) for label in labels.values())
    sys.stdout.writelines(
        f"{labels[name]:<{width}}  {shown(name, value)}\n" for name, value in figures.items()
    )


def shown(name: str, value: JsonValue) -> str:
    """Return a value as people read it: times by the end of the name, sizes with a unit, long bytes cut."""
    if value is None:
        return "none"
    if isinstance(value, str):
        if len(value) <= _SHOWN_HEX:
            return value
        return f"{value[:_BEGINNING_HEX]}... ({len(value) // 2} bytes; all of them: --json)"
    if name.endswith(("_ms", "_day")):
        return _date(name, value)
    return size(value) if name.endswith("_bytes") else str(value)


def _date(name: str, value: int) -> str:
    try:
        if name.endswith("_day"):
            return f"{_DAY_ZERO + timedelta(days=value):%Y-%m-%d}"
        return _time(_DAY_ZERO + timedelta(milliseconds=value))
    except OverflowError:  # a device may have stated a time beyond the calendar
        return str(value)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def size(size_b: int) -> str:
    """Return a size with a unit, three digits of it."""
    amount, place = float(size_b), 0
    while amount >= 1000 and place < len(_UNITS) - 1:
        amount, place = amount / 1024, place + 1
    return f"{amount:.3g} {_UNITS[place]}"


def receipt(kind: str, subject: bytes, before: Held, after: Held, *, now_s: float, by: str) -> str:
    """Return what was removed, when and by whom, for the operator's files (RLY-172)."""
    counts = ", ".join(f"{table} {len(rows)}" for table, rows in before.items() if rows)
    left = sum(len(rows) for rows in after.values())
    lines = {
        "not removed" if left else "removed": f"{kind} {subject.hex()}",
        "at": _time(datetime.fromtimestamp(now_s, UTC)),
        "by": by,
        "rows before" if left else "rows": counts,
        "left": f"{left} rows",
        "not in it": "backups, copies of the disk, relay.db.old*",
    }
    return "receipt\n" + "".join(f"  {name}: {text}\n" for name, text in lines.items())
