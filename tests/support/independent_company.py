"""A reader of chapters 15 and 18, written from them alone, beside `independent_reader`."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from independent_reader import (
    DAY_MS,
    DIGITS,
    LOWER,
    DeviceList,
    Record,
    Value,
    decode,
    digest,
    fields,
    is_decimal,
    is_hidden,
    is_host,
    is_name,
    is_relay,
    items,
    need,
    octets,
    signed_parts,
    uint,
    verify,
    version_one,
)
from independent_refusal import Refused

LAST_SEQ = 2**31 - 1
UPPER = LOWER.upper()
LETTERS = LOWER + UPPER + DIGITS

# --- texts (ACC-20) ---


def words(value: Value, most: int = 240) -> str:
    """A plain text."""
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise Refused("remote.decode")
    for line in value.split("\n"):
        before = 0x200C
        for character in line:
            code_point = ord(character)
            joins = code_point in (0x200C, 0x200D, 0xFE0F)
            need(not is_hidden(code_point) and not (joins and before in (0x200C, 0x200D, 0xFE0F)))
            before = code_point
    return value


def locale(value: Value) -> str:
    """`de`, `de-DE` or `gsw`."""
    text = words(value, 5)
    language, dash, country = text.partition("-")
    need(all(one in LOWER for one in language) and len(language) in (2, 3))
    need(dash == "" or (len(language) == 2 and len(country) == 2 and all(one in UPPER for one in country)))
    return text


def name(value: Value) -> str:
    """A name (ID-33)."""
    if not isinstance(value, str):
        raise Refused("remote.decode")
    need(is_name([ord(one) for one in value]))
    return value


def is_origin(text: str) -> bool:
    """`https://` with a host that is no IPv4 address, and perhaps a port."""
    host, colon, port = text[8:].partition(":")
    named = is_host(host) and not all(one in DIGITS + "." for one in host)
    return text[:8] == "https://" and named and (colon == "" or (port != "0" and is_decimal(port, 65_535)))


def page(value: Value) -> str:
    """An origin, and perhaps a path."""
    text = words(value)
    at = text.find("/", 8)
    origin, path = (text, "") if at < 0 else (text[:at], text[at:])
    need(is_origin(origin) and all(one in LETTERS + "._~/%?&=+,:;@!$*()#-" for one in path))
    return text


def email(value: Value) -> str:
    """An address of e-mail."""
    text = words(value, 254)
    local, at, host = text.partition("@")
    need(at == "@" and 1 <= len(local) <= 64 and all(one in LETTERS + "!#$%&*+/=?^_{}~.-" for one in local))
    need(is_host(host) and not all(one in DIGITS + "." for one in host))
    return text


def phone(value: Value) -> str:
    """A telephone number."""
    text = words(value)
    rest = text.removeprefix("+")
    need(3 <= len(rest) <= 31 and rest[0] in DIGITS and all(one in DIGITS + " ()/-" for one in rest))
    return text


def ascends(values: Sequence[bytes | str | int]) -> None:
    """None is there twice, each is above the one before."""
    need(list(values) == sorted(set(values)))


def rows(value: Value, low: int, high: int, width: int) -> list[list[Value]]:
    """An array of arrays."""
    return [items(one, width, width) for one in items(value, low, high)]


def device_ids(value: Value) -> list[bytes]:
    """At most 16 ids."""
    found = [octets(one, 16) for one in items(value, 0, 16)]
    ascends(found)
    return found


def life(begin: Value, end: Value, days: int) -> tuple[int, int]:
    """Issued and expires."""
    issued, expires = uint(begin), uint(end)
    need(issued < expires <= issued + days * DAY_MS)
    return issued, expires


# --- chapter 15 ---


@dataclass(frozen=True)
class Mandate:
    """A mandate that holds."""

    account: bytes
    seq: int
    issued_ms: int
    expires_ms: int
    roster_pub: bytes
    login_pub: bytes | None
    supervisors: list[bytes]
    suspended: list[bytes]
    origins: list[str]
    hash: bytes

    @classmethod
    def verified(cls, signed: bytes, account: bytes) -> Mandate:
        """Signature, form, values (ACC-01, ACC-03)."""
        raw, signature = signed_parts(signed, 2000)
        verify(account, "SR1-sig-mandate", raw, signature)
        row = fields(decode(raw, 2000), 11)
        version_one(row[1])
        need(octets(row[2], 32) == account, "remote.identity")
        seq = uint(row[3], 1, LAST_SEQ)
        times = life(row[4], row[5], 90)
        roster_pub = octets(row[6], 32)
        login_pub = None if row[7] is None else octets(row[7], 32)
        need(account not in (roster_pub, login_pub) and roster_pub != login_pub)
        supervisors, _, suspended = (device_ids(row[key]) for key in (8, 9, 10))
        origins = [words(one, 200) for one in items(row[11], 0, 4)]
        need(all(is_origin(one) for one in origins))
        ascends(origins)
        mark = digest("SR1-mandate", raw)
        return cls(account, seq, *times, roster_pub, login_pub, supervisors, suspended, origins, mark)

    def check_time(self, now_ms: int) -> None:
        """With a day at both ends (ACC-04)."""
        need(self.issued_ms - DAY_MS <= now_ms <= self.expires_ms + DAY_MS, "room.mandate")


@dataclass(frozen=True)
class Roster:
    """A roster that holds."""

    seq: int
    issued_ms: int
    expires_ms: int
    head: tuple[int, bytes]
    named: dict[bytes, int]
    suspended: list[bytes]
    hash: bytes

    @classmethod
    def verified(cls, signed: bytes, mandate: Mandate) -> Roster:
        """Signature, form, values (ACC-02, ACC-03)."""
        raw, signature = signed_parts(signed, 2000)
        verify(mandate.roster_pub, "SR1-sig-roster", raw, signature)
        row = fields(decode(raw, 2000), 11)
        version_one(row[1])
        need(octets(row[2], 32) == mandate.account, "remote.identity")
        need(uint(row[3], 1, LAST_SEQ) == mandate.seq, "room.mandate")
        seq = uint(row[4], 1, LAST_SEQ)
        issued, expires = life(row[5], row[6], 7)
        list_seq, list_hash = items(row[7], 2, 2)
        head = uint(list_seq, 1, LAST_SEQ), octets(list_hash, 32)
        named = rows(row[8], 0, 12, 3)
        ascends([octets(one[0], 16) for one in named])
        ends = {octets(one[0]): uint(one[1], 0, expires) for one in named}
        need(all(len(octets(one[2])) == 32 for one in named))
        octets(row[9], 32)
        older = rows(row[10], 0, 4, 2)
        ascends([octets(one[0], 32) for one in older])
        need(all(uint(one[1]) >= 0 for one in older))
        suspended, mark = device_ids(row[11]), digest("SR1-roster", raw)
        return cls(seq, issued, expires, head, ends, suspended, mark)


def card(raw: bytes) -> bytes:
    """The hash of a card (ACC-03, ACC-14)."""
    row = fields(decode(raw, 1024), 7)
    version_one(row[1])
    need([len(octets(row[key])) for key in (2, 3, 4)] == [32, 16, 16])
    name(row[5])
    ascends([locale(one) for one in items(row[6], 0, 8)])
    need(all(name(one) for one in items(row[7], 0, 8)))
    return digest("SR1-agent-card", raw)


def channels(signed: bytes, mandate: Mandate, now_ms: int) -> None:
    """Channels of a mandate (ACC-03, ACC-18)."""
    raw, signature = signed_parts(signed, 8192)
    verify(mandate.roster_pub, "SR1-sig-channels", raw, signature)
    row = fields(decode(raw, 8192), 6)
    version_one(row[1])
    need(octets(row[2], 32) == mandate.account, "remote.identity")
    need(uint(row[3], 1, LAST_SEQ) == mandate.seq, "room.mandate")
    issued = uint(row[4])
    kinds: list[Callable[[Value], str]] = [phone, email, words, page]
    for kind, value, label in rows(row[5], 0, 16, 3):
        kinds[uint(kind, 1, 4) - 1](value)
        words(label)
    hours = rows(row[6], 0, 4, 2)
    ascends([locale(one[0]) for one in hours])
    need(all(words(one[1]) for one in hours))
    need(issued <= now_ms + DAY_MS, "room.mandate")


def roster_content(payload: bytes) -> None:
    """The payload of a content of type 12 (ACC-12)."""
    try:
        row = fields(decode(payload), 6)
        need(all(1 <= len(octets(row[key])) <= 2000 for key in (1, 2)))
        need(all(1 <= len(octets(one)) <= 1024 for one in items(row[3], 0, 8)))
        need(all(1 <= len(octets(one)) <= 256 for one in items(row[4], 0, 16)))
        need(all(1 <= len(octets(one)) <= 8192 for one in items(row[5], 0, 4)))
        need(all(1 <= len(octets(one)) <= 1024 for one in items(row[6], 0, 12)))
    except Refused:
        raise Refused("remote.content") from None


def in_force(
    account: bytes, slots: list[bytes], devices: DeviceList, records: list[bytes], now_ms: int
) -> dict[bytes, int]:
    """Who is in force after these slots, with the rank (ACC-05, ACC-09, ACC-10, ACC-19)."""
    pairs = []
    for slot in slots:
        signed, signed_roster = items(decode(slot, 4096), 2, 2)
        mandate = Mandate.verified(octets(signed), account)
        roster = Roster.verified(octets(signed_roster), mandate)
        if mandate.issued_ms <= now_ms + DAY_MS:
            pairs.append((mandate, roster))
    need(pairs != [], "room.mandate")
    newest = min((pair[0] for pair in pairs), key=lambda one: (-one.seq, one.hash))
    known = [roster for mandate, roster in pairs if mandate.hash == newest.hash]
    known = [one for one in known if one.issued_ms <= now_ms + DAY_MS]
    newest.check_time(now_ms)
    need(known != [], "room.roster_expired")
    roster = min(known, key=lambda one: (-one.seq, one.hash))
    need(roster.issued_ms - DAY_MS <= now_ms <= roster.expires_ms + DAY_MS, "room.roster_expired")
    devices.check_time(now_ms, DAY_MS)
    need(devices.account == account, "remote.identity")
    need(roster.head[0] <= devices.seq, "remote.list_gap")
    need(roster.head[0] < devices.seq or roster.head[1] == devices.hash, "remote.identity")
    out = set(newest.suspended).union(*(one.suspended for one in known))
    listed = [Record.parse(raw) for raw in records]
    listed = [one for one in listed if one.account == account and one.hash in devices.hashes]
    for one, other in itertools.combinations(listed, 2):
        same = (one.sign_pub, one.dh_pub) == (other.sign_pub, other.dh_pub)
        need(one.device != other.device or same, "remote.identity")
    found: dict[bytes, int] = {}
    for one in sorted(listed, key=lambda record: (record.created_ms, record.hash)):
        kind, flag = _kind(one)
        valid = one.created_ms - DAY_MS <= now_ms <= one.expires_ms and kind != 0
        end_ms = roster.named.get(one.device, -DAY_MS - 1)
        if valid and one.device not in out and now_ms <= end_ms + DAY_MS:
            found[one.device] = 3 if one.device in newest.supervisors else 2 if flag else int(kind == 1)
    return found


def _kind(record: Record) -> tuple[int, bool]:
    row = fields(decode(record.raw, 256), 10)
    return uint(row[7]), row[8] == 1


# --- chapter 18 ---


@dataclass(frozen=True)
class Notice:
    """A notice that holds."""

    issued_ms: int
    mode: int
    offered: int
    required: int
    relay: str
    texts: dict[str, bytes]
    default: str
    hash: bytes

    @classmethod
    def verified(cls, signed: bytes, account: bytes) -> Notice:
        """Signature, form, values (CNS-01, CNS-02)."""
        raw, signature = signed_parts(signed, 8192)
        verify(account, "SR1-sig-notice", raw, signature)
        row = fields(decode(raw, 8192), 21)
        version_one(row[1])
        need(octets(row[2], 32) == account, "remote.identity")
        uint(row[3], 1, LAST_SEQ)
        issued, mode = uint(row[4]), uint(row[5], 1, 3)
        controller = items(row[6], 3, 3)
        need(bool(words(controller[0]) and words(controller[1]) and email(controller[2])))
        need(row[7] is None or bool(words(row[7])))
        purposes = [(uint(no, 1, 32), words(basis), flag(must)) for no, basis, must in rows(row[8], 1, 32, 3)]
        ascends([number for number, _, _ in purposes])
        operator, relay = (words(one) for one in items(row[9], 2, 2))
        need(operator != "" and len(relay) <= 56 and is_relay(relay))
        need(all(words(one) for key in (10, 11) for one in items(row[key], 0, 32)))
        kept = [(uint(kind, 1, 4), uint(ttl, 0, 2**32 - 1)) for kind, ttl in rows(row[12], 1, 4, 2)]
        ascends([kind for kind, _ in kept])
        words(row[13])
        page(row[14])
        page(row[15])
        flag(row[16])
        need(row[17] is None or uint(row[17], 0, 150) >= 0)
        flag(row[18])
        texts = {locale(one): octets(mark, 32) for one, mark in rows(row[19], 1, 16, 2)}
        ascends([locale(one) for one, _ in rows(row[19], 1, 16, 2)])
        default = locale(row[20])
        need(default in texts and bool(words(row[21])))
        offered = sum(1 << (number - 1) for number, _, _ in purposes)
        required = sum(1 << (number - 1) for number, _, must in purposes if must)
        return cls(issued, mode, offered, required, relay, texts, default, digest("SR1-notice", raw))


def flag(value: Value) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise Refused("remote.decode")
    return value


def door(raw: bytes, account: bytes, now_ms: int, relay: str | None, origin: str | None) -> Notice:
    """A door file (CNS-04, CNS-05)."""
    parts = items(decode(raw, 262_144), 4, 4)
    texts = [(locale(one), octets(text)) for one, text in rows(parts[2], 1, 4, 2)]
    ascends([one for one, _ in texts])
    need(all(1 <= len(text) <= 16_384 for _, text in texts))
    mandate = Mandate.verified(octets(parts[0]), account)
    mandate.check_time(now_ms)
    need(origin is None or origin in mandate.origins, "room.mandate")
    notice = Notice.verified(octets(parts[1]), account)
    need(notice.issued_ms <= now_ms + DAY_MS, "room.mandate")
    need(relay is None or relay == notice.relay, "remote.identity")
    for one, text in texts:
        need(notice.texts.get(one) == hashlib.sha256(text).digest())
        words(text.decode("utf-8"), 16_384)
    need(notice.default in dict(texts))
    channels(octets(parts[3]), mandate, now_ms)
    return notice


@dataclass(frozen=True)
class Receipt:
    """A receipt that holds."""

    notice: bytes
    locale: str
    mode: int
    purposes: int
    room: bytes
    seq: int
    hash: bytes

    @classmethod
    def verified(cls, signed: bytes, public: bytes) -> Receipt:
        """Signature, form, values (CNS-06)."""
        raw, signature = signed_parts(signed, 256)
        verify(public, "SR1-sig-consent", raw, signature)
        row = fields(decode(raw, 256), 7)
        notice, language, mode = octets(row[1], 32), locale(row[2]), uint(row[3], 1, 3)
        purposes = uint(row[4], 0, 2**32 - 1)
        need(uint(row[5]) % 1000 == 0)
        room, seq = octets(row[6], 16), uint(row[7], 1, LAST_SEQ)
        return cls(notice, language, mode, purposes, room, seq, digest("SR1-consent", raw))

    def check(self, room: bytes, notice: Notice) -> None:
        """What its notice asks, for this room (CNS-07)."""
        said = self.notice == notice.hash and self.mode == notice.mode and self.locale in notice.texts
        within = self.purposes | notice.offered == notice.offered
        whole = self.purposes & notice.required == notice.required
        need(self.room == room and said and within and whole, "room.consent_required")


def withdrawal(signed: bytes, public: bytes, room: bytes) -> tuple[int, bytes]:
    """Number and bytes of a withdrawal (CNS-08)."""
    raw, signature = signed_parts(signed, 256)
    verify(public, "SR1-sig-withdraw", raw, signature)
    row = fields(decode(raw, 256), 4)
    octets(row[1], 32)
    where = octets(row[2], 16)
    uint(row[3])
    seq = uint(row[4], 1, LAST_SEQ)
    need(where == room, "room.consent_required")
    return seq, signed


def gate(kind: str, room: dict[str, Any]) -> None:
    """What a customer sends into a room (CNS-13)."""
    phase, over = room["phase"], room["over"]
    if kind == "9" or (kind == "1" and not (room["receipt"] and phase == 5)):
        return
    need(room["receipt"], "room.consent_required")
    need(kind not in ("2", "6", "12", "13", "16", "18", "22"), "room.right")
    if kind in ("5", "8", "10", "14 null", "15", "21"):
        return
    need(phase != 5, "room.erased")
    need(phase != 4 and not room["withdrawn"], "room.consent_withdrawn")
    need(phase != 3, "room.frozen")
    if phase == 2:
        late = kind == "20" and room["may_reopen"] and not over
        need(late, "room.closed")
    need(not over, "room.consent_stale")


def gate_line(kind: str, room: dict[str, Any]) -> None:
    """What a customer gives of a room, with its body, in a forward (CNS-92)."""
    need(room["receipt"], "room.consent_required")
    if kind not in ("2", "6", "12", "13", "16", "22"):
        gate("3" if kind == "18" else kind, room)


def counts(receipts: list[Receipt], withdrawals: list[int]) -> Receipt | None:
    """The receipt that counts; None if a withdrawal does (CNS-09)."""
    newest = min(receipts, key=lambda one: (-one.seq, one.hash))
    return newest if newest.seq > max(withdrawals, default=0) else None
