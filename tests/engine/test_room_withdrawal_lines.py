"""A withdrawal whose place is what another device says, and orders that are carried out late (CNS-45)."""

from __future__ import annotations

import pytest
from parties import DAY_MS
from room_rooms import MINUTE_MS, do, say
from room_withdrawals import (
    HOUR_MS,
    consent_again,
    content_of,
    forged,
    give,
    has_body,
    of_tablet,
    phase_of,
    send,
    staffed,
    withdraw,
    written,
)
from room_world import ground

from e2ee.errors import ConsentWithdrawn
from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase


def test_a_colleague_who_gives_an_old_withdrawal_a_new_place_erases_nothing() -> None:
    """CNS-45: a consent stands before it, and what was said since stays."""
    world, said = staffed()
    withdraw(world)
    world.run(27 * HOUR_MS)
    consent_again(world)
    world.run(HOUR_MS)
    later, answer = say(world, "phone", "Guten Tag wieder"), say(world, "desk", "Guten Tag")
    world.run(HOUR_MS)
    desk = world.devices["desk"].room
    assert desk is not None
    for n in range(900, 980):
        give(world, "agent", "desk", forged(world, n))
    assert desk.live.orders == ()
    world.run(27 * HOUR_MS)
    assert phase_of(world, "desk") is Phase.OPEN
    assert not has_body(world, "desk", said)
    assert has_body(world, "desk", later)
    assert has_body(world, "desk", answer)


def test_a_colleague_who_repeats_a_withdrawal_makes_one_order() -> None:
    """CNS-45: and none where the customer's own device has brought it."""
    world, _ = staffed()
    world.blocked.add(("phone", "desk"))
    withdraw(world)
    desk = world.devices["desk"].room
    assert desk is not None
    for n in range(900, 980):
        give(world, "agent", "desk", forged(world, n))
    assert (len(desk.live.orders), len(desk.live.erasures)) == (1, 1)
    send(world, "phone", "desk", written(world, Kind.WITHDRAW)[0])
    assert (len(desk.live.orders), len(desk.live.erasures)) == (2, 2)
    world.run(27 * HOUR_MS)
    for n in range(700, 780):
        give(world, "agent", "desk", forged(world, n))
    assert desk.live.orders == ()
    assert len(desk.live.erasures) == 2


@pytest.mark.parametrize("is_brought", [True, False])
def test_a_withdrawal_that_a_colleague_places_ahead_destroys_nothing_that_is_said_later(
    *, is_brought: bool
) -> None:
    """CNS-45: it takes what is here when it comes, and the next consent is used as the first one was."""
    world, said = staffed()
    if not is_brought:
        world.blocked.add(("phone", "desk"))
    withdraw(world)
    give(world, "agent", "desk", forged(world, 900, 25 * DAY_MS))
    world.run(27 * HOUR_MS)
    assert not has_body(world, "desk", said)
    world.blocked.clear()
    consent_again(world)
    world.run(HOUR_MS)
    later, answer = say(world, "phone", "Guten Tag wieder"), say(world, "desk", "Guten Tag")
    world.run(2 * DAY_MS)
    assert has_body(world, "desk", later)
    assert has_body(world, "desk", answer)


def test_a_consent_that_a_colleague_places_ahead_makes_no_old_withdrawal_erase() -> None:
    """CNS-45: a withdrawal below a consent does not count, wherever lines say that they stand."""
    world, _ = staffed()
    withdraw(world)
    world.run(27 * HOUR_MS)
    world.blocked.add(("phone", "desk"))
    consent_again(world)
    give(world, "agent", "desk", forged(world, 950, 25 * DAY_MS, Kind.CONSENT))
    world.blocked.clear()
    for one in written(world, Kind.CONSENT, Kind.ACT):
        send(world, "phone", "desk", one)
    world.run(2 * HOUR_MS)
    later = say(world, "phone", "Guten Tag wieder")
    world.run(HOUR_MS)
    give(world, "agent", "desk", forged(world, 960))
    world.run(27 * HOUR_MS)
    assert has_body(world, "desk", later)


def test_a_withdrawal_of_the_number_of_a_consent_erases_also_as_hearsay() -> None:
    """CNS-45, CNS-09: of one number the withdrawal counts."""
    world, said = staffed("tablet")
    consent_again(world, 10)
    world.run(5 * MINUTE_MS)
    give(world, "agent", "desk", of_tablet(world, 10))
    world.run(27 * HOUR_MS)
    assert not has_body(world, "desk", said)


def test_a_withdrawal_that_was_hearsay_erases_by_its_place_when_its_device_brings_it() -> None:
    """CNS-45, ROOM-44: also what was brought since, and stands before it."""
    world, _ = staffed("tablet")
    for to in ("desk", "phone", "tablet"):
        world.blocked.add(("agent", to))
    text = say(world, "agent", "between")
    content = content_of(world, "agent", text)
    world.run(MINUTE_MS)
    entry = of_tablet(world, 9)
    give(world, "phone", "desk", entry)
    world.run(27 * HOUR_MS)
    do(world, "desk", lambda room, turn: room.take(turn, ground().author("agent"), content))
    assert has_body(world, "desk", text)
    send(world, "tablet", "desk", entry)
    world.run(27 * HOUR_MS)
    assert not has_body(world, "desk", text)


def test_what_an_order_erased_stays_so_when_an_older_one_is_carried_out_last() -> None:
    """ROOM-43, ROOM-44: two devices withdraw, and the earlier word comes later."""
    world, _ = staffed("tablet")
    first = of_tablet(world, 9)
    world.run(10 * MINUTE_MS)
    for to in ("desk", "phone", "tablet"):
        world.blocked.add(("agent", to))
    text = say(world, "agent", "between")
    content = content_of(world, "agent", text)
    world.run(10 * MINUTE_MS)
    do(world, "phone", lambda room, turn: room.withdraw(turn, 10))
    world.run(HOUR_MS)
    send(world, "tablet", "desk", first)
    world.run(30 * HOUR_MS)
    consent_again(world, 11)
    world.run(HOUR_MS)
    do(world, "desk", lambda room, turn: room.take(turn, ground().author("agent"), content))
    assert not has_body(world, "desk", text)


def test_a_desk_that_has_a_withdrawal_by_a_colleague_alone_writes_no_content() -> None:
    """ROOM-19: it sets no phase there, and before, the desk wrote on to who had withdrawn."""
    world, _ = staffed()
    world.blocked.add(("phone", "desk"))
    withdraw(world)
    give(world, "agent", "desk", forged(world, 900))
    world.run(HOUR_MS)
    assert phase_of(world, "desk") is Phase.OPEN
    assert isinstance(say(world, "desk", "Guten Tag"), ConsentWithdrawn)
    world.blocked.clear()
    consent_again(world)
    world.run(HOUR_MS)
    assert has_body(world, "desk", say(world, "desk", "Guten Tag wieder"))
