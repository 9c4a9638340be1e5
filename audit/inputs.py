"""What a step's result depends on, as one digest: an outcome holds as long as its inputs are the same.

A step names files and folders; every module of this checkout that they import counts too, and so do the lock
file and the description of the package. A step that names nothing depends on the whole checkout.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from audit import ROOT

ALWAYS: Final = ("pyproject.toml", "requirements/audit.txt")
# Where an import of ours may lie.
_ROOTS: Final = ("", "client", "server", "tests/support")
# What the steps themselves write into the checkout: their results, and what fuzzing has learned.
WRITTEN: Final = ("reports", "tests/fuzz/corpus", "tests/fuzz/ledger.json")


def digest(reads: Sequence[str], root: Path = ROOT) -> str:
    """SHA-256, shortened, over names and contents of everything that a step reads."""
    files = tracked(root, (*reads, *ALWAYS)) if reads else tracked(root, ())
    total = hashlib.sha256()
    for path in sorted(closure(files, root)):
        content = hashlib.sha256((root / path).read_bytes()).hexdigest()
        total.update(f"{path}\0{content}\n".encode())
    return total.hexdigest()[:32]


def tracked(root: Path, places: Sequence[str]) -> set[str]:
    """The files of some places (all, where none is named) that exist and are not ignored."""
    words = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *places)
    said = subprocess.run(words, cwd=root, check=True, capture_output=True).stdout.decode()
    names = (name for name in said.split("\0") if name and not name.startswith(WRITTEN))
    return {name for name in names if (root / name).is_file()}


def closure(files: Iterable[str], root: Path) -> set[str]:
    """The files, and every file of the checkout that a Python file among them imports, however far down."""
    found: set[str] = set()
    waiting = list(files)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(root, path) if path.endswith(".py") else ()
    return found


@cache
def _imported(root: Path, path: str) -> tuple[str, ...]:
    tree = ast.parse((root / path).read_bytes())
    package = path.removesuffix("/__init__.py").removesuffix(".py").split("/")
    names = {name for node in ast.walk(tree) for name in _names(node, package, path.endswith("__init__.py"))}
    return tuple({file for name in names for file in _files(root, name)})


def _names(node: ast.AST, place: Sequence[str], is_package: bool) -> Iterator[str]:
    """Dotted names that a node may import: of a module, or of something in it."""
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    if isinstance(node, ast.ImportFrom):
        above = place[: len(place) - node.level + is_package] if node.level else []
        module = ".".join((*above, *(node.module or "").split("."))).strip(".")
        yield from (f"{module}.{one.name}" for one in node.names)


def _files(root: Path, name: str) -> Iterator[str]:
    """The files that are run to import a name: the packages above it, and the module."""
    parts = name.split(".")
    for base in _ROOTS:
        for length in range(1, len(parts) + 1):
            place = "/".join((*([base] if base else []), *parts[:length]))
            yield from (file for file in (f"{place}.py", f"{place}/__init__.py") if (root / file).is_file())
