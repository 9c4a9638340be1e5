"""The long run of the session state machine: `SEALROOM_DEEP_STEPS=1000000 python tests/property/deep.py`.

Runs batches of examples, each with a seed of its own, until that many steps are done (a million by
default), tells its progress on stderr, and writes reports/deep-state-machine.json with a line in
reports/README.md. What was stopped goes on from its record, if commit and environment are the same. A
finding is recorded with its batch's seed and does not end the run; the exit code is then 1.
SEALROOM_DEEP_SEED sets the first seed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from hypothesis import HealthCheck, Phase, seed, settings  # noqa: E402  # a script finds its modules by itself
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402
from session_machine import SessionMachine, Tally  # noqa: E402

REPORT = ROOT / "reports" / "deep-state-machine.json"
INDEX = ROOT / "reports" / "README.md"
EXAMPLES_PER_BATCH = 100
STEPS_PER_EXAMPLE = 60
FIRST_SEED = 1_000_000
WANTED_STEPS = int(os.environ.get("SEALROOM_DEEP_STEPS", "1000000"))
PROGRESS_S = 30.0
_TITLE = "# Recorded runs\n"
_MARK = "`deep-state-machine.json`"


@dataclass
class DeepRun:
    """What a long run did; `findings` hold the seed of a batch and what went wrong in it."""

    steps: int = 0
    examples: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    findings: list[dict[str, str | int]] = field(default_factory=list)
    date: str = ""
    seed: int = FIRST_SEED
    batches: int = 0
    sittings: int = 1
    examples_per_batch: int = EXAMPLES_PER_BATCH
    steps_per_example: int = STEPS_PER_EXAMPLE
    commit: str = ""
    environment: str = ""
    how: str = ""
    outcomes: dict[str, int] = field(default_factory=dict)


def run_batch(run: DeepRun, tally: Tally) -> None:
    """Run one batch of examples with the next seed."""
    number = run.seed + run.batches
    machine = type("DeepSessionMachine", (SessionMachine,), {"tally": tally})
    options = settings(
        max_examples=EXAMPLES_PER_BATCH,
        stateful_step_count=STEPS_PER_EXAMPLE,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    try:
        run_state_machine_as_test(seed(number)(machine), settings=options)
    except Exception as error:  # noqa: BLE001  # whatever goes wrong in a batch is what the run looks for
        finding: dict[str, str | int] = {
            "seed": number,
            "error": type(error).__name__,
            "text": str(error)[:500],
        }
        run.findings.append(finding)
        print(f"finding: {finding}", file=sys.stderr, flush=True)
    run.batches += 1


def run_until(run: DeepRun, wanted_steps: int) -> None:
    """Run batches until enough steps are done; keep the record as it grows, so that a stopped run goes on."""
    told_s, batch_s, batch_cpu_s = run.seconds, time.monotonic(), time.process_time()
    while run.steps < wanted_steps:
        tally = Tally()
        run_batch(run, tally)
        run.steps, run.examples = run.steps + tally.steps, run.examples + tally.examples
        run.outcomes = dict(sorted((Counter(run.outcomes) + tally.outcomes).items()))
        now_s, now_cpu_s = time.monotonic(), time.process_time()
        run.seconds = round(run.seconds + now_s - batch_s, 1)
        run.cpu_seconds = round(run.cpu_seconds + now_cpu_s - batch_cpu_s, 1)
        batch_s, batch_cpu_s = now_s, now_cpu_s
        if run.seconds >= told_s + PROGRESS_S:
            told_s = run.seconds
            write(run)
            tell(run, wanted_steps)


def tell(run: DeepRun, wanted_steps: int) -> None:
    """Say how far it is, on stderr."""
    rate = run.steps / run.seconds
    left_min = max(wanted_steps - run.steps, 0) / rate / 60
    text = f"{run.steps} of {wanted_steps} steps, {rate:.0f}/s, {left_min:.0f} min left"
    print(f"{text}, {len(run.findings)} findings", file=sys.stderr, flush=True)


def begun(first_seed: int) -> DeepRun:
    """Take up an unfinished record of this commit, seed and environment, or begin a new run."""
    new = DeepRun(seed=first_seed)
    describe(new)
    if not REPORT.exists():
        return new
    old = DeepRun(**json.loads(REPORT.read_text("utf-8")))
    same = (old.seed, old.commit, old.environment) == (new.seed, new.commit, new.environment)
    if not same or old.steps >= WANTED_STEPS:
        return new
    old.sittings += 1
    return old


def describe(run: DeepRun) -> None:
    """Add when, where and how."""
    run.date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    git = ["git", "rev-parse", "HEAD"]
    run.commit = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("hypothesis", "cryptography", "PyNaCl", "cbor2")
    )
    run.environment = (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {libraries}"
    )
    niceness = os.nice(0)
    run.how = (
        f"one process, nice {niceness}; real X25519, Ed25519, AEAD and KDF, scripted encapsulation to"
        " prekeys, so that a seed repeats everywhere; generation only, batch n has seed + n"
    )


def write(run: DeepRun) -> None:
    """Write the record, and its line in the index."""
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(asdict(run), indent=2) + "\n", "utf-8")
    text = INDEX.read_text("utf-8") if INDEX.exists() else _TITLE + "\n"
    lines = [line for line in text.splitlines() if _MARK not in line]
    state = "" if run.steps >= WANTED_STEPS else f" (unfinished, of {WANTED_STEPS}: start it again to go on)"
    lines.append(
        f"- {_MARK}: sessions under an adversarial network, {run.steps} steps{state}"
        f" in {run.examples} examples,"
        f" {run.seconds / 60:.0f} minutes, {len(run.findings)} findings, {run.date}, seed {run.seed}"
    )
    INDEX.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> int:
    """Run, record, and tell whether anything was found."""
    run = begun(int(os.environ.get("SEALROOM_DEEP_SEED", str(FIRST_SEED))))
    run_until(run, WANTED_STEPS)
    describe(run)
    write(run)
    print(
        f"{run.steps} steps, {len(run.findings)} findings; wrote {REPORT.relative_to(ROOT)}", file=sys.stderr
    )
    return 1 if run.findings else 0


if __name__ == "__main__":
    sys.exit(main())
