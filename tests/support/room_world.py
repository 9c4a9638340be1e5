"""Simulated devices of one room over an unkind network: loss, reordering, restarts, clocks that differ.

Each device has rows as in a store, and a `RoomEngine` that is loaded from them after each restart. Posted
contents are durable until they are confirmed, as in the engine; a lossy network drops copies for good as
well, as a broken session does.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeVar

from company import Company
from e2ee_client.engine.effects import Commit
from e2ee_client.engine.rooms.requests import Requests
from e2ee_client.engine.rooms.room_engine import RoomEngine, heard
from e2ee_client.engine.rooms.surroundings import REQUESTS, Papers, Policy
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import RoomEvent
from e2ee_client.rows import Put
from parties import DAY_MS, NOW_MS, ScriptedRng

from e2ee import identity
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import LocalError, RemoteError
from e2ee.identity import DeviceKind, DeviceList, ListHead, OurDevice
from e2ee.ids import AccountId, ContentId, DeviceId, SignPublic
from e2ee.rooms import team
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.consent import Terms
from e2ee.rooms.customer import Given
from e2ee.rooms.entry import Author, EntryHash, RoomId
from e2ee.rooms.forward import decode_forward, decode_line
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Mode, Notice
from e2ee.rooms.room import room_id
from e2ee.rooms.roster import Roster, RosterRef
from e2ee.rooms.signals import NoLongerWaiting, Waiting, decode_signal
from e2ee.rooms.team import Standing, TeamView
from e2ee.secret import AccountKey, SigningKey

E = TypeVar("E")
CUSTOMER_NAMES = ("phone", "tablet")
DESKS = ("chief", "desk", "desk2")
AGENTS = ("agent", "agent2", "bot")


class Rows:
    """Committed rows in memory."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}
        self.reads = 0

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return a row."""
        self.reads += 1
        return self.tables.get(table, {}).get(key)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of a table."""
        yield from list(self.tables.get(table, {}).items())

    def commit(self, turn: Turn) -> None:
        """Make the changes of a step durable."""
        for effect in turn.effects():
            if isinstance(effect, Commit):
                for change in effect.changes:
                    table = self.tables.setdefault(change.table, {})
                    if isinstance(change, Put):
                        table[change.key] = change.value
                    else:
                        table.pop(change.key, None)


@dataclass
class Ground:
    """A company of six devices and a customer of two: made once, for all worlds."""

    company: Company
    notice: Notice
    customer: AccountId
    devices: dict[str, OurDevice]
    lists: list[DeviceList]
    account_key: AccountKey

    @property
    def company_id(self) -> AccountId:
        """The company's account."""
        return self.company.account_id

    def author(self, name: str) -> Author:
        """A device by its name."""
        record = (self.devices.get(name) or self.company.devices[name]).record
        return Author(record.account_id, record.device_id)


@cache
def ground() -> Ground:
    """Make company and customer."""
    company, rng = Company.make("room world"), ScriptedRng("room world customer")
    for name, kind, flags in (
        ("desk2", DeviceKind.AGENT, identity.FLAG_FRONT_DESK),
        ("agent2", DeviceKind.AGENT, 0),
    ):
        company.devices[name] = identity.new_device(
            company.account_id, kind, flags, NOW_MS, NOW_MS + 400 * DAY_MS, rng
        )
    company.sign_list(NOW_MS)
    company.cards |= {name: company.card(name, name.title()) for name in ("desk2", "agent2")}
    notice = company.notice()
    company.new_roster(NOW_MS, tuple(company.devices), notice_hash=notice.hash)
    key = identity.new_account(rng)
    account_id = identity.account_id_of(key)
    devices = {
        name: identity.new_device(account_id, DeviceKind.PERSON, 0, NOW_MS, NOW_MS + 400 * DAY_MS, rng)
        for name in CUSTOMER_NAMES
    }
    lists: list[DeviceList] = []
    for count in (1, 2):
        records = [devices[name].record for name in CUSTOMER_NAMES[:count]]
        before = lists[-1] if lists else None
        lists.append(identity.sign_list(key, identity.next_list(account_id, before, records, None, NOW_MS)))
    return Ground(company, notice, account_id, devices, lists, key)


