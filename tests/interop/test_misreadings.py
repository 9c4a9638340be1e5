"""Each misreading of misreadings.toml is caught by a vector; the whole run is `make misreadings`."""

from __future__ import annotations

import misreadings
import pytest

LIST = misreadings.misreadings()
# What must be among them: the subjects of rules that an implementation from the text alone got wrong.
SUBJECTS = """
ed25519 x25519 kem cbor cap envelope padding padme prefix header record list flight prekey bundle card relay
name safety content number sync active numbers pair epoch hs hedge repeat skip skipped counter fragment index
stored entry payload line order chain states heads acts export
"""
# Three of eight in `make test`, all in the audit.
PARTS = [pytest.param(part, marks=pytest.mark.audit_only if part >= 3 else ()) for part in range(8)]


@pytest.fixture(scope="module")
def checks() -> list[misreadings.Check]:
    """The tests of the readings, which pass as they are."""
    found = misreadings.checks()
    named = {check.name for check in found}
    wanted = {name for one in LIST for name in one.vectors}
    assert [name for name in wanted if name not in named] == []
    assert [check.name for check in found if check.name in wanted and misreadings.fails(check)] == []
    return found


def test_the_list_is_long_and_names_each_once() -> None:
    assert len(LIST) >= 90
    assert len({one.id for one in LIST}) == len({one.changed() + one.reading for one in LIST}) == len(LIST)
    assert {one.id.partition("-")[0] for one in LIST} >= set(SUBJECTS.split())


def test_a_reader_that_is_executed_anew_without_a_change_is_caught_by_nothing(
    checks: list[misreadings.Check],
) -> None:
    """The control: what catches a misreading is the change, not that names of the reader are other ones."""
    unchanged = misreadings.Misreading("none", "", "", "reader", "import re\n", "import re\n", ())
    assert misreadings.catches(unchanged, checks, first_only=False) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_vector_catches_each_misreading(part: int, checks: list[misreadings.Check]) -> None:
    """PRM-03, WIRE-03, WIRE-12, ID-10, HS-06, DR-13, DR-16, PQ-05, CON-12, SES-14, SES-22."""
    uncaught = [one.id for one in LIST[part::8] if not misreadings.catches(one, checks, first_only=True)]
    assert uncaught == []
