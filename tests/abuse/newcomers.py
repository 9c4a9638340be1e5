"""Whether newcomers get through to a company beside hosts that take all that they are given.

    python tests/abuse/newcomers.py [--store sqlite|postgresql] [--hosts N] [--only ATTACK] [--seconds N]

A real relay process over each store, behind a proxy that names addresses; a company with a stock of prekeys,
whose owner is there; one host, and twenty, that attack (newcomer_crowd.py). Meanwhile ten newcomers come, one
a second, each from an address of its own. A customer makes a mailbox, proves it, admits a contact, looks the
company up, fetches a bundle and has a first message confirmed; every second one is a company, which publishes
an entry and a hundred prekeys of each kind before that. Who is refused comes again when told to, who is cut
off connects anew. At least nine of ten have to be through within ten seconds. Writes
`reports/newcomers.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from e2ee_relay.protocol import (  # noqa: E402
    Ack,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Frame,
    KnownFrame,
    LookupResult,
    Message,
    PrekeysBundle,
    PrekeysStock,
    Send,
    SendResults,
    TokenAdd,
    TokenClass,
    token_hash,
)
from kept_result import keep  # noqa: E402
from newcomer_crowd import ATTACKS, Target, Visitor  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402
from relay_actors import Company, OtherAnswer, Owner, Peer  # noqa: E402
from relay_process import RelayProcess  # noqa: E402

SQLITE, POSTGRESQL = "sqlite", "postgresql"
STORES: Final = (SQLITE, POSTGRESQL)
HOSTS: Final = (1, 20)
NEWCOMERS: Final = 10
LEAST: Final = 9
PATIENCE_S: Final = 10.0
_AGAIN_S: Final = 0.1
_LATER: Final = (ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.QUOTA)
# A tenth of the places, so that two processes can fill them.
SETTINGS: Final = (
    "client_address=proxy-protocol",
    "trusted_proxies=127.0.0.1",
    "max_connections=2000",
    "max_connections_per_address=100",
)
LIMITS: Final = (
    "Loopback, one machine for relay, database, newcomers and attackers, who get what the others leave of its"
    " processors. A tenth of the default places for connections."
)
Figures = dict[str, Any]


class Newcomer:
    """Comes to a company, and again where it is refused."""

    def __init__(self, port: int, address: str, target: Target, *, publishes: bool) -> None:
        self._port = port
        self._address = address
        self._target = target
        self._owner = Owner()
        self._company = Company(self._owner, time.time_ns() // 1_000_000) if publishes else None
        self.step = "connect"
        self.cut_off = 0

    async def arrive(self) -> float | None:
        """Return the seconds until the first message was confirmed; None: it took too long."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        await self._go_through()
                        return time.monotonic() - begun
                    except (ConnectionError, EOFError, OSError):
                        self.cut_off += 1
                        await asyncio.sleep(_AGAIN_S)
        except TimeoutError:
            return None

    async def _go_through(self) -> None:
        self.step = "connect"
        visitor = await Visitor.of(self._port, self._address)
        try:
            await visitor.upgrade()
            await self._ask_for_all(await Peer(visitor).greet())
        finally:
            visitor.abort()

    async def _ask_for_all(self, peer: Peer) -> None:
        owner, target = self._owner, self._target
        await self._ask(peer, CreateMailbox(peer.next_id(), owner.mailbox, owner.owner_pub), Done)
        self.step = "prove"
        await owner.prove(peer)
        admitting = TokenAdd(peer.next_id(), owner.mailbox, (token_hash(owner.token),), TokenClass.CONTACT)
        await self._ask(peer, admitting, Done)
        if self._company is not None:
            await self._publish(peer, self._company)
        await self._ask(peer, target.lookup(peer.next_id()), LookupResult)
        await self._ask(peer, target.fetch(peer.next_id()), PrekeysBundle)
        flight = target.knock()
        while True:
            answer = await self._ask(peer, Send(peer.next_id(), (flight,)), SendResults)
            result = answer.results[0]
            if result.code is ErrorCode.OK:
                return
            self._judge(result.code, answer)
            await asyncio.sleep(max(_AGAIN_S, result.retry_after_ms / 1000))

    async def _publish(self, peer: Peer, company: Company) -> None:
        if not company.lists:
            company.lists.append(company.make_list([company.record]))
        await self._ask(peer, company.entry(peer, *company.lists), Done)
        hashes = (token_hash(company.front_token),)
        opening = TokenAdd(peer.next_id(), self._owner.mailbox, hashes, TokenClass.FRONT_DOOR)
        await self._ask(peer, opening, Done)
        await self._ask(peer, company.upload(peer, 100, 100), PrekeysStock)

    async def _ask(self, peer: Peer, request: KnownFrame, kind: type[Any]) -> Any:
        self.step = type(request).__name__
        while True:
            answer = await peer.ask(request)
            if isinstance(answer, kind):
                return answer
            code = answer.code if isinstance(answer, ErrorReply) else ErrorCode.OK
            self._judge(code, answer)
            self.step = f"{type(request).__name__}, {code.name}"
            await asyncio.sleep(max(_AGAIN_S, getattr(answer, "retry_after_ms", 0) / 1000))

    @staticmethod
    def _judge(code: ErrorCode, answer: Frame) -> None:
        if code not in _LATER:
            raise OtherAnswer(answer)


