"""content.json: every type of chapter 10, with and without what travels beside the payload."""

from __future__ import annotations

from typing import Any

from spec.vectors import company_vectors, parties
from spec.vectors.document import diagnostic, render
from spec.vectors.parties import Device
from spec.vectors.suite import NOW_MS, Value, cbor, draw

TEXT, RECEIPT, ADDRESS, _, SYNC, LIST, NOTHING, ENTRY, SIGNAL, FORWARD, DOSSIER, ROSTER = range(1, 13)


def content(name: str, kind: int, payload: Value, also: dict[int, Value] | None = None) -> dict[int, Value]:
    """The map of a content; `also` holds keys from 5 up."""
    return {1: kind, 2: draw(f"content id {name}", 16), 3: NOW_MS, 4: payload, **(also or {})}


def text(name: str, words: str, also: dict[int, Value] | None = None) -> dict[int, Value]:
    """The map of a text, with a number that follows from its name."""
    entries = content(name, TEXT, {1: words}, {9: number(draw(f"n {name}", 1)[0] + 1, 1), **(also or {})})
    return dict(sorted(entries.items()))


def number(n: int, first: int, line: bytes = b"line") -> bytes:
    """The 20 bytes of a number."""
    return n.to_bytes(8, "big") + line + first.to_bytes(8, "big")


def sync(name: str, kind: int, ask_id: bytes | None, top: Value, given: Value, got: int) -> dict[int, Value]:
    """The map of a sync."""
    return content(name, SYNC, {1: kind, 2: ask_id, 3: top, 4: given, 5: got})


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
    ask_id, short_id = draw("ask id", 8), draw("session id", 32)[:8]
    signed_list = parties.sign_list(us, parties.first_list(us))
    return [
        ("text of one character", text("text 1", "x")),
        ("text in several scripts", text("text 2", "Grüße, 漢字, \U0001f511\n\tline two")),
        ("receipt, delivered, one id", content("receipt 1", RECEIPT, {1: 1, 2: ids[:1]})),
        ("receipt, read, sixty-four ids", content("receipt 2", RECEIPT, {1: 2, 2: ids})),
        ("address", content("address", ADDRESS, None, {7: back})),
        ("ask of a side without an active session", sync("sync 1", 1, ask_id, None, None, 0)),
        ("ask", sync("sync 2", 1, ask_id, [29_400_000, short_id], number(258, 7), 41)),
        ("tell that answers an ask", sync("sync 3", 2, ask_id, [29_400_000, short_id], number(258, 7), 41)),
        ("tell that answers none", sync("sync 4", 2, None, [0, short_id], number(1, 2), 0)),
        (
            "tell at every end",
            sync("sync 5", 2, None, [2**32 - 1, bytes(8)], number(2**53 - 1, 2**53), 2**53 - 1),
        ),
        (
            "weekly ask with a bundle",
            {**sync("sync 6", 1, ask_id, None, number(9, 9), 3), 8: compact_bundle(us, 2)},
        ),
        ("ask under a prefix", {**sync("sync 7", 1, ask_id, None, None, 0), 6: 29_400_000, 7: back}),
        ("number one", text("number 1", "x", {9: number(1, 1)})),
        ("number at its end", text("number 2", "x", {9: number(2**53 - 1, 2**53 - 1, bytes(4))})),
        ("number before its first", text("number 3", "x", {9: number(7, 8, b"\xff" * 4)})),
        ("list", content("list", LIST, {1: signed_list})),
        ("nothing", content("nothing", NOTHING, None)),
        ("heads, peer unknown", text("heads 1", "x", {5: heads(us, None)})),
        ("heads of both", text("heads 2", "x", {5: heads(us, them)})),
        (
            "first flight of a device without a published entry",
            text("flight", "Guten Tag", {5: heads(us, them), 6: 29_400_000, 7: back, 8: compact_bundle(us)}),
        ),
        ("epoch 0", text("epoch 1", "x", {6: 0, 7: back})),
        ("epoch at its end", text("epoch 2", "x", {6: 2**32 - 1, 7: back})),
        ("type 4, which was given up", content("unknown 3", 4, None, {8: compact_bundle(us)})),
        ("entry of a room", content("entry", ENTRY, {1: b"", 2: b""}, {9: number(1, 1)})),
        ("signal of a room", content("signal", SIGNAL, {1: bytes(16), 2: 1})),
        ("forwarded entries", content("forward", FORWARD, None, {9: number(2, 1)})),
        ("dossier", content("dossier", DOSSIER, None, {9: number(3, 1)})),
        ("roster", content("roster", ROSTER, company_vectors.roster_payload(), {9: number(4, 1)})),
        ("unknown type", content("unknown 1", 13, [1, {0: None}])),
        ("unknown type at its end", content("unknown 2", 2**32 - 1, None)),
        ("keys from 64 up are ignored", text("extra", "x", {64: None, 2**32: {1: [True]}})),
    ]


def contents() -> str:
    """The file."""
    return render(
        "Contents: the map in diagnostic notation and its encoding. Where a key from 64 up is there, `kept`"
        " is the encoding of what a reader of this version takes from it.",
        "CON-01 CON-02 CON-03 CON-04 CON-05 CON-06 CON-07 CON-09 CON-10 CON-11 CON-12 SES-24",
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
