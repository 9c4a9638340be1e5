"""Companies in a world of engines: a founder with a notice, devices with cards, a customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from company import DRAFT, TEXTS
from e2ee_client.engine.company import Company, Founding
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.signing import SigningView
from e2ee_client.engine.team import Team
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from own_devices import device_id, joined

from e2ee.content import Content, ContentType, OfRooms
from e2ee.identity import DeviceKind, DeviceRecord
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.notice import Notice, sign_notice
from e2ee.rooms.team import Standing, TeamView
from e2ee.wire.fields import MAX_U32

R = TypeVar("R")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def do(node: Node, step: Callable[[Turn], R]) -> R:
    """Carry out a step of an engine, and let the world come to rest."""
    turn = Turn(node.now_ms)
    result = step(turn)
    node.carry_out(turn.effects())
    node.world.settle()
    return result


def company_of(node: Node) -> Company:
    """The part of a node's engine that signs."""
    return node.engine._context.company


def signing_of(node: Node) -> SigningView:
    """What a person has to know of the signing of a node that signs."""
    found = do(node, company_of(node).view)
    assert found is not None
    return found


def team_of(node: Node) -> Team:
    """The part of a node's engine that knows who may act."""
    return node.engine._context.team


def account(node: Node) -> AccountId:
    """The account of a node."""
    return AccountId(node.engine.account_id)


def this(node: Node) -> DeviceId:
    """The device id of a node."""
    return DeviceId(device_id(node))


def notice(node: Node, version: int = 1, **changes: Any) -> Notice:
    """Sign a notice of a node's account."""
    key = node.engine._state.own.account_key
    assert key is not None
    texts = {name: text.encode() for name, text in TEXTS.items()}
    # Whatever the policy of a test is, the notice states it (CNS-46).
    draft = DRAFT._replace(texts=texts, retention=[(kind, MAX_U32) for kind in range(1, 5)])
    return sign_notice(key, version, draft._replace(**changes), node.now_ms)


def online(world: World, name: str = "Praxis") -> Node:
    """A front desk whose entry is published."""
    node = world.node(name, publish=True, kind=DeviceKind.AGENT)
    node.start()
    return node


def publish_notice(node: Node, version: int = 1, until_ms: int = 0, **changes: Any) -> Notice:
    """Publish a notice."""
    made = notice(node, version, **changes)
    do(node, lambda turn: company_of(node).publish_notice(turn, made.signed, until_ms))
    return made


def set_card(holder: Node, node: Node, name: str) -> None:
    """Give a node its card."""
    do(holder, lambda turn: company_of(holder).set_card(turn, this(node), name, ["de"], ["Empfang"]))


def founded(world: World, name: str = "Praxis", **founding: Any) -> Node:
    """A company that has signed mandate and roster, and published them."""
    node = online(world, name)
    do(node, lambda turn: company_of(node).found(turn, Founding(**founding)))
    set_card(node, node, "Frau Braun")
    publish_notice(node)
    return node


def colleague(holder: Node, name: str, *, front_desk: bool = False) -> Node:
    """A further device of the company, with a card."""
    node = joined(holder.world, holder, name, front_desk=front_desk)
    set_card(holder, node, name)
    return node


def customer_of(company: Node, name: str = "Kundin") -> Node:
    """A customer who has looked the company up, and writes to it outside of rooms."""
    if not isinstance(company.engine._context.rooms, TeamRooms):
        TeamRooms(company)
    node = company.world.node(name)
    node.start()
    node.add(company.engine.card())
    node.send(account(company), "Guten Tag")
    company.world.settle()
    return node


def standing(node: Node, company: Node) -> Standing:
    """What counts of a company to a node."""
    found = team_of(node).standing(account(company))
    assert found is not None
    return found


def view(node: Node, company: Node) -> TeamView:
    """Who of a company is in force to a node now."""
    return do(node, lambda turn: team_of(node).view(turn, account(company)))


def in_force(node: Node, company: Node) -> dict[bytes, int]:
    """The rank of each device that is in force to a node."""
    return {bytes(one): rank for one, rank in view(node, company).ranks().items()}


class TeamRooms(Rooms):
    """Rooms without a gate that count contents of type 12; `open_for` are the devices of customers with open
    rooms.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node.engine._context)
        self.open_for: list[tuple[AccountId, DeviceId]] = []
        self.ids: set[bytes] = set()
        node.engine._context.rooms = self

    def is_gated(self) -> bool:
        return False

    def admit(self, turn: Turn, record: DeviceRecord, content: Content) -> None:
        """Everybody may write."""

    def take(self, turn: Turn, peer: Peer, content: Content) -> bool:
        taken = super().take(turn, peer, content)
        if isinstance(content.payload, OfRooms) and content.payload.type is ContentType.ROSTER:
            self.ids.add(content.id)
        return taken

    @property
    def taken(self) -> int:
        """How many different contents were taken."""
        return len(self.ids)

    def customers(self) -> list[tuple[AccountId, DeviceId]]:
        return self.open_for
