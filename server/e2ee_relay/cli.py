"""`sealroom-relay`: serve, and the operator's commands on what is stored."""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from . import __version__
from .config import SETTINGS, Config, ConfigError, config_path, environment, load
from .datadir import DATABASE, DataDirectory
from .inspection import (
    ask_running_relay,
    held_about_account,
    held_about_mailbox,
    is_asked,
    open_read_only,
    purge_now,
)
from .serving import serve
from .store.backup import back_up
from .store.changes import StoreError, StoreInUse
from .store.manifest import render_manifest
from .store.schema import SCHEMA_VERSION, schema_version

_PURGE_POLL_S: Final = 0.2

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ConfigError as error:
        print(f"sealroom-relay: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (StoreError, OSError, sqlite3.Error) as error:
        print(f"sealroom-relay: {error}", file=sys.stderr)
        return EXIT_FAILED


def _run(options: argparse.Namespace) -> int:
    if options.command == "manifest":
        print(render_manifest(), end="")
        return EXIT_OK
    config = _config(options)
    if options.command == "serve":
        return _check(config) if options.check_config else _serve(config)
    if options.command == "check-config":
        return _check(config)
    if options.command == "inspect":
        return _inspect(config, *_subject(options))
    if options.command == "purge":
        return _purge(config, *_subject(options), wait_s=options.wait_s)
    if options.command == "backup":
        back_up(config.database_path, options.destination, with_messages=options.with_messages)
        return EXIT_OK
    return _restore_check(config) if options.command == "restore-check" else _restored(config)


# --- arguments ---


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sealroom-relay", description="Store and forward sealed envelopes.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = _command(commands.add_parser, "serve", "run the relay")
    serving.add_argument("--check-config", action="store_true", help="check the configuration and exit")
    for name in ("listen", "relay-name", "tls-cert", "tls-key", "metrics-listen", "log-level"):
        serving.add_argument(f"--{name}")
    _command(commands.add_parser, "check-config", "check the configuration and exit, as serve --check-config")
    inspect = _command(
        commands.add_parser, "inspect", "print everything held about a mailbox or an account, as JSON"
    )
    _add_subject(inspect)
    purge = _command(commands.add_parser, "purge", "remove everything held about a mailbox or an account")
    _add_subject(purge)
    purge.add_argument("--wait-s", type=int, default=30, help="how long to wait for a running relay (30)")
    _command(commands.add_parser, "manifest", "print what is stored, why and how long, as Markdown")
    _command(
        commands.add_parser,
        "restore-check",
        "tell whether the database is intact and whether it is an older copy",
    )
    _command(commands.add_parser, "restored", "declare a restored database: its one-time keys are burned")
    backup = _command(
        commands.add_parser, "backup", "write a copy of the database, without messages unless asked"
    )
    backup.add_argument("destination", type=Path)
    backup.add_argument("--with-messages", action="store_true")
    return parser


def _command(add: Callable[..., argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    command = add(name, help=text, description=text)
    command.add_argument("--config", help="TOML file; also SEALROOM_RELAY_CONFIG")
    command.add_argument("--data-dir")
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting")
    return command


def _add_subject(command: argparse.ArgumentParser) -> None:
    subject = command.add_mutually_exclusive_group(required=True)
    subject.add_argument("--mailbox", metavar="HEX", help="16 bytes in hex")
    subject.add_argument("--account", metavar="HEX", help="32 bytes in hex")


def _config(options: argparse.Namespace) -> Config:
    flags: dict[str, str] = {}
    for pair in options.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(name, "written as NAME=VALUE")
        flags[name] = value
    flags.update(
        {name: value for name, value in vars(options).items() if name in SETTINGS and value is not None}
    )
    known = environment()
    return load(config_path(known, options.config), known, flags)


def _subject(options: argparse.Namespace) -> tuple[str, bytes]:
    kind, text, size_b = (
        ("mailbox", options.mailbox, 16) if options.mailbox else ("account", options.account, 32)
    )
    try:
        subject = bytes.fromhex(text)
    except ValueError:
        raise ConfigError(kind, f"{size_b} bytes in hex") from None
    if len(subject) != size_b:
        raise ConfigError(kind, f"{size_b} bytes in hex")
    return kind, subject


# --- serve ---


def _serve(config: Config) -> int:
    return EXIT_OK if asyncio.run(serve(config)) else EXIT_FAILED


def _check(config: Config) -> int:
    config.tls_context()
    for doubt in config.doubts():
        print(f"sealroom-relay: note: {doubt}", file=sys.stderr)
    print("the configuration can be used")
    return EXIT_OK


# --- what is stored ---


def _inspect(config: Config, kind: str, subject: bytes) -> int:
    db = open_read_only(config.database_path)
    held = held_about_mailbox(db, subject) if kind == "mailbox" else held_about_account(db, subject)
    db.close()
    print(json.dumps(held, indent=2))
    return EXIT_OK


def _purge(config: Config, kind: str, subject: bytes, *, wait_s: int) -> int:
    open_read_only(config.database_path).close()
    try:
        directory = DataDirectory.claim(config.data_dir)
    except StoreInUse:
        return _purge_by_relay(config, kind, subject, wait_s)
    store = directory.open_store()
    purge_now(store, kind, subject)
    store.close()
    directory.release()
    print("purged")
    return EXIT_OK


def _purge_by_relay(config: Config, kind: str, subject: bytes, wait_s: int) -> int:
    ask_running_relay(config.database_path, kind, subject)
    db = open_read_only(config.database_path)
    deadline = time.monotonic() + wait_s
    while is_asked(db, subject):
        if time.monotonic() >= deadline:
            print("sealroom-relay: the running relay has not purged yet; it will", file=sys.stderr)
            return EXIT_FAILED
        time.sleep(_PURGE_POLL_S)
    db.close()
    print("purged by the running relay")
    return EXIT_OK


def _restore_check(config: Config) -> int:
    open_read_only(config.database_path).close()
    directory = DataDirectory.claim(config.data_dir)
    store = directory.open_store()
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
    store.close()
    directory.release()
    print(json.dumps(report, indent=2))
    return EXIT_OK if intact else EXIT_FAILED


def _restored(config: Config) -> int:
    open_read_only(config.database_path).close()
    directory = DataDirectory.claim(config.data_dir)
    store = directory.open_store()
    burned = store.declare_restored()
    store.close()
    directory.release()
    print(f"declared as restored; one-time keys burned: {burned}")
    return EXIT_OK
