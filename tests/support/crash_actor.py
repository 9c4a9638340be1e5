"""A client as a program to be killed: commands as JSON lines on stdin, what happened as JSON lines on stdout.

`crash_actor.py STORE SALTS [--late-commit]`, the raw key in hex as the first line of stdin. A typed error of
the client is an answer like any other. Each sealing appends a digest of its message key and its salt to the
file SALTS, so that whoever has the envelopes can tell which key sealed which. `--late-commit` makes the
control: what a step wants sent leaves before its rows are on disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from typing import Any

from e2ee_client import Client, MessageReceived, MessageState, Runtime, SealroomError, StoreTrouble
from e2ee_client.engine import Commit, Effect
from e2ee_client.rows import Change
from e2ee_client.runtime.shell import Shell
from e2ee_client.store import StoreOptions

from e2ee.ratchet import chain
from e2ee.secret import MessageKey

_LATE_S = 0.05
# Erasures and anchors come often, so that a short conversation is interrupted in many of them.
_OPTIONS = StoreOptions(erase_every=4, anchor_every=3)


def record_salts(path: str) -> None:
    """Append (digest of the message key, salt) before the envelope exists: it outlives a killed process."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    hedged_salt = chain.hedged_salt

    def recorded(message_key: MessageKey, fresh: bytes, header: bytes, body: bytes) -> bytes:
        salt = hedged_salt(message_key, fresh, header, body)
        digest = hashlib.blake2b(message_key.expose(), digest_size=16, person=b"crash run").hexdigest()
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


class Actor:
    """One account; carries out one command after the other."""

    def __init__(self, path: str, key: bytes) -> None:
        self._path = path
        self._key = key
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
            case "create":
                return await self._begin(await self._create(command))
            case "open":
                await self._close()
                return await self._begin(await Client.open(self._path, key=self._key, runtime=runtime()))
            case "add":
                await self._running().add_contact(command["card"])
            case "look":
                self._running().contacts()
            case "settle":
                await self._running().wait_settled(timeout_s=10)
            case "send":
                await self._running().contact(bytes.fromhex(command["to"])).send(command["text"])
            case "history":
                return await self._history(bytes.fromhex(command["with"]))
            case other:
                raise ValueError(f"unknown command {other}")
        return {}

    async def _create(self, command: dict[str, Any]) -> Client:
        return await Client.create(
            self._path,
            key=self._key,
            relay=command["relay"],
            publish=command["publish"],
            front_desk=command["publish"],
            runtime=runtime(),
        )

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


def runtime() -> Runtime:
    return Runtime(store_options=_OPTIONS)


async def report(client: Client) -> None:
    """Tell every event: a text with its id, trouble of the store with its code, others by name."""
    async for event in client.events():
        match event:
            case MessageReceived():
                tell({"event": "received", "id": event.message_id.hex(), "text": event.text})
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
    asyncio.run(Actor(arguments[0], key).run())


if __name__ == "__main__":
    main(sys.argv[1:])
