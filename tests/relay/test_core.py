"""The core without a shell: order of answers, and a store that fails (RLY-09, RLY-30, RLY-39)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_bench import ADD, AUTH, CREATE, KEY, MAILBOX, TOKEN, Bench, codes_of, item
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    GoAway,
    KnownFrame,
    Lookup,
    LookupResult,
    Message,
    Ping,
    PrekeysBundle,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    QueueEmpty,
    Send,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    token_hash,
)
from e2ee_relay.state import Transmit
from e2ee_relay.store.changes import PutMessages, ReadBodies, StoreFailure
from relay_actors import START_MS, Company, Owner


@pytest.fixture
def bench() -> Bench:
    return Bench().with_mailbox()


def test_answers_may_overtake_and_are_matched_by_id(bench: Bench) -> None:
    """RLY-09: a request that needs no commit is answered first."""
    bench.receive(Send(5, (item(),)))
    bench.receive(Ping(6))
    assert [frame.request_id for frame in bench.sent] == [6]
    bench.commit()
    assert [frame.request_id for frame in bench.sent] == [6, 5]


def test_delivery_overlaps_the_commit_and_the_answer_waits_for_it(bench: Bench) -> None:
    """RLY-30, RLY-90: the owner has it at once, the sender no OK; a repetition waits for the same commit."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.sent.clear()
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    bench.receive(Send(6, (item(b"x", b"i" * 16),)))
    assert [type(frame) for frame in bench.sent] == [Message]
    assert [type(one.change) for one in bench.queue] == [PutMessages, PutMessages]
    bench.commit()
    assert len(bench.pushes(Message)) == 1
    assert codes_of(bench) == [ErrorCode.OK, ErrorCode.OK]


def test_what_was_delivered_and_not_committed_is_gone_with_a_crash(bench: Bench) -> None:
    """RLY-30, RLY-90: no OK was said, so the sender sends it again, and its seq names nothing else."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    (before,) = bench.pushes(Message)
    again = Bench(store=bench.store)
    again.receive(AUTH)
    again.ask(Done, Subscribe(3, (MAILBOX,)))
    assert again.pushes(Message) == []
    assert bench.pushes(SendResults) == []
    assert again.ask(SendResults, Send(4, (item(b"x", b"i" * 16),))).results[0].code is ErrorCode.OK
    (after,) = again.pushes(Message)
    assert after.seq > before.seq


def test_an_acknowledgement_before_the_commit_leaves_nothing_on_disk(bench: Bench) -> None:
    """RLY-30, RLY-32, RLY-37, RLY-90: both share a commit, both are answered, the id is remembered."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    (pushed,) = bench.pushes(Message)
    bench.receive(Ack(6, MAILBOX, (pushed.seq,)))
    assert codes_of(bench) == []
    bench.commit_at_once()
    assert codes_of(bench) == [ErrorCode.OK]
    assert Done(6) in bench.sent
    rows = bench.store.connection.execute
    assert rows("SELECT * FROM message").fetchall() == []
    assert rows("SELECT msg_id FROM remembered").fetchall() == [(b"i" * 16,)]
    assert bench.ask(SendResults, Send(7, (item(b"x", b"i" * 16),))).results[0].code is ErrorCode.OK
    assert len(bench.pushes(Message)) == 1


def test_only_the_answer_to_an_acknowledgement_may_wait(bench: Bench) -> None:
    """RLY-161: whoever asks for anything else goes on with the answer."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    (pushed,) = bench.pushes(Message)
    answers: list[Transmit] = []
    for request in (Ack(6, MAILBOX, (pushed.seq,)), TokenRevoke(7, MAILBOX, (bytes(32),))):
        bench.receive(request)
        for submit in bench.queue:
            effects = bench.core.complete(submit.then, None, START_MS)
            answers += [one for one in effects if isinstance(one, Transmit)]
        bench.queue.clear()
    waits = {one.frame.request_id: one.can_wait for one in answers}
    assert waits == {5: False, 6: True, 7: False}


@pytest.mark.parametrize("ack_fails", [False, True])
def test_what_its_owner_has_safe_is_confirmed_though_its_commit_failed(bench: Bench, ack_fails: bool) -> None:
    """RLY-30, RLY-90: already where it was to go; a deletion that fails too brings nothing back."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    (pushed,) = bench.pushes(Message)
    bench.receive(Ack(6, MAILBOX, (pushed.seq,)))
    put = bench.queue.pop(0)
    bench.take(bench.core.complete(put.then, StoreFailure("test"), START_MS))
    assert codes_of(bench) == [ErrorCode.OK]
    bench.commit(fails=ack_fails)
    mailbox = bench.core.state.mailboxes[MAILBOX]
    assert (mailbox.held, mailbox.leaving, mailbox.pending, mailbox.held_b) == ({}, {}, {}, 0)
    assert bench.store.connection.execute("SELECT * FROM message").fetchall() == []


