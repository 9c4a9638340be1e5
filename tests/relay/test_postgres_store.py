"""The shared store by itself: groups of several nodes, quotas, expiry, partitions."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import psycopg
import pytest
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    DeleteMailbox,
    ErrorCode,
    Send,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    TtlClass,
    token_hash,
)
from e2ee_relay.store import postgres_rows
from e2ee_relay.store import postgres_schema as schema
from e2ee_relay.store import postgres_upkeep as upkeep
from e2ee_relay.store.api import (
    Close,
    Find,
    Found,
    Op,
    Refusal,
)
from e2ee_relay.store.postgres_rows import lock_directory
from postgres_nodes import (
    OWNER,
    TOKEN,
    Node,
    days_of,
    item,
    make_mailbox,
    page,
    rows,
    send,
    seqs,
)
from relay_actors import DAY_MS, HOUR_MS, START_MS, Clock
from view_in_memory import Asker

OK, DENIED, QUOTA = ErrorCode.OK, ErrorCode.DENIED, ErrorCode.QUOTA


# --- whose turn it is ---


def test_a_group_has_a_bounded_weight_and_newcomers_are_in_it(make_node: Callable[..., Node]) -> None:
    """RLY-221: twenty hosts, each with thousands of messages that wait; its own are in their order."""
    node = make_node()
    address, _ = make_mailbox(node)
    flood = Send(1, (item(bytes(16), b"x"),) * 64)
    for host in range(20):
        for _ in range(20):
            node.store.submit(Op(Asker(visitor=bytes([host + 1])), flood, 1))
    newcomer = Op(Asker(visitor=b"newcomer"), Send(1, (item(address, b"x"),)), 1)
    node.store.submit(newcomer)
    answered = [0]
    while newcomer.result is None:
        node.store._writer.settle()
        answered.append(400 + 1 - node.store.backlog)
    assert len(answered) <= 3
    assert max(after - before for before, after in pairwise(answered)) <= 17


def test_what_waits_at_the_end_is_given_up_but_subscriptions_are_closed(
    make_node: Callable[..., Node],
) -> None:
    """RLY-70: those who asked are gone; other nodes have to hear who delivers no longer."""
    node = make_node()
    address, _ = make_mailbox(node)
    asked = Op(Asker(), Send(1, (item(address, b"x"),)), 1)
    closing = Op(Asker(), Close(address, 1))
    for op in (asked, closing):
        node.store.submit(op)
    node.store.give_up()
    assert node.store.backlog == 1
    node.store.settle()
    assert asked.result is None


# --- messages of several nodes ---


def test_what_one_node_stores_another_reads_and_deletes(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-105, RLY-37: and the counts come back to nothing."""
    node, other = make_node(), make_node()
    address, owner = make_mailbox(node)
    assert send(node, item(address, b"one"), item(address, b"two")) == [OK, OK]
    found = page(other, address)
    assert [one.body for one in found.messages] == [b"one", b"two"]
    assert found.is_drained
    numbers = tuple(one.seq for one in found.messages)
    (op,) = other.apply(Ack(1, address, (*numbers, numbers[0], 5)), peer=owner)
    assert (op.result, op.count) == (None, 2)
    assert page(node, address).messages == ()
    assert db.execute("SELECT held, held_b FROM mailbox").fetchone() == (0, 0)
    assert rows(db, "message") == 0
    (stranger,) = node.apply(Ack(1, address, numbers), peer=Asker(owned={address: b"s" * 32}))
    assert stranger.result == Refusal(ErrorCode.NOT_AUTHENTICATED)


def test_a_group_is_decided_in_its_order(make_node: Callable[..., Node]) -> None:
    """RLY-106: what an operation of a group has changed holds for those behind it."""
    node = make_node()
    address, owner = make_mailbox(node)
    revoke = TokenRevoke(3, address, (token_hash(TOKEN),))
    again = TokenAdd(4, address, (token_hash(TOKEN),), TokenClass.CONTACT)
    sends = [Send(number, (item(address),)) for number in range(3)]
    ops = node.apply(sends[0], revoke, sends[1], again, sends[2], peer=owner)
    assert [one.result[0].code for one in ops[::2]] == [OK, DENIED, OK]
    assert len(seqs(node, address)) == 2
    gone, denied, made = node.apply(
        DeleteMailbox(5, address), Send(6, (item(address),)), CreateMailbox(7, address, OWNER), peer=owner
    )
    assert (gone.result, denied.result[0].code, made.result) == (None, DENIED, None)
    assert seqs(node, address) == []
    assert send(node, item(address)) == [DENIED]


