"""Sets of states by name, for room_heads.json: changes at their limits, and ways to a head."""

from __future__ import annotations

from typing import Any, Final

from spec.vectors.room_rules import HOLD, SENSITIVE, Written
from spec.vectors.suite import Value, draw

MEMBERS: Final = {"F": 2, "G": 2, "H": 2, "S": 3, "T": 3, "A": 1, "B": 0}
"""Who is in force by the first roster, with the rank: desks, supervisors, an agent, a bot."""
OPEN, CLOSED, FROZEN, WITHDRAWN, ERASED = 1, 2, 3, 4, 5
Ref = tuple[int, int, bytes]


def steward(name: str) -> bytes:
    """The device id of somebody."""
    return draw(f"steward {name}", 16)


def roster(mandate_seq: int, seq: int, mark: str = "") -> Ref:
    """A roster as a state names it."""
    return mandate_seq, seq, draw(f"roster {mandate_seq} {seq} {mark}", 32)


FIRST, SECOND, THIRD, FORK = roster(1, 1), roster(1, 2), roster(1, 3), roster(1, 3, "fork")
NEXT: Final = roster(2, 1)
ACT, OTHER_OPEN = draw("act", 32), draw("another open", 32)


class Room:
    """States that are written one after the other."""

    def __init__(self, root: bytes, first: dict[int, Any]) -> None:
        self.root, self.states, self.left_out = root, dict[bytes, Written](), set[bytes]()
        self.first = {**first, 2: 1, 3: root, 5: [], 6: None, 8: list(FIRST), 14: None, 15: []}

    def write(
        self, author: str, above: Written | None = None, changed: dict[int, Value] | None = None, **place: int
    ) -> Written:
        """A state above another, with what is changed; `mark` is the first byte of its hash."""
        at = len(self.states)
        below = self.first if above is None else {**above.state, 2: above.state[2] + 1, 3: above.hash}
        state = {**below, 14: None, 15: [], **(changed or {})}
        hash_ = bytes((place.get("mark", at),)) + draw(f"case {author} {at} {sorted(state.items())}", 31)
        one = Written(hash_, steward(author), place.get("n", at), dict(sorted(state.items())))
        self.states[hash_] = one
        return one


def change(before: dict[int, Value], author: str, after: dict[int, Value], by: str = "S") -> Any:
    """A first state of somebody, and one above it."""
    return lambda room: room.write(author, room.write(by, None, before), after)


def first(author: str, changed: dict[int, Value]) -> Any:
    """A first state only."""
    return lambda room: room.write(author, None, changed)


def ids(names: str) -> list[Value]:
    """Members."""
    return sorted(map(steward, names))  # type: ignore[return-value]  # a list of byte strings


def held(text: str | None = "why") -> dict[int, Value]:
    """What sets a hold."""
    return {11: HOLD, 14: text}


def changes() -> list[tuple[str, Any]]:
    """One change each; the name says what is written, not whether it is allowed."""
    moved = [
        (f"{name} to {other}", change({4: phase, 15: [ACT]}, "S", {4: new, 15: [ACT]}))
        for name, phase in PHASES.items()
        for other, new in PHASES.items()
    ]
    bare = [
        (f"{name} to {other} without an act", change({4: phase, 15: [ACT]}, "S", {4: new}))
        for name, phase in PHASES.items()
        for other, new in PHASES.items()
        if phase in (FROZEN, WITHDRAWN) or new in (FROZEN, WITHDRAWN)
    ]
    return [*moved, *bare, *members(), *flags(), *places()]


PHASES: Final = {"open": OPEN, "closed": CLOSED, "frozen": FROZEN, "withdrawn": WITHDRAWN, "erased": ERASED}


