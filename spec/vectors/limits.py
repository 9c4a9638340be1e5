"""limits.json: inputs at the last value that is accepted, for the operations of the negative vectors."""

from __future__ import annotations

from typing import Any

from spec.vectors import assets_vectors, login_vectors, negative_rooms, parties
from spec.vectors.content_vectors import content, text
from spec.vectors.document import render
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.flight import fly
from spec.vectors.negative_company import accepted
from spec.vectors.negative_flights import Stage, aged
from spec.vectors.negative_messages import in_chain
from spec.vectors.parties import Device
from spec.vectors.ratchet import padded
from spec.vectors.ratchet_vectors import stored_row, stored_session
from spec.vectors.sealing import accepted_sealings, restored, sealable
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw
from spec.vectors.transcript import Transcript

Case = tuple[str, str, str, dict[str, Any]]


def limits(played: Transcript, kem: Encapsulations) -> str:
    """The file."""
    us = parties.device("limits")
    cases = [
        *_records(us),
        *_lists(us),
        *_chains(us),
        *_forms(),
        *_flights(kem),
        *_messages(played),
        *accepted_sealings(played),
        *restored(played),
        *sealable(played),
        *negative_rooms.limits(),
        *accepted(),
        *login_vectors.edges(),
        *assets_vectors.edges(),
    ]
    return render(
        "Each `input` is accepted by its `operation`, as those of the folder negative are refused.",
        "WIRE-07 WIRE-13 WIRE-14 ID-03 ID-04 ID-06 ID-07 ID-08 ID-10 HS-04 HS-06 DR-09 CON-03 SES-14 SES-21"
        " TRN-02 TRN-21 ACC-03 CNS-02 CNS-04 CNS-06 CNS-61 CNS-62 CNS-63",
        {
            "cases": [
                {"name": name, "rules": rules.split(), "operation": operation, "input": given}
                for name, rules, operation, given in cases
            ]
        },
    )


def _records(us: Device) -> list[Case]:
    times = {
        "the first millisecond of a record": NOW_MS - DAY_MS,
        "the last millisecond of a record": NOW_MS + parties.RECORD_LIFE_MS,
    }
    found: list[Case] = [
        (name, "ID-04", "record.check_time", {"record": us.record, "now_ms": now_ms})
        for name, now_ms in times.items()
    ]
    bot = {"record": cbor({**us.entries, 7: 2})}
    return [*found, ("a record of kind 2", "ID-03", "record.decode", bot)]


def _lists(us: Device) -> list[Case]:
    first = parties.first_list(us)
    cases: dict[str, dict[int, Value]] = {
        "a list of 16 records": {**first, 8: [bytes((n,)) * 32 for n in range(16)]},
        "a list of the last number": {**first, 3: 2**31 - 1, 4: bytes(32)},
        "a list of exactly 30 days": {**first, 6: NOW_MS + 30 * DAY_MS},
        "a list of a millisecond": {**first, 6: NOW_MS + 1},
    }
    return [(name, "ID-06", "list.verify", _signed(us, entries)) for name, entries in cases.items()]


def _signed(us: Device, entries: dict[int, Value]) -> dict[str, Any]:
    return {"account_id": us.account_id, "signed": parties.sign_list(us, entries)}


