"""The specification, its registries and the repository's texts hold together; lint would notice if not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import registries
import repository_text
import rule_matrix
import spec_rules
import typescript_tests


@pytest.fixture(scope="module", autouse=True)
def citations_of_the_checkout(repo_root: Path) -> Iterator[None]:
    """Look for its citations once: nearly all that its checks do."""
    citations = spec_rules.citations
    found: list[spec_rules.Citations] = []

    def once(root: Path) -> spec_rules.Citations:
        if root != repo_root:
            return citations(root)
        if not found:
            found.append(citations(root))
        return found[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec_rules, "citations", once)
        yield


# Written in two pieces, since a whole id here would be a citation of a rule.
FIRST = "ABC" + "-01"
SECOND = "ABC" + "-02"


@pytest.fixture
def small_repository(tmp_path: Path) -> Path:
    """A repository with one chapter of two rules, cited by code and by a test."""
    for folder in ("spec/adr", "e2ee", "tests/spec"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "spec/01-one.md").write_text(
        f"**{FIRST}** A thing is so.\n\n**{SECOND}** Another follows {FIRST}.\n"
    )
    (tmp_path / "e2ee/thing.py").write_text(f'"""Does it ({FIRST})."""\n')
    (tmp_path / "tests/spec/test_thing.py").write_text(
        f'def test_thing():\n    """{FIRST}"""\n\n\n# {SECOND}\ndef test_other():\n    pass\n'
    )
    return tmp_path


def test_rules_code_and_tests_agree(repo_root: Path) -> None:
    assert spec_rules.problems(repo_root) == []


def test_registries_agree_with_the_core(repo_root: Path) -> None:
    assert registries.problems(repo_root) == []


def test_each_rule_is_shown_in_typescript_or_listed_as_pythons_alone(repo_root: Path) -> None:
    assert typescript_tests.problems(repo_root) == []


def test_matrix_is_fresh(repo_root: Path) -> None:
    assert rule_matrix.problems(repo_root) == []


def test_texts_keep_their_promises(repo_root: Path) -> None:
    assert repository_text.problems(repo_root) == []


def test_a_sound_repository_has_no_rule_problem(small_repository: Path) -> None:
    assert spec_rules.problems(small_repository) == []


def test_a_rule_without_a_test_is_found(small_repository: Path) -> None:
    (small_repository / "tests/spec/test_thing.py").write_text(f'def test_thing():\n    """{FIRST}"""\n')
    assert spec_rules.problems(small_repository) == [f"spec/01-one.md:3: {SECOND} is cited by no test"]


def test_a_rule_that_is_defined_twice_is_found(small_repository: Path) -> None:
    (small_repository / "spec/02-two.md").write_text(f"**{FIRST}** Again.\n")
    assert spec_rules.problems(small_repository) == [
        f"spec/02-two.md:1: {FIRST} is defined at 01-one.md:1 already"
    ]


@pytest.mark.parametrize(
    "place", ["e2ee/thing.py", "tests/spec/test_new.py", "spec/02-two.md", "spec/adr/0001-x.md"]
)
def test_an_unknown_rule_is_found_wherever_it_is_cited(small_repository: Path, place: str) -> None:
    unknown = "ABC" + "-77"
    path = small_repository / place
    previous = path.read_text() if path.exists() else ""
    path.write_text(previous + f"# {unknown}\n")
    (problem,) = spec_rules.problems(small_repository)
    assert unknown in problem
    assert problem.startswith(place)


def test_names_of_outside_things_are_no_rules() -> None:
    assert spec_rules.cited_ids("UTF-16, SHA-256, RFC 8949, AES-128, 2026-11-24, SR1-hs-t0") == []


def test_the_matrix_names_code_and_test_of_each_rule(small_repository: Path) -> None:
    text = rule_matrix.render(small_repository)
    assert f"| {FIRST} | A thing is so. | `e2ee/thing.py` | `spec/test_thing.py::test_thing` | - |" in text
    assert f"| {SECOND} | Another follows {FIRST}. | - | `spec/test_thing.py::test_other` | - |" in text


def _typescript(root: Path, test: str, listed: str = "") -> None:
    """A test of the core in TypeScript, and a list of what is Python's alone."""
    path = root / typescript_tests.PACKAGES / "core/tests/thing.test.ts"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(test)
    (root / typescript_tests.LISTED).write_text(f"| Rules |\n| --- |\n| {listed} |\n" if listed else "")


