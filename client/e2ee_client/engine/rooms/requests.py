"""Requests of ours, repeated until a state or a refusal names them (ROOM-22)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.content import ContentType, OfRooms
from e2ee.errors import TooMany
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.desk import NOBODY_WAITS, repeat_due_ms
from e2ee.rooms.entry import ROOM_ID_B, Author, EntryHash, RoomId
from e2ee.rooms.payloads import REQUEST_ID_B
from e2ee.rooms.signals import Request, RequestKind, encode_signal
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import RequestAnswered

from .surroundings import REQUESTS, Surroundings

MAX_REQUESTS: Final = 64
EXPIRES_MS: Final = 7 * 86_400_000
KEPT_MS: Final = 30 * 86_400_000
UNANSWERED: Final = "room.unanswered"


@dataclass(slots=True)
class OwnRequest(Row):
    """A request of ours that nobody has answered; `to` are devices of the company, `times` how often it was
    sent: 0 once it has ended unanswered (ROOM-60).
    """

    TABLE: ClassVar[str] = "request"
    KEY: ClassVar = (("id", REQUEST_ID_B),)
    id: bytes
    room_id: RoomId
    company: AccountId
    request: Request
    to: tuple[DeviceId, ...]
    asked_ms: int
    times: int
    begun_ms: int

    @property
    def due_ms(self) -> int:
        """When it is sent again, or forgotten."""
        return repeat_due_ms(self.asked_ms, self.times) if self.times else self.begun_ms + KEPT_MS


@dataclass(slots=True)
class Giving(Row):
    """The transfer that was granted to us last, of each room: what was handed over by that, and who has the
    log entry (ROOM-57).
    """

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"giving"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    request: bytes
    taker: DeviceId
    log: EntryHash | None = None
    is_taken: bool = False
    is_seen: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it was handed over, or there was nothing to hand over."""
        return self.log is not None or self.is_taken


class Requests:
    """One for each engine: an agent also claims rooms that it does not have yet."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def all(self, turn: Turn) -> list[OwnRequest]:
        """Return all requests that wait, and those kept that have ended unanswered."""
        rows = turn.items(self._around.rows, OwnRequest.TABLE)
        return [OwnRequest.decode(key, row) for key, row in rows]

    def ask(
        self,
        turn: Turn,
        room_id: RoomId,
        to: Iterable[DeviceId],
        what: RequestKind,
        *,
        device_id: DeviceId | None = None,
        team: str | None = None,
        reason: str | None = None,
    ) -> bytes:
        """Ask the stewards of our company for something; returns the request's id.

        Raises:
            TooMany: 64 are not answered.
        """
        if sum(one.times > 0 for one in self.all(turn)) >= MAX_REQUESTS:
            raise TooMany("too many requests that nobody has answered")
        request = Request(self._around.rng(REQUEST_ID_B), what, device_id, team, reason)
        company = self._around.us.account_id
        own = OwnRequest(request.id, room_id, company, request, tuple(to), turn.now_ms, 0, turn.now_ms)
        self._send(turn, own)
        self._wake(turn)
        return request.id

    def _send(self, turn: Turn, own: OwnRequest) -> None:
        own.asked_ms, own.times = turn.now_ms, own.times + 1
        turn.put(own.put())
        payload = OfRooms(ContentType.SIGNAL, encode_signal(own.room_id, own.request))
        self._around.signal(turn, payload, [Author(own.company, one) for one in own.to])

    def named(self, turn: Turn, room_id: RoomId, request_id: bytes, code: str) -> None:
        """A state, or a refusal with its code, names a request."""
        if len(request_id) != REQUEST_ID_B:
            return
        for own in self.all(turn):
            if own.id == request_id and own.room_id == room_id:
                self.drop(turn, request_id)
                if not code:
                    self._granted(turn, own)
                self._around.tell(turn, RequestAnswered(room_id, request_id, code))

    def drop(self, turn: Turn, request_id: bytes) -> None:
        """Ask for something no more."""
        turn.delete(OwnRequest.TABLE, OwnRequest.key_of(request_id))

    def _granted(self, turn: Turn, own: OwnRequest) -> None:
        """Remember to whom we give a room, until we have left it (ROOM-57)."""
        taker = own.request.device_id
        if own.request.what is RequestKind.TRANSFER and taker is not None:
            turn.put(Giving(own.room_id, own.id, taker).put())
        elif own.request.what is RequestKind.LEAVE:
            turn.delete(Giving.TABLE, Giving.key_of(own.room_id))

    def no_longer(self, turn: Turn, room_id: RoomId) -> None:
        """Nobody waits in a room any more: our claims of it are refused (ROOM-23, ROOM-67)."""
        for own in self.all(turn):
            if own.room_id == room_id and own.request.what is RequestKind.ADD:
                self.named(turn, room_id, own.id, NOBODY_WAITS)

    def due(self, turn: Turn) -> list[OwnRequest]:
        """Return what is to be asked for again."""
        return [one for one in self.all(turn) if one.times and one.due_ms <= turn.now_ms]

    def of(self, turn: Turn, room_id: RoomId) -> list[OwnRequest]:
        """Return what waits in a room."""
        return [one for one in self.all(turn) if one.times and one.room_id == room_id]

    def end(self, turn: Turn, own: OwnRequest, code: str) -> None:
        """End what cannot be had any more; who is in no room has left it (ROOM-68)."""
        if own.request.what is RequestKind.LEAVE:
            self.named(turn, own.room_id, own.id, "")
        else:
            self._ended(turn, own, code)

    def tick(self, turn: Turn) -> None:
        """Repeat what is due; after seven days a request ends."""
        for own in self.all(turn):
            if own.times and turn.now_ms - own.begun_ms >= EXPIRES_MS:
                self._ended(turn, own, UNANSWERED)
            elif own.due_ms <= turn.now_ms and own.times:
                self._send(turn, own)
            elif own.due_ms <= turn.now_ms:
                self.drop(turn, own.id)
        self._wake(turn)

    def _ended(self, turn: Turn, own: OwnRequest, code: str) -> None:
        """Tell that it is asked for no more; a transfer to a colleague is kept, as it may be granted yet
        (ROOM-60).
        """
        self.named(turn, own.room_id, own.id, code)
        if own.request.what is not RequestKind.TRANSFER or own.request.device_id is None:
            return
        kept = sorted((one for one in self.all(turn) if not one.times), key=lambda one: one.begun_ms)
        for one in kept[: max(0, len(kept) - MAX_REQUESTS + 1)]:
            self.drop(turn, one.id)
        own.times = 0
        turn.put(own.put())

    def start(self, turn: Turn) -> None:
        """The engine goes online."""
        self._wake(turn)

    def _wake(self, turn: Turn) -> None:
        self._around.wake(turn, REQUESTS, min((one.due_ms for one in self.all(turn)), default=None))
