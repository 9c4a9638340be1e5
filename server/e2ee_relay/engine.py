"""What stands behind the relay's shell: a node, and the store that carries out its changes."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from .blocklist import BlockList
from .clock import SteadyClock, resumed_ms
from .config import Config
from .node import Node
from .store.api import Observer, Store
from .store.room import is_ample
from .store.sqlite import SqliteStore
from .store.sqlite_file import DatabaseFile


class Engine(Protocol):
    """A node with its store, and what the shell needs to know beside them."""

    @property
    def core(self) -> Node: ...
    @property
    def store(self) -> Store: ...
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

    def newly_blocked(self) -> frozenset[bytes] | None:
        """Return the blocked ids if they have changed.

        Raises:
            StoreError: the list is damaged.
            OSError: it cannot be read.
        """
        ...

    def file_sizes_b(self) -> tuple[int, int]:
        """Return the sizes of database and journal, as far as they are the relay's own files."""
        ...


class EmbeddedEngine:
    """One process with a database of its own. Implements `Engine`."""

    def __init__(self, config: Config, file: DatabaseFile, now_ms: int) -> None:
        """`now_ms` is the machine's time.

        Raises:
            StoreError: the list of blocked ids is damaged.
        """
        self.clock = SteadyClock(resumed_ms(file.clock_ms(), now_ms))
        self.home = config.database_path.parent
        self.store = SqliteStore(file)
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

    def is_in_place(self) -> bool:
        return self.store.file.is_in_place()

    def file_sizes_b(self) -> tuple[int, int]:
        journal = self._database.with_name(self._database.name + "-wal")
        return _size_b(self._database), _size_b(journal)


def _size_b(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