@dataclass
class TeamBook:
    """All rosters that the company has made in one world, in order."""

    rosters: list[Roster]

    def standing(self, count: int) -> Standing:
        """What somebody knows who has learned the first ones."""
        standing: Standing | None = None
        for roster in self.rosters[:count]:
            standing = team.learn(standing, ground().company.mandate, roster, NOW_MS + DAY_MS).standing
        assert standing is not None
        return standing


@dataclass
class Post:
    """A content on its way from one device to another."""

    sender: str
    to: str
    content: Content
    tries: int = 0


class Device:
    """One device: rows, the room that is loaded, and what it hears of the world. A `Surroundings`."""

    def __init__(self, world: World, name: str, clock_ms: int = 0) -> None:
        self.world, self.name, self.clock_ms = world, name, clock_ms
        self.us = ground().author(name)
        self.side = Side.COMPANY if self.us.account_id == ground().company_id else Side.CUSTOMER
        self.rows = Rows()
        self.policy = Policy()
        self.rng = ScriptedRng(f"{world.seed} {name}")
        self.known_rosters = 1
        self.known_lists = world.customer_lists
        self.events: list[RoomEvent] = []
        self.requests = Requests(self)
        self.room: RoomEngine | None = None
        self.wakes: dict[RoomId, int] = {}
        self._out: list[tuple[Author, Content]] = []
        self._signals: list[tuple[Author, Content]] = []
        self.introduced: set[DeviceId] = set()
        self.leaving: frozenset[DeviceId] = frozenset()

    # --- Surroundings ---

    @property
    def key(self) -> SigningKey:
        """Our signing key."""
        return (ground().devices.get(self.name) or ground().company.devices[self.name]).signing_key

    @property
    def is_stopped(self) -> bool:
        """Nobody has taken our place."""
        return False

    @property
    def has_all_since_ms(self) -> int | None:
        """A network has delivered everything at once here."""
        return 0

    def on_since_ms(self, turn: Turn) -> int | None:
        """It was on each day."""
        return turn.now_ms - 14 * DAY_MS

    def gaps(self, turn: Turn) -> int:
        """Nobody was suspended."""
        return 0

    def check_goes_on(self) -> None:
        """Nobody has taken our place."""

    def check_listed(self, turn: Turn) -> None:
        """Our list has not ended."""

    def team(self, company: AccountId, now_ms: int) -> TeamView:
        """Who is in force by what we know."""
        standing = self.world.book.standing(self.known_rosters)
        return team.view(standing, ground().company.device_list, ground().company.records, NOW_MS)

    def team_by(self, company: AccountId, ref: RosterRef) -> TeamView | None:
        """Who was in force by a roster that we know."""
        for roster in self.world.book.rosters[: self.known_rosters]:
            if roster.ref == ref:
                return team.view_by(
                    ground().company.mandate, roster, ground().company.device_list, ground().company.records
                )
        return None

    def mandate(self, company: AccountId) -> Mandate:
        """The mandate that counts."""
        return ground().company.mandate

    def suspended(self, company: AccountId) -> frozenset[DeviceId]:
        """Whom a known roster suspends."""
        return self.world.book.standing(self.known_rosters).suspended

    def devices(self, account_id: AccountId) -> tuple[DeviceId, ...]:
        """The devices of a list."""
        if account_id == ground().customer:
            names = CUSTOMER_NAMES[: self.known_lists]
            return tuple(ground().devices[name].record.device_id for name in names)
        return tuple(one.record.device_id for one in ground().company.devices.values())

    def list_head(self, account_id: AccountId) -> ListHead | None:
        """The head of a list."""
        return ground().lists[self.known_lists - 1].head

    def created_ms(self, device: Author) -> int | None:
        """Nobody knows."""
        return None

    def listed_since(self, device: Author) -> int | None:
        """The number of the list that named a device first; the phone signs them."""
        if self.us == ground().author(CUSTOMER_NAMES[0]):
            return 0
        listed = {ground().author(name): seq for seq, name in enumerate(CUSTOMER_NAMES, 1)}
        return listed.get(device)

    def signer(self, author: Author) -> SignPublic | None:
        """The signing key of a device."""
        for one in (*ground().devices.values(), *ground().company.devices.values()):
            if (one.record.account_id, one.record.device_id) == author:
                return one.record.sign_public
        return None

    def papers(self, customer: Author, company: AccountId) -> Papers | None:
        """Proofs need engines."""
        return None

    def card(self, company: AccountId, device_id: DeviceId) -> AgentCard | None:
        """A card."""
        cards = ground().company.cards
        return next((one for one in cards.values() if one.device_id == device_id), None)

    def learn_card(self, turn: Turn, company: AccountId, card_b: bytes) -> None:
        """All cards are known."""

    def notice(self, company: AccountId, notice_hash: bytes) -> Notice | None:
        """The one notice."""
        return ground().notice if notice_hash == ground().notice.hash else None

    def post(self, turn: Turn, content: Content, to: Iterable[Author]) -> None:
        """Post after the commit."""
        self._out += [(one, content) for one in to]

    def signal(self, turn: Turn, payload: OfRooms, to: Iterable[Author]) -> None:
        """Signal after the commit."""
        content = Content(ContentId(self.rng(16)), turn.now_ms, payload)
        self._signals += [(one, content) for one in to]

    def recall(self, turn: Turn, device: Author, goes: Callable[[OfRooms], bool]) -> list[ContentId]:
        """Nothing waits unsealed here."""
        return []

    def take_back(
        self, turn: Turn, room_id: RoomId, hashes: frozenset[EntryHash], *, is_erased: bool = True
    ) -> None:
        """A network has everything at once here."""

    def introduce(self, turn: Turn, customer: AccountId, to: DeviceId) -> None:
        """Note who was given a dossier."""
        self.introduced.add(to)

    def vouch(
        self,
        turn: Turn,
        company: AccountId,
        rosters: Iterable[RosterRef],
        to: Author,
        *,
        is_repeated: bool = True,
    ) -> None:
        """Rosters reach everybody by the directory here."""

    def look_up(self, turn: Turn, account_id: AccountId) -> None:
        """A look-up brings the newest roster soon."""
        self.world.later(2_000, lambda: self.world.learn_roster(self))

    def wake(self, turn: Turn, room_id: RoomId, at_ms: int | None) -> None:
        """Remember when to call."""
        if at_ms is None:
            self.wakes.pop(room_id, None)
        else:
            self.wakes[room_id] = at_ms

    def tell(self, turn: Turn, event: RoomEvent) -> None:
        """Keep the event."""
        self.events.append(event)

    # --- steps ---

    @property
    def now_ms(self) -> int:
        """Our clock."""
        return self.world.now_ms + self.clock_ms

    def step(self, do: Callable[[Turn], object]) -> object:
        """One step: what it did is durable, then it leaves. A refused one leaves nothing."""
        turn = Turn(self.now_ms)
        self._out, self._signals = [], []
        try:
            found = do(turn)
        except (RemoteError, LocalError) as error:
            if self._out or self._signals:
                self.restart(commit=False)
            self.world.refused.append((self.name, error.code))
            return error
        self.rows.commit(turn)
        for to, content in self._out:
            self.world.post(Post(self.name, self.world.name_of(to), content))
        for to, content in self._signals:
            self.world.signal(Post(self.name, self.world.name_of(to), content))
        self.world.plan_wake(self)
        return found

    def restart(self, *, commit: bool = True) -> None:
        """Load everything from the rows."""
        turn = Turn(self.now_ms)
        self.requests = Requests(self)
        if self.rows.get("room", self.world.room_id) is not None:
            self.room = RoomEngine.load(self, self.requests, turn, self.world.room_id)
            if commit:
                room = self.room
                self.step(lambda turn: room.start(turn, is_continuous=True))
        else:
            self.room = None

    def take(self, by: Author, content: Content) -> bool:
        """Take a content; whether it is confirmed."""
        if not isinstance(content.payload, OfRooms):
            return False
        if self.room is None:
            return self._first(by, content)
        room = self.room
        found = self.step(lambda turn: room.take(turn, by, content))
        return found is True

    def _first(self, by: Author, content: Content) -> bool:
        payload, where = content.payload, (self, self.requests, self.world.room_id)
        assert isinstance(payload, OfRooms)
        accounts = ground().company_id, ground().customer
        if payload.type is ContentType.ENTRY and by.account_id == accounts[1]:
            room = RoomEngine.create(*where, *accounts)
            found = self.step(lambda turn: room.opened(turn, by, content))
        elif payload.type is ContentType.FORWARD:
            lines = decode_forward(payload.payload)[1]
            opened = decode_line(lines[0], self.world.room_id, *accounts, self.signer)
            if opened.header.kind != Kind.OPEN:
                return False
            room = RoomEngine.create(*where, *accounts, late=True)
            found = self.step(lambda turn: room.joined(turn, by, content, opened))
        elif payload.type is ContentType.SIGNAL:
            signal = decode_signal(payload.payload)[1]
            if isinstance(signal, Waiting | NoLongerWaiting):
                self.step(lambda turn: heard(self, self.requests, turn, by, self.world.room_id, signal))
            return False
        else:
            return False
        if isinstance(found, Exception):
            return False
        self.room = room
        return True

    def tick(self) -> None:
        """Do what is due."""
        due = [room for room, at_ms in self.wakes.items() if at_ms <= self.now_ms]
        for one in due:
            del self.wakes[one]
            if one == REQUESTS:
                self.step(self.requests.tick)
            elif self.room is not None:
                self.step(self.room.tick)

    # --- what a test looks at ---

    def order(self) -> list[EntryHash]:
        """The transcript as it is shown."""
        return [] if self.room is None else [one.hash for one in self.room.log.all_of(Turn(self.now_ms))]

    def head(self) -> EntryHash | None:
        """The state in force."""
        head = None if self.room is None else self.room.states.room.head
        return None if head is None else head.hash

    def told(self, kind: type[E]) -> list[E]:
        """Events of a kind."""
        return [one for one in self.events if isinstance(one, kind)]


