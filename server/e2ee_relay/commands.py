"""The operator's commands on what is stored, beside a running relay or without one."""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Final

from .administration import expire_stored, rotate_registration_secret, statistics
from .blocklist import ACCOUNT_B, MAILBOX_B, BlockList
from .clock import resumed_ms
from .config import Config
from .consent import EXIT_FAILED, EXIT_OK, remove, say, warn
from .datadir import DATABASE, DataDirectory, stands_still
from .inspection import (
    ask_running_relay,
    held_about_account,
    held_about_mailbox,
    is_asked,
    open_current,
    open_read_only,
    purge_now,
)
from .reports import JsonValue, print_held, print_statistics
from .settings import ConfigError
from .store.api import EXPIRE, StoreError, StoreInUse
from .store.backup import back_up, put_back, refuse_missing
from .store.blobs import blob_folder
from .store.sqlite_file import DatabaseFile
from .store.sqlite_schema import SCHEMA_VERSION, describe, refuse_newer, rehearse, schema_version

_POLL_S: Final = 0.2
_NO_BLOBS: Final = (
    "{blobs} blobs are not in the backup: their parts are in {folder}. Copy it behind a backup with messages;"
    " after a restore, blobs without their parts are not found"
)


def subject_of(options: argparse.Namespace) -> tuple[str, bytes]:
    """Return kind and id of what a command is about.

    Raises:
        ConfigError: it is no id.
    """
    kind, text, size_b = (
        ("mailbox", options.mailbox, MAILBOX_B)
        if options.mailbox is not None
        else ("account", options.account, ACCOUNT_B)
    )
    try:
        subject = bytes.fromhex(text)
    except ValueError:
        raise ConfigError(kind, f"{size_b} bytes in hex") from None
    if len(subject) != size_b:
        raise ConfigError(kind, f"{size_b} bytes in hex")
    return kind, subject


def _held(config: Config, kind: str, subject: bytes) -> dict[str, list[dict[str, JsonValue]]]:
    with closing(open_current(config.database_path)) as db:
        return held_about_mailbox(db, subject) if kind == "mailbox" else held_about_account(db, subject)


@contextmanager
def _stopped(config: Config) -> Iterator[DatabaseFile]:
    """Open the database of a relay that does not run.

    Raises:
        StoreInUse: it runs.
        StoreError: there is no database, or it cannot be used.
    """
    open_read_only(config.database_path).close()
    with (
        DataDirectory.claim(config.data_dir) as directory,
        closing(directory.open_store(config.disk_reserve_b)) as store,
    ):
        yield store


def _inspect(config: Config, options: argparse.Namespace) -> int:
    kind, subject = subject_of(options)
    print_held(_held(config, kind, subject), kind, as_json=options.json)
    return EXIT_OK


def _purge(config: Config, options: argparse.Namespace) -> int:
    kind, subject = subject_of(options)
    refuse_missing(config.database_path)
    look, assumed = partial(_held, config, kind, subject), options.yes
    try:
        directory = DataDirectory.claim(config.data_dir)
    except StoreInUse:
        ask = partial(_ask_and_wait, config, kind, subject, options.wait_s)
        return remove(look, ask, kind, subject, assumed=assumed, by="the running relay")

    def purge() -> int:
        with closing(directory.open_store(config.disk_reserve_b)) as store:
            purge_now(store, kind, subject)
        return EXIT_OK

    with directory:
        directory.spare(config.disk_reserve_b).give_back()  # without any room there is none for a look
        return remove(look, purge, kind, subject, assumed=assumed, by="this command")


