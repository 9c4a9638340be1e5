"""What clients leave behind: after any number of them, a relay has no more objects than before."""

from __future__ import annotations

import gc
import os
from collections import Counter

from core_bench import KEY, Bench, item
from e2ee_relay.delivery import InFlight, Subscription
from e2ee_relay.limits import Bucket
from e2ee_relay.protocol import (
    Ack,
    Auth,
    CreateMailbox,
    DeleteMailbox,
    Message,
    Send,
    Subscribe,
    TokenAdd,
    TokenClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.session import Session
from e2ee_relay.store.api import Box, Op
from e2ee_relay.store.sqlite_view import Row
from e2ee_relay.store.sqlite_writes import Writes
from relay_actors import HOUR_MS

_WATCHED = (Session, Subscription, InFlight, Bucket, Box, Op, Row, Writes)


def standing() -> Counter[str]:
    """Count the objects of the kinds that a relay makes for its clients."""
    gc.collect()
    return Counter(type(one).__name__ for one in gc.get_objects() if type(one) in _WATCHED)


def come_and_go(bench: Bench, number: int) -> None:
    """One client: a mailbox, messages of which it acknowledges some, and its end."""
    session = bench.connect()
    mailbox, token = os.urandom(16), os.urandom(32)
    signed = KEY.sign(auth_payload("localhost", bytes(32), (mailbox,))).signature
    messages = tuple(item(b"x") for _ in range(3))
    sent = [type(one)(mailbox, token, one.msg_id, one.ttl, b"", one.body) for one in messages]
    for request in (
        CreateMailbox(1, mailbox, bytes(KEY.verify_key)),
        Auth(2, (mailbox,), bytes(KEY.verify_key), signed),
        TokenAdd(3, mailbox, (token_hash(token),), TokenClass.CONTACT),
        Subscribe(4, (mailbox,)),
        Send(5, tuple(sent)),
    ):
        bench.node.receive(session, request)
        bench.commit()
    seqs = [one.seq for one in bench.pushes(Message)]
    assert len(seqs) == 3
    bench.node.receive(session, Ack(6, mailbox, tuple(seqs[:2])))
    bench.commit()
    if number % 2:
        bench.node.receive(session, DeleteMailbox(7, mailbox))
        bench.commit()
    bench.node.disconnect(session)
    bench.sent.clear()


def test_clients_that_come_and_go_leave_no_objects() -> None:
    """RLY-34, RLY-43, RLY-144: after their messages' time only mailboxes that were not deleted are there."""
    bench = Bench()
    bench.clock.forward(HOUR_MS)
    for number in range(4):
        come_and_go(bench, number)
    let_time_pass(bench)
    before = standing()
    for number in range(60):
        bench.clock.forward(10_000)
        come_and_go(bench, number)
    let_time_pass(bench)
    more = standing() - before
    assert more == Counter({"Box": 30})
    assert len(bench.store.view.seen) == 0
    assert bench.rows("SELECT count(*) FROM seen") == [(0,)]
    assert bench.held_rows() == 0


def let_time_pass(bench: Bench) -> None:
    """Until all messages have expired and every bucket is full."""
    for _ in range(3):
        bench.clock.forward(31 * 24 * HOUR_MS)
        bench.node.tick(bench.clock.now_ms)
        bench.commit()
