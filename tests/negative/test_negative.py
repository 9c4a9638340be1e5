"""Every negative vector ends with the error that it names, and changes nothing.

The rules that each of them breaks are in its file.
"""

from __future__ import annotations

from typing import Any

import pytest
from negative_operations import OPERATIONS
from vector_files import FOLDER, load

from e2ee.errors import LocalError, RemoteError

NAMES = sorted(path.stem for path in (FOLDER / "negative").glob("*.json"))


def test_there_are_enough_and_they_are_of_every_operation() -> None:
    used = {load(f"negative/{name}.json")["operation"] for name in NAMES}
    assert len(NAMES) >= 60
    assert used == set(OPERATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_refused(name: str) -> None:
    """HS-07, DR-11, DR-18, CON-08: the code is the one of the file; the operation checks what stays."""
    vector = load(f"negative/{name}.json")
    assert set(vector) == {"description", "rules", "operation", "input", "error"}
    with pytest.raises((LocalError, RemoteError)) as raised:
        OPERATIONS[vector["operation"]](vector["input"])
    assert raised.value.code == vector["error"]


@pytest.mark.parametrize("case", load("limits.json")["cases"], ids=lambda case: case["name"])
def test_the_last_value_is_accepted(case: dict[str, Any]) -> None:
    """WIRE-07, WIRE-13, WIRE-14, ID-04, ID-06, ID-08, ID-10, HS-04, HS-06, DR-09, SES-14, SES-21."""
    OPERATIONS[case["operation"]](case["input"])


def test_two_defects_have_two_inputs() -> None:
    """A file that repeats another one's input shows nothing new."""
    inputs = [
        (load(f"negative/{name}.json")["operation"], repr(load(f"negative/{name}.json")["input"]))
        for name in NAMES
    ]
    assert len(set(inputs)) == len(inputs)
