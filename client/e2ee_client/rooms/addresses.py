"""Addresses for notes without content in the store of a desk: each step is on disk before its mail leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self, TypeVar

from e2ee.rooms.entry import ROOM_ID_B, RoomId
from e2ee.rooms.gate import may_reach
from e2ee.rooms.payloads import Reach as ReachPayload
from e2ee.rooms.state import Phase
from e2ee_client.engine import Engine
from e2ee_client.engine.rooms.about import Abouts, payload_of
from e2ee_client.engine.rooms.erasures import is_erased_by_customer
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.runtime.shell import Shell

from .desk_rows import of_desk
from .errors import AddressNotKept
from .reach import AddressRow, MemoryBook, Order, Reach, RoomAddress

T = TypeVar("T")
_DIGEST_B: Final = 32


@dataclass(slots=True)
class StoredAddress(Row):
    """An `AddressRow`."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"address"
    KEY: ClassVar = (("digest", _DIGEST_B),)
    digest: bytes
    address: str | None = field(repr=False)
    told_ms: int | None
    asked: tuple[int, ...]
    rooms: tuple[RoomAddress, ...]

    @classmethod
    def of(cls, row: AddressRow) -> Self:
        """Return a row as it is stored."""
        return cls(row.digest, row.address, row.told_ms, row.asked, row.rooms)

    def row(self) -> AddressRow:
        """Return what is stored."""
        return AddressRow(self.digest, self.address, self.told_ms, self.asked, self.rooms)


