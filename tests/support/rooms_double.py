"""A small stand-in for rooms: consent by account, an `open`, and a record of what sessions brought."""

from __future__ import annotations

from dataclasses import dataclass, field

from e2ee_client.engine.posted import Posted
from e2ee_client.engine.turn import Turn
from engine_world import Node

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import ConsentRequired, NoRight
from e2ee.identity import DeviceRecord
from e2ee.ids import AccountId, DeviceId

OPEN = "open"
BAD = "bad"


class HearingDouble:
    """Whether a device was told of everything matters to a desk alone."""

    def note(self, turn: Turn, roster: object) -> None:
        """Nothing is kept."""

    def look(self, turn: Turn) -> None:
        """Nothing is looked at."""


@dataclass
class RoomsDouble:
    """`gated`: nothing of an account passes before its `open`. `taken` has each content once, in order."""

    node: Node
    gated: bool = False
    consents: set[bytes] = field(default_factory=set)
    admitted: list[Content] = field(default_factory=list)
    taken: list[tuple[bytes, str]] = field(default_factory=list)
    repeats: int = 0
    ids: set[bytes] = field(default_factory=set)
    reached: list[tuple[bytes, bytes]] = field(default_factory=list)
    lost: list[tuple[bytes, bytes, str]] = field(default_factory=list)
    unsent: list[tuple[bytes, bytes]] = field(default_factory=list)
    changed: list[bytes] = field(default_factory=list)
    opens: dict[bytes, Posted] = field(default_factory=dict)
    starts: int = 0
    hearing: HearingDouble = field(default_factory=HearingDouble)

    def admit(self, turn: Turn, record: DeviceRecord, content: Content) -> None:
        self.admitted.append(content)
        if self.gated and record.account_id not in self.consents and word_of(content) != OPEN:
            raise ConsentRequired("no consent")

    def is_trusted(self, account_id: bytes) -> bool:
        return False

    def take(self, turn: Turn, peer: object, content: Content) -> bool:
        word = word_of(content)
        if word == BAD:
            raise NoRight("refused by the room")
        if content.id in self.ids:
            self.repeats += 1
        elif isinstance(content.payload, OfRooms):
            self.ids.add(content.id)
            self.taken.append((peer.device_id, word))  # type: ignore[attr-defined]  # a peer of the engine
        if word == OPEN:
            self.consents.add(peer.account_id)  # type: ignore[attr-defined]  # a peer of the engine
            self.node.engine._context.telling.accept(turn, peer.contact)  # type: ignore[attr-defined]  # as above
        return isinstance(content.payload, OfRooms) and content.payload.type is not ContentType.SIGNAL

    def confirmed(self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes) -> None:
        self.reached.append((device_id, content_id))
        if device_id in self.opens and self.opens[device_id].content_id == content_id:
            del self.opens[device_id]

    def failed(
        self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes, code: str
    ) -> None:
        self.lost.append((device_id, content_id, code))

    def not_sent(self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes) -> None:
        self.unsent.append((device_id, content_id))

    def first_of(self, turn: Turn, account_id: AccountId, device_id: DeviceId) -> Posted | None:
        return self.opens.get(device_id)

    def devices_changed(self, turn: Turn, account_id: AccountId) -> None:
        self.changed.append(account_id)

    def is_gated(self) -> bool:
        """Its gate is its own: the device is none of a company, and greets nobody by itself (ACC-40)."""
        return False

    def are_with(self, account_id: AccountId) -> bool:
        return False

    def customers(self) -> list[tuple[AccountId, DeviceId]]:
        return []

    def start(self, turn: Turn) -> None:
        self.starts += 1

    def maintain(self, turn: Turn) -> None:
        """Nobody waits here."""

    @property
    def words(self) -> list[str]:
        """What was taken, without who sent it."""
        return [word for _, word in self.taken]


def word_of(content: Content) -> str:
    """The word that `posted` put into a content."""
    payload = content.payload
    if not isinstance(payload, OfRooms) or not isinstance(payload.payload, dict):
        return ""
    return str(payload.payload[1])


def with_rooms(node: Node, rooms: RoomsDouble | None = None, *, gated: bool = False) -> RoomsDouble:
    """Give a node rooms; a node that was loaded again is given the same ones."""
    rooms = rooms or RoomsDouble(node, gated)
    setattr(node.engine._context, "rooms", rooms)  # noqa: B010 - a double is none of the class
    return rooms


def posted(node: Node, word: str, kind: ContentType = ContentType.ENTRY) -> Posted:
    """A content that says a word."""
    return Posted(node.rng(16), node.now_ms, kind, {1: word})


def post(node: Node, what: Posted, *devices: tuple[bytes, bytes]) -> None:
    """Post a content to devices, in one step."""
    turn = node.engine._step(node.now_ms)
    node.engine._context.posting.post(turn, what, [(AccountId(a), DeviceId(d)) for a, d in devices])
    node.carry_out(turn.effects())
