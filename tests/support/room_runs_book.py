"""Rooms on the whole of what a device does: `python tests/support/room_runs_book.py [runs] [first seed]`.

An honest run has two to seven devices with loss, reordering, restarts and clocks that differ. Then loss ends,
and within 20 minutes all that are in the room have the same order and the same head, and nobody was accused.
In the other runs a member or the relay parts the views of others; that is reported. Or somebody joins when
much was said with wrong dates, and is handed all of it: both have one order and show the same times.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from e2ee_client.engine.rooms import writing  # noqa: E402
from e2ee_client.engine.rooms.forwarding import MAX_HANDED_OVER  # noqa: E402
from e2ee_client.engine.rooms.stewarding import Change  # noqa: E402
from e2ee_client.engine.turn import Turn  # noqa: E402
from e2ee_client.room_events import Differ, EntryRefused, Equivocation, GapShown  # noqa: E402
from parties import DAY_MS  # noqa: E402
from room_world import AGENTS, DESKS, Device, World, ground  # noqa: E402  # a script finds its modules by itself

from e2ee.ids import DeviceId  # noqa: E402
from e2ee.rooms import transcript  # noqa: E402
from e2ee.rooms.entry import EntryHash, Header, RoomId, make_header  # noqa: E402
from e2ee.rooms.kinds import Kind, Side  # noqa: E402
from e2ee.rooms.order import order  # noqa: E402
from e2ee.rooms.payloads import Mark, RoomText  # noqa: E402
from e2ee.rooms.signals import RequestKind  # noqa: E402
from e2ee.rooms.transcript import MAX_WANTED  # noqa: E402

MINUTE_MS = 60_000
SETTLE_MS = 20 * MINUTE_MS


def device_id(name: str) -> DeviceId:
    """The id of a device."""
    return ground().author(name).device_id


# --- an honest run ---


class Honest:
    """Devices that write, join, leave and restart at random times."""

    def __init__(self, seed: int) -> None:
        self.world = world = World(seed, loss=0.2, customer_lists=1)
        rnd = self.rnd = world.rnd
        world.vanish = rnd.choice((0.0, 0.1, 0.2))
        self.loses = world.vanish > 0
        customers = ["phone"]
        desks = rnd.sample(DESKS, rnd.randint(1, 3))
        agents = rnd.sample(AGENTS, rnd.randint(0, 2))
        if rnd.random() < 0.3:
            customers.append("tablet")
            world.customer_lists = 2
        self.desks, self.agents, self.customers = desks, agents, customers
        world.add(*customers, *desks, *agents, spread_ms=rnd.choice((0, 2_000, 120_000)))

    def play(self) -> None:
        """Talk for some minutes over a bad network, then let it rest over a good one."""
        world, rnd = self.world, self.rnd
        vanish, world.vanish = world.vanish, 0.0
        world.open()
        world.run(rnd.randint(5_000, 90_000))
        world.vanish = vanish
        for _ in range(rnd.randint(5, 30)):
            world.run(rnd.randint(100, 30_000))
            self._act(world.devices[rnd.choice(list(world.devices))])
        world.loss = world.vanish = 0.0
        self._close_ranks()
        for _ in range(2):
            for device in world.devices.values():
                self._say(device, Mark())
            world.run(MINUTE_MS)
        world.run(SETTLE_MS)

    def _act(self, device: Device) -> None:
        room, what = device.room, self.rnd.random()
        if what < 0.08:
            device.restart()
        elif room is None:
            return
        elif what < 0.7 or device.side is Side.CUSTOMER:
            self._say(device, RoomText(f"{device.name} {self.rnd.random()}"))
        elif device.name in self.desks:
            device.step(lambda turn: room.change(turn, self._change(device)))
        elif device.name in self.agents:
            device.step(lambda turn: room.ask(turn, RequestKind.LEAVE))

    def _close_ranks(self) -> None:
        """A steward writes one more state: it tells those who are in the room, and all stewards."""
        for name in self.desks:
            device = self.world.devices[name]
            if device.head() is not None and not isinstance(self._touch(device), Exception):
                return

    def _touch(self, device: Device) -> object:
        room = device.room
        assert room is not None
        return device.step(lambda turn: room.change(turn, Change(reason=7)))

    def _say(self, device: Device, payload: RoomText | Mark) -> None:
        room = device.room
        if room is not None and room.live.is_recipient:
            device.step(lambda turn: room.write(turn, payload))

    def _change(self, device: Device) -> Change:
        names = [*self.desks, *self.agents]
        about = device_id(self.rnd.choice(names))
        return self.rnd.choice(
            (
                Change(add=(about,)),
                Change(add=(about,), assign=about),
                Change(remove=(about,)),
                Change(sensitive=True),
            )
        )


def check_honest(seed: int) -> str:
    """All in the room have the same head, the same order, and no alarm."""
    run = Honest(seed)
    run.play()
    world = run.world
    # A steward outside the room that lost a state for good hears of it with the next one.
    heads = {
        device.name: device.head()
        for device in world.devices.values()
        if is_in(device) and (not run.loses or (device.room and device.room.live.is_recipient))
    }
    assert len(set(heads.values())) == 1, (seed, "heads", heads)
    for device in world.devices.values():
        assert not device.told(Differ), (seed, device.name, device.told(Differ))
        assert not device.told(Equivocation), (seed, device.name)
        if device.room is not None and is_in(device):
            assert not lasting_gaps(world, device), (seed, device.name, lasting_gaps(world, device))
    check_order(world, seed)
    return f"{len(world.devices)} devices"


# --- runs with a liar ---


def lie(seed: int) -> tuple[World, str, str]:
    """Play a room in which a member forks its chain, or the relay drops all that one device sends another."""
    world = World(seed)
    rnd = world.rnd
    world.add("phone", "chief", "desk", "desk2", spread_ms=rnd.choice((0, 2_000, 120_000)))
    world.open()
    world.run(4 * MINUTE_MS)
    liar, what = rnd.choice(("phone", "chief", "desk")), rnd.choice(("fork", "omit"))
    others = [name for name in world.devices if name != liar]
    for _ in range(rnd.randint(0, 5)):
        _talk(world, rnd.choice(list(world.devices)))
    if what == "fork":
        _fork(world, liar, set(rnd.sample(others, rnd.randint(1, 2))))
    else:
        world.blocked.add((liar, rnd.choice(others)))
    for name in (liar, *rnd.sample(others, 2), liar, *others):
        _talk(world, name)
    world.run(SETTLE_MS)
    return world, liar, what


def _talk(world: World, name: str) -> None:
    device = world.devices[name]
    room = device.room
    assert room is not None
    device.step(lambda turn: room.write(turn, RoomText(f"{name} {world.rnd.random()}")))
    world.run(world.rnd.randint(1_000, 40_000))


def _fork(world: World, liar: str, some: set[str]) -> None:
    """Say one thing to some, then another to all others under the same number."""
    device = world.devices[liar]
    copy = {table: dict(rows) for table, rows in device.rows.tables.items()}
    others = set(world.devices) - {liar}
    world.blocked = {(liar, name) for name in others - some}
    _talk(world, liar)
    device.rows.tables = copy
    device.room = None
    device.restart(commit=False)
    world.blocked = {(liar, name) for name in some}
    _talk(world, liar)
    world.blocked = set()


def check_lie(seed: int) -> str:
    """A fork is reported; what a relay drops comes from others, or is shown as missing."""
    world, liar, what = lie(seed)
    honest = [device for name, device in world.devices.items() if name != liar]
    if what == "fork":
        alarm = Differ if liar == "phone" else Equivocation
        assert any(one.told(alarm) for one in honest), (seed, "fork", liar)
        return f"fork of {liar}"
    assert not any(one.told(Differ) or one.told(Equivocation) for one in honest), (seed, "omit", liar)
    everything = {entry for one in honest for entry in one.order()}
    for one in honest:
        assert set(one.order()) == everything or one.told(GapShown), (seed, one.name)
        is_blocked = (liar, one.name) in world.blocked
        assert not is_blocked or one.told(GapShown), (seed, one.name, "not shown")
    return f"omission from {liar}"


# --- runs with a hand-over ---


def handed_over(seed: int) -> World:
    """Play a room in which texts and marks have wrong dates; then the agent joins and gets all of it."""
    world = World(seed)
    rnd = world.rnd
    names = ["phone", "desk", *rnd.sample(("desk2", "agent2"), rnd.randint(0, 2))]
    world.add(*names, "agent", spread_ms=rnd.choice((0, 2_000, 120_000)))
    world.open()
    world.run(4 * MINUTE_MS)
    if names[2:]:
        members = tuple(sorted(device_id(name) for name in names[1:]))
        world.devices["desk"].step(partial(_add, world.devices["desk"], members))
        world.run(4 * MINUTE_MS)
    with patch.object(writing, "make_header", partial(wrongly_dated, rnd)):
        for name in ("phone", "desk", *rnd.choices(names, k=rnd.randint(1, 23))):
            _talk(world, name)
            world.run(rnd.choice((0, MINUTE_MS, 20 * MINUTE_MS, DAY_MS)))
        world.run(SETTLE_MS)
        world.devices["desk"].step(partial(_add, world.devices["desk"], (device_id("agent"),)))
        world.run(SETTLE_MS)
    return world


def _add(device: Device, names: tuple[DeviceId, ...], turn: Turn) -> object:
    assert device.room is not None
    return device.room.change(turn, Change(add=names))


def wrongly_dated(rnd: Random, room_id: RoomId, kind: int, n: int, sent_ms: int, **more: Any) -> Header:
    """A header with a date that may be weeks off, as no state has (ROOM-05)."""
    is_wrong = kind in (Kind.TEXT, Kind.MARK) and rnd.random() < 0.4
    off_ms = rnd.randint(-40, 40) * DAY_MS if is_wrong else 0
    return make_header(room_id, kind, n, max(1, sent_ms + off_ms), **more)


def check_handed_over(seed: int) -> str:
    """Who was handed everything has the order and the times of who handed it over (TRN-50)."""
    world = handed_over(seed)
    giver, taker = world.devices["desk"], world.devices["agent"]
    assert giver.room is not None
    assert taker.room is not None
    hashes = giver.room.forwarding.newest(Turn(giver.now_ms), MAX_HANDED_OVER)
    room = giver.room
    count = giver.step(lambda turn: room.hand_over(turn, taker.us.device_id, hashes))
    world.run(SETTLE_MS)
    assert count == len(hashes), (seed, "handed over", count)
    both = set(taker.order()) & set(giver.order())
    assert both >= set(hashes), (seed, "handed over", len(set(hashes) - both))
    given, taken = (places(one, both) for one in (giver, taker))
    assert given == taken, (seed, "places", [one[1:] for one in given], [one[1:] for one in taken])
    check_places(taker, seed)
    return f"{len(world.devices)} devices"


def places(device: Device, entries: set[EntryHash]) -> list[tuple[EntryHash, int, int]]:
    """Some entries in order, with their kinds and the times that a person is shown (TRN-49)."""
    assert device.room is not None
    shown = [one for one in device.room.log.all_of(Turn(device.now_ms)) if one.hash in entries]
    found = [(one, Header.decode(one.header)) for one in shown]
    return [(one.hash, header.kind, max(header.sent_ms, one.k)) for one, header in found]


def is_in(device: Device) -> bool:
    """Whether a device follows the states of the room now: the customer's, members, stewards that know it."""
    room = device.room
    if room is None:
        return False
    return device.side is Side.CUSTOMER or room.live.is_recipient or device.name in DESKS


