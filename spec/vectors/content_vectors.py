"""content.json: every type of chapter 10, with and without what travels beside the payload."""

from __future__ import annotations

from typing import Any

from spec.vectors import parties
from spec.vectors.document import diagnostic, render
from spec.vectors.parties import Device
from spec.vectors.suite import NOW_MS, Value, cbor, draw

TEXT, RECEIPT, ADDRESS, BUNDLE, RESET, LIST, NOTHING = range(1, 8)


def content(name: str, kind: int, payload: Value, also: dict[int, Value] | None = None) -> dict[int, Value]:
    """The map of a content; `also` holds keys from 5 up."""
    return {1: kind, 2: draw(f"content id {name}", 16), 3: NOW_MS, 4: payload, **(also or {})}


def text(name: str, words: str, also: dict[int, Value] | None = None) -> dict[int, Value]:
    """The map of a text."""
    return content(name, TEXT, {1: words}, also)


def heads(own: Device, peer: Device | None) -> dict[int, Value]:
    """The map of heads: both first lists."""
    return {1: _head(own), 2: None if peer is None else _head(peer)}


def _head(owner: Device) -> list[Value]:
    return [1, parties.list_hash(parties.first_list(owner))]


def compact_bundle(owner: Device, one_time: int = 0) -> dict[int, Value]:
    """A compact bundle with so many one-time keys of each kind."""
    return parties.compact_entries(
        parties.prekey(owner, parties.SPK, 9),
        parties.prekey(owner, parties.PQK_LAST_RESORT, 9),
        [parties.prekey(owner, parties.OPK, 100 + at) for at in range(one_time)],
        [parties.prekey(owner, parties.PQK_ONE_TIME, 200 + at) for at in range(one_time)],
    )


def cases() -> list[tuple[str, dict[int, Value]]]:
    """Name and map of every case."""
    us, them = parties.device("content A"), parties.device("content B")
    ids = [draw(f"receipt {number}", 16) for number in range(64)]
    back = parties.way_back(us)
    signed_list = parties.sign_list(us, parties.first_list(us))
    return [
        ("text of one character", text("text 1", "x")),
        ("text in several scripts", text("text 2", "Grüße, 漢字, \U0001f511\n\tline two")),
        ("receipt, delivered, one id", content("receipt 1", RECEIPT, {1: 1, 2: ids[:1]})),
        ("receipt, read, sixty-four ids", content("receipt 2", RECEIPT, {1: 2, 2: ids})),
        ("address", content("address", ADDRESS, None, {7: back})),
        ("bundle without one-time keys", content("bundle 1", BUNDLE, None, {8: compact_bundle(us)})),
        ("bundle with one-time keys", content("bundle 2", BUNDLE, None, {8: compact_bundle(us, 2)})),
        ("reset, state lost", content("reset 1", RESET, {1: 1}, {6: 0, 7: back})),
        ("reset, answer to a loss", content("reset 2", RESET, {1: 2})),
        ("reset, session replaced", content("reset 3", RESET, {1: 3})),
        ("list", content("list", LIST, {1: signed_list})),
        ("nothing", content("nothing", NOTHING, None)),
        ("heads, peer unknown", text("heads 1", "x", {5: heads(us, None)})),
        ("heads of both", text("heads 2", "x", {5: heads(us, them)})),
        (
            "first flight of a device without a published entry",
            text("flight", "Guten Tag", {5: heads(us, them), 6: 1, 7: back, 8: compact_bundle(us)}),
        ),
        ("gen at its end", text("gen", "x", {6: 2**31 - 1, 7: back})),
        ("unknown type", content("unknown 1", 8, [1, {0: None}])),
        ("unknown type at its end", content("unknown 2", 2**32 - 1, None)),
        ("keys from 64 up are ignored", text("extra", "x", {64: None, 2**32: {1: [True]}})),
    ]


def contents() -> str:
    """The file."""
    return render(
        "Contents: the map in diagnostic notation and its encoding. Where a key from 64 up is there, `kept`"
        " is the encoding of what a reader of this version takes from it.",
        "CON-01 CON-02 CON-03 CON-04 CON-05 CON-06 CON-07 CON-09 CON-10 CON-11",
        {"cases": [_case(name, entries) for name, entries in cases()]},
    )


def _case(name: str, entries: dict[int, Value]) -> dict[str, Any]:
    kept = {key: item for key, item in entries.items() if key < 64}
    return {
        "name": name,
        "diagnostic": diagnostic(entries),
        "encoded": cbor(entries),
        "kept": cbor(kept),
    }
