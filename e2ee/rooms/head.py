"""Which of the states of a room is in force: votes of the stewards in force (ROOM-11, ROOM-28).

Every steward has one vote, its newest valid state, so that length and number of states give nothing. The
result is a function of the set of states, whatever the order in which they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from e2ee.errors import NoRight
from e2ee.ids import DeviceId

from .entry import EntryHash
from .roster import RosterRef
from .state import DESK, SUPERVISOR, Ranks, State, Verdict, WrittenState, check_change


class Team(NamedTuple):
    """Who is in force by a roster (None for one that is not known yet), and whom any known roster of the
    newest mandate, or that mandate, suspends.
    """

    ranks: Callable[[RosterRef], Ranks | None]
    suspended: frozenset[DeviceId] = frozenset()

    def still(self, roster: RosterRef) -> Ranks:
        """Who is in force by a roster and not suspended since; nobody by one that is not known."""
        found = self.ranks(roster) or {}
        return {one: found[one] for one in found if one not in self.suspended}


States: TypeAlias = Mapping[EntryHash, WrittenState]
Verdicts: TypeAlias = dict[EntryHash, Verdict]
_NO_VOTES: Final = (0, 0)


def judge(
    states: States, root: EntryHash | None, team: Team, before: Mapping[EntryHash, Verdict] | None = None
) -> Verdicts:
    """Say of each state whether it is valid, in ascending order of their epochs (ROOM-10).

    `root` is the hash of the room's `open`, None in a notes room. Of the verdicts from `before` only those of
    held states change.
    """
    found: Verdicts = {one: verdict for one, verdict in (before or {}).items() if verdict is not Verdict.HELD}
    waiting = (one for one in states.values() if one.hash not in found)
    for written in sorted(waiting, key=lambda one: one.state.epoch):
        found[written.hash] = _judge_one(written, states, found, root, team)
    return found


def _judge_one(
    written: WrittenState, states: States, found: Verdicts, root: EntryHash | None, team: Team
) -> Verdict:
    state, before = written.state, None
    if (state.epoch == 1) != (state.parent == root) or not _fits(state, root):
        return Verdict.REFUSED
    if state.epoch > 1:
        parent = None if state.parent is None else states.get(state.parent)
        if parent is None:
            return Verdict.HELD
        if state.epoch != parent.state.epoch + 1:
            return Verdict.REFUSED
        if found[parent.hash] is not Verdict.VALID:
            return found[parent.hash]
        before = parent.state
    ranks = team.ranks(state.roster)
    if ranks is None:
        return Verdict.HELD
    try:
        check_change(written, before, ranks)
    except NoRight:
        return Verdict.REFUSED
    return Verdict.VALID


def _fits(state: State, root: EntryHash | None) -> bool:
    """Whether a state of a room names a list, and one of notes neither list nor notice (ROOM-02)."""
    if root is None:
        return state.customer_list is None and state.notice is None
    return state.customer_list is not None


def choose(states: States, verdicts: Verdicts, root: EntryHash | None, team: Team) -> WrittenState | None:
    """Return the head: from `open` down, the child with most votes at or below it (ROOM-11)."""
    valid = [one for one in states.values() if verdicts[one.hash] is Verdict.VALID]
    # Somebody has a vote wherever a state is valid: a head never disappears.
    votes = _votes(valid, newest_ranks(valid, team)) or _votes(valid, _author_ranks(valid, team))
    tally = _tally(votes, states)
    children: dict[EntryHash | None, list[WrittenState]] = {}
    for one in valid:
        if one.hash in tally:
            children.setdefault(one.state.parent, []).append(one)
    head, at = None, root
    while at in children:
        head = min(children[at], key=lambda one: (*(-count for count in tally[one.hash]), one.hash))
        at = head.hash
    return head


def newest_ranks(valid: Sequence[WrittenState], team: Team) -> Ranks:
    """Return who is in force by the newest roster that anybody who is not suspended goes by, of two of one
    number by both; without those who are suspended.
    """
    views = [team.ranks(ref) or {} for ref in {one.state.roster for one in _by_newest(valid, team)}]
    if not views:
        return {}
    shared = set(views[0]).intersection(*views) - team.suspended
    return {one: min(view[one] for view in views) for one in shared}


def _by_newest(valid: Sequence[WrittenState], team: Team) -> list[WrittenState]:
    """The states that name the newest roster; those of the suspended where nobody else has written any."""
    counted = [one for one in valid if one.author not in team.suspended] or valid
    newest = max((one.state.roster[:2] for one in counted), default=None)
    return [one for one in counted if one.state.roster[:2] == newest]


def _author_ranks(valid: Sequence[WrittenState], team: Team) -> Ranks:
    """The rank of each author of such a state by the roster that it names, the lower one of several."""
    found: dict[DeviceId, int] = {}
    for one in _by_newest(valid, team):
        rank = (team.ranks(one.state.roster) or {}).get(one.author, -1)
        found[one.author] = min(rank, found.get(one.author, rank))
    return found


def _votes(valid: Iterable[WrittenState], ranks: Ranks) -> list[tuple[int, WrittenState]]:
    """The newest state of each steward in force: largest number, then smaller hash; with its rank."""
    newest: dict[DeviceId, WrittenState] = {}
    for one in sorted(valid, key=lambda one: one.hash, reverse=True):
        known = newest.get(one.author)
        if ranks.get(one.author, -1) >= DESK and (known is None or one.n >= known.n):
            newest[one.author] = one
    return [(ranks[author], one) for author, one in newest.items()]


def _tally(votes: Iterable[tuple[int, WrittenState]], states: States) -> dict[EntryHash, tuple[int, int]]:
    """How many supervisors, and how many desks, have their newest state at or below each state."""
    tally: dict[EntryHash, tuple[int, int]] = {}
    for rank, voted in votes:
        at: WrittenState | None = voted
        while at is not None:
            supervisors, desks = tally.get(at.hash, _NO_VOTES)
            is_supervisor = rank >= SUPERVISOR
            tally[at.hash] = supervisors + is_supervisor, desks + (not is_supervisor)
            at = None if at.state.parent is None else states.get(at.state.parent)
    return tally


def path_to(head: WrittenState | None, states: States) -> list[WrittenState]:
    """Return the states from the first one to the head."""
    path: list[WrittenState] = []
    while head is not None:
        path.append(head)
        head = None if head.state.parent is None else states.get(head.state.parent)
    return path[::-1]
