"""Chapter 13: what a sealed file hides, what is refused of one, names and types (FIL-01 to FIL-10)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ee import file_types, files
from e2ee.errors import FileCorrupt, FileTooLarge, FileTypeRefused, InvalidArgument
from e2ee.files import CHUNK_B, PART_B, Announced, Sealing
from e2ee.grammar import is_file_name
from e2ee.secret import FileKey

SIZE_B = 3 * CHUNK_B + 5


def key() -> FileKey:
    return FileKey(os.urandom(32))


def sealed(file_key: FileKey, plain: bytes) -> tuple[Announced, list[bytes]]:
    sealing = Sealing(file_key, len(plain))
    parts = list(sealing.parts([plain]))
    return sealing.announced, parts


def opened(file_key: FileKey, announced: Announced, parts: list[bytes]) -> bytes:
    return b"".join(files.open_(file_key, announced, parts))


def test_sizes_are_few_and_bounded() -> None:
    """FIL-01, FIL-02."""
    assert {files.padded_size(size_b) for size_b in (0, 1, 1000, CHUNK_B - 1)} == {CHUNK_B}
    assert files.padded_size(CHUNK_B) == CHUNK_B + 2048
    assert files.sealed_size(64 << 20) == (66 << 20) + 16 * 1056 <= 67 << 20
    for ask in (files.padded_size, files.sealed_size, lambda size_b: Sealing(key(), size_b)):
        with pytest.raises(FileTooLarge):
            ask((64 << 20) + 1)
    sizes = {files.padded_size(size_b) for size_b in range(1 << 24, 1 << 25, 4099)}
    assert len(sizes) <= 33


@pytest.mark.parametrize("blocks", [[], [b"12"], [b"1", b"23"], [b"1234"]])
def test_a_file_that_changed_meanwhile_is_not_announced(blocks: list[bytes]) -> None:
    """FIL-02: another size than was said."""
    sealing = Sealing(key(), 3 if blocks != [b"1", b"23"] else 4)
    with pytest.raises(InvalidArgument):
        list(sealing.parts(blocks))
    assert not hasattr(sealing, "announced")


def test_each_part_opens_in_its_place_only() -> None:
    """FIL-03, FIL-05: swapped, left out, doubled, cut, longer, changed, under another key."""
    file_key, plain = key(), os.urandom(SIZE_B)
    announced, parts = sealed(file_key, plain)
    assert opened(file_key, announced, parts) == plain
    changed = bytearray(parts[1])
    changed[1000] ^= 1
    for wrong in (
        [parts[1], parts[0], *parts[2:]],
        [parts[0], *parts[2:]],
        [parts[0], *parts],
        parts[:-1],
        [*parts[:-1], parts[-1][:-1]],
        [*parts, parts[-1]],
        [*parts, b""],
        [parts[0], bytes(changed), *parts[2:]],
        [],
    ):
        with pytest.raises(FileCorrupt):
            opened(file_key, announced, wrong)
    with pytest.raises(FileCorrupt):
        opened(key(), announced, parts)


def test_the_announcement_binds() -> None:
    """FIL-04, FIL-05: hash, size and padded size, those of another file of the same key too."""
    file_key, plain = key(), os.urandom(SIZE_B)
    announced, parts = sealed(file_key, plain)
    for changes in (
        {"hash": bytes(32)},
        {"size_b": SIZE_B - 1},
        {"size_b": SIZE_B + 1},
        {"size_b": -1},
        {"size_b": (64 << 20) + 1},
        {"padded_b": CHUNK_B},
        {"padded_b": 1 << 62},
    ):
        with pytest.raises(FileCorrupt):
            opened(file_key, replace(announced, **changes), parts)
    other, _ = sealed(file_key, os.urandom(SIZE_B))
    with pytest.raises(FileCorrupt):
        opened(file_key, other, parts)


def test_a_file_comes_in_chunks_before_it_is_known_to_be_right() -> None:
    """FIL-06: with a wrong hash all chunks come, and then the refusal."""
    file_key, plain = key(), os.urandom(SIZE_B)
    announced, parts = sealed(file_key, plain)
    chunks = files.open_(file_key, replace(announced, hash=bytes(32)), parts)
    got: list[bytes] = []
    with pytest.raises(FileCorrupt):
        got.extend(chunks)
    assert b"".join(got) == plain


def test_memory_does_not_grow_with_the_file() -> None:
    """FIL-03: a part leaves as soon as it is full."""
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(16):
            taken += 1
            yield bytes(CHUNK_B // 2)

    parts = Sealing(key(), 8 * CHUNK_B).parts(blocks())
    assert len(next(parts)) == PART_B
    assert taken == 2


@given(st.integers(0, 200_000), st.integers(1, 100_000))
def test_any_file_in_any_blocks(size_b: int, block_b: int) -> None:
    """FIL-02 to FIL-05."""
    file_key, plain = key(), os.urandom(size_b)
    sealing = Sealing(file_key, size_b)
    parts = list(sealing.parts(plain[at : at + block_b] for at in range(0, size_b, block_b)))
    assert parts == sealed(file_key, plain)[1]
    assert opened(file_key, sealing.announced, parts) == plain


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "..",
            ".profile",
            "a.",
            " a",
            "a ",
            "a/b",
            "..\\a",
            "C:a",
            "a*",
            "a?",
            "<a>",
            "a|b",
            '"a"',
        ),
        *("a\nb", "a\tb", "a\0.pdf", "a\u202egpj.exe", "a\u200b.pdf", "a\u2066b", "a\ue000"),
        *("con", "PRN.txt", "aux .pdf", "NuL.tar.gz", "conin$", "CONOUT$.x", "com0", "Lpt9.pdf", "COM\u00b2"),
    ],
)
def test_a_name_that_leads_elsewhere_or_hides_is_none(name: str) -> None:
    """FIL-08"""
    assert not is_file_name(name)


@pytest.mark.parametrize(
    "name", ["a", "Befund 1.pdf", "a..b", "console.txt", "COM10.txt", "lpt.pdf", "Größe-1_(2).JPG", "a;b,c&d"]
)
def test_a_name_of_everyday_is_one(name: str) -> None:
    """FIL-08"""
    assert is_file_name(name)


def told(*blocks: bytes) -> str:
    seen = file_types.Content()
    for one in blocks:
        seen.take(one)
    return seen.media_type()


def test_a_type_is_told_by_the_whole_content() -> None:
    """FIL-10: a control far behind, a letter that is cut, and macros at the end of an archive show."""
    assert told(b"a" * 70_000, "ä".encode()[:1], "ä".encode()[1:]) == "text/plain"
    for late in (b"\x1b[2J", b"\xff", "ä".encode()[:1], b"\x7f", "\x9b2J".encode()):
        with pytest.raises(FileTypeRefused):
            told(b"a" * 70_000, late)
    for cut in ("\x80".encode(), "\x9f".encode()):
        with pytest.raises(FileTypeRefused):
            told(b"a", cut[:1], cut[1:] + b"a")
        with pytest.raises(FileTypeRefused):
            told(cut, "ä".encode(), b"a")
    parts = [b"PK\x03\x04" + bytes(26) + one for one in (b"[Content_Types].xml", b"xl/workbook.xml")]
    assert told(*parts).endswith("spreadsheetml.sheet")
    with pytest.raises(FileTypeRefused):
        told(*parts, bytes(70_000) + b"xl/vbaPro", b"ject.bin")


@pytest.mark.parametrize(
    "begins", [b"<html>", b"<?xml", b"#!/bin/sh", b"MZ", b"{\\rtf1", b"@ECHO off"], ids=repr
)
def test_no_blank_hides_how_a_text_begins(begins: bytes) -> None:
    """FIL-10: not kilobytes of it, and not the mark of an encoding, also where blocks cut it."""
    for before in (b"", b" " * 5000, b"\n\t" * 70_000, b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"):
        for step in (1 << 18, 7):
            whole = before + begins + b" and more"
            with pytest.raises(FileTypeRefused):
                told(*(whole[at : at + step] for at in range(0, len(whole), step)))
    assert told(b"\xef\xbb\xbfa <b>") == "text/plain"


def test_every_type_has_endings_that_are_names() -> None:
    """FIL-09"""
    for media_type, endings in file_types.ENDINGS.items():
        for one in endings:
            file_types.check_name(f"a.{one.upper()}", media_type)
            assert is_file_name(f"a.{one}")
    for name, media_type in (
        ("a.exe", "image/png"),
        ("a.png", "image/x-png"),
        ("a.png.html", "image/png"),
        ("a.m\u212av", "video/webm"),
    ):
        with pytest.raises(FileTypeRefused):
            file_types.check_name(name, media_type)
