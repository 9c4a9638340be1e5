"""flight_lists.json: first flights with an older, the same and a newer device list than the pinned one."""

from __future__ import annotations

from typing import Any

from spec.vectors import parties
from spec.vectors.document import render
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.handshake_vectors import device, prekey
from spec.vectors.negative_flights import Stage
from spec.vectors.suite import DAY_MS, NOW_MS, Value

WAIT_MS = (14 + 30 + 1) * DAY_MS


def flight_lists(kem: Encapsulations) -> str:
    """Flights of A to B with the list that is in force afterwards."""
    stage = Stage(kem)
    return render(
        "First flights of A to B, which has pinned a list of A or none. `in_force` is the hash of the list"
        " that B goes on with: the newer of the two. `now_ms` is the time at which the flight is taken.",
        "ID-10 ID-11 HS-07",
        {
            "responder": device(stage.b),
            "spk": prekey(stage.offer.spk),
            "opk": prekey(stage.offer.opk),
            "pqk": prekey(stage.offer.pqk),
            "cases": [_case(stage, *case) for case in _cases(stage)],
        },
    )


def _cases(stage: Stage) -> list[tuple[str, dict[int, Value] | None, dict[int, Value], int]]:
    a = stage.a
    chain = [stage.list]
    for seq in (2, 3, 4):
        chain.append(parties.list_entries(a, seq, parties.list_hash(chain[-1]), [a.record_hash]))
    empty = parties.list_entries(a, 2, parties.list_hash(chain[0]), [], issued_ms=NOW_MS - 76 * DAY_MS)
    old = parties.first_list(a, issued_ms=NOW_MS - 76 * DAY_MS)
    waited = parties.first_list(a, issued_ms=NOW_MS - WAIT_MS, expires_ms=NOW_MS - WAIT_MS + 1)
    ahead = parties.list_entries(
        a, 9, parties.list_hash(chain[0]), [a.record_hash], issued_ms=NOW_MS + DAY_MS + 1
    )
    lapsed = {**ahead, 5: NOW_MS - 76 * DAY_MS, 6: NOW_MS - 46 * DAY_MS}
    ended = parties.first_list(a, issued_ms=NOW_MS - 2 * DAY_MS, expires_ms=NOW_MS - DAY_MS)
    return [
        ("no list is pinned", None, chain[0], NOW_MS),
        ("the pinned list", chain[0], chain[0], NOW_MS),
        ("the next list", chain[0], chain[1], NOW_MS),
        ("a list three links ahead", chain[0], chain[3], NOW_MS),
        ("a list ahead of an expired one without the device", empty, chain[3], NOW_MS),
        ("an older list", chain[1], chain[0], NOW_MS),
        ("an older list that expired long ago", chain[2], old, NOW_MS),
        ("a list that expired 45 days ago", None, waited, NOW_MS + 1),
        ("an older list that expired a day ago, under one dated ahead", ahead, ended, NOW_MS),
        ("an older list of now, under one that ended long ago", lapsed, chain[0], NOW_MS),
    ]


def _case(
    stage: Stage, name: str, pinned: dict[int, Value] | None, given: dict[int, Value], now_ms: int
) -> dict[str, Any]:
    flight = stage.fly(stage.a, parties.sign_list(stage.a, given))
    newer = given if pinned is None or parties.int_of(given[3]) > parties.int_of(pinned[3]) else pinned
    row = None
    if pinned is not None:
        row = {"account_id": stage.a.account_id, "signed_list": parties.sign_list(stage.a, pinned)}
    return {
        "name": name,
        "pinned": row,
        "now_ms": now_ms,
        "envelope": stage.envelope(flight),
        "in_force": parties.list_hash(newer),
    }
