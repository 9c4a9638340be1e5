"""A reader of chapters 15 and 18 that was written from them alone takes and refuses what the vectors say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import independent_assets as assets
import independent_company as company
import independent_login as login
import independent_proof
import pytest
from independent_reader import DeviceList
from independent_refusal import Refused
from vector_files import FOLDER, load, unhex

from spec.vectors.suite import sign_public

ACCOUNTS, CONSENT = load("accounts.json"), load("consent.json")
ACCOUNT = unhex(ACCOUNTS["account_id"])
Given = dict[str, Any]


def mandate(given: Given) -> company.Mandate:
    """The mandate that something was signed for."""
    return company.Mandate.verified(unhex(given["mandate"]), unhex(given["account_id"]))


def view(given: Given) -> dict[bytes, int]:
    """Who is in force."""
    devices = DeviceList.verified(unhex(given["list"]), unhex(given["list_of"]))
    slots, records = ([unhex(one) for one in given[name]] for name in ("slots", "records"))
    return company.in_force(unhex(given["account_id"]), slots, devices, records, given["now_ms"])


def check_receipt(given: Given) -> None:
    """A receipt against its notice."""
    notice = company.Notice.verified(unhex(given["notice"]), unhex(given["account_id"]))
    company.Receipt.verified(unhex(given["signed"]), unhex(given["public"])).check(
        unhex(given["room"]), notice
    )


def door(given: Given) -> company.Notice:
    """A door."""
    place = given["now_ms"], given["relay_url"], given["origin"]
    return company.door(unhex(given["door"]), unhex(given["account_id"]), *place)


def log_in(given: Given) -> object:
    """A login token in its entry."""
    who = tuple(unhex(given[name]) for name in ("customer", "device_id", "room"))
    entry = login.Entry(who, given["sent_ms"])
    return login.check(mandate(given), unhex(given["signed"]), entry, given["now_ms"])


OPERATIONS: dict[str, Callable[[Given], object]] = {
    "mandate.verify": lambda given: company.Mandate.verified(
        unhex(given["signed"]), unhex(given["account_id"])
    ),
    "roster.verify": lambda given: company.Roster.verified(unhex(given["signed"]), mandate(given)),
    "agent_card.decode": lambda given: company.card(unhex(given["card"])),
    "channels.verify": lambda given: company.channels(
        unhex(given["signed"]), mandate(given), given["now_ms"]
    ),
    "team.view": view,
    "roster_content.decode": lambda given: company.roster_content(unhex(given["payload"])),
    "notice.verify": lambda given: company.Notice.verified(
        unhex(given["signed"]), unhex(given["account_id"])
    ),
    "door.verify": door,
    "consent_receipt.verify": lambda given: company.Receipt.verified(
        unhex(given["signed"]), unhex(given["public"])
    ),
    "consent_receipt.check": check_receipt,
    "withdrawal.verify": lambda given: company.withdrawal(
        unhex(given["signed"]), unhex(given["public"]), unhex(given["room"])
    ),
    "assets.verify": lambda given: assets.read(unhex(given["signed"]), unhex(given["account_id"])),
    "assets.check": lambda given: assets.check(
        assets.read(unhex(given["signed"]), unhex(given["account_id"])), given["now_ms"], given["origin"]
    ),
    "assets.follows": lambda given: assets.follows(
        unhex(given["signed"]), unhex(given["known"]), unhex(given["account_id"])
    ),
    "login.check": log_in,
    "login.challenge": lambda given: login.challenge(given["text"]),
    "login.key": lambda given: login.issuing_key(given["text"]),
    "login.token": lambda given: login.token(given["text"]),
    "proof.verify": lambda given: independent_proof.verify(unhex(given["proof"]), unhex(given["account_id"])),
}
NEGATIVES = [
    path.stem
    for path in sorted((FOLDER / "negative").glob("*.json"))
    if load(f"negative/{path.name}")["operation"] in OPERATIONS
]
LIMITS = [case for case in load("limits.json")["cases"] if case["operation"] in OPERATIONS]


@pytest.mark.parametrize("name", NEGATIVES)
def test_a_negative_vector_is_refused_with_its_code(name: str) -> None:
    """ACC-01 to ACC-03, ACC-12, ACC-18 to ACC-20, CNS-01, CNS-02, CNS-04 to CNS-08, CNS-23, CNS-24,
    CNS-60 to CNS-63.
    """
    vector = load(f"negative/{name}.json")
    with pytest.raises(Refused) as caught:
        OPERATIONS[vector["operation"]](vector["input"])
    assert caught.value.code == vector["error"]


@pytest.mark.parametrize("case", LIMITS, ids=lambda case: case["name"])
def test_the_last_value_is_accepted(case: Given) -> None:
    """ACC-03, CNS-02, CNS-04, CNS-06"""
    OPERATIONS[case["operation"]](case["input"])


@pytest.mark.parametrize("case", ACCOUNTS["views"], ids=range(len(ACCOUNTS["views"])))
def test_who_is_in_force(case: Given) -> None:
    """ACC-04, ACC-05, ACC-09, ACC-10"""
    given = {
        "account_id": ACCOUNTS["account_id"],
        "list_of": ACCOUNTS["account_id"],
        "list": ACCOUNTS["list"],
        "records": list(ACCOUNTS["records"].values()),
        "slots": [ACCOUNTS["slots"][name] for name in case["slots"]],
        "now_ms": case["now_ms"],
    }
    if isinstance(case["in_force"], str):
        with pytest.raises(Refused) as caught:
            view(given)
        assert caught.value.code == case["in_force"]
        return
    assert {device.hex(): rank for device, rank in view(given).items()} == case["in_force"]


@pytest.mark.parametrize("case", ACCOUNTS["teams"], ids=lambda case: case["name"])
def test_who_is_in_force_by_records_and_times(case: Given) -> None:
    """ACC-04, ACC-05, ACC-09, ACC-10, ACC-19"""
    account = {"account_id": ACCOUNTS["account_id"], "list_of": ACCOUNTS["account_id"]}
    try:
        found: dict[str, int] | str = {
            device.hex(): rank for device, rank in view({**case, **account}).items()
        }
    except Refused as refused:
        found = refused.code
    assert found == case["in_force"]


def test_hashes_and_door() -> None:
    """ACC-01, ACC-14, CNS-01, CNS-04"""
    for case in ACCOUNTS["mandates"]:
        assert company.Mandate.verified(unhex(case["signed"]), ACCOUNT).hash.hex() == case["hash"]
    for case in ACCOUNTS["cards"].values():
        assert company.card(unhex(case["card"])).hex() == case["hash"]
    assert door(CONSENT).hash.hex() == CONSENT["notice"]["hash"]
    company.roster_content(unhex(ACCOUNTS["content"]))


@pytest.mark.parametrize("case", CONSENT["sets"], ids=range(len(CONSENT["sets"])))
def test_which_receipt_counts(case: Given) -> None:
    """CNS-06 to CNS-09"""
    public, room = unhex(CONSENT["customer"]), unhex(CONSENT["room"])
    receipts = {
        name: company.Receipt.verified(unhex(one["signed"]), public)
        for name, one in CONSENT["receipts"].items()
    }
    leaves = {
        name: company.withdrawal(unhex(one["signed"]), public, room)[0]
        for name, one in CONSENT["withdrawals"].items()
    }
    known = case["known"]
    found = company.counts(
        [receipts[name] for name in known if name in receipts],
        [leaves[name] for name in known if name in leaves],
    )
    assert found == (None if case["counts"] is None else receipts[case["counts"]])


@pytest.mark.parametrize("case", CONSENT["gate"], ids=range(len(CONSENT["gate"])))
def test_what_passes_the_gate(case: Given) -> None:
    """CNS-13, CNS-92, ROOM-19"""
    assert {kind: refused(company.gate, kind, case) for kind in case["codes"]} == case["codes"]
    assert {kind: refused(company.gate_line, kind, case) for kind in case["lines"]} == case["lines"]


def refused(gate: Callable[[str, Given], None], kind: str, room: Given) -> str | None:
    """The code with which the gate refuses a kind, or None."""
    try:
        gate(kind, room)
    except Refused as error:
        return error.code
    return None


@pytest.mark.parametrize("case", load("proof.json")["proofs"], ids=lambda case: str(case["name"]))
def test_a_proof_shows_what_its_vector_says(case: Given) -> None:
    """CNS-24, CNS-25"""
    shown = independent_proof.verify(unhex(case["proof"]), ACCOUNT)
    assert (shown.withdrawn, shown.answer, shown.doubts) == (
        case["withdrawn"],
        case["answer"],
        case["doubts"],
    )


def test_a_login_says_who_the_person_is() -> None:
    """CNS-50 to CNS-53, CNS-55: challenge, key and token belong together, as texts too."""
    given = load("login.json")
    asked = login.challenge(given["challenge"])
    company_id, seq, expires_ms, key = login.issuing_key(given["issuing_key"])
    counts = company.Mandate.verified(unhex(given["mandate"]), company_id)
    assert (counts.seq, counts.expires_ms, asked[0]) == (seq, expires_ms, company_id)
    assert sign_public(key) == counts.login_pub
    assert asked[1:] == [unhex(given[name]) for name in ("customer", "device_id", "room", "nonce")]
    entry = login.Entry(tuple(asked[1:4]), given["now_ms"])
    signed = login.token(given["token"]["text"])
    assert signed == unhex(given["token"]["signed"])
    assert login.check(counts, signed, entry, given["now_ms"]) == given["person"]
    bare = unhex(given["bare"]["signed"])
    assert login.check(counts, bare, entry, given["now_ms"]) == [given["person"][0], None, None, 1]
