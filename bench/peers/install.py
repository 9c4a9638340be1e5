"""Installs what is measured beside us into the environment of `make bench-peers`, each peer by itself.

    .venv-peers/bin/python bench/peers/install.py

All is locked by hash: requirements/peers.txt for Python, bench/peers/crypto/package-lock.json for node. What
does not install is said with its reason, and left out of the table.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements/peers.txt"
NODE_LOCK: Final = ROOT / "bench/peers/crypto"
NODE: Final = Path(sys.prefix) / "node"
# What has no wheel is built by the setuptools of the same lock, which is installed before it.
FIRST: Final = "setuptools"


def entries(lock: str) -> list[str]:
    """Return the entries of a lock file, each with its hashes."""
    found: list[str] = []
    for line in lock.splitlines():
        if line and not line.startswith((" ", "#")):
            found.append(line)
        elif line.strip().startswith("--hash"):
            found[-1] += "\n" + line
    return sorted(found, key=lambda entry: (not entry.startswith(FIRST), entry))


def install(entry: str) -> str:
    """Install one entry; return why it could not be, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "one.txt"
        alone.write_text(entry + "\n", encoding="utf-8")
        options = ["--quiet", "--no-deps", "--require-hashes", "--no-build-isolation", "-r", str(alone)]
        return _reason([sys.executable, "-m", "pip", "install", *options])


def install_node() -> str:
    """Install the locked packages for node; return why they could not be, or nothing."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    NODE.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NODE_LOCK / name, NODE / name)
    return _reason([npm, "ci", "--prefix", str(NODE), "--ignore-scripts", "--no-audit", "--no-fund"])


def _reason(command: list[str]) -> str:
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode == 0:
        return ""
    lines = [line for line in (run.stderr or run.stdout).splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"status {run.returncode}"


def main() -> int:
    """Install everything that can be."""
    for entry in entries(LOCK.read_text(encoding="utf-8")):
        if reason := install(entry):
            print(f"left out: {entry.split(' ')[0]}: {reason}")
    if reason := install_node():
        print(f"left out: packages for node: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
