"""Lists that an account signs for itself, and what its relay loses of them (ID-40, ID-47)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from e2ee_client.engine import Channel
from e2ee_client.engine.records import NextList
from e2ee_client.events import IdentityAlarm, MessageRejected
from e2ee_relay.protocol import Lookup, Publish, Role, decode_frames
from engine_world import Node

from e2ee.identity import DeviceList
from e2ee.ids import AccountId


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
