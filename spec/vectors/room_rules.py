"""Chapters 16 and 17 a second time, as plainly as they read: chains, order, validity of states, head.

Nothing here is quick; it imports nothing of the core.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

MONTH_MS: Final = 30 * 86_400_000
SENSITIVE, HOLD = 1, 2

Place: TypeAlias = tuple[bytes, int]
"""Tag of a device, and a number."""


@dataclass(frozen=True)
class Step:
    """An entry as the rules see it."""

    hash: bytes
    tag: bytes
    n: int
    prev: bytes | None
    seen: tuple[tuple[bytes, int, bytes], ...]
    sent_ms: int
    signed: bool


@dataclass
class View:
    """What a device that was there from the beginning knows; `said` are the links that it gave."""

    held: dict[Place, Step] = field(default_factory=dict)
    claims: dict[Place, set[bytes]] = field(default_factory=dict)
    findings: list[tuple[str, bytes, int, bytes]] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """An entry comes from its device (TRN-09)."""
        place = (step.tag, step.n)
        old = self.held.get(place)
        if old is not None:
            if old.hash != step.hash:
                self._has_come(place, step.hash)
                self._found("equivocation" if step.signed else "differ", *place, step.tag)
            return
        for by, claimed in self._claims(place):
            if claimed != step.hash:
                self._found("differ", *place, by)
        below, above = self.held.get((step.tag, step.n - 1)), self.held.get((step.tag, step.n + 1))
        parted = "equivocation" if step.signed else "differ"
        if below is not None and step.prev is not None and below.hash != step.prev:
            self._found(parted, step.tag, step.n - 1, step.tag)
        if above is not None and above.prev is not None and above.prev != step.hash:
            self._found(parted, *place, step.tag)
        if step.prev is None and step.n > 0:
            self._found("restarted", *place, step.tag)
        self.held[place] = step
        self._has_come(place, step.hash)
        for tag, n, linked in step.seen:
            self._link(tag, n, linked, step.tag)

    def _link(self, tag: bytes, n: int, linked: bytes, by: bytes) -> None:
        there = self.held.get((tag, n))
        if there is not None and there.hash == linked:
            return
        known = {claimed for _, claimed in self._claims((tag, n))} | ({there.hash} if there else set())
        if known - {linked}:
            self._found("differ", tag, n, by)
        if linked not in known:
            self.claims.setdefault((tag, n), set()).add(by + linked)

    def _has_come(self, place: Place, came: bytes) -> None:
        self.claims[place] = {one for one in self.claims.get(place, set()) if one[8:] != came}

    def _claims(self, place: Place) -> list[tuple[bytes, bytes]]:
        return sorted((one[:8], one[8:]) for one in self.claims.get(place, set()))

    def _found(self, kind: str, tag: bytes, n: int, by: bytes) -> None:
        self.findings.append((kind, tag, n, by))

    def missing(self) -> list[tuple[bytes, int, int]]:
        """[tag, first, last] of each gap: a number that something names, and those below it (TRN-13)."""
        named = {(step.tag, step.n - 1) for step in self.held.values() if step.prev is not None}
        named = {
            place
            for place in named | {at for at, rows in self.claims.items() if rows}
            if place not in self.held
        }
        other = {place for place, hashes in self.claims.items() if place in self.held and hashes}
        known = {*named, *self.held}
        gaps = []
        for tag, last in sorted(named):
            below = [n for one, n in known if one == tag and n < last]
            gaps.append((tag, max(below, default=-1) + 1, last))
        return sorted(gaps + [(tag, n, n) for tag, n in other])

    def links(self) -> list[tuple[bytes, int, bytes]]:
        """What the next entry names: the end of each part of a chain below which all is here (TRN-06)."""
        ends = []
        for (tag, n), step in self.held.items():
            following = self.held.get((tag, n + 1))
            if (following is None or following.prev is None) and self._is_complete(step):
                ends.append((tag, n, step.hash))
        return sorted(ends)

    def _is_complete(self, step: Step) -> bool:
        while step.prev is not None:
            below = self.held.get((step.tag, step.n - 1))
            if below is None:
                return False
            step = below
        return True


def keys(steps: list[Step], root: bytes) -> dict[bytes, int]:
    """k of every entry (TRN-16); `steps` in an order in which each comes after all that it names."""
    found: dict[bytes, int] = {}
    for step in steps:
        if step.hash == root:
            found[step.hash] = step.sent_ms
            continue
        links = [link[2] for link in step.seen] + ([] if step.prev is None else [step.prev])
        before = max((found[one] for one in links if one in found), default=found[root])
        in_time = before < step.sent_ms <= before + MONTH_MS
        found[step.hash] = step.sent_ms if in_time else before + 1
    return found


# --- states ---

State: TypeAlias = dict[int, Any]
"""The map of a state."""


@dataclass(frozen=True)
class Written:
    """A state with hash, author and the author's number."""

    hash: bytes
    author: bytes
    n: int
    state: State


@dataclass(frozen=True)
class Team:
    """Ranks by roster (mandate seq, seq, hash), and who is suspended."""

    ranks: dict[tuple[int, int, bytes], dict[bytes, int]]
    suspended: frozenset[bytes]


def verdicts(states: dict[bytes, Written], root: bytes | None, team: Team) -> dict[bytes, str]:
    """valid, held or refused of every state (ROOM-10)."""
    return {one: _verdict(states[one], states, root, team) for one in states}


