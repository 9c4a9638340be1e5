"""Signing out: nobody known has the room from then on, whatever crosses it on the way (CNS-56, CNS-75)."""

from __future__ import annotations

from typing import Any

import pytest
from e2ee_client.engine.rooms.erasing import MAX_ORDERS
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import DeviceListOver
from e2ee_client.room_events import EntryErased, EntryRefused, IdentifyAnswered, SignedOut
from parties import DAY_MS
from room_logins import by_null, challenge, handed_in, knows, log_in, settled, sign_out, token
from room_rooms import MINUTE_MS, bodies, change, dev, do, opened, say
from room_world import World

from e2ee.errors import LoginUsed, RoomClosed, RoomFrozen
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Act, ActKind, Erase
from e2ee.rooms.signed_payloads import Identify
from e2ee.rooms.state import Phase

PHONE = "phone"


def give_all(room: Any, turn: Turn, to: str) -> int:
    """Hand the newest entries over."""
    found: int = room.hand_over(turn, dev(to), room.forwarding.newest(turn, 64))
    return found


def of_two_devices(*names: str) -> World:
    """A room that a customer has on a phone and a tablet, and the company's devices have."""
    world = World(7)
    world.add(PHONE, *names)
    world.open()
    world.run(3 * MINUTE_MS)
    world.customer_lists = 2
    world.add("tablet")
    for one in world.devices.values():
        one.known_lists = 2
    do(world, PHONE, lambda room, turn: room.forwarding.give_own_device(turn, dev("tablet")))
    world.run(5 * MINUTE_MS)
    return world


def granted(world: World, name: str = PHONE, subject: str = "4711", by: str = "desk") -> EntryHash:
    """A login that counts, though the account has another device."""
    login = log_in(world, subject, name)

    def step(room: Any, turn: Turn) -> None:
        room.identifying.decide(turn, login, grant=True)
        room.settle(turn)

    do(world, by, step)
    world.run(2 * MINUTE_MS)
    return login


def known(world: World) -> list[str | None]:
    """Whom each device takes the customer for."""
    found = [knows(world, one) for one in world.devices]
    return [None if one is None else one.subject for one in found]


def reopen(world: World) -> None:
    """The customer has the room opened again."""
    handed_in(world, lambda room, turn: room.writing.write(turn, Act(ActKind.REOPEN)))
    world.run(2 * MINUTE_MS)
    room = world.devices["desk"].room
    assert room is not None
    if room.states.condition().phase is not Phase.OPEN:
        change(world, "desk", Change(phase=Phase.OPEN))
        world.run(2 * MINUTE_MS)


def test_a_sign_out_that_crosses_a_close_holds_after_it_is_opened_again() -> None:
    """CNS-75: before, it was refused, and whoever had the browser next was that person."""
    world = opened("desk")
    login = log_in(world)
    change(world, "desk", Change(phase=Phase.CLOSED))
    handed_in(world, sign_out)
    refused = [one.code for one in world.devices["desk"].told(EntryRefused)]
    assert refused == ["room.closed"]
    assert known(world) == [None, None]
    assert len(world.devices["desk"].told(SignedOut)) == 1
    reopen(world)
    assert known(world) == [None, None]
    world.run(2 * DAY_MS)
    assert [bodies(world, name, [login]) for name in world.devices] == [[], []]
    log_in(world, "4712")
    assert known(world) == ["4712", "4712"]


@pytest.mark.parametrize("kind", [ActKind.CLOSE, ActKind.FREEZE])
def test_a_sign_out_that_crosses_what_another_device_asks_for_holds(kind: ActKind) -> None:
    """CNS-75: the tablet closes or freezes the room, and the phone has not heard of it."""
    world = of_two_devices("desk")
    granted(world)
    assert known(world) == ["4711", "4711", "4711"]
    world.blocked |= {("tablet", PHONE), ("desk", PHONE)}
    settled(world, lambda room, turn: room.writing.write(turn, Act(kind)), "tablet")
    world.run(MINUTE_MS)
    handed_in(world, sign_out)
    world.blocked.clear()
    world.run(10 * MINUTE_MS)
    assert world.devices["desk"].told(EntryRefused)
    assert known(world) == [None, None, None]
    reopen(world)
    assert known(world) == [None, None, None]


