"""Who of a company may act: what we know of the company that we are a device of, and of those we talk to.

slots of the directory, contents of type 12, a door's mandate -> learn -> Known: what counts, and the archive
view: Known, accepted list, records -> who is in force now; view_by: who was by the roster that a state names
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee.errors import ListGap, RemoteError, RosterExpired
from e2ee.identity import DeviceRecord
from e2ee.ids import AccountId, DeviceId
from e2ee.primitives import kdf
from e2ee.rooms import team
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.notice import Notice
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.slots import RosterContent, encode_slot
from e2ee.rooms.team import Condition, Standing, TeamView
from e2ee_client.events import OwnConditionChanged, TeamUnknown

from .team_learning import TeamLearning
from .team_rows import CardRow
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

_ASK_APART_MS: Final = 600_000


class Team(TeamLearning):
    """Answers who may act, asks when that may be out of date, and tells when it is not known."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._asked_ms: dict[bytes, int] = {}
        self._unclear: dict[bytes, str] = {}
        self._condition = Condition.ACTIVE

    # --- who is in force ---

    def view(self, turn: Turn, account_id: AccountId) -> TeamView:
        """Say who of a company is in force now (ACC-09). A roster of a day is asked for anew, and nothing
        waits for that (ACC-13).

        Raises:
            RosterExpired: no mandate or roster is known, or none that is in time.
            MandateInvalid, ListExpired: not valid at this time.
            ListGap: the roster goes by a newer list than the accepted one.
            IdentityMismatch: list and roster are of two histories.
        """
        try:
            found = self._view(turn, account_id)
        except RemoteError:
            self._ask_soon(turn, account_id)
            raise
        if self._is_old(turn, account_id):
            self._ask_soon(turn, account_id)
        return found

    def _view(self, turn: Turn, account_id: AccountId) -> TeamView:
        known, device_list = self.known(account_id), self._accepted(account_id)
        standing = None if known is None else known.standing
        if known is None or standing is None:
            raise RosterExpired("no mandate of this company is known")
        if device_list is None:
            raise ListGap("no device list of this company is known")
        records = self._context.team_archive.records(turn, known, device_list.head)
        pool = {one.hash: one for one in (*records, *self.known_records(account_id))}
        return team.view(standing, device_list, pool.values(), turn.now_ms)

    def view_by(self, turn: Turn, account_id: AccountId, ref: RosterRef) -> TeamView | None:
        """Say who was in force by the roster that a state names, which is kept from now on (ACC-21, ACC-23).
        None while it, its list or a record of that is not here.
        """
        known = self.known(account_id)
        return None if known is None else self._context.team_archive.view_by(turn, known, ref)

    def content(self, turn: Turn, account_id: AccountId, ref: RosterRef) -> RosterContent | None:
        """Return what a joiner needs to judge by a roster: for a dossier, and for who asks (ROOM-25)."""
        known = self.known(account_id)
        return None if known is None else self._context.team_archive.content(turn, known, ref)

    def notice(self, turn: Turn, account_id: AccountId, notice_hash: bytes) -> Notice | None:
        """Return a notice of a company by its hash."""
        known = self.known(account_id)
        return None if known is None else self._context.team_archive.notice(turn, known, notice_hash)

    def release(self, turn: Turn, account_id: AccountId, still: Collection[RosterRef]) -> None:
        """Keep for states these rosters only: the others were named in rooms that are gone (ACC-23)."""
        known = self.known(account_id)
        if known is not None:
            self._context.team_archive.release(turn, known, still)

    def standing(self, account_id: AccountId) -> Standing | None:
        """Return what counts of a company."""
        known = self.known(account_id)
        return None if known is None else known.standing

    def condition(self) -> Condition:
        """Say what this device does with its rooms, as a device of a company (ACC-15)."""
        own = self._state.own
        standing = self.standing(own.account_id)
        if own.replaced:
            return Condition.DROPPED
        if standing is None:
            return Condition.ACTIVE
        return team.condition(standing, own.device_list, own.device.record)

    def is_in_force(self, turn: Turn) -> bool:
        """Whether this device of a company is in force now (ACC-09)."""
        own = self._state.own
        try:
            return own.device.record.device_id in self._view(turn, own.account_id).members
        except RemoteError:
            return False

    # --- cards ---

    def learn_card(self, turn: Turn, account_id: AccountId, card_b: bytes) -> None:
        """Keep the card of a device that is in force now (ACC-14).

        Raises:
            DecodeError, UnsupportedVersion: no card.
            IdentityMismatch: not the one that the roster names. NotInForce, and as `view`.
        """
        card = AgentCard.decode(card_b)
        self.view(turn, account_id).member(card.device_id).check_card(card)
        self.put_card(turn, card)

    def put_card(self, turn: Turn, card: AgentCard) -> None:
        """Keep a card."""
        turn.put(CardRow(card.account_id, card.device_id, card.encoded).put())

    def card(self, turn: Turn, account_id: AccountId, device_id: DeviceId) -> AgentCard | None:
        """Return the card of a device."""
        key = CardRow.key_of(account_id, device_id)
        row = turn.read(self._state.rows, CardRow.TABLE, key)
        return None if row is None else CardRow.decode(key, row).card

    def cards(self, turn: Turn, account_id: AccountId) -> list[AgentCard]:
        """Return the cards of the devices that the roster which counts names."""
        standing = self.standing(account_id)
        roster = None if standing is None else standing.roster
        found = [] if roster is None else [self.card(turn, account_id, one.device_id) for one in roster.named]
        return [one for one in found if one is not None]

    def kept_records(self, turn: Turn, account_id: AccountId) -> list[DeviceRecord]:
        """Return all records of a company that are kept, those of lists before the accepted one too."""
        known = self.known(account_id)
        heads = [] if known is None else [one.head for one in known.lists]
        kept = (
            [] if known is None else [self._context.team_archive.records(turn, known, one) for one in heads]
        )
        return [*self.known_records(account_id), *(record for records in kept for record in records)]

    # --- when to ask ---

    def refresh(self, turn: Turn, account_id: AccountId) -> None:
        """Look a company up whose roster is a day old or whose team is unclear (ACC-13)."""
        if self._is_old(turn, account_id) or account_id in self._unclear:
            self._ask_soon(turn, account_id)

    def _is_old(self, turn: Turn, account_id: AccountId) -> bool:
        standing = self.standing(account_id)
        roster = None if standing is None else standing.roster
        return roster is None or roster.is_due(turn.now_ms) or roster.issued_ms > turn.now_ms

    def _ask_soon(self, turn: Turn, account_id: AccountId) -> None:
        """Ask with the next tick: a step that is refused leaves no question behind that was never sent."""
        asked_ms = self._asked_ms.get(account_id)
        if asked_ms is None or not asked_ms <= turn.now_ms < asked_ms + _ASK_APART_MS:
            self._context.timers.set(("team", account_id), turn.now_ms, partial(self._ask, account_id))

    def _ask(self, account_id: AccountId, turn: Turn) -> None:
        self._asked_ms[account_id] = turn.now_ms
        contact = self._state.contacts.get(account_id)
        if account_id == self._state.own.account_id:
            self._context.entry.compare_again(turn)
        elif contact is not None:
            self._context.directory.find(turn, contact)

    def maintain(self, turn: Turn) -> None:
        """Once an hour: throw away what is over, say what has ended, and ask where that is due."""
        published = [one.account_id for one in self._state.contacts.values() if one.published]
        for account_id in (self._state.own.account_id, *published):
            known = self.known(account_id)
            if known is not None:
                self._context.team_archive.prune(turn, known)
                self._review(turn, known.account_id)

    # --- our own slot ---

    def slot(self) -> bytes | None:
        """Return the slot that this device publishes beside its record (ACC-11)."""
        standing = self.standing(self._state.own.account_id)
        if standing is None or standing.roster is None:
            return None
        return encode_slot(standing.mandate, standing.roster)

    @property
    def owes_slot(self) -> bool:
        """Whether the directory does not have our slot yet (ACC-24)."""
        known, slot = self.known(self._state.own.account_id), self.slot()
        return known is not None and slot is not None and known.slot_hash != kdf.sha256(slot)

    def slot_published(self, turn: Turn, slot: bytes) -> None:
        """The directory has this slot of ours."""
        known = self.known(self._state.own.account_id)
        if known is not None:
            known.slot_hash = kdf.sha256(slot)
            self._put(turn, known)

    def forget(self, turn: Turn, account_id: AccountId) -> None:
        """Forget a company that is no contact any more."""
        known = self.known(account_id)
        if known is not None:
            for one in (*self._listed(turn, account_id), *self.known_records(account_id)):
                turn.delete(CardRow.TABLE, CardRow.key_of(account_id, one.device_id))
            self._context.team_archive.forget(turn, known)
            self._context.timers.drop(("team", account_id))
            del self._known[account_id]

    # --- what is told ---

    def _changed(self, turn: Turn, account_id: AccountId) -> None:
        """Who is in force may be others now."""
        self._review(turn, account_id)
        if account_id == self._state.own.account_id:
            self._context.timers.set("company", turn.now_ms, self._context.company.maintain)
        self._context.rooms.devices_changed(turn, account_id)

    def _review(self, turn: Turn, account_id: AccountId) -> None:
        """Tell once when it is not known who may act, and what our own device has become (ACC-15)."""
        try:
            found = self._view(turn, account_id)
        except RemoteError as error:
            if self._unclear.get(account_id) != error.code:
                self._unclear[account_id] = error.code
                turn.notify(TeamUnknown(account_id, error.code))
            self._ask_soon(turn, account_id)
        else:
            if not found.members:
                # As where a list came, by which all are struck off, ahead of the roster that goes by it.
                self._ask_soon(turn, account_id)
            if self._unclear.pop(account_id, None) is not None:
                self._context.rooms.devices_changed(turn, account_id)
        if account_id == self._state.own.account_id and self.condition() is not self._condition:
            self._condition = self.condition()
            turn.notify(OwnConditionChanged(self._condition))
