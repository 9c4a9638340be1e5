"""How long a client stays away after one frame that its relay should not have sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from e2ee_client.engine.link import LinkState
from e2ee_client.events import SecondCopy
from e2ee_relay.protocol import Displaced, Hello, KnownFrame, QueueEmpty, encode_frames
from engine_world import Node, World, acquainted
from evil_relay import EvilRelay, Strategy

SOON_S = 10


def seconds_away(world: World, node: Node) -> int:
    """Let time pass until all connections for mailboxes are ready; return how long that took."""
    for seconds in range(120):
        links = [one for channel, one in node.engine._context.links.by_channel.items() if channel.mailbox]
        if links and all(one.state is LinkState.READY for one in links):
            return seconds
        world.advance(1_000)
    return 120


def test_displaced_once_is_back_in_seconds() -> None:
    """RLY-39: an older connection of ours is the usual reason."""
    world, _, customer, _ = acquainted()
    channel = next(one for one in customer.connections if one.mailbox)
    data = encode_frames([Displaced(0, channel.mailbox)])
    customer.carry_out(customer.engine.received(channel, data, world.now_ms))
    assert 0 < seconds_away(world, customer) <= SOON_S


@pytest.mark.parametrize("which", ["sending", "another mailbox"])
def test_what_is_said_of_another_mailbox_is_not_heeded(which: str) -> None:
    """RLY-266: a relay of a contact, or one that names a mailbox which is none of ours, raises no alarm."""
    world, _, customer, _ = acquainted()
    is_sending = which == "sending"
    channel = next(one for one in customer.connections if bool(one.mailbox) is not is_sending)
    link = customer.engine._context.links.by_channel[channel]
    own = next(one.mailbox for one in customer.connections if one.mailbox)
    named, link.emptied = own if is_sending else bytes(16), False
    data = encode_frames([QueueEmpty(0, named), Displaced(0, named), Displaced(0, named)])
    customer.carry_out(customer.engine.received(channel, data, world.now_ms))
    assert not link.emptied
    assert link.state is LinkState.READY
    assert not customer.of(SecondCopy)


class WrongName(Strategy):
    """Greets so many times as another relay."""

    left = 0

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        if isinstance(frame, Hello) and self.left:
            self.left -= 1
            frame = dataclasses.replace(frame, relay_name="other.example")
        return (frame,)


@pytest.mark.parametrize("times", [1, 3])
def test_a_hello_with_a_wrong_name_costs_seconds(times: int) -> None:
    """RLY-12, RLY-22: the relay refuses what was signed for another one; the next HELLO is the right one."""
    world, strategy = World(), WrongName()
    world.relay.close()
    world.relay = EvilRelay(lambda: world.now_ms, strategy)
    customer = world.node("Praxis", publish=True)
    customer.start()
    world.advance(60_000)
    strategy.left = times
    customer.break_connections()
    assert 0 < seconds_away(world, customer) <= SOON_S
    assert not strategy.left
