"""QR codes in a terminal, two rows of modules in each line of text."""

from __future__ import annotations

from typing import Final

import segno

_BORDER: Final = 2
# Upper and lower module: dark or light. Light is drawn, so that the code is right on a dark screen.
_BLOCKS: Final = {
    (True, True): " ",
    (True, False): "\N{LOWER HALF BLOCK}",
    (False, True): "\N{UPPER HALF BLOCK}",
    (False, False): "\N{FULL BLOCK}",
}
# Black on white whatever the colours of the terminal are: bright white ink on black.
_INK: Final = "\x1b[0;97;40m"
_PLAIN: Final = "\x1b[0m"


def qr_lines(text: str, *, colour: bool) -> list[str]:
    """Return the lines of a QR code; with `colour`, each sets and resets the colours of a terminal."""
    rows = [
        [bool(module) for module in row]
        for row in segno.make_qr(text, error="l").matrix_iter(scale=1, border=_BORDER)
    ]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    lines = [
        "".join(_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
    return [f"{_INK}{line}{_PLAIN}" for line in lines] if colour else lines