def test_a_repetition_is_not_confirmed_by_a_later_copy_that_is_not_committed(bench: Bench) -> None:
    """RLY-30, RLY-32: the first copy failed; the repetition shared its commit, not that of a third one."""
    bench.receive(Send(4, (item(b"x", b"i" * 16),)))
    first = bench.queue.pop(0)
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    bench.take(bench.core.complete(first.then, StoreFailure("test"), START_MS))
    repetition = bench.queue.pop(0)
    bench.receive(Send(6, (item(b"x", b"i" * 16),)))
    bench.take(bench.core.complete(repetition.then, None, START_MS))
    assert codes_of(bench) == [ErrorCode.UNAVAILABLE, ErrorCode.UNAVAILABLE]
    bench.commit()
    assert codes_of(bench)[2:] == [ErrorCode.OK]


def test_a_message_that_comes_during_a_reading_back_waits_its_turn(bench: Bench) -> None:
    """RLY-35, RLY-90: the older one comes first, also when the younger one need not be read."""
    bench.ask(SendResults, Send(4, (item(b"older"),)))
    bench.receive(Subscribe(5, (MAILBOX,)))
    bench.receive(Send(6, (item(b"younger"),)))
    assert bench.pushes(Message) == []
    bench.commit()
    assert [message.body for message in bench.pushes(Message)] == [b"older", b"younger"]


