"""The search: every sentence and key, in every usual encoding, in the relay's files and memory."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SHORTEST_B: Final = 8
"""A text of fewer bytes occurs in any process by chance: it proves nothing, and is named as such."""

_REGION_MAX_B: Final = 1 << 31


class ScanRefused(Exception):
    """The system does not let us read the relay's memory: no evidence, so no success."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One encoding of one thing to look for."""

    thing: str
    encoding: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern and where it stood."""

    thing: str
    encoding: str
    place: str


def patterns_of_text(name: str, text: str) -> list[Pattern]:
    """Return the encodings of a text; none if it is too short to judge."""
    raw = text.encode("utf-8")
    if len(raw) < SHORTEST_B:
        return []
    wide = [
        Pattern(name, "UTF-16LE", text.encode("utf-16-le")),
        Pattern(name, "UTF-16BE", text.encode("utf-16-be")),
    ]
    return [*_patterns_of_bytes(name, raw), *wide]


def patterns_of_key(name: str, key: bytes) -> list[Pattern]:
    """Return the encodings of a key; half of it is enough to be found."""
    return _patterns_of_bytes(name, key[:16])


def _patterns_of_bytes(name: str, raw: bytes) -> list[Pattern]:
    found = [Pattern(name, "raw", raw), Pattern(name, "hex", raw.hex().encode())]
    found.append(Pattern(name, "HEX", raw.hex().upper().encode()))
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + raw)
        # The first and last characters depend on the neighbours: only the middle is the same at any place.
        inner = encoded[(lead * 8 + 5) // 6 : -4]
        found.append(Pattern(name, f"base64+{lead}", inner))
        if inner.translate(_URL_SAFE) != inner:
            found.append(Pattern(name, f"base64url+{lead}", inner.translate(_URL_SAFE)))
    return [pattern for pattern in found if len(pattern.raw) >= SHORTEST_B]


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def search_files(folder: Path, patterns: list[Pattern]) -> list[Hit]:
    """Search every file below a folder: database, journals, logs."""
    hits: list[Hit] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hits.extend(_search(path.read_bytes(), patterns, f"file {path.relative_to(folder)}"))
    return hits


def search_memory(pid: int, patterns: list[Pattern]) -> list[Hit]:
    """Search every readable page of a live process.

    Raises:
        ScanRefused: the system does not allow it.
    """
    hits: dict[tuple[str, str], Hit] = {}
    read_b = 0
    for name, content in _regions(pid):
        read_b += len(content)
        for hit in _search(content, patterns, f"memory ({name})"):
            hits.setdefault((hit.thing, hit.encoding), hit)
    if not read_b:
        raise ScanRefused("no page of the relay's memory could be read")
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


def _search(content: bytes, patterns: list[Pattern], place: str) -> list[Hit]:
    return [Hit(one.thing, one.encoding, place) for one in patterns if one.raw in content]
