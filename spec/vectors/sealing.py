"""What a sender may still seal and what it refuses, and stored states that are refused (local codes)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from spec.vectors import pair_vectors, ratchet
from spec.vectors.content_vectors import text
from spec.vectors.defects import Negative
from spec.vectors.ratchet import State
from spec.vectors.ratchet_vectors import stored_row, stored_session
from spec.vectors.suite import NOW_MS, Value, cbor, draw
from spec.vectors.transcript import Transcript

Case = tuple[str, str, str, dict[str, Any]]
LAST: Final = 2**31 - 1
MOST_B: Final = 65_536


def _chain(played: Transcript, **changed: int) -> State:
    """A's state in its chain, with another number or previous length."""
    state = played.sides["A"].state
    return {**state, "sending": {**state["sending"], **changed}}


def _started(played: Transcript, number: int) -> State:
    """A's state before anything has come back, in its chain."""
    step = next(one for one in played.steps if one["message"] == "a0" and one["action"] == "send")
    state: State = step["after"]
    return {**state, "sending": {**state["sending"], "number": number}}


def _given(
    played: Transcript, state: State, phase: Value, now_ms: int = NOW_MS, text_b: int = 1
) -> dict[str, Any]:
    return {
        "session": cbor(stored_session(played, "A", state, phase, NOW_MS)),
        "now_ms": now_ms,
        "content_id": draw("sealing content id", 16),
        "text_b": text_b,
    }


def _unanswered(played: Transcript) -> tuple[list[Value], int]:
    end_ms = played.offer.spk.entries[7]
    if not isinstance(end_ms, int):
        raise TypeError("not a time")
    return [played.flight.prefix, end_ms], end_ms


def _text_b(content_b: int) -> int:
    """The letters of a text whose content has so many bytes."""
    return content_b - len(cbor(text("sealing", ""))) - 2


def accepted_sealings(played: Transcript) -> list[Case]:
    """The last that a sender seals."""
    phase, end_ms = _unanswered(played)
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        "the last number of a chain": ("DR-09", _given(played, _chain(played, number=LAST), True)),
        "the largest previous length": ("DR-09", _given(played, _chain(played, previous_length=LAST), True)),
        "a sealed content of 65 536 bytes": (
            "WIRE-14",
            _given(played, _chain(played), True, NOW_MS, _text_b(MOST_B)),
        ),
        "the last millisecond of a session that nobody answered": (
            "HS-04",
            _given(played, _started(played, 1), phase, end_ms),
        ),
        "number 1000 under a prefix": ("HS-04", _given(played, _started(played, 1000), phase)),
    }
    return [(name, rules, "session.seal", given) for name, (rules, given) in cases.items()]


def refused_sealings(played: Transcript) -> Iterator[Negative]:
    """The first that a sender does not seal."""
    phase, end_ms = _unanswered(played)
    cases: dict[str, tuple[str, dict[str, Any], str]] = {
        "number-2-to-31": (
            "DR-09",
            _given(played, _chain(played, number=LAST + 1), True),
            "counter_exhausted",
        ),
        "previous-length-2-to-31": (
            "DR-09",
            _given(played, _chain(played, previous_length=LAST + 1), True),
            "counter_exhausted",
        ),
        "content-of-65537": (
            "WIRE-14",
            _given(played, _chain(played), True, NOW_MS, _text_b(MOST_B + 1)),
            "content_too_large",
        ),
        "unanswered-and-past-its-prekeys": (
            "HS-04 SES-09",
            _given(played, _started(played, 1), phase, end_ms + 1),
            "session_expired",
        ),
        "unanswered-at-number-1001": (
            "HS-04 SES-09",
            _given(played, _started(played, 1001), phase),
            "session_expired",
        ),
    }
    for name, (rules, given, code) in cases.items():
        about = f"A text of `text_b` letters x is to be sealed: {name.replace('-', ' ')}."
        yield Negative(f"seal-{name}", about, rules, "session.seal", given, f"local.{code}")


def _row(played: Transcript) -> list[Value]:
    return stored_session(played, "A", played.sides["A"].state, True, NOW_MS)


def _with(row: list[Value], at: int, value: Value) -> list[Value]:
    return [*row[:at], value, *row[at + 1 :]]


def restored(played: Transcript) -> list[Case]:
    """Stored sessions that no conversation of the vectors leaves."""
    side = played.sides["B"]
    listening = ratchet.start_responder(played.flight.expansion, played.offer.spk.private, NOW_MS)
    heard = stored_session(played, "B", {**side.state, **listening}, False, 0)
    given = {"session": cbor(heard), "skipped": []}
    return [("a stored session that has received nothing", "SES-14", "session.restore", given)]