@dataclass(slots=True)
class SharedAddress(Row):
    """A row of the layout before, whose one confirmation counted for all its rooms."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"reach"
    KEY: ClassVar = (("digest", _DIGEST_B),)
    digest: bytes
    address: str | None = field(repr=False)
    token: bytes = field(repr=False)
    asked_ms: int
    is_confirmed: bool
    told_ms: int | None
    rooms: tuple[bytes, ...]

    def row(self) -> AddressRow:
        """Return it as it counts now: of several rooms it is not known which one has confirmed (CNS-69)."""
        rooms = tuple(RoomAddress(one, b"", None) for one in self.rooms)
        if len(rooms) == 1:
            rooms = (RoomAddress(self.rooms[0], self.token, self.asked_ms, self.is_confirmed),)
        return AddressRow(self.digest, self.address, self.told_ms, (self.asked_ms,), rooms)


@dataclass(slots=True)
class TakenAddress(Row):
    """Which entry of a room was taken last, and whether its customer had erased it by then, or gave the
    address up by it.
    """

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"taken"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: bytes
    entry: bytes
    is_none: bool


class StoredBook(MemoryBook):
    """All rows in memory; changes go into the step that runs."""

    def __init__(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        super().__init__()
        self.turn: Turn | None = None
        self._before = set[bytes]()
        for key, row in rows:
            if key.startswith(StoredAddress.PREFIX):
                super().put(StoredAddress.decode(key, row).row())
            elif key.startswith(SharedAddress.PREFIX):
                super().put(SharedAddress.decode(key, row).row())
                self._before.add(key)

    def begin(self, turn: Turn) -> None:
        """Take the changes of a step; the first one stores rows of the layout before anew."""
        self.turn = turn
        for key in self._before:
            turn.delete(SharedAddress.TABLE, key)
            turn.put(StoredAddress.of(self._rows[key.removeprefix(SharedAddress.PREFIX)]).put())
        self._before.clear()

    def put(self, row: AddressRow) -> None:
        super().put(row)
        if self.turn is not None:
            self.turn.put(StoredAddress.of(row).put())

    def drop(self, digest: bytes) -> None:
        super().drop(digest)
        if self.turn is not None:
            self.turn.delete(StoredAddress.TABLE, StoredAddress.key_of(digest))


class Addresses:
    """`Reach` over the store of a desk."""

    def __init__(self, shell: Shell[Engine], page: str, rng: Callable[[int], bytes]) -> None:
        self._shell, self._page, self._rng = shell, page, rng
        self._reach: tuple[StoredBook, Reach] | None = None

    async def renew(self, room_id: bytes, *, asks: bool = True) -> Order | None:
        """Take what the customer's newest entry says now; return the mail that asks (CNS-77). Where it `asks`
        nothing an address is left for the next time, and what ends one is taken.

        Raises:
            AddressNotKept: no mail can go there, or as many are kept as may be (CNS-76).
        """
        order, is_done = await self._step(
            lambda reach, turn, rooms: _renew(reach, turn, rooms, RoomId(room_id), asks=asks)
        )
        if not is_done:
            raise AddressNotKept("an address that a customer has left is not kept")
        return order

    async def drop_expired(self) -> None:
        """Drop what no link confirms any more (CNS-69)."""
        await self._step(lambda reach, turn, _: reach.drop_expired(turn.now_ms))

    async def confirm(self, token: str) -> bytes | None:
        """Take the token of a link; return the room for which it confirms an address."""
        return await self._step(lambda reach, turn, _: reach.confirm(token, turn.now_ms))

    async def waiting(
        self, room_id: bytes, purposes: int, locale: str, *, is_open: bool, waits: bool = True
    ) -> Order | None:
        """Return the mail of a room that may be sent now: that something `waits`, or the one that asks."""

        def step(reach: Reach, turn: Turn, _: Rooms) -> Order | None:
            return reach.waiting(room_id, purposes, locale, turn.now_ms, is_open=is_open, waits=waits)

        return await self._step(step)

    async def may_tell_ms(self, room_id: bytes) -> int | None:
        """Return when the address of a room may be told again, or is looked at again."""
        return await self._step(lambda reach, turn, _: reach.may_tell_ms(room_id, turn.now_ms))

    async def unsent(self, room_id: bytes, order: Order) -> None:
        """The mail that was ordered for a room has not left."""
        await self._step(lambda reach, _turn, _rooms: reach.unsent(room_id, order))

    async def forget(self, room_id: bytes) -> None:
        """Take the address of a room away."""
        await self._step(lambda reach, turn, rooms: _forget(reach, turn, rooms, RoomId(room_id)))

    async def _step(self, do: Callable[[Reach, Turn, Rooms], T]) -> T:
        """Carry out a step; where it cannot be stored, memory is read anew from the store."""
        is_stored = False
        try:
            found = await of_desk(self._shell, lambda turn, rooms: self._within(turn, rooms, do))
            is_stored = True
        finally:
            if not is_stored:
                self._reach = None
        return found

    def _within(self, turn: Turn, rooms: Rooms, do: Callable[[Reach, Turn, Rooms], T]) -> T:
        if self._reach is None:
            book = StoredBook(rooms.around.rows.items(StoredAddress.TABLE))
            self._reach = book, Reach(book, self._page, self._rng)
        book, reach = self._reach
        book.begin(turn)
        try:
            return do(reach, turn, rooms)
        finally:
            book.turn = None


def _renew(
    reach: Reach, turn: Turn, rooms: Rooms, room_id: RoomId, *, asks: bool
) -> tuple[Order | None, bool]:
    """Return the mail that asks, and whether the address, if there is one, is kept."""
    live, log = rooms.stored(turn, room_id)
    receipt = live.consent.receipt
    newest = Abouts(rooms.around.rows, room_id, log).address(turn)
    is_over = rooms.index[room_id].phase in (Phase.WITHDRAWN, Phase.ERASED)
    if receipt is None or not may_reach(receipt) or is_over:
        _forget(reach, turn, rooms, room_id)
        return None, True
    if newest is None:
        return None, True
    payload, before = payload_of(newest), _taken(turn, rooms, room_id)
    is_known = before is not None and before.entry == newest.hash
    if payload is None and is_known and not is_erased_by_customer(turn, live, log, newest):
        _destroyed_by_timer(reach, rooms, room_id)
        return None, True
    address = payload.email if isinstance(payload, ReachPayload) else None
    taken = TakenAddress(room_id, newest.hash, address is None)
    if taken == before or (address is not None and not asks):
        return None, True
    turn.put(taken.put())
    order = reach.set(room_id, address, receipt.terms.locale, turn.now_ms)
    return order, address is None or reach.has(room_id)


def _destroyed_by_timer(reach: Reach, rooms: Rooms, room_id: RoomId) -> None:
    """An entry that was taken before stays in use while its room goes on (CNS-77)."""
    if rooms.index[room_id].phase not in (Phase.OPEN, Phase.FROZEN):
        reach.end(room_id)


def _forget(reach: Reach, turn: Turn, rooms: Rooms, room_id: RoomId) -> None:
    reach.forget(room_id)
    if _taken(turn, rooms, room_id) is not None:
        turn.delete(TakenAddress.TABLE, TakenAddress.key_of(room_id))


def _taken(turn: Turn, rooms: Rooms, room_id: RoomId) -> TakenAddress | None:
    key = TakenAddress.key_of(room_id)
    row = turn.read(rooms.around.rows, TakenAddress.TABLE, key)
    return None if row is None else TakenAddress.decode(key, row)
