"""A company's process with many sessions in its memory, driven over a pipe.

A process of its own, because 10 000 sessions change what the garbage collector, the allocator and the caches
do for everything else in it: "alone" has to be measured where they are not.
"""

from __future__ import annotations

import multiprocessing
import os
import tracemalloc
from enum import Enum
from multiprocessing.connection import Connection
from time import process_time
from types import TracebackType
from typing import Final, Self

from parties import NOW_MS, Party, unpinned

from bench import scenes
from e2ee import session
from e2ee.identity import DeviceKind
from e2ee.ids import SessionId
from e2ee.primitives import kem
from e2ee.session import Session
from e2ee.wire.envelope import decode

_TEXT = "x" * 1024


class Pattern(Enum):
    """Whom the next message of a block is for."""

    ONE = "one session over and over"
    ALL = "every session in turn"


class Sessions:
    """Sessions by their id, as an engine holds them."""

    def __init__(self, count: int) -> None:
        self.states: dict[SessionId, Session] = {}
        customer, company = Party.make("customer"), Party.make("company", DeviceKind.AGENT)
        bundle = company.verified(opk=False)
        for _ in range(count):
            started = session.initiate(
                customer.device, customer.device_list, bundle, 1, NOW_MS, os.urandom, kem.encapsulate
            )
            raw = decode(
                session.seal(started, customer.text("Hello"), NOW_MS, os.urandom, kem.encapsulate).envelope
            )
            state = session.respond(raw, company.responder_keys(raw), unpinned, NOW_MS).opened.session
            self.states[state.id], _ = session.seal(
                state, scenes.text("Welcome"), NOW_MS, os.urandom, kem.encapsulate
            )
        self._order = list(self.states)
        self._texts = [scenes.text(_TEXT) for _ in range(50)]

    def seal(self, pattern: Pattern, count: int) -> None:
        """Seal `count` texts and keep each new state."""
        states, order, texts = self.states, self._order, self._texts
        step = 1 if pattern is Pattern.ALL else 0
        at = 0
        for number in range(count):
            one = order[at]
            states[one], _ = session.seal(
                states[one], texts[number % 50], NOW_MS, os.urandom, kem.encapsulate
            )
            at = (at + step) % len(order)


def memory_per_session_b(count: int) -> int:
    """Return the bytes that Python holds for each further session."""
    Sessions(1)
    tracemalloc.start()
    before_b, _ = tracemalloc.get_traced_memory()
    sessions = Sessions(count)
    after_b, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round((after_b - before_b) / len(sessions.states))


def _serve(orders: Connection, count: int) -> None:
    sessions = Sessions(count)
    orders.send(0.0)
    while (order := orders.recv()) is not None:
        start_s = process_time()
        sessions.seal(*order)
        orders.send(process_time() - start_s)


class ProcessorTime:
    """A clock that shows how long the companies have worked, as they report it."""

    def __init__(self) -> None:
        self._worked_s = 0.0

    def __call__(self) -> float:
        """Return seconds of processor time in blocks so far."""
        return self._worked_s

    def add(self, worked_s: float) -> None:
        """Count a block."""
        self._worked_s += worked_s


processor_time: Final = ProcessorTime()


class Company:
    """The process, from `with` to its end."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, count), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def wait_ready(self) -> None:
        """Wait until its sessions are made, or a block is done."""
        processor_time.add(self._orders.recv())

    def seal(self, pattern: Pattern, count: int) -> None:
        """Have a block of texts sealed and wait for its end."""
        self._orders.send((pattern, count))
        self.wait_ready()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._orders.send(None)
        self._process.join()
