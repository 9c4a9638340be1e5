"""Compares what is released with its tag and its source: `python release/wheel_contents.py WHEEL|SDIST ...`.

The source is the checkout that this file stands in. Each file of a wheel or source distribution is one of
it, byte by byte, and none of the packages is missing. (RECORD says nothing more, and who installs writes its
own.) What is beside those is what a build makes: the pages of desk and room (`BUILT`), compiled
files, and metadata, whose libraries and commands are those that `pyproject.toml` declares. So what builds a
wheel can put something of its own only into what is compiled or bundled: build that again and compare.

Each wheel has the licence texts of what any of them may contain: ours, and those in `release/licenses`.

Three kinds of one version: `py3-none-any` has no compiled file; `cp311-abi3` has the extension in C and no
other; `cp313-cp313`, say, has the extension, and each module of `e2ee/` compiled for just
that Python, but those in `LEFT`.
"""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from email import message_from_bytes
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
BUILT: Final = ("client/e2ee_client/desk/static/", "client/e2ee_client/web/static/")
"""Pages: what `make web` has built them of is locked, and they are not in the checkout."""
_PLACES: Final = {"e2ee": "", "e2ee_client": "client/", "e2ee_login": "client/", "e2ee_relay": "server/"}
"""Packages of a wheel, and where in the checkout each stands."""
_OF_PACKAGES: Final = (".py", ".toml", ".typed")
_DESCRIBED: Final = ("METADATA", "RECORD", "WHEEL", "entry_points.txt")
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
        if len(found) != len(archive.infolist()):
            raise Contradiction(f"{wheel.name}: two files of one name")
        (described,) = (name for name in found if name.endswith(".dist-info/WHEEL"))
        lines = archive.read(described).decode().splitlines()
        binary = {name for name in found if name.endswith((".so", ".pyd", ".dylib", ".dll"))}
        metadata = {name for name in found if name.startswith(described.removesuffix("WHEEL"))}
        plain = found.keys() - binary - metadata
        _check_sources(wheel, {_in_checkout(wheel, name): archive.read(name) for name in plain})
        _check_metadata(wheel, archive, described.removesuffix("WHEEL"), metadata)
    kind = {"none": "pure", "abi3": "native"}.get(abi, "compiled")
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


def read_sources(distribution: Path) -> None:
    """Compare a source distribution with the checkout.

    Raises:
        Contradiction: a file of it is another, or none of the checkout.
    """
    found: dict[str, bytes] = {}
    with tarfile.open(distribution) as archive:
        for member in archive:
            content = archive.extractfile(member)
            # A link of an archive can lead anywhere where it is unpacked.
            if content is None or not member.isreg():
                raise Contradiction(f"{distribution.name}: {member.name} is no file")
            folder, _, name = member.name.partition("/")
            if folder != distribution.name.removesuffix(".tar.gz"):
                raise Contradiction(f"{distribution.name}: {member.name} is outside of its folder")
            found[name] = content.read()
    found.pop("PKG-INFO", None)
    _check_sources(distribution, found)


def _in_checkout(wheel: Path, name: str) -> str:
    """Return where in the checkout a file of a wheel stands."""
    place = _PLACES.get(name.partition("/")[0])
    if place is None:
        raise Contradiction(f"{wheel.name}: {name} is no file of the source")
    return place + name


def _check_sources(artifact: Path, found: Mapping[str, bytes]) -> None:
    packages = [(ROOT / place / package) for package, place in _PLACES.items()]
    files = [path for package in packages for path in package.rglob("*") if path.suffix in _OF_PACKAGES]
    missing = {path.relative_to(ROOT).as_posix() for path in files} - found.keys()
    if missing:
        raise Contradiction(f"{artifact.name}: {min(missing)} of the source is missing")
    for name, content in found.items():
        if name.startswith(BUILT) and ".." not in name:
            continue
        if ".." in name.split("/") or not (ROOT / name).is_file():
            raise Contradiction(f"{artifact.name}: {name} is no file of the source")
        if (ROOT / name).read_bytes() != content:
            raise Contradiction(f"{artifact.name}: {name} is another than that of the source")


def _check_metadata(wheel: Path, archive: zipfile.ZipFile, folder: str, found: set[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    allowed = {folder + name for name in (*_DESCRIBED, *(f"licenses/{one}" for one in LICENCES))}
    _agree(wheel, "metadata", found - allowed, set())
    # As who installs reads it: whatever the case of a name, and over several lines.
    described = message_from_bytes(archive.read(folder + "METADATA"))
    named = {_library(str(one)) for one in described.get_all("Requires-Dist", ())}
    declared = {_library(one) for extra in project["optional-dependencies"].values() for one in extra}
    _agree(wheel, "libraries", named - declared, set())
    scripts = {f"{name} = {place}" for name, place in project["scripts"].items()}
    entries = archive.read(folder + "entry_points.txt").decode().splitlines()
    _agree(wheel, "commands", set(filter(None, entries)), {"[console_scripts]", *scripts})


def _library(requirement: str) -> str:
    """Return name and versions of a requirement, without extras and conditions, as they are compared."""
    found = re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?([^;]*).*", requirement.strip())
    if found is None:
        raise Contradiction(f"{requirement} is no requirement")
    name, rest = found[1], found[2]
    versions = sorted(part.strip() for part in rest.split(","))
    return re.sub(r"[-_.]+", "-", name).lower() + ",".join(versions)


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
    given = [Path(argument) for argument in sys.argv[1:]]
    for archive in given:
        if archive.suffix == ".gz":
            read_sources(archive)
            print(f"sources: {archive.name}")
    for name, contents in compare([one for one in given if one.suffix != ".gz"]).items():
        print(f"{contents.kind}: {name}")
