"""Sealed envelopes to the relay, in batches, and what its answers mean for them (RLY-30, RLY-32)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee_relay.protocol import (
    ErrorCode,
    ErrorReply,
    Response,
    Send,
    SendItem,
    SendResult,
    SendResults,
    TtlClass,
    pow_context_send,
)

from e2ee.content import WayBack
from e2ee.ids import SessionId
from e2ee.session import Started
from e2ee_client.events import MessageState

from .effects import Channel
from .link import Link, LinkState
from .outbox import Lane, Outgoing
from .part import Part
from .peers import Peer
from .records import Contact
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

MAX_RETRY_AFTER_MS: Final = 3_600_000
_BATCH: Final = 32
_BATCH_B: Final = 128 * 1024
_MAX_FLYING: Final = 256
_RETRY_LEAST_MS: Final = 1_000
_DENIED_RETRY_MS: Final = 30_000
_DENIED_AGAIN_MS: Final = 600_000
_WORK_AGAIN_MS: Final = 600_000
_DENIED_FINAL_MS: Final = 86_400_000
_FINAL: Final = frozenset({ErrorCode.TOO_LARGE, ErrorCode.BAD_REQUEST})


class Delivery(Part):
    """Hands over what is sealed; at most 256 envelopes of a device are under way at a time."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._needs_work: set[bytes] = set()  # delivery tokens
        self._worked_for: set[int] = set()  # places of what goes out with the work that the relay has named

    def channel(self, contact: Contact, peer: Peer | None = None) -> Channel:
        """Return the sending connection for a contact; a person's contacts do not share one (chapter 11)."""
        way = None if peer is None else peer.way_back
        url = contact.relay_url if way is None else way.relay_url
        isolation = b"" if self._state.own.publish else contact.account_id
        return Channel(url, b"", isolation, self._state.is_foreign(url))

    def flush(self, turn: Turn, peer: Peer, lane: Lane) -> None:
        """Send what is ready, in order, batch by batch; under an alarm nothing goes (ID-66)."""
        way = peer.way_back
        is_held = self._context.timers.is_waiting(("send", peer.key), turn.now_ms)
        if way is None or is_held or peer.contact.alarm or not self._can_be_answered(peer.contact, lane):
            return
        link = self._context.links.link(turn, self.channel(peer.contact, peer))
        if link.state is not LinkState.READY or link.hello is None:
            return
        works = way.token in self._needs_work
        while lane.ready and len(lane.flying) < (1 if works else _MAX_FLYING):
            batch = _take_batch(lane, 1 if works else min(_BATCH, link.hello.limits.max_send_items))
            self._state.outbox.give(lane, link.channel, batch)
            self._worked_for.update(item.place for item in batch if works)
            bits = link.hello.limits.pow_bits_send if works else 0
            context = pow_context_send(way.mailbox, batch[0].msg_id)
            link.work(turn, context, bits, partial(self._request, link, peer, way, batch))

    def _can_be_answered(self, contact: Contact, lane: Lane) -> bool:
        """Whether the address that a first flight states is one that the relay knows: an answer to another
        would be denied, and so lost (CON-06).
        """
        if not lane.ready:
            return False
        session = self._state.sessions.get(SessionId(lane.ready[0].session_id))
        if session is None or not isinstance(session.phase, Started):
            return True
        mailbox = self._state.mailbox_for(contact.account_id)
        return mailbox.token_for(contact.account_id)[1]

    def fail_unanswerable(self, turn: Turn, contact: Contact, code: str) -> None:
        """Give up texts that would begin a session whose answers could never come (CON-06)."""
        for device_id, lane in self._state.outbox.of(contact.account_id):
            peer = self._state.peers.get(contact.account_id + device_id)
            if peer is None or self._can_be_answered(contact, lane):
                continue
            for item in list(lane.ready):
                if item.shown:
                    lane.ready.remove(item)
                    self._failed(turn, item, code)

    def _request(
        self, link: Link, peer: Peer, way: WayBack, batch: list[Outgoing], turn: Turn, work: bytes
    ) -> None:
        items = tuple(
            SendItem(way.mailbox, way.token, item.msg_id, TtlClass.RETENTION, work, item.envelope)
            for item in batch
        )
        link.request(turn, Send(link.new_id(), items), partial(self._answered, link, peer, way.token, batch))

    def _answered(
        self, link: Link, peer: Peer, token: bytes, batch: list[Outgoing], turn: Turn, frame: Response
    ) -> None:
        if self._state.peers.get(peer.key) is not peer:
            return
        lane = self._state.outbox.lane(peer.account_id, peer.device_id)
        again: list[Outgoing] = []
        for item, result in zip(batch, _results(frame, len(batch)), strict=True):
            if lane.flying.pop(item.place, None) is not None:
                again += [] if self._is_settled(turn, peer, token, item, result) else [item]
        if again:
            lane.put_back(again)
        self._state.outbox.note_answered(lane, link.channel)
        if any(lane.waiting_again()):
            self._context.sending.pump(turn, peer.contact)
        self.flush(turn, peer, lane)

    def _is_settled(self, turn: Turn, peer: Peer, token: bytes, item: Outgoing, result: SendResult) -> bool:
        """Do what one answer asks for; False if the envelope is to be sent again."""
        had_work = item.place in self._worked_for
        self._worked_for.discard(item.place)
        if result.code is ErrorCode.OK:
            self._taken(turn, peer, item)
            return True
        if result.code in _FINAL:
            self._failed(turn, item, f"relay.{result.code.name.lower()}")
            return True
        if result.code is ErrorCode.POW_REQUIRED and not had_work:
            self._needs_work.add(token)
            return False
        if result.code is ErrorCode.DENIED:
            return self._was_denied(turn, peer, item)
        is_enough = result.code is ErrorCode.POW_REQUIRED and had_work
        self._hold(turn, peer, _WORK_AGAIN_MS if is_enough else result.retry_after_ms)
        return False

    def _taken(self, turn: Turn, peer: Peer, item: Outgoing) -> None:
        """The relay has it on disk; a text is kept until the other side has, too."""
        if item.ask_id is not None:
            self._context.renewal.ask_taken(turn, peer, item.ask_id)
        if not item.shown:
            turn.delete("outbox", item.key)
            return
        self._keep(turn, item)
        self._context.sending.set_state(turn, peer.account_id, item.content_id, MessageState.SENT)
        self._context.sending.again_if_left_behind(turn, peer, item)

    def _keep(self, turn: Turn, item: Outgoing) -> None:
        """Wait for the receipt of a device."""
        item.envelope = b""
        self._state.outbox.add(item)
        turn.put(item.put())

    def _was_denied(self, turn: Turn, peer: Peer, item: Outgoing) -> bool:
        """The address does not hold (any more): a directory entry may have another one. Without one it is
        final after a day, since a relay that was set back learns our token again from its owner; what lasts
        is kept until its device is there again (ROOM-78).
        """
        contact = peer.contact
        if not contact.published and turn.now_ms >= item.created_ms + _DENIED_FINAL_MS:
            if item.lasts and item.shown:
                self._keep(turn, item)
            else:
                self._failed(turn, item, "relay.denied")
            return True
        self._hold(turn, peer, _DENIED_RETRY_MS if contact.published else _DENIED_AGAIN_MS)
        self._context.directory.look_up(turn, contact)
        return False

    def _hold(self, turn: Turn, peer: Peer, retry_after_ms: int) -> None:
        wait_ms = min(max(retry_after_ms, _RETRY_LEAST_MS), MAX_RETRY_AFTER_MS)
        again = partial(self._context.sending.pump_account, peer.account_id)
        self._context.timers.set(("send", peer.key), turn.now_ms + wait_ms, again)

    def _failed(self, turn: Turn, item: Outgoing, code: str) -> None:
        turn.delete("outbox", item.key)
        peer = self._state.peers.get(item.account_id + item.device_id)
        if item.ask_id is not None and peer is not None:
            self._context.renewal.ask_refused(turn, peer, item.ask_id)
        sending = self._context.sending
        if self._context.posting.lost(turn, item, code):
            return
        if item.shown and not sending.is_elsewhere(item):
            sending.set_state(turn, item.account_id, item.content_id, MessageState.FAILED, code)


def _results(frame: Response, count: int) -> list[SendResult]:
    """Return one result for each envelope; an answer of another kind or length confirms nothing."""
    if isinstance(frame, SendResults) and len(frame.results) == count:
        return list(frame.results)
    if isinstance(frame, ErrorReply):
        return [SendResult(frame.code, frame.retry_after_ms)] * count
    return [SendResult(ErrorCode.UNAVAILABLE, 0)] * count


def _take_batch(lane: Lane, most: int) -> list[Outgoing]:
    batch: list[Outgoing] = []
    size_b = 0
    while lane.ready and len(batch) < max(1, most):
        size_b += len(lane.ready[0].envelope)
        if batch and size_b > _BATCH_B:
            break
        batch.append(lane.ready.popleft())
    return batch
