"""One client process of the demonstration: commands as JSON lines on stdin, events as JSON lines on stdout.

It uses the client library as any application would. Only `secrets`, asked for when the client is closed,
looks into
the store's rows: the search has to know what to look for.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from e2ee_client import (
    Client,
    ContactAdded,
    Gap,
    MessageReceived,
    MessageState,
    MessageStateChanged,
    Parted,
    RolledBack,
    SessionProven,
    SessionStarted,
)

from demo.secrets_of_store import secrets_of_store

_STEP_TIMEOUT_S = 30.0


class Actor:
    """Carries out the commands of the director."""

    def __init__(self, path: str, key: bytes) -> None:
        self._path = path
        self._key = key
        self._client: Client | None = None
        self._reader: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Read commands until stdin ends."""
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command = json.loads(line)
            answer = await self._carry_out(command)
            tell({"done": command["do"], **answer})
        await self._close()

    async def _carry_out(self, command: dict[str, Any]) -> dict[str, Any]:
        match command["do"]:
            case "create":
                return await self._begin(
                    await Client.create(
                        self._path,
                        key=self._key,
                        relay=command["relay"],
                        name=command["name"],
                        kind="agent" if command["publish"] else "person",
                        publish=command["publish"],
                        front_desk=command["publish"],
                    )
                )
            case "open":
                return await self._begin(
                    await Client.open(self._path, key=self._key, online=command["online"])
                )
            case "add":
                return {"id": (await self._running().add_contact(command["card"])).view.account_id.hex()}
            case "name":
                await self._running().contact(bytes.fromhex(command["of"])).set_name(command["name"])
                return {}
            case "send":
                message = await self._running().contact(bytes.fromhex(command["to"])).send(command["text"])
                return {"message": message.message_id.hex()}
            case "wait_online":
                await self._running().wait_online(timeout_s=_STEP_TIMEOUT_S)
                return {}
            case "close":
                await self._close()
                return {}
            case "history":
                messages = await self._running().contact(bytes.fromhex(command["with"])).history(limit=10_000)
                return {"received": [one.text for one in messages if not one.outgoing]}
            case "secrets":
                return {"secrets": secrets_of_store(self._path, self._key)}
            case other:
                raise ValueError(f"unknown command {other}")

    def _running(self) -> Client:
        if self._client is None:
            raise RuntimeError("the client is closed")
        return self._client

    async def _begin(self, client: Client) -> dict[str, Any]:
        self._client = client
        self._reader = asyncio.create_task(self._report(client))
        return {"card": client.card().to_uri(), "id": client.account_id.hex()}

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
        if self._reader is not None:
            await self._reader
            self._reader = None

    async def _report(self, client: Client) -> None:
        async for event in client.events():
            match event:
                case MessageReceived():
                    tell({"event": "received", "from": event.account_id.hex(), "text": event.text})
                case MessageStateChanged():
                    tell({"event": "state", "message": event.message_id.hex(), "state": event.state.value})
                    if event.state is MessageState.FAILED:
                        tell({"event": "failed", "code": event.code})
                case ContactAdded():
                    tell({"event": "contact", "from": event.account_id.hex()})
                case SessionStarted():
                    tell({"event": "session", "one_time": event.one_time_x25519 and event.one_time_kem})
                case SessionProven() | Gap() | Parted() | RolledBack():
                    tell({"event": type(event).__name__})
                case _:
                    pass


def tell(fact: dict[str, Any]) -> None:
    """Write a fact for the director."""
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run one actor: `python -m demo.actor STORE`, the raw key as the first line of stdin."""
    key = bytes.fromhex(sys.stdin.readline().strip())
    asyncio.run(Actor(sys.argv[1], key).run())


if __name__ == "__main__":
    main()
