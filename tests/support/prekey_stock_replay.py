"""The relay's real store and mark under a trace of the model Prekeys (RLY-62, RLY-63, RLY-76)."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import cbor2
from e2ee_relay.limits import Policy
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Auth,
    CreateMailbox,
    KnownFrame,
    PrekeysFetch,
    TokenAdd,
    TokenClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.store.api import ML_KEM_768, X25519, HandedOut, Op, PrekeyRow, Refusal
from e2ee_relay.store.mark import Mark, MarkFile
from e2ee_relay.store.sqlite import SqliteStore, Submitted
from e2ee_relay.store.sqlite_directory import SqlDirectory
from e2ee_relay.store.sqlite_file import DatabaseFile
from model_traces import Step, crash_image
from relay_actors import Company, Owner

_NOW_MS: Final = 1_800_000_000_000
_LATER_MS: Final = _NOW_MS + 1


class Crash(Exception):
    """The process ends here: nothing after it runs, and nothing catches it."""


class FaultyMark(MarkFile):
    """A mark that crashes before or after its write, or cannot be written, when it is told to."""

    fault = ""

    def write(self, mark: Mark) -> None:
        """Write, unless told otherwise."""
        if self.fault == "unwritable":
            raise OSError("no room for the mark")
        if self.fault == "before":
            raise Crash
        super().write(mark)
        if self.fault == "after":
            raise Crash


class PrekeyStockReplay:
    """One device's one-time X25519 keys. A key is its id in 4 bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = folder / "0"
        self._place.mkdir()
        self._image = folder / "image"
        self._image_mark: bytes | None = None
        self._crashes = 0
        self._given: list[int] = []
        self._made = 0
        self._starts: dict[bytes, int] = {}  # numbers of the names that starts have drawn
        self._file: DatabaseFile | None = None
        self._company = Company(Owner(), _NOW_MS)
        self._open()
        self._begin()
        self._publish()
        reusable = tuple(PrekeyRow(kind, 1, _LATER_MS, b"reusable") for kind in (X25519, ML_KEM_768))
        self._add(reusable, ())

    @property
    def file(self) -> DatabaseFile:
        """The open database."""
        if self._file is None:
            raise ValueError("the relay is down")
        return self._file

    def close(self) -> None:
        """Let go of the database."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def next_id(self) -> int:
        """For what makes requests for a connection."""
        return 1

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Nothing depends on the answers."""

    def _publish(self) -> None:
        """Make the account whose device has the keys."""
        company, owner = self._company, self._company.owner
        session = self._node.connect(self, bytes(32))
        signed = auth_payload(Policy().relay_name, bytes(32), (owner.mailbox,))
        hashed = (token_hash(company.front_token),)
        for request in (
            CreateMailbox(1, owner.mailbox, owner.owner_pub),
            Auth(1, (owner.mailbox,), owner.owner_pub, owner.key.sign(signed).signature),
            TokenAdd(1, owner.mailbox, hashed, TokenClass.FRONT_DOOR),
            company.entry(self, company.make_list([company.record])),  # type: ignore[arg-type]  # it gives the id
        ):
            self._node.receive(session, request)

    def _add(self, reusable: tuple[PrekeyRow, ...], one_time: tuple[PrekeyRow, ...]) -> None:
        with self.file.transaction():
            SqlDirectory(self.file.connection).add_prekeys(self._company.record_hash, reusable, one_time)

    def _open(self) -> None:
        self._mark = FaultyMark(self._place / "relay.mark")
        self._file = DatabaseFile(self._place / "relay.db", os.urandom(16), self._mark)

    def _begin(self) -> None:
        self._store = SqliteStore(self.file)
        self._node = Node(Policy(), self._store, lambda: _NOW_MS)
        self._store.load(self._node)

    def _crash(self) -> None:
        """Go on with the files as they are now; what the process had in memory is gone."""
        self._crashes += 1
        left = self._place
        self._place = crash_image(left, self._folder / str(self._crashes))
        self.close()

    def carry_out(self, step: Step) -> None:
        """Carry out one step of the model."""
        match step.step["op"]:
            case "upload":
                self._made += 1
                self._upload(self._made)
            case "fetch":
                self._fetch(step.step["n"], step.step["upto"])
            case "crash":
                self._crash()
            case "start":
                self._start(step.step["upto"])
            case "backup":
                self._backup()
            case "restore":
                self._restore(whole=step.after["mark"] != step.before["mark"])
            case "lose mark":
                (self._place / "relay.mark").unlink(missing_ok=True)
            case other:
                raise ValueError(f"no such step: {other}")

    def _upload(self, key_id: int) -> None:
        row = PrekeyRow(X25519, key_id, _LATER_MS, key_id.to_bytes(4, "big"))
        self._add((), (row,))

    def _fetch(self, count: int, upto: str) -> None:
        if upto == "asked":
            self._crash()
            return
        self._mark.fault = {"one write": "before", "two writes": "after", "no mark": "unwritable"}.get(
            upto, ""
        )
        company = self._company
        session = self._node.connect(self, bytes(32))
        fetch = PrekeysFetch(1, company.account_id, company.record_hash, company.front_token)
        ops = [Op(session, fetch, 1) for _ in range(count)]
        try:
            self._store._carry_out([Submitted(op, None) for op in ops])
        except Crash:
            self._crash()
            return
        self._mark.fault = ""
        for op in ops:
            if isinstance(op.result, HandedOut) and op.result.one_time_x25519:
                self._given.append(int.from_bytes(cbor2.loads(op.result.bundle)[4], "big"))
            elif not isinstance(op.result, HandedOut | Refusal):
                raise TypeError(f"a fetch was answered by {op.result}")

    def _start(self, upto: str) -> None:
        self._open()
        self._mark.fault = "before" if upto == "written" else ""
        try:
            self._begin()
        except Crash:
            self._crash()

    def _backup(self) -> None:
        shutil.rmtree(self._image, ignore_errors=True)
        crash_image(self._place, self._image)

    def _restore(self, *, whole: bool) -> None:
        for path in self._place.glob("relay.db*"):
            path.unlink()
        for source in self._image.iterdir():
            if whole or source.name != "relay.mark":
                shutil.copy(source, self._place / source.name)

    def state(self) -> Mapping[str, Any]:
        """What the files say, and what was handed out."""
        mark = MarkFile(self._place / "relay.mark").read()
        database = self._database()
        return {
            "db": database,
            "mark": {
                "there": mark is not None,
                "handed": 0 if mark is None else mark.handed_out,
                "start": 0 if mark is None else self._starts.get(mark.instance, 0),
            },
            "up": self._file is not None,
            "made": self._made,
            "given": self._given,
        }

    def _database(self) -> Mapping[str, Any]:
        probe = crash_image(self._place, self._folder / "probe")
        with closing(sqlite3.connect(probe / "relay.db")) as db:
            db.execute("PRAGMA synchronous = OFF")
            keys = db.execute("SELECT key_id FROM prekey WHERE key_type = ? ORDER BY key_id", (X25519,))
            stock = [int(key) for (key,) in keys]
            (high,) = db.execute(
                "SELECT max(highest_id) FROM prekey_mark WHERE key_type = ?", (X25519,)
            ).fetchone()
            meta = dict(db.execute("SELECT name, value FROM meta"))
        shutil.rmtree(probe)
        return {
            "stock": stock,
            "high": int(high or 0),
            "handed": int(meta["handed_out"]),
            "start": self._starts.setdefault(bytes(meta["instance"]), len(self._starts) + 1),
            "previous": self._starts.get(bytes(meta["previous_instance"]), 0),
        }
