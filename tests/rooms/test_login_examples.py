"""The examples of web servers with a login: FastAPI, Flask and Django; and a room inside an application."""

from __future__ import annotations

import asyncio
import importlib
import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

import e2ee_login
import httpx
import pytest
from conversations import until, until_read
from e2ee_client.rooms import Customer, CustomerRoom, ShownNotice
from e2ee_client.rooms.errors import LoginsNotAllowed
from e2ee_client.testing import MemoryNetwork
from practice import Practice, practice

pytestmark = pytest.mark.asyncio
SECRET = "a secret of cookies, for tests alone"


class Site(Protocol):
    """A web site, as a browser uses it. `ask` returns status, text, and whether it may be kept."""

    async def log_in(self) -> None: ...
    async def ask(self, challenge: str, *, is_forged: bool = False) -> tuple[int, str, str]: ...


class OnFastApi:
    """FastAPI, without a socket."""

    def __init__(self, example: ModuleType, key: str, _: Path) -> None:
        app = example.create_app(key, SECRET)
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://localhost")

    async def log_in(self) -> None:
        refused = await self._client.post("/login?user=erika", headers={"Password": "falsch"})
        assert refused.status_code == 403
        assert (await self._client.post("/login?user=erika", headers={"Password": "geheim"})).is_success

    async def ask(self, challenge: str, *, is_forged: bool = False) -> tuple[int, str, str]:
        headers = {} if is_forged else {"X-Seal": "login"}
        answer = await self._client.post("/seal/login", content=challenge, headers=headers)
        return answer.status_code, answer.text, answer.headers.get("Cache-Control", "")


class OnFlask:
    """Flask, without a socket."""

    def __init__(self, example: ModuleType, key: str, _: Path) -> None:
        self._client = example.create_app(key, SECRET).test_client()

    async def log_in(self) -> None:
        for password, status in (("falsch", 403), ("geheim", 204)):
            answer = self._client.post(
                "/login?user=erika", headers={"Password": password}, base_url="https://localhost"
            )
            assert answer.status_code == status

    async def ask(self, challenge: str, *, is_forged: bool = False) -> tuple[int, str, str]:
        headers = {} if is_forged else {"X-Seal": "login"}
        answer = self._client.post(
            "/seal/login", data=challenge, headers=headers, base_url="https://localhost"
        )
        return answer.status_code, answer.text, answer.headers.get("Cache-Control", "")


class OnDjango:
    """Django, without a socket, with a database of its own and its protection against forged requests."""

    def __init__(self, example: ModuleType, key: str, folder: Path) -> None:
        import django
        from django.conf import settings

        settings.SEALROOM_LOGIN_KEY = key
        django.setup()
        self._closing(self._migrate)
        from django.test import Client

        self._client = Client(enforce_csrf_checks=True)

    def _closing(self, work: Callable[[], Any]) -> Any:
        """Do something that uses the database of this thread."""
        from django.db import connections

        try:
            return work()
        finally:
            connections.close_all()

    def _migrate(self) -> None:
        from django.contrib.auth.models import User
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        User.objects.create_user("erika", first_name="Erika", last_name="Muster", password="geheim", id=4711)

    async def log_in(self) -> None:
        def log_in() -> Any:
            return self._client.login(username="erika", password="geheim")

        assert await asyncio.to_thread(self._closing, log_in)

    async def ask(self, challenge: str, *, is_forged: bool = False) -> tuple[int, str, str]:
        token = "x" * 32
        self._client.cookies["csrftoken"] = token
        headers = {} if is_forged else {"X-CSRFToken": token}

        def post() -> Any:
            return self._client.post(
                "/seal/login", challenge, content_type="text/plain", headers=headers, HTTP_HOST="localhost"
            )

        answer = await asyncio.to_thread(self._closing, post)
        return answer.status_code, answer.content.decode(), answer.headers.get("Cache-Control", "")


SITES: dict[str, Callable[[ModuleType, str, Path], Site]] = {
    "login_fastapi": OnFastApi,
    "login_flask": OnFlask,
    "login_django": OnDjango,
}


