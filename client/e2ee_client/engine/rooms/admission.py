"""The gate of a company's device: what it takes of customers, before anything is kept (CNS-13 to CNS-15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from e2ee.content import Content, ContentType, OfRooms, Text, Unsupported
from e2ee.errors import ConsentRequired, ContentError, DecodeError, TooMany
from e2ee.identity import DeviceRecord
from e2ee.rooms import gate
from e2ee.rooms.consent import Receipt, Withdrawal, opened
from e2ee.rooms.entry import ROOM_ID_B, Author, Entry, Header, RoomId, decode_entry
from e2ee.rooms.kinds import Side
from e2ee.rooms.payloads import Open, read_payload
from e2ee.rooms.room import LASTING, check_open
from e2ee.rooms.signed_payloads import Withdrawal as WithdrawalPayload
from e2ee.rooms.state import DESK, Phase
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn

if TYPE_CHECKING:
    from .rooms import Rooms

MAX_ROOMS_OF_ACCOUNT: Final = 64
"""Of rooms that are not erased (CNS-15)."""


@dataclass(slots=True)
class GateRow(Row):
    """This device is one of a company, and takes nothing of customers without their consent (CNS-29)."""

    TABLE = "team"
    PREFIX = b"gate"
    since_ms: int


class Admission:
    """Nothing here changes anything: a content that is refused leaves no contact, session, key or row."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def is_gated(self) -> bool:
        """Whether this is a company's device: it joined or founded one, or knows a mandate of its account."""
        around = self._rooms.around
        if around.side is Side.CUSTOMER:
            return False
        return around.rows.get(GateRow.TABLE, GateRow.PREFIX) is not None or self._rooms.is_of_company(
            around.us.account_id
        )

    def check(self, turn: Turn, record: DeviceRecord, content: Content) -> None:
        """Refuse what a device of another account may not send.

        Raises:
            RemoteError.
        """
        if not self.is_gated():
            return
        payload, by = content.payload, Author(record.account_id, record.device_id)
        match payload:
            case OfRooms(ContentType.ENTRY):
                self._entry(turn, record, by, content, room_of(payload))
            case OfRooms(ContentType.SIGNAL | ContentType.FORWARD):
                self._check_known(by, room_of(payload))
            case OfRooms(kind):
                self._check_upkeep(by, kind)
            case Text():
                self._check_upkeep(by, ContentType.TEXT)
            case Unsupported(kind):
                self._check_upkeep(by, kind)
            case _:
                self._check_upkeep(by, ContentType.NOTHING)

    def _check_upkeep(self, by: Author, kind: int) -> None:
        gate.check_upkeep(kind, has_consent=self._rooms.has_consent(by.account_id))

    def _check_known(self, by: Author, room_id: RoomId) -> None:
        index = self._rooms.index.get(room_id)
        if index is None or index.customer != by.account_id or not index.is_consented:
            raise ConsentRequired("no consent is known for this room")

    def _entry(self, turn: Turn, record: DeviceRecord, by: Author, content: Content, room_id: RoomId) -> None:
        if room_id in self._rooms.index:
            self._check_known(by, room_id)
            return
        entry = decode_entry(content, by, None)
        match read_payload(entry):
            case Open() as payload:
                self._open(turn, record, by, entry, payload)
            case WithdrawalPayload(signed=signed):
                self._withdrawal(turn, record, by, Withdrawal.verify(record.sign_public, signed, room_id))
            case _:
                raise ConsentRequired("no consent is known for this room")

    def _open(self, turn: Turn, record: DeviceRecord, by: Author, entry: Entry, payload: Open) -> None:
        """An `open` is taken by a desk in force, with a receipt that counts (CNS-07, CNS-10, CNS-15)."""
        around, room_id = self._rooms.around, entry.header.room_id
        kept = self._rooms.index.of(by.account_id)
        if sum(one.phase != Phase.ERASED for one in kept) >= MAX_ROOMS_OF_ACCOUNT:
            raise TooMany("too many rooms of one account")
        company = around.us.account_id
        check_open(room_id, company, by.account_id, payload)
        receipt = Receipt.verify(record.sign_public, payload.receipt)
        known = self._rooms.tombstones.of(turn, by.account_id, room_id)
        notice = around.notice(company, receipt.terms.notice_hash)
        rank = around.team(company, turn.now_ms).ranks().get(around.us.device_id, -1)
        opened(known, receipt, room_id, notice, is_desk=rank >= DESK)

    def _withdrawal(self, turn: Turn, record: DeviceRecord, by: Author, withdrawal: Withdrawal) -> None:
        """A withdrawal of a room that is not known is kept, if there is a place for it (CNS-10)."""
        self._rooms.tombstones.check(turn, by.account_id, withdrawal)


def does_last(payload: OfRooms) -> bool:
    """Whether a content of ours is kept for a device until that has confirmed it (ROOM-73)."""
    value = payload.payload
    header = value.get(1) if payload.type is ContentType.ENTRY and isinstance(value, dict) else None
    return isinstance(header, bytes) and Header.decode(header).kind in LASTING


def room_of(payload: OfRooms) -> RoomId:
    """Return the room that a content of types 8 to 10 is of.

    Raises:
        ContentError: it names none.
    """
    value = payload.payload
    found = value.get(1) if isinstance(value, dict) else None
    if not isinstance(found, bytes):
        raise ContentError("a content of no room")
    if payload.type is ContentType.ENTRY:
        try:
            return Header.decode(found).room_id
        except DecodeError:
            raise ContentError("not the header of an entry") from None
    if len(found) != ROOM_ID_B:
        raise ContentError("a content of no room")
    return RoomId(found)
