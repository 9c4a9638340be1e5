"""Lists that an account signs for itself, and what its relay loses of them (ID-40, ID-47)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from e2ee_client.engine import Channel
from e2ee_client.engine.records import NextList
from e2ee_client.events import IdentityAlarm, MessageRejected
from e2ee_relay.protocol import Done, Lookup, Publish, Role, Send, decode_frames
from engine_world import Node, World

from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, new_device
from e2ee.ids import AccountId

DAY_MS = 86_400_000


def lists_of(*nodes: Node) -> dict[int, set[bytes]]:
    """Return the hashes of all lists in use that stand in the stores of nodes of one account, by number."""
    found: dict[int, set[bytes]] = {}
    for node in nodes:
        account_id = node.engine._state.own.account_id
        for row in node.rows.tables["list"].values():
            head = DeviceList.verify(account_id, row).head
            found.setdefault(head.seq, set()).add(bytes(head.hash))
    return found


def is_calm(*nodes: Node) -> bool:
    """Whether nobody was told of two lists for one number."""
    alarms = [event.code for node in nodes for event in node.of(IdentityAlarm)]
    refusals = [event.code for node in nodes for event in node.of(MessageRejected)]
    return "remote.list_fork" not in alarms + refusals


def published_lists(account_id: AccountId, asked: Sequence[Publish | Lookup]) -> list[DeviceList]:
    """Return all lists that stand in requests."""
    return [
        DeviceList.verify(account_id, signed)
        for one in asked
        if isinstance(one, Publish)
        for signed in one.lists
    ]


def unconfirmed(node: Node, *, is_taken: bool) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that loses what a node publishes, or the relay's answer to it."""

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        if not any(isinstance(one, Publish) for one in decode_frames(data, Role.RELAY)):
            return [data]
        connection = node.connections[channel]
        if is_taken:
            node.world.relay.take(connection, connection.session, data)
            while not connection._incoming.empty():
                connection._incoming.get_nowait()
        return []

    return outgoing


def noting(asked: list[Publish | Lookup]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that notes what a node asks of its own entry."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        asked.extend(one for one in decode_frames(data, Role.RELAY) if isinstance(one, Publish | Lookup))
        return [data]

    return outgoing


def away(node: Node, ms: int) -> None:
    """Let a node that was away for some time come back."""
    node.stop()
    node.world.now_ms += ms
    node.world.relay.tick()
    node.crash(node.rows)
    node.start()
    node.world.advance(1_000)


def pending_of(node: Node) -> NextList:
    """Return the list that a node has signed for the directory, which has not confirmed it."""
    return NextList.decode(NextList.PREFIX, node.rows.tables["meta"][NextList.PREFIX])


def lost_by_the_relay(node: Node, *, tells: bool) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook of a relay that confirms what a node publishes, and does not have it afterwards; without
    `tells` it loses also what the node sends then.
    """

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        published = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Publish)]
        for one in published:
            node.connections[channel].put(Done(one.request_id))
        is_lost = not tells and any(isinstance(one, Send) for one in decode_frames(data, Role.RELAY))
        return [] if published or is_lost else [data]

    return outgoing


def copy_of(node: Node) -> Node:
    """Return a second copy of a node's store on another machine; it is not started."""
    twin = Node(node.world, "Zwilling", node.setup)
    twin.crash(node.rows.copy())
    node.world.nodes.append(twin)
    return twin


def is_published(node: Node) -> bool:
    """Whether the directory has the newest list of a node, which is not over."""
    own = node.engine._state.own
    return own.published_seq == own.device_list.seq and own.device_list.expires_ms > node.now_ms


def agent_of(node: Node) -> DeviceRecord:
    """A record of one more device."""
    account_id, now_ms = node.engine._state.own.account_id, node.world.now_ms
    return new_device(account_id, DeviceKind.AGENT, 0, now_ms, now_ms + 365 * DAY_MS, os.urandom).record


def change_twice(world: World, holder: Node) -> None:
    """Sign two lists: one more device, and none."""
    added = agent_of(holder)
    holder.carry_out(holder.engine.add_device(added, world.now_ms))
    world.settle()
    holder.carry_out(holder.engine.remove_device(added.device_id, world.now_ms))
    world.settle()
