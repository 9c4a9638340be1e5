"""Which kinds of entries a company's device takes of a customer, in which rooms (CNS-13, CNS-92, ROOM-19)."""

from __future__ import annotations

from typing import Any, Final

KINDS: Final = ("1", "2", "3", "4", "7", "9", "10", "14", "14 null", "17", "18", "19", "20", "21", "63")
"""Kinds of chapter 17; `14 null` takes an address back."""
ACTS: Final = ("10", "14 null", "21")
TEAM: Final = ("2", "18")
CODES: Final = {2: "room.closed", 3: "room.frozen", 4: "room.consent_withdrawn", 5: "room.erased"}


def _room(phase: int, **other: bool) -> dict[str, Any]:
    room = {"receipt": True, "over": False, "withdrawn": False, "phase": phase, "may_reopen": True}
    return {**room, **other}


ROOMS: Final = (
    *(_room(1, receipt=False), _room(5, receipt=False)),
    *(_room(1), _room(1, over=True), _room(1, withdrawn=True)),
    *(_room(2), _room(2, over=True), _room(2, may_reopen=False), _room(2, withdrawn=True)),
    *(_room(3), _room(3, over=True), _room(4), _room(5), _room(5, withdrawn=True)),
)


def cases() -> list[dict[str, Any]]:
    """Each room with the code for each kind in a session, and as a line of a forward, null if it passes."""
    return [
        {
            **room,
            "codes": {kind: _code(kind, room) for kind in KINDS},
            "lines": {kind: _line_code(kind, room) for kind in KINDS},
        }
        for room in ROOMS
    ]


def _line_code(kind: str, room: dict[str, Any]) -> str | None:
    if not room["receipt"]:
        return "room.consent_required"
    return _code({"2": "21", "18": "3"}.get(kind, kind), room)


def _code(kind: str, room: dict[str, Any]) -> str | None:
    phase = 4 if room["withdrawn"] and room["phase"] < 5 else room["phase"]
    if kind == "9" or (kind == "1" and (not room["receipt"] or phase < 5)):
        return None
    if not room["receipt"]:
        return "room.consent_required"
    if kind in TEAM:
        return "room.right"
    if kind in ACTS:
        return None
    if kind == "20" and phase == 2 and room["may_reopen"] and not room["over"]:
        return None
    return CODES.get(phase, "room.consent_stale" if room["over"] else None)
