"""From times to what is kept: figures, a table and a picture, `peers-crypto.json`, `.md` and `.png`."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from .peer import REVERSED, ROWS, TEXT_B, Measured

Record = dict[str, Any]
ORDER: Final = ("sealroom", "vodozemac", "libsignal", "doubleratchet", "python-olm")
OURS: Final = ORDER[0]
# Row, peer, its row, how many times its rate ours is to have.
TARGETS: Final = (
    ("encrypt", "vodozemac", "encrypt", 2.0),
    ("encrypt and decrypt", "vodozemac", "encrypt and decrypt", 1.4),
    ("ping-pong", "vodozemac", "ping-pong", 1.1),
    ("ping-pong", "libsignal", "ping-pong", 2.3),
    ("handshake, initiator", "vodozemac", "handshake, initiator", 0.6),
    ("handshake, initiator", "libsignal", "handshake, initiator", 2.0),
    ("handshake, responder", "libsignal", "handshake, responder", 1.2),
    ("stored: encrypt and decrypt", "vodozemac", "stored: encrypt and decrypt", 0.55),
    ("stored: encrypt and decrypt", "libsignal", "stored: encrypt and decrypt", 3.0),
)


def summary(peers: Sequence[Measured], times: dict[str, dict[str, list[float]]]) -> Record:
    """Reduce a run to what is kept."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "text_b": TEXT_B,
        "clock": "processor time, stored rows in wall time",
        "peers": [
            {
                "name": peer.name,
                "version": peer.version,
                **peer.features,
                "state_b": peer.state_b(),
                "recovered_of_1000_reversed": peer.recovered(),
            }
            for peer in peers
        ],
        "rows": [
            {
                "name": row.name,
                "unit": row.unit,
                "operations": row.operations,
                "best_us": {name: round(min(taken) * 1e6, 2) for name, taken in times[row.name].items()},
                "median_us": {name: round(median(taken) * 1e6, 2) for name, taken in times[row.name].items()},
            }
            for row in ROWS
        ],
        "targets": _targets({row.name: times[row.name] for row in ROWS}),
    }


def _targets(times: dict[str, dict[str, list[float]]]) -> list[Record]:
    found: list[Record] = []
    for row, peer, theirs, least in TARGETS:
        if peer in times[theirs]:
            ratio = min(times[theirs][peer]) / min(times[row][OURS])
            found.append(
                {"row": row, "peer": peer, "least": least, "ratio": round(ratio, 2), "met": ratio >= least}
            )
    return found


def table(result: Record) -> str:
    """Return rates and targets as Markdown."""
    names = [peer["name"] for peer in result["peers"]]
    lines = [
        f"Operations a second on texts of {result['text_b']} bytes, best repetition; {result['clock']}; "
        f"Python {result['python']}, {result['date']}.",
        "",
        _line("row", *names),
        _line("---", *("--:" for _ in names)),
        *(_line(row["name"], *(_rate(row["best_us"].get(name)) for name in names)) for row in result["rows"]),
        _line("stored session, bytes", *(f"{peer['state_b']:,}" for peer in result["peers"])),
        _line(
            f"of {REVERSED} reversed, opened",
            *(f"{peer['recovered_of_1000_reversed']:,}" for peer in result["peers"]),
        ),
        "",
        _line("what each does", *names),
        _line("---", *("---" for _ in names)),
        *(
            _line(what, *(peer[what] for peer in result["peers"]))
            for what in ("version", "header", "padding", "post-quantum", "handshake", "stored")
        ),
        "",
        _line("our rate as a multiple of", "in the row", "is", "target", ""),
        _line("---", "---", "--:", "--:", "---"),
        *(
            _line(one["peer"], one["row"], f"{one['ratio']:.2f}", f"{one['least']:.2f}", _verdict(one))
            for one in result["targets"]
        ),
    ]
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _rate(best_us: float | None) -> str:
    return "-" if best_us is None else f"{1e6 / best_us:,.0f}"


def _verdict(target: Record) -> str:
    return "met" if target["met"] else "**missed**"


def picture(result: Record, path: Path) -> None:
    """Draw each row's rates as multiples of ours."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = list(reversed(result["rows"]))
    names = [peer["name"] for peer in result["peers"]]
    colours = dict(zip(ORDER, ("#2f6f9f", "#c2703d", "#6a994e", "#8d6a9f", "#9a9a9a"), strict=True))
    height = 0.8 / len(names)
    figure, axes = pyplot.subplots(figsize=(9, 1.6 + 0.62 * len(rows)), layout="constrained")
    for at, name in enumerate(names):
        found = [(place, row["best_us"]) for place, row in enumerate(rows) if name in row["best_us"]]
        places = [place + 0.4 - height * (at + 0.5) for place, _ in found]
        shares = [best_us[OURS] / best_us[name] for _, best_us in found]
        rates = [_rate(best_us[name]) for _, best_us in found]
        bars = axes.barh(places, shares, height, color=colours[name], label=name)
        axes.bar_label(bars, rates, padding=3, fontsize=7)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("rate as a multiple of ours (logarithmic); beside each bar operations a second")
    axes.set_title(f"1 KiB texts, Python {result['python']}, {result['date']}", fontsize=10)
    axes.legend(fontsize=8, loc="upper right")
    axes.margins(x=0.12)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def write(result: Record, folder: Path) -> None:
    """Keep all three."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (folder / "peers-crypto.json").write_text(text, encoding="utf-8")
    (folder / "peers-crypto.md").write_text(table(result) + "\n", encoding="utf-8")
    picture(result, folder / "peers-crypto.png")
