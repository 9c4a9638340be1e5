"""Makes the traces that tests replay on the code: `python spec/models/tla/make_traces.py [model ...]`.

TLC simulates each model at random from a fixed seed. Of the runs, a few are kept that together show as many
kinds of effect as so few can. Where a configuration declares a limit of the design, the shortest way to it
is kept as well. A trace file states the digest of what it was made from; a test refuses a stale one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from spec.models.tla import tla_values, tlc
from spec.models.tla.tla_values import Value

FOLDER: Final = tlc.FOLDER / "traces"
MODELS: Final = ("RelayQueue", "StoredRatchet", "Prekeys", "Pair", "Consent", "RoomHead")
LIMITS: Final = {
    "RelayQueue": (),
    "StoredRatchet": (
        "StoredRatchet_limit_anchor_lags",
        "StoredRatchet_limit_no_file_mark",
        "StoredRatchet_limit_whole_image",
    ),
    "Prekeys": ("Prekeys_limit_whole_image",),
    "Pair": (),
    "Consent": ("Consent_limit_clock_ahead",),
    "RoomHead": (),
}
_RUNS: Final = {**dict.fromkeys(MODELS, 500), "RoomHead": 250}
# Of each model; a tenth of the runs shows nearly all effects. Steps of RoomHead cost TLC the most.
_MOST: Final = 20
_DEPTH: Final = 45
_SEED: Final = 20_261_124
# They bound the model and have no counterpart in the code.
_BOUNDS: Final = "left"
_BY_MACHINE: Final = ("db", "anchor", "machine")

State: TypeAlias = "dict[str, Value]"
Trace: TypeAlias = "list[State]"


def digest(model: str) -> str:
    """Return the SHA-256 over the files that the traces of a model come from."""
    whole = hashlib.sha256()
    names = [
        f"{model}.tla",
        f"{model}Trace.tla",
        f"{model}Trace.cfg",
        *(f"{one}.cfg" for one in LIMITS[model]),
    ]
    for name in names:
        whole.update((tlc.FOLDER / name).read_bytes())
    return whole.hexdigest()


def effects(trace: Trace) -> set[str]:
    """Return what the steps of a trace did: their names, which parts of the state they changed, into what."""
    found: set[str] = set()
    for before, after in pairwise(trace):
        old, new = _parts(before), _parts(after)
        changed = [path for path in new if old.get(path) != new[path]]
        step = {name: part for name, part in _fields(after["step"]).items() if isinstance(part, str)}
        found.add(json.dumps([step, sorted(_described(path, new[path]) for path in changed)], sort_keys=True))
    return found


def _parts(state: State) -> dict[str, Value]:
    parts: dict[str, Value] = {}
    for name, value in state.items():
        fields = _fields(value) or {"": value}
        if name in _BY_MACHINE and isinstance(value, list):
            fields = {f"{m}.{field}": part for m in (0, 1) for field, part in _fields(value[m]).items()}
        if name not in ("step", _BOUNDS):
            parts.update({f"{name}.{field}": part for field, part in fields.items()})
    return parts


def _fields(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _described(path: str, value: Value) -> str:
    return f"{path}={value}" if isinstance(value, str) else path


def chosen(traces: list[Trace]) -> list[Trace]:
    """Return few traces that show many effects: always the one that shows most that is new."""
    shown = [effects(trace) for trace in traces]
    missing = set[str]().union(*shown)
    kept: list[Trace] = []
    while missing and len(kept) < _MOST:
        best = max(range(len(traces)), key=lambda place: len(shown[place] & missing))
        kept.append(traces[best])
        missing -= shown[best]
    return kept


def simulated(jar: Path, folder: Path, model: str) -> list[Trace]:
    """Return the random runs of a model."""
    prefix = folder / f"run-{model}"
    options = ("-simulate", f"num={_RUNS[model]},file={prefix}", "-depth", str(_DEPTH), "-seed", str(_SEED))
    outcome = tlc.run(jar, folder, f"{model}Trace", f"{model}Trace", *options)
    files = sorted(folder.glob(f"run-{model}_*"), key=lambda path: int(path.name.split("_")[-1]))
    if len(files) < _RUNS[model]:
        raise ValueError(f"{model}: TLC made {len(files)} runs\n{outcome.output}")
    return [tla_values.states(path.read_text("utf-8")) for path in files]


def refuted(jar: Path, folder: Path, config: str) -> Trace:
    """Return the shortest way to what a configuration declares as a limit."""
    model = tlc.module_of(config)
    text = (
        (folder / f"{config}.cfg").read_text("utf-8").replace("SPECIFICATION Spec", "SPECIFICATION TraceSpec")
    )
    (folder / f"{config}_traced.cfg").write_text(text + "VIEW vars\n", "utf-8")
    outcome = tlc.run(jar, folder, f"{model}Trace", f"{config}_traced")
    if outcome.verdict != tlc.expected_of(config):
        raise ValueError(f"{config}: {outcome.verdict}\n{outcome.output}")
    return tla_values.states(outcome.output)


def written(name: str, trace: Trace) -> str:
    """Return a trace as JSON: the first state, then each step with the variables that it changed."""
    states = [{part: value for part, value in state.items() if part != _BOUNDS} for state in trace]
    steps = [
        {
            "step": after.pop("step"),
            "becomes": {part: after[part] for part in after if after[part] != before[part]},
        }
        for before, after in pairwise(states)
    ]
    start = {part: value for part, value in states[0].items() if part != "step"}
    whole = {"name": name, "start": start, "steps": steps}
    return json.dumps(whole, separators=(",", ":"), sort_keys=True)


def document(jar: Path, folder: Path, model: str) -> str:
    """Return the trace file of a model."""
    runs = simulated(jar, folder, model)
    named = [(f"simulated {number}", trace) for number, trace in enumerate(chosen(runs), 1)]
    named += [(config, refuted(jar, folder, config)) for config in LIMITS[model]]
    kept = set[str]().union(*(effects(trace) for _, trace in named))
    every = set[str]().union(*map(effects, runs), kept)
    steps = sum(len(trace) - 1 for _, trace in named)
    shown = f"{len(kept)} of {len(every)} effects of {len(runs)} runs"
    print(f"{model}: {len(named)} traces, {steps} steps, {shown}")
    head = f'{{"model":"{model}","made_from":"{digest(model)}","traces":[\n'
    return head + ",\n".join(written(name, trace) for name, trace in named) + "\n]}\n"


def main() -> int:
    """Write all trace files."""
    try:
        jar = tlc.find_jar()
    except tlc.ToolMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tlc.workshop() as folder:
        for model in sys.argv[1:] or MODELS:
            (FOLDER / f"{model}.json").write_text(document(jar, folder, model), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
