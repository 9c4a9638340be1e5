"""proof.json and its defects: proofs of consent (CNS-23 to CNS-25)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from spec.vectors import company, parties
from spec.vectors.defects import Negative
from spec.vectors.document import render
from spec.vectors.parties import Device
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, hash_, sign, signed

NONCE: Final = draw("proof nonce", 16)
OPENED_MS: Final = NOW_MS + 1_000
LEFT_MS: Final = NOW_MS + 60_000
Map = dict[int, Any]
DECODE, VERSION, SIGNATURE, IDENTITY, CONTENT, REQUIRED = (
    *("remote.decode", "remote.version", "remote.signature", "remote.identity", "remote.content"),
    "room.consent_required",
)


class Line(NamedTuple):
    """An entry as a line, with its hash."""

    items: list[Any]
    hash: bytes


def phone() -> Device:
    """The second device of the customer, which withdraws."""
    return parties.device("company customer's phone", account="company customer")


def customer_list() -> dict[int, Value]:
    """The map of the list of both devices of the customer."""
    owner = company.customer()
    return parties.list_entries(owner, 1, None, [owner.record_hash, phone().record_hash])


def signed_list() -> bytes:
    """That list, signed."""
    return parties.sign_list(company.customer(), customer_list())


def room(nonce: bytes = NONCE) -> bytes:
    """The room of the proofs."""
    return hash_("SR1-room-id", company.ACCOUNT_ID + company.customer().account_id + nonce)[:16]


def receipt(**changed: Value) -> Map:
    """The map of the receipt."""
    whole = {**company.receipt(), 5: NOW_MS, 6: room()}
    return {**whole, **{int(key[1:]): one for key, one in changed.items()}}


def receipt_hash() -> bytes:
    """Its hash."""
    return hash_("SR1-consent", cbor(receipt()))


def given(
    entries: Map | None = None, owner: Device | None = None, device_list: bytes | None = None
) -> list[Any]:
    """A signed receipt with record and list of the device that signs."""
    who = owner or company.customer()
    return [
        signed("SR1-sig-consent", who.sign_seed, entries or receipt()),
        who.record,
        device_list or signed_list(),
    ]


def left(entries: Map | None = None) -> list[Any]:
    """The withdrawal, signed by the second device of the customer."""
    whole = entries or {1: receipt_hash(), 2: room(), 3: LEFT_MS, 4: 2}
    return [signed("SR1-sig-withdraw", phone().sign_seed, whole), phone().record, signed_list()]


def line(
    owner: Device, kind: int, payload: Value, sent_ms: int, n: int = 0, where: bytes | None = None
) -> Line:
    """An entry of either side."""
    header: dict[int, Value] = {1: where or room(), 2: kind, 3: n}
    encoded = cbor({**header, **({4: draw("proof prev", 32)} if n else {}), 7: sent_ms})
    body = cbor([draw(f"proof blind {kind}", 16), payload])
    found = hash_("SR1-entry", owner.account_id + owner.device_id + hash_("SR1-commit", body) + encoded)
    is_company = owner.account_id == company.ACCOUNT_ID
    signature = sign(owner.sign_seed, "SR1-sig-entry", found) if is_company else None
    return Line([owner.account_id, owner.device_id, encoded, body, signature], found)


def opened(carried: bytes | None = None, nonce: bytes = NONCE) -> Line:
    """The `open` of the customer."""
    return line(company.customer(), 1, {1: nonce, 2: carried or given()[0]}, OPENED_MS)


def consented() -> Line:
    """An entry that carries the receipt in place of an `open`."""
    return line(company.customer(), 8, given()[0], OPENED_MS, 4)


def withdrawn() -> Line:
    """The entry of the withdrawal."""
    return line(phone(), 9, left()[0], LEFT_MS, 7)


def state(parent: bytes, **changed: Value) -> Map:
    """The map of a first state."""
    whole: Map = {
        1: 1,
        2: 1,
        3: parent,
        4: 1,
        5: [company.device("desk").device_id],
        6: None,
        7: [1, parties.list_hash(customer_list())],
        8: [3_100_000, 3_100_001, hash_("SR1-roster", cbor(company.roster()))],
        9: hash_("SR1-notice", cbor(company.notice())),
        10: [2, 7_776_000],
        11: 0,
        12: 0,
        13: [],
        14: None,
        15: [],
    }
    return {**whole, **{int(key[1:]): one for key, one in changed.items()}}


def answer(entry: Line, payload: Value, owner: str = "desk", **changed: Any) -> Map:
    """An answer of the company to an entry."""
    devices = company.devices()
    whole: Map = {
        1: company.sign_mandate(company.mandate()),
        2: company.sign_roster(company.roster()),
        3: parties.sign_list(devices["chief"], company.device_list()),
        4: [one.record for one in devices.values()],
        5: entry.items,
        6: line(company.device(owner), 2, payload, OPENED_MS + 500).items,
    }
    return {**whole, **{int(key[1:]): one for key, one in changed.items()}}


def proof(**changed: Any) -> Map:
    """The proof of a company: no withdrawal, no answer."""
    whole: Map = {
        1: 1,
        2: company.ACCOUNT_ID,
        3: company.customer().account_id,
        4: NONCE,
        5: company.sign_mandate(company.mandate()),
        6: company.sign_notice(company.notice()),
        7: company.TEXTS["de"].encode(),
        8: given(),
        9: None,
        10: None,
    }
    return {**whole, **{int(key[1:]): one for key, one in changed.items()}}


def accepted() -> dict[str, Map]:
    """Proofs that stand, by name."""
    first, late = opened(), NOW_MS + 91 * DAY_MS
    record: Map = phone().entries
    over_ms = record[10] + DAY_MS
    leaving = state(draw("proof state", 32), _2=9, _4=4, _9=None, _15=[withdrawn().hash])
    old = company.mandate()
    return {
        "of the company": proof(),
        "of the company, withdrawn": proof(_9=left()),
        "of the customer": proof(_10=answer(first, state(first.hash))),
        "of the customer, consented again": proof(
            _10=answer(consented(), state(draw("proof state", 32), _2=3, _15=[consented().hash]), "chief")
        ),
        "of the customer, withdrawn": proof(_9=left(), _10=answer(withdrawn(), leaving)),
        "withdrawn before": proof(
            _8=given(receipt(_7=3)),
            _9=left({1: hash_("SR1-consent", cbor(receipt(_7=3))), 2: room(), 3: LEFT_MS, 4: 2}),
        ),
        "in English": proof(_7=company.TEXTS["en"].encode(), _8=given(receipt(_2="en"))),
        "record and list over": proof(_8=given(receipt(_5=NOW_MS + 500 * DAY_MS))),
        "last moment of the list": proof(_8=given(receipt(_5=NOW_MS + 31 * DAY_MS))),
        "mandate over": proof(
            _5=company.sign_mandate({**old, 4: NOW_MS - 95 * DAY_MS, 5: NOW_MS - 5 * DAY_MS})
        ),
        "notice of later": proof(_8=given(receipt(_5=NOW_MS - DAY_MS - 1_000))),
        "last moment of the record": proof(_9=left({1: receipt_hash(), 2: room(), 3: over_ms, 4: 2})),
        "first moment after the record": proof(_9=left({1: receipt_hash(), 2: room(), 3: over_ms + 1, 4: 2})),
        "list over at the withdrawal": proof(
            _9=left({1: receipt_hash(), 2: room(), 3: late, 4: 2}),
        ),
    }


_SHOWN: Final[Mapping[str, tuple[bool, str | None, list[str]]]] = {
    "of the company": (False, None, []),
    "of the company, withdrawn": (True, None, []),
    "of the customer": (False, "receipt", []),
    "of the customer, consented again": (False, "receipt", []),
    "of the customer, withdrawn": (True, "withdrawal", []),
    "withdrawn before": (False, None, []),
    "in English": (False, None, []),
    "record and list over": (False, None, ["device_list", "mandate", "record"]),
    "last moment of the list": (False, None, []),
    "mandate over": (False, None, ["mandate"]),
    "notice of later": (False, None, ["device_list", "mandate", "notice", "record"]),
    "last moment of the record": (True, None, ["device_list"]),
    "first moment after the record": (True, None, ["device_list", "record"]),
    "list over at the withdrawal": (True, None, ["device_list"]),
}


def proofs() -> str:
    """Proofs, and what each of them shows."""
    return render(
        "Proofs of one consent, by both sides. `withdrawn` says whether the withdrawal counts, `answer` what"
        " the company answered, `doubts` what was not valid at the stated times.",
        "CNS-23 CNS-24 CNS-25",
        {
            "account_id": company.ACCOUNT_ID,
            "proofs": [
                {
                    "name": name,
                    "proof": cbor(one),
                    "withdrawn": _SHOWN[name][0],
                    "answer": _SHOWN[name][1],
                    "doubts": _SHOWN[name][2],
                }
                for name, one in accepted().items()
            ],
        },
    )


# --- defects ---


def _answers() -> Iterator[tuple[str, Map, str]]:
    """Defects of an answer; all else is right."""
    first = opened()
    good = state(first.hash)
    other = draw("proof other", 32)
    yield "answer-of-an-agent", answer(first, good, "agent"), "room.right"
    yield (
        "answer-by-the-next-roster-key",
        answer(first, good, _2=company.sign_roster(company.roster(), 2)),
        SIGNATURE,
    )
    short = company.roster(("chief",), 3_100_002)
    yield "answer-of-a-device-not-in-force", answer(first, good, _2=company.sign_roster(short)), IDENTITY
    records = [one.record for one in company.devices().values()]
    yield "answer-without-a-record-of-the-list", answer(first, good, _4=records[:3]), "remote.list_gap"
    yield "answer-without-records", answer(first, good, _4=[]), DECODE
    later = company.roster(seq=3_100_009)
    yield "answer-by-another-roster", answer(first, good, _2=company.sign_roster(later)), IDENTITY
    yield from _out_of_time(first)
    for name, number, mark in (("mandate", 3_100_009, 3_100_001), ("roster", 3_100_000, 3_100_009)):
        renamed = state(first.hash, _8=[number, mark, good[8][2]])
        yield f"answer-by-another-number-of-the-{name}", answer(first, renamed), IDENTITY
    yield "answer-under-another-notice", answer(first, state(first.hash, _9=other)), IDENTITY
    yield "answer-after-another-open", answer(first, state(other)), IDENTITY
    yield "answer-to-another-receipt", answer(opened(given(receipt(_7=5))[0]), good), IDENTITY
    foreign = line(phone(), 1, {1: NONCE, 2: given()[0]}, OPENED_MS)
    yield "answer-to-another-device", answer(foreign, state(foreign.hash)), IDENTITY
    nonce = opened(nonce=draw("proof other nonce", 16))
    yield "answer-to-an-open-of-another-nonce", answer(nonce, state(nonce.hash)), CONTENT
    text = line(company.customer(), 3, {1: "Hallo"}, OPENED_MS, 1)
    yield "answer-to-a-text", answer(text, state(text.hash)), IDENTITY
    yield "answer-that-is-a-mark", answer(first, good, _6=_mark().items), DECODE
    desk = line(company.device("desk"), 8, given()[0], OPENED_MS, 1)
    yield "answer-to-the-company-itself", answer(desk, state(desk.hash)), IDENTITY
    yield (
        "answer-of-the-customer",
        answer(first, good, _6=line(company.customer(), 2, good, NOW_MS).items),
        IDENTITY,
    )
    where = line(company.device("desk"), 2, good, OPENED_MS, where=bytes(16))
    yield "answer-in-another-room", answer(first, good, _6=where.items), CONTENT
    unsigned = [*line(company.device("desk"), 2, good, OPENED_MS).items[:4], None]
    yield "answer-without-a-signature", answer(first, good, _6=unsigned), "room.signature"
    hidden = answer(first, good)
    header, body = hidden[6][2:4]
    redacted = [*hidden[6][:2], header, [hash_("SR1-commit", body)], hidden[6][4]]
    yield "answer-whose-body-is-withheld", {**hidden, 6: redacted}, CONTENT
    yield "answer-with-a-key-added", {**hidden, 7: None}, DECODE


def _out_of_time(first: Line) -> Iterator[tuple[str, Map, str]]:
    """Answers by a roster that was made when mandate or list were not valid, or for another list."""
    chief, mandate, listed = company.device("chief"), company.mandate(), company.device_list()
    early = {**mandate, 4: NOW_MS + 2 * DAY_MS, 5: NOW_MS + 50 * DAY_MS}
    lasting = {**listed, 5: NOW_MS + 80 * DAY_MS, 6: NOW_MS + 110 * DAY_MS}
    other = {**listed, 3: 2, 4: draw("list before", 32)}
    head = parties.list_hash(listed)
    rows: dict[str, tuple[Map, Map, int, list[Any] | None, str]] = {
        "after-its-mandate": (mandate, lasting, 92, None, "room.mandate"),
        "before-its-mandate": (early, listed, 0, None, "room.mandate"),
        "of-an-expired-list": (mandate, listed, 32, None, "remote.list_expired"),
        "of-a-list-to-come": (mandate, {**listed, 5: NOW_MS + 2 * DAY_MS}, 0, None, "remote.list_expired"),
        "of-a-list-under-another-number": (
            mandate,
            other,
            0,
            [1, parties.list_hash(other)],
            "remote.list_gap",
        ),
        "of-another-list-of-its-number": (mandate, other, 0, [2, head], "remote.list_gap"),
    }
    for name, (by, shown, days, stated, error) in rows.items():
        at_ms, plain = NOW_MS + days * DAY_MS, Map(company.roster())
        named = [[device, at_ms + 7 * DAY_MS, mark] for device, _, mark in plain[8]]
        times: Map = {
            5: at_ms,
            6: at_ms + 7 * DAY_MS,
            7: stated or [shown[3], parties.list_hash(shown)],
            8: named,
        }
        roster = {**plain, **times}
        payload = state(first.hash, _8=[by[3], roster[4], hash_("SR1-roster", cbor(roster))])
        parts: dict[str, Any] = {
            "_1": company.sign_mandate(by),
            "_2": company.sign_roster(roster),
            "_3": parties.sign_list(chief, shown),
        }
        yield f"answer-by-a-roster-{name}", answer(first, payload, **parts), error


def _mark() -> Line:
    return line(company.device("desk"), 21, None, OPENED_MS)


def negatives() -> Iterator[Negative]:
    """Proofs with one defect each."""
    other = parties.device("company other customer")
    leave: Map = {1: receipt_hash(), 2: room(), 3: LEFT_MS, 4: 2}
    strange = parties.sign_list(other, parties.first_list(other))
    alone = parties.sign_list(company.customer(), parties.first_list(company.customer()))
    cases: dict[str, tuple[Map, str]] = {
        "version-2": (proof(_1=2), VERSION),
        "of-another-company": (proof(_2=bytes(32)), IDENTITY),
        "of-another-customer": (proof(_3=other.account_id), SIGNATURE),
        "of-another-nonce": (proof(_4=bytes(16)), REQUIRED),
        "nonce-short": (proof(_4=bytes(15)), DECODE),
        "with-a-roster-for-a-mandate": (proof(_5=company.sign_roster(company.roster())), SIGNATURE),
        "with-another-notice": (proof(_6=company.sign_notice(company.notice(2))), REQUIRED),
        "with-the-text-of-another-locale": (proof(_7=company.TEXTS["en"].encode()), DECODE),
        "with-a-changed-text": (proof(_7=company.TEXTS["de"].encode() + b"!"), DECODE),
        "without-a-text": (proof(_7=b""), DECODE),
        "signed-by-a-device-not-listed": (proof(_8=given(owner=phone(), device_list=alone)), IDENTITY),
        "signed-by-another-device": (proof(_8=[given(owner=phone())[0], *given()[1:]]), SIGNATURE),
        "with-the-list-of-another-account": (proof(_8=given(device_list=strange)), SIGNATURE),
        "with-a-withdrawal-for-a-receipt": (proof(_8=[left()[0], *left()[1:]]), SIGNATURE),
        "without-a-list": (proof(_8=given()[:2]), DECODE),
        "without-a-required-purpose": (proof(_8=given(receipt(_4=2))), REQUIRED),
        "in-a-locale-without-text": (proof(_8=given(receipt(_2="fr"))), REQUIRED),
        "withdrawal-of-another-receipt": (proof(_9=left({**leave, 1: bytes(32)})), REQUIRED),
        "withdrawal-of-another-room": (proof(_9=left({**leave, 2: bytes(16)})), REQUIRED),
        "withdrawal-signed-by-another-device": (proof(_9=[left()[0], *given()[1:]]), SIGNATURE),
        "with-a-key-added": ({**proof(), 11: None}, DECODE),
        "without-a-key": ({key: one for key, one in proof().items() if key != 10}, DECODE),
        "over-65536-bytes": (proof(_1=2, _7=bytes(65_536)), DECODE),
    }
    cases.update({name: (proof(_10=one), error) for name, one, error in _answers()})
    for name, (one, error) in cases.items():
        about = f"A proof: {name.replace('-', ' ')}."
        inside = {"account_id": company.ACCOUNT_ID, "proof": cbor(one)}
        yield Negative(f"proof-{name}", about, "CNS-24", "proof.verify", inside, error)
    inside = {"account_id": company.ACCOUNT_ID, "proof": cbor(proof())[:-1]}
    yield Negative("proof-cut-short", "A proof: cut short.", "CNS-23", "proof.verify", inside, DECODE)
