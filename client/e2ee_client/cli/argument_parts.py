"""What every command has: common options, its help, and the kinds of values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Final

from e2ee.primitives import IN_USE

from .argument_parser import Command, CommandGroup, Parser
from .session import Session, Work
from .texts import LANGUAGES, Texts

TIMEOUT_S: Final = 30.0
Run = Callable[[Session], Work]


def command(above: CommandGroup, texts: Texts, name: str, run: Run, key: str) -> Command:
    """Add a command; its options stand above the common ones."""
    parser = above.add(name, key)
    made = Command(parser, texts).default(run=run)
    if parser is not None:
        common(parser, texts, top=False)
    return made


def group(above: CommandGroup, texts: Texts, name: str, key: str, place: str = "action") -> CommandGroup:
    """Add a command that has commands of its own."""
    parser = above.add(name, key)
    if parser is not None:
        common(parser, texts, top=False)
    return CommandGroup(parser, texts, place)


def common(parser: Parser, texts: Texts, *, top: bool) -> None:
    """Options that may stand before or after the command; what stands after it decides."""
    options = parser.add_argument_group(texts.say("help.common"))
    options.add_argument("-h", "--help", action="help", help=texts.say("help.help"))
    if top:
        shown = f"{version()} ({IN_USE})"
        options.add_argument("--version", action="version", version=shown, help=texts.say("help.version"))
    absent = None if top else argparse.SUPPRESS
    path, file = texts.place("PATH"), texts.place("FILE")
    options.add_argument("--store", type=Path, metavar=path, default=absent, help=texts.say("help.store"))
    options.add_argument("--lang", choices=sorted(LANGUAGES), default=absent, help=texts.say("help.lang"))
    options.add_argument(
        "--passphrase-fd", type=descriptor, metavar="N", default=absent, help=texts.say("help.passphrase_fd")
    )
    options.add_argument("--ca-file", type=Path, metavar=file, default=absent, help=texts.say("help.ca_file"))


def with_timeout(to: Command, default_s: float = TIMEOUT_S) -> Command:
    """Let a command wait at most so long."""
    return to.option("--timeout", key="help.timeout", type=seconds, metavar="S", default=default_s)


def with_backup(to: Command) -> Command:
    """Let a command take the passphrase of a file from a descriptor."""
    return to.option("--backup-passphrase-fd", key="help.backup_passphrase_fd", type=descriptor, metavar="N")


def with_signing(to: Command) -> Command:
    """What signs a request where an account key is kept: the key, the request, and where the answer goes."""
    for name, key in (("key", "key_file"), ("request", "request_file"), ("file", "file")):
        to.argument(name, f"help.{key}", type=Path, metavar=name.upper())
    return with_backup(to.switches(force="help.force"))


def with_list_signing(to: Command) -> Command:
    """What signs a device list where an account key is kept."""
    return with_signing(to.switches(recovered="help.recovered"))


# --- values ---


def version() -> str:
    """Return the version of this program."""
    try:
        return metadata.version("sealroom")
    except metadata.PackageNotFoundError:
        return "sealroom (not installed)"


def descriptor(text: str) -> int:
    """Read the number of a file descriptor."""
    value = int(text)
    if not 0 <= value < 2**31:
        raise ValueError
    return value


def positive(text: str) -> int:
    """Read a number above 0."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def seconds(text: str) -> float:
    """Read a time to wait."""
    value = float(text)
    if not 0 < value <= 10**7:
        raise ValueError
    return value


def port(text: str) -> int:
    """Read a port; 0 is a free one."""
    value = int(text)
    if not 0 <= value <= 65_535:
        raise ValueError
    return value


def lock_minutes(text: str) -> int:
    """Read the minutes after which an application is locked."""
    value = positive(text)
    if value > 720:
        raise ValueError
    return value
