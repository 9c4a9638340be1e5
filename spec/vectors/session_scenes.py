"""Written scripts for sessions.json: events of a pair that chance does not bring together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from spec.vectors.pair_rules import DAY_MS, MINUTE_MS, TWO_YEARS_MIN, Outcome, Pair, Session
from spec.vectors.suite import NOW_MS, draw

EPOCH: Final = NOW_MS // MINUTE_MS
PREKEYS_MS: Final = 14 * DAY_MS
PATIENCE_MS: Final = 10 * MINUTE_MS
ASK, OTHER_ASK = draw("scene ask", 8), draw("scene other ask", 8)
KEY, OTHER_KEY = b"\1" * 32, b"\2" * 32


def named(name: str) -> bytes:
    """The id of a session of a scene."""
    return draw(f"scene session {name}", 32)


class Scene:
    """A pair and the steps that were played on it."""

    def __init__(self) -> None:
        self.pair, self.now_ms = Pair(), NOW_MS
        self.steps: list[dict[str, Any]] = []

    def _step(self, act: str, event: dict[str, Any], outcome: Outcome) -> None:
        shown = {"now_ms": self.now_ms, "event": act, **event, "outcome": dataclasses.asdict(outcome)}
        self.steps.append({**shown, "after": self.pair.shown(self.now_ms)})

    def _made(self, act: str, name: str, epoch: int, beside: bytes | None) -> None:
        ends_ms = self.now_ms + PREKEYS_MS
        made = Session(named(name), epoch, act == "start", self.now_ms, ends_ms, beside)
        outcome = (self.pair.start if act == "start" else self.pair.hear)(made, self.now_ms)
        self._step(act, {"session": made.id, "epoch": epoch, "beside": beside}, outcome)

    def start(self, name: str, epoch: int, beside: bytes | None = None) -> None:
        """We start a session."""
        self._made("start", name, epoch, beside)

    def hear(self, name: str, epoch: int) -> None:
        """The peer has started one."""
        self._made("hear", name, epoch, None)

    def answer(self, name: str, key: bytes = KEY) -> None:
        """A chain opens that answers a key of ours."""
        self._step(
            "answer", {"session": named(name), "key": key}, self.pair.open(named(name), key, self.now_ms)
        )

    def message(self, name: str) -> None:
        """A message opens in a chain that is there."""
        self._step("message", {"session": named(name)}, self.pair.open(named(name), None, self.now_ms))

    def ask(self) -> None:
        """An ask goes out."""
        event = {"ask_id": ASK, "patience_ms": PATIENCE_MS}
        self._step("ask", event, self.pair.send_ask(ASK, PATIENCE_MS, self.now_ms))

    def tell(self, name: str, ask_id: bytes, top: tuple[int, bytes] | None = None) -> None:
        """A tell comes."""
        event = {"session": named(name), "ask_id": ask_id, "top": None if top is None else list(top)}
        self._step("tell", event, self.pair.sync(named(name), ask_id, top, self.now_ms))

    def sync(self, name: str, epoch: int, top: str) -> None:
        """An ask of the peer comes, with its top."""
        whole = epoch, named(top)[:8]
        event = {"session": named(name), "top": list(whole)}
        self._step("sync", event, self.pair.sync(named(name), None, whole, self.now_ms))

    def wait(self, ms: int, *, texts_wait: bool = False) -> None:
        """Time passes."""
        self.now_ms += ms
        outcome = self.pair.pass_time(self.now_ms, texts_wait=texts_wait)
        self._step("pass_time", {"texts_wait": texts_wait}, outcome)

    def meet(self, name: str = "active", epoch: int = EPOCH) -> None:
        """A session of the peer is proven."""
        self.hear(name, epoch)
        self.answer(name)


def _two_years(scene: Scene) -> None:
    scene.hear("heard", EPOCH + TWO_YEARS_MIN)
    scene.hear("further", EPOCH + TWO_YEARS_MIN + 1)
    scene.sync("heard", EPOCH + TWO_YEARS_MIN + 2, "top")
    scene.answer("heard")
    scene.sync("heard", EPOCH + TWO_YEARS_MIN + 3, "top")


def _fourteen_days(scene: Scene) -> None:
    scene.hear("heard", EPOCH)
    scene.wait(PREKEYS_MS)
    scene.wait(1)


def _older_started(scene: Scene) -> None:
    scene.start("first", EPOCH)
    scene.start("second", EPOCH + 1)
    scene.tell("first", ASK, (EPOCH + 1, bytes(8)))


def _life_elsewhere(scene: Scene) -> None:
    scene.meet()
    scene.hear("lower", EPOCH - 1)
    scene.start("begun", EPOCH + 1, KEY)
    scene.answer("lower", OTHER_KEY)
    scene.message("active")
    scene.answer("active", KEY)
    scene.answer("active", OTHER_KEY)


def _tells(scene: Scene) -> None:
    scene.meet()
    scene.ask()
    scene.start("begun", EPOCH + 1)
    scene.tell("active", OTHER_ASK)
    scene.tell("active", ASK)


def _top_arrives(scene: Scene) -> None:
    scene.meet()
    scene.sync("active", EPOCH + 2, "top")
    scene.start("for the top", EPOCH + 3)
    scene.answer("active", OTHER_KEY)
    scene.hear("top", EPOCH + 2)
    scene.answer("top")


def _top_below_the_candidate(scene: Scene) -> None:
    scene.meet()
    scene.start("begun", EPOCH + 5)
    scene.sync("active", EPOCH + 2, "top")
    scene.sync("active", EPOCH + 5, "top")


def _patience(scene: Scene) -> None:
    scene.meet()
    scene.ask()
    scene.wait(PATIENCE_MS - 1)
    scene.wait(1)


def _candidate_before_it_met(scene: Scene) -> None:
    scene.start("begun", EPOCH)
    scene.wait(DAY_MS)
    scene.wait(PREKEYS_MS - DAY_MS)
    scene.wait(1)


def _candidate_while_a_text_waits(scene: Scene) -> None:
    scene.start("begun", EPOCH)
    scene.wait(DAY_MS - 1, texts_wait=True)
    scene.wait(1, texts_wait=True)


def _search(scene: Scene) -> None:
    scene.meet()
    scene.start("begun", EPOCH + 1)
    scene.wait(DAY_MS - 1)
    scene.wait(1)
    scene.start("again", EPOCH + 2)
    scene.wait(8 * DAY_MS)
    scene.start("once more", EPOCH + 3)
    scene.wait(9 * DAY_MS)
    scene.start("the last", EPOCH + 4)
    scene.wait(14 * DAY_MS + 1)


def _search_of_weeks(scene: Scene) -> None:
    scene.meet()
    for epoch in range(EPOCH + 1, EPOCH + 8):
        days = min(max(scene.now_ms - NOW_MS, DAY_MS), PREKEYS_MS)
        scene.start(f"begun {epoch - EPOCH}", epoch)
        scene.wait(days - 1, texts_wait=True)
        scene.wait(1, texts_wait=True)
        if scene.pair.candidate is not None:
            scene.wait(1, texts_wait=True)


def _unproven_ages(scene: Scene) -> None:
    scene.hear("heard", EPOCH)
    scene.wait(44 * DAY_MS - 1)
    scene.wait(1)


def _proven_ages(scene: Scene) -> None:
    scene.meet()
    scene.wait(DAY_MS)
    scene.meet("next", EPOCH + 1)
    scene.wait(7 * DAY_MS - 1)
    scene.wait(1)
    scene.wait(60 * DAY_MS)


def _made_last(scene: Scene) -> None:
    scene.meet()
    for at in range(6):
        scene.hear(f"heard {at}", EPOCH - at)


SCENES: Final[dict[str, Callable[[Scene], None]]] = {
    "epochs two years ahead": _two_years,
    "an unproven session sends for 14 days": _fourteen_days,
    "a session that another was started after sends no text": _older_started,
    "life is on the active session, with a key made later": _life_elsewhere,
    "a tell is life by the id of the open ask": _tells,
    "the session of a top arrives": _top_arrives,
    "a top and a candidate above it": _top_below_the_candidate,
    "the last millisecond of a patience": _patience,
    "a candidate of a pair that has not met": _candidate_before_it_met,
    "a candidate of a pair that has not met, while a text waits": _candidate_while_a_text_waits,
    "fourteen days of search": _search,
    "a search of weeks while a text waits": _search_of_weeks,
    "the age of an unproven session": _unproven_ages,
    "the age of a proven session": _proven_ages,
    "of many sessions the four made last stay": _made_last,
}


def scenes() -> list[dict[str, Any]]:
    """Each scene as a script."""
    found: list[dict[str, Any]] = []
    for name, play in SCENES.items():
        scene = Scene()
        play(scene)
        found.append({"name": name, "steps": scene.steps})
    return found