def _verdict(one: Written, states: dict[bytes, Written], root: bytes | None, team: Team) -> str:
    state = one.state
    if (root is None) != (state[7] is None) or (root is None and state[9] is not None):
        return "refused"
    if (state[2] == 1) != (state[3] == root):
        return "refused"
    parent = None if state[3] is None else states.get(state[3])
    old: State | None = None
    if state[2] > 1 and parent is None:
        return "held"
    if parent is not None:
        if parent.state[2] + 1 != state[2]:
            return "refused"
        above = _verdict(parent, states, root, team)
        if above != "valid":
            return above
        old = parent.state
    ranks = team.ranks.get((state[8][0], state[8][1], state[8][2]))
    if ranks is None:
        return "held"
    return "valid" if _may_follow(one, old, ranks) else "refused"


def _may_follow(one: Written, old: State | None, ranks: dict[bytes, int]) -> bool:
    new, rank = one.state, ranks.get(one.author, -1)
    before = old or {2: 0, 4: 1, 5: [], 6: None, 7: None, 8: [0, 0, b""], 9: new[9], 10: new[10], 11: 0}
    return (
        rank >= 2
        and new[2] == before[2] + 1
        and new[8][:2] >= before[8][:2]
        and _list_follows(new[7], before[7])
        and _members_follow(new, before, one.author, ranks)
        and _phase_follows(new, before)
        and _flags_follow(new, before, rank)
        and _retention_follows(new, before, rank)
    )


def _list_follows(new: Any, old: Any) -> bool:
    """ROOM-05"""
    if old is None:
        return True
    return new is not None and (new == old or new[0] > old[0])


def _members_follow(new: State, old: State, author: bytes, ranks: dict[bytes, int]) -> bool:
    """ROOM-07"""
    added = set(new[5]) - set(old[5])
    if new[6] != old[6] and new[6] is not None:
        added.add(new[6])
    removed = set(old[5]) - set(new[5]) - {author}
    rank = ranks[author]
    return (
        all(one in ranks for one in new[5])
        and all(ranks[one] <= rank for one in added)
        and all(one not in ranks or ranks[one] < rank for one in removed)
    )


def _phase_follows(new: State, old: State) -> bool:
    """ROOM-09"""
    if new[4] == old[4]:
        return True
    table = {1: (2, 3, 4, 5), 2: (1, 3, 4, 5), 3: (1, 2, 4, 5), 4: (1, 5), 5: ()}
    needs_act = new[4] in (3, 4) or (old[4] in (3, 4) and new[4] == 1)
    if new[4] not in table[old[4]] or (needs_act and not new[15]):
        return False
    return new[4] != 5 or (not old[11] & HOLD and old[10][0] != 3)


def _flags_follow(new: State, old: State, rank: int) -> bool:
    """ROOM-08"""
    if old[11] & SENSITIVE and not new[11] & SENSITIVE and rank < 3:
        return False
    return new[11] & HOLD == old[11] & HOLD or (rank == 3 and new[14] is not None)


def _retention_follows(new: State, old: State, rank: int) -> bool:
    """ROOM-08"""
    if new[10] == old[10] or (new[10][0] == old[10][0] != 3 and new[10][1] <= old[10][1]):
        return True
    return rank == 3 and new[9] != old[9]


def head(states: dict[bytes, Written], root: bytes | None, team: Team) -> bytes | None:
    """The state in force (ROOM-11, ROOM-28)."""
    found = verdicts(states, root, team)
    valid = [one for one in states.values() if found[one.hash] == "valid"]
    votes = _votes(valid, _in_force(valid, team))
    if not votes:
        own: dict[bytes, int] = {}
        for one in _newest(valid, team):
            own[one.author] = min(own.get(one.author, 3), team.ranks[_ref(one)].get(one.author, -1))
        votes = _votes(valid, own)
    at, chosen = root, None
    while True:
        children = [one for one in valid if one.state[3] == at]
        counted = [
            (_count(votes, one, states, 3), _count(votes, one, states, 2), one.hash) for one in children
        ]
        counted = [row for row in counted if row[0] + row[1] > 0]
        if not counted:
            return chosen
        best = max(row[:2] for row in counted)
        chosen = at = min(row[2] for row in counted if row[:2] == best)


def _ref(one: Written) -> tuple[int, int, bytes]:
    return one.state[8][0], one.state[8][1], one.state[8][2]


def _newest(valid: list[Written], team: Team) -> list[Written]:
    counted = [one for one in valid if one.author not in team.suspended]
    counted = counted if counted else valid
    return [one for one in counted if _ref(one)[:2] == max(_ref(other)[:2] for other in counted)]


def _in_force(valid: list[Written], team: Team) -> dict[bytes, int]:
    tables = [team.ranks[ref] for ref in {_ref(one) for one in _newest(valid, team)}]
    if not tables:
        return {}
    both = set(tables[0]).intersection(*tables) - team.suspended
    return {one: min(table[one] for table in tables) for one in both}


def _votes(valid: list[Written], ranks: dict[bytes, int]) -> list[tuple[int, Written]]:
    votes = []
    for author, rank in ranks.items():
        own = [one for one in valid if one.author == author]
        if rank >= 2 and own:
            newest = max(one.n for one in own)
            votes.append((rank, min((one for one in own if one.n == newest), key=lambda one: one.hash)))
    return votes


def _count(votes: list[tuple[int, Written]], one: Written, states: dict[bytes, Written], rank: int) -> int:
    return sum(voter == rank and _is_below(vote, one, states) for voter, vote in votes)


def _is_below(state: Written | None, other: Written, states: dict[bytes, Written]) -> bool:
    while state is not None:
        if state.hash == other.hash:
            return True
        state = states.get(state.state[3]) if state.state[3] is not None else None
    return False