def refused_states(played: Transcript) -> Iterator[Negative]:
    """Stored sessions, skipped keys and pairs."""
    row, rows = _row(played), (one for step in played.steps for one in step["after"]["skipped"])
    other = stored_session(played, "B", played.sides["B"].state, True, NOW_MS)
    sessions: dict[str, bytes] = {
        "version-2": cbor(_with(row, 0, 2)),
        "version-4": cbor(_with(row, 0, 4)),
        "version-true": cbor(_with(row, 0, True)),
        "item-missing": cbor(row[:-1]),
        "item-added": cbor([*row, None]),
        "trailing-byte": cbor(row) + b"\0",
        "not-an-array": cbor({0: 3}),
        "initiator-1": cbor(_with(row, 4, 1)),
        "epoch-2-to-32": cbor(_with(row, 5, 2**32)),
        "phase-null": cbor(_with(row, 6, None)),
        "root-key-short": cbor(_with(row, 10, bytes(31))),
        "kem-state-of-the-other-side": cbor(_with(row, 16, other[16])),
        "kem-state-6": cbor(_with(row, 16, [6])),
        "pieces-whole": cbor(_with(other, 16, [3, [bytes(8), [bytes(256)] * 4 + [bytes(160)]]])),
        "pieces-of-which-none-is-there": cbor(_with(other, 16, [3, [bytes(8), [None] * 5]])),
        "pq-epoch-2-to-31": cbor(_with(row, 14, 2**31)),
    }
    for name, encoded in sessions.items():
        yield _refused(f"session-{name}", "session.restore", {"session": encoded, "skipped": []})
    one = stored_row(next(rows))
    places = {
        "place-short": {**one, "place": one["place"][:11]},
        "version-2": {**one, "value": b"\x84\x02" + one["value"][2:]},
        "item-missing": {**one, "value": b"\x83" + one["value"][1:-9]},
    }
    for name, changed in places.items():
        given = {"session": cbor(other), "skipped": [changed]}
        yield _refused(f"skipped-key-{name}", "session.restore", given)
    yield from _refused_pairs(row)


def _refused_pairs(row: list[Value]) -> Iterator[Negative]:
    session_id = row[1]
    if not isinstance(session_id, bytes):
        raise TypeError("not an id")
    pair: list[Value] = [2, *pair_vectors.stored(session_id)[2].values()]
    cases: dict[str, list[Value]] = {
        "version-1": _with(pair, 0, 1),
        "version-3": _with(pair, 0, 3),
        "item-missing": pair[:-1],
        "met-1": _with(pair, 3, 1),
        "known-2-to-32": _with(pair, 2, 2**32),
        "given-2-to-53": _with(pair, 11, 2**53),
    }
    for name, changed in cases.items():
        yield _refused(f"pair-{name}", "pair.restore", {"pair": cbor(changed)})


def _refused(name: str, operation: str, given: dict[str, Any]) -> Negative:
    about = f"A stored state: {name.replace('-', ' ')}."
    return Negative(f"stored-{name}", about, "SES-14", operation, given, "local.snapshot")


def _pair(played: Transcript, at: int, **changed: Value) -> bytes:
    """A stored pair of pair_vectors."""
    return cbor([2, *(pair_vectors.stored(_active(played))[at] | changed).values()])


def _active(played: Transcript) -> bytes:
    session_id: bytes = played.start["A"]["session_id"]
    return session_id


def _sealable(played: Transcript) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """What may be sealed on which session of a pair, and what may not (SES-02, SES-22)."""
    pair, other, begun = _pair(played, 2), draw("session 1", 32), draw("session 2", 32)
    kinds = {"text": None, "ask": 1, "tell": 2}
    for name, session_id in {"other": other, "active": _active(played), "candidate": begun}.items():
        for what, sync in kinds.items():
            allowed = name == "active" or what == "tell" or (name, what) == ("candidate", "ask")
            given = {"pair": pair, "session_id": session_id, "sync": sync, "now_ms": NOW_MS}
            yield f"{what}-on-the-{name}-session", allowed, given
    row: list[Value] = [begun, 1, True, NOW_MS, NOW_MS + 10, False, 0, None, None]
    unmet = _pair(played, 0, sessions=[row])
    met = _pair(played, 0, sessions=[row], met=True)
    for name, raw, now_ms, allowed in (
        ("before-its-end", unmet, NOW_MS + 10, True),
        ("after-its-end", unmet, NOW_MS + 11, False),
        ("of-a-pair-that-has-met", met, NOW_MS, False),
    ):
        given = {"pair": raw, "session_id": begun, "sync": None, "now_ms": now_ms}
        yield f"text-on-an-unproven-session-{name}", allowed, given


def sealable(played: Transcript) -> list[Case]:
    """What may be sealed."""
    return [
        (name.replace("-", " "), "SES-02 SES-22", "pair.check_sending", given)
        for name, allowed, given in _sealable(played)
        if allowed
    ]


def _inactive(played: Transcript) -> Iterator[Negative]:
    for name, allowed, given in _sealable(played):
        if not allowed:
            about = f"To be sealed: {name.replace('-', ' ')}."
            error = "local.session_inactive"
            yield Negative(f"pair-{name}", about, "SES-02 SES-22", "pair.check_sending", given, error)


def all_local(played: Transcript) -> Iterator[Negative]:
    """Everything here that is refused."""
    yield from refused_sealings(played)
    yield from _inactive(played)
    yield from refused_states(played)
