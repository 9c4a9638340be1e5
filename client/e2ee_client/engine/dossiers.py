"""Customers as a colleague introduces them: list, records, addresses, prekeys (ROOM-25); and what a person's
devices are shown of its lists (ACC-76).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from e2ee import prekeys
from e2ee.constants import CONTENT_ID_B
from e2ee.content import ContentType
from e2ee.errors import ContentError, Expired, IdentityMismatch, ListFork, NoRight
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import signals
from e2ee.rooms.signals import Dossier
from e2ee.wire import cbor

from .part import Part
from .peers import Given, Peer
from .posted import Posted
from .records import Contact, check_keys
from .turn import Turn

_MAX_CONTACTS: Final = 4
_MAX_SHOWN: Final = 16
_NO_SESSION: Final = b""
"""Prekeys of a dossier came in no session with their device."""


class Dossiers(Part):
    """What a device that joins a room needs to start sessions with the customer's devices."""

    def of(self, account_id: AccountId) -> Dossier | None:
        """Return the dossier of a customer; None while no device of it can be reached."""
        contact = self._state.contacts.get(account_id)
        if contact is None or contact.signed_list is None:
            return None
        found = [
            signals.Contact(one.record.encoded, one.way_back, _without_one_time(one))
            for one in self._state.peers_named(contact)
            if one.way_back is not None
        ]
        return Dossier(contact.signed_list, tuple(found[:_MAX_CONTACTS])) if found else None

    def show_listed(
        self,
        turn: Turn,
        contact: Contact,
        before: DeviceList | None,
        named: Collection[DeviceId],
        by: Peer | None,
    ) -> None:
        """A newer list of a person is pinned. It is shown to devices that the one before `named`, where it
        names another one beside them; that one to those which are named again. `by` has given it (ACC-76).
        """
        after = contact.device_list()
        if before is None or after is None or not contact.accepted:
            return
        peers = self._state.peers_named(contact)
        known = {*before.record_hashes, *(one.record.hash for one in peers if one.device_id in named)}
        for peer in peers:
            if peer.device_id not in named:
                self._show(turn, peer, before)
            elif peer is not by and not known.issuperset(after.record_hashes):
                self._show(turn, peer, after)

    def _show(self, turn: Turn, peer: Peer, device_list: DeviceList) -> None:
        if peer.record.kind is not DeviceKind.PERSON or peer.way_back is None:
            return
        waiting = self._waiting(turn, peer)
        told = {one for shown in waiting for one in shown.record_hashes}
        is_told = bool(device_list.record_hashes) and told.issuperset(device_list.record_hashes)
        if is_told or len(waiting) >= _MAX_SHOWN:
            return
        itself = signals.Contact(peer.record.encoded, peer.way_back, None)
        payload = signals.encode_dossier(Dossier(device_list.signed, (itself,)))
        posted = Posted(self._state.ports.rng(CONTENT_ID_B), turn.now_ms, ContentType.DOSSIER, payload)
        self._context.posting.post(turn, posted, [(peer.account_id, peer.device_id)])

    def _waiting(self, turn: Turn, peer: Peer) -> list[DeviceList]:
        """Return the lists that wait to be shown to a device."""
        items = self._state.outbox.lane(peer.account_id, peer.device_id).all()
        posted = [self._context.posting.find(turn, one.content_id) for one in items]
        shown = [one.payload for one in posted if one is not None and one.type is ContentType.DOSSIER]
        return [DeviceList.verify(peer.account_id, signals.decode_dossier(one).signed_list) for one in shown]

    def take_shown(self, turn: Turn, payload: cbor.Value) -> None:
        """Take a list of our account that a company shows: of its dossier the list alone is read (ACC-77).

        Raises:
            ContentError: not of this form. NoRight: a list of another account.
        """
        signed = payload.get(1) if isinstance(payload, dict) else None
        if not isinstance(signed, bytes):
            raise ContentError("a dossier without a list")
        if not self._context.upkeep.take_back(turn, signed, is_shown=True):
            raise NoRight("only a colleague sends this")

    def take(self, turn: Turn, payload: cbor.Value) -> None:
        """Learn of a customer from a colleague; what is known already counts more.

        Raises:
            ContentError: not of this form, or an address that may not be followed (CON-06).
            Other RemoteError: a list, record or bundle does not hold; nothing has changed.
        """
        dossier = signals.decode_dossier(payload)
        records = [DeviceRecord.decode(one.record) for one in dossier.contacts]
        account_id = records[0].account_id
        if account_id == self._state.own.account_id or any(one.account_id != account_id for one in records):
            raise IdentityMismatch("a dossier of one customer has records of it alone")
        if not all(self._context.contents.may_connect(one.way_back.relay_url) for one in dossier.contacts):
            raise ContentError("an address that may not be followed")
        device_list = self._list(turn, account_id, dossier.signed_list)
        given: list[Given | None] = []
        for record, one in zip(records, dossier.contacts, strict=True):
            device_list.check_record(record)
            known = self._state.peers.get(account_id + record.device_id)
            if known is not None:
                check_keys(known.record, record)
            given.append(None if one.bundle is None else _given(record, one.bundle, turn.now_ms))
        # Of who has an entry in the directory a colleague has no prekeys to give.
        is_published = all(one.bundle is None for one in dossier.contacts)
        relay_url = dossier.contacts[0].way_back.relay_url
        introduced = Contact(account_id, None, relay_url, published=is_published)
        contact = self._contact(turn, introduced, device_list, records)
        for record, one, keys in zip(records, dossier.contacts, given, strict=True):
            self._learn(turn, contact, record, one, keys)

    def _list(self, turn: Turn, account_id: AccountId, signed: bytes) -> DeviceList:
        """Verify a list, and that it parts from the pinned one nowhere (ID-07).

        Raises:
            RemoteError; of two histories the customer's contact has the alarm.
        """
        contact = self._state.contacts.get(account_id)
        try:
            found = None if contact is None else self._context.contents.following(turn, contact, signed)
        except ListFork as error:
            if contact is not None:
                self._context.forks.alarm(turn, contact, error)
            raise
        return found or DeviceList.verify(account_id, signed)

    def _contact(
        self, turn: Turn, given: Contact, device_list: DeviceList, records: Iterable[DeviceRecord]
    ) -> Contact:
        """Return the contact as it is known, else as it was given; `records` came with the list (ID-28)."""
        contact = self._state.contacts.setdefault(given.account_id, given)
        if contact.head is None or device_list.seq > contact.head.seq:
            self._context.contents.pin(turn, contact, device_list, records)
        self._context.telling.accept(turn, contact)
        return contact

    def _learn(
        self, turn: Turn, contact: Contact, record: DeviceRecord, one: signals.Contact, keys: Given | None
    ) -> None:
        if not contact.names(record.hash):
            return
        peer = self._state.peers.get(contact.account_id + record.device_id)
        if peer is None:
            peer = self._state.new_peer(contact, record)
            self._context.rooms.devices_changed(turn, contact.account_id)
        if peer.way_back is None:
            peer.way_back = one.way_back
        if keys is not None and peer.prekeys() is None:
            peer.learn_prekeys(_NO_SESSION, keys)
        turn.put(peer.put())


def _given(record: DeviceRecord, bundle: prekeys.CompactBundle, now_ms: int) -> Given | None:
    """Verify prekeys; those of a time to come are left out."""
    verified = prekeys.verify_compact(record, bundle)
    try:
        verified.check_ahead(now_ms)
    except Expired:
        return None
    return Given.of(verified)


def _without_one_time(peer: Peer) -> prekeys.CompactBundle | None:
    given = peer.prekeys()
    return None if given is None else given.bundle._replace(opks=[], one_time_pqks=[])
