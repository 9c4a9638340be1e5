"""A reader of proofs of consent, written from chapter 18 alone beside the other independent readers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import independent_company as company
import independent_rooms as rooms
from independent_reader import (
    DeviceList,
    Record,
    Value,
    decode,
    digest,
    fields,
    head_bytes,
    items,
    need,
    octets,
    signed_parts,
    version_one,
)

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Shown:
    """What a proof shows."""

    withdrawn: bool
    answer: str | None
    doubts: list[str]


class Sides(NamedTuple):
    """The room, and whose it is."""

    company: bytes
    customer: bytes
    room: bytes


class Line(NamedTuple):
    """An entry that was read from a line."""

    account: bytes
    device: bytes
    kind: int
    payload: Any
    hash: bytes


def _given(value: Value, customer: bytes) -> tuple[bytes, Record, DeviceList]:
    signed, record, listed = items(value, 3, 3)
    found = Record.parse(octets(record))
    devices = DeviceList.verified(octets(listed), customer)
    devices.holds(found)
    return octets(signed), found, devices


def _said(signed: bytes) -> Any:
    return decode(signed_parts(signed, 256)[0])


def _doubts(record: Record, devices: DeviceList, at_ms: int) -> set[str]:
    in_time = {
        "record": record.created_ms - DAY_MS <= at_ms <= record.expires_ms + DAY_MS,
        "device_list": devices.issued_ms - DAY_MS <= at_ms <= devices.expires_ms + DAY_MS,
    }
    return {name for name, holds in in_time.items() if not holds}


def verify(raw: bytes, account: bytes) -> Shown:
    """A proof (CNS-24, CNS-25)."""
    proof = fields(decode(raw), 10)
    version_one(proof[1])
    need(octets(proof[2], 32) == account, "remote.identity")
    customer = octets(proof[3], 32)
    sides = Sides(account, customer, _room(account, customer, octets(proof[4], 16)))
    mandate = company.Mandate.verified(octets(proof[5]), account)
    notice = company.Notice.verified(octets(proof[6]), account)
    text = octets(proof[7])
    signed, record, devices = _given(proof[8], customer)
    receipt = company.Receipt.verified(signed, record.sign_pub)
    receipt.check(sides.room, notice)
    need(1 <= len(text) <= 16_384 and hashlib.sha256(text).digest() == notice.texts[receipt.locale])
    at_ms = _said(signed)[5]
    doubts = _doubts(record, devices, at_ms)
    if not mandate.issued_ms - DAY_MS <= at_ms <= mandate.expires_ms + DAY_MS:
        doubts.add("mandate")
    if notice.issued_ms > at_ms + DAY_MS:
        doubts.add("notice")
    carried, withdrawn = {signed: record.device}, False
    if proof[9] is not None:
        left, by, listed = _given(proof[9], customer)
        seq, _ = company.withdrawal(left, by.sign_pub, sides.room)
        need(_said(left)[1] == receipt.hash, "room.consent_required")
        doubts |= _doubts(by, listed, _said(left)[3])
        carried[left], withdrawn = by.device, seq >= receipt.seq
    told = None if proof[10] is None else _answer(proof[10], sides, carried, receipt)
    names = {None: None, signed: "receipt"}
    return Shown(withdrawn, names.get(told, "withdrawal"), sorted(doubts))


def _room(account: bytes, customer: bytes, nonce: bytes) -> bytes:
    return digest("SR1-room-id", account + customer + nonce)[:16]


def _answer(value: Value, sides: Sides, carried: dict[bytes, bytes], receipt: company.Receipt) -> bytes:
    """What an answer answers, by the table of CNS-24."""
    answer = fields(value, 6)
    mandate = company.Mandate.verified(octets(answer[1]), sides.company)
    roster = company.Roster.verified(octets(answer[2]), mandate)
    listed = DeviceList.verified(octets(answer[3]), sides.company)
    raw = [octets(one) for one in items(answer[4], 1, 16)]
    records = [Record.parse(one) for one in raw]
    whole = {one.hash for one in records} >= set(listed.hashes) and roster.head == (listed.seq, listed.hash)
    need(whole, "remote.list_gap")
    slot = head_bytes(4, 2) + b"".join(
        head_bytes(2, len(one)) + one for one in map(octets, (answer[1], answer[2]))
    )
    ranks = company.in_force(sides.company, [slot], listed, raw, roster.issued_ms)
    keys = {one.device: one.sign_pub for one in records if one.device in ranks}
    first, second = (_line(answer[key], sides, keys) for key in (5, 6))
    need((first.account, second.account) == (sides.customer, sides.company), "remote.identity")
    need(first.kind in (1, 8, 9), "remote.identity")
    told = octets(first.payload[2] if first.kind == 1 else first.payload)
    if first.kind == 1:
        of_room = _room(sides.company, sides.customer, first.payload[1]) == sides.room
        need(of_room, "remote.content")
    need(carried.get(told) == first.device, "remote.identity")
    need(second.kind == 2)
    need(ranks[second.device] >= 2, "room.right")
    state = second.payload
    named = first.hash in (state[3], *state[15])
    need(named and state[8] == [mandate.seq, roster.seq, roster.hash], "remote.identity")
    need(first.kind == 9 or state[9] == receipt.notice, "remote.identity")
    return told


def _line(value: Value, sides: Sides, keys: dict[bytes, bytes]) -> Line:
    """TRN-17, with the payload, which has to be here."""
    account, device, encoded, body, signature = items(value, 5, 5)
    key = keys.get(octets(device, 16)) if account == sides.company else None
    need(key is not None or account == sides.customer, "remote.identity")
    shown = body[0] if isinstance(body, list) else digest("SR1-commit", octets(body))
    made = rooms.entry_hash(octets(account, 32), octets(device), octets(shown, 32), octets(encoded))
    rooms.signed_rightly(made, None if signature is None else octets(signature), key)
    with rooms.as_content():
        header = rooms.header(octets(encoded))
        need(header[1] == sides.room)
        blind, payload = items(decode(octets(body), 32_768), 2, 2)
        octets(blind, 16)
        rooms.PAYLOADS.get(header[2], rooms.anything)(payload)
    return Line(octets(account), octets(device), header[2], payload, made)
