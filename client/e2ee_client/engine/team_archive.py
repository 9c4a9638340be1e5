"""Rosters that states of rooms name, with their mandates, lists and records (ACC-21, ACC-23).

A roster is kept for eight days after it was learned, and as long as a state names it after that; a list as
long as a kept roster goes by it. What nobody needs any more is thrown away when something new is learned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final, TypeVar

from e2ee.errors import ListGap, RemoteError
from e2ee.identity import DeviceList, DeviceRecord, ListHead
from e2ee.rooms import team
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.roster import Roster, RosterRef
from e2ee.rooms.slots import RosterContent
from e2ee.rooms.team import TeamView
from e2ee_client.errors import StoreCorrupt

from .part import Part
from .row_codec import stored_parts
from .team_rows import Known, KnownList, KnownNotice, KnownRoster, ListRow, MandateRow, NoticeRow, RosterRow
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

MAX_NAMED: Final = 1_024
MAX_NAMED_BY_MANDATE: Final = 256
MAX_UNNAMED: Final = 64
MAX_OTHER_LISTS: Final = 16
MAX_NOTICES: Final = 64
MAX_WITNESSES: Final = 256
KEPT_MS: Final = 8 * 86_400_000
WITNESS_MS: Final = 6 * 86_400_000
"""A roster lives for seven days: the first one of each six covers them (ACC-23)."""
_MAX_CACHED: Final = 256
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class TeamArchive(Part):
    """Reads rows when they are asked for; who was in force by a roster is worked out once."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._views: dict[tuple[bytes, RosterRef], TeamView] = {}
        self._lists: dict[bytes, ListRow] = {}

    # --- what is asked ---

    def view_by(self, turn: Turn, known: Known, ref: RosterRef) -> TeamView | None:
        """Say who was in force by a roster (ACC-21), and keep the roster from now on (ACC-23). None while it,
        its list or a record is not here.
        """
        found = self._views.get((known.account_id, ref)) or self._judged(turn, known, ref)
        if found is not None:
            _remember(self._views, (known.account_id, ref), found)
            self._name(turn, known, ref)
        return found

    def judges_by(self, turn: Turn, known: Known, ref: RosterRef) -> bool:
        """Whether it is known who was in force by a roster (ACC-21); it is not kept for that."""
        return (known.account_id, ref) in self._views or self._judged(turn, known, ref) is not None

    def _papers(self, turn: Turn, known: Known, ref: RosterRef) -> tuple[Mandate, Roster, ListRow] | None:
        """Return a roster with its mandate, and with the list that it was made for."""
        entry = _entry(known, ref)
        row = None if entry is None else self._list(turn, known, entry.list_head)
        if entry is None or row is None:
            return None
        mandate, roster = self._signed(turn, known, entry)
        self._fill(turn, row)
        return mandate, roster, row

    def _judged(self, turn: Turn, known: Known, ref: RosterRef) -> TeamView | None:
        papers = self._papers(turn, known, ref)
        if papers is None:
            return None
        mandate, roster, row = papers
        try:
            return team.view_by(mandate, roster, row.device_list, row.records)
        except ListGap:
            return None
        except RemoteError:
            # Mandate, list and roster were not valid together when the roster was made: nobody was in force.
            return TeamView(roster.ref, roster.notice_hash, roster.older_notices, {})

    def content(self, turn: Turn, known: Known, ref: RosterRef) -> RosterContent | None:
        """Return what somebody else needs to judge by a roster, as a content of type 12 (ACC-12, ACC-21)."""
        papers = self._papers(turn, known, ref)
        if papers is None:
            return None
        mandate, roster, row = papers
        records = tuple(one.encoded for one in row.records)
        notice = self.notice(turn, known, roster.notice_hash)
        notices = () if notice is None else (notice.signed,)
        return RosterContent(mandate.signed, roster.signed, (row.device_list.signed,), records, notices)

    def records(self, turn: Turn, known: Known, head: ListHead) -> list[DeviceRecord]:
        """Return the records that are kept of a list."""
        row = self._list(turn, known, head)
        return [] if row is None else row.records

    def notice(self, turn: Turn, known: Known, notice_hash: bytes) -> Notice | None:
        """Return a notice that is kept, also one that came with a backup (ACC-28)."""
        key = NoticeRow.key_of(known.account_id, notice_hash)
        row = turn.read(self._state.rows, NoticeRow.TABLE, key)
        if row is None:
            return None
        with stored_parts():
            return Notice.verify(known.account_id, NoticeRow.decode(key, row).signed)

    # --- what is learned ---

    def add_roster(self, turn: Turn, known: Known, mandate: Mandate, roster: Roster) -> None:
        """Keep a roster that was verified by its mandate."""
        if _entry(known, roster.ref) is not None:
            return
        known.rosters.append(KnownRoster(roster.ref, mandate.hash, roster.list_head, turn.now_ms, False))
        turn.put(MandateRow(known.account_id, mandate.hash, mandate.signed).put())
        turn.put(RosterRow(known.account_id, roster.ref.hash, roster.signed).put())
        _put(turn, known)

    def add_list(
        self, turn: Turn, known: Known, device_list: DeviceList, records: Iterable[DeviceRecord] = ()
    ) -> None:
        """Keep a list that was verified, and those of the records that it names."""
        row = self._list(turn, known, device_list.head)
        if row is None:
            known.lists.append(KnownList(device_list.head, turn.now_ms))
            row = ListRow(known.account_id, device_list.hash, device_list, [])
            _remember(self._lists, row.key, row)
            turn.put(row.put())
            _put(turn, known)
        self._fill(turn, row, records)

    def add_notice(self, turn: Turn, known: Known, notice: Notice) -> None:
        """Keep a notice that was verified; of more than 64 the oldest version goes (ACC-23)."""
        entry = KnownNotice(notice.version, notice.hash)
        if entry in known.notices:
            return
        turn.put(NoticeRow(known.account_id, notice.hash, notice.signed).put())
        known.notices = sorted([*known.notices, entry])
        for one in known.notices[:-MAX_NOTICES]:
            turn.delete(NoticeRow.TABLE, NoticeRow.key_of(known.account_id, one.hash))
        known.notices = known.notices[-MAX_NOTICES:]
        _put(turn, known)

    def _fill(self, turn: Turn, row: ListRow, records: Iterable[DeviceRecord] = ()) -> None:
        """Add records that have become known since to a kept list."""
        if len(row.records) == len(row.device_list.record_hashes):
            return
        pool = {one.hash: one for one in (*self._context.team.known_records(row.account_id), *records)}
        have = {one.hash for one in row.records}
        found = [pool[one] for one in row.device_list.record_hashes if one in pool and one not in have]
        if found:
            row.records.extend(found)
            turn.put(row.put())

    # --- what is kept ---

    def _name(self, turn: Turn, known: Known, ref: RosterRef) -> None:
        """Keep a roster for a state; one mandate has its bound, so that a stolen roster key fills no other's
        places (ACC-23).
        """
        entry = _entry(known, ref)
        if entry is None or entry.named:
            return
        named = sorted(one.ref for one in known.rosters if one.named)
        if sum(one.mandate_seq == ref.mandate_seq for one in named) >= MAX_NAMED_BY_MANDATE:
            return
        if len(named) >= MAX_NAMED:
            if ref < named[0]:
                return
            _set_named(known, {named[0]}, named=False)
        _set_named(known, {ref}, named=True)
        _put(turn, known)

    def release(self, turn: Turn, known: Known, still: Collection[RosterRef]) -> None:
        """Keep no other rosters than these for states any more."""
        gone = {one.ref for one in known.rosters if one.named} - set(still)
        if gone:
            _set_named(known, gone, named=False)
            _put(turn, known)
            self.prune(turn, known)

    def prune(self, turn: Turn, known: Known) -> None:
        """Throw away what nobody needs (ACC-23)."""
        rosters = _kept_rosters(known, turn.now_ms)
        lists = _kept_lists(known, rosters, turn.now_ms, self._context.team.head_of(known.account_id))
        if (rosters, lists) == (known.rosters, known.lists):
            return
        for roster in set(known.rosters) - set(rosters):
            turn.delete(RosterRow.TABLE, RosterRow.key_of(known.account_id, roster.ref.hash))
            self._views.pop((known.account_id, roster.ref), None)
        mandates = {one.mandate_hash for one in rosters}
        for mandate_hash in {one.mandate_hash for one in known.rosters} - mandates:
            turn.delete(MandateRow.TABLE, MandateRow.key_of(known.account_id, mandate_hash))
        for one in set(known.lists) - set(lists):
            self._drop_list(turn, known, one)
        known.rosters, known.lists = rosters, lists
        _put(turn, known)

    def forget(self, turn: Turn, known: Known) -> None:
        """Throw everything away."""
        for roster in known.rosters:
            turn.delete(RosterRow.TABLE, RosterRow.key_of(known.account_id, roster.ref.hash))
            turn.delete(MandateRow.TABLE, MandateRow.key_of(known.account_id, roster.mandate_hash))
            self._views.pop((known.account_id, roster.ref), None)
        for one in known.lists:
            self._drop_list(turn, known, one)
        for notice in known.notices:
            turn.delete(NoticeRow.TABLE, NoticeRow.key_of(known.account_id, notice.hash))
        turn.delete(known.TABLE, known.key)

    def _drop_list(self, turn: Turn, known: Known, one: KnownList) -> None:
        key = ListRow.key_of(known.account_id, one.head.hash)
        self._lists.pop(key, None)
        turn.delete(ListRow.TABLE, key)

    # --- rows ---

    def _list(self, turn: Turn, known: Known, head: ListHead) -> ListRow | None:
        if all(one.head != head for one in known.lists):
            return None
        key = ListRow.key_of(known.account_id, head.hash)
        row = self._lists.get(key) or ListRow.decode(key, self._row(turn, key))
        _remember(self._lists, key, row)
        return row

    def _signed(self, turn: Turn, known: Known, entry: KnownRoster) -> tuple[Mandate, Roster]:
        mandate_key = MandateRow.key_of(known.account_id, entry.mandate_hash)
        roster_key = RosterRow.key_of(known.account_id, entry.ref.hash)
        signed = MandateRow.decode(mandate_key, self._row(turn, mandate_key)).signed
        with stored_parts():
            mandate = Mandate.verify(known.account_id, signed)
            row = RosterRow.decode(roster_key, self._row(turn, roster_key))
            return mandate, Roster.verify(mandate, row.signed)

    def _row(self, turn: Turn, key: bytes) -> bytes:
        row = turn.read(self._state.rows, Known.TABLE, key)
        if row is None:
            raise StoreCorrupt("a row of a company is missing")
        return row


