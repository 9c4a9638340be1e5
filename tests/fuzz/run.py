"""Fuzzes the decoders: `python tests/fuzz/run.py [--seconds 60] [--target NAME]...`.

A target with a planted bug goes first; unless it is found, nothing else counts. Each target then runs in a
process of its own, from its committed corpus and its seeds. What does something new is kept in
tests/fuzz/corpus/<target>/, as few and as small inputs as it takes; the run is added to
tests/fuzz/ledger.json. A finding is printed and kept as found-<hash> in the corpus, where the ordinary tests
meet it again. Exit code 1: something was found, or the planted bug was not; 2: atheris is missing. Writes
reports/fuzz.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in (".", "client", "server", "tests/support")]

import fuzz_corpus  # noqa: E402  # a script finds its modules by itself
import fuzz_planted  # noqa: E402
from fuzz_ledger import Entry, Ledger, write_report  # noqa: E402
from fuzz_target import Target  # noqa: E402
from fuzz_targets import TARGETS  # noqa: E402

CHILD: Final = ROOT / "tests" / "fuzz" / "one_target.py"
CONTROL_S: Final = 300
INPUT_S: Final = 10
MEMORY_MB: Final = 2048
GRACE_S: Final = 120
_UNITS: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_EDGES: Final = re.compile(r"cov: (\d+) ft: (\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended: executions, edges, features, whether it stopped by itself, and its findings."""

    executions: int
    edges: int
    ended_well: bool
    findings: tuple[bytes, ...]
    inputs: tuple[bytes, ...]
    seconds: int
    log: str


def fuzz(target: Target, seconds: int, seed: int) -> Outcome:
    """Run one target in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as work:
        corpus, found = Path(work, "corpus"), Path(work, "found")
        corpus.mkdir()
        found.mkdir()
        for data in (*target.seeds(), *fuzz_corpus.inputs(target)):
            (corpus / fuzz_corpus.name_of(data)).write_bytes(data)
        started = time.monotonic()
        ended, log = _run_child(target.name, corpus, found, seconds, seed)
        took_s = round(time.monotonic() - started)
        units, edges = _UNITS.findall(log), _EDGES.findall(log)
        return Outcome(
            int(units[-1]) if units else 0,
            int(edges[-1][0]) if edges else 0,
            ended == 0,
            tuple(path.read_bytes() for path in sorted(found.iterdir())),
            tuple(path.read_bytes() for path in sorted(corpus.iterdir())),
            took_s,
            log,
        )


def _run_child(name: str, corpus: Path, found: Path, seconds: int, seed: int) -> tuple[int, str]:
    options = [
        f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={INPUT_S}", f"-rss_limit_mb={MEMORY_MB}",
        "-print_final_stats=1", f"-artifact_prefix={found}/", "-use_value_profile=0",
    ]  # fmt: skip
    command = [sys.executable, str(CHILD), name, str(corpus), *options]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            timeout=seconds + GRACE_S,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return -1, "the process did not end in time"
    return done.returncode, done.stdout + done.stderr


def control() -> bool:
    """Tell whether the planted bug is found."""
    outcome = fuzz(fuzz_planted.TARGET, CONTROL_S, 1)
    is_found = bool(outcome.findings) and "the planted bug" in outcome.log
    verdict = f"found after {outcome.executions} executions" if is_found else "NOT FOUND"
    print(f"control: the planted bug was {verdict}", flush=True)
    if not is_found:
        print(outcome.log[-2000:], file=sys.stderr)
    return is_found


def fuzz_and_record(target: Target, seconds: int, seed: int, ledger: Ledger) -> Entry:
    """Fuzz one target, keep its corpus and add to the ledger."""
    outcome = fuzz(target, seconds, seed)
    for data in outcome.findings:
        _keep_finding(target, data, outcome.log)
    broken = not outcome.ended_well and not outcome.findings
    if broken:
        print(f"{target.name}: the process failed\n{outcome.log[-3000:]}", file=sys.stderr)
    found = set(outcome.findings)
    passing = [data for data in outcome.inputs if data not in found and len(data) <= target.max_b]
    size = fuzz_corpus.write(target, fuzz_corpus.smallest(target, passing))
    findings = len(outcome.findings) + broken
    entry = ledger.add(target.name, outcome.executions, outcome.seconds, outcome.edges, size, findings)
    print(
        f"{target.name}: {entry.executions} executions, {entry.edges} edges, corpus {size},"
        f" {findings} findings",
        flush=True,
    )
    return entry


def _keep_finding(target: Target, data: bytes, log: str) -> None:
    place = fuzz_corpus.folder(target)
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{fuzz_corpus.FOUND}{fuzz_corpus.name_of(data)}").write_bytes(data)
    start = log.find("=== Uncaught Python exception")
    print(
        f"FINDING in {target.name}: {data[:200].hex()}\n{log[start : start + 2500]}",
        file=sys.stderr,
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzz the decoders of bytes from outside.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument(
        "--target", action="append", choices=sorted(TARGETS), help="only this one; may be repeated"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the fuzzer; 0 draws one")
    return parser.parse_args()


def main() -> int:
    """Run the control, then each target; record everything."""
    options = _options()
    if importlib.util.find_spec("atheris") is None:
        print(
            f"atheris is not installed for {sys.executable}: pip install '.[audit]', on Linux with Python"
            " 3.11 to 3.13",
            file=sys.stderr,
        )
        return 2
    if not control():
        return 1
    ledger = Ledger.load()
    names = options.target or list(TARGETS)
    entries = [fuzz_and_record(TARGETS[name], options.seconds, options.seed, ledger) for name in names]
    command = f"python tests/fuzz/run.py --seconds {options.seconds}"
    good = write_report(ledger, entries, command)
    total = sum(entry.executions for entry in entries)
    print(
        f"fuzz: {len(entries)} targets, {total} executions, {ledger.executions} in all runs, " + good,
        flush=True,
    )
    return 0 if good == "pass" else 1


if __name__ == "__main__":
    sys.exit(main())
