"""A device of the company that goes on from a backup, or was off for weeks, learns what it missed before it
gives a room to anybody (ROOM-84, ROOM-86).
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from e2ee_client.engine.rooms.engine_surroundings import EngineSurroundings
from e2ee_client.engine.rooms.records import LiveRoom
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.rows import Continuity
from e2ee_relay.limits import Policy
from engine_world import Node, Rows, World
from late_contents import Late
from late_desks import has_body, joins, known
from own_devices import joined
from rooms_world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    accept,
    acceptance,
    act,
    change,
    opened,
    order,
    rooms_of,
    texts,
    write,
)
from team_world import account, colleague, company_of, do, founded, signing_of, this

from e2ee.content import OfRooms
from e2ee.identity import DeviceKind
from e2ee.rooms.entry import Author, RoomId
from e2ee.rooms.payloads import Act, ActKind, Erase, Erased, Outcome
from e2ee.rooms.signals import Want, decode_signal
from e2ee.rooms.state import Phase, RetentionClass


def phase(node: Node, room_id: RoomId) -> Phase:
    """What a device sees the room as."""
    return Phase(rooms_of(node).index[room_id].phase)


def has(node: Node, room_id: RoomId) -> bool:
    """Whether a device knows a room."""
    return room_id in rooms_of(node).index


def live(node: Node, room_id: RoomId) -> LiveRoom:
    """What a device has stored of a room."""
    return rooms_of(node).room(Turn(node.now_ms), room_id).live


def off(node: Node) -> None:
    """Take a device off; its clock goes on."""
    node.alive = False
    node.break_connections()
    node.connections.clear()


def on(node: Node) -> None:
    """Start a device again."""
    node.alive = True
    node.crash()
    node.start()
    node.world.settle()


def restore(node: Node, backup: Rows) -> None:
    """Let a device go on from an older copy of its store."""
    node.alive = True
    node.crash(backup, Continuity.ROLLED_BACK)
    node.start()
    node.world.settle()
    if do(node, company_of(node).view) is not None:
        # A person looks up the numbers of the roster (ACC-07).
        do(node, lambda turn: company_of(node).confirm_signing(turn, signing_of(node).stated))


def withdraw(person: Node, room_id: RoomId) -> None:
    """Withdraw the consent."""
    act(person, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))


# --- from a backup ---


@pytest.mark.parametrize("what", ["withdrawn", "erased", "text"])
def test_what_was_withdrawn_or_erased_since_a_backup_is_gone_again_though_nobody_writes(what: str) -> None:
    """ROOM-86: at the only device of a company, which has confirmed it before."""
    world, company, person, room_id = opened()
    text = write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    backup = company.rows.copy()
    if what == "withdrawn":
        withdraw(person, room_id)
    else:
        write(person, room_id, Erase(None if what == "erased" else (text,)))
    world.advance(2 * DAY_MS)
    assert texts(company, room_id) == []
    restore(company, backup)
    assert texts(company, room_id) == ["geheim"]
    world.advance(5 * MINUTE_MS)
    assert texts(company, room_id) == []
    expected = {"withdrawn": Phase.WITHDRAWN, "erased": Phase.ERASED, "text": Phase.OPEN}
    world.advance(2 * DAY_MS)
    assert phase(company, room_id) is phase(person, room_id) is expected[what]
    assert live(company, room_id).orders == ()


def test_a_customer_with_a_directory_entry_is_asked_as_well_after_a_backup() -> None:
    """ROOM-86, ID-68: it gives nobody prekeys, and has nothing to write."""
    world = World()
    company, person = founded(world), world.node("Kundin", publish=True)
    person.start()
    world.advance(MINUTE_MS)
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    text = write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    backup = company.rows.copy()
    write(person, room_id, Erase((text,)))
    world.advance(HOUR_MS)
    restore(company, backup)
    answer = write(company, room_id, "Antwort")
    world.advance(5 * MINUTE_MS)
    assert texts(company, room_id) == texts(person, room_id) == ["Antwort"]
    assert answer in order(person, room_id)


def test_a_closing_since_a_backup_is_known_again() -> None:
    """ROOM-86, ROOM-41: the time of what is kept runs from then on; no state is written twice."""
    world, company, person, room_id = opened()
    backup = company.rows.copy()
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(HOUR_MS)
    epoch = len(rooms_of(person).room(Turn(person.now_ms), room_id).states.path)
    restore(company, backup)
    world.advance(HOUR_MS)
    assert phase(company, room_id) is Phase.CLOSED
    assert len(rooms_of(company).room(Turn(company.now_ms), room_id).states.path) == epoch


def test_events_say_nothing_of_what_came_before_the_store_was_set_back() -> None:
    """CNS-95, CNS-74, EXP-27: it may have been erased since; what comes is told."""
    world, company, person, room_id = opened()
    before = write(person, room_id, "geheim")
    world.advance(MINUTE_MS)
    rooms = rooms_of(company)
    assert rooms.queries.is_told_of(room_id, before, company.now_ms)
    backup = company.rows.copy()
    write(person, room_id, Erase((before,)))
    world.advance(MINUTE_MS)
    restore(company, backup)
    assert texts(company, room_id) == ["geheim"]
    assert not rooms_of(company).queries.is_told_of(room_id, before, company.now_ms)
    outline = act(company, lambda turn, rooms: rooms.exporting.outline(turn, room_id))
    assert outline[-1]
    after = write(person, room_id, "neu")
    world.advance(MINUTE_MS)
    assert rooms_of(company).queries.is_told_of(room_id, after, company.now_ms)
    outline = act(company, lambda turn, rooms: rooms.exporting.outline(turn, room_id))
    assert not outline[-1]


@pytest.mark.audit_only
def test_two_desks_from_one_backup_give_no_room_that_its_customer_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-84: neither knows better; what they were told by then is withdrawn at both."""
    world = World()
    company = founded(world)
    first = colleague(company, "Frau Erste", front_desk=True)
    world.advance(HOUR_MS)
    people = [world.node(name) for name in ("Kundin", "Andere")]
    rooms = []
    for one in people:
        one.start()
        rooms.append(accept(one, company))
        world.settle()
    world.advance(5 * MINUTE_MS)
    write(people[0], rooms[0], "geheim")
    world.advance(HOUR_MS)
    off(people[1])
    last = colleague(company, "Frau Letzte", front_desk=True)
    for one in (company, first):
        monkeypatch.setattr(rooms_of(one).giving, "_is_behind", lambda _: True)
    world.advance(5 * MINUTE_MS)
    backups = [one.rows.copy() for one in (company, first)]
    withdraw(people[0], rooms[0])
    world.advance(HOUR_MS)
    off(people[0])
    restore(company, backups[0])
    restore(first, backups[1])
    world.advance(2 * DAY_MS)
    assert [has(last, one) for one in rooms] == [False, False]
    on(people[0])
    on(people[1])
    world.advance(7 * DAY_MS)
    assert {phase(one, rooms[0]) for one in (company, first)} == {Phase.WITHDRAWN}
    assert (texts(company, rooms[0]), texts(first, rooms[0])) == ([], [])
    assert [has(last, one) for one in rooms] == [False, True]


