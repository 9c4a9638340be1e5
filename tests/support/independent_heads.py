"""Order, chains, states and head of a room, read by the reader written from the chapters alone (16, 17)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import independent_reader as reader
import independent_rooms as rooms
from independent_reader import need
from independent_refusal import Refused

MONTH_MS = 30 * 86_400_000
OPEN, CLOSED, FROZEN, WITHDRAWN, ERASED = 1, 2, 3, 4, 5
SENSITIVE, HOLD = 1, 2
DESK, SUPERVISOR = 2, 3
STATUTORY = 3

# --- order (TRN-16) ---


def ordered(headers: dict[bytes, dict[int, Any]], root: bytes) -> dict[bytes, int]:
    """k of each entry, by its hash, in the order of the room; `root` is its `open` or first state."""
    start = int(headers[root][7]) if root in headers else 0
    places = {root: start} if root in headers else {}
    waiting = {hash_: header for hash_, header in headers.items() if hash_ != root}
    while waiting:
        for hash_, header in list(waiting.items()):
            named = [one for one in names(header) if one in headers]
            if all(one in places for one in named):
                del waiting[hash_]
                places[hash_] = place(header, max((places[one] for one in named), default=start))
    return dict(sorted(places.items(), key=lambda item: (item[1], item[0])))


def names(header: dict[int, Any]) -> list[bytes]:
    """The hashes of `prev` and links."""
    return [one for one in [header.get(4), *(link[2] for link in header.get(5, []))] if one is not None]


def place(header: dict[int, Any], before: int) -> int:
    """k of one entry, from the p of TRN-16."""
    sent = int(header[7])
    return sent if before < sent <= before + MONTH_MS else before + 1


# --- chains (TRN-06, TRN-07, TRN-09, TRN-13) ---


def tag_of(room_id: bytes, device_id: bytes) -> bytes:
    """TRN-03"""
    return reader.digest("SR1-device-tag", room_id + device_id)[:8]


Place = tuple[bytes, int]
Finding = tuple[str, bytes, int, bytes]


@dataclass(frozen=True)
class Held:
    """An entry that is here."""

    hash: bytes
    prev: bytes | None
    signed: bool


@dataclass
class View:
    """What one device knows of the chains of the others, by tag and number; `links` are (who, hash)."""

    here: dict[Place, Held] = field(default_factory=dict)
    linked: dict[Place, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def take(self, tag: bytes, hash_: bytes, header: dict[int, Any], *, signed: bool) -> None:
        """Take an entry (TRN-09); of a second one under its number nothing is used."""
        n, new = header[3], Held(hash_, header.get(4), signed)
        first = self.here.get((tag, n))
        if first is not None:
            if first.hash != hash_:
                self.parted(first, new, tag, n)
                self.has_come((tag, n), hash_)
            return
        for by, other in self.linked.get((tag, n), []):
            if other != hash_:
                self.findings.append(("differ", tag, n, by))
        above, below = self.here.get((tag, n + 1)), self.here.get((tag, n - 1))
        if above is not None and above.prev not in (None, hash_):
            self.parted(above, new, tag, n)
        if below is not None and new.prev not in (None, below.hash):
            self.parted(below, new, tag, n - 1)
        if n > 0 and new.prev is None:
            self.findings.append(("restarted", tag, n, tag))
        self.here[tag, n] = new
        self.has_come((tag, n), hash_)
        for other_tag, number, linked in header.get(5, []):
            self.link((other_tag, number), linked, tag)

    def has_come(self, at: Place, hash_: bytes) -> None:
        """What a link names is here; links to other entries under that number stay."""
        self.linked[at] = [one for one in self.linked.get(at, []) if one[1] != hash_]

    def parted(self, one: Held, other: Held, tag: bytes, n: int) -> None:
        """A device has two hashes for one number."""
        self.findings.append(("equivocation" if one.signed and other.signed else "differ", tag, n, tag))

    def link(self, at: Place, hash_: bytes, by: bytes) -> None:
        """Take a link of one device about another."""
        known = {other for _, other in self.linked.get(at, [])}
        if at in self.here:
            if self.here[at].hash == hash_:
                return
            known.add(self.here[at].hash)
        if known - {hash_}:
            self.findings.append(("differ", *at, by))
        if (by, hash_) not in self.linked.get(at, []):
            self.linked.setdefault(at, []).append((by, hash_))

    def missing(self) -> list[tuple[bytes, int, int]]:
        """What is named and not here, with what is below it down to what is here or a gap of its own."""
        before = {(tag, n - 1) for (tag, n), one in self.here.items() if one.prev is not None}
        linked = {at for at, links in self.linked.items() if links}
        gaps = sorted((before | linked) - set(self.here))
        found = []
        for tag, n in gaps:
            known = [m for other, m in [*self.here, *gaps] if other == tag and m < n]
            found.append((tag, max(known, default=-1) + 1, n))
        return sorted(found + [(tag, n, n) for tag, n in linked if (tag, n) in self.here])

    def links(self) -> list[tuple[bytes, int, bytes]]:
        """The ends of the parts that are here from their beginning on."""
        found = []
        for (tag, n), one in self.here.items():
            if one.prev is not None:
                continue
            end = n
            while (following := self.here.get((tag, end + 1))) and following.prev is not None:
                end += 1
            found.append((tag, end, self.here[tag, end].hash))
        return sorted(found)


# --- states (ROOM-04 to ROOM-10) ---

PHASES = {
    OPEN: {CLOSED, FROZEN, WITHDRAWN, ERASED},
    CLOSED: {OPEN, FROZEN, WITHDRAWN, ERASED},
    FROZEN: {OPEN, CLOSED, WITHDRAWN, ERASED},
    WITHDRAWN: {OPEN, ERASED},
    ERASED: set[int](),
}


@dataclass(frozen=True)
class State:
    """A state: its entry's hash, author and number, and its map."""

    hash: bytes
    author: bytes
    n: int
    map: dict[int, Any]

    @property
    def roster(self) -> tuple[int, int, bytes]:
        """[mandate seq, seq, hash] of the roster that the author goes by."""
        mandate, seq, hash_ = self.map[8]
        return (mandate, seq, hash_)


