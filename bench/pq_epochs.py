"""How fast epochs of the post-quantum ratchet go by, and what they cost: `python bench/pq_epochs.py`.

Plays conversations of the real core over a network that loses and delays, and writes
`results/pq-epochs.json`, `results/pq-epochs.png` and a table. Nothing is timed: the figures are counts.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import matplotlib as mpl  # noqa: E402  # a script finds its modules by itself
from recorded_run import BURSTS, ONE_SIDED, PING_PONG, Run  # noqa: E402

from e2ee.constants import FRAGMENT_B, KEM_CIPHERTEXT_B, KEM_KEY_B  # noqa: E402

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  # after the choice of a backend without a screen

RESULTS: Final = Path(__file__).resolve().parent / "results"
PATTERNS: Final = {"ping-pong": PING_PONG, "bursts of 5": BURSTS, "20 to 1": ONE_SIDED}
NETWORKS: Final = (("no loss", 0.0, 0.0), ("5 % lost", 0.05, 0.1), ("20 % lost", 0.2, 0.3))
MESSAGES: Final = 3000
RUNS: Final = 3
PLAIN_KEM_B: Final = KEM_KEY_B + KEM_CIPHERTEXT_B

PUBLISHED: Final = {
    "PQ3: about every 50 messages": 50.0,
    "SPQR, ping-pong: at least 72": 72.0,
}
"""Messages from one post-quantum healing to the next; sources in bench/README.md."""


@dataclass(frozen=True)
class Row:
    """One conversation: messages per epoch, and bytes that the ratchet adds."""

    pattern: str
    network: str
    messages: int
    epochs: int
    messages_per_epoch: float
    carrying_share: float
    block_bytes_per_epoch: float
    times_one_exchange: float


def play(pattern: str, network: str, loss: float, late: float) -> Row:
    """Play a few conversations and count."""
    messages = epochs = carrying = 0
    for seed in range(RUNS if loss else 1):
        run = Run(PATTERNS[pattern], loss, seed, late).talk(MESSAGES)
        messages += len(run.sent)
        epochs += run.sides["A"].ratchet.pq_epoch
        carrying += run.carrying
    per_epoch = messages / epochs
    return Row(
        pattern,
        network,
        messages,
        epochs,
        round(per_epoch, 1),
        round(carrying / messages, 3),
        round(per_epoch * FRAGMENT_B),
        round(carrying / epochs * FRAGMENT_B / PLAIN_KEM_B, 2),
    )


def table(rows: list[Row]) -> str:
    """The table for the terminal."""
    head = (
        f"{'conversation':<12} {'network':<10} {'messages/epoch':>14} {'carry a piece':>14}"
        f" {'x one exchange':>15}"
    )
    lines = [
        f"{row.pattern:<12} {row.network:<10} {row.messages_per_epoch:>14} {row.carrying_share:>14.0%}"
        f" {row.times_one_exchange:>15}"
        for row in rows
    ]
    return "\n".join([head, *lines])


def picture(rows: list[Row], path: Path) -> None:
    """Bars by conversation and network, with the published figures as lines."""
    figure, axes = plt.subplots(figsize=(9, 5), dpi=120)
    colours = ("#2a6f97", "#61a5c2", "#c9a227")
    for at, (network, _, _) in enumerate(NETWORKS):
        heights = [row.messages_per_epoch for row in rows if row.network == network]
        places = [index + (at - 1) * 0.26 for index in range(len(heights))]
        bars = axes.bar(places, heights, 0.24, label=network, color=colours[at])
        axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=9)
    for (name, value), style in zip(PUBLISHED.items(), ("--", ":"), strict=True):
        axes.axhline(value, linestyle=style, color="#444444", linewidth=1, label=name)
    axes.set_xticks(range(len(PATTERNS)), list(PATTERNS))
    axes.set_ylabel("messages per epoch")
    axes.set_title("Messages from one post-quantum healing to the next")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path)


def main() -> int:
    """Play everything and write it down."""
    rows = []
    for pattern in PATTERNS:
        for network, loss, late in NETWORKS:
            print(f"{pattern}, {network}", file=sys.stderr, flush=True)
            rows.append(play(pattern, network, loss, late))
    document = {"messages_of_a_run": MESSAGES, "runs_with_loss": RUNS, "rows": [asdict(row) for row in rows]}
    (RESULTS / "pq-epochs.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    picture(rows, RESULTS / "pq-epochs.png")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
