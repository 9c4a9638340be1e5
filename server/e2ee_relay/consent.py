"""What `purge` says before it removes anything, and the operator's answer (RLY-171)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def ask_to_remove(held: Mapping[str, Sequence[object]], what: str, *, assumed: bool) -> int:
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