Ranks = dict[bytes, int]
Rosters = dict[tuple[int, int, bytes], Ranks]


def parse(hash_: bytes, author: bytes, n: int, payload: bytes) -> State:
    """ROOM-04"""
    rooms.payload(2, payload)
    value = reader.decode(payload)
    if not isinstance(value, dict):
        raise Refused("remote.content")
    return State(hash_, author, n, value)


def before_first(first: State) -> dict[int, Any]:
    """The room with which a first state is compared."""
    return first.map | {2: 0, 4: OPEN, 5: [], 6: None, 11: 0}


def judge(state: State, before: dict[int, Any], ranks: Ranks) -> None:
    """ROOM-05, ROOM-07 to ROOM-09: a state against its parent's map."""
    rank = ranks.get(state.author, 0)
    allowed = rank >= DESK and newer(state.map, before) and phase_allowed(state.map, before)
    allowed = allowed and members_allowed(state, before, ranks) and flags_allowed(state.map, before, rank)
    need(allowed, "room.right")


def newer(now: dict[int, Any], before: dict[int, Any]) -> bool:
    """ROOM-05: roster and list of C are not older."""
    if now[8][:2] < before[8][:2]:
        return False
    if now[7] is None or before[7] is None:
        return bool(now[7] == before[7])
    return bool(now[7][0] > before[7][0] or now[7] == before[7])


def members_allowed(state: State, before: dict[int, Any], ranks: Ranks) -> bool:
    """ROOM-07"""
    now, rank = state.map, ranks[state.author]
    new = set(now[5]) - set(before[5])
    if now[6] is not None and now[6] != before[6]:
        new.add(now[6])
    if not all(member in ranks for member in now[5]):
        return False
    if rank < SUPERVISOR and any(ranks[one] > DESK for one in new):
        return False
    removed = set(before[5]) - set(now[5]) - {state.author}
    return all(one not in ranks or ranks[one] < rank for one in removed)


def flags_allowed(now: dict[int, Any], before: dict[int, Any], rank: int) -> bool:
    """ROOM-08"""
    cleared, changed = before[11] & ~now[11], before[11] ^ now[11]
    if cleared & SENSITIVE and rank < SUPERVISOR:
        return False
    if changed & HOLD and (rank < SUPERVISOR or now[14] is None):
        return False
    (old_class, old_ttl), (new_class, new_ttl) = before[10], now[10]
    if now[10] == before[10] or (new_class == old_class != STATUTORY and new_ttl <= old_ttl):
        return True
    return rank == SUPERVISOR and bool(now[9] != before[9])


