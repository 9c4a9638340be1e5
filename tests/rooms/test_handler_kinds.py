"""A handler of the other kind, async or plain, is refused where it is given, before it loses a text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import sync
from e2ee_client.rooms.handlers import awaited, plain
from practice import Practice


async def waits(*_what: object) -> None: ...


def works(*_what: object) -> None: ...


class Waits:
    async def __call__(self, *_what: object) -> None: ...


def givers(desk: Any) -> list[Callable[[Any], object]]:
    return [desk.on_opened, desk.on_message(), desk.on_answer, desk.on_waiting, desk.on_request]


async def test_a_plain_function_is_no_handler_of_a_desk_that_awaits_it(praxis: Practice) -> None:
    """It ran, and failed when it was awaited: its text stayed unread, and it ran at each start again."""
    for give in givers(praxis.company):
        with pytest.raises(ConfigError, match=r"rooms\.sync"):
            give(works)
        give(waits)


def test_an_async_function_is_no_handler_of_a_blocking_desk() -> None:
    """Nothing of it ran, and its text was marked as read."""
    for give in givers(sync.Desk(cast("Any", None))):
        with pytest.raises(ConfigError, match=r"rooms\.Desk"):
            give(waits)


def test_what_wraps_an_async_function_is_one() -> None:
    for handle in (partial(waits, 1), Waits(), Waits().__call__):
        assert awaited(handle) is handle
        with pytest.raises(ConfigError):
            plain(handle)
