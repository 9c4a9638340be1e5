"""e2ee.pair and e2ee.numbers under a trace of the model Pair: what the two devices know of their sessions and
numbers (chapter 08).

Ids of sessions are the model's numbers, the smaller the earlier. Epochs follow the count of sessions alone:
all clocks stand at the beginning of time, but where a step is about a patience that has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from model_traces import Step, as_set

from e2ee import pair as pairs
from e2ee.content import Sync, SyncKind, Top
from e2ee.ids import DhPublic, SessionId
from e2ee.numbers import Finding, Number
from e2ee.pair import Change, Pair, Standing

JUMP: Final = 5
_NOW_MS: Final = 1
_LINE: Final = b"line"
_FOR_EVER_MS: Final = 10**12


class PairReplay:
    """Both devices; what their texts and ratchets do is taken from the model."""

    def __init__(self) -> None:
        self._pairs = {"A": _met(ours=True), "B": _met(ours=False)}
        self._images = dict(self._pairs)
        self._parted = {"A": False, "B": False}
        self._image_parted = dict(self._parted)
        self._model: Mapping[str, Any] = {}

    def close(self) -> None:
        """Nothing is held."""

    def carry_out(self, step: Step) -> None:
        """Carry out one step of the model."""
        self._model = step.after["db"]
        device = step.step["d"]
        match step.step["op"]:
            case "send":
                self._send(device, step.before["db"][device], step.after["db"][device])
            case "start":
                self._start(device, step.after["db"][device], len(step.before["log"]))
            case "deliver":
                self._deliver(device, step.before["log"][step.step["n"] - 1], step)
            case "lose" | "copy" | "put back":
                self._set_back(device, step.step["op"])
            case op:
                self._time_passes(device, op, len(step.before["log"]))

    def state(self) -> Mapping[str, Any]:
        """The model's stores with everything in its place that the code knows."""
        if not self._model:
            return {}
        return {"db": {name: {**self._model[name], **self._known(name)} for name in self._pairs}}

    def _known(self, name: str) -> Mapping[str, Any]:
        pair, model = self._pairs[name], self._model[name]
        facts = {one["id"]: one for one in model["sess"]}
        sessions = [{**facts.get(_number(one.id), {}), **_standing(one)} for one in pair.sessions]
        missing = [n for first, last in pair.received.missing for n in range(first, last + 1)]
        return {
            "sess": as_set(sessions),
            "known": pair.known,
            "wanted": pair.wanted is not None,
            "cand": 0 if pair.candidate is None else _number(pair.candidate.id),
            "ask": 0 if pair.ask is None else int.from_bytes(pair.ask.id, "big"),
            "given": pair.given.n,
            "highest": pair.received.highest,
            "missing": missing,
            "parted": self._parted[name],
        }

    # --- what a device does by itself ---

    def _send(self, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        (place,) = [at for at, row in enumerate(after["rows"]) if row != before["rows"][at]]
        pair, row = self._pairs[name], after["rows"][place]
        pairs.check_sending(pair, _id(row["on"]), None, _NOW_MS)
        if not before["rows"][place]["n"]:
            self._pairs[name], _ = pairs.give(pair)

    def _start(self, name: str, after: Mapping[str, Any], sent: int) -> None:
        (made,) = [one for one in after["sess"] if one["id"] == after["cand"]]
        epoch = max(made["e"], pairs.next_epoch(self._pairs[name], 0))
        standing = Standing(_id(made["id"]), epoch, True, 0, _FOR_EVER_MS, beside=_key(sent))
        change = pairs.started(self._pairs[name], standing, _NOW_MS)
        self._take(name, change)

    def _set_back(self, name: str, how: str) -> None:
        if how == "lose":
            self._pairs[name] = pairs.lost(self._pairs[name], self._pairs[name].given.n + JUMP + 1)
        if how == "put back":
            self._pairs[name], self._parted[name] = self._images[name], self._image_parted[name]
        self._images[name], self._image_parted[name] = self._pairs[name], self._parted[name]

    def _time_passes(self, name: str, op: str, sent: int) -> None:
        if op in ("write", "refuse", "relent"):
            return
        pair = self._pairs[name]
        if op == "ask":
            ask_id = (sent + 1).to_bytes(8, "big")
            self._check_asking(pair)
            self._pairs[name] = pairs.ask_taken(
                pairs.asked(pair, ask_id, pairs.SHORT_PATIENCE_MS, _NOW_MS), ask_id, _NOW_MS
            )
            return
        now_ms = pairs.SHORT_PATIENCE_MS + _NOW_MS if op == "silent" else pairs.DAY_MS
        self._take(name, pairs.tick(pair, now_ms, connected=True, texts_wait=True))

    @staticmethod
    def _check_asking(pair: Pair) -> None:
        if pair.ask is not None or pair.candidate is not None or pair.active is None:
            raise ValueError("an ask beside an open search")

    # --- what comes ---

    def _deliver(self, name: str, message: Mapping[str, Any], step: Step) -> None:
        session_id = _id(message["s"])
        pair = self._pairs[name]
        before = pair.session(session_id)
        if before is None:
            standing = Standing(session_id, message["e"], False, 0, _FOR_EVER_MS)
            self._take(name, pairs.heard(pair, standing, _NOW_MS))
        is_proof = message["proof"] and (before is None or not before.proven)
        answered = _key(-1) if is_proof else None
        if before is not None and before.proven:
            answered = self._answered(pair, message["heard"])
        self._take(name, pairs.opened(self._pairs[name], session_id, answered, _NOW_MS))
        self._content(name, session_id, message, step)

    @staticmethod
    def _answered(pair: Pair, heard: int) -> DhPublic | None:
        """Our key that a message answers: of before the newest pending session, or made since then."""
        pending = [one.beside for one in pair.sessions if one.ours and not one.proven]
        kept = [one for one in pending if one is not None and _since(one) >= heard]
        return kept[-1] if kept else _key(-1) if pending else None

    def _content(self, name: str, session_id: SessionId, message: Mapping[str, Any], step: Step) -> None:
        pair = self._pairs[name]
        if message["kind"] in ("ask", "tell"):
            kind = SyncKind.ASK if message["kind"] == "ask" else SyncKind.TELL
            ask_id = message["ask"].to_bytes(8, "big") if message["ask"] else None
            top = message["top"]
            stated = Top(top["e"], _id(top["id"])[:8]) if top["id"] else None
            sync = Sync(kind, ask_id, stated, _count(message["given"]), message["got"])
            pair = replace(pair, rolled_back_ms=0)
            self._take(name, pairs.synced(pair, session_id, sync, pair.given.n + JUMP + 1))
        elif message["kind"] == "text":
            shown = step.before["db"][name]["shown"][message["text"] - 1]
            if not shown:
                self._take(name, pairs.numbered(pair, Number(message["n"], _LINE, 1)))

    def _take(self, name: str, change: Change) -> None:
        self._pairs[name] = change.pair
        self._parted[name] |= Finding.PARTED in change.findings


def _met(*, ours: bool) -> Pair:
    return Pair((Standing(_id(1), 1, ours, 0, _FOR_EVER_MS, proven=True),), known=1, met=True)


def _standing(one: Standing) -> Mapping[str, Any]:
    return {"id": _number(one.id), "e": one.epoch, "ours": one.ours, "proven": one.proven}


def _id(number: int) -> SessionId:
    return SessionId(number.to_bytes(8, "big") + bytes(24))


def _number(session_id: bytes) -> int:
    return int.from_bytes(session_id[:8], "big")


def _key(sent: int) -> DhPublic:
    """The ratchet key that a device had when so many messages had been sent."""
    return DhPublic((sent + 1).to_bytes(32, "big"))


def _since(key: DhPublic) -> int:
    return int.from_bytes(bytes(key), "big") - 1


def _count(n: int) -> Number | None:
    return Number(n, _LINE, 1) if n else None
