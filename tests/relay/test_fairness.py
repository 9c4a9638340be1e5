"""The event loop's time is shared out: whoever uses much waits, whoever uses little does not (RLY-140)."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from e2ee_relay.inlet import Inlet
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Effect
from e2ee_relay.store.changes import Result
from e2ee_relay.store.writer import Then
from e2ee_relay.tls_turns import TlsTurns
from e2ee_relay.turns import PIECE_S, QUANTUM_S, Share, Turns
from hand_clock import HandClock
from relay_here import relay_here


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def turns(clock: HandClock) -> Turns:
    return Turns(asyncio.get_running_loop(), clock, clock)


def work(clock: HandClock, pieces: int, each_s: float, log: list[str], name: str) -> Iterator[None]:
    for _ in range(pieces):
        clock.now_s += each_s
        log.append(name)
        yield


async def test_what_finds_the_loop_idle_is_done_at_once(turns: Turns, clock: HandClock) -> None:
    """RLY-140: nobody waits for nothing."""
    log: list[str] = []
    task = turns.run(Share(), work(clock, 3, PIECE_S / 10, log, "a"))
    with pytest.raises(StopIteration):
        task.send(None)
    assert log == ["a", "a", "a"]


async def test_who_comes_new_goes_before_all_who_are_busy(turns: Turns, clock: HandClock) -> None:
    """RLY-140: twenty floods wait; somebody's one request waits for one piece of one of them."""
    log: list[str] = []
    floods = [
        asyncio.create_task(turns.run(Share(), work(clock, 200, PIECE_S, log, "flood"))) for _ in range(20)
    ]
    for _ in range(50):
        await asyncio.sleep(0)
    before = len(log)
    await turns.run(Share(), work(clock, 1, PIECE_S / 10, log, "light"))
    assert log[before:].index("light") <= 1 + QUANTUM_S / PIECE_S
    await asyncio.gather(*floods)
    assert log.count("flood") == 4000


async def test_nobody_starves_and_equals_get_equal_parts(turns: Turns, clock: HandClock) -> None:
    """RLY-140: two floods go side by side, in spite of a crowd that uses little."""
    log: list[str] = []
    shares = [Share() for _ in range(5)]
    floods = [asyncio.create_task(turns.run(Share(), work(clock, 100, PIECE_S, log, name))) for name in "xy"]
    while not all(one.done() for one in floods):
        await asyncio.gather(*(turns.run(one, work(clock, 1, PIECE_S / 5, log, "-")) for one in shares))
    places = [[place for place, name in enumerate(log) if name == flood] for flood in "xy"]
    assert len(places[0]) == len(places[1]) == 100
    assert all(abs(log[:place].count("x") - log[:place].count("y")) <= 2 for place in range(len(log)))


async def test_a_crowd_with_one_share_is_as_one_client(turns: Turns, clock: HandClock) -> None:
    """RLY-148: a hundred newcomers are served in their order; somebody else waits for one of them."""
    log: list[int | str] = []
    newcomers, others = Share(), [Share() for _ in range(3)]

    def turn(share: Share, name: int | str, seconds: float) -> None:
        clock.now_s += seconds
        turns.charge(share, seconds)
        log.append(name)

    for number in range(100):
        turns.enqueue(newcomers, lambda number=number: turn(newcomers, number, PIECE_S))  # type: ignore[misc]  # a default argument
    for other in others:
        turns.enqueue(other, lambda other=other: turn(other, "other", PIECE_S / 10))  # type: ignore[misc]
    while len(log) < 103:  # noqa: ASYNC110  # passes are what is looked at
        await asyncio.sleep(0)
    assert log[:4] == [0, "other", "other", "other"]
    assert log[4:] == list(range(1, 100))


async def test_an_error_of_one_of_a_crowd_leaves_the_others_in_line(turns: Turns) -> None:
    """RLY-148, RLY-73: it is reported by the loop, and the queue goes on."""
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(type(context["exception"]).__name__)
    )
    share, done = Share(), asyncio.Event()

    def broken() -> None:
        raise KeyError

    turns.enqueue(share, broken)
    turns.enqueue(share, done.set)
    async with asyncio.timeout(10):
        await done.wait()
    assert reported == ["KeyError"]


