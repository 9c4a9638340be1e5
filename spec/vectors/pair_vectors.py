"""The stored pairs of snapshot.json (SES-14): the fields of chapter 12 in their order."""

from __future__ import annotations

from spec.vectors.suite import NOW_MS, Value, draw

_EPOCH = NOW_MS // 60_000


def stored(session_id: bytes) -> list[dict[str, Value]]:
    """A new pair, one that has met, and one in which everything is there."""
    short_id = draw("another session", 8)
    active: list[Value] = [session_id, _EPOCH, True, NOW_MS, NOW_MS + 5, True, 0, None, None]
    other: list[Value] = [
        draw("session 1", 32),
        _EPOCH - 1,
        False,
        NOW_MS,
        NOW_MS + 5,
        True,
        NOW_MS + 7,
        None,
        None,
    ]
    begun: list[Value] = [
        draw("session 2", 32),
        _EPOCH + 1,
        True,
        NOW_MS + 9,
        NOW_MS + 10,
        False,
        0,
        bytes(range(32)),
        [_EPOCH + 1, short_id],
    ]
    return [
        _fields(),
        _fields(sessions=[active], known=_EPOCH, met=True, given=7, received=[9, b"line", 3, 9, [], 0]),
        _fields(
            sessions=[other, active, begun],
            known=_EPOCH + 1,
            met=True,
            wanted=[NOW_MS + 1, [2**32 - 1, short_id], True],
            candidate=[begun[0], NOW_MS + 2, NOW_MS + 3, 3],
            ask=[draw("ask", 8), NOW_MS + 4, 86_400_000],
            asked_ms=NOW_MS + 4,
            gap_asks=3,
            rolled_back_ms=NOW_MS + 5,
            budget=[NOW_MS + 6, 8, 48, 12, 3, 2_000, 1],
            given=2**53 - 1,
            received=[2**53 - 1, b"\xff" * 4, 5, 2**53 - 1, [[1, 1], [3, 2**40]], 2],
        ),
    ]


def _fields(**given: Value) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "sessions": [],
        "known": 0,
        "met": False,
        "wanted": None,
        "candidate": None,
        "ask": None,
        "asked_ms": 0,
        "gap_asks": 3,
        "rolled_back_ms": 0,
        "budget": [0] * 7,
        "given": 0,
        "received": [0, bytes(4), 0, 0, [], 0],
    }
    return fields | given
