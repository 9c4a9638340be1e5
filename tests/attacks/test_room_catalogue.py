"""The catalogue of attacks on rooms: each test that it names is there, and so many have a control."""

from __future__ import annotations

import re
from pathlib import Path

import checkout
import pytest
from room_attacks import ROOM_ATTACKS


def _is_there(name: str) -> bool:
    file, test = name.split("::")
    source = (Path(checkout.ROOT) / "tests" / file).read_text("utf-8")
    return re.search(rf"^(?:async )?def {test}\(", source, re.MULTILINE) is not None


@pytest.mark.parametrize("number", ROOM_ATTACKS)
def test_attack_and_control_are_there(number: int) -> None:
    """Each names tests that exist."""
    entry = ROOM_ATTACKS[number]
    assert _is_there(entry.attack)
    assert entry.control is None or _is_there(entry.control)


def test_so_many_are_tried_and_have_a_control() -> None:
    """Each of 23 attacks has a test here, 17 of them a control."""
    assert set(ROOM_ATTACKS) == set(range(1, 24))
    assert sum(one.control is not None for one in ROOM_ATTACKS.values()) == 17
