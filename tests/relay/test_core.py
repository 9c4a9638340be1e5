"""The node over its store: order of answers, and commits that fail (RLY-09, RLY-30, RLY-39)."""

from __future__ import annotations

import sqlite3

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
from e2ee_relay.store.api import Read
from e2ee_relay.store.sqlite_file import DatabaseFile
from e2ee_relay.store.sqlite_view import Seen, SqliteView
from relay_actors import START_MS, Company, Owner


@pytest.fixture
def bench() -> Bench:
    return Bench().with_mailbox()


def kinds(bench: Bench) -> list[type[object]]:
    """What waits for a commit."""
    return [type(one.op.request) for one in bench.store.queue if one.op is not None]


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
    assert kinds(bench) == [Send, Send]
    bench.commit()
    assert len(bench.pushes(Message)) == 1
    assert codes_of(bench) == [ErrorCode.OK, ErrorCode.OK]


def test_what_was_delivered_and_not_committed_is_gone_with_a_crash(bench: Bench) -> None:
    """RLY-30, RLY-90: no OK was said, so the sender sends it again, and its seq names nothing else."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    (before,) = bench.pushes(Message)
    again = Bench(file=bench.file)
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
    assert bench.held_rows() == 0
    assert bench.rows("SELECT msg_id FROM seen") == [(b"i" * 16,)]
    assert bench.ask(SendResults, Send(7, (item(b"x", b"i" * 16),))).results[0].code is ErrorCode.OK
    assert len(bench.pushes(Message)) == 1


def test_only_the_answer_to_an_acknowledgement_may_wait(bench: Bench) -> None:
    """RLY-161: whoever asks for anything else goes on with the answer."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    (pushed,) = bench.pushes(Message)
    for request in (Ack(6, MAILBOX, (pushed.seq,)), TokenRevoke(7, MAILBOX, (bytes(32),))):
        bench.receive(request)
        bench.commit()
    assert {number: bench.waits[number] for number in (5, 6, 7)} == {5: False, 6: True, 7: False}


def test_what_was_delivered_and_could_not_be_committed_is_not_confirmed(bench: Bench) -> None:
    """RLY-30, RLY-90: neither the message nor its acknowledgement; both are repeated, and done once."""
    bench.ask(Done, Subscribe(4, (MAILBOX,)))
    bench.receive(Send(5, (item(b"x", b"i" * 16),)))
    (pushed,) = bench.pushes(Message)
    bench.receive(Ack(6, MAILBOX, (pushed.seq,)))
    bench.commit(fails=True)
    assert codes_of(bench) == [ErrorCode.UNAVAILABLE]
    assert any(isinstance(frame, ErrorReply) and frame.request_id == 6 for frame in bench.sent)
    assert (bench.held(), bench.box.held_b, bench.held_rows()) == ([], 0, 0)
    assert bench.ask(SendResults, Send(7, (item(b"x", b"i" * 16),))).results[0].code is ErrorCode.OK
    again = bench.pushes(Message)[-1]
    assert again.seq > pushed.seq
    bench.ask(Done, Ack(8, MAILBOX, (again.seq,)))
    assert bench.held_rows() == 0


def test_what_was_decided_on_top_of_a_failed_commit_fails_with_it(bench: Bench) -> None:
    """RLY-195, RLY-30, RLY-32: a repetition is not confirmed by a copy that is not on the disk."""
    for number in (4, 5):
        bench.receive(Send(number, (item(b"x", b"i" * 16),)))
    bench.receive(TokenAdd(6, MAILBOX, (token_hash(b"2" * 32),), TokenClass.CONTACT))
    bench.commit(fails=True)
    assert codes_of(bench) == [ErrorCode.UNAVAILABLE, ErrorCode.UNAVAILABLE]
    assert set(bench.box.mine.tokens) == {token_hash(TOKEN)}
    assert bench.ask(SendResults, Send(7, (item(b"x", b"i" * 16),))).results[0].code is ErrorCode.OK
    assert bench.store.reloads == 1


