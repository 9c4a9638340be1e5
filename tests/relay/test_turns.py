"""What waits for a store's thread has its turn by whom it is for (RLY-221)."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace

import pytest
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import (
    BlobData,
    BlobGet,
    BlobOpen,
    BlobPut,
    BlobState,
    CreateMailbox,
    DeleteMailbox,
    Lookup,
    Publish,
    Send,
    SendItem,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    TtlClass,
    blob_hash,
    token_hash,
)
from e2ee_relay.store import sqlite as stores
from e2ee_relay.store.api import UNAVAILABLE, Op, Read, Request, Stocks
from e2ee_relay.store.sqlite import SqliteStore, Submitted
from e2ee_relay.store.sqlite_file import DatabaseFile
from e2ee_relay.store.turns import Turns, weight_of, whose
from relay_actors import Clock
from view_in_memory import Asker


def lookup(peer: object) -> Op:
    return Op(peer, Lookup(1, bytes(32), 0), 1)


def test_who_asks_for_much_does_not_make_others_wait_for_all_of_it() -> None:
    """From each line one item in a round, each line in its order."""
    turns: Turns[str] = Turns()
    for number in range(100):
        turns.put(f"a{number}", b"a")
    turns.put("b0", b"b")
    turns.put("b1", b"b")
    turns.put("c0", b"c")
    assert turns.take(6) == ["a0", "b0", "c0", "a1", "b1", "a2"]
    assert len(turns) == 97
    assert turns.clear() == [f"a{number}" for number in range(3, 100)]
    assert not turns
    assert turns.take(6) == []


def test_a_group_has_a_bounded_weight_and_always_something() -> None:
    """What does not fit any more keeps its turn."""
    turns: Turns[str] = Turns()
    for name, weight in (("great", 400), ("small", 1), ("middle", 60), ("last", 60)):
        turns.put(name, name, weight)
    assert [turns.take(64) for _ in range(3)] == [["great"], ["small", "middle"], ["last"]]


def test_who_floods_is_no_crowd() -> None:
    """RLY-158: else one host could close the relay to newcomers."""
    turns: Turns[int] = Turns()
    for number in range(5_000):
        turns.put(number, b"host")
    assert (len(turns), turns.crowd) == (5_000, 64)
    for number in range(100):
        turns.put(number, number)
    assert turns.crowd == 164


def test_a_thread_waits_for_an_item_and_for_the_end() -> None:
    """In time or not; what is there at the end can be taken."""
    turns: Turns[str] = Turns()
    taken: list[list[str]] = []

    def work() -> None:
        while group := turns.take(10, None):
            taken.append(group)

    assert turns.take(10, 0.01) == []
    thread = threading.Thread(target=work)
    thread.start()
    turns.put("one")
    while not taken:
        time.sleep(0.001)
    turns.close()
    thread.join(10)
    assert taken == [["one"]]
    turns.put("late")
    assert turns.take(10, None) == ["late"]


def test_operations_are_for_an_address_and_weigh_what_they_are_about() -> None:
    """All connections of an address are one; where it is not known, each connection is one."""
    one, other = Asker(visitor=b"host"), Asker(visitor=b"host")
    assert whose(lookup(one)) == whose(lookup(other)) == b"host"
    unknown, another = Asker(), Asker()
    assert whose(lookup(unknown)) == whose(lookup(unknown)) != whose(lookup(another))
    assert whose(lookup(None)) == whose(lookup(None))
    item = SendItem(bytes(16), bytes(32), bytes(16), TtlClass.RETENTION, b"", b"x")
    assert weight_of(Op(one, Send(1, (item,) * 64))) == 64
    assert weight_of(Op(one, Publish(1, bytes(32), (b"x",) * 64, (b"y",), (None,)))) == 65
    assert weight_of(lookup(one)) == 1
    assert weight_of(Op(one, Stocks(bytes(16)))) == 4
    assert weight_of(Op(one, DeleteMailbox(1, bytes(16)))) == 1024
    assert weight_of(Op(one, Read(bytes(16), (), 64, 1 << 18))) == 32


def test_the_writer_decides_a_bounded_part_in_one_transaction() -> None:
    """RLY-221: twenty hosts with chains of 64 lists each do not stand before a newcomer's question."""
    store = SqliteStore(DatabaseFile(None, bytes(16)))
    store._thread = threading.current_thread()  # queued, as where a thread commits
    publish = Publish(1, bytes(32), (b"x",) * 64, (), ())
    for host in range(20):
        for _ in range(50):
            store._queue_up(Submitted(Op(Asker(visitor=bytes([host + 1])), publish, 1), None))
    newcomer = lookup(Asker(visitor=b"newcomer"))
    store._queue_up(Submitted(newcomer, None))
    groups = [store._collect(0.0)[0] for _ in range(22)]
    assert all(sum(weight_of(one.op) for one in group if one.op) <= 64 for group in groups)
    assert any(one.op is newcomer for group in groups for one in group)
    store.give_up()
    assert not store._undecided
    assert store._collect(0.0) == ([], False)