@pytest.mark.parametrize("kind", [ActKind.CLOSE, ActKind.FREEZE])
def test_who_signs_out_in_a_room_that_is_not_open_has_the_logins_erased(kind: ActKind) -> None:
    """CNS-75: before, it was refused, and whoever had the device next was that person."""
    world = opened("desk")
    login = log_in(world)
    handed_in(world, lambda room, turn: room.writing.write(turn, Act(kind)))
    handed_in(world, sign_out)
    assert known(world) == [None, None]
    assert login in {one.entry_hash for one in world.devices["desk"].told(EntryErased)}
    for name in world.devices:
        assert world.devices[name].told(SignedOut) == [SignedOut(world.room_id, dev(PHONE))]
    assert isinstance(do(world, PHONE, sign_out), RoomClosed | RoomFrozen)


def test_who_signs_out_under_a_list_that_has_ended_has_the_logins_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CNS-75, ID-65: the null is content and does not pass then, the erasure is none."""
    world = opened("desk")
    login = log_in(world)

    def over(_turn: Turn) -> None:
        raise DeviceListOver("over")

    monkeypatch.setattr(world.devices[PHONE], "check_listed", over)
    handed_in(world, sign_out)
    assert known(world) == [None, None]
    assert login in {one.entry_hash for one in world.devices["desk"].told(EntryErased)}
    assert len(world.devices["desk"].told(SignedOut)) == 1


def test_a_sign_out_comes_before_the_login_that_it_is_about() -> None:
    """CNS-75, ROOM-44: the login waits nowhere, is granted by nobody, and its nonce counts as used."""
    world = opened("desk", "chief")
    signed = token(world, challenge(world))
    world.blocked |= {(PHONE, "desk"), (PHONE, "chief")}
    login = settled(world, lambda room, turn: room.identifying.hand_in(turn, signed))
    world.blocked.clear()
    handed_in(world, sign_out)
    world.run(DAY_MS)
    for name in ("desk", "chief"):
        assert bodies(world, name, [login]) == []
        assert world.devices[name].told(IdentifyAnswered) == []
    assert known(world) == [None, None, None]
    handed_in(world, lambda room, turn: room.writing.write(turn, Identify(signed)))
    assert known(world) == [None, None, None]


def test_a_sign_out_that_was_carried_out_before_the_login_came_holds() -> None:
    """CNS-75, ROOM-44: by the words of a colleague weeks later, too."""
    world = opened("desk", "chief")
    signed = token(world, challenge(world))
    world.blocked |= {(PHONE, "desk"), ("chief", "desk"), ("desk", PHONE), ("desk", "chief")}
    login = settled(world, lambda room, turn: room.identifying.hand_in(turn, signed))
    world.run(MINUTE_MS)
    world.blocked.discard((PHONE, "desk"))
    handed_in(world, sign_out)
    world.run(3 * DAY_MS)
    world.blocked.clear()
    say(world, PHONE, "Guten Tag")
    world.run(10 * DAY_MS)
    desk = world.devices["desk"].room
    assert desk is not None
    assert bodies(world, "desk", [login]) == []
    assert known(world) == [None, None, None]


def test_a_sign_out_that_comes_late_leaves_the_login_of_who_came_after() -> None:
    """CNS-56, CNS-75: what the phone wrote before it was off for weeks names what it had."""
    world = of_two_devices("desk")
    granted(world)
    world.blocked |= {(PHONE, "desk"), (PHONE, "tablet"), ("desk", PHONE), ("tablet", PHONE)}
    settled(world, sign_out)
    world.run(20 * DAY_MS)
    assert known(world) == [None, "4711", "4711"]
    world.blocked = {(PHONE, "desk"), (PHONE, "tablet")}
    granted(world, "tablet", "4712")
    assert known(world)[1:] == ["4712", "4712"]
    world.blocked.clear()
    say(world, PHONE, "Guten Tag")
    world.run(DAY_MS)
    assert known(world) == ["4712", "4712", "4712"]


@pytest.mark.parametrize("ahead_ms", [-400 * DAY_MS, 20 * DAY_MS, 400 * DAY_MS])
def test_a_sign_out_that_is_dated_wrong_ends_what_its_device_had_and_no_more(ahead_ms: int) -> None:
    """CNS-75, TRN-16: it names the logins, and what its device writes next stands behind it."""
    world = opened("desk", "chief")
    log_in(world)
    world.devices[PHONE].clock_ms = ahead_ms
    handed_in(world, sign_out)
    assert known(world) == [None, None, None]
    world.devices[PHONE].clock_ms = 0
    log_in(world, "4712")
    assert known(world) == ["4712", "4712", "4712"]


def test_a_login_that_is_dated_ahead_is_signed_out_all_the_same() -> None:
    """CNS-52, CNS-75."""
    world = opened("desk")
    world.devices[PHONE].clock_ms = 4 * MINUTE_MS
    log_in(world)
    assert known(world) == ["4711", "4711"]
    world.devices[PHONE].clock_ms = -4 * MINUTE_MS
    handed_in(world, sign_out)
    assert known(world) == [None, None]


def test_who_signs_out_twice_says_it_once() -> None:
    """CNS-75: the second one has no login to erase, and ends nothing."""
    world = opened("desk")
    log_in(world)
    for _ in range(2):
        handed_in(world, sign_out)
    assert len(world.devices["desk"].told(SignedOut)) == 1
    erasures = [one for one in kinds(world, "desk") if one == Kind.ERASE]
    assert len(erasures) == 1


def kinds(world: World, name: str) -> list[int]:
    """The kinds of a room's entries at a device, in order."""
    room = world.devices[name].room
    assert room is not None
    turn = Turn(world.now_ms)
    return [room.log.entry(turn, one).header.kind for one in room.log.all_of(turn)]


