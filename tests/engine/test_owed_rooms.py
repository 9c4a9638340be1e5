"""What a person's device that was let in is owed: the rooms, once it can be reached (ACC-52)."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from e2ee_client.engine.records import OwnDevice
from e2ee_client.errors import UnknownDevice
from engine_world import Node, World
from own_devices import joined
from rooms_world import accept, acceptance, rooms_of, texts, write
from team_world import founded, this

from e2ee.constants import DEVICE_LIFE_MS
from e2ee.errors import NoRight
from e2ee.identity import DeviceKind, new_device
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import RoomId

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


class Scene(NamedTuple):
    """A person's phone with a room in which it has written once."""

    world: World
    desk: Node
    phone: Node
    room_id: RoomId

    def tablet(self) -> Node:
        """A second device comes, and is on, before the phone has looked for its address."""
        tablet = joined(self.world, self.phone, "Tablet", front_desk=False, kind=DeviceKind.PERSON)
        tablet.carry_out(tablet.engine.know_company(acceptance(self.desk), tablet.now_ms)[1])
        assert self.phone.engine.owes_rooms(this(tablet))
        return tablet

    def absent(self) -> DeviceId:
        """A second device is let in that never comes."""
        world, phone, account_id = self.world, self.phone, AccountId(self.phone.engine.account_id)
        until_ms = world.now_ms + DEVICE_LIFE_MS
        device = new_device(account_id, DeviceKind.PERSON, 0, world.now_ms, until_ms, phone.rng)
        phone.carry_out(phone.engine.add_device(device.record, world.now_ms))
        world.settle()
        return device.record.device_id

    def has_room(self, node: Node) -> bool:
        """Whether a device has the room."""
        return self.room_id in rooms_of(node).index


def scene() -> Scene:
    world = World()
    desk = founded(world)
    phone = world.node("Kundin", publish=True)
    phone.start()
    world.advance(MINUTE_MS)
    room_id = accept(phone, desk)
    world.advance(5 * MINUTE_MS)
    write(phone, room_id, "vorher")
    world.advance(MINUTE_MS)
    return Scene(world, desk, phone, room_id)


def restart(node: Node) -> None:
    node.crash()
    node.start()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_new_device_is_given_the_rooms_though_nobody_waits(restarts: bool) -> None:
    """ACC-52: also where the process of the other one has ended in between."""
    made = scene()
    world, phone = made.world, made.phone
    tablet = made.tablet()
    if restarts:
        restart(phone)
    world.advance(5 * SECOND_MS)
    assert not phone.engine.owes_rooms(this(tablet))
    world.advance(MINUTE_MS)
    assert texts(tablet, made.room_id) == ["vorher"]
    assert phone.engine._context.timers.at_ms("new device") is None


def test_a_device_that_comes_hours_later_is_found_too() -> None:
    """ACC-52: it was let in while it could not be reached."""
    made = scene()
    world, phone = made.world, made.phone
    tablet = made.tablet()
    shown = phone.outgoing
    phone.outgoing = lambda _channel, _data: []
    world.advance(HOUR_MS)
    assert phone.engine.owes_rooms(this(tablet))
    phone.outgoing = shown
    restart(phone)
    world.advance(11 * MINUTE_MS)
    assert texts(tablet, made.room_id) == ["vorher"]


def test_who_cannot_be_reached_is_looked_for_ever_more_slowly() -> None:
    """ACC-52: each 2 seconds for 20 minutes from the list, then each 10 minutes, after a restart, too."""
    made = scene()
    world, phone = made.world, made.phone
    device_id = made.absent()
    since_ms = phone.engine._state.own.device_list.issued_ms

    def waits_ms() -> int:
        due_ms = phone.engine._context.timers.at_ms("new device")
        assert due_ms is not None
        return due_ms - world.now_ms

    assert waits_ms() <= 2 * SECOND_MS
    restart(phone)
    assert waits_ms() <= 2 * SECOND_MS
    world.advance(since_ms + 20 * MINUTE_MS - world.now_ms - SECOND_MS)
    assert waits_ms() <= 2 * SECOND_MS
    world.advance(2 * SECOND_MS)
    assert 9 * MINUTE_MS < waits_ms() <= 10 * MINUTE_MS
    restart(phone)
    assert 9 * MINUTE_MS < waits_ms() <= 10 * MINUTE_MS
    assert phone.engine.owes_rooms(device_id)


def test_a_device_that_is_being_struck_off_is_given_nothing_and_not_looked_for() -> None:
    """ACC-52, ID-28: though the directory still names it, and shows its address."""
    made = scene()
    world, phone = made.world, made.phone
    tablet = made.tablet()
    shown, phone.outgoing = phone.outgoing, lambda _channel, _data: []
    phone.carry_out(phone.engine.remove_device(this(tablet), world.now_ms))
    world.advance(MINUTE_MS)
    with pytest.raises(NoRight):
        phone.engine.give_rooms(this(tablet), world.now_ms)
    assert phone.engine.owes_rooms(this(tablet))
    assert phone.engine._context.timers.at_ms("new device") is None
    phone.outgoing = shown
    restart(phone)
    world.advance(MINUTE_MS)
    assert not made.has_room(tablet)
    with pytest.raises(UnknownDevice):
        phone.engine.owes_rooms(this(tablet))


def test_a_row_of_before_and_a_person_give_the_rooms_again() -> None:
    """ACC-52: an older copy of the row says that they are owed; each entry is there once."""
    made = scene()
    world, phone = made.world, made.phone
    tablet = made.tablet()
    (row,) = [one.put() for one in phone.engine._state.own_devices.values()]
    assert OwnDevice.decode(row.key, row.value).owed
    world.advance(MINUTE_MS)
    phone.rows.commit((row,))
    phone.crash()
    assert phone.engine.owes_rooms(this(tablet))
    phone.start()
    assert not phone.engine.owes_rooms(this(tablet))
    world.advance(MINUTE_MS)
    phone.carry_out(phone.engine.give_rooms(this(tablet), world.now_ms))
    assert not phone.engine.owes_rooms(this(tablet))
    write(tablet, made.room_id, "vom Tablet")
    world.advance(MINUTE_MS)
    shown = {tuple(texts(one, made.room_id)) for one in (phone, tablet, made.desk)}
    assert shown == {("vorher", "vom Tablet")}


def test_a_companys_device_is_owed_nothing() -> None:
    """ACC-52 is of persons: what desks have is given by other rules."""
    world = World()
    desk = founded(world)
    second = joined(world, desk)
    assert not desk.engine.owes_rooms(this(second))
    assert desk.engine._context.timers.at_ms("new device") is None
