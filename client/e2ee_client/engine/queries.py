"""What the application may ask an engine; nothing here changes anything."""

from __future__ import annotations

from typing import NamedTuple

from e2ee import fingerprint
from e2ee import session as sessions
from e2ee.card import ContactCard
from e2ee.constants import CLOCK_TOLERANCE_MS
from e2ee.identity import DeviceKind, Successor
from e2ee.ids import AccountId
from e2ee.pair import sending
from e2ee.recovery import RecoveryCode
from e2ee.rooms.invite import Welcome
from e2ee.secret import AccountKey, RecoveryKey
from e2ee.session import Health
from e2ee_client.events import ConnectionState

from .context import Context
from .devices import DeviceView
from .history import MessageName
from .link import LinkState
from .records import Contact, Message, account_key_of, named_records
from .recovering import recovery_row
from .rooms.files import Files
from .rooms.queries import RoomQueries
from .state import State
from .turn import Turn


class ContactView(NamedTuple):
    """A contact as the application sees it; `alarm` is a code while a person has to look at it."""

    account_id: bytes
    name: str | None
    relay_url: str
    accepted: bool
    verified: bool
    alarm: str


class Queries:
    """The reading half of an engine."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = Context(state)

    @property
    def account_id(self) -> bytes:
        """Our account id."""
        return self._state.own.account_id

    @property
    def list_expires_ms(self) -> int:
        """When our newest device list ends; one that waits for the directory counts (ID-47)."""
        pending = self._context.upkeep.pending(Turn(0))
        return (self._state.own if pending is None else pending).device_list.expires_ms

    @property
    def connection_state(self) -> ConnectionState:
        """Whether all our mailboxes are connected, and entry and prekeys of ours are published."""
        links = self._context.links
        states = [link.state for channel, link in links.by_channel.items() if channel.mailbox]
        if not states or not links.is_online or all(state is LinkState.CLOSED for state in states):
            return ConnectionState.OFFLINE
        everything = all(state is LinkState.READY for state in states)
        everything = everything and (self._context.entry.published or not self._state.own.publish)
        return ConnectionState.ONLINE if everything else ConnectionState.CONNECTING

    @property
    def entry_waits(self) -> bool:
        """Whether the application was told that what we publish waits, and it does so still (ID-59)."""
        return self._context.entry.waits.is_told

    @property
    def publish_refusal(self) -> str:
        """The code by which the relay keeps this device from being reached for the first time (ID-60)."""
        return self._context.entry.refusal

    @property
    def is_settled(self) -> bool:
        """Whether our relays know what they have to: links, entry, requests and receipts are done."""
        own, links = self._state.own, self._context.links
        known = not own.publish or own.published_seq == own.device_list.seq
        ready = all(link.state is LinkState.READY for link in links.by_channel.values())
        asked = any(link.pending or link.working for link in links.by_channel.values())
        told = self._context.timers.at_ms("receipts") is None
        known = known and (own.account_key is None or not self._context.devices.owes_list)
        return links.is_online and known and ready and not asked and told

    @property
    def list_beside(self) -> bytes | None:
        """The signed list that the directory has shown in the place of ours (ID-51)."""
        beside = self._context.entry.list_beside
        return None if beside is None else beside.signed

    def is_compared(self, now_ms: int) -> bool:
        """Whether no later list of ours is unknown here, as far as the directory shows, and none that was
        signed elsewhere waits for it; without an entry there is nothing to compare.
        """
        own, waits = self._state.own, self._context.upkeep.has_next
        if not own.publish:
            return True
        return self._context.entry.was_seen and not (own.account_key is None and waits(Turn(now_ms)))

    @property
    def is_fetched(self) -> bool:
        """Whether our relays have delivered all that waited in our mailboxes when these were connected."""
        return self._context.links.have_all()

    @property
    def is_handed_over(self) -> bool:
        """Whether the relays have all that this device has written."""
        return self._state.outbox.is_handed_over

    def card(self) -> ContactCard:
        """Return our contact card."""
        own = self._state.own
        return ContactCard(own.account_id, own.relay_url, own.name)

    def sign_successor(self, key: RecoveryKey, old: AccountId, now_ms: int) -> str:
        """Return the text by which an old account is followed by ours (ID-13, ID-61).

        Raises:
            ConfigError, DeviceReplacedError, SecondCopyError.
        """
        return self._context.successors.sign(key, old, now_ms)

    def successor(self, text: str, new: AccountId | None = None) -> Successor:
        """Return what a verified statement says (ID-13), which with the account of a card may be followed.

        Raises:
            SuccessorInvalid, UnknownContact, ListUnknown. As `follow_successor`, where `new` is given.
        """
        successors = self._context.successors
        return successors.read(text) if new is None else successors.check(text, new)

    def safety_number(self, account_id: bytes) -> str:
        """Return the sixty digits to compare with a contact (ID-25)."""
        return fingerprint.safety_number(
            self._state.own.account_id, self._state.contact(account_id).account_id
        )

    def qr_payload(self, account_id: bytes) -> str:
        """Return the text of the QR code to compare with a contact (ID-26)."""
        return fingerprint.qr_payload(self._state.own.account_id, self._state.contact(account_id).account_id)

    def health(self, account_id: bytes, now_ms: int) -> Health | None:
        """Return how fresh the session is that texts go on, with the device of a contact that was heard last;
        None without one (PQ-16).
        """
        peers = self._state.peers_in_force(self._state.contact(account_id))
        for peer in sorted(peers, key=lambda one: one.heard_ms, reverse=True):
            session_id = sending(peer.pair, now_ms)
            if session_id is not None:
                return sessions.health(self._state.sessions[session_id], now_ms)
        return None

    def contacts(self) -> list[ContactView]:
        """Return all contacts."""
        return [_contact_view(one) for one in self._state.contacts.values()]

    def history(
        self, account_id: bytes, before: MessageName | None = None, limit: int = 100
    ) -> list[Message]:
        """Return the newest texts exchanged with a contact, or the newest before one of them, in their order.

        Raises:
            UnknownMessage: `before` is no text of this contact.
        """
        return self._state.history.page(account_id, before, limit)

    def message(self, account_id: bytes, message_id: bytes, outgoing: bool | None = None) -> Message:
        """Return one text: ours, the contact's, or with None of either side.

        Raises:
            UnknownMessage: there is none.
        """
        return self._state.history.message(account_id, message_id, outgoing)

    def unread(self, account_id: bytes) -> int:
        """Return how many texts of a contact were not marked as read."""
        return self._state.history.unread(account_id)

    def devices(self) -> list[DeviceView]:
        """Return the devices of our account, this one first."""
        return self._context.devices.views()

    def relay_for_invite(
        self, kind: DeviceKind, *, signed_elsewhere: bool = False
    ) -> tuple[str, bytes | None]:
        """Return our relay and its registration secret, or None, where a device of a kind can be added
        (ACC-36, ACC-50).

        Raises:
            AccountKeyAbsent, DeviceReplacedError, ConfigError, TooManyDevices.
        """
        own = self._state.own
        if not signed_elsewhere:
            account_key_of(own)
        self._context.devices.check_room(kind)
        return self.own_relay()

    def own_relay(self) -> tuple[str, bytes | None]:
        """Return our relay and its registration secret, or None."""
        own = self._state.own
        return own.relay_url, own.registration_secret

    def owes_rooms(self, device_id: bytes) -> bool:
        """Whether another device of our account has still to be given our rooms (ACC-52).

        Raises:
            UnknownDevice: the account has no other one of this id.
        """
        return self._context.devices.owes_rooms(device_id)

    def welcome(self, record_hash: bytes) -> Welcome | None:
        """Return what a new device is given once the list in use names it (ACC-35); None before."""
        own, devices = self._state.own, self._context.devices
        if record_hash not in own.device_list.record_hashes or own.published_seq != own.device_list.seq:
            return None
        records = [*named_records(own.device.record, own.older_record), *devices.named(own.device_list)]
        return Welcome(own.device_list, tuple(sorted(records, key=lambda one: one.hash)))

    def out_of_reach_ms(self, account_id: bytes, now_ms: int) -> int | None:
        """Return since when nothing is sealed for a contact: its device list has ended (ID-36)."""
        contact = self._state.contacts.get(account_id)
        device_list = None if contact is None else contact.device_list()
        if device_list is None or now_ms <= device_list.expires_ms + CLOCK_TOLERANCE_MS:
            return None
        return device_list.expires_ms + CLOCK_TOLERANCE_MS

    def knows_device(self, record_hash: bytes) -> bool:
        """Whether a record is of another device of our account, which our list names or is to name."""
        return record_hash in self._state.own_devices

    @property
    def is_replaced(self) -> bool:
        """Whether another device of our account has taken the place of this one (ACC-67)."""
        return self._state.own.replaced

    def check_goes_on(self) -> None:
        """Refuse what a device does not do that has stopped.

        Raises:
            DeviceReplacedError, SecondCopyError.
        """
        self._state.check_goes_on()

    def check_copy(self) -> None:
        """Refuse to wait for what a store that was signed beside does not do any more (ID-48).

        Raises:
            SecondCopyError.
        """
        if self._state.is_second_copy:
            self._state.check_goes_on()

    def check_none_waits(self, now_ms: int) -> None:
        """Refuse to move the account key away while a list waits for the directory (ID-47).

        Raises:
            ConfigError.
        """
        self._context.upkeep.check_none_waits(Turn(now_ms))

    def recovery_code(self) -> RecoveryCode | None:
        """Return our recovery code; None where this device has none (ACC-60)."""
        row = recovery_row(self._state.rows)
        return None if row is None else row.code

    @property
    def has_recovery_code(self) -> bool | None:
        """Whether the person has shown that it has the code (ACC-68); None where this device has none."""
        row = recovery_row(self._state.rows)
        return None if row is None else row.is_kept

    @property
    def rooms(self) -> RoomQueries:
        """What may be asked of rooms."""
        return self._context.rooms.queries

    @property
    def files(self) -> Files:
        """Files of rooms, for the service that moves them."""
        return self._context.rooms.files

    @property
    def is_company(self) -> bool:
        """Whether this device is one of a company: customers reach it in rooms only (CNS-28)."""
        return self._context.rooms.is_gated()

    def renewal_request(self, now_ms: int) -> bytes:
        """Return what an account key that is kept offline has to sign (ID-12)."""
        return self._context.upkeep.renewal_request(now_ms)

    def export_account_key(self) -> AccountKey:
        """Return the account key.

        Raises:
            AccountKeyAbsent: it is kept elsewhere.
        """
        return account_key_of(self._state.own)


def _contact_view(one: Contact) -> ContactView:
    return ContactView(one.account_id, one.name, one.relay_url, one.accepted, one.verified, one.alarm)