async def test_what_has_just_come_is_served_before_the_rest_of_the_queue(
    turns: Turns, clock: HandClock
) -> None:
    """RLY-149: bytes that arrive during a long piece are read, and have their turn, ahead of the next one."""
    log: list[str] = []
    loop, (ours, theirs) = asyncio.get_running_loop(), socket.socketpair()
    with ours, theirs:

        def arrive() -> None:
            loop.remove_reader(ours)
            turns.enqueue(Share(), lambda: log.append("light"))

        def flood() -> Iterator[None]:
            for number in range(40):
                clock.now_s += PIECE_S
                log.append("flood")
                if number == 10:
                    theirs.send(b"x")
                yield

        loop.add_reader(ours, arrive)
        await turns.run(Share(), flood())
    assert log.index("light") == 11
    assert log.count("flood") == 40


async def test_short_pieces_share_a_pass_and_a_long_one_ends_it(turns: Turns, clock: HandClock) -> None:
    """RLY-149: no pass is longer than its quantum and a piece; where pieces are long, it is one piece."""
    passes: list[float] = []
    for seconds in (PIECE_S / 5, PIECE_S):
        shares = [Share() for _ in range(60)]
        tasks = [asyncio.create_task(turns.run(one, work(clock, 1, seconds, [], ""))) for one in shares]
        longest = 0.0
        while not all(one.done() for one in tasks):
            before_s = clock.now_s
            await asyncio.sleep(0)
            longest = max(longest, clock.now_s - before_s)
        passes.append(longest)
    assert QUANTUM_S - PIECE_S <= passes[0] <= QUANTUM_S + PIECE_S
    # Two: what begins with the pass, and the queue.
    assert passes[1] <= 2 * PIECE_S


