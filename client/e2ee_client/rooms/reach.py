"""Who may be told by mail that something waits, and how often (CNS-11, CNS-40, CNS-69, CNS-73).

An address is confirmed by each room that enters it, for itself alone, and told at most once a day over all
rooms. A room that gives it up, or whose consent is withdrawn, takes it away; then a digest stays for 30 days,
so that nobody is asked more often than CNS-40 says, not even by who enters a stranger's address and gives it
up again and again. What a bound keeps from being asked is asked later (CNS-73).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from e2ee.grammar import is_web_url
from e2ee.ports import Rng
from e2ee.rooms.notice import REACH
from e2ee_client.errors import ConfigError

from .mail import MailKind, is_mailable

DAY_MS: Final = 86_400_000
ASKED_MS: Final = 30 * DAY_MS
LINK_MS: Final = 7 * DAY_MS
TO_ASK_MS: Final = 60 * DAY_MS
MAX_ROOMS: Final = 64
MAX_TO_ASK: Final = 16
"""Rooms of an address in which it is to be asked; `ALL_TO_ASK` those of all addresses (CNS-73)."""
ALL_TO_ASK: Final = 1_000
MAX_ADDRESSES: Final = 10_000
MAX_ASKED: Final = 3
"""How often one address is asked within `ASKED_MS`, by all rooms together."""
ASKED_A_DAY: Final = 200
ASKED_BY_ROOM: Final = 3
"""Of these, how many for one room (CNS-91)."""
TOKEN_B: Final = 16


class Order(NamedTuple):
    """A mail that is to be sent now; of one that asks, since when its address waits for that."""

    address: str
    kind: MailKind
    locale: str
    link: str
    since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RoomAddress:
    """An address as one room has it. With a token it was asked at `asked_ms`; without one it has waited
    since then to be asked, without an end where that is None, or has ended there after it was confirmed.
    """

    room: bytes
    token: bytes = field(repr=False)
    asked_ms: int | None
    is_confirmed: bool = False

    @property
    def is_ended(self) -> bool:
        """Whether the room tells nobody by it, and may still give it up for all rooms (CNS-69)."""
        return self.is_confirmed and not self.token

    @property
    def is_to_ask(self) -> bool:
        """Whether it waits to be asked (CNS-73)."""
        return not self.is_confirmed and not self.token

    def is_kept(self, now_ms: int) -> bool:
        """Whether it counts still: confirmed, or its link good, or not to be asked for too long."""
        lasts_ms = LINK_MS if self.token else TO_ASK_MS
        return self.is_confirmed or self.asked_ms is None or abs(now_ms - self.asked_ms) <= lasts_ms


@dataclass(frozen=True, slots=True)
class AddressRow:
    """What is kept of an address; `address` is None when no room has it any more.

    `asked` is when it was asked within the last 30 days.
    """

    digest: bytes
    address: str | None = field(repr=False)
    told_ms: int | None = None
    asked: tuple[int, ...] = ()
    rooms: tuple[RoomAddress, ...] = ()

    def of(self, room: bytes) -> RoomAddress | None:
        """Return what a room has."""
        return next((one for one in self.rooms if one.room == room), None)

    def with_room(self, changed: RoomAddress) -> AddressRow:
        """Return the row with a room in the place of what it had."""
        return replace(self, rooms=(*(one for one in self.rooms if one.room != changed.room), changed))

    def with_rooms(self, rooms: tuple[RoomAddress, ...]) -> AddressRow:
        """Return the row with these rooms alone; without any that uses the address it goes."""
        if all(one.is_ended for one in rooms):
            return replace(self, rooms=(), address=None)
        return self if rooms == self.rooms else replace(self, rooms=rooms)


class AddressBook(Protocol):
    """Where rows are kept; each call is on disk when it returns."""

    def rows(self) -> Collection[AddressRow]:
        """Return all rows."""
        ...

    def row(self, digest: bytes) -> AddressRow | None:
        """Return the row of an address."""
        ...

    def put(self, row: AddressRow) -> None:
        """Keep a row in the place of the one with its digest."""
        ...

    def drop(self, digest: bytes) -> None:
        """Drop a row."""
        ...


class MemoryBook:
    """A book in memory, for tests and for desks whose own store keeps the rows elsewhere."""

    def __init__(self) -> None:
        self._rows: dict[bytes, AddressRow] = {}

    def rows(self) -> Collection[AddressRow]:
        """Return all rows."""
        return tuple(self._rows.values())

    def row(self, digest: bytes) -> AddressRow | None:
        """Return the row of an address."""
        return self._rows.get(digest)

    def put(self, row: AddressRow) -> None:
        """Keep a row in the place of the one with its digest."""
        self._rows[row.digest] = row

    def drop(self, digest: bytes) -> None:
        """Drop a row."""
        del self._rows[digest]


class Reach:
    """Decides which mails are sent. Each step is in the book before its mail is ordered.

    `page` is the page of the company where people read and confirm; the link to confirm adds `#confirm=` and
    a token to it, and the page hands the token to `confirm`.
    """

    def __init__(self, book: AddressBook, page: str, rng: Rng) -> None:
        if not is_web_url(page) or "#" in page or len(page) > 200:
            raise ConfigError("the page is an https address without a fragment, of at most 200 characters")
        self._book, self._page, self._rng = book, page, rng
        self._tried: tuple[int, ...] = ()
        self._by_room: dict[bytes, tuple[int, ...]] = {}

    def set(self, room: bytes, address: str | None, locale: str, now_ms: int) -> Order | None:
        """Take an entry `reach` of a room: an address, or None to give it up. Return the mail that asks."""
        if address is None:
            self._give_up(room)
            return None
        digest = _digest(address)
        before = self._of_room(room)
        known = None if before is None else before.of(room)
        if before is not None and known is not None and (before.digest != digest or known.is_ended):
            self.forget(room)
        self.drop_expired(now_ms)
        row = self._book.row(digest) or AddressRow(digest, address)
        asked = row.of(room)
        if not is_mailable(address) or (asked is not None and asked.token):
            return None
        if asked is None and sum(not one.is_ended for one in row.rooms) >= MAX_ROOMS:
            return None
        row = replace(row, address=row.address or address)
        order = self._ask(row, room, locale, now_ms)
        if order is None and asked is None:
            self._ask_later(row, room, now_ms)
        return order

    def confirm(self, text: str, now_ms: int) -> bytes | None:
        """Take the token of a link; return the room for which it confirms an address (CNS-69). A link is good
        for seven days.
        """
        try:
            token = base64.b64decode(f"{text}==", altchars=b"-_", validate=True)
        except ValueError:
            return None
        found = self._of_token(token) if len(token) == TOKEN_B else None
        if found is None or not _is_good(found[1], now_ms):
            return None
        row, asked = found
        self._book.put(row.with_room(replace(asked, is_confirmed=True)))
        return asked.room

    def waiting(
        self, room: bytes, purposes: int, locale: str, now_ms: int, *, is_open: bool, waits: bool = True
    ) -> Order | None:
        """Return the mail of a room that may be sent now: that something `waits`, or the one that asks.

        `purposes` are those of the receipt that counts (bit n - 1), `is_open` its phase.
        """
        row = self._of_room(room)
        asked = row.of(room) if row is not None else None
        if row is None or row.address is None or asked is None or not is_open or not asked.is_kept(now_ms):
            return None
        if asked.is_ended or not purposes >> (REACH - 1) & 1:
            return None
        if asked.is_to_ask:
            return self._ask(row, room, locale, now_ms)
        is_told = row.told_ms is not None and abs(now_ms - row.told_ms) < DAY_MS
        if not waits or not asked.is_confirmed or is_told:
            return None
        self._book.put(replace(row, told_ms=now_ms))
        return Order(row.address, MailKind.WAITING, locale, self._page)

    def may_tell_ms(self, room: bytes, now_ms: int) -> int | None:
        """Return when the address of a room may be told again, or is looked at again where it has not
        confirmed (CNS-78); None where it is not to be told.
        """
        row = self._of_room(room)
        asked = row.of(room) if row is not None else None
        if row is None or asked is None or asked.is_ended:
            return None
        since_ms = row.told_ms if asked.is_confirmed else now_ms
        return None if since_ms is None else since_ms + DAY_MS

    def unsent(self, room: bytes, order: Order) -> None:
        """Note that the mail of a room has not left: it may be sent again, and one that asks counts for the
        bound of a day alone (CNS-78). What is to be asked still waits since before (CNS-73).
        """
        row = self._of_room(room)
        asked = row.of(room) if row is not None else None
        if row is None or asked is None:
            return
        if order.kind is MailKind.WAITING:
            self._book.put(replace(row, told_ms=None))
        elif not asked.is_confirmed:
            self._tried = (*self._tried, *(at_ms for at_ms in row.asked if at_ms == asked.asked_ms))
            left = tuple(at_ms for at_ms in row.asked if at_ms != asked.asked_ms)
            times = self._by_room.get(room, ())
            self._by_room[room] = tuple(at_ms for at_ms in times if at_ms != asked.asked_ms)
            self._book.put(replace(row, asked=left).with_room(RoomAddress(room, b"", order.since_ms)))

    def forget(self, room: bytes) -> None:
        """Take the address of a room away: it has another one, or the consent was withdrawn."""
        row = self._of_room(room)
        if row is not None:
            self._book.put(row.with_rooms(tuple(one for one in row.rooms if one.room != room)))

    def end(self, room: bytes) -> None:
        """End an address in one room; while others use it, it is known that this one has confirmed it, of the
        newest that have (CNS-76).
        """
        row = self._of_room(room)
        known = None if row is None else row.of(room)
        if row is None or known is None or not known.is_confirmed:
            self.forget(room)
            return
        rooms = row.with_room(RoomAddress(room, b"", None, is_confirmed=True)).rooms
        ended = [one for one in rooms if one.is_ended]
        self._book.put(row.with_rooms(tuple(one for one in rooms if one not in ended[:-MAX_ROOMS])))

    def has(self, room: bytes) -> bool:
        """Whether an address of a room is kept (CNS-76)."""
        return self._of_room(room) is not None

    def drop_expired(self, now_ms: int) -> None:
        """Drop what no link confirms any more, and rows that count for no bound."""
        for row in self._book.rows():
            kept = row.with_rooms(tuple(one for one in row.rooms if one.is_kept(now_ms)))
            if kept.address is None and all(abs(now_ms - at_ms) >= ASKED_MS for at_ms in row.asked):
                self._book.drop(row.digest)
            elif kept != row:
                self._book.put(kept)

    def _give_up(self, room: bytes) -> None:
        """A room gives its address up: of one that it has confirmed, for all rooms (CNS-69)."""
        row = self._of_room(room)
        asked = row.of(room) if row is not None else None
        if row is not None and asked is not None and asked.is_confirmed:
            self._book.put(row.with_rooms(()))
        else:
            self.forget(room)

    def _ask_later(self, row: AddressRow, room: bytes, now_ms: int) -> None:
        """Keep an address that a bound keeps from being asked now (CNS-73)."""
        rows = self._book.rows()
        to_ask = sum(one.is_to_ask for known in rows for one in known.rooms)
        is_full = len(rows) >= MAX_ADDRESSES and self._book.row(row.digest) is None
        if sum(one.is_to_ask for one in row.rooms) < MAX_TO_ASK and to_ask < ALL_TO_ASK and not is_full:
            self._book.put(row.with_room(RoomAddress(room, b"", now_ms)))

    def _ask(self, row: AddressRow, room: bytes, locale: str, now_ms: int) -> Order | None:
        """Have a room's link sent, within the bounds of CNS-40."""
        asked = tuple(at_ms for at_ms in row.asked if abs(now_ms - at_ms) < ASKED_MS)
        rows = self._book.rows()
        self._tried = tuple(at_ms for at_ms in self._tried if abs(now_ms - at_ms) < DAY_MS)
        today = len(self._tried) + sum(abs(now_ms - at_ms) < DAY_MS for one in rows for at_ms in one.asked)
        is_full = len(rows) >= MAX_ADDRESSES and self._book.row(row.digest) is None
        of_room = self._asked_for(room, now_ms)
        if row.address is None or len(asked) >= MAX_ASKED or today >= ASKED_A_DAY or is_full:
            return None
        if len(of_room) >= ASKED_BY_ROOM:
            return None
        recent = {one: times for one in self._by_room if (times := self._asked_for(one, now_ms))}
        self._by_room = recent | {room: (*of_room, now_ms)}
        before, made = row.of(room), RoomAddress(room, self._rng(TOKEN_B), now_ms)
        since_ms = now_ms if before is None or before.asked_ms is None else before.asked_ms
        self._book.put(replace(row, asked=(*asked, now_ms)).with_room(made))
        link = f"{self._page}#confirm={_encoded(made.token)}"
        return Order(row.address, MailKind.CONFIRM, locale, link, since_ms)

    def _asked_for(self, room: bytes, now_ms: int) -> tuple[int, ...]:
        """Return when mails of the last 24 hours have asked for a room (CNS-91)."""
        return tuple(at_ms for at_ms in self._by_room.get(room, ()) if abs(now_ms - at_ms) < DAY_MS)

    def _of_room(self, room: bytes) -> AddressRow | None:
        return next((row for row in self._book.rows() if row.of(room) is not None), None)

    def _of_token(self, token: bytes) -> tuple[AddressRow, RoomAddress] | None:
        """Return what a link is of; a token is random, and found by its digest."""
        wanted = hashlib.sha256(token).digest()
        found = ((row, one) for row in self._book.rows() for one in row.rooms)
        return next((pair for pair in found if hashlib.sha256(pair[1].token).digest() == wanted), None)


def _is_good(asked: RoomAddress, now_ms: int) -> bool:
    return asked.asked_ms is not None and 0 <= now_ms - asked.asked_ms <= LINK_MS


def _digest(address: str) -> bytes:
    """Return what an address is known by, whatever its case."""
    return hashlib.sha256(address.lower().encode()).digest()


def _encoded(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).decode("ascii").rstrip("=")
