"""Chapter 16: ids, acts and what lifts them, recipients, senders, stewards in turn."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from room_people import COMPANY, CUSTOMER, NOW_MS, ROOM
from room_states import (
    AGENT,
    BOT,
    DESK,
    ROOT,
    SUPERVISOR,
    after,
    dev,
    first,
    ids,
    roster,
    team,
)

from e2ee import labels
from e2ee.errors import ContentError, NoRight, NotInForce, NotMember, RemoteError, TooMany
from e2ee.primitives import kdf
from e2ee.rooms import desk
from e2ee.rooms import room as rooms
from e2ee.rooms.acts import AFTER, RESTRICTS, Condition, RoomAct, What, act_of, answered, condition
from e2ee.rooms.desk import Board, Reply
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.kinds import CONTENT, Kind
from e2ee.rooms.payloads import Act, ActKind, Erase, Mark, Open, RoomText, Sensitive, UnknownKind
from e2ee.rooms.room import Admission, Room, RoomChange, admit, company_recipients, judged, with_states
from e2ee.rooms.signals import Request, RequestKind, Waiting
from e2ee.rooms.signed_payloads import Consent, Withdrawal
from e2ee.rooms.state import HOLD, SENSITIVE, Phase, Retention, RetentionClass, WrittenState

TEAM = {"F": DESK, "G": DESK, "S": SUPERVISOR, "A": AGENT, "B": BOT}
RANKS = {dev(name): rank for name, rank in TEAM.items()}
EVER = team({roster(1): TEAM})


# --- ids ---


def test_the_id_of_a_room_binds_two_accounts() -> None:
    """ROOM-01, ROOM-02, attack 7: recomputed; an `open` of another pair or nonce is none of this room."""
    nonce = b"n" * 16
    room = rooms.room_id(COMPANY, CUSTOMER, nonce)
    assert room == kdf.hash_(labels.ROOM_ID, COMPANY + CUSTOMER + nonce)[:16]
    rooms.check_open(room, COMPANY, CUSTOMER, Open(nonce, b"receipt"))
    for company, customer, other in (
        (CUSTOMER, COMPANY, nonce),
        (COMPANY, COMPANY, nonce),
        (COMPANY, CUSTOMER, bytes(16)),
    ):
        with pytest.raises(ContentError):
            rooms.check_open(room, company, customer, Open(other, b"receipt"))
    notes = rooms.notes_id(COMPANY, room, nonce)
    assert notes == kdf.hash_(labels.ROOM_NOTES, COMPANY + room + nonce)[:16]


def test_a_room_holds_so_many_devices() -> None:
    """ROOM-03: 12 and 4, and none whose tag another one has."""
    company = [dev(f"k{n}") for n in range(12)]
    customer = [dev(f"c{n}") for n in range(4)]
    rooms.check_devices(ROOM, company, customer)
    for ours, theirs in (
        ([*company, dev("k")], customer),
        (company, [*customer, dev("c")]),
        (company, [company[0]]),
    ):
        with pytest.raises(TooMany):
            rooms.check_devices(ROOM, ours, theirs)


# --- acts ---

HASHES = {what: EntryHash(what.value.encode().ljust(32, b".")) for what in What}


def act(what: What) -> RoomAct:
    """An act of this kind."""
    return RoomAct(HASHES[what], what)


def holds(path: list[WrittenState], *acts: What) -> Condition:
    """What holds after states and acts."""
    return condition(path, {one.hash: RANKS for one in path}, [act(what) for what in acts])


def answering(author: str = "F", *named: What, **other: Any) -> list[WrittenState]:
    """A state that names acts, after a first one."""
    one = first("F", members="F")
    return [one, after(one, author, 1, answers=tuple(sorted(HASHES[what] for what in named)), **other)]


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (Act(ActKind.CLOSE), What.CLOSE),
        (Act(ActKind.REOPEN), What.REOPEN),
        (Act(ActKind.FREEZE), What.FREEZE),
        (Act(ActKind.UNFREEZE), What.UNFREEZE),
        (Act(ActKind.CALL_DESK), None),
        (Erase(None), What.ERASE),
        (Erase((HASHES[What.CLOSE],)), None),
        (Consent(b"x"), What.CONSENT),
        (Withdrawal(b"x"), What.WITHDRAW),
        (Sensitive((HASHES[What.CLOSE],)), What.SENSITIVE),
        (RoomText("x"), None),
        (Mark(), None),
        (UnknownKind(63, None), None),
    ],
)
def test_what_an_entry_does_to_its_room(payload: Any, what: What | None) -> None:
    """ROOM-12"""
    assert act_of(payload.kind, payload) is what


@pytest.mark.parametrize(
    ("what", "phase"),
    [
        (What.CLOSE, Phase.CLOSED),
        (What.FREEZE, Phase.FROZEN),
        (What.WITHDRAW, Phase.WITHDRAWN),
        (What.ERASE, Phase.ERASED),
    ],
)
def test_an_act_restricts_on_arrival(what: What, phase: Phase) -> None:
    """ROOM-12, ROOM-13: without a state, under one, and beside other acts."""
    assert holds([]) == Condition(Phase.OPEN)
    freezes = (HASHES[what],) if what is What.FREEZE else ()
    assert holds([], what) == Condition(phase, unanswered=(HASHES[what],), freezes=freezes)
    assert holds([first("F")], What.CLOSE, what).phase is phase
    assert holds([first("F", phase=Phase.ERASED)], what).phase is Phase.ERASED


def test_a_mark_makes_a_room_sensitive() -> None:
    """ROOM-13, ROOM-14: until a supervisor clears it, who has seen it."""
    assert holds([first("F")], What.SENSITIVE).is_sensitive
    assert holds([first("F", flags=SENSITIVE)]).is_sensitive
    assert holds(answering("F", What.SENSITIVE), What.SENSITIVE).is_sensitive
    assert holds(answering("S", What.SENSITIVE, flags=SENSITIVE), What.SENSITIVE).is_sensitive
    assert not holds(answering("S", What.SENSITIVE), What.SENSITIVE).is_sensitive


@pytest.mark.parametrize(
    ("what", "counter"),
    [
        (What.CLOSE, What.REOPEN),
        (What.FREEZE, What.UNFREEZE),
        (What.WITHDRAW, What.CONSENT),
    ],
)
def test_a_later_act_of_the_customer_counters(what: What, counter: What) -> None:
    """ROOM-14: once a state names it, and only if it comes later: an old one undoes nothing."""
    assert holds(answering("F", counter), what, counter).phase is Phase.OPEN
    assert holds([first("F")], what, counter).phase is not Phase.OPEN
    assert holds(answering("F", what), what, counter).phase is (
        Phase.OPEN if what is What.CLOSE else RESTRICTS[what]
    )
    assert holds(answering("F", counter), counter, what).phase is RESTRICTS[what]
    for other in {What.REOPEN, What.UNFREEZE, What.CONSENT} - {counter}:
        assert holds(answering("F", other), what, other).phase is RESTRICTS[what]


@pytest.mark.parametrize(
    ("what", "counter"),
    [(What.CLOSE, What.REOPEN), (What.FREEZE, What.UNFREEZE), (What.WITHDRAW, What.CONSENT)],
)
def test_an_act_that_came_after_its_counter_was_named_is_over(what: What, counter: What) -> None:
    """ROOM-54, ROOM-14: it waits to be named, and lasts no more."""
    late = holds(answering("F", counter), what, counter)
    assert (late.unanswered, late.over) == ((HASHES[what],), (HASHES[what],))
    assert holds(answering("F", counter), counter, what).over == ()
    assert holds([first("F")], what, counter).over == ()


def test_naming_an_act_ends_only_a_close() -> None:
    """ROOM-14: a desk that freezes, closes and opens again does not end the freeze of the customer."""
    assert holds(answering("F", What.CLOSE), What.CLOSE).phase is Phase.OPEN
    for what in (What.FREEZE, What.WITHDRAW, What.ERASE):
        path = answering("F", what, phase=RESTRICTS[what])
        for phase in (Phase.CLOSED, Phase.OPEN):
            path.append(after(path[-1], "F", len(path), phase=phase, answers=(HASHES[what],)))
            assert holds(path, what).phase is RESTRICTS[what]


def test_a_supervisor_decides_a_freeze() -> None:
    """ROOM-14: by name and with a text, in a state that is not frozen; a desk does not."""
    for author, changed, ended in (
        ("S", {"text": "abgelehnt"}, True),
        ("S", {"text": "abgelehnt", "phase": Phase.CLOSED}, True),
        ("S", {"text": "ist angekommen", "phase": Phase.FROZEN}, False),
        ("S", {}, False),
        ("F", {"text": "abgelehnt"}, False),
    ):
        path = answering(author, What.FREEZE, **changed)
        assert (holds(path, What.FREEZE).phase is not Phase.FROZEN) is ended


def test_control_whatever_newer_state_lifts() -> None:
    """ROOM-14: the countermeasure off: by the head alone, a desk that never saw the freeze ends it."""
    path = [first("F"), after(first("F"), "F", 1)]
    assert path[-1].state.phase is Phase.OPEN
    assert holds(path, What.FREEZE).phase is Phase.FROZEN


@pytest.mark.parametrize(
    "kept", [{"flags": HOLD, "text": "x"}, {"retention": Retention(RetentionClass.STATUTORY, 1)}]
)
def test_hold_and_class_stand_above_an_erasure(kept: dict[str, Any]) -> None:
    """ROOM-13: the order stays unanswered, and works as soon as nothing stands above it."""
    found = holds([first("S", **kept)], What.ERASE, What.CLOSE)
    assert (found.phase, found.keeps, found.holds) == (Phase.CLOSED, True, ())
    assert found.unanswered == (HASHES[What.ERASE], HASHES[What.CLOSE])


def stolen_desk() -> tuple[Room, WrittenState, WrittenState]:
    """A desk with its roster key suspends everybody else, and forks from before a supervisor's hold."""
    alone = roster(9)
    who = team({roster(1): TEAM, alone: {"G": DESK}}, suspended="FS")
    one = first("F", members="FG")
    held = after(one, "S", 1, flags=HOLD, text="Streit")
    fork = after(one, "G", 1, members=ids("G"), roster=alone)
    return grown(one, held, fork, who=who), held, fork


