"""Compares the tag of a wheel with what is in it: `python release/wheel_contents.py WHEEL ...`.

Each wheel has the licence texts of what any of them may contain: ours, and those in `release/licenses`.

Three kinds of one version: `py3-none-any` has no compiled file; `cp311-abi3` has the extension in C and no
other; `cp313-cp313`, say, has the extension, and each module of `e2ee/` compiled for just
that Python, but those in `LEFT`.
"""

from __future__ import annotations

import re
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

EXTENSION: Final = re.compile(r"e2ee/primitives/_native\.(abi3\.so|pyd)")
LEFT: Final = ("e2ee/rooms/", "e2ee/secret", "e2ee/errors", "e2ee/primitives/kem")
"""What stays Python (compile_core.py)."""
SHARED: Final = "sealroom__mypyc"
"""The library of all compiled modules, which are thin."""
ROOT: Final = Path(__file__).resolve().parent.parent
LICENCES: Final = ("LICENSE", "release/licenses/libsodium.txt", "release/licenses/mypyc.txt")
"""Of the project; of the library that a release links into the extension; of what mypyc compiles in."""
_COMPILED: Final = re.compile(r"(.+)\.(?:cpython-|cp)(\d+)-[a-z0-9_-]+\.(?:so|pyd)")


class Contradiction(Exception):
    """A wheel has another content than its tag says; the text says which."""


class Contents(NamedTuple):
    """What a wheel has: its kind, version, and the files that all kinds share."""

    kind: str
    version: str
    shared: frozenset[tuple[str, int]]


def read(wheel: Path) -> Contents:
    """Return what a wheel has.

    Raises:
        Contradiction: its tag and its content do not fit.
    """
    _, version, python, abi, platform = wheel.stem.split("-")
    with zipfile.ZipFile(wheel) as archive:
        found = {info.filename: info.CRC for info in archive.infolist()}
        (described,) = (name for name in found if name.endswith(".dist-info/WHEEL"))
        lines = archive.read(described).decode().splitlines()
    kind = {"none": "pure", "abi3": "native"}.get(abi, "compiled")
    binary = {name for name in found if name.endswith((".so", ".pyd", ".dylib", ".dll"))}
    tags = {f"{python}-{abi}-{one}" for one in platform.split(".")}
    _agree(wheel, "tag", {line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")}, tags)
    _agree(wheel, "purity", {f"Root-Is-Purelib: {str(kind == 'pure').lower()}"} - set(lines), set())
    _agree(wheel, "licence texts", _licences(found, described.removesuffix("WHEEL")), set(LICENCES))
    extensions = {name for name in binary if EXTENSION.fullmatch(name)}
    if len(extensions) != (kind != "pure"):
        raise Contradiction(f"{wheel.name}: {len(extensions)} extensions in C")
    sources = {
        name.removesuffix(".py") for name in found if name.startswith("e2ee/") and name.endswith(".py")
    }
    modules = {name for name in sources if not name.startswith(LEFT)}
    wanted = (
        {(name, python.removeprefix("cp")) for name in modules | {SHARED}} if kind == "compiled" else set()
    )
    _agree(wheel, "compiled modules", {_module(wheel, name) for name in binary - extensions}, wanted)
    shared = {(name, crc) for name, crc in found.items() if name not in binary and ".dist-info/" not in name}
    return Contents(kind, version, frozenset(shared))


def compare(wheels: list[Path]) -> dict[str, Contents]:
    """Read wheels that are released together, by their names.

    Raises:
        Contradiction: as `read`, or they are of several versions, or differ in more than compiled files.
    """
    found = {wheel.name: read(wheel) for wheel in wheels}
    if len({(one.version, one.shared) for one in found.values()}) > 1:
        raise Contradiction("the wheels have several versions, or differ in what is not compiled")
    return found


def _licences(found: Mapping[str, int], folder: str) -> set[str]:
    """Name the texts that are in a wheel as they are in the checkout, by their checksums."""
    sums = {name: zlib.crc32((ROOT / name).read_bytes()) for name in LICENCES}
    return {name for name, crc in sums.items() if found.get(f"{folder}licenses/{name}") == crc}


def _module(wheel: Path, name: str) -> tuple[str, str]:
    found = _COMPILED.fullmatch(name)
    if found is None:
        raise Contradiction(f"{wheel.name}: {name} is no module of ours")
    return found[1], found[2]


def _agree(wheel: Path, what: str, found: set[str] | set[tuple[str, str]], wanted: object) -> None:
    if found != wanted:
        raise Contradiction(f"{wheel.name}: {what}: found {sorted(found)}, wanted {wanted}")


if __name__ == "__main__":
    for name, contents in compare([Path(argument) for argument in sys.argv[1:]]).items():
        print(f"{contents.kind}: {name}")
