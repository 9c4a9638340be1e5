"""What waits unsealed for a device that is no recipient any more is taken back (ROOM-36)."""

from __future__ import annotations

from functools import partial
from typing import Final

from e2ee.constants import HASH_B
from e2ee.content import ContentType, OfRooms
from e2ee.ids import DeviceId
from e2ee.rooms.entry import HEADER_MAX_B, Author, Header
from e2ee.rooms.forward import GROUND, decode_forward
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.room import company_recipients
from e2ee.rooms.state import Phase, Ranks
from e2ee.wire.fields import array, bstr
from e2ee_client.engine.turn import Turn

from .admission import room_of
from .entry_log import StoredEntry
from .room_part import RoomPart

_OF_ROOMS: Final = (ContentType.ENTRY, ContentType.FORWARD)


class TakingBack(RoomPart):
    """A device that is out of force gets nothing more of a room; one that was removed states and consent."""

    def look(self, turn: Turn) -> None:
        """Take back what the devices that a state or `open` has named are not to get any more."""
        states, live = self._room.states, self._live
        ranks = states.ranks(turn.now_ms)
        if not ranks:
            return
        served = company_recipients(states.room, Kind.TEXT, ranks)
        named = states.room.known() | self._given()
        for device_id in sorted(named - served - {self._around.us.device_id}):
            goes = partial(self._goes, device_id, ranks)
            for content_id in self._around.recall(turn, Author(live.company, device_id), goes):
                stored = self._room.log.by_content(turn, content_id)
                if stored is not None:
                    self._no_longer_for(turn, stored, device_id)
                else:
                    self._room.forwarding.not_given(device_id)

    def _given(self) -> frozenset[DeviceId]:
        """The devices of the company that were given states."""
        company = self._live.company
        return frozenset(DeviceId(one[HASH_B:]) for one in self._live.given if one.startswith(company))

    def _goes(self, device_id: DeviceId, ranks: Ranks, payload: OfRooms) -> bool:
        if payload.type not in _OF_ROOMS or room_of(payload) != self._live.room_id:
            return False
        if device_id not in ranks:
            return True
        room = self._room.states.room
        return any(
            kind not in GROUND and device_id not in company_recipients(room, kind, ranks)
            for kind in _kinds(payload)
        )

    def _no_longer_for(self, turn: Turn, stored: StoredEntry, device_id: DeviceId) -> None:
        """Note that a device does not get an entry; a customer's that is for nobody else waits anew."""
        live = self._live
        stored.waiting_for = tuple(one for one in stored.waiting_for if one != device_id)
        self._room.log.put(turn, stored)
        customers = self._room.states.customers()
        is_for_nobody = not stored.is_delivered and all(one in customers for one in stored.waiting_for)
        is_customer = self._around.side is Side.CUSTOMER and stored.hash not in live.unsent
        if is_customer and is_for_nobody and self._room.states.condition().phase is Phase.OPEN:
            live.unsent = (*live.unsent, stored.hash)


def _kinds(payload: OfRooms) -> list[int]:
    """The kinds of the entries of a content of ours."""
    if payload.type is ContentType.FORWARD:
        headers = [array(line, 5, 5)[2] for line in decode_forward(payload.payload)[1]]
    else:
        headers = [payload.payload[1]] if isinstance(payload.payload, dict) else []
    return [Header.decode(bstr(one, 1, HEADER_MAX_B)).kind for one in headers]
