"""A customer of the web client in a process of node: commands in, answers and events out, a line each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import web_packages

PERSON = "person.ts"
SCREEN = "screen.ts"
WAIT_S = 60.0
END_S = 5.0


class PersonFault(Exception):
    """What was asked for was refused; `code` is of the registry, or None for a fault of the program."""

    def __init__(self, code: str | None, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class WebPerson:
    """Answers come in the order of their commands; events are kept."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._last = 0
        self.events: list[dict[str, Any]] = []
        self._seen = 0
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def do(self, what: str, **details: object) -> Any:
        """Ask for something and return the result.

        Raises:
            PersonFault: it was refused.
        """
        self._last += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[self._last] = answer
        line = json.dumps({"id": self._last, "do": what, **details}) + "\n"
        if self._process.stdin is None:
            raise PersonFault(None, "the process has no input")
        self._process.stdin.write(line.encode())
        async with asyncio.timeout(WAIT_S):
            found = await answer
        if "error" in found:
            raise PersonFault(found["code"], found["error"])
        return found["result"]

    async def wait_for(self, **wanted: object) -> dict[str, Any]:
        """Wait until an event has come that has all of this."""
        async with asyncio.timeout(WAIT_S), self._news:
            while not (found := self._found(wanted)):
                await self._news.wait()
            return found[0]

    async def next_event(self) -> None:
        """Wait for the next event, or go on where one has come since the last answer."""
        async with asyncio.timeout(WAIT_S), self._news:
            while len(self.events) == self._seen:
                await self._news.wait()
            self._seen = len(self.events)

    def _found(self, wanted: dict[str, object]) -> list[dict[str, Any]]:
        return [one for one in self.events if all(one.get(key) == value for key, value in wanted.items())]

    async def _read(self) -> None:
        if self._process.stdout is None:
            return
        async for line in self._process.stdout:
            said = json.loads(line)
            if "event" in said:
                async with self._news:
                    self.events.append(said["event"])
                    self._news.notify_all()
            else:
                self._answers.pop(said["id"]).set_result(said)
        for answer in [one for one in self._answers.values() if not one.done()]:
            answer.set_exception(PersonFault(None, "the process has ended"))

    async def end(self) -> None:
        """End the process: by itself, so that what node has compiled is kept, and else by force."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading


@asynccontextmanager
async def web_person(door: Path, script: str = PERSON, *arguments: str) -> AsyncIterator[WebPerson]:
    """A person who has accepted nothing yet, of a company whose door stands in a file."""
    process = await asyncio.create_subprocess_exec(
        str(web_packages.NODE),
        f"packages/client/tests/{script}",
        str(door),
        *arguments,
        cwd=web_packages.WORKSPACE,
        env=web_packages.ENVIRONMENT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    person = WebPerson(process)
    try:
        yield person
    finally:
        await person.end()


async def said(person: WebPerson) -> list[str | None]:
    """The texts of the room in the web client."""
    return [one["text"] for one in await person.do("entries") if one["kind"] == 3]


async def until_said(person: WebPerson, wanted: list[str]) -> None:
    """Wait until the web client has these texts, in this order."""
    while (found := await said(person)) != wanted:
        assert len(found) <= len(wanted), found
        await person.next_event()
