"""A client as a program to be killed: commands as JSON lines on stdin, what happened as JSON lines on stdout.

`crash_actor.py STORE SALTS [--late-commit] [--clock=FILE]`, the raw key in hex as the first line of stdin. A
typed error of the client is an answer like any other. Each sealing appends a digest of its message key and
its salt to the file SALTS, so that whoever has the envelopes can tell which key sealed which. `--late-commit`
makes the control: what a step wants sent leaves before its rows are on disk. The file of `--clock` says by
how many milliseconds the clock is wrong; it is read at each look.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from e2ee_client import (
    Client,
    MessageReceived,
    MessageState,
    Runtime,
    SealroomError,
    StoreTrouble,
    Unconfirmed,
)
from e2ee_client.engine import Commit, Effect
from e2ee_client.engine.link import LinkState
from e2ee_client.rows import Change
from e2ee_client.runtime.shell import Shell
from e2ee_client.store import INTERACTIVE, StoreOptions

from e2ee.ratchet import chain

_LATE_S = 0.05
_LOOK_S = 0.01
_REST_S = 3.0
_DAY_S = 86_400.0
# Erasures and anchors come often, so that a short conversation is interrupted in many of them.
_OPTIONS = StoreOptions(erase_every=4, anchor_every=3)


def record_salts(path: str) -> None:
    """Append (digest of the message key, salt) before the envelope exists: it outlives a killed process."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    hedged_salt = chain.hedged_salt

    def recorded(message_key: bytes, fresh: bytes, header: bytes, body: bytes) -> bytes:
        salt = hedged_salt(message_key, fresh, header, body)
        digest = hashlib.blake2b(message_key, digest_size=16, person=b"crash run").hexdigest()
        os.write(handle, f"{digest} {salt.hex()}\n".encode())
        return salt

    chain.hedged_salt = recorded


def commit_late() -> None:
    """The control: what a client without STO-09's order would do, in single steps and in groups of them."""
    carry_out, commit = Shell._carry_out, Shell._commit

    async def send_first(self: Shell[Any], effects: list[Effect]) -> None:
        self._group.after = []
        await carry_out(self, [one for one in effects if not isinstance(one, Commit)])
        await carry_out(self, [one for one in effects if isinstance(one, Commit)])

    async def late(self: Shell[Any], changes: tuple[Change, ...]) -> None:
        await send_first(self, self._group.after)
        await asyncio.sleep(_LATE_S)
        await commit(self, changes)

    Shell._carry_out = send_first  # type: ignore[method-assign]  # that is the point of the control
    Shell._commit = late  # type: ignore[method-assign]