def test_a_stolen_desk_drops_no_hold() -> None:
    """ROOM-27: the fork is the head, and nothing is destroyed."""
    room, held, fork = stolen_desk()
    found = room.condition(EVER)
    assert (room.head, found.holds, found.keeps) == (fork, (held.hash,), True)


def test_a_stolen_desk_control_by_the_head_alone() -> None:
    """ROOM-27: the countermeasure off: the state in force has no hold."""
    room, _, _ = stolen_desk()
    assert room.state is not None
    assert not room.state.has(HOLD)


def test_a_hold_of_another_branch_is_cleared_by_name() -> None:
    """ROOM-27: by a supervisor, in a state without a hold, up to the head; of its own branch by rights, which
    holds for one that its author repeats there.
    """
    who = team({roster(1): {**TEAM, "T": SUPERVISOR}})
    one = first("F", members="F")
    held = after(one, "S", 0, flags=HOLD, text="x")
    middle = after(one, "F", 1)
    for author, changed, kept in (
        ("S", {"answers": (held.hash,)}, False),
        ("F", {"answers": (held.hash,)}, True),
        ("S", {}, True),
        ("T", {"answers": (held.hash,), "flags": HOLD, "text": "x"}, True),
        ("S", {"flags": HOLD, "text": "x"}, False),
    ):
        naming = after(middle, author, 2, **changed)
        top = after(naming, "S", 3, flags=0, text="y")
        room = grown(one, held, middle, naming, top, who=who)
        assert room.head == top
        assert room.condition(who).keeps is kept
    own = grown(one, held, after(held, "S", 3, flags=0, text="y"))
    assert not own.condition(EVER).keeps