def members() -> list[tuple[str, Any]]:
    """ROOM-07"""
    whole: dict[int, Value] = {5: ids("FGSTAB")}
    return [
        ("desk adds a desk", change({}, "F", {5: ids("FG")})),
        ("desk adds a supervisor", change({}, "F", {5: ids("FS")})),
        ("desk adds itself, an agent and a bot", change({}, "F", {5: ids("FAB")})),
        ("supervisor adds a supervisor", change({}, "S", {5: ids("ST")})),
        ("desk assigns a member of rank 2", change(whole, "F", {6: steward("G")})),
        ("desk assigns a member of rank 3", change(whole, "F", {6: steward("S")})),
        ("supervisor assigns a member of rank 3", change(whole, "S", {6: steward("T")})),
        ("desk leaves a supervisor assigned", change({**whole, 6: steward("S")}, "F", {12: 1})),
        ("desk ends an assignment of a supervisor", change({**whole, 6: steward("S")}, "F", {6: None})),
        ("desk removes an agent", change(whole, "F", {5: ids("FGSTB")})),
        ("desk removes a desk", change(whole, "F", {5: ids("FSTAB")})),
        ("desk removes a supervisor", change(whole, "F", {5: ids("FGSAB")})),
        ("desk removes itself", change(whole, "F", {5: ids("GSTAB")})),
        ("supervisor removes a supervisor", change(whole, "S", {5: ids("FGSAB")})),
        ("supervisor removes itself and a desk", change(whole, "S", {5: ids("GTAB")})),
        (
            "desk removes a supervisor that is not in force",
            change(whole, "F", {5: ids("FGSAB"), 8: list(SECOND)}),
        ),
        ("member stays that is not in force", change(whole, "S", {8: list(SECOND)})),
        ("somebody unknown is added", change({}, "S", {5: [draw("nobody", 16)]})),
        ("who is not a member writes", change({5: ids("A")}, "G", {12: 1})),
        ("agent writes", change(whole, "A", {12: 1})),
        ("desk of the parent's roster is an agent now", change(whole, "G", {5: ids("FGSAB"), 8: list(NEXT)})),
        ("first state of a desk with a supervisor", first("F", {5: ids("S")})),
    ]


def flags() -> list[tuple[str, Any]]:
    """ROOM-08, ROOM-09"""
    longer: dict[int, Value] = {10: [2, 90 * 86_400 + 1]}
    notice: dict[int, Value] = {9: draw("newer notice", 32)}
    both = {**held(), 11: HOLD | SENSITIVE}
    return [
        ("desk sets the mark", change({}, "F", {11: SENSITIVE})),
        ("desk clears the mark", change({11: SENSITIVE}, "F", {11: 0})),
        ("supervisor clears the mark", change({11: SENSITIVE}, "S", {11: 0})),
        ("desk sets a hold", change({}, "F", held())),
        ("supervisor sets a hold", change({}, "S", held())),
        ("supervisor sets a hold without a text", change({}, "S", held(None))),
        ("desk clears a hold", change(held(), "F", {11: 0, 14: "why"})),
        ("supervisor clears a hold", change(held(), "T", {11: 0, 14: "why"})),
        ("supervisor clears a hold without a text", change(held(), "S", {11: 0})),
        ("desk sets the mark beside a hold", change(held(), "F", {11: HOLD | SENSITIVE})),
        ("first state of a desk with a hold", first("F", held())),
        ("first state of a supervisor with a hold and the mark", first("S", both)),
        ("hold is erased", change(held(), "S", {4: ERASED, 15: [ACT]})),
        ("hold is cleared and erased", change(held(), "S", {4: ERASED, 11: 0, 14: "why", 15: [ACT]})),
        ("hold is set and erased", change({}, "S", {**held(), 4: ERASED, 15: [ACT]})),
        ("hold is set in an erased room", change({4: ERASED, 15: [ACT]}, "S", held())),
        ("class 3 is erased", change({10: [3, 5]}, "S", {4: ERASED, 15: [ACT]})),
        ("desk shortens class 3", change({10: [3, 5]}, "F", {10: [3, 4]})),
        ("desk leaves class 3 as it is", change({10: [3, 5]}, "F", {12: 1})),
        ("supervisor shortens class 3 with a notice", change({10: [3, 5]}, "S", {10: [3, 4], **notice})),
        ("desk shortens retention", change({}, "F", {10: [2, 1]})),
        ("desk lengthens retention", change({}, "F", {**longer, **notice})),
        ("desk changes the notice", change({}, "F", notice)),
        ("desk changes the class", change({}, "F", {10: [1, 1], **notice})),
        ("supervisor lengthens retention", change({}, "S", longer)),
        ("supervisor lengthens retention with a notice", change({}, "S", {**longer, **notice})),
        ("supervisor changes the class with a notice", change({}, "S", {10: [1, 1], **notice})),
        ("supervisor changes the class", change({}, "S", {10: [1, 1]})),
    ]


