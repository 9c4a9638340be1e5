"""Chaos: three relay nodes on hosts of their own behind a TCP proxy, one PostgreSQL, and all that fails.

Nodes are killed, the database is crashed and restarted, links are cut, wake-ups are dropped, while people
hold their conversations. In the end everything that was answered OK must have arrived, nothing whose
acknowledgement was answered may come again, and no one-time key may have been given twice. Beside them real
clients have clocks that are wrong by up to a year, a clone beside its original, and a backup that is restored
twice. Needs root and network namespaces.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for part in ("tests/support", "client", "server", "."):
    sys.path.insert(0, str(ROOT / part))

import chaos_clients  # noqa: E402 - after the path
import chaos_net  # noqa: E402
import psycopg  # noqa: E402
from chaos_net import ChaosNode, Net, set_link, wait_until_ready  # noqa: E402
from chaos_people import Book, Person, fetch_keys, make_conversations  # noqa: E402
from e2ee_client import SealroomError  # noqa: E402
from e2ee_client.runtime.transport import WebSocketTransport  # noqa: E402
from e2ee_relay.protocol import PrekeysStock  # noqa: E402
from postgres_server import PostgresServer, missing_programs  # noqa: E402
from relay_actors import Company, Owner, Peer, SocketLink  # noqa: E402
from tcp_proxy import TcpProxy  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402

NODES = 3
_DATABASE_PORT = 5432
_SETTLE_S = 120.0
_SETTINGS = ("requests=1000000/1000000", "creations=100000/100000", "creations_global=100000/100000",
             "directory_b=1e9/1e9", "directory_b_global=1e9/1e9", "prekeys_b=1e9/1e9",
             "auths=100000/100000", "fetches=100000/100000", "fetches_per_device=100000/100000",
             "front_door_messages=100000/100000", "mailbox_messages=100000/100000",
             "max_one_time_keys=10000")  # fmt: skip
_FAULTS = ("node killed", "database crashed", "database restarted", "link cut", "wake-ups dropped")


class Chaos:
    """Makes faults until it is told to stop, each mended after a while."""

    def __init__(self, nodes: list[ChaosNode], server: PostgresServer, chance: random.Random) -> None:
        self._nodes = nodes
        self._server = server
        self._chance = chance
        self.faults: Counter[str] = Counter()

    async def run(self, seconds: float) -> None:
        """Begin with one of each kind, then at random."""
        end = time.monotonic() + seconds
        waiting = list(_FAULTS)
        while time.monotonic() < end or waiting:
            kind = waiting.pop(0) if waiting else self._chance.choice(_FAULTS)
            await self._make(kind, self._chance.choice(self._nodes))
            self.faults[kind] += 1
            await asyncio.sleep(self._chance.uniform(0.5, 2.5))

    async def _make(self, kind: str, node: ChaosNode) -> None:
        if kind == "node killed":
            node.kill()
            await asyncio.sleep(self._chance.uniform(0.2, 2.0))
        elif kind == "database crashed":
            await asyncio.to_thread(self._server.restart, "immediate")
        elif kind == "database restarted":
            await asyncio.to_thread(self._server.restart, "fast")
        elif kind == "link cut":
            set_link(node.place, up=False)
            await asyncio.sleep(self._chance.uniform(0.5, 6.0))
            set_link(node.place, up=True)
        else:
            await asyncio.to_thread(self._drop_wake_ups)
        for one in self._nodes:
            one.keep_up()

    def _drop_wake_ups(self) -> None:
        """End the connections that carry words between nodes: what is told until they are back is lost."""
        with psycopg.connect(self._server.url(), autocommit=True) as db:
            for _ in range(5):
                db.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'sealroom-relay words'"
                )
                time.sleep(0.2)


async def make_company(url: str, keys: int) -> Company:
    """Publish a company with so many one-time keys of each kind."""
    async with connect(url, compression=None) as socket:
        peer = await Peer(SocketLink(socket), timeout_s=60).greet()
        company = Company(Owner(), time.time_ns() // 1_000_000)
        await company.owner.set_up(peer)
        await company.publish(peer)
        for _ in range(keys // 200):
            await peer.expect(PrekeysStock, company.upload(peer, 200, 200))
        return company


async def live_clients(url: str, folder: Path, seed: int) -> dict[str, list[str]]:
    """Play the scenes of real clients while everything fails; return what must not be of each."""
    found: dict[str, list[str]] = {}
    for name, scene in chaos_clients.SCENES.items():
        place = folder / name.replace(" ", "-")
        place.mkdir()
        chance = random.Random(seed)
        now_ms = time.time_ns() // 1_000_000
        world = chaos_clients.World(
            WebSocketTransport(), url, place, chance, patience_s=_SETTLE_S, now_ms=now_ms
        )
        flowing = asyncio.create_task(chaos_clients.flow(world))
        try:
            found[name] = await scene(world)
        except SealroomError as error:
            found[name] = [f"the scene came to a halt: {error.code}"]
        finally:
            flowing.cancel()
    return found


async def play(options: argparse.Namespace, hosts: list[str], folder: Path) -> dict[str, object]:
    """Run everything inside the hub; return what is to be kept."""
    server = PostgresServer(f"listen_addresses={chaos_net.HUB}", port=_DATABASE_PORT)
    server.admit(f"{chaos_net.HUB}/24")
    server.start()
    server.make_database()
    store = server.url("relay_0", chaos_net.HUB)
    nodes = [ChaosNode(place, host, store, folder, *_SETTINGS) for place, host in enumerate(hosts)]
    book, over = Book(), asyncio.Event()
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            await asyncio.to_thread(wait_until_ready, folder / f"node{node.place}.log")
        addresses = [chaos_net.address(place) for place in range(NODES)]
        async with TcpProxy([chaos_net.PORT] * NODES, addresses) as proxy:
            chaos = Chaos(nodes, server, random.Random(options.seed))
            clients = asyncio.create_task(live_clients(proxy.url, folder, options.seed))
            await converse(options, proxy.url, book, chaos, over)
            of_clients = await clients
        durable = server_settings(server)
    finally:
        over.set()
        for node in nodes:
            node.kill()
        server.remove()
    findings = book.findings()
    return {
        "findings": findings,
        "clients": of_clients,
        "holds": not any(findings.values())
        and not any(of_clients.values())
        and all(chaos.faults[kind] for kind in _FAULTS),
        "conversations": options.conversations,
        "messages_confirmed": len(book.confirmed),
        "messages_sent": options.conversations * options.messages,
        "delivered_again_before_acknowledgement": sum(book.arrived.values()) - len(book.arrived),
        "bundles": book.bundles,
        "one_time_keys_given": len(book.keys),
        "connections_made_anew": book.reconnects,
        "faults": dict(chaos.faults),
        "database": durable,
    }


async def converse(
    options: argparse.Namespace, url: str, book: Book, chaos: Chaos, over: asyncio.Event
) -> None:
    """Let all people talk and listen under chaos, then until everything confirmed has arrived."""
    conversations = make_conversations(options.conversations, options.messages)
    size = max(1, options.conversations // options.people)
    groups = [conversations[place : place + size] for place in range(0, len(conversations), size)]
    company = await make_company(url, options.keys)
    people = [Person(url, book, group) for group in groups]
    await asyncio.gather(*[person.set_up() for person in people])
    listening = [asyncio.create_task(person.listen(over.is_set)) for person in people]
    fetching = [asyncio.create_task(fetch_keys(url, book, company, over.is_set)) for _ in range(4)]
    pause_s = options.seconds / options.messages / 2
    talking = [asyncio.create_task(person.talk(pause_s)) for person in people]
    await chaos.run(options.seconds)
    async with asyncio.timeout(_SETTLE_S):
        await asyncio.gather(*talking)
    deadline = time.monotonic() + _SETTLE_S
    while book.confirmed - book.arrived.keys() and time.monotonic() < deadline:  # noqa: ASYNC110 - a book
        await asyncio.sleep(0.5)
    # What would come a second time has some more time to come.
    await asyncio.sleep(5.0)
    over.set()
    await asyncio.wait([*listening, *fetching], timeout=_SETTLE_S)
    for task in (*listening, *fetching):
        task.cancel()


def server_settings(server: PostgresServer) -> dict[str, str]:
    """Tell what the database promised."""
    with psycopg.connect(server.url()) as db:
        names = ["server_version", "fsync", "synchronous_commit", "full_page_writes"]
        rows = db.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names])
        return {str(name): str(value) for name, value in rows}


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument("--conversations", type=int)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--people", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--keys", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--hosts", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    defaults = (60, 10, 6, 20.0, 1000) if options.quick else (1000, 12, 40, 90.0, 8000)
    for name, value in zip(("conversations", "messages", "people", "seconds", "keys"), defaults, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main(words: list[str]) -> int:
    options = parse(words)
    if options.hosts is not None:
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            result = asyncio.run(play(options, options.hosts.split(","), Path(folder)))
        print(json.dumps(result))
        return 0
    lacking = missing_programs() or chaos_net.missing()
    if lacking:
        print(f"not run: {lacking}", file=sys.stderr)
        return 2
    begun = datetime.now(UTC)
    with Net(NODES) as net:
        command = [*net.enter(net.hub), sys.executable, __file__, *words, "--seed", str(options.seed)]
        command += ["--hosts", ",".join(net.hosts)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    if done.returncode:
        return done.returncode
    result = json.loads(done.stdout)
    report = {
        "command": " ".join(["python", "tests/chaos/run.py", *words]),
        "date": begun.strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round((datetime.now(UTC) - begun).total_seconds()),
        "seed": options.seed,
        "cores": os.cpu_count(),
        **result,
    }
    target = options.output or ROOT / "reports" / "chaos.json"
    target.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
