"""A site on disk: whole files in their places, those that name others last; nothing leaves the folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from e2ee.errors import E2eeError
from e2ee.ids import AccountId
from e2ee.rooms.assets import ASSET_MAX_B, ASSETS_MAX_B, Asset, Assets, Place
from e2ee_client.errors import ConfigError

from .headers import Kind
from .site import ASSETS_PATH, VERSIONED, Kept, Site

FOLDERS: Final = {Place.ROOM: "room", Place.PAGE: "page"}
SERVERS: Final = "servers"
SNIPPET: Final = "snippet.html"
REQUEST: Final = "assets.request"
"""What the account key has to sign where it is kept."""
STATIC: Final = "_headers"
"""Settings that a static host reads in the folder itself."""
_FILE_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755


def write_site(folder: Path, site: Site, signed: bytes | None, servers: dict[str, str]) -> list[Path]:
    """Write a site below a folder; what an earlier build left there and is no part of this one is removed.
    Return the written files. Without signed assets those of the build before stay until others come.

    Raises:
        ConfigError: a file cannot be written, or the folder holds a link or something that is no site.
    """
    scripts = [one for one in site.files if VERSIONED.fullmatch(one.path)]
    pages = sorted((one for one in site.files if one not in scripts), key=lambda one: one.kind is Kind.ROOM)
    files = {_place(one.place, one.path): one.data for one in (*scripts, *pages)}
    for name, text in servers.items():
        files[f"{FOLDERS[Place.ROOM] if name == STATIC else SERVERS}/{name}"] = text.encode()
    files[SNIPPET] = site.snippet.encode()
    if signed is not None:
        files[_place(Place.ROOM, ASSETS_PATH)] = signed
    _check_ours(folder)
    try:
        for name, data in files.items():
            _write(folder, name, data)
        _remove_others(folder, {*files, _place(Place.ROOM, ASSETS_PATH)})
    except OSError as error:
        raise ConfigError(f"the site cannot be written: {error.filename}: {error.strerror}") from None
    return [folder / name for name in files]


def write_beside(folder: Path, name: str, data: bytes) -> Path:
    """Write one file of a site.

    Raises:
        ConfigError: it cannot be written, or the folder is not that of a site.
    """
    _check_ours(folder)
    try:
        _write(folder, name, data)
    except OSError as error:
        raise ConfigError(f"the site cannot be written: {error.filename}: {error.strerror}") from None
    return folder / name


def read_kept(folder: Path, account_id: AccountId) -> Kept | None:
    """Return what an earlier build of this account left in a folder; None where there is none.

    Raises:
        ConfigError: what is there is another company's, or was changed.
    """
    path = folder / _place(Place.ROOM, ASSETS_PATH)
    if not path.is_file():
        return None
    try:
        assets = Assets.verify(account_id, _read(path, ASSETS_MAX_B))
        found = {
            (one.place, one.path): _script(folder, one)
            for one in assets.files
            if VERSIONED.fullmatch(one.path)
        }
    except E2eeError as error:
        raise ConfigError(
            f"{folder} holds the site of another company, or a changed one ({error.code})"
        ) from None
    except OSError as error:
        raise ConfigError(f"{folder} cannot be read ({error.strerror})") from None
    return Kept(assets, {place: data for place, data in found.items() if data is not None})


def _script(folder: Path, listed: Asset) -> bytes | None:
    """A script of an earlier build; one that was changed since would be signed anew.

    Raises:
        ConfigError: it is not the one that is listed. OSError.
    """
    path = folder / _place(listed.place, listed.path)
    if not path.is_file():
        return None
    data = _read(path, ASSET_MAX_B)
    if hashlib.sha256(data).digest() != listed.sha256:
        raise ConfigError(f"{path} was changed since it was built: nothing is signed over it")
    return data


def _place(place: Place, path: str) -> str:
    return f"{FOLDERS[place]}{path}"


def _read(path: Path, most_b: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most_b + 1)


def _check_ours(folder: Path) -> None:
    """Refuse a folder with links, which lead elsewhere, or with files that no build has left."""
    if folder.is_symlink():
        raise ConfigError(f"{folder} is a link")
    ours = {*FOLDERS.values(), SERVERS, SNIPPET, REQUEST}
    if folder.is_dir():
        odd = sorted(one.name for one in folder.iterdir() if one.name not in ours)
        if odd:
            raise ConfigError(
                f"{folder} holds {odd[0]}, which is no part of a site: name a folder of its own"
            )
        for one in sorted(folder.rglob("*")):
            if one.is_symlink():
                raise ConfigError(f"{one} is a link: nothing is written through it")


def _write(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    for parent in (folder, *(folder / part for part in list(reversed(Path(name).parents))[1:])):
        if not parent.is_dir():
            parent.mkdir(parents=True)
        parent.chmod(_FOLDER_MODE)
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    beside.chmod(_FILE_MODE)
    beside.replace(path)


def _remove_others(folder: Path, kept: Collection[str]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in kept:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