def phase_allowed(now: dict[int, Any], before: dict[int, Any]) -> bool:
    """ROOM-09"""
    old, new = before[4], now[4]
    if new != old and new not in PHASES[old]:
        return False
    entered = new != old and new in (FROZEN, WITHDRAWN)
    left = new == OPEN and old in (FROZEN, WITHDRAWN)
    if (entered or left) and not now[15]:
        return False
    return not (new == ERASED != old and (before[11] & HOLD or before[10][0] == STATUTORY))


def verdicts(states: Iterable[State], root: bytes | None, rosters: Rosters) -> dict[bytes, str]:
    """Valid, refused or held, of each state by its hash (ROOM-06, ROOM-10)."""
    all_states = {state.hash: state for state in states}
    found: dict[bytes, str] = {}
    while waiting := [one for one in all_states.values() if one.hash not in found]:
        again = False
        for state in waiting:
            verdict = verdict_of(state, root, rosters, all_states, found)
            if verdict is not None:
                found[state.hash], again = verdict, True
        if not again:
            break
    return {hash_: found.get(hash_, "held") for hash_ in all_states}


def fits(now: dict[int, Any], root: bytes | None) -> bool:
    """ROOM-02: neither a list of C nor a notice in a notes room."""
    return (now[7] is not None) if root is not None else (now[7] is None and now[9] is None)


def verdict_of(
    state: State, root: bytes | None, rosters: Rosters, known: dict[bytes, State], found: dict[bytes, str]
) -> str | None:
    """The verdict about one state, if there is one now."""
    parent = state.map[3]
    if (state.map[2] == 1) != (parent == root) or not fits(state.map, root):
        return "refused"
    if parent in known and state.map[2] != known[parent].map[2] + 1:
        return "refused"
    if parent != root and found.get(parent) != "valid":
        return found.get(parent)
    if state.roster not in rosters:
        return None
    before = before_first(state) if parent == root else known[parent].map
    try:
        judge(state, before, rosters[state.roster])
    except Refused:
        return "refused"
    return "valid"


# --- head (ROOM-11, ROOM-28) ---


def head(
    states: Iterable[State], root: bytes | None, rosters: Rosters, suspended: set[bytes]
) -> bytes | None:
    """The hash of the head; none if no state has a vote."""
    given = list(states)
    judged = verdicts(given, root, rosters)
    valid = {one.hash: one for one in given if judged[one.hash] == "valid"}
    votes = votes_of(list(valid.values()), rosters, suspended)
    tally: dict[bytes, list[int]] = {}
    for hash_, rank in votes:
        at: bytes | None = hash_
        while at is not None and at != root:
            counted = tally.setdefault(at, [0, 0])
            counted[0 if rank == SUPERVISOR else 1] += 1
            at = valid[at].map[3]
    at, found = root, None
    while children := [one for one in valid.values() if one.map[3] == at and one.hash in tally]:
        best = min(children, key=lambda one: (-tally[one.hash][0], -tally[one.hash][1], one.hash))
        at = found = best.hash
    return found


def votes_of(valid: list[State], rosters: Rosters, suspended: set[bytes]) -> list[tuple[bytes, int]]:
    """(state, rank) of each vote: by the newest roster, else of those who name it, by it."""
    newest: dict[bytes, State] = {}
    for state in sorted(valid, key=lambda one: (one.n, [255 - byte for byte in one.hash])):
        newest[state.author] = state
    counted = [one for one in valid if one.author not in suspended] or valid
    number = max((one.roster[:2] for one in counted), default=(0, 0))
    naming = [one for one in counted if one.roster[:2] == number]
    votes, own = [], dict[bytes, int]()
    for author, state in newest.items():
        rank = min((rosters[one.roster].get(author, 0) for one in naming), default=0)
        if rank >= DESK and author not in suspended:
            votes.append((state.hash, rank))
    for one in naming:
        rank = rosters[one.roster][one.author]
        own[one.author] = min(rank, own.get(one.author, rank))
    return votes or [(newest[author].hash, rank) for author, rank in own.items()]


# --- acts (ROOM-12 to ROOM-14, ROOM-27) ---

# What an act sets, and the kind of act that counters it.
ACT_PHASES = {"close": CLOSED, "freeze": FROZEN, "withdraw": WITHDRAWN, "erase": ERASED}
COUNTERS = {"close": "reopen", "freeze": "unfreeze", "withdraw": "consent"}