def _expire(config: Config, options: argparse.Namespace) -> int:
    try:
        with _stopped(config) as store:
            count = expire_stored(store, resumed_ms(store.clock_ms(), time.time_ns() // 1_000_000))
    except StoreInUse:
        status = _ask_and_wait(config, EXPIRE, EXPIRE.encode("ascii"), options.wait_s)
        return say("expired by the running relay") if status == EXIT_OK else status
    return say(f"expired messages deleted: {count}")


def _ask_and_wait(config: Config, kind: str, subject: bytes, wait_s: int) -> int:
    ask_running_relay(config.database_path, kind, subject)
    deadline = time.monotonic() + wait_s
    with closing(open_read_only(config.database_path)) as db:
        while (waits := is_asked(db, subject)) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
    return warn("the running relay has not done it yet; it will") if waits else EXIT_OK


def _stats(config: Config, options: argparse.Namespace) -> int:
    print_statistics(statistics(config), as_json=options.json)
    return EXIT_OK


def _block(config: Config, options: argparse.Namespace) -> int:
    open_read_only(config.database_path).close()
    kind, subject = subject_of(options)
    is_new = BlockList(config.data_dir).add(subject)
    return say(f"{kind} blocked" if is_new else f"the {kind} was blocked already")


def _unblock(config: Config, options: argparse.Namespace) -> int:
    open_read_only(config.database_path).close()
    kind, subject = subject_of(options)
    was_blocked = BlockList(config.data_dir).remove(subject)
    return say(f"{kind} unblocked") if was_blocked else warn(f"the {kind} is not blocked")


def _rotate(config: Config, _options: argparse.Namespace) -> int:
    say(rotate_registration_secret(config))
    warn("the new registration secret is in its file; send SIGHUP to a running relay")
    return EXIT_OK


def _back_up(config: Config, options: argparse.Namespace) -> int:
    blobs = back_up(config.database_path, options.destination, with_messages=options.with_messages)
    if blobs:
        warn(_NO_BLOBS.format(blobs=blobs, folder=blob_folder(config.database_path)))
    return EXIT_OK


def _restore(config: Config, options: argparse.Namespace) -> int:
    with DataDirectory.claim(config.data_dir), stands_still(options.source, config.data_dir):
        kept = put_back(options.source, config.database_path)
    if kept is not None:
        say(f"the database of before is kept as {kept}; it has what was deleted since the backup")
    return say("restored; `sealroom-relay restore-check` tells what the next start will do")


def _restore_check(config: Config, _options: argparse.Namespace) -> int:
    with _stopped(config) as store:
        intact = store.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        restored = store.is_restored()
        report = {
            "database": DATABASE,
            "schema": schema_version(store.connection),
            "schema_known": SCHEMA_VERSION,
            "intact": intact,
            "older_copy": restored,
            "one_time_keys_burn_at_start": restored,
        }
    say(json.dumps(report, indent=2))
    return EXIT_OK if intact else EXIT_FAILED


def _restored(config: Config, _options: argparse.Namespace) -> int:
    with _stopped(config) as store:
        burned = store.declare_restored()
    return say(f"declared as restored; one-time keys burned: {burned}")


def _migrate(config: Config, options: argparse.Namespace) -> int:
    with closing(open_read_only(config.database_path)) as db:
        version = schema_version(db)
    refuse_newer(version)
    if options.check:
        say(describe(version))
        return EXIT_OK if version == SCHEMA_VERSION else EXIT_FAILED
    if options.dry_run:
        with (
            DataDirectory.claim(config.data_dir),
            closing(sqlite3.connect(config.database_path, isolation_level=None)) as db,
        ):
            rehearse(db)
    else:
        with _stopped(config):
            version = SCHEMA_VERSION
    return say(describe(version))


def on_shared_store(config: Config, options: argparse.Namespace) -> int:
    """Carry out a command on the database that several nodes share (RLY-112).

    Raises:
        ConfigError: what the command is about is no id.
        StoreError: the database cannot be used.
    """
    try:
        from .store import postgres_inspection
    except ModuleNotFoundError:
        raise StoreError("a shared store needs the extra relay-postgres") from None
    kind, subject = subject_of(options) if hasattr(options, "mailbox") else ("", b"")
    return postgres_inspection.run(config, options, kind, subject)


COMMANDS: Final[dict[str, Callable[[Config, argparse.Namespace], int]]] = {
    "inspect": _inspect,
    "purge": _purge,
    "expire-now": _expire,
    "stats": _stats,
    "block": _block,
    "unblock": _unblock,
    "rotate": _rotate,
    "backup": _back_up,
    "restore": _restore,
    "restore-check": _restore_check,
    "restored": _restored,
    "migrate": _migrate,
}
# Those about what is stored; the others are about files of this machine.
ON_STORE: Final = COMMANDS.keys() - {"rotate"}
