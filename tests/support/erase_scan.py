"""What is left of a text on the disks of a world: every byte is searched, and what remaining keys open.

`DiskWorld` is a world of engines whose rows stand, beside memory, in real stores. A `Thief` has copied each
sealed body that ever stood on a disk; then it gets the device, with all keys.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from e2ee_client.engine import Setup
from e2ee_client.engine.rooms.entry_keys import KEYS, MonthKey
from e2ee_client.engine.rooms.entry_segments import SEGMENTS, decode_segment
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import TABLES, Delete, Put
from e2ee_client.store import Store, StoreOptions
from engine_world import RELAY_URL, Node, Rows, World
from store_probe import RAW_KEY, keyless

from demo.encodings import Pattern, patterns_of_key, patterns_of_text
from demo.scan import search_files
from e2ee.rooms.entry import ROOM_ID_B, RoomId

PIECE_B = 24


class Needle(NamedTuple):
    """What must be left nowhere, and its encodings: words of a text, or the key of a file."""

    raw: bytes
    patterns: tuple[Pattern, ...]

    @classmethod
    def of_text(cls, text: str) -> Needle:
        """The words of a text."""
        return cls(text.encode(), tuple(patterns_of_text("", text)))

    @classmethod
    def of_key(cls, key: bytes) -> Needle:
        """A key."""
        return cls(key, tuple(patterns_of_key("", key)))


class Thief:
    """What somebody has copied from one disk so far: sealed bodies, by room and content id."""

    def __init__(self) -> None:
        self.bodies: dict[tuple[bytes, bytes], set[bytes]] = defaultdict(set)

    def watch(self, change: Put | Delete) -> None:
        """Copy what a commit writes."""
        if isinstance(change, Put) and change.table == SEGMENTS:
            for one in decode_segment(change.value).entries.values():
                if one.body is not None:
                    self.bodies[change.key[:ROOM_ID_B], one.content_id].add(one.body)

    def opened(self, keys: dict[bytes, list[MonthKey]]) -> Iterator[bytes]:
        """Yield what opens of all that was copied with the keys of a room that remain."""
        for (room_id, content_id), sealed in self.bodies.items():
            for key in keys.get(room_id, ()):
                for one in sealed:
                    try:
                        yield key.open_(RoomId(room_id), content_id, one)
                    except StoreCorrupt:
                        continue


class DiskRows(Rows):
    """Rows in memory, and the same in a store on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        path.parent.mkdir(parents=True)
        self.path, self.thief = path, Thief()
        self.before_commit: Callable[[tuple[Put | Delete, ...]], None] = lambda _changes: None
        self.store = Store.create(path, RAW_KEY, options=StoreOptions(erase_every=1_000))
        self._left: list[Store] = []

    def commit(self, changes: tuple[Put | Delete, ...]) -> None:
        if not any(self.tables.values()):
            self.store.commit([Delete(*one) for one in self._stored()])
        self.before_commit(changes)
        super().commit(changes)
        self.store.commit(changes)
        for one in changes:
            self.thief.watch(one)

    def _stored(self) -> list[tuple[str, bytes]]:
        return [(table, key) for table in sorted(TABLES) for key, _ in self.store.items(table)]

    def reload(self) -> None:
        """Read all rows anew from a copy of the files, as a start after a crash does."""
        self._left.append(self.store)
        self.store = Store.open(self.copied("reloaded"), RAW_KEY, options=StoreOptions(erase_every=1_000))
        self.tables = {}
        for table, key in self._stored():
            self.tables.setdefault(table, {})[key] = self.store.get(table, key) or b""

    def close(self) -> None:
        """Close every store that was opened."""
        for one in (*self._left, self.store):
            one.close()

    def copied(self, name: str) -> Path:
        """Copy all files as they stand, without closing the store."""
        folder = self.path.parent.parent / f"{self.path.parent.name} {name} {self.commits}"
        shutil.copytree(self.path.parent, folder)
        return folder / self.path.name


class DiskWorld(World):
    """Each node has a folder of its own; what it keeps stands there."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def node(
        self,
        name: str,
        *,
        publish: bool = False,
        keep_alive_ms: int | None = None,
        ahead_ms: int = 0,
        **setup: object,
    ) -> Node:
        chosen = Setup(RELAY_URL, name=name, publish=publish, front_desk=publish, **setup)  # type: ignore[arg-type]  # test setups
        rows = DiskRows(self.folder / f"{len(self.nodes)} {name}" / "store")
        node = Node(self, name, chosen, rows, keep_alive_ms=keep_alive_ms, ahead_ms=ahead_ms)
        self.nodes.append(node)
        return node

    def close(self) -> None:
        """Close all stores."""
        for node in self.nodes:
            disk_of(node).close()


def disk_of(node: Node) -> DiskRows:
    """The rows of a node on disk."""
    assert isinstance(node.rows, DiskRows)
    return node.rows


def remains(node: Node, text: str) -> list[str]:
    """Say where a text is left on a device."""
    needle = Needle.of_text(text)
    return left_on(node, [needle])[needle.raw]


def left_on(node: Node, needles: Iterable[Needle]) -> dict[bytes, list[str]]:
    """Say where each is left on a device: in a file's bytes, in a row, or in what was ever copied of it and
    opens with a key that is still here.
    """
    rows, keys = disk_of(node), defaultdict[bytes, list[MonthKey]](list)
    values = [(table, rows.store.get(table, key) or b"") for table, key in rows._stored()]
    for key, row in rows.store.items(KEYS):
        keys[key[:ROOM_ID_B]].append(MonthKey(int.from_bytes(row[:4]), row[4:]))
    bodies, found = list(rows.thief.opened(keys)), dict[bytes, list[str]]()
    for raw, patterns in needles:
        hits = search_files(rows.path.parent, list(patterns))
        places = [f"{one.place} ({one.encoding})" for one in hits]
        places += [f"row of {table}" for table, value in values if raw in value]
        is_opened = any(raw in body for body in bodies)
        found[raw] = places + ["a body under a key that remains"] * is_opened
    return found


def boxes_of_rooms(node: Node) -> set[bytes]:
    """The boxes of bodies and of their keys as they stand now, from a copy of the open store."""
    rows = disk_of(node)
    ledger = rows.store._run.ledger._rows  # type: ignore[union-attr]  # an open store has a run
    ids = {ledger.row_id(table, key) for table, key in rows._stored() if table in (KEYS, SEGMENTS)}
    path = rows.copied("boxes")
    with keyless(path) as connection:
        found = connection.execute("SELECT p.id, s.box FROM place p JOIN slot s ON s.n = p.slot").fetchall()
    shutil.rmtree(path.parent)
    return {box for row_id, box in found if row_id in ids}


def left_of(node: Node, gone: Iterable[bytes]) -> int:
    """Count the boxes of which a piece stands in some file of a node: database, log, free pages."""
    folder = disk_of(node).path.parent
    content = b"".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())
    return sum(box[:PIECE_B] in content for box in gone)
