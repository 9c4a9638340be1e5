"""An engine with so many contacts: a company's, whose customers share its mailbox, and a person's.

The rows are those of engines: accounts, devices, lists and prekeys are genuine and signed; pairs and sessions
are copies of one under other ids and header keys. They stand in dicts: no disk is measured here.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from e2ee_client.engine import Channel, Commit, Effect, Engine
from e2ee_client.engine.own_mailbox import DeliveryToken
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.records import Contact, OwnPrekey
from e2ee_client.engine.upkeep import new_mailbox
from e2ee_client.rows import Continuity, Put
from e2ee_relay.limits import Policy, Rate
from engine_world import Node, Rows, SeededRng, World

from bench.growth.subject import Operation, Subject
from e2ee import identity, prekeys
from e2ee.identity import DeviceKind
from e2ee.ids import SessionId
from e2ee.ratchet.state import RatchetState, Receiving
from e2ee.snapshot import decode_session

ROUNDS, STRANGERS = 20, 5
_FREE = Rate(1e12, 1e12)
_RATES = "contact_messages contact_b front_door_messages front_door_b mailbox_messages mailbox_b requests"
_NONE: dict[str, Any] = dict.fromkeys(
    (*_RATES.split(), "creations", "creations_global", "directory_b", "directory_b_global"), _FREE
)
_POLICY = Policy(**_NONE)
_LIFE_MS = 400 * 86_400_000


class Known:
    """One real contact of a node, to be copied."""

    def __init__(self, node: Node) -> None:
        state = node.engine._state
        (self.contact,) = state.contacts.values()
        (self.peer,) = (one for one in state.peers.values() if one.contact is self.contact)
        self.node, tables = node, node.rows.tables
        self.session_id = self.peer.pair.sessions[0].id
        self.session = tables["session"][self.session_id]
        self.pair = tables["pair"][self.peer.key]
        self.header_keys = _header_keys(decode_session(self.session, ()).ratchet)

    def copies(self, count: int) -> Iterator[tuple[Contact, list[Put]]]:
        """Other accounts with one device, a pair and a session each."""
        now_ms = self.node.now_ms
        for number in range(count):
            rng = SeededRng(f"{self.node.name} {number}")
            key = identity.new_account(rng)
            account_id = identity.account_id_of(key)
            device = identity.new_device(account_id, DeviceKind.PERSON, 0, now_ms, now_ms + _LIFE_MS, rng)
            record, session_id = device.record, SessionId(rng(len(self.session_id)))
            listed = identity.next_list(account_id, None, [record], None, now_ms)
            contact = replace(self.contact, account_id=account_id, looked_up_ms=now_ms)
            contact.pin(identity.sign_list(key, listed))
            given = dict.fromkeys((session_id,), next(iter(self.peer.given.values()), None))
            peer = replace(self.peer, account_id=account_id, device_id=record.device_id, record=record)
            peer.given = {place: one for place, one in given.items() if one is not None}
            peer.given_in = session_id if peer.given else b""
            yield contact, [*self._rows(peer, session_id, rng), contact.put()]

    def _rows(self, peer: Peer, session_id: SessionId, rng: SeededRng) -> list[Put]:
        session = self.session.replace(self.session_id, session_id)
        for key in self.header_keys:
            session = session.replace(key, rng(len(key)))  # its tags follow from these
        return [
            peer.put(),
            Put("pair", peer.key, self.pair.replace(self.session_id, session_id)),
            Put("session", session_id, session),
        ]


def _header_keys(state: RatchetState) -> list[bytes]:
    """By what a session finds its messages."""
    next_key = state.next_receive.header_key.expose()
    return (
        [state.receiving.header_key.expose(), next_key]
        if isinstance(state.receiving, Receiving)
        else [next_key]
    )


def commit(node: Node, effects: list[Effect]) -> None:
    """Keep what a step changes; nothing leaves."""
    for one in effects:
        if isinstance(one, Commit):
            node.rows.commit(one.changes)


def reloaded(node: Node, rows: Rows, continuity: Continuity = Continuity.CONTINUOUS) -> Engine:
    """The engine of a node over other rows."""
    engine, _ = Engine.load(rows, continuity, node.ports, node.now_ms)
    return engine


def acquainted() -> tuple[World, Node, Node, bytes]:
    """A company and a customer at rest, and a relay without limits of rates."""
    world = World(_POLICY)
    company, customer = world.node("Praxis", publish=True), world.node("Kundin")
    company.start()
    customer.start()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "Guten Tag")
    world.settle()
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(10_000)
    return world, company, customer, praxis


def drain(*nodes: Node) -> None:
    """Deliver until nothing moves; a node may have very many connections."""
    moved = True
    while moved:
        moved = False
        for node in nodes:
            while node.waiting:
                node._connect(node.waiting.popleft())
                moved = True
            for channel, connection in list(node.connections.items()):
                while not connection._incoming.empty():
                    data = connection._incoming.get_nowait()
                    if data is not None:
                        node.carry_out(node.engine.received(channel, data, node.now_ms))
                        moved = True


def texts_for(node: Node, sender: Node, to: bytes) -> Operation:
    """Take one text that the relay has pushed: a step of the shell, which asks then when to wake."""
    waiting: deque[tuple[Channel, bytes]] = deque()

    def write() -> None:
        if waiting:
            return
        for number in range(ROUNDS):
            sender.send(to, f"Guten Tag {number}")
        drain(sender)
        waiting.extend(_pushed(node))

    def receive() -> None:
        channel, data = waiting.popleft()
        commit(node, node.engine.received(channel, data, node.now_ms))
        _ = node.engine.next_wake_ms

    return Operation(receive, rounds=ROUNDS, prepare=write)


def _pushed(node: Node) -> list[tuple[Channel, bytes]]:
    """What the relay has pushed for a node, not taken yet."""
    found: list[tuple[Channel, bytes]] = []
    for channel, connection in node.connections.items():
        while not connection._incoming.empty():
            data = connection._incoming.get_nowait()
            if data is not None:
                found.append((channel, data))
    return found


def operations(node: Node, other: Node, there: bytes, count: int) -> dict[str, Operation]:
    """What an engine does for one contact among all, and for all of them."""
    here, lost = other.engine.account_id, list[Engine]()
    restarted = node.rows.copy()

    def start_again() -> None:
        lost[:] = [reloaded(node, restarted.copy(), Continuity.ROLLED_BACK)]
        lost[0].start(node.now_ms)

    def send() -> None:
        commit(node, node.engine.send_texts(here, ["Gut"], node.now_ms)[1])
        _ = node.engine.next_wake_ms

    return {
        "receive a text": texts_for(node, other, there),
        "send a text": Operation(send, rounds=ROUNDS),
        "tick with nothing due": Operation(lambda: node.engine.tick(node.now_ms), rounds=ROUNDS),
        "hourly upkeep, a contact": Operation(
            lambda: node.engine.tick(node.now_ms + 3_600_001), count, rounds=1
        ),
        "open, a contact": Operation(partial(reloaded, node, restarted), count, rounds=1),
        "tick after a loss": Operation(
            lambda: lost[0].tick(node.now_ms + 1_001), rounds=3, prepare=start_again
        ),
    }


def company(count: int, _folder: Path) -> Subject:
    """A company with so many customers, each with a token of the one mailbox."""
    world, node, customer, praxis = acquainted()
    known = Known(node)
    (mailbox,) = node.engine._state.mailboxes.values()
    for contact, rows in known.copies(count - 1):
        token = DeliveryToken(mailbox.id, contact.account_id, os.urandom(32), True)
        node.rows.commit((*rows, token.put()))
    node.crash()
    node.start()
    strangers = [world.node(f"Stranger {number}") for number in range(STRANGERS)]
    for one in strangers:
        one.start()
        one.send(one.add(node.engine.card()), "Guten Tag")
    drain(*world.nodes)
    names = (one.engine.account_id for one in strangers)

    def accept() -> None:
        commit(node, node.engine.accept_contact(next(names), node.now_ms))

    found = {"accept a stranger": Operation(accept, rounds=STRANGERS)}
    return Subject({**found, **operations(node, customer, praxis, count)}, keeps=[world])


def person(count: int, _folder: Path) -> Subject:
    """A person who talks to so many companies, through a mailbox and with prekeys for each."""
    world, node, customer, _ = acquainted()
    state, known = customer.engine._state, Known(customer)
    (own_mailbox,) = state.mailboxes.values()
    for number, (contact, rows) in enumerate(known.copies(count - 1)):
        mailbox = new_mailbox(own_mailbox.relay_url, contact.account_id, os.urandom)
        made = prekeys.new_signed_pair(state.own.device, 1_000_000 + number, customer.now_ms, os.urandom)
        kept = [OwnPrekey(one, state.own.device.record, contact.account_id).put() for one in made]
        customer.rows.commit((*rows, mailbox.put(), *kept))
    customer.crash()
    accounts = list(customer.engine._state.contacts)

    def connect() -> None:
        customer.carry_out(customer.engine.start(customer.now_ms))
        drain(customer)

    def text_to_all() -> None:
        for account_id in accounts:
            customer.carry_out(customer.engine.send_texts(account_id, ["Hallo"], customer.now_ms)[1])
        drain(customer)

    def connections_lost() -> None:
        customer.break_connections()

    found = {
        "connect, a contact": Operation(connect, count, rounds=1),
        "a text to each, a contact": Operation(text_to_all, count, rounds=1),
    }
    later = {"all connections lost, a contact": Operation(connections_lost, count, rounds=1)}
    keeps: list[object] = [world]
    return Subject(
        {**found, **operations(customer, node, customer.engine.account_id, count), **later}, keeps=keeps
    )
