"""A verifier of transcripts that was written from chapter 19 alone says what the vectors say."""

from __future__ import annotations

from typing import Any

import independent_export
import pytest
from independent_refusal import Refused
from vector_files import load, unhex

EXPORT = load("export.json")
Given = dict[str, Any]


def name_of(case: Given) -> str:
    """How a case is called."""
    return str(case["name"])


@pytest.mark.parametrize("case", EXPORT["transcripts"], ids=name_of)
def test_a_transcript_shows_what_its_vector_says(case: Given) -> None:
    """EXP-01, EXP-02, EXP-05 to EXP-13"""
    shown = independent_export.verify([one.encode() for one in case["lines"]], unhex(EXPORT["account_id"]))
    assert [one.hash.hex() for one in shown.entries] == case["hashes"]
    said = [
        [one.verdict, sorted(one.notes), sorted(two.hex() for two in one.witnesses)] for one in shown.entries
    ]
    assert said == case["entries"]
    assert shown.refused == case["refused"]
    assert [[tag.hex(), n, after, hash_.hex()] for tag, n, after, hash_ in shown.missing] == case["missing"]
    assert (shown.holds, shown.has_end, shown.phase) == (case["holds"], case["has_end"], case["phase"])


@pytest.mark.parametrize("case", EXPORT["heads"], ids=name_of)
def test_another_file_is_refused_with_its_code(case: Given) -> None:
    """EXP-05"""
    with pytest.raises(Refused) as caught:
        independent_export.verify([one.encode() for one in case["lines"]], unhex(case["account_id"]))
    assert caught.value.code == case["error"]
