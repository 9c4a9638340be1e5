"""The desk: its page in a browser of this machine, and the company's service that is always on."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from e2ee_client import Client
from e2ee_client.rooms import Company, Service
from e2ee_client.rooms.service_settings import load_service

from .argument_parts import version
from .failures import DONE, Refused
from .fetching import fetch
from .line_input import input_lines
from .room_addressing import company_of
from .serving import serving
from .session import Session, Work, settle

_MINUTE_MS: Final = 60_000
_LIBRARIES: Final = ("starlette", "uvicorn")


def desk(session: Session) -> Work:
    """Serve the page of an agent on this machine alone until Ctrl-C."""
    if session.options.action == "serve":
        return _serve(session)
    for library in _LIBRARIES:
        if find_spec(library) is None:
            raise Refused("desk.missing")
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            async with serving(session, client, passphrase):
                await _show(session, client, passphrase)
            await settle(client)
        return DONE

    return work()


async def _show(session: Session, client: Client, passphrase: str) -> None:
    # Nothing else of the command line pays for loading a web server.
    from e2ee_client.desk import Hub, serve

    language: Literal["de", "en"] = "de" if session.texts.language == "de" else "en"
    company: Company = company_of(client)
    hub = Hub(company, session.options.lock * _MINUTE_MS, language, version())
    await hub.unlock(passphrase)
    async with serve(hub, session.options.port) as at:
        address = at.address()
        _tell(session, address)
        async with _opened(session, address):
            async for _ in _asked_again():
                _tell(session, at.address())


def _tell(session: Session, address: str) -> None:
    if session.options.json:
        session.terminal.json({"address": address})
        return
    session.terminal.line(address)
    session.remark("desk.at")
    session.remark("desk.shared")


async def _asked_again() -> AsyncIterator[str]:
    """Yield for each line that a person types, and never end."""
    if sys.stdin.isatty():
        async for line in input_lines(0):
            yield line
    await asyncio.Event().wait()


@asynccontextmanager
async def _opened(session: Session, address: str) -> AsyncIterator[None]:
    """Open a browser by a file that only this user reads: an address in a list of processes is for all."""
    if session.options.no_browser or not _has_screen():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="sealroom-desk-") as folder:
        file = Path(folder) / "desk.html"
        _write(file, _page(address))
        if not await asyncio.to_thread(webbrowser.open, file.as_uri()):
            session.remark("desk.no_browser")
        yield


def _write(file: Path, text: str) -> None:
    file.touch(0o600)
    file.write_text(text, "utf-8")


def _page(address: str) -> str:
    there = escape(address, quote=True)
    return f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={there}">'


def _has_screen() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# --- the service ---


def _serve(session: Session) -> Work:
    """Run the company's own desk: it greets, routes, grants, tells by mail and webhooks, until Ctrl-C."""
    settings = session.options.settings
    service = Service() if settings is None else load_service(session.path(settings))
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            await fetch(session, client)
            company = company_of(client)
            async with serving(session, client, passphrase):
                session.remark("desk.serves")
                await company.run(service)
            await settle(client)
        return DONE

    return work()
