"""`python -m audit [--quick] [--resume] [--only step,step]`: runs the steps, joins, writes the dated report.

Ends with 0 only if every step passed and every claim is shown. `make audit` makes the environment first.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from audit import RAW, REPORTS, ROOT, claims, junit, page, record, runner, steps
from audit.runner import PASS, Outcome
from audit.verdicts import Findings

STATE = RAW / "state.json"
# Open claims told on the terminal; the report has all.
TOLD = 20


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m audit", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the short form of long steps, for an afternoon")
    parser.add_argument("--resume", action="store_true", help="keep what passed with the very same inputs")
    parser.add_argument("--only", default="", help="names of steps, joined by commas; all others stay open")
    return parser.parse_args(words)


def chosen(only: str) -> list[steps.Step]:
    """The steps of a selection, in their order. Raises `SystemExit` for a name that none has."""
    wanted = set(only.split(",")) if only else steps.names()
    if unknown := wanted - steps.names():
        raise SystemExit(
            f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in steps.STEPS)}"
        )
    return [step for step in steps.STEPS if step.name in wanted]


def kept(quick: bool) -> dict[str, Outcome]:
    """Outcomes of earlier sittings that passed with the inputs of today."""
    if not STATE.exists():
        return {}
    outcomes = [Outcome(**entry) for entry in json.loads(STATE.read_text("utf-8"))]
    # Where a short form would do, a whole run does.
    marks = {runner.mark(step, words) for step in steps.STEPS for words in {step.command, step.words(quick)}}
    return {one.step: one for one in outcomes if one.state == PASS and one.inputs in marks}


def run_all(selection: Sequence[steps.Step], options: argparse.Namespace) -> dict[str, Outcome]:
    """Runs the steps that are not kept; stores each outcome as soon as it is known."""
    done = kept(options.quick) if options.resume else {}
    for number, step in enumerate(selection, 1):
        title = f"[{number}/{len(selection)}] {step.name}"
        if step.name in done:
            print(f"==> {title}: kept from {done[step.name].ended}")
            continue
        print(f"==> {title}: {runner.shown(step.words(options.quick))}", flush=True)
        done[step.name] = outcome = runner.run(step, options.quick)
        print(f"    {outcome.state} after {outcome.seconds:.0f} s {outcome.why}", flush=True)
        RAW.mkdir(parents=True, exist_ok=True)
        STATE.write_text(json.dumps([asdict(one) for one in done.values()]), "utf-8")
    return {step.name: done[step.name] for step in selection}


def findings(outcomes: dict[str, Outcome]) -> Findings:
    """Outcomes with the records of the tests, if those ran."""
    paths = [ROOT / file for step, file in steps.RECORDS.items() if step in outcomes]
    return Findings(outcomes, junit.read(path for path in paths if path.exists()))


def write(made: record.Record, folder: Path, name: str) -> None:
    """Writes the two forms of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / f"{name}.html").write_text(page.render(made), "utf-8")


def tell(made: record.Record, place: str) -> None:
    """Says what is open, and closes with one line."""
    for one in made["open_steps"]:
        print(f"open step {one['step']}: {one['why']}")
    for one in made["open_claims"][:TOLD]:
        print(f"open claim {one['id']}: {'; '.join(one['missing'])}")
    shown = sum(claim["verdict"] == "shown" for claim in (*made["claims"], *made["compromises"]))
    found = (
        f"{shown} claims shown, {len(made['open_claims'])} open; {len(made['open_steps'])} steps did not pass"
    )
    print(f"wrote {place}.html and .json: {found}")


def stopped(number: int, frame: object) -> None:
    """A signal that ends the audit ends its step as well, and puts kept results back."""
    raise SystemExit(128 + number)


def main() -> int:
    signal.signal(signal.SIGTERM, stopped)
    options = arguments()
    selection = chosen(options.only)
    if not options.resume:
        for place in steps.RECORDS.values():
            (ROOT / place).unlink(missing_ok=True)
    file = claims.load(ROOT)
    outcomes = run_all(selection, options)
    now = datetime.now(UTC)
    made = record.build(file, findings(outcomes), now, options.quick)
    # A run of some steps is no audit: it does not take the place of a dated report.
    folder, name = (RAW, "audit-part") if options.only else (REPORTS, f"audit-{now:%Y-%m-%d}")
    write(made, folder, name)
    tell(made, f"{folder.relative_to(ROOT)}/{name}")
    return 0 if made["result"] == PASS else 1


if __name__ == "__main__":
    sys.exit(main())