def test_until_a_generation_is_committed_nothing_is_changed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-195, RLY-35, RLY-131: what is held can be read, not acknowledged; it goes on by itself."""
    bench.ask(SendResults, Send(4, (item(b"held"),)))

    def refuse(_file: DatabaseFile) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseFile, "begin_generation", refuse)
        bench.receive(Send(5, (item(b"lost"),)))
        bench.commit(fails=True)
        bench.ask(Done, Subscribe(6, (MAILBOX,)))
        (pushed,) = bench.pushes(Message)
        assert pushed.body == b"held"
        refused = bench.ask(ErrorReply, Ack(7, MAILBOX, (pushed.seq,)))
        assert refused.code is ErrorCode.UNAVAILABLE
        assert bench.ask(SendResults, Send(8, (item(),))).results[0].code is ErrorCode.UNAVAILABLE
        bench.node.tick(START_MS)
        assert bench.store.view.is_stopped
    bench.node.tick(START_MS)
    bench.ask(Done, Ack(9, MAILBOX, (pushed.seq,)))
    assert bench.held_rows() == 0


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
    assert (bench.box.held, bench.box.held_b) == (0, 0)
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
    assert bench.held() == seqs
    assert [message.seq for message in bench.pushes(Message)] == seqs
    bench.ask(Done, Ack(7, MAILBOX, tuple(seqs)))
    assert (bench.held(), bench.box.held_b) == ([], 0)


def test_what_could_not_be_deleted_when_it_expired_is_deleted_later(bench: Bench) -> None:
    """RLY-27, RLY-41: it is held again until the next sweep, and no row outlives its mailbox."""
    bench.ask(SendResults, Send(4, tuple(item(b"%d" % number) for number in range(3))))
    bench.clock.forward(31 * 86_400_000)
    bench.node.tick(bench.clock.now_ms)
    bench.commit(fails=True)
    assert (bench.box.held, bench.held_rows()) == (3, 3)
    bench.ask(Done, DeleteMailbox(5, MAILBOX))
    assert bench.held_rows() == 0


def test_a_deletion_counts_once(bench: Bench) -> None:
    """RLY-37: two acknowledgements of one message, and one that names it twice."""
    bench.ask(SendResults, Send(4, (item(),)))
    (seq,) = bench.held()
    bench.receive(Ack(5, MAILBOX, (seq,)))
    bench.receive(Ack(6, MAILBOX, (seq, seq)))
    bench.commit()
    assert [type(frame) for frame in bench.sent].count(Done) == 2
    assert bench.node.counters["acknowledged"] == 1
    assert (bench.held(), bench.box.held, bench.box.held_b, bench.held_rows()) == ([], 0, 0, 0)


def test_a_failed_read_is_tried_again(bench: Bench) -> None:
    """RLY-35: the messages come with the next tick, in order, and QUEUE_EMPTY only after them."""
    bench.ask(SendResults, Send(4, tuple(item(b"%d" % number) for number in range(3))))
    bench.receive(Subscribe(5, (MAILBOX,)))
    bench.store.commit()
    assert Read in kinds(bench)
    bench.commit(fails=True)
    assert bench.pushes(Message) == []
    assert bench.pushes(QueueEmpty) == []
    bench.node.tick(START_MS)
    bench.commit()
    assert [message.body for message in bench.pushes(Message)] == [b"0", b"1", b"2"]
    assert isinstance(bench.sent[-1], QueueEmpty)


def test_a_read_for_a_subscription_that_has_ended_is_dropped(bench: Bench) -> None:
    """RLY-39: the connection went while the store was reading."""
    bench.ask(SendResults, Send(4, (item(),)))
    bench.receive(Subscribe(5, (MAILBOX,)))
    bench.store.commit()
    bench.node.disconnect(bench.session)
    bench.sent.clear()
    bench.commit()
    assert bench.sent == []
    assert len(bench.held()) == 1


def test_what_was_acknowledged_while_it_was_read_is_not_delivered(bench: Bench) -> None:
    """RLY-37: an acknowledgement on another connection of the same owner wins."""
    bench.ask(SendResults, Send(4, (item(b"a"), item(b"b"))))
    seqs = bench.held()
    bench.receive(Subscribe(5, (MAILBOX,)))
    bench.store.commit()
    bench.receive(Ack(6, MAILBOX, (seqs[0],)))
    bench.store._waiting.rotate(1)
    bench.commit()
    assert [message.body for message in bench.pushes(Message)] == [b"b"]


def test_failed_changes_of_mailboxes(bench: Bench) -> None:
    """RLY-07: UNAVAILABLE, and the state is as before."""
    other = CreateMailbox(10, b"n" * 16, bytes(KEY.verify_key))
    bench.fails(other)
    assert b"n" * 16 not in bench.store.view.boxes
    bench.ask(Done, other)
    bench.fails(TokenAdd(11, MAILBOX, (token_hash(b"2" * 32),), TokenClass.CONTACT))
    bench.fails(TokenRevoke(12, MAILBOX, (token_hash(TOKEN),)))
    assert set(bench.box.mine.tokens) == {token_hash(TOKEN)}
    bench.fails(DeleteMailbox(13, MAILBOX))
    bench.ask(Done, Subscribe(14, (MAILBOX,)))
    bench.ask(Done, DeleteMailbox(15, MAILBOX))
    assert MAILBOX not in bench.store.view.boxes


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
    for table in ("mailbox", "token", "message", "seen"):
        assert bench.rows(f"SELECT * FROM {table}") == []  # noqa: S608 - fixed names


def test_failed_directory_requests(bench: Bench) -> None:
    """RLY-07, RLY-63: UNAVAILABLE; nothing is published, no key leaves."""
    company = Company(Owner(KEY, MAILBOX, TOKEN), START_MS)
    first = company.make_list([company.record])
    address = company.make_address()
    entry = Publish(30, company.account_id, (first,), (company.record,), (address,))
    bench.fails(entry)
    missing = bench.ask(ErrorReply, Lookup(31, company.account_id, 0))
    assert missing.code is ErrorCode.NOT_FOUND
    bench.ask(Done, entry)
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


def company_upload(company: Company, spk: bytes, last: bytes, one: bytes) -> PrekeysUpload:
    return PrekeysUpload(36, company.account_id, company.record_hash, spk, last, (one,), ())


def test_draining_tells_everybody(bench: Bench) -> None:
    """RLY-70: every connection gets GO_AWAY with the time after which to come back."""
    bench.connect()
    bench.sent.clear()
    bench.node.drain(1234)
    assert bench.sent == [GoAway(0, 1234), GoAway(0, 1234)]


def test_remembered_ids_are_bounded() -> None:
    """RLY-32: the oldest go first when there are too many."""
    bench = Bench(Policy(remembered_max=2))
    bench.ask(Done, CREATE)
    bench.receive(AUTH)
    bench.commit()
    bench.sent.clear()
    bench.ask(Done, ADD)
    ids = [bytes([number]) * 16 for number in range(4)]
    bench.ask(SendResults, Send(4, tuple(item(b"x", one) for one in ids)))
    bench.ask(Done, Ack(5, MAILBOX, tuple(bench.held())))
    assert len(bench.store.view.seen) == 3
    bench.ask(SendResults, Send(6, tuple(item(b"x", one) for one in reversed(ids))))
    assert bench.rows("SELECT msg_id FROM message") == [(ids[0],)]
    bench.node.tick(START_MS)
    bench.commit()
    assert len(bench.rows("SELECT * FROM seen")) <= 3


def test_no_id_is_forgotten_before_so_many_have_come_since() -> None:
    """RLY-32: also where hours change; and less than a quarter more is kept."""
    seen = Seen(1000)
    for number in range(5000):
        seen.add(number.to_bytes(2, "big"), number // 1700, number + 1)
        assert max(0, number - 1000).to_bytes(2, "big") in seen
        assert len(seen) < 1250


def test_an_acknowledgement_of_nothing_costs_the_disk_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-37, RLY-140: a flood of them is answered without a transaction."""
    monkeypatch.setattr(DatabaseFile, "transaction", None)
    bench.ask(Done, Ack(9, MAILBOX, tuple(range(1, 1000))))


