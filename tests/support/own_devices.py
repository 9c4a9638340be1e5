"""Further devices of an account in a world of engines, joined as by `Client.join`, but without messages."""

from __future__ import annotations

from e2ee_client import inviting
from e2ee_client.inviting import Joined
from e2ee_client.restoring import DEVICE_LIFE_MS
from engine_world import Node, World

from e2ee.identity import DeviceKind
from e2ee.ids import AccountId
from e2ee.rooms.invite import new_invite


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
