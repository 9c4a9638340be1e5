"""Rates of the shared store beside the embedded one: messages in and out, keys, one node and three.

All on one machine, so that nodes, database and clients share its cores: three nodes show that the work can be
spread, not how much more it then is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for part in ("tests/support", "client", "server", "."):
    sys.path.insert(0, str(ROOT / part))

from e2ee_relay.bench.link import RelayLink, Run, fresh_box  # noqa: E402 - after the path
from e2ee_relay.bench.load import Load, Plan  # noqa: E402
from e2ee_relay.bench.runs import drive, open_all  # noqa: E402
from e2ee_relay.store.changes import PrekeyRow, PutPrekeys, TakenPrekeys, TakePrekeys  # noqa: E402
from e2ee_relay.store.postgres.store import PostgresStore  # noqa: E402
from e2ee_relay.store.shared import (  # noqa: E402
    DAY_MS,
    Acknowledge,
    AddTokens,
    CreateMailbox,
    Incoming,
    KeepUp,
    Outcome,
    StoreMessages,
)
from postgres_server import PostgresServer  # noqa: E402
from relay_process import RelayProcess  # noqa: E402

_OWNER, _TOKEN, _MANY = b"o" * 32, b"t" * 32, 1 << 30
_KEYS = 1000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def messages_per_s(url: str, group: int, seconds: float) -> float:
    """Store a group of messages of 1 KiB and delete the one before, on one connection."""
    store = PostgresStore(url, now_ms)
    store.execute([KeepUp(now_ms(), 30 * 86_400, 3600, 0)])
    boxes = [os.urandom(16) for _ in range(500)]
    store.execute([CreateMailbox(box, _OWNER, now_ms()) for box in boxes])
    store.execute([AddTokens(box, _OWNER, (_TOKEN,), 1, 10) for box in boxes])
    body, count, held = os.urandom(1024), 0, list[Acknowledge]()
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        now = now_ms()
        day = (now + 30 * DAY_MS) // DAY_MS
        chosen = [boxes[(count + place) % len(boxes)] for place in range(group)]
        items = [Incoming(box, _TOKEN, os.urandom(16), day * DAY_MS, day, now, body) for box in chosen]
        results = store.execute([*[StoreMessages((one,), _MANY, _MANY, now) for one in items], *held])
        held = []
        for box, result in zip(chosen, results, strict=False):
            outcome = result[0] if isinstance(result, list) else None
            if not isinstance(outcome, Outcome) or not outcome.seq:
                raise RuntimeError("a message was not stored")
            held.append(Acknowledge(box, _OWNER, ((outcome.seq, day),), now // 3_600_000 + 2, now))
        count += group
    rate = count / (time.perf_counter() - begun)
    store.close()
    return rate


def pops_per_s(url: str, connections: int, group: int) -> dict[str, float]:
    """Empty stocks of devices through several connections; count keys that were given twice."""
    devices = [os.urandom(32) for _ in range(8)]
    stores = [PostgresStore(url, now_ms) for _ in range(connections)]
    for device in devices:
        rows = [
            PrekeyRow(kind, number, 1 << 50, os.urandom(1200))
            for kind in (1, 2)
            for number in range(1, _KEYS + 1)
        ]
        reusable = (PrekeyRow(1, 1, 1 << 50, b"s"), PrekeyRow(2, 1, 1 << 50, b"l"))
        stores[0].execute([PutPrekeys(device, reusable, tuple(rows), _KEYS)])
    given: list[list[bytes]] = [[] for _ in stores]

    def take(place: int) -> None:
        for turn in range(_KEYS * len(devices) // connections // group):
            chosen = [devices[(turn + one) % len(devices)] for one in range(group)]
            results = stores[place].execute([TakePrekeys(one, 0) for one in chosen])
            given[place] += [
                one.kem for one in results if isinstance(one, TakenPrekeys) and one.kem_is_one_time
            ]

    threads = [threading.Thread(target=take, args=(place,)) for place in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    for store in stores:
        store.close()
    keys = [key for part in given for key in part]
    return {"pops_per_s": round(len(keys) / seconds), "given_twice": len(keys) - len(set(keys))}


async def through_relays(urls: list[str], seconds: float) -> int:
    """Send from clients of each address to those of all, closed loop; return messages a second."""
    plan = Plan(clients=200, in_flight=4, warm_up_s=1.0, measure_s=seconds)
    load, run = Load(plan), Run([fresh_box() for _ in range(plan.clients)])
    links = [RelayLink(load, place, run, urls[place % len(urls)]) for place in range(plan.clients)]
    await open_all([link.open() for link in links])
    figures = await drive(load, links, None)
    if figures["refused"] or figures["lost_connections"]:
        raise RuntimeError("a relay refused messages or clients")
    return round(float(figures["messages_per_s"]))


def relays(store: str, count: int, folder: Path) -> list[RelayProcess]:
    limits = ("requests=1e9/1e9", "creations=1e9/1e9", "creations_global=1e9/1e9", "contact_messages=1e9/1e9",
              "contact_b=1e11/1e11", "mailbox_messages=1e9/1e9", "mailbox_b=1e12/1e12")  # fmt: skip
    shared = (f"store={store}",) if store else ()
    return [
        RelayProcess(folder / f"r{count}{place}{bool(store)}", *shared, *limits).start()
        for place in range(count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    server = PostgresServer().start()
    found: dict[str, object] = {"cores": os.cpu_count()}
    try:
        for group in (1, 32, 128):
            found[f"stored_and_deleted_per_s_in_groups_of_{group}"] = round(
                messages_per_s(server.make_database(), group, options.seconds)
            )
        found["keys_one_by_one_on_4_connections"] = pops_per_s(server.make_database(), 4, 1)
        found["keys_in_groups_of_16_on_2_connections"] = pops_per_s(server.make_database(), 2, 16)
        with tempfile.TemporaryDirectory() as folder:
            for name, store, count in (("embedded", "", 1), ("one_node", "x", 1), ("three_nodes", "x", 3)):
                running = relays(store and server.make_database(), count, Path(folder))
                urls = [one.url for one in running]
                found[f"messages_per_s_{name}"] = asyncio.run(through_relays(urls, options.seconds))
                for one in running:
                    one.kill()
    finally:
        server.remove()
    text = json.dumps(found, indent=2)
    if options.output is not None:
        options.output.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
