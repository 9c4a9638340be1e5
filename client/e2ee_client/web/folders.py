"""A site in a folder, held against signed assets: what was changed, is missing, or is there beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from e2ee.rooms.assets import ASSET_MAX_B, Asset, Assets, Place

from .findings import Finding
from .site import ASSETS_PATH
from .writing import FOLDERS, STATIC


def folder_findings(folder: Path, assets: Assets) -> list[Finding]:
    """Compare the folders of a build, `room` and `page`, with assets; links are not followed.

    Raises:
        OSError: a file cannot be read.
    """
    found: list[Finding] = []
    for place, name in FOLDERS.items():
        listed = {one.path: one for one in assets.files if one.place is place}
        found += _listed(folder / name, listed)
        own = {ASSETS_PATH, f"/{STATIC}"} if place is Place.ROOM else set[str]()
        found += _others(folder / name, listed.keys() | own)
    return found


def _listed(root: Path, listed: dict[str, Asset]) -> Iterator[Finding]:
    for path, asset in listed.items():
        file = root / path.removeprefix("/")
        if any(one.is_symlink() for one in (file, *file.parents) if one.is_relative_to(root)):
            yield Finding("link", str(file))
        elif not file.is_file():
            yield Finding("absent", str(file))
        else:
            with file.open("rb") as opened:
                data = opened.read(ASSET_MAX_B + 1)
            if hashlib.sha256(data).digest() != asset.sha256:
                yield Finding("changed", str(file), f"{len(data)} / {asset.size_b}")


def _others(root: Path, known: set[str]) -> Iterator[Finding]:
    for file in sorted(root.rglob("*")):
        path = f"/{file.relative_to(root).as_posix()}"
        if path not in known and (file.is_symlink() or not file.is_dir()):
            yield Finding("link" if file.is_symlink() else "unlisted", str(file))
