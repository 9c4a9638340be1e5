"""A result under reports/: written whole, so that a run that is interrupted leaves the last honest one."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import checkout

INCOMPLETE = "incomplete"


def result(
    name: str,
    arguments: Sequence[str],
    verdict: str,
    figures: Mapping[str, Any],
    limits: str,
    script: str = "",
) -> dict[str, Any]:
    """The result of tests/reliability/<script>.py as reports/README.md wants it; the script has its name."""
    script = f"tests/reliability/{script or name.replace('-', '_')}.py"
    return {
        "name": name,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": " ".join(["python", script, *arguments]),
        "python": sys.version.split()[0],
        "result": verdict,
        "figures": dict(figures),
        "limits": limits,
    }


def keep(report: Mapping[str, Any], folder: Path = checkout.ROOT / "reports") -> None:
    """Replace reports/<name>.json."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{report['name']}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    partial.replace(path)
