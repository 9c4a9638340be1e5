"""Reports: of the tests over each kind of wheel, which passes by all kinds of the same sources alone; of the
fuzzing of the extension, which grows as long as that is the same.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import native_fuzz
import native_report
import pytest

RECORD = """<testsuites><testsuite>
<testcase classname="a" name="one"/><testcase classname="a" name="two"/>
<testcase classname="a" name="three"><skipped message="no such program"/></testcase>%s
</testsuite></testsuites>"""
FAILED = '<testcase classname="a" name="four"><failure message="no"/></testcase>'


def found(folder: Path, name: str, more: str = "", code: int = 0) -> dict[str, Any]:
    """What a run of a kind gave."""
    record = folder / "tests.xml"
    record.write_text(RECORD % more, "utf-8")
    return native_report.kind({"kind": name, "runs": "x"}, record, code, wall_s=2.4, processor_s=3.6)


def test_cases_are_counted_and_skips_named(tmp_path: Path) -> None:
    one = found(tmp_path, "pure", FAILED, 1)
    assert (one["passed"], one["failed"], one["skipped"]) == (2, 1, {"no such program": 1})
    assert (one["result"], one["wall_s"], one["processor_s"]) == ("fail", 2, 4)


@pytest.mark.parametrize(("more", "code"), [("", 1), (FAILED, 0)])
def test_a_run_that_ended_badly_or_has_a_failure_fails(tmp_path: Path, more: str, code: int) -> None:
    assert found(tmp_path, "pure", more, code)["result"] == "fail"


def test_a_run_without_a_record_fails(tmp_path: Path) -> None:
    form = {"kind": "pure", "runs": "x"}
    one = native_report.kind(form, tmp_path / "none.xml", 0, wall_s=0, processor_s=0)
    assert one["result"] == "fail"


def test_the_report_passes_with_all_kinds_of_the_same_sources(tmp_path: Path) -> None:
    verdicts: list[str] = []
    kept: dict[str, Any] = {}
    for name, sources in (("compiled", "s"), ("native", "s"), ("pure", "s"), ("pure", "t")):
        native_report.keep(found(tmp_path, name), sources, tmp_path)
        kept = json.loads((tmp_path / "native-tests.json").read_text("utf-8"))
        verdicts.append(kept["result"])
    assert verdicts == ["incomplete", "incomplete", "pass", "incomplete"]
    assert [one["name"] for one in kept["figures"]["kinds"]] == ["pure"]


def test_one_kind_that_fails_fails_the_report(tmp_path: Path) -> None:
    report: dict[str, Any] = {}
    for name, more in (("compiled", ""), ("native", FAILED), ("pure", "")):
        report = native_report.joined(report, found(tmp_path, name, more), "s")
    assert report["result"] == "fail"
    assert native_report.joined(report, found(tmp_path, "native"), "s")["result"] == "pass"


def test_the_digest_is_of_what_is_not_compiled(tmp_path: Path) -> None:
    package = tmp_path / "e2ee"
    package.mkdir()
    (package / "a.py").write_text("1")
    before = native_report.digest(package)
    (package / "a.cpython-313-x86_64-linux-gnu.so").write_text("2")
    assert native_report.digest(package) == before
    (package / "a.py").write_text("2")
    assert native_report.digest(package) != before


def test_the_report_of_the_fuzzing_grows_block_by_block(tmp_path: Path) -> None:
    path, extension = tmp_path / "native-fuzz.json", {"source": "s", "libsodium": "1"}
    for seed in (1, 2):
        native_fuzz.keep(path, extension, seed, Counter({"executions": 5, "kdf_prf: value": 5}))
    figures = native_fuzz.known(path, extension)
    assert (figures["seeds"], figures["runs"], figures["executions"]) == (["1 to 2"], 2, 10)
    assert native_fuzz.next_seed(figures) == 3
    with pytest.raises(ValueError, match="recorded already"):
        native_fuzz.keep(path, extension, 2, Counter({"executions": 5}))


@pytest.mark.parametrize("changed", ["source", "libsodium"])
def test_the_report_of_the_fuzzing_begins_anew_with_another_extension(tmp_path: Path, changed: str) -> None:
    path, extension = tmp_path / "native-fuzz.json", {"source": "s", "libsodium": "1"}
    native_fuzz.keep(path, extension, 1, Counter({"executions": 5}))
    assert native_fuzz.known(path, extension | {changed: "2"}) == {}
    assert native_fuzz.known(tmp_path / "none.json", extension) == {}


@pytest.mark.parametrize(
    ("executions", "expected"),
    [(0, []), (5, [5]), (100_000, [100_000]), (250_000, [100_000, 100_000, 50_000])],
)
def test_executions_come_in_blocks(executions: int, expected: list[int]) -> None:
    assert list(native_fuzz.blocks(executions)) == expected
