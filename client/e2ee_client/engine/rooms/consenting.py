"""Consent as a person gives and takes it: a room, a notice that is replaced, a withdrawal (CNS-17 to 20)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import Final, NamedTuple

from e2ee.card import ContactCard
from e2ee.errors import NoConsent, NoRight, RemoteError
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import customer
from e2ee.rooms.acts import What
from e2ee.rooms.customer import Accept, Effect, Given, Leave
from e2ee.rooms.door import check_texts
from e2ee.rooms.entry import RoomId
from e2ee.rooms.kinds import CONTENT, WRITERS
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.payloads import Act, ActKind
from e2ee.rooms.room import room_id as id_of_room
from e2ee.rooms.state import Phase
from e2ee_client.engine.turn import Turn

from .records import LiveRoom
from .room_engine import RoomEngine
from .room_part import RoomsPart

_NONCE_B: Final = 16


class ConsentState(Enum):
    """What a person's consent to a company is."""

    ACCEPTED = "accepted"
    STALE = "stale"
    """The notice was replaced; the person is asked, and the consent counts for a while."""
    ENDED = "ended"


class Acceptance(NamedTuple):
    """What a person has accepted: of which company, the notice that it was shown, and in which words."""

    card: ContactCard
    mandate: Mandate
    notice: Notice
    texts: Mapping[str, str]
    locale: str
    purposes: int


