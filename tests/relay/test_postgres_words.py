"""Nodes over one database and what they tell each other: subscriptions, prekeys, lost words."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

import cbor2
import psycopg
import pytest
from e2ee_relay.protocol import (
    DeleteMailbox,
    ErrorCode,
    TtlClass,
)
from e2ee_relay.store.api import (
    Close,
    HandedOut,
    Open,
    Refusal,
)
from e2ee_relay.store.postgres_words import (
    BadWord,
    Ended,
    LowStock,
    Notifications,
    Passing,
    Wake,
    Word,
    decode_word,
    encode_word,
)
from hypothesis import given
from hypothesis import strategies as st
from postgres_nodes import (
    Node,
    WordsHere,
    fetch,
    item,
    make_mailbox,
    opened,
    published,
    rows,
    send,
)
from postgres_server import PostgresServer, missing_programs
from relay_actors import START_MS
from relay_backends import skip_or_fail
from view_in_memory import Asker

OK, DENIED, QUOTA = ErrorCode.OK, ErrorCode.DENIED, ErrorCode.QUOTA


# --- subscriptions ---


def test_a_node_is_woken_for_what_others_store(make_node: Callable[..., Node], words: WordsHere) -> None:
    """RLY-105, RLY-110: by a word, or by the poll where the word is lost; not for what it stores itself."""
    node, other = make_node(), make_node()
    address, owner = make_mailbox(node)
    opened(node, address, owner)
    send(node, item(address))
    send(other, item(address))
    words.pass_on()
    assert node.listening.heard == [("wake", address)]
    words.are_lost = True
    send(other, item(address))
    words.pass_on()
    assert node.listening.heard == [("wake", address)]
    node.sweep(START_MS)
    assert node.listening.heard == [("wake", address)] * 2
    node.store.settle()
    node.sweep(START_MS)
    assert node.listening.heard == [("wake", address)] * 2
    assert other.listening.heard == []


def test_an_own_message_does_not_hide_a_lost_word(make_node: Callable[..., Node], words: WordsHere) -> None:
    """RLY-105: the poll finds the message of another node that lies below one of this node."""
    node, other = make_node(), make_node()
    address, owner = make_mailbox(node)
    opened(node, address, owner)
    words.are_lost = True
    send(other, item(address))
    send(node, item(address))
    words.pass_on()
    node.sweep(START_MS)
    assert node.listening.heard == [("wake", address)]


@pytest.mark.parametrize("are_lost", [False, True])
def test_a_newer_subscription_ends_an_older_one(
    make_node: Callable[..., Node], words: WordsHere, db: psycopg.Connection, are_lost: bool
) -> None:
    """RLY-107: told by a word, or found by the poll; closing the older one does not end the newer one."""
    node, other = make_node(), make_node()
    address, owner = make_mailbox(node)
    first = opened(node, address, owner)
    words.are_lost = are_lost
    second = opened(other, address, owner)
    assert second.no == first.no + 1
    words.pass_on()
    node.sweep(START_MS)
    assert node.listening.heard == [("displaced", address, second.no)]
    node.apply(Close(address, first.no))
    assert db.execute("SELECT subscriber FROM mailbox").fetchone() == (bytes.fromhex(other.store.name),)
    other.apply(Close(address, second.no))
    assert db.execute("SELECT subscriber FROM mailbox").fetchone() == (None,)
    (refused,) = node.apply(Open((address, b"?" * 16)), peer=owner)
    assert refused.result == Refusal(ErrorCode.NOT_AUTHENTICATED)


def test_an_ephemeral_message_passes_to_the_node_that_delivers(
    make_node: Callable[..., Node], words: WordsHere, db: psycopg.Connection
) -> None:
    """RLY-40: it is stored nowhere, and answered OK in any case."""
    node, other = make_node(), make_node()
    address, owner = make_mailbox(node)
    message = item(address, b"now", TtlClass.EPHEMERAL)
    assert send(other, message) == [OK]
    opened(node, address, owner)
    assert send(other, message) == [OK]
    words.pass_on()
    assert node.listening.heard == [("passing", address, message.msg_id, b"now")]
    assert rows(db, "message") == rows(db, "seen") == 0


def test_a_mailbox_that_goes_elsewhere_is_delivered_no_longer(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-27, RLY-86: deleted on another node, or blocked by the operator."""
    node, other = make_node(), make_node()
    (gone, owner), (blocked, its_owner) = make_mailbox(node), make_mailbox(node)
    opened(node, gone, owner)
    opened(node, blocked, its_owner)
    other.apply(DeleteMailbox(1, gone), peer=owner)
    db.execute("INSERT INTO blocked VALUES (%b)", [blocked])
    node.sweep(START_MS)
    assert sorted(node.listening.heard) == sorted([("dropped", gone), ("dropped", blocked)])
    assert send(node, item(blocked)) == [DENIED]


