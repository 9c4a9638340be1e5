"""A second copy of our store that has signed for the account: this one stops (ID-48)."""

from __future__ import annotations

from typing import Final

from e2ee_relay.protocol import LookupResult

from e2ee import identity
from e2ee.errors import E2eeError, ListFork
from e2ee.identity import DeviceList
from e2ee_client.errors import SecondCopyError
from e2ee_client.events import ConnectionChanged, ConnectionState, CopyStopped

from .part import Part
from .records import StoppedCopy, named_records
from .turn import Turn

_ERASE_EVERY_MS: Final = 3_600_000


class Copies(Part):
    """Of an account with a directory entry: which copy goes on is the one whose list the directory has.

    Only a store with the account key can tell, by a list that names its device: an account key never comes
    back to a store. Who has an answer of one elsewhere that was installed nowhere, with the relay on his
    side, would stop any other device by it (ID-51).
    """

    def note_entry(self, turn: Turn, frame: LookupResult) -> bool:
        """Stop for good where our entry has another list for the number of our list in use, or a next one
        that does not follow it, and that list names this device; tell whether it has.
        """
        if self._state.own.account_key is None or not any(map(self._is_of_a_copy, frame.lists)):
            return False
        self._state.is_second_copy = True
        turn.put(StoppedCopy(turn.now_ms).put())
        self.tell(turn)
        self._context.links.stop(turn)
        self.rest(turn)
        return True

    def rest(self, turn: Turn) -> None:
        """Have connections no more, and nothing due but what ends by itself (ID-18, DR-16, ROOM-42)."""
        self._context.timers.clear()
        self._erase(turn)
        self._context.rooms.start_timers(turn)

    def _erase(self, turn: Turn) -> None:
        self._context.timers.set("maintain", turn.now_ms + _ERASE_EVERY_MS, self._erase)
        self._context.upkeep.sweep(turn)
        self._context.rooms.drafts.tick(turn)
        for peer in self._state.peers.values():
            self._context.upkeep.expire_skipped(turn, peer)

    def tell(self, turn: Turn) -> None:
        """Tell the application that this store has stopped; once in each opening."""
        relay_url = self._state.own.relay_url
        turn.notify(CopyStopped())
        turn.notify(ConnectionChanged(ConnectionState.OFFLINE, relay_url, SecondCopyError.code))

    def is_beside(self, held: DeviceList) -> bool:
        """Whether a list has a lower number than ours in use, and is not ours of that number."""
        own, row = self._state.own, self._state.rows.get("list", held.seq.to_bytes(8, "big"))
        if row is None or held.seq >= own.device_list.seq:
            return False
        return DeviceList.verify(own.account_id, row).head != held.head

    def _is_of_a_copy(self, signed: bytes) -> bool:
        own = self._state.own
        try:
            found = DeviceList.verify(own.account_id, signed)
        except E2eeError:
            return False
        try:
            identity.check_link(own.device_list.head, found)
        except ListFork:
            records = named_records(own.device.record, own.older_record)
            return any(one.hash in found.record_hashes for one in records)
        except E2eeError:
            return False
        return False