def places() -> list[tuple[str, Any]]:
    """ROOM-05, ROOM-06, ROOM-10"""
    two: dict[int, Value] = {8: list(NEXT)}
    return [
        ("epoch of the parent", change({}, "S", {2: 1})),
        ("epoch two above the parent", change({}, "S", {2: 3})),
        ("older roster", change({8: list(SECOND)}, "S", {8: list(FIRST)})),
        ("roster of an older mandate with a higher number", change(two, "S", {8: list(THIRD)})),
        ("newer mandate with a lower number", change({8: list(THIRD)}, "S", two)),
        ("other roster of one number", change({8: list(THIRD)}, "F", {8: list(FORK)})),
        ("roster that is not known", change({}, "S", {8: list(roster(9, 9))})),
        ("roster under a higher number", change({}, "S", {8: [1, 9, FIRST[2]]})),
        ("roster under a higher mandate", change({}, "S", {8: [9, 1, FIRST[2]]})),
        ("roster with the hash of another one", change({}, "S", {8: [*SECOND[:2], FIRST[2]]})),
        ("older list", change({7: [5, ACT]}, "S", {7: [4, ACT]})),
        ("other list of one number", change({}, "S", {7: [1, ACT]})),
        ("list two numbers on", change({}, "S", {7: [3, ACT]})),
        ("no list", change({}, "S", {7: None})),
        ("no notice", change({}, "S", {9: None})),
        ("first state of epoch 2", first("S", {2: 2})),
        ("first state with another open", first("S", {3: OTHER_OPEN})),
        ("first state without open", first("S", {3: None})),
        ("first state without a list", first("S", {7: None})),
        ("first state, closed", first("F", {4: CLOSED})),
        ("first state, frozen, without an act", first("F", {4: FROZEN})),
        ("first state of an agent", first("A", {})),
        ("parent that is not here", first("A", {2: 2, 3: ACT})),
        ("parent that is refused", change({}, "S", {12: 1}, by="A")),
        ("parent that is held", change({8: list(roster(9, 9))}, "S", {8: list(FIRST)})),
    ]


def same_number(room: Room) -> None:
    """Of two states of one author with one n the smaller hash is the vote."""
    start = room.write("S", n=1)
    room.write("S", start, {12: 1}, n=2, mark=9)
    room.write("S", start, {12: 2}, n=2, mark=8)


def desks_against_one(room: Room) -> None:
    """Two desks against one, whose hash is smaller."""
    start = room.write("S", n=1)
    room.write("H", start, {12: 1}, mark=8)
    room.write("G", room.write("F", start, {12: 2}, mark=9), {12: 3})


def supervisor_against_desks(room: Room) -> None:
    """Two desks against a supervisor, whose hash is larger."""
    start = room.write("T", n=1)
    room.write("S", start, {12: 1}, mark=99)
    room.write("G", room.write("F", start, {12: 2}, mark=8), {12: 3})


def state_that_nobody_votes_for(room: Room) -> None:
    """The author of the newest state has written another one since, elsewhere."""
    start = room.write("S", n=1)
    room.write("F", room.write("F", start, {12: 1}, n=7), {12: 2}, n=6)


def desk_no_more(room: Room) -> None:
    """A desk that the newest roster has as an agent; both branches have a desk without that."""
    start = room.write("S", n=1)
    room.write("G", start, {12: 1}, mark=1)
    room.write("F", start, {12: 2, 8: list(NEXT)}, mark=2)


