"""Chapter 13 recomputed by the core: every case of files.json."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from vector_files import load, unhex

from e2ee import file_types, files
from e2ee.errors import FileTypeRefused
from e2ee.secret import FileKey

CASES = load("files.json")["cases"]
TYPES = load("files.json")["types"]


def plain_of(case: dict[str, Any]) -> bytes:
    return hashlib.shake_256(b"sealroom vectors / " + case["name"].encode()).digest(case["size_b"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_files(case: dict[str, Any]) -> None:
    """FIL-01 to FIL-04, FIL-06: sealed to the bytes of the vector, in any blocks, and opened again."""
    key, plain = FileKey(unhex(case["key"])), plain_of(case)
    sealing = files.Sealing(key, case["size_b"])
    parts = list(sealing.parts(plain[at : at + 100_001] for at in range(0, len(plain), 100_001)))
    assert (files.padded_size(len(plain)), files.sealed_size(len(plain))) == (
        case["padded_b"],
        case["sealed_b"],
    )
    assert {len(part) for part in parts[:-1]} <= {files.PART_B}
    assert sum(map(len, parts)) == case["sealed_b"]
    assert (parts[0][:48].hex(), parts[-1][-48:].hex()) == (case["first_bytes"], case["last_bytes"])
    announced = sealing.announced
    assert (announced.size_b, announced.padded_b, announced.hash.hex()) == (
        case["size_b"],
        case["padded_b"],
        case["hash"],
    )
    assert b"".join(files.open_(key, announced, parts)) == plain


def test_every_edge_is_there() -> None:
    """FIL-02."""
    assert [case["size_b"] for case in CASES] == [0, 1, 65_534, 65_535, 65_536, 65_537, 131_072, 3 << 20]


@pytest.mark.parametrize("case", TYPES, ids=lambda case: f"{case['name']} {case['content'][:24]}")
def test_types(case: dict[str, Any]) -> None:
    """FIL-09, FIL-10: whatever the blocks are, a file is sent or it is not."""
    content = unhex(case["content"])
    for step in (1, 7, len(content) + 1):
        seen = file_types.Content()
        for at in range(0, len(content), step):
            seen.take(content[at : at + step])
        if case["is_sent"]:
            file_types.check(case["name"], case["media_type"], seen)
        else:
            with pytest.raises(FileTypeRefused):
                file_types.check(case["name"], case["media_type"], seen)