def test_a_failed_send_is_not_confirmed_and_leaves_nothing(bench: Bench) -> None:
    """RLY-30: UNAVAILABLE with a time; the quota is free again, and the same id works later."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    request = Send(5, (item(b"x", b"i" * 16), item(b"y", b"j" * 16)))
    bench.receive(request)
    bench.receive(Send(6, (item(b"x", b"i" * 16),)))
    bench.commit(fails=True)
    codes = [result.code for answer in bench.pushes(SendResults) for result in answer.results]
    assert codes == [ErrorCode.UNAVAILABLE] * 3
    mailbox = bench.core.state.mailboxes[MAILBOX]
    assert (mailbox.message_count, mailbox.held_b) == (0, 0)
    bench.sent.clear()
    answer = bench.ask(SendResults, Send(7, request.items))
    assert [result.code for result in answer.results] == [ErrorCode.OK, ErrorCode.OK]
    assert [message.body for message in bench.pushes(Message)] == [b"x", b"y"]


def test_a_failed_acknowledgement_keeps_the_message(bench: Bench) -> None:
    """RLY-37: it is held again, in its place, and can be acknowledged again."""
    bench.ask(SendResults, Send(4, tuple(item(b"%d" % number) for number in range(3))))
    bench.ask(Done, Subscribe(5, (MAILBOX,)))
    seqs = [message.seq for message in bench.pushes(Message)]
    bench.fails(Ack(6, MAILBOX, (seqs[1],)))
    mailbox = bench.core.state.mailboxes[MAILBOX]
    assert list(mailbox.held) == seqs
    bench.ask(Done, Ack(7, MAILBOX, tuple(seqs)))
    assert (list(mailbox.held), mailbox.held_b) == ([], 0)


def test_what_could_not_be_deleted_when_it_expired_goes_with_its_mailbox(bench: Bench) -> None:
    """RLY-27: it is held no longer, but no row stays behind that belongs to nobody."""
    bench.ask(SendResults, Send(4, tuple(item(b"%d" % number) for number in range(3))))
    bench.take(bench.core.tick(START_MS + 31 * 86_400_000))
    bench.commit(fails=True)
    assert (bench.core.state.mailboxes[MAILBOX].message_count, bench.held_rows()) == (0, 3)
    bench.ask(Done, DeleteMailbox(5, MAILBOX))
    assert bench.held_rows() == 0


@pytest.mark.parametrize("failing", [0, 1])
def test_a_deletion_counts_when_one_of_two_is_committed(bench: Bench, failing: int) -> None:
    """RLY-37: two acknowledgements of one message, one commit fails: Done means deleted, whichever it was."""
    bench.ask(SendResults, Send(4, (item(),)))
    (seq,) = bench.core.state.mailboxes[MAILBOX].held
    bench.receive(Ack(5, MAILBOX, (seq,)))
    bench.receive(Ack(6, MAILBOX, (seq, seq)))
    for place, submit in enumerate(bench.queue):
        result = StoreFailure("test") if place == failing else bench.store.execute([submit.change])[0]
        bench.take(bench.core.complete(submit.then, result, START_MS))
    assert [type(frame) for frame in bench.sent].count(Done) == 1
    mailbox = bench.core.state.mailboxes[MAILBOX]
    assert (mailbox.held, mailbox.leaving, mailbox.held_b) == ({}, {}, 0)
    assert bench.store.connection.execute("SELECT * FROM message").fetchall() == []


def test_a_failed_read_is_tried_again(bench: Bench) -> None:
    """RLY-35: the messages come with the next tick, in order, and QUEUE_EMPTY only after them."""
    bench.ask(SendResults, Send(4, tuple(item(b"%d" % number) for number in range(3))))
    bench.receive(Subscribe(5, (MAILBOX,)))
    assert any(isinstance(one.change, ReadBodies) for one in bench.queue)
    bench.commit(fails=True)
    assert bench.pushes(Message) == []
    assert bench.pushes(QueueEmpty) == []
    bench.take(bench.core.tick(START_MS))
    bench.commit()
    assert [message.body for message in bench.pushes(Message)] == [b"0", b"1", b"2"]
    assert isinstance(bench.sent[-1], QueueEmpty)


def test_a_read_for_a_subscription_that_has_ended_is_dropped(bench: Bench) -> None:
    """RLY-39: the connection went while the store was reading."""
    bench.ask(SendResults, Send(4, (item(),)))
    bench.receive(Subscribe(5, (MAILBOX,)))
    bench.core.disconnect(bench.number)
    bench.sent.clear()
    bench.commit()
    assert bench.sent == []
    assert len(bench.core.state.mailboxes[MAILBOX].held) == 1


def test_what_was_acknowledged_while_it_was_read_is_not_delivered(bench: Bench) -> None:
    """RLY-37: an acknowledgement on another connection of the same owner wins."""
    bench.ask(SendResults, Send(4, (item(b"a"), item(b"b"))))
    seqs = list(bench.core.state.mailboxes[MAILBOX].held)
    bench.receive(Subscribe(5, (MAILBOX,)))
    bench.receive(Ack(6, MAILBOX, (seqs[0],)))
    bench.commit()
    assert [message.body for message in bench.pushes(Message)] == [b"b"]


def test_failed_changes_of_mailboxes(bench: Bench) -> None:
    """RLY-07: UNAVAILABLE, and the state is as before."""
    other = CreateMailbox(10, b"n" * 16, bytes(KEY.verify_key))
    bench.fails(other)
    assert b"n" * 16 not in bench.core.state.mailboxes
    bench.ask(Done, other)
    bench.fails(TokenAdd(11, MAILBOX, (token_hash(b"2" * 32),), TokenClass.CONTACT))
    bench.fails(TokenRevoke(12, MAILBOX, (token_hash(TOKEN),)))
    assert set(bench.core.state.mailboxes[MAILBOX].tokens) == {token_hash(TOKEN)}
    bench.fails(DeleteMailbox(13, MAILBOX))
    bench.ask(Done, Subscribe(14, (MAILBOX,)))
    bench.ask(Done, DeleteMailbox(15, MAILBOX))
    assert MAILBOX not in bench.core.state.mailboxes


def test_a_mailbox_that_is_being_deleted_takes_nothing_more(bench: Bench) -> None:
    """RLY-27: no row of it can outlive it, in whatever order the requests come."""
    bench.receive(Send(20, (item(b"before"),)))
    bench.receive(DeleteMailbox(21, MAILBOX))
    bench.receive(Send(22, (item(b"after"),)))
    bench.receive(TokenAdd(23, MAILBOX, (bytes(32),), TokenClass.CONTACT))
    bench.receive(DeleteMailbox(24, MAILBOX))
    bench.commit()
    answers = {frame.request_id: frame for frame in bench.sent}
    assert isinstance(answers[21], Done)
    late = answers[22]
    assert isinstance(late, SendResults)
    assert late.results[0].code is ErrorCode.DENIED
    for number in (23, 24):
        assert answers[number] == ErrorReply(number, ErrorCode.NOT_AUTHENTICATED, 0)
    for table in ("mailbox", "token", "message", "remembered"):
        rows = bench.store.connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - fixed names
        assert rows.fetchall() == []


def test_failed_directory_requests(bench: Bench) -> None:
    """RLY-07, RLY-63: UNAVAILABLE; nothing is published, no key leaves."""
    company = Company(Owner(KEY, MAILBOX, TOKEN), START_MS)
    first = company.make_list([company.record])
    address = company.make_address()
    entry = Publish(30, company.account_id, (first,), (company.record,), (address,))
    bench.fails(entry)
    missing = bench.ask(ErrorReply, Lookup(31, company.account_id, 0))
    assert missing.code is ErrorCode.NOT_FOUND
    bench.receive(entry)
    busy = bench.ask(ErrorReply, replace(entry, request_id=32))
    assert busy.code is ErrorCode.UNAVAILABLE
    front = TokenAdd(33, MAILBOX, (token_hash(company.front_token),), TokenClass.FRONT_DOOR)
    bench.ask(Done, front)
    bench.fails(Lookup(34, company.account_id, 0))
    assert bench.ask(LookupResult, Lookup(35, company.account_id, 0)).lists == (first,)
    spk, last = company.make_prekey(1, 2, 1), company.make_prekey(2, 2, 1)
    one = company.make_prekey(1, 1, 1)
    upload = company_upload(company, spk, last, one)
    bench.fails(upload)
    bench.fails(PrekeysCount(37, company.account_id, company.record_hash))
    assert bench.ask(PrekeysStock, upload).one_time_x25519 == 1
    fetch = PrekeysFetch(38, company.account_id, company.record_hash, company.front_token)
    bench.fails(fetch)
    assert bench.ask(PrekeysBundle, fetch).one_time_x25519


def company_upload(company: Company, spk: bytes, last: bytes, one: bytes) -> KnownFrame:
    return PrekeysUpload(36, company.account_id, company.record_hash, spk, last, (one,), ())


def test_draining_tells_everybody(bench: Bench) -> None:
    """RLY-70: every connection gets GO_AWAY with the time after which to come back."""
    second, effects = bench.core.connect(b"2" * 32)
    bench.take(effects)
    told = bench.core.drain(1234)
    assert [(one.connection, one.frame) for one in told if isinstance(one, Transmit)] == [
        (bench.number, GoAway(0, 1234)),
        (second, GoAway(0, 1234)),
    ]


def test_remembered_ids_are_bounded() -> None:
    """RLY-32: the oldest go first when there are too many."""
    bench = Bench(Policy(remembered_max=2))
    bench.ask(Done, CREATE)
    bench.receive(AUTH)
    bench.sent.clear()
    bench.ask(Done, ADD)
    ids = [bytes([number]) * 16 for number in range(3)]
    bench.ask(SendResults, Send(4, tuple(item(b"x", one) for one in ids)))
    seqs = tuple(bench.core.state.mailboxes[MAILBOX].held)
    bench.ask(Done, Ack(5, MAILBOX, seqs))
    assert len(bench.core.state.remembered) == 2
    bench.ask(SendResults, Send(6, tuple(item(b"x", one) for one in ids)))
    assert list(bench.core.state.mailboxes[MAILBOX].seq_of) == ids[:1]


def test_an_acknowledgement_of_nothing_costs_the_disk_nothing(bench: Bench) -> None:
    """RLY-37, RLY-140: a flood of them is answered without a commit."""
    bench.receive(Ack(9, MAILBOX, tuple(range(1, 1000))))
    assert bench.queue == []
    assert bench.sent[-1] == Done(9)
