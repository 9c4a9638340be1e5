"""The search: every text, name and key, in the relay's files, memory, core image and traffic (LKG-11)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from .encodings import Pattern, inflated, unmasked

_REGION_MAX_B: Final = 1 << 31
_LEAST_MASKED_B: Final = 12
_LARGE_B: Final = 1 << 16
_WORD_B: Final = 8
_JUDGED_B: Final = 2 * _WORD_B - 1


class ScanRefused(Exception):
    """A place cannot be searched as it should: no evidence, so no success."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern and where it stood."""

    thing: str
    encoding: str
    place: str


def search_bytes(content: bytes, patterns: Iterable[Pattern], place: str) -> list[Hit]:
    """Search bytes, and what stands compressed in them."""
    wanted = list(patterns)
    hits = _search(content, wanted, place)
    raw = [one for one in wanted if one.encoding == "raw"]
    for plain in inflated(content):
        hits.extend(_search(plain, raw, f"{place}, compressed"))
    return hits


def search_files(folder: Path, patterns: list[Pattern], prefix: str = "file ") -> list[Hit]:
    """Search every file below a folder: database, journals, logs, output, temporary files."""
    hits: list[Hit] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hits.extend(search_bytes(path.read_bytes(), patterns, f"{prefix}{path.relative_to(folder)}"))
    return hits


def search_streams(streams: Iterable[tuple[str, bytes]], patterns: list[Pattern]) -> list[Hit]:
    """Search both directions of each connection, as they are and without WebSocket's masks."""
    masked = [
        Pattern(one.thing, f"{one.encoding}, masked", unmasked(one.raw))
        for one in patterns
        if len(one.raw) >= _LEAST_MASKED_B
    ]
    hits: list[Hit] = []
    for name, content in streams:
        hits.extend(search_bytes(content, patterns, f"wire ({name})"))
        hits.extend(_search(unmasked(content), masked, f"wire ({name})"))
    return hits


def search_memory(pid: int, patterns: list[Pattern], known: bytes = b"") -> list[Hit]:
    """Search every readable page of a live process; `known` is what must be there, else nothing was seen.

    Raises:
        ScanRefused: the system does not allow it, or what must be there is not.
    """
    return _search_regions(_regions(pid), patterns, known, "memory")


def search_core(core: Path, patterns: list[Pattern], known: bytes = b"") -> list[Hit]:
    """Search the core image of a process.

    Raises:
        ScanRefused: what must be there is not.
    """
    return _search_regions([("core image", core.read_bytes())], patterns, known, "core")


def _search_regions(
    regions: Iterable[tuple[str, bytes]], patterns: list[Pattern], known: bytes, where: str
) -> list[Hit]:
    hits: dict[tuple[str, str], Hit] = {}
    seen = False
    for name, content in regions:
        seen = seen or known in content
        for hit in search_bytes(content, patterns, f"{where} ({name})"):
            hits.setdefault((hit.thing, hit.encoding), hit)
    if not seen:
        raise ScanRefused(f"the relay's {where} does not hold what it must: it was not read")
    return list(hits.values())


def _regions(pid: int) -> Iterator[tuple[str, bytes]]:
    try:
        maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for line in maps:
                span, permissions, _, _, _, *name = line.split(maxsplit=5)
                first, last = (int(part, 16) for part in span.split("-"))
                label = name[0] if name else "anonymous"
                if permissions.startswith("r") and last - first < _REGION_MAX_B and label not in _SPECIAL:
                    try:
                        memory.seek(first)
                        yield label, memory.read(last - first)
                    except (OSError, ValueError):
                        continue
    except OSError as error:
        raise ScanRefused(f"the relay's memory cannot be read: {error.strerror}") from None


_SPECIAL: Final = frozenset({"[vvar]", "[vsyscall]", "[vvar_vclock]"})


def _search(content: bytes, patterns: Iterable[Pattern], place: str) -> list[Hit]:
    wanted = list(patterns)
    if len(content) >= _LARGE_B:
        wanted = _possible(content, wanted)
    return [Hit(one.thing, one.encoding, place) for one in wanted if one.raw in content]


def _possible(content: bytes, patterns: list[Pattern]) -> list[Pattern]:
    """Return the patterns that may stand in a content, by one look at each of its words of eight bytes.

    Wherever a pattern of 15 bytes stands, one of its eight-byte pieces fills a word of the content.
    """
    pieces = frozenset[int]().union(*(_pieces(one.raw) for one in patterns))
    words = memoryview(content)[: len(content) // _WORD_B * _WORD_B].cast("Q")
    found = pieces.intersection(words)
    return [one for one in patterns if len(one.raw) < _JUDGED_B or not found.isdisjoint(_pieces(one.raw))]


@lru_cache(maxsize=1 << 16)
def _pieces(raw: bytes) -> frozenset[int]:
    """Return the first eight pieces of a pattern as numbers of this machine, one for each alignment."""
    return frozenset(int.from_bytes(raw[at : at + _WORD_B], sys.byteorder) for at in range(_WORD_B))
