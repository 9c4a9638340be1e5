"""What clients without an event loop are made of: each method is made from the asynchronous one.

It takes its arguments, documentation and errors, and hands its result through `convert`, so that no
asynchronous handle gets out. All clients share one background thread with an event loop, which ends with the
last of them.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from .errors import ClientClosed
from .opening import Closable, Opening
from .runtime.background import BACKGROUND, check_outside

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
C = TypeVar("C", bound=Closable)
C_co = TypeVar("C_co", bound=Closable, covariant=True)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Handle(Generic[A_co]):
    """What stands for an asynchronous object; two that stand for the same one are equal."""

    def __init__(self, inner: A_co) -> None:
        """Not for callers."""
        self._inner = inner

    @property
    def inner(self) -> A_co:
        """The asynchronous object: not for callers."""
        return self._inner

    def __eq__(self, other: object) -> bool:
        return self._inner == other._inner if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)


class Held:
    """A share in the background thread, given back once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process_id = os.getpid()
        self._is_held = True

    def check(self) -> None:
        """Refuse to wait in an event loop for an end that is still to come.

        Raises:
            ConfigError: one runs in this thread.
        """
        if self._is_held and os.getpid() == self._process_id:
            check_outside()

    def end(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Close what needs the thread, then let the thread go; nothing the second time, and nothing in a
        forked child, where it is not held (STO-58).
        """
        if os.getpid() != self._process_id:
            return
        with self._lock:
            self.check()
            if not self._is_held:
                return
            self._is_held = False
        try:
            BACKGROUND.run(close())
        finally:
            BACKGROUND.release()


class Closing(Handle[C_co]):
    """A handle that `with` closes at its end."""

    def close(self) -> None:
        """Close what the handle stands for."""
        BACKGROUND.run(self.inner.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Holder(Closing[C_co]):
    """A handle that holds the background thread until it is closed."""

    def __init__(self, inner: C_co, held: Held | None = None) -> None:
        """Not for callers: use the functions that open."""
        super().__init__(inner)
        self._held = held or Held()

    def close(self) -> None:
        """Go offline and close the store; iterations over events end. Closing twice is allowed."""
        self._held.end(self.inner.close)


class Read(Generic[T]):
    """An attribute of the asynchronous object; with `ask`, one that is read in the thread."""

    def __init__(self, name: str, *, ask: bool = False) -> None:
        self._name, self._ask = name, ask

    @overload
    def __get__(self, handle: None, owner: type) -> Self: ...
    @overload
    def __get__(self, handle: Handle[Any], owner: type) -> T: ...
    def __get__(self, handle: Handle[Any] | None, owner: type) -> Self | T:
        if handle is None:
            return self
        read: Callable[[], T] = functools.partial(getattr, handle.inner, self._name)
        return BACKGROUND.ask(read) if self._ask else read()


def same(result: T) -> T:
    """Hand out a result as it is: it holds no asynchronous handle."""
    return result


def waiting(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]], convert: Callable[[T], R]
) -> Callable[Concatenate[Handle[A], P], R]:
    """Return a method that runs a coroutine in the thread, and waits for it."""

    @functools.wraps(method)
    def call(self: Handle[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return convert(BACKGROUND.run(method(self.inner, *args, **kwargs)))

    return call


def asking(
    method: Callable[Concatenate[A, P], T], convert: Callable[[T], R]
) -> Callable[Concatenate[Handle[A], P], R]:
    """Return a method that calls a function in the thread, between two steps of the client."""

    @functools.wraps(method)
    def call(self: Handle[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return convert(BACKGROUND.ask(lambda: method(self.inner, *args, **kwargs)))

    return call


def iterating(
    method: Callable[Concatenate[A, P], AsyncIterator[T]], convert: Callable[[T], R], *, ends: bool = False
) -> Callable[Concatenate[Handle[A], P], Iterator[R]]:
    """Return a method that iterates, each step in the thread; with `ends`, closing the client ends it."""

    @functools.wraps(method)
    def call(self: Handle[A], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        inner = method(self.inner, *args, **kwargs)

        async def step() -> tuple[T] | None:
            try:
                return (await anext(inner),)
            except StopAsyncIteration:
                return None

        try:
            while (found := BACKGROUND.run(step())) is not None:
                yield convert(found[0])
        except ClientClosed:
            if not ends:
                raise

    return call


def starting(method: Callable[P, Opening[C]], convert: Callable[[C], R]) -> Callable[P, R]:
    """Return a function that opens a client, which holds the thread until it is closed."""

    @functools.wraps(method)
    def start(*args: P.args, **kwargs: P.kwargs) -> R:
        async def work() -> C:
            return await method(*args, **kwargs)

        BACKGROUND.hold()
        try:
            return convert(BACKGROUND.run(work()))
        except BaseException:
            BACKGROUND.release()
            raise

    return start
