"""What stands behind the relay's shell: a core, and the store that carries out its changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from .blocklist import BlockList
from .clock import resumed_ms
from .config import Config
from .protocol import Frame
from .relay import RelayCore
from .state import Answering, Effect
from .store.changes import Change, Store
from .store.room import is_ample
from .store.writer import Completed, Then, Writer

Deliver: TypeAlias = Callable[[Completed, float], None]
CarryOut: TypeAlias = Callable[[list[Effect]], None]

DATABASE_GONE: Final = "the database is not the one that was opened"


class Core(Protocol):
    """The relay's logic as the shell sees it; RelayCore says what each method means."""

    @property
    def state(self) -> Answering: ...
    def connect(self, nonce: bytes, visitor: bytes = b"") -> tuple[int, list[Effect]]: ...
    def receive(self, connection_no: int, frame: Frame, now_ms: int) -> list[Effect]: ...
    def complete(self, then: Any, result: Any, now_ms: int) -> list[Effect]: ...
    def disconnect(self, connection_no: int) -> None: ...
    def tick(self, now_ms: int) -> list[Effect]: ...
    def drain(self, retry_after_ms: int) -> list[Effect]: ...
    def replace_registration_secret(self, secret: bytes | None) -> None: ...
    def block(self, blocked: frozenset[bytes]) -> None: ...


class Committer(Protocol):
    """Takes changes in the event loop's thread and commits them in others."""

    def start(self) -> None: ...
    def submit(self, change: Change, then: Then) -> None: ...
    def stop(self, timeout_s: float) -> bool: ...
    @property
    def is_alive(self) -> bool: ...
    @property
    def backlog(self) -> int: ...


class Engine(Protocol):
    """A core with its store."""

    @property
    def core(self) -> Core: ...
    @property
    def home(self) -> Path:
        """A directory on the disk whose room the relay depends on."""
        ...

    def committer(self, deliver: Deliver, carry_out: CarryOut, /) -> Committer:
        """Make what commits: `deliver` takes results and seconds in any thread, `carry_out` what comes from
        elsewhere, in the loop's.
        """
        ...

    def is_in_place(self) -> bool:
        """Tell whether the database is the one that was opened (RLY-173)."""
        ...

    def newly_blocked(self) -> frozenset[bytes] | None:
        """Return the blocked ids if they have changed.

        Raises:
            StoreError: the list is damaged.
            OSError: it cannot be read.
        """
        ...

    def complaints(self) -> dict[str, bool]:
        """Return what may keep the store from taking traffic, in fixed words, and whether it does."""
        ...

    def file_sizes_b(self) -> tuple[int, int]:
        """Return the sizes of database and journal, as far as they are the relay's own files."""
        ...


class EmbeddedEngine:
    """One process with a database of its own."""

    def __init__(self, config: Config, store: Store, now_ms: int) -> None:
        """Load what is kept in memory; `now_ms` is the machine's time.

        Raises:
            StoreError: the list of blocked ids is damaged.
        """
        self._store = store
        self._database = config.database_path
        self.home = config.database_path.parent
        held = store.load()
        self.core = RelayCore(config.policy, held, resumed_ms(held.clock_ms, now_ms))
        self._block_list = BlockList(config.data_dir)
        self._block_list.has_changed()
        self.core.block(self._block_list.read())
        self._reserve_b, self._most_backlog = config.disk_reserve_b, config.registration_backlog

    def committer(self, deliver: Deliver, _carry_out: CarryOut, /) -> Writer:
        """Make the writer, on which it depends whether mailboxes are made (RLY-158)."""
        writer = Writer(self._store, deliver, time.monotonic)
        self.core.state.admits_mailboxes = lambda: (
            writer.backlog <= self._most_backlog and is_ample(self.home, self._reserve_b)
        )
        return writer

    def newly_blocked(self) -> frozenset[bytes] | None:
        """Return the ids in the file beside the database, if it has changed (RLY-86).

        While the directory is gone or hidden, no file is not an empty list.
        """
        if not self.is_in_place() or not self._block_list.has_changed():
            return None
        blocked = self._block_list.read()
        if self.is_in_place():
            return blocked
        self._block_list.forget()
        return None

    def complaints(self) -> dict[str, bool]:
        """No room for more: deletions and deliveries go on (RLY-131)."""
        return {
            "the disk has no room for more": self._store.is_full,
            DATABASE_GONE: not self.is_in_place(),
        }

    def is_in_place(self) -> bool:
        """Tell whether the files of the database are still under their names."""
        return self._store.is_in_place()

    def file_sizes_b(self) -> tuple[int, int]:
        """Return the sizes of the database and of its write-ahead log."""
        journal = self._database.with_name(self._database.name + "-wal")
        return _size_b(self._database), _size_b(journal)


def _size_b(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
