"""A short conversation of real clients through a real relay process, and all that it sees (LKG-01)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sqlite3
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import checkout
from conversations import next_of
from e2ee_client import Client, Contact, ContactAdded, MessageState, Runtime
from e2ee_client.store import INTERACTIVE
from held_port import HeldPort
from recording_proxy import RecordingProxy
from relay_view import Seen, Table, changed_rows, fields_of_figures, tables_of
from seen_fields import Field, fields_of_row, operation_names

from demo.processes import Relay

_WAIT_S = 30.0
_QUIET_S = 0.4
LEFT, LOGGED, FIGURES = "left", "logged", "figures"
_NOBODY = "sealroom_relay_connections 0.0\n"


def paced(size_b: int) -> bytes:
    """Randomness with one and the same pause for everybody: a pause is drawn from four bytes."""
    return b"\0\0\1\0" if size_b == 4 else os.urandom(size_b)


class RealStage:
    """A relay process behind a recording proxy; `leaky` takes the one that tells what it is told."""

    def __init__(self, folder: Path, *, leaky: bool = False) -> None:
        self._held = HeldPort()
        self.relay = Relay(folder / "relay", leaky=leaky, figures_port=self._held.number)
        self.proxy = RecordingProxy(lambda: self.relay.url, operation_names(checkout.ROOT))
        self._tables: dict[str, Table] = {}
        self._rows: list[Seen] = []
        self._clients: tuple[Client, ...] = ()

    async def play(self, names: Mapping[str, str], texts: Mapping[str, str], leak: str = "") -> list[Seen]:
        """Let a customer write and a company answer; return the view."""
        await self.relay.start()
        url = await self.proxy.start()
        try:
            await self._converse(url, names, texts)
            if leak:
                await self.relay.tell(leak)
                await self.proxy.quiet(_QUIET_S)
            figures = fields_of_figures(await self._figures())
        finally:
            await self.proxy.stop()
            await self.relay.stop()
        connections = [seen for one in self.proxy.connections for seen in one.seen()]
        left = [Seen(0, LEFT, 0, [one]) for one in files_left(self.relay.folder)]
        return [*connections, *self._rows, *left, *said(self.relay.folder), Seen(0, FIGURES, 0, figures)]

    async def _figures(self) -> str:
        """Return the figures once the connections of those who have gone are gone as well."""
        async with asyncio.timeout(_WAIT_S):
            while _NOBODY not in (figures := _figures(self._held.number)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return figures

    async def _converse(self, url: str, names: Mapping[str, str], texts: Mapping[str, str]) -> None:
        runtime = Runtime(kdf_profile=INTERACTIVE, rng=paced)
        async with (
            Client.create(None, relay=url, name=names["praxis"], publish=True, runtime=runtime) as shop,
            Client.create(None, relay=url, name=names["kundin"], runtime=runtime) as customer,
        ):
            self._clients = (shop, customer)
            await shop.wait_online(_WAIT_S)
            await self._rest()
            events = shop.events()
            theirs = await customer.add_contact(shop.card())
            await self._rest()
            sent = await theirs.send(texts["hello"])
            await sent.wait_for(MessageState.SENT, timeout_s=_WAIT_S)
            added = await next_of(events, ContactAdded, _WAIT_S)
            await self._rest()
            # Accepted before the answer: else its address and the answer share a batch, or not, by chance.
            ours = shop.contact(added.account_id)
            await ours.accept()
            await self._rest()
            for contact, text in ((ours, "answer"), (theirs, "yes"), (theirs, "again"), (ours, "page")):
                await self._say(contact, texts[text])
            events.close()

    async def _say(self, contact: Contact, text: str) -> None:
        message = await contact.send(text)
        await message.wait_for(MessageState.DELIVERED, timeout_s=_WAIT_S)
        await self._rest()

    async def _rest(self) -> None:
        """Wait until nothing moves, then see what the database holds."""
        for _ in range(2):
            await self.proxy.quiet(_QUIET_S)
            for client in self._clients:
                await client.wait_settled(_WAIT_S)
        path = self.relay.database / "relay.db"
        before = self._tables
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            self._tables = tables_of(db)
        for what, table, row in changed_rows(before, self._tables):
            self._rows.append(Seen(0, what, 0, fields_of_row(table, row)))


def _figures(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def files_left(folder: Path) -> Iterator[Field]:
    """Every file that the relay left, but for its log and output."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in ("relay.log", "relay.out"):
            yield Field(f"file.{name.removeprefix('data/')}", "left")


def said(folder: Path) -> Iterator[Seen]:
    """What it logged and printed, line by line."""
    for line in (folder / "relay.log").read_text("utf-8").splitlines():
        yield Seen(0, LOGGED, 0, list(_logged(line)))
    for line in (folder / "relay.out").read_text("utf-8").splitlines():
        path = "output.ready" if line.startswith("ready ws://") else "output.unreadable"
        yield Seen(0, LOGGED, 0, [Field(path, line)])


def _logged(line: str) -> Iterator[Field]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        yield Field("log.unreadable", line)
        return
    yield from (Field(f"log.{key}", value) for key, value in entry.items())


def as_bytes(view: list[Seen]) -> list[Seen]:
    """The view with WebSocket's keys as the 16 bytes that they are."""
    key = "http.sec-websocket-key"
    return [
        Seen(
            *(seen.at_ms, seen.what, seen.connection),
            [Field(key, base64.b64decode(str(one.value))) if one.path == key else one for one in seen.fields],
        )
        for seen in view
    ]
