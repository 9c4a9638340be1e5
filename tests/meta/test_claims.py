"""The claims file: every claim names rules and evidence that exist, and the lint would notice if not."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit import chapter, claims

# Written in two pieces, since a whole id here would be a citation of a rule.
RULE = "ABC" + "-01"
UNKNOWN = "ABC" + "-77"
TEST = "tests/spec/test_thing.py::test_thing"

FILE = f"""
[[adversary]]
id = "relay"
name = "Relay"
has = "much."

[[claim]]
id = "relay-read"
adversary = "relay"
cannot = "read"
rules = ["{RULE}"]
evidence = ["{TEST}", "step crash"]

[[claim]]
id = "relay-drop"
adversary = "relay"
can = "drop | delay"
limit = "declared"

[[compromise]]
id = "stolen-key"
secret = "a key"
opens = "little"
closed = "much"
heals = "soon"
rules = ["{RULE}"]
evidence = ["tests/spec/test_thing.py::TestThing"]

[[risk]]
id = "python"
says = "it is Python"
instead = "care"
"""


@pytest.fixture
def small_repository(tmp_path: Path) -> Path:
    """A repository with one rule, one test file, a claims file and its chapter."""
    for folder in ("spec", "tests/spec"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "spec/01-one.md").write_text(f"**{RULE}** A thing is so.\n")
    (tmp_path / "tests/spec/test_thing.py").write_text(
        "def test_thing(): ...\n\nTestThing = Machine.TestCase\n"
    )
    (tmp_path / claims.PATH).write_text(FILE)
    marks = [f"<!-- {name}:begin (make spec) -->\n<!-- {name}:end -->\n" for name in chapter.PARTS]
    (tmp_path / chapter.PATH).write_text("# Security\n\n" + "\n".join(marks) + "\nafterwards\n")
    (tmp_path / chapter.PATH).write_text(chapter.render(tmp_path))
    return tmp_path


def test_every_claim_leads_to_rules_and_evidence(repo_root: Path) -> None:
    assert claims.problems(repo_root) == []


def test_chapter_14_shows_the_claims_file(repo_root: Path) -> None:
    assert chapter.problems(repo_root) == []


def test_every_adversary_has_claims_and_limits(repo_root: Path) -> None:
    file = claims.load(repo_root)
    for adversary in file.adversaries:
        kinds = {claim.can for claim in file.of(adversary)}
        assert kinds == {False, True}, f"{adversary.id} has only one kind of claim"


def test_a_row_is_known_by_its_file_or_by_the_kept_result(small_repository: Path) -> None:
    (small_repository / "spec/models/tla").mkdir(parents=True)
    (small_repository / "spec/models/tla/Queue.cfg").write_text("")
    (small_repository / "reports").mkdir()
    (small_repository / "reports/crash.json").write_text('{"rows": [{"name": "relay", "result": "fail"}]}')
    (small_repository / "spec/models/expected.json").write_text(
        '{"spass": {"handshake.secret": "derivation"}}'
    )
    text = FILE.replace('"step crash"', '"tla: Queue", "crash: relay", "prove: handshake.secret"')
    (small_repository / claims.PATH).write_text(text)
    assert claims.problems(small_repository) == []


def test_a_sound_file_has_no_problem(small_repository: Path) -> None:
    assert chapter.problems(small_repository) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            f'rules = ["{RULE}"]\nevidence = ["{TEST}"',
            f'rules = ["{UNKNOWN}"]\nevidence = ["{TEST}"',
            UNKNOWN,
        ),
        ("::test_thing", "::test_other", "no such test"),
        ("::TestThing", "::TestOther", "no such test"),
        ("spec/test_thing.py::test", "spec/test_gone.py::test", "no such file"),
        ("step crash", "step never", "no such step"),
        ("step crash", "crash: row", "no such row"),
        ("step crash", "nonsense", "is no evidence"),
        (f'evidence = ["{TEST}", "step crash"]', "", "needs a rule and evidence"),
        ('limit = "declared"', "", "needs a limit"),
        ('evidence = ["tests/spec/test_thing.py::TestThing"]', "evidence = []", "needs evidence"),
        ('id = "relay-drop"', 'id = "relay-read"', "stands twice"),
        ('id = "relay-drop"', 'id = "Relay Drop"', "lower-case"),
        ('adversary = "relay"\ncan ', 'adversary = "moon"\ncan ', "no adversary is called moon"),
    ],
)
def test_a_claim_that_leads_nowhere_is_found(small_repository: Path, old: str, new: str, said: str) -> None:
    assert FILE.count(old) == 1
    (small_repository / claims.PATH).write_text(FILE.replace(old, new))
    found = claims.problems(small_repository)
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize(
    ("old", "new"), [('cannot = "read"', 'says = "read"'), ('can = "drop', 'cannot = "x"\ncan = "drop')]
)
def test_a_claim_is_of_one_kind(small_repository: Path, old: str, new: str) -> None:
    (small_repository / claims.PATH).write_text(FILE.replace(old, new))
    with pytest.raises(ValueError, match="unpack"):
        claims.load(small_repository)


def test_the_chapter_has_a_table_for_each_part(small_repository: Path) -> None:
    text = (small_repository / chapter.PATH).read_text()
    assert f"| **cannot** | read | {RULE} | `spec/test_thing.py::test_thing`<br>`step crash` | - |" in text
    assert "| can | drop \\| delay | - | - | declared |" in text
    assert "| a key | little | much | soon |" in text
    assert "| it is Python | care | - |" in text
    assert text.endswith("afterwards\n")


def test_a_stale_chapter_is_found(small_repository: Path) -> None:
    (small_repository / claims.PATH).write_text(FILE.replace('opens = "little"', 'opens = "nothing"'))
    assert chapter.problems(small_repository) == ["spec/14-security.md: stale, run `make spec`"]


def test_a_chapter_without_a_place_is_refused(small_repository: Path) -> None:
    path = small_repository / chapter.PATH
    path.write_text(path.read_text().replace("<!-- risks:end -->", ""))
    with pytest.raises(ValueError, match="no place for risks"):
        chapter.render(small_repository)
