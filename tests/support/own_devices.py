"""Further devices of an account in a world of engines, joined as by `Client.join`, but without messages."""

from __future__ import annotations

from e2ee_client import inviting
from e2ee_client.inviting import Joined
from engine_world import Node, World

from e2ee.constants import DEVICE_LIFE_MS
from e2ee.identity import DeviceKind
from e2ee.ids import AccountId
from e2ee.rooms.invite import new_invite

MINUTE_MS = 60_000


def joined(
    world: World,
    holder: Node,
    name: str = "Praxis zwei",
    *,
    front_desk: bool = True,
    kind: DeviceKind = DeviceKind.AGENT,
) -> Node:
    """Let a device join, and come online."""
    node = world.node(name)
    account_id = AccountId(holder.engine.account_id)
    invite, _ = new_invite(account_id, kind, front_desk=front_desk, rng=node.rng)
    device = invite.make_device(world.now_ms, world.now_ms + DEVICE_LIFE_MS, node.rng)
    holder.carry_out(holder.engine.add_device(device.record, world.now_ms))
    world.settle()
    welcome = holder.engine.welcome(device.record.hash)
    assert welcome is not None
    rows = inviting.new_rows(
        Joined(holder.engine.card(), device, welcome), None, node.rng, read_receipts=False
    )
    node.rows.tables.clear()
    node.rows.commit(tuple(rows))
    node.crash()
    node.events.clear()
    node.start()
    world.settle()
    assert node.engine._context.entry.published
    return node


def device_id(node: Node) -> bytes:
    """The device id of a node."""
    return node.engine.devices()[0].device_id


def ids(node: Node) -> set[bytes]:
    """The devices of its account that a node knows of."""
    return {one.device_id for one in node.engine.devices()}


def company() -> tuple[World, Node, Node, Node, bytes]:
    """Two front desks of one account, a customer who has written to both, and the customer's contact."""
    world = World()
    holder = world.node("Praxis", publish=True)
    holder.start()
    second = joined(world, holder)
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(holder.engine.card())
    customer.send(praxis, "an beide")
    world.settle()
    for node in (holder, second):
        node.carry_out(node.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    assert holder.texts() == second.texts() == ["an beide"]
    for node in (holder, second, customer):
        node.events.clear()
    return world, holder, second, customer, praxis
