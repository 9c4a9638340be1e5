"""Who was out of force for a while hears of what it was not told of meanwhile (ROOM-65)."""

from __future__ import annotations

from typing import Any

import pytest
from e2ee_client.engine.rooms.forwarding import Forwarding
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from parties import DAY_MS
from room_logins import by_null, handed_in, knows, log_in, sign_out
from room_rooms import MINUTE_MS, bodies, change, dev, do, opened, say
from room_world import World

from e2ee.rooms.entry import Author, EntryHash
from e2ee.rooms.payloads import Act, ActKind, EntryPayload, Erase, Reach, Sensitive
from e2ee.rooms.state import Phase

HOUR_MS = 60 * MINUTE_MS


def staffed(*names: str) -> tuple[World, EntryHash]:
    """A room of an agent, with a text that the desk has as well."""
    world = opened("desk", "agent", *names)
    said = say(world, "phone", "secret")
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    return world, said


def in_force(world: World, *names: str) -> None:
    """Let others be in force, and everybody learn of it."""
    world.new_roster(names)
    world.run(5 * MINUTE_MS)


def writes(world: World, name: str, payload: EntryPayload) -> EntryHash:
    found: EntryHash = do(world, name, lambda room, turn: room.write(turn, payload))
    world.run(MINUTE_MS)
    return found


def has(world: World, name: str, *entries: EntryHash) -> list[bool]:
    """Which entries are at a device."""
    room = world.devices[name].room
    assert room is not None
    return [room.log.find(Turn(world.now_ms), one) is not None for one in entries]


def missing(world: World) -> list[set[bytes]]:
    """Who owes an answer to each order, as the customer is shown it."""
    room = world.devices["phone"].room
    assert room is not None
    return [set(one.missing) for one in room.live.erasures]


@pytest.mark.parametrize("others", [("agent", "chief"), ("agent",)])
@pytest.mark.parametrize("restarts", [True, False])
def test_who_is_in_force_again_is_given_orders_and_the_newest_address(
    others: tuple[str, ...], *, restarts: bool
) -> None:
    """ROOM-65: an answer is due of it then; a colleague gives its orders, too; also after a restart."""
    world, said = staffed(*others[1:])
    own = say(world, "agent", "mine")
    in_force(world, *others)
    written = Erase((said,)), Sensitive((own,)), Reach("a@b.example"), Reach(None)
    orders = [*(writes(world, "phone", one) for one in written), writes(world, "agent", Erase((own,)))]
    assert has(world, "desk", *orders) == [False] * 5
    if restarts:
        world.devices["phone"].restart()
    in_force(world, "desk", *others)
    assert has(world, "desk", *orders) == [True, True, False, True, True]
    assert {bytes(dev("desk"))} <= missing(world)[0]
    world.run(25 * HOUR_MS)
    assert bodies(world, "desk", [said]) == []
    assert missing(world) == [set()]


@pytest.mark.parametrize("staff", [("chief", "desk2"), ("chief",)])
@pytest.mark.parametrize("is_away", [False, True])
def test_who_is_in_force_again_hears_of_a_hold_also_where_its_author_is_away(
    staff: tuple[str, ...], *, is_away: bool
) -> None:
    """ROOM-65: from the first of the others who has the room, an agent where there is no steward; once."""
    world, said = staffed(*staff)
    in_force(world, "agent", *staff)
    change(world, "chief", Change(hold=True, text="Rechtsstreit"))
    world.run(MINUTE_MS)
    order = writes(world, "phone", Erase((said,)))
    if is_away:
        world.blocked |= {("chief", "desk"), ("desk", "chief")}
    in_force(world, "desk", "agent", *staff)
    desk = world.devices["desk"]
    assert has(world, "desk", order) == [True]
    assert desk.head() == world.devices["chief"].head()
    world.run(25 * HOUR_MS)
    assert bodies(world, "desk", [said]) == [said]
    assert len(set(desk.order())) == len(desk.order())


