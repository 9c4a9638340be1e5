"""The registry tables of the specification against the modules that hold the same values."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import checkout

REGISTRIES = Path("spec") / "registries.md"
RELAY_CHAPTER = Path("spec") / "11-relay.md"
MAX_LABEL_B = 16


def tables(text: str) -> dict[str, list[list[str]]]:
    """Rows of every table of a chapter, by the heading that it stands under; cells without code marks."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif line.startswith("|") and not re.match(r"\|\s*:?-", line):
            cells = [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found.setdefault(heading, []).append(cells)
    return {name: rows[1:] for name, rows in found.items()}


def label_problems(labels: Iterable[str]) -> list[str]:
    """A label is ASCII, at most 16 bytes, unique, and no prefix of another."""
    found = []
    ordered = sorted(labels)
    for label in ordered:
        if not label.isascii() or not 0 < len(label) <= MAX_LABEL_B:
            found.append(f"label {label!r} is not 1 to {MAX_LABEL_B} ASCII characters")
    for first, second in pairwise(ordered):
        if second.startswith(first):
            found.append(f"label {first!r} is a prefix of {second!r}")
    return found


def labels_in(source: str) -> set[str]:
    """Label texts that a Python source holds, as text or byte strings."""
    texts = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value.decode("ascii", "replace") if isinstance(node.value, bytes) else node.value
            if re.fullmatch(r"SR[0-9]-[a-z0-9-]+", text):
                texts.add(text)
    return texts


def differences(what: str, spec: Mapping[str, object], code: Mapping[str, object]) -> list[str]:
    """What stands in only one of registry and code, or has two values."""
    found = [f"{what} {name} stands in the specification only" for name in sorted(set(spec) - set(code))]
    found += [f"{what} {name} stands in the code only" for name in sorted(set(code) - set(spec))]
    for name in sorted(set(spec) & set(code)):
        if spec[name] != code[name]:
            found.append(
                f"{what} {name} is {spec[name]!r} in the specification and {code[name]!r} in the code"
            )
    return found


def error_classes(module_name: str, base_name: str) -> dict[str, str]:
    """Codes and class names of the errors of a module; the codes of mere base classes have no dot."""
    module = importlib.import_module(module_name)
    base = getattr(module, base_name)
    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, base)]
    codes = {str(vars(c).get("code", "")): c.__name__ for c in classes}
    return {code: name for code, name in codes.items() if "." in code}


def problems(root: Path) -> list[str]:
    """Differences between the registries of the specification and the code that holds the same values."""
    path = root / REGISTRIES
    if not path.exists():
        return []
    table = tables(path.read_text("utf-8"))
    found = _label_differences(root, [row[0] for row in table.get("Labels", [])])
    if (root / "e2ee/errors.py").exists():
        rows = {row[0]: row[1] for row in table.get("Error codes of the core", [])}
        found += differences("error code", rows, error_classes("e2ee.errors", "E2eeError"))
    if (root / "e2ee/constants.py").exists():
        found += _limit_problems(table.get("Own limits", [])) + _wire_version_problems(root)
    if (root / "server/e2ee_relay/protocol.py").exists():
        found += _relay_code_problems(root)
    return found


def _label_differences(root: Path, spec_labels: list[str]) -> list[str]:
    """Every label that shipped code holds stands in the one registry, so that none is a prefix of another."""
    code_labels: set[str] = set()
    for source in checkout.shipped_sources(root):
        code_labels |= labels_in(source.read_text("utf-8"))
    if not code_labels:
        return label_problems(spec_labels)
    named = differences("label", dict.fromkeys(spec_labels), dict.fromkeys(code_labels))
    return label_problems(spec_labels) + named


def _relay_code_problems(root: Path) -> list[str]:
    """The relay's error codes in chapter 11 are those of its frames."""
    rows = tables((root / RELAY_CHAPTER).read_text("utf-8")).get("7. Error codes", [])
    codes = importlib.import_module("e2ee_relay.protocol").ErrorCode
    return differences("relay error", {row[1]: int(row[0]) for row in rows}, {c.name: int(c) for c in codes})


def _wire_version_problems(root: Path) -> list[str]:
    """The newest entry of the changelog states the wire version that the core speaks."""
    stated = re.findall(r"^Wire version: (\d+)", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    spoken = importlib.import_module("e2ee.constants").VERSION
    if stated[:1] != [str(spoken)]:
        return [f"CHANGELOG.md: the newest entry states wire version {stated[:1]}, the core speaks {spoken}"]
    return []


def _limit_problems(rows: list[list[str]]) -> list[str]:
    """Own limits: each named number of the registry is the number in `e2ee.constants`."""
    constants = vars(importlib.import_module("e2ee.constants"))
    found = []
    for name, text, *_ in rows:
        value = int(re.sub(r"[\s_,]", "", text))
        if constants.get(name) != value:
            found.append(
                f"limit {name} is {value} in the registry and {constants.get(name)!r} in e2ee.constants"
            )
    return found