@pytest.mark.parametrize("kind", [*Kind, 11, 63])
def test_what_a_phase_lets_pass(kind: int) -> None:
    """ROOM-19, attack 8: nothing but `open` before it; content in an open room only, but for a rating in a
    closed one that may be reopened.
    """
    codes = {
        None: "room.consent_required",
        Phase.OPEN: None,
        Phase.CLOSED: "room.closed",
        Phase.FROZEN: "room.frozen",
        Phase.WITHDRAWN: "room.consent_withdrawn",
        Phase.ERASED: "room.erased",
    }
    is_content = kind in CONTENT or kind in (11, 63)
    for phase, code in codes.items():
        expected = code if is_content or (phase is None and kind != Kind.OPEN) else None
        assert refusal(Condition(phase), kind) == expected
        is_late_rating = kind == Kind.RATING and phase is Phase.CLOSED
        assert refusal(Condition(phase), kind, may_reopen=True) == (None if is_late_rating else expected)


def refusal(found: Condition, kind: int, *, may_reopen: bool = False) -> str | None:
    """The code with which a condition refuses a kind."""
    try:
        found.check_content(kind, may_reopen=may_reopen)
    except RemoteError as error:
        return error.code
    return None


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("what", list(What))
def test_a_steward_answers_by_the_table(phase: Phase, what: What) -> None:
    """ROOM-18: 5 phases, 7 acts; a mark changes no phase."""
    expected = AFTER.get((phase, what))
    if expected is None and what in (What.CONSENT, What.SENSITIVE):
        expected = phase
    if expected is None:
        with pytest.raises(NoRight):
            answered(phase, what, kept=False)
        return
    assert answered(phase, what, kept=False) is expected
    assert answered(phase, what, kept=True) is (phase if expected is Phase.ERASED else expected)


