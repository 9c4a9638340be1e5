"""The launcher and the room, built from this checkout."""

from __future__ import annotations

from pathlib import Path

from e2ee_client.errors import ConfigError
from e2ee_client.web import built


class BuildFailed(Exception):
    """The pages cannot be built here, and why."""


def build(folder: Path) -> dict[str, bytes]:
    """Build into a folder; return its files by name.

    Raises:
        BuildFailed: node or its libraries are missing, or the build failed.
    """
    try:
        built.build(folder)
    except ConfigError as problem:
        raise BuildFailed(str(problem)) from None
    return {path.name: path.read_bytes() for path in folder.iterdir()}
