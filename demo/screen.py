"""Three columns: what the customer sees, what the relay has, what the company sees."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import Final

COMPANY: Final = "Praxis sieht / company sees"
TEAM: Final = "Team sieht / team sees"
_NARROWEST: Final = 72
_COLOURS: Final = ("\x1b[36m", "\x1b[33m", "\x1b[32m")
_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Screen:
    """Prints rows side by side, or one under the other where the terminal is narrow."""

    def __init__(self, company: str = COMPANY) -> None:
        self._titles = ("Kundin sieht / customer sees", "relay holds", company)
        self._width = min(shutil.get_terminal_size((110, 24)).columns, 180)
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._wide = self._width >= _NARROWEST
        self._column = (self._width - 6) // 3

    def title(self) -> None:
        """Print the heads of the columns."""
        if self._wide:
            self._line(self._titles, bold=True)
            print("─┼─".join("─" * self._column for _ in self._titles))

    def row(self, customer: str = "", relay: str = "", company: str = "") -> None:
        """Print one row."""
        cells = (customer, relay, company)
        if not self._wide:
            for title, cell in zip(self._titles, cells, strict=True):
                if cell:
                    print(f"{title}: {cell}")
            return
        wrapped = [textwrap.wrap(cell, self._column) for cell in cells]
        for number in range(max(len(lines) for lines in wrapped)):
            self._line([lines[number] if number < len(lines) else "" for lines in wrapped])

    def say(self, text: str) -> None:
        """Print what happens."""
        print(self._paint(_DIM, f"── {text}"), flush=True)

    def plain(self, text: str = "") -> None:
        """Print a line as it is."""
        print(text, flush=True)

    def _line(self, cells: list[str] | tuple[str, ...], *, bold: bool = False) -> None:
        padded = [cell.ljust(self._column) for cell in cells]
        painted = [
            self._paint(_BOLD if bold else colour, cell)
            for colour, cell in zip(_COLOURS, padded, strict=True)
        ]
        print(" │ ".join(painted).rstrip(), flush=True)

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if self._colour else text