def test_a_login_that_was_signed_out_is_not_handed_in_again() -> None:
    """CNS-53, CNS-54: neither by its token nor by its entry."""
    world = opened("desk")
    signed = token(world, challenge(world))
    handed_in(world, lambda room, turn: room.identifying.hand_in(turn, signed))
    handed_in(world, sign_out)
    assert isinstance(do(world, PHONE, lambda room, turn: room.identifying.hand_in(turn, signed)), LoginUsed)
    handed_in(world, lambda room, turn: room.writing.write(turn, Identify(signed)))
    assert world.devices["desk"].told(EntryRefused)[-1].code == "login.used"
    assert known(world)[1] is None


def test_who_signs_out_on_one_device_is_nobody_known_on_the_other() -> None:
    """CNS-75: the tablet erases what the phone has written."""
    world = of_two_devices("desk")
    login = granted(world)
    handed_in(world, sign_out, "tablet")
    assert known(world) == [None, None, None]
    assert login in {one.entry_hash for one in world.devices[PHONE].told(EntryErased)}


def test_a_linked_device_erases_a_login_that_it_was_given_as_history() -> None:
    """CNS-75, TRN-19: in a closed room there is nothing else by which it could."""
    world = opened("desk")
    log_in(world)
    world.customer_lists = 2
    world.add("tablet")
    for one in world.devices.values():
        one.known_lists = 2
    do(world, PHONE, lambda room, turn: room.forwarding.give_own_device(turn, dev("tablet")))
    world.run(5 * MINUTE_MS)
    handed_in(world, lambda room, turn: room.writing.write(turn, Act(ActKind.CLOSE)))
    handed_in(world, sign_out, "tablet")
    assert known(world) == [None, None, None]


def test_the_erasure_of_a_login_ends_what_stood_before_it() -> None:
    """CNS-56: a device that came by the account's code knows no other login than its own, which waits."""
    world = of_two_devices("desk")
    granted(world)
    waits = log_in(world, "4712")
    assert known(world) == ["4711", "4711", "4711"]
    handed_in(world, lambda room, turn: room.writing.write(turn, Erase((waits,))))
    assert known(world) == [None, None, None]


def test_a_company_that_erases_its_own_ends_no_login() -> None:
    """CNS-56: the customer alone signs out."""
    world = opened("desk")
    change(world, "desk", Change(add=(dev("desk"),)))
    world.run(2 * MINUTE_MS)
    log_in(world)
    said = say(world, "desk", "Guten Tag")
    settled(world, lambda room, turn: room.writing.write(turn, Erase((said,))), "desk")
    own = settled(world, lambda room, turn: room.writing.write(turn, Erase((said,))))
    world.run(5 * MINUTE_MS)
    assert own
    assert known(world) == ["4711", "4711"]