def _chains(us: Device) -> list[Case]:
    ended = parties.first_list(us, issued_ms=NOW_MS - 40 * DAY_MS)
    second = parties.list_entries(us, 2, parties.list_hash(ended), [us.record_hash])
    given = {
        "account_id": us.account_id,
        "pinned": {"seq": 1, "hash": parties.list_hash(ended)},
        "links": [parties.sign_list(us, one) for one in (ended, second)],
    }
    end_ms = NOW_MS + 30 * DAY_MS
    third = parties.list_entries(us, 3, parties.list_hash(second), [us.record_hash])
    spk, pqk = parties.prekey(us, parties.SPK, 1), parties.prekey(us, parties.PQK_LAST_RESORT, 1)
    bundle = parties.bundle_entries(us, parties.sign_list(us, third), spk, None, pqk)
    recovered = parties.list_entries(us, 2**30 + 1, parties.list_hash(second), [us.record_hash])
    further = {**given, "links": [*given["links"], parties.sign_list(us, recovered)]}
    return [
        ("a chain whose first list has ended", "ID-08", "chain.verify", {**given, "now_ms": NOW_MS}),
        ("a recovery after the lists before", "ID-07", "chain.verify", {**further, "now_ms": NOW_MS}),
        ("a list from a day ahead", "ID-08", "chain.verify", {**given, "now_ms": NOW_MS - DAY_MS}),
        ("the last millisecond of a list", "ID-08", "chain.verify", {**given, "now_ms": end_ms}),
        (
            "a bundle with the links up to its list",
            "ID-07 ID-16",
            "bundle.verify",
            {**given, "now_ms": NOW_MS, "grace_ms": 0, "bundle": cbor(bundle)},
        ),
    ]


def _forms() -> list[Case]:
    largest = {"head": b"\x01\x01", "zeros": 104 + 96_256}
    listed = cbor(content("limits", 6, {1: bytes(1024)}))
    blank, later = cbor(text("limits", " ")), cbor(content("limits", 2**31, None))
    return [
        ("an envelope of the largest class", "WIRE-07", "envelope.decode", largest),
        ("a text of one space", "CON-03", "content.decode", {"content": blank}),
        ("1024 bytes in the place of a list", "CON-03", "content.decode", {"content": listed}),
        ("a type of 32 bit", "CON-02", "content.decode", {"content": later}),
    ]


def _flights(kem: Encapsulations) -> list[Case]:
    stage = Stage(kem)
    good, edge = stage.envelope(stage.flight), NOW_MS - 45 * DAY_MS
    twin = parties.device("limits other device", account="flight B")
    own_list = parties.sign_list(twin, parties.first_list(twin))
    beside = stage.envelope(fly(twin, own_list, stage.offer, draw("limits EK", 32), stage.encapsulated))
    last: dict[int, Value] = {6: 2**32 - 1, 7: parties.way_back(stage.a)}
    end_ms = NOW_MS + parties.PREKEY_LIFE_MS + 30 * DAY_MS
    cases: dict[str, tuple[str, bytes, int]] = {
        "a flight in the last millisecond of its prekeys": ("HS-06", good, end_ms),
        "a list that ended 45 days ago": ("ID-10", aged(stage, NOW_MS, edge), NOW_MS),
        "a record that ended 45 days ago": ("ID-10", aged(stage, edge, NOW_MS), NOW_MS),
        "a flight of another device of the account": ("HS-11", beside, NOW_MS),
        "a flight with the last epoch": ("SES-21", stage.envelope(stage.flight, last), NOW_MS),
    }
    return [
        (name, rules, "session.respond", stage.given(envelope, now_ms=now_ms))
        for name, (rules, envelope, now_ms) in cases.items()
    ]


def _messages(played: Transcript) -> list[Case]:
    scene = in_chain(played)
    stored = stored_session(played, scene.receiver_name, scene.receiver, scene.phase, NOW_MS)
    given = {
        "session": cbor(stored),
        "skipped": [stored_row(row) for row in scene.receiver["skipped"]],
        "now_ms": NOW_MS + 32 * DAY_MS,
        "honest": scene.honest,
    }
    bare_b = len(cbor(text("limits", "")))
    sizes = {
        "a content whose mark needs the next class": 240 - bare_b - 1,
        "a content of 65 536 bytes": 65_536 - bare_b - 2,
    }
    found: list[Case] = []
    for name, letters in sizes.items():
        encoded = cbor(text("limits", "x" * letters))
        envelope = scene.message(padded(encoded, first=False))
        found.append((name, "WIRE-13 WIRE-14", "session.open", {**given, "envelope": envelope}))
    return found