# --- rooms ---


def with_state(room: Room, state: WrittenState, who: Any) -> RoomChange:
    """A step with one state."""
    return with_states(room, [state], who)


def grown(*states: WrittenState, opened_to: str = "F", who: Any = EVER) -> Room:
    """A room with these states, one after the other."""
    room = Room(ROOT, frozenset(ids(opened_to)))
    for state in states:
        room = with_state(room, state, who).room
    return room


def test_a_step_tells_what_changed() -> None:
    """ROOM-10, ROOM-11: a new head, a refused state once, a held one when its roster is known."""
    one = first("F")
    change = with_state(Room(ROOT), one, EVER)
    assert (change.moved, change.refused, change.room.head) == (True, (), one)
    bad = after(one, "A", 1)
    change = with_state(change.room, bad, EVER)
    assert (change.moved, change.refused) == (False, (bad.hash,))
    late = after(one, "S", 1, roster=roster(2))
    change = with_state(change.room, late, EVER)
    assert (change.moved, change.refused) == (False, ())
    change = judged(change.room, team({roster(1): TEAM, roster(2): TEAM}))
    assert (change.moved, change.refused, change.room.head) == (True, (), late)


def test_what_holds_in_a_room() -> None:
    """ROOM-13: by its head, ranks by the roster of each state."""
    one = first("F")
    room = grown(one, after(one, "S", 1, text="nein", answers=(HASHES[What.FREEZE],)))
    room = dataclasses.replace(room, acts=(act(What.FREEZE),))
    assert room.condition(EVER).phase is Phase.OPEN
    assert room.condition(team({})).phase is Phase.FROZEN
    assert Room(ROOT, acts=(act(What.CLOSE),)).condition(EVER).phase is Phase.CLOSED


