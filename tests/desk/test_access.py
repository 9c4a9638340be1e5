"""Who may use the page of a desk: not another site, another name of this machine, another program of it."""

from __future__ import annotations

import itertools
import json
import re
import socket
from contextlib import suppress
from typing import Any, get_args

import httpx
import pytest
from desk_page import Page, connected, exchange, home, page_of, served
from e2ee_client.desk import link, schema
from e2ee_client.desk.access import TOKEN_MS, Access
from e2ee_client.desk.codec import type_name
from e2ee_client.desk.hub import MAX_PAGES
from e2ee_client.desk.link import BURST
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.app_lock import HOUR_MS
from held_port import HeldPort
from practice import Practice
from websockets import Origin
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

FOREIGN_HOSTS = (
    "evil.example",
    "localhost:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "[::1]:{port}",
    "127.0.0.1.:{port}",
)
FOREIGN_ORIGINS = ("https://evil.example", "null", "http://localhost:{port}", "http://127.0.0.1:1", "")


def port_of(origin: str) -> str:
    return origin.rpartition(":")[2]


async def close_code(page: Page) -> int:
    """Return the code with which the connection ends."""
    try:
        while (await page.next())["type"] not in ("whole", "done"):
            pass
        return 0
    except ConnectionClosed as closed:
        return 0 if closed.rcvd is None else closed.rcvd.code


async def test_only_the_one_host_is_served(praxis: Practice) -> None:
    """DNS rebinding: a page of another name that points here."""
    async with served(praxis.company) as (at, _), httpx.AsyncClient() as web:
        assert (await web.get(at.origin)).status_code == 200
        for host in FOREIGN_HOSTS:
            named = host.format(port=port_of(at.origin))
            answer = await web.get(at.origin, headers={"Host": named})
            assert (answer.status_code, answer.text) == (403, "refused\n"), named


