"""What a content of a contact asks for: texts, receipts, syncs, device lists, heads, prekeys (chapter 10)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from e2ee import content as contents
from e2ee import identity, prekeys
from e2ee import pair as pairs
from e2ee.constants import HASH_B
from e2ee.content import Content, Heads, OfRooms, Receipt, ReceiptState, SignedList, Sync, Text, Unsupported
from e2ee.errors import ListFork, RemoteError
from e2ee.identity import DeviceList, DeviceRecord, ListHead
from e2ee.ids import DeviceId, SessionId
from e2ee.prekeys import CompactBundle
from e2ee.session import Session
from e2ee_client.events import (
    DeviceRemoved,
    MessageReceived,
    MessageRejected,
    MessageState,
    UnsupportedContent,
)

from .forks import in_force
from .part import Part
from .peers import Given, Peer
from .records import Contact, HeldContent, Message, is_same_device
from .turn import Turn

MAX_CONFIRMED: Final = 3
MAX_HELD: Final = 64
HELD_MS: Final = 30 * 86_400_000


class Contents(Part):
    """Carries out contents that have opened; those of a contact whose list is stale are held (ID-36)."""

    def take(self, turn: Turn, peer: Peer, session: Session, content: Content) -> None:
        """Do what a content asks for, or hold it until a newer list names its device."""
        if isinstance(content.payload, SignedList):
            self._list(turn, peer.contact, content.payload.signed, peer)
        if self._context.renewal.is_stale(turn, peer.contact):
            self._help_set_back(turn, peer, session, content)
            self._hold(turn, peer, session, content)
        else:
            self._carry_out(turn, peer, session, content)

    def _carry_out(self, turn: Turn, peer: Peer, session: Session, content: Content) -> None:
        self._extras(turn, peer, session, content)
        match content.payload:
            case Text() | OfRooms():
                self._counted(turn, peer, content)
            case Receipt(state, ids):
                reached = MessageState.READ if state is ReceiptState.READ else MessageState.DELIVERED
                self._context.sending.confirmed(turn, peer, reached, ids)
            case Sync() as sync:
                self._context.renewal.synced(turn, peer, session, sync)
            case Unsupported(kind, _):
                turn.notify(UnsupportedContent(peer.account_id, content.id, kind))
            case _:
                pass

    # --- texts ---

    def _counted(self, turn: Turn, peer: Peer, content: Content) -> None:
        if isinstance(content.payload, Text):
            self._text(turn, peer, content, content.payload.text)
        else:
            self._context.posting.arrived(turn, peer, content)

    def _text(self, turn: Turn, peer: Peer, content: Content, text: str) -> None:
        """Give a text to the application once; a repeat is confirmed twice more at most (SES-11, SES-42)."""
        history, account_id = self._state.history, peer.account_id
        message = history.find(turn, account_id, content.id, outgoing=False)
        if message is not None:
            if message.confirmed < MAX_CONFIRMED:
                message.confirmed += 1
                turn.put(message.put())
                self._context.receipts.due(turn, peer, [content.id])
            return
        if content.number is not None:
            change = pairs.numbered(peer.pair, content.number)
            self._context.renewal.set_pair(turn, peer, change.pair)
            self._context.renewal.tell_findings(turn, peer, change.findings)
        now_ms, state = turn.now_ms, MessageState.DELIVERED
        message = Message(account_id, content.id, False, text, content.sent_ms, now_ms, state, confirmed=1)
        history.append(turn, message)
        self._context.receipts.due(turn, peer, [content.id])
        turn.notify(MessageReceived(account_id, content.id, text, content.sent_ms, now_ms))

    # --- what travels with a content ---

    def _extras(self, turn: Turn, peer: Peer, session: Session, content: Content) -> None:
        way = content.way_back
        if way is not None and not self.may_connect(way.relay_url):
            turn.notify(MessageRejected(peer.account_id, "remote.content"))
        elif way is not None and content.sent_ms >= min(peer.way_back_ms, turn.now_ms):
            has_moved = peer.way_back is not None and peer.way_back.relay_url != way.relay_url
            peer.way_back, peer.way_back_ms = way, min(content.sent_ms, turn.now_ms)
            turn.put(peer.put())
            if has_moved:
                self._context.links.end_unused(turn)
        if content.bundle is not None:
            self._bundle(turn, peer, session, content.bundle)
        if content.heads is not None and peer.contact.accepted:
            self._heads(turn, peer, session, content.heads)

    def may_connect(self, relay_url: str) -> bool:
        """Whether an address may be followed: no peer sends us to services of our machine (CON-06)."""
        return relay_url.startswith("wss://") or self._state.own.relay_url.startswith("ws://")

    def _bundle(self, turn: Turn, peer: Peer, session: Session, bundle: CompactBundle) -> None:
        try:
            verified = prekeys.verify_compact(peer.record, bundle)
            verified.check_ahead(turn.now_ms)
            given = Given.of(verified)
        except RemoteError as error:
            turn.notify(MessageRejected(peer.account_id, error.code))
            return
        peer.learn_prekeys(session.id, given)
        turn.put(peer.put())

    def _heads(self, turn: Turn, peer: Peer, session: Session, heads: Heads) -> None:
        """Compare what both sides know of both lists (CON-05)."""
        if peer.contact is self._state.colleagues:
            self._context.colleagues.told(turn, heads.own.seq)
            return
        self._their_head(turn, peer, session, heads.own)
        if heads.peer is not None:
            self._our_head(turn, peer, heads.peer)

    def _their_head(self, turn: Turn, peer: Peer, session: Session, theirs: ListHead) -> None:
        pinned = peer.contact.device_list()
        if pinned is None or theirs.seq > pinned.seq:
            self._catch_up(turn, peer)
        elif theirs.seq < pinned.seq:
            self._give_back(turn, peer, session, pinned)
        elif theirs.hash != pinned.hash and not self._context.forks.is_settled(turn, peer.contact, theirs):
            turn.notify(MessageRejected(peer.account_id, "remote.list_fork"))

    def _our_head(self, turn: Turn, peer: Peer, ours: ListHead) -> None:
        own = self._state.own
        if ours.seq < own.device_list.seq:
            sending = self._context.renewal.session_for(turn, peer)
            if sending is not None:
                self._send_list(turn, peer, sending.id, own.device_list)
        elif ours.seq > own.device_list.seq:
            turn.notify(MessageRejected(peer.account_id, "remote.list_rollback"))
            self._context.entry.check(turn)
            if not own.publish or self._context.recovering.has_code:
                self._state_heads(turn, peer)
        elif ours.hash != own.device_list.hash:
            turn.notify(MessageRejected(peer.account_id, "remote.list_fork"))
            self._context.entry.check(turn)

    def _catch_up(self, turn: Turn, peer: Peer) -> None:
        """They have a newer list than we know: the directory has it, or they send it when they are asked."""
        if peer.contact.published:
            self._context.directory.catch_up(turn, peer.contact)
        else:
            self._state_heads(turn, peer)

    def _state_heads(self, turn: Turn, peer: Peer) -> None:
        """State both heads again, with an ask: who knows a newer one of the lists sends it (CON-13)."""
        peer.told = (0, 0, peer.told[2])
        self._context.renewal.doubt(turn, peer, pairs.LONG_PATIENCE_MS)

    def _give_back(self, turn: Turn, peer: Peer, session: Session, pinned: DeviceList) -> None:
        """Their store was set back: the directory has their newest list, or we give it back, on a session
        that they are known to have (ID-40).
        """
        contact, sending = peer.contact, pairs.sending(peer.pair, turn.now_ms)
        if not contact.published and not contact.alarm and sending == session.id:
            self._send_list(turn, peer, session.id, pinned)

    def _send_list(self, turn: Turn, peer: Peer, session_id: SessionId, device_list: DeviceList) -> None:
        """Send who knows an older one a list, one a day (SES-35)."""
        if pairs.left(peer.pair, "lists", turn.now_ms):
            self._context.renewal.set_pair(turn, peer, pairs.used(peer.pair, "lists", turn.now_ms))
            session = self._state.sessions[session_id]
            self._context.sending.send_control(turn, peer, session, SignedList(device_list.signed))

    def _help_set_back(self, turn: Turn, peer: Peer, session: Session, content: Content) -> None:
        """Answer a device that states an older list than the pinned one, also after the end of that: it has
        to hear of it in order to sign a newer one (ID-36).
        """
        contact, pinned, heads = peer.contact, peer.contact.device_list(), content.heads
        if heads is None or pinned is None or heads.own.seq >= pinned.seq:
            return
        if contact.accepted and not contact.alarm and not contact.published:
            if isinstance(content.payload, Sync):
                self._context.renewal.answer(turn, peer, session.id, content.payload)
            self._give_back(turn, peer, session, pinned)

    # --- device lists ---

    def _list(self, turn: Turn, contact: Contact, signed: bytes, by: Peer | None = None) -> None:
        """Follow a contact's newer list, one more than one link ahead too (CON-10, ID-07), or one of ours
        that it gives back (CON-05).
        """
        if contact is self._state.colleagues:
            self._context.colleagues.told_list(turn, signed)
            return
        if self._context.upkeep.take_back(turn, signed):
            return
        try:
            device_list = self.following(turn, contact, signed)
        except ListFork as error:
            self._context.forks.alarm(turn, contact, error)
        except RemoteError as error:
            turn.notify(MessageRejected(contact.account_id, error.code))
        else:
            if device_list is not None:
                self.pin(turn, contact, device_list, by=by)

    def pin(
        self,
        turn: Turn,
        contact: Contact,
        device_list: DeviceList,
        records: Iterable[DeviceRecord] = (),
        by: Peer | None = None,
    ) -> None:
        """Pin a list: who is not named is struck off, what was held is looked at (ID-28, ID-36). `records`
        that came with it and that it names are the newest of their devices. One of the number that is pinned
        changes nothing (ID-52). `by` is the device of the contact that gives it in its own session.
        """
        device_list = in_force(contact, device_list)
        is_newer, was_stale = contact.head != device_list.head, self._context.renewal.was_stale(contact)
        before, list_before = self._devices_named(contact), contact.device_list()
        contact.pin(device_list)
        turn.put(contact.put())
        self._context.successors.keep_key(turn, contact, list_before)
        self._take_records(turn, contact, records)
        self._state.note_listed(turn, contact)
        if is_newer:
            for device_id in before - self._devices_named(contact):
                turn.notify(DeviceRemoved(contact.account_id, device_id))
            self._context.sending.strike_off(turn, contact)
            self._context.dossiers.show_listed(turn, contact, list_before, before, by)
            self._release(turn, contact)
            self._context.team.note_list(turn, contact.account_id)
            self._context.rooms.devices_changed(turn, contact.account_id)
            if was_stale:
                self._context.renewal.catch_up(turn, contact)

    def _take_records(self, turn: Turn, contact: Contact, records: Iterable[DeviceRecord]) -> None:
        for record in records:
            peer = self._state.peers.get(contact.account_id + record.device_id)
            if peer is not None and contact.names(record.hash) and is_same_device(peer.record, record):
                peer.record = record
                turn.put(peer.put())

    def _devices_named(self, contact: Contact) -> set[DeviceId]:
        peers = self._state.peers_of(contact.account_id)
        return {one.device_id for one in peers if contact.names(one.record.hash)}

    def following(self, turn: Turn, contact: Contact, signed: bytes) -> DeviceList | None:
        """Return a signed list if it is newer than the pinned one; links between may be missing (ID-07).

        Raises:
            RemoteError.
        """
        device_list = DeviceList.verify(contact.account_id, signed)
        return self._context.forks.from_pinned(turn, contact, partial(_if_newer, device_list))

    # --- held contents (ID-36) ---

    def _hold(self, turn: Turn, peer: Peer, session: Session, content: Content) -> None:
        if isinstance(content.payload, Sync):
            return  # it would be out of date; whoever asks asks again
        held = self._held(turn, peer.contact)
        if len(held) >= MAX_HELD:
            turn.notify(MessageRejected(peer.account_id, "remote.list_expired"))
            return
        turn.put(HeldContent(peer.key, content.id, turn.now_ms, session.id, contents.encode(content)).put())

    def _held(self, turn: Turn, contact: Contact) -> list[HeldContent]:
        """Return what is held of a contact, also what came in this very step."""
        rows = turn.items(self._state.rows, "held")
        return [HeldContent.decode(key, row) for key, row in rows if key.startswith(contact.account_id)]

    def _release(self, turn: Turn, contact: Contact) -> None:
        """A newer list is pinned: carry out what devices sent that it names, report the rest."""
        if self._context.renewal.is_stale(turn, contact):
            return
        for held in self._held(turn, contact):
            turn.delete("held", held.key)
            peer = self._state.peers.get(held.peer_key)
            if peer is None or not contact.names(peer.record.hash):
                turn.notify(MessageRejected(contact.account_id, "remote.identity"))
                continue
            session = self._state.sessions.get(held.session_id)
            content = contents.decode(held.encoded)
            if session is not None:
                self._carry_out(turn, peer, session, content)
            elif isinstance(content.payload, Text | OfRooms):
                # Its session has gone meanwhile; the relay does not have it any more.
                self._counted(turn, peer, content)

    def review_held(self, turn: Turn) -> None:
        """Report what was held for 30 days; carry out what was held while our clock was wrong."""
        for key, row in self._state.rows.items("held"):
            if turn.now_ms > HeldContent.decode(key, row).held_ms + HELD_MS:
                turn.delete("held", key)
                turn.notify(MessageRejected(key[:HASH_B], "remote.list_expired"))
        for account_id in {key[:HASH_B] for key, _ in self._state.rows.items("held")}:
            contact = self._state.party(account_id)
            if contact is not None:
                self._release(turn, contact)

    def forget(self, turn: Turn, contact: Contact) -> None:
        """Drop what is held of a contact."""
        for held in self._held(turn, contact):
            turn.delete("held", held.key)


def _if_newer(device_list: DeviceList, pinned: DeviceList | None) -> DeviceList | None:
    if pinned is None:
        return device_list
    if device_list.seq < pinned.seq or device_list.head == pinned.head:
        return None
    if device_list.seq <= pinned.seq + 1:
        identity.check_link(pinned.head, device_list)
    return device_list
