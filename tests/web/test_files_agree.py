"""Types and metadata of files: the second implementation decides as the first, also about what is damaged."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Final

import pytest
import web_packages
from e2ee_client.errors import MetadataKept
from e2ee_client.runtime.image_metadata import stripped
from vector_files import load

from e2ee.errors import FileTypeRefused
from e2ee.file_types import Content

SCRIPT: Final = "packages/client/tests/strip.ts"
DAMAGED: Final = 150


def _segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _exif(order: str, value: int) -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    entries = struct.pack(f"{order}HHHI4s", 2, 0x010F, 2, 4, b"Cam\0")
    return b"Exif\0\0" + head + entries + struct.pack(f"{order}HHIHH", 0x0112, 3, 1, value, 0) + b"52.5 N"


def _images() -> list[tuple[str, bytes]]:
    """An image of each type with all that is kept, all that goes, and something behind its end."""
    marks = b"".join(_segment(code, b"52.5 N") for code in (*range(0xE0, 0xF0), 0xFE))
    kept = (
        _segment(0xE0, b"JFIF\0" + bytes(20)) + _segment(0xE2, b"ICC_PROFILE\0p") + _segment(0xEE, b"Adobe")
    )
    scan = (
        _segment(0xDB, bytes(9))
        + _segment(0xDA, b"\x01\0")
        + b"\x12\xff\0\x34\xff\xd0\x56\xff\xff\xd9 behind"
    )
    jpegs = [b"\xff\xd8" + kept + _segment(0xE1, _exif(order, 6)) + marks + scan for order in "<>"]
    chunks = [(b"tEXt", b"52.5 N"), (b"eXIf", b"MM"), (b"iCCP", b"p"), (b"IDAT", b"pixels"), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in [(b"IHDR", bytes(13)), *chunks]) + b"behind"
    parts = [
        (b"VP8X", b"\x1c" + bytes(9)),
        (b"ICCP", b"p"),
        (b"VP8 ", b"abc"),
        (b"ANMF", bytes(16) + _riff(b"VP8L", b"abc")),
        (b"EXIF", b"52"),
        (b"XMP ", b"x"),
    ]
    body = b"WEBP" + b"".join(_riff(*one) for one in parts)
    webp = b"RIFF" + struct.pack("<I", len(body)) + body + b"behind"
    return [*(("image/jpeg", one) for one in jpegs), ("image/png", png), ("image/webp", webp)]


def _damaged(rng: random.Random, data: bytes) -> bytes:
    """A byte that is another, some that are gone, or an end that is missing."""
    at, many = rng.randrange(len(data)), rng.randrange(1, 6)
    kind = rng.randrange(3)
    if kind == 0:
        return data[:at] + bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))]) + data[at + 1 :]
    return data[:at] + data[at + many :] if kind == 1 else data[:at]


def _type(data: bytes) -> str:
    content = Content()
    content.take(data)
    try:
        return content.media_type()
    except FileTypeRefused as refused:
        return refused.code


def _strip(media_type: str, data: bytes) -> str:
    try:
        return b"".join(stripped(lambda: [data] if data else [], media_type)).hex()
    except MetadataKept as kept:
        return kept.code


@pytest.mark.usefixtures("web_libraries")
def test_whole_and_damaged_images_come_out_alike_in_both() -> None:
    """FIL-10, FIL-17."""
    rng = random.Random(17)
    whole = _images()
    types = [("image/png", bytes.fromhex(one["content"])) for one in load("files.json")["types"]]
    damaged = [(kind, _damaged(rng, data)) for kind, data in whole for _ in range(DAMAGED)]
    cases = [*whole, *types, *damaged]
    lines = "".join(f"{kind} {data.hex()}\n" for kind, data in cases)
    done = web_packages.run(SCRIPT, given=lines)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(cases)
    for (kind, data), line in zip(cases, said, strict=True):
        assert line == f"{_type(data)} {_strip(kind, data)}", data.hex()
    for line in said[: len(whole)]:
        assert b"52".hex() not in line.split(" ")[1]
