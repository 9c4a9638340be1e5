"""Runs tests against the installed package, from a copy outside the checkout; `make native-test`.

    python tests/support/native_installed.py [--keep] [FOLDER OR FILE ...]

The copy has what the tests read, and no package of ours: what they import is what was installed, which is
asserted before, and so is that what runs is what the wheel's tag says. Tests that put another function under
the reference say so by the marker `reference`, and are left out where it does not run. With `--keep` the
result comes into reports/native-tests.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import checkout
import native_report

COPIED: Final = (
    "tests",
    "spec",
    "bench",
    "docs",
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
import importlib.metadata, json, sys
from pathlib import Path
import e2ee, e2ee_client
from e2ee.primitives import IN_USE
for package in (e2ee, e2ee_client):
    if not package.__file__.startswith(sys.prefix):
        sys.exit(f"not what was installed: {package.__file__}")
said = importlib.metadata.distribution("sealroom").read_text("WHEEL")
kind = "native" if "-abi3-" in said else "pure" if "-none-any" in said else "compiled"
wanted = {"native": "native, libsodium", "pure": "reference", "compiled": "native, compiled"}[kind]
if not IN_USE.startswith(wanted):
    sys.exit(f"another form runs than {wanted}: {IN_USE}")
print(f"{IN_USE}: {e2ee.__file__}", file=sys.stderr)
print(json.dumps({"kind": kind, "runs": IN_USE, "package": str(Path(e2ee.__file__).parent.parent)}))
"""


def copy(folder: Path) -> None:
    """Copy what tests read."""
    skipped = shutil.ignore_patterns("__pycache__", "node_modules", "results")
    for name in COPIED:
        source = checkout.ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=skipped)
        else:
            shutil.copy(source, folder / name)


def environment() -> dict[str, str]:
    """The environment; vectors that nobody here wrote are found beside the checkout.

    What CI demands (those vectors, programs that tests drive) is not demanded of the runner of a release.
    """
    shared = checkout.ROOT.parent / "shared" / "vectors"
    found = {"SEALROOM_SHARED_VECTORS": str(shared)} if shared.is_dir() else {}
    return found | {name: value for name, value in os.environ.items() if name != "CI"}


def run(folder: Path, chosen: Sequence[str], keep: bool) -> int:
    """Look what is imported from a copy, run the tests there, and perhaps keep the result."""
    asked = subprocess.run(
        [sys.executable, "-c", WHERE], cwd=folder, check=False, stdout=subprocess.PIPE, text=True
    )
    if asked.returncode:
        return 1
    form = json.loads(asked.stdout)
    left_out = [] if form["kind"] == "pure" else ["-m", "not reference"]
    record = folder / "tests.xml"
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={record}", *left_out, "-n", "2"]
    command = [sys.executable, "-m", "pytest", *options, *chosen]
    before_s, begun_s = os.times(), time.monotonic()
    code = subprocess.run(command, cwd=folder, env=environment(), check=False).returncode
    seconds, after_s = time.monotonic() - begun_s, os.times()
    if keep:
        used_s = sum(after_s[2:4]) - sum(before_s[2:4])
        sources = native_report.digest(folder / "tests", folder / "spec", *native_report.packages(form))
        kind = native_report.kind(form, record, code, wall_s=seconds, processor_s=used_s)
        native_report.keep(kind, sources)
    return code


def main() -> int:
    """Copy, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write reports/native-tests.json")
    parser.add_argument("tests", nargs="*", default=CHOSEN)
    chosen = parser.parse_args()
    if chosen.keep and tuple(chosen.tests) != CHOSEN:
        parser.error("a result is kept of all tests")
    with tempfile.TemporaryDirectory(prefix="installed-") as name:
        copy(Path(name))
        return run(Path(name), chosen.tests, chosen.keep)


if __name__ == "__main__":
    sys.exit(main())
