"""Starting a session: find the device, fetch a bundle, run the handshake (ID-16, HS-01, SES-03, SES-07).

published contact:  LOOKUP --> lists verified from the pin --> PREKEYS_FETCH --> bundle verified --> session
other contacts:     prekeys that the device gave us inside a session ---------------------------> session
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

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
from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee.content import WayBack
from e2ee.errors import (
    E2eeError,
    Expired,
    IdentityMismatch,
    ListExpired,
    ListFork,
    ListGap,
    ListRollback,
    RemoteError,
)
from e2ee.identity import Address, DeviceList, DeviceRecord
from e2ee.pair import FRESH, LOST_GEN
from e2ee.prekeys import PrekeyKind, SignedPrekey, VerifiedBundle
from e2ee_client.events import DeviceListExpiring, IdentityAlarm, MessageRejected, NewDevice, SessionStarted

from .effects import Channel
from .link import Link, LinkState
from .records import Contact, Peer
from .state import State
from .turn import Turn

_RETRY_MS: Final = 15_000
_RETRY_LIST_MS: Final = 600_000
_MAX_PAGES: Final = 64


@dataclass(slots=True)
class _Search:
    """A lookup under way: the lists seen so far and how many pages they took."""

    links: list[bytes] = field(default_factory=list)
    pages: int = 0


class Establish:
    """Starts sessions; at most one attempt for a contact at a time."""

    def __init__(
        self,
        state: State,
        link_of: Callable[[Turn, Channel], Link],
        channel_for: Callable[[Contact], Channel],
        hold: Callable[[Turn, bytes, int], None],
        strike_off: Callable[[Turn, Contact], None],
        established: Callable[[Turn, Contact], None],
    ) -> None:
        self._state = state
        self._link_of = link_of
        self._channel_for = channel_for
        self._hold = hold
        self._strike_off = strike_off
        self._established = established
        self._searching: dict[bytes, _Search] = {}
        self._told: dict[bytes, str] = {}

    def start(self, turn: Turn, contact: Contact) -> None:
        """Begin, or go on when the connection is there."""
        if contact.published:
            self._look_up(turn, contact)
        else:
            self._from_peer(turn, contact)

    def lost(self, channel: Channel) -> None:
        """The connection is gone: what was asked there has to be asked again."""
        for account_id in list(self._searching):
            contact = self._state.contacts.get(account_id)
            if contact is None or self._channel_for(contact) == channel:
                del self._searching[account_id]

    def forget(self, account_id: bytes) -> None:
        """Search for a contact no longer."""
        self._searching.pop(account_id, None)
        self._told.pop(account_id, None)

    # --- from prekeys inside a session ---

    def _from_peer(self, turn: Turn, contact: Contact) -> None:
        for peer in self._state.peers_of(contact.account_id):
            bundle = self._bundle_of(turn, contact, peer)
            if bundle is not None:
                self._initiate(turn, contact, peer, bundle)
                return
        self._hold(turn, contact.account_id, _RETRY_LIST_MS)

    def _bundle_of(self, turn: Turn, contact: Contact, peer: Peer) -> VerifiedBundle | None:
        device_list = contact.device_list()
        if device_list is None or peer.spk is None or peer.pqk is None:
            return None
        record = peer.record()
        opk = peer.opks.pop(0) if peer.opks else None
        pqk = peer.one_time_pqks.pop(0) if peer.one_time_pqks else peer.pqk
        kinds = (PrekeyKind.PQK_ONE_TIME, PrekeyKind.PQK_LAST_RESORT)
        try:
            return prekeys.bundle_from_peer(
                record,
                device_list,
                SignedPrekey.verify(record, peer.spk, (PrekeyKind.SPK,)),
                None if opk is None else SignedPrekey.verify(record, opk, (PrekeyKind.OPK,)),
                SignedPrekey.verify(record, pqk, kinds),
                turn.now_ms,
            )
        except RemoteError:
            return None

    # --- from the directory ---

    def _look_up(self, turn: Turn, contact: Contact) -> None:
        if contact.account_id in self._searching:
            return
        link = self._link_of(turn, self._channel_for(contact))
        if link.state is not LinkState.READY:
            return
        self._searching[contact.account_id] = _Search()
        self._ask_lists(turn, link, contact, 0 if contact.head is None else contact.head.seq)

    def _ask_lists(self, turn: Turn, link: Link, contact: Contact, after_seq: int) -> None:
        link.request(
            turn,
            lambda request_id: Lookup(request_id, contact.account_id, after_seq),
            partial(self._lists, link, contact.account_id),
        )

    def _lists(self, link: Link, account_id: bytes, turn: Turn, frame: Response) -> None:
        contact, search = self._state.contacts.get(account_id), self._searching.get(account_id)
        if contact is None or search is None:
            return
        if not isinstance(frame, LookupResult):
            self._give_up(turn, contact, frame.retry_after_ms if isinstance(frame, ErrorReply) else 0)
            return
        try:
            search.links.extend(frame.lists)
            search.pages += 1
            if frame.more and frame.lists and search.pages < _MAX_PAGES:
                newest = DeviceList.verify(contact.account_id, frame.lists[-1])
                self._ask_lists(turn, link, contact, newest.seq)
                return
            device_list = self._verified_list(contact, search.links, turn.now_ms)
            record, address = _choose(device_list, frame, turn.now_ms)
            known = self._state.peers.get(contact.account_id + record.device_id)
            if known is not None:
                known.check_keys(record)
        except RemoteError as error:
            self._refused(turn, contact, error)
            return
        contact.pin(device_list)
        turn.put(contact.put())
        self._strike_off(turn, contact)
        self._learn_address(turn, contact, record, address)
        self._fetch(turn, link, contact, record, address)

    def _verified_list(self, contact: Contact, links: list[bytes], now_ms: int) -> DeviceList:
        if links:
            return identity.verify_chain(contact.account_id, contact.head, links, now_ms)
        pinned = contact.device_list()
        if pinned is None:
            raise ListGap("the directory gave no list")
        pinned.check_time(now_ms)
        return pinned

    def _learn_address(self, turn: Turn, contact: Contact, record: DeviceRecord, address: Address) -> None:
        key = contact.account_id + record.device_id
        peer = self._state.peers.get(key)
        if peer is None:
            if any(True for _ in self._state.peers_of(contact.account_id)):
                turn.notify(NewDevice(contact.account_id, record.device_id))
            peer = self._state.peers[key] = Peer(contact.account_id, record.device_id, record.encoded)
        peer.record_b = record.encoded
        if address.issued_ms >= peer.way_back_ms or peer.way_back is None or not peer.pair.sessions():
            peer.way_back = WayBack(address.mailbox, address.token, contact.relay_url)
            peer.way_back_ms = address.issued_ms
        turn.put(peer.put())

    def _fetch(
        self, turn: Turn, link: Link, contact: Contact, record: DeviceRecord, address: Address
    ) -> None:
        if link.hello is None:
            return
        context = pow_context_fetch(link.hello.nonce, contact.account_id, record.hash)

        def fetch(turn: Turn, work: bytes) -> None:
            link.request(
                turn,
                lambda request_id: PrekeysFetch(
                    request_id, contact.account_id, record.hash, address.token, work
                ),
                partial(self._bundle, contact.account_id, record.device_id),
            )

        link.work(turn, context, link.hello.limits.pow_bits_fetch, fetch)

    def _bundle(self, account_id: bytes, device_id: bytes, turn: Turn, frame: Response) -> None:
        contact, peer = self._state.contacts.get(account_id), self._state.peers.get(account_id + device_id)
        if contact is None or peer is None or self._searching.pop(account_id, None) is None:
            return
        if not isinstance(frame, PrekeysBundle):
            self._give_up(turn, contact, frame.retry_after_ms if isinstance(frame, ErrorReply) else 0)
            return
        try:
            bundle = prekeys.verify_bundle(contact.account_id, contact.head, [], frame.bundle, turn.now_ms)
            if bundle.record.device_id != peer.device_id:
                raise IdentityMismatch("a bundle of another device")
        except RemoteError as error:
            self._refused(turn, contact, error)
            return
        self._initiate(turn, contact, peer, bundle)

    # --- both ---

    def _initiate(self, turn: Turn, contact: Contact, peer: Peer, bundle: VerifiedBundle) -> None:
        self._told.pop(contact.account_id, None)
        own, ports = self._state.own, self._state.ports
        if turn.now_ms > own.device_list.expires_ms:
            turn.notify(DeviceListExpiring(own.device_list.expires_ms))
            self._hold(turn, contact.account_id, _RETRY_LIST_MS)
            return
        # Beside others, one with gen 0 becomes active only in place of another one with gen 0 (SES-04).
        wins = peer.pair == FRESH or (peer.pair.active is not None and peer.pair.highest_gen == LOST_GEN)
        gen = LOST_GEN if peer.lost and wins else peer.pair.next_gen
        try:
            session = sessions.initiate(
                own.device, own.device_list, bundle, gen, turn.now_ms, ports.rng, ports.encapsulate
            )
        except E2eeError as error:
            turn.notify(IdentityAlarm(contact.account_id, error.code))
            self._hold(turn, contact.account_id, _RETRY_LIST_MS)
            return
        adoption = pairs.adopt(peer.pair, session, turn.now_ms)
        self._state.store_session(turn, peer, None, session)
        self._state.set_pair(turn, peer, adoption.pair, adoption.gone)
        peer.heads_told = (0, 0)
        turn.put(peer.put())
        turn.notify(SessionStarted(contact.account_id, True, session.one_time.x25519, session.one_time.kem))
        if adoption.is_active:
            self._established(turn, contact)
        else:
            self._hold(turn, contact.account_id, _RETRY_LIST_MS)

    def _refused(self, turn: Turn, contact: Contact, error: RemoteError) -> None:
        """A list or bundle does not hold: nothing is sent; a signed fork blocks until a person has looked."""
        if isinstance(error, ListFork):
            contact.alarm = error.code
            turn.put(contact.put())
        if not isinstance(error, Expired | ListExpired | ListGap):
            turn.notify(IdentityAlarm(contact.account_id, error.code))
        elif self._told.get(contact.account_id) != error.code:
            # Nobody's keys are in doubt and it is tried again every few seconds: once is enough.
            self._told[contact.account_id] = error.code
            turn.notify(MessageRejected(contact.account_id, error.code))
        self._give_up(turn, contact, _RETRY_LIST_MS if isinstance(error, ListRollback | ListFork) else 0)

    def _give_up(self, turn: Turn, contact: Contact, retry_after_ms: int) -> None:
        self._searching.pop(contact.account_id, None)
        self._hold(turn, contact.account_id, max(retry_after_ms, _RETRY_MS))


def _choose(device_list: DeviceList, frame: LookupResult, now_ms: int) -> tuple[DeviceRecord, Address]:
    """Return the device to write to: a front desk before others, the newest address before older ones
    (ID-20).

    Raises:
        IdentityMismatch: no listed device has a valid address.
    """
    found: list[tuple[bool, int, DeviceRecord, Address]] = []
    for record_b, signed in zip(frame.records, frame.addresses, strict=False):
        record = DeviceRecord.decode(record_b)
        device_list.check_record(record)
        record.check_time(now_ms)
        if signed is not None:
            address = identity.verify_address(record, signed)
            found.append((record.front_desk, address.issued_ms, record, address))
    if not found:
        raise IdentityMismatch("no device of this account takes messages")
    _, _, record, address = max(found, key=lambda item: item[:2])
    return record, address
