"""What an application wants to do with what happens in rooms, and for which texts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Final, TypeAlias, TypeVar

from e2ee_client.errors import ConfigError
from e2ee_client.room_events import RequestAsked

from .company_room import CompanyRoom
from .entry import Entry

READ_CHARACTERS: Final = 1_024
"""Of a text no more is compared with a pattern: what a customer writes must not keep a desk busy."""

OnOpened: TypeAlias = Callable[[CompanyRoom], Awaitable[None]]
OnMessage: TypeAlias = Callable[[CompanyRoom, Entry], Awaitable[None]]
OnWaiting: TypeAlias = Callable[[CompanyRoom, str], Awaitable[None]]
OnRequest: TypeAlias = Callable[[CompanyRoom, RequestAsked], Awaitable[None]]
H = TypeVar("H")


def awaited(handle: H) -> H:
    """Return a handler of a desk that awaits it.

    Raises:
        ConfigError: a plain function, which would have run before its failure is noticed.
    """
    if not _is_async(handle):
        raise ConfigError("a handler of this desk is an async function; plain ones are for rooms.sync")
    return handle


def plain(handle: H) -> H:
    """Return a handler of a desk of `rooms.sync`, which calls it in a thread.

    Raises:
        ConfigError: an async function, of which nothing would ever run.
    """
    if _is_async(handle):
        raise ConfigError("a handler of rooms.sync is a plain function; async ones are for rooms.Desk")
    return handle


def _is_async(handle: object) -> bool:
    return iscoroutinefunction(handle) or iscoroutinefunction(type(handle).__call__)


@dataclass(frozen=True, slots=True)
class MessageHandler:
    """A handler of texts, and what a text has to be for it."""

    handle: OnMessage
    pattern: re.Pattern[str] | None = None
    language: str | None = None

    def fits(self, text: str, language: str) -> bool:
        """Whether a text in a language is for this handler; de is for de-AT, too."""
        is_spoken = self.language is None or self.language in (language, language.partition("-")[0])
        return is_spoken and (self.pattern is None or self.pattern.search(text[:READ_CHARACTERS]) is not None)


@dataclass(slots=True)
class Handlers:
    """All handlers of a desk, in the order in which they were given."""

    opened: list[OnOpened] = field(default_factory=list)
    message: list[MessageHandler] = field(default_factory=list)
    answer: list[OnMessage] = field(default_factory=list)
    waiting: list[OnWaiting] = field(default_factory=list)
    request: list[OnRequest] = field(default_factory=list)

    def on_message(
        self, handle: OnMessage, pattern: str | re.Pattern[str] | None, language: str | None
    ) -> None:
        """Add a handler of texts.

        Raises:
            ConfigError: not a pattern, or no async function.
        """
        try:
            compiled = None if pattern is None else re.compile(pattern)
        except re.error:
            raise ConfigError("the pattern of a handler is a regular expression") from None
        self.message.append(MessageHandler(awaited(handle), compiled, language))

    def of_message(self, text: str, language: str) -> MessageHandler | None:
        """Return the first handler that a text is for."""
        return next((one for one in self.message if one.fits(text, language)), None)