def test_a_colleague_who_comes_later_is_given_no_login_that_was_signed_out() -> None:
    """CNS-75, ROOM-25."""
    world = opened("desk", "agent")
    login = log_in(world)
    handed_in(world, sign_out)
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(5 * MINUTE_MS)
    assert bodies(world, "agent", [login]) == []
    assert known(world) == [None, None, None]


@pytest.mark.parametrize("phase", [None, Phase.CLOSED])
def test_a_colleague_who_joins_while_the_person_signs_out_knows_nobody(phase: Phase | None) -> None:
    """CNS-75, ROOM-61: the desk gives the login before it hears of its end."""
    world = opened("desk", "agent")
    login = log_in(world)
    change(world, "desk", Change(add=(dev("agent"),), phase=phase))
    handed_in(world, sign_out)
    world.run(10 * MINUTE_MS)
    assert known(world) == [None, None, None]
    world.run(2 * DAY_MS)
    assert bodies(world, "agent", [login]) == []
    assert kinds(world, PHONE).count(Kind.ERASED) == 2


def test_what_a_colleague_has_by_hearsay_does_not_come_to_count_again() -> None:
    """CNS-56, TRN-17: the null names the login by its hash, which so becomes the customer's own."""
    world = opened("desk", "agent")
    log_in(world)
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(4 * MINUTE_MS)
    assert known(world) == ["4711", "4711", "4711"]
    handed_in(world, by_null)
    assert known(world) == [None, None, None]
    change(world, "desk", Change(assign=dev("agent")))
    world.run(10 * MINUTE_MS)
    assert known(world) == [None, None, None]


@pytest.mark.parametrize("says", [sign_out, by_null])
def test_a_login_in_a_history_that_is_handed_over_does_not_come_to_count_again(says: Any) -> None:
    """CNS-56, TRN-17, TRN-18: the customer's next entry makes it its own, and the sign-out behind it."""
    world = opened("desk", "agent")
    log_in(world)
    handed_in(world, says)
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(4 * MINUTE_MS)
    count = do(world, "desk", lambda room, turn: give_all(room, turn, "agent"))
    assert count >= 2
    world.run(4 * MINUTE_MS)
    assert known(world) == [None, None, None]
    for text in ("Guten Tag", "Hallo?"):
        say(world, PHONE, text)
        world.run(4 * MINUTE_MS)
    assert known(world) == [None, None, None]


def test_an_older_login_in_a_history_that_is_handed_over_replaces_no_newer_one() -> None:
    """CNS-56, CNS-42: the last one that was granted counts, in whichever order they come."""
    world = opened("desk", "agent")
    log_in(world)
    handed_in(world, by_null)
    log_in(world, "4712")
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(4 * MINUTE_MS)
    do(world, "desk", lambda room, turn: give_all(room, turn, "agent"))
    world.run(4 * MINUTE_MS)
    say(world, PHONE, "Guten Tag")
    world.run(4 * MINUTE_MS)
    assert known(world) == ["4712", "4712", "4712"]


def test_a_null_that_overtakes_the_login_of_its_device_ends_it() -> None:
    """CNS-56."""
    world = opened("desk")
    signed = token(world, challenge(world))
    world.blocked.add((PHONE, "desk"))
    settled(world, lambda room, turn: room.identifying.hand_in(turn, signed))
    world.blocked.clear()
    handed_in(world, by_null)
    world.run(DAY_MS)
    assert known(world) == [None, None]


@pytest.mark.audit_only
def test_who_has_signed_out_often_in_a_room_that_is_kept_signs_out_still() -> None:
    """CNS-75: no erasure is carried out there, and so many wait at a time."""
    world = opened("desk", "chief")
    change(world, "chief", Change(hold=True, text="Prüfung"))
    world.run(2 * MINUTE_MS)
    texts = [say(world, PHONE, "Guten Tag") for _ in range(MAX_ORDERS)]
    for one in texts:
        settled(world, lambda room, turn, one=one: room.writing.write(turn, Erase((one,))))
    log_in(world)
    assert known(world) == ["4711", "4711", "4711"]
    handed_in(world, sign_out)
    assert known(world) == [None, None, None]
