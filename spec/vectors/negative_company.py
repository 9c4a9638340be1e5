"""Defects of chapters 15 and 18: mandates, rosters, cards, channels, notices, doors, receipts, withdrawals.

Signatures are valid wherever the signature is not the defect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spec.vectors import company, parties
from spec.vectors.company_vectors import roster_payload
from spec.vectors.defects import Negative
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, signed

DECODE, VERSION, SIGNATURE, IDENTITY = (
    "remote.decode",
    "remote.version",
    "remote.signature",
    "remote.identity",
)
MANDATE, REQUIRED = "room.mandate", "room.consent_required"
Case = tuple[dict[int, Value], str]


def ids(count: int) -> list[Value]:
    """Device ids, ascending."""
    return [bytes((at,)) * 16 for at in range(count)]


def mandates() -> Iterator[Negative]:
    """Mandates."""
    good = company.mandate()
    seed, login = company.ACCOUNT_SEED, good[7]
    cases: dict[str, Case] = {
        "version-2": ({**good, 1: 2}, VERSION),
        "version-2-of-another-account": ({**good, 1: 2, 2: bytes(32)}, VERSION),
        "of-another-account": ({**good, 2: bytes(32)}, IDENTITY),
        "of-another-account-with-seq-0": ({**good, 2: bytes(32), 3: 0}, IDENTITY),
        "seq-0": ({**good, 3: 0}, DECODE),
        "seq-2-to-31": ({**good, 3: 2**31}, DECODE),
        "ends-when-it-begins": ({**good, 5: NOW_MS}, DECODE),
        "of-90-days-and-a-millisecond": ({**good, 5: NOW_MS + 90 * DAY_MS + 1}, DECODE),
        "roster-key-short": ({**good, 6: bytes(31)}, DECODE),
        "login-key-as-roster-key": ({**good, 6: login}, DECODE),
        "account-as-roster-key": ({**good, 6: company.ACCOUNT_ID}, DECODE),
        "account-as-login-key": ({**good, 7: company.ACCOUNT_ID}, DECODE),
        "17-supervisors": ({**good, 8: ids(17)}, DECODE),
        "cleared-twice": ({**good, 9: ids(1) * 2}, DECODE),
        "suspended-descending": ({**good, 10: ids(2)[::-1]}, DECODE),
        "five-origins": ({**good, 11: [f"https://{one}.example" for one in "abcde"]}, DECODE),
        "origin-without-tls": ({**good, 11: ["http://praxis.example"]}, DECODE),
        "origin-with-path": ({**good, 11: ["https://praxis.example/"]}, DECODE),
        "origins-descending": ({**good, 11: ["https://b.example", "https://a.example"]}, DECODE),
        "origin-of-201": ({**good, 11: ["https://" + "a." * 96 + "a"]}, DECODE),
        "key-missing": ({key: good[key] for key in range(1, 11)}, DECODE),
        "key-added": ({**good, 12: 0}, DECODE),
        "over-2000-bytes": ({**good, 1: 2, 6: bytes(2000)}, DECODE),
    }
    for name, (entries, error) in cases.items():
        given = {"account_id": company.ACCOUNT_ID, "signed": signed("SR1-sig-mandate", seed, entries)}
        yield _negative("mandate", name, "ACC-03", "mandate.verify", given, error)
    for name, label, key in (
        ("by-the-roster-key", "SR1-sig-mandate", company.roster_seed()),
        ("label-of-lists", "SR1-sig-list", seed),
    ):
        given = {"account_id": company.ACCOUNT_ID, "signed": signed(label, key, {**good, 1: 2})}
        yield _negative("mandate", name, "ACC-01 ACC-03", "mandate.verify", given, SIGNATURE)


def rosters() -> Iterator[Negative]:
    """Rosters."""
    good, end_ms = company.roster(), NOW_MS + 7 * DAY_MS
    row: list[Value] = [bytes(16), NOW_MS, bytes(32)]
    cases: dict[str, Case] = {
        "version-2": ({**good, 1: 2}, VERSION),
        "of-another-account": ({**good, 2: bytes(32), 3: 1}, IDENTITY),
        "of-another-mandate": ({**good, 3: 1}, MANDATE),
        "of-another-mandate-with-seq-0": ({**good, 3: 1, 4: 0}, MANDATE),
        "of-mandate-0": ({**good, 3: 0}, DECODE),
        "seq-0": ({**good, 4: 0}, DECODE),
        "seq-2-to-31": ({**good, 4: 2**31}, DECODE),
        "of-7-days-and-a-millisecond": ({**good, 6: end_ms + 1}, DECODE),
        "list-without-hash": ({**good, 7: [1]}, DECODE),
        "list-0": ({**good, 7: [0, bytes(32)]}, DECODE),
        "13-devices": ({**good, 8: [[one, NOW_MS, bytes(32)] for one in ids(13)]}, DECODE),
        "device-twice": ({**good, 8: [row, row]}, DECODE),
        "device-after-its-end": ({**good, 8: [[bytes(16), end_ms + 1, bytes(32)]]}, DECODE),
        "device-without-card": ({**good, 8: [[bytes(16), NOW_MS]]}, DECODE),
        "notice-null": ({**good, 9: None}, DECODE),
        "five-older-notices": ({**good, 10: [[bytes((at,)) * 32, 0] for at in range(5)]}, DECODE),
        "older-notice-twice": ({**good, 10: [[bytes(32), 0], [bytes(32), 1]]}, DECODE),
        "17-suspended": ({**good, 11: ids(17)}, DECODE),
        "suspended-twice": ({**good, 11: ids(1) * 2}, DECODE),
        "key-missing": ({key: good[key] for key in range(1, 11)}, DECODE),
    }
    base = {"account_id": company.ACCOUNT_ID, "mandate": company.sign_mandate(company.mandate())}
    for name, (entries, error) in cases.items():
        given = {**base, "signed": company.sign_roster(entries)}
        yield _negative("roster", name, "ACC-03", "roster.verify", given, error)
    keys = {
        "by-the-account": company.ACCOUNT_SEED,
        "by-the-login-key": company.login_seed(),
        "by-the-next-roster-key": company.roster_seed(2),
        "by-a-front-desk": company.device("desk").sign_seed,
    }
    for name, key in keys.items():
        given = {**base, "signed": signed("SR1-sig-roster", key, good)}
        yield _negative("roster", name, "ACC-02 ACC-06", "roster.verify", given, SIGNATURE)
    given = {**base, "signed": signed("SR1-sig-channels", company.roster_seed(), good)}
    yield _negative("roster", "label-of-channels", "ACC-02", "roster.verify", given, SIGNATURE)


def cards_and_channels() -> Iterator[Negative]:
    """Cards and channels."""
    card = company.card("agent", "Agent")
    cards: dict[str, Case] = {
        "version-2": ({**card, 1: 2}, VERSION),
        "account-short": ({**card, 2: bytes(31)}, DECODE),
        "blind-short": ({**card, 4: bytes(15)}, DECODE),
        "name-empty": ({**card, 5: ""}, DECODE),
        "name-of-65": ({**card, 5: "a" * 65}, DECODE),
        "name-turned": ({**card, 5: "a\u202eb"}, DECODE),
        "languages-descending": ({**card, 6: ["en", "de"]}, DECODE),
        "language-in-words": ({**card, 6: ["deutsch"]}, DECODE),
        "nine-languages": ({**card, 6: [f"a{one}" for one in "abcdefghi"]}, DECODE),
        "nine-teams": ({**card, 7: ["x"] * 9}, DECODE),
        "over-1024-bytes": ({**card, 1: 2, 4: bytes(1024)}, DECODE),
    }
    for name, (entries, error) in cards.items():
        yield _negative(
            "agent-card", name, "ACC-03 ACC-14", "agent_card.decode", {"card": cbor(entries)}, error
        )
    good = company.channels()
    cases: dict[str, Case] = {
        "version-2": ({**good, 1: 2}, VERSION),
        "of-another-account": ({**good, 2: bytes(32)}, IDENTITY),
        "of-another-mandate": ({**good, 3: 1}, MANDATE),
        "kind-5": ({**good, 5: [[5, "x", "y"]]}, DECODE),
        "17-of-them": ({**good, 5: [[3, "x", "y"]] * 17}, DECODE),
        "phone-in-words": ({**good, 5: [[1, "eins eins zwei", "y"]]}, DECODE),
        "phone-with-two-plus": ({**good, 5: [[1, "++49 30", "y"]]}, DECODE),
        "e-mail-of-two": ({**good, 5: [[2, "a@b,c@d", "y"]]}, DECODE),
        "post-of-241": ({**good, 5: [[3, "x" * 241, "y"]]}, DECODE),
        "page-that-is-a-script": ({**good, 5: [[4, "javascript:alert(1)", "y"]]}, DECODE),
        "label-with-a-tab": ({**good, 5: [[3, "x", "a\tb"]]}, DECODE),
        "hours-twice": ({**good, 6: [["de", "x"], ["de", "y"]]}, DECODE),
        "hours-of-a-locale-in-lower-case": ({**good, 6: [["de-de", "x"]]}, DECODE),
        "of-a-time-to-come": ({**good, 4: NOW_MS + DAY_MS + 1}, MANDATE),
        "of-a-time-to-come-and-kind-5": ({**good, 4: NOW_MS + DAY_MS + 1, 5: [[5, "x", "y"]]}, DECODE),
    }
    base = {
        "account_id": company.ACCOUNT_ID,
        "mandate": company.sign_mandate(company.mandate()),
        "now_ms": NOW_MS,
    }
    for name, (entries, error) in cases.items():
        given = {**base, "signed": company.sign_channels(entries)}
        yield _negative("channels", name, "ACC-03 ACC-18 ACC-20", "channels.verify", given, error)
    given = {**base, "signed": signed("SR1-sig-channels", company.ACCOUNT_SEED, good)}
    yield _negative("channels", "by-the-account", "ACC-18", "channels.verify", given, SIGNATURE)


def teams() -> Iterator[Negative]:
    """Who is in force, and contents of type 12."""
    devices = company.devices()
    first = company.device_list()
    twin = {**devices["agent"].entries, 4: devices["chief"].device_id}
    twin_hash = parties.Device("twin", b"", b"", b"", twin).record_hash
    hashes = [one.record_hash for one in devices.values()]
    second = parties.list_entries(devices["chief"], 2, parties.list_hash(first), [*hashes, twin_hash])
    other = parties.device("company other")
    records = [one.record for one in devices.values()]
    base: dict[str, Any] = {
        "account_id": company.ACCOUNT_ID,
        "slots": [cbor([company.sign_mandate(company.mandate()), company.sign_roster(company.roster())])],
        "list_of": company.ACCOUNT_ID,
        "list": parties.sign_list(devices["chief"], first),
        "records": records,
        "now_ms": NOW_MS,
    }
    newer = company.sign_roster({**company.roster(), 7: [2, bytes(32)]})
    forked = company.sign_roster({**company.roster(), 7: [1, bytes(32)]})
    mandate = company.sign_mandate(company.mandate())
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "after-the-mandate": ({"now_ms": NOW_MS + 91 * DAY_MS + 1}, MANDATE),
        "after-the-roster": ({"now_ms": NOW_MS + 8 * DAY_MS + 1}, "room.roster_expired"),
        "roster-of-a-newer-list": ({"slots": [cbor([mandate, newer])]}, "remote.list_gap"),
        "roster-of-another-list": ({"slots": [cbor([mandate, forked])]}, IDENTITY),
        "list-of-another-account": (
            {"list_of": other.account_id, "list": parties.sign_list(other, parties.first_list(other))},
            IDENTITY,
        ),
        "device-id-of-a-supervisor": (
            {"list": parties.sign_list(devices["chief"], second), "records": [*records, cbor(twin)]},
            IDENTITY,
        ),
    }
    for name, (changes, error) in cases.items():
        yield _negative("team", name, "ACC-09 ACC-19", "team.view", {**base, **changes}, error)
    payload = roster_payload()
    contents: dict[str, Value] = {
        "nine-lists": {**payload, 3: [b"x"] * 9},
        "17-records": {**payload, 4: [b"x"] * 17},
        "record-of-257": {**payload, 4: [bytes(257)]},
        "mandate-of-2001": {**payload, 1: bytes(2001)},
        "roster-empty": {**payload, 2: b""},
        "five-notices": {**payload, 5: [b"x"] * 5},
        "notice-of-8193": {**payload, 5: [bytes(8193)]},
        "13-cards": {**payload, 6: [b"x"] * 13},
        "card-of-1025": {**payload, 6: [bytes(1025)]},
        "without-cards": {key: payload[key] for key in range(1, 6)},
        "null": None,
    }
    for name, value in contents.items():
        given = {"payload": cbor(value)}
        yield _negative("roster-content", name, "ACC-12", "roster_content.decode", given, "remote.content")


def notices() -> Iterator[Negative]:
    """Notices and doors."""
    good = company.notice()
    long = "wss://relay.example/" + "a" * 37
    cases: dict[str, Case] = {
        "version-2": ({**good, 1: 2}, VERSION),
        "of-another-account": ({**good, 2: bytes(32)}, IDENTITY),
        "number-0": ({**good, 3: 0}, DECODE),
        "mode-4": ({**good, 5: 4}, DECODE),
        "controller-without-e-mail": ({**good, 6: ["a", "b", "c"]}, DECODE),
        "controller-empty": ({**good, 6: ["", "b", "c@d"]}, DECODE),
        "officer-empty": ({**good, 7: ""}, DECODE),
        "no-purpose": ({**good, 8: []}, DECODE),
        "purpose-33": ({**good, 8: [[33, "x", True]]}, DECODE),
        "purpose-0": ({**good, 8: [[0, "x", True]]}, DECODE),
        "purpose-twice": ({**good, 8: [[1, "x", True], [1, "y", True]]}, DECODE),
        "purpose-required-1": ({**good, 8: [[1, "x", 1]]}, DECODE),
        "relay-url-of-57": ({**good, 9: ["x", long]}, DECODE),
        "relay-url-of-a-page": ({**good, 9: ["x", "https://relay.example/"]}, DECODE),
        "33-recipients": ({**good, 10: ["x"] * 33}, DECODE),
        "retention-of-class-5": ({**good, 12: [[5, 0]]}, DECODE),
        "retention-descending": ({**good, 12: [[2, 0], [1, 0]]}, DECODE),
        "no-retention": ({**good, 12: []}, DECODE),
        "authority-null": ({**good, 13: None}, DECODE),
        "imprint-without-tls": ({**good, 14: "http://praxis.example"}, DECODE),
        "bots-0": ({**good, 16: 0}, DECODE),
        "age-151": ({**good, 17: 151}, DECODE),
        "texts-descending": ({**good, 19: [["en", bytes(32)], ["de", bytes(32)]]}, DECODE),
        "no-text": ({**good, 19: []}, DECODE),
        "default-without-text": ({**good, 20: "fr"}, DECODE),
        "key-missing": ({key: good[key] for key in range(1, 21)}, DECODE),
    }
    for name, (entries, error) in cases.items():
        given = {"account_id": company.ACCOUNT_ID, "signed": company.sign_notice(entries)}
        yield _negative("notice", name, "CNS-02", "notice.verify", given, error)
    given = {
        "account_id": company.ACCOUNT_ID,
        "signed": signed("SR1-sig-notice", company.roster_seed(), good),
    }
    yield _negative("notice", "by-the-roster-key", "CNS-01", "notice.verify", given, SIGNATURE)
    yield from _doors()


def _doors() -> Iterator[Negative]:
    mandate, notice, texts, channels = company.door()
    late = company.sign_notice({**company.notice(), 4: NOW_MS + DAY_MS + 1})
    base: dict[str, Any] = {
        "account_id": company.ACCOUNT_ID,
        "door": cbor(company.door()),
        "now_ms": NOW_MS,
        "relay_url": company.RELAY_URL,
        "origin": "https://praxis.example",
    }
    rows: list[Value] = [["de", company.TEXTS["de"].encode()], ["en", b"Something else."]]
    english: list[Value] = [["en", company.TEXTS["en"].encode()]]
    five: list[Value] = [[one + "a", b"x"] for one in "abcde"]
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "after-the-mandate": ({"now_ms": NOW_MS + 91 * DAY_MS + 1}, MANDATE),
        "on-another-page": ({"origin": "https://evil.example"}, MANDATE),
        "with-another-relay": ({"relay_url": "wss://other.example/"}, IDENTITY),
        "on-another-page-with-another-relay": (
            {"origin": "https://evil.example", "relay_url": "wss://other.example/"},
            MANDATE,
        ),
        "with-a-notice-to-come": ({"door": cbor([mandate, late, texts, channels])}, MANDATE),
        "with-another-text": ({"door": cbor([mandate, notice, rows, channels])}, DECODE),
        "without-the-default-text": ({"door": cbor([mandate, notice, english, channels])}, DECODE),
        "with-five-texts": ({"door": cbor([mandate, notice, five, channels])}, DECODE),
        "with-channels-for-a-notice": ({"door": cbor([mandate, channels, texts, channels])}, SIGNATURE),
        "of-three": ({"door": cbor([mandate, notice, texts])}, DECODE),
    }
    for name, (changes, error) in cases.items():
        yield _negative("door", name, "CNS-04 CNS-05", "door.verify", {**base, **changes}, error)


def consents() -> Iterator[Negative]:
    """Receipts and withdrawals."""
    good, leave, public = company.receipt(), company.withdrawal(), company.customer().entries[5]
    receipts: dict[str, Case] = {
        "locale-in-words": ({**good, 2: "deutsch"}, DECODE),
        "mode-0": ({**good, 3: 0}, DECODE),
        "purposes-2-to-32": ({**good, 4: 2**32}, DECODE),
        "of-part-of-a-second": ({**good, 5: NOW_MS + 1}, DECODE),
        "room-short": ({**good, 6: bytes(15)}, DECODE),
        "seq-0": ({**good, 7: 0}, DECODE),
        "key-missing": ({key: good[key] for key in range(1, 7)}, DECODE),
    }
    for name, (entries, error) in receipts.items():
        given = {"public": public, "signed": company.sign_receipt(entries)}
        yield _negative("consent-receipt", name, "CNS-06", "consent_receipt.verify", given, error)
    seed = company.customer().sign_seed
    given = {"public": public, "signed": signed("SR1-sig-withdraw", seed, good)}
    yield _negative(
        "consent-receipt", "label-of-withdrawals", "CNS-06", "consent_receipt.verify", given, SIGNATURE
    )
    checked: dict[str, dict[int, Value]] = {
        "of-another-room": {**good, 6: draw("company other room", 16)},
        "of-another-notice": {**good, 1: bytes(32)},
        "in-a-language-without-text": {**good, 2: "fr"},
        "of-another-mode": {**good, 3: 3},
        "without-a-required-purpose": {**good, 4: 2},
        "with-a-purpose-that-is-none": {**good, 4: 5},
    }
    base = {
        "public": public,
        "room": company.ROOM,
        "account_id": company.ACCOUNT_ID,
        "notice": company.sign_notice(company.notice()),
    }
    for name, entries in checked.items():
        given = {**base, "signed": company.sign_receipt(entries)}
        yield _negative("consent-receipt", name, "CNS-07", "consent_receipt.check", given, REQUIRED)
    withdrawals: dict[str, Case] = {
        "of-another-room": ({**leave, 2: bytes(16)}, REQUIRED),
        "hash-short": ({**leave, 1: bytes(31)}, DECODE),
        "hash-short-of-another-room": ({**leave, 1: bytes(31), 2: bytes(16)}, DECODE),
        "seq-0": ({**leave, 4: 0}, DECODE),
        "key-added": ({**leave, 5: 0}, DECODE),
    }
    for name, (entries, error) in withdrawals.items():
        given = {"public": public, "room": company.ROOM, "signed": company.sign_withdrawal(entries)}
        yield _negative("withdrawal", name, "CNS-08", "withdrawal.verify", given, error)
    given = {"public": public, "room": company.ROOM, "signed": signed("SR1-sig-consent", seed, leave)}
    yield _negative("withdrawal", "label-of-receipts", "CNS-08", "withdrawal.verify", given, SIGNATURE)


def accepted() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """The last values that are accepted: name, rules, operation, input."""
    account = {"account_id": company.ACCOUNT_ID}
    origins: list[Value] = ["https://" + one * 60 + ".example" * 16 + ".exa" for one in "abcd"]
    full = {**company.mandate(), 3: 2**31 - 1, 8: ids(16), 9: ids(16), 10: ids(16), 11: origins}
    mandate = company.sign_mandate(full)
    yield "a mandate that is full", "ACC-03", "mandate.verify", {**account, "signed": mandate}
    without = company.sign_mandate({**company.mandate(), 7: None, 8: [], 9: [], 11: []})
    yield "a mandate that is empty", "ACC-03", "mandate.verify", {**account, "signed": without}
    roster: dict[int, Value] = {
        **company.roster(mandate_seq=2**31 - 1),
        4: 2**31 - 1,
        7: [2**31 - 1, bytes(32)],
        8: [[one, NOW_MS + 7 * DAY_MS, bytes(32)] for one in ids(12)],
        10: [[bytes((at,)) * 32, 2**53 - 1] for at in range(4)],
        11: ids(16),
    }
    given: Mapping[str, Any] = {**account, "mandate": mandate, "signed": company.sign_roster(roster)}
    yield "a roster that is full", "ACC-03", "roster.verify", dict(given)
    relay = "wss://relay.example/" + "a" * 36
    notice = {**company.notice(2**31 - 1), 9: ["x" * 240, relay], 10: ["x"] * 32, 17: 150}
    yield (
        "a notice with a relay URL of 56 bytes",
        "CNS-02",
        "notice.verify",
        {**account, "signed": company.sign_notice(notice)},
    )
    door = {**account, "door": cbor(company.door()), "relay_url": None, "origin": None}
    yield "the last millisecond of a door", "CNS-04", "door.verify", {**door, "now_ms": NOW_MS + 91 * DAY_MS}
    yield "a door of a day ahead", "CNS-04", "door.verify", {**door, "now_ms": NOW_MS - DAY_MS}
    card = {**company.card("agent", "a" * 64), 6: [], 7: ["x" * 64] * 8}
    yield "a card of the longest names", "ACC-03", "agent_card.decode", {"card": cbor(card)}
    receipt = {**company.receipt(2**31 - 1), 4: 2**32 - 1}
    public = company.customer().entries[5]
    yield (
        "a receipt of all numbers",
        "CNS-06",
        "consent_receipt.verify",
        {"public": public, "signed": company.sign_receipt(receipt)},
    )


def all_company() -> Iterator[Negative]:
    """Everything here."""
    for part in (mandates, rosters, cards_and_channels, teams, notices, consents):
        yield from part()


def _negative(
    kind: str, name: str, rules: str, operation: str, given: dict[str, Any], error: str
) -> Negative:
    about = f"A {kind.replace('-', ' ')}: {name.replace('-', ' ')}."
    return Negative(f"{kind}-{name}", about, rules, operation, given, error)
