"""What an audit ran on: commit and changes of the checkout, Python, system, installed libraries."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from audit import ROOT, inputs


@dataclass(frozen=True, slots=True)
class Checkout:
    """Commit, and a digest of all that differs from it (empty where nothing does)."""

    commit: str
    changes: str


_CHANGED = (".", *(f":!{place}" for place in inputs.WRITTEN))


def checkout() -> Checkout:
    """The state of the checkout, without what the steps write into it."""
    status = _git("status", "--porcelain", "--", *_CHANGED)
    commit = _git("rev-parse", "HEAD")
    if not status:
        return Checkout(commit, "")
    text = status + _git("diff", "HEAD", "--", *_CHANGED)
    return Checkout(commit, hashlib.sha256(text.encode()).hexdigest()[:16])


def _git(*words: str) -> str:
    run = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True)
    return run.stdout.decode("utf-8", "replace").strip()


def system() -> str:
    """Python and platform in one line."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def installed() -> dict[str, str]:
    """Versions of everything in the environment, by name."""
    found = {d.name.lower(): d.version for d in importlib.metadata.distributions()}
    return dict(sorted(found.items()))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
