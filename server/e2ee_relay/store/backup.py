"""A copy of the database while the relay runs, and its way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from .api import StoreError
from .mark import flush_directory
from .sqlite_schema import migrate, refuse_newer, schema_version

# The header of a database: its first bytes, and the versions by which it is written and read with a journal.
_MAGIC: Final = b"SQLite format 3\0"
_VERSIONS: Final = slice(18, 20)
_WITH_JOURNAL: Final = b"\2\2"


def back_up(source: Path, destination: Path, *, with_messages: bool) -> int:
    """Write a consistent copy; messages, remembered ids and blobs are left out unless asked for.

    The parts of blobs are in no copy of the database. Return how many blobs the relay had.

    Raises:
        StoreError: there is no database (RLY-175), or the destination exists.
        SchemaTooNew: a newer release wrote the database, and it may have messages in tables unknown here.
    """
    refuse_missing(source)
    if destination.exists():
        raise StoreError(f"the destination exists: {destination}")
    origin = sqlite3.connect(source, isolation_level=None, timeout=10.0)
    try:
        refuse_newer(schema_version(origin))
        destination.touch(mode=0o600)
        _copy(origin, destination, with_messages=with_messages)
        has_blobs = "blob" in _tables(origin)
        return int(origin.execute("SELECT count(*) FROM blob").fetchone()[0]) if has_blobs else 0
    finally:
        origin.close()


def refuse_missing(database: Path) -> None:
    """Refuse to open what SQLite would take for a new database.

    Raises:
        StoreError: the file is missing or empty.
    """
    if not database.exists():
        raise StoreError(f"there is no database in the data directory: {database} is missing")
    if not database.stat().st_size:
        raise StoreError(f"there is no database in the data directory: {database} is empty")


def _copy(origin: sqlite3.Connection, destination: Path, *, with_messages: bool) -> None:
    copy = sqlite3.connect(destination, isolation_level=None)
    origin.backup(copy)
    # A copy in WAL mode would need its side files; a single file is what one wants to carry away.
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.execute("PRAGMA secure_delete = ON")
    if not with_messages:
        # One of an older schema is copied as it is (RLY-152), and may lack the youngest of these.
        for table in _tables(copy) & {"message", "seen", "cold_message", "remembered", "blob"}:
            copy.execute(f"DELETE FROM {table}")  # noqa: S608 - fixed names
        copy.execute("VACUUM")
    copy.close()


def _tables(db: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def put_back(source: Path, database: Path) -> Path | None:
    """Put a backup in the place of the database of a relay that does not run; the mark stays (RLY-76).

    The old database goes only when the copy has been checked and is on the disk, and is kept beside it under
    a name that is free (RLY-191). Return its path, None where there was none.

    Raises:
        StoreError: the backup is damaged, or not a relay's, or of a newer release.
    """
    if not source.exists():
        raise StoreError(f"there is no such backup: {source}")
    fresh = database.with_name(database.name + ".new")
    fresh.unlink(missing_ok=True)
    shutil.copyfile(source, fresh)
    fresh.chmod(0o600)
    try:
        _check(fresh)
    except (sqlite3.Error, StoreError) as error:
        fresh.unlink()
        raise StoreError(f"the backup {source} cannot be used: {error}") from None
    like = database.parent.stat()
    if os.geteuid() == 0:
        os.chown(fresh, like.st_uid, like.st_gid)
    old = _keep(database)
    flush_directory(database.parent)
    fresh.replace(database)
    flush_directory(database.parent)
    return old


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
    with database.open("rb") as file:
        header = file.read(_VERSIONS.stop)
    if not header.startswith(_MAGIC) or header[_VERSIONS] != _WITH_JOURNAL:
        return
    db = sqlite3.connect(database, isolation_level=None)
    # So is what turns out to be damaged.
    with closing(db), suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


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
    finally:
        db.close()
    descriptor = os.open(copy, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
