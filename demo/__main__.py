"""`make demo`: the story of a room through a real relay that cannot read it, and a search of that relay for
all of it. With a file, a conversation of two people.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from . import script
from .director import Director
from .encodings import NAMES, SHORTEST_B
from .evidence import Evidence, Means, gather
from .processes import ProcessFailed
from .scan import ScanRefused
from .screen import COMPANY, TEAM, Screen
from .stage import Stage
from .story import Story

_FOUND: Final = 1
_FAILED: Final = 2
_SHOWN: Final = 160


async def perform(path: Path | None, folder: Path, screen: Screen, *, leaky: bool, deep: bool) -> Evidence:
    """Play and search: a conversation file, or the story of a room.

    Raises:
        ScriptError, ProcessFailed, ScanRefused: there is no evidence, and why.
    """
    started = time.monotonic()
    steps = None if path is None else script.read(path)
    if leaky:
        screen.plain("POSITIVE CONTROL: this relay leaks on purpose, and the search must find it.\n")
    means = Means.of_this_machine(deep=deep)
    for reason in means.missing:
        screen.plain(f"Left out here: {reason}.")
    if steps is None:
        director: Director | Story = Story(screen, folder, leaky=leaky, capture=means.capture)
    else:
        director = Director(screen, folder, steps, leaky=leaky, capture=means.capture)
    try:
        await director.play()
        screen.say("everything arrived exactly once; the clients close and name their keys")
        await director.collect_keys()
        evidence = await gather(director, folder, screen, means)
    finally:
        await director.stop()
    _report(director, evidence, screen, leaky=leaky, seconds=time.monotonic() - started)
    return evidence


def _report(director: Stage, evidence: Evidence, screen: Screen, *, leaky: bool, seconds: float) -> None:
    screen.plain()
    names = f"names and notes: {len(director.names)}, keys: {len(director.keys)}"
    screen.plain(f"Sentences: {len(director.texts)}, {names}, {seconds:.0f} s.")
    for text in director.texts:
        if len(text.encode()) < SHORTEST_B:
            screen.plain(
                f"Too short to judge, so not searched for: {text!r} (any process holds such bytes by chance)."
            )
    screen.plain(f"Encodings: {NAMES}.")
    screen.plain(f"Places: {', '.join(evidence.places)}.")
    shown = evidence.shown()
    for hit in shown[:_SHOWN]:
        screen.plain(f"FOUND  {hit.thing} as {hit.encoding} in {hit.place}")
    if len(shown) > _SHOWN:
        screen.plain(f"... and {len(shown) - _SHOWN} more, in {', '.join(evidence.found_in())}")
    if evidence.hits:
        kept = sorted({hit.thing for hit in evidence.hits})
        screen.plain(f"\nThe relay KNEW {len(kept)} of the things that it must not know.")
        if leaky:
            screen.plain("That is the positive control: the search catches a relay that leaks.")
    elif leaky:
        screen.plain("\nThe leaking relay was NOT caught: the search is worth nothing.")
    else:
        screen.plain("\nNothing found: the relay carried the whole conversation and knows none of it.")
        screen.plain(
            "It does know what is declared in spec/02-threat-model.md: mailboxes, padded sizes, times, tags."
        )


def main() -> int:
    """Read the arguments and perform."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--file", type=Path, help="play a conversation file of two people instead")
    parser.add_argument(
        "--leaky", action="store_true", help="run a relay that leaks on purpose; it must be caught"
    )
    parser.add_argument(
        "--deep",
        action="store_true",
        help="leave nothing out: a missing tool is an error, and relays are made to crash",
    )
    arguments = parser.parse_args()
    screen = Screen(TEAM if arguments.file is None else COMPANY)
    with tempfile.TemporaryDirectory(prefix="sealroom-demo-") as folder:
        try:
            evidence = asyncio.run(
                perform(arguments.file, Path(folder), screen, leaky=arguments.leaky, deep=arguments.deep)
            )
        except (script.ScriptError, ProcessFailed, ScanRefused) as error:
            screen.plain(f"error: {error}")
            return _FAILED
    if evidence.hits:
        return _FOUND
    return _FAILED if arguments.leaky else 0


if __name__ == "__main__":
    sys.exit(main())
