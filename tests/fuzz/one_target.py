"""Fuzzes one target in this process: `python tests/fuzz/one_target.py NAME FOLDER [options of libFuzzer]`.

For run.py. It ends with the first input that raises anything which its target does not list.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in (".", "client", "server", "tests/support")]

PACKAGES = ["e2ee", "e2ee_client", "e2ee_relay", "fuzz_planted"]


def load(atheris: Any, name: str) -> Any:
    """Import the target, with the branches of the shipped packages made visible to the fuzzer."""
    with atheris.instrument_imports(include=PACKAGES):
        return importlib.import_module("fuzz_index").find(name)


def main() -> None:
    """Fuzz until time is up or something is found."""
    atheris: Any = importlib.import_module("atheris")
    target = load(atheris, sys.argv[1])
    run = importlib.import_module("fuzz_target").run
    mutate = importlib.import_module("fuzz_mutation").mutate
    donors = [path.read_bytes() for path in Path(sys.argv[2]).iterdir()]

    def one_input(data: bytes) -> None:
        run(target, data)

    def mutator(data: bytes, max_b: int, number: int) -> bytes:
        changed: bytes = mutate(target, data, max_b, number, atheris.Mutate, donors)
        return changed

    arguments = [sys.argv[0], sys.argv[2], *sys.argv[3:], f"-max_len={target.max_b}"]
    atheris.Setup(arguments, one_input, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
