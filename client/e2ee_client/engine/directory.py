"""The directory: newest device lists, addresses and prekeys of published contacts (ID-07, ID-16, ID-37).

LOOKUP --> lists verified from the pin, addresses --> PREKEYS_FETCH for each device that needs a session -->
renewal
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee_relay.protocol import (
    ErrorReply,
    Lookup,
    LookupResult,
    PrekeysBundle,
    PrekeysFetch,
    Response,
    pow_context_fetch,
)

from e2ee import identity, prekeys
from e2ee.constants import PREKEY_GRACE_MS
from e2ee.content import WayBack
from e2ee.errors import IdentityMismatch, ListExpired, ListFork, ListGap, RemoteError
from e2ee.identity import Address, DeviceList, DeviceRecord
from e2ee.ids import AccountId
from e2ee.prekeys import VerifiedBundle
from e2ee_client.events import MessageRejected, NewDevice

from .delivery import MAX_RETRY_AFTER_MS
from .effects import Channel
from .forks import in_force
from .link import Link, LinkState
from .part import Part
from .peers import Peer
from .records import Contact, check_keys
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

FRESH_MS: Final = 86_400_000
_LATEST_MS: Final = 7 * 86_400_000 - 2 * 3_600_000  # asked for once an hour, so within seven days
_JITTER_MS: Final = 2 * 86_400_000
_RETRY_MS: Final = 15_000
_RETRY_PREKEYS_MS: Final = 1_000  # A device is shown before its prekeys can be there.
_RETRY_LIST_MS: Final = 600_000
_RETRY_AWAY_MS: Final = 6 * 3_600_000
_CLAIMS_APART_MS: Final = 600_000
_MAX_PAGES: Final = 64
_MAX_DOUBLED: Final = 15
_DOUBLED_WHEN_HEARD: Final = 9
"""So many failures in a row count once a device was heard again: of prekeys a pause below ten minutes."""


@dataclass(slots=True)
class _Search:
    """A lookup under way: the lists seen so far and how many pages they took."""

    links: list[bytes] = field(default_factory=list)
    pages: int = 0


class Directory(Part):
    """At most one lookup of a contact, and one fetch for a device, at a time."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._searching: dict[bytes, _Search] = {}
        self._postponed: set[bytes] = set()
        self._fetching: dict[bytes, set[bytes]] = {}  # devices by account
        self._addresses: dict[bytes, Address] = {}
        self._told: dict[bytes, str] = {}
        self._failed: dict[bytes, dict[bytes, int]] = {}  # how often in a row, by account, of what
        self._caught_up_ms: dict[bytes, int] = {}
        self._sooner_ms: dict[bytes, int] = {}  # drawn anew after each lookup

    # --- when ---

    def refresh(self, turn: Turn, contact: Contact) -> None:
        """Look a contact up if the last time is more than a day ago (ID-37); nothing waits for it."""
        if turn.now_ms > min(contact.looked_up_ms, turn.now_ms) + FRESH_MS:
            self.find(turn, contact)

    def find(self, turn: Turn, contact: Contact) -> None:
        """Look a contact up; where that did not help before, only after its pause (ID-44)."""
        if self._at_ms(contact.account_id) <= turn.now_ms:
            self.look_up(turn, contact)

    def find_device(self, turn: Turn, contact: Contact, device_id: bytes) -> None:
        """Look for a device to which something waits, and whose address no look has shown yet (ID-44)."""
        if contact is self._state.colleagues:
            self.catch_up(turn, contact)
        elif self._at_ms(_lacking(contact.account_id + device_id)) <= turn.now_ms:
            self.find(turn, contact)

    def weekly(self, turn: Turn, contact: Contact) -> None:
        """Look a contact up every five to seven days, and within the week at the latest; the moment says
        nothing of who it is (ID-37).
        """
        if not contact.published:
            return
        sooner_ms = self._sooner_ms.get(contact.account_id)
        if sooner_ms is None:
            sooner_ms = int.from_bytes(self._state.ports.rng(4), "big") % _JITTER_MS
            self._sooner_ms[contact.account_id] = sooner_ms
        if turn.now_ms > min(contact.looked_up_ms, turn.now_ms) + _LATEST_MS - sooner_ms:
            self.find(turn, contact)

    def catch_up(self, turn: Turn, contact: Contact) -> None:
        """Look a contact up that says it has a newer list, at most once in ten minutes: it may say so with
        each message (CON-13).
        """
        if turn.now_ms >= min(self._caught_up_ms.get(contact.account_id, 0), turn.now_ms) + _CLAIMS_APART_MS:
            self._caught_up_ms[contact.account_id] = turn.now_ms
            self.look_up(turn, contact)

    def look_up(self, turn: Turn, contact: Contact) -> None:
        """Ask for the newest device list and the addresses of a published contact; of our own account the
        entry is compared (ACC-39).
        """
        if contact is self._state.colleagues:
            self._context.colleagues.compare(turn)
            return
        if not contact.published or not contact.accepted or contact.account_id in self._searching:
            return
        link = self._link(turn, contact)
        if link.state is not LinkState.READY:
            self._postponed.add(contact.account_id)
            return
        self._postponed.discard(contact.account_id)
        self._searching[contact.account_id] = _Search()
        self._ask_lists(turn, link, contact, 0 if contact.head is None else contact.head.seq)

    def fetch(self, turn: Turn, peer: Peer) -> None:
        """Ask for prekeys of a device, to start a session with it."""
        if self.held_ms(peer) > turn.now_ms:
            return
        address = self._address_of(peer)
        if address is None:
            self.find(turn, peer.contact)
            return
        link = self._link(turn, peer.contact)
        if link.state is not LinkState.READY or link.hello is None or self._is_fetching(peer):
            return
        self._fetching.setdefault(peer.account_id, set()).add(peer.key)
        context = pow_context_fetch(link.hello.nonce, peer.account_id, address.record_hash)
        ask = partial(self._ask_prekeys, link, peer, address)
        link.work(turn, context, link.hello.limits.pow_bits_fetch, ask)

    def _address_of(self, peer: Peer) -> Address | None:
        return self._addresses.get(peer.key) or self._context.colleagues.address_of(peer)

    def connected(self, turn: Turn, account_id: bytes) -> None:
        """The connection of a contact is ready: ask what could not be asked before."""
        if account_id in self._postponed:
            contact = self._state.contacts.get(account_id)
            if contact is None:
                self._postponed.discard(account_id)
            else:
                self.look_up(turn, contact)

    def connected_all(self, turn: Turn) -> None:
        """A connection that all contacts share is ready."""
        for account_id in list(self._postponed):
            self.connected(turn, account_id)

    def lost(self, channel: Channel) -> None:
        """The connection is gone: what was asked there has to be asked again."""
        if channel.mailbox:
            return
        of_one = (channel.isolation,) if channel.isolation else None
        for account_id in of_one or list(self._searching.keys() | self._fetching.keys()):
            if account_id not in self._searching and account_id not in self._fetching:
                continue
            contact = self._state.contacts.get(account_id)
            if contact is None or self._context.delivery.channel(contact) == channel:
                was_searching = account_id in self._searching
                self.forget(account_id)
                if was_searching:
                    self._postponed.add(account_id)

    def forget(self, account_id: bytes) -> None:
        """Search for a contact no longer."""
        self._searching.pop(account_id, None)
        self._postponed.discard(account_id)
        self._sooner_ms.pop(account_id, None)
        self._fetching.pop(account_id, None)

    def _is_fetching(self, peer: Peer) -> bool:
        return peer.key in self._fetching.get(peer.account_id, ())

    def _link(self, turn: Turn, contact: Contact) -> Link:
        return self._context.links.link(turn, self._context.delivery.channel(contact))

    def _hold(
        self,
        turn: Turn,
        contact: Contact,
        what: bytes,
        frame: Response | None = None,
        *,
        first_ms: int = _RETRY_MS,
        least_ms: int = 0,
        most_ms: int = _RETRY_LIST_MS,
    ) -> None:
        """Ask for this no sooner than after a while, twice as long after each failure (ID-44)."""
        counted = self._failed.setdefault(contact.account_id, {})
        failed = counted.get(what, 0)
        counted[what] = failed + 1
        retry_ms = frame.retry_after_ms if isinstance(frame, ErrorReply) else 0
        least_ms = max(least_ms, min(first_ms << min(failed, _MAX_DOUBLED), most_ms))
        wait_ms = max(least_ms, min(retry_ms, MAX_RETRY_AFTER_MS))
        self._ask_again(contact.account_id, what, turn.now_ms + wait_ms)

    def _over(self, contact: Contact, what: bytes) -> None:
        """What was asked for is here: the next failure is the first one again."""
        self._failed.get(contact.account_id, {}).pop(what, None)
        self._context.timers.drop(("look up", what))

    def heard(self, turn: Turn, peer: Peer) -> None:
        """A device has sent what opened: its account is there again, so ask within ten minutes (ID-44)."""
        counted = self._failed.get(peer.account_id, {})
        for what, failed in counted.items():
            if self._at_ms(what) > turn.now_ms + _RETRY_LIST_MS:
                counted[what] = min(failed, _DOUBLED_WHEN_HEARD)
                self._ask_again(peer.account_id, what, turn.now_ms + _RETRY_LIST_MS)

    def _ask_again(self, account_id: bytes, what: bytes, at_ms: int) -> None:
        again = partial(self._context.sending.pump_account, account_id)
        self._context.timers.set(("look up", what), at_ms, again)

    def held_ms(self, peer: Peer) -> int:
        """Return until when nothing is asked about a device; 0 where something may be."""
        held_ms = self._at_ms(peer.key)
        if self._address_of(peer) is not None:
            return held_ms
        return max(held_ms, self._at_ms(_lacking(peer.key)), self._at_ms(peer.account_id))

    def _at_ms(self, what: bytes) -> int:
        return self._context.timers.at_ms(("look up", what)) or 0

    # --- lists and addresses ---

    def _ask_lists(self, turn: Turn, link: Link, contact: Contact, after_seq: int) -> None:
        lookup = Lookup(link.new_id(), contact.account_id, after_seq)
        link.request(turn, lookup, partial(self._lists, link, contact.account_id))

    def _lists(self, link: Link, account_id: bytes, turn: Turn, frame: Response) -> None:
        contact, search = self._state.contacts.get(account_id), self._searching.get(account_id)
        if contact is None or search is None:
            return
        if not isinstance(frame, LookupResult):
            del self._searching[account_id]
            self._hold(turn, contact, account_id, frame)
            return
        try:
            search.links.extend(frame.lists)
            search.pages += 1
            if frame.more and frame.lists and search.pages < _MAX_PAGES:
                newest = DeviceList.verify(contact.account_id, frame.lists[-1])
                self._ask_lists(turn, link, contact, newest.seq)
                return
            verified = partial(_verified_list, contact.account_id, search.links, turn.now_ms)
            shown = self._context.forks.from_pinned(turn, contact, verified)
            device_list = in_force(contact, shown)
            found = _addresses(shown, device_list, frame, turn.now_ms)
            self._check_known(contact, found)
        except RemoteError as error:
            del self._searching[account_id]
            self._refused(turn, contact, error)
            return
        self._found(turn, contact, device_list, found)
        self._context.team.note_entry(turn, contact.account_id, frame)

    def _check_known(self, contact: Contact, found: list[tuple[DeviceRecord, Address]]) -> None:
        for record, _ in found:
            known = self._state.peers.get(contact.account_id + record.device_id)
            if known is not None:
                check_keys(known.record, record)

    def _found(
        self, turn: Turn, contact: Contact, device_list: DeviceList, found: list[tuple[DeviceRecord, Address]]
    ) -> None:
        self._told.pop(contact.account_id, None)
        self._over(contact, contact.account_id)
        self._sooner_ms.pop(contact.account_id, None)
        contact.looked_up_ms = turn.now_ms
        self._context.contents.pin(turn, contact, device_list, [record for record, _ in found])
        is_known = bool(self._state.peers_of(contact.account_id))
        for record, address in found:
            self._learn(turn, contact, record, address, is_known=is_known)
        if contact.greet:
            contact.greet = False
            turn.put(contact.put())
        self._searching.pop(contact.account_id, None)  # `pin` may have ended an unused connection
        for peer in self._state.peers_named(contact):
            if peer.pair.wanted is not None and self._address_of(peer) is None:
                self._hold(turn, contact, _lacking(peer.key))
            self._context.renewal.try_start(turn, peer)
        for key in self._state.outbox.waits_for(contact.account_id):
            if key not in self._state.peers:
                self._hold(turn, contact, _lacking(key))
        self._context.rooms.devices_changed(turn, contact.account_id)
        self._context.sending.pump(turn, contact)

    def _learn(
        self, turn: Turn, contact: Contact, record: DeviceRecord, address: Address, *, is_known: bool
    ) -> None:
        """Keep how to reach a device; a new one of a known contact is written to at once (SES-39), unless
        it is of a company that we have rooms with (TRN-31).
        """
        peer = self._state.peers.get(contact.account_id + record.device_id)
        if peer is None:
            peer = self._state.new_peer(contact, record)
            if is_known:
                turn.notify(NewDevice(contact.account_id, record.device_id))
            if (is_known or contact.greet) and not self._context.rooms.are_with(contact.account_id):
                self._context.renewal.want(turn, peer)
        peer.record = record
        self._addresses[peer.key] = address
        self._over(contact, _lacking(peer.key))
        if address.issued_ms >= peer.way_back_ms or peer.way_back is None or not peer.pair.sessions:
            peer.way_back = WayBack(address.mailbox, address.token, contact.relay_url)
            peer.way_back_ms = min(address.issued_ms, turn.now_ms)
        turn.put(peer.put())

    def _refused(self, turn: Turn, contact: Contact, error: RemoteError, device: bytes = b"") -> None:
        """A list, address or bundle does not hold. Two lists signed for one number stop the conversation
        until a person has looked; everything else is a fault of the relay, told once and tried again
        (ID-07).
        """
        if isinstance(error, ListFork):
            self._context.forks.alarm(turn, contact, error)
        elif self._told.get(contact.account_id + device) != error.code:
            self._told[contact.account_id + device] = error.code
            turn.notify(MessageRejected(contact.account_id, error.code))
        first_ms = _RETRY_PREKEYS_MS if device else _RETRY_MS
        least_ms = _RETRY_LIST_MS if isinstance(error, ListFork) else 0
        is_behind = isinstance(error, ListExpired | ListGap) and contact.head is not None
        is_away = bool(device) or is_behind
        most_ms = _RETRY_AWAY_MS if is_away else _RETRY_LIST_MS
        what = contact.account_id + device
        self._hold(turn, contact, what, first_ms=first_ms, least_ms=least_ms, most_ms=most_ms)

    # --- prekeys ---

    def _ask_prekeys(self, link: Link, peer: Peer, address: Address, turn: Turn, work: bytes) -> None:
        fetch = PrekeysFetch(link.new_id(), peer.account_id, address.record_hash, address.token, work)
        link.request(turn, fetch, partial(self._bundle, peer))

    def _bundle(self, peer: Peer, turn: Turn, frame: Response) -> None:
        if not self._is_fetching(peer) or self._state.peers.get(peer.key) is not peer:
            return
        contact = peer.contact
        self._fetching[peer.account_id].discard(peer.key)
        if not isinstance(frame, PrekeysBundle):
            self._addresses.pop(peer.key, None)
            self._hold(turn, contact, peer.key, frame, first_ms=_RETRY_PREKEYS_MS, most_ms=_RETRY_AWAY_MS)
            return
        try:
            verified = partial(_verified_bundle, peer, frame.bundle, turn.now_ms)
            bundle = self._context.forks.from_pinned(turn, contact, verified)
            if bundle.record.hash != peer.record.hash:
                raise IdentityMismatch("a bundle of another device or record")
        except RemoteError as error:
            self._addresses.pop(peer.key, None)
            self._refused(turn, contact, error, peer.device_id)
            return
        self._told.pop(peer.key, None)
        self._over(contact, peer.key)
        self._context.renewal.start(turn, peer, bundle)


