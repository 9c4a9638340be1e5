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
from e2ee_relay.limits import Policy, Rate  # noqa: E402
from e2ee_relay.protocol import (  # noqa: E402
    Ack,
    CreateMailbox,
    PrekeysFetch,
    Send,
    SendItem,
    TokenAdd,
    TokenClass,
    TtlClass,
    token_hash,
)
from e2ee_relay.store.api import HandedOut, Refusal, Request  # noqa: E402
from postgres_nodes import Node, WordsHere  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402
from relay_actors import Company, Owner  # noqa: E402
from relay_process import RelayProcess  # noqa: E402
from view_in_memory import Asker  # noqa: E402

_OWNER, _TOKEN = b"o" * 32, b"t" * 32
_KEYS = 1000
_PLENTY = Policy(
    quota_messages=1 << 30,
    quota_b=1 << 40,
    fetches_per_device=Rate(1e9, 1e9),
    max_one_time_keys=_KEYS,
    prekeys_b=Rate(1e9, 1e9),
)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def node_at(url: str, number: int = 1) -> Node:
    """Open a store whose operations are carried out in this thread."""
    return Node(url, WordsHere(), now_ms, _PLENTY, number)


def messages_per_s(url: str, group: int, seconds: float) -> float:
    """Store a group of messages of 1 KiB and delete the one before, on one connection."""
    node = node_at(url)
    boxes = [os.urandom(16) for _ in range(500)]
    owner = Asker(owned=dict.fromkeys(boxes, _OWNER))
    node.apply(*[CreateMailbox(1, box, _OWNER) for box in boxes])
    tokens = (token_hash(_TOKEN),)
    node.apply(*[TokenAdd(1, box, tokens, TokenClass.CONTACT) for box in boxes], peer=owner)
    body, count, held = os.urandom(1024), 0, list[Ack]()
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        chosen = [boxes[(count + place) % len(boxes)] for place in range(group)]
        sends = [
            Send(1, (SendItem(box, _TOKEN, os.urandom(16), TtlClass.RETENTION, b"", body),)) for box in chosen
        ]
        ops = node.apply(*sends, *held, peer=owner)
        held = [Ack(1, fresh.box.address, (fresh.seq,)) for op in ops for fresh in op.fresh or ()]
        if len(held) != group:
            raise RuntimeError("a message was not stored")
        count += group
    rate = count / (time.perf_counter() - begun)
    node.store.stop(1.0)
    return rate


class _Numbers:
    """What gives requests their numbers."""

    def next_id(self) -> int:
        return 1


def published(node: Node) -> Company:
    """Publish a device with a full stock of one-time keys."""
    company, numbers = Company(Owner(), now_ms()), _Numbers()
    owner = company.owner
    peer = Asker(owned={owner.mailbox: owner.owner_pub})
    front = (token_hash(company.front_token),)
    uploads = [company.upload(numbers, 200, 200) for _ in range(_KEYS // 200)]  # type: ignore[arg-type]  # numbers only
    requests: list[Request] = [
        CreateMailbox(1, owner.mailbox, owner.owner_pub),
        TokenAdd(2, owner.mailbox, front, TokenClass.FRONT_DOOR),
        company.entry(numbers, company.make_list([company.record])),  # type: ignore[arg-type]  # numbers only
        *uploads,
    ]
    for request in requests:
        (op,) = node.apply(request, peer=peer)
        if isinstance(op.result, Refusal):
            raise RuntimeError("a publication was refused")
    return company


def pops_per_s(url: str, connections: int, group: int) -> dict[str, float]:
    """Empty stocks of devices through several nodes; count keys that were given twice."""
    nodes = [node_at(url, number) for number in range(connections)]
    companies = [published(nodes[0]) for _ in range(8)]
    asked = [PrekeysFetch(1, one.account_id, one.record_hash, one.front_token, b"") for one in companies]
    given: list[list[bytes]] = [[] for _ in nodes]

    def take(place: int) -> None:
        for turn in range(_KEYS * len(asked) // connections // group):
            ops = nodes[place].apply(*[asked[(turn + one) % len(asked)] for one in range(group)])
            given[place] += [
                op.result.bundle for op in ops if isinstance(op.result, HandedOut) and op.result.one_time_kem
            ]

    threads = [threading.Thread(target=take, args=(place,)) for place in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    for node in nodes:
        node.store.stop(1.0)
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
    limits = ("requests=1e9/1e9", "creations=1e9/1e9", "creations_global=1e9/1e9",
              "directory_b=1e9/1e9", "directory_b_global=1e9/1e9",
              "contact_messages=1e9/1e9", "contact_b=1e11/1e11",
              "mailbox_messages=1e9/1e9", "mailbox_b=1e12/1e12")  # fmt: skip
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
