"""Chapters 16 and 17 recomputed by the core: entries, chains, order, states and heads, payloads."""

from __future__ import annotations

from typing import Any

import pytest
from vector_files import load, unhex

from e2ee.content import Content, ContentType, OfRooms
from e2ee.ids import AccountId, ContentId, DeviceId, SignPublic
from e2ee.rooms import room as rooms
from e2ee.rooms import signals, transcript
from e2ee.rooms.acts import RoomAct, What, act_of, condition
from e2ee.rooms.entry import (
    Author,
    DeviceTag,
    Entry,
    EntryHash,
    Header,
    RoomId,
    carrier,
    decode_entry,
    device_tag,
    payload_of,
    write_entry,
)
from e2ee.rooms.forward import decode_line, encode_line
from e2ee.rooms.head import Team, choose, judge, path_to
from e2ee.rooms.kinds import Kind
from e2ee.rooms.order import keys, order
from e2ee.rooms.payloads import decode_payload, encode_payload, read_payload
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.state import Guard, Setter, State, WrittenState
from e2ee.rooms.transcript import Held, Outcome, View
from e2ee.secret import SigningKey
from e2ee.wire import cbor

FILE = load("transcript.json")
COMPANY, CUSTOMER = AccountId(unhex(FILE["company"])), AccountId(unhex(FILE["customer"]))
ROOM = RoomId(unhex(FILE["room_id"]))


def test_the_room_of_the_vectors() -> None:
    """ROOM-01, ROOM-02"""
    assert rooms.room_id(COMPANY, CUSTOMER, unhex(FILE["nonce"])) == ROOM
    assert rooms.notes_id(COMPANY, ROOM, unhex(FILE["nonce"])).hex() == FILE["notes_id"]


def account_of(case: dict[str, Any]) -> AccountId:
    """Signed entries are the company's."""
    return CUSTOMER if case["sign_public"] is None else COMPANY


def signer_of(case: dict[str, Any]) -> SignPublic | None:
    """The key that verifies an entry."""
    return None if case["sign_public"] is None else SignPublic(unhex(case["sign_public"]))


@pytest.mark.parametrize("case", FILE["entries"], ids=lambda case: case["name"])
def test_entries(case: dict[str, Any]) -> None:
    """TRN-01 to TRN-05, TRN-08: read, and written again from header, payload, blind and key."""
    from spec.vectors.document import diagnostic

    author = Author(account_of(case), DeviceId(unhex(case["device_id"])))
    payload = OfRooms(ContentType.ENTRY, cbor.decode(unhex(case["content"])))
    content = Content(ContentId(unhex(case["content_id"])), case["sent_ms"], payload)
    entry = decode_entry(content, author, signer_of(case))
    assert (entry.hash.hex(), entry.commitment.hex()) == (case["entry_hash"], case["commitment"])
    assert entry.body is not None
    key = None if case["sign_seed"] is None else SigningKey(unhex(case["sign_seed"]))
    again = write_entry(
        author, Header.decode(unhex(case["header"])), payload_of(entry), entry.body[2:18], key
    )
    assert again == entry
    assert carrier(entry) == content
    assert (entry.header.kind, device_tag(ROOM, author.device_id).hex()) == (case["kind"], case["tag"])
    assert diagnostic(cbor.decode(entry.header.encoded)) == case["header_diagnostic"]
    assert read_payload(entry).kind == case["kind"]


@pytest.mark.parametrize("case", FILE["entries"], ids=lambda case: case["name"])
def test_lines(case: dict[str, Any]) -> None:
    """TRN-17: with the body, and with the commitment in its place."""
    for name in ("line", "redacted"):
        value = cbor.decode(unhex(case[name]))
        entry = decode_line(value, ROOM, COMPANY, CUSTOMER, lambda _: signer_of(case))
        assert entry.hash.hex() == case["entry_hash"]
        assert (entry.body is None) == (name == "redacted")
        assert cbor.encode(encode_line(entry)).hex() == case[name]


