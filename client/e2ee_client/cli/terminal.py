"""Where the command line prints: results to one stream, remarks and errors to the other."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

_CHECK_MARK: Final = "\N{CHECK MARK}"
_HALF_BLOCK: Final = "\N{UPPER HALF BLOCK}"
ERASE: Final = "\x1b[2J\x1b[3J\x1b[H"


class Terminal:
    """The standard streams. What cannot be printed in the terminal's encoding is replaced, never fatal."""

    in_chat = False
    """Whether what is printed stands in a chat, where commands begin with `/`."""

    def __init__(self) -> None:
        self.out: TextIO = sys.stdout
        self.err: TextIO = sys.stderr
        for stream in (self.out, self.err):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")

    def line(self, text: str = "") -> None:
        """Print a line of the result."""
        print(text, file=self.out, flush=True)

    def remark(self, text: str) -> None:
        """Print a line that is no part of the result; on a terminal no word of it is cut."""
        print(_wrapped(text) if self.err.isatty() else text, file=self.err, flush=True)

    def prose(self, text: str) -> None:
        """Print sentences of the result; on a terminal no word of them is cut."""
        self.line(_wrapped(text) if self.shows else text)

    def prompt(self, text: str) -> None:
        """Print a question; the answer is typed behind it."""
        print(text, file=self.err, end="", flush=True)

    def erase(self) -> None:
        """Take everything off the terminal of the input, wherever the output goes."""
        if sys.stdin.isatty() and _places_cursor():
            with Path(os.ttyname(sys.stdin.fileno())).open("w") as terminal:
                terminal.write(ERASE + "\n")

    def json(self, value: object) -> None:
        """Print a value as one line of JSON; ASCII, so that no terminal acts on it."""
        self.line(json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f"))

    @property
    def shows(self) -> bool:
        """Whether the result goes to a terminal."""
        return self.out.isatty()

    @property
    def is_full(self) -> bool:
        """Whether input and output are a terminal that can place a cursor."""
        return self.out.isatty() and sys.stdin.isatty() and _places_cursor()

    @property
    def has_marks(self) -> bool:
        """Whether the encoding has check marks."""
        return self._encodes(_CHECK_MARK)

    @property
    def has_blocks(self) -> bool:
        """Whether the encoding has the half blocks of which QR codes are made."""
        return self._encodes(_HALF_BLOCK)

    def _encodes(self, char: str) -> bool:
        try:
            char.encode(self.out.encoding or "ascii")
        except UnicodeEncodeError:
            return False
        return True


def _places_cursor() -> bool:
    return os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _wrapped(text: str) -> str:
    """Break sentences between words; what is indented, a command or a key, is left as it is."""
    width = shutil.get_terminal_size().columns
    return "\n".join(
        line if len(line) < width or line.startswith(" ") else _filled(line, width)
        for line in text.split("\n")
    )


def _filled(line: str, width: int) -> str:
    return textwrap.fill(
        line, width, break_long_words=False, break_on_hyphens=False, replace_whitespace=False, tabsize=1
    )


def silence() -> None:
    """Nobody reads our output any more: keep the interpreter's last flush from complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
