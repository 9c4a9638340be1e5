"""Runs the steps: what is missing is named, what ended is judged, and its result file is read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit import RAW, REPORTS, ROOT, environment, inputs
from audit.steps import Step

CLOSING_LINES = 4
# How often a step that runs is said to be where it is, and how long it may clean up when it is told to end.
TOLD_S = 60.0
GRACE_S = 30.0
# The index of kept runs, which some steps write a line into.
INDEX = "README.md"
PASS, FAIL, OPEN = "pass", "fail", "open"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: `pass`, `fail`, or `open` where it could not run; why; what it said; at which commit,
    and with which inputs.
    """

    step: str
    shows: str
    command: str
    state: str
    why: str
    seconds: float
    closing: str
    ended: str
    result: Mapping[str, Any]
    commit: str
    inputs: str


def shown(words: Sequence[str]) -> str:
    """A command as one types it."""
    return shlex.join(words)


def run(step: Step, quick: bool) -> Outcome:
    """Runs one step; its whole output goes to reports/raw/<name>.log."""
    words, log = step.words(quick), RAW / f"{step.name}.log"
    commit, inputs = environment.checkout().commit, mark(step, words)
    if missing := obstacle(step, words):
        return Outcome(
            step.name, step.shows, shown(words), OPEN, missing, 0.0, "", _now(), {}, commit, inputs
        )
    started = time.monotonic()
    # A shortened run does not replace the kept result of a whole one, nor its page.
    with _kept((step.result, _page(step.result), INDEX) if words != step.command else ()):
        before = _written_ns(step.result)
        code = _execute(words, log, step.most_s(quick))
        result = _result(step.result) if _written_ns(step.result) != before else {}
    seconds = round(time.monotonic() - started, 1)
    state, why = judge(step, code, result, words != step.command)
    said = closing_lines(log)
    return Outcome(
        step.name, step.shows, shown(words), state, why, seconds, said, _now(), result, commit, inputs
    )


def mark(step: Step, words: Sequence[str]) -> str:
    """What has to be equal for an outcome to hold: the command, the system, and all that the step reads."""
    return f"{inputs.digest(step.reads)} {environment.system()}: {shown(words)}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def obstacle(step: Step, words: Sequence[str]) -> str:
    """What a step lacks to run: its script, or a program and where Debian has it."""
    for word in words:
        if word.endswith(".py") and "=" not in word and not (ROOT / word).exists():
            return f"{word} does not exist"
    packages = [package for program, package in step.tools if shutil.which(program) is None]
    return f"missing programs, on Debian: apt install {' '.join(packages)}" if packages else ""


def _execute(words: Sequence[str], log: Path, most_s: float) -> int | None:
    """Run a command with its output in a log; return its exit code, or None if it was ended at its bound."""
    command = [sys.executable if word == "python" else word for word in words]
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            return _awaited(process, log, most_s)
        finally:
            if process.poll() is None:
                _end(process)


def _awaited(process: subprocess.Popen[bytes], log: Path, most_s: float) -> int | None:
    """Wait for the end of a step, and say meanwhile how far it is; None after `most_s` seconds."""
    begun = time.monotonic()
    while (left_s := most_s - (time.monotonic() - begun)) > 0:
        try:
            return process.wait(min(TOLD_S, left_s))
        except subprocess.TimeoutExpired:
            said = closing_lines(log, 1)[-100:]
            print(f"    {time.monotonic() - begun:.0f} s: {said}", flush=True)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a step and the processes of its group: as by Ctrl-C, so that they clean up; then at once."""
    os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def judge(step: Step, code: int | None, result: Mapping[str, Any], shortened: bool) -> tuple[str, str]:
    """State and reason from the exit code and the result file, which have to agree.

    A shortened run may leave the file out. A step without an exit code did not end by itself.
    """
    if code is None:
        return FAIL, "did not end in its time, and was ended"
    if step.must_fail:
        return (PASS, "") if code else (FAIL, "ended well, but had to find something")
    if code:
        return FAIL, f"exit {code}"
    if step.result and not result and not shortened:
        return FAIL, f"wrote no reports/{step.result}"
    if result.get("result", PASS) != PASS:
        return FAIL, f"reports/{step.result} says {result['result']}"
    return PASS, ""


@contextmanager
def _kept(names: Sequence[str]) -> Iterator[None]:
    """Puts files under reports/ aside, and afterwards back in the place of what was written meanwhile."""
    RAW.mkdir(parents=True, exist_ok=True)
    aside = {REPORTS / name: RAW / f"kept-{name}" for name in names if name}
    for path, place in aside.items():
        if path.exists():
            path.replace(place)
    try:
        yield
    finally:
        for path, place in aside.items():
            if path.exists():
                path.replace(RAW / f"short-{path.name}")
            if place.exists():
                place.replace(path)


def _page(name: str) -> str:
    """The page beside a result file, which some steps write."""
    return name.removesuffix(".json") + ".md" if name else ""


def _written_ns(name: str) -> int:
    path = REPORTS / name
    return path.stat().st_mtime_ns if name and path.exists() else 0


def _result(name: str) -> dict[str, Any]:
    path = REPORTS / name
    if not name or not path.exists():
        return {}
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def closing_lines(log: Path, most: int = CLOSING_LINES) -> str:
    """The last lines that a step printed, without places of this machine."""
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    text = "\n".join(line[:300] for line in lines[-most:])
    return text.replace(str(ROOT), ".").replace(str(Path.home()), "~")
