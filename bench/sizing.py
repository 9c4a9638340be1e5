"""Growth to 10^9 mailboxes: the arithmetic of chapter 11, section 10, and how evenly shards are loaded.

The simulation draws mailboxes whose traffic follows a heavy tail (Pareto: few desks with most of it), hashes
them over the shards as the database would, and tells how much more than the mean the busiest shard carries.
"""

from __future__ import annotations

import argparse
import hashlib
import random

MAILBOXES = 1_000_000_000
PEAK_MSG_S = 1_000_000
SHARD_MSG_S = 20_000
ONLINE = 0.2
CONNECTION_B = 20 * 1024
CONNECTIONS_OF_A_NODE = 1_000_000
WAL_B = 1_400
OFFLINE, BACKLOG, HELD_B = 300_000_000, 50, 1_200
REMEMBERED_B, REMEMBERED_S = 130, (3_600, 7_200)
KEYS, KEY_B = 200, 800
POLL_S = 10

# Several relays that do not know of each other: companies are spread over them.
RELAY_MSG_S = 10_000
TEXTS_A_DAY = 300
DEVICES = 3
PEAK = 10
MAILBOX_B = 900
CUSTOMERS = 2_000
MEMORY_B = 16 * 2**30


def table() -> dict[str, float]:
    """Return the computed figures, in bytes and pieces."""
    shards = PEAK_MSG_S / SHARD_MSG_S
    online = MAILBOXES * ONLINE
    return {
        "shards": shards,
        "connections": online,
        "memory of connections, B": online * CONNECTION_B,
        "nodes": online / CONNECTIONS_OF_A_NODE,
        "log, B/s": PEAK_MSG_S * WAL_B,
        "log of a shard, B/s": PEAK_MSG_S * WAL_B / shards,
        "backlog, B": OFFLINE * BACKLOG * HELD_B,
        "backlog of a shard, B": OFFLINE * BACKLOG * HELD_B / shards,
        "remembered ids, least B": PEAK_MSG_S * REMEMBERED_S[0] * REMEMBERED_B,
        "remembered ids, most B": PEAK_MSG_S * REMEMBERED_S[1] * REMEMBERED_B,
        "one-time keys, B": MAILBOXES * KEYS * KEY_B,
        "polled keys a shard, 1/s": online / POLL_S / shards,
    }


def relay() -> dict[str, float]:
    """Return what one relay carries of practices that are alike, in pieces and bytes."""
    # A text to each device and a receipt from each; the bench counts a message once for in and out.
    messages_a_text = 2 * DEVICES
    texts_s = RELAY_MSG_S / messages_a_text
    practices = texts_s * 86_400 / PEAK / TEXTS_A_DAY
    return {
        "texts at the peak, 1/s": texts_s,
        "practices of one relay, by messages": practices,
        "practices of one relay, by memory": MEMORY_B / (CUSTOMERS * MAILBOX_B),
    }


def busiest_share(mailboxes: int, shards: int, shape: float, seed: int) -> float:
    """Return the load of the busiest shard as a multiple of the mean."""
    chance = random.Random(seed)
    loads = [0.0] * shards
    for number in range(mailboxes):
        digest = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=8).digest()
        loads[int.from_bytes(digest, "big") % shards] += chance.paretovariate(shape)
    return max(loads) / (sum(loads) / shards)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=1_000_000)
    options = parser.parse_args()
    for name, value in {**table(), **relay()}.items():
        print(f"{name:36} {value:>24,.0f}")
    for shape in (3.0, 2.0, 1.5):
        shares = [busiest_share(options.mailboxes, 50, shape, seed) for seed in range(3)]
        print(f"busiest of 50 shards, Pareto {shape}: {max(shares):.2f} times the mean")


if __name__ == "__main__":
    main()
