"""A reader of the assets of chapter 18, written from it alone, beside `independent_company`."""

from __future__ import annotations

from typing import Any

from independent_company import LAST_SEQ, LETTERS, ascends, is_origin, life, rows, words
from independent_reader import (
    DAY_MS,
    DIGITS,
    LOWER,
    Value,
    decode,
    fields,
    items,
    need,
    octets,
    signed_parts,
    uint,
    verify,
    version_one,
)

SEGMENT = LETTERS + "._-"
FILE = tuple[int, str, int, bytes, int, int]


def read(signed: bytes, account: bytes) -> dict[int, Any]:
    """The map of assets that hold (CNS-60, CNS-61)."""
    raw, signature = signed_parts(signed, 16_384)
    verify(account, "SR1-sig-assets", raw, signature)
    row = fields(decode(raw, 16_384), 10)
    version_one(row[1])
    need(octets(row[2], 32) == account, "remote.identity")
    uint(row[3], 1, LAST_SEQ)
    times = life(row[4], row[5], 90)
    words(row[6], 64)
    pages = [words(one, 200) for one in (row[7], *items(row[8], 1, 4))]
    need(all(is_origin(one) for one in pages))
    ascends(pages[1:])
    sets = items(row[9], 1, 4)
    for one in sets:
        headers = rows(one, 1, 16, 2)
        need(all(_is_name(name) and _is_said(said) for name, said in headers))
        ascends([str(name) for name, _ in headers])
    files = [_file(one, len(sets)) for one in rows(row[10], 1, 128, 6)]
    need([one[:2] for one in files] == sorted({one[:2] for one in files}))
    return {**row, 4: times[0], 5: times[1], 10: files}


def check(given: dict[int, Any], now_ms: int, origin: str | None) -> None:
    """Time and origin (CNS-62)."""
    need(given[4] - DAY_MS <= now_ms <= given[5] + DAY_MS, "remote.expired")
    need(origin in (None, given[7]), "remote.identity")


def follows(signed: bytes, known: bytes, account: bytes) -> None:
    """Whether one may come after a known one (CNS-63)."""
    number, before = read(signed, account)[3], read(known, account)[3]
    need(number >= before, "remote.list_rollback")
    need(number > before or signed == known, "remote.list_fork")


def _is_name(value: Value) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= 64:
        return False
    return value[0] in LOWER and all(one in LOWER + DIGITS + "-" for one in value)


def _is_said(value: Value) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= 1024:
        return False
    return " " not in (value[0], value[-1]) and all(0x20 <= ord(one) <= 0x7E for one in value)


def _file(row: list[Value], sets: int) -> FILE:
    place, path, size_b, mark, headers, age = row
    need(isinstance(path, str) and len(path) <= 120)
    before, *segments = str(path).split("/")
    need(before == "" and segments != [])
    need(all(one not in ("", ".", "..") and all(letter in SEGMENT for letter in one) for one in segments))
    numbers = uint(place, 0, 1), str(path), uint(size_b, 0, 4_194_304), octets(mark, 32)
    return (*numbers, uint(headers, 0, sets - 1), uint(age, 0, 2))
