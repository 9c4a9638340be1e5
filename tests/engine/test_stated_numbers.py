"""Numbers that a relay states: each has a bound, and what is beyond it changes nothing (chapter 08)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.directory import _MAX_PAGES
from e2ee_client.events import ConnectionChanged, MessageState, MessageStateChanged
from e2ee_relay import frames, protocol
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    AuthResult,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    GoAway,
    Hello,
    KnownFrame,
    Limits,
    Lookup,
    LookupResult,
    Message,
    Publish,
    Request,
    Role,
    Send,
    SendResult,
    SendResults,
    decode_frames,
    encode_frames,
)
from engine_world import Node, World
from evil_relay import EvilRelay, Strategy
from relay_scenes import delivered, strange

MAX_U64 = 2**64 - 1
MINUTE_MS = 60_000
HOUR_MS = 3_600_000

Answer = Callable[[Request | None, KnownFrame], KnownFrame]


class Stating(Strategy):
    """Answers with numbers of its own while it is on, and counts what it is asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.is_on = False
        self.asked: list[Request] = []

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        self.asked.append(frame)
        return (frame,)

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        return (self._answer(request, frame) if self.is_on else frame,)

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        return self.answer(connection, None, frame)

    def count(self, kind: type[Request]) -> int:
        """Return how many requests of a kind there were."""
        return sum(isinstance(one, kind) for one in self.asked)


def scene(answer: Answer) -> tuple[World, Stating, Node, Node, bytes]:
    """Two who have talked over a relay that is about to state numbers of its own."""
    world, strategy = World(), Stating(answer)
    world.relay.close()
    world.relay = EvilRelay(lambda: world.now_ms, strategy, Policy(lookups=Rate(1000, 1000)))
    company, customer = world.node("Praxis", publish=True), world.node("Kundin")
    company.start()
    customer.start()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "Guten Tag")
    world.settle()
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    strategy.is_on = True
    strategy.asked.clear()
    return world, strategy, company, customer, praxis


def reconnect(world: World, node: Node) -> None:
    """Let the node's connections break, and give it a minute."""
    node.break_connections()
    world.advance(MINUTE_MS)


def replaced(kind: type[KnownFrame], **lies: Any) -> Answer:
    """Return an answer that states other numbers in frames of one kind."""

    def answer(_: Request | None, frame: KnownFrame) -> KnownFrame:
        return dataclasses.replace(frame, **lies) if isinstance(frame, kind) else frame

    return answer


def waits_ms(node: Node) -> int:
    """Return for how long the node leaves its relay alone."""
    context = node.engine._context
    ends = [at_ms for (_, number), (at_ms, *_) in context.links._deadlines._newest.items() if number == 0]
    times = context.timers._times
    ends += [times.at_ms(name) or 0 for name in times if name[:1] in (("send",), ("look up",))]
    return max(ends, default=0) - node.world.now_ms


def test_the_table_names_every_number_of_a_frame_to_a_client() -> None:
    """RLY-11: a field that is added to a frame needs a bound before this passes."""
    chapter = (Path(__file__).resolve().parents[2] / "spec" / "08-sessions.md").read_text("utf-8")
    table = chapter[chapter.index("## Numbers from outside") : chapter.index("## Security notes")]
    named = set(re.findall(r"`(\w+)`", table))
    kinds = [make for make, _ in frames._ANSWERS.values()]
    stated = (int, int | None, bool, ErrorCode, tuple[int, ...])
    numbers = {
        name
        for kind in (*kinds, SendResult, Limits)
        for name, of in get_type_hints(kind).items()
        if of in stated
    }
    assert len(numbers) > 20
    assert numbers <= named


def test_an_answer_that_nobody_asked_for_is_ignored() -> None:
    """RLY-08, RLY-09."""
    _, _, _, customer, _ = scene(lambda _, frame: frame)
    rows, events = customer.rows.copy().tables, len(customer.events)
    for channel in list(customer.connections):
        for request_id in (1, 77_777, 2**32 - 1):
            data = encode_frames([Done(request_id), ErrorReply(request_id, ErrorCode.DENIED, MAX_U64)])
            customer.carry_out(customer.engine.received(channel, data, customer.world.now_ms))
    assert customer.rows.tables == rows
    assert len(customer.events) == events
    assert waits_ms(customer) <= MINUTE_MS


def test_a_relay_of_another_version_is_left() -> None:
    """RLY-10, RLY-11: nothing is asked of it, and it is tried again ten minutes later at the earliest."""
    world, strategy, _, customer, _ = scene(replaced(Hello, version=2))
    customer.break_connections()
    customer.events.clear()
    world.advance(9 * MINUTE_MS)
    assert strategy.asked == []
    assert "relay.not_a_relay" in [one.code for one in customer.of(ConnectionChanged)]
    strategy.is_on = False
    world.advance(2 * MINUTE_MS)
    assert strategy.asked != []


