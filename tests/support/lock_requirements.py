"""Resolves the hash-locked requirements anew, one file per use, for every Python that is supported.

The files name no package index and no place on the machine, so that whoever installs decides where from.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {
    "client.txt": "client",
    "desk.txt": "desk",
    "relay.txt": "relay",
    "relay-nodes.txt": "relay-postgres",
    "build.txt": "build",
    "dev.txt": "dev",
    "native.txt": "native",
    "audit.txt": "audit",
    "peers.txt": "peers",
    "docs.txt": "docs",
}
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--quiet",
)
# One of the peers has no wheels; all of them go into an environment of development.
SPECIAL = {"peers.txt": ("--constraint=requirements/dev.txt", "--no-annotate")}
WHEELS = ("--only-binary=:all:",)


def lock(name: str, extra: str, upgrade: bool) -> None:
    """Writes `requirements/<name>` for one extra of the distribution."""
    target = f"requirements/{name}"
    command = [
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        f"--extra={extra}",
        f"--output-file={target}",
        *OPTIONS,
        *SPECIAL.get(name, WHEELS),
    ]
    subprocess.run(
        [sys.executable, "-m", *command, *(["--upgrade"] if upgrade else [])], cwd=ROOT, check=True
    )
    print(f"wrote {target}")


def main() -> int:
    upgrade = "--upgrade" in sys.argv[1:]
    for name, extra in LOCKS.items():
        lock(name, extra, upgrade)
    return 0


if __name__ == "__main__":
    sys.exit(main())
