"""Signing for our company: mandates where the account key is, rosters where the roster key is (ACC-16).

what a person has decided (Signing) --> the directory has our list, and was looked at --> sign_due: mandate,
roster --> learned as by everybody else --> published as our slot, and sent at once where who is in force has
changed (ACC-17)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from e2ee.errors import CounterExhausted, NoticeIncomplete, SigningUnsure
from e2ee.ids import DeviceId
from e2ee.pair import DAY_MS
from e2ee.rooms import mandate as mandates
from e2ee.rooms.mandate import Mandate, sign_mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.roster import NextRoster, Roster, changes_team, sign_roster
from e2ee.rooms.team import Condition, Standing
from e2ee.rooms.upkeep import KeyPlace, due, is_half_over
from e2ee_client.errors import ConfigError
from e2ee_client.events import CompanyKeysExpiring, MandateSigned, RosterExpiring, SigningStopped

from .part import Part
from .signing_row import Highest, Keys, Signing, differs, next_roster
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

_AHEAD_MS: Final = 3_600_000
_REMIND_BEFORE_MS: Final = 4 * DAY_MS


class SigningView(NamedTuple):
    """The last numbers given here, the highest ones stated, and why nothing is signed; empty otherwise."""

    own: Highest
    stated: Highest
    code: str


class _Todo(NamedTuple):
    mandate: bool = False
    roster: bool = False


class Signer(Part):
    """Of a device that does not sign for a company, nothing is due."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        row = self._state.rows.get(Signing.TABLE, Signing.PREFIX)
        self._signing = None if row is None else Signing.decode(Signing.PREFIX, row)
        self._notice: Notice | None = None
        self._told = ""
        self._reminded_ms: int | None = None

    # --- what is due ---

    def view(self, turn: Turn) -> SigningView | None:
        """Return what a person has to know of the signing; None where this device does not sign."""
        signing, code = self._signing, ""
        if signing is None:
            return None
        try:
            self._todo(turn)
        except (NoticeIncomplete, SigningUnsure) as error:
            code = error.code
        return SigningView(signing.highest, signing.stated(self._standing()), code)

    def is_due(self, turn: Turn) -> bool:
        """Whether a mandate or roster is to be signed, and can be."""
        try:
            return any(self._todo(turn))
        except (NoticeIncomplete, SigningUnsure):
            return False

    def sign_due(self, turn: Turn) -> None:
        """Sign what is due. Called when the directory has our list, and after it was looked at (ACC-07)."""
        todo = self._can_do(turn)
        try:
            if self._signing is not None and any(todo):
                self._sign(turn, self._signing, todo)
        except CounterExhausted as error:
            self._tell_stopped(turn, error.code)

    def _can_do(self, turn: Turn) -> _Todo:
        """Say what is to be signed and can be; tell once why nothing can."""
        try:
            todo = self._todo(turn)
        except (NoticeIncomplete, SigningUnsure) as error:
            self._tell_stopped(turn, error.code)
            return _Todo()
        if self._told != CounterExhausted.code:
            self._told = ""
        return todo

    def _tell_stopped(self, turn: Turn, code: str) -> None:
        if self._told != code:
            self._told = code
            turn.notify(SigningStopped(code))

    def roster_ends_ms(self, now_ms: int) -> int | None:
        """Return when the roster that counts ends or has ended, from four days before on; None before that,
        and where this device signs it or has closed its rooms (ACC-82).
        """
        standing = self._standing()
        if standing is None or standing.roster is None:
            return None
        is_signed_here = self._signing is not None and self._signing.signs(standing)
        if is_signed_here or self._context.team.condition() is not Condition.ACTIVE:
            return None
        ends_ms = standing.roster.expires_ms
        return ends_ms if now_ms >= ends_ms - _REMIND_BEFORE_MS else None

    def lost(self, turn: Turn) -> None:
        """Our store may be an older copy: a person has to confirm the highest numbers first (ACC-07)."""
        if self._signing is not None:
            self._signing.unsure, self._signing.confirmed = True, None
            turn.put(self._signing.put())

    def maintain(self, turn: Turn) -> None:
        """Once an hour, and when who may act has changed: have signed what is due, have our slot published,
        and remind of what a person has to sign (ACC-16, ACC-24).
        """
        is_due = self._signing is not None and any(self._can_do(turn))
        if is_due or self._context.team.owes_slot:
            self._context.entry.refill(turn)
        if self._signing is not None:
            self._remind(turn, self._signing)
        self._remind_of_roster(turn)

    def _remind(self, turn: Turn, signing: Signing) -> None:
        own, standing = self._state.own, self._standing()
        if own.account_key is not None or standing is None or not signing.signs(standing):
            return
        days = due(KeyPlace.OFFLINE, standing, own.device_list, turn.now_ms).remind_days or 0
        if days != signing.reminded_days:
            signing.reminded_days = days
            turn.put(signing.put())
            if days:
                turn.notify(CompanyKeysExpiring(days))

    def _remind_of_roster(self, turn: Turn) -> None:
        """Tell at most once in 24 hours that the roster ends and is signed elsewhere."""
        told_ms, ends_ms = self._reminded_ms, self.roster_ends_ms(turn.now_ms)
        is_told = told_ms is not None and told_ms <= turn.now_ms < told_ms + DAY_MS
        if ends_ms is not None and not is_told:
            self._reminded_ms = turn.now_ms
            turn.notify(RosterExpiring(ends_ms))

    # --- signing ---

    def _todo(self, turn: Turn) -> _Todo:
        """Say what is to be signed here.

        Raises:
            NoticeIncomplete: there is no notice, which each roster states. SigningUnsure.
        """
        own, signing, standing = self._state.own, self._signing, self._standing()
        if signing is None:
            return _Todo()
        if signing.notice is None:
            raise NoticeIncomplete("no notice is published yet", field="notice")
        signing.last(standing)
        if own.device_list.expires_ms <= turn.now_ms:
            return _Todo()
        signs = standing is not None and signing.signs(standing)
        if own.account_key is not None and (
            standing is None or not signs or signing.renew or _is_to_renew(standing.mandate, turn.now_ms)
        ):
            return _Todo(mandate=True, roster=True)
        if standing is None or not signs:
            return _Todo()
        is_ahead = standing.roster is not None and standing.roster.issued_ms > turn.now_ms + _AHEAD_MS
        is_old = due(KeyPlace.OFFLINE, standing, own.device_list, turn.now_ms).roster
        is_other = differs(standing.roster, self._following(turn, signing))
        return _Todo(roster=is_ahead or is_old or is_other)

    def _sign(self, turn: Turn, signing: Signing, todo: _Todo) -> None:
        """Sign a roster, under a new mandate where that is due; both are on disk before they leave.

        Raises:
            CounterExhausted: nothing has changed.
        """
        own, standing, last = self._state.own, self._standing(), signing.last(self._standing())
        before, keys, renewed = None if standing is None else standing.roster, signing.keys, signing.renew
        mandate = None if standing is None else standing.mandate
        if todo.mandate and own.account_key is not None:
            keys, last = Keys.new(self._state.ports.rng, login=signing.login), Highest(last.mandate, 0)
            seq = mandates.next_seq(last.mandate, turn.now_ms)
            unsigned = signing.unsigned_mandate(own.account_id, keys, seq, turn.now_ms)
            mandate = sign_mandate(own.account_key, unsigned)
        if mandate is None or keys is None:
            return
        seq = mandates.next_seq(last.roster, turn.now_ms)
        roster = sign_roster(keys.roster, mandate, seq, self._following(turn, signing), turn.now_ms)
        if todo.mandate:
            signing.take(mandate, keys)
        signing.highest = Highest(mandate.seq, roster.ref.seq)
        turn.put(signing.put())
        self._context.team.learn_verified(turn, mandate, roster)
        if signing.notice is not None:
            self._context.team.learn_notice(turn, own.account_id, signing.notice)
        if todo.mandate:
            turn.notify(MandateSigned(mandate.expires_ms))
        if before is None or renewed or changes_team(before, roster):
            self._announce(turn, roster)

    def _following(self, turn: Turn, signing: Signing) -> NextRoster:
        own, team = self._state.own, self._context.team
        notice = self._notice_of(signing)
        found = {one: team.card(turn, own.account_id, one) for one in self._device_ids()}
        cards = {one: card for one, card in found.items() if card is not None}
        records = team.known_records(own.account_id)
        return next_roster(signing, notice, own.device_list, records, cards, turn.now_ms)

    def _notice_of(self, signing: Signing) -> Notice:
        """Return the notice that rosters state, which is verified once."""
        known, account_id = self._notice, self._state.own.account_id
        if known is None or (known.account_id, known.signed) != (account_id, signing.notice):
            known = self._notice = signing.notice_of(account_id)
        if known is None:
            raise NoticeIncomplete("no notice is published yet", field="notice")
        return known

    def _announce(self, turn: Turn, roster: Roster) -> None:
        """Send a roster at once to all whom it concerns (ACC-17)."""
        self._context.announcing.announce(turn, roster)

    # --- inside ---

    def _standing(self) -> Standing | None:
        return self._context.team.standing(self._state.own.account_id)

    def _own_signing(self) -> Signing:
        """Return what we sign from. A device that has stopped signs nothing more (ID-48, ACC-67)."""
        self._state.check_goes_on()
        return self._known_signing()

    def _known_signing(self) -> Signing:
        if self._signing is None:
            raise ConfigError("this device does not sign for its company")
        return self._signing

    def _device_ids(self) -> set[DeviceId]:
        others = {one.record.device_id for one in self._state.own_devices.values()}
        return others | {self._state.own.device.record.device_id}


def _is_to_renew(mandate: Mandate, now_ms: int) -> bool:
    """Whether half of its life is over, or a clock ahead of now has dated it (ACC-16)."""
    is_ahead = mandate.issued_ms > now_ms + _AHEAD_MS
    return is_ahead or is_half_over(mandate.issued_ms, mandate.expires_ms, now_ms)