def test_what_is_no_word_is_passed_over(make_node: Callable[..., Node], words: WordsHere) -> None:
    """RLY-110."""
    node = make_node()
    for data in (b"", b"W", b"?" * 9, b"E" + bytes(8)):
        words.waiting.append((node.store.name, data))
    words.pass_on()
    assert node.listening.counters["bad_words"] == 4


# --- prekeys of several nodes ---


def test_each_key_is_handed_out_once_over_all_nodes(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-63: four nodes take in groups; no key twice, none lost, in order, then the last resort."""
    nodes = [make_node() for _ in range(4)]
    company = published(nodes[0], 30, 30)
    given: list[list[HandedOut]] = [[] for _ in nodes]

    def take(place: int) -> None:
        for size in (1, 2, 3, 4):
            ops = nodes[place].apply(*[fetch(company)] * size)
            given[place] += [op.result for op in ops]

    threads = [threading.Thread(target=take, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [one for part in given for one in part]
    assert len(found) == 40
    kems = [cbor2.loads(one.bundle)[5] for one in found if one.one_time_kem]
    assert len(set(kems)) == len(kems) == 30
    assert sum(not one.one_time_x25519 for one in found) == 10
    assert min(one.left_kem for one in found) == 0
    assert rows(db, "prekey") == 0
    for part in given:
        ids = [cbor2.loads(cbor2.loads(cbor2.loads(one.bundle)[5])[0])[6] for one in part if one.one_time_kem]
        assert ids == sorted(ids)


def test_the_owner_on_another_node_is_told_of_a_low_stock(
    make_node: Callable[..., Node], words: WordsHere
) -> None:
    """RLY-67, RLY-165, RLY-110: the word names the mailbox by its hash."""
    node, other = make_node(), make_node()
    company = published(node, 5, 5)
    mailbox = company.owner.mailbox
    opened(node, mailbox, Asker(owned={mailbox: company.owner.owner_pub}))
    other.apply(fetch(company))
    other.listening.limits.grants = False
    other.apply(fetch(company))
    assert not any(mailbox in word for _, word in words.waiting)
    words.pass_on()
    assert node.listening.heard == [("low_stock", mailbox, False), ("low_stock", mailbox, True)]


# --- words ---

MARKS = st.binary(min_size=8, max_size=8)
WORDS = st.one_of(
    st.builds(Wake, st.lists(MARKS, min_size=1, max_size=20).map(tuple)),
    st.builds(Ended, MARKS, st.integers(0, (1 << 64) - 1)),
    st.builds(LowStock, MARKS, st.booleans()),
    st.builds(Passing, MARKS, st.binary(min_size=16, max_size=16), st.binary(min_size=1, max_size=200)),
)


@given(WORDS)
def test_words_come_back_from_their_bytes(word: Word) -> None:
    """RLY-110."""
    assert decode_word(encode_word(word)) == word


@given(st.binary(max_size=60))
def test_other_bytes_are_words_or_a_typed_error(data: bytes) -> None:
    """RLY-110: whatever comes by notification."""
    try:
        word = decode_word(data)
    except BadWord:
        return
    assert encode_word(word) == data


async def test_notifications_carry_words_again_after_a_crash_of_the_database() -> None:
    """RLY-105, RLY-110: also a word of many notifications; what is no part of a word is passed over."""
    if missing_programs():
        skip_or_fail(missing_programs())
    server = PostgresServer().start()
    here, there = Notifications(server.url()), Notifications(server.url())
    heard: list[bytes] = []
    there.start("node-two", heard.append)
    here.start("node-one", lambda _word: None)

    async def arrives(word: bytes) -> bool:
        for _ in range(300):
            if here.is_connected and there.is_connected:
                here.tell("node-two", word)
            await asyncio.sleep(0.1)
            if word in heard:
                return True
        return False

    try:
        word = os.urandom(96 * 1024)
        assert await arrives(word)
        assert set(heard) == {word}
        with psycopg.connect(server.url(), autocommit=True) as db:
            for payload in ("", "a b c d", "n 0 0 ?", "n 1 1 AA=="):
                db.execute("SELECT pg_notify(%s, %s)", ["sealroom_node-two", payload])
        await asyncio.to_thread(server.restart, "immediate")
        assert await arrives(b"again")
        assert set(heard) == {word, b"again"}
    finally:
        await here.stop()
        await there.stop()
        server.remove()