def lasting_gaps(world: World, device: Device) -> list[tuple[str, int]]:
    """What a device misses that was meant for it: what was written on another branch of states was not."""
    room = device.room
    assert room is not None
    found: list[tuple[str, int]] = []
    gaps = transcript.gaps(room.live.view, device.now_ms) if room.live.is_recipient else []
    for tag, first, last, _ in gaps:
        for other in world.devices.values():
            if other.room is None or other.room.live.view.us != tag:
                continue
            for n in range(max(first, last - MAX_WANTED), last + 1):
                held = other.room.log.held(Turn(other.now_ms), tag, n)
                if held is not None and device.name in world.meant.get(held.hash[:16], ()):
                    found.append((other.name, n))
    return found


def check_order(world: World, seed: int) -> None:
    """Who was in the room from the beginning has the same entries, in the same order."""
    for one in world.devices.values():
        check_places(one, seed)
    full = [one for one in world.devices.values() if is_full(one)]
    parted = {entry for one in world.devices.values() for entry in not_taken(one)}
    for one in full:
        parted |= not_meant(world, one, {entry for other in full for entry in other.order()})
    orders = {one.name: [entry for entry in one.order() if entry not in parted] for one in full}
    # What one lacks that another has may move what comes after it.
    shown = {tuple(sorted(one) if parted else one) for one in orders.values()}
    assert len(shown) <= 1, (seed, "order", lacking(orders))


