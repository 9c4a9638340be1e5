"""Open rooms whose members a steward's device cannot reach (ROOM-80)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2ee.errors import RemoteError
from e2ee.ids import DeviceId
from e2ee.rooms.entry import RoomId
from e2ee.rooms.state import DESK, Phase
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.turn import Turn

if TYPE_CHECKING:
    from e2ee_client.engine.context import Context

    from .rooms import Rooms


class Unattended:
    """What members answer is neither kept nor shown: only that for days none of them has."""

    def __init__(self, context: Context, rooms: Rooms) -> None:
        self._context, self._rooms = context, rooms

    def look(self, turn: Turn) -> None:
        """Ask each of these members whether it is there, once a day."""
        peers = {peer.key: peer for members in self._members(turn).values() for peer in members}
        for peer in peers.values():
            self._context.renewal.ask_daily(turn, peer)

    def now(self, turn: Turn) -> list[RoomId]:
        """Return the rooms that a person has to be told of."""
        is_out, found = self._context.renewal.is_out, self._members(turn)
        return [one for one, members in found.items() if all(is_out(peer, turn.now_ms) for peer in members)]

    def _members(self, turn: Turn) -> dict[RoomId, list[Peer]]:
        """Return who is assigned in each open room without us, or else its members; none without a peer."""
        around = self._rooms.around
        us, named = around.us, dict[RoomId, list[Peer]]()
        try:
            around.turn = turn
            ranks = around.team(us.account_id, turn.now_ms).ranks()
        except RemoteError:
            return {}
        if ranks.get(us.device_id, -1) < DESK:
            return {}
        for room_id, one in self._rooms.index.items():
            is_ours = one.company == us.account_id and one.customer is not None
            if is_ours and one.phase == Phase.OPEN and us.device_id not in one.members:
                devices = one.members if one.assigned is None else (one.assigned,)
                named[room_id] = [peer for peer in map(self._peer, devices) if peer is not None]
        return {room_id: members for room_id, members in named.items() if members}

    def _peer(self, device_id: DeviceId) -> Peer | None:
        contact = self._context.state.colleagues
        found = self._context.state.peers.get(contact.account_id + device_id)
        return found if found is not None and contact.names(found.record.hash) else None
