"""The registry tables of the specification against the modules that hold the same values."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

REGISTRIES = Path("spec") / "registries.md"
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
    found = [
        f"{what} {name} stands in {REGISTRIES.as_posix()} only" for name in sorted(set(spec) - set(code))
    ]
    found += [f"{what} {name} stands in the code only" for name in sorted(set(code) - set(spec))]
    for name in sorted(set(spec) & set(code)):
        if spec[name] != code[name]:
            found.append(f"{what} {name} is {spec[name]!r} in the registry and {code[name]!r} in the code")
    return found


def error_classes(module_name: str, base_name: str) -> dict[str, str]:
    """Codes and class names of the errors of a module; the codes of mere base classes have no dot."""
    module = importlib.import_module(module_name)
    base = getattr(module, base_name)
    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, base)]
    codes = {str(vars(c).get("code", "")): c.__name__ for c in classes}
    return {code: name for code, name in codes.items() if "." in code}


def problems(root: Path) -> list[str]:
    """Differences between `spec/registries.md` and the core's labels, errors and constants."""
    path = root / REGISTRIES
    if not path.exists():
        return []
    table = tables(path.read_text("utf-8"))
    spec_labels = [row[0] for row in table.get("Labels", [])]
    found = label_problems(spec_labels)
    if (root / "e2ee/labels.py").exists():
        code_labels = labels_in((root / "e2ee/labels.py").read_text("utf-8"))
        found += differences("label", dict.fromkeys(spec_labels), dict.fromkeys(code_labels))
    if (root / "e2ee/errors.py").exists():
        rows = {row[0]: row[1] for row in table.get("Error codes of the core", [])}
        found += differences("error code", rows, error_classes("e2ee.errors", "E2eeError"))
    if (root / "e2ee/constants.py").exists():
        found += _limit_problems(table.get("Own limits", []))
    return found


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
