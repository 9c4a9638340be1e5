"""Entries, payloads, signals and lines, read by the reader written from the chapters alone (16, 17)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import independent_reader as reader
from independent_reader import Value, need, octets, uint
from independent_refusal import Refused

Check: TypeAlias = Callable[[Value], object]
ATOM = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+/=?^_{}~.-")


@contextmanager
def as_content() -> Iterator[None]:
    """What is wrong with a content has the code of contents (CON-03)."""
    try:
        yield
    except Refused as refused:
        raise Refused("remote.content" if refused.code == "remote.decode" else refused.code) from None


def mapping(value: Value, checks: dict[int, Check], absent: tuple[int, ...] = ()) -> dict[int, Any]:
    """A map with these keys; those in `absent` may be missing."""
    if not isinstance(value, dict):
        raise Refused("remote.decode")
    need(set(value) <= set(checks) and set(checks) - set(absent) <= set(value))
    for key in sorted(value):
        checks[key](value[key])
    return value


def anything(value: Value) -> None:
    """Any value that chapter 04 accepts."""


def words(most: int) -> Check:
    """A text of so many bytes."""

    def check(value: Value) -> None:
        if not isinstance(value, str):
            raise Refused("remote.decode")
        need(1 <= len(value.encode("utf-8")) <= most)

    return check


def data(low: int, high: int | None = None) -> Check:
    """A byte string of so many bytes."""

    def check(value: Value) -> None:
        need(low <= len(octets(value)) <= (low if high is None else high))

    return check


def whole(low: int, high: int) -> Check:
    """A number."""
    return lambda value: uint(value, low, high)


def maybe(check: Check) -> Check:
    """Null, or something."""
    return lambda value: None if value is None else check(value)


def row(*checks: Check) -> Check:
    """An array of just these."""

    def check(value: Value) -> None:
        for one, item in zip(checks, reader.items(value, len(checks), len(checks)), strict=True):
            one(item)

    return check


def many(check: Check, low: int, high: int) -> Check:
    """An array of so many."""
    return lambda value: [check(item) for item in reader.items(value, low, high)]


def only(*allowed: object) -> Check:
    """One of these values, of the same type."""

    def check(value: Value) -> None:
        need(any(type(value) is type(one) and value == one for one in allowed))

    return check


def ascending(values: list[Any]) -> None:
    """None twice, in order."""
    need(all(left < right for left, right in itertools.pairwise(values)))


TIME, U32 = whole(0, 2**53 - 1), whole(0, 2**32 - 1)
HASH = data(32)
HASHES = many(HASH, 1, 64)
SIGNED = data(1, 8192)


def state(value: Value) -> None:
    """ROOM-04"""
    head = row(whole(1, 2**31 - 1), HASH)
    checks: dict[int, Check] = {
        1: reader.version_one,
        2: whole(1, 2**31 - 1),
        3: maybe(HASH),
        4: whole(1, 5),
        5: many(data(16), 0, 12),
        6: maybe(data(16)),
        7: maybe(head),
        8: row(whole(1, 2**31 - 1), whole(1, 2**31 - 1), HASH),
        9: maybe(HASH),
        10: row(whole(1, 4), U32),
        11: whole(0, 3),
        12: U32,
        13: many(data(1, 1024), 0, 4),
        14: maybe(words(200)),
        15: many(HASH, 0, 16),
        16: data(8),
    }
    found = mapping(value, checks, (16,))
    ascending(found[5])
    ascending(found[15])
    need(found[6] is None or found[6] in found[5])
    need(found[3] is not None or found[2] == 1)
    need(sum(map(len, found[13])) <= 2560)


DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{port}{at}" for port in ("COM", "LPT") for at in "0123456789\u00b9\u00b2\u00b3"
}


def file(value: Value) -> None:
    """TRN-21, TRN-22"""
    sizes: dict[int, Check] = {1: data(32), 2: data(32), 3: U32, 4: HASH, 5: whole(0, 2**26)}
    found = mapping(value, {**sizes, 6: words(128), 7: words(64), 8: TIME, 9: data(16)})
    need(found[3] == (65_536 if found[5] < 65_536 else reader.padded_size(found[5] + 1, under_prefix=False)))
    name = found[6]
    need(not set(name) & set('/\\<>:"|?*') and name[0] not in " ." and name[-1] not in " .")
    stem = name.partition(".")[0].rstrip(" ")
    need("".join(one.upper() if one.isascii() else one for one in stem) not in DEVICES)
    # ID-33 but for length and spaces: a letter in the place of each space.
    shown = [ord(one) if one != " " else 0x78 for one in name]
    need(all(reader.is_name(shown[at : at + 64]) for at in range(0, len(shown), 64)))


def access(value: Value) -> None:
    """TRN-21, TRN-22"""
    checks: dict[int, Check] = {1: whole(1, 4), 2: maybe(data(16)), 3: U32, 4: maybe(row(HASH, HASH))}
    found = mapping(value, {**checks, 5: maybe(words(200))})
    need(found[1] != 2 or (found[2] is not None and found[3] > 0 and found[4] is not None))


def reach(value: Value) -> None:
    """TRN-21, TRN-23"""
    found = mapping(value, {1: maybe(words(254))})[1]
    if found is None:
        return
    local, at, domain = found.partition("@")
    need(at == "@" and 1 <= len(local) <= 64 and set(local) <= ATOM)
    need(reader.is_host(domain) and not domain[-1].isdigit() and domain[0] != "[")


def form(value: Value) -> None:
    """TRN-21, TRN-22"""
    option = many(words(200), 0, 12)
    question = row(U32, whole(1, 4), words(200), only(True, False), option)
    found = mapping(value, {1: words(200), 2: many(question, 1, 12)})[2]
    ascending([one[0] for one in found])
    for one in found:
        need((one[1] == 1) == bool(one[4]))


def answer(value: Value) -> None:
    """TRN-21, TRN-22"""

    def given(item: Value) -> None:
        (words(1000) if isinstance(item, str) else TIME)(item)

    found = mapping(value, {1: HASH, 2: many(row(U32, given), 1, 12)})[2]
    ascending([one[0] for one in found])


def locale(value: Value) -> None:
    """ACC-20"""
    words(5)(value)
    language, dash, country = str(value).partition("-")
    letters = "abcdefghijklmnopqrstuvwxyz"
    need(len(language) in (2, 3) and all(one in letters for one in language))
    need(not dash or (len(language) == len(country) == 2 and all(one in letters.upper() for one in country)))


def refusal(value: Value) -> None:
    """TRN-21"""
    found = mapping(value, {1: data(8, 32), 2: words(64)})
    need(len(found[1]) in (8, 32))


def simple(checks: dict[int, Check], absent: tuple[int, ...] = ()) -> Check:
    """A map of which nothing more is asked."""
    return lambda value: mapping(value, checks, absent)


PAYLOADS: dict[int, Check] = {
    1: simple({1: data(16), 2: SIGNED}),
    2: state,
    3: simple({1: words(16_384), 2: HASH, 3: words(35), 4: only(True)}, (2, 3, 4)),
    4: simple({1: HASH, 2: words(16_384)}),
    5: simple({1: maybe(HASHES)}),
    6: simple({1: maybe(HASHES), 2: whole(1, 3), 3: TIME}, (3,)),
    7: file,
    8: SIGNED,
    9: SIGNED,
    10: simple({1: whole(1, 5)}),
    12: row(SIGNED, many(row(locale, data(1, 16_384)), 1, 1)),
    13: SIGNED,
    14: reach,
    15: simple({1: HASHES}),
    16: access,
    17: maybe(SIGNED),
    18: form,
    19: answer,
    20: simple({1: whole(1, 5), 2: words(500)}, (2,)),
    21: only(None),
    22: refusal,
}


def payload(kind: int, encoded: bytes) -> None:
    """A payload of a kind; one that is not known may be anything (TRN-20, TRN-21)."""
    with as_content():
        value = reader.decode(encoded, 32_768)
        PAYLOADS.get(kind, anything)(value)


def header(encoded: bytes) -> dict[int, Any]:
    """TRN-02"""
    link = row(data(8), TIME, HASH)
    checks: dict[int, Check] = {
        1: data(16),
        2: whole(1, 63),
        3: TIME,
        4: HASH,
        5: many(link, 1, 15),
        6: HASH,
        7: TIME,
    }
    found = mapping(reader.decode(encoded, 1024), checks, (4, 5, 6))
    need(4 not in found or found[3] > 0)
    ascending([one[:2] for one in found.get(5, [])])
    need(6 not in found or found[2] > 2)
    need(found[2] != 1 or (found[3] == 0 and 4 not in found and 5 not in found))
    return found


def entry_hash(account: bytes, device: bytes, commitment: bytes, encoded: bytes) -> bytes:
    """TRN-04"""
    return reader.digest("SR1-entry", account + device + commitment + encoded)


def signed_rightly(hash_: bytes, signature: bytes | None, key: bytes | None) -> None:
    """TRN-08, step 2."""
    need((signature is None) == (key is None), "room.signature")
    if signature is not None and key is not None:
        try:
            reader.verify(key, "SR1-sig-entry", hash_, signature)
        except Refused:
            raise Refused("room.signature") from None


def entry(given: dict[str, Any]) -> bytes:
    """An entry in a content, by hash (TRN-05, TRN-08)."""
    account, device, content = (bytes.fromhex(given[name]) for name in ("account_id", "device_id", "content"))
    key = None if given["sign_public"] is None else bytes.fromhex(given["sign_public"])
    with as_content():
        found = mapping(reader.decode(content), {1: data(1, 1024), 2: data(1, 32_768), 3: data(64)}, (3,))
        made = entry_hash(account, device, reader.digest("SR1-commit", found[2]), found[1])
        signed_rightly(made, found.get(3), key)
        sent = header(found[1])[7]
        need(made[:16].hex() == given["content_id"] and sent == given["sent_ms"])
    return made


def line(given: dict[str, Any]) -> bytes:
    """A line of a forward, by the hash of its entry (TRN-17)."""
    with as_content():
        account, device, encoded, shown, signature = reader.items(
            reader.decode(bytes.fromhex(given["line"])), 5, 5
        )
        account, device = octets(account, 32), octets(device, 16)
        data(1, 1024)(encoded)
        if isinstance(shown, list):
            row(HASH)(shown)
            commitment = octets(shown[0], 32)
        else:
            data(1, 32_768)(shown)
            commitment = reader.digest("SR1-commit", octets(shown))
        maybe(data(64))(signature)
        known = (account.hex(), device.hex()) == (given["company"], given["device_id"])
        need(known or account.hex() == given["customer"], "remote.identity")
        made = entry_hash(account, device, commitment, octets(encoded))
        signed = None if signature is None else octets(signature)
        signed_rightly(made, signed, bytes.fromhex(given["sign_public"]) if known else None)
        need(header(octets(encoded))[1].hex() == given["room_id"])
    return made


def signal(encoded: bytes) -> None:
    """TRN-14, TRN-25"""
    request: dict[int, Check] = {1: data(8), 2: whole(1, 5), 3: maybe(data(16)), 4: maybe(words(256))}
    kinds: dict[int, Check] = {
        2: many(row(data(8), TIME, TIME), 1, 64),
        3: simple({**request, 5: maybe(words(200))}),
        4: maybe(simple({1: words(256), 2: words(35), 3: TIME})),
        5: HASH,
    }
    with as_content():
        found = mapping(reader.decode(encoded), {1: data(16), 2: whole(1, 5), 3: anything}, (3,))
        need((3 in found) == (found[2] != 1))
        if found[2] != 1:
            kinds[found[2]](found[3])
        need(found[2] != 2 or all(first <= last for _, first, last in found[3]))


def forward(encoded: bytes) -> None:
    """TRN-15"""
    with as_content():
        mapping(reader.decode(encoded, 49_152), {1: data(16), 2: many(anything, 1, 64)})


def dossier(encoded: bytes) -> None:
    """ROOM-25"""
    back = simple({1: data(16), 2: data(32), 3: lambda url: reader.check_relay(str(url))})

    def bundle(value: Value) -> None:
        """Chapter 05 reads the prekeys."""
        found = mapping(value, {1: anything, 2: anything, 3: many(anything, 0, 8), 4: many(anything, 0, 8)})
        need(not found[3] and not found[4])

    with as_content():
        contact = row(data(1, 256), back, maybe(bundle))
        mapping(reader.decode(encoded), {1: data(1, 1024), 2: many(contact, 1, 4)})
