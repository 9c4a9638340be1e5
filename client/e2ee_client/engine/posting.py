"""Contents of rooms and teams between sessions and rooms: posted to named devices, taken from them (TRN-29).

post --> a row for the content, an item in the lane of each device --> sending --> receipt --> confirmed
incoming --> gate --> arrived --> rooms.take --> receipt
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from e2ee import content as contents
from e2ee import pair as pairs
from e2ee.constants import CONTENT_ID_B, HASH_B, LINE_B
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import ContentTooLarge, IdentityMismatch, InvalidArgument, RemoteError, RoomErased
from e2ee.ids import AccountId, ContentId, DeviceId
from e2ee.numbers import Number
from e2ee.prekeys import CompactBundle
from e2ee.session import Session
from e2ee.wire import cbor
from e2ee_client.errors import UnknownContact
from e2ee_client.events import MessageRejected

from .contents import MAX_CONFIRMED
from .outbox import Outgoing
from .part import Part
from .peers import Peer
from .posted import POSTED_TYPES, Posted, PostedRow
from .records import Contact
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

MAX_POSTED_B: Final = 64_000
"""Of an encoded content, so that heads and an address fit beside it (WIRE-14)."""
MAX_REMEMBERED: Final = 4_096
_A_NUMBER: Final = Number(1, bytes(LINE_B), 1)
_Tell: TypeAlias = Callable[[Turn, AccountId, DeviceId, bytes], None]


class Posting(Part):
    """What waits is named by content id; of each it is known which devices have still to confirm it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._waits: dict[bytes, set[bytes]] = {}
        self._lasting: set[bytes] = set()  # of these, entries that are kept (ROOM-73): no forwards
        self._newest: Posted | None = None
        self._confirmed: dict[bytes, int] = {}
        stored = {key for key, _ in self._state.rows.items(PostedRow.TABLE)}
        outbox = self._state.outbox
        for account_id in outbox.accounts() if stored else ():
            for _, lane in outbox.of(account_id):
                for item in lane.all():
                    if item.shown and item.content_id in stored:
                        self._note(item)

    # --- out ---

    def post(self, turn: Turn, posted: Posted, to: Iterable[tuple[AccountId, DeviceId]]) -> None:
        """Send a content to devices, durable until each has confirmed it; writing to a contact accepts it. A
        device that has it on its way already, or that was struck off, gets no other copy; what is kept for
        one for longer than a text goes again (ROOM-78).

        Raises:
            UnknownContact: an account is neither a contact nor ours; nothing has changed.
            ContentTooLarge, InvalidArgument: no content of these types, or our own device.
        """
        content = _prepared(posted)
        devices = {account_id + device_id: self._contact(account_id) for account_id, device_id in to}
        if self._state.own.account_id + self._state.own.device.record.device_id in devices:
            raise InvalidArgument("a device posts nothing to itself")
        contacts = {one.account_id: one for one in devices.values()}
        for contact in contacts.values():
            self._make_ready(turn, contact)
        for key, contact in devices.items():
            self._post_to(turn, posted, content, contact, key)
        for contact in contacts.values():
            self._context.sending.pump(turn, contact)

    def signal(self, turn: Turn, payload: OfRooms, to: Iterable[tuple[AccountId, DeviceId]]) -> None:
        """Send a content of type 9 once, to those of the devices with which there is a session; one with a
        colleague is begun, for when it is repeated (TRN-29).

        Raises:
            InvalidArgument: another type.
        """
        if payload.type is not ContentType.SIGNAL:
            raise InvalidArgument("only a signal is not counted")
        for account_id, device_id in to:
            peer = self._state.peers.get(account_id + device_id)
            if peer is None or not peer.contact.accepted or peer.contact.alarm:
                continue
            session = self._context.renewal.session_for(turn, peer)
            if session is not None:
                self._context.sending.send_control(turn, peer, session, payload)
            elif account_id == self._state.own.account_id:
                self._context.renewal.need(turn, peer)

    def recall(
        self, turn: Turn, account_id: AccountId, device_id: DeviceId, goes: Callable[[Posted], bool]
    ) -> list[bytes]:
        """Take back from a device what was not sealed for it yet and `goes`; returns the content ids. Of none
        of it the device has a number, so that no gap stays (ROOM-36).
        """
        lane, taken = self._state.outbox.lane(account_id, device_id), list[bytes]()
        for item in [one for one in lane.waiting if one.shown and not one.sendings]:
            posted = self.find(turn, item.content_id)
            if posted is not None and goes(posted):
                lane.waiting.remove(item)
                turn.delete(item.TABLE, item.key)
                self._settled(turn, account_id + device_id, item.content_id)
                taken.append(item.content_id)
        return taken

    def take_back(
        self,
        turn: Turn,
        content_ids: Iterable[bytes],
        redacted: Callable[[cbor.Value], cbor.Value],
        *,
        code: str = RoomErased.code,
        but: AccountId | None = None,
    ) -> None:
        """Send contents no more, whoever lacks them, `but` to devices of that account; what a relay has, or
        is being given, is not undone. Of forwards that wait goes what `redacted` leaves of them (ROOM-44).
        """
        for content_id in content_ids:
            for key in sorted(self._waits.get(content_id, ())):
                if key[:HASH_B] != but:
                    self._drop_from(turn, key, content_id, code)
        may_forward = [one for one in self._waits.items() if one[0] not in self._lasting]
        for content_id, keys in may_forward:
            posted = None if all(key[:HASH_B] == but for key in keys) else self.find(turn, content_id)
            if posted is not None and posted.type is ContentType.FORWARD:
                payload = redacted(posted.payload)
                if payload != posted.payload:
                    turn.put(replace(posted, payload=payload).row().put())
        self._newest = None

    def _drop_from(self, turn: Turn, key: bytes, content_id: bytes, code: str) -> None:
        account_id, device_id = AccountId(key[:HASH_B]), DeviceId(key[HASH_B:])
        lane, has_left = self._state.outbox.lane(account_id, device_id), False
        for item in [one for one in lane.all() if one.content_id == content_id]:
            has_left = has_left or item.has_left
            if lane.drop(item):
                turn.delete(item.TABLE, item.key)
            else:
                item.shown, has_left = False, True  # On its way: forgotten when the relay has it.
        if not has_left:
            self._context.rooms.failed(turn, account_id, device_id, content_id, code)
        self._settled(turn, key, content_id)

    def is_waiting(self, content_id: bytes) -> bool:
        """Whether a device has still to confirm a content."""
        return content_id in self._waits

    def find(self, turn: Turn, content_id: bytes) -> Posted | None:
        """Return a content that waits for devices, or that was posted last; None for a text."""
        if self._newest is None or self._newest.content_id != content_id:
            if content_id not in self._waits:
                return None
            row = turn.read(self._state.rows, PostedRow.TABLE, content_id)
            self._newest = None if row is None else PostedRow.decode(content_id, row).posted()
        return self._newest

    def ahead(self, turn: Turn, peer: Peer, session: Session, bundle: CompactBundle | None) -> None:
        """Seal the `open` that a flight of ours begins with, ahead of its ask (TRN-30)."""
        posted = self._context.rooms.first_of(turn, peer.account_id, peer.device_id)
        if posted is None:
            return
        lane = self._state.outbox.lane(peer.account_id, peer.device_id)
        known = [one for one in lane.all() if one.shown and one.content_id == posted.content_id]
        if not known:
            item = self._new_item(turn, posted, peer.contact, peer.key)
        elif known[0] in lane.waiting and not known[0].sendings:
            item = known[0]
            lane.waiting.remove(item)
        else:
            item = self._copy(turn, peer, known[0])
        content = posted.content()._replace(bundle=bundle)
        sending = self._context.sending
        if not sending.seal_counted(turn, peer, session, item, content, is_ahead=True) and item.shown:
            lane.waiting.appendleft(item)
            turn.put(item.put())

    def _contact(self, account_id: bytes) -> Contact:
        contact = self._state.party(account_id)
        if contact is None:
            raise UnknownContact("no such contact")
        return contact

    def _make_ready(self, turn: Turn, contact: Contact) -> None:
        self._context.telling.accept(turn, contact)
        if contact is not self._state.colleagues:
            self._context.directory.refresh(turn, contact)

    def _post_to(self, turn: Turn, posted: Posted, content: Content, contact: Contact, key: bytes) -> None:
        peer = self._state.peers.get(key)
        if key in self._waits.get(posted.content_id, ()):
            lane = self._state.outbox.lane(contact.account_id, key[HASH_B:])
            item = lane.unconfirmed.get(posted.content_id)
            self._context.sending.again_kept(turn, lane, [] if item is None else [item])
            return
        if peer is not None and not contact.names(peer.record.hash):
            code, self._newest = IdentityMismatch.code, posted
            self._context.rooms.failed(turn, peer.account_id, peer.device_id, posted.content_id, code)
            return
        item = self._new_item(turn, posted, contact, key)
        self._context.sending.seal_or_wait(turn, contact, item, content)

    def _new_item(self, turn: Turn, posted: Posted, contact: Contact, key: bytes) -> Outgoing:
        if posted.content_id not in self._waits:
            turn.put(posted.row().put())
            self._newest = posted
        device = (contact.account_id, key[HASH_B:])
        item = self._context.sending.new_item(*device, posted.content_id, turn.now_ms, lasts=posted.lasts)
        self._note(item)
        return item

    def _note(self, item: Outgoing) -> None:
        """A device has still to confirm a content."""
        self._waits.setdefault(item.content_id, set()).add(item.account_id + item.device_id)
        if item.lasts:
            self._lasting.add(item.content_id)

    def _copy(self, turn: Turn, peer: Peer, item: Outgoing) -> Outgoing:
        """Return another sending of what is on its way: it is forgotten when the relay has it."""
        place, number = self._state.outbox.new_place(), item.number
        return Outgoing(
            place, peer.account_id, peer.device_id, item.content_id, False, turn.now_ms, number=number
        )

    # --- how it ends ---

    def confirmed(self, turn: Turn, peer: Peer, content_id: bytes) -> bool:
        """Take a receipt of a device; False if it is not for something posted."""
        if peer.key not in self._waits.get(content_id, ()):
            return False
        self._context.rooms.confirmed(turn, peer.account_id, peer.device_id, content_id)
        self._settled(turn, peer.key, content_id)
        return True

    def lost(self, turn: Turn, item: Outgoing, code: str) -> bool:
        """A content is not sent to a device any more; False if it is not a posted one."""
        return self._ended(turn, item, partial(self._context.rooms.failed, code=code))

    def not_sent(self, turn: Turn, item: Outgoing) -> bool:
        """A content has not left for a device that is gone (ID-28); False if it is not a posted one."""
        return self._ended(turn, item, self._context.rooms.not_sent)

    def _ended(self, turn: Turn, item: Outgoing, tell: _Tell) -> bool:
        if item.content_id not in self._waits:
            return False
        key = item.account_id + item.device_id
        if item.shown and key in self._waits[item.content_id]:
            tell(turn, item.account_id, DeviceId(item.device_id), item.content_id)
            self._settled(turn, key, item.content_id)
        return True

    def _settled(self, turn: Turn, key: bytes, content_id: bytes) -> None:
        """A device needs a content no more; with the last one its row goes."""
        devices = self._waits[content_id]
        devices.discard(key)
        if not devices:
            del self._waits[content_id]
            self._lasting.discard(content_id)
            turn.delete(PostedRow.TABLE, content_id)

    # --- in ---

    def arrived(self, turn: Turn, peer: Peer, content: Content) -> None:
        """Give a content to the rooms, and note its number; what they have taken is confirmed."""
        is_taken = False
        try:
            is_taken = self._context.rooms.take(turn, peer, content)
        except RemoteError as error:
            turn.notify(MessageRejected(peer.account_id, error.code))
        if content.number is not None and not peer.pair.received.has(content.number):
            change = pairs.numbered(peer.pair, content.number)
            self._context.renewal.set_pair(turn, peer, change.pair)
            self._context.renewal.tell_findings(turn, peer, change.findings)
        if is_taken:
            self.confirm(turn, peer, content.id)

    def confirm(self, turn: Turn, peer: Peer, content_id: ContentId) -> None:
        """Let a receipt go out, also for what was held before it was taken; on one session three at most."""
        session = self._context.renewal.session_for(turn, peer)
        key = peer.key + content_id + (b"" if session is None else session.id)
        count = self._confirmed.pop(key, 0)
        if content_id not in self._state.receipts.get(peer.key, ()) and count < MAX_CONFIRMED:
            self._context.receipts.due(turn, peer, [content_id])
            count += 1
        self._confirmed[key] = count
        if len(self._confirmed) > MAX_REMEMBERED:
            del self._confirmed[next(iter(self._confirmed))]


def _prepared(posted: Posted) -> Content:
    """Return what is sealed for each device, encoded once; refuse what no device would take, before a number
    is used for it.
    """
    if posted.type not in POSTED_TYPES or len(posted.content_id) != CONTENT_ID_B:
        raise InvalidArgument("no content that is posted")
    content = contents.prepare(posted.content())
    if len(contents.encode(content._replace(number=_A_NUMBER))) > MAX_POSTED_B:
        raise ContentTooLarge("a posted content has at most 64 000 bytes")
    return content
