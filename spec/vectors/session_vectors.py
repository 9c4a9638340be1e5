"""sessions.json: which session is active, scripts of events of a pair, and what numbers show (chapter 08)."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from spec.vectors import session_scenes
from spec.vectors.document import render
from spec.vectors.number_rules import Numbers
from spec.vectors.pair_rules import DAY_MS, HOUR_MS, MINUTE_MS, Outcome, Pair, Session
from spec.vectors.suite import NOW_MS, draw

EPOCH: Final = NOW_MS // MINUTE_MS
SETS, SCRIPTS, STEPS = 30, 40, 14
PREKEYS_MS: Final = 14 * DAY_MS
_ACTS: Final = (
    "start",
    "hear",
    "hear",
    "answer",
    "answer",
    "answer",
    "message",
    "ask",
    "tell",
    "sync",
    "sync",
    "repeat",
    "pass_time",
    "pass_time",
    "lose",
)
_PAUSES_MS: Final = (MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, DAY_MS, 3 * DAY_MS, 8 * DAY_MS, 45 * DAY_MS)


class Choices:
    """Scripted choices: each is drawn from a name."""

    def __init__(self, name: str) -> None:
        self._name, self._count = name, 0

    def number(self, below: int) -> int:
        """Choose a number."""
        self._count += 1
        return int.from_bytes(draw(f"{self._name} {self._count}", 4), "big") % below

    def one_of(self, *choices: Any) -> Any:
        """Choose one."""
        return choices[self.number(len(choices))]


def _session_id(script: str, number: int) -> bytes:
    return draw(f"session {script} {number}", 32)


def active_of(sessions: list[dict[str, Any]]) -> bytes | None:
    """Return the active one of a set (SES-22)."""
    proven = [one for one in sessions if one["proven"]]
    best = max((one["epoch"] for one in proven), default=0)
    return min((one["id"] for one in proven if one["epoch"] == best), default=None)


def _sets() -> list[dict[str, Any]]:
    found = []
    for at in range(SETS):
        choices = Choices(f"set {at}")
        sessions = [
            {
                "id": _session_id(f"set {at}", number),
                "epoch": EPOCH + choices.one_of(0, 0, 0, 1, -1) * choices.one_of(1, 1, 2**20),
                "proven": at > 1 and choices.number(4) > 0,
            }
            for number in range(at % 6)
        ]
        found.append({"sessions": sessions, "active": active_of(sessions)})
    return found


class Script:
    """One script: events by chance, each with the state after it."""

    def __init__(self, name: str) -> None:
        self.name, self.choices = name, Choices(name)
        self.pair, self.now_ms, self.made = Pair(), NOW_MS, 0
        self.keys: list[bytes] = []
        self.steps: list[dict[str, Any]] = []

    def play(self) -> list[dict[str, Any]]:
        """Play it; the first two steps make most pairs meet."""
        for act in ("hear", "answer") if self.choices.number(4) else ():
            self._step(act)
        for _ in range(STEPS):
            self._step(self.choices.one_of(*_ACTS))
            self.now_ms += self.choices.one_of(1, MINUTE_MS)
        return self.steps

    def _step(self, act: str) -> None:
        event = self._event(act)
        outcome: Outcome = self._do(act, event)
        self.steps.append(
            {
                "now_ms": self.now_ms,
                "event": act,
                **event,
                "outcome": dataclasses.asdict(outcome),
                "after": self.pair.shown(self.now_ms),
            }
        )

    def _event(self, act: str) -> dict[str, Any]:
        match act:
            case "start" | "hear":
                return self._new_session(act)
            case "answer":
                return {"session": self._some(), "key": self.choices.one_of(b"\1" * 32, b"\2" * 32)}
            case "message":
                return {"session": self._some()}
            case "ask":
                return {
                    "ask_id": draw(f"{self.name} ask {len(self.steps)}", 8),
                    "patience_ms": 10 * MINUTE_MS,
                }
            case "tell":
                ask_id = bytes(8) if self.pair.ask is None else self.pair.ask[0]
                return {"session": self._some(), "ask_id": ask_id, "top": self._top()}
            case "sync":
                return {"session": self._some(), "top": self._top()}
            case "pass_time":
                self.now_ms += self.choices.one_of(*_PAUSES_MS)
                return {"texts_wait": bool(self.choices.number(2))}
            case _:
                return {}

    def _new_session(self, act: str) -> dict[str, Any]:
        self.made += 1
        high = max(self.pair.known + 1, self.now_ms // MINUTE_MS)
        epoch = high if act == "start" else self.choices.one_of(high, high - 2, EPOCH, 2**32 - 1)
        key = self.choices.one_of(b"\1" * 32, None) if act == "start" else None
        return {"session": _session_id(self.name, self.made), "epoch": min(epoch, 2**32 - 1), "beside": key}

    def _some(self) -> bytes:
        known = [one.id for one in self.pair.sessions]
        return self.choices.one_of(*known) if known else bytes(32)

    def _top(self) -> Any:
        known = [[one.epoch, one.id[:8]] for one in self.pair.sessions]
        other = [
            self.pair.known + self.choices.one_of(-1, 0, 3),
            draw(f"{self.name} top {len(self.steps)}", 8),
        ]
        other[0] = max(0, min(other[0], 2**32 - 1))
        return self.choices.one_of(None, other, *known)

    def _do(self, act: str, event: dict[str, Any]) -> Outcome:
        pair, now_ms = self.pair, self.now_ms
        match act:
            case "start" | "hear":
                made = Session(event["session"], event["epoch"], act == "start", now_ms, now_ms + PREKEYS_MS)
                made.beside = event["beside"]
                return pair.start(made, now_ms) if act == "start" else pair.hear(made, now_ms)
            case "answer" | "message":
                return pair.open(event["session"], event.get("key"), now_ms)
            case "tell" | "sync":
                top = None if event["top"] is None else (event["top"][0], event["top"][1])
                return pair.sync(event["session"], event.get("ask_id"), top, now_ms)
            case "ask":
                return pair.send_ask(event["ask_id"], event["patience_ms"], now_ms)
            case "repeat":
                return pair.repeat(now_ms)
            case "lose":
                return pair.lose(now_ms)
            case _:
                return pair.pass_time(now_ms, texts_wait=event["texts_wait"])


_A, _B, _C = b"line", b"twin", b"more"
_NUMBERS: Final[dict[str, list[tuple[str, int, bytes, int]]]] = {
    "in order": [("take", n, _A, 1) for n in range(1, 5)],
    "a gap that is filled": [("take", n, _A, 1) for n in (1, 4, 3, 2)],
    "a gap at the beginning": [("take", 3, _A, 1)],
    "a gap at the end": [("take", 1, _A, 1), ("told", 3, _A, 1), ("take", 2, _A, 1), ("take", 3, _A, 1)],
    "a gap told twice": [("told", 2, _A, 1), ("told", 2, _A, 1)],
    "a jump of 10 000": [("take", 1, _A, 1), ("take", 10_002, _A, 1)],
    "a jump of 10 001": [("take", 1, _A, 1), ("take", 10_003, _A, 1), ("take", 700, _A, 1)],
    "a jump told": [("take", 1, _A, 1), ("told", 20_001, _A, 1)],
    "a number twice": [("take", 1, _A, 1), ("take", 1, _A, 1)],
    "a number on two lines": [("take", 1, _A, 1), ("take", 2, _A, 1), ("take", 2, _B, 2)],
    "an honest opening": [("take", 1, _A, 1), ("take", 2, _A, 1), ("take", 3, _B, 3)],
    "an honest opening, out of order": [("take", 3, _B, 3), ("take", 1, _A, 1), ("take", 2, _A, 1)],
    "three openings, out of order": [("take", 9, _C, 9), ("take", 7, _B, 6), ("take", 3, _A, 1)],
    "lines that share a number, none twice": [("take", 2, _A, 1), ("take", 3, _B, 3), ("take", 4, _A, 1)],
    "an older line that goes on": [("take", 5, _B, 4), ("take", 6, _A, 1)],
    "a line from the beginning again": [("take", 4, _A, 1), ("take", 1, _B, 1)],
    "a line without a number yet": [("take", 2, _A, 1), ("told", 2, _B, 3)],
    "a line without a number yet, and one more of the line before": [
        ("take", 2, _A, 1),
        ("told", 2, _B, 3),
        ("take", 3, _A, 1),
    ],
    "a line that is told": [("take", 4, _A, 1), ("told", 3, _B, 3)],
    "sixty-five gaps": [("take", 2 * n, _A, 1) for n in range(1, 66)]
    + [("take", 1, _A, 1), ("take", 3, _A, 1)],
    "a range that is split": [("take", 9, _A, 1), ("take", 5, _A, 1), ("take", 2, _A, 1)],
}


def _numbers(name: str, events: list[tuple[str, int, bytes, int]]) -> dict[str, Any]:
    known, steps = Numbers(), []
    for act, n, line, first in events:
        shown = known.take(n, line, first) if act == "take" else known.told(n, line, first)
        steps.append({"event": act, "number": [n, line, first], "findings": shown})
    after = {"highest": known.highest, "missing": known.ranges(), "forgotten": known.forgotten}
    return {"name": name, "steps": steps, "after": after}


def _epochs() -> list[dict[str, Any]]:
    """The epoch of the next session; None where none is left (SES-21)."""
    cases = [(0, EPOCH), (EPOCH - 1, EPOCH), (EPOCH, EPOCH + 1), (2**32 - 2, 2**32 - 1), (2**32 - 1, None)]
    return [{"known": known, "now_ms": NOW_MS + 59_999, "epoch": epoch} for known, epoch in cases]


def sessions() -> str:
    """The file."""
    scripts = [{"name": f"script {at}", "steps": Script(f"script {at}").play()} for at in range(SCRIPTS)]
    return render(
        "Sessions of a pair without their ratchets. `sets`: which of some sessions is active. `scripts`:"
        " events one after the other on a new pair, each with what follows from it and the state after it; a"
        " session made may send for 14 days; `key` is our ratchet key that a new chain answers, `beside` the"
        " one that we had when a session was started; wanted is [since_ms, top, without one-time keys],"
        " candidate [session, since_ms, asked_ms, repeats], ask [id, taken_ms, patience_ms]. `numbers`: those"
        " of texts that are taken, or told by a sync, and what each shows. `epochs`: that of the next"
        " session, null where none is left.",
        "SES-21 SES-22 SES-23 SES-26 SES-27 SES-28 SES-30 SES-32 SES-33 SES-36",
        {
            "sets": _sets(),
            "scripts": scripts + session_scenes.scenes(),
            "numbers": [_numbers(*one) for one in _NUMBERS.items()],
            "epochs": _epochs(),
        },
    )