async def test_a_port_of_ones_own_has_another_name_at_each_start(praxis: Practice) -> None:
    """What another program left with a browser for an origin of this port is never that of the page."""
    held, origins = HeldPort(), list[str]()
    port = held.number
    for _ in range(2):
        async with served(praxis.company, port=port) as (at, _hub), httpx.AsyncClient() as web:
            host = at.origin.removeprefix("http://")
            assert re.fullmatch(rf"[0-9a-f]{{32}}\.localhost:{port}", host)
            others = ("localhost", "127.0.0.1", f"x.{host.partition(':')[0]}", *origins)
            for address in ("127.0.0.1", "[::1]"):
                there = f"http://{address}:{port}/"
                assert (await web.get(there, headers={"Host": host})).status_code == 200
                for other in others:
                    answer = await web.get(there, headers={"Host": f"{other}:{port}"})
                    assert answer.status_code == 403, other
            token, path = at.address().partition("#")[2], f"http://127.0.0.1:{port}/{port}/session"
            for origin, status in ((f"http://127.0.0.1:{port}", 403), (at.origin, 200)):
                headers = {"Host": host, "Origin": origin}
                answer = await web.post(path, json={"token": token}, headers=headers)
                assert answer.status_code == status
            origins.append(host.partition(":")[0])
    assert origins[0] != origins[1]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_port_that_somebody_listens_at_is_not_used(praxis: Practice, address: str) -> None:
    """A browser asks either address: who listens at one of them would get the token."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.create_server((address, 0), family=family) as taken,
        pytest.raises(ConfigError, match="cannot be used"),
    ):
        async with served(praxis.company, port=taken.getsockname()[1]):
            pass


async def test_another_origin_neither_exchanges_nor_connects(praxis: Practice) -> None:
    async with served(praxis.company) as (at, _), page_of(at) as page:
        for origin in FOREIGN_ORIGINS:
            named = origin.format(port=port_of(at.origin))
            answer = await exchange(at, Origin=named)
            assert answer.status_code == 403, named
            with pytest.raises(InvalidStatus):
                async with connected(at, page.cookie, Origin=named):
                    pass


async def test_methods_and_headers(praxis: Practice) -> None:
    async with served(praxis.company) as (at, _), httpx.AsyncClient() as web:
        for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
            answer = await web.request(method, at.origin, headers={"Origin": "https://evil.example"})
            assert answer.status_code == 403
        file = f"{at.access.path}/file/x"
        for path, status in (("/", 200), ("/a.js", 200), ("/nothing", 404), (file, 401), ("/../x", 404)):
            answer = await web.get(at.origin + path)
            assert answer.status_code == status, path
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "trusted-types 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert not [one for one in answer.headers if one.startswith("access-control") or one == "server"]


async def test_a_token_works_once_and_sets_a_strict_cookie(praxis: Practice) -> None:
    async with served(praxis.company) as (at, _), httpx.AsyncClient() as web:
        token = at.address().partition("#")[2]

        async def post(body: object) -> httpx.Response:
            return await web.post(f"{home(at)}/session", json=body, headers={"Origin": at.origin})

        assert (await post({"token": "0" * 64})).status_code == 401
        for body in ({"token": token, "x": 1}, {"token": 1}, [token], {}, token):
            assert (await post(body)).status_code == 400
        assert (await post({"token": token + " " * 2000})).status_code == 413
        answer = await post({"token": token})
        cookie = answer.headers["set-cookie"].lower()
        assert answer.status_code == 200
        parts = {one.strip() for one in cookie.split(";")}
        assert {"httponly", "samesite=strict", f"path={at.access.path}"} <= parts
        assert (await post({"token": token})).status_code == 401
        assert (await post({"token": ""})).status_code == 401


def test_a_token_ends_after_ten_minutes_and_with_the_next_one() -> None:
    now = itertools.count(0, TOKEN_MS)
    numbers = itertools.count(1)
    access = Access(lambda size: next(numbers).to_bytes(size, "big"), lambda: next(now), "/1")
    assert access.exchange(access.new_token(), "") is None
    still = Access(lambda size: next(numbers).to_bytes(size, "big"), lambda: 0, "/1")
    first = still.new_token()
    second = still.new_token()
    assert still.exchange(first, "") is None
    assert still.exchange(second, "") is not None


async def test_two_desks_of_one_machine_stand_beside_each_other_in_a_browser(praxis: Practice) -> None:
    """A browser keeps one cookie of a name and a path for all ports, and sends it to all."""
    async with (
        served(praxis.company) as (one, _),
        served(praxis.company) as (other, _),
        httpx.AsyncClient() as browser,
    ):
        keys: list[str] = []
        for at in (one, other):
            token = {"token": at.address().partition("#")[2]}
            answer = await browser.post(f"{home(at)}/session", json=token, headers={"Origin": at.origin})
            keys.append(answer.json()["key"])
        for at, key in zip((one, other), keys, strict=True):
            sent = browser.build_request("GET", f"{home(at)}/link").headers["Cookie"]
            assert sent.count("=") == 1
            to = f"ws{home(at)[4:]}/link"
            async with connect(to, origin=Origin(at.origin), additional_headers={"Cookie": sent}) as socket:
                page = Page(socket, "", key)
                await page.say("enter", key=key)
                assert (await page.next())["type"] == "welcome"


async def test_neither_half_of_a_session_is_of_use_alone(praxis: Practice) -> None:
    async with served(praxis.company) as (at, _), page_of(at) as page:
        await page.until("welcome")
        for cookie, key in (("", page.key), ("0" * 64, page.key), (page.cookie, "0" * 64)):
            async with connected(at, cookie) as connection:
                other = Page(connection, cookie, key)
                with suppress(ConnectionClosed):
                    await other.say("enter", key=key)
                assert await close_code(other) == 4401
                assert other.seen == []
        async with connected(at, page.cookie) as connection:
            other = Page(connection, page.cookie, page.key)
            await other.say("begin", ask=1)
            assert await close_code(other) == 4401


GARBAGE: tuple[str | bytes, ...] = (
    "",
    "garbage",
    "[]",
    "1",
    '{"type": "begin"}',
    '{"type": "begin", "ask": 1, "more": 1}',
    '{"type": "begin", "ask": 1, "ask": 1}',
    '{"type": "begin", "ask": 1.0}',
    '{"type": "begin", "ask": true}',
    '{"type": "begin", "ask": "1"}',
    '{"type": "begin", "ask": 0}',
    '{"type": "begin", "ask": ' + "9" * 5000 + "}",
    '{"type": "nothing", "ask": 1}',
    '{"type": ["begin"], "ask": 1}',
    '{"type": "welcome", "version": "1", "language": "de", "isLocked": false}',
    '{"type": "search", "ask": 0, "words": "", "limit": 5}',
    '{"type": "search", "ask": null, "words": "", "limit": 5}',
    '{"type": "search", "words": "", "limit": 5}',
    '{"type": "search", "ask": 1, "words": ["Meier"], "limit": 5}',
    '{"type": "watch", "room": "XX"}',
    "[" * 100_000,
    b"\x00",
    '{"type": "begin", "ask": 1}' + " " * 410_000,
)


async def test_what_is_no_message_ends_the_connection(praxis: Practice) -> None:
    async with served(praxis.company) as (at, _), page_of(at) as first:
        await first.until("welcome")
        for sent in GARBAGE:
            async with connected(at, first.cookie) as connection:
                page = Page(connection, first.cookie, first.key)
                await page.say("enter", key=first.key)
                await page.until("welcome")
                await connection.send(sent)
                with suppress(ConnectionClosed):
                    await page.say("begin", ask=1)
                assert await close_code(page) in (4400, 1009), sent[:60]
        assert (await first.ask("begin"))["type"] == "whole"


NAME = "0" * 32
BEYOND: tuple[tuple[str, dict[str, Any]], ...] = (
    ("search", {"words": "Meier\t4711", "limit": 5}),
    ("search", {"words": "Meier", "limit": 201}),
    ("claim", {"room": "XX"}),
    ("send", {"room": NAME, "text": "\ud800", "reply": None}),
    ("send", {"room": NAME, "text": "x" * 16_385, "reply": None}),
    ("close", {"room": NAME, "reason": "ü" * 101}),
    ("setLabels", {"room": NAME, "labels": ["客" * 20]}),
    ("setLabels", {"room": NAME, "labels": ["x"] * 9}),
    ("saveAnswer", {"answer": {"id": NAME, "shortcut": "x", "title": " ", "text": "x"}}),
)


async def test_what_is_beyond_its_bounds_is_not_done_and_said(praxis: Practice) -> None:
    """What a person types ends no connection, with which all that is being written would go."""
    async with served(praxis.company) as (at, hub), page_of(at) as page:
        for kind, fields in BEYOND:
            answer = await page.ask(kind, **fields)
            assert (answer["type"], answer["code"]) == ("failed", "local.desk_input"), kind
        assert (await page.ask("begin"))["answers"] == []
        hub.lock()
        assert (await page.ask("unlock", passphrase=""))["code"] == "local.desk_input"


async def test_who_has_not_entered_is_answered_nothing(praxis: Practice) -> None:
    async with served(praxis.company) as (at, _), page_of(at) as first, connected(at, first.cookie) as one:
        page = Page(one, first.cookie, first.key)
        await page.say("search", ask=1, words="", limit=5)
        assert await close_code(page) == 4401
        assert page.seen == []


async def test_too_many_messages_and_too_many_pages_are_refused(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is.
    monkeypatch.setattr(link, "RATE_PER_S", 0.0)
    async with served(praxis.company) as (at, _):
        async with page_of(at) as page:
            # One too many and no more: what is sent to a socket that is closed would take the code with it.
            for _ in range(int(BURST) + 1):
                await page.say("used")
            assert await close_code(page) == 4429
        pages: list[Any] = []
        async with page_of(at) as first:
            await first.until("welcome")
            for _ in range(MAX_PAGES - 1):
                connection = await connected(at, first.cookie)
                pages.append(connection)
                await connection.send(json.dumps({"type": "enter", "key": first.key}))
                await connection.recv()
            async with connected(at, first.cookie) as one_more:
                assert await close_code(Page(one_more, first.cookie, first.key)) == 4429
            for one in pages:
                await one.close()


async def test_a_locked_page_shows_and_does_nothing(praxis: Practice) -> None:
    me = await praxis.customer()
    room = await praxis.opened(me)
    await room.send("geheim")
    async with served(praxis.company) as (at, hub), page_of(at) as page, page_of(at) as other:
        await page.ask("begin")
        await other.ask("begin")
        name = room.room_id.hex()
        assert (await page.ask("lock"))["type"] == "done"
        await other.until("locked")
        mark = len(other.seen)
        for kind, fields in EVERYTHING.items():
            answer = await other.ask(
                kind, **{key: name if one == "ROOM" else one for key, one in fields.items()}
            )
            assert (answer["type"], answer["code"]) == ("failed", "app.locked"), kind
        await room.send("noch etwas")
        await other.ask("search", words="noch", limit=5)
        assert {one["type"] for one in other.seen[mark:]} == {"failed"}
        assert hub.is_locked
        assert (await other.ask("unlock", passphrase="x"))["type"] == "done"
        assert (await other.ask("begin"))["type"] == "whole"


HASH = "0" * 64
EVERYTHING: dict[str, dict[str, Any]] = {
    "begin": {},
    "read": {"room": "ROOM", "before": None, "limit": 5, "notes": False},
    "preview": {"rooms": []},
    "about": {"room": "ROOM"},
    "search": {"words": "geheim", "limit": 5},
    "figures": {"days": 1},
    "send": {"room": "ROOM", "text": "x", "reply": None},
    "edit": {"room": "ROOM", "entry": HASH, "text": "x"},
    "erase": {"room": "ROOM", "entries": [HASH]},
    "markSensitive": {"room": "ROOM", "entries": [HASH]},
    "markRead": {"room": "ROOM", "entries": [HASH]},
    "claim": {"room": "ROOM"},
    "transfer": {"room": "ROOM", "team": "*", "device": None, "note": None},
    "add": {"room": "ROOM", "device": "0" * 32},
    "handOver": {"room": "ROOM", "device": "0" * 32, "count": 1, "reason": None},
    "leave": {"room": "ROOM"},
    "close": {"room": "ROOM", "reason": None},
    "reopen": {"room": "ROOM"},
    "setHold": {"room": "ROOM", "on": True, "reason": "x"},
    "setSensitive": {"room": "ROOM", "on": True},
    "setRetention": {"room": "ROOM", "kind": "default", "seconds": 1},
    "decide": {"room": "ROOM", "request": "00", "grant": True},
    "decideObjection": {"room": "ROOM", "text": "x", "close": False},
    "note": {"room": "ROOM", "text": "x"},
    "keepDraft": {"room": "ROOM", "notes": False, "text": "x"},
    "setLabels": {"room": "ROOM", "labels": ["x"]},
    "saveAnswer": {"answer": {"id": "0" * 32, "shortcut": "x", "title": "x", "text": "x"}},
    "dropAnswer": {"id": "0" * 32},
    "hide": {"room": "ROOM", "code": "objection"},
    "fetchFile": {"room": "ROOM", "entry": HASH},
    "sendFile": {"room": "ROOM", "name": "a.txt", "sizeB": 1, "strips": False},
    "cancelFile": {"room": "ROOM", "file": "0" * 32},
}


async def test_a_page_that_nobody_uses_is_locked(praxis: Practice) -> None:
    async with served(praxis.company, idle_ms=HOUR_MS) as (at, _), page_of(at) as page:
        assert (await page.ask("begin"))["type"] == "whole"
        praxis.network.clock.advance(HOUR_MS)  # type: ignore[attr-defined]  # the clock of tests
        await page.until("locked")


async def test_who_unlocks_before_the_lock_was_told_unlocks_no_page_of_before(praxis: Practice) -> None:
    async with served(praxis.company, idle_ms=HOUR_MS) as (at, hub), page_of(at) as page:
        assert (await page.ask("begin"))["locks"] == 0
        praxis.network.clock.advance(HOUR_MS)  # type: ignore[attr-defined]  # the clock of tests
        await hub.unlock("")
        await page.until("locked")
        assert (await page.ask("begin"))["locks"] == 1
        await hub.unlock("")
        assert (await page.ask("begin"))["locks"] == 1


def test_everything_that_is_asked_is_tried_while_locked() -> None:
    asked = {type_name(one) for one in get_args(schema.Asked)}
    assert asked - {"lock", "unlock"} == EVERYTHING.keys()
