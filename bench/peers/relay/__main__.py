"""`python -m bench.peers.relay`: the same job on each server, in turns; a table, JSON and a picture.

The job: 200 clients send 1 KiB to one another; each message is taken in, confirmed, delivered, acknowledged
and deleted. The generator is that of `sealroom-relay bench`, with another link for each protocol. Each server
runs alone; the rounds take turns over all servers, and the best round of each counts, so that what else runs
on the machine hits all alike.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from e2ee_relay.bench.command import machine
from e2ee_relay.bench.load import Load, Plan
from e2ee_relay.bench.runs import Bench, Setting, allow_descriptors, closed, drive, open_all
from e2ee_relay.bench.target import fill, usage

from bench.peers.relay import report, servers
from bench.peers.relay.mqtt import MqttLink
from bench.peers.relay.nats import NatsLink
from bench.peers.relay.servers import NotInstalled, Server
from bench.peers.relay.xmpp import XmppLink

RESULTS: Final = Path(__file__).resolve().parents[2] / "results"
_ONE_COMMIT: Final = ("-m", "bench.peers.relay.one_commit")
_SETTLE_S: Final = 1.5
_BACKLOG_MAILBOXES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """One server under one setting."""

    name: str
    durable: str  # what is on disk when it confirms
    peer: str = ""  # its program; empty: our relay
    start: Callable[..., Server] | None = None
    options: tuple[tuple[str, bool], ...] = ()
    program: tuple[str, ...] = ("-m", "e2ee_relay")
    has_backlog: bool = False
    idle_most: int = 0


ROWS: Final = (
    Row("relay", "message (fsync), or its acknowledgement", idle_most=100_000),
    Row("relay, one commit a message", "message (fsync)", program=_ONE_COMMIT),
    Row("relay, backlog resident", "message (fsync), or its acknowledgement", has_backlog=True),
    Row(
        "mosquitto, QoS 1, persistent session",
        "nothing: a snapshot each 30 min",
        "mosquitto",
        servers.mosquitto,
        idle_most=100_000,
    ),
    Row("NATS JetStream, default", "file write, fsync each 2 min", "nats", servers.nats, idle_most=100_000),
    Row("NATS JetStream, sync always", "message (fsync)", "nats", servers.nats, (("always", True),)),
    Row(
        "Prosody, archive and stream management",
        "file append, no fsync",
        "prosody",
        servers.prosody,
        idle_most=500,
    ),
)


def link_of(row: Row, load: Load, place: int, port: int, *, idle: bool) -> MqttLink | NatsLink | XmppLink:
    """Return a link to a peer. An idle client of JetStream only listens: a consumer each would cost more."""
    if row.peer == "mosquitto":
        return MqttLink(load, place, port)
    if row.peer == "nats":
        return NatsLink(load, place, port, consumes=not idle)
    return XmppLink(load, place, port)


async def peer_run(row: Row, plan: Plan, idle: int) -> dict[str, Any]:
    """Start the peer and carry the plan out; with `idle`, measure that many idle connections instead."""
    if row.start is None:
        raise ValueError("our own relay is started by the bench")
    with tempfile.TemporaryDirectory(prefix="sealroom-peer-") as folder:
        clients = idle or plan.clients
        server = row.start(Path(folder), clients, **dict(row.options))
        try:
            load = Load(replace(plan, clients=clients))
            if row.peer == "nats":
                first = NatsLink(load, clients, server.port, consumes=False)
                await first.open()
                await first.make_stream()
                await closed([first])
            links = [link_of(row, load, place, server.port, idle=bool(idle)) for place in range(clients)]
            before = usage(server.pid).rss_b or 0
            await open_all([link.open() for link in links])
            if not idle:
                return await drive(load, links, server.pid)
            await asyncio.sleep(_SETTLE_S)
            per_connection = ((usage(server.pid).rss_b or 0) - before) // idle
            lost = sum(link.lost.is_set() for link in links)
            await closed(links)
            return {
                "bytes_per_idle_connection": per_connection,
                "idle_connections": idle,
                "idle_connections_lost": lost,
            }
        finally:
            server.stop()


async def relay_run(row: Row, plan: Plan, idle: int, backlog: Path) -> dict[str, Any]:
    """The same with our relay."""
    setting = Setting(plan, idle=idle, template=backlog if row.has_backlog else None)
    figures = await Bench(setting, row.program).measure([] if idle else [plan])
    return figures if idle else dict(figures["runs"][0])


async def one(row: Row, plan: Plan, backlog: Path, idle: int = 0) -> dict[str, Any]:
    """Carry out one plan on one row's server."""
    if row.peer:
        servers.program(row.peer)
        return await peer_run(row, plan, idle)
    return await relay_run(row, plan, idle, backlog)


async def measure(options: argparse.Namespace, backlog: Path) -> list[dict[str, Any]]:
    """All rows in turns; a peer that is not installed is said and left out."""
    closed_loop = Plan(
        options.clients, options.in_flight, 0.0, options.size, 0.0, options.warm_up, options.seconds
    )
    rows: list[dict[str, Any]] = []
    chosen: list[Row] = []
    for row in ROWS:
        try:
            said = servers.version(row.peer) if row.peer and servers.program(row.peer) else ""
        except NotInstalled as reason:
            sys.stdout.write(f"left out: {row.name}: {reason}\n")
            continue
        chosen.append(row)
        rows.append(
            {
                "name": row.name,
                "durable": row.durable,
                "version": said,
                "closed": [],
                "half": None,
                "idle": None,
            }
        )
    for number in range(options.rounds):
        for row, result in zip(chosen, rows, strict=True):
            figures = await one(row, closed_loop, backlog)
            result["closed"].append(figures)
            sys.stdout.write(f"round {number + 1}: {row.name}: {figures['messages_per_s']:.0f} msg/s\n")
            sys.stdout.flush()
    for row, result in zip(chosen, rows, strict=True):
        best = max(run["messages_per_s"] for run in result["closed"])
        result["half"] = await one(row, replace(closed_loop, rate_per_s=max(best / 2, 10)), backlog)
        idle = min(options.idle, row.idle_most)
        if idle:
            result["idle"] = await one(row, closed_loop, backlog, idle)
        sys.stdout.write(f"{row.name}: p99 {result['half']['deliver_ms']['p99']} ms at half load\n")
        sys.stdout.flush()
    return rows


def main() -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--clients", type=int, default=200)
    add("--in-flight", type=int, default=4, help="unfinished messages of each client")
    add("--size", type=int, default=1024)
    add("--warm-up", type=float, default=1.5)
    add("--seconds", type=float, default=5.0)
    add("--rounds", type=int, default=3, help="closed loops of each server, in turns")
    add("--backlog", type=int, default=500_000, help="messages resident in the row with a backlog")
    add("--idle", type=int, default=5_000, help="idle connections; 0: none")
    add("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    allow_descriptors(options.idle + 2 * options.clients)
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with tempfile.TemporaryDirectory(prefix="sealroom-backlog-") as folder:
        fill(Path(folder), options.backlog, _BACKLOG_MAILBOXES, options.size)
        rows = asyncio.run(measure(options, Path(folder)))
    settings = {name: value for name, value in vars(options).items() if name != "out"}
    document = {
        "begun": begun,
        "machine": machine(),
        "fsync_ms": report.fsync_ms(),
        "settings": settings,
        "rows": rows,
    }
    report.write(document, options.out)
    sys.stdout.write(report.table(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
