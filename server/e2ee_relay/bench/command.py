"""The command `sealroom-relay bench`: options, the table, the JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from e2ee_relay import __version__

from .link import RefusedByRelay
from .load import TAG_B, Plan
from .runs import Bench, Setting
from .target import TargetFailed

_MOST_BODY_B: Final = 98_304


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    add = parser.add_argument
    add("--url", default="", help="a relay that runs already, with its limits; else one is started here")
    add("--registration-secret-file", type=Path, help="the secret of that relay")
    add("--data-dir", type=Path, help="directory on the disk to be measured (the system's temporary one)")
    add("--clients", type=int, default=200, help="clients that send and receive (200)")
    add("--in-flight", type=int, default=1, help="closed loop: unfinished messages of each client (1)")
    add("--rate", type=float, default=0.0, help="open loop: messages a second; without it a closed loop")
    add("--size", type=int, default=1024, help="bytes of a body (1024)")
    add("--offline-share", type=float, default=0.0, help="share of messages to recipients that are not there")
    add("--idle", type=int, default=0, help="further connections that do nothing, for their memory")
    add("--backlog", type=int, default=0, help="messages that are resident before the start")
    add("--backlog-mailboxes", type=int, default=100_000, help="mailboxes of the backlog (100000)")
    add("--warm-up", type=float, default=2.0, help="seconds before the measurement (2)")
    add("--seconds", type=float, default=10.0, help="seconds of the measurement (10)")
    add("--half", action="store_true", help="then an open loop at half of the closed loop's rate")
    add("--json", type=Path, help="keep the figures in this file")


def problem(options: argparse.Namespace) -> str | None:
    """Return what is wrong with the options, or None."""
    if options.clients < 2 or options.in_flight < 1 or options.idle < 0 or options.backlog < 0:
        return "--clients is at least 2, --in-flight at least 1, --idle and --backlog at least 0"
    if options.backlog and options.backlog_mailboxes < 1:
        return "--backlog-mailboxes is at least 1"
    if not TAG_B <= options.size <= _MOST_BODY_B:
        return f"--size is {TAG_B} to {_MOST_BODY_B}"
    if not 0 <= options.offline_share <= 1 or options.rate < 0 or options.warm_up < 0 or options.seconds <= 0:
        return "--offline-share is 0 to 1, --rate and --warm-up at least 0, --seconds above 0"
    if options.url and options.backlog:
        return "--backlog needs a relay that is started here"
    if options.url and not options.url.startswith(("ws://", "wss://")):
        return "--url is ws://host:port or wss://host:port"
    return None


def run(options: argparse.Namespace) -> int:
    """Run the bench; return the exit status."""
    wrong = problem(options)
    if wrong is not None:
        sys.stderr.write(f"sealroom-relay bench: {wrong}\n")
        return 2
    try:
        document = asyncio.run(_measure(options))
    except (TargetFailed, RefusedByRelay, TimeoutError) as error:
        sys.stderr.write(f"sealroom-relay bench: {str(error) or 'the relay does not answer'}\n")
        return 1
    if options.json is not None:
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(render(document) + "\n")
    return 0


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    plan = Plan(
        clients=options.clients,
        in_flight=options.in_flight,
        rate_per_s=options.rate,
        size_b=options.size,
        offline_share=options.offline_share,
        warm_up_s=options.warm_up,
        measure_s=options.seconds,
    )
    file = options.registration_secret_file
    setting = Setting(
        plan,
        idle=options.idle,
        backlog=options.backlog,
        backlog_mailboxes=options.backlog_mailboxes,
        url=options.url,
        secret=None if file is None else file.read_bytes().strip(),
        data_dir=options.data_dir,
    )
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    figures = await Bench(setting).measure([plan])
    if options.half and not options.rate:
        half = replace(plan, rate_per_s=figures["runs"][0]["messages_per_s"] / 2)
        figures["runs"] += (await Bench(setting).measure([half]))["runs"]
    return {"begun": begun, "machine": machine(), "backlog": options.backlog, **figures}


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "relay": __version__,
    }


def render(document: dict[str, Any]) -> str:
    """Return the figures as a table."""
    head = ("loop", "msg/s", "OK p50", "p99 ms", "delivery p50", "p99 ms", "refused")
    rows = [_row(one) for one in document["runs"]]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)
    ]
    per_connection = document["bytes_per_idle_connection"]
    if per_connection is not None:
        lines.append(f"{per_connection} bytes per connection, of {document['idle_connections']} idle ones")
    if any(one["overrun"] for one in document["runs"]):
        lines.append("the relay was overrun: it does not carry this rate")
    return "\n".join(lines)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    rate = one["plan"]["rate_per_s"]
    times = [one["confirm_ms"], one["deliver_ms"]]
    return (
        f"open {rate:.0f}/s" if rate else f"closed {one['plan']['clients']}x{one['plan']['in_flight']}",
        f"{one['messages_per_s']:.0f}",
        *("-" if value is None else f"{value:.2f}" for time in times for value in (time["p50"], time["p99"])),
        str(one["refused"]),
    )