def test_while_the_database_is_gone_what_reads_fails_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-195, RLY-173: a look-up and a subscription need no commit, and have nothing loaded anew."""
    bench.ask(SendResults, Send(4, (item(b"held"),)))
    monkeypatch.setattr(DatabaseFile, "is_in_place", lambda _file: False)
    assert bench.ask(SendResults, Send(5, (item(b"lost"),))).results[0].code is ErrorCode.UNAVAILABLE
    assert bench.store.reloads == 1
    assert bench.ask(ErrorReply, Lookup(6, bytes(32), 0)).code is ErrorCode.NOT_FOUND
    bench.ask(Done, Subscribe(7, (MAILBOX,)))
    bench.commit()
    assert [message.body for message in bench.pushes(Message)] == [b"held"]
    assert bench.store.reloads == 1


def test_what_could_not_be_loaded_anew_answers_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-195, RLY-20, RLY-23: a disk that cannot be read for a while makes no mailbox unknown."""
    bench.ask(SendResults, Send(4, (item(b"held"),)))

    def unreadable(_view: SqliteView) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteView, "_load_messages", unreadable)
        bench.receive(Send(5, (item(b"lost"),)))
        bench.commit(fails=True)
        bench.node.tick(START_MS)
        bench.commit()
        refused = bench.ask(ErrorReply, AUTH)
        assert refused.code is ErrorCode.UNAVAILABLE
        assert bench.ask(SendResults, Send(6, (item(),))).results[0].code is ErrorCode.UNAVAILABLE
    bench.node.tick(START_MS)
    bench.commit()
    bench.ask(Done, Subscribe(7, (MAILBOX,)))
    assert [message.body for message in bench.pushes(Message)] == [b"held"]


def test_a_failed_acknowledgement_of_what_was_delivered_again_counts_it_once(bench: Bench) -> None:
    """RLY-36, RLY-37: the window is as wide as before."""
    bench.ask(SendResults, Send(4, (item(b"x"),)))
    bench.ask(Done, Subscribe(5, (MAILBOX,)))
    (pushed,) = bench.pushes(Message)
    delivery = bench.node.delivery
    released = delivery.acknowledged(bench.session, Ack(6, MAILBOX, (pushed.seq,)))
    delivery.wake(delivery.subscriptions[MAILBOX])
    bench.commit()
    assert len(bench.pushes(Message)) == 2
    delivery.not_deleted(bench.session, Ack(6, MAILBOX, (pushed.seq,)), released)
    assert bench.session.unacked_b == len(b"x")
