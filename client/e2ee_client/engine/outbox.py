"""What is on its way to each device of a contact, from a text that waits to one that is not confirmed.

    waiting --sealed--> ready --given to a connection--> flying --taken by the relay--> unconfirmed
    --receipt--> gone
                          ^---------connection lost--------'

A row of the table "outbox" follows an item; a control content has none of the first and last of these.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from e2ee.constants import DEVICE_ID_B
from e2ee.ids import AccountId
from e2ee.numbers import Number
from e2ee.pair import UNPROVEN_TTL_MS

from .effects import Channel
from .row_codec import Row

MAX_SENDINGS: Final = 4
AGAIN_AGE_MS: Final = 14 * 86_400_000
_DAY_MS: Final = 86_400_000
_SENDINGS_AT_MOST_DAILY: Final = 16
NO_DEVICE: Final = bytes(DEVICE_ID_B)
"""Where a text waits while no device of the contact is known."""


@dataclass(slots=True)
class Outgoing(Row):
    """One content for one device.

    `envelope` is there from sealing until the relay has taken it, and is sent again byte by byte under
    `msg_id`, the relay's id, which is drawn when it is sealed: an older copy of the store seals under
    another one. `shown` marks a counted content, a text of the history or what was posted
    (TRN-29), which is kept until it is confirmed, with its number, its session and its sendings (SES-37).
    `ask_id` is that of an ask. What `lasts` goes again until it is confirmed (ROOM-73). `first` marks what
    was written before a device of the account had met.
    """

    TABLE = "outbox"
    KEY = (("place", 8),)
    place: int
    account_id: AccountId
    device_id: bytes
    content_id: bytes
    shown: bool
    created_ms: int
    envelope: bytes = field(default=b"", repr=False)
    msg_id: bytes = b""
    session_id: bytes = b""
    number: Number | None = None
    sendings: int = 0
    sealed_ms: int = 0
    ask_id: bytes | None = None
    lasts: bool = False
    first: bool = False

    @property
    def has_left(self) -> bool:
        """Whether the relay has taken a sending; one that it is being given this moment does not count."""
        return self.sendings > bool(self.envelope)

    def is_young(self, now_ms: int) -> bool:
        """Whether it was written in the last 14 days; before a device had met, in the last 44 (SES-37)."""
        return now_ms < self.created_ms + (UNPROVEN_TTL_MS if self.first else AGAIN_AGE_MS)

    def is_within(self, now_ms: int) -> bool:
        """Whether it is sent another time by SES-37."""
        return self.sendings < MAX_SENDINGS and self.is_young(now_ms)

    def may_go_again(self, now_ms: int) -> bool:
        """Whether it is sent another time: by SES-37, and what lasts once in a day beyond that (ROOM-73);
        after 16 times, as where a device refuses it for good, once in 30 days (ROOM-78).
        """
        pause_ms = _DAY_MS if self.sendings < _SENDINGS_AT_MOST_DAILY else 30 * _DAY_MS
        return self.is_within(now_ms) or (self.lasts and now_ms >= self.sealed_ms + pause_ms)

    def put_back_to(self, now_ms: int) -> bool:
        """Set times ahead of the clock to now; tell whether one was."""
        times = (self.created_ms, self.sealed_ms)
        self.created_ms, self.sealed_ms = (min(one, now_ms) for one in times)
        return times != (self.created_ms, self.sealed_ms)


@dataclass(slots=True)
class Lane:
    """What goes to one device, each stage in the order of its places."""

    waiting: deque[Outgoing] = field(default_factory=deque)
    ready: deque[Outgoing] = field(default_factory=deque)
    flying: dict[int, tuple[Outgoing, Channel]] = field(default_factory=dict)
    unconfirmed: dict[bytes, Outgoing] = field(default_factory=dict)

    def texts_wait(self, now_ms: int) -> bool:
        """Whether something waits for the device, but for what is kept until it is there again (ROOM-73)."""
        return bool(self.waiting) or any(one.is_young(now_ms) for one in self.unconfirmed.values())

    def confirm(self, content_id: bytes) -> Outgoing | None:
        """Take out a text that is confirmed; one that is on its way again is done when the relay has it."""
        item = self.unconfirmed.pop(content_id, None)
        if item is not None:
            return item
        for item in (*self.ready, *(item for item, _ in self.flying.values())):
            if item.content_id == content_id:
                item.shown = False
        again = next((one for one in self.waiting_again() if one.content_id == content_id), None)
        if again is not None:
            self.waiting.remove(again)
        return again

    def put_back(self, items: Iterable[Outgoing]) -> None:
        """Make items ready again that were given to a connection, each in its place."""
        self.ready = deque(sorted([*items, *self.ready], key=_place))

    def drop(self, item: Outgoing) -> bool:
        """Take an item out; False for one that a connection is being given this moment."""
        for stage in (self.waiting, self.ready):
            if item in stage:
                stage.remove(item)
                return True
        return self.unconfirmed.pop(item.content_id, None) is not None

    def waiting_again(self) -> Iterator[Outgoing]:
        """Return what waits to be sent another time; it goes before everything new."""
        return takewhile(lambda one: one.sendings > 0, self.waiting)

    def all(self) -> list[Outgoing]:
        """Return everything."""
        flying = (item for item, _ in self.flying.values())
        return [*self.unconfirmed.values(), *flying, *self.ready, *self.waiting]


class Outbox:
    """The lanes of all devices, by account and device id."""

    def __init__(self, rows: Iterator[tuple[bytes, bytes]]) -> None:
        """Take over the rows of the store."""
        self._lanes: dict[bytes, dict[bytes, Lane]] = {}
        self._given: dict[Channel, dict[int, Lane]] = {}  # lanes with something on a connection
        self._next_place = 1
        for item in sorted((Outgoing.decode(key, row) for key, row in rows), key=_place):
            self.add(item)
            self._next_place = item.place + 1

    def new_place(self) -> int:
        """Return the place of the next item."""
        self._next_place += 1
        return self._next_place - 1

    def new_text(
        self,
        account_id: AccountId,
        device_id: bytes,
        content_id: bytes,
        now_ms: int,
        *,
        lasts: bool = False,
        first: bool = False,
    ) -> Outgoing:
        """Return an item for a text of the history, or for what was posted; it is to be added, or sealed."""
        place = self.new_place()
        return Outgoing(place, account_id, device_id, content_id, True, now_ms, lasts=lasts, first=first)

    @property
    def is_handed_over(self) -> bool:
        """Whether the relays have all that was written; what is not confirmed yet is with them."""
        lanes = [lane for lanes in self._lanes.values() for lane in lanes.values()]
        return not any(lane.waiting or lane.ready or lane.flying for lane in lanes)

    def accounts(self) -> list[bytes]:
        """Return the accounts to which something is on its way."""
        return list(self._lanes)

    def lane(self, account_id: bytes, device_id: bytes) -> Lane:
        """Return the lane of a device."""
        return self._lanes.setdefault(account_id, {}).setdefault(device_id, Lane())

    def of(self, account_id: bytes) -> list[tuple[bytes, Lane]]:
        """Return the lanes of a contact, by device id."""
        return list(self._lanes.get(account_id, {}).items())

    def waits_for(self, account_id: bytes) -> list[bytes]:
        """Return the devices of a contact for which something waits unsealed."""
        lanes = self.of(account_id)
        return [account_id + one for one, lane in lanes if lane.waiting and one != NO_DEVICE]

    def drop_lane(self, account_id: bytes, device_id: bytes, but: Collection[bytes] = ()) -> Lane:
        """Take out the lane of a device that is gone; sealed contents of these ids still go."""
        lane = self._lanes.get(account_id, {}).pop(device_id, Lane())
        if but:
            kept = self.lane(account_id, device_id)
            kept.ready.extend(one for one in lane.ready if one.content_id in but)
            for item, channel in [one for one in lane.flying.values() if one[0].content_id in but]:
                self.give(kept, channel, (item,))
            lane.ready = deque(one for one in lane.ready if one.content_id not in but)
            lane.flying = {at: one for at, one in lane.flying.items() if at not in kept.flying}
        self._forget_given(lane)
        return lane

    def forget(self, account_id: bytes) -> None:
        """Take out all lanes of a contact."""
        for lane in self._lanes.pop(account_id, {}).values():
            self._forget_given(lane)

    def _forget_given(self, lane: Lane) -> None:
        """What was given to connections of a lane that is taken out is not made ready again."""
        for given in self._given.values():
            given.pop(id(lane), None)

    def add(self, item: Outgoing) -> None:
        """Put an item where its state belongs."""
        lane = self.lane(item.account_id, item.device_id)
        if item.envelope:
            lane.ready.append(item)
        elif item.sendings:
            lane.unconfirmed[item.content_id] = item
        else:
            lane.waiting.append(item)

    def give(self, lane: Lane, channel: Channel, items: Iterable[Outgoing]) -> None:
        """Note that items of a lane were given to a connection."""
        lane.flying.update((item.place, (item, channel)) for item in items)
        self._given.setdefault(channel, {})[id(lane)] = lane

    def note_answered(self, lane: Lane, channel: Channel) -> None:
        """Note that a connection has answered for items of a lane."""
        if not lane.flying:
            self._given.get(channel, {}).pop(id(lane), None)

    def take_back(self, channel: Channel) -> None:
        """A connection is gone: what was given to it is ready again, in its order."""
        for lane in self._given.pop(channel, {}).values():
            lost = [item for item, at in lane.flying.values() if at == channel]
            for item in lost:
                del lane.flying[item.place]
            lane.put_back(lost)


def _place(item: Outgoing) -> int:
    return item.place
