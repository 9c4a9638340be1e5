"""Runs tests against the installed package, from a copy outside the checkout; `make native-test`.

    python tests/native/installed.py [FOLDER OR FILE ...]

The copy has what the tests read, and no package of ours: what they import is what was installed, which is
asserted before, and so is that what runs is what the wheel's tag says. Tests that put another function under
the reference say so by the marker `reference`, and are left out where it does not run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
COPIED: Final = (
    "tests",
    "spec",
    "bench",
    "examples",
    "release",
    "pyproject.toml",
    "hatch_build.py",
    "compile_core.py",
)
CHOSEN: Final = (
    "tests/spec",
    "tests/vectors",
    "tests/negative",
    "tests/property",
    "tests/secrecy",
    "tests/store",
    "tests/client",
    "tests/fuzz/test_corpus.py",
)
WHERE: Final = """
import importlib.metadata, sys
import e2ee, e2ee_client
from e2ee.primitives import IN_USE
for package in (e2ee, e2ee_client):
    if not package.__file__.startswith(sys.prefix):
        sys.exit(f"not what was installed: {package.__file__}")
said = importlib.metadata.distribution("sealroom").read_text("WHEEL")
wanted = "native, libsodium" if "-abi3-" in said else "native, compiled"
wanted = "reference" if "-none-any" in said else wanted
if not IN_USE.startswith(wanted):
    sys.exit(f"another form runs than {wanted}: {IN_USE}")
print(f"{IN_USE}: {e2ee.__file__}", file=sys.stderr)
print(wanted)
"""


def copy(folder: Path) -> None:
    """Copy what tests read."""
    skipped = shutil.ignore_patterns("__pycache__", "node_modules", "results")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=skipped)
        else:
            shutil.copy(source, folder / name)


def main() -> int:
    """Copy, look what is imported, and run."""
    chosen = sys.argv[1:] or CHOSEN
    with tempfile.TemporaryDirectory(prefix="installed-") as name:
        folder = Path(name)
        copy(folder)
        where = subprocess.run(
            [sys.executable, "-c", WHERE], cwd=folder, check=False, stdout=subprocess.PIPE, text=True
        )
        if where.returncode:
            return 1
        left_out = [] if where.stdout.strip() == "reference" else ["-m", "not reference"]
        options = ["-q", "-p", "no:cacheprovider", *left_out, "-n", "2"]
        command = [sys.executable, "-m", "pytest", *options, *chosen]
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
