"""Habits of shipped code that no linter of the trade knows: what it must not compare, import or catch."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import checkout

# Which outside libraries each package may import: a new one is a decision, not an accident.
LIBRARIES = {
    "e2ee": frozenset({"nacl", "cryptography", "cbor2"}),
    "client/e2ee_client": frozenset(
        {"nacl", "cryptography", "cbor2", "websockets", "segno", "prompt_toolkit", "starlette", "uvicorn"}
    ),
    "client/e2ee_login": frozenset(),
    "server/e2ee_relay": frozenset({"nacl", "cbor2", "prometheus_client", "websockets", "psycopg"}),
}
OWN = frozenset({"e2ee", "e2ee_client", "e2ee_login", "e2ee_relay"})
UNSAFE_MODULES = frozenset({"random", "pickle", "marshal", "shelve", "dill"})
UNSAFE_CALLS = frozenset({"eval", "exec", "compile", "__import__"})
SECRET_NAME = re.compile(r"(^|_)(mac|tag|token|secret|key|password|passphrase)s?$")
PUBLIC_NAME = re.compile(
    r"(^|_)(public|pub|their|map|dict|sort|row|table|primary)_|_(type|kind|id|size|len)$"
)
TEST_HOOK = re.compile(r"(?i)^_?(testing|under_test|test_mode|test_hook\w*|\w+_test_hook|\w+_for_tests?)$")
# Names that look secret and may be compared where they stand: (file, end of name) -> why it is harmless.
PUBLIC_NAMES: dict[tuple[str, str], str] = {
    ("e2ee/ratchet/skipped.py", "header_key"): "a Secret, which compares in constant time",
    ("e2ee/ratchet/step.py", "tag"): "a header tag stands on the wire in clear",
    ("e2ee/ratchet/step.py", "ratchet_key"): "a public ratchet key",
    ("e2ee/rooms/forward.py", "tag"): "the tag of a device stands in what a signal names",
    ("e2ee/rooms/transcript.py", "tag"): "the tag of a device stands in the links of every entry",
}


@lru_cache(maxsize=1)
def _nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes of a file, which six checks look at one after the other."""
    return list(ast.walk(tree))


def comparisons(tree: ast.Module, name: str) -> Iterator[str]:
    """`==` and `!=` on what looks like a key, tag, token or secret: their time tells how far they agree."""
    for node in _nodes(tree):
        if isinstance(node, ast.Compare) and not all(_is_public(name, n) for n in secret_names(node)):
            yield f"{name}:{node.lineno}: `{ast.unparse(node)}` takes variable time; use hmac.compare_digest"


def _is_public(file: str, name: str) -> bool:
    return any(file == listed and f"_{name}".endswith(f"_{end}") for listed, end in PUBLIC_NAMES)


def secret_names(node: ast.Compare) -> set[str]:
    """Names that look secret on either side of an `==` or `!=`; one with a constant tells nothing."""
    sides = (node.left, *node.comparators)
    if not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
        return set()
    if any(isinstance(side, ast.Constant) for side in sides):
        return set()
    names = {_name(side) for side in sides}
    return {n for n in names if n == "expose" or (SECRET_NAME.search(n) and not PUBLIC_NAME.search(n))}


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower()
        case ast.Call(func=ast.Attribute(attr=name)):
            return name.lower()
        case _:
            return ""


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of each import that is carried out, wherever in the file it stands."""
    types = {
        part
        for node in _nodes(tree)
        if isinstance(node, ast.If) and _name(node.test) == "type_checking"
        for statement in node.body
        for part in ast.walk(statement)
    }
    for node in _nodes(tree):
        if node in types:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module


def imports(tree: ast.Module, name: str) -> Iterator[str]:
    """Imports of test code, of unsafe modules, and of libraries that the package does not declare."""
    package = next(p for p in checkout.SHIPPED if name.startswith(p + "/"))
    for line, module in imported(tree):
        top = module.split(".")[0]
        if top in UNSAFE_MODULES:
            yield f"{name}:{line}: shipped code never imports {top}"
        elif top not in sys.stdlib_module_names | OWN | LIBRARIES[package]:
            yield f"{name}:{line}: {package} does not declare {top}"
        elif module.startswith("e2ee_client.testing") and not name.startswith("client/e2ee_client/testing"):
            yield f"{name}:{line}: shipped code never imports its own test double"


def handlers(tree: ast.Module, name: str) -> Iterator[str]:
    """Handlers that catch everything, unless they only clean up and raise it again."""
    for node in _nodes(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else "everything"
        broad = node.type is None or re.search(r"\b(Base)?Exception\b", caught)
        last = node.body[-1]
        if broad and not (isinstance(last, ast.Raise) and last.exc is None):
            yield f"{name}:{node.lineno}: catches {caught} and does not raise it again"


def calls(tree: ast.Module, name: str) -> Iterator[str]:
    """Calls that turn data into code."""
    for node in _nodes(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in UNSAFE_CALLS:
            yield f"{name}:{node.lineno}: calls {node.func.id}"


def assertions(tree: ast.Module, name: str) -> Iterator[str]:
    """`assert` statements: they vanish under `python -O`, so nothing may depend on them."""
    for node in _nodes(tree):
        if isinstance(node, ast.Assert):
            yield f"{name}:{node.lineno}: assert in shipped code"


def test_hooks(tree: ast.Module, name: str) -> Iterator[str]:
    """Names by which shipped code would behave differently under test."""
    if name.startswith("client/e2ee_client/testing"):
        return
    for node in _nodes(tree):
        match node:
            case ast.Name(id=text) | ast.arg(arg=text):
                suspect = bool(TEST_HOOK.match(text))
            case ast.Constant(value=str(text)):
                suspect = "PYTEST" in text
            case _:
                continue
        if suspect:
            yield f"{name}:{node.lineno}: {text} looks like a hook for tests"


def undocumented(tree: ast.Module, name: str) -> Iterator[str]:
    """Modules, and public functions and classes of the core, that do not say what they are."""
    if not ast.get_docstring(tree):
        yield f"{name}:1: the module does not say what it holds"
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{name}:{node.lineno}: {node.name} has no docstring"


Check = Callable[[ast.Module, str], Iterator[str]]
CHECKS: tuple[Check, ...] = (imports, handlers, calls, assertions, test_hooks)
CORE_CHECKS: tuple[Check, ...] = (comparisons, undocumented)


def problems(root: Path) -> list[str]:
    """Findings in all shipped sources; in the core, where the secrets are, comparisons and docstrings too."""
    found = []
    for path in checkout.shipped_sources(root):
        name = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text("utf-8"), filename=name)
        checks = (*CHECKS, *CORE_CHECKS) if name.startswith("e2ee/") else CHECKS
        found += [problem for check in checks for problem in check(tree, name)]
    return found
