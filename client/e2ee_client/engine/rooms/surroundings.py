"""What a room needs from outside: our device, who is in force, sending, timers, the application.

A room runs the same under the engine and in a simulated world of tests; both are `Surroundings`. All of it is
without input or output: what is sent, timed or told leaves after the step's rows are committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from e2ee.content import Content, OfRooms
from e2ee.errors import InvalidArgument
from e2ee.grammar import is_name
from e2ee.identity import ListHead
from e2ee.ids import AccountId, ContentId, DeviceId, SignPublic
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.entry import Author, EntryHash, RoomId
from e2ee.rooms.kinds import Side
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.passing import MAX_PASSED_ON
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import Retention, RetentionClass
from e2ee.rooms.team import TeamView
from e2ee.secret import SigningKey
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import RoomEvent

REQUESTS: Final = RoomId(bytes(16))
"""Stands for the requests of our device where something is timed for a room."""
ANYBODY: Final = "*"
"""Stands for each team where a room waits for one."""
DEFAULT_RETENTION: Final = Retention(RetentionClass.DEFAULT, 90 * 86_400)
OF_MEMBERS: Final = frozenset({RequestKind.TRANSFER, RequestKind.CLOSE, RequestKind.REOPEN})
"""What a member of a room may ask for (ROOM-22)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Choices of a company: how long new rooms are kept, and whose they are first, where `*` is whoever is
    free and None nobody until the application says it; what members are granted without asking a person; how
    many of the newest entries who gives a room to a colleague hands over, 0 to 256 (ROOM-56).
    """

    retention: Retention = DEFAULT_RETENTION
    team: str | None = ANYBODY
    grants: frozenset[RequestKind] = OF_MEMBERS
    history: int = 64

    def __post_init__(self) -> None:
        """Refuse what is no policy.

        Raises:
            InvalidArgument.
        """
        if self.team is not None and not is_name(self.team):
            raise InvalidArgument("a team has a name")
        if not self.grants <= OF_MEMBERS:
            raise InvalidArgument("members are granted transfer, close and reopen at most")
        if not 0 <= self.history <= MAX_PASSED_ON:
            raise InvalidArgument("a colleague is handed 0 to 256 entries")


class Papers(NamedTuple):
    """What a proof says of a device of the customer, as signed then: its record, the list that names it, and
    the mandate of the company (CNS-30).
    """

    record: bytes
    device_list: bytes
    mandate: bytes


class Surroundings(Protocol):
    """One for each engine; a room names its own accounts where it matters."""

    @property
    def us(self) -> Author:
        """Our account and device."""
        ...

    @property
    def leaving(self) -> frozenset[DeviceId]:
        """Devices of our account that are being struck off (ID-28)."""
        ...

    @property
    def is_stopped(self) -> bool:
        """Whether our device writes nothing more (ACC-67, ID-48)."""
        ...

    @property
    def has_all_since_ms(self) -> int | None:
        """Return since when all that waited in our mailboxes is here; None while it is not (ROOM-24)."""
        ...

    def on_since_ms(self, turn: Turn) -> int | None:
        """Return when the first of the last 14 days on which our device was on began; None: it was on fewer
        (ROOM-24).
        """
        ...

    def check_goes_on(self) -> None:
        """Refuse what a device does not do that has stopped.

        Raises:
            DeviceReplacedError, SecondCopyError.
        """
        ...

    def check_listed(self, turn: Turn) -> None:
        """Refuse contents where the list of our account has ended (ID-65).

        Raises:
            DeviceListOver.
        """
        ...

    @property
    def side(self) -> Side:
        """`COMPANY` for a device of a company, `CUSTOMER` for all others."""
        ...

    @property
    def key(self) -> SigningKey:
        """The signing key of our device: entries of a company, receipts and withdrawals of a customer."""
        ...

    @property
    def rows(self) -> RowReader:
        """What has been committed."""
        ...

    @property
    def policy(self) -> Policy:
        """Our company's choices; a customer's device does not ask."""
        ...

    def rng(self, size_b: int) -> bytes:
        """Return random bytes (PRM-08)."""
        ...

    def gaps(self, turn: Turn) -> int:
        """Return how often our device was suspended and has caught up since (CNS-74)."""
        ...

    # --- who is there ---

    def team(self, company: AccountId, now_ms: int) -> TeamView:
        """Return who of a company is in force now (ACC-09).

        Raises:
            MandateInvalid, RosterExpired, ListExpired, ListGap, IdentityMismatch.
        """
        ...

    def team_by(self, company: AccountId, ref: RosterRef) -> TeamView | None:
        """Return who was in force by one roster (ACC-21); None: not known, what names it is held."""
        ...

    def mandate(self, company: AccountId) -> Mandate | None:
        """Return the mandate of a company that counts (ACC-05); None where none is known."""
        ...

    def suspended(self, company: AccountId) -> frozenset[DeviceId]:
        """Return whom the newest mandate, or any known roster of it, suspends (ROOM-28)."""
        ...

    def devices(self, account_id: AccountId) -> tuple[DeviceId, ...]:
        """Return the devices of an account's newest accepted list, ours included; () for none."""
        ...

    def list_head(self, account_id: AccountId) -> ListHead | None:
        """Return the newest accepted list of an account (ROOM-05)."""
        ...

    def created_ms(self, device: Author) -> int | None:
        """Return when the record of a device was made, which may be ours; None if it is not known."""
        ...

    def listed_since(self, device: Author) -> int | None:
        """Return the number of the list that named a device of the customer first, 0 where we sign these
        lists; None where none does (TRN-48).
        """
        ...

    def signer(self, author: Author) -> SignPublic | None:
        """Return the signing key of a device by a record that an accepted list names, also one of before."""
        ...

    def papers(self, customer: Author, company: AccountId) -> Papers | None:
        """Return what a proof says of a device of the customer; None where a part is not known (CNS-30)."""
        ...

    def card(self, company: AccountId, device_id: DeviceId) -> AgentCard | None:
        """Return the card of a device in force (ACC-14)."""
        ...

    def learn_card(self, turn: Turn, company: AccountId, card_b: bytes) -> None:
        """Take a card that a state gives; one that does not fit is passed over (ACC-14)."""
        ...

    def notice(self, company: AccountId, notice_hash: bytes) -> Notice | None:
        """Return a verified notice of a company by its hash (CNS-07)."""
        ...

    # --- what goes out ---

    def post(self, turn: Turn, content: Content, to: Iterable[Author]) -> None:
        """Send a counted content to named devices, durable until each has confirmed it."""
        ...

    def signal(self, turn: Turn, payload: OfRooms, to: Iterable[Author]) -> None:
        """Send a content of type 9, dropped where there is no session."""
        ...

    def recall(self, turn: Turn, device: Author, goes: Callable[[OfRooms], bool]) -> list[ContentId]:
        """Take back from a device what has not been sealed for it yet and `goes`; returns the content ids."""
        ...

    def take_back(
        self, turn: Turn, room_id: RoomId, hashes: frozenset[EntryHash], *, is_erased: bool = True
    ) -> None:
        """Send no body of these entries any more, alone or in a forward (ROOM-44)."""
        ...

    def introduce(self, turn: Turn, customer: AccountId, to: DeviceId) -> None:
        """Post the dossier of a customer's devices to a company's device that joins (ROOM-25)."""
        ...

    def vouch(
        self,
        turn: Turn,
        company: AccountId,
        rosters: Iterable[RosterRef],
        to: Author,
        *,
        is_repeated: bool = True,
    ) -> None:
        """Post what these rosters are judged by, as contents of type 12 (ROOM-25, ACC-21); without
        `is_repeated` not what was posted to the device so since we run.
        """
        ...

    def look_up(self, turn: Turn, account_id: AccountId) -> None:
        """Ask the directory for what is not known of an account; at most as often as it allows."""
        ...

    # --- time and application ---

    def wake(self, turn: Turn, room_id: RoomId, at_ms: int | None) -> None:
        """Call the room's `tick` at a time, in place of the one asked for before; None for never."""
        ...

    def tell(self, turn: Turn, event: RoomEvent) -> None:
        """Tell the application after the commit."""
        ...