def _vector(root: Path, name: str, vector: dict[str, object]) -> None:
    path = root / typescript_tests.VECTORS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(vector))


def test_a_rule_in_neither_is_found_and_one_in_both(small_repository: Path) -> None:
    _typescript(small_repository, f'test("so ({FIRST})", () => {{}});', SECOND)
    assert typescript_tests.problems(small_repository) == []
    _typescript(small_repository, f'test("so ({FIRST})", () => {{}});')
    (problem,) = typescript_tests.problems(small_repository)
    assert problem.startswith(f"spec/01-one.md:3: {SECOND} is shown by no test in TypeScript")
    _typescript(small_repository, f'test("so ({FIRST})", () => {{}});', f"{FIRST}, {SECOND}, {SECOND}")
    assert typescript_tests.problems(small_repository) == [
        f"spec/python-only.md: {FIRST} is shown in TypeScript by core/tests/thing.test.ts",
        f"spec/python-only.md: {SECOND} is listed twice",
    ]


def test_a_test_in_a_browser_shows_a_rule_and_a_helper_shows_none(small_repository: Path) -> None:
    _typescript(small_repository, "", SECOND)
    helper = small_repository / typescript_tests.PACKAGES / "core/tests/helper.ts"
    helper.write_text(f"// {FIRST}\n")
    assert len(typescript_tests.problems(small_repository)) == 1
    (small_repository / "tests/web").mkdir()
    (small_repository / "tests/web/test_page.py").write_text(f'def test_page():\n    """{FIRST}"""\n')
    assert typescript_tests.problems(small_repository) == []
    assert f"| {FIRST} | A thing is so. |" in rule_matrix.render(small_repository)
    assert "| `web/test_page.py::test_page` |" in rule_matrix.render(small_repository)
    assert "| Python |" in rule_matrix.render(small_repository)


def test_a_vector_shows_its_rules_where_a_test_runs_it(small_repository: Path) -> None:
    _vector(small_repository, "thing", {"rules": [FIRST], "values": []})
    _vector(small_repository, next(iter(typescript_tests.WRITTEN_ONLY)), {"rules": [SECOND]})
    _vector(small_repository, "negative/wrong", {"rules": [SECOND], "operation": "thing.read"})
    _typescript(small_repository, "")
    assert len(typescript_tests.problems(small_repository)) == 2
    _typescript(
        small_repository, 'for (const one of [load("thing"), load("export")]) test(one.name, () => {});'
    )
    (problem,) = typescript_tests.problems(small_repository)
    assert SECOND in problem
    operations = small_repository / typescript_tests.OPERATIONS
    operations.write_text('export const OPERATIONS = {\n  "thing.read": (input) => read(input),\n};\n')
    assert typescript_tests.problems(small_repository) == []
    assert "| `vectors/thing.json` |" in rule_matrix.render(small_repository)


def test_of_a_file_of_cases_those_count_whose_operation_is_known(small_repository: Path) -> None:
    cases = [
        {"rules": [rule], "operation": name}
        for rule, name in ((FIRST, "thing.read"), (SECOND, "thing.write"))
    ]
    _vector(small_repository, "limits", {"rules": [FIRST, SECOND], "cases": cases})
    _typescript(small_repository, 'load("limits");')
    (small_repository / typescript_tests.OPERATIONS).write_text('  "thing.read": read,\n')
    (problem,) = typescript_tests.problems(small_repository)
    assert SECOND in problem


