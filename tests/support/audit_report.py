"""Reruns the evidence for the claims; writes a dated report, `reports/audit-<date>.md`, and a log per step.

The report names the commit, what was installed, what was run and how each step ended. It exits 1 if a step
did not end as it should: the leak scan of a deliberately leaking relay must fail.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import checkout
import wheel_build

REPORTS = checkout.ROOT / "reports"
CLOSING_LINES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of evidence: what it shows, the command, and whether it has to succeed or to fail."""

    shows: str
    command: Sequence[str]
    must_fail: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: exit code, duration and its closing lines."""

    step: Step
    code: int
    seconds: float
    closing: str

    @property
    def good(self) -> bool:
        return (self.code != 0) == self.step.must_fail


STEPS = (
    Step("lint, types, import contracts, specification", ("make", "check")),
    Step("tests; every line and branch of the core", ("make", "test")),
    Step("a conversation, and a relay searched for it", ("make", "demo")),
    Step("the same search finds a relay that leaks", ("make", "demo", "LEAKY=1"), must_fail=True),
)


def run(step: Step, log: Path) -> Outcome:
    """Runs one step; its whole output goes to `log`."""
    started = time.monotonic()
    with log.open("wb") as sink:
        code = subprocess.run(
            step.command, cwd=checkout.ROOT, stdout=sink, stderr=subprocess.STDOUT, check=False
        ).returncode
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return Outcome(step, code, time.monotonic() - started, "\n".join(lines[-CLOSING_LINES:]))


def wheel_lines() -> list[str]:
    """Builds the wheel twice and says whether both are the same, bit for bit."""
    digests = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            wheel = wheel_build.build(Path(folder))
            digests.append(f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}")
    verdict = "identical" if digests[0] == digests[1] else "DIFFERENT"
    return ["## Wheel, built twice", "", f"Both builds are {verdict}.", "", "```text", *digests, "```", ""]


def installed_lines() -> list[str]:
    """Versions of everything in the environment, with the digest of the lock file that it came from."""
    lock = checkout.ROOT / "requirements" / "dev.txt"
    distributions = {d.name.lower(): d.version for d in importlib.metadata.distributions()}
    rows = [f"{name} {version}" for name, version in sorted(distributions.items())]
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return [
        "## Installed",
        "",
        f"`requirements/dev.txt` has SHA-256 `{digest}`.",
        "",
        "```text",
        *rows,
        "```",
        "",
    ]


def head_lines(now: datetime) -> list[str]:
    """Date, commit, state of the checkout, and what it ran on."""
    commit = _git("rev-parse", "HEAD")
    changed = "with uncommitted changes" if _git("status", "--porcelain") else "without changes"
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return [f"# Audit report, {now:%Y-%m-%d %H:%M} UTC", "", f"Commit `{commit}` {changed}; {system}.", ""]


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=checkout.ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def outcome_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """One row per step, then the closing lines of each."""
    lines = ["## Steps", "", "| Shows | Command | Ended | Seconds |", "| --- | --- | --- | ---: |"]
    for done in outcomes:
        ended = f"{'as it should' if done.good else 'WRONG'} (exit {done.code})"
        lines.append(
            f"| {done.step.shows} | `{' '.join(done.step.command)}` | {ended} | {done.seconds:.0f} |"
        )
    lines.append("")
    for done in outcomes:
        lines += [f"`{' '.join(done.step.command)}` closed with", "", "```text", done.closing, "```", ""]
    return lines


def main() -> int:
    now = datetime.now(UTC)
    REPORTS.mkdir(exist_ok=True)
    outcomes = []
    for number, step in enumerate(STEPS, 1):
        print(f"==> {' '.join(step.command)}", flush=True)
        outcomes.append(run(step, REPORTS / f"audit-{now:%Y-%m-%d}-{number}.log"))
        print(f"    exit {outcomes[-1].code} after {outcomes[-1].seconds:.0f} s", flush=True)
    report = REPORTS / f"audit-{now:%Y-%m-%d}.md"
    lines = [*head_lines(now), *outcome_lines(outcomes), *wheel_lines(), *installed_lines()]
    report.write_text("\n".join(lines), "utf-8")
    print(f"wrote {report.relative_to(checkout.ROOT)}")
    return 0 if all(done.good for done in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
