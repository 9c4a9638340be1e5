"""What tests of lost sessions and of repeated deliveries share: frames that get lost, bodies from nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable

from e2ee_client.engine import Channel
from e2ee_client.events import MessageState, MessageStateChanged
from e2ee_relay.protocol import Ack, Lookup, Message, Role, Send, TokenAdd, decode_frames, encode_frames
from engine_world import Node, World

UNKNOWN = "remote.unknown_session"


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
