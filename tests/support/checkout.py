"""Where the checkout is and which files belong to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("e2ee", "client/e2ee_client", "client/e2ee_login", "server/e2ee_relay")
_SKIPPED_FOLDERS = {"node_modules", "__pycache__", "build", "dist", "reports", "htmlcov"}


def files(root: Path, pattern: str) -> Iterator[Path]:
    """Files under `root` that match a glob such as `**/*.md`, without environments, caches and reports."""
    for path in sorted(root.glob(pattern)):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        if path.is_file() and not hidden and not _SKIPPED_FOLDERS.intersection(parts):
            yield path


def shipped_sources(root: Path) -> Iterator[Path]:
    """Python files that the distribution ships."""
    for package in SHIPPED:
        yield from files(root, f"{package}/**/*.py")


def tracked(root: Path) -> list[Path]:
    """Files that git tracks, or would add: what a reader of the repository sees."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    names = sorted(set(listing.decode().split("\0")) - {""})
    return [root / name for name in names if (root / name).is_file()]
