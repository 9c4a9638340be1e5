"""libsignal-client for node: the same rows in a process of its own, which takes its own times.

Node can say the processor time of its process only with all of its threads, so it is given the smaller of
that and wall time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from .peer import REVERSED, NotOffered, Row

_SCRIPT: Final = Path(__file__).with_name("libsignal.mjs")
_PACKAGE: Final = "node_modules/@signalapp/libsignal-client/package.json"


class Libsignal:
    """Signal's protocol in Rust, by its bindings for node."""

    name = "libsignal"
    features: Final = {
        "header": "in the clear",
        "padding": "AES-CBC's",
        "post-quantum": "handshake and ratchet (ML-KEM)",
        "handshake": "PQXDH, the bundle's two signatures included",
        "stored": "serialised, not encrypted, in memory before and after every message, always",
    }

    def __init__(self, folder: Path) -> None:
        """Start node in the folder of its packages.

        Raises:
            NotOffered: node or the package is not there.
        """
        node = shutil.which("node")
        if node is None:
            raise NotOffered("node is not installed")
        if not (folder / _PACKAGE).exists():
            raise NotOffered(f"{_PACKAGE} is not installed")
        self.version = str(json.loads((folder / _PACKAGE).read_text(encoding="utf-8"))["version"])
        self._process = subprocess.Popen(
            [node, str(_SCRIPT), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _ask(self, row: str, count: int) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise NotOffered("no pipe to node")
        self._process.stdin.write(json.dumps({"row": row, "count": count}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if answer.get("missing"):
            raise NotOffered(row)
        return answer

    def seconds(self, row: Row) -> float:
        """Have one repetition made; each message is stored, so that the rows of storing are the same."""
        answer = self._ask(row.kind, row.operations)
        return float(answer["seconds"])

    def recovered(self) -> int:
        """Return how many of 1000 messages in reverse order open."""
        return int(self._ask("reversed", REVERSED)["value"])

    def state_b(self) -> int:
        """Return the size of a stored session."""
        return int(self._ask("state", 1)["value"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
