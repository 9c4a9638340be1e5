"""Nodes over one PostgreSQL database without clients: stores, with listeners that note their calls."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import LiteralString, cast

import psycopg
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    CreateMailbox,
    ErrorCode,
    PrekeysFetch,
    Send,
    SendItem,
    TokenAdd,
    TokenClass,
    TtlClass,
    token_hash,
)
from e2ee_relay.store.api import (
    Op,
    Open,
    Opened,
    Page,
    Read,
    Refusal,
    Request,
)
from e2ee_relay.store.postgres import PostgresStore
from e2ee_relay.store.postgres_upkeep import partitions_of
from e2ee_relay.store.postgres_words import (
    Heard,
)
from relay_actors import START_MS, Company, Owner, Peer
from view_in_memory import Asker, Buckets


class WordsHere:
    """Words between stores of one process, which arrive when they are passed on, or are lost."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[str, bytes]] = deque()
        self.are_lost = False
        self._heard: dict[str, Heard] = {}

    def at(self, node: str) -> WordsOfNode:
        return WordsOfNode(self, node)

    def listen(self, node: str, heard: Heard) -> None:
        self._heard[node] = heard

    def pass_on(self) -> bool:
        """Deliver what waits; tell whether there was anything."""
        was_there = bool(self.waiting)
        while self.waiting:
            node, word = self.waiting.popleft()
            if node in self._heard and not self.are_lost:
                self._heard[node](word)
        return was_there


class WordsOfNode:
    """One node's end of them (`postgres_words.Words`)."""

    is_connected = True

    def __init__(self, words: WordsHere, node: str) -> None:
        self._words = words

    def start(self, node: str, heard: Heard) -> None:
        self._words.listen(node, heard)

    def tell(self, node: str, word: bytes) -> None:
        self._words.waiting.append((node, word))

    async def stop(self) -> None:
        return


@dataclass
class Listening:
    """A node as a store sees it, which notes what it hears."""

    policy: Policy
    now_ms: Callable[[], int]
    limits: Buckets = field(default_factory=Buckets)
    failed: list[Op] = field(default_factory=list)
    heard: list[tuple[object, ...]] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)

    def delivers(self, mailbox: bytes) -> bool:
        raise AssertionError(mailbox)

    def decided(self, op: Op) -> None:
        raise AssertionError(op)

    def committed(self, ops: Sequence[Op], *, failed: bool) -> None:
        self.failed += ops if failed else ()

    def wake(self, mailbox: bytes) -> None:
        self.heard.append(("wake", mailbox))

    def displaced(self, mailbox: bytes, no: int) -> None:
        self.heard.append(("displaced", mailbox, no))

    def passing(self, mailbox: bytes, msg_id: bytes, body: bytes) -> None:
        self.heard.append(("passing", mailbox, msg_id, body))

    def low_stock(self, mailbox: bytes, *, is_held_back: bool) -> None:
        self.heard.append(("low_stock", mailbox, is_held_back))

    def dropped(self, mailbox: bytes) -> None:
        self.heard.append(("dropped", mailbox))


class Node:
    """A store whose operations are carried out at once, in the caller's thread."""

    def __init__(
        self, url: str, words: WordsHere, clock: Callable[[], int], policy: Policy, number: int
    ) -> None:
        self.listening = Listening(policy, clock)
        name = number.to_bytes(8, "big").hex()
        self.store = PostgresStore(
            url, policy, clock, poll_s=1, words=words.at(name), has_threads=False, name=name
        )
        self.store.start(self.listening, lambda _seconds, _ops, _failed: None)

    def apply(self, *requests: Request, peer: Asker | None = None) -> list[Op]:
        """Carry out requests as one group; return their operations."""
        ops = [Op(peer or Asker(), request) for request in requests]
        for op in ops:
            self.store.submit(op)
        self.store.settle()
        assert not self.listening.failed
        return ops

    def sweep(self, now_ms: int) -> None:
        self.store.sweep(now_ms)
        self.store.settle()


# --- what the tests do with them ---

OWNER = b"o" * 32
TOKEN = b"t" * 32
_MANY = 1_000_000


def make_mailbox(node: Node) -> tuple[bytes, Asker]:
    address = os.urandom(16)
    owner = Asker(owned={address: OWNER})
    created, added = (
        node.apply(CreateMailbox(1, address, OWNER))[0],
        node.apply(TokenAdd(2, address, (token_hash(TOKEN),), TokenClass.CONTACT), peer=owner)[0],
    )
    assert created.result is None
    assert added.result is None
    return address, owner


def item(address: bytes, body: bytes = b"x", ttl: TtlClass = TtlClass.RETENTION) -> SendItem:
    return SendItem(address, TOKEN, os.urandom(16), ttl, b"", body)


def send(node: Node, *items: SendItem) -> list[ErrorCode]:
    (op,) = node.apply(Send(1, items))
    return [one.code for one in op.result]


def page(node: Node, address: bytes, *in_flight: int, most: int = 1000, most_b: int = _MANY) -> Page:
    (op,) = node.apply(Read(address, in_flight, most, most_b))
    assert isinstance(op.result, Page), op.result
    return op.result


def seqs(node: Node, address: bytes) -> list[int]:
    return [one.seq for one in page(node, address).messages]


def rows(db: psycopg.Connection, table: LiteralString) -> int:
    row = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - fixed names
    assert row is not None
    return int(row[0])


def opened(node: Node, address: bytes, owner: Asker) -> Opened:
    (op,) = node.apply(Open((address,)), peer=owner)
    (found,) = op.result
    assert isinstance(found, Opened)
    return found


class Numbers:
    """What gives requests their numbers."""

    def next_id(self) -> int:
        return 1


def published(node: Node, x25519: int, kem: int) -> Company:
    """Make a mailbox, an account with a device behind it, and its stock of keys."""
    company, numbers = Company(Owner(), START_MS), cast("Peer", Numbers())
    owner, mailbox = company.owner, company.owner.mailbox
    peer = Asker(owned={mailbox: owner.owner_pub})
    front = (token_hash(company.front_token),)
    requests: list[Request] = [
        CreateMailbox(1, mailbox, owner.owner_pub),
        TokenAdd(2, mailbox, front, TokenClass.FRONT_DOOR),
        company.entry(numbers, company.make_list([company.record])),
        company.upload(numbers, x25519, kem),
    ]
    for request in requests:
        (op,) = node.apply(request, peer=peer)
        assert not isinstance(op.result, Refusal), op.result
    return company


def fetch(company: Company) -> PrekeysFetch:
    return PrekeysFetch(1, company.account_id, company.record_hash, company.front_token, b"")


def days_of(db: psycopg.Connection) -> list[int]:
    return sorted(partitions_of(db, "message").keys())