def test_who_is_in_force_again_hears_of_a_hold_from_whoever_is_there() -> None:
    """ROOM-65: all stewards are away, and the agent who has the room gives the states."""
    staff = ("chief", "desk2")
    world, said = staffed(*staff)
    in_force(world, "agent", *staff)
    change(world, "chief", Change(hold=True, text="Rechtsstreit"))
    world.run(MINUTE_MS)
    writes(world, "phone", Erase((said,)))
    for one in staff:
        world.blocked |= {pair for other in world.devices for pair in ((one, other), (other, one))}
    in_force(world, "desk", "agent", *staff)
    world.run(25 * HOUR_MS)
    assert bodies(world, "desk", [said]) == [said]


def test_without_a_hold_the_author_of_the_state_in_force_alone_gives_the_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-65: who was out for a moment is not given the same by each colleague, in each room."""
    world, _ = staffed("chief", "desk2")
    in_force(world, "agent", "chief", "desk2")
    change(world, "chief", Change(text="next"))
    world.run(MINUTE_MS)
    givers, inform = list[bytes](), Forwarding.inform

    def informs(forwarding: Forwarding, turn: Turn, to: Author) -> None:
        givers.append(forwarding._around.us.device_id)
        inform(forwarding, turn, to)

    monkeypatch.setattr(Forwarding, "inform", informs)
    in_force(world, "desk", "agent", "chief", "desk2")
    assert givers == [dev("chief")]
    assert world.devices["desk"].head() == world.devices["chief"].head()


def test_who_is_in_force_again_after_a_withdrawal_is_given_orders_alone() -> None:
    """ROOM-65: neither an address nor a sign-out leaves a device when the consent does not count any more."""
    world, _ = staffed("desk2")
    log_in(world)
    in_force(world, "agent", "desk2")
    contents = [handed_in(world, by_null), writes(world, "phone", Reach("a@b.example"))]
    contents.append(log_in(world))
    do(world, "phone", lambda room, turn: room.withdraw(turn, 1))
    world.run(5 * MINUTE_MS)
    in_force(world, "desk", "agent", "desk2")
    assert has(world, "desk", *contents) == [False] * 3
    desk, phone = world.devices["desk"].room, world.devices["phone"].room
    assert desk is not None
    assert phone is not None
    assert desk.states.condition().phase is Phase.WITHDRAWN
    turn = Turn(world.now_ms)
    assert all(dev("desk") not in one.waiting_for for one in phone.log.several(turn, contents))
    assert knows(world, "desk") is None


def test_who_has_left_and_is_in_force_again_is_given_orders_and_no_address() -> None:
    """ROOM-65, ROOM-15."""
    world, said = staffed("agent2")
    change(world, "desk", Change(remove=(dev("agent"),), add=(dev("agent2"),), assign=dev("agent2")))
    world.run(2 * MINUTE_MS)
    in_force(world, "desk", "agent2")
    orders = [writes(world, "phone", one) for one in (Erase((said,)), Reach(None))]
    in_force(world, "desk", "agent", "agent2")
    assert has(world, "agent", *orders) == [True, False]


def test_a_steward_that_is_new_is_given_no_address() -> None:
    """ROOM-65: nor orders, and who was always in force gets nothing twice."""
    world = World(7)
    world.add("phone", "desk", "desk2", "agent")
    in_force(world, "desk", "agent")
    world.open()
    world.run(3 * MINUTE_MS)
    written = Reach("a@b.example"), Erase((say(world, "phone", "one"),))
    given = [writes(world, "phone", one) for one in written]
    world.run(2 * MINUTE_MS)
    in_force(world, "desk", "desk2", "agent")
    phone = world.devices["phone"].room
    assert phone is not None
    turn = Turn(world.now_ms)
    assert [one.waiting_for for one in phone.log.several(turn, given)] == [(), ()]
    assert missing(world)[0] <= {bytes(dev("desk"))}


@pytest.mark.parametrize("says", [sign_out, by_null])
@pytest.mark.parametrize("restarts", [True, False])
def test_who_is_in_force_again_hears_that_the_person_has_signed_out(says: Any, *, restarts: bool) -> None:
    """ROOM-65, CNS-56: also where the device that signs out has no login to erase."""
    world, _ = staffed()
    log_in(world)
    in_force(world, "agent")
    handed_in(world, says)
    assert [knows(world, one) is None for one in world.devices] == [True, False, True]
    if restarts:
        world.devices["phone"].restart()
    in_force(world, "desk", "agent")
    assert [knows(world, one) for one in world.devices] == [None] * 3


def known(world: World) -> list[str | None]:
    """Whom phone, desk and agent take the customer for."""
    found = [knows(world, one) for one in ("phone", "desk", "agent")]
    return [None if one is None else one.subject for one in found]


@pytest.mark.parametrize("since_ms", [0, 25 * DAY_MS])
@pytest.mark.parametrize("ahead_ms", [0, 3 * DAY_MS])
def test_who_is_in_force_again_is_given_the_login_that_counts(since_ms: int, ahead_ms: int) -> None:
    """ROOM-65, CNS-56: also weeks later, by whatever clock; each time it is once."""
    world, _ = staffed("desk2")
    log_in(world)
    in_force(world, "desk2", "agent")
    handed_in(world, by_null)
    login = log_in(world, "4712")
    world.run(since_ms)
    world.devices["desk"].clock_ms = ahead_ms
    for _ in range(3):
        in_force(world, "desk", "desk2", "agent")
        assert known(world) == ["4712"] * 3
        assert has(world, "desk", login) == [True]
        in_force(world, "desk2", "agent")
    assert len(set(world.devices["desk"].order())) == len(world.devices["desk"].order())


@pytest.mark.parametrize("says", [sign_out, by_null])
@pytest.mark.parametrize("is_ahead", [True, False])
def test_a_login_that_is_given_crosses_the_sign_out_and_counts_nowhere(
    monkeypatch: pytest.MonkeyPatch, says: Any, *, is_ahead: bool
) -> None:
    """ROOM-65, CNS-56: the colleague has not heard of it, and gives the login before or after it comes."""
    world, _ = staffed("desk2")
    in_force(world, "desk2", "agent")
    log_in(world)
    world.blocked |= {("phone", "desk2"), ("phone", "agent")}
    handed_in(world, says)
    late, learn = world.devices["desk2" if is_ahead else "phone"], world.learn_roster
    with monkeypatch.context() as later:
        later.setattr(world, "learn_roster", lambda device: None if device is late else learn(device))
        in_force(world, "desk", "desk2", "agent")
    assert (knows(world, "desk") is None) == is_ahead
    learn(late)
    world.run(HOUR_MS)
    assert knows(world, "desk") is None
    world.run(20 * DAY_MS)
    assert knows(world, "desk") is None


@pytest.mark.parametrize("kind", [ActKind.CLOSE, ActKind.FREEZE])
def test_a_login_is_given_in_a_room_that_is_not_open_and_ends_with_it(kind: ActKind) -> None:
    """ROOM-65: it goes by ROOM-25 in those phases too; who is out has nothing of it."""
    world, _ = staffed("desk2", "agent2")
    in_force(world, "desk2", "agent", "agent2")
    log_in(world)
    writes(world, "phone", Act(kind))
    world.run(5 * MINUTE_MS)
    in_force(world, "desk", "desk2", "agent", "agent2")
    assert known(world) == ["4711"] * 3
    assert world.devices["agent2"].room is None
    handed_in(world, sign_out)
    assert known(world) == [None] * 3


def test_who_is_in_force_again_is_given_the_newest_sign_out_that_was_not_erased() -> None:
    """ROOM-65: and by who has written the state in force the login behind it."""
    world, _ = staffed("desk2")
    log_in(world)
    in_force(world, "desk2", "agent")
    given = [handed_in(world, step) for step in (by_null, by_null)]
    given.append(log_in(world, "4712"))
    in_force(world, "desk", "desk2", "agent")
    assert has(world, "desk", *given) == [False, True, True]
    assert known(world) == ["4712"] * 3


@pytest.mark.parametrize("count", [16, 20, 40])
def test_who_was_out_while_the_room_had_many_states_has_all_of_them(count: int) -> None:
    """ROOM-29, ROOM-65: the newest 16 are held, and those before them come beside them; else the desk would
    close a room after 30 days in which it talked. The login comes ahead of the state that grants it.
    """
    world, _ = staffed("desk2")
    in_force(world, "desk2", "agent")
    login = log_in(world)
    for at in range(count):
        change(world, "desk2", Change(text=str(at)))
        world.run(MINUTE_MS)
    in_force(world, "desk", "desk2", "agent")
    assert has(world, "desk", login) == [True]
    world.run(HOUR_MS)
    assert known(world) == ["4711"] * 3
    desk, desk2 = world.devices["desk"].room, world.devices["desk2"].room
    assert desk is not None
    assert desk2 is not None
    assert (desk.states.held(), desk.states.room.head) == ([], desk2.states.room.head)
    assert len(desk.states.path) == count + 3


@pytest.mark.parametrize("count", [2, 20])
def test_who_was_out_takes_the_customer_for_whom_the_others_do(count: int) -> None:
    """ROOM-65, CNS-56: a desk that knew another login showed that person for good."""
    world, _ = staffed("desk2")
    log_in(world)
    in_force(world, "desk2", "agent")
    login = log_in(world, "4712")
    do(world, "desk2", lambda room, turn: room.identifying.decide(turn, login, grant=True))
    for at in range(count):
        change(world, "desk2", Change(text=str(at)))
        world.run(MINUTE_MS)
    in_force(world, "desk", "desk2", "agent")
    world.run(HOUR_MS)
    assert known(world) == ["4712"] * 3


def test_a_login_that_was_given_is_not_granted_anew_while_states_are_held() -> None:
    """CNS-57: where the older ones came late, the state of who had been out took the place of all others."""
    world, _ = staffed("desk2")
    in_force(world, "desk2", "agent")
    login = log_in(world)
    for at in range(40):
        change(world, "desk2", Change(text=str(at)))
        world.run(MINUTE_MS)
    world.new_roster(("desk", "desk2", "agent"))
    while has(world, "desk", login) == [False]:
        world.run(1000)
    others = world.devices.keys() - {"desk"}
    world.blocked |= {("desk", one) for one in others} | {(one, "desk") for one in others}
    world.run(DAY_MS // 2)
    world.blocked.clear()
    world.run(DAY_MS)
    paths = [device.room.states.path for device in world.devices.values() if device.room is not None]
    assert [len(one) for one in paths] == [43] * 4
    assert known(world) == ["4711"] * 3


def test_who_has_left_and_is_in_force_again_is_given_no_login() -> None:
    """ROOM-65, ROOM-15."""
    world, _ = staffed("agent2")
    change(world, "desk", Change(remove=(dev("agent"),), add=(dev("agent2"),), assign=dev("agent2")))
    world.run(2 * MINUTE_MS)
    in_force(world, "desk", "agent2")
    login = log_in(world)
    in_force(world, "desk", "agent", "agent2")
    assert has(world, "agent", login) == [False]


def test_a_sign_out_that_was_erased_is_not_given_again() -> None:
    """ROOM-65: as an address."""
    world, _ = staffed()
    in_force(world, "agent")
    left = handed_in(world, by_null)
    writes(world, "phone", Erase((left,)))
    in_force(world, "desk", "agent")
    assert has(world, "desk", left) == [False]