def _remember(cache: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Put a value at the end of a cache of at most 256; the one used longest ago goes."""
    cache.pop(key, None)
    while len(cache) >= _MAX_CACHED:
        del cache[next(iter(cache))]
    cache[key] = value


def _put(turn: Turn, known: Known) -> None:
    turn.put_at_end(known.TABLE, known.key, known.put)


def _entry(known: Known, ref: RosterRef) -> KnownRoster | None:
    return next((one for one in known.rosters if one.ref == ref), None)


def _set_named(known: Known, refs: Collection[RosterRef], *, named: bool) -> None:
    known.rosters = [one._replace(named=named) if one.ref in refs else one for one in known.rosters]


def _kept_rosters(known: Known, now_ms: int) -> list[KnownRoster]:
    """Named ones, what counts, the newest of those that were learned within eight days, and of older ones the
    first of each six days, by which transcripts are judged.
    """
    roster = None if known.standing is None else known.standing.roster
    counts = None if roster is None else roster.ref
    recent = [one for one in known.rosters if not one.named and now_ms < one.learned_ms + KEPT_MS]
    young = set(recent)
    firsts = {one.learned_ms // WITNESS_MS: one for one in reversed(known.rosters) if one not in young}
    kept = {*recent[-MAX_UNNAMED:], *(firsts[period] for period in sorted(firsts)[-MAX_WITNESSES:])}
    return [one for one in known.rosters if one.named or one.ref == counts or one in kept]


def _kept_lists(
    known: Known, rosters: Iterable[KnownRoster], now_ms: int, newest: ListHead | None
) -> list[KnownList]:
    needed = {one.list_head for one in rosters} | {newest}
    recent = [one for one in known.lists if one.head not in needed and now_ms < one.learned_ms + KEPT_MS]
    kept = set(recent[-MAX_OTHER_LISTS:])
    return [one for one in known.lists if one.head in needed or one in kept]
