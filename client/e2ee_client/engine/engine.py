"""The client without I/O: commands and network events in, effects out.

Theory of operation. The engine keeps everything but texts in memory and changes it step by step; each step
collects its row changes in a `Turn`, which puts one commit before whatever leaves the device. If the commit
fails, the shell throws the engine away and loads it again from the store, which is the truth. Time and
randomness come in from outside.

A text on its way out:  engine.send_texts -> sending: for each device in force
    -> renewal.session_for: the active session, or the best unproven one before the first proof
    -> sending: number, seal; state, envelope and history in one commit
    -> delivery.flush: batch -> link.request -> effects
    the relay's answer -> delivery: taken; a receipt -> sending.confirmed
    no session -> renewal.need -> directory (published contacts) or the peer's prekeys -> renewal.start

A text on its way in:   engine.received -> mailboxes.delivered -> incoming: session by tag, or a first flight
    -> renewal.opened: proven, active, what goes again
    -> contents: text to the history and to the application, receipt due, sync, list
    -> renewal.settle: doubt, what waits
    -> mailboxes: acknowledgement, after the commit

With time: links (reconnect), and what stands in timers: renewal (silence, candidates, gaps), upkeep once an
hour (prekeys, device list), receipts, refills, sending and looking up again.
The parts find each other through `context`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from e2ee_relay.protocol import (
    Displaced,
    Frame,
    FrameError,
    GoAway,
    Hello,
    LowPrekeys,
    QueueEmpty,
    Response,
    Role,
    decode_frames,
)
from e2ee_relay.protocol import (
    Message as DeliveredMessage,
)

from e2ee.card import ContactCard
from e2ee.errors import E2eeError
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.secret import RecoveryKey
from e2ee_client.errors import ConfigError, SealroomError
from e2ee_client.events import ConnectionChanged, ConnectionState, SecondCopy
from e2ee_client.rows import Continuity

from .context import Context
from .delivery import MAX_RETRY_AFTER_MS
from .effects import Channel, Effect
from .link import Link, LinkState, why_unusable
from .ports import Ports, RowReader, Setup
from .queries import ContactView, Queries
from .records import Contact, account_key_of
from .recovering import RecoveryRow
from .rooms.consenting import Acceptance
from .rooms.rooms import Rooms
from .state import State
from .turn import Turn
from .upkeep import PUBLISHED, new_account

__all__ = ["ContactView", "Engine"]

T = TypeVar("T")

_MAINTAIN_EVERY_MS: Final = 3_600_000
_DISPLACED_RETRY_MS: Final = 5_000
_DISPLACED_WITHIN_MS: Final = 86_400_000
_DISPLACED_OFTEN: Final = 2
_CLOCK_PUT_BACK_MS: Final = 60_000
_UNUSABLE_RETRY_MS: Final = 600_000


class Engine(Queries):
    """One per open store; not to be used from several threads at a time. Use `create` or `load`."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._displaced_ms: list[int] = []
        self._latest_ms = 0
        self._is_ahead = False
        self._runs = False

    # --- life ---

    @classmethod
    def create(
        cls, setup: Setup, ports: Ports, rows: RowReader, now_ms: int
    ) -> tuple[Engine, RecoveryKey, list[Effect]]:
        """Make an account in an empty store; the recovery key is kept nowhere (ID-13)."""
        own, recovery_key = new_account(setup, ports, now_ms)
        turn = Turn(now_ms, own.account_id)
        engine = cls(State.fresh(rows, ports, own))
        engine._context.upkeep.store_list(turn, own.device_list)
        if setup.recovery is not None:
            turn.put(RecoveryRow.of(setup.recovery).put())
        if setup.publish:
            engine._context.mailboxes.add(turn, setup.relay_url, b"")
            engine._context.upkeep.rotate(turn, PUBLISHED)
        return engine, recovery_key, turn.effects()

    @classmethod
    def load(
        cls, rows: RowReader, continuity: Continuity, ports: Ports, now_ms: int
    ) -> tuple[Engine, list[Effect]]:
        """Go on from a store; unless it continues the last run, every session counts as lost (SES-32,
        STO-15).

        Raises:
            StoreCorrupt: a row does not fit.
        """
        engine = cls(State.load(rows, ports))
        turn = Turn(now_ms, engine.account_id)
        if not continuity.keeps_sessions:
            engine._context.renewal.lost_all(turn)
            engine._context.upkeep.lost(turn)
            engine._context.company.lost(turn)
            engine._context.rooms.lost(turn)
        return engine, turn.effects()

    def start(self, now_ms: int) -> list[Effect]:
        """Go online: look after what has to be renewed and open the connections of our mailboxes. A store
        that a second copy has signed beside stays offline (ID-48).
        """
        turn, self._runs = self._step(now_ms), True
        if self._state.is_second_copy:
            self._context.copies.tell(turn)
            self._context.copies.rest(turn)
            return turn.effects()
        self._context.links.is_online = True
        self._maintain(turn)
        for mailbox in list(self._state.mailboxes.values()):
            self._context.links.link(turn, self._context.mailboxes.channel(mailbox))
        self._context.sending.pump_all(turn)
        self._context.receipts.wait(turn)
        self._context.renewal.start_all(turn)
        self._context.rooms.start(turn)
        return turn.effects()

    def stop(self, now_ms: int) -> list[Effect]:
        """Go offline: close every connection."""
        turn, self._runs = self._step(now_ms), False
        self._context.links.stop(turn)
        return turn.effects()

    # --- network ---

    def connected(self, channel: Channel, now_ms: int) -> list[Effect]:
        """A connection that was asked for stands."""
        turn = self._step(now_ms)
        link = self._context.links.by_channel.get(channel)
        if link is None:
            turn.close(channel)
        else:
            link.connected(turn)
        return turn.effects()

    def disconnected(self, channel: Channel, now_ms: int, code: str = "") -> list[Effect]:
        """A connection could not be opened, or is gone; `code` says why where that is known."""
        turn, links = self._step(now_ms), self._context.links
        link = links.by_channel.get(channel)
        if link is not None and link.state is not LinkState.CLOSED:
            links.went_down(turn, link, code)
            if links.is_unused(channel):
                links.forget(channel)
            else:
                link.down(turn)
        return turn.effects()

    def received(self, channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
        """A binary message arrived; bytes that are no message of the protocol end the connection (RLY-03)."""
        turn = self._step(now_ms)
        link = self._context.links.by_channel.get(channel)
        if link is None or link.state in (LinkState.CLOSED, LinkState.OPENING):
            return []
        try:
            frames = decode_frames(data, Role.CLIENT)
        except FrameError:
            self._context.links.went_down(turn, link)
            link.drop(turn)
            return turn.effects()
        for frame in frames:
            self._frame(turn, link, frame)
            if _is_closed(link):
                break
        return turn.effects()

    def worked(self, channel: Channel, number: int, work: bytes, now_ms: int) -> list[Effect]:
        """Work that was asked for has been found."""
        turn = self._step(now_ms)
        link = self._context.links.by_channel.get(channel)
        if link is not None:
            link.worked(turn, number, work)
        return turn.effects()

    def tick(self, now_ms: int) -> list[Effect]:
        """Do what time asks for; called at or after `next_wake_ms`."""
        turn, context = self._step(now_ms), self._context
        if not self._runs:
            return []
        context.links.tick(turn)
        context.timers.run(turn)
        return turn.effects()

    @property
    def next_wake_ms(self) -> int | None:
        """When to call `tick`; None while offline. A store that a second copy has signed beside erases in
        time (ID-48).
        """
        context = self._context
        if not self._runs:
            return None
        times = (context.timers.wake_ms(), context.links.wake_ms())
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    # --- contacts ---

    def add_contact(self, card: ContactCard, now_ms: int) -> tuple[bytes, list[Effect]]:
        """Add a contact from its card, pinning the account id. A newer card of a contact corrects its relay.

        Raises:
            ConfigError: the card is our own.
        """
        turn = self._step(now_ms)
        self._add(turn, card)
        return card.account_id, turn.effects()

    def follow_successor(self, text: str, card: ContactCard, now_ms: int) -> tuple[bytes, list[Effect]]:
        """Add the account that follows a contact's, as a person has decided, and send nothing more to that
        one (ID-62).

        Raises:
            SuccessorInvalid, UnknownContact, ListUnknown, ContactBlocked. ConfigError: the new account is
            ours, or rooms are with the old one.
        """
        found = self._context.successors.check(text, card.account_id)
        turn = self._step(now_ms)
        self._add(turn, card)
        self._context.successors.hold(turn, found.old_account_id)
        return card.account_id, turn.effects()

    def _add(self, turn: Turn, card: ContactCard) -> None:
        if card.account_id == self._state.own.account_id:
            raise ConfigError("this contact card is your own")
        contact = self._state.contacts.get(card.account_id)
        if contact is None:
            contact = Contact(card.account_id, card.name, card.relay_url, published=True)
            self._state.contacts[card.account_id] = contact
            self._make_reachable(turn, contact)
        else:
            self._correct_relay(turn, contact, card)
        self._context.telling.accept(turn, contact)

    def _make_reachable(self, turn: Turn, contact: Contact) -> None:
        if not self._state.own.publish:
            mailbox = self._context.mailboxes.add(turn, contact.relay_url, contact.account_id)
            self._context.links.link(turn, self._context.mailboxes.channel(mailbox))

    def _correct_relay(self, turn: Turn, contact: Contact, card: ContactCard) -> None:
        if contact.published and contact.relay_url == card.relay_url:
            return
        contact.published, contact.relay_url, contact.looked_up_ms = True, card.relay_url, 0
        self._context.directory.forget(contact.account_id)
        mailbox = self._state.mailbox_for(contact.account_id)
        if mailbox.contact and not mailbox.created:
            self._context.mailboxes.forget(turn, contact.account_id)
            self._make_reachable(turn, contact)
        turn.put(contact.put())
        self._context.directory.look_up(turn, contact)

    def accept_contact(self, account_id: bytes, now_ms: int) -> list[Effect]:
        """Accept somebody who wrote first: it gets receipts and a token of its own (CON-04)."""
        turn = self._step(now_ms)
        self._context.telling.accept(turn, self._state.contact(account_id))
        return turn.effects()

    def forget_contact(self, account_id: bytes, now_ms: int) -> list[Effect]:
        """Delete a contact with its sessions, keys, texts and address here and at the relay."""
        turn, context = self._step(now_ms), self._context
        contact = self._state.contact(account_id)
        context.directory.forget(account_id)
        context.sending.forget(turn, account_id)
        context.mailboxes.forget(turn, account_id)
        context.upkeep.forget(turn, account_id)
        context.contents.forget(turn, contact)
        context.forks.forget(turn, account_id)
        context.successors.forget(turn, account_id)
        for peer in self._state.peers_of(account_id):
            context.receipts.forget(turn, peer.key)
        context.renewal.forget(turn, account_id)
        self._state.history.forget(turn, account_id)
        context.team.forget(turn, contact.account_id)
        del self._state.contacts[contact.account_id]
        turn.delete("contact", account_id)
        return turn.effects()

    def set_verified(self, account_id: bytes, verified: bool, now_ms: int) -> list[Effect]:
        """Note that a person has compared the safety number; that also ends an alarm (ID-52)."""
        turn = self._step(now_ms)
        contact = self._state.contact(account_id)
        contact.verified = verified
        if verified and contact.alarm:
            contact.alarm = ""
            self._context.receipts.accepted(turn, contact)
            self._context.renewal.catch_up(turn, contact)
        if verified:
            self._context.forks.settle(turn, contact)
        turn.put(contact.put())
        self._context.sending.pump(turn, contact)
        self._context.renewal.permitted(turn, account_id)
        return turn.effects()

    def set_name(self, account_id: bytes, name: str | None, now_ms: int) -> list[Effect]:
        """Name a contact; the name stays on this device."""
        turn = self._step(now_ms)
        contact = self._state.contact(account_id)
        contact.name = name
        turn.put(contact.put())
        return turn.effects()

    # --- texts ---

    def send_texts(
        self, account_id: bytes, texts: Sequence[str], now_ms: int
    ) -> tuple[list[bytes], list[Effect]]:
        """Send texts, all or none; they are safe in the store when the first effect is done (STO-28). Writing
        to somebody accepts them.

        Raises:
            UnknownContact, ContactBlocked, DeviceReplacedError, SecondCopyError, DeviceListOver,
                MessageEmpty, MessageTooLarge.
        """
        turn = self._step(now_ms)
        contact = self._state.contact(account_id)
        self._context.sending.check(turn, contact, texts)
        self._context.telling.accept(turn, contact)
        message_ids = self._context.sending.send_texts(turn, contact, texts)
        return message_ids, turn.effects()

    def mark_read(self, account_id: bytes, message_ids: Iterable[bytes], now_ms: int) -> list[Effect]:
        """Note that a person has seen texts of a contact, and tell it if the account has read receipts
        switched on and the contact is accepted (CON-04).
        """
        turn = self._step(now_ms)
        contact = self._state.contact(account_id)
        changed = self._state.history.mark_read(turn, account_id, message_ids)
        if self._state.own.read_receipts and contact.accepted:
            self._context.receipts.read(turn, contact, changed)
        return turn.effects()

    # --- account ---

    def install_list(self, signed: bytes, now_ms: int) -> list[Effect]:
        """Install a device list that was signed elsewhere (ID-12).

        Raises:
            ConfigError: it does not fit.
        """
        turn = self._step(now_ms)
        self._context.upkeep.install_list(turn, signed)
        self._context.entry.refill(turn)
        return turn.effects()

    def follow_entry(self, signed: bytes, now_ms: int) -> list[Effect]:
        """Take this device list, if the directory has it, though it parts from ours (ID-55).

        Raises:
            ConfigError: the account key is here. DeviceReplacedError, SecondCopyError. RemoteError: it is no
            list of our account.
        """
        self.check_follows()
        device_list = DeviceList.verify(self._state.own.account_id, signed)
        turn = self._step(now_ms)
        self._context.entry.follow(turn, device_list.hash)
        return turn.effects()

    def check_follows(self) -> None:
        """Check that a list of the directory may be taken at all (ID-55).

        Raises:
            ConfigError: the account key is here. DeviceReplacedError, SecondCopyError.
        """
        self.check_goes_on()
        if self.has_account_key:
            raise ConfigError("a device with the account key goes on from its own list, or from a backup")

    def add_device(self, record: DeviceRecord, now_ms: int) -> list[Effect]:
        """Sign a device into our next list; `welcome` tells when the directory has it (ACC-35).

        Raises:
            AccountKeyAbsent, DeviceReplacedError, ConfigError, TooManyDevices.
        """
        turn = self._step(now_ms)
        self._context.devices.add(turn, record)
        return turn.effects()

    def recovery_code_typed(self, typed: Mapping[int, str], now_ms: int) -> tuple[int | None, list[Effect]]:
        """The person has typed groups of its recovery code back; returns the first that is wrong (ACC-68).

        Raises:
            ConfigError: fewer than two groups, numbers of none, or this device has no code.
        """
        turn = self._step(now_ms)
        return self._context.recovering.typed_back(turn, typed), turn.effects()

    def remove_device(self, device_id: bytes, now_ms: int) -> list[Effect]:
        """Strike a device off with our next list (ID-28).

        Raises:
            AccountKeyAbsent, ConfigError, UnknownDevice.
        """
        turn = self._step(now_ms)
        self._context.devices.remove(turn, device_id)
        return turn.effects()

    @property
    def has_account_key(self) -> bool:
        """Whether the account key is on this device."""
        return self._state.own.account_key is not None

    def remove_account_key(self, now_ms: int) -> list[Effect]:
        """Forget the account key here. A copy that has stopped keeps it: its way back is a backup (ID-48).

        Raises:
            AccountKeyAbsent: it is not here. SecondCopyError: this copy has stopped.
            ConfigError: a list that was signed here waits for the directory.
        """
        self.check_copy()
        turn = self._step(now_ms)
        account_key_of(self._state.own)
        self._context.upkeep.remove_account_key(turn)
        self._context.entry.refill(turn)
        return turn.effects()

    # --- rooms and our company ---

    @property
    def is_ahead(self) -> bool:
        """Whether a command was refused after it had begun to change something: memory is ahead of the store,
        and the engine is to be loaded again before its next step.
        """
        return self._is_ahead

    def of_company(self, do: Callable[[Turn, Context], T], now_ms: int) -> tuple[T, list[Effect]]:
        """Carry out what a person decides for our company, by the parts of the engine that do it.

        Raises:
            SealroomError, E2eeError: what `do` raises; nothing has changed in the store (`is_ahead`).
        """
        turn = self._step(now_ms)
        with self._all_or_nothing(turn):
            return do(turn, self._context), turn.effects()

    def of_rooms(self, do: Callable[[Turn, Rooms], T], now_ms: int) -> tuple[T, list[Effect]]:
        """Carry out what a person does in rooms; as `of_company`."""
        turn = self._step(now_ms)
        with self._all_or_nothing(turn):
            return do(turn, self._context.rooms), turn.effects()

    def accept_notice(self, given: Acceptance, now_ms: int) -> tuple[bytes, list[Effect]]:
        """Take a notice that a person has accepted: the company becomes a contact, a room is opened (CNS-17).

        Raises:
            InvalidArgument: not a language or purposes of the notice. RemoteError: a part does not hold.
        """
        turn, consenting = self._step(now_ms), self._context.rooms.consenting
        consenting.check(given, now_ms)
        with self._all_or_nothing(turn):
            self._add(turn, given.card)
            return consenting.accept(turn, given), turn.effects()

    def give_rooms(self, device_id: bytes, now_ms: int) -> list[Effect]:
        """Give the rooms that this device has opened to another one of the person; `owes_rooms` tells when.

        Raises:
            UnknownDevice: the account has no other one of this id. NoRight: it is being struck off.
        """
        turn = self._step(now_ms)
        self._context.devices.owe_rooms(turn, device_id)
        return turn.effects()

    def know_company(self, given: Acceptance, now_ms: int) -> tuple[None, list[Effect]]:
        """Take the company of another device of this person as a contact; it gives the rooms (ROOM-38).

        Raises:
            RemoteError: a part does not hold.
        """
        turn = self._step(now_ms)
        with self._all_or_nothing(turn):
            self._add(turn, given.card)
            self._context.rooms.consenting.learn(turn, given)
            return None, turn.effects()

    # --- inside ---

    @contextmanager
    def _all_or_nothing(self, turn: Turn) -> Iterator[None]:
        try:
            yield
        except (SealroomError, E2eeError):
            self._is_ahead = self._is_ahead or not turn.is_empty
            raise

    def _step(self, now_ms: int) -> Turn:
        """Begin a step. What was put off by a clock that has been put back since is due now."""
        if now_ms < self._latest_ms - _CLOCK_PUT_BACK_MS:
            self._displaced_ms.clear()
            self._context.links.clock_put_back(now_ms)
            self._context.timers.clock_put_back(now_ms)
            self._context.renewal.clock_put_back(now_ms)
        self._latest_ms = now_ms
        return Turn(now_ms, self.account_id)

    def _frame(self, turn: Turn, link: Link, frame: Frame) -> None:
        match frame:
            case Hello():
                self._hello(turn, link, frame)
            case DeliveredMessage():
                self._context.mailboxes.delivered(turn, link, frame)
            case Displaced(mailbox=mailbox) if mailbox == link.channel.mailbox:
                self._was_displaced(turn, link)
            case GoAway():
                self._context.links.went_down(turn, link)
                link.drop(turn, min(frame.retry_after_ms, MAX_RETRY_AFTER_MS))
            case LowPrekeys():
                self._context.entry.low(turn, link, frame)
            case QueueEmpty(mailbox=mailbox) if mailbox == link.channel.mailbox:
                link.emptied, link.emptied_ms = True, turn.now_ms
                self._context.rooms.hearing.look(turn)
            case _:
                if isinstance(frame, Response):
                    link.answer(turn, frame)

    def _was_displaced(self, turn: Turn, link: Link) -> None:
        """Another connection has proved our mailbox. Once, that is an older one of ours; again and again, a
        second copy of this store is running.
        """
        since_ms = turn.now_ms - _DISPLACED_WITHIN_MS
        self._displaced_ms = [*(at for at in self._displaced_ms if since_ms < at <= turn.now_ms), turn.now_ms]
        often = len(self._displaced_ms)
        if often == _DISPLACED_OFTEN:
            turn.notify(SecondCopy())
        self._context.links.went_down(turn, link)
        link.drop(turn, _DISPLACED_RETRY_MS << min(often - 1, 4))

    def _hello(self, turn: Turn, link: Link, hello: Hello) -> None:
        if link.state is not LinkState.GREETING:
            return
        links = self._context.links
        if links.is_unused(link.channel):
            turn.close(link.channel)
            links.forget(link.channel)
            return
        unusable = why_unusable(hello)
        if unusable:
            links.went_down(turn, link)
            link.drop(turn, _UNUSABLE_RETRY_MS)
            turn.notify(ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, unusable))
            return
        link.greeted(hello)
        if link.channel.mailbox:
            self._context.mailboxes.greeted(turn, link)
            return
        link.ready()
        self._sending_ready(turn, link.channel.isolation)

    def _sending_ready(self, turn: Turn, account_id: bytes) -> None:
        """A sending connection stands, of one contact or of all: what waited for it goes."""
        context = self._context
        if account_id:
            context.directory.connected(turn, account_id)
            context.sending.pump_account(account_id, turn)
            context.renewal.start_with(turn, account_id)
        else:
            context.directory.connected_all(turn)
            context.sending.pump_all(turn)
            context.renewal.start_all(turn)

    def _maintain(self, turn: Turn) -> None:
        """Do what is done once an hour."""
        context = self._context
        context.timers.set("maintain", turn.now_ms + _MAINTAIN_EVERY_MS, self._maintain)
        context.upkeep.sweep(turn)
        context.links.end_unused(turn)
        self._renew_list(turn)
        context.team.maintain(turn)
        context.company.maintain(turn)
        context.rooms.maintain(turn)
        context.entry.compare_daily(turn)
        context.colleagues.give_owed(turn)
        self._rotate(turn)
        context.renewal.look_at_all(turn)
        after_ms = self._state.ports.keep_alive_ms
        for contact in list(self._state.contacts.values()):
            if not contact.accepted or contact.alarm:
                continue
            context.directory.weekly(turn, contact)
            if contact.greet:
                context.directory.find(turn, contact)
            if after_ms is not None:
                context.telling.keep_alive(turn, contact, after_ms)
        if after_ms is not None:
            context.telling.keep_alive(turn, self._state.colleagues, after_ms)

    def _rotate(self, turn: Turn) -> None:
        """Make the prekeys of the week; unpublished ones go to the contacts with an ask (SES-25)."""
        upkeep = self._context.upkeep
        for owner in upkeep.owners():
            if not upkeep.rotate(turn, owner):
                continue
            contact = self._state.contacts.get(owner)
            if owner == PUBLISHED:
                self._context.entry.refill(turn)
            elif contact is not None and contact.accepted:
                bundle = upkeep.compact(turn, owner, one_time=True)
                self._context.renewal.ask_weekly(turn, contact, bundle)

    def _renew_list(self, turn: Turn) -> None:
        """Sign our next list when it is due. With a directory entry that is done there: it takes one list
        for each number, so that two copies of a store cannot sign two (ID-40).
        """
        own, upkeep = self._state.own, self._context.upkeep
        if self._state.is_stopped or not upkeep.list_due(turn) or own.account_key is None:
            return
        if own.publish:
            self._context.entry.refill(turn)
        else:
            self._context.telling.list_renewed(turn, upkeep.next_list(turn, own.account_key))


def _is_closed(link: Link) -> bool:
    return link.state is LinkState.CLOSED
