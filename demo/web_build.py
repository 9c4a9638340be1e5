"""The launcher and the room, built from this checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from e2ee_client.desk.assets import node

_WORKSPACE: Final = Path(__file__).resolve().parents[1] / "client/web"
_BUILD_S: Final = 120


class BuildFailed(Exception):
    """The pages cannot be built here, and why."""


def build(folder: Path) -> dict[str, bytes]:
    """Build into a folder; return its files by name.

    Raises:
        BuildFailed: node or its libraries are missing, or the build failed.
    """
    program = node()
    if program is None or not (_WORKSPACE / "node_modules").is_dir():
        raise BuildFailed("node or the libraries of client/web are missing: run `make web`")
    command = [program, "build.ts", f"--out={folder}"]
    done = subprocess.run(
        command, cwd=_WORKSPACE, capture_output=True, text=True, check=False, timeout=_BUILD_S
    )
    if done.returncode != 0:
        raise BuildFailed(f"the pages cannot be built: {done.stderr.strip()[-400:]}")
    return {path.name: path.read_bytes() for path in folder.iterdir()}