def _lacking(key: bytes) -> bytes:
    """Return as what the address of a device is held that a look has not shown."""
    return key + b"address"


def _verified_bundle(peer: Peer, bundle: bytes, now_ms: int, pinned: DeviceList | None) -> VerifiedBundle:
    head, grace_ms = None if pinned is None else pinned.head, PREKEY_GRACE_MS if peer.pair.met else 0
    return prekeys.verify_bundle(peer.account_id, head, [], bundle, now_ms, grace_ms=grace_ms)


def _verified_list(
    account_id: AccountId, links: list[bytes], now_ms: int, pinned: DeviceList | None
) -> DeviceList:
    if links:
        head = None if pinned is None else pinned.head
        return identity.verify_chain(account_id, head, links, now_ms)
    if pinned is None:
        raise ListGap("the directory gave no list")
    pinned.check_time(now_ms)
    return pinned


def _addresses(
    shown: DeviceList, device_list: DeviceList, frame: LookupResult, now_ms: int
) -> list[tuple[DeviceRecord, Address]]:
    """Return the devices that take messages, with their addresses (ID-20): of those that the list which was
    shown names the ones that the list in force names too (ID-52).

    Raises:
        IdentityMismatch: there is none.
    """
    found: list[tuple[DeviceRecord, Address]] = []
    for record_b, signed in zip(frame.records, frame.addresses, strict=False):
        if signed is None:
            continue
        record = DeviceRecord.decode(record_b)
        shown.check_record(record)
        if record.hash not in device_list.record_hashes:
            continue
        record.check_time(now_ms)
        found.append((record, identity.verify_address(record, signed)))
    if not found:
        raise IdentityMismatch("no device of this account takes messages")
    return found
