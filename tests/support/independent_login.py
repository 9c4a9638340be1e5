"""A reader of the logins of chapter 18, written from it alone, beside `independent_company`."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from independent_company import LAST_SEQ, LETTERS, Mandate, life, name
from independent_reader import (
    DIGITS,
    Value,
    decode,
    digest,
    fields,
    need,
    octets,
    signed_parts,
    uint,
    verify,
    version_one,
)
from independent_refusal import Refused

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Entry:
    """The `identify` that carries a token."""

    place: tuple[bytes, ...]
    """Customer, device and room."""
    sent_ms: int


def check(mandate: Mandate, signed: bytes, entry: Entry, now_ms: int) -> list[Value]:
    """Who has logged in (CNS-50 to CNS-52)."""
    raw, signature = signed_parts(signed, 1200)
    stated = uint(fields(decode(raw, 1200), 13)[3], 1, LAST_SEQ)
    need(stated >= mandate.seq, "login.expired")
    need(stated <= mandate.seq, "room.mandate")
    need(mandate.login_pub is not None, "remote.signature")
    verify(mandate.login_pub or b"", "SR1-sig-login", raw, signature)
    row = fields(decode(raw, 1200), 13)
    version_one(row[1])
    need(octets(row[2], 32) == mandate.account, "remote.identity")
    held_by = octets(row[4], 32), octets(row[5], 16), octets(row[6], 16)
    octets(row[7], 16)
    issued, expires = life(row[8], row[9], 1)
    need(expires <= issued + 10 * MINUTE_MS)
    person = [name(row[10]), *(None if row[key] is None else name(row[key]) for key in (11, 12))]
    level = uint(row[13], 1, 3)
    need(held_by == entry.place, "login.holder")
    need(entry.sent_ms >= issued - 5 * MINUTE_MS, "login.expired")
    need(entry.sent_ms <= expires + 5 * MINUTE_MS, "login.expired")
    need(now_ms <= expires + 30 * DAY_MS, "login.expired")
    return [*person, level]


def challenge(text: str) -> list[bytes]:
    """Company, customer, device, room and nonce (CNS-55)."""
    packed = _checked(text, "sealroom:login?v=1&c=", 156, "SR1-login-ask")
    return [packed[:32], packed[32:64], packed[64:80], packed[80:96], packed[96:]]


def issuing_key(text: str) -> tuple[bytes, int, int, bytes]:
    """Company, number and end of the mandate, login key (CNS-55)."""
    packed = _checked(text, "sealroom:login-key?v=1&k=", 108, "SR1-login-key")
    seq = uint(int.from_bytes(packed[32:36], "big"), 1, LAST_SEQ)
    return packed[:32], seq, uint(int.from_bytes(packed[36:44], "big")), packed[44:]


def token(text: str) -> bytes:
    """The bytes of a signed token (CNS-55)."""
    signed = _from_base64url(text.strip("\t\n\r "))
    need(0 < len(signed) <= 1200)
    return signed


def _checked(text: str, prefix: str, characters: int, label: str) -> bytes:
    given = text.strip("\t\n\r ")
    need(given[: len(prefix)] == prefix and len(given) == len(prefix) + characters)
    decoded = _from_base64url(given[len(prefix) :])
    need(digest(label, decoded[:-5])[:5] == decoded[-5:])
    return decoded[:-5]


def _from_base64url(text: str) -> bytes:
    need(all(one in LETTERS + DIGITS + "-_" for one in text) and len(text) % 4 != 1)
    found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(found).rstrip(b"=") != text.encode():
        raise Refused("remote.decode")
    return found
