"""Events for the application: several iterators, each with a queue of its own, none of which can fill the
memory.

Why bounded, and why the oldest go: waiting for a slow reader would also stop acknowledgements, receipts
and renewals, since all of them pass the same consumer; and whatever an event tells has been committed to
the store before, so that history and message states are complete without it. An iterator that fell behind
is told so by `EventsMissed`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, Self, TypeAlias
from weakref import WeakSet

from e2ee_client.errors import ClientClosed, WaitTimeout
from e2ee_client.events import C, Event

from .own_loop import OwnLoop

MAX_WAITING: Final = 10_000


@dataclass(frozen=True, slots=True)
class EventsMissed:
    """This iterator fell behind: its `count` oldest events were dropped. Read the states anew."""

    count: int


@dataclass(frozen=True, slots=True)
class StoreTrouble:
    """The store refused a change (`code`); what was under way is undone and will be tried again."""

    code: str


ClientEvent: TypeAlias = Event[C] | EventsMissed | StoreTrouble


class EventIterator:
    """Asynchronous iterator over the events from its creation on; ends when the client is closed."""

    def __init__(self, limit: int = MAX_WAITING, own_loop: OwnLoop | None = None) -> None:
        """Not for callers: use `Client.events`."""
        self._own_loop = own_loop or OwnLoop()
        self._waiting: deque[Event | StoreTrouble] = deque()
        self._missed = 0
        self._limit = limit
        self._arrived = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ClientEvent:
        """Return the next event; after the last one, raise what ended the client if that was a failure."""
        self._own_loop.check_process()
        while not self._missed and not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._closed:
                raise StopAsyncIteration
            self._own_loop.check()
            self._arrived.clear()
            await self._arrived.wait()
        if self._missed:
            missed, self._missed = self._missed, 0
            return EventsMissed(missed)
        return self._waiting.popleft()

    async def next(self, timeout_s: float | None = None) -> ClientEvent:
        """Return the next event.

        Raises:
            WaitTimeout: none came in time; nothing is lost.
            ClientClosed: there are no more: the client or this iteration was closed, or is of the process
                that has forked this one.
            ConfigError: another event loop runs here than that of the client.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self.__anext__()
        except TimeoutError:
            raise WaitTimeout("no event in time") from None
        except StopAsyncIteration:
            raise ClientClosed("no event follows") from None

    def close(self) -> None:
        """End the iteration and drop what waits."""
        self._waiting.clear()
        self.end(None)

    def put(self, event: Event | StoreTrouble) -> None:
        """Queue an event; called by `EventLog`."""
        if self._closed:
            return
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(event)
        self._arrived.set()

    def end(self, failure: BaseException | None) -> None:
        """No event follows; called by `EventLog`."""
        if not self._closed:
            self._closed, self._failure = True, failure
            self._arrived.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.close()


class EventLog:
    """Hands events to all iterators; what comes before the first one is kept for it."""

    def __init__(self, limit: int = MAX_WAITING) -> None:
        self._limit = limit
        self._own_loop = OwnLoop()
        self._first: EventIterator | None = EventIterator(limit, self._own_loop)
        self._iterators: WeakSet[EventIterator] = WeakSet([self._first])
        self._ended = False
        self._failure: BaseException | None = None

    def iterate(self) -> EventIterator:
        """Begin an iteration now; an iterator that nobody holds any more is forgotten."""
        iterator, self._first = self._first or EventIterator(self._limit, self._own_loop), None
        if self._ended:
            iterator.end(self._failure)
        self._iterators.add(iterator)
        return iterator

    def put(self, event: Event | StoreTrouble) -> None:
        """Hand out one event."""
        for iterator in list(self._iterators):
            iterator.put(event)

    def end(self, failure: BaseException | None = None) -> None:
        """No event follows."""
        if not self._ended:
            self._ended, self._failure = True, failure
            for iterator in list(self._iterators):
                iterator.end(failure)