def chain_entry(case: dict[str, Any]) -> Entry:
    """An entry of a chain; its content is one with the right id and time."""
    fields: Any = cbor.decode(unhex(case["content"]))
    author = Author(AccountId(unhex(case["account_id"])), DeviceId(unhex(case["device_id"])))
    header = Header.decode(fields[1])
    entry = write_entry(author, header, cbor.decode(fields[2])[1], fields[2][2:18], None)  # type: ignore[index]  # a body is an array
    content = Content(entry.content_id, header.sent_ms, OfRooms(ContentType.ENTRY, fields))
    return decode_entry(content, author, signer_of(case))


@pytest.mark.parametrize("case", FILE["chains"], ids=lambda case: case["name"])
def test_chains(case: dict[str, Any]) -> None:
    """TRN-06, TRN-07, TRN-09, TRN-13: what is found, missing and to be linked."""
    entries = [chain_entry(one) for one in case["entries"]]
    rows: dict[tuple[DeviceTag, int], Held] = {}

    def held(tag: DeviceTag, n: int) -> Held | None:
        return rows.get((tag, n))

    view, findings = View(DeviceTag(bytes(8))), []
    for at in case["order"]:
        entry = entries[at]
        taken = transcript.take(view, entry, held, 0)
        view = taken.view
        findings += taken.findings
        if taken.outcome is Outcome.TAKEN:
            tag = device_tag(ROOM, entry.author.device_id)
            rows[tag, entry.header.n] = Held(entry.hash, entry.header.prev, entry.signature is not None)
    found = [[one.kind.value, one.tag.hex(), one.n, one.by.hex()] for one in findings]
    assert sorted(found) == sorted(case["findings"])
    gaps = transcript.gaps(view, transcript.GAP_AFTER_MS)
    assert sorted([gap.tag.hex(), gap.first, gap.last] for gap in gaps) == case["missing"]
    links, _ = transcript.links(view, held)
    assert [[link.tag.hex(), link.n, link.hash.hex()] for link in links] == case["links"]


def test_order() -> None:
    """TRN-16: 205 entries, each k, and the order."""
    file = load("order.json")
    entries = {EntryHash(unhex(one["hash"])): Header.decode(unhex(one["header"])) for one in file["entries"]}
    root = EntryHash(unhex(file["root"]))
    assert {one.hex(): k for one, k in keys(entries, root).items()} == {
        one["hash"]: one["k"] for one in file["entries"]
    }
    assert [one.hex() for one in order(entries, root)] == file["order"]
    assert len(file["order"]) == 205


HEADS = load("room_heads.json")


def team_of(case: dict[str, Any]) -> Team:
    """Who is in force by each roster of the file."""
    ranks = {
        RosterRef(one["ref"][0], one["ref"][1], unhex(one["ref"][2])): {
            DeviceId(unhex(device)): rank for device, rank in one["ranks"]
        }
        for one in HEADS["rosters"]
    }
    return Team(ranks.get, frozenset(DeviceId(unhex(one)) for one in case["suspended"]))


@pytest.mark.parametrize("case", HEADS["sets"], ids=lambda case: case["name"])
def test_heads(case: dict[str, Any]) -> None:
    """ROOM-04 to ROOM-11, ROOM-28: the verdict about each state, and the head."""
    states = {}
    for one in case["states"]:
        state = State.of(cbor.decode(unhex(one["state"])))
        found = WrittenState(EntryHash(unhex(one["hash"])), DeviceId(unhex(one["author"])), one["n"], state)
        states[found.hash] = found
    root, team = EntryHash(unhex(HEADS["root"])), team_of(case)
    verdicts = judge(states, root, team)
    assert {one.hex(): verdict.value for one, verdict in verdicts.items()} == {
        one["hash"]: one["verdict"] for one in case["states"]
    }
    head = choose(states, verdicts, root, team)
    assert (None if head is None else head.hash.hex()) == case["head"]


