"""Where passphrases come from: a file descriptor, the environment, or a person at the terminal."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .failures import Refused
from .texts import Texts

_MAX_LINE_B: Final = 4096
MIN_CHARACTERS: Final = 12
_MIN_DIFFERENT: Final = 5
# What people take whom a program asks for twelve characters.
_COMMON: Final = (
    "password", "passwort", "passphrase", "kennwort", "geheim", "hallo", "willkommen", "welcome", "sealroom",
    "qwertyuiop", "qwertzuiop", "qwerty", "qwertz", "asdfghjkl", "iloveyou", "ichliebedich", "letmein",
    "administrator", "admin", "changeme", "correcthorsebatterystaple", "abcdefghijkl", "abcdefghijklm",
    "abcdefghijklmnopqrstuvwxyz", "schalke", "dragon", "monkey", "football", "fussball", "sunshine", "secret",
    "123456789012", "1234567890123", "123456789123", "012345678901", "0123456789", "12345678910",
    "1qaz2wsx3edc", "1q2w3e4r5t6y", "1q2w3e4r5t6z", "a1b2c3d4e5f6", "abc123456789", "123456789abc",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """One passphrase: its file descriptor if one was given, and the names under which people know it."""

    fd: int | None
    option: str
    variable: str
    prompt: str
    new_prompt: str

    def get(self, texts: Texts, warn: Callable[[str], None], *, new: bool = False) -> str:
        """Return the passphrase; a new one that a person types is asked for twice.

        A new one that is weak is refused where a person can type another one. What a program gave is taken,
        with a warning.

        Raises:
            Refused: passphrase.missing, .unreadable, .empty, .mismatch, .short or .common.
        """
        given = self._given()
        if given is None:
            return self._ask(texts, new)
        if not given:
            raise Refused("passphrase.empty")
        weakness = weakness_of(given) if new else None
        if weakness is not None:
            warn(texts.say("passphrase.weak", reason=texts.say(f"error.{weakness}", least=MIN_CHARACTERS)))
        return given

    def _given(self) -> str | None:
        if self.fd is not None:
            return _first_line(self.fd)
        return os.environ.get(self.variable)

    def _ask(self, texts: Texts, new: bool) -> str:
        if not _has_terminal():
            raise Refused("passphrase.missing", variable=self.variable, option=self.option)
        try:
            typed = getpass.getpass(texts.say(self.new_prompt if new else self.prompt, least=MIN_CHARACTERS))
            if not typed:
                raise Refused("passphrase.empty")
            weakness = weakness_of(typed) if new else None
            if weakness is not None:
                raise Refused(weakness, least=MIN_CHARACTERS)
            if new and getpass.getpass(texts.say("ask.again")) != typed:
                raise Refused("passphrase.mismatch")
        except EOFError:
            raise Refused("passphrase.empty") from None
        return typed


def weakness_of(passphrase: str) -> str | None:
    """Return the error code of a passphrase that is short or one of the first that are guessed.

    Deriving the key takes about a second a guess; what this adds is only that a handful of guesses, or all
    words of up to eight letters, are not enough. It measures no strength beyond that.
    """
    if len(passphrase) < MIN_CHARACTERS:
        return "passphrase.short"
    plain = "".join(char for char in passphrase.casefold() if char.isalnum())
    if len(set(passphrase)) < _MIN_DIFFERENT or any(_is_made_of(plain, word) for word in _COMMON):
        return "passphrase.common"
    return None


def _is_made_of(plain: str, word: str) -> bool:
    """Whether nothing but a common word is there, once or repeated, with digits before or behind it."""
    return plain.strip("0123456789").replace(word, "") == "" if word.isalpha() else plain == word


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
