"""Chapter 08 recomputed by the core: sets, scripts of events and numbers of sessions.json."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from vector_files import hexed, load, unhex

from e2ee import pair as pairs
from e2ee.constants import PREKEY_LIFE_MS
from e2ee.content import Sync, SyncKind, Top
from e2ee.errors import CounterExhausted
from e2ee.ids import DhPublic, SessionId
from e2ee.numbers import Number, Received
from e2ee.pair import Change, Pair, Standing

FILE = load("sessions.json")
NOTHING = Sync(SyncKind.TELL, None, None, None, 0)


@pytest.mark.parametrize("case", FILE["sets"], ids=range(len(FILE["sets"])))
def test_sets(case: dict[str, Any]) -> None:
    """SES-22: whatever the order."""
    sessions = [
        Standing(SessionId(unhex(one["id"])), one["epoch"], True, 0, 0, one["proven"])
        for one in case["sessions"]
    ]
    for order in (sessions, sessions[::-1]):
        active = Pair(sessions=tuple(order)).active
        assert hexed(None if active is None else active.id) == case["active"]


def _session(step: dict[str, Any]) -> SessionId:
    return SessionId(unhex(step["session"]))


def _made(step: dict[str, Any]) -> Standing:
    now_ms = step["now_ms"]
    beside = None if step["beside"] is None else DhPublic(unhex(step["beside"]))
    return Standing(
        _session(step),
        step["epoch"],
        step["event"] == "start",
        now_ms,
        now_ms + PREKEY_LIFE_MS,
        beside=beside,
    )


def _synced(pair: Pair, step: dict[str, Any]) -> Change:
    top = None if step["top"] is None else Top(step["top"][0], unhex(step["top"][1]))
    ask_id = unhex(step["ask_id"]) if "ask_id" in step else None
    sync = replace(NOTHING, ask_id=ask_id, top=top)
    return pairs.synced(pair, _session(step), sync, step["now_ms"])


def _asked(pair: Pair, step: dict[str, Any]) -> Change:
    ask_id, now_ms = unhex(step["ask_id"]), step["now_ms"]
    return Change(pairs.ask_taken(pairs.asked(pair, ask_id, step["patience_ms"], now_ms), ask_id, now_ms))


def _after(pair: Pair, step: dict[str, Any]) -> Change:
    now_ms = step["now_ms"]
    match step["event"]:
        case "start":
            return pairs.started(pair, _made(step), now_ms)
        case "hear":
            return pairs.heard(pair, _made(step), now_ms)
        case "answer":
            return pairs.opened(pair, _session(step), DhPublic(unhex(step["key"])), now_ms)
        case "message":
            return pairs.opened(pair, _session(step), None, now_ms)
        case "tell" | "sync":
            return _synced(pair, step)
        case "ask":
            return _asked(pair, step)
        case "repeat":
            return Change(pairs.repeated(pair, now_ms))
        case "lose":
            return Change(pairs.lost(pair, now_ms))
        case _:
            return pairs.tick(pair, now_ms, connected=True, texts_wait=step["texts_wait"])


def _standing(pair: Pair, one: Standing) -> str:
    if one.proven:
        return "active" if one == pair.active else "other"
    return "started" if one.ours else "heard"


def _shown(pair: Pair, now_ms: int) -> dict[str, Any]:
    active, wanted = pair.active, pair.wanted
    top = None if wanted is None or wanted.top is None else list(wanted.top)
    return {
        "sessions": [[one.id, one.epoch, _standing(pair, one)] for one in pair.sessions],
        "active": None if active is None else active.id,
        "sending": pairs.sending(pair, now_ms),
        "known": pair.known,
        "met": pair.met,
        "wanted": None if wanted is None else [wanted.since_ms, top, wanted.again],
        "candidate": None if pair.candidate is None else list(pair.candidate),
        "ask": None if pair.ask is None else list(pair.ask),
    }


@pytest.mark.parametrize("case", FILE["scripts"], ids=lambda case: case["name"])
def test_scripts(case: dict[str, Any]) -> None:
    """SES-21, SES-22, SES-23, SES-26, SES-27, SES-28, SES-32, SES-33, SES-36"""
    pair = Pair()
    for step in case["steps"]:
        change = _after(pair, step)
        pair = change.pair
        outcome = {
            "gone": sorted(one.hex() for one in change.gone),
            "proven": change.proven,
            "activated": change.activated,
            "doubted": change.is_doubted,
        }
        assert outcome == {**step["outcome"], "gone": sorted(step["outcome"]["gone"])}, step
        assert hexed(_shown(pair, step["now_ms"])) == step["after"], step


@pytest.mark.parametrize("case", FILE["numbers"], ids=lambda case: case["name"])
def test_numbers(case: dict[str, Any]) -> None:
    """SES-30"""
    received = Received()
    for step in case["steps"]:
        n, line, first = step["number"]
        number = Number(n, unhex(line), first)
        received, found = received.take(number) if step["event"] == "take" else received.told(number)
        assert [one.value for one in found] == step["findings"]
    assert case["after"] == {
        "highest": received.highest,
        "missing": [list(one) for one in received.missing],
        "forgotten": received.forgotten,
    }


@pytest.mark.parametrize("case", FILE["epochs"], ids=lambda case: str(case["known"]))
def test_epochs(case: dict[str, Any]) -> None:
    """SES-21: the epoch of the next session; null where none is left."""
    pair = Pair(known=case["known"])
    if case["epoch"] is None:
        with pytest.raises(CounterExhausted):
            pairs.next_epoch(pair, case["now_ms"])
    else:
        assert pairs.next_epoch(pair, case["now_ms"]) == case["epoch"]


def test_scripts_show_what_they_are_for() -> None:
    """SES-36: every standing, every outcome, and each thing that may be open."""
    steps = [step for case in FILE["scripts"] for step in case["steps"]]
    standings = {standing for step in steps for *_, standing in step["after"]["sessions"]}
    assert standings == {"active", "other", "started", "heard"}
    for what in ("proven", "activated", "doubted", "gone"):
        assert sum(bool(step["outcome"][what]) for step in steps) > 5, what
    for what in ("wanted", "candidate", "ask"):
        assert sum(step["after"][what] is not None for step in steps) > 20, what
