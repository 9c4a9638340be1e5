"""A room under a trace of the model RoomHead: states, verdicts, head and hold (ROOM-05, ROOM-08, ROOM-10,
ROOM-11, ROOM-27, ROOM-28). Entries are left out: a state's hash is the model's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from model_traces import Step
from room_states import AGENT, DESK, KEPT, LIST, NOTICE, ROOT, SUPERVISOR, dev, roster, team

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.head import Team
from e2ee.rooms.room import Room, judged, with_states
from e2ee.rooms.state import HOLD, Phase, State, WrittenState

_REFS: Final = {1: roster(1), 2: roster(2), 3: roster(3), 4: roster(1, mandate_seq=2)}
_EVERYBODY: Final = {"V": SUPERVISOR, "X": SUPERVISOR, "D": DESK, "A": AGENT}
_LEFT_OUT: Final = {1: set[str](), 2: {"X"}, 3: {"V"}, 4: {"X"}}
_SUSPENDED: Final = {1: set[str](), 2: {"X"}, 3: {"V"}, 4: {"X"}}


class RoomHeadReplay:
    """The reader of the model."""

    def __init__(self) -> None:
        self._room = Room(ROOT)
        self._rosters = [1]
        self._shown: Mapping[str, Any] = {}

    def close(self) -> None:
        """Nothing is held."""

    def carry_out(self, step: Step) -> None:
        """Carry out one step of the model."""
        if step.step["op"] == "show":
            self._shown = self._facts()
            return
        self._rosters = step.after["rosters"]
        new = [h for h in step.after["known"] if h not in step.before["known"]]
        if step.step["op"] == "learn":
            self._room = judged(self._room, self._team()).room
        elif new:
            given = [self._state(_of(step.after["states"], h), h) for h in new]
            self._room = with_states(self._room, given, self._team()).room

    def _team(self) -> Team:
        """Who is in force by the rosters that are known, and whom those of the newest mandate suspend."""
        ranks = {
            _REFS[one]: {name: rank for name, rank in _EVERYBODY.items() if name not in _LEFT_OUT[one]}
            for one in self._rosters
        }
        newest = [4] if 4 in self._rosters else self._rosters
        return team(ranks, set[str]().union(*(_SUSPENDED[one] for one in newest)))

    def _state(self, model: Mapping[str, Any], number: int) -> WrittenState:
        parent = ROOT if model["parent"] == 0 else _hash(model["parent"])
        state = State(
            *(1, model["epoch"], parent, Phase.OPEN, (), None, LIST, _REFS[model["roster"]], NOTICE, KEPT),
            flags=HOLD if model["hold"] else 0,
            text="why",
            answers=tuple(_hash(one) for one in model["names"]),
        )
        return WrittenState(_hash(number), dev(model["by"]), model["n"], state)

    def state(self) -> Mapping[str, Any]:
        """What the room said when it was asked last."""
        return self._shown

    def _facts(self) -> Mapping[str, Any]:
        head = 0 if self._room.head is None else self._room.head.hash[0]
        verdicts = {one.hash[0]: self._room.verdicts[one.hash].value for one in self._room.states.values()}
        return {
            "said": [[number, verdicts[number]] for number in sorted(verdicts)],
            "head": head,
            "kept": self._room.condition(self._team()).keeps,
        }


def _of(states: Any, number: int) -> Any:
    """A state of the model: of a list where the numbers are 1 to n."""
    return states[number - 1] if isinstance(states, list) else states[str(number)]


def _hash(number: int) -> EntryHash:
    return EntryHash(bytes([number]) * 32)
