"""Rooms: an entry taken in, and sealed to all its readers; order of many entries, head of many states."""

from __future__ import annotations

import os

import pytest
from room_people import NOW_MS, Person
from room_states import EVER, ROOT, after, first, head_of

from bench import scenes
from bench.bare_calls import recorded
from bench.paired import PROCESSOR_TIME, Row
from e2ee import labels, session
from e2ee.content import Content, prepare
from e2ee.primitives import kem, sign
from e2ee.rooms.entry import EntryHash, Header, carrier, decode_entry
from e2ee.rooms.head import choose, judge
from e2ee.rooms.order import order
from e2ee.rooms.payloads import RoomText, read_payload
from e2ee.rooms.transcript import take
from e2ee.session import Session

pytestmark = PROCESSOR_TIME

ENTRIES, STATES = 10_000, 10_000


def test_entry_taken(row: Row) -> None:
    """Content to entry: signature, header, chain, payload; the floor is hashes and signature alone."""
    times = row.size(50, 1)
    author, reader = Person("agent"), Person("customer", False)
    entry = author.write(NOW_MS)
    content = carrier(entry)
    with recorded() as bare:
        decode_entry(content, author.author, author.signer)

    def ours() -> None:
        for _ in range(times):
            found = decode_entry(content, author.author, author.signer)
            take(reader.view, found, reader.held, NOW_MS)
            read_payload(found)

    row(ours, bare.block(times), times, unit="entry")


def _seal_each(content: Content, sessions: list[Session]) -> None:
    for one in sessions:
        session.seal(one, content, scenes.NOW_MS, os.urandom, kem.encapsulate)


@pytest.mark.parametrize("recipients", [3, 8, 16])
def test_entry_sealed(row: Row, recipients: int) -> None:
    """1 KiB written, signed and sealed to all; beside it as many seals of a text, and a signature."""
    times = row.size(10, 1)
    author = Person("agent")
    sessions = [scenes.talking().a for _ in range(recipients)]
    plain, seed, hash_ = scenes.text("x" * 1024), b"agent".ljust(32, b"k"), bytes(32)

    def ours() -> None:
        for _ in range(times):
            entry = author.make(0, None, scenes.NOW_MS, RoomText("x" * 1024))
            _seal_each(prepare(carrier(entry))._replace(number=plain.number), sessions)

    def floor() -> None:
        for _ in range(times):
            sign.sign(seed, labels.SIG_ENTRY + hash_)
            _seal_each(plain, sessions)

    target = 1.3 if recipients == 8 else None
    row(ours, floor, times, unit=f"entry to {recipients}", beside="seals and signature", target=target)


def _headers(count: int) -> dict[EntryHash, Header]:
    """A conversation of three devices that link each other; nothing is signed, since only headers count."""
    people = [Person(name, False) for name in ("a", "b", "c")]
    sent = []
    for at in range(count):
        writer = people[at % 3]
        entry = writer.write(NOW_MS + at)
        sent.append(entry)
        for other in people:
            if other is not writer:
                other.take(entry, NOW_MS)
    return {entry.hash: entry.header for entry in sent}


def test_order(row: Row) -> None:
    """The floor is one sort by time and hash."""
    headers = _headers(row.size(ENTRIES, 30))
    root = next(iter(headers))

    def floor() -> None:
        sorted(headers, key=lambda one: (headers[one].sent_ms, one))

    assert len(order(headers, root)) == len(headers)
    row(lambda: order(headers, root), floor, 1, unit=f"{len(headers)} entries", rounds=row.size(20, 1))


def test_head(row: Row) -> None:
    """States of three stewards, one after the other; the floor is one pass over all."""
    count = row.size(STATES, 30)
    newest = first("F1", members=("A",))
    states = {newest.hash: newest}
    for at in range(1, count):
        newest = after(newest, ("F1", "F2", "S")[at % 3], at, reason=at)
        states[newest.hash] = newest

    def ours() -> None:
        choose(states, judge(states, ROOT, EVER), ROOT, EVER)

    def floor() -> None:
        sorted(states.values(), key=lambda one: one.state.epoch)

    assert head_of(states.values(), EVER) == newest
    row(ours, floor, 1, unit=f"{len(states)} states", rounds=row.size(20, 1))


@pytest.mark.parametrize("gaps", [0, 100], ids=["in order", "100 gaps"])
def test_chain(row: Row, gaps: int) -> None:
    """An entry added to a chain, with and without holes; beside it the same without a chain."""
    times = row.size(200, 5)
    author, reader, other = (Person(name, False) for name in ("author", "reader", "other"))
    sent = [author.write(NOW_MS) for _ in range(2 * gaps + times + 1)]
    for entry in sent[1 : 2 * gaps : 2]:
        reader.take(entry, NOW_MS)
    view = reader.view

    def ours() -> None:
        for entry in sent[-times:]:
            take(view, entry, reader.held, NOW_MS)

    def floor() -> None:
        for entry in sent[-times:]:
            take(other.view, entry, other.held, NOW_MS)

    row(ours, floor, times, unit="entry", beside="empty chain")
