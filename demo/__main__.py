"""`make demo`: a conversation through a real relay that cannot read it, and a search of that relay for all
of it.
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
from .processes import ProcessFailed, Relay
from .scan import SHORTEST_B, Hit, Pattern, ScanRefused, search_files, search_memory
from .screen import Screen

_SAMPLE: Final = Path(__file__).with_name("conversation.de-en.txt")
_FOUND: Final = 1
_FAILED: Final = 2


async def perform(path: Path, folder: Path, screen: Screen, *, leaky: bool) -> int:
    """Play and search; return the exit status."""
    started = time.monotonic()
    steps = script.read(path)
    if leaky:
        screen.plain("POSITIVE CONTROL: this relay leaks on purpose, and the search must find it.\n")
    director = Director(screen, folder, leaky=leaky)
    try:
        await director.play(steps)
        screen.say("everything arrived exactly once; the clients close and name their keys")
        await director.collect_keys()
        hits = await search(director, folder, screen)
    finally:
        await director.stop()
    return _report(director, hits, screen, leaky=leaky, seconds=time.monotonic() - started)


async def search(director: Director, folder: Path, screen: Screen) -> list[Hit]:
    """Search the live relay's memory and all of its files; what an idle relay has as well is no evidence."""
    held = ", ".join(f"{count} {table}" for table, count in director.held().items() if count)
    screen.plain(f"\nThe relay's database now holds: {held}")
    patterns = director.patterns()
    screen.say(f"searching memory, database, journals and logs for {len(patterns)} patterns")
    hits = [*director.early_hits, *search_memory(director.relay.pid, patterns)]
    hits += search_files(director.relay.folder, patterns)
    return [hit for hit in hits if (hit.thing, hit.encoding) not in await _idle(folder, patterns, hits)]


async def _idle(folder: Path, patterns: list[Pattern], hits: list[Hit]) -> set[tuple[str, str]]:
    """Return which of the patterns found stand in the memory of a relay that never served anybody."""
    if not hits:
        return set()
    idle = Relay(folder / "idle")
    await idle.start()
    try:
        wanted = [
            one
            for one in patterns
            if any((hit.thing, hit.encoding) == (one.thing, one.encoding) for hit in hits)
        ]
        return {(hit.thing, hit.encoding) for hit in search_memory(idle.pid, wanted)}
    finally:
        await idle.stop()


def _report(director: Director, hits: list[Hit], screen: Screen, *, leaky: bool, seconds: float) -> int:
    short = [text for text in director.texts if len(text.encode()) < SHORTEST_B]
    screen.plain()
    screen.plain(f"Sentences: {len(director.texts)}, keys: {len(director.keys)}, {seconds:.0f} s.")
    for text in short:
        screen.plain(
            f"Too short to judge, so not searched for: {text!r} (any process holds such bytes by chance)."
        )
    screen.plain("Encodings: raw, hex, HEX, base64 and base64url at three alignments, UTF-16 both ways.")
    for hit in hits[:40]:
        screen.plain(f"FOUND  {hit.thing} as {hit.encoding} in {hit.place}")
    if hits:
        kept = sorted({hit.thing for hit in hits})
        screen.plain(f"\nThe relay KNEW {len(kept)} of the things that it must not know.")
        if leaky:
            screen.plain("That is the positive control: the search catches a relay that leaks.")
        return _FOUND
    if leaky:
        screen.plain("\nThe leaking relay was NOT caught: the search is worth nothing.")
        return _FAILED
    screen.plain("\nNothing found: the relay carried the whole conversation and knows none of it.")
    screen.plain(
        "It does know mailboxes, padded sizes, times by the hour, and chain tags (spec/02-threat-model.md)."
    )
    return 0


def main() -> int:
    """Read the arguments and perform."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument(
        "--file", type=Path, default=_SAMPLE, help="conversation file (a sample is the default)"
    )
    parser.add_argument(
        "--leaky", action="store_true", help="run a relay that leaks on purpose; it must be caught"
    )
    arguments = parser.parse_args()
    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="sealroom-demo-") as folder:
        try:
            return asyncio.run(perform(arguments.file, Path(folder), screen, leaky=arguments.leaky))
        except (script.ScriptError, ProcessFailed, ScanRefused) as error:
            screen.plain(f"error: {error}")
            return _FAILED


if __name__ == "__main__":
    sys.exit(main())