def names(found: frozenset[Any]) -> str:
    """Names of devices, in order."""
    return "".join(sorted(one.decode().rstrip(".") for one in found))


def test_an_entry_goes_to_the_members_in_force() -> None:
    """ROOM-15: a state also to those who were, and to all stewards in force."""
    one = first("S", members="AF")
    room = grown(one, after(one, "S", 1, members=ids("B")))
    assert names(company_recipients(room, Kind.TEXT, RANKS)) == "B"
    assert names(company_recipients(room, Kind.STATE, RANKS)) == "ABFGS"
    assert names(company_recipients(grown(one), Kind.STATE, RANKS)) == "AFGS"
    suspended = {device: rank for device, rank in RANKS.items() if device not in ids("AS")}
    assert names(company_recipients(room, Kind.STATE, suspended)) == "BFG"


@pytest.mark.parametrize(
    "kind",
    [
        *(Kind.ERASE, Kind.ERASED, Kind.CONSENT, Kind.WITHDRAW),
        *(Kind.ACT, Kind.REACH, Kind.SENSITIVE, Kind.IDENTIFY),
    ],
)
def test_an_act_goes_to_who_answers_it(kind: Kind) -> None:
    """ROOM-15, ROOM-18: else nobody would open a room again that only agents are members of."""
    room = grown(first("S", members="B"))
    assert names(company_recipients(room, kind, RANKS)) == "BFGS"
    assert names(company_recipients(room, Kind.TEXT, RANKS)) == "B"


@pytest.mark.parametrize(
    "kind", [Kind.STATE, Kind.ERASE, Kind.ERASED, Kind.WITHDRAW, Kind.SENSITIVE, Kind.ACCESS]
)
def test_an_order_goes_to_whoever_was_a_member(kind: Kind) -> None:
    """ROOM-15: also two states later; it has what it was sent until an order or a timer destroys it."""
    one = first("S", members="A")
    two = after(one, "S", 1, members=ids("B"))
    room = grown(one, two, after(two, "S", 2, members=ids("S")))
    assert names(company_recipients(room, kind, RANKS)).startswith("ABF")
    assert names(company_recipients(room, Kind.TEXT, RANKS)) == "S"
    suspended = {device: rank for device, rank in RANKS.items() if device != dev("A")}
    assert dev("A") not in company_recipients(room, kind, suspended)


def test_without_members_only_desks_that_the_room_knows_are_served() -> None:
    """ROOM-15: a desk that a stolen roster key has let in anew gets nothing."""
    assert names(company_recipients(grown(), Kind.TEXT, RANKS)) == "F"
    assert names(company_recipients(grown(opened_to=""), Kind.TEXT, RANKS)) == ""
    one = first("F", members="AG")
    room = grown(one, after(one, "S", 1, members=()))
    assert names(company_recipients(room, Kind.TEXT, RANKS)) == "FG"


def test_who_may_write() -> None:
    """ROOM-16, TRN-18"""
    one = first("F", members="FA")
    room = grown(one, after(one, "F", 1, members=ids("F")))
    assert admit(room, dev("F"), Kind.TEXT, RANKS) is Admission.TAKEN
    assert admit(room, dev("A"), Kind.STATE, RANKS) is Admission.TAKEN
    assert admit(room, dev("G"), Kind.TEXT, RANKS) is Admission.EARLY
    for kind in (Kind.REFUSAL, Kind.ERASED, Kind.ACCESS):
        assert admit(room, dev("G"), kind, RANKS) is Admission.TAKEN
    assert admit(grown(one), dev("B"), Kind.REFUSAL, RANKS) is Admission.EARLY
    assert admit(room, dev("A"), Kind.ERASED, RANKS) is Admission.OWED
    for kind in (Kind.TEXT, Kind.REFUSAL, Kind.ACCESS):
        with pytest.raises(NotMember):
            admit(room, dev("A"), kind, RANKS)
    with pytest.raises(NotInForce):
        admit(room, dev("X"), Kind.STATE, RANKS)
    assert admit(grown(), dev("F"), Kind.NOTICE, RANKS) is Admission.TAKEN
    assert admit(grown(), dev("A"), Kind.TEXT, RANKS) is Admission.EARLY