@dataclass(frozen=True)
class Act:
    """An act, with its place in the order of the transcript."""

    hash: bytes
    place: tuple[int, bytes]
    what: str


def what_of(kind: int, payload: Any) -> str | None:
    """Which act an entry is, if it is one (ROOM-12)."""
    if kind == 10:
        return {1: "close", 2: "reopen", 3: "freeze", 4: "unfreeze"}.get(payload[1])
    if kind == 5:
        return "erase" if payload[1] is None else None
    return {8: "consent", 9: "withdraw", 15: "sensitive"}.get(kind)


Guard = Callable[[dict[int, Any]], bool]
GUARDS: dict[str, Guard] = {
    "hold": lambda state: bool(state[11] & HOLD),
    "class 3": lambda state: bool(state[10][0] == STATUTORY),
    "mark": lambda state: bool(state[11] & SENSITIVE),
}


@dataclass(frozen=True)
class Line:
    """The valid states of a room, those up to the head from the first on, and their rosters."""

    valid: dict[bytes, State]
    up_to_head: list[State]
    rosters: Rosters
    suspended: frozenset[bytes] = frozenset()

    def is_supervisors(self, state: State) -> bool:
        """Whether a state is of a supervisor, by the roster that it names, who was not suspended since."""
        is_suspended = state.author in self.suspended
        return self.rosters[state.roster].get(state.author) == SUPERVISOR and not is_suspended

    def stands(self, guard: Guard) -> bool:
        """Whether a hold, class 3 or a mark that a state has set stands (ROOM-27)."""
        newest: dict[bytes, State] = {}
        for one in sorted(self.valid.values(), key=lambda one: (-one.n, one.hash)):
            parent = self.valid.get(one.map[3])
            if guard(one.map) and not (parent and guard(parent.map)):
                newest.setdefault(one.author, one)
        return any(not self.ended(one, guard) for one in newest.values())

    def ended(self, setter: State, guard: Guard) -> bool:
        """Whether a supervisor has ended what a state has set."""
        return any(
            self.is_supervisors(one)
            and not guard(one.map)
            and (setter.hash in one.map[15] or self.follows(one, setter.hash))
            for one in self.up_to_head
        )

    def follows(self, state: State, before: bytes) -> bool:
        """Whether a state is somewhere above another."""
        at: State | None = state
        while at is not None:
            if at.map[3] == before:
                return True
            at = self.valid.get(at.map[3])
        return False

    def ends(self, state: State, act: Act, acts: Iterable[Act]) -> bool:
        """Whether a state ends an act, by a later counter or as the table says (ROOM-14)."""
        named = [one for one in acts if one.hash in state.map[15]]
        if any(one.what == COUNTERS.get(act.what) and one.place > act.place for one in named):
            return True
        return act in named and self.decides(state, act.what)

    def decides(self, state: State, what: str) -> bool:
        """Whether a state that names an act is as the table says."""
        text, supervisor = state.map[14], self.is_supervisors(state)
        if what == "freeze":
            return supervisor and text is not None and state.map[4] in (OPEN, CLOSED)
        return what == "close" or (what == "sensitive" and supervisor and not state.map[11] & SENSITIVE)


def path_to(valid: dict[bytes, State], head_hash: bytes) -> list[State]:
    """The states up to a head, from the first on."""
    path: list[State] = []
    at = valid.get(head_hash)
    while at is not None:
        path.insert(0, at)
        at = valid.get(at.map[3])
    return path


def holds(line: Line, acts: list[Act]) -> tuple[int, bool, bool]:
    """Phase, sensitive, and whether a hold or class 3 stands above an erasure (ROOM-13)."""
    restricting = [one for one in acts if one.what in ACT_PHASES or one.what == "sensitive"]
    standing = [one for one in restricting if not any(line.ends(at, one, acts) for at in line.up_to_head)]
    head_map = line.up_to_head[-1].map
    guards = {name for name, guard in GUARDS.items() if guard(head_map) or line.stands(guard)}
    keeps = bool(guards & {"hold", "class 3"})
    phases = [ACT_PHASES[one.what] for one in standing if one.what in ACT_PHASES]
    phase = max([head_map[4], *(one for one in phases if not (one == ERASED and keeps))])
    sensitive = "mark" in guards or any(one.what == "sensitive" for one in standing)
    return phase, sensitive, keeps
