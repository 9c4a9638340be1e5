"""Who may be told by mail that something waits, and how often (CNS-11, CNS-40).

An address is asked once to confirm, and told at most once a day, over all rooms. A room that gives it up, or
whose consent is withdrawn, takes it away. Then a digest stays for 30 days, so that nobody is asked again
sooner, not even by who enters a stranger's address and gives it up again and again.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from e2ee.grammar import is_web_url
from e2ee.ports import Rng
from e2ee.rooms.notice import REACH
from e2ee_client.errors import ConfigError

from .mail import MailKind, is_mailable

DAY_MS: Final = 86_400_000
ASKED_AGAIN_MS: Final = 30 * DAY_MS
LINK_MS: Final = 7 * DAY_MS
MAX_ROOMS: Final = 64
MAX_ADDRESSES: Final = 10_000
ASKED_A_DAY: Final = 200
TOKEN_B: Final = 16


class Order(NamedTuple):
    """A mail that is to be sent now."""

    address: str
    kind: MailKind
    locale: str
    link: str


@dataclass(frozen=True, slots=True)
class AddressRow:
    """What is kept of an address; `address` is None when no room has it any more."""

    digest: bytes
    address: str | None = field(repr=False)
    token: bytes = field(repr=False)
    asked_ms: int
    is_confirmed: bool = False
    told_ms: int | None = None
    rooms: frozenset[bytes] = frozenset()


class AddressBook(Protocol):
    """Where rows are kept; each call is on disk when it returns."""

    def row(self, digest: bytes) -> AddressRow | None:
        """Return the row of an address."""
        ...

    def of_room(self, room: bytes) -> AddressRow | None:
        """Return the row of the address that a room has."""
        ...

    def of_token(self, token: bytes) -> AddressRow | None:
        """Return the row whose link has this token."""
        ...

    def put(self, row: AddressRow) -> None:
        """Keep a row in the place of the one with its digest."""
        ...

    def asked_within(self, span_ms: int, now_ms: int) -> int:
        """Return how many addresses were asked to confirm within a span of time."""
        ...

    def drop_before(self, asked_ms: int) -> int:
        """Drop rows without an address that were asked before a time; return how many rows are left."""
        ...


class MemoryBook:
    """A book in memory, for tests and for desks whose own store keeps the rows elsewhere."""

    def __init__(self) -> None:
        self._rows: dict[bytes, AddressRow] = {}

    def row(self, digest: bytes) -> AddressRow | None:
        """Return the row of an address."""
        return self._rows.get(digest)

    def of_room(self, room: bytes) -> AddressRow | None:
        """Return the row of the address that a room has."""
        return next((row for row in self._rows.values() if room in row.rooms), None)

    def of_token(self, token: bytes) -> AddressRow | None:
        """Return the row whose link has this token; a token is random, and found by its digest."""
        wanted = hashlib.sha256(token).digest()
        return next(
            (one for one in self._rows.values() if hashlib.sha256(one.token).digest() == wanted), None
        )

    def put(self, row: AddressRow) -> None:
        """Keep a row in the place of the one with its digest."""
        self._rows[row.digest] = row

    def asked_within(self, span_ms: int, now_ms: int) -> int:
        """Return how many addresses were asked to confirm within a span of time."""
        return sum(abs(now_ms - one.asked_ms) < span_ms for one in self._rows.values())

    def drop_before(self, asked_ms: int) -> int:
        """Drop rows without an address that were asked before a time; return how many rows are left."""
        self._rows = {
            digest: row
            for digest, row in self._rows.items()
            if row.address is not None or row.asked_ms >= asked_ms
        }
        return len(self._rows)


class Reach:
    """Decides which mails are sent. Each step is in the book before its mail is ordered.

    `page` is the page of the company where people read and confirm; the link to confirm adds `#confirm=` and
    a token to it, and the page hands the token to `confirm`.
    """

    def __init__(self, book: AddressBook, page: str, rng: Rng) -> None:
        if not is_web_url(page) or "#" in page or len(page) > 200:
            raise ConfigError("the page is an https address without a fragment, of at most 200 characters")
        self._book, self._page, self._rng = book, page, rng

    def set(self, room: bytes, address: str | None, locale: str, now_ms: int) -> Order | None:
        """Take an entry `reach` of a room: an address, or None to give it up. Return the mail that asks."""
        if address is None:
            self.forget(room)
            return None
        digest = _digest(address)
        before = self._book.of_room(room)
        if before is not None and before.digest != digest:
            self.forget(room)
        row = self._book.row(digest)
        if row is not None and (len(row.rooms) >= MAX_ROOMS and room not in row.rooms):
            return None
        if row is not None and row.address is not None:
            self._book.put(replace(row, rooms=row.rooms | {room}))
            return None
        if not self._may_ask(row, now_ms) or not is_mailable(address):
            return None
        made = AddressRow(digest, address, self._rng(TOKEN_B), now_ms, rooms=frozenset({room}))
        self._book.put(made if row is None else replace(made, told_ms=row.told_ms))
        return Order(address, MailKind.CONFIRM, locale, f"{self._page}#confirm={_encoded(made.token)}")

    def confirm(self, text: str, now_ms: int) -> bool:
        """Take the token of a link; whether it confirms an address. A link is good for seven days."""
        try:
            token = base64.b64decode(f"{text}==", altchars=b"-_", validate=True)
        except ValueError:
            return False
        row = self._book.of_token(token) if len(token) == TOKEN_B else None
        if row is None or row.address is None or not 0 <= now_ms - row.asked_ms <= LINK_MS:
            return False
        self._book.put(replace(row, is_confirmed=True))
        return True

    def waiting(self, room: bytes, purposes: int, locale: str, now_ms: int, *, is_open: bool) -> Order | None:
        """Something waits in a room: return the mail, if its address may be told now.

        `purposes` are those of the receipt that counts (bit n - 1), `is_open` its phase.
        """
        row = self._book.of_room(room)
        if row is None or row.address is None or not row.is_confirmed or not is_open:
            return None
        if not purposes >> (REACH - 1) & 1 or (
            row.told_ms is not None and abs(now_ms - row.told_ms) < DAY_MS
        ):
            return None
        self._book.put(replace(row, told_ms=now_ms))
        return Order(row.address, MailKind.WAITING, locale, self._page)

    def forget(self, room: bytes) -> None:
        """Take the address of a room away: it was given up, or the consent withdrawn."""
        row = self._book.of_room(room)
        if row is None:
            return
        rooms = row.rooms - {room}
        if rooms:
            self._book.put(replace(row, rooms=rooms))
        else:
            self._book.put(replace(row, rooms=rooms, address=None, is_confirmed=False))

    def _may_ask(self, row: AddressRow | None, now_ms: int) -> bool:
        """Whether an address may be asked: not again within 30 days, and not too many strangers a day."""
        if row is not None and abs(now_ms - row.asked_ms) < ASKED_AGAIN_MS:
            return False
        kept = self._book.drop_before(now_ms - ASKED_AGAIN_MS)
        return self._book.asked_within(DAY_MS, now_ms) < ASKED_A_DAY and kept < MAX_ADDRESSES


def _digest(address: str) -> bytes:
    """Return what an address is known by, whatever its case."""
    return hashlib.sha256(address.lower().encode()).digest()


def _encoded(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).decode("ascii").rstrip("=")
