"""When frames leave: together at the end of a pass, and later where they may wait (RLY-160, RLY-161)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from e2ee_relay.outgoing import DELAY_S, Flusher, Outgoing
from e2ee_relay.protocol import Done, Frame, Role, decode_frames, encode_frame
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


class Transport(asyncio.Transport):
    """Notes the messages that are written."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[list[Frame]] = []
        self.is_broken = False

    def write(self, data: Any) -> None:
        if self.is_broken:
            raise LookupError
        head_b = 2 if data[1] < 126 else 4
        self.messages.append(decode_frames(bytes(data[head_b:]), Role.CLIENT))


class Scene:
    """What leaves some connections, and a loop that the test turns."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.clock.now_s = 100.0
        self.loop = Loop(self.clock)
        self.flusher = Flusher(cast("asyncio.AbstractEventLoop", self.loop))

    def connection(self) -> tuple[Outgoing, Transport]:
        transport = Transport()
        return Outgoing(self.flusher, transport), transport


@pytest.fixture
def scene() -> Scene:
    return Scene()


def put(outgoing: Outgoing, number: int, *, can_wait: bool = False) -> None:
    outgoing.put(encode_frame(Done(number)), can_wait=can_wait)


def test_frames_of_a_pass_leave_as_one_message_at_its_end(scene: Scene) -> None:
    """RLY-160: nothing waits longer, however short ago the last one left."""
    outgoing, transport = scene.connection()
    for first in (1, 3):
        put(outgoing, first)
        put(outgoing, first + 1)
        scene.loop.turn()
    assert transport.messages == [[Done(1), Done(2)], [Done(3), Done(4)]]


def test_what_nobody_waits_for_goes_with_others_or_in_time(scene: Scene) -> None:
    """RLY-161: in its place among the frames of its connection."""
    outgoing, transport = scene.connection()
    put(outgoing, 1, can_wait=True)
    scene.loop.turn()
    put(outgoing, 2)
    scene.loop.turn()
    assert transport.messages == [[Done(1), Done(2)]]
    put(outgoing, 3, can_wait=True)
    scene.loop.turn(DELAY_S * 0.9)
    put(outgoing, 4, can_wait=True)
    assert len(transport.messages) == 1
    scene.loop.turn(DELAY_S * 0.1)
    assert transport.messages[1:] == [[Done(3), Done(4)]]
    put(outgoing, 5, can_wait=True)
    scene.loop.turn(DELAY_S)
    assert transport.messages[2:] == [[Done(5)]]


def test_few_are_written_to_in_one_pass(scene: Scene) -> None:
    """RLY-149: the others in the next ones, and what they are sent meanwhile goes along."""
    many = [scene.connection() for _ in range(300)]
    for outgoing, _ in many:
        put(outgoing, 1, can_wait=True)
    written = []
    scene.loop.turn(DELAY_S)
    for _ in range(3):
        written.append(sum(len(transport.messages) for _, transport in many))
        put(many[-1][0], 2, can_wait=True)
        scene.loop.turn()
    assert written == [128, 256, 300]


@pytest.mark.parametrize("can_wait", [False, True])
def test_a_mistake_with_one_leaves_the_others(scene: Scene, can_wait: bool) -> None:
    """RLY-73: it is reported by the loop, and they have their frames all the same."""
    three = [scene.connection() for _ in range(3)]
    three[1][1].is_broken = True
    for outgoing, _ in three:
        put(outgoing, 1, can_wait=can_wait)
    for _ in range(3):
        scene.loop.turn(DELAY_S)
    assert [len(transport.messages) for _, transport in three] == [1, 0, 1]
    assert len(scene.loop.errors) == 1


def test_a_message_has_at_most_so_many_frames(scene: Scene) -> None:
    """RLY-02: beyond, another one begins at once."""
    outgoing, transport = scene.connection()
    for number in range(1, 602):
        put(outgoing, number)
    scene.loop.turn()
    assert [len(one) for one in transport.messages] == [512, 89]
