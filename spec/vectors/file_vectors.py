"""files.json, and its negative vectors: chapter 13."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from spec.vectors import suite
from spec.vectors.defects import Negative
from spec.vectors.document import render
from spec.vectors.suite import draw, pad

CHUNK_B: Final = 65_536
_SIZES: Final = (0, 1, 65_534, 65_535, 65_536, 65_537, 131_072, 3 << 20)
_SHOWN_B: Final = 48


def padded_size(size_b: int) -> int:
    """FIL-02."""
    return max(CHUNK_B, suite.padme(size_b + 1))


def chunk_key(key: bytes, index: int, *, last: bool) -> bytes:
    """FIL-03."""
    return suite.prf(key, "SR1-file-chunk", 32, data=suite.u32(index) + bytes([last]))


def seal_padded(key: bytes, padded: bytes) -> list[bytes]:
    """The sealed chunks of what is padded."""
    chunks = [padded[at : at + CHUNK_B] for at in range(0, len(padded), CHUNK_B)]
    return [
        suite.aead(chunk_key(key, index, last=index == len(chunks) - 1), chunk, b"")
        for index, chunk in enumerate(chunks)
    ]


def file_hash(parts: list[bytes]) -> bytes:
    """FIL-04."""
    return suite.hash_("SR1-file-hash", b"".join(parts))


def _case(size_b: int) -> dict[str, Any]:
    name = f"file of {size_b}"
    key, plain = draw(name + " key", 32), draw(name, size_b)
    parts = seal_padded(key, pad(plain, padded_size(size_b)))
    return {
        "name": name,
        "size_b": size_b,
        "key": key,
        "padded_b": padded_size(size_b),
        "sealed_b": sum(map(len, parts)),
        "first_chunk_key": chunk_key(key, 0, last=len(parts) == 1),
        "last_chunk_key": chunk_key(key, len(parts) - 1, last=True),
        "first_bytes": parts[0][:_SHOWN_B],
        "last_bytes": parts[-1][-_SHOWN_B:],
        "hash": file_hash(parts),
    }


def files() -> str:
    """Files at each edge of the padding; the bytes of a file are SHAKE-256 of a name."""
    return render(
        "Sealed files. The bytes of a file are the first `size_b` of SHAKE-256('sealroom vectors / ' | name);"
        " of the sealed chunks, put together, the first and last bytes and the hash are here.",
        "FIL-01 FIL-02 FIL-03 FIL-04 FIL-09 FIL-10",
        {"cases": [_case(size_b) for size_b in _SIZES], "types": [*_types()]},
    )


def _archive(*parts: bytes) -> bytes:
    return b"".join(b"PK\x03\x04" + bytes(26) + part for part in parts) + b"PK\x01\x02"


_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_ODT: Final = "application/vnd.oasis.opendocument.text"
_TYPES: Final[list[tuple[str, str, bytes, bool]]] = [
    ("a.pdf", "application/pdf", b"%PDF-1.7\n", True),
    ("a.PDF", "application/pdf", b"%PDF-1.7\n", True),
    ("a.exe", "application/pdf", b"%PDF-1.7\n", False),
    ("a.pdf", "application/pdf", b"MZ\x90", False),
    ("pdf", "application/pdf", b"%PDF-1.7\n", True),
    ("a.jpg", "image/jpeg", b"\xff\xd8\xff\xe0", True),
    ("a.jpg", "image/png", b"\xff\xd8\xff\xe0", False),
    ("a.png", "image/png", b"\xff\xd8\xff\xe0", False),
    ("a.webp", "image/webp", b"RIFF\0\0\0\0WEBPVP8 ", True),
    ("a.wav", "audio/wav", b"RIFF\0\0\0\0WAVEfmt ", True),
    ("a.avi", "video/avi", b"RIFF\0\0\0\0AVI LIST", False),
    ("a.heic", "image/heic", b"\0\0\0\x18ftypheic", True),
    ("a.mp4", "video/mp4", b"\0\0\0\x18ftypisom", True),
    ("a.txt", "text/plain", "Größe\t1\r\n".encode(), True),
    ("a.txt", "text/plain", b"", True),
    ("a.txt", "text/plain", b"\xff\xfea\0", False),
    ("a.txt", "text/plain", b"a\0b", False),
    ("a.txt", "text/plain", b"a\xc2\xa0b", True),
    ("a.txt", "text/plain", b"~\xc2\xa1", True),
    ("a.txt", "text/plain", b"a\xc2\x80b", False),
    ("a.txt", "text/plain", b"a\xc2\x9b31m", False),
    ("a.txt", "text/plain", b"\xc2\x9f", False),
    ("a.txt", "text/plain", b"a\x7f", False),
    ("a.txt", "text/plain", b"cut \xc3", False),
    ("a.html", "text/html", b"<!doctype html>", False),
    ("a.txt", "text/plain", b" \n<svg onload=1>", False),
    ("a.txt", "text/plain", b"\xef\xbb\xbf<html>", False),
    ("a.csv", "text/plain", b"#!/bin/sh\n", False),
    ("a.svg", "image/svg+xml", b"<svg/>", False),
    ("a.docx", _WORD, _archive(b"[Content_Types].xml", b"word/document.xml"), True),
    ("a.docx", _WORD, _archive(b"[Content_Types].xml", b"word/document.xml", b"word/vbaProject.bin"), False),
    ("a.docx", _WORD, _archive(b"[Content_Types].xml", b"word/a", b"xl/b"), False),
    ("a.docx", _WORD, _archive(b"word/document.xml"), False),
    ("a.docm", _WORD, _archive(b"[Content_Types].xml", b"word/document.xml"), False),
    ("a.odt", _ODT, _archive(b"mimetype" + _ODT.encode(), b"content.xml"), True),
    ("a.odt", _ODT, _archive(b"mimetype" + _ODT.encode(), b"Basic/script.xml"), False),
    (
        "a.odg",
        _ODT.replace("text", "graphics"),
        _archive(b"mimetype" + _ODT.replace("text", "graphics").encode()),
        False,
    ),
    ("a.zip", "application/zip", _archive(b"setup.exe"), False),
]


def _types() -> Iterator[dict[str, Any]]:
    for name, media_type, content, sent in _TYPES:
        yield {"name": name, "media_type": media_type, "content": content, "is_sent": sent}


def all_files() -> Iterator[Negative]:
    """One defect each, in a file whose announcement is `announced`."""
    key, plain = draw("a refused file's key", 32), draw("a refused file", 100)
    good = seal_padded(key, pad(plain, padded_size(100)))
    for name, text, padded in _paddings(plain):
        yield _refused(name, text, key, seal_padded(key, padded), size_b=100)
    yield _refused("file-hash", "another hash", key, good, size_b=100, digest=bytes(32))
    yield _refused("file-size", "a size with another padded size", key, good, size_b=65_536)
    as_first = [suite.aead(chunk_key(key, 0, last=False), pad(plain, CHUNK_B), b"")]
    yield _refused(
        "file-cut", "a chunk that is not the last one, and none behind it", key, as_first, size_b=100
    )
    yield _refused("file-without-parts", "no chunk", key, [], size_b=100)
    yield _refused("file-with-more", "a chunk behind the last one", key, [*good, bytes(16)], size_b=100)


def _paddings(plain: bytes) -> Iterator[tuple[str, str, bytes]]:
    right = bytearray(pad(plain, CHUNK_B))
    no_mark, late = bytearray(right), bytearray(right)
    no_mark[len(plain)] = 0
    late[-1] = 1
    yield "file-without-mark", "no 0x80 behind the file", bytes(no_mark)
    yield "file-padding", "padding that is not zero", bytes(late)
    yield "file-short-padding", "less padding than 65 536 bytes", pad(plain, 4096)


def _refused(
    name: str, text: str, key: bytes, parts: list[bytes], *, size_b: int, digest: bytes | None = None
) -> Negative:
    announced = {
        "size_b": size_b,
        "padded_b": CHUNK_B,
        "hash": file_hash(parts) if digest is None else digest,
    }
    inputs = {"key": key, "announced": announced, "parts": parts}
    return Negative(name, f"A sealed file with {text}.", "FIL-05", "file.open", inputs, "file.corrupt")
