"""The built page: files in the package, or, in a checkout, made when they are asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from e2ee_client.errors import ConfigError
from e2ee_client.web import built

BUILT: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_START: Final = "index.html"


class Asset(NamedTuple):
    """A file of the page, in memory."""

    media_type: str
    data: bytes


def load() -> dict[str, Asset]:
    """Return the files of the page by their paths on the server: of the package, else built from a checkout.

    Raises:
        ConfigError: the page is not built, and cannot be built here.
    """
    if (BUILT / _START).is_file():
        return _read(BUILT)
    with tempfile.TemporaryDirectory(prefix="sealroom-page-") as folder:
        build(Path(folder) / "page")
        return _read(Path(folder) / "page")


def _read(folder: Path) -> dict[str, Asset]:
    """Only known types, and nothing below the folder."""
    found = {
        f"/{one.name}": Asset(_TYPES[one.suffix], one.read_bytes())
        for one in sorted(folder.iterdir())
        if one.is_file() and one.suffix in _TYPES
    }
    return {"/": found.pop(f"/{_START}"), **found}


def build(folder: Path) -> None:
    """Build the page from a checkout into a folder.

    Raises:
        ConfigError: this is no checkout, node or its libraries are missing, or the build failed.
    """
    built.build(folder, "--desk")
    if not (folder / _START).is_file():
        raise ConfigError("the desk's page could not be built")