def test_a01_a_device_that_the_relay_adds_is_not_in_force() -> None:
    """ROOM-07, ROOM-16, attack 1: neither as a sender nor as a member of a state."""
    room = grown(first("F", members="F"))
    with pytest.raises(NotInForce):
        admit(room, dev("relay"), Kind.TEXT, RANKS)
    forged = after(first("F", members="F"), "S", 1, members=(dev("F"), dev("relay")))
    assert with_state(room, forged, EVER).refused == (forged.hash,)


# --- stewards in turn ---


def test_desks_open_a_room_in_turn() -> None:
    """ROOM-21"""
    desks = ids("FG")
    assert [desk.opening_due_ms(desks, one, NOW_MS) for one in desks] == [NOW_MS, NOW_MS + 60_000]
    assert desk.opening_due_ms(desks, dev("A"), NOW_MS) is None


def test_a_silent_room_is_closed() -> None:
    """ROOM-24"""
    assert desk.closing_due_ms(NOW_MS) == NOW_MS + 30 * 86_400_000


def test_a_silent_room_is_closed_by_whom_its_content_goes_to() -> None:
    """ROOM-24: members in force, stewards first; without one the stewards."""
    ranks = {dev("A"): 1, dev("C"): 1, dev("F"): 2, dev("S"): 3}
    assert desk.closers(ids("ACF"), ranks, ids("FS")) == [dev("F"), dev("A"), dev("C")]
    assert desk.closers(ids("ABC"), ranks, ids("FS")) == [dev("A"), dev("C")]
    assert desk.closers(ids("B"), ranks, ids("FS")) == [dev("F"), dev("S")]


def test_a_request_is_repeated() -> None:
    """ROOM-22: after 1 minute, 10 minutes, 1 hour, and each further 6 hours."""
    waits = [desk.repeat_due_ms(NOW_MS, times) - NOW_MS for times in (1, 2, 3, 4, 5, 99)]
    assert waits == [60_000, 600_000, 3_600_000, 21_600_000, 21_600_000, 21_600_000]


WAITS = Waiting("Empfang", "de", NOW_MS)


def request(what: RequestKind, device: str | None = None, mark: bytes = b"i") -> Request:
    """A request."""
    return Request(mark * 8, what, None if device is None else dev(device))


def reply(
    sender: str,
    given: Request,
    board: Board | None = None,
    taker: str | None = None,
    *,
    is_open: bool = True,
    **state: Any,
) -> tuple[Reply, str | None]:
    """What a steward does with a request."""
    condition_of = first("S", members="AF", **state).state
    about = dev(sender), given, condition_of, RANKS, None if taker is None else dev(taker)
    return desk.answer(Board(WAITS) if board is None else board, *about, is_open=is_open)


def test_the_first_claim_is_granted() -> None:
    """ROOM-22, ROOM-23: the others are refused; nobody is asked where somebody waits."""
    claim = request(RequestKind.ADD)
    assert reply("B", claim) == (Reply.GRANT, None)
    assert reply("B", request(RequestKind.ADD, "B")) == (Reply.GRANT, None)
    assert reply("B", claim, assigned=dev("A")) == (Reply.REFUSE, "room.assigned")
    assert reply("A", claim, assigned=dev("A")) == (Reply.GRANT, None)
    assert reply("B", claim, Board()) == (Reply.ASK, None)


def test_a_claim_is_refused_while_the_room_is_not_open() -> None:
    """ROOM-67: by the steward that has said that it waits, to members by any; no person is asked."""
    claim = request(RequestKind.ADD)
    assert reply("B", claim, is_open=False) == (Reply.REFUSE, "room.nobody_waits")
    assert reply("B", claim, Board(), is_open=False) == (Reply.NOTHING, None)
    assert reply("A", claim, Board(), is_open=False) == (Reply.REFUSE, "room.nobody_waits")
    assert reply("B", claim, assigned=dev("A"), is_open=False) == (Reply.REFUSE, "room.assigned")


