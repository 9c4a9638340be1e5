"""Every place where a relay could have kept what it carried, searched after the conversation (LKG-11)."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import capture, core_image
from .crash import crash_everywhere, patterns_of_item
from .encodings import Pattern
from .processes import Relay
from .scan import Hit, ScanRefused, search_core, search_files, search_memory
from .screen import Screen
from .stage import Stage


@dataclass(frozen=True, slots=True)
class Means:
    """What can be searched on this machine, and why not the rest."""

    capture: bool
    core: bool
    crashes: bool
    missing: tuple[str, ...]

    @classmethod
    def of_this_machine(cls, *, deep: bool) -> Means:
        """Find out.

        Raises:
            ScanRefused: a deep search needs what is missing.
        """
        reasons = {"packet capture": capture.why_not()}
        if deep:
            reasons["core image"] = core_image.why_not()
        missing = tuple(f"{what}, since {reason}" for what, reason in reasons.items() if reason)
        if deep and missing:
            raise ScanRefused("; ".join(missing))
        return cls(not reasons["packet capture"], deep, deep, missing)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where was searched, for how many patterns, and what was found."""

    places: dict[str, float]
    """Names of the places, with the seconds that each took."""
    patterns: int
    hits: tuple[Hit, ...]

    def found_in(self) -> list[str]:
        """Return the places of the hits; all temporary files are one, and so are all regions and streams."""
        return sorted({_place(hit) for hit in self.hits})

    def shown(self) -> list[Hit]:
        """Return the first hit of each thing, in each encoding, in each place."""
        first: dict[tuple[str, str, str], Hit] = {}
        for hit in self.hits:
            first.setdefault((hit.thing, hit.encoding, _place(hit)), hit)
        return list(first.values())


_GROUP: Final = re.compile(r"^(file tmp|crash [a-z]+|[a-z]+(?= \()|.*?(?=, compressed$)).*")


def _place(hit: Hit) -> str:
    return _GROUP.sub(r"\1", hit.place)


class _Search:
    """Collects hits place by place."""

    def __init__(self, hits: list[Hit]) -> None:
        self.hits = hits
        self.places: dict[str, float] = {}
        self._began = time.monotonic()

    def note(self, place: str, hits: list[Hit]) -> None:
        """Add what was found in a place."""
        self.hits.extend(hits)
        now = time.monotonic()
        self.places[place] = round(now - self._began, 1)
        self._began = now


async def gather(stage: Stage, folder: Path, screen: Screen, means: Means) -> Evidence:
    """Search all that there is; what a relay that never served anybody holds as well is no evidence.

    Raises:
        ScanRefused: a place could not be searched as it should.
    """
    held = ", ".join(f"{count} {table}" for table, count in stage.held().items() if count)
    screen.plain(f"\nThe relay's database now holds: {held}")
    patterns = stage.patterns()
    screen.say(f"searching the relay for {len(patterns)} patterns")
    search = _Search(list(stage.early_hits))
    pid, mailbox = stage.relay.pid, stage.mailbox()
    search.note("memory", await asyncio.to_thread(search_memory, pid, patterns, mailbox))
    if means.core:
        core = await asyncio.to_thread(core_image.core_of, pid, folder / "core")
        search.note("core image", await asyncio.to_thread(search_core, core, patterns, mailbox))
    search.note(
        "database, journals, log, output, temporary files", search_files(stage.relay.folder, patterns)
    )
    if means.capture:
        search.note("wire on both sides of the proxy", await stage.search_wire(patterns))
    if means.crashes:
        search.note("log and output of crashing relays", await _crashes(stage, folder, patterns))
    idle = await _idle(folder, patterns, search.hits)
    hits = [hit for hit in search.hits if (hit.thing, hit.encoding) not in idle]
    return Evidence(search.places, len(patterns), tuple(hits))


async def _crashes(stage: Stage, folder: Path, patterns: list[Pattern]) -> list[Hit]:
    item = stage.last_item
    if item is None:
        raise ScanRefused("no message was sent that a relay could fail with")
    await crash_everywhere(folder / "crash", item)
    return search_files(folder / "crash", [*patterns, *patterns_of_item(item)], "crash ")


async def _idle(folder: Path, patterns: list[Pattern], hits: list[Hit]) -> set[tuple[str, str]]:
    """Return which of the patterns found stand in the memory of a relay that never served anybody."""
    found = {(hit.thing, hit.encoding) for hit in hits}
    wanted = [one for one in patterns if (one.thing, one.encoding) in found]
    if not wanted:
        return set()
    idle = Relay(folder / "idle")
    await idle.start()
    try:
        hits = await asyncio.to_thread(search_memory, idle.pid, wanted)
        return {(hit.thing, hit.encoding) for hit in hits}
    finally:
        await idle.stop()
