"""One run against one relay: links opened, load driven, figures gathered."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from e2ee_relay.machine import allow_open_files

from .link import RefusedByRelay, RelayLink, Run
from .load import Link, Load, Measured, Plan
from .target import Target, Usage, fill, usage

_SPARE_DESCRIPTORS: Final = 256
_OPEN_AT_ONCE: Final = 50
_SETTLE_S: Final = 1.0
_PERCENTILES: Final = (50, 99)


@dataclass(frozen=True, slots=True)
class Setting:
    """What stands around the load."""

    plan: Plan
    idle: int = 0  # further clients that are subscribed and do nothing
    backlog: int = 0  # messages that are resident before the start; an own relay only
    backlog_mailboxes: int = 100_000
    template: Path | None = None  # a data directory to begin with a copy of, in place of `backlog`
    url: str = ""  # a relay that runs already, with its limits; else one is started
    secret: bytes | None = None
    data_dir: Path | None = None  # where the own relay's database goes: the disk that is to be measured


def allow_descriptors(wanted: int) -> None:
    """Raise the limit of open files as far as this user may.

    Raises:
        OSError: the hard limit is too low for `wanted` connections.
    """
    needed = wanted + _SPARE_DESCRIPTORS
    allowed = allow_open_files(needed)
    if allowed < needed:
        raise OSError(f"{needed} open files are needed, the limit of this user is {allowed}")


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float | None]:
    """Return p50 and p99 in milliseconds; None without a sample."""
    ordered = sorted(seconds)
    return {
        f"p{one}": round(ordered[min(len(ordered) - 1, len(ordered) * one // 100)] * 1000, 3)
        if ordered
        else None
        for one in _PERCENTILES
    }


def summary(plan: Plan, measured: Measured, before: Usage, after: Usage) -> dict[str, Any]:
    """Return one run's figures as they go into the JSON."""
    cpu_s = None if before.cpu_s is None or after.cpu_s is None else after.cpu_s - before.cpu_s
    return {
        "plan": asdict(plan),
        "messages_per_s": round(measured.done / measured.seconds, 1),
        "confirm_ms": percentiles_ms(measured.confirm_s),
        "deliver_ms": percentiles_ms(measured.deliver_s),
        "refused": measured.refused,
        "unfinished": measured.unfinished,
        "overrun": measured.overrun,
        "server_cpu_us_per_message": round(cpu_s / measured.done * 1e6, 1)
        if cpu_s and measured.done
        else None,
    }


async def open_all(openings: Sequence[Any]) -> None:
    """Await openings, some at a time: a thousand clients do not come in the same millisecond."""
    for start in range(0, len(openings), _OPEN_AT_ONCE):
        results = await asyncio.gather(*openings[start : start + _OPEN_AT_ONCE], return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                for opening in openings[start + _OPEN_AT_ONCE :]:
                    opening.close()
                raise result


@contextmanager
def on_one_processor() -> Generator[None]:
    """Keep this process to one processor where the system can (Linux); more are of no use to it.

    Else the system moves it about, and whatever part of the server it meets waits for milliseconds.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    if len(allowed) < 2:
        yield
        return
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


async def drive(load: Load, links: Sequence[Link], pid: int | None) -> dict[str, Any]:
    """Run a load over open links; processor time is that of `pid`."""
    # What was built before the run lives until its end: the collector need not look at it.
    gc.collect()
    gc.freeze()
    before = usage(pid) if pid else Usage(None, None)
    with on_one_processor():
        measured = await load.run(links)
    after = usage(pid) if pid else Usage(None, None)
    figures = summary(load.plan, measured, before, after)
    figures["lost_connections"] = sum(link.lost.is_set() for link in links)
    gc.unfreeze()
    await closed(links)
    return figures


async def closed(links: Sequence[Link]) -> None:
    """Cut connections and wait until the event loop has let go of them."""
    waiting: list[asyncio.Event] = []
    for link in links:
        if link.transport is not None:
            link.transport.abort()
            waiting.append(link.lost)
    await asyncio.gather(*[lost.wait() for lost in waiting])


class Bench:
    """Runs against one relay, own or given."""

    def __init__(self, setting: Setting, program: Sequence[str] = ("-m", "e2ee_relay")) -> None:
        self._setting = setting
        self._program = program

    async def measure(self, plans: Sequence[Plan]) -> dict[str, Any]:
        """Start the relay if it is to be an own one, measure the idle connections and each plan.

        Raises:
            TargetFailed: the own relay did not start.
            RefusedByRelay: the relay does not let the load in.
            OSError: no connection.
        """
        allow_descriptors(self._setting.idle + 2 * self._setting.plan.clients)
        if self._setting.url:
            return await self._measure_at(self._setting.url, None, plans)
        with tempfile.TemporaryDirectory(dir=self._setting.data_dir, prefix="sealroom-bench-") as folder:
            if self._setting.template is not None:
                shutil.copytree(self._setting.template, folder, dirs_exist_ok=True)
            elif self._setting.backlog:
                fill(
                    Path(folder),
                    self._setting.backlog,
                    self._setting.backlog_mailboxes,
                    self._setting.plan.size_b,
                )
            target = await Target.start(Path(folder), self._program)
            try:
                return await self._measure_at(target.url, target.pid, plans)
            finally:
                await target.stop()

    async def _measure_at(self, url: str, pid: int | None, plans: Sequence[Plan]) -> dict[str, Any]:
        figures: dict[str, Any] = {"bytes_per_idle_connection": None}
        idle: list[RelayLink] = []
        if self._setting.idle:
            before = usage(pid) if pid else Usage(None, None)
            idle = await self._open(Load(replace(self._setting.plan, clients=self._setting.idle)), url, 0)
            await asyncio.sleep(_SETTLE_S)
            after = usage(pid) if pid else Usage(None, None)
            if before.rss_b is not None and after.rss_b is not None:
                figures["bytes_per_idle_connection"] = (after.rss_b - before.rss_b) // len(idle)
        figures["idle_connections"] = len(idle)
        figures["runs"] = [await self._one(plan, url, pid) for plan in plans]
        figures["idle_connections_lost"] = sum(link.lost.is_set() for link in idle)
        await closed(idle)
        return figures

    async def _one(self, plan: Plan, url: str, pid: int | None) -> dict[str, Any]:
        offline = plan.clients if plan.offline_share else 0
        load = Load(plan, offline)
        links = await self._open(load, url, offline)
        figures = await drive(load, links[: plan.clients], pid)
        await closed(links)
        return figures

    async def _open(self, load: Load, url: str, offline: int) -> list[RelayLink]:
        run = Run()
        places = range(load.plan.clients + offline)
        for _ in places:
            run.place()
        links = [RelayLink(load, place, run, url, self._setting.secret) for place in places]
        try:
            await open_all([link.open(subscribes=link.place < load.plan.clients) for link in links])
        except (RefusedByRelay, OSError):
            await closed(links)
            raise
        return links