def check_places(device: Device, seed: int) -> None:
    """The order that was kept entry by entry is the one that all entries together have (TRN-16)."""
    room = device.room
    if room is not None:
        shown = list(room.log.all_of(Turn(device.now_ms)))
        headers = {one.hash: Header.decode(one.header) for one in shown}
        expected = order(headers, room.live.root_content)
        assert [one.hash for one in shown] == expected, (seed, device.name, "places")


def not_taken(device: Device) -> set[bytes]:
    """What a device refused because a change of the room had overtaken it: its author did not know yet."""
    refused = {one.entry_hash for one in device.events if isinstance(one, EntryRefused)}
    early = () if device.room is None else device.room.live.early
    return refused | {one.hash for one in early}


def not_meant(world: World, device: Device, entries: set[EntryHash]) -> set[bytes]:
    """Entries that their author did not send to a device, as it followed another branch of states."""
    here = set(device.order())
    return {one for one in entries - here if device.name not in world.meant.get(one[:16], ())}


def is_full(device: Device) -> bool:
    """Whether a device was a recipient all the time."""
    room = device.room
    return room is not None and room.live.is_recipient and not room.live.view.late


def lacking(orders: Mapping[str, Sequence[bytes]]) -> dict[str, object]:
    """What each lacks that another has."""
    everything = {one for order in orders.values() for one in order}
    return {name: (len(order), len(everything - set(order))) for name, order in orders.items()}


def main() -> None:
    runs, first = (*map(int, sys.argv[1:]), *(1_000, 0)[len(sys.argv) - 1 :])
    failed = Counter[str]()
    for name, check in (("honest", check_honest), ("lies", check_lie), ("hand-overs", check_handed_over)):
        found: Counter[str] = Counter()
        for seed in range(first, first + runs):
            try:
                found[check(seed)] += 1
            except AssertionError as error:
                failed[name] += 1
                print(name, *error.args)
        print(name, dict(found))
    print("failed", dict(failed))


if __name__ == "__main__":
    main()
