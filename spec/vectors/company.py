"""A company of the vectors, built from chapters 15 and 18 with `suite` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from spec.vectors import parties
from spec.vectors.parties import Device
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, hash_, sign_public, signed

WHO: Final = {"chief": (1, 1), "desk": (1, 1), "agent": (1, 0), "bot": (2, 0)}
MANDATE_LIFE_MS: Final = 90 * DAY_MS
ROSTER_LIFE_MS: Final = 7 * DAY_MS
RELAY_URL: Final = "wss://relay.example/"
TEXTS: Final = {
    "de": "Wir lesen, was Sie schreiben, um zu antworten.",
    "en": "We read what you write to answer.",
}
ROOM: Final = draw("company room", 16)


def device(who: str) -> Device:
    """A device of the company."""
    return parties.device(f"company {who}", *WHO[who], account="company")


def devices() -> dict[str, Device]:
    """All of them by name."""
    return {who: device(who) for who in WHO}


ACCOUNT_SEED: Final = draw("company account seed", 32)
ACCOUNT_ID: Final = sign_public(ACCOUNT_SEED)


def roster_seed(number: int = 1) -> bytes:
    """The roster key of a mandate."""
    return draw(f"company roster key {number}", 32)


def login_seed(number: int = 1) -> bytes:
    """The login key of a mandate."""
    return draw(f"company login key {number}", 32)


def device_list() -> dict[int, Value]:
    """The map of the company's first device list."""
    hashes = [one.record_hash for one in devices().values()]
    return parties.list_entries(device("chief"), 1, None, hashes)


def mandate(number: int = 1, seq: int = 3_100_000) -> dict[int, Value]:
    """The map of a mandate: the chief is supervisor, chief and desk are cleared."""
    chief, desk = device("chief").device_id, device("desk").device_id
    return {
        1: 1,
        2: ACCOUNT_ID,
        3: seq,
        4: NOW_MS,
        5: NOW_MS + MANDATE_LIFE_MS,
        6: sign_public(roster_seed(number)),
        7: sign_public(login_seed(number)),
        8: [chief],
        9: sorted([chief, desk]),
        10: [],
        11: ["https://praxis.example"],
    }


def sign_mandate(entries: dict[int, Value]) -> bytes:
    """A signed mandate."""
    return signed("SR1-sig-mandate", ACCOUNT_SEED, entries)


def card(who: str, name: str) -> dict[int, Value]:
    """The map of a card."""
    blind = draw(f"company blind {who}", 16)
    return {1: 1, 2: ACCOUNT_ID, 3: device(who).device_id, 4: blind, 5: name, 6: ["de", "en"], 7: ["Empfang"]}


def card_hash(who: str) -> bytes:
    """The hash of a device's card."""
    return hash_("SR1-agent-card", cbor(card(who, who.title())))


def roster(
    who: tuple[str, ...] = tuple(WHO),
    seq: int = 3_100_001,
    mandate_seq: int = 3_100_000,
    suspended: Sequence[bytes] = (),
    ends: Mapping[str, int] | None = None,
) -> dict[int, Value]:
    """The map of a roster; `ends` are those of devices that end early."""
    ends = ends or {}
    named: list[Value] = [
        [device_id, NOW_MS + ROSTER_LIFE_MS if one not in ends else ends[one], card_hash(one)]
        for device_id, one in sorted((device(one).device_id, one) for one in who)
    ]
    return {
        1: 1,
        2: ACCOUNT_ID,
        3: mandate_seq,
        4: seq,
        5: NOW_MS,
        6: NOW_MS + ROSTER_LIFE_MS,
        7: [1, parties.list_hash(device_list())],
        8: named,
        9: hash_("SR1-notice", cbor(notice())),
        10: [],
        11: list(suspended),
    }


def sign_roster(entries: dict[int, Value], number: int = 1) -> bytes:
    """A signed roster."""
    return signed("SR1-sig-roster", roster_seed(number), entries)


def channels() -> dict[int, Value]:
    """The map of channels: one of each kind, hours in two languages."""
    return {
        1: 1,
        2: ACCOUNT_ID,
        3: 3_100_000,
        4: NOW_MS,
        5: [
            [1, "+49 30 1234-0", "Empfang"],
            [2, "praxis@praxis.example", "E-Mail"],
            [3, "Praxis\nHauptstraße 1\n10115 Berlin", "Post"],
            [4, "https://praxis.example/kontakt?a=1#b", "Formular"],
        ],
        6: [["de", "Mo bis Fr, 8 bis 12 Uhr"], ["en", "Mon to Fri, 8 to 12"]],
    }


def sign_channels(entries: dict[int, Value]) -> bytes:
    """Signed channels."""
    return signed("SR1-sig-channels", roster_seed(), entries)


def text_hashes() -> list[Value]:
    """The texts by locale, as a notice names them."""
    return [[name, hashlib.sha256(text.encode()).digest()] for name, text in sorted(TEXTS.items())]


def notice(version: int = 1) -> dict[int, Value]:
    """The map of a notice."""
    return {
        1: 1,
        2: ACCOUNT_ID,
        3: version,
        4: NOW_MS,
        5: 2,
        6: ["Praxis Dr. Müller", "Hauptstraße 1\n10115 Berlin", "praxis@praxis.example"],
        7: None,
        8: [[1, "Art. 6 (1) a", True], [2, "Art. 6 (1) a", False]],
        9: ["Relay GmbH", RELAY_URL],
        10: ["Labor GmbH"],
        11: [],
        12: [[1, 604_800], [2, 7_776_000]],
        13: "Landesbeauftragte",
        14: "https://praxis.example/impressum",
        15: "https://praxis.example/datenschutz",
        16: True,
        17: 16,
        18: False,
        19: text_hashes(),
        20: "de",
        21: "health",
    }


def sign_notice(entries: dict[int, Value]) -> bytes:
    """A signed notice."""
    return signed("SR1-sig-notice", ACCOUNT_SEED, entries)


def door() -> list[Value]:
    """The items of a door."""
    texts: list[Value] = [[name, text.encode()] for name, text in sorted(TEXTS.items())]
    return [sign_mandate(mandate()), sign_notice(notice()), texts, sign_channels(channels())]


def customer() -> Device:
    """A device of a customer."""
    return parties.device("company customer")


def receipt(seq: int = 1, purposes: int = 3, version: int = 1) -> dict[int, Value]:
    """The map of a receipt."""
    notice_hash = hash_("SR1-notice", cbor(notice(version)))
    return {1: notice_hash, 2: "de", 3: 2, 4: purposes, 5: NOW_MS, 6: ROOM, 7: seq}


def sign_receipt(entries: dict[int, Value]) -> bytes:
    """A signed receipt."""
    return signed("SR1-sig-consent", customer().sign_seed, entries)


def withdrawal(seq: int = 2, of: int = 1) -> dict[int, Value]:
    """The map of a withdrawal."""
    return {1: hash_("SR1-consent", cbor(receipt(of))), 2: ROOM, 3: NOW_MS + 1, 4: seq}


def sign_withdrawal(entries: dict[int, Value]) -> bytes:
    """A signed withdrawal."""
    return signed("SR1-sig-withdraw", customer().sign_seed, entries)