def asked(node: Node, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The times at which a device wants something of its rooms, from now on."""
    found, signal = list[int](), EngineSurroundings.signal

    def noted(around: EngineSurroundings, turn: Turn, payload: OfRooms, to: Iterable[Author]) -> None:
        if isinstance(decode_signal(payload.payload)[1], Want):
            found.append(turn.now_ms)
        signal(around, turn, payload, to)

    monkeypatch.setattr(EngineSurroundings, "signal", noted)
    return found


@pytest.mark.parametrize("ahead_ms", [0, 30 * DAY_MS])
def test_who_is_off_is_asked_each_day_and_answers_when_it_is_on(
    monkeypatch: pytest.MonkeyPatch, ahead_ms: int
) -> None:
    """ROOM-86: after four questions in an hour, also where the clock was a month ahead then."""
    world, company, person, room_id = opened()
    write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    backup = company.rows.copy()
    withdraw(person, room_id)
    world.advance(HOUR_MS)
    off(person)
    found = asked(company, monkeypatch)
    company.ahead_ms = ahead_ms
    restore(company, backup)
    world.advance(3 * HOUR_MS)
    assert [(one - found[0]) // MINUTE_MS for one in found] == [0, 1, 11, 71]
    company.set_clock(0)
    found.clear()
    world.advance(3 * DAY_MS)
    assert [(one - found[0]) // DAY_MS for one in found] == list(range(len(found)))
    assert len(found) in (3, 4)
    assert texts(company, room_id) == ["geheim"]
    monkeypatch.undo()
    on(person)
    world.advance(DAY_MS)
    assert texts(company, room_id) == []
    assert phase(company, room_id) is Phase.WITHDRAWN


def test_an_answer_from_before_that_a_relay_has_withheld_is_none() -> None:
    """ROOM-86: it has older entries only, and says nothing of what came since."""
    world, company, person, room_id = opened()
    old = live(person, room_id).root
    write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    assert old is not None
    restore(company, company.rows.copy())

    def give(turn: Turn, rooms: Rooms) -> None:
        room = rooms.room(turn, room_id)
        stored = room.log.find(turn, old)
        assert stored is not None
        room.forwarding.forward(turn, [room.log.entry(turn, stored)], Author(account(company), this(company)))

    act(person, give)
    world.advance(30_000)
    assert live(company, room_id).behind is not None
    world.advance(MINUTE_MS)
    assert live(company, room_id).behind is None


def test_an_entry_of_ours_that_is_not_here_makes_our_copy_an_old_one() -> None:
    """ROOM-86, TRN-07: the store says that it is whole, and its customer knows better."""
    world, company, person, room_id = opened()
    backup = company.rows.copy()
    write(company, room_id, "verloren")
    world.advance(HOUR_MS)
    company.crash(backup)
    company.start()
    for at in range(3):
        write(person, room_id, f"weiter {at}")
    world.advance(HOUR_MS)
    assert live(company, room_id).caught_up_ms > 0
    assert live(company, room_id).behind is None


# --- weeks off ---


@pytest.mark.audit_only
def test_a_desk_that_was_off_for_weeks_gives_no_room_before_its_customer_has_answered() -> None:
    """ROOM-84, ROOM-86: no relay has the withdrawal any more, and of its colleague nothing comes through."""
    world = World(Policy(retention_s=14 * DAY_MS // 1_000))
    company = founded(world)
    first = colleague(company, "Frau Erste", front_desk=True)
    world.advance(HOUR_MS)
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    change(first, room_id, Change(add=(this(first),)))
    world.advance(HOUR_MS)
    off(first)
    withdraw(person, room_id)
    world.advance(HOUR_MS)
    off(person)
    last = colleague(company, "Frau Letzte", front_desk=True)
    world.advance(20 * DAY_MS)
    first.alive = True
    first.crash()
    late = Late(first, company)
    first.start()
    world.advance(DAY_MS)
    assert (phase(first, room_id), texts(first, room_id)) == (Phase.OPEN, ["geheim"])
    assert not has(last, room_id)
    on(person)
    world.advance(2 * DAY_MS)
    assert (phase(first, room_id), texts(first, room_id)) == (Phase.WITHDRAWN, [])
    late.end()
    world.advance(DAY_MS)
    assert not has(last, room_id)


# --- what comes after a room was given ---


def test_who_has_given_a_room_gives_the_withdrawal_that_came_late_to_it() -> None:
    """ROOM-88: a relay has withheld it from the giver for days; whoever knew it then has given nothing."""
    world, company, person, room_id, login = known(RetentionClass.DEFAULT)
    first = joins(company, room_id, "Frau Erste")
    change(first, room_id, Change(add=(this(first),)))
    world.advance(HOUR_MS)
    late = Late(first, company, person)
    withdraw(person, room_id)
    world.advance(HOUR_MS)
    last = colleague(company, "Frau Letzte", front_desk=True)
    world.advance(2 * HOUR_MS)
    assert phase(last, room_id) is Phase.OPEN
    assert has_body(last, room_id, login)
    late.end()
    world.advance(HOUR_MS)
    assert phase(first, room_id) is phase(last, room_id) is Phase.WITHDRAWN
    assert live(last, room_id).consent.is_withdrawn
    world.advance(DAY_MS)
    assert not has_body(last, room_id, login)


@pytest.mark.parametrize("what", ["login", "room"])
def test_a_login_that_was_given_goes_with_an_erasure_that_came_late_to_its_giver(what: str) -> None:
    """ROOM-87, ROOM-88: its customer wrote it before there was the desk to which the room is given."""
    world, company, person, room_id, login = known(RetentionClass.DEFAULT)
    first = joins(company, room_id, "Frau Erste")
    change(first, room_id, Change(add=(this(first),)))
    world.advance(HOUR_MS)
    late = Late(first, company, person)
    write(person, room_id, Erase((login,) if what == "login" else None))
    world.advance(DAY_MS + HOUR_MS)
    assert not has_body(company, room_id, login)
    last = colleague(company, "Frau Letzte", front_desk=True)
    world.advance(2 * HOUR_MS)
    assert phase(last, room_id) is Phase.OPEN
    assert has_body(last, room_id, login)
    late.end()
    world.advance(2 * DAY_MS)
    assert phase(last, room_id) is (Phase.OPEN if what == "login" else Phase.ERASED)
    assert [has_body(one, room_id, login) for one in (company, first, last)] == [False] * 3


def test_nobody_but_its_giver_says_that_a_login_was_erased() -> None:
    """ROOM-88: not who is asked for nothing, nor for a login that its customer has brought."""
    world, company, _, room_id, login = known(RetentionClass.DEFAULT)
    first = joins(company, room_id, "Frau Erste")
    last = joins(company, room_id, "Frau Letzte")
    change(first, room_id, Change(add=(this(first),)))
    world.advance(HOUR_MS)
    write(first, room_id, Erased((login,), Outcome.DONE))
    world.advance(HOUR_MS)
    assert [has_body(one, room_id, login) for one in (company, last)] == [True, True]
    write(company, room_id, Erased((login,), Outcome.DONE))
    world.advance(HOUR_MS)
    assert [has_body(one, room_id, login) for one in (company, last)] == [True, False]


def is_old(node: Node, room_id: RoomId) -> bool:
    """Whether a device takes its copy of a room for old."""
    return act(node, lambda turn, rooms: rooms.exporting.outline(turn, room_id))[-1]


def test_the_newest_of_what_came_since_end_no_old_copy_while_an_erasure_may_stand_in_the_rest() -> None:
    """ROOM-86, TRN-15: of 80 entries an answer brings 64, and the customer may be off then."""
    world, company, person, room_id = opened()
    text = write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    backup = company.rows.copy()
    write(person, room_id, Erase((text,)))
    for at in range(80):
        write(person, room_id, f"danach {at}")
        world.advance(MINUTE_MS)
    restore(company, backup)
    shown = texts(company, room_id)
    while texts(company, room_id) == shown:
        assert is_old(company, room_id)
        world.advance(1_000)
    assert "geheim" in texts(company, room_id)
    off(person)
    for _ in range(10):
        world.advance(HOUR_MS)
        assert is_old(company, room_id)
    on(person)
    while is_old(company, room_id):
        world.advance(1_000)
    assert "geheim" not in texts(company, room_id)
    assert len(texts(company, room_id)) == 80


def test_who_has_erased_is_asked_though_another_device_of_the_customer_has_answered() -> None:
    """ROOM-86, TRN-17: what a phone erased is acted on by its own word alone; it is off for weeks."""
    world = World()
    company, person = founded(world), world.node("Kundin", publish=True)
    person.start()
    world.advance(MINUTE_MS)
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    text = write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    tablet = joined(world, person, "Tablet", front_desk=False, kind=DeviceKind.PERSON)
    tablet.carry_out(tablet.engine.know_company(acceptance(company), tablet.now_ms)[1])
    world.advance(10 * MINUTE_MS)
    backup = company.rows.copy()
    write(person, room_id, Erase((text,)))
    world.advance(HOUR_MS)
    off(person)
    restore(company, backup)
    world.advance(DAY_MS)
    assert is_old(company, room_id)
    world.advance(8 * DAY_MS)
    assert not is_old(company, room_id)
    assert texts(company, room_id) == ["geheim"]
    on(company)
    on(person)
    world.advance(DAY_MS)
    assert texts(company, room_id) == []
    assert live(company, room_id).behind is None


def test_an_old_copy_of_a_room_that_is_over_is_waited_for_by_nobody() -> None:
    """EXP-27, ROOM-86: all that it had is hidden, nothing more is asked, and nobody would answer."""
    world, company, person, room_id = opened()
    write(person, room_id, "geheim")
    world.advance(HOUR_MS)
    withdraw(person, room_id)
    world.advance(HOUR_MS)
    restore(company, company.rows.copy())
    world.advance(DAY_MS)
    assert not is_old(company, room_id)
