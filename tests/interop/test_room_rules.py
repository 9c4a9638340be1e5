"""The second implementation of order and heads, over the vectors; it imports nothing of the core."""

from __future__ import annotations

import importlib
from typing import Any

import independent_reader as reader
import independent_rooms as rooms
import pytest
from vector_files import load, unhex

rules = importlib.import_module("spec.vectors.room_rules")
ORDER, HEADS = load("order.json"), load("room_heads.json")


def test_the_order_of_200_entries() -> None:
    """TRN-16: from the headers alone."""
    headers = {unhex(one["hash"]): rooms.header(unhex(one["header"])) for one in ORDER["entries"]}
    steps, waiting = [], dict(headers)
    while waiting:
        for one, found in list(waiting.items()):
            named = {found.get(4), *(link[2] for link in found.get(5, []))}
            if not named & set(waiting):
                seen = tuple(tuple(link) for link in found.get(5, []))
                steps.append(rules.Step(one, b"", found[3], found.get(4), seen, found[7], False))
                del waiting[one]
    keys = rules.keys(steps, unhex(ORDER["root"]))
    assert {one.hex(): k for one, k in keys.items()} == {one["hash"]: one["k"] for one in ORDER["entries"]}
    assert [one.hex() for one in sorted(keys, key=lambda one: (keys[one], one))] == ORDER["order"]


@pytest.mark.parametrize("case", HEADS["sets"], ids=range(len(HEADS["sets"])))
def test_the_head_of_a_set(case: dict[str, Any]) -> None:
    """ROOM-05 to ROOM-11, ROOM-28"""
    states = {}
    for one in case["states"]:
        encoded = unhex(one["state"])
        rooms.payload(2, encoded)
        found = rules.Written(unhex(one["hash"]), unhex(one["author"]), one["n"], reader.decode(encoded))
        states[found.hash] = found
    ranks = {
        (one["ref"][0], one["ref"][1], unhex(one["ref"][2])): {
            unhex(device): rank for device, rank in one["ranks"]
        }
        for one in HEADS["rosters"]
    }
    team = rules.Team(ranks, frozenset(unhex(one) for one in case["suspended"]))
    root = unhex(HEADS["root"])
    verdicts = rules.verdicts(states, root, team)
    assert {one.hex(): verdict for one, verdict in verdicts.items()} == {
        one["hash"]: one["verdict"] for one in case["states"]
    }
    head = rules.head(states, root, team)
    assert (None if head is None else head.hex()) == case["head"]