def test_what_is_asked_for_others_is_refused() -> None:
    """ROOM-22: attack 4 by way of a request; and whoever is not in force gets nothing."""
    refused = (Reply.REFUSE, "room.right")
    assert reply("A", request(RequestKind.ADD, "B")) == refused
    assert reply("B", request(RequestKind.LEAVE)) == refused
    assert reply("B", request(RequestKind.CLOSE)) == refused
    assert reply("X", request(RequestKind.ADD)) == refused


def test_who_has_given_a_room_away_may_leave_and_who_has_it_again_does_not() -> None:
    """ROOM-59: a request that comes late removes nobody who is assigned again, or gives it to another."""
    away = request(RequestKind.LEAVE, "F")
    assert reply("A", away, taker="F", assigned=dev("F")) == (Reply.GRANT, None)
    assert reply("A", away, taker="B", assigned=dev("B")) == (Reply.NOTHING, None)
    assert reply("A", away, assigned=dev("A")) == (Reply.NOTHING, None)
    assert reply("B", away, taker="F", assigned=dev("F")) == (Reply.REFUSE, "room.right")


def test_an_agent_gives_away_no_room_that_another_has() -> None:
    """ROOM-56: who has given it away by then does not give it to a second one."""
    transfer = request(RequestKind.TRANSFER, "B")
    assert reply("A", transfer, assigned=dev("A")) == (Reply.ASK, None)
    assert reply("A", transfer, assigned=dev("F")) == (Reply.REFUSE, "room.assigned")
    assert reply("B", transfer, assigned=dev("F")) == (Reply.REFUSE, "room.right")


def test_a_steward_asks_for_nothing_but_a_room_that_waits() -> None:
    """ROOM-22: it writes its states itself, and gets none of another's by asking."""
    for what in RequestKind:
        for about in (None, "F", "A"):
            is_claim = what is RequestKind.ADD and about != "A"
            granted = (Reply.GRANT, None) if is_claim else (Reply.REFUSE, "room.right")
            taken = (Reply.REFUSE, "room.assigned" if is_claim else "room.right")
            late = what is RequestKind.LEAVE and about == "A"
            assert reply("F", request(what, about)) == ((Reply.NOTHING, None) if late else granted)
            assigned = reply("F", request(what, about), assigned=dev("A"))
            assert assigned == ((Reply.NOTHING, None) if late else taken)


def test_what_a_person_decides() -> None:
    """ROOM-22"""
    for what in (RequestKind.TRANSFER, RequestKind.CLOSE, RequestKind.REOPEN):
        assert reply("A", request(what)) == (Reply.ASK, None)
        assert reply("G", request(what)) == (Reply.REFUSE, "room.right")
    assert reply("A", request(RequestKind.LEAVE)) == (Reply.GRANT, None)
    assert reply("F", request(RequestKind.LEAVE)) == (Reply.REFUSE, "room.right")


def test_a_request_that_was_answered_is_not_answered_again() -> None:
    """ROOM-22: by a state or a refusal, ours or another steward's; so a repeat adds nobody twice."""
    board = Board(WAITS).named(b"i" * 8)
    assert board.named(b"i" * 8) is board
    assert reply("B", request(RequestKind.ADD), board) == (Reply.NOTHING, None)
    named = Board(WAITS).with_state(first("F", request=b"i" * 8).state)
    assert (named.answered, named.waiting) == ((b"i" * 8,), WAITS)
    assert Board(WAITS).with_state(first("F", members="A", assigned=dev("A")).state).waiting is None
    full = Board()
    for n in range(70):
        full = full.named(n.to_bytes(8, "big"))
    assert [one[-1] for one in full.answered] == list(range(6, 70))
