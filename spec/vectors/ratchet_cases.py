"""ratchet_cases.json: single arrivals at the limits of chapter 07 that open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from spec.vectors import arrival, ratchet
from spec.vectors.document import render
from spec.vectors.kem_ratchet import EMPTY
from spec.vectors.negative_messages import FRESH, KEY, LATER_MS, Scene, in_chain, new_chain
from spec.vectors.ratchet import Defect, State, padded
from spec.vectors.ratchet_vectors import stored_row, stored_session
from spec.vectors.suite import cbor, draw, u32
from spec.vectors.transcript import KIND_1, Transcript

LIMIT: Final = 1000
OTHER_HEADER_KEYS: Final = [draw(f"ratchet case chain {number}", 32) for number in range(2)]


def cases(played: Transcript) -> str:
    """The file."""
    return render(
        "Single arrivals that open: restore the session, open the envelope, compare the stored session"
        " `after` and the skipped keys. Of those `count` is the number and `sha256` the SHA-256 of all of"
        " them, by ascending tag and number: tag | number u32 | header key | message key | stored_ms u64.",
        "DR-12 DR-13 DR-14 DR-16",
        {"now_ms": LATER_MS, "cases": list(_cases(played))},
    )


def _cases(played: Transcript) -> Iterator[dict[str, Any]]:
    scene, turn = in_chain(played), new_chain(played)
    ahead = scene.receiver["receiving"]["number"]
    yield _case("a jump of exactly 1000 in a chain", "DR-13", scene, ahead + LIMIT)
    yield _case("a new chain that begins with number 1000", "DR-13 DR-14", turn, LIMIT)
    owed = turn.receiver["receiving"]["number"]
    yield _case("400 of the old chain and 600 of the new one", "DR-13 DR-14", turn, 600, owed + 400)
    yield _case("1000 of the old chain", "DR-13 DR-14", turn, 0, owed + LIMIT)
    for first, second in ((0, 1), (1, 0)):
        rows = [*_rows(OTHER_HEADER_KEYS[first], 600), *_rows(OTHER_HEADER_KEYS[second], 399)]
        name = f"of keys of one time the smaller tags and numbers go, stored in order {first + 1}"
        full = replace(scene, receiver={**scene.receiver, "skipped": rows})
        yield _case(name, "DR-16", full, ahead + 650)
    yield _oldest_moment(scene)
    oldest = [
        {**row, "stored_ms": LATER_MS - arrival.SKIPPED_TTL_MS} for row in _rows(OTHER_HEADER_KEYS[0], 2)
    ]
    holding = replace(scene, receiver={**scene.receiver, "skipped": oldest})
    yield _case("a message in the last millisecond of two other keys, which stay", "DR-16", holding, ahead)


def _rows(header_key: bytes, count: int) -> list[dict[str, Any]]:
    """Keys of a chain, all stored at one time."""
    return [
        {
            "tag": ratchet.tag(header_key),
            "number": number,
            "header_key": header_key,
            "message_key": draw(f"ratchet case key {number}", 32),
            "stored_ms": LATER_MS - 1,
        }
        for number in range(count)
    ]


def _case(
    name: str, rules: str, scene: Scene, number: int, previous_length: int | None = None
) -> dict[str, Any]:
    """The arrival of a message with this number, whose sender has passed over those before."""
    state = scene.sender
    if state["sending"]["state"] == "StepDue":
        state, _ = ratchet.turn_to_send(state, KEY)
    sending = dict(state["sending"])
    while sending["number"] < number:
        sending["chain_key"], _ = ratchet.chain_step(sending["chain_key"])
        sending["number"] += 1
    body = padded(cbor(scene.content), first=False)
    defect = Defect(previous_length=previous_length)
    _, trace = ratchet.seal_body({**state, "sending": sending}, KIND_1, body, FRESH, defect)
    return _opened(name, rules, scene, trace["header"], sending["tag"], trace["envelope"])


def _oldest_moment(scene: Scene) -> dict[str, Any]:
    """A skipped key in the last millisecond of its 30 days."""
    message, receiving = scene.played.sent["a10"], scene.receiver["receiving"]
    row = {
        "tag": receiving["tag"],
        "number": 0,
        "header_key": receiving["header_key"],
        "message_key": message["message_key"],
        "stored_ms": LATER_MS - arrival.SKIPPED_TTL_MS,
    }
    holding = replace(scene, receiver={**scene.receiver, "skipped": [row]})
    name = "a skipped key in the last millisecond of its 30 days"
    return _opened(name, "DR-12 DR-16", holding, message["header"], message["tag"], message["envelope"])


def _opened(
    name: str, rules: str, scene: Scene, header: bytes, tag: bytes, envelope: bytes
) -> dict[str, Any]:
    after, trace = arrival.receive(scene.receiver, header, tag, EMPTY, LATER_MS)
    return {
        "name": name,
        "rules": rules.split(),
        "session": _stored(scene, scene.receiver, scene.played.sides["B"].state["healed_ms"]),
        "skipped": [stored_row(row) for row in scene.receiver["skipped"]],
        "envelope": envelope,
        "missing": trace["missing"],
        "dropped": trace["dropped"],
        "after": {"session": _stored(scene, after, LATER_MS), "skipped": _digest(after)},
    }


def _stored(scene: Scene, state: State, opened_ms: int) -> bytes:
    return cbor(stored_session(scene.played, scene.receiver_name, state, scene.phase, opened_ms))


def _digest(state: State) -> dict[str, Any]:
    rows = sorted(
        row["tag"]
        + u32(row["number"])
        + row["header_key"]
        + row["message_key"]
        + row["stored_ms"].to_bytes(8, "big")
        for row in state["skipped"]
    )
    return {"count": len(rows), "sha256": hashlib.sha256(b"".join(rows)).digest()}