@pytest.mark.parametrize("most", [0, 3])
def test_a_send_has_as_many_items_as_the_relay_takes(most: int) -> None:
    """RLY-11: a relay that takes few at a time gets few; one that says none gets one."""

    def answer(_: Request | None, frame: KnownFrame) -> KnownFrame:
        if not isinstance(frame, Hello):
            return frame
        return dataclasses.replace(frame, limits=dataclasses.replace(frame.limits, max_send_items=most))

    world, strategy, company, customer, praxis = scene(answer)
    customer.break_connections()
    texts = [f"Frage {number}" for number in range(10)]
    for text in texts:
        customer.send(praxis, text)
    world.advance(2 * MINUTE_MS)
    sends = [len(one.items) for one in strategy.asked if isinstance(one, Send)]
    assert max(sends) == max(1, most)
    assert [one for one in company.texts() if one in texts] == texts


def test_other_limits_of_a_relay_are_not_read() -> None:
    """RLY-11: sizes, quotas and windows of 0 keep nothing back."""

    def answer(_: Request | None, frame: KnownFrame) -> KnownFrame:
        if not isinstance(frame, Hello):
            return frame
        names = [one.name for one in dataclasses.fields(Limits) if one.name != "max_send_items"]
        limits = dataclasses.replace(frame.limits, **dict.fromkeys(names, 0))
        return dataclasses.replace(frame, limits=limits, operations=())

    world, _, company, customer, praxis = scene(answer)
    reconnect(world, customer)
    customer.send(praxis, "Frage")
    world.advance(MINUTE_MS)
    assert company.texts()[-1] == "Frage"


def test_a_mailbox_is_made_again_once_on_a_connection() -> None:
    """RLY-22: a relay that makes it and denies it, again and again, does not keep a client busy."""

    def answer(request: Request | None, frame: KnownFrame) -> KnownFrame:
        if isinstance(frame, AuthResult) and isinstance(request, protocol.Auth):
            return AuthResult(frame.request_id, request.mailboxes)
        return frame

    world, strategy, _, customer, praxis = scene(answer)
    customer.break_connections()
    world.advance(10 * MINUTE_MS)
    assert 0 < strategy.count(CreateMailbox) < 20
    strategy.is_on = False
    customer.send(praxis, "Frage")
    world.advance(10 * MINUTE_MS)
    assert customer.engine._state.outbox.lane(praxis, _device(customer, praxis)).unconfirmed == {}


def _device(node: Node, account_id: bytes) -> bytes:
    return node.engine._state.peers_of(account_id)[0].device_id


def test_the_numbers_of_a_delivered_message_are_not_believed() -> None:
    """RLY-34: the largest place of a queue is only named in ACK, the largest time is not read."""
    _, _, _, customer, _ = scene(lambda _, frame: frame)
    mailbox = next(iter(customer.engine._state.mailboxes))
    channel = next(one for one in customer.connections if one.mailbox == mailbox)
    message = Message(0, mailbox, MAX_U64, bytes(16), strange(), MAX_U64)
    sent: list[bytes] = []
    customer.outgoing = _noting(sent)
    for _ in range(2):
        data = encode_frames([message])
        customer.carry_out(customer.engine.received(channel, data, customer.world.now_ms))
    acks = [
        frame.seqs
        for data in sent
        for frame in decode_frames(data, Role.RELAY)
        if isinstance(frame, protocol.Ack)
    ]
    assert acks == [(MAX_U64,)]
    assert waits_ms(customer) <= MINUTE_MS
    assert str(MAX_U64) not in repr(customer.rows.tables)


def _noting(sent: list[bytes]) -> Callable[[Channel, bytes], list[bytes]]:
    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        sent.append(data)
        return [data]

    return outgoing


def _unavailable(kind: type[Request]) -> Answer:
    def answer(request: Request | None, frame: KnownFrame) -> KnownFrame:
        if isinstance(request, kind):
            return ErrorReply(frame.request_id, ErrorCode.UNAVAILABLE, MAX_U64)
        return frame

    return answer


def _held_back(request: Request | None, frame: KnownFrame) -> KnownFrame:
    if isinstance(request, Send) and isinstance(frame, SendResults):
        results = tuple(SendResult(ErrorCode.UNAVAILABLE, MAX_U64) for _ in request.items)
        return SendResults(frame.request_id, results)
    return frame


