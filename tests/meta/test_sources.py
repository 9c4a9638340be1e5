"""Habits of shipped code that no linter of the trade checks; each check is shown a fault that it must find.

The rule behind the imports: PRM-08, no clock, file, socket or randomness of the core's own.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import source_lint


def test_shipped_sources_keep_the_habits(repo_root: Path) -> None:
    assert source_lint.problems(repo_root) == []


@pytest.mark.parametrize(
    "fault",
    [
        "import random",
        "from random import Random",
        "def _f():\n    import pickle",
        "import requests",
        "import pytest",
        "from tests.support import x",
        "import relay_process",
        "from e2ee_client.testing import FakeClock",
        "try:\n    f()\nexcept Exception:\n    g()",
        "try:\n    f()\nexcept (ValueError, BaseException) as e:\n    raise ValueError from e",
        "try:\n    f()\nexcept:\n    pass",
        "eval('1')",
        "exec(code)",
        "assert x",
        "if TESTING:\n    pass",
        "def _f(_skip_check_for_test): ...",
        "import os\nif os.environ.get('PYTEST_CURRENT_TEST'): ...",
        "ok = mac == other",
        "ok = self.token != given",
        "ok = a == secret.expose()",
        "ok = shared_secret == b",
        "if not TYPE_CHECKING:\n    import requests",
        "if TYPE_CHECKING:\n    import os\nelse:\n    import requests",
    ],
)
def test_a_fault_is_found(tmp_path: Path, fault: str) -> None:
    (tmp_path / "e2ee").mkdir()
    (tmp_path / "e2ee/faulty.py").write_text(f'"""A module."""\n{fault}\n')
    assert len(source_lint.problems(tmp_path)) == 1


@pytest.mark.parametrize(
    "sound",
    [
        "import hmac\nok = hmac.compare_digest(mac, other)",
        "ok = len(key) == 32",
        "ok = their_public_key == pinned",
        "ok = token_type == 1",
        "if flag and key == 7: ...",
        "try:\n    f()\nexcept BaseException:\n    undo()\n    raise",
        "from nacl.bindings import crypto_scalarmult",
        "from e2ee.errors import RemoteError",
        "from . import thing",
        "import hashlib",
        "if TYPE_CHECKING:\n    from typing_extensions import TypeVar",
    ],
)
def test_sound_code_passes(tmp_path: Path, sound: str) -> None:
    (tmp_path / "e2ee").mkdir()
    (tmp_path / "e2ee/sound.py").write_text(f'"""A module."""\n{sound}\n')
    assert source_lint.problems(tmp_path) == []


def test_undocumented_public_names_of_the_core_are_found(tmp_path: Path) -> None:
    (tmp_path / "e2ee").mkdir()
    (tmp_path / "e2ee/silent.py").write_text("class A: ...\ndef f(): ...\ndef _g(): ...\n")
    assert [problem.split()[1] for problem in source_lint.problems(tmp_path)] == ["the", "A", "f"]


def test_the_relay_may_not_import_a_cryptography_library(tmp_path: Path) -> None:
    (tmp_path / "server/e2ee_relay").mkdir(parents=True)
    (tmp_path / "server/e2ee_relay/x.py").write_text(
        "from cryptography.x509 import Certificate\nimport websockets\n"
    )
    assert source_lint.problems(tmp_path) == [
        "server/e2ee_relay/x.py:1: server/e2ee_relay does not declare cryptography"
    ]


def test_every_allowed_name_is_still_compared(repo_root: Path) -> None:
    for (file, name), reason in source_lint.PUBLIC_NAMES.items():
        tree = ast.parse((repo_root / file).read_text("utf-8"))
        compared = [
            source_lint.secret_names(node) for node in ast.walk(tree) if isinstance(node, ast.Compare)
        ]
        names = set[str]().union(*compared)
        assert any(found.endswith(name) for found in names), f"{file} compares no `{name}` any more"
        assert len(reason) > 10
