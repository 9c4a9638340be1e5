"""What the engine knows, in memory; every change goes through a turn into the store as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from e2ee.constants import LINE_B
from e2ee.identity import DeviceRecord
from e2ee.ids import SessionId, Tag
from e2ee.numbers import Given
from e2ee.pair import Pair
from e2ee.prekeys import PrekeyKind
from e2ee.ratchet.skipped import EMPTY
from e2ee.session import Session
from e2ee.snapshot import (
    encode_session,
    encode_skipped,
    skipped_changes,
)
from e2ee_client.errors import DeviceReplacedError, SecondCopyError, StoreCorrupt, UnknownContact
from e2ee_client.rows import Put

from .history import History
from .outbox import Outbox
from .own_mailbox import DeliveryToken, Mailbox
from .own_mailboxes import OwnMailboxes
from .own_prekeys import OwnPrekeys
from .peers import Peer
from .ports import Ports, RowReader
from .records import OWN_KEY, Contact, DueReceipts, Own, OwnDevice, OwnPrekey, StoppedCopy
from .seen_ids import SeenIds
from .stored_sessions import Found, Sessions
from .turn import Turn


@dataclass(slots=True)
class State:
    """Everything but the texts, which stay in the store. `line` is drawn at each opening (SES-29)."""

    ports: Ports
    rows: RowReader
    own: Own
    line: bytes
    history: History
    outbox: Outbox
    mailboxes: OwnMailboxes = field(default_factory=OwnMailboxes)
    contacts: dict[bytes, Contact] = field(default_factory=dict)
    peers: dict[bytes, Peer] = field(default_factory=dict)
    sessions: Sessions = field(default_factory=Sessions)
    prekeys: OwnPrekeys = field(default_factory=OwnPrekeys)
    receipts: dict[bytes, list[bytes]] = field(default_factory=dict)
    tags: dict[Tag, set[tuple[bytes, SessionId]]] = field(default_factory=dict)
    taken: SeenIds = field(default_factory=SeenIds.taken)
    refused: SeenIds = field(default_factory=SeenIds.refused)
    own_devices: dict[bytes, OwnDevice] = field(default_factory=dict)
    is_second_copy: bool = False
    colleagues: Contact = field(init=False)
    _devices: dict[bytes, list[Peer]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = self.own
        self.colleagues = Contact(own.account_id, None, own.relay_url, published=True, accepted=True)
        self.colleagues.pin(own.device_list)

    @classmethod
    def fresh(cls, rows: RowReader, ports: Ports, own: Own) -> State:
        """Return the state of a new account."""
        return cls(ports, rows, own, ports.rng(LINE_B), History.load(rows), Outbox(rows.items("outbox")))

    @classmethod
    def load(cls, rows: RowReader, ports: Ports) -> State:
        """Rebuild from the store.

        Raises:
            StoreCorrupt: there is no account, or a row does not fit.
        """
        own = rows.get("account", OWN_KEY)
        if own is None:
            raise StoreCorrupt("the store holds no account")
        state = cls.fresh(rows, ports, Own.decode(OWN_KEY, own))
        state.mailboxes = OwnMailboxes(Mailbox.decode(key, row) for key, row in rows.items("mailbox"))
        state.contacts = {key: Contact.decode(key, row) for key, row in rows.items("contact")}
        state.prekeys = OwnPrekeys(OwnPrekey.decode(key, row) for key, row in rows.items("prekey"))
        for key, row in rows.items("meta"):
            if key.startswith(DueReceipts.PREFIX):
                due = DueReceipts.decode(key, row)
                state.receipts[due.peer_key] = due.ids
            elif key.startswith(OwnDevice.PREFIX):
                device = OwnDevice.decode(key, row)
                state.own_devices[device.record_hash] = device
            elif key.startswith(DeliveryToken.PREFIX):
                state.load_token(DeliveryToken.decode(key, row))
            state.taken.load(key, row)
            state.refused.load(key, row)
        state.is_second_copy = rows.get(StoppedCopy.TABLE, StoppedCopy.PREFIX) is not None
        state._load_peers(state.sessions.load(rows))
        return state

    def load_token(self, row: DeliveryToken) -> None:
        """Take over the row of a token.

        Raises:
            StoreCorrupt: a token without its mailbox.
        """
        mailbox = self.mailboxes.get(row.mailbox_id)
        if mailbox is None:
            raise StoreCorrupt("a token without its mailbox")
        mailbox.load_token(row)

    def _load_peers(self, stored: Mapping[SessionId, Found]) -> None:
        pairs = dict(self.rows.items("pair"))
        for key, row in self.rows.items("peer"):
            peer = Peer.decode(key, row)
            contact = self.party(peer.account_id)
            if contact is None:
                raise StoreCorrupt("a device without its contact")
            self._add_peer(contact, peer)
            if key in pairs:
                peer.load_pair(pairs[key], self.line)
            for one in peer.pair.sessions:
                found = stored.get(one.id)
                if found is None:
                    raise StoreCorrupt("a session of a pair is missing")
                peer.heard_ms = max(peer.heard_ms, found.opened_ms)
                self._index(key, one.id, found.tags)

    # --- lookups ---

    @property
    def is_stopped(self) -> bool:
        """Whether this device writes and signs nothing more (ACC-67, ID-48)."""
        return self.own.replaced or self.is_second_copy

    def check_goes_on(self) -> None:
        """Refuse what a device does not do that has stopped.

        Raises:
            SecondCopyError: a second copy of the store has signed for the account (ID-48).
            DeviceReplacedError: another device has taken the place of this one (ACC-67).
        """
        if self.is_second_copy:
            raise SecondCopyError("a second copy of this store has signed for the account")
        if self.own.replaced:
            raise DeviceReplacedError("another device has taken the place of this one")

    def contact(self, account_id: bytes) -> Contact:
        """Return a contact.

        Raises:
            UnknownContact: no such contact.
        """
        try:
            return self.contacts[account_id]
        except KeyError:
            raise UnknownContact("no such contact") from None

    def party(self, account_id: bytes) -> Contact | None:
        """Return a contact, or our own account, whose other devices are peers without being one (ACC-37)."""
        return self.colleagues if account_id == self.own.account_id else self.contacts.get(account_id)

    def peers_of(self, account_id: bytes) -> list[Peer]:
        """Return the known devices of a contact."""
        return list(self._devices.get(account_id, ()))

    def peers_in_force(self, contact: Contact) -> list[Peer]:
        """Return the devices in force (ID-28); of a company with front desks, those (SES-39)."""
        named = self.peers_named(contact)
        if contact.published:
            return [one for one in named if one.record.front_desk] or named
        return named

    def peers_named(self, contact: Contact) -> list[Peer]:
        """Return the devices that the list in force names (ID-28)."""
        return [one for one in self._devices.get(contact.account_id, ()) if contact.names(one.record.hash)]

    def new_peer(self, contact: Contact, record: DeviceRecord) -> Peer:
        """Note a device of a contact that was not known."""
        peer = Peer(contact.account_id, record.device_id, record)
        peer.pair = Pair(given=Given(line=self.line))
        peer.listed_seq = None if contact.head is None else contact.head.seq
        return self._add_peer(contact, peer)

    def note_listed(self, turn: Turn, contact: Contact) -> None:
        """Note which devices the pinned list names that the one before left out (TRN-48)."""
        for peer in self.peers_named(contact):
            if peer.listed_seq is None and contact.head is not None:
                peer.listed_seq = contact.head.seq
                turn.put(peer.put())

    def _add_peer(self, contact: Contact, peer: Peer) -> Peer:
        peer.contact = contact
        self.peers[peer.key] = peer
        self._devices.setdefault(peer.account_id, []).append(peer)
        return peer

    def remove_peer(self, turn: Turn, peer: Peer) -> None:
        """Forget a device with its pair and sessions."""
        self.set_pair(turn, peer, Pair(), tuple(one.id for one in peer.pair.sessions))
        del self.peers[peer.key]
        self._devices[peer.account_id].remove(peer)
        turn.delete("peer", peer.key)
        turn.delete("pair", peer.key)

    def mailbox_for(self, account_id: bytes) -> Mailbox:
        """Return the mailbox through which a contact reaches us: its own, or the published one.

        Raises:
            StoreCorrupt: there is none.
        """
        found = self.mailboxes.for_contact(account_id)
        if found is None:
            raise StoreCorrupt("a contact without a mailbox")
        return found

    def is_foreign(self, relay_url: str) -> bool:
        """Whether a relay is neither our account's nor holds a mailbox of ours."""
        return relay_url != self.own.relay_url and not self.mailboxes.has_relay(relay_url)

    def prekeys_of(self, kind: PrekeyKind, contact: bytes) -> list[OwnPrekey]:
        """Return our prekeys of one kind for a contact, or the published ones, in the order of their making:
        their ends say less, since a clock may have been wrong (ID-39).
        """
        return self.prekeys.of_kind(kind, contact)

    # --- sessions ---

    def store_session(self, turn: Turn, peer: Peer, before: Session | None, after: Session) -> None:
        """Write a session: a small row, and one for each skipped key that came or went (SES-14)."""
        self.sessions[after.id] = after
        turn.put_at_end("session", after.id, lambda: Put("session", after.id, encode_session(after)))
        if before is None or before.ratchet.skipped is not after.ratchet.skipped:
            self._store_skipped(turn, before, after)
        if before is None or before.tags() != after.tags():
            if before is not None:
                self._unindex(peer.key, before)
            self._index(peer.key, after.id, after.tags())

    def set_pair(self, turn: Turn, peer: Peer, pair: Pair, gone: Iterable[SessionId] = ()) -> None:
        """Write what a pair knows; sessions that are gone take their keys with them (SES-33)."""
        if pair is not peer.pair:
            peer.pair = pair
            turn.put_at_end("pair", peer.key, peer.put_pair)
        for session_id in gone:
            session = self.sessions.pop(session_id)
            self._unindex(peer.key, session)
            turn.delete("session", session_id)
            for row in session.ratchet.skipped:
                turn.delete("skipped", session_id + encode_skipped(row)[0])

    def _store_skipped(self, turn: Turn, before: Session | None, after: Session) -> None:
        old = EMPTY if before is None else before.ratchet.skipped
        added, removed = skipped_changes(old, after.ratchet.skipped)
        for place in removed:
            turn.delete("skipped", after.id + place)
        for row in added:
            place, value = encode_skipped(row)
            turn.put(Put("skipped", after.id + place, value))

    def _index(self, peer_key: bytes, session_id: SessionId, tags: Iterable[Tag]) -> None:
        for tag in tags:
            self.tags.setdefault(tag, set()).add((peer_key, session_id))

    def _unindex(self, peer_key: bytes, session: Session) -> None:
        for tag in session.tags():
            known = self.tags.get(tag)
            if known is not None:
                known.discard((peer_key, session.id))
                if not known:
                    del self.tags[tag]
