"""A key that a person types from paper: seen while it is typed, then off the screen."""

from __future__ import annotations

import os
import sys

from .failures import Refused
from .line_input import input_lines
from .session import Session

if sys.platform != "win32":
    import termios

_DIGITS = 64


async def typed_key(session: Session, question: str, without_terminal: str = "") -> str:
    """Return a recovery key as it was typed, in one line or several, as `init` shows it (ID-63): to 64 digits
    or an empty line. What was typed or pasted beyond is dropped, so that no shell reads it as a command.

    Raises:
        Refused: with the code `without_terminal`, if one is given, where there is nobody to ask.
    """
    if not os.isatty(0):
        if without_terminal:
            raise Refused(without_terminal)
        return session.given_or_input("-").strip()
    session.terminal.prompt(question)
    typed = ""
    try:
        async for line in input_lines(0):
            typed += "".join(line.split())
            if not line.strip() or len(typed) >= _DIGITS:
                break
    finally:
        if sys.platform != "win32":
            termios.tcflush(0, termios.TCIFLUSH)
        session.terminal.erase()
    return typed
