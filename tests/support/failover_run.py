"""A primary PostgreSQL is killed under load and its standby promoted; relay nodes go on by themselves."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from kill_run import PACE, SETTINGS
from load_crowd import Crowd
from load_ledger import Ledger
from load_people import Reader, Sender, Shop, Stage
from postgres_server import PostgresServer
from relay_process import RelayProcess

_DATABASE: Final = "relay_failover"
_ATTACHED_S: Final = 60.0
_SERVED_S: Final = 60.0


class ReplicatedServer(PostgresServer):
    """One of a pair; either may be the primary."""

    def __init__(self) -> None:
        super().__init__("max_wal_size=256MB", "shared_buffers=64MB")

    def follow(self, primary: PostgresServer) -> None:
        """Become a standby of `primary` with a fresh copy of it, and start."""
        shutil.rmtree(self.data)
        source = ["--host", str(primary.directory), "--port", "5432", "--username", "sealroom"]
        self._run("pg_basebackup", "--pgdata", str(self.data), *source, "--write-recovery-conf", "-c", "fast")
        # Nobody follows this one: promoted, it must not wait for anybody.
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write("synchronous_standby_names = ''\n")
        self.start()

    def promote(self) -> None:
        """Make a primary of it."""
        self._run("pg_ctl", "promote", "-D", str(self.data), "-w")

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server."""
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            db.execute("SELECT pg_reload_conf()")

    def has_standby(self, how: str) -> bool:
        """Tell whether a standby follows: `sync`, `quorum` or `async`."""
        with psycopg.connect(self.url(), autocommit=True) as db:
            rows = db.execute("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
            return how in {str(row[0]) for row in rows.fetchall()}

    def kill(self) -> None:
        """End every process of it by SIGKILL, as if its machine was gone."""
        if self._process is None:
            return
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text("utf-8").split()
        for one in (number, *map(int, children)):
            with suppress(ProcessLookupError):  # gone by itself, since the one before is
                os.kill(one, signal.SIGKILL)
        self._process.wait()
        self._process = None


@dataclass
class Failover:
    """Some failovers under load; `synchronous` False lets the standby fall behind, for the control."""

    folder: Path
    rounds: int
    synchronous: bool = True
    seed: int = 1
    ledger: Ledger = field(default_factory=Ledger)
    promoted_s: list[float] = field(default_factory=list)
    away_s: list[float] = field(default_factory=list)
    open_at_kill: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.servers = [ReplicatedServer(), ReplicatedServer()]
        hosts = ",".join(str(one.directory) for one in self.servers)
        address = f"postgresql://sealroom@/{_DATABASE}?host={hosts}&port=5432,5432"
        store = f"store={address}&target_session_attrs=read-write"
        self.nodes = [RelayProcess(self.folder / f"node-{number}", *SETTINGS, store) for number in (1, 2)]
        turns = itertools.cycle(self.nodes)
        self.stage = Stage(lambda: next(turns).url, self.ledger, random.Random(self.seed))

    async def run(self, *, patience_s: float = 60.0) -> None:
        """Fail over again and again under load, then let everything be read."""
        try:
            await asyncio.to_thread(self._begin)
            await self._rounds(patience_s)
        finally:
            for node in self.nodes:
                await asyncio.to_thread(node.stop)
            for server in self.servers:
                server.kill()
                server.remove()

    def _begin(self) -> None:
        primary, standby = self.servers
        primary.start()
        with psycopg.connect(primary.url(), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {_DATABASE}".encode())
        self._attach(primary, standby)
        for node in self.nodes:
            node.start()

    def _attach(self, primary: ReplicatedServer, standby: ReplicatedServer) -> None:
        standby.follow(primary)
        if self.synchronous:
            primary.set("synchronous_standby_names", "*")
        deadline = time.monotonic() + _ATTACHED_S
        while not primary.has_standby("sync" if self.synchronous else "async"):
            if time.monotonic() > deadline:
                raise TimeoutError("the standby does not follow")
            time.sleep(0.1)

    async def _rounds(self, patience_s: float) -> None:
        readers = [Reader(self.stage) for _ in range(12)]
        readers += [Reader(self.stage, (2.0, 2.0)) for _ in range(6)]
        senders = [Sender(self.stage, readers, PACE) for _ in range(6)]
        shops = [Shop(self.stage, time.time_ns() // 1_000_000, 0.1) for _ in range(3)]
        crowd = Crowd(self.stage, readers, senders, shops)
        try:
            await crowd.begin()
            for number in range(self.rounds):
                if number:
                    await asyncio.to_thread(self._attach, *self.servers)
                await crowd.go_on(self.stage.random.uniform(2.0, 4.0))
                if not self.synchronous:
                    await asyncio.to_thread(self.servers[1].set, "primary_conninfo", "")
                    await crowd.go_on(2.0)
                self.open_at_kill.append(sum(one.open_count for one in senders))
                await self._fail_over(crowd)
            await crowd.go_on(2.0)
            await crowd.finish(patience_s=patience_s)
        finally:
            await crowd.abandon()

    async def _fail_over(self, crowd: Crowd) -> None:
        primary, standby = self.servers
        await asyncio.to_thread(primary.kill)
        began, known = time.monotonic(), self.ledger.counts["confirmed"]
        await asyncio.to_thread(standby.promote)
        self.promoted_s.append(time.monotonic() - began)
        self.servers = [standby, primary]
        while self.ledger.counts["confirmed"] <= known:
            if time.monotonic() - began > _SERVED_S:
                raise TimeoutError("no node has found the new primary")
            await crowd.go_on(0.05)
        self.away_s.append(time.monotonic() - began)

    def figures(self) -> dict[str, Any]:
        """What the run has shown."""
        counts = self.ledger.counts
        return {
            "failovers": len(self.away_s),
            "ledger": dict(counts),
            "lost": counts["lost"],
            "double": sum("double" in fault for fault in self.ledger.faults),
            "one-time prekeys handed out twice": sum(count > 1 for count in self.ledger.one_time.values()),
            "what must not be": self.ledger.faults[:20],
            "messages without an answer at a kill": {
                "least": min(self.open_at_kill, default=0),
                "most": max(self.open_at_kill, default=0),
            },
            "longest promotion, seconds": round(max(self.promoted_s, default=0), 2),
            "longest until a message was confirmed again, seconds": round(max(self.away_s, default=0), 2),
            "answers": dict(self.stage.results),
        }
