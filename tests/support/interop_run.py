"""One cell of the interop matrix: a customer of some implementation and a company talk over a network that
loses and delays; in the end both have each text once, in one order, and nothing is missing.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from conversations import until
from e2ee_client.rooms import Company
from interop_ends import BrowserEnd, End, Line, PythonEnd, browser_customer, python_customer
from lossy_proxy import Chances, LossyProxy
from playwright.async_api import Browser
from playwright.async_api import Error as ScreenError
from relay_process import RelayProcess
from web_companies import founded

_MOST_AT_ONCE: Final = 8
Customers: TypeAlias = Callable[[Company, str], AbstractAsyncContextManager[PythonEnd | BrowserEnd]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many texts each side writes, from which seed, over what network; how many KEM epochs that takes at
    least, and how long one waits for what does not come.
    """

    texts: int = 200
    seed: int = 1
    chances: Chances = field(default_factory=Chances)
    least_epochs: int = 4
    patience_s: float = 120.0


@dataclass
class Outcome:
    """What a run has shown."""

    figures: dict[str, Any]
    faults: list[str]


def in_python(company: Company, _relay_url: str) -> AbstractAsyncContextManager[PythonEnd | BrowserEnd]:
    """A customer of the Python client."""
    return python_customer(company)


def in_browser(browser: Browser, built: Mapping[str, bytes]) -> Customers:
    """Customers in a browser, with the files of a release."""

    def customer(company: Company, relay_url: str) -> AbstractAsyncContextManager[PythonEnd | BrowserEnd]:
        return browser_customer(browser, built, company, relay_url)

    return customer


async def play(customers: Customers, folder: Path, plan: Plan) -> Outcome:
    """Let the two talk; return figures and what must not be."""
    began = time.monotonic()
    async with (
        _network(folder, plan) as proxy,
        founded(proxy.url) as company,
        customers(company, proxy.url) as customer,
    ):
        talk = Talk(await _company_end(company), customer, plan, proxy.fates.mend)
        try:
            faults = await talk.run()
        finally:
            await talk.company.end()
        epochs = sorted(talk.epochs.values())
        if sum(epochs) < plan.least_epochs:
            faults.append(f"{sum(epochs)} KEM epochs, not {plan.least_epochs}")
        figures = {
            "texts": {name: len(texts) for name, texts in talk.written.items()},
            "network": proxy.figures(),
            "KEM epochs of each session": epochs,
            "the company was told": dict(sorted(talk.company.told.items())),
            "entries": talk.entries,
            "SHA-256 over their hashes in order": talk.digests,
        }
    return Outcome({**figures, "seconds": round(time.monotonic() - began)}, faults)


@asynccontextmanager
async def _network(folder: Path, plan: Plan) -> AsyncIterator[LossyProxy]:
    relay = await asyncio.to_thread(RelayProcess(folder / "relay").start)
    try:
        async with LossyProxy(relay.url, plan.seed, plan.chances) as proxy:
            yield proxy
    finally:
        await asyncio.to_thread(relay.stop)


async def _company_end(company: Company) -> PythonEnd:
    """The company's side, when it has taken the room up."""
    await until(lambda: len(company.rooms()) == 1)
    (room,) = company.rooms()
    end = PythonEnd("company", company, room)
    await room.claim(60)
    return end


class Talk:
    """A conversation in rounds: both write some texts at once, then each waits for the other's."""

    def __init__(self, company: PythonEnd, customer: End, plan: Plan, mend: Callable[[], None]) -> None:
        """`mend` ends a planted fault of the network."""
        self.company, self.customer, self._plan, self._mend = company, customer, plan, mend
        self._random = random.Random(f"{plan.seed} talk")
        self.written: dict[str, list[str]] = {one.name: [] for one in (company, customer)}
        self.epochs: dict[bytes, int] = {}
        self.entries = 0
        self.digests: dict[str, str] = {}

    async def run(self) -> list[str]:
        """Talk to the end; return what must not be."""
        found: list[str] = []
        try:
            async with asyncio.timeout(None) as patience:
                while self._left(self.company) or self._left(self.customer):
                    patience.reschedule(asyncio.get_running_loop().time() + self._plan.patience_s)
                    await self._round()
        except (TimeoutError, ScreenError) as error:
            said = str(error).partition("\n")[0]
            found.append(f"a screen does not show a text: {said}" if said else "a text does not arrive")
            with suppress(TimeoutError, ScreenError):
                await self._say_more()
        return found + await self._end()

    async def _say_more(self) -> None:
        """What comes behind a text that is missing shows it."""
        self._mend()
        for end, other in ((self.company, self.customer), (self.customer, self.company)):
            text = f"{end.name} last"
            self.written[end.name].append(text)
            await end.write(text)
            await other.until_has([text])

    def _left(self, end: End) -> int:
        return self._plan.texts - len(self.written[end.name])

    async def _round(self) -> None:
        sides = (self.company, self.customer)
        fresh = [self._fresh(end) for end in sides]
        await asyncio.gather(*(_write(end, texts) for end, texts in zip(sides, fresh, strict=True)))
        await asyncio.gather(*(end.until_has(texts) for end, texts in zip(sides, fresh[::-1], strict=True)))
        self._note_epochs()

    def _fresh(self, end: End) -> list[str]:
        texts = self.written[end.name]
        count = min(self._left(end), self._random.randint(1, _MOST_AT_ONCE))
        fresh = [f"{end.name} {number:04}" for number in range(len(texts), len(texts) + count)]
        texts += fresh
        return fresh

    def _note_epochs(self) -> None:
        """The newest epoch in use of each session, in the company's own state."""
        for session in self.company.sessions():
            self.epochs[session.id] = max(self.epochs.get(session.id, 0), session.ratchet.pq_epoch)

    # --- the end ---

    async def _end(self) -> list[str]:
        """What both have when all has come, or when nobody waits any longer."""
        ours, theirs = await self._both()
        end = asyncio.get_running_loop().time() + self._plan.patience_s
        while ours != theirs and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.5)
            ours, theirs = await self._both()
        self.entries = len(ours)
        self.digests = {"company": _digest(ours), "customer": _digest(theirs)}
        found = [
            fault
            for lines, of in ((ours, "company"), (theirs, "customer"))
            for fault in self._judged(lines, of)
        ]
        if ours != theirs:
            found.append("the two transcripts differ")
        return found + await self.company.faults() + await self.customer.faults()

    async def _both(self) -> tuple[list[Line], list[Line]]:
        return await self.company.transcript(), await self.customer.transcript()

    def _judged(self, lines: Sequence[Line], of: str) -> list[str]:
        """Each text once, those of a side in the order in which it wrote them."""
        texts = [line.text for line in lines if line.text is not None]
        found = [f"{of}: has twice: {text}" for text, count in Counter(texts).items() if count > 1]
        for name, written in self.written.items():
            found += [f"{of}: lacks: {text}" for text in written if text not in texts]
            of_side = [text for text in texts if text.startswith(name)]
            if not found and of_side != written:
                found.append(f"{of}: texts of the {name} stand in another order")
        return found


async def _write(end: End, texts: Sequence[str]) -> None:
    for text in texts:
        await end.write(text)


def _digest(lines: Sequence[Line]) -> str:
    return hashlib.sha256("".join(line.hash for line in lines).encode()).hexdigest()
