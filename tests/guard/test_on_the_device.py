"""Nothing leaves the device: while the guard looks, the interpreter opens, sends and starts nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import wheel_build
from e2ee_client import guard

PURE = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "e2ee_client",
    "enum",
    "functools",
    "itertools",
    "re",
    "typing",
    "unicodedata",
}
LOOKING = """
import sys
import guard_corpus
from e2ee_client import guard

messages = guard_corpus.load("seen")
guard.find(messages[0].text, packs=guard.PACKS)

def refuse(event, arguments):
    if not event.startswith(("object.", "code.", "sys._getframe")):
        raise SystemExit(f"the guard did {event}")

sys.addaudithook(refuse)
for one in messages:
    guard.find(one.text, packs=guard.PACKS, kinds=guard.ALL_KINDS)
PLANTED
sys.stdout.write("nothing")
"""


def _look(root: Path, planted: str = "") -> subprocess.CompletedProcess[str]:
    path = ":".join(str(root / part) for part in ("", "client", "server", "tests/support"))
    return subprocess.run(
        [sys.executable, "-c", LOOKING.replace("PLANTED", planted)],
        env=wheel_build.clean_environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_interpreter_reports_no_act_while_the_guard_looks(repo_root: Path) -> None:
    looked = _look(repo_root)
    assert (looked.stdout, looked.returncode) == ("nothing", 0), looked.stderr


def test_an_act_would_be_seen(repo_root: Path) -> None:
    for planted in ("open('/dev/null')", "import socket; socket.socket()"):
        looked = _look(repo_root, planted)
        assert looked.returncode == 1
        assert "the guard did" in looked.stderr


def test_the_guard_is_built_of_parts_that_can_do_nothing() -> None:
    sources = list(Path(guard.__file__).parent.rglob("*.py"))
    assert len(sources) > 8
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert {one.name.split(".")[0] for one in node.names} <= PURE, path
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] in PURE, path
                if (node.module or "").startswith("e2ee_client"):
                    assert node.module in ("e2ee_client.errors", "e2ee_client.guard.lexicon"), path
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("open", "print", "input", "exec", "eval", "__import__"), path
