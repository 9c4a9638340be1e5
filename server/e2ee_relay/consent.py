"""How a removal is asked for, and what the operator's commands say and end with (RLY-171, RLY-172)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

from .reports import Held, receipt

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNREAD: Final = 141
"""As of a program that SIGPIPE ended: what reads the output has gone away."""


def say(text: str) -> int:
    """Print a line; return EXIT_OK."""
    sys.stdout.write(text + "\n")
    return EXIT_OK


def warn(text: str) -> int:
    """Print a line on the error output; return EXIT_FAILED."""
    sys.stderr.write(f"sealroom-relay: {text}\n")
    return EXIT_FAILED


def remove(
    look: Callable[[], Held], purge: Callable[[], int], kind: str, subject: bytes, *, assumed: bool, by: str
) -> int:
    """Show what is held, ask, have it removed, look again, and print a receipt (RLY-171, RLY-172)."""
    held = look()
    status = _ask(held, kind, assumed=assumed)
    if status == EXIT_OK:
        status = purge()
    if status != EXIT_OK:
        return status
    left = look()
    sys.stdout.write(receipt(kind, subject, held, left, now_s=time.time(), by=by))
    return EXIT_FAILED if any(left.values()) else EXIT_OK


def _ask(held: Held, what: str, *, assumed: bool) -> int:
    """Print how many rows each table has, and ask whether they may go; `assumed`: they may.

    Return EXIT_OK if they may, else the status to end with.
    """
    counts = {table: len(rows) for table, rows in held.items() if rows}
    if not counts:
        sys.stdout.write(f"nothing found about this {what}\n")
        return EXIT_FAILED
    sys.stdout.write(f"held about this {what}, and to be removed for good:\n")
    sys.stdout.writelines(f"  {table}: {count}\n" for table, count in counts.items())
    sys.stdout.flush()
    if assumed:
        return EXIT_OK
    if not sys.stdin.isatty():
        sys.stderr.write("sealroom-relay: nothing removed: nobody can be asked here; --yes answers ahead\n")
        return EXIT_USAGE
    sys.stdout.write('Remove it? Type "yes": ')
    sys.stdout.flush()
    if sys.stdin.readline().strip() == "yes":
        return EXIT_OK
    sys.stdout.write("nothing removed\n")
    return EXIT_FAILED
