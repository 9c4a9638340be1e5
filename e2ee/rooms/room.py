"""A room as one device sees it: id, states with their head, acts, recipients, who may write (chapter 16)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from e2ee import labels
from e2ee.errors import ContentError, NotInForce, NotMember, RemoteError, TooMany
from e2ee.ids import AccountId, DeviceId
from e2ee.primitives import kdf

from .acts import Condition, RoomAct, condition
from .entry import ROOM_ID_B, EntryHash, RoomId, device_tag
from .head import Team, choose, judge, path_to
from .kinds import Kind
from .payloads import Open
from .state import DESK, MAX_MEMBERS, Guard, Ranks, Setter, State, Verdict, WrittenState

MAX_CUSTOMER_DEVICES: Final = 4
MAX_EARLY: Final = 64
EARLY_MS: Final = 86_400_000
ANSWERED: Final = frozenset(
    {
        Kind.STATE,
        Kind.ERASE,
        Kind.ERASED,
        Kind.CONSENT,
        Kind.WITHDRAW,
        Kind.ACT,
        Kind.REACH,
        Kind.SENSITIVE,
        Kind.IDENTIFY,
    }
)
"""What goes to all stewards in force, members or not: states, what a steward answers, and answers to erasures
(ROOM-15).
"""

LASTING: Final = frozenset({Kind.STATE, Kind.ERASE, Kind.ERASED, Kind.WITHDRAW, Kind.SENSITIVE, Kind.ACCESS})
"""What goes to all in force that were ever named, too: by it they destroy what they have, or learn who has
(ROOM-15).
"""

ANSWERS: Final = frozenset({Kind.ERASED, Kind.ACCESS, Kind.REFUSAL})
"""What a steward answers with, or logs, member or not (ROOM-16)."""


def room_id(company: AccountId, customer: AccountId, nonce: bytes) -> RoomId:
    """Return the id of a room of these two accounts; `nonce` is 16 random bytes (ROOM-01)."""
    return RoomId(kdf.hash_(labels.ROOM_ID, company + customer + nonce)[:ROOM_ID_B])


def check_open(room: RoomId, company: AccountId, customer: AccountId, opened: Open) -> None:
    """Refuse an `open` that is not of this room and these accounts (ROOM-01).

    Raises:
        ContentError.
    """
    if room_id(company, customer, opened.nonce) != room:
        raise ContentError("an open of another room")


def notes_id(company: AccountId, room: RoomId, nonce: bytes) -> RoomId:
    """Return the id of the room of notes beside a room, which the customer is not in (ROOM-02)."""
    return RoomId(kdf.hash_(labels.ROOM_NOTES, company + room + nonce)[:ROOM_ID_B])


def check_devices(room: RoomId, company: Collection[DeviceId], customer: Collection[DeviceId]) -> None:
    """Refuse more devices than a room holds, and two that have one tag (ROOM-03).

    Raises:
        TooMany: a device of the customer is the one to leave out.
    """
    tags = {device_tag(room, one) for one in (*company, *customer)}
    if len(customer) > MAX_CUSTOMER_DEVICES or len(company) > MAX_MEMBERS:
        raise TooMany("a room holds 4 devices of the customer and 12 of the company")
    if len(tags) < len(company) + len(customer):
        raise TooMany("two devices of a room have one tag")


@dataclass(frozen=True, slots=True)
class Room:
    """States and acts that are known. `root` is the hash of `open`, None in a room of notes.

    `opened_to` are the desks to which the customer sealed its `open`; `acts` are in the order of the
    transcript.
    """

    root: EntryHash | None
    opened_to: frozenset[DeviceId] = frozenset()
    states: Mapping[EntryHash, WrittenState] = field(default_factory=dict)
    verdicts: Mapping[EntryHash, Verdict] = field(default_factory=dict)
    head: WrittenState | None = None
    acts: tuple[RoomAct, ...] = ()

    @property
    def state(self) -> State | None:
        """The state in force."""
        return None if self.head is None else self.head.state

    def known(self) -> frozenset[DeviceId]:
        """Return the devices that a valid state, or `open`, has ever named."""
        return self.opened_to.union(*(one.state.members for one in self._valid()))

    def condition(self, team: Team) -> Condition:
        """Return what holds now (ROOM-13); who is suspended has ended nothing (ROOM-27)."""
        path = path_to(self.head, self.states)
        ranks = {one.hash: team.still(one.state.roster) for one in path}
        return condition(path, ranks, self.acts, self._setters())

    def _valid(self) -> list[WrittenState]:
        return [one for one in self.states.values() if self.verdicts[one.hash] is Verdict.VALID]

    def _setters(self) -> list[Setter]:
        """The valid states that have a guard which the one before has not."""
        found: list[Setter] = []
        for one in self._valid():
            parent = None if one.state.parent is None else self.states.get(one.state.parent)
            before = frozenset[Guard]() if parent is None else parent.state.guards()
            found += [Setter(one, guard) for guard in one.state.guards() - before]
        return found


@dataclass(frozen=True, slots=True)
class RoomChange:
    """A room after a step: whether its head is another, and which states were found invalid."""

    room: Room
    moved: bool = False
    refused: tuple[EntryHash, ...] = ()


def with_states(room: Room, written: Iterable[WrittenState], team: Team) -> RoomChange:
    """Take in states, ours or others'; all that came together are judged once (ROOM-10, ROOM-11)."""
    return judged(replace(room, states={**room.states, **{one.hash: one for one in written}}), team)


