"""The audit: a step is judged by how it had to end, a claim by all of its evidence; the report shows it."""

from __future__ import annotations

import fcntl
import json
import re
import signal
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from audit import ROOT, claims, junit, page, record, rows, runner, steps, verdicts
from audit.__main__ import chosen
from audit.junit import Cases
from audit.runner import FAIL, OPEN, PASS, Outcome
from audit.steps import Step
from audit.verdicts import Findings


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of reports/."""
    monkeypatch.setattr(runner, "REPORTS", tmp_path)
    monkeypatch.setattr(runner, "RAW", tmp_path / "raw")
    return tmp_path


# A step that reads one file; to look through the whole checkout for each would take long.
step = partial(Step, "s", "something", reads=("LICENSE",))


def writing(path: Path, result: str, code: int = 0) -> Step:
    """A step that writes a result file and ends with a code."""
    content = json.dumps({"name": "s", "result": result, "figures": {"n": 3}})
    script = f"import pathlib; pathlib.Path({str(path)!r}).write_text({content!r}); raise SystemExit({code})"
    return step(("python", "-c", script), result=path.name)


@pytest.mark.parametrize(
    ("code", "must_fail", "state"), [(0, False, PASS), (3, False, FAIL), (3, True, PASS), (0, True, FAIL)]
)
def test_a_step_is_judged_by_how_it_had_to_end(reports: Path, code: int, must_fail: bool, state: str) -> None:
    script = f"print('first'); print('last'); raise SystemExit({code})"
    outcome = runner.run(step(("python", "-c", script), must_fail=must_fail), quick=False)
    assert (outcome.state, outcome.closing) == (state, "first\nlast")
    assert (reports / "raw/s.log").read_text() == "first\nlast\n"


@pytest.mark.parametrize(
    ("result", "code", "state"), [("pass", 0, PASS), ("fail", 0, FAIL), ("pass", 1, FAIL)]
)
def test_exit_code_and_result_file_have_to_agree(reports: Path, result: str, code: int, state: str) -> None:
    outcome = runner.run(writing(reports / "s.json", result, code), quick=False)
    assert outcome.state == state
    assert outcome.result["figures"] == {"n": 3}


def test_a_result_of_an_earlier_run_does_not_count(reports: Path) -> None:
    (reports / "s.json").write_text('{"result": "pass"}')
    outcome = runner.run(step(("python", "-c", ""), result="s.json"), quick=False)
    assert (outcome.state, outcome.why) == (FAIL, "wrote no reports/s.json")


def test_a_shortened_run_puts_the_kept_result_back(reports: Path) -> None:
    (reports / "s.json").write_text('{"result": "pass", "figures": {"n": 1000000}}')
    whole = writing(reports / "s.json", "pass")
    shortened = step(("false",), whole.command, "s.json")
    assert runner.run(shortened, quick=True).result["figures"] == {"n": 3}
    assert json.loads((reports / "s.json").read_text())["figures"] == {"n": 1000000}
    (reports / "s.json").unlink()
    assert runner.run(shortened, quick=True).state == PASS
    assert not (reports / "s.json").exists()


def test_a_shortened_run_may_leave_its_result_out(reports: Path) -> None:
    silent = ("python", "-c", "print('done')")
    assert runner.run(step(("false",), silent, "s.json"), quick=True).state == PASS
    assert runner.run(step(silent, ("false",), "s.json"), quick=False).state == FAIL
    assert list(reports.glob("*.json")) == []


def test_a_step_without_a_short_form_keeps_its_result_in_the_short_profile_too(reports: Path) -> None:
    (reports / "s.json").write_text("{}")
    assert runner.run(writing(reports / "s.json", "pass"), quick=True).state == PASS
    assert json.loads((reports / "s.json").read_text())["figures"] == {"n": 3}


def test_a_missing_script_or_program_leaves_a_step_open(reports: Path) -> None:
    gone = runner.run(step(("python", "tests/gone.py")), quick=False)
    assert (gone.state, gone.why) == (OPEN, "tests/gone.py does not exist")
    tools = (("no-such-program", "some-package"), ("sh", "dash"))
    missing = runner.run(step(("true",), tools=tools), quick=False)
    assert (missing.state, missing.why) == (OPEN, "missing programs, on Debian: apt install some-package")


# A step with a process below it that holds the file named by its argument, and writes into it if it may end.
SLEEPER = """
import fcntl, subprocess, sys
held = open(sys.argv[1], "w")
fcntl.flock(held, fcntl.LOCK_EX)
print("begun", flush=True)
subprocess.run(["sh", "-c", f"sleep 300; echo slept >&{held.fileno()}"], pass_fds=[held.fileno()])
"""


def hanging(held: Path) -> tuple[str, ...]:
    """The command of a step that does not end."""
    return ("python", "-c", SLEEPER, str(held))


def was_ended(held: Path) -> bool:
    """Wait until no process of such a step is left; whether none came to its end."""
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return file.read() == ""


def test_a_step_that_hangs_is_ended_with_what_it_started(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "TOLD_S", 0.2)
    (reports / "s.json").write_text('{"figures": {"n": 1000000}}')
    held = reports / "held"
    outcome = runner.run(step(("false",), hanging(held), "s.json", bound_s=2.0), quick=True)
    assert (outcome.state, outcome.why) == (FAIL, "did not end in its time, and was ended")
    assert was_ended(held)
    # What it said is told while it runs, and the kept result is back.
    assert re.search(r"^    \d s: begun$", capsys.readouterr().out, re.MULTILINE)
    assert json.loads((reports / "s.json").read_text())["figures"] == {"n": 1000000}


def test_an_audit_that_is_stopped_ends_its_step(tmp_path: Path) -> None:
    hangs = f"Step('s', '', {hanging(tmp_path / 'held')!r}, reads=('LICENSE',))"
    program = (
        "import sys, pathlib; from audit import runner, steps, __main__; from audit.steps import Step;"
        f"steps.STEPS = ({hangs},); runner.RAW = __main__.RAW = pathlib.Path({str(tmp_path)!r});"
        "__main__.STATE = runner.RAW / 'state.json'; runner.TOLD_S = 0.1;"
        "sys.argv = ['audit', '--resume']; sys.exit(__main__.main())"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as audit:
        assert audit.stdout is not None
        while not audit.stdout.readline().endswith(b" s: begun\n"):
            assert audit.poll() is None
        audit.terminate()
        assert audit.wait() == 128 + signal.SIGTERM
    assert was_ended(tmp_path / "held")


@pytest.mark.parametrize("quick", [True, False])
def test_every_step_finds_its_scripts(*, quick: bool) -> None:
    """A word that sets a variable of make is no path of one."""
    for step in steps.STEPS:
        assert "does not exist" not in runner.obstacle(step, step.words(quick))


def test_the_short_profile_has_a_bound_for_each_step() -> None:
    assert {one.most_s(quick=True) for one in steps.STEPS} == {steps.SHORT_BOUND_S}
    assert all(one.most_s(quick=False) > steps.SHORT_BOUND_S for one in steps.STEPS)


def test_a_shortened_run_puts_the_page_beside_its_result_back(reports: Path) -> None:
    (reports / "s.md").write_text("of a whole run")
    script = f"import pathlib; pathlib.Path({str(reports / 's.md')!r}).write_text('of a short one')"
    runner.run(step(("false",), ("python", "-c", script), "s.json"), quick=True)
    assert (reports / "s.md").read_text() == "of a whole run"


def test_closing_lines_name_no_place_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"a\nb\n\nc\n{ROOT}/x\n{Path.home()}/y\n")
    assert runner.closing_lines(tmp_path / "log") == "b\nc\n./x\n~/y"


def test_names_of_steps_are_theirs_alone() -> None:
    assert len(steps.names()) == len(steps.STEPS)
    assert [step.name for step in chosen("fuzz,checks")] == ["checks", "fuzz"]
    with pytest.raises(SystemExit, match="no such step: never"):
        chosen("never,fuzz")


JUNIT = """<testsuites><testsuite>
<testcase classname="tests.spec.test_a" name="test_one[x-1]"/>
<testcase classname="tests.spec.test_a" name="test_one[x-2]"/>
<testcase classname="tests.spec.test_a" name="test_two"><failure message="no"/></testcase>
<testcase classname="tests.spec.test_a" name="test_three"><skipped message="no strace"/></testcase>
<testcase classname="tests.spec.test_a" name="test_four"><error message="no"/></testcase>
<testcase classname="tests.property.test_m.TestMachine" name="runTest"/>
</testsuite></testsuites>"""


def test_auditors_are_told_of_each_package_that_steps_and_tests_want() -> None:
    """What CI installs is what tests want: one that is skipped leaves its claim open."""
    block = re.search(r"^sudo apt install ((?:.*\\\n)*.*)$", (ROOT / "AUDIT.md").read_text("utf-8"), re.M)
    assert block
    ci = (ROOT / ".ci/run").read_text("utf-8")
    wanted = {package for step in steps.STEPS for _, package in step.tools}
    wanted |= {package for _, package in re.findall(r"\b([\w-]+):([a-z0-9-]+)\b", ci.partition("; do")[0])}
    wanted |= set(re.findall(r"packages\+=\(([a-z0-9-]+)\)", ci))
    assert wanted - set(block[1].replace("\\", "").split()) == set()


def test_auditors_are_told_how_each_result_is_made_again() -> None:
    told = (ROOT / "AUDIT.md").read_text("utf-8")
    results = [step.result for step in steps.STEPS if step.result]
    assert [one for one in results if f"`reports/{one}`" not in told] == []


def test_a_run_of_the_tests_is_read_case_by_case(tmp_path: Path) -> None:
    (tmp_path / "tests.xml").write_text(JUNIT)
    found = junit.read([tmp_path / "tests.xml"])
    assert found["tests/spec/test_a.py::test_one"] == Cases(passed=2)
    assert found["tests/spec/test_a.py::test_two"] == Cases(failed=1)
    assert found["tests/spec/test_a.py::test_four"] == Cases(failed=1)
    assert found["tests/property/test_m.py::TestMachine"] == Cases(passed=1)
    assert junit.skipped(found) == {"tests/spec/test_a.py::test_three": "no strace"}


def test_what_only_the_audit_runs_counts_beside_the_tests(tmp_path: Path) -> None:
    case = '<testcase classname="tests.spec.test_a" name="{}"/>'
    for name, cases in (("tests.xml", ["test_one[a]"]), ("more.xml", ["test_one[b]", "test_five"])):
        (tmp_path / name).write_text(f"<testsuites>{''.join(map(case.format, cases))}</testsuites>")
    found = junit.read([tmp_path / "tests.xml", tmp_path / "more.xml"])
    assert found["tests/spec/test_a.py::test_one"] == Cases(passed=2)
    assert found["tests/spec/test_a.py::test_five"] == Cases(passed=1)


def test_the_audit_runs_whatever_make_test_leaves_out() -> None:
    """Each test file with a part for the audit stands in its step: a number, tests, cases in Firefox."""
    parts = ("engine/test_random_conversations.py", "engine/test_suspension.py", "web/test_redraw.py")
    assert {f"tests/{one}" for one in parts} <= set(steps.REPEATED)
    assert not {"tests/meta/test_audit_report.py", "tests/engine/test_conversation.py"} & set(steps.REPEATED)
    (step,) = (one for one in steps.STEPS if one.name == "full-counts")
    for words in (step.command, step.short):
        assert {"SEALROOM_FULL_COUNTS=1", *steps.REPEATED} <= set(words)
    assert set(step.short) - set(step.command) == {"audit_only"}


def outcome(state: str, result: dict[str, Any] | None = None) -> Outcome:
    """How a step named attacks ended."""
    why = "" if state == PASS else "why"
    return Outcome(
        "attacks", "something", "true", state, why, 1.0, "said", "today", result or {}, "c0ffee", ""
    )


RESULT = {"attacks": [{"id": "A1", "result": "pass"}, {"id": "A2", "result": "fail"}]}


@pytest.mark.parametrize(
    ("text", "good", "said"),
    [
        ("tests/a.py::test_ok", True, "passed, 2 cases"),
        ("tests/a.py::test_bad", False, "1 of 3 failed"),
        ("tests/a.py::test_skipped", False, "skipped: no strace"),
        ("tests/a.py::test_gone", False, "not run"),
        ("step attacks", True, "pass"),
        ("step crash", False, "not run"),
        ("attacks: A1", True, "as expected"),
        ("attacks: A2", False, "not as expected"),
        ("attacks: A3", False, "no such row in the result"),
    ],
)
def test_evidence_counts_only_if_this_run_brought_it(text: str, good: bool, said: str) -> None:
    tests = {
        "tests/a.py::test_ok": Cases(passed=2),
        "tests/a.py::test_bad": Cases(passed=2, failed=1),
        "tests/a.py::test_skipped": Cases(passed=2, skipped=("no strace",)),
    }
    found = verdicts.piece(text, Findings({"attacks": outcome(PASS, RESULT)}, tests))
    assert (found.good, found.said) == (good, said)


def test_a_row_of_a_step_that_could_not_run_is_open() -> None:
    found = verdicts.piece("attacks: A1", Findings({"attacks": outcome(OPEN, RESULT)}))
    assert (found.good, found.said) == (False, "why")


def test_a_claim_needs_all_of_its_evidence() -> None:
    findings = Findings({"attacks": outcome(PASS, RESULT)})
    assert verdicts.verdict(verdicts.pieces(["step attacks", "attacks: A1"], findings)) == "shown"
    assert verdicts.verdict(verdicts.pieces(["step attacks", "attacks: A2"], findings)) == OPEN
    assert verdicts.verdict([]) == "declared"


def test_a_query_counts_with_its_twin_and_its_controls() -> None:
    good = {"name": "secret", "expected": "no derivation", "got": "no derivation"}
    twin = {"name": "secret/twin", "expected": "derivation", "got": "no derivation"}
    other = {"name": "secret-later", "expected": "no derivation", "got": "derivation"}
    assert rows.verdict({"questions": [good, other]}, "secret") is True
    assert rows.verdict({"questions": [good, twin]}, "secret") is False
    assert rows.verdict({"questions": [other]}, "secret") is None


def test_rows_are_found_wherever_they_stand() -> None:
    queries = [
        {"query": "q", "expected": "true", "got": "true"},
        {"query": "r", "expected": "true"},
        {"size": 3},
    ]
    assert rows.of({"figures": {"queries": queries}}) == {"q": True, "r": False}
    assert rows.of({"models": [{"model": "m"}, {"name": "n", "result": "pass"}]}) == {"m": False, "n": True}


@pytest.fixture(scope="module")
def nothing_ran() -> record.Record:
    """The record of a run that brought nothing but one failed step."""
    file = claims.load(ROOT)
    when = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    return record.build(file, Findings({"attacks": outcome(FAIL)}), when, quick=True)


def test_what_was_not_shown_is_open(nothing_ran: record.Record, repo_root: Path) -> None:
    file = claims.load(repo_root)
    wanted = [one.id for one in file.claims if one.evidence] + [one.id for one in file.compromises]
    assert [one["id"] for one in nothing_ran["open_claims"]] == wanted
    assert nothing_ran["open_steps"] == [{"step": "attacks", "command": "true", "why": "why"}]
    assert nothing_ran["result"] == "fail"


def test_a_claim_leads_to_rules_code_and_evidence(nothing_ran: record.Record) -> None:
    (claim,) = [one for one in nothing_ran["claims"] if one["id"] == "relay-alter"]
    assert "e2ee/ratchet/step.py" in {name for names in claim["code"].values() for name in names}
    assert {"name": "step attacks", "good": False, "said": "why"} in claim["evidence"]


def test_the_page_shows_all_of_the_record(nothing_ran: record.Record) -> None:
    text = page.render(nothing_ran)
    assert "2026-01-02 03:04 UTC" in text
    entries = [*nothing_ran["claims"], *nothing_ran["adversaries"]]
    assert not [entry["id"] for entry in entries if page.text(entry.get("name", entry["id"])) not in text]
    assert not [rule["rule"] for rule in nothing_ran["rules"] if f">{rule['rule']}</span>" not in text]
    assert f"{len(nothing_ran['open_claims'])} open claims" in text
    for outside in ("<script", "http://", "https://", "<link", "<img", "@import"):
        assert outside not in text


def test_the_page_of_a_passed_audit_says_that_nothing_is_open(nothing_ran: record.Record) -> None:
    text = page.open_list(nothing_ran | {"open_claims": [], "open_steps": []})
    assert "None. Every claim is shown." in text


def test_what_a_step_says_is_text_and_not_markup() -> None:
    assert page.text("<b>`a<b`") == "&lt;b&gt;<code>a&lt;b</code>"
    result = {"figures": {"n": "<u>"}, "limits": "<s>"}
    step = asdict(Outcome("s", "x", "c", FAIL, "<i>", 1.0, "<script>", "<em>", result, "<b>", ""))
    text = page.step_table([step])
    assert not [mark for mark in ("<script>", "<em>", "<i>", "<u>", "<s>") if mark in text]


def test_figures_are_lines_and_lists_are_tables() -> None:
    windows = [{"loss": 0.2, "median": 50, "saw": ["one", "<two>"]}, {"loss": 0.0, "most": {"a": 1}}]
    figures = {"steps": 7, "windows": windows, "kinds": {"opened": 3, "x": []}}
    shown = page.figures_of(figures)
    assert shown == "steps: <b>7</b><br>windows: 2<br>kinds: opened: 3<br>"
    listed = page.list_tables(
        [{"step": "deep", "result": {"figures": figures, "runs": [{"seed": 9}], "tags": ["a"]}}]
    )
    assert "<h3>deep: windows</h3>" in listed
    assert "<td>0.2</td><td>50</td><td>one<br>&lt;two&gt;</td><td></td>" in listed
    assert "<td>0.0</td><td></td><td></td><td>a: 1</td>" in listed
    assert "<h3>deep: runs</h3>" in listed
    assert "tags" not in listed
