"""Files sealed in chunks of 64 KiB, for blobs at a relay (chapter 13)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from . import labels
from .constants import AEAD_TAG_B, KEY_B, MAX_FILE_B
from .errors import AuthenticationError, FileCorrupt, FileTooLarge, InvalidArgument
from .primitives import aead
from .primitives.kdf import equal, prf
from .secret import FileKey
from .wire.padding import padme

CHUNK_B: Final = 65_536
PART_B: Final = CHUNK_B + AEAD_TAG_B
_MARK: Final = b"\x80"
_NOTHING_HASHED: Final = hashlib.sha256(labels.FILE_HASH)  # each file goes on with a copy (FIL-04)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a message says of a sealed file: size, padded size and hash (32 B) of the sealed chunks."""

    size_b: int
    padded_b: int
    hash: bytes


def padded_size(size_b: int) -> int:
    """Return the padded size of a file (FIL-02).

    Raises:
        FileTooLarge: it has more than 64 MiB (FIL-01).
    """
    if size_b > MAX_FILE_B:
        raise FileTooLarge("a file has at most 64 MiB")
    return CHUNK_B if size_b < CHUNK_B else padme(size_b + len(_MARK))


def sealed_size(size_b: int) -> int:
    """Return the size of all sealed chunks of a file of `size_b` bytes: that of its blob.

    Raises:
        FileTooLarge: as `padded_size`.
    """
    padded_b = padded_size(size_b)
    return padded_b + AEAD_TAG_B * _chunks(padded_b)


class Sealing:
    """Seals one file, chunk by chunk; `announced` is there behind the last one."""

    announced: Announced

    def __init__(self, key: FileKey, size_b: int) -> None:
        """Begin with a key that nothing was sealed with (FIL-07).

        Raises:
            FileTooLarge: as `padded_size`.
        """
        self._key = key
        self._size_b = size_b
        self._padded_b = padded_size(size_b)

    def parts(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the sealed chunks of the file that `blocks` are, which may have any sizes.

        Each has PART_B, the last one what is left. Memory is that of a block and two chunks.

        Raises:
            InvalidArgument: the blocks are not `size_b` bytes together.
        """
        digest, count = _NOTHING_HASHED.copy(), _chunks(self._padded_b)
        for index, chunk in enumerate(_chunked(self._padded(blocks))):
            part = aead.seal(_chunk_key(self._key, index, is_last=index == count - 1), chunk, b"")
            digest.update(part)
            yield part
        self.announced = Announced(self._size_b, self._padded_b, digest.digest())

    def _padded(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        size_b = 0
        for block in blocks:
            size_b += len(block)
            yield block
        if size_b != self._size_b:
            raise InvalidArgument("the file has another size than was said")
        yield _MARK
        for start in range(size_b + len(_MARK), self._padded_b, CHUNK_B):
            yield bytes(min(CHUNK_B, self._padded_b - start))


def open_(key: FileKey, announced: Announced, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the file, a chunk at a time; none of it is to be used before the last one (FIL-06).

    Raises:
        FileCorrupt: it is not the file that was announced (FIL-05), perhaps behind the last chunk.
    """
    if not 0 <= announced.size_b <= MAX_FILE_B or padded_size(announced.size_b) != announced.padded_b:
        raise FileCorrupt
    digest, count, opened = _NOTHING_HASHED.copy(), _chunks(announced.padded_b), 0
    for index, part in enumerate(parts):
        chunk = _open_chunk(_chunk_key(key, index, is_last=index == count - 1), part)
        opened += 1
        start = index * CHUNK_B
        if opened > count or len(chunk) != min(CHUNK_B, announced.padded_b - start):
            raise FileCorrupt
        data = chunk[: max(0, announced.size_b - start)]
        if not _is_padding(chunk[len(data) :], begins=start + len(data) == announced.size_b):
            raise FileCorrupt
        digest.update(part)
        if data:
            yield data
    if opened != count or not equal(digest.digest(), announced.hash):
        raise FileCorrupt


def _chunks(padded_b: int) -> int:
    return -(-padded_b // CHUNK_B)


def _chunk_key(key: FileKey, index: int, *, is_last: bool) -> bytes:
    place = index.to_bytes(4, "big") + bytes((is_last,))
    return prf(key.expose(), labels.FILE_CHUNK, KEY_B, data=place)


def _open_chunk(key: bytes, part: bytes) -> bytes:
    try:
        return aead.open_(key, part, b"")
    except AuthenticationError:
        raise FileCorrupt from None


def _is_padding(padding: bytes, *, begins: bool) -> bool:
    """Tell whether these are 0x80, where the padding begins with them, and zero bytes."""
    mark = _MARK if begins and padding else b""
    return padding == mark.ljust(len(padding), b"\0")


def _chunked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what the blocks hold in chunks of CHUNK_B, the last one shorter."""
    left = b""
    for block in blocks:
        data = left + block
        whole_b = len(data) - len(data) % CHUNK_B
        for start in range(0, whole_b, CHUNK_B):
            yield data[start : start + CHUNK_B]
        left = data[whole_b:]
    if left:
        yield left
