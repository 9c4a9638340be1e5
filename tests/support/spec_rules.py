"""Rule ids of the specification: where each is defined, and which code and tests cite it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import checkout

# Three digits are also what outside things have: SHA-256 is no rule.
_RULE = r"((?:[A-Z]{2,5}-[0-9]{2})|(?!SHA-|AES-)(?:[A-Z]{2,5}-[0-9]{3}))"
DEFINITION = re.compile(rf"\*\*{_RULE}\*\*[:.]?\s*(.*)")
CITATION = re.compile(rf"(?<![A-Za-z0-9_-]){_RULE}(?![A-Za-z0-9_-])")
# Names of outside things that have the shape of a rule id.
FOREIGN_PREFIXES = frozenset({"UTF"})
GENERATED = frozenset({"matrix.md"})
# Ids of rules that no longer hold: only decisions name them, and none is used again.
GIVEN_UP = frozenset(
    f"SES-{number:02}" for number in (1, 3, 4, 5, 6, 7, 8, 10, 13, 16, 17, 19, 20)
)  # spec/adr/0022


@dataclass(frozen=True, slots=True)
class Rule:
    """One normative sentence: its id, its chapter and line, and the text that follows the id."""

    rule_id: str
    chapter: str
    line: int
    text: str


@dataclass(slots=True)
class Citations:
    """Places that cite each rule id: code as file names, tests as `file::function`."""

    code: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    tests: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def definitions(root: Path) -> list[Rule]:
    """All rules in chapter order; a rule is defined where its id stands in bold type."""
    rules = []
    for chapter in checkout.files(root, "spec/*.md"):
        if chapter.name in GENERATED:
            continue
        lines = chapter.read_text("utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            for found in DEFINITION.finditer(line):
                text = " ".join([found[2].strip(" |"), *_continued(lines[number:])])
                rules.append(Rule(found[1], chapter.name, number, text))
    return rules


def _continued(lines: list[str]) -> Iterator[str]:
    """The further lines of a paragraph, up to an empty one, a row of a table, an item or the next rule."""
    for line in lines:
        text = line.strip()
        if not text or text.startswith(("|", "- ", "**", "```", "#")):
            return
        yield text


def cited_ids(text: str) -> list[tuple[int, str]]:
    """Line numbers and rule ids in a text, without names of outside things."""
    found = []
    line = at = 0
    for hit in CITATION.finditer(text):
        line += text.count("\n", at, hit.start())
        at = hit.start()
        if hit[1].split("-")[0] not in FOREIGN_PREFIXES:
            found.append((line + 1, hit[1]))
    return found


def citations(root: Path) -> Citations:
    """Citations in shipped code and in test files."""
    cited = Citations()
    for path in checkout.shipped_sources(root):
        for _, rule_id in cited_ids(path.read_text("utf-8")):
            cited.code[rule_id].add(path.relative_to(root).as_posix())
    for path in checkout.files(root, "tests/**/test_*.py"):
        source = path.read_text("utf-8")
        cited_here = cited_ids(source)
        owners = _owners(source) if cited_here else {}
        for line, rule_id in cited_here:
            name = path.relative_to(root).as_posix()
            owner = owners.get(line)
            cited.tests[rule_id].add(f"{name}::{owner}" if owner else name)
    return cited


def _owners(source: str) -> Mapping[int, str]:
    """Maps each line of a test file to the top-level function or class that it belongs to."""
    owners: dict[int, str] = {}
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            while first > 1 and lines[first - 2].startswith("#"):
                first -= 1
            owners.update(dict.fromkeys(range(first, (node.end_lineno or node.lineno) + 1), node.name))
    return owners


def problems(root: Path) -> list[str]:
    """Ids defined twice, ids cited that no chapter defines, and rules without a test."""
    rules = definitions(root)
    cited = citations(root)
    known = {rule.rule_id for rule in rules}
    found = list(_duplicates(rules))
    found += [
        f"spec/{rule.chapter}:{rule.line}: {rule.rule_id} was given up and is not used again"
        for rule in rules
        if rule.rule_id in GIVEN_UP
    ]
    for kind, places in (("code", cited.code), ("test", cited.tests), ("spec", _spec_citations(root))):
        for rule_id in sorted(set(places) - known):
            found.append(f"{sorted(places[rule_id])[0]}: {kind} cites {rule_id}, which no chapter defines")
    untested = [rule for rule in rules if rule.rule_id not in cited.tests]
    found += [f"spec/{rule.chapter}:{rule.line}: {rule.rule_id} is cited by no test" for rule in untested]
    return found


def _duplicates(rules: list[Rule]) -> Iterator[str]:
    first: dict[str, Rule] = {}
    for rule in rules:
        other = first.setdefault(rule.rule_id, rule)
        if other is not rule:
            where = f"{other.chapter}:{other.line}"
            yield f"spec/{rule.chapter}:{rule.line}: {rule.rule_id} is defined at {where} already"


def _spec_citations(root: Path) -> dict[str, set[str]]:
    cited: dict[str, set[str]] = defaultdict(set)
    for path in (*checkout.files(root, "spec/*.md"), *checkout.files(root, "spec/adr/*.md")):
        for line, rule_id in cited_ids(path.read_text("utf-8")):
            if rule_id in GIVEN_UP and path.parent.name == "adr":
                continue
            cited[rule_id].add(f"{path.relative_to(root).as_posix()}:{line}")
    return cited