def test_a_stale_matrix_is_found(small_repository: Path) -> None:
    path = small_repository / rule_matrix.PATH
    path.write_text(rule_matrix.render(small_repository))
    assert rule_matrix.problems(small_repository) == []
    (small_repository / "spec/01-one.md").write_text(f"**{FIRST}** A thing is otherwise.\n")
    assert rule_matrix.problems(small_repository) == ["spec/matrix.md: stale, run `make spec`"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["SR1-a", "SR1-ab"], "prefix"),
        (["SR1-same", "SR1-same"], "prefix"),
        (["SR1-longer-than-16-bytes"], "ASCII"),
        (["SR1-ä"], "ASCII"),
        ([""], "ASCII"),
    ],
)
def test_a_bad_label_is_found(labels: list[str], said: str) -> None:
    assert any(said in problem for problem in registries.label_problems(labels))


def test_good_labels_pass() -> None:
    assert registries.label_problems(["SR1-a", "SR1-b", "SR1-16-bytes-lon"]) == []


def test_labels_are_read_from_text_and_bytes() -> None:
    assert registries.labels_in('A = b"SR1-one"\nB = Label("SR1-two")\nC = "other"') == {"SR1-one", "SR1-two"}


def test_differences_are_named_from_both_sides() -> None:
    found = registries.differences("limit", {"A": 1, "B": 2}, {"B": 3, "C": 4})
    assert [problem.split()[1] for problem in found] == ["A", "C", "B"]


def test_a_table_is_read_with_its_heading() -> None:
    text = "## One\n\n| A | B |\n| --- | ---: |\n| `x` | 1 \\| 2 |\n"
    assert registries.tables(text) == {"One": [["x", "1 \\| 2"]]}


def test_dead_links_and_anchors_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A `head`, 2nd\n")
    (tmp_path / "page.md").write_text(
        "[a](other.md) [b](other.md#a-head-2nd) [c](https://example.org/x) [d](gone.md) [e](other.md#no)\n"
        "```\n[not](a-link.md)\n```\n"
    )
    assert [problem.split()[3] for problem in repository_text.broken_links(tmp_path)] == [
        "gone.md",
        "other.md#no",
    ]


def test_a_long_or_unlisted_decision_record_is_found(tmp_path: Path) -> None:
    (tmp_path / "spec/adr").mkdir(parents=True)
    (tmp_path / "spec/adr/README.md").write_text("[one](0001-one.md)\n")
    (tmp_path / "spec/adr/0001-one.md").write_text("x\n" * 40)
    (tmp_path / "spec/adr/0002-two.md").write_text("x\n" * 41)
    assert list(repository_text.long_records(tmp_path)) == [
        "spec/adr/0002-two.md: 41 lines, a decision record has at most 40"
    ]
    assert list(repository_text.unlisted_records(tmp_path)) == [
        "spec/adr/README.md: does not list 0002-two.md"
    ]


def test_leftovers_of_one_machine_are_recognised() -> None:
    for text in (
        "see /" + "work/main/x",
        "https://py" + "pi.org/simple",
        "cp /" + "root/x",
        "'/" + "tmp/dev/bin'",
    ):
        assert repository_text.FORBIDDEN.search(text)
    for text in (
        "a framework/place",
        "tests/root/x",
        "https://example.org/workshop",
        "/tmp/developer",
    ):
        assert not repository_text.FORBIDDEN.search(text)


def test_a_changelog_entry_without_wire_version_is_found(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## 0.2.0\n\n- x\n\n## 0.1.0\n\nWire version: 1\n")
    assert list(repository_text.changelog(tmp_path)) == [
        "CHANGELOG.md: '0.2.0' does not state its wire version"
    ]


def test_unfinished_marks_are_found_in_shipped_code_only(tmp_path: Path) -> None:
    for folder in ("e2ee", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text("# TO" + "DO later\n")
    (problem,) = repository_text.unfinished(tmp_path)
    assert problem.startswith("e2ee/x.py:1")
