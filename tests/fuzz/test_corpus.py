"""The committed corpus goes through every target again, without a fuzzer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import fuzz_corpus
import fuzz_ledger
import pytest
from fuzz_target import ACCEPTED, Target, run
from fuzz_targets import TARGETS


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_nothing_in_the_corpus_breaks_a_promise(target: Target) -> None:
    """WIRE-03, CON-01, ID-03, SES-14, STO-08, RLY-03, ACC-03, ACC-31, CNS-02, TRN-02, TRN-21: each input is
    refused, or keeps its promises.
    """
    committed = fuzz_corpus.inputs(target)
    outcomes = Counter(run(target, data) for data in (*target.seeds(), *committed))
    assert committed, "a target without a corpus"
    assert outcomes[ACCEPTED], "nothing in the corpus gets through the decoder"
    assert target.name in ("guard", "terminal_text") or len(outcomes) > 1, "nothing in the corpus is refused"


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    """A corpus is read by people as well: no folder without a target, no input twice, nothing large."""
    files = [path for path in fuzz_corpus.FOLDER.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == set(TARGETS)
    assert all(path.stat().st_size <= TARGETS[path.parent.name].max_b for path in files)
    names = [(path.parent.name, path.name.removeprefix(fuzz_corpus.FOUND)) for path in files]
    assert len(set(names)) == len(names) <= 2500
    for path in files:
        assert path.name.removeprefix(fuzz_corpus.FOUND) == fuzz_corpus.name_of(path.read_bytes())


def test_an_input_that_was_found_does_not_stand_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fuzz_corpus, "FOLDER", tmp_path)
    target = next(iter(TARGETS.values()))
    found = tmp_path / target.name / f"{fuzz_corpus.FOUND}{fuzz_corpus.name_of(b'found')}"
    found.parent.mkdir()
    found.write_bytes(b"found")
    assert fuzz_corpus.write(target, [b"found", b"other"]) == 2
    assert sorted(fuzz_corpus.inputs(target)) == [b"found", b"other"]


def test_the_ledger_adds_up() -> None:
    """The committed totals are the sums of the runs, and every target has run."""
    kept = json.loads(fuzz_ledger.PLACE.read_text("utf-8"))
    ledger = fuzz_ledger.Ledger.load()
    assert kept["totals"] == ledger.totals()
    assert set(kept["totals"]["targets"]) == set(TARGETS)
