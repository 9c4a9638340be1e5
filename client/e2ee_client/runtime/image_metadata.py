"""Images without what says where, when and by what they were taken (FIL-17): JPEG, PNG, WebP.

A small parser of containers in the place of a library for images: nothing is decoded, so that pixels stay
as they are, and a hostile image meets no decoder. What is not built like its container is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final, Literal, TypeAlias

from e2ee_client.errors import MetadataKept

_COPY_B: Final = 65_536
_KEPT_CHUNKS: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD"}
    | {b"pHYs", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCv", b"cLLi"}
)
_KEPT_RIFF: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_KEPT_IN_FRAME: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_FRAME_HEAD_B: Final = 16
_JFIF, _EXIF = 0xE0, 0xE1
_APPLICATION: Final = frozenset({*range(0xE0, 0xF0), 0xFE})
"""Codes of segments of applications, and of comments."""
_KEPT_SEGMENTS: Final = {0xE2: (b"ICC_PROFILE\0",), 0xEE: (b"Adobe",)}
_IMAGE: Final = frozenset({*range(0xC0, 0xE0)}) - {0xC8, *range(0xD0, 0xDA)}
"""Codes of segments that make the image: tables, frames and scans."""
_WITH_METADATA: Final = 0x0C
_VP8X_B: Final = 10
_ORIENTATION: Final = 0x0112

Read: TypeAlias = Callable[[], Iterable[bytes]]


def stripped(read: Read, media_type: str) -> Iterator[bytes]:
    """Yield a file without its metadata; `read` begins it anew each time.

    Raises:
        MetadataKept: its type has some that cannot be removed here, or it is not built as it should be.
    """
    work = _BY_TYPE.get(media_type)
    if work is None:
        raise MetadataKept("metadata cannot be removed from a file of this type")
    return work(read)


class _Source:
    """Blocks, read by size."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._block, self._at = b"", 0

    def read(self, size_b: int) -> bytes:
        """Return exactly so many bytes.

        Raises:
            MetadataKept: the file ends before.
        """
        found = self._some(size_b)
        while len(found) < size_b:
            found += self._some(size_b - len(found))
        return found

    def _some(self, most_b: int) -> bytes:
        if self._at == len(self._block):
            self._block, self._at = next(self._blocks, b""), 0
            if not self._block:
                raise MetadataKept("the image is cut short")
        found = self._block[self._at : self._at + most_b]
        self._at += len(found)
        return found

    def copy(self, size_b: int) -> Iterator[bytes]:
        """Yield so many bytes, some at a time."""
        while size_b > 0:
            part = self._some(min(size_b, _COPY_B))
            size_b -= len(part)
            yield part

    def skip(self, size_b: int) -> None:
        """Pass over so many bytes."""
        for _ in self.copy(size_b):
            pass

    def until(self, mark: bytes) -> Iterator[bytes]:
        """Yield what stands before a byte; that byte is read next."""
        while True:
            found = self._block.find(mark, self._at)
            before = self._block[self._at :] if found < 0 else self._block[self._at : found]
            self._at += len(before)
            if before:
                yield before
            if found >= 0:
                return
            self._block, self._at = self._some(_COPY_B), 0


# --- JPEG ---


def _jpeg(source: _Source) -> Iterator[bytes]:
    if source.read(2) != b"\xff\xd8":
        raise MetadataKept("not a JPEG")
    yield b"\xff\xd8"
    code = _marker(source)
    while code != 0xD9:
        size_b = int.from_bytes(source.read(2), "big")
        if size_b < 2 or code not in _APPLICATION | _IMAGE:
            raise MetadataKept("not a segment of a JPEG")
        body = source.read(size_b - 2)
        yield from _segment(code, body)
        code = (yield from _scan(source)) if code == 0xDA else _marker(source)
    yield b"\xff\xd9"


def _marker(source: _Source) -> int:
    if source.read(1) != b"\xff":
        raise MetadataKept("not a marker of a JPEG")
    code = 0xFF
    while code == 0xFF:
        code = source.read(1)[0]
    return code


def _segment(code: int, body: bytes) -> Iterator[bytes]:
    """Yield a segment as it is, the orientation alone of EXIF, and nothing of other metadata."""
    if code == _EXIF:
        orientation = _orientation(body)
        if orientation is not None:
            yield _framed(code, orientation)
    elif code == _JFIF and body.startswith(b"JFIF\0"):
        # A thumbnail of the image before it was cut stands behind these 14 bytes.
        yield _framed(code, body[:12].ljust(12, b"\0") + b"\0\0")
    elif code in _IMAGE or body.startswith(_KEPT_SEGMENTS.get(code, ())):
        yield _framed(code, body)


