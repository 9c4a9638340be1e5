"""When frames leave: together at the end of a turn, and later where they may wait (RLY-160, RLY-161)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from e2ee_relay.connection import BoundedConnection
from e2ee_relay.outbox import COMPANY_S, MANY, MOMENT_S, Departures, Outbox
from e2ee_relay.protocol import Done, Frame, Role, decode_frames
from e2ee_relay.turns import QUANTUM_S, Share, Turns
from hand_clock import HandClock


class Loop:
    """An event loop whose passes and clock the test turns."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._soon: list[tuple[Any, tuple[Any, ...]]] = []
        self._late: list[tuple[float, Any]] = []
        self.errors: list[BaseException] = []

    def time(self) -> float:
        return self._clock.now_s

    def call_soon(self, call: Any, *arguments: Any) -> None:
        self._soon.append((call, arguments))

    def call_later(self, seconds: float, call: Any) -> None:
        self._late.append((self._clock.now_s + seconds, call))

    def call_at(self, _when: float, _call: Any) -> None:
        """The queue is not worked off here."""

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and one pass of the loop happen."""
        self._clock.now_s += seconds
        due = [call for when, call in self._late if when <= self._clock.now_s + 1e-9]
        self._late = [(when, call) for when, call in self._late if when > self._clock.now_s + 1e-9]
        soon, self._soon = self._soon, []
        for call, arguments in [*soon, *((call, ()) for call in due)]:
            try:
                call(*arguments)
            except LookupError as error:
                self.errors.append(error)


class Socket:
    """Notes the messages that are written."""

    def __init__(self) -> None:
        self.messages: list[list[Frame]] = []
        self.is_broken = False

    def write_message(self, parts: list[bytes]) -> None:
        if self.is_broken:
            raise LookupError
        self.messages.append(decode_frames(b"".join(parts), Role.CLIENT))


class Scene:
    """Outboxes, and a queue before the event loop that can be made long."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.clock.now_s = 100.0
        self.loop = Loop(self.clock)
        asyncio_loop = cast("asyncio.AbstractEventLoop", self.loop)
        self.turns = Turns(asyncio_loop, self.clock, self.clock)
        self.departures = Departures(asyncio_loop, self.turns)

    def outbox(self) -> tuple[Outbox, Socket]:
        socket = Socket()
        return Outbox(cast("BoundedConnection", socket), self.departures), socket

    def form_line(self, length: int) -> None:
        self.turns.charge(Share(), QUANTUM_S)
        for _ in range(length):
            self.turns.enqueue(Share(), lambda: None)

    def write_much(self) -> None:
        """Let so many messages leave that they are a load."""
        for _ in range(2):
            for _ in range(MANY):
                self.outbox()[0].put(Done(1))
            self.loop.turn(MOMENT_S * 1.01)

    def work_off(self) -> None:
        self.turns._next_pass()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_frames_of_a_turn_leave_as_one_message_at_its_end(scene: Scene) -> None:
    """RLY-160: without a line nothing waits, however short ago the last one left."""
    outbox, socket = scene.outbox()
    for first in (1, 3):
        outbox.put(Done(first))
        outbox.put(Done(first + 1))
        scene.loop.turn()
    assert socket.messages == [[Done(1), Done(2)], [Done(3), Done(4)]]


def test_a_few_who_wait_are_no_line(scene: Scene) -> None:
    """RLY-160: eight do not hold anybody up."""
    outbox, socket = scene.outbox()
    scene.write_much()
    outbox.put(Done(1))
    scene.loop.turn()
    scene.form_line(8)
    scene.loop.turn(MOMENT_S)
    outbox.put(Done(2))
    scene.loop.turn()
    assert socket.messages == [[Done(1)], [Done(2)]]


def test_a_line_without_a_load_holds_nobody_up(scene: Scene) -> None:
    """RLY-160: many wait, as in a flood of requests, and little is written: it would not help them."""
    outbox, socket = scene.outbox()
    scene.form_line(30)
    scene.loop.turn(MOMENT_S)
    for number in range(1, MANY):
        outbox.put(Done(number))
        scene.loop.turn(MOMENT_S / MANY)
    assert len(socket.messages) == MANY - 1


def test_a_load_that_is_over_holds_nobody_up(scene: Scene) -> None:
    """RLY-160: what was written in the last 40 ms counts, and not what was written before a silence."""
    outbox, socket = scene.outbox()
    scene.write_much()
    scene.form_line(30)
    outbox.put(Done(1))
    scene.loop.turn(MOMENT_S * 2)
    outbox.put(Done(2))
    scene.loop.turn()
    assert socket.messages == [[Done(1)], [Done(2)]]


def test_what_leaves_because_it_is_full_counts(scene: Scene) -> None:
    """RLY-160: however a message came to leave."""
    outbox, socket = scene.outbox()
    for _ in range(MANY * 512 + 1):
        outbox.put(Done(1))
    scene.loop.turn(MOMENT_S)
    scene.form_line(30)
    scene.loop.turn(MOMENT_S / 4)
    outbox.put(Done(1))
    scene.loop.turn()
    written = len(socket.messages)
    outbox.put(Done(2))
    scene.loop.turn()
    assert len(socket.messages) == written


