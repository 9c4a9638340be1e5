"""Traces that TLC made of the models in spec/models/tla, as tests replay them on the code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import checkout

FOLDER: Final = checkout.ROOT / "spec" / "models" / "tla"
MODELS: Final = ("RelayQueue", "StoredRatchet", "Prekeys", "Pair", "Consent", "RoomHead")


class Step(NamedTuple):
    """One step of a model, with the whole state before and after it."""

    step: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Trace:
    """A behaviour of one model; `name` is that of the configuration if it shows a declared limit."""

    model: str
    name: str
    start: Mapping[str, Any]
    changes: list[Mapping[str, Any]]

    def steps(self) -> Iterator[Step]:
        """Yield each step with the states around it."""
        before = self.start
        for change in self.changes:
            after = {**before, **change["becomes"]}
            yield Step(change["step"], before, after)
            before = after


class Replay(Protocol):
    """The code under a trace: carries out a step, and tells its state in the model's words."""

    def carry_out(self, step: Step) -> None: ...
    def state(self) -> Mapping[str, Any]: ...


class Difference(AssertionError):
    """The code and the model part ways; the text names the step and what differs."""


def read(model: str) -> list[Trace]:
    """Return the committed traces of a model."""
    document = json.loads((FOLDER / "traces" / f"{model}.json").read_text("utf-8"))
    return [Trace(model, one["name"], one["start"], one["steps"]) for one in document["traces"]]


def made_from(model: str) -> str:
    """Return the digest that the trace file of a model states."""
    return str(json.loads((FOLDER / "traces" / f"{model}.json").read_text("utf-8"))["made_from"])


def digest(model: str) -> str:
    """Return the digest of what the traces would be made from today."""
    limits = [trace.name for trace in read(model) if not trace.name.startswith("simulated")]
    names = [f"{model}.tla", f"{model}Trace.tla", f"{model}Trace.cfg", *(f"{one}.cfg" for one in limits)]
    return hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in names)).hexdigest()


def follow(replay: Replay, trace: Trace) -> int:
    """Replay a trace, compare at its start and after each step, and return the number of steps.

    Raises:
        Difference: a part of the state is another one than the model's.
    """
    number = 0
    _compare(replay, trace.start, f"{trace.model}, {trace.name}, start")
    for number, step in enumerate(trace.steps(), 1):
        replay.carry_out(step)
        _compare(replay, step.after, f"{trace.model}, {trace.name}, step {number} {dict(step.step)}")
    return number


def _compare(replay: Replay, model: Mapping[str, Any], where: str) -> None:
    for name, value in replay.state().items():
        if value != model[name]:
            raise Difference(
                f"{where}: {name} is\n  {_text(value)}\nand in the model\n  {_text(model[name])}"
            )


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def as_set(items: Iterable[Any]) -> list[Any]:
    """Return a set as the trace files write it."""
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def crash_image(folder: Path, target: Path) -> Path:
    """Copy every file as a crash would leave it, and return the folder of the copy."""
    target.mkdir()
    for source in folder.iterdir():
        if source.is_file() and not source.name.endswith("-shm"):
            (target / source.name).write_bytes(source.read_bytes())
    return target