def test_mailboxes_are_removed_in_turns_behind_what_was_written_to_them(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-221, RLY-27: one in a transaction, no row outlives its mailbox, which is not made anew before."""
    monkeypatch.setattr(stores, "_MOST_GROUP", 4)
    relay = MemoryRelay(clock, os.urandom)
    monkeypatch.setattr(relay.node, "committed", lambda _ops, failed: None)
    store, tokens = relay.store, [os.urandom(32) for _ in range(20)]
    names = [os.urandom(16) for _ in tokens]
    host = Asker(visitor=b"host", owned=dict.fromkeys(names, bytes(32)))
    for name, token in zip(names, tokens, strict=True):
        store.submit(Op(host, CreateMailbox(1, name, bytes(32), b"", None), 1))
        store.submit(Op(host, TokenAdd(1, name, (token_hash(token),), TokenClass.CONTACT), 1))
    store._thread = threading.current_thread()
    for name, token in zip(names, tokens, strict=True):
        item = SendItem(name, token, os.urandom(16), TtlClass.RETENTION, b"", b"x")
        store.submit(Op(host, Send(1, (item, replace(item, msg_id=os.urandom(16)))), 1))
        store.submit(Op(host, DeleteMailbox(1, name), 1))
    again = Op(host, CreateMailbox(1, names[-1], bytes(32), b"", None), 1)
    store.submit(again)
    assert again.result == UNAVAILABLE
    newcomer = lookup(Asker(visitor=b"newcomer"))
    store.submit(newcomer)
    groups = list[list[Submitted]]()
    while group := store._collect(0.0)[0]:
        assert store._carry_out(group)
        groups.append(group)
    removed = [
        sum(isinstance(one.op.request, DeleteMailbox) for one in group if one.op is not None)
        for group in groups
    ]
    assert (max(removed), sum(removed)) == (1, 20)
    assert any(one.op is newcomer for group in groups[:8] for one in group)
    for table in ("mailbox", "token", "message", "seen"):
        counted = f"SELECT count(*) FROM {table}"  # noqa: S608 - fixed names
        assert store.file.connection.execute(counted).fetchone() == (0,)
    store._thread = None
    store.submit(again)
    assert again.result is None
    relay.close()


def test_a_blob_is_begun_anew_behind_the_removal_of_the_mailbox_that_held_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-221, RLY-251: the removal, whose turn comes late, takes no file that was confirmed meanwhile."""
    relay = MemoryRelay(clock, os.urandom)
    monkeypatch.setattr(relay.node, "committed", lambda _ops, failed: None)
    store, token, blob, secret = relay.store, os.urandom(32), os.urandom(32), os.urandom(32)
    other, old, new = names = [os.urandom(16) for _ in range(3)]
    host = Asker(visitor=b"host", owned=dict.fromkeys(names, bytes(32)))

    def asked(request: Request) -> object:
        op = Op(host, request, 1)
        store.submit(op)
        return op.result

    def opened(mailbox: bytes) -> object:
        return asked(BlobOpen(1, mailbox, token, blob, blob_hash(secret), 10))

    def carried_out() -> None:
        group, _ = store._collect(0.0)
        assert store._carry_out(group)
        store._remove_files(group)

    for name in names:
        asked(CreateMailbox(1, name, bytes(32), b"", None))
        asked(TokenAdd(1, name, (token_hash(token),), TokenClass.TRUSTED))
    opened(old)
    asked(BlobPut(1, blob, secret, 0, b"x" * 10))
    store._thread = threading.current_thread()
    asked(DeleteMailbox(1, other))
    asked(DeleteMailbox(1, old))
    while opened(new) == UNAVAILABLE:
        carried_out()
    store._thread = None
    assert isinstance(asked(BlobPut(1, blob, secret, 0, b"y" * 10)), BlobState)
    while store.backlog:
        carried_out()
    answer = asked(BlobGet(1, blob, 0, 1))
    assert isinstance(answer, BlobData)
    assert answer.parts == (b"y" * 10,)
    relay.close()


def test_changes_of_tokens_have_their_turn_too(clock: Clock) -> None:
    """RLY-221: those of a host's connections in one transaction would hold up all others."""
    relay = MemoryRelay(clock, os.urandom)
    store = relay.store
    store._thread = threading.current_thread()
    hashes = tuple(os.urandom(32) for _ in range(256))
    for _ in range(50):
        for change in (TokenAdd(1, bytes(16), hashes, TokenClass.CONTACT), TokenRevoke(1, bytes(16), hashes)):
            store.submit(Op(Asker(visitor=b"host"), change, 1))
    newcomer = lookup(Asker(visitor=b"newcomer"))
    store.submit(newcomer)
    groups = [store._collect(0.0)[0] for _ in range(2)]
    assert [len(group) for group in groups] == [1, 1]
    assert groups[1][0].op is newcomer
    store._thread = None
    relay.close()
