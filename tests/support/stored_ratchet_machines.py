"""Machines with a real client store, and the peer of their sessions, for traces of StoredRatchet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2ee_client.store import FileAnchor, Store
from parties import ScriptedRng, open_, text_of

from e2ee.errors import RemoteError
from e2ee.session import Session

Named = tuple[int, int, int]
"""What the model calls an envelope: session, number, text."""


class Crash(Exception):
    """The process ends here: nothing after it runs, and nothing catches it."""


class FaultyAnchor(FileAnchor):
    """An anchor that crashes before its next write when it is told to."""

    fails = False

    def save(self, record: bytes) -> None:
        """Write, unless told otherwise."""
        if self.fails:
            raise Crash
        super().save(record)


@dataclass
class Machine:
    """One computer with the store's files, and with a running client while `store` is open."""

    folder: Path
    anchor: FaultyAnchor
    store: Store | None = None
    verdict: str = "none"
    sess: int = 0
    session: Session | None = None
    sealed: tuple[Named, bytes] | None = None
    out: tuple[Named, bytes] | None = None
    seen: tuple[dict[str, bytes], tuple[dict[str, Any], dict[str, Any]]] | None = None

    @classmethod
    def at(cls, folder: Path) -> Machine:
        """A machine whose store stands, or will stand, in a folder."""
        return cls(folder, FaultyAnchor(folder / "store.anchor"))

    @property
    def path(self) -> Path:
        """The database."""
        return self.folder / "store"

    def running(self) -> Store:
        """The open store."""
        if self.store is None:
            raise ValueError("the client is down")
        return self.store

    def stop(self) -> None:
        """Forget everything that was in memory only."""
        self.store, self.verdict, self.sess, self.session = None, "none", 0, None
        self.sealed = self.out = None

    def crash(self) -> None:
        """End the process without closing the store."""
        run = None if self.store is None else self.store._detach()
        if run is not None:
            run.connection.close()
            if run.lock is not None:
                run.lock.release()
        self.stop()


@dataclass
class Peer:
    """The other side of every session; it never loses anything."""

    sessions: dict[int, Session] = field(default_factory=dict)
    opened: set[tuple[int, int]] = field(default_factory=set)

    def take(self, named: Named, envelope: bytes) -> None:
        """Open an envelope, which must succeed exactly if its message key is new (DR-12)."""
        sess, number, text = named
        is_new = (sess, number) not in self.opened
        try:
            opened = open_(self.sessions[sess], envelope)
        except RemoteError:
            if is_new:
                raise
            return
        if not is_new or text_of(opened) != text_named(text):
            raise AssertionError("the peer opened what it should refuse, or another text")
        self.sessions[sess] = opened.session
        self.opened.add((sess, number))


class RepeatingRng(ScriptedRng):
    """The worst randomness: the same bytes at every call."""

    def __init__(self) -> None:
        super().__init__("repeating")

    def __call__(self, size_b: int) -> bytes:
        return b"\x07" * size_b


def text_named(text: int) -> str:
    """Return what is written where the model has a number."""
    return f"text {text}"
