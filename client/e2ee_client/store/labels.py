"""Labels of data at rest, zero-padded to 16 bytes and prefix-free with the core's (spec/12-storage.md)."""

from __future__ import annotations

from typing import Final

from e2ee.labels import LABEL_B


def _padded(name: str) -> bytes:
    return name.encode("ascii").ljust(LABEL_B, b"\0")


WRAP: Final = _padded("SR1-store-wrap")
ROW: Final = _padded("SR1-store-row")
BLIND: Final = _padded("SR1-store-blind")
SUM: Final = _padded("SR1-store-sum")
STATE: Final = _padded("SR1-store-state")
ANCHOR: Final = _padded("SR1-store-anchor")
BACKUP_HEAD: Final = _padded("SR1-backup-head")
BACKUP_BODY: Final = _padded("SR1-backup-body")
