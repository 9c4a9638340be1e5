"""Devices with real stores that lose their power between any two writes, or go on from older copies."""

from __future__ import annotations

import shutil
from pathlib import Path

from e2ee_client import restoring
from e2ee_client.engine import Channel, Effect, Engine, Setup
from e2ee_client.engine.rooms.entry_keys import KEYS
from e2ee_client.engine.stored_sessions import Sessions
from e2ee_client.rows import Continuity, Delete, Put
from e2ee_client.store import Store, StoreOptions
from e2ee_client.store.opening import Run
from e2ee_relay.protocol import Role, Send, decode_frames
from engine_world import RELAY_URL, Node
from erase_scan import PIECE_B, DiskRows, DiskWorld, disk_of
from store_probe import RAW_KEY

from e2ee.content import encode
from e2ee.errors import E2eeError
from e2ee.session import Session, open_
from e2ee.wire import envelope as envelopes

RARELY = StoreOptions(erase_every=1_000)


class PowerCut(Exception):
    """The machine has no power any more."""


class CutStore(Store):
    """A store whose machine may lose its power between a commit and the erasure after it."""

    __slots__ = ("cuts",)
    cuts: bool

    def _erase(self, run: Run) -> None:
        if getattr(self, "cuts", False):
            raise PowerCut
        super()._erase(run)


class CutRows(DiskRows):
    """Rows whose machine loses its power at a commit: before it, within it, or after it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.store.close()
        self._copies = 0
        self._left_b: set[bytes] = set()
        self.cut_in, self.cut_where = -1, "after"
        self.store = CutStore.open(path, RAW_KEY, options=RARELY)

    def commit(self, changes: tuple[Put | Delete, ...]) -> None:
        self.cut_in -= 1
        if self.cut_in == 0 and self.cut_where == "before":
            raise PowerCut
        if self.cut_in == 0 and self.cut_where == "within" and isinstance(self.store, CutStore):
            self.store.cuts = True
        changes_keys = any(one.table == KEYS for one in changes)
        if changes_keys:
            self._left_b |= self._boxes()
        super().commit(changes)
        if self.cut_in == 0:
            raise PowerCut

    def _boxes(self) -> set[bytes]:
        """The boxes of all keys as they stand now."""
        run = self.store._run
        assert run is not None
        ids = {run.ledger._rows.row_id(KEYS, key) for key, _ in self.store.items(KEYS)}
        found = run.connection.execute("SELECT p.id, s.box FROM place p JOIN slot s ON s.n = p.slot")
        return {box for row_id, box in found.fetchall() if row_id in ids}

    def boxes_left(self) -> int:
        """Count the boxes of keys that are no more, of which a piece stands in some file."""
        content = b"".join(one.read_bytes() for one in sorted(self.path.parent.rglob("*")) if one.is_file())
        return sum(box[:PIECE_B] in content for box in self._left_b - self._boxes())

    def copied(self, name: str) -> Path:
        self._copies += 1
        folder = (
            self.path.parent.parent / f"{name} {self._copies} of {self.path.parent.name.split(' of ')[-1]}"
        )
        shutil.copytree(self.path.parent, folder)
        return folder / self.path.name

    def reload(self) -> None:
        """Go on from the files as they stand; those of before are gone."""
        self.go_on_from(self.copied("again"))

    def go_on_from(self, place: Path) -> None:
        """Go on from other files, in the place of these."""
        if isinstance(self.store, CutStore):
            self.store.cuts = False
        self.store.close()
        shutil.rmtree(self.path.parent)
        self.path, self.cut_in = place, -1
        self.store = CutStore.open(place, RAW_KEY, options=RARELY)
        self.tables = {}
        for table, key in self._stored():
            self.tables.setdefault(table, {})[key] = self.store.get(table, key) or b""


class CutNode(Node):
    """A device that begins again by itself when its power comes back."""

    _depth = 0

    def carry_out(self, effects: list[Effect]) -> None:
        self._depth += 1
        try:
            super().carry_out(effects)
        except PowerCut:
            if self._depth > 1:
                raise
            rows_of(self).reload()
            self.begin_again(Continuity.CONTINUOUS)
        finally:
            self._depth -= 1

    def begin_again(self, continuity: Continuity) -> None:
        """Start from the rows that are there."""
        self.events.clear()
        for connection in self.connections.values():
            connection.drop()
        self.connections.clear()
        self.waiting.clear()
        self.engine, effects = Engine.load(self.rows, continuity, self.ports, self.now_ms)
        super().carry_out(effects)
        super().carry_out(self.engine.start(self.now_ms))


class CutWorld(DiskWorld):
    """All envelopes that were ever sent are kept by the relay."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.envelopes: list[bytes] = []

    def node(
        self,
        name: str,
        *,
        publish: bool = False,
        keep_alive_ms: int | None = None,
        ahead_ms: int = 0,
        **setup: object,
    ) -> Node:
        chosen = Setup(RELAY_URL, name=name, publish=publish, **({"front_desk": publish} | setup))  # type: ignore[arg-type]  # test setups
        rows = CutRows(self.folder / f"{len(self.nodes)} {name}" / "store")
        node = CutNode(self, name, chosen, rows, keep_alive_ms=keep_alive_ms, ahead_ms=ahead_ms)
        node.outgoing = self._record
        self.nodes.append(node)
        return node

    def _record(self, _: Channel, data: bytes) -> list[bytes]:
        for frame in decode_frames(data, Role.RELAY):
            if isinstance(frame, Send):
                self.envelopes += [one.body for one in frame.items]
        return [data]


def rows_of(node: Node) -> CutRows:
    """The rows of a device."""
    rows = disk_of(node)
    assert isinstance(rows, CutRows)
    return rows


def begin_again(node: Node, continuity: Continuity) -> None:
    """Let a device start from the rows that are there."""
    assert isinstance(node, CutNode)
    node.begin_again(continuity)


def opened_of_traffic(world: CutWorld, node: Node) -> list[bytes]:
    """The contents of all traffic that open with the sessions and message keys which a device still has."""
    sessions, found = Sessions(), list[bytes]()
    sessions.load(rows_of(node).store)
    kept = list(map(sessions.__getitem__, list(sessions)))
    for body in world.envelopes:
        for session in kept:
            content = _content(session, body, node.now_ms)
            if content is not None:
                found.append(content)
    return found


def _content(session: Session, body: bytes, now_ms: int) -> bytes | None:
    try:
        return encode(open_(session, envelopes.decode(body), now_ms).content)
    except E2eeError:
        return None


def backup_of(node: Node) -> bytes:
    """All bytes of a backup that a device makes now (STO-26); nothing where it has no account key."""
    if node.engine._state.own.account_key is None:
        return b""
    saved = restoring.gather(rows_of(node).store, None)
    parts = (saved.lists, saved.contacts, saved.messages, saved.timeline, saved.devices, saved.company)
    return b"".join(value for part in parts for row in part for value in row)
