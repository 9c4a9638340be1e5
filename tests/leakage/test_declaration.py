"""The declaration of chapter 02 is exactly what the relay's frames, tables, log and figures hold (LKG-01,
LKG-02).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import leakage_declaration
import pytest
import seen_fields
from sqlite_columns import columns_of_schema

META = ("instance", "previous_instance", "generation", "handed_out", "clock")
LAYOUTS = {
    "record": seen_fields.RECORD,
    "list": (*seen_fields.DEVICE_LIST, "signature"),
    "prekey": (*seen_fields.PREKEY[:-1], "x25519_key", "kem_key", "signature"),
    "address": (*seen_fields.ADDRESS, "signature"),
    "bundle": ("absent",),
}


@pytest.fixture(scope="module")
def declared(repo_root: Path) -> set[str]:
    """Every declared path."""
    return set(leakage_declaration.by_path(repo_root))


def of(declared: set[str], *groups: str) -> set[str]:
    """Declared paths of some groups; a group is what stands before the first dot."""
    return {path for path in declared if path.split(".", 1)[0] in groups}


def frame_paths(repo_root: Path) -> Iterator[str]:
    """Paths of all frames, from the classes that encode them."""
    for operation, name in seen_fields.operation_names(repo_root).items():
        for field in seen_fields.FRAMES[operation]:
            match name, field:
                case "HELLO", "limits":
                    yield from (f"HELLO.limits.{limit}" for limit in seen_fields.LIMITS)
                case "SEND", _:
                    yield from (f"SEND.{part}" for part in seen_fields.SEND_ITEM)
                case "SEND_RESULTS", _:
                    yield from (f"SEND_RESULTS.{part}" for part in seen_fields.SEND_RESULT)
                case _:
                    yield f"{name}.{field}"


def test_each_field_of_a_frame_is_declared_and_no_other(repo_root: Path, declared: set[str]) -> None:
    """LKG-01: a key that is added to a frame has to be declared first, and one that is gone is struck off."""
    names = seen_fields.operation_names(repo_root)
    assert set(names) == set(seen_fields.FRAMES)
    paths = {path for path in frame_paths(repo_root) if path not in seen_fields.STRUCTURES}
    assert paths == of(declared, *names.values())
    assert of(declared, "frame") == {"frame.operation", "frame.request_id"}


def test_each_column_is_declared_and_no_other(declared: set[str]) -> None:
    """LKG-01, RLY-78: the schema's columns; `meta` has a row for each of its names."""
    columns = {
        f"db.{table}.{column}" for table, names in columns_of_schema().items() for column in names
    } - set(seen_fields.STRUCTURES)
    expected = {path for path in columns if not path.startswith("db.meta.")}
    assert expected | {f"db.meta.{name}" for name in META} == of(declared, "db")


def test_each_part_of_a_public_layout_is_declared(declared: set[str]) -> None:
    """LKG-01: what a relay can open of an account that publishes."""
    expected = {f"{name}.{part}" for name, parts in LAYOUTS.items() for part in parts}
    assert expected == of(declared, *LAYOUTS)


def _is_name(node: ast.AST) -> bool:
    """A key of a dictionary, not the text that explains a function."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()


def test_each_key_of_the_log_is_declared(repo_root: Path, declared: set[str]) -> None:
    """LKG-01, RLY-73: the figures of each call that logs, and the keys that the log itself adds."""
    keys: set[str] = set()
    for path in (repo_root / "server/e2ee_relay").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("log.write", "self._print")):
                keys |= {keyword.arg for keyword in node.keywords if keyword.arg is not None}
            if isinstance(node, ast.FunctionDef) and node.name == "at_start":
                keys |= {str(getattr(one, "value", "")) for one in ast.walk(node) if _is_name(one)}
            if isinstance(node, ast.Dict) and path.name == "logs.py" and "time_ms" in ast.unparse(node):
                keys |= {str(one.value) for one in node.keys if isinstance(one, ast.Constant)}
    assert {f"log.{key}" for key in keys} == of(declared, "log")


def test_a_row_without_form_or_scope_is_refused(tmp_path: Path) -> None:
    """LKG-02: the forms and scopes are a closed set, and a random form needs a scope."""
    chapter = tmp_path / leakage_declaration.CHAPTER
    chapter.parent.mkdir()
    head = "### Fields of a test\n\n| a | b | c | d | e |\n| --- | --- | --- | --- | --- |\n"
    for row in (
        "| x | `A.b` | secret | - | |",
        "| x | `A.b` | uniform | - | |",
        "| x | `A.b` | plain | chain | |",
        "| x | `A.{b, b}` | plain | - | |",
    ):
        chapter.write_text(head + row + "\n", "utf-8")
        with pytest.raises(ValueError, match=r"form|twice"):
            leakage_declaration.rows(tmp_path)
    chapter.write_text(head + "| x | `A.{b, c}`, `D.e` | uniform | chain | |\n", "utf-8")
    (only,) = leakage_declaration.rows(tmp_path)
    assert only.paths == ("A.b", "A.c", "D.e")