def roster_of_a_suspended_one(room: Room) -> None:
    """Only S, who is suspended, names the newest roster, in which G is an agent."""
    start = room.write("T", n=1)
    room.write("S", start, {12: 1, 8: list(NEXT)}, mark=2)
    room.write("F", start, {12: 2}, mark=3)
    room.write("G", start, {12: 3}, mark=1)


def two_rosters(room: Room) -> None:
    """Two rosters of one number: G is in one of them, S a supervisor in one of them."""
    start = room.write("T", n=1)
    room.write("F", start, {12: 1, 8: list(FORK)}, mark=3)
    room.write("G", room.write("S", start, {12: 2, 8: list(THIRD)}, mark=4), {12: 3})


def higher_number_of_an_older_mandate(room: Room) -> None:
    """The roster of the newer mandate has the lower number, and G as an agent."""
    start = room.write("S", n=1)
    room.write("G", start, {12: 1, 8: list(THIRD)}, mark=1)
    room.write("F", start, {12: 2, 8: list(NEXT)}, mark=2)


def all_suspended(room: Room) -> None:
    """Nobody has a vote: each author's rank by its own roster, a supervisor against two desks."""
    start = room.write("T", n=1)
    room.write("S", start, {12: 1}, mark=99)
    room.write("F", start, {12: 2}, mark=8)
    room.write("G", next(one for one in room.states.values() if one.state[12] == 2), {12: 3})


def all_suspended_with_two_ranks(room: Room) -> None:
    """The rank is by the roster of the newest state, in which S is a desk, not of an older one."""
    start = room.write("F", n=1)
    one = room.write("S", start, {12: 1}, n=3, mark=99)
    room.write("G", room.write("F", start, {12: 2}, mark=8), {12: 3})
    room.write("S", one, {12: 4, 8: list(FORK)}, n=4, mark=1)
    room.write("S", start, {12: 5}, n=2, mark=98)


def all_suspended_with_two_rosters(room: Room) -> None:
    """S has named both rosters of the newest number, in one of which it is a desk."""
    start = room.write("T", n=1)
    room.write("S", start, {12: 1, 8: list(THIRD)}, mark=99, n=3)
    room.write("S", start, {12: 2, 8: list(FORK)}, mark=98, n=2)
    room.write("F", start, {12: 3, 8: list(FORK)}, mark=8)


def all_suspended_with_an_older_roster(room: Room) -> None:
    """The newest state of the one who has named the newest roster names an older one."""
    start = room.write("T", n=1)
    room.write("S", start, {12: 1}, mark=99, n=3)
    room.write("S", start, {12: 2, 8: list(THIRD)}, mark=1, n=2)
    room.write("F", start, {12: 3}, mark=2)


CASES: Final[dict[str, tuple[Any, str]]] = {
    "two states of one number": (same_number, ""),
    "two desks against one": (desks_against_one, ""),
    "supervisor against two desks": (supervisor_against_desks, ""),
    "state that nobody votes for": (state_that_nobody_votes_for, ""),
    "desk that is an agent by the newest roster": (desk_no_more, ""),
    "roster that only a suspended author names": (roster_of_a_suspended_one, "S"),
    "two rosters of one number": (two_rosters, ""),
    "higher number of an older mandate": (higher_number_of_an_older_mandate, ""),
    "all suspended": (all_suspended, "FGST"),
    "all suspended, one with two rosters": (all_suspended_with_two_rosters, "FGST"),
    "all suspended, one with an older roster": (all_suspended_with_an_older_roster, "FGST"),
    "all suspended, one with two ranks": (all_suspended_with_two_ranks, "FGST"),
}
"""Who writes what, and who is suspended."""


def cases(root: bytes, state: dict[int, Any]) -> list[tuple[str, dict[bytes, Written], frozenset[bytes]]]:
    """Name, states and suspended of each."""
    found = []
    for name, (write, suspended) in [*((name, (one, "")) for name, one in changes()), *CASES.items()]:
        room = Room(root, state)
        write(room)
        found.append((name, room.states, frozenset(map(steward, suspended))))
    return found
