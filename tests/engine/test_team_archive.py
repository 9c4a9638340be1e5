"""Which rosters of a company are kept for how long."""

from __future__ import annotations

from e2ee_client.engine.team_archive import KEPT_MS, MAX_WITNESSES, _kept_rosters
from e2ee_client.engine.team_rows import Known, KnownRoster

from e2ee.constants import CLOCK_TOLERANCE_MS, ROSTER_TTL_MS
from e2ee.identity import ListHead
from e2ee.ids import AccountId, ListHash
from e2ee.rooms.roster import RosterRef

DAY_MS = 86_400_000
START_MS = 20_000 * DAY_MS + 5 * 3_600_000


def learned(days: range, apart_ms: int = DAY_MS) -> Known:
    """What is kept of rosters that were learned one after the other, and pruned each time."""
    known = Known(AccountId(bytes(32)))
    for at in days:
        now_ms = START_MS + at * apart_ms
        ref = RosterRef(1, at + 1, at.to_bytes(32, "big"))
        known.rosters.append(KnownRoster(ref, bytes(32), ListHead(1, ListHash(bytes(32))), now_ms, False))
        known.rosters = _kept_rosters(known, now_ms)
    return known


def test_each_moment_of_a_year_has_a_roster_that_was_valid_then() -> None:
    """ACC-41, EXP-08: of rosters that were made daily; few of them are kept."""
    known = learned(range(365))
    kept = [one.learned_ms for one in known.rosters]
    for at_ms in range(START_MS, kept[-1], 3_600_000 * 7):
        assert any(one <= at_ms <= one + ROSTER_TTL_MS + CLOCK_TOLERANCE_MS for one in kept)
    assert len(kept) <= 365 // 6 + 2 + KEPT_MS // DAY_MS


def test_no_more_than_so_many_old_ones_are_kept() -> None:
    """ACC-41: the oldest go."""
    known = learned(range(MAX_WITNESSES + 40), 6 * DAY_MS)
    assert len(known.rosters) <= MAX_WITNESSES + 2
    assert known.rosters[-1].ref.seq == MAX_WITNESSES + 40
