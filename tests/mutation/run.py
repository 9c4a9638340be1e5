"""Mutation testing of the core: `python tests/mutation/run.py [--file e2ee/card.py]... [--jobs 2] [--write]`,
or `--drift`, which runs nothing, and says which modules the kept report lacks or names in vain.

Copies the checkout into a temporary folder, makes every mutant that mutmut knows of `e2ee/`, and runs the
tests against each. Writes reports/mutation.json. Every survivor has to stand in tests/mutation/survivors.md
with the reason why it is equivalent or harmless; `--write` adds those that are missing there, without a
reason, and drops those that are gone. Exit code 1: under 95 % killed, a survivor without a reason, or a test
that fails without any mutant; 2: mutmut is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in (".", "tests/support")]

import checkout  # noqa: E402  # a script finds its modules by itself
import mutation_report  # noqa: E402
import mutation_tree  # noqa: E402

COPIED: Final = ("e2ee", "client", "server", "spec", "tests", "pyproject.toml")
TESTS: Final = (
    "tests/spec",
    "tests/vectors/test_company_vectors.py",
    "tests/vectors/test_content_vectors.py",
    "tests/vectors/test_handshake_vectors.py",
    "tests/vectors/test_identity_vectors.py",
    "tests/vectors/test_pq_vectors.py",
    "tests/vectors/test_ratchet_vectors.py",
    "tests/vectors/test_room_vectors.py",
    "tests/vectors/test_snapshot_vectors.py",
    "tests/vectors/test_vectors.py",
    "tests/negative",
    *sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "mutation").glob("test_exact_*.py")
    ),
    "tests/property/test_padding.py",
    "tests/property/test_pairs.py",
    "tests/property/test_skipped_keys.py",
    "tests/property/test_snapshots.py",
)


def copy_checkout(target: Path) -> None:
    """Copy what the tests of the core need."""
    for path in checkout.tracked(ROOT):
        name = path.relative_to(ROOT)
        if name.parts[0] in COPIED:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / name)


def run_session(
    files: list[str], jobs: int, names: Sequence[str] = (), tests: Sequence[str] = TESTS
) -> dict[str, Any]:
    """Run the tests against the mutants of these files, in a copy; return what each mutant came to.

    With `names` it is these mutants, and every test that calls their function.
    """
    with tempfile.TemporaryDirectory(prefix="mutation-") as work:
        copy = Path(work)
        copy_checkout(copy)
        order = {"files": files, "jobs": jobs, "tests": tests, "names": names, "thorough": bool(names)}
        (copy / "order.json").write_text(json.dumps({**order, "out": "result.json"}), "utf-8")
        parts = (".", "client", "server", "tests/support")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(copy / part) for part in parts)}
        command = [sys.executable, "tests/support/mutation_session.py", "order.json"]
        ended = subprocess.run(
            command, cwd=copy, env=environment, stdout=subprocess.PIPE, check=False, text=True
        )
        if ended.returncode:
            raise SystemExit(f"the session failed\n{ended.stdout[-4000:]}")
        result: dict[str, Any] = json.loads((copy / "result.json").read_text("utf-8"))
        return result


def run_all(files: list[str], jobs: int) -> dict[str, Any]:
    """Run a session, and a second one for what survived it without a reason."""
    result = run_session(files, jobs)
    again = mutation_report.unexplained(result["mutants"])
    if again:
        print(f"{len(again)} survivors without a reason: all tests for these", flush=True)
        second = {row["name"]: row for row in run_session(files, jobs, again)["mutants"]}
        result["mutants"] = [second.get(row["name"], row) for row in result["mutants"]]
    return result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutation testing of the core.")
    parser.add_argument("--file", action="append", help="only mutants of this file; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument(
        "--write", action="store_true", help="bring survivors.md up to date, reasons left open"
    )
    parser.add_argument("--drift", action="store_true", help="only bring up to date what the report lacks")
    return parser.parse_args()


def main() -> int:
    """Run, report, and compare the survivors with their reasons."""
    options = _options()
    if options.drift:
        print(mutation_report.drift(mutation_tree.sources(ROOT), note=True))
        return 0
    if importlib.util.find_spec("mutmut") is None:
        print(f"mutmut is not installed for {sys.executable}: pip install '.[audit]'", file=sys.stderr)
        return 2
    files = options.file or mutation_tree.sources(ROOT)
    outcome = mutation_report.Outcome.of(run_all(files, options.jobs), mutation_tree.unmutated(ROOT))
    whole = options.file is None
    if options.write:
        mutation_report.write_survivors(outcome.survivors, files)
    missing = mutation_report.without_reason(outcome.survivors)
    if whole:
        mutation_report.write_report(outcome, missing)
    for one in missing:
        print(f"survives without a reason: {one.title}\n" + "\n".join(f"    {line}" for line in one.change))
    if not whole:
        print(mutation_report.drift(mutation_tree.sources(ROOT)))
    good = outcome.is_good and not missing
    print(f"mutation: {outcome.summary()}, {'pass' if good else 'fail'}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
