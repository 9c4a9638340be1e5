"""Where passphrases come from: a file descriptor, the environment, or a person at the terminal."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import Final

from .failures import Refused
from .texts import Texts

_MAX_LINE_B: Final = 4096


@dataclass(frozen=True, slots=True)
class Source:
    """One passphrase: its file descriptor if one was given, and the names under which people know it."""

    fd: int | None
    option: str
    variable: str
    prompt: str
    new_prompt: str

    def get(self, texts: Texts, *, new: bool = False) -> str:
        """Return the passphrase; a new one that a person types is asked for twice.

        Raises:
            Refused: passphrase.missing, .unreadable, .empty or .mismatch.
        """
        given = self._given()
        if given is None:
            given = self._ask(texts, new)
        if not given:
            raise Refused("passphrase.empty")
        return given

    def _given(self) -> str | None:
        if self.fd is not None:
            return _first_line(self.fd)
        return os.environ.get(self.variable)

    def _ask(self, texts: Texts, new: bool) -> str:
        if not _has_terminal():
            raise Refused("passphrase.missing", variable=self.variable, option=self.option)
        try:
            typed = getpass.getpass(texts.say(self.new_prompt if new else self.prompt))
            if new and typed and getpass.getpass(texts.say("ask.again")) != typed:
                raise Refused("passphrase.mismatch")
        except EOFError:
            raise Refused("passphrase.empty") from None
        return typed


def store_source(fd: int | None) -> Source:
    """Return the source of the store's passphrase."""
    return Source(fd, "--passphrase-fd", "SEALROOM_PASSPHRASE", "ask.passphrase", "ask.new_passphrase")


def backup_source(fd: int | None) -> Source:
    """Return the source of the passphrase of a backup or an exported account key."""
    return Source(
        fd,
        "--backup-passphrase-fd",
        "SEALROOM_BACKUP_PASSPHRASE",
        "ask.backup_passphrase",
        "ask.new_backup_passphrase",
    )


def _has_terminal() -> bool:
    """Whether there is a terminal to ask on, wherever the standard streams go."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _first_line(fd: int) -> str:
    """Read one line, byte by byte: what follows may be the text to send."""
    line = bytearray()
    try:
        while len(line) <= _MAX_LINE_B and (byte := os.read(fd, 1)) not in (b"", b"\n"):
            line += byte
        return line.removesuffix(b"\r").decode()
    except (OSError, OverflowError, UnicodeDecodeError):
        raise Refused("passphrase.unreadable", fd=fd) from None
