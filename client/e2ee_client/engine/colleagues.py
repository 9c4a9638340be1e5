"""The other devices of our account as peers: reached like those of a contact, and no contact (ACC-37)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e2ee import identity
from e2ee.content import WayBack
from e2ee.errors import IdentityMismatch, RemoteError
from e2ee.identity import Address, DeviceList
from e2ee.session import Accepted
from e2ee_client.events import MessageRejected

from .part import Part
from .peers import Peer
from .records import OwnDevice, check_keys
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

_COMPARES_APART_MS: Final = 600_000
_LOOK_MS: Final = 2_000
_NEW_MS: Final = 1_200_000
"""How long a device comes now, by the list that names it: its own clock may be a day off."""
_LOOK: Final = "new device"


class Colleagues(Part):
    """Peers of our own account follow our own list and directory entry, and nobody's word."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._compared_ms = 0
        self._given_seq = 0  # of the newest list that a device of ours has sent

    def address_of(self, peer: Peer) -> Address | None:
        """Return the signed address of a device of ours; None for all others, and without one."""
        known = self._state.own_devices.get(peer.record.hash)
        if peer.contact is not self._state.colleagues or known is None or known.address is None:
            return None
        return identity.verify_address(known.record, known.address)

    def check_flight(self, turn: Turn, found: Accepted) -> None:
        """Refuse a flight of a device that our list does not name; a newer list is looked for (ACC-37).

        Raises:
            IdentityMismatch.
        """
        self.told(turn, found.device_list.seq)
        if not self._state.colleagues.names(found.record.hash):
            raise IdentityMismatch("a device that our own list does not name")

    # --- our list and entry ---

    def told(self, turn: Turn, seq: int) -> None:
        """A device of ours states the number of our list: a higher one is looked for (ACC-39)."""
        if seq > self._state.own.device_list.seq:
            self.compare(turn)

    def told_list(self, turn: Turn, signed: bytes) -> None:
        """A device of ours has sent our list: where it is newer, the directory has it, and is asked at once,
        since devices may come one after another (ACC-39).
        """
        own = self._state.own
        try:
            seq = DeviceList.verify(own.account_id, signed).seq
        except RemoteError as error:
            turn.notify(MessageRejected(own.account_id, error.code))
            return
        if seq > max(self._given_seq, own.device_list.seq):
            self._given_seq = seq
            self._compare(turn)
        else:
            self.told(turn, seq)

    def compare(self, turn: Turn) -> None:
        """Compare our entry, at most once in ten minutes; what is asked for sooner is done then."""
        due_ms = min(self._compared_ms, turn.now_ms) + _COMPARES_APART_MS
        if self._compared_ms and turn.now_ms < due_ms:
            self._context.timers.set("own entry", due_ms, self._compare)
        else:
            self._compare(turn)

    def _compare(self, turn: Turn) -> None:
        self._context.timers.drop("own entry")
        self._compared_ms = turn.now_ms
        self._context.entry.compare(turn)

    def follow(self, turn: Turn) -> None:
        """Our list or entry has been read: learn of devices, strike off those that are not named (ID-28)."""
        contact, own = self._state.colleagues, self._state.own
        is_newer = contact.head != own.device_list.head
        if is_newer:
            contact.pin(own.device_list)
            self._context.sending.strike_off(turn, contact)
        records = sorted(self._state.own_devices.values(), key=lambda one: one.record.created_ms)
        learned = [self._learn(turn, one) for one in records]
        self._state.note_listed(turn, contact)
        if any(learned):
            self._context.mailboxes.ensure_token(turn, own.account_id)
        if is_newer or any(learned):
            self._context.rooms.devices_changed(turn, own.account_id)
            self._context.sending.pump(turn, contact)
        self.give_owed(turn)

    def give_owed(self, turn: Turn) -> None:
        """Give our rooms to each device that is owed them and can be reached, and look for the addresses of
        the others from now on; one that is being struck off gets nothing (ACC-52).
        """
        reached = {one.device_id for one in self._state.peers_named(self._state.colleagues)}
        listed = [one for one in self._state.own_devices.values() if one.listed and not one.leaving]
        owed = [one for one in listed if one.owed]
        given = [one for one in owed if one.record.device_id in reached]
        for one in given:
            one.owed = False
            turn.put(one.put())
        for device_id in sorted({one.record.device_id for one in given}):
            self._context.rooms.consenting.give_rooms(turn, device_id)
        if len(given) == len(owed) or self._state.is_stopped:
            self._context.timers.drop(_LOOK)
        elif self._context.timers.at_ms(_LOOK) is None:
            is_new = abs(turn.now_ms - self._state.own.device_list.issued_ms) < _NEW_MS
            wait_ms = _LOOK_MS if is_new else _COMPARES_APART_MS
            self._context.timers.set(_LOOK, turn.now_ms + wait_ms, self.look)

    def look(self, turn: Turn) -> None:
        """Give what is owed; who cannot be reached may have an address in the directory by now (ACC-52)."""
        self._context.timers.drop(_LOOK)
        self.give_owed(turn)
        if self._context.timers.at_ms(_LOOK) is not None:
            self._context.entry.compare_again(turn)

    def _learn(self, turn: Turn, one: OwnDevice) -> bool:
        """Keep how to reach a device; tell whether that is news."""
        contact, record = self._state.colleagues, one.record
        if one.address is None or not contact.names(record.hash):
            return False
        address = identity.verify_address(record, one.address)
        peer = self._state.peers.get(contact.account_id + record.device_id)
        is_new = peer is None
        if peer is None:
            peer = self._state.new_peer(contact, record)
        elif address.issued_ms <= peer.way_back_ms and peer.record == record and peer.way_back is not None:
            return False
        check_keys(peer.record, record)
        peer.record = record
        peer.way_back = WayBack(address.mailbox, address.token, contact.relay_url)
        peer.way_back_ms = min(address.issued_ms, turn.now_ms)
        turn.put(peer.put())
        if is_new:
            self._context.announcing.met(turn, peer)
        return True
