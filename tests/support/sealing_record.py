"""Records every AEAD key with what it sealed, by wrapping `aead.seal` from the outside (PRM-07)."""

from __future__ import annotations

from types import TracebackType
from unittest.mock import patch

from e2ee.primitives import aead


class SealingRecord:
    """While entered, no key may seal two different plaintexts, or one under two different associated data."""

    def __init__(self) -> None:
        self.sealed: dict[bytes, tuple[bytes, bytes]] = {}
        self.reused: list[tuple[bytes, bytes]] = []
        self._seal = aead.seal
        self._patch = patch.object(aead, "seal", self._record)

    def __enter__(self) -> SealingRecord:
        self._patch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patch.stop()

    def _record(self, key: bytes, plaintext: bytes, associated: bytes) -> bytes:
        sealed = (plaintext, associated)
        before = self.sealed.setdefault(key, sealed)
        if before is not sealed and before != sealed:
            self.reused.append((before[0], plaintext))
        return self._seal(key, plaintext, associated)
