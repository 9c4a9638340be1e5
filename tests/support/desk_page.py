"""A desk that serves its page, and a page that speaks as a browser's does, without a browser."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from e2ee_client.desk import Hub, Served, serve
from e2ee_client.desk.access import COOKIE
from e2ee_client.rooms import Agent
from e2ee_client.rooms.app_lock import LONGEST_MS, AppLock
from websockets.asyncio.client import ClientConnection, connect


async def no_check(passphrase: str) -> None:
    """Every passphrase is right: a store in memory has none."""


@asynccontextmanager
async def served(
    agent: Agent, *, idle_ms: int = LONGEST_MS, port: int = 0
) -> AsyncIterator[tuple[Served, Hub]]:
    """Serve the page of an agent, unlocked."""
    hub = Hub(agent, idle_ms, "en", "1.2.3")
    hub.app_lock = AppLock(no_check, idle_ms)
    await hub.unlock("")
    async with serve(hub, port) as at:
        yield at, hub


def home(at: Served) -> str:
    """Where what needs the cookie stands."""
    return at.origin + at.access.path


async def exchange(at: Served, **headers: str) -> httpx.Response:
    """Exchange a new token as the page does."""
    token = at.address().partition("#")[2]
    async with httpx.AsyncClient() as web:
        return await web.post(
            f"{home(at)}/session", json={"token": token}, headers={"Origin": at.origin, **headers}
        )


class Page:
    """A page that is connected."""

    def __init__(self, connection: ClientConnection, cookie: str, key: str) -> None:
        self.connection, self.cookie, self.key = connection, cookie, key
        self.seen: list[dict[str, Any]] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    async def say(self, kind: str, /, **fields: object) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def next(self) -> dict[str, Any]:
        """Return the next message; all are kept in `seen`."""
        found: dict[str, Any] = json.loads(await self.connection.recv())
        self.seen.append(found)
        if found["type"] in ("rooms", "whole"):
            self.rows |= {one["id"]: one for one in found["rooms"]}
        return found

    async def until(self, kind: str, /, **fields: object) -> dict[str, Any]:
        """Return the next message that is of a kind and has these values."""
        while True:
            found = await self.next()
            if found["type"] == kind and fields.items() <= found.items():
                return found

    async def ask(self, kind: str, /, **fields: object) -> dict[str, Any]:
        """Ask something, and return the answer."""
        number = next(self._numbers)
        await self.say(kind, ask=number, **fields)
        while True:
            found = await self.next()
            if found.get("ask") == number:
                return found

    async def room(self, wanted: str, /, **fields: object) -> dict[str, Any]:
        """Return the row of a room as soon as it has these values."""
        while not fields.items() <= self.rows.get(wanted, {}).items():
            await self.next()
        return self.rows[wanted]


@asynccontextmanager
async def page_of(at: Served) -> AsyncIterator[Page]:
    """Connect a page that has exchanged its token."""
    answer = await exchange(at)
    cookie, key = answer.cookies[COOKIE], answer.json()["key"]
    async with connected(at, cookie) as connection:
        page = Page(connection, cookie, key)
        await page.say("enter", key=key)
        yield page


def connected(at: Served, cookie: str, **headers: str) -> connect:
    """Connect with a cookie, as a page of the origin does."""
    origin = headers.pop("Origin", at.origin)
    sent = {"Cookie": f"{COOKIE}={cookie}", **headers}
    return connect(f"ws{home(at)[4:]}/link", origin=origin, additional_headers=sent, max_size=None)  # type: ignore[arg-type]  # an Origin is a str
