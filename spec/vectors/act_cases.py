"""room_acts.json: what holds above a head, by hand from ROOM-12 to ROOM-14 and ROOM-27."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from spec.vectors.document import render
from spec.vectors.head_cases import (
    CLOSED,
    ERASED,
    FIRST,
    FROZEN,
    MEMBERS,
    OPEN,
    WITHDRAWN,
    Room,
    held,
    steward,
)
from spec.vectors.room_rules import HOLD, SENSITIVE, Written
from spec.vectors.suite import NOW_MS, Value, cbor, draw

Path = list[Written]
Scene = tuple[list[str], Callable[[Room, Any], Written], tuple[int, bool, bool]]
KINDS: Final[dict[str, tuple[int, Value]]] = {
    "close": (10, {1: 1}),
    "reopen": (10, {1: 2}),
    "freeze": (10, {1: 3}),
    "unfreeze": (10, {1: 4}),
    "call": (10, {1: 5}),
    "consent": (8, b"receipt"),
    "withdraw": (9, b"withdrawal"),
    "erase": (5, {1: None}),
    "erase one": (5, {1: [draw("one", 32)]}),
    "sensitive": (15, {1: [draw("one", 32)]}),
}


def only(author: str, **changed: Any) -> Callable[[Room, Any], Written]:
    """One state of somebody; `names` has the places of acts that it names, `f..` the fields of the map."""
    return lambda room, acts: write(room, acts, author, None, **changed)


def write(
    room: Room, acts: Any, author: str, above: Written | None, names: str = "", **fields: Any
) -> Written:
    """A state that names the acts with these places."""
    changed = {int(key[1:]): value for key, value in fields.items()}
    return room.write(author, above, {**changed, 15: sorted(acts[int(at)] for at in names)})


def then(*steps: tuple[str, dict[str, Any]]) -> Callable[[Room, Any], Written]:
    """States one above the other."""

    def run(room: Room, acts: Any) -> Written:
        above = None
        for author, changed in steps:
            above = write(room, acts, author, above, **changed)
        return above  # type: ignore[return-value]  # there is a step

    return run


GUARDS: Final[dict[str, dict[int, Value]]] = {
    "hold": held(),
    "class": {10: [3, 5], 9: draw("newer notice", 32)},
    "mark": {11: SENSITIVE},
}


def beside(end: str, guard: str = "hold", *, names_it: bool = False) -> Any:
    """A guard on another branch than the head's; the last state up to the head is of `end`."""

    def run(room: Room, acts: Any) -> Written:
        start = room.write("T")
        setter = room.write("S", start, GUARDS[guard])
        return room.write(end, start, {12: 1, 15: [setter.hash] if names_it else []})

    return run


def named_under_another(room: Room, acts: Any) -> Written:
    """A hold that is named by a state with one, which is cleared then."""
    start = room.write("T")
    setter = room.write("S", start, held())
    named = room.write("T", start, {**held(), 15: [setter.hash]})
    return room.write("T", named, {11: 0, 14: "why"})


def below(room: Room, acts: Any) -> Written:
    """A hold that a supervisor has cleared, while a state on another branch keeps it."""
    setter = room.write("S", room.write("T"), held())
    room.write("F", setter, {12: 7})
    return room.write("S", setter, {11: 0, 14: "why"})


def set_twice(newest: str) -> Any:
    """One author sets a hold on two branches; the newest, or the older one, is named."""

    def run(room: Room, acts: Any) -> Written:
        start = room.write("T")
        one, two = (room.write("S", start, {**held(), 12: at}) for at in range(2))
        return room.write("T", start, {12: 1, 15: [two.hash if newest == "newest" else one.hash]})

    return run


def set_again(guard: str, author: str = "S") -> Any:
    """A guard that was set on a branch that lost, and again by its author, which a supervisor clears."""

    def run(room: Room, acts: Any) -> Written:
        start = room.write("T")
        room.write(author, start, GUARDS[guard])
        again = room.write(author, room.write("F", start, {12: 1}), GUARDS[guard])
        return room.write("T", again, {10: start.state[10], 9: draw("third notice", 32), 11: 0, 14: "why"})

    return run


def first_beside(end: str, *, names_it: bool = False) -> Any:
    """A first state in class 3 beside the head's, which a state of `end` stands on."""

    def run(room: Room, acts: Any) -> Written:
        setter = room.write("F", None, {10: [3, 5]})
        start = room.write("G")
        return room.write(end, start, {12: 1, 15: [setter.hash] if names_it else []})

    return run


