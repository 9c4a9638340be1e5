"""The reader that was written from chapters 16 and 17 alone, over the vectors of chains, order and heads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import independent_heads as heads
import independent_reader as reader
import independent_rooms as rooms
import pytest

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors"


def load(name: str) -> dict[str, Any]:
    """One file of vectors."""
    data: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return data


ORDER, TRANSCRIPT = load("order.json"), load("transcript.json")
HEADS, ACTS = load("room_heads.json"), load("room_acts.json")
unhex = bytes.fromhex


def test_entries_stand_in_their_order() -> None:
    """TRN-16"""
    headers = {unhex(one["hash"]): rooms.header(unhex(one["header"])) for one in ORDER["entries"]}
    found = heads.ordered(headers, unhex(ORDER["root"]))
    assert {key.hex(): k for key, k in found.items()} == {one["hash"]: one["k"] for one in ORDER["entries"]}
    assert [key.hex() for key in found] == ORDER["order"]


@pytest.mark.parametrize("case", TRANSCRIPT["chains"], ids=lambda case: case["name"])
def test_chains_show_what_the_vectors_say(case: dict[str, Any]) -> None:
    """TRN-03, TRN-06, TRN-07, TRN-09, TRN-13"""
    view, room_id = heads.View(), unhex(TRANSCRIPT["room_id"])
    for at in case["order"]:
        given = case["entries"][at]
        account, device = unhex(given["account_id"]), unhex(given["device_id"])
        content = rooms.mapping(
            reader.decode(unhex(given["content"])), dict.fromkeys((1, 2, 3), rooms.anything), (3,)
        )
        hash_ = rooms.entry_hash(account, device, reader.digest("SR1-commit", content[2]), content[1])
        signed = given["sign_public"] is not None
        view.take(heads.tag_of(room_id, device), hash_, rooms.header(content[1]), signed=signed)
    found = [[name, tag.hex(), n, by.hex()] for name, tag, n, by in view.findings]
    assert sorted(found) == sorted(case["findings"])
    assert [[tag.hex(), first, last] for tag, first, last in view.missing()] == case["missing"]
    assert [[tag.hex(), n, hash_.hex()] for tag, n, hash_ in view.links()] == case["links"]


def rosters(given: list[dict[str, Any]]) -> heads.Rosters:
    """The rosters of a file."""
    found: heads.Rosters = {}
    for one in given:
        mandate, seq, hash_ = one["ref"]
        found[mandate, seq, unhex(hash_)] = {unhex(device): rank for device, rank in one["ranks"]}
    return found


def states_of(case: dict[str, Any]) -> list[heads.State]:
    """The states of a case."""
    return [
        heads.parse(unhex(one["hash"]), unhex(one["author"]), one["n"], unhex(one["state"]))
        for one in case["states"]
    ]


@pytest.mark.parametrize("case", HEADS["sets"], ids=lambda case: case["name"])
def test_states_and_head_of_a_set(case: dict[str, Any]) -> None:
    """ROOM-04 to ROOM-11, ROOM-28"""
    states = states_of(case)
    found = heads.verdicts(states, unhex(HEADS["root"]), rosters(HEADS["rosters"]))
    assert {key.hex(): one for key, one in found.items()} == {
        one["hash"]: one["verdict"] for one in case["states"]
    }
    head = heads.head(
        states, unhex(HEADS["root"]), rosters(HEADS["rosters"]), set(map(unhex, case["suspended"]))
    )
    assert (None if head is None else head.hex()) == case["head"]


@pytest.mark.parametrize("case", ACTS["scenes"], ids=lambda case: case["name"])
def test_what_holds_above_a_head(case: dict[str, Any]) -> None:
    """ROOM-12 to ROOM-14, ROOM-27"""
    valid = {one.hash: one for one in states_of(case)}
    acts = []
    for one in case["acts"]:
        rooms.payload(one["kind"], unhex(one["payload"]))
        what = heads.what_of(one["kind"], reader.decode(unhex(one["payload"])))
        if what is not None:
            acts.append(heads.Act(unhex(one["hash"]), (one["k"], unhex(one["hash"])), what))
    line = heads.Line(valid, heads.path_to(valid, unhex(case["head"])), rosters([ACTS["roster"]]))
    found = heads.holds(line, acts)
    assert found[:3] == (case["phase"], case["sensitive"], case["keeps"])