class SlowTls(asyncio.BufferedProtocol):
    """A protocol whose every read costs a signature."""

    def __init__(self, clock: HandClock, log: list[str]) -> None:
        self._clock = clock
        self._log = log
        self.room = bytearray(64)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.room

    def buffer_updated(self, nbytes: int) -> None:
        self._clock.now_s += PIECE_S
        self._log.append(f"tls {bytes(self.room[:nbytes]).decode()}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._log.append("lost")


class TlsTransport(asyncio.Transport):
    """Counts as reading until it is paused."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self.reads = True

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def bring(self, data: bytes) -> None:
        """Read, as the event loop would."""
        protocol = self._protocol
        assert isinstance(protocol, asyncio.BufferedProtocol)
        protocol.get_buffer(-1)[: len(data)] = data  # type: ignore[index]  # a bytearray
        protocol.buffer_updated(len(data))


async def test_a_crowd_of_tls_handshakes_goes_on_one_at_a_turn(turns: Turns, clock: HandClock) -> None:
    """RLY-147: all hellos come at once; a user waits for one of them, and each waits unread."""
    log: list[str] = []
    newcomers = Share()
    transports = [TlsTransport(SlowTls(clock, log)) for _ in range(50)]
    inner = [one.get_protocol() for one in transports]
    gates = [TlsTurns(turns, newcomers, one) for one in transports]
    for number, transport in enumerate(transports):
        transport.bring(str(number).encode())
    assert log == ["tls 0"]
    assert [one.reads for one in transports] == [True] + 49 * [False]
    gates[7].connection_lost(None)
    turns.enqueue(Share(), lambda: log.append("user"))
    while not transports[-1].reads:  # noqa: ASYNC110  # passes are what is looked at
        await asyncio.sleep(0)
    assert log[:2] == ["tls 0", "lost"]
    assert log.index("user") <= 3
    assert [one for one in log if one.startswith("tls")] == [f"tls {n}" for n in range(50) if n != 7]
    assert clock.now_s == pytest.approx(newcomers.used_s)
    gates[0].leave()
    assert transports[0].get_protocol() is inner[0]


async def test_an_error_of_the_work_ends_the_waiting(turns: Turns, clock: HandClock) -> None:
    """RLY-140, RLY-73: it is reported by the loop, and the queue goes on."""
    reported: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(type(context["exception"]).__name__))

    def broken() -> Iterator[None]:
        clock.now_s += QUANTUM_S
        yield
        raise KeyError

    log: list[str] = []
    waiting = asyncio.create_task(turns.run(Share(), broken()))
    other = asyncio.create_task(turns.run(Share(), work(clock, 3, QUANTUM_S, log, "other")))
    await asyncio.wait([waiting, other])
    assert waiting.cancelled()
    assert reported == ["KeyError"]
    assert log == ["other"] * 3


def taking(got: bytearray) -> Callable[[bytes, int], int]:
    """Return a parser that takes all that it is given."""

    def feed(data: bytes, place: int) -> int:
        got.extend(data[place:])
        return len(data)

    return feed


class FakeTransport:
    def __init__(self) -> None:
        self._is_paused = False
        self.is_aborted = False

    def is_paused(self) -> bool:
        return self._is_paused

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False

    def abort(self) -> None:
        self.is_aborted = True


async def test_a_flood_of_tiny_frames_is_parsed_a_little_at_a_time(turns: Turns, clock: HandClock) -> None:
    """RLY-140: 256 KiB of frames of six bytes, at 3 us a frame, never hold the loop for long."""
    transport, got, longest = FakeTransport(), bytearray(), 0.0

    def feed(data: bytes, place: int) -> int:
        got.extend(data[place : place + 6])
        clock.now_s += 3e-6
        return place + 6

    inlet = Inlet(turns, Share, transport, feed)
    flood = bytes(range(256)) * 1024
    inlet.put(flood)
    assert transport.is_paused()
    while len(got) < len(flood):  # passes are what is looked at
        before_s = clock.now_s
        await asyncio.sleep(0)
        longest = max(longest, clock.now_s - before_s)
    assert bytes(got) == flood
    assert not transport.is_paused()
    assert longest <= QUANTUM_S + 2 * PIECE_S
    assert clock.now_s > 50 * QUANTUM_S


async def test_messages_that_wait_hold_back_the_bytes_behind_them(turns: Turns, clock: HandClock) -> None:
    """RLY-140, RLY-71: what is not read costs one read of the transport and no more."""
    transport, got = FakeTransport(), bytearray()
    inlet = Inlet(turns, Share, transport, taking(got))
    inlet.hold()
    inlet.put(b"first")
    await asyncio.sleep(0.01)
    assert transport.is_paused()
    assert not got
    inlet.release()
    inlet.put(b"second")
    await asyncio.sleep(0.01)
    assert not transport.is_paused()
    assert bytes(got) == b"firstsecond"


async def test_little_may_wait_and_much_pauses_the_transport(turns: Turns, clock: HandClock) -> None:
    """RLY-140, RLY-71: what waits for its turn is at most 16 KiB and one read."""
    transport, got = FakeTransport(), bytearray()
    turns.charge(Share(), QUANTUM_S)
    inlet = Inlet(turns, Share, transport, taking(got))
    inlet.put(bytes(1 << 13))
    assert not transport.is_paused()
    inlet.put(bytes(1 << 13))
    assert not transport.is_paused()
    inlet.put(b"1")
    assert transport.is_paused()
    assert not got
    await asyncio.sleep(0.01)
    assert not transport.is_paused()
    assert len(got) == (1 << 14) + 1


async def test_nobody_pays_for_time_in_which_the_machine_did_something_else(clock: HandClock) -> None:
    """RLY-140: a share is charged processor time; a pass ends by the time that has passed."""
    processor = HandClock()
    turns, share = Turns(asyncio.get_running_loop(), clock, processor), Share()

    def stalled() -> Iterator[None]:
        clock.now_s += 1.0
        processor.now_s += 1e-5
        yield from ()

    await turns.run(share, stalled())
    assert share.used_s == pytest.approx(1e-5)
    assert not turns.is_free


async def test_who_dribbles_is_not_read_for_ever(turns: Turns, clock: HandClock) -> None:
    """RLY-140: eight reads wait, however little is in them."""
    transport, got = FakeTransport(), bytearray()
    turns.charge(Share(), QUANTUM_S)
    inlet = Inlet(turns, Share, transport, taking(got))
    for number in range(8):
        assert not transport.is_paused(), number
        inlet.put(b"x")
    assert transport.is_paused()
    await asyncio.sleep(0.01)
    assert not transport.is_paused()
    assert bytes(got) == b"x" * 8


async def test_who_sends_pays_in_processor_time(clock: HandClock) -> None:
    """RLY-140: parsing and carrying out are on the account of the connection."""
    processor, share = HandClock(), Share()
    turns = Turns(asyncio.get_running_loop(), clock, processor)

    def feed(data: bytes, _place: int) -> int:
        clock.now_s += 1.0
        processor.now_s += 1e-5
        return len(data)

    Inlet(turns, lambda: share, FakeTransport(), feed).put(b"x")
    assert share.used_s == pytest.approx(1e-5)


async def test_a_connection_that_ended_leaves_nothing(turns: Turns, clock: HandClock) -> None:
    """RLY-140: what was read and not parsed is as if lost on its way."""
    transport, got = FakeTransport(), bytearray()
    inlet = Inlet(turns, Share, transport, taking(got))
    inlet.hold()
    inlet.put(b"first")
    inlet.clear()
    inlet.release()
    await asyncio.sleep(0.01)
    assert not got


async def test_work_that_came_of_bytes_is_done_in_pieces_and_before_more_bytes(
    turns: Turns, clock: HandClock
) -> None:
    """RLY-140: a message of many requests holds nobody up, and what its sender said next comes after it."""
    transport, log = FakeTransport(), list[str]()
    longest = 0.0

    def feed(data: bytes, place: int) -> int:
        inlet.add(work(clock, 40, PIECE_S / 2, log, data[place:].decode()))
        return len(data)

    inlet = Inlet(turns, Share, transport, feed)
    inlet.put(b"a")
    inlet.put(b"b")
    assert "b" not in log
    while len(log) < 80:  # passes are what is looked at
        before_s = clock.now_s
        await asyncio.sleep(0)
        longest = max(longest, clock.now_s - before_s)
    assert log == ["a"] * 40 + ["b"] * 40
    assert longest <= QUANTUM_S + 2 * PIECE_S


async def test_a_mistake_in_the_work_ends_its_connection_only(turns: Turns, clock: HandClock) -> None:
    """RLY-140: nothing more of it is carried out, and the mistake is reported."""
    transport, log = FakeTransport(), list[str]()

    def broken() -> Iterator[None]:
        yield
        raise LookupError

    def feed(data: bytes, _place: int) -> int:
        inlet.add(broken())
        inlet.add(work(clock, 1, PIECE_S, log, "after"))
        return len(data)

    inlet = Inlet(turns, Share, transport, feed)
    with pytest.raises(LookupError):
        inlet.put(b"x")
    await asyncio.sleep(0.01)
    assert transport.is_aborted
    assert not log


async def test_a_large_commit_is_answered_in_parts_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-149, RLY-09: others come between; what is committed meanwhile goes behind."""
    answered: list[int | str] = []

    def complete(_core: RelayCore, _then: Then, result: object, _now_ms: int) -> list[Effect]:
        if isinstance(result, int):  # the relay's own are none
            time.sleep(QUANTUM_S / 4)
            answered.append(result)
        return []

    monkeypatch.setattr(RelayCore, "complete", complete)
    async with relay_here(tmp_path) as server:
        for first in (0, 50):
            group = [(lambda *_: None, cast("Result", number)) for number in range(first, first + 50)]
            server._completed(group, 0.0)
            asyncio.get_running_loop().call_soon(answered.append, "other")
        assert len(answered) <= 4
        while 99 not in answered:  # noqa: ASYNC110  # passes are what is looked at
            await asyncio.sleep(0)
        assert answered.index("other") <= 8
        assert [one for one in answered if one != "other"] == list(range(100))