def scenes() -> list[tuple[str, Scene]]:
    """Acts in the order of the transcript, states, and phase, sensitive, whether an erasure waits."""
    freeze: dict[str, Any] = {"names": "0", "f4": FROZEN}
    decided: dict[str, Any] = {"names": "0", "f14": "why"}
    return [
        ("nothing", ([], only("F"), (OPEN, False, False))),
        ("close", (["close"], only("F"), (CLOSED, False, False))),
        ("close, named", (["close"], only("F", names="0"), (OPEN, False, False))),
        ("close, reopen, neither named", (["close", "reopen"], only("F"), (CLOSED, False, False))),
        ("close, reopen, reopen named", (["close", "reopen"], only("F", names="1"), (OPEN, False, False))),
        ("freeze", (["freeze"], only("F"), (FROZEN, False, False))),
        (
            "freeze, obeyed and opened by a desk",
            (["freeze"], then(("F", freeze), ("F", {"f4": CLOSED})), (FROZEN, False, False)),
        ),
        ("freeze, named by a desk with a text", (["freeze"], only("F", **decided), (FROZEN, False, False))),
        ("freeze, decided", (["freeze"], only("S", **decided), (OPEN, False, False))),
        ("freeze, decided and closed", (["freeze"], only("S", **decided, f4=CLOSED), (CLOSED, False, False))),
        (
            "freeze, named by a supervisor without a text",
            (["freeze"], only("S", names="0"), (FROZEN, False, False)),
        ),
        (
            "freeze, obeyed by a supervisor with a text, closed by a desk",
            (
                ["freeze"],
                then(("S", {**freeze, "f14": "why"}), ("F", {"f4": CLOSED})),
                (FROZEN, False, False),
            ),
        ),
        ("freeze, unfreeze, named", (["freeze", "unfreeze"], only("F", names="1"), (OPEN, False, False))),
        (
            "unfreeze, freeze, both named",
            (["unfreeze", "freeze"], only("F", names="01"), (FROZEN, False, False)),
        ),
        ("freeze, reopen, both named", (["freeze", "reopen"], only("F", names="01"), (FROZEN, False, False))),
        ("withdraw", (["withdraw"], only("F"), (WITHDRAWN, False, False))),
        (
            "withdraw, obeyed and opened",
            (
                ["withdraw"],
                then(("F", {"names": "0", "f4": WITHDRAWN}), ("S", {"names": "0", "f4": OPEN, "f14": "why"})),
                (WITHDRAWN, False, False),
            ),
        ),
        (
            "withdraw, consent, named one after the other",
            (
                ["withdraw", "consent"],
                then(("F", {"names": "0", "f4": WITHDRAWN}), ("F", {"names": "1", "f4": OPEN})),
                (OPEN, False, False),
            ),
        ),
        (
            "withdraw, consent, withdraw, consent named",
            (["withdraw", "consent", "withdraw"], only("F", names="01"), (WITHDRAWN, False, False)),
        ),
        (
            "consent, withdraw, both named",
            (["consent", "withdraw"], only("F", names="01"), (WITHDRAWN, False, False)),
        ),
        ("erase", (["erase"], only("F"), (ERASED, False, False))),
        ("erase, named", (["erase"], only("S", names="0", f14="why"), (ERASED, False, False))),
        ("erase, consent, both named", (["erase", "consent"], only("F", names="01"), (ERASED, False, False))),
        ("erase of one entry", (["erase one"], only("F"), (OPEN, False, False))),
        ("erase, close, freeze", (["erase", "close", "freeze"], only("F"), (ERASED, False, False))),
        ("freeze, close", (["freeze", "close"], only("F"), (FROZEN, False, False))),
        ("call a desk", (["call"], only("F"), (OPEN, False, False))),
        ("erase under a hold", (["erase"], only("S", f11=HOLD, f14="why"), (OPEN, False, True))),
        (
            "erase and close under a hold",
            (["erase", "close"], only("S", f11=HOLD, f14="why"), (CLOSED, False, True)),
        ),
        ("erase in class 3", (["erase"], only("F", f10=[3, 5]), (OPEN, False, True))),
        ("erase in class 4", (["erase"], only("F", f10=[4, 5]), (ERASED, False, False))),
        ("erase, hold of another branch", (["erase"], beside("F"), (OPEN, False, True))),
        ("erase, hold of another branch, supervisor", (["erase"], beside("S"), (OPEN, False, True))),
        ("erase, hold named by a desk", (["erase"], beside("F", names_it=True), (OPEN, False, True))),
        ("erase, hold named", (["erase"], beside("S", names_it=True), (ERASED, False, False))),
        (
            "hold named by a state with one",
            ([], named_under_another, (OPEN, False, True)),
        ),
        ("erase, cleared hold", (["erase"], below, (ERASED, False, False))),
        ("erase, newest of two holds named", (["erase"], set_twice("newest"), (ERASED, False, False))),
        ("erase, older of two holds named", (["erase"], set_twice("older"), (OPEN, False, True))),
        ("erase, hold set again and cleared", (["erase"], set_again("hold"), (ERASED, False, False))),
        ("erase, class 3 set again and cleared", (["erase"], set_again("class"), (ERASED, False, False))),
        ("mark set again and cleared", ([], set_again("mark", "F"), (OPEN, False, False))),
        ("erase, class 3 of another branch", (["erase"], beside("F", "class"), (OPEN, False, True))),
        ("erase, class 3 named", (["erase"], beside("T", "class", names_it=True), (ERASED, False, False))),
        (
            "erase, first state of another branch in class 3",
            (["erase"], first_beside("T"), (OPEN, False, True)),
        ),
        (
            "erase, first state of another branch in class 3 named by a desk",
            (["erase"], first_beside("G", names_it=True), (OPEN, False, True)),
        ),
        (
            "erase, first state of another branch in class 3 named",
            (["erase"], first_beside("T", names_it=True), (ERASED, False, False)),
        ),
        (
            "erase, first state in class 3, which a supervisor changed",
            (
                ["erase"],
                then(("F", {"f10": [3, 5]}), ("S", {"f10": [2, 5], "f9": draw("newer notice", 32)})),
                (ERASED, False, False),
            ),
        ),
        ("mark of another branch", (["erase"], beside("F", "mark"), (ERASED, True, False))),
        ("mark named by a desk", ([], beside("F", "mark", names_it=True), (OPEN, True, False))),
        ("mark named", ([], beside("T", "mark", names_it=True), (OPEN, False, False))),
        ("sensitive", (["sensitive"], only("F"), (OPEN, True, False))),
        ("sensitive, named by a desk", (["sensitive"], only("F", names="0"), (OPEN, True, False))),
        ("sensitive, named by a supervisor", (["sensitive"], only("S", names="0"), (OPEN, False, False))),
        (
            "sensitive, obeyed, then cleared without its name",
            (
                ["sensitive"],
                then(("F", {"names": "0", "f11": SENSITIVE}), ("S", {"f11": 0})),
                (OPEN, True, False),
            ),
        ),
        (
            "sensitive, obeyed, then cleared by name",
            (
                ["sensitive"],
                then(("F", {"names": "0", "f11": SENSITIVE}), ("S", {"names": "0", "f11": 0})),
                (OPEN, False, False),
            ),
        ),
        (
            "sensitive, obeyed by a supervisor, then cleared without its name",
            (
                ["sensitive"],
                then(("S", {"names": "0", "f11": SENSITIVE}), ("S", {"f11": 0})),
                (OPEN, True, False),
            ),
        ),
        (
            "close, named below the head",
            (["close"], then(("F", {"names": "0"}), ("F", {"f12": 1})), (OPEN, False, False)),
        ),
        ("close of an erased room", (["close"], only("F", f4=ERASED), (ERASED, False, False))),
        ("head sensitive and closed", ([], only("F", f11=SENSITIVE, f4=CLOSED), (CLOSED, True, False))),
    ]


