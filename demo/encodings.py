"""What to look for: each text and key in every encoding that a careless program might use (LKG-11)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST_B: Final = 8
"""A text of fewer bytes occurs in any process by chance: it proves nothing, and is named as such."""

NAMES: Final = (
    "raw, hex, HEX, base64 and base64url at three alignments, UTF-16 both ways, URL-encoded, JSON-escaped, "
    "deflated, inside gzip and zlib, under WebSocket's masks"
)
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_LEVELS: Final = (1, 6, 9)
_LOOK_B: Final = 256


@dataclass(frozen=True, slots=True)
class Pattern:
    """One encoding of one thing to look for."""

    thing: str
    encoding: str
    raw: bytes = field(repr=False)


def patterns_of_text(name: str, text: str) -> list[Pattern]:
    """Return the encodings of a text; none if it is too short to judge."""
    raw = text.encode("utf-8")
    if len(raw) < SHORTEST_B:
        return []
    written = {
        "UTF-16LE": text.encode("utf-16-le"),
        "UTF-16BE": text.encode("utf-16-be"),
        "URL-encoded": quote(text, safe="").encode(),
        "form-encoded": quote_plus(text).encode(),
        "JSON-escaped": json.dumps(text)[1:-1].encode(),
    }
    wide = [Pattern(name, encoding, one) for encoding, one in written.items() if one != raw]
    return [*_patterns_of_bytes(name, raw), *wide, *_deflated(name, raw)]


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


def _deflated(name: str, raw: bytes) -> Iterator[Pattern]:
    """The text compressed alone, as gzip, zlib and permessage-deflate have it between head and checksum."""
    bodies = {zlib.compress(raw, level)[2:-4] for level in _LEVELS}
    yield from (Pattern(name, "deflated", body) for body in sorted(bodies) if len(body) >= 2 * SHORTEST_B)


def unmasked(content: bytes) -> bytes:
    """Return a form of the content in which WebSocket's mask plays no part.

    A mask is four bytes that are repeated, so each byte combined with the one four places on no longer has
    it. A text has the same form wherever it stands and whatever its mask was.
    """
    size_b = max(len(content) - 4, 0)
    if not size_b:
        return b""
    ahead, behind = int.from_bytes(content[4:], "big"), int.from_bytes(content[:size_b], "big")
    return (ahead ^ behind).to_bytes(size_b, "big")


def inflated(content: bytes, most_b: int = 1 << 20) -> Iterator[bytes]:
    """Yield what stands compressed in the content: at each head of gzip and zlib."""
    whole = memoryview(content)
    for head, window in ((b"\x1f\x8b\x08", 31), (b"\x78\x01", 15), (b"\x78\x9c", 15), (b"\x78\xda", 15)):
        place = content.find(head)
        while place >= 0:
            # Most heads are chance: a short look tells.
            if _inflate(whole[place : place + _LOOK_B], window, SHORTEST_B):
                yield _inflate(whole[place : place + most_b], window, most_b)
            place = content.find(head, place + 1)


def _inflate(packed: memoryview, window: int, most_b: int) -> bytes:
    """Return the beginning of what is compressed; nothing if it is not, or too little to judge."""
    try:
        plain = zlib.decompressobj(window).decompress(packed, most_b)
    except zlib.error:
        return b""
    return plain if len(plain) >= SHORTEST_B else b""
