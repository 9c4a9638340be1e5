"""Run SPASS on one question and read its verdict."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from spec.models.claims import REACHED, SAFE, UNDECIDED, Question

# Ten times what the slowest question takes on an idle machine.
TIMEOUT_S = 600
_VERDICTS = {"Proof found.": REACHED, "Completion found.": SAFE}
_FOUND = re.compile(r"^SPASS beiseite: (.*)$", re.MULTILINE)
_DERIVED = re.compile(r"SPASS derived (\d+) clauses")


class Answer(NamedTuple):
    """What the prover said: a verdict, the clauses that it derived, seconds."""

    verdict: str
    clauses: int
    seconds: float
    remark: str = ""


def installed() -> bool:
    return shutil.which("SPASS") is not None


def ask(question: Question, timeout_s: float = TIMEOUT_S) -> Answer:
    """Let SPASS saturate; what it does not finish in time is undecided, never safe."""
    with tempfile.TemporaryDirectory() as folder:
        problem = Path(folder) / "problem.dfg"
        problem.write_text(question.problem(), "ascii")
        command = ["SPASS", "-PGiven=0", "-PProblem=0", f"-TimeLimit={round(timeout_s)}", str(problem)]
        start = time.monotonic()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=timeout_s + 30
            )
        except subprocess.TimeoutExpired:
            return Answer(UNDECIDED, 0, time.monotonic() - start, "the prover did not end in time")
        return read(done.stdout, time.monotonic() - start)


def read(output: str, seconds: float) -> Answer:
    """The verdict in the prover's output. Neither a proof nor a completion: undecided, with what it said."""
    found, derived = _FOUND.search(output), _DERIVED.search(output)
    said = found[1] if found else output.strip()[-200:] or "no output"
    verdict = _VERDICTS.get(said, UNDECIDED)
    return Answer(verdict, int(derived[1]) if derived else 0, seconds, "" if verdict != UNDECIDED else said)