def _framed(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + (len(body) + 2).to_bytes(2, "big") + body


def _scan(source: _Source) -> Generator[bytes, None, int]:
    """Yield the coded pixels behind a scan's header; return the marker that ends them."""
    while True:
        yield from source.until(b"\xff")
        code = _marker(source)
        if code == 0x00 or 0xD0 <= code <= 0xD7:
            yield bytes((0xFF, code))
        else:
            return code  # a generator with a result, taken by `yield from`


_ORDERS: Final[dict[bytes, Literal["little", "big"]]] = {b"II": "little", b"MM": "big"}


def _orientation(body: bytes) -> bytes | None:
    """Return an EXIF segment that holds nothing but the orientation of this one; None for none."""
    tiff = body[6:] if body.startswith(b"Exif\0\0") else b""
    order = _ORDERS.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None

    def number(at: int, size_b: int) -> int:
        return int.from_bytes(tiff[at : at + size_b], order)

    first = number(4, 4)
    for at in range(first + 2, first + 2 + 12 * min(number(first, 2), 512), 12):
        if len(tiff) >= at + 12 and number(at, 2) == _ORIENTATION and 1 < number(at + 8, 2) <= 8:
            entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes((0, number(at + 8, 2), 0, 0))
            return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)
    return None


# --- PNG ---


def _png(source: _Source) -> Iterator[bytes]:
    yield source.read(8)
    kind = b""
    while kind != b"IEND":
        head = source.read(8)
        size_b, kind = int.from_bytes(head[:4], "big") + 4, head[4:]
        if kind == b"IEND" and size_b > 4:
            raise MetadataKept("something stands in the end of a PNG")
        if kind in _KEPT_CHUNKS:
            yield head
            yield from source.copy(size_b)
        elif kind[:1].isupper():
            raise MetadataKept("a chunk of a PNG that is not known")
        else:
            source.skip(size_b)


# --- WebP ---


def _webp(read: Read) -> Iterator[bytes]:
    """Yield the chunks that make the image, behind their size, for which it is read twice."""
    kept_b = 4 + sum(8 + size_b + size_b % 2 for _, size_b in _chunks(_Source(read())))
    yield b"RIFF" + kept_b.to_bytes(4, "little") + b"WEBP"
    source = _Source(read())
    for kind, size_b in _chunks(source, is_copied=True):
        yield kind + size_b.to_bytes(4, "little")
        if kind == b"VP8X":
            flags = source.read(1)[0]
            yield bytes((flags & ~_WITH_METADATA,))
            yield from source.copy(size_b + size_b % 2 - 1)
        else:
            yield from source.copy(size_b + size_b % 2)


def _chunks(source: _Source, *, is_copied: bool = False) -> Iterator[tuple[bytes, int]]:
    """Yield kind and size of each chunk that is kept; its body is read here unless the caller copies it."""
    left_b = int.from_bytes(source.read(12)[4:8], "little") - 4
    while left_b >= 8:
        begins = source.read(8)
        size_b = int.from_bytes(begins[4:], "little")
        left_b -= 8 + size_b + size_b % 2
        if left_b < 0 or size_b < 1 or (begins[:4] == b"VP8X" and size_b != _VP8X_B):
            raise MetadataKept("a chunk of a WebP has another size than its place")
        is_kept = begins[:4] in _KEPT_RIFF
        if is_kept:
            yield begins[:4], size_b
        if is_kept and is_copied:
            continue
        if begins[:4] == b"ANMF":
            _check_frame(source, size_b)
            source.skip(size_b % 2)
        else:
            source.skip(size_b + size_b % 2)


def _check_frame(source: _Source, size_b: int) -> None:
    """Read a frame, which holds pixels and nothing that could say more (FIL-17)."""
    source.skip(min(size_b, _FRAME_HEAD_B))
    left_b = size_b - _FRAME_HEAD_B
    while left_b >= 8:
        begins = source.read(8)
        inner_b = int.from_bytes(begins[4:], "little")
        inner_b += inner_b % 2
        left_b -= 8 + inner_b
        if left_b < 0 or begins[:4] not in _KEPT_IN_FRAME:
            raise MetadataKept("a frame of a WebP holds something else than pixels")
        source.skip(inner_b)
    if left_b != 0:
        raise MetadataKept("a frame of a WebP has another size than its place")


_BY_TYPE: Final[dict[str, Callable[[Read], Iterator[bytes]]]] = {
    "image/jpeg": lambda read: _jpeg(_Source(read())),
    "image/png": lambda read: _png(_Source(read())),
    "image/webp": _webp,
    "text/plain": lambda read: iter(read()),
}
