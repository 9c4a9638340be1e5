"""Fuzz targets of text from people and files: command lines, text for a terminal, settings of a relay."""

from __future__ import annotations

import argparse
import contextlib
import io
import tomllib
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from e2ee_client import guard
from e2ee_client.cli import arguments, neutral
from e2ee_client.cli.failures import Refused, error_text, status_of
from e2ee_client.cli.screen_lines import wrap
from e2ee_client.cli.texts import Texts
from e2ee_client.guard import Finding
from e2ee_relay import config, setting_table
from e2ee_relay.config import Config
from e2ee_relay.settings import ConfigError, ConfigErrors, Settings, raise_all
from fuzz_target import Shape, Target, require

_HIDDEN: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Cf"})
_JOINERS: Final = "\u200c\u200d"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# --- command line ---


class _Ended(Exception):
    """The parser printed help or version and left."""


def _parse(data: bytes) -> argparse.Namespace:
    """Arguments are separated by zero bytes; the language is the first byte's."""
    texts = Texts("de" if data[:1] > b"\x7f" else "en")
    words = _text(data[1:]).split("\0")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return arguments.parse(words, texts)
        except SystemExit:
            raise _Ended from None
        except Refused as refused:
            line = error_text(refused, texts)
            require("\n" not in line and status_of(refused.code) == 2, "a refusal is one line, status 2")
            raise


def _parse_holds(_: bytes, options: argparse.Namespace) -> None:
    require(callable(options.run), "a command line that is understood can be run")


def _command_seeds() -> Iterator[bytes]:
    for line in (
        "init --relay wss://relay.example/ --name Ada --kind person --publish",
        "send ada hello --wait delivered --timeout 3.5",
        "--store x --lang de history ada --last 5 --json",
        "verify ada --compare 12345",
        "forget --all --yes",
        "renewal sign key request file --force",
        "listen --count 0",
        "account-key export file --backup-passphrase-fd 3",
        "--version",
        "send --help",
    ):
        yield b"\0" + line.replace(" ", "\0").encode()
        yield b"\xff" + line.replace(" ", "\0").encode()


_COMMAND_TOKENS: Final = tuple(
    word.encode()
    for word in (
        "init",
        "add",
        "send",
        "chat",
        "listen",
        "history",
        "verify",
        "forget",
        "renewal",
        "sign",
        "--",
        "-",
        "-h",
        "--relay",
        "--timeout",
        "nan",
        "inf",
        "1e400",
        "--last",
        "9" * 5000,
        "-1",
        "--count",
        "²",
        "--lang",
        "xx",
        "--passphrase-fd",
        "4294967296",
        "--wait",
        "%s",
        "{0}",
        "{store}",
        "\0",
        "--store=",
        "--json=1",
        "@file",
    )
)


# --- text for a terminal ---


def _show(data: bytes) -> str:
    return _text(data)


def _shown_holds(_: bytes, text: str) -> None:
    for joiners in (True, False):
        line = neutral.neutral(text, joiners=joiners)
        hidden = [char for char in line if unicodedata.category(char) in _HIDDEN]
        require(all(joiners and char in _JOINERS for char in hidden), "nothing in a line acts on a terminal")
    lines = neutral.neutral_lines(text)
    require(len(lines) == text.replace("\r\n", "\n").count("\n") + 1, "no line is left out")
    require(len(neutral.neutral_name(text)) <= 64 * len("<U+10FFFF>"), "a name stays short")
    for line in lines:
        kept = "".join(wrap(line, 20)).replace(" ", "")
        require(kept == line.replace(" ", ""), "wrapping loses nothing")


def _shown_seeds() -> Iterator[bytes]:
    for text in (
        "hello",
        "a\u202eb\u2066",
        "\x1b[2J\x1b]0;x\x07",
        "e" + "\u0301" * 20,
        "\r\n\r",
        "👩‍👧",
        "\udc80",
    ):
        yield text.encode("utf-8", "surrogateescape")


# --- texts before they are sent ---


def _look(data: bytes) -> tuple[str, tuple[Finding, ...]]:
    text = _text(data)
    return text, guard.find(text, packs=guard.PACKS, kinds=guard.ALL_KINDS)


