"""Every negative vector ends with the error that it names, and changes nothing.

The ids of the rules are in the files; those of whole classes of defects are cited here: WIRE-01 to WIRE-15, PRM-01 to
PRM-04, PRM-11, ID-03 to ID-11, ID-13 to ID-16, ID-19 to ID-23, ID-26, HS-02, HS-06, HS-07, HS-10, HS-11, DR-07 to
DR-18, SES-06, SES-13, CON-01 to CON-08.
"""

from __future__ import annotations

import pytest
from negative_operations import OPERATIONS
from vector_files import FOLDER, load

from e2ee.errors import RemoteError

NAMES = sorted(path.stem for path in (FOLDER / "negative").glob("*.json"))


def test_there_are_enough_and_they_are_of_every_operation() -> None:
    used = {load(f"negative/{name}.json")["operation"] for name in NAMES}
    assert len(NAMES) >= 60
    assert used == set(OPERATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_refused(name: str) -> None:
    """HS-07, DR-11, DR-18, CON-08: the code is the one of the file; the operation itself checks what stays."""
    vector = load(f"negative/{name}.json")
    assert set(vector) == {"description", "rules", "operation", "input", "error"}
    with pytest.raises(RemoteError) as raised:
        OPERATIONS[vector["operation"]](vector["input"])
    assert raised.value.code == vector["error"]


def test_two_defects_have_two_inputs() -> None:
    """A file that repeats another one's input shows nothing new."""
    inputs = [
        (load(f"negative/{name}.json")["operation"], repr(load(f"negative/{name}.json")["input"]))
        for name in NAMES
    ]
    assert len(set(inputs)) == len(inputs)
