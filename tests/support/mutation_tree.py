"""Mutants of the core: a copy of the checkout in which each function of `e2ee/` carries all of its changes.

mutmut makes the changes and the switch between them; which one is in force is decided at run time. This
module runs inside the copy.

mutmut leaves decorated functions alone, since it cannot know what a decorator makes of its switch. `@native`
makes nothing of it: it gives the function back, or the extension's in its place. So the copy goes without
that decorator, and the references under it are mutated, and run, as any other function.
"""

from __future__ import annotations

import ast
import difflib
import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "e2ee"
_ORIGINAL: Final = "__mutmut_orig"
_MARK: Final = "__mutmut_"
_MUTABLE_DECORATORS: Final = {"staticmethod", "classmethod"}
_REFERENCE: Final = "native"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `name` is what switches it on, `change` the lines that differ, with - and + before them."""

    name: str
    file: str
    function: str
    change: tuple[str, ...]

    @property
    def group(self) -> str:
        """The function's name for the tool: what tests are recorded under."""
        return self.name.partition(_MARK)[0]


def mutate(files: Iterable[str]) -> list[Mutant]:
    """Rewrite these files of the working directory with all their mutants in them, and return the mutants.

    A reference under `@native` of which there is none ends the run: it would be left out in silence.
    """
    mutation: Any = importlib.import_module("mutmut.mutation.file_mutation")
    found: list[Mutant] = []
    for file in files:
        source = Path(file).read_text("utf-8")
        mutated = mutation.mutate_file_contents(file, bare(source))
        Path(file).write_text(mutated.code, "utf-8")
        made = list(_described(file, mutated.code, mutated.mutant_names))
        if missed := set(references(source)) - {one.function for one in made}:
            raise SystemExit(f"{file}: no mutants of {', '.join(sorted(missed))}")
        found += made
    return found


def bare(source: str) -> str:
    """Return the source without `@native(...)`: an empty line stands for each line of it."""
    lines = source.splitlines(keepends=True)
    for _, one in _under_native(source):
        end = one.end_lineno or one.lineno
        lines[one.lineno - 1 : end] = ["\n"] * (end - one.lineno + 1)
    return "".join(lines)


def references(source: str) -> list[str]:
    """Return the names of the functions under `@native`."""
    return [name for name, _ in _under_native(source)]


def _under_native(source: str) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            yield from ((node.name, one) for one in node.decorator_list if _is_reference(one))


def _is_reference(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == _REFERENCE


def _described(file: str, code: str, names: Iterable[str]) -> Iterator[Mutant]:
    module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    bodies = dict(_function_sources(code))
    for name in names:
        original = f"{name.partition(_MARK)[0]}{_ORIGINAL}"
        function = name.partition(_MARK)[0].removeprefix("x_").removeprefix("x\u01c1").replace("\u01c1", ".")
        yield Mutant(f"{module}.{name}", file, function, _change(bodies[original], bodies[name]))


def _function_sources(code: str) -> Iterator[tuple[str, list[str]]]:
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef) and _MARK in node.name:
            yield node.name, [line.strip() for line in lines[node.lineno - 1 : node.end_lineno]]


def _change(before: list[str], after: list[str]) -> tuple[str, ...]:
    """Return the lines that differ; the first line is the function's name, but may hold a default value."""
    before, after = [_without_name(before[0]), *before[1:]], [_without_name(after[0]), *after[1:]]
    lines = difflib.unified_diff(before, after, lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _without_name(line: str) -> str:
    return "def (" + line.partition("(")[2] if line.startswith("def ") else line


def sources(root: Path) -> list[str]:
    """Return the files of the core, by their path inside the checkout."""
    return sorted(path.relative_to(root).as_posix() for path in (root / PACKAGE).rglob("*.py"))


def unmutated(root: Path) -> list[tuple[str, str, int]]:
    """Return (file, function, lines) of what the tool leaves alone because it is decorated.

    What is under `@native` is not among it (see `bare`).
    """
    found: list[tuple[str, str, int]] = []
    for file in sources(root):
        for node in ast.walk(ast.parse(bare((root / file).read_text("utf-8")))):
            if isinstance(node, ast.FunctionDef) and _is_left_alone(node):
                found.append((file, node.name, len(_statements(node))))
    return found


def _is_left_alone(node: ast.FunctionDef) -> bool:
    names = [one.id if isinstance(one, ast.Name) else "" for one in node.decorator_list]
    return bool(names) and not (len(names) == 1 and names[0] in _MUTABLE_DECORATORS)


def _statements(node: ast.FunctionDef) -> list[ast.stmt]:
    return [one for one in ast.walk(node) if isinstance(one, ast.stmt) and one is not node][1:]