class WrongClock:
    """The machine's clock and what it is wrong by."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now_ms(self) -> int:
        """Return the time now, as this client sees it."""
        return time.time_ns() // 1_000_000 + int(self._path.read_text("ascii"))

    async def wait_until(self, deadline_ms: int) -> None:
        """Return when the deadline has come, or the clock was put back."""
        latest_ms = now_ms = self.now_ms()
        while latest_ms <= now_ms < deadline_ms:
            await asyncio.sleep(_LOOK_S)
            latest_ms, now_ms = now_ms, self.now_ms()


class Actor:
    """One account; carries out one command after the other."""

    def __init__(self, path: str, key: bytes, runtime: Runtime) -> None:
        self._path = path
        self._key = key
        self._runtime = runtime
        self._client: Client | None = None
        self._reader: asyncio.Task[None] | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command = json.loads(line)
            try:
                answer = await self._carry_out(command)
            except SealroomError as error:
                answer = {"failed": error.code}
            tell({"done": command["do"], **answer})
        await self._close()

    async def _close(self) -> None:
        """Close the client, one that its disk has stopped included."""
        client, self._client = self._client, None
        reader, self._reader = self._reader, None
        try:
            if client is not None:
                await client.close()
            if reader is not None:
                await reader
        except SealroomError as error:
            tell({"event": "trouble", "code": error.code})

    async def _carry_out(self, command: dict[str, Any]) -> dict[str, Any]:
        match command["do"]:
            case "create" | "restore" | "open":
                await self._close()
                return await self._begin(await self._opened(command))
            case "add":
                await self._running().add_contact(command["card"])
            case "look":
                self._running().contacts()
            case "settle":
                await self._running().wait_settled(timeout_s=10)
            case "rest":
                await self._rest()
            case "send":
                sent = await self._running().contact(bytes.fromhex(command["to"])).send(command["text"])
                return {"id": sent.message_id.hex()}
            case "export":
                saved = await self._running().export(command["passphrase"])
                await asyncio.to_thread(Path(command["backup"]).write_bytes, saved)
            case "history":
                return await self._history(bytes.fromhex(command["with"]))
            case other:
                raise ValueError(f"unknown command {other}")
        return {}

    async def _opened(self, command: dict[str, Any]) -> Client:
        if command["do"] == "open":
            return await Client.open(self._path, key=self._key, runtime=self._runtime)
        if command["do"] == "restore":
            return await Client.restore(
                self._path,
                await asyncio.to_thread(Path(command["backup"]).read_bytes),
                backup_passphrase=command["passphrase"],
                key=self._key,
                runtime=self._runtime,
            )
        return await Client.create(
            self._path,
            key=self._key,
            relay=command["relay"],
            publish=command["publish"],
            front_desk=command["publish"],
            runtime=self._runtime,
        )

    async def _rest(self) -> None:
        """Wait a while until nothing is under way, by the machine's time."""
        client = self._running()
        with suppress(TimeoutError, SealroomError):
            async with asyncio.timeout(_REST_S):
                await client.wait_settled(timeout_s=_DAY_S)
                while not is_at_rest(client):  # noqa: ASYNC110 - it is not told when this is so
                    await asyncio.sleep(_LOOK_S)

    async def _history(self, account_id: bytes) -> dict[str, Any]:
        known = {contact.account_id: contact for contact in self._running().contacts()}
        texts = await known[account_id].history(limit=1_000_000) if account_id in known else []
        return {
            "received": [one.text for one in texts if not one.outgoing],
            "waiting": sum(one.outgoing and one.state is MessageState.QUEUED for one in texts),
        }

    def _running(self) -> Client:
        if self._client is None:
            raise RuntimeError("no client is open")
        return self._client

    async def _begin(self, client: Client) -> dict[str, Any]:
        self._client = client
        self._reader = asyncio.create_task(report(client))
        return {"id": client.account_id.hex(), "card": client.card().to_uri()}


def is_at_rest(client: Client) -> bool:
    """Whether no connection is being made, and nothing was asked that is not answered."""
    links = client._shell.machine._context.links.by_channel.values()
    settled = (LinkState.CLOSED, LinkState.READY)
    return all(one.state in settled and not one.pending and not one.working for one in links)


def runtime(arguments: list[str]) -> Runtime:
    clocks = [word.removeprefix("--clock=") for word in arguments if word.startswith("--clock=")]
    usual = Runtime(store_options=_OPTIONS, kdf_profile=INTERACTIVE)
    return replace(usual, clock=WrongClock(Path(clocks[0]))) if clocks else usual


async def report(client: Client) -> None:
    """Tell every event: a text, or one that is given up, with its id, trouble of the store with its code,
    others by name.
    """
    async for event in client.events():
        match event:
            case MessageReceived():
                tell({"event": "received", "id": event.message_id.hex(), "text": event.text})
            case Unconfirmed():
                tell({"event": "Unconfirmed", "id": event.message_id.hex()})
            case StoreTrouble():
                tell({"event": "trouble", "code": event.code})
            case _:
                tell({"event": type(event).__name__})


def tell(fact: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    key = bytes.fromhex(sys.stdin.readline().strip())
    record_salts(arguments[1])
    if "--late-commit" in arguments:
        commit_late()
    asyncio.run(Actor(arguments[0], key, runtime(arguments)).run())


if __name__ == "__main__":
    main(sys.argv[1:])