def test_in_a_line_who_was_written_to_is_written_to_again_a_moment_later(scene: Scene) -> None:
    """RLY-160: once for all that has come up, after as long as there has been a queue, at most 20 ms."""
    outbox, socket = scene.outbox()
    scene.write_much()
    scene.form_line(9)
    scene.loop.turn(MOMENT_S / 4)
    outbox.put(Done(1))
    scene.loop.turn()
    outbox.put(Done(2))
    scene.loop.turn(MOMENT_S / 8)
    outbox.put(Done(3))
    assert socket.messages == [[Done(1)]]
    scene.loop.turn(MOMENT_S / 8)
    assert socket.messages == [[Done(1)], [Done(2), Done(3)]]
    scene.loop.turn(1.0)
    scene.write_much()
    outbox.put(Done(4))
    scene.loop.turn()
    outbox.put(Done(5))
    scene.loop.turn(MOMENT_S * 0.9)
    assert socket.messages[2:] == [[Done(4)]]
    scene.loop.turn(MOMENT_S * 0.2)
    assert socket.messages[2:] == [[Done(4)], [Done(5)]]


def test_who_seldom_hears_from_the_relay_waits_for_nothing(scene: Scene) -> None:
    """RLY-160: a line of others is no reason."""
    busy, busy_socket = scene.outbox()
    seldom, seldom_socket = scene.outbox()
    scene.form_line(30)
    scene.write_much()
    busy.put(Done(1))
    scene.loop.turn()
    scene.loop.turn(MOMENT_S / 2)
    busy.put(Done(2))
    seldom.put(Done(9))
    scene.loop.turn()
    assert busy_socket.messages == [[Done(1)]]
    assert seldom_socket.messages == [[Done(9)]]


def test_when_the_line_is_gone_all_leave(scene: Scene) -> None:
    """RLY-160: nothing waits for the sake of waiting."""
    outbox, socket = scene.outbox()
    scene.form_line(9)
    scene.write_much()
    outbox.put(Done(1))
    scene.loop.turn()
    outbox.put(Done(2))
    scene.loop.turn()
    assert len(socket.messages) == 1
    scene.work_off()
    scene.loop.turn()
    assert socket.messages == [[Done(1)], [Done(2)]]


def test_what_nobody_waits_for_goes_with_others_or_in_time(scene: Scene) -> None:
    """RLY-161: in its place among the frames of its connection."""
    outbox, socket = scene.outbox()
    outbox.put(Done(1), can_wait=True)
    scene.loop.turn()
    outbox.put(Done(2))
    scene.loop.turn()
    assert socket.messages == [[Done(1), Done(2)]]
    outbox.put(Done(3), can_wait=True)
    scene.loop.turn(COMPANY_S * 0.9)
    outbox.put(Done(4), can_wait=True)
    assert len(socket.messages) == 1
    scene.loop.turn(COMPANY_S * 0.1)
    assert socket.messages[1:] == [[Done(3), Done(4)]]
    outbox.put(Done(5), can_wait=True)
    scene.loop.turn(COMPANY_S)
    assert socket.messages[2:] == [[Done(5)]]


def test_few_are_written_to_in_one_pass(scene: Scene) -> None:
    """RLY-149: the others in the next ones, and what they are sent meanwhile goes along."""
    many = [scene.outbox() for _ in range(300)]
    for outbox, _ in many:
        outbox.put(Done(1), can_wait=True)
    written = []
    scene.loop.turn(COMPANY_S)
    for _ in range(3):
        written.append(sum(len(socket.messages) for _, socket in many))
        many[-1][0].put(Done(2), can_wait=True)
        scene.loop.turn()
    assert written == [128, 256, 300]


def test_who_was_written_nothing_was_not_written_to(scene: Scene) -> None:
    """RLY-160: an answer that has left with others does not count a second time when its time is over."""
    outbox, socket = scene.outbox()
    scene.form_line(9)
    outbox.put(Done(1), can_wait=True)
    outbox.put(Done(2))
    scene.loop.turn()
    scene.loop.turn(COMPANY_S)
    scene.write_much()
    outbox.put(Done(3))
    scene.loop.turn()
    assert socket.messages == [[Done(1), Done(2)], [Done(3)]]


@pytest.mark.parametrize("can_wait", [False, True])
def test_a_mistake_with_one_leaves_the_others(scene: Scene, can_wait: bool) -> None:
    """RLY-73: it is reported by the loop, and they have their frames all the same."""
    three = [scene.outbox() for _ in range(3)]
    three[1][1].is_broken = True
    for outbox, _ in three:
        outbox.put(Done(1), can_wait=can_wait)
    for _ in range(3):
        scene.loop.turn(COMPANY_S)
    assert [len(socket.messages) for _, socket in three] == [1, 0, 1]
    assert len(scene.loop.errors) == 1


def test_a_message_has_at_most_so_many_frames(scene: Scene) -> None:
    """RLY-02: beyond, another one begins at once."""
    outbox, socket = scene.outbox()
    for number in range(1, 602):
        outbox.put(Done(number))
    scene.loop.turn()
    assert [len(one) for one in socket.messages] == [512, 89]
