"""The one connection of a page: first its half of the session, then what it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from e2ee_client.runtime.first_of import first_of, raise_faults

from .access import COOKIE, Access
from .codec import MESSAGE_MAX_B, MessageInvalid, OutOfBounds, decode
from .hub import MAX_PAGES, Hub
from .page import Page
from .schema import Enter

UNKNOWN: Final = 4401
TOO_MANY: Final = 4429
INVALID: Final = 4400
FAILED: Final = 1011
_ENTER_S: Final = 10.0
RATE_PER_S: Final = 40.0
BURST: Final = 240.0


class _Refused(Exception):
    """The connection ends with a code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Rate:
    """So many messages at once, and so many a second."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms, self._left, self._at_ms = now_ms, BURST, now_ms()

    def take(self) -> bool:
        """Whether one more may come now."""
        now_ms = self._now_ms()
        self._left = min(BURST, self._left + max(0, now_ms - self._at_ms) * RATE_PER_S / 1000)
        self._at_ms = now_ms
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def link(socket: WebSocket, access: Access, hub: Hub) -> None:
    """Serve a page until it goes; what is no message of the schema ends the connection."""
    cookie = socket.cookies.get(COOKIE, "")
    await socket.accept()
    try:
        if not access.knows_cookie(cookie):
            raise _Refused(UNKNOWN)
        if len(hub.pages) >= MAX_PAGES:
            raise _Refused(TOO_MANY)
        await _enter(socket, access, cookie)
        await _serve(socket, hub)
    except _Refused as refused:
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(refused.code)
    except WebSocketDisconnect:
        pass


async def _enter(socket: WebSocket, access: Access, cookie: str) -> None:
    try:
        async with asyncio.timeout(_ENTER_S):
            first = decode(await _next(socket))
    except (TimeoutError, OutOfBounds):
        raise _Refused(UNKNOWN) from None
    except MessageInvalid:
        raise _Refused(INVALID) from None
    if not isinstance(first, Enter) or not access.holds(cookie, first.key):
        raise _Refused(UNKNOWN)


async def _serve(socket: WebSocket, hub: Hub) -> None:
    async def write(text: str) -> None:
        """Say something to a page that may be gone by now, which its reading half notices."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_text(text)

    page = Page(hub, write)
    tasks = await first_of(page.run(), _read(socket, page, Rate(hub.now_ms)), page.failed.wait())
    if page.failed.is_set():
        raise _Refused(FAILED)
    raise_faults(tasks)


async def _read(socket: WebSocket, page: Page, rate: Rate) -> None:
    while True:
        text = await _next(socket)
        if not rate.take():
            raise _Refused(TOO_MANY)
        try:
            page.take(decode(text))
        except OutOfBounds as beyond:
            page.refuse(beyond.ask)
        except MessageInvalid:
            raise _Refused(INVALID) from None


async def _next(socket: WebSocket) -> str:
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1000))
    text = received.get("text")
    if not isinstance(text, str) or len(text.encode(errors="replace")) > MESSAGE_MAX_B:
        raise _Refused(INVALID)
    return text