async def opened(port: int) -> tuple[Company, Peer]:
    """Return a company with a stock, and the connection of its owner, who is there."""
    visitor = await Visitor.of(port, "10.99.0.1")
    await visitor.upgrade()
    peer, owner = await Peer(visitor).greet(), Owner()
    await owner.set_up(peer)
    company = Company(owner, time.time_ns() // 1_000_000)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 100, 100))
    await owner.subscribe(peer)
    return company, peer


async def read(owner: Owner, peer: Peer) -> None:
    """Acknowledge what comes."""
    while True:
        message = await peer.push(Message)
        await peer.begin(Ack(peer.next_id(), owner.mailbox, (message.seq,)))


async def trial(port: int, attack: str, hosts: int, seconds: float) -> Figures:
    """Return the figures of one attack."""
    company, peer = await opened(port)
    reading = asyncio.create_task(read(company.owner, peer))
    target = Target.of(company)
    words = [str(ROOT / "tests/support/newcomer_crowd.py"), str(port), attack, str(hosts), target.written()]
    pipe = asyncio.subprocess.PIPE
    crowd = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe)
    try:
        await asyncio.sleep(seconds)
        begun = time.monotonic()
        newcomers = [
            Newcomer(port, f"10.88.0.{place + 1}", target, publishes=place % 2 == 1)
            for place in range(NEWCOMERS)
        ]
        tasks = []
        for one in newcomers:
            tasks.append(asyncio.create_task(one.arrive()))
            await asyncio.sleep(1)
        taken = await asyncio.gather(*tasks)
        lasted = seconds + time.monotonic() - begun
    finally:
        done, _ = await crowd.communicate()
        reading.cancel()
        ended = (await asyncio.gather(reading, return_exceptions=True))[0]
        peer.link.abort()  # type: ignore[attr-defined]  # a Visitor
    through = [one for one in taken if one is not None]
    figures: Figures = {
        "through": len(through),
        "of": NEWCOMERS,
        "median s": round(statistics.median(through), 2) if through else None,
        "slowest s": round(max(through), 2) if through else None,
        "stuck at": sorted(
            {one.step for one, seconds in zip(newcomers, taken, strict=True) if seconds is None}
        ),
        "newcomers cut off": sum(one.cut_off for one in newcomers),
        "attackers in a second": {name: round(count / lasted) for name, count in json.loads(done).items()},
    }
    if not isinstance(ended, asyncio.CancelledError):
        figures["the owner lost its connection"] = type(ended).__name__
    return figures


@contextmanager
def store_settings(store: str) -> Iterator[tuple[str, ...]]:
    """Yield the settings of a store, whose server runs meanwhile."""
    if store == SQLITE:
        yield ()
        return
    server = PostgresServer().start()
    try:
        yield (f"store={server.make_database()}",)
    finally:
        server.remove()


def examine(options: argparse.Namespace) -> dict[str, Figures]:
    """Carry out all that was chosen, each with a relay of its own."""
    figures: dict[str, Figures] = {}
    for store in options.store or STORES:
        for hosts in options.hosts or HOSTS:
            for attack in options.only or ATTACKS:
                with ExitStack() as stack:
                    settings = stack.enter_context(store_settings(store))
                    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newcomers-")))
                    relay = stack.enter_context(RelayProcess(folder / "relay", *SETTINGS, *settings))
                    found = asyncio.run(trial(relay.port, attack, hosts, options.seconds))
                    begun = time.monotonic()
                    found["status at the end"] = relay.stop()
                    found["seconds to its end"] = round(time.monotonic() - begun, 1)
                    faults = [line for line in relay.log().splitlines() if "internal_error" in line]
                    found |= {"faults in the log": faults} if faults else {}
                name = f"{attack}, {hosts} host{'s' if hosts > 1 else ''}, {store}"
                figures[name] = found
                print(f"{name}: {found}", flush=True)
    return figures


def beyond(figures: dict[str, Figures]) -> list[str]:
    """Name what does not hold."""
    return [
        f"{name}: {one['through']} of {one['of']}"
        for name, one in figures.items()
        if one["through"] < LEAST or one["status at the end"] or "faults in the log" in one
    ]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Newcomers beside hosts at their limits.")
    parser.add_argument("--store", action="append", choices=STORES)
    parser.add_argument("--hosts", action="append", type=int)
    parser.add_argument("--only", action="append", choices=ATTACKS)
    parser.add_argument("--seconds", type=float, default=5.0, help="of the attack before newcomers come")
    options = parser.parse_args(arguments)
    figures = examine(options)
    faults = beyond(figures)
    keep(
        {
            "name": "newcomers",
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            "command": " ".join(["python tests/abuse/newcomers.py", *arguments]),
            "python": sys.version.split()[0],
            "result": "fail" if faults else "pass",
            "figures": {
                "least of ten within ten seconds": LEAST,
                "fewest": min(one["through"] for one in figures.values()),
                "slowest s": max(one["slowest s"] or PATIENCE_S for one in figures.values()),
                "attacks": figures,
                "what must not be": faults,
            },
            "limits": LIMITS,
        }
    )
    print(*faults, f"{len(faults)} faults", sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