def test_a_mailbox_that_two_nodes_make_is_one_owners(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-20: whoever commits first; the other transaction is repeated, and finds it."""
    node, address = make_node(), os.urandom(16)
    ops = [
        Op(Asker(), CreateMailbox(1, address, OWNER)),
        Op(Asker(), CreateMailbox(2, os.urandom(16), OWNER)),
    ]
    for op in ops:
        node.store.submit(op)
    with db.transaction():
        db.execute(
            "INSERT INTO mailbox (mailbox, owner_pub, used_day, last_seq, subscription_no)"
            " VALUES (%b, %b, 1, 1, 1)",
            [address, b"?" * 32],
        )
        waiting = threading.Thread(target=node.store.settle)
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
    waiting.join()
    assert [op.result for op in ops] == [Refusal(DENIED), None]
    assert rows(db, "mailbox") == 2


def test_a_mailbox_that_is_dropped_takes_what_its_group_has_stored(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-27: messages, ids and tokens."""
    node = make_node()
    address, owner = make_mailbox(node)
    node.apply(
        Send(1, (item(address), item(address, ttl=TtlClass.MINUTE))), DeleteMailbox(2, address), peer=owner
    )
    assert [rows(db, one) for one in ("message", "short_lived", "seen", "token", "mailbox")] == [0] * 5


def test_a_mailbox_that_is_made_anew_in_a_group_knows_nothing_of_the_one_before(
    make_node: Callable[..., Node],
) -> None:
    """RLY-27, RLY-31, RLY-32: neither its tokens nor its ids: what is answered OK is stored."""
    node = make_node()
    address, owner = make_mailbox(node)
    message = item(address)
    ops = node.apply(
        Send(1, (message,)),
        DeleteMailbox(2, address),
        CreateMailbox(3, address, OWNER),
        Send(4, (message,)),
        TokenAdd(5, address, (token_hash(TOKEN),), TokenClass.CONTACT),
        Send(6, (message,)),
        peer=owner,
    )
    assert [one.result[0].code for one in (ops[0], ops[3], ops[5])] == [OK, DENIED, OK]
    assert len(seqs(node, address)) == 1


def test_numbers_ascend_over_all_nodes_and_no_group_waits_for_ever(make_node: Callable[..., Node]) -> None:
    """RLY-104: four nodes write into the same mailboxes in any order; numbers are dense, none is double."""
    nodes = [make_node() for _ in range(4)]
    mailboxes = [make_mailbox(nodes[0])[0] for _ in range(8)]

    def write(place: int) -> None:
        for turn in range(25):
            order = mailboxes[turn % 8 :] + mailboxes[: turn % 8]
            if (turn + place) % 2:
                order.reverse()
            nodes[place].apply(*[Send(1, (item(one), item(one))) for one in order])

    threads = [threading.Thread(target=write, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for address in mailboxes:
        given = seqs(nodes[0], address)
        assert given == list(range(given[0], given[0] + 200))


def test_a_reader_takes_what_is_not_in_flight(make_node: Callable[..., Node]) -> None:
    """RLY-105, RLY-36: within messages and bytes, at least one; `is_drained` tells whether that was all."""
    node = make_node()
    address, _ = make_mailbox(node)
    send(node, *[item(address, bytes(1000)) for _ in range(5)])
    numbers = seqs(node, address)
    found = page(node, address, numbers[1], numbers[3])
    assert [one.seq for one in found.messages] == [numbers[0], numbers[2], numbers[4]]
    assert found.is_drained
    few = page(node, address, most=2)
    assert ([one.seq for one in few.messages], few.is_drained) == (numbers[:2], False)
    small = page(node, address, most_b=1500)
    assert (len(small.messages), small.is_drained) == (2, False)
    assert len(page(node, address, most_b=1).messages) == 1


def test_rows_below_an_empty_queue_are_not_looked_for(
    make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock
) -> None:
    """RLY-105: an empty mailbox notes its last number; what comes after it is found, on another day too."""
    node = make_node()
    address, owner = make_mailbox(node)
    send(node, item(address))
    node.apply(Ack(1, address, tuple(seqs(node, address))), peer=owner)
    assert db.execute("SELECT cleared_seq = last_seq FROM mailbox").fetchone() == (True,)
    send(node, item(address, b"kept"))
    clock.forward(2 * DAY_MS)
    send(node, item(address, b"later"))
    assert [one.body for one in page(node, address).messages] == [b"kept", b"later"]


def test_one_bad_operation_does_not_refuse_its_group(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-30: nothing of it is there, the others are."""
    node = make_node()
    (address, _), (bad, _) = make_mailbox(node), make_mailbox(node)
    db.execute("UPDATE mailbox SET held = 2147483647 WHERE mailbox = %b", [bad])
    plenty = Policy(quota_messages=1 << 40)
    node.store._policy = plenty
    ops = [Op(Asker(), Send(1, (item(one),))) for one in (address, bad, address)]
    for op in ops:
        node.store.submit(op)
    node.store.settle()
    assert node.listening.failed == [ops[1]]
    node.listening.failed.clear()
    assert len(seqs(node, address)) == 2
    assert rows(db, "message") == 2


def test_a_group_that_waits_too_long_is_refused_as_a_whole(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-109: each operation by itself would wait as long again."""
    node = make_node()
    address, _ = make_mailbox(node)
    writer = node.store._writer.link.connection()
    assert writer is not None
    writer.execute("SET lock_timeout = 1000")
    ops = [Op(Asker(), Send(1, (item(address),))) for _ in range(10)]
    with db.transaction():
        db.execute("SELECT FROM mailbox FOR UPDATE")
        begun_s = time.monotonic()
        for op in ops:
            node.store.submit(op)
        node.store.settle()
        assert time.monotonic() - begun_s < 7
    assert node.listening.failed == ops
    node.listening.failed.clear()
    assert send(node, item(address)) == [OK]


# --- quotas, expiry and remembered ids ---


def test_quotas_count_what_all_nodes_have_stored(make_node: Callable[..., Node], clock: Clock) -> None:
    """RLY-33, RLY-108: nobody is refused for what has expired; an acknowledgement makes room."""
    node, other = (make_node(Policy(quota_messages=3, retention_s=86_400)) for _ in range(2))
    address, owner = make_mailbox(node)
    assert send(node, item(address), item(address)) == [OK, OK]
    assert send(other, item(address), item(address)) == [OK, QUOTA]
    (acknowledged,) = other.apply(Ack(1, address, (seqs(node, address)[0],)), peer=owner)
    assert acknowledged.count == 1
    assert send(node, item(address), item(address)) == [OK, QUOTA]
    clock.forward(2 * DAY_MS)
    assert send(other, item(address), item(address), item(address), item(address)) == [OK, OK, OK, QUOTA]
    assert len(seqs(node, address)) == 3


def test_counts_hold_when_full_and_acknowledged_in_one_group(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-33: a count made anew within a group that deletes."""
    node = make_node(Policy(quota_messages=2))
    address, owner = make_mailbox(node)
    send(node, item(address, b"12"), item(address, b"123"))
    ack = Ack(1, address, (seqs(node, address)[0],))
    _, sent = node.apply(ack, Send(2, (item(address, b"1234"), item(address))), peer=owner)
    assert [one.code for one in sent.result] == [OK, QUOTA]
    assert db.execute("SELECT held, held_b FROM mailbox").fetchone() == (2, 7)


def test_a_repeated_id_is_known_on_every_node(make_node: Callable[..., Node], clock: Clock) -> None:
    """RLY-32, RLY-106: for `remembered_s` from the sending on, whether it is held or not."""
    node, other = make_node(), make_node()
    address, owner = make_mailbox(node)
    message = item(address)
    assert send(node, message, message) == [OK, OK]
    assert send(other, message) == [OK]
    numbers = seqs(node, address)
    assert len(numbers) == 1
    other.apply(Ack(1, address, tuple(numbers)), peer=owner)
    clock.forward(HOUR_MS)
    assert send(node, message) == [OK]
    assert seqs(node, address) == []
    clock.forward(HOUR_MS)
    assert send(node, message) == [OK]
    assert len(seqs(node, address)) == 1


def test_a_short_lived_message_goes_after_its_minute(
    make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock
) -> None:
    """RLY-41, RLY-108: it is not delivered, then deleted within seconds, and counted no longer."""
    node = make_node()
    address, _ = make_mailbox(node)
    send(node, item(address, b"short", TtlClass.MINUTE), item(address, b"long"))
    clock.forward(61_000)
    assert [one.body for one in page(node, address).messages] == [b"long"]
    node.sweep(clock.now_ms)
    assert (rows(db, "message"), rows(db, "short_lived")) == (1, 0)
    assert db.execute("SELECT held, held_b FROM mailbox").fetchone() == (1, 4)
    assert node.listening.counters["expired"] == 1


def test_a_day_goes_when_all_of_it_has_expired(
    make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock
) -> None:
    """RLY-108: partitions are made ahead and dropped when over; a longer period of before is kept."""
    today = clock.now_ms // DAY_MS
    node = make_node(Policy(retention_s=3 * 86_400))
    address, _ = make_mailbox(node)
    send(node, item(address))
    assert set(range(today - 1, today + 3)) <= set(days_of(db))
    shorter = make_node(Policy(retention_s=86_400))
    for day, is_there in ((1, True), (3, True), (4, False)):
        clock.now_ms = START_MS + day * DAY_MS
        shorter.sweep(clock.now_ms)
        assert (today in days_of(db)) is is_there, day
        assert clock.now_ms // DAY_MS + 1 in days_of(db)
    assert shorter.listening.counters["expired"] == 1
    assert min(upkeep.partitions_of(db, "seen")) >= clock.now_ms // HOUR_MS


def test_one_upkeep_at_a_time(make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock) -> None:
    """RLY-108: the others leave it to whoever holds the lock."""
    node = make_node()
    db.execute("SELECT pg_advisory_lock(%s)", [schema.UPKEEP_LOCK])
    clock.forward(10 * DAY_MS)
    node.sweep(clock.now_ms)
    assert clock.now_ms // DAY_MS not in days_of(db)
    db.execute("SELECT pg_advisory_unlock(%s)", [schema.UPKEEP_LOCK])
    clock.forward(60_000)
    node.sweep(clock.now_ms)
    assert clock.now_ms // DAY_MS in days_of(db)


def test_a_missing_day_is_made_when_it_is_needed(make_node: Callable[..., Node], clock: Clock) -> None:
    """RLY-109: an upkeep that is late, or a clock that is early, refuses nobody."""
    node = make_node()
    address, _ = make_mailbox(node)
    clock.forward(400 * DAY_MS)
    assert send(node, item(address, b"x")) == [OK]
    assert [one.body for one in page(node, address).messages] == [b"x"]
    assert len(node.listening.limits.charged) == 1  # the transaction was repeated (RLY-196)


def test_an_abandoned_mailbox_is_removed(
    make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock
) -> None:
    """RLY-79: whoever proves possession in time keeps it."""
    node = make_node()
    (address, _), (used, _) = make_mailbox(node), make_mailbox(node)
    clock.forward(399 * DAY_MS)
    (found,) = node.apply(Find((used, b"?" * 16), OWNER))
    assert found.result == Found((used,), (b"?" * 16,))
    node.store.settle()
    clock.forward(2 * DAY_MS)
    node.sweep(clock.now_ms)
    assert db.execute("SELECT mailbox FROM mailbox").fetchall() == [(used,)]
    assert send(node, item(address), item(used)) == [DENIED, OK]


def test_an_owner_who_comes_back_during_the_removal_keeps_the_mailbox(
    make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock
) -> None:
    """RLY-79: the day of use is looked at again when the mailbox is locked."""
    node = make_node()
    make_mailbox(node)
    clock.forward(401 * DAY_MS)
    with db.transaction():
        db.execute("UPDATE mailbox SET used_day = %b", [clock.now_ms // DAY_MS])
        sweeping = threading.Thread(target=node.sweep, args=(clock.now_ms,))
        sweeping.start()
        time.sleep(0.5)
    sweeping.join()
    assert rows(db, "mailbox") == 1


def test_entries_that_are_due_go_in_batches(
    make_node: Callable[..., Node],
    db: psycopg.Connection,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RLY-262: upkeep, which all other jobs wait for, takes some of them, those that were due first first."""
    monkeypatch.setattr(postgres_rows, "DUE_AT_ONCE", 2)
    node, today = make_node(), clock.now_ms // DAY_MS
    address, _ = make_mailbox(node)
    for age in range(5):
        account_id = bytes([age]) * 32
        db.execute("INSERT INTO entry VALUES (%b, %b)", [account_id, today - age])
        db.execute("INSERT INTO device_list VALUES (%b, 1, 'list')", [account_id])
    db.execute(
        "INSERT INTO device (account_id, record_hash, position, record, mailbox) VALUES (%b, %b, 0, 'r', %b)",
        [bytes([4]) * 32, bytes(32), address],
    )
    left = []
    for _ in range(3):
        clock.forward(3_600_000)
        node.sweep(clock.now_ms)
        found = db.execute("SELECT account_id FROM entry ORDER BY due_day DESC, account_id").fetchall()
        left.append([account_id[0] for (account_id,) in found])
    assert left == [[4, 0, 1, 2], [4, 0], [4]]


def test_an_entry_that_is_published_during_the_removal_stays(
    make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock
) -> None:
    """RLY-262: its day is looked at again when the account is locked."""
    node, today = make_node(), clock.now_ms // DAY_MS
    account_id, other = os.urandom(32), os.urandom(32)
    for one in (account_id, other):
        db.execute("INSERT INTO entry VALUES (%b, %b)", [one, today])
        db.execute("INSERT INTO device_list VALUES (%b, 1, 'list')", [one])
    clock.forward(3_600_000)
    with db.transaction():
        lock_directory(db, [account_id])
        db.execute("UPDATE entry SET due_day = %b WHERE account_id = %b", [today + 400, account_id])
        sweeping = threading.Thread(target=node.sweep, args=(clock.now_ms,))
        sweeping.start()
        time.sleep(0.5)
    sweeping.join()
    assert db.execute("SELECT account_id FROM device_list").fetchall() == [(account_id,)]