@pytest.mark.parametrize(
    "answer",
    [_held_back, _unavailable(Send), _unavailable(Lookup), _unavailable(protocol.Auth)],
    ids=["SEND_RESULTS", "ERROR to SEND", "ERROR to LOOKUP", "ERROR to AUTH"],
)
def test_a_relay_keeps_a_client_waiting_for_an_hour_at_most(answer: Answer) -> None:
    """RLY-07, SES-35: whatever frame the time stands in."""
    world, strategy, company, customer, praxis = scene(answer)
    customer.break_connections()
    customer.engine._state.contacts[praxis].looked_up_ms = 0
    customer.send(praxis, "Frage")
    world.advance(2 * MINUTE_MS)
    assert 0 < waits_ms(customer) <= HOUR_MS
    strategy.is_on = False
    world.advance(HOUR_MS + MINUTE_MS)
    assert company.texts()[-1] == "Frage"


def test_a_relay_that_goes_away_for_ever_is_tried_after_an_hour() -> None:
    """RLY-70, SES-35."""
    world, strategy, _, customer, _ = scene(lambda _, frame: frame)
    for channel in list(customer.connections):
        data = encode_frames([GoAway(0, MAX_U64)])
        customer.carry_out(customer.engine.received(channel, data, world.now_ms))
    assert waits_ms(customer) == HOUR_MS
    strategy.asked.clear()
    world.advance(HOUR_MS + MINUTE_MS)
    assert strategy.count(protocol.Auth) == 1


@pytest.mark.parametrize("lie", [b"\x10", b"\x18\x2a"])
def test_a_code_outside_the_registry_ends_the_connection(lie: bytes) -> None:
    """RLY-03, RLY-07."""
    _, _, _, customer, _ = scene(lambda _, frame: frame)
    channel = next(iter(customer.connections))
    data = b"\x81\xa4\x00\x18\x3f\x01\x01\x02" + lie + b"\x03\x00"
    customer.carry_out(customer.engine.received(channel, data, customer.world.now_ms))
    assert channel not in customer.connections


@pytest.mark.parametrize("count", [0, 2])
def test_results_for_another_number_of_envelopes_confirm_nothing(count: int) -> None:
    """RLY-31: the text goes again."""

    def answer(request: Request | None, frame: KnownFrame) -> KnownFrame:
        if isinstance(request, Send) and isinstance(frame, SendResults):
            other = [SendResult(ErrorCode.OK)] * (len(request.items) + count - 1)
            return SendResults(frame.request_id, tuple(other) or (SendResult(ErrorCode.UNAVAILABLE),))
        return frame

    world, strategy, company, customer, praxis = scene(answer)
    sent = customer.send(praxis, "Frage")
    world.settle()
    states = [one.state for one in customer.of(MessageStateChanged) if one.message_id == sent]
    assert MessageState.SENT not in states
    strategy.is_on = False
    world.advance(2 * MINUTE_MS)
    assert sent in delivered(customer)
    assert company.texts().count("Frage") == 1


def without_end() -> Answer:
    """Return an answer that shows the first lists found again and again, and says that more follow."""
    first: list[LookupResult] = []

    def answer(_: Request | None, frame: KnownFrame) -> KnownFrame:
        if not isinstance(frame, LookupResult):
            return frame
        first.append(frame)
        return dataclasses.replace(first[0], request_id=frame.request_id, more=True)

    return answer


def test_a_lookup_ends_after_64_pages() -> None:
    """ID-07: one list again and again, with more to come."""

    world, strategy, _, customer, praxis = scene(without_end())
    contact = customer.engine._state.contacts[praxis]
    contact.looked_up_ms, contact.head = 0, None
    customer.send(praxis, "Frage")
    world.settle()
    assert strategy.count(Lookup) == _MAX_PAGES


def test_a_lookup_of_the_own_entry_ends_where_it_does_not_go_on() -> None:
    """ID-40: the relay says that there is more, and shows the list that was there before."""

    world, strategy, company, _, _ = scene(without_end())
    company.crash()
    company.start()
    world.advance(10 * MINUTE_MS)
    assert strategy.count(Lookup) == 2
    assert strategy.count(Publish) == 0


def test_65_lists_end_the_connection() -> None:
    """RLY-03."""
    _, _, _, customer, _ = scene(lambda _, frame: frame)
    channel = next(iter(customer.connections))
    data = encode_frames([LookupResult(1, tuple([b"x"] * (protocol.MAX_LISTS + 1)), (), (), False)])
    customer.carry_out(customer.engine.received(channel, data, customer.world.now_ms))
    assert channel not in customer.connections


@pytest.mark.parametrize("name", ["signed_prekey_id", "last_resort_id"])
def test_other_ids_of_reusable_prekeys_have_them_uploaded_once_each_time(name: str) -> None:
    """ID-30, RLY-62: for each question for the stock, not without end."""
    world, strategy, company, _, _ = scene(replaced(protocol.PrekeysStock, **{name: MAX_U64}))
    made = len(company.engine._state.prekeys)
    company.break_connections()
    world.advance(10 * MINUTE_MS)
    assert strategy.count(protocol.PrekeysUpload) == strategy.count(protocol.PrekeysCount) == 1
    assert len(company.engine._state.prekeys) == made