def judged(room: Room, team: Team) -> RoomChange:
    """Look at all states again: after a state, and after a roster that was not known."""
    verdicts = judge(room.states, room.root, team, room.verdicts)
    head = choose(room.states, verdicts, room.root, team)
    refused = tuple(
        one
        for one, verdict in verdicts.items()
        if verdict is Verdict.REFUSED and room.verdicts.get(one) is not Verdict.REFUSED
    )
    return RoomChange(replace(room, verdicts=verdicts, head=head), head != room.head, refused)


def company_recipients(room: Room, kind: int, ranks: Ranks) -> frozenset[DeviceId]:
    """Return the company's devices to which an entry goes; none: it waits, unsealed (ROOM-15).

    `ranks` are those of the newest roster: only devices in force are ever served.
    """
    state = room.state
    members = set() if state is None else {one for one in state.members if one in ranks}
    if kind in ANSWERED:
        members |= {one for one in ranks if ranks[one] >= DESK}
    known = room.known()
    if kind in LASTING:
        members |= {one for one in ranks if one in known}
    desks = {one for one in ranks if ranks[one] >= DESK and one in known}
    return frozenset(members or desks)


class Admission(Enum):
    """What happens to an entry of a company's device."""

    TAKEN = "taken"
    OWED = "owed"
    """Of who was a member: taken where it answers an erasure that is remembered, else refused."""
    EARLY = "early"
    """No state that is here names the device yet: kept unshown, at most 64 for a day."""


def admit(room: Room, sender: DeviceId, kind: int, ranks: Ranks) -> Admission:
    """Say whether an entry of a company's device is taken (ROOM-16).

    Raises:
        NotInForce: the device is not in force; see `keeps_place`. NotMember: a state has removed it.
    """
    if sender not in ranks:
        raise NotInForce("the device is not in force")
    members = () if room.state is None else room.state.members
    is_steward = ranks[sender] >= DESK
    if kind == Kind.STATE or sender in members or (is_steward and (not members or kind in ANSWERS)):
        return Admission.TAKEN
    if not any(sender in one.state.members for one in path_to(room.head, room.states)):
        return Admission.EARLY
    if kind == Kind.ERASED:
        return Admission.OWED
    raise NotMember("the device is no member of the room any more")


def keeps_place(error: RemoteError, kind: int) -> bool:
    """Whether an entry that step 6 or a later one refused leaves its place (TRN-10): all but a state of a
    device that is not in force, which is wanted from those who have it once an entry names it.
    """
    return kind != Kind.STATE or not isinstance(error, NotInForce)
