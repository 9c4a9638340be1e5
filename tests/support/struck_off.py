"""Accounts that go on with another device, and a relay that hides this from a contact."""

from __future__ import annotations

from dataclasses import replace

from e2ee_client import restoring
from e2ee_client.engine import Channel
from e2ee_client.restoring import Newest, Saved
from e2ee_relay.protocol import Lookup, LookupResult, Role, decode_frames, encode_frames
from engine_world import Node, World

NOTHING_NEWER = Newest()


def backup_of(node: Node, *, knows_contacts: bool = True) -> Saved:
    """What a backup of a node holds now; without contacts, the new device has to be found by them."""
    saved = restoring.gather(node.rows, node.recovery_key)
    return saved if knows_contacts else replace(saved, contacts=[], messages=[], timeline=[], devices=[])


def restored(world: World, saved: Saved, name: str, newest: Newest = NOTHING_NEWER) -> Node:
    """The new device that goes on from a backup; it is not started."""
    node = world.node(name)
    rows = restoring.new_rows(saved, newest, None, node.rng, world.now_ms)
    node.rows.tables.clear()
    node.rows.commit(tuple(rows))
    node.crash()
    node.events.clear()
    return node


class HidingRelay:
    """Answers a node's LOOKUP of an account with what the directory said when this was made."""

    def __init__(self, node: Node, account_id: bytes) -> None:
        self._node = node
        self._account_id = account_id
        self._old = self._now()
        self.asked_ms: list[int] = []
        node.outgoing = self._outgoing

    def _now(self) -> LookupResult:
        """Return what the directory says, without the lists up to the newest one."""
        relay = self._node.world.relay
        connection = relay.connect()
        frames: list[object] = []
        relay.take(connection, connection.session, encode_frames([Lookup(1, self._account_id, 0)]))
        while not connection._incoming.empty():
            frames += decode_frames(connection._incoming.get_nowait() or b"", Role.CLIENT)
        connection.drop()
        (found,) = (one for one in frames if isinstance(one, LookupResult))
        return replace(found, lists=())

    def _outgoing(self, channel: Channel, data: bytes) -> list[bytes]:
        asked = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Lookup)]
        for one in asked:
            self.asked_ms.append(self._node.world.now_ms)
            answer = replace(self._old, request_id=one.request_id)
            self._node.connections[channel].put(answer)
        return [] if asked else [data]


def heedless(node: Node) -> None:
    """Let the program of a device write on under a list that has ended, as ID-65 forbids."""
    vars(node.engine._context.upkeep)["check_listed"] = lambda *_: None
