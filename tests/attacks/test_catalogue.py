"""The catalogue is complete: each entry is attacked, each attack has a control, each rule of it exists."""

from __future__ import annotations

import re
from pathlib import Path

import checkout
import pytest
import spec_rules
from attack_catalogue import CATALOGUE

FOLDER = Path(__file__).parent
SOURCES = "".join(path.read_text("utf-8") for path in sorted(FOLDER.glob("test_*.py")))


@pytest.mark.parametrize("entry", CATALOGUE)
@pytest.mark.parametrize("kind", ["attack", "control"])
def test_entry_is_tried(entry: str, kind: str) -> None:
    """Each entry has a test that keeps evidence and one that keeps the success of its control."""
    assert re.search(rf'book\.{kind}\(\s*"{entry}"', SOURCES)


def test_threat_analysis_is_covered() -> None:
    """A1 to A17 are there, whatever was added beside them."""
    assert {f"A{number}" for number in range(1, 18)} <= set(CATALOGUE)


@pytest.mark.parametrize("entry", CATALOGUE)
def test_rules_of_an_entry_exist(entry: str) -> None:
    """An entry names at least one rule, and only rules that the specification has."""
    rules = set(CATALOGUE[entry].rules)
    assert rules
    assert rules <= {rule.rule_id for rule in spec_rules.definitions(checkout.ROOT)}