class Consenting(RoomsPart):
    """The customer's side; which consent counts follows from receipts and withdrawals alone (CNS-09)."""

    def check(self, given: Acceptance, now_ms: int) -> None:
        """Refuse what cannot be accepted, before anything changes (CNS-18).

        Raises:
            InvalidArgument: not a language or purposes of the notice. DecodeError: a text is not of it.
        """
        check_texts(given.notice, [(locale, text.encode()) for locale, text in sorted(given.texts.items())])
        event = Accept(given.notice.hash, given.locale, given.purposes)
        customer.step(customer.Shown(given.notice), event, now_ms)

    def accept(self, turn: Turn, given: Acceptance) -> RoomId:
        """Take a notice that a person has accepted; returns the room, opened or given a receipt.

        Raises:
            InvalidArgument: not a language or purposes of the notice.
            RemoteError: the notice or mandate does not hold.
        """
        account_id = given.card.account_id
        self.learn(turn, given)
        event = Accept(given.notice.hash, given.locale, given.purposes)
        room_id = self._room_with(turn, account_id)
        if room_id is None:
            return self._open(turn, account_id, given.notice, event)
        self._rooms.do(turn, room_id, lambda room: self._renew(turn, room, event))
        return room_id

    def learn(self, turn: Turn, given: Acceptance) -> None:
        """Learn of a company whose notice another device of the person has accepted (ROOM-38).

        Raises:
            RemoteError: the notice or mandate does not hold.
        """
        self._context.team.learn_verified(turn, given.mandate, None)
        self._context.team.learn_notice(turn, given.card.account_id, given.notice.signed)
        self._context.notices.put_texts(turn, given.notice, given.texts)

    def give_rooms(self, turn: Turn, to: DeviceId) -> None:
        """Give all rooms to another device of the person: its `open`, and all that is here (ROOM-38, TRN-19);
        none in which it has no place (ROOM-03).
        """
        for one in list(self._rooms.index.values()):
            if one.customer == self._state.own.account_id and one.phase != Phase.ERASED:
                with suppress(NoRight):
                    self._rooms.do(turn, one.room_id, lambda room: room.forwarding.give_own_device(turn, to))

    def _room_with(self, turn: Turn, account_id: AccountId) -> RoomId | None:
        """Return the newest room with a company that can still be used: of one that was closed for too long
        none is opened again (ROOM-18), so that the person gets a new one.
        """
        found = [
            one
            for one in self._rooms.index.of(account_id)
            if one.company == account_id
            and one.phase != Phase.ERASED
            and not self._rooms.room(turn, one.room_id).states.is_over(turn)
        ]
        return max(found, key=lambda one: one.last_ms).room_id if found else None

    def _open(self, turn: Turn, account_id: AccountId, notice: Notice, event: Accept) -> RoomId:
        _, effects = customer.step(customer.Shown(notice), event, turn.now_ms)
        us, nonce = self._state.own.account_id, self._state.ports.rng(_NONCE_B)
        room_id = id_of_room(account_id, us, nonce)
        for effect in effects:
            if isinstance(effect, customer.OpenRoom):
                room = self._rooms.begin(turn, room_id, account_id, us)
                room.open(turn, nonce, effect.given)
        return room_id

    def _renew(self, turn: Turn, room: RoomEngine, event: Accept) -> None:
        state = self.state_of(turn, room.live)
        if isinstance(state, customer.Accepted):
            if room.states.condition().phase is Phase.CLOSED:
                room.writing.write(turn, Act(ActKind.REOPEN))
            if not _is_left_withdrawn(room):
                return
            state = customer.Ended(state.notice, room.live.consent.seq)
        _, effects = customer.step(state, event, turn.now_ms)
        self._carry_out(turn, room, effects)

    def withdraw(self, turn: Turn, room_id: RoomId) -> None:
        """Withdraw the consent of a room.

        Raises:
            NoConsent: there is none to withdraw. UnknownRoom.
        """
        self._rooms.do(turn, room_id, lambda room: self._withdraw(turn, room))

    def _withdraw(self, turn: Turn, room: RoomEngine) -> None:
        state = self.state_of(turn, room.live)
        self._carry_out(turn, room, customer.step(state, Leave(), turn.now_ms)[1])

    def _carry_out(self, turn: Turn, room: RoomEngine, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case customer.GiveReceipt(given=given, reopens=reopens):
                    room.consent.give(turn, given, reopens=reopens)
                case customer.Withdraw(seq=seq):
                    room.consent.withdraw(turn, seq)
                case _:
                    pass

    # --- what it is ---

    def state_of(self, turn: Turn, live: LiveRoom) -> customer.State:
        """Return the consent of a room as a state of CNS-17.

        Raises:
            NoConsent: none was ever given.
        """
        known, company = live.consent, live.company
        receipt = known.receipt
        if receipt is None:
            raise NoConsent("no consent was given in this room")
        stated = self._context.notices.stated(turn, company)
        accepted = self._context.team.notice(turn, company, receipt.terms.notice_hash)
        notice = stated[0] if stated else accepted
        if notice is None:
            raise NoConsent("the notice that was accepted is not here")
        if known.is_withdrawn:
            return customer.Ended(notice, known.seq)
        given = Given(receipt.terms, receipt.accepted_ms, receipt.seq)
        if notice.hash == receipt.terms.notice_hash:
            return customer.Accepted(notice, given)
        return customer.Stale(notice, given, self._until_ms(turn, company, receipt.terms.notice_hash))

    def _until_ms(self, turn: Turn, company: AccountId, notice_hash: bytes) -> int:
        try:
            team = self._context.team.view(turn, company)
        except RemoteError:
            return 0
        return next((one.until_ms for one in team.older_notices if one.hash == notice_hash), 0)

    def consent(self, turn: Turn, live: LiveRoom) -> ConsentState:
        """Say what an application shows of the consent of a room."""
        match self.state_of(turn, live):
            case customer.Accepted():
                return ConsentState.ACCEPTED
            case customer.Stale():
                return ConsentState.STALE
            case _:
                return ConsentState.ENDED

    def check_writing(self, turn: Turn, room: RoomEngine, kind: int) -> None:
        """Refuse content without a consent that counts (CNS-20).

        Raises:
            NoConsent.
        """
        if kind in CONTENT or kind not in WRITERS:
            customer.check_sending(self.state_of(turn, room.live), turn.now_ms)


def _is_left_withdrawn(room: RoomEngine) -> bool:
    """Whether the consent counts and the room is withdrawn, and no consent waits for an answer (CNS-17)."""
    condition = room.states.condition()
    waiting = [one for one in room.states.room.acts if one.hash in condition.unanswered]
    return condition.phase is Phase.WITHDRAWN and not any(one.what is What.CONSENT for one in waiting)