@dataclass
class World:
    """Devices by name, a clock, and a network with faults that can end."""

    seed: int
    loss: float = 0.0
    vanish: float = 0.0
    customer_lists: int = 1
    now_ms: int = NOW_MS
    devices: dict[str, Device] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    blocked: set[tuple[str, str]] = field(default_factory=set)
    meant: dict[bytes, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rnd = random.Random(self.seed)
        self.nonce = self.rnd.randbytes(16)
        self.room_id = room_id(ground().company_id, ground().customer, self.nonce)
        self.book = TeamBook([ground().company.roster])
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._names = {ground().author(name): name for name in (*CUSTOMER_NAMES, *DESKS, *AGENTS)}
        self.seqs = itertools.count(1)

    def add(self, *names: str, spread_ms: int = 0) -> None:
        """Add devices, with clocks that differ by up to so much."""
        for name in names:
            clock_ms = self.rnd.randint(-spread_ms, spread_ms) if spread_ms else 0
            self.devices[name] = Device(self, name, clock_ms)

    def name_of(self, author: Author) -> str:
        """The name of a device."""
        return self._names[author]

    # --- time ---

    def later(self, after_ms: int, do: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._queue, (self.now_ms + max(0, after_ms), next(self._count), do))

    def run(self, for_ms: int) -> None:
        """Let time pass."""
        end_ms = self.now_ms + for_ms
        steps = 0
        while self._queue and self._queue[0][0] <= end_ms:
            at_ms, _, do = heapq.heappop(self._queue)
            self.now_ms = max(self.now_ms, at_ms)
            do()
            steps += 1
            assert steps < 200_000, "the world does not come to rest"
        self.now_ms = end_ms

    def plan_wake(self, device: Device) -> None:
        """Call a device when something is due there."""
        if device.wakes:
            at_ms = min(device.wakes.values())
            self.later(at_ms - device.now_ms, device.tick)

    # --- network ---

    def post(self, post: Post) -> None:
        """Send a durable content; with `vanish` it is lost for good."""
        if post.to not in self.devices or (post.sender, post.to) in self.blocked:
            return
        self.meant.setdefault(post.content.id, set()).add(post.to)
        is_entry = (
            isinstance(post.content.payload, OfRooms) and post.content.payload.type is ContentType.ENTRY
        )
        if is_entry and self.rnd.random() < self.vanish and self.devices[post.to].room is not None:
            return
        self._try(post)

    def _try(self, post: Post) -> None:
        post.tries += 1
        if self.rnd.random() < self.loss:
            if post.tries < 20:
                self.later(self.rnd.randint(10_000, 60_000), lambda: self._try(post))
            return
        self.later(self._delay(), lambda: self._arrive(post))

    def _delay(self) -> int:
        return self.rnd.randint(50, 500) if self.rnd.random() < 0.8 else self.rnd.randint(500, 20_000)

    def _arrive(self, post: Post) -> None:
        device, sender = self.devices[post.to], self.devices[post.sender]
        if device.take(sender.us, post.content):
            if sender.room is not None:
                room, content_id, us = sender.room, post.content.id, device.us.device_id
                sender.step(lambda turn: room.confirmed(turn, content_id, us))
        elif post.tries < 20:
            post.tries += 1
            self.later(30_000, lambda: self._arrive(post))

    def signal(self, post: Post) -> None:
        """Send what is not durable."""
        is_there = post.to in self.devices and (post.sender, post.to) not in self.blocked
        if is_there and self.rnd.random() >= self.loss:
            sender = self.devices[post.sender]
            self.later(self._delay(), lambda: self._heard(post, sender))

    def _heard(self, post: Post, sender: Device) -> None:
        self.devices[post.to].take(sender.us, post.content)

    # --- company ---

    def new_roster(self, names: Iterable[str], suspended: Iterable[str] = ()) -> None:
        """Make a roster; every device learns it within a minute."""
        company, listed = ground().company, tuple(names)
        seq = max(one.ref.seq for one in self.book.rosters) + 1
        before = company.roster
        roster = company.new_roster(
            NOW_MS + seq % 1000, listed, seq=seq, suspended=tuple(suspended), notice_hash=ground().notice.hash
        )
        company.roster = before
        self.book.rosters.append(roster)
        for device in self.devices.values():
            self.later(self.rnd.randint(100, 60_000), partial(self.learn_roster, device))

    def learn_roster(self, device: Device) -> None:
        """A device learns of all rosters."""
        if device.known_rosters < len(self.book.rosters):
            device.known_rosters = len(self.book.rosters)
            if device.room is not None:
                device.step(device.room.team_changed)

    # --- people ---

    def open(self, name: str = "phone") -> None:
        """A customer opens the room."""
        device = self.devices[name]
        terms = Terms(ground().notice.hash, "de", Mode.CONSENT, 0b11)
        given = Given(terms, device.now_ms, next(self.seqs))
        room = RoomEngine.create(
            device, device.requests, self.room_id, ground().company_id, ground().customer
        )
        device.room = room
        found = device.step(lambda turn: room.open(turn, self.nonce, given))
        assert not isinstance(found, Exception), found
