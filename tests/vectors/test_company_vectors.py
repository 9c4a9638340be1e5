"""Chapters 15 and 18 recomputed by the core: every value of accounts.json and consent.json."""

from __future__ import annotations

from typing import Any

import pytest
from negative_operations import team_view
from vector_files import load, unhex

from e2ee.content import ContentType
from e2ee.errors import RemoteError
from e2ee.ids import AccountId, SignPublic
from e2ee.primitives import kdf
from e2ee.rooms import gate, slots
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.assets import Assets, Served, next_assets
from e2ee.rooms.channels import Channels
from e2ee.rooms.consent import Receipt, RoomConsent, Withdrawal
from e2ee.rooms.door import Door
from e2ee.rooms.gate import Column
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.roster import Roster
from e2ee.rooms.slots import RosterContent
from e2ee.wire import cbor

FILE, CONSENT = load("accounts.json"), load("consent.json")
ACCOUNT_ID = AccountId(unhex(FILE["account_id"]))
MANDATES = [Mandate.verify(ACCOUNT_ID, unhex(case["signed"])) for case in FILE["mandates"]]


@pytest.mark.parametrize("at", [0, 1])
def test_mandates(at: int) -> None:
    """ACC-01"""
    assert MANDATES[at].hash.hex() == FILE["mandates"][at]["hash"]


@pytest.mark.parametrize("name", FILE["rosters"])
def test_rosters_and_slots(name: str) -> None:
    """ACC-02, ACC-06, ACC-11"""
    case, mandate = FILE["rosters"][name], MANDATES[name == "next mandate"]
    roster = Roster.verify(mandate, unhex(case["signed"]))
    assert roster.ref.hash.hex() == case["hash"]
    assert slots.encode_slot(mandate, roster).hex() == FILE["slots"][name]


@pytest.mark.parametrize("who", FILE["cards"])
def test_cards(who: str) -> None:
    """ACC-14"""
    assert AgentCard.decode(unhex(FILE["cards"][who]["card"])).hash.hex() == FILE["cards"][who]["hash"]


def test_channels() -> None:
    """ACC-18, ACC-20"""
    found = Channels.verify(MANDATES[0], unhex(FILE["channels"]["signed"]), MANDATES[0].issued_ms)
    assert [int(one.kind) for one in found.channels] == [1, 2, 3, 4]


def test_files_for_browsers() -> None:
    """CNS-60 to CNS-63"""
    given = load("assets.json")
    account_id = AccountId(unhex(given["account_id"]))
    found = Assets.verify(account_id, unhex(given["signed"]))
    found.check(given["now_ms"], given["origin"])
    Assets.verify(account_id, unhex(given["next"])).check_follows(found)
    served = Served(found.release, found.origin, found.pages[::-1], found.header_sets, found.files[::-1])
    again = next_assets(account_id, found.seq, served, found.issued_ms, found.expires_ms)
    assert again.hex() == given["encoded"]
    assert [[*one[:3], one.sha256.hex(), *one[4:]] for one in found.files] == given["files"]
    assert [[list(header) for header in one] for one in found.header_sets] == given["header_sets"]


def test_a_content_of_type_roster() -> None:
    """ACC-12"""
    payload = cbor.decode(unhex(FILE["content"]))
    assert cbor.encode(RosterContent.decode(payload).encode().payload).hex() == FILE["content"]


@pytest.mark.parametrize("case", FILE["views"])
def test_who_is_in_force(case: dict[str, Any]) -> None:
    """ACC-04, ACC-05, ACC-09, ACC-10, ACC-19"""
    given = {
        **{name: FILE[name] for name in ("account_id", "list")},
        "list_of": FILE["account_id"],
        "records": list(FILE["records"].values()),
        "slots": [FILE["slots"][name] for name in case["slots"]],
        "now_ms": case["now_ms"],
    }
    if isinstance(case["in_force"], str):
        with pytest.raises(RemoteError) as caught:
            team_view(given)
        assert caught.value.code == case["in_force"]
        return
    found = {device_id.hex(): rank for device_id, rank in team_view(given).ranks().items()}
    assert found == case["in_force"]


