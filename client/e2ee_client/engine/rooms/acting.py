"""What a person of the company does: a steward changes a room, all others ask one (ROOM-22, ROOM-23)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from e2ee.errors import NoRight, NotMember, RemoteError
from e2ee.ids import DeviceId
from e2ee.rooms.desk import NOBODY_WAITS
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import DESK, Phase
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RequestRefused

from .room_part import RoomsPart
from .stewarding import Change

if TYPE_CHECKING:
    from .room_engine import RoomEngine


class Acting(RoomsPart):
    """Returns the id of a request where a steward decides; None where it is done."""

    # --- who answers ---

    def claim(self, turn: Turn, room_id: RoomId) -> bytes | None:
        """Take a room: this device is added and assigned (ROOM-23).

        Raises:
            NoRight: somebody else is assigned. RequestRefused: nobody waits there (ROOM-68).
        """
        us = self._rooms.around.us.device_id
        room = self._rooms.index.get(room_id)
        if room is not None and room.assigned not in (None, us):
            raise NoRight("somebody else is assigned")
        return self._change_or_ask(turn, room_id, Change(add=(us,), assign=us), RequestKind.ADD, us)

    def assign(self, turn: Turn, room_id: RoomId, device_id: DeviceId) -> bytes | None:
        """Hand a room to a colleague; this device leaves it, an agent once it has handed over (ROOM-59).

        Raises:
            NoRight: not a member, or the colleague is not in force.
        """
        us = self._rooms.around.us.device_id
        remove = () if device_id == us else (us,)
        change = Change(add=(device_id,), assign=device_id, remove=remove)
        return self._change_or_ask(turn, room_id, change, RequestKind.TRANSFER, device_id)

    def to_team(self, turn: Turn, room_id: RoomId, team: str, reason: str | None) -> bytes | None:
        """Let a room wait for a team (ROOM-23)."""
        if not self._is_steward(turn):
            return self._ask(turn, room_id, RequestKind.TRANSFER, None, team, reason)
        us = self._rooms.around.us.device_id
        self._rooms.do(turn, room_id, lambda room: room.stewarding.hand_on(turn, team, us))
        return None

    def wait_for(self, turn: Turn, room_id: RoomId, team: str) -> None:
        """Tell a team that the customer of a room waits; who is in the room stays (ROOM-23).

        Raises:
            NoRight: we are no steward, or somebody is assigned (ROOM-69).
        """

        def step(room: RoomEngine) -> None:
            if room.states.state is not None and room.states.state.assigned is not None:
                raise NoRight("nobody waits for a team where somebody is assigned")
            room.stewarding.wait_for(turn, team, room.consent.language)

        self._rooms.do(turn, room_id, step)

    def add(self, turn: Turn, room_id: RoomId, device_id: DeviceId) -> bytes | None:
        """Let a colleague read and write."""
        return self._change_or_ask(turn, room_id, Change(add=(device_id,)), RequestKind.ADD, device_id)

    def hand_over(
        self, turn: Turn, room_id: RoomId, to: DeviceId, count: int, reason: str | None = None
    ) -> int:
        """Hand the newest entries over to a colleague in a room; returns how many (TRN-18, TRN-34).

        Raises:
            NoRight: as `Forwarding.hand_over`, and what the phase of the room raises.
        """
        return self._rooms.do(
            turn,
            room_id,
            lambda room: room.hand_over(turn, to, room.forwarding.newest(turn, count), reason),
        )

    def leave(self, turn: Turn, room_id: RoomId) -> bytes | None:
        """Leave a room.

        Raises:
            NotMember: this device is not in it (ROOM-68).
        """
        us = self._rooms.around.us.device_id
        return self._change_or_ask(turn, room_id, Change(remove=(us,)), RequestKind.LEAVE, None)

    # --- what holds ---

    def close(self, turn: Turn, room_id: RoomId, reason: str | None) -> bytes | None:
        """Close a room."""
        change = Change(phase=Phase.CLOSED, text=reason)
        return self._change_or_ask(turn, room_id, change, RequestKind.CLOSE, None, reason)

    def reopen(self, turn: Turn, room_id: RoomId) -> bytes | None:
        """Open a closed room again."""
        return self._change_or_ask(turn, room_id, Change(phase=Phase.OPEN), RequestKind.REOPEN, None)

    def change(self, turn: Turn, room_id: RoomId, change: Change) -> EntryHash:
        """Write a state: what only a steward may (ROOM-08).

        Raises:
            NoRight.
        """
        return self._rooms.do(turn, room_id, lambda room: room.stewarding.change(turn, change))

    def decide(self, turn: Turn, room_id: RoomId, request_id: bytes, *, grant: bool) -> None:
        """Decide what a colleague has asked for (ROOM-22).

        Raises:
            NoRight: nothing of this id waits, or it is not ours to grant.
        """
        self._rooms.do(turn, room_id, lambda room: room.deciding.decide(turn, request_id, grant=grant))

    def decide_freeze(self, turn: Turn, room_id: RoomId, text: str, *, closes: bool) -> EntryHash:
        """Decide a customer's objection, as a supervisor (ROOM-14, ROOM-37).

        Raises:
            NoRight: as `Freezing.decide`.
        """
        return self._rooms.do(turn, room_id, lambda room: room.freezing.decide(turn, text, closes=closes))

    def decide_identify(self, turn: Turn, room_id: RoomId, entry_hash: EntryHash, *, grant: bool) -> None:
        """Decide a login that waits, as a steward (CNS-16, CNS-42).

        Raises:
            NoRight: as `Identifying.decide`.
        """
        self._rooms.do(turn, room_id, lambda room: room.identifying.decide(turn, entry_hash, grant=grant))

    # --- notes ---

    def note(self, turn: Turn, room_id: RoomId, text: str) -> EntryHash:
        """Write a note that the customer never gets (ROOM-02).

        Raises:
            NoRight: there is no room of notes yet, and we are no steward.
        """
        return self._rooms.noting.note(turn, room_id, text, begins=self._is_steward(turn))

    # --- inside ---

    def _change_or_ask(
        self,
        turn: Turn,
        room_id: RoomId,
        change: Change,
        what: RequestKind,
        device_id: DeviceId | None,
        reason: str | None = None,
    ) -> bytes | None:
        if self._is_steward(turn) and room_id in self._rooms.index:
            self._rooms.do(turn, room_id, lambda room: room.stewarding.change(turn, change))
            return None
        return self._ask(turn, room_id, what, device_id, None, reason)

    def _ask(
        self,
        turn: Turn,
        room_id: RoomId,
        what: RequestKind,
        device_id: DeviceId | None,
        team: str | None,
        reason: str | None,
    ) -> bytes:
        self._rooms.check_active()
        self._rooms.around.turn = turn
        ranks = self._ranks(turn)
        stewards = [one for one, rank in ranks.items() if rank >= DESK]
        if not stewards:
            raise NoRight("no desk is in force that could grant this")
        code = self._refusal(room_id, what, device_id, ranks)
        if code == NotMember.code:
            raise NotMember("this device is not in the room")
        if code:
            raise RequestRefused(code)
        return self._rooms.requests.ask(
            turn, room_id, sorted(stewards), what, device_id=device_id, team=team, reason=reason
        )

    def _refusal(
        self, room_id: RoomId, what: RequestKind, device_id: DeviceId | None, ranks: Mapping[DeviceId, int]
    ) -> str:
        """Return why nobody is asked for something; "" where it may be asked for (ROOM-68)."""
        us, room = self._rooms.around.us.device_id, self._rooms.index.get(room_id)
        if room is not None and us in room.members:
            return ""
        if what is not RequestKind.ADD or device_id != us:
            return NotMember.code
        view = self._rooms.queries.view(room_id)
        is_shown = view is not None and view.waits_ms is not None
        return "" if is_shown or ranks.get(us, -1) >= DESK else NOBODY_WAITS

    def end_requests(self, turn: Turn, changed: RoomId | None = None) -> None:
        """End what cannot be had any more and is of a room that has changed, or to be asked for again
        (ROOM-68).
        """
        requests = self._rooms.requests
        found = requests.due(turn) if changed is None else requests.of(turn, changed)
        if not found:
            return
        try:
            ranks = self._ranks(turn)
        except RemoteError:
            return
        for own in found:
            code = self._refusal(own.room_id, own.request.what, own.request.device_id, ranks)
            if code:
                requests.end(turn, own, code)

    def _ranks(self, turn: Turn) -> dict[DeviceId, int]:
        self._rooms.around.turn = turn
        us = self._rooms.around.us
        return self._rooms.around.team(us.account_id, turn.now_ms).ranks()

    def _is_steward(self, turn: Turn) -> bool:
        try:
            return self._ranks(turn).get(self._rooms.around.us.device_id, -1) >= DESK
        except RemoteError:
            return False
