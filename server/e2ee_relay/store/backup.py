"""A copy of the database while the relay runs, and its way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from .api import StoreError
from .mark import flush_directory, give_to_owner
from .sqlite_schema import migrate, refuse_newer

# The header of a database: its first bytes, and the versions by which it is written and read with a journal.
_MAGIC: Final = b"SQLite format 3\0"
_VERSIONS: Final = slice(18, 20)
_WITH_JOURNAL: Final = b"\2\2"
_FIGURES: Final = ("user_version", "application_id")
_PIECE_B: Final = 1 << 20
_OF_MESSAGES: Final = frozenset({"message", "seen", "cold_message", "remembered", "blob"})


def back_up(source: Path, destination: Path, *, with_messages: bool) -> int:
    """Write a consistent copy; messages, remembered ids and blobs are left out unless asked for.

    It gets its name when it is whole and on the disk (RLY-272). The parts of blobs are in no copy of the
    database. Return how many blobs the relay had.

    Raises:
        StoreError: there is no database (RLY-175), the destination exists, or a copy to it is being written.
        SchemaTooNew: a newer release wrote the database, and it may have messages in tables unknown here.
    """
    refuse_missing(source)
    if destination.exists():
        raise StoreError(f"the destination exists: {destination}")
    part = destination.with_name(destination.name + ".part")
    try:
        open(part, "xb", opener=_private).close()
    except FileExistsError:
        raise StoreError(f"{part} exists: of a backup that runs, or was killed; then delete it") from None
    try:
        blobs = _copy(source, part, with_messages=with_messages)
        _flush(part)
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)
    flush_directory(destination.parent)
    return blobs


def refuse_missing(database: Path) -> None:
    """Refuse to open what SQLite would take for a new database.

    Raises:
        StoreError: the file is missing or empty.
    """
    if not database.exists():
        raise StoreError(f"there is no database in the data directory: {database} is missing")
    if not database.stat().st_size:
        raise StoreError(f"there is no database in the data directory: {database} is empty")


def _copy(source: Path, part: Path, *, with_messages: bool) -> int:
    """Copy table by table, in one transaction, so that what is left out is never written."""
    with closing(sqlite3.connect(part, isolation_level=None, timeout=10.0)) as copy:
        # What fails is deleted as a whole, and what does not is flushed as a whole.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        copy.execute("ATTACH ? AS origin", (os.fsencode(source),))
        copy.execute("BEGIN")
        version, program = (copy.execute(f"PRAGMA origin.{name}").fetchone()[0] for name in _FIGURES)
        refuse_newer(version)
        made = copy.execute("SELECT name, type, sql FROM origin.sqlite_schema WHERE sql IS NOT NULL")
        kinds: dict[str, str] = {}
        # Names of its own are SQLite's: the statistics that an operator's ANALYZE has left.
        for name, kind, sql in (one for one in made.fetchall() if not one[0].startswith("sqlite_")):
            copy.execute(sql)
            kinds[name] = kind
        tables = {name for name, kind in kinds.items() if kind == "table"}
        # One of an older schema is copied as it is (RLY-152), and may lack the youngest of these.
        for table in tables if with_messages else tables - _OF_MESSAGES:
            copy.execute(f"INSERT INTO main.{table} SELECT * FROM origin.{table}")  # noqa: S608 - our names
        for name, value in zip(_FIGURES, (version, program), strict=True):
            copy.execute(f"PRAGMA main.{name} = {value}")
        count = "SELECT count(*) FROM origin.blob" if "blob" in tables else "SELECT 0"
        blobs = int(copy.execute(count).fetchone()[0])
        copy.execute("COMMIT")
    return blobs


def put_back(source: Path, database: Path) -> Path | None:
    """Put a backup in the place of the database of a relay that does not run; the mark stays (RLY-76).

    The old database goes only when the copy has been checked and is on the disk, and is kept beside it under
    a name that is free (RLY-191). Return its path, None where there was none.

    Raises:
        StoreError: the backup is damaged, or not a relay's, or of a newer release.
    """
    if not source.exists():
        raise StoreError(f"there is no such backup: {source}")
    fresh = _fresh(database)
    if fresh.exists() and fresh.samefile(source):
        raise StoreError(f"the name {fresh} is needed: give the backup another one")
    forget_unfinished(database)
    try:
        _take(source, fresh)
        try:
            _check(fresh)
        except (sqlite3.Error, StoreError) as error:
            raise StoreError(f"the backup {source} cannot be used: {error}") from None
        old = _keep(database)
        flush_directory(database.parent)
        fresh.replace(database)
    finally:
        forget_unfinished(database)
    flush_directory(database.parent)
    return old


def _take(source: Path, fresh: Path) -> None:
    """Copy a backup, and with it what is in its journal only, as in a copy of files (RLY-273)."""
    _copy_file(source, fresh)
    journal = _beside(source.resolve())[0]
    if _has_journal(source) and journal.exists():
        _copy_file(journal, _beside(fresh)[0])


def _copy_file(path: Path, copy: Path) -> None:
    with path.open("rb") as content, open(copy, "xb", opener=_private) as file:
        give_to_owner(file.fileno(), copy)
        shutil.copyfileobj(content, file, _PIECE_B)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def forget_unfinished(database: Path) -> None:
    """Delete what a `restore` that failed, or was killed, has left (RLY-273)."""
    for path in (_fresh(database), *_beside(_fresh(database))):
        path.unlink(missing_ok=True)


def _fresh(database: Path) -> Path:
    return database.with_name(database.name + ".new")


def _keep(database: Path) -> Path | None:
    """Give the database a second name, so that there is one under its own at each moment.

    Its journal is emptied into it before: there is nothing beside it then that a crash could leave behind.
    """
    journal, side = _beside(database)
    if not database.exists():
        journal.unlink(missing_ok=True)
        side.unlink(missing_ok=True)
        return None
    _empty_journal(database)
    old = _free_name(database)
    if not old.exists():
        _link(database, old)
    # That of a damaged database, which SQLite could not open; over the copy it would damage that.
    if journal.exists():
        _link(journal, _beside(old)[0])
        flush_directory(database.parent)
        journal.unlink(missing_ok=True)
    side.unlink(missing_ok=True)
    return old


def _empty_journal(database: Path) -> None:
    # SQLite deletes a journal beside a file that it takes for none with a journal: both are kept as they are.
    if not _has_journal(database):
        return
    db = sqlite3.connect(database, isolation_level=None)
    # So is what turns out to be damaged.
    with closing(db), suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _has_journal(database: Path) -> bool:
    """Tell whether what is in a journal beside the file belongs to it."""
    with database.open("rb") as file:
        header = file.read(_VERSIONS.stop)
    return header.startswith(_MAGIC) and header[_VERSIONS] == _WITH_JOURNAL


def _free_name(database: Path) -> Path:
    """Return the first name that nothing else is kept under; one of this file is left by a crash."""
    number = 1
    while True:
        old = database.with_name(f"{database.name}.old" + (f".{number}" if number > 1 else ""))
        if old.exists() and old.samefile(database):
            return old
        if not old.exists() and not _beside(old)[0].exists():
            return old
        number += 1


def _link(path: Path, second: Path) -> None:
    second.unlink(missing_ok=True)
    try:
        second.hardlink_to(path)
    except OSError:  # a file system without hard links
        path.replace(second)


def _beside(database: Path) -> tuple[Path, Path]:
    """Return the paths of the journal and of its index."""
    return database.with_name(database.name + "-wal"), database.with_name(database.name + "-shm")


def _check(copy: Path) -> None:
    db = sqlite3.connect(copy, isolation_level=None)
    try:
        if not db.execute("PRAGMA application_id").fetchone()[0]:
            raise StoreError("not a relay's database")
        migrate(db)
        if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise StoreError("it is damaged")
        # Now, where a fault is told, what stood in its journal goes into the one file.
        db.execute("PRAGMA journal_mode = DELETE")
    finally:
        db.close()
    _flush(copy)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