def acts_file(root: bytes, state: dict[int, Any]) -> str:
    """The file."""
    return render(
        "What holds in a room. `states` are all valid, with the hash of the one that is the head; `acts` are"
        " entries with their k, by hash. `phase` and `sensitive` hold then; `keeps` says whether a hold or"
        " class 3 stands above an erasure. The ranks are those of the one roster that all states name.",
        "ROOM-12 ROOM-13 ROOM-14 ROOM-27",
        {
            "root": root,
            "roster": {
                "ref": list(FIRST),
                "ranks": sorted([steward(name), rank] for name, rank in MEMBERS.items()),
            },
            "scenes": [_scene(root, state, name, scene) for name, scene in scenes()],
        },
    )


def _scene(root: bytes, state: dict[int, Any], name: str, scene: Scene) -> dict[str, Any]:
    whats, run, (phase, sensitive, keeps) = scene
    room, hashes = Room(root, state), [draw(f"{name} {at}", 32) for at in range(len(whats))]
    head = run(room, hashes)
    acts = [
        {"hash": hash_, "k": NOW_MS + at, "kind": KINDS[what][0], "payload": cbor(KINDS[what][1])}
        for at, (hash_, what) in enumerate(zip(hashes, whats, strict=True))
    ]
    return {
        "name": name,
        "states": [
            {"hash": one.hash, "author": one.author, "n": one.n, "state": cbor(one.state)}
            for one in sorted(room.states.values(), key=lambda one: one.hash)
        ],
        "head": head.hash,
        "acts": sorted(acts, key=lambda one: one["hash"]),
        "phase": phase,
        "sensitive": sensitive,
        "keeps": keeps,
    }