ACTS = load("room_acts.json")


@pytest.mark.parametrize("case", ACTS["scenes"], ids=lambda case: case["name"])
def test_acts(case: dict[str, Any]) -> None:
    """ROOM-12 to ROOM-14, ROOM-27: what holds above a head."""
    ranks = {DeviceId(unhex(device)): rank for device, rank in ACTS["roster"]["ranks"]}
    states = {}
    for one in case["states"]:
        state = State.of(cbor.decode(unhex(one["state"])))
        found = WrittenState(EntryHash(unhex(one["hash"])), DeviceId(unhex(one["author"])), one["n"], state)
        states[found.hash] = found
    team = Team(lambda ref: ranks if ref == (1, 1, unhex(ACTS["roster"]["ref"][2])) else None)
    verdicts = judge(states, EntryHash(unhex(ACTS["root"])), team)
    assert {verdict.value for verdict in verdicts.values()} == {"valid"}
    path = path_to(states[EntryHash(unhex(case["head"]))], states)
    setters = [
        Setter(one, guard)
        for one in states.values()
        for guard in one.state.guards() - guards_before(one, states)
    ]
    rows = sorted(case["acts"], key=lambda one: (one["k"], one["hash"]))
    whats = [
        act_of(one["kind"], decode_payload(one["kind"], cbor.decode(unhex(one["payload"])))) for one in rows
    ]
    acts = [
        RoomAct(EntryHash(unhex(row["hash"])), what)
        for row, what in zip(rows, whats, strict=True)
        if what is not None
    ]
    holds = condition(path, dict.fromkeys(states, ranks), acts, setters)
    assert (holds.phase, holds.is_sensitive, holds.keeps) == (case["phase"], case["sensitive"], case["keeps"])


def guards_before(one: WrittenState, states: dict[EntryHash, WrittenState]) -> frozenset[Guard]:
    """What the state before one has."""
    parent = None if one.state.parent is None else states.get(one.state.parent)
    return frozenset() if parent is None else parent.state.guards()


def test_the_sets_show_enough() -> None:
    """ROOM-10, ROOM-11: every verdict, heads and none, forks."""
    verdicts = [one["verdict"] for case in HEADS["sets"] for one in case["states"]]
    assert len(HEADS["sets"]) > 150
    assert min(verdicts.count(one) for one in ("valid", "held", "refused")) > 20
    assert len([case for case in HEADS["sets"] if case["head"] is not None]) > 20
    assert {What.CLOSE, What.ERASE} < set(What)


PAYLOADS = load("rooms.json")


@pytest.mark.parametrize(
    "case", PAYLOADS["payloads"], ids=lambda case: f"{case['kind']} {case['payload'][:16]}"
)
def test_payloads(case: dict[str, Any]) -> None:
    """TRN-20, TRN-21, TRN-22, ROOM-04"""
    payload = decode_payload(case["kind"], cbor.decode(unhex(case["payload"])))
    assert cbor.encode(encode_payload(payload)).hex() == case["payload"]


def test_every_kind_is_among_the_payloads() -> None:
    """TRN-20"""
    assert {case["kind"] for case in PAYLOADS["payloads"]} == {*Kind, 11, 63}


@pytest.mark.parametrize("case", PAYLOADS["signals"], ids=range(len(PAYLOADS["signals"])))
def test_signals(case: dict[str, Any]) -> None:
    """TRN-14, TRN-25"""
    room_id, signal = signals.decode_signal(cbor.decode(unhex(case["signal"])))
    assert cbor.encode(signals.encode_signal(room_id, signal)).hex() == case["signal"]


def test_the_dossier() -> None:
    """ROOM-25"""
    dossier = signals.decode_dossier(cbor.decode(unhex(PAYLOADS["dossier"])))
    assert cbor.encode(signals.encode_dossier(dossier)).hex() == PAYLOADS["dossier"]
