"""What stands behind the relay's shell: a core, and the store that carries out its changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from .blocklist import BlockList
from .clock import SteadyClock, resumed_ms
from .config import Config
from .node import Node
from .protocol import ErrorCode, Frame
from .session import Outlet
from .store.api import Observer, Store
from .store.room import is_ample
from .store.sqlite import SqliteStore
from .store.sqlite_file import DatabaseFile

DATABASE_GONE: Final = "the database is not the one that was opened"


class Core(Protocol):
    """The relay's logic as the shell sees it; Node says what each method means."""

    @property
    def skew_ms(self) -> int:
        """How far the machine's clock is ahead of the relay's time (RLY-133)."""
        ...

    @skew_ms.setter
    def skew_ms(self, skew_ms: int) -> None: ...

    @property
    def is_draining(self) -> bool: ...
    @property
    def counters(self) -> Counter[str]: ...
    @property
    def refusals(self) -> Counter[ErrorCode]: ...
    @property
    def admits_mailboxes(self) -> Callable[[], bool]: ...
    def connect(self, outlet: Outlet, nonce: bytes, visitor: bytes = b"", /) -> Any: ...
    def receive(self, session: Any, frame: Frame, /) -> None: ...
    def disconnect(self, session: Any, /) -> None: ...
    def tick(self, now_ms: int, /) -> None: ...
    def drain(self, retry_after_ms: int, /) -> None: ...
    def replace_registration_secret(self, secret: bytes | None, /) -> None: ...
    def block(self, blocked: frozenset[bytes], /) -> None: ...
    def gauges(self, now_ms: int, /) -> dict[str, tuple[str, int]]: ...


class Engine(Protocol):
    """A core with its store."""

    @property
    def core(self) -> Core: ...
    @property
    def clock(self) -> SteadyClock:
        """The relay's time."""
        ...

    @property
    def home(self) -> Path:
        """A directory on the disk whose room the relay depends on."""
        ...

    def start(self, observer: Observer, /) -> dict[str, int]:
        """Begin to carry out operations in the running event loop; return counts for the log.

        Raises:
            StoreError: the database cannot be used.
        """
        ...

    def is_in_place(self) -> bool:
        """Tell whether the database is the one that was opened (RLY-173)."""
        ...

    def give_up(self) -> None:
        """Carry out no more requests that wait for their turn."""
        ...

    def stop(self, timeout_s: float, /) -> bool:
        """Commit what was submitted and close; tell whether this was done in time."""
        ...

    @property
    def is_alive(self) -> bool: ...
    @property
    def backlog(self) -> int: ...
    @property
    def is_idle(self) -> bool: ...
    @property
    def completed_at(self) -> float: ...

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


class OverStore:
    """The part of an engine that is its store's."""

    def __init__(self, store: Store) -> None:
        self._kept = store

    def give_up(self) -> None:
        """Carry out no more requests that wait for their turn."""
        self._kept.give_up()

    def stop(self, timeout_s: float, /) -> bool:
        """Commit what was submitted and close it."""
        return self._kept.stop(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Tell whether its threads run."""
        return self._kept.is_alive

    @property
    def backlog(self) -> int:
        """Operations that wait for a commit."""
        return self._kept.backlog

    @property
    def is_idle(self) -> bool:
        """Tell whether all is committed and answered."""
        return self._kept.is_idle

    @property
    def completed_at(self) -> float:
        """When a commit was last heard of."""
        return self._kept.completed_at


class EmbeddedEngine(OverStore):
    """One process with a database of its own."""

    def __init__(self, config: Config, file: DatabaseFile, now_ms: int) -> None:
        """`now_ms` is the machine's time.

        Raises:
            StoreError: the list of blocked ids is damaged.
        """
        self.clock = SteadyClock(resumed_ms(file.clock_ms(), now_ms))
        self.home = config.database_path.parent
        self.store = SqliteStore(file)
        super().__init__(self.store)
        self.core = Node(config.policy, self.store, self.clock)
        self._database = config.database_path
        self._block_list = BlockList(config.data_dir)
        self._block_list.has_changed()
        self.core.block(self._block_list.read())
        self._reserve_b, self._most_backlog = config.disk_reserve_b, config.registration_backlog
        self.core.admits_mailboxes = self._admits_mailboxes

    def _admits_mailboxes(self) -> bool:
        return self.store.crowd <= self._most_backlog and is_ample(self.home, self._reserve_b)

    def start(self, observer: Observer, /) -> dict[str, int]:
        """Load what is kept in memory, and begin to commit."""
        self.store.start(self.core, observer)
        return self.at_start()

    def at_start(self) -> dict[str, int]:
        """Return how many mailboxes were found, and the number of this start."""
        return {"mailboxes": len(self.store.view.boxes), "generation": self.store.generation}

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
        return {**self.store.complaints(), DATABASE_GONE: not self.is_in_place()}

    def is_in_place(self) -> bool:
        """Tell whether the files of the database are still under their names."""
        return self.store.file.is_in_place()

    def file_sizes_b(self) -> tuple[int, int]:
        """Return the sizes of the database and of its write-ahead log."""
        journal = self._database.with_name(self._database.name + "-wal")
        return _size_b(self._database), _size_b(journal)


def _size_b(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