async def login_key(made: Practice, folder: Path) -> str:
    """The key of the practice's web server."""
    await made.company.allow_logins()
    path = folder / "login.key"

    async def is_written() -> bool:
        try:
            await made.company.write_login_key(path)
        except LoginsNotAllowed:
            return False
        return True

    await until_read(is_written, True)
    await made.company.wait_ready(60)
    await made.publish_door()
    return path.read_text()


async def site(name: str, key: str, folder: Path, monkeypatch: pytest.MonkeyPatch, repo_root: Path) -> Site:
    """The web site of an example."""
    monkeypatch.syspath_prepend(str(repo_root / "examples"))
    (folder / "first.key").write_text(key)
    for variable, value in (
        ("SEALROOM_LOGIN_KEY", str(folder / "first.key")),
        ("SESSION_SECRET", SECRET),
        ("SHOP_DB", str(folder / "shop.db")),
    ):
        monkeypatch.setenv(variable, value)
    return await asyncio.to_thread(lambda: SITES[name](importlib.import_module(name), key, folder))


def at_the_time_of(room: CustomerRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The web server has the clock of the room."""
    clock = SimpleNamespace(time=lambda: room._shell.now_ms / 1000)
    monkeypatch.setattr(e2ee_login, "time", clock)


@pytest.mark.parametrize("name", SITES)
async def test_a_web_site_says_who_its_customer_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo_root: Path
) -> None:
    """CNS-50: to who is logged in, on its own page, for a room of this company; nobody keeps the token."""
    network = MemoryNetwork()
    async with practice(network) as made, practice(network) as other:
        key = await login_key(made, tmp_path)
        room = await made.opened(await made.customer())
        at_the_time_of(room, monkeypatch)
        shop = await site(name, key, tmp_path, monkeypatch, repo_root)
        challenge = await room.login_challenge()
        assert (await shop.ask(challenge))[0] == 401
        await shop.log_in()
        assert (await shop.ask(challenge, is_forged=True))[0] == 403
        assert (await shop.ask("challenge"))[0] == 400
        elsewhere = await other.opened(await other.customer())
        assert (await shop.ask(await elsewhere.login_challenge()))[0] == 400
        status, token, caching = await shop.ask(challenge)
        assert (status, "no-store" in caching) == (200, True)
        await room.identify(token)
        await until(lambda: made.company.rooms() != [])

        async def name_of() -> str | None:
            person = await made.company.room(room.room_id).person()
            return None if person is None else f"{person.subject} {person.name}"

        await until_read(name_of, "4711 Erika Muster")


async def test_a_room_inside_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo_root: Path
) -> None:
    """The first time a person is asked, and who refuses has no room; after a restart nothing is asked."""
    example = runpy.run_path(str(repo_root / "examples/in_app.py"))
    network, shown = MemoryNetwork(), list[str]()
    async with practice(network) as made:
        key = await login_key(made, tmp_path)
        shop = await site("login_flask", key, tmp_path, monkeypatch, repo_root)
        await shop.log_in()

        async def accepts(notice: ShownNotice) -> bool:
            shown.append(notice.text())
            return len(shown) > 1

        async def web(challenge: str) -> str:
            return (await shop.ask(challenge))[1]

        for _ in range(3):
            opening = Customer.open(
                *(tmp_path / "app.db",),
                company="https://praxis.example",
                key=b"k" * 32,
                fetch=made.fetch,
                runtime=network.runtime(),
            )
            async with opening as me:
                if me.has_accepted:
                    at_the_time_of(me.rooms()[0], monkeypatch)
                else:
                    clock = SimpleNamespace(time=lambda: network.clock.now_ms() / 1000)
                    monkeypatch.setattr(e2ee_login, "time", clock)
                room = await example["room_of"](me, accepts, web)
                if room is not None:
                    await until_read(partial(_subject, room), "4711")
        assert len(shown) == 2


async def _subject(room: CustomerRoom) -> str | None:
    person = await room.person()
    return None if person is None else person.subject


async def test_an_in_app_customer_takes_ten_lines(repo_root: Path) -> None:
    source = (repo_root / "examples/in_app.py").read_text()
    body = source.split("/seal/login.")[1].splitlines()[1:]
    assert len([line for line in body if line.strip()]) == 9
