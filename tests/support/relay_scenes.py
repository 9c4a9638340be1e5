"""What tests of sessions and deliveries share: frames that get lost, random bodies, state that is lost."""

from __future__ import annotations

import os
from collections.abc import Callable

from e2ee_client.engine import Channel
from e2ee_client.engine.peers import Peer
from e2ee_client.events import MessageReceived, MessageState, MessageStateChanged
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import (
    Ack,
    ErrorCode,
    Lookup,
    Message,
    Role,
    Send,
    SendResult,
    SendResults,
    TokenAdd,
    decode_frames,
    encode_frames,
)
from engine_world import Node, Rows, World, acquainted

from e2ee.session import Session

UNKNOWN = "remote.unknown_session"
MINUTE_MS = 60_000


def losing(kind: type[Ack | Send | Lookup | TokenAdd]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that loses a node's frames of one kind on their way to the relay."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        return [] if any(isinstance(one, kind) for one in decode_frames(data, Role.RELAY)) else [data]

    return outgoing


def bodies_in(data: bytes) -> list[bytes]:
    """Return the envelopes that a message for the relay sends."""
    sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
    return [item.body for send in sends for item in send.items]


def copying(bodies: list[bytes]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that keeps a copy of the envelopes that a node sends."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        bodies.extend(bodies_in(data))
        return [data]

    return outgoing


def intercepting(bodies: list[bytes]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that keeps the envelopes that a node sends, from the relay as well."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        found = bodies_in(data)
        bodies.extend(found)
        return [] if found else [data]

    return outgoing


def second_contact(world: World, customer: Node) -> tuple[Node, bytes]:
    """A laboratory that the customer has written to, and that has accepted it; and its account id."""
    laboratory = world.node("Labor", publish=True)
    laboratory.start()
    labor = customer.add(laboratory.engine.card())
    customer.send(labor, "Guten Tag")
    world.settle()
    laboratory.carry_out(laboratory.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(10_000)
    return laboratory, labor


def lossless(_: Channel, data: bytes) -> list[bytes]:
    """A hook that loses nothing."""
    return [data]


def push(node: Node, body: bytes, like: Message | None = None, mailbox: bytes = b"") -> None:
    """Let a body arrive in the node's first mailbox or another one, as something new or once more."""
    mailbox = mailbox or next(iter(node.engine._state.mailboxes))
    channel = next(one for one in node.connections if one.mailbox == mailbox)
    frame = like or Message(0, mailbox, 1, os.urandom(16), body, 0)
    node.carry_out(node.engine.received(channel, encode_frames([frame]), node.world.now_ms))


def delivered(node: Node) -> set[bytes]:
    """Return the texts of a node that the other side has confirmed."""
    return {one.message_id for one in node.of(MessageStateChanged) if one.state is MessageState.DELIVERED}


def strange() -> bytes:
    """Return a body that no session knows."""
    return bytes((1, 1)) + os.urandom(8 + 16 + 64 + 512 + 16)


def talk(world: World, company: Node, customer: Node, praxis: bytes, turns: int) -> None:
    """Let both write in turn, so that chains end on both sides."""
    for number in range(turns):
        company.send(customer.engine.account_id, f"her {number}")
        world.settle()
        customer.send(praxis, f"hin {number}")
        world.settle()


def talking() -> tuple[World, Node, Node, bytes]:
    """Two who have a proven session and have exchanged texts on it."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    world.advance(2 * MINUTE_MS)
    for node in (company, customer):
        node.events.clear()
    return world, company, customer, praxis


def the_peer(node: Node) -> Peer:
    """Return the only device that a node knows."""
    (peer,) = node.engine._state.peers.values()
    return peer


def active_of(node: Node) -> Session:
    """Return the active session with the only device that a node knows."""
    active = the_peer(node).pair.active
    assert active is not None
    return node.engine._state.sessions[active.id]


def share_one_session(company: Node, customer: Node) -> bool:
    """Tell whether both sides have the same active session."""
    ours, theirs = the_peer(company).pair.active, the_peer(customer).pair.active
    return ours is not None and theirs is not None and ours.id == theirs.id


def lose(node: Node, rows: Rows | None = None, *, start: bool = True) -> None:
    """Let a node notice that its store does not continue its last run."""
    node.crash(rows, Continuity.ROLLED_BACK)
    if start:
        node.start()


def withholding(node: Node) -> tuple[list[bytes], Callable[[], None]]:
    """Let a relay confirm what a node sends and keep it; return what it keeps, and a way to end that."""
    kept: list[bytes] = []

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
        for one in sends:
            kept.extend(item.body for item in one.items)
            results = tuple(SendResult(ErrorCode.OK, 0) for _ in one.items)
            node.connections[channel].put(SendResults(one.request_id, results))
        return [] if sends else [data]

    def end() -> None:
        node.outgoing = lossless

    node.outgoing = outgoing
    return kept, end


def well(world: World, company: Node, customer: Node, praxis: bytes) -> None:
    """Check that both sides share a session and that a text of each arrives and is confirmed."""
    sent = company.send(customer.engine.account_id, f"her um {world.now_ms}")
    asked = customer.send(praxis, f"hin um {world.now_ms}")
    now_ms = world.now_ms
    world.advance(60_000)
    assert customer.texts().count(f"her um {now_ms}") == 1
    assert company.texts().count(f"hin um {now_ms}") == 1
    assert sent in delivered(company)
    assert asked in delivered(customer)
    assert share_one_session(company, customer)


def once(node: Node) -> bool:
    """Tell whether no text was given to the application twice."""
    received = [one.message_id for one in node.of(MessageReceived)]
    return len(received) == len(set(received))