@pytest.mark.parametrize("case", FILE["teams"], ids=lambda case: case["name"])
def test_who_is_in_force_by_records_and_times(case: dict[str, Any]) -> None:
    """ACC-04, ACC-05, ACC-09, ACC-10, ACC-19"""
    given = {**case, "account_id": FILE["account_id"], "list_of": FILE["account_id"]}
    try:
        ranks = team_view(given).ranks()
        found: dict[str, int] | str = {device_id.hex(): rank for device_id, rank in ranks.items()}
    except RemoteError as error:
        found = error.code
    assert found == case["in_force"]


def test_notice_and_door() -> None:
    """CNS-01, CNS-04, CNS-05"""
    notice = Notice.verify(ACCOUNT_ID, unhex(CONSENT["notice"]["signed"]))
    assert notice.hash.hex() == CONSENT["notice"]["hash"]
    assert dict(notice.texts) == {name: kdf.sha256(text.encode()) for name, text in CONSENT["texts"].items()}
    place = CONSENT["relay_url"], CONSENT["origin"]
    door = Door.verify(ACCOUNT_ID, unhex(CONSENT["door"]), CONSENT["now_ms"], *place)
    assert (door.notice, dict(door.texts)) == (notice, CONSENT["texts"])


def _known(name: str) -> Receipt | Withdrawal:
    public, room = SignPublic(unhex(CONSENT["customer"])), unhex(CONSENT["room"])
    if name in CONSENT["receipts"]:
        receipt = Receipt.verify(public, unhex(CONSENT["receipts"][name]["signed"]))
        receipt.check(room, Notice.verify(ACCOUNT_ID, unhex(CONSENT["notice"]["signed"])))
        assert receipt.hash.hex() == CONSENT["receipts"][name]["hash"]
        return receipt
    return Withdrawal.verify(public, unhex(CONSENT["withdrawals"][name]["signed"]), room)


@pytest.mark.parametrize("case", CONSENT["sets"])
def test_which_receipt_counts(case: dict[str, Any]) -> None:
    """CNS-06 to CNS-09"""
    known = RoomConsent()
    for name in case["known"]:
        given = _known(name)
        known = known.with_receipt(given) if isinstance(given, Receipt) else known.with_withdrawal(given)
    counts = None if case["counts"] is None else _known(case["counts"])
    assert (None if known.is_withdrawn else known.receipt) == counts


@pytest.mark.parametrize("case", CONSENT["gate"], ids=range(len(CONSENT["gate"])))
def test_what_passes_the_gate(case: dict[str, Any]) -> None:
    """CNS-13, CNS-92, ROOM-19: in a closed room a rating, which passes in no frozen, withdrawn or erased
    one; as lines of a forward what the team writes as well, and no content where none passes.
    """
    found = Column.NONE
    if case["receipt"]:
        withdrawn, over, may_reopen = case["withdrawn"], case["over"], case["may_reopen"]
        found = gate.column_of(case["phase"], is_withdrawn=withdrawn, is_over=over, may_reopen=may_reopen)
    kinds = {kind: (int(kind.partition(" ")[0]), " " in kind) for kind in case["codes"]}
    rows = {kind: gate.row_of(ContentType.ENTRY, n, is_null=is_null) for kind, (n, is_null) in kinds.items()}
    lines = {kind: gate.row_of_line(n, is_null=is_null) for kind, (n, is_null) in kinds.items()}
    forward = code_of(gate.row_of(ContentType.FORWARD), found)
    assert {kind: code_of(row, found) for kind, row in rows.items()} == case["codes"]
    assert {kind: forward or code_of(row, found) for kind, row in lines.items()} == case["lines"]


def code_of(row: gate.Row, found: Column) -> str | None:
    """The code with which the gate refuses a row in a column, or None."""
    try:
        gate.check(row, found)
    except RemoteError as error:
        return error.code
    return None
