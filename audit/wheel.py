"""Builds the wheel twice and says whether both are the same, bit by bit; writes reports/wheel.json."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import wheel_build

from audit import REPORTS


def digest() -> str:
    """SHA-256 and name of a wheel that was built just now."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = wheel_build.build(Path(folder))
        return f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}"


def main() -> int:
    first, second = digest(), digest()
    same = first == second
    record = {
        "name": "wheel",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "python -m audit.wheel",
        "result": "pass" if same else "fail",
        "figures": {"first build": first, "second build": second},
        "limits": f"one machine and build tool; SOURCE_DATE_EPOCH={wheel_build.SOURCE_DATE_EPOCH}",
    }
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "wheel.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(first)
    print(f"two builds of the wheel are {'identical' if same else 'DIFFERENT'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