def _look_holds(_: bytes, looked: tuple[str, tuple[Finding, ...]]) -> None:
    text, found = looked
    require(all(0 <= one.start < one.end <= len(text) for one in found), "a finding is a part of the text")
    numbers = [one for one in found if one.kind in guard.ALL_KINDS]
    apart = all(one.end <= other.start for one, other in pairwise(numbers))
    require(apart, "numbers do not overlap")
    require(
        guard.find(text) == tuple(one for one in found if one.kind in guard.DEFAULT_KINDS),
        "one look is as another",
    )


def _look_seeds() -> Iterator[bytes]:
    for text in (
        "IBAN DE89 3704 0044 0532 0130 00, Visa 4111-1111-1111-1111",
        "Steuer-ID 12 345 678 995, KVNR A123456780, RVNR 15 070649 C 103",
        "geb. 12.03.1975, Tel. +49 (30) 555-0143, ada@example.org",
        "Das Knie ist geschwollen; my salary; Post vom Gericht",
        "\uff24\uff25\uff18\uff19 3704\u00a00044\u200b0532 0130 00",
        "e\u0301 \ufdfa \u00bd \u0663\u0664",
    ):
        yield text.encode()


# --- settings of a relay ---


def _settings(data: bytes) -> Config:
    """A TOML file, as the relay reads it; what is no TOML is refused there already."""
    try:
        document = tomllib.loads(data.decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        raise ConfigError("config", "not TOML") from None
    # A file of secrets would be read: no path is taken from an input.
    kept = {
        name: value
        for name, value in document.items()
        if name in setting_table.SETTINGS and "file" not in name
    }
    settings = Settings()
    settings.update(kept, "a file")
    built = config._build(settings)
    config._note_contradictions(settings, built)
    raise_all(settings.faults)
    return built


def _settings_hold(_: bytes, built: Config) -> None:
    require(0 <= built.port <= 0xFFFF and built.max_connections >= 1, "a port is a port")
    require(1 <= len(built.policy.relay_name.encode()) <= 255, "a relay has a name that fits into a frame")


def _settings_seeds() -> Iterator[bytes]:
    yield b'listen = "127.0.0.1:8765"\nlog_level = "debug"\nmax_connections = 5\n'
    yield b'listen = "h:\xc2\xb2"\n'
    yield b'listen = "[::1]:0"\nregistration_secret = "s"\nrelay_name = "relay.example"\nmax_body_b = 9\n'
    for name in ("requests", "creations", "auths"):
        yield f'{name} = "5/0.5"\n'.encode()
        yield f"{name} = {{burst = 5, per_s = 1}}\n".encode()


_SETTING_TOKENS: Final = (
    *(f"{name} = ".encode() for name in setting_table.SETTINGS),
    b'"nan/1"',
    b'"1/inf"',
    b"true",
    b"-1",
    b"1.5",
    b"inf",
    b"nan",
    b'"\xc2\xb2"',
    b'":\xc2\xb2"',
    b'"h:1"',
    b"1979-05-27",
    b"[]",
    b"{}",
    b"9" * 30,
    b'"0x1"',
    b'"1_0"',
    b'"\xd9\xa1"',
)

TARGETS: Final = (
    Target(
        "command_line",
        _parse,
        _parse_holds,
        frozenset({Refused, _Ended}),
        _command_seeds,
        Shape.TEXT,
        512,
        tokens=_COMMAND_TOKENS,
    ),
    Target(
        "terminal_text",
        _show,
        _shown_holds,
        frozenset({UnicodeError}),
        _shown_seeds,
        Shape.TEXT,
        512,
        tokens=("\u202e".encode(), b"\x1b[", "\u0301".encode() * 9, b"\r\n", "\u200d".encode()),
    ),
    Target(
        "guard",
        _look,
        _look_holds,
        frozenset(),
        _look_seeds,
        Shape.TEXT,
        512,
        tokens=(
            b"DE89",
            b"4111 ",
            b"krank",
            "\u00a0".encode(),
            "\u0663".encode(),
            "\ufdfa".encode(),
            b"@a.b",
            b"geb. ",
        ),
    ),
    Target(
        "relay_settings",
        _settings,
        _settings_hold,
        frozenset({ConfigError, ConfigErrors}),
        _settings_seeds,
        Shape.TEXT,
        512,
        tokens=_SETTING_TOKENS,
    ),
)
