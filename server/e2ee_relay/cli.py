"""`sealroom-relay`: serve, and the operator's commands on what is stored."""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

from . import __version__
from .bench import command as bench
from .commands import COMMANDS, ON_STORE, on_shared_store
from .config import Config, config_path, load
from .consent import EXIT_FAILED, EXIT_OK, EXIT_UNREAD, EXIT_USAGE
from .serving import serve
from .setting_table import SETTINGS
from .settings import ConfigError, ConfigErrors, raise_all
from .store.api import StoreError
from .store.manifest import render_manifest

_READABLE: Final = "not as a flag, which others on this machine can read: in a file, or in the environment"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    # Those that were closed before the start.
    sys.stdout, sys.stderr = (_nowhere() if one is None else one for one in (sys.stdout, sys.stderr))
    options = _parser().parse_args(arguments)
    try:
        status = _run(options)
        sys.stdout.flush()
        return status
    except ConfigError as error:
        for fault in error.faults:
            print(f"sealroom-relay: {fault}", file=sys.stderr)
        return EXIT_USAGE
    except (StoreError, OSError, sqlite3.Error) as error:
        if isinstance(error, BrokenPipeError) and options.command != "serve":
            # Whoever read our output has enough: keep the interpreter's last flush from complaining.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_UNREAD
        print(f"sealroom-relay: {error}", file=sys.stderr)
        return EXIT_FAILED


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _run(options: argparse.Namespace) -> int:
    if options.command == "manifest":
        print(render_manifest(), end="")
        return EXIT_OK
    if options.command == "bench":
        return bench.run(options)
    config = _config(options)
    if options.command == "serve":
        return _check(config) if options.check_config else _serve(config)
    if options.command == "check-config":
        return _check(config)
    if config.store and options.command in ON_STORE:
        return on_shared_store(config, options)
    return COMMANDS[options.command](config, options)


# --- arguments ---


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sealroom-relay", description="Store and forward sealed envelopes.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = _command(commands.add_parser, "serve", "run the relay")
    serving.add_argument("--check-config", action="store_true", help="check the configuration and exit")
    for name in ("listen", "relay-name", "tls-cert", "tls-key", "metrics-listen", "log-level", "store"):
        serving.add_argument(f"--{name}")
    text = "start without TLS on an address that other machines reach; what travels is readable on the way"
    serving.add_argument("--public-plaintext", action="store_const", const="true", help=text)
    _command(commands.add_parser, "check-config", "check the configuration and exit, as serve --check-config")
    inspect = _command(commands.add_parser, "inspect", "print everything held about a mailbox or an account")
    _add_subject(inspect)
    purge = _command(commands.add_parser, "purge", "remove everything held about a mailbox or an account")
    _add_subject(purge)
    purge.add_argument("--yes", action="store_true", help="remove it without asking, for scripts")
    expire = _command(
        commands.add_parser, "expire-now", "delete what has expired, without waiting for the next sweep"
    )
    for one in (purge, expire):
        one.add_argument("--wait-s", type=int, default=30, help="how long to wait for a running relay (30)")
    stats = _command(commands.add_parser, "stats", "count what is stored")
    for one in (inspect, stats):
        one.add_argument("--json", action="store_true", help="as JSON, for programs; complete")
    _add_subject(_command(commands.add_parser, "block", "serve a mailbox or an account no longer"))
    _add_subject(_command(commands.add_parser, "unblock", "serve it again"))
    _command(commands.add_parser, "rotate", "make a new registration secret, in its file and on the output")
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
    restore = _command(
        commands.add_parser, "restore", "put a backup into the place of a stopped relay's database"
    )
    restore.add_argument("source", type=Path)
    text = "bring the database to this release's schema; `serve` does so by itself"
    migrating = _command(commands.add_parser, "migrate", text).add_mutually_exclusive_group()
    migrating.add_argument("--check", action="store_true", help="only tell whether something is pending")
    migrating.add_argument("--dry-run", action="store_true", help="carry it out and take it all back")
    text = "measure what a relay carries on this machine, or one at an address"
    bench.add_options(commands.add_parser("bench", help=text, description=text))
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
    malformed: list[ConfigError] = []
    for pair in options.set:
        name, equals, value = pair.partition("=")
        if name == "registration_secret":
            malformed.append(ConfigError(name, _READABLE))
        elif equals:
            flags[name] = value
        else:
            malformed.append(ConfigError(name, "written as NAME=VALUE"))
    flags.update(
        {name: value for name, value in vars(options).items() if name in SETTINGS and value is not None}
    )
    serves = options.command in ("serve", "check-config")
    try:
        config = load(config_path(os.environ, options.config), os.environ, flags, serves=serves)
    except ConfigError as error:
        raise ConfigErrors([*malformed, *error.faults]) from None
    raise_all(malformed)
    return config


# --- serve ---


def _serve(config: Config) -> int:
    return EXIT_OK if asyncio.run(serve(config)) else EXIT_FAILED


def _check(config: Config) -> int:
    for doubt in config.doubts():
        print(f"sealroom-relay: note: {doubt}", file=sys.stderr)
    print("the configuration can be used")
    return EXIT_OK
