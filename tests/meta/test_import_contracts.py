"""The import contracts notice each kind of import that they forbid (PRM-08 for the core)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import checkout
import pytest
import wheel_build

# File, and an import that one contract forbids there: words of that contract's name -> what is planted.
FAULTS = {
    "The core's layers": ("e2ee/ids.py", "import e2ee.wire.cbor"),
    "The relay's layers": ("server/e2ee_relay/protocol.py", "import e2ee_relay.server"),
    "The relay knows neither": ("server/e2ee_relay/relay.py", "import cryptography.x509"),
    "The core knows neither": ("e2ee/ids.py", "import e2ee_client.errors"),
    "Core and engine do no input": ("client/e2ee_client/engine/__init__.py", "import time"),
    "Nothing leaves the guard": ("client/e2ee_client/guard/search.py", "import urllib.request"),
    "A web server that issues": ("client/e2ee_login/__init__.py", "import e2ee_client.errors"),
    "Only e2ee.primitives": ("client/e2ee_client/client.py", "import nacl.secret"),
    "Only the strict codec": ("e2ee/session.py", "import cbor2"),
    "The client knows the relay's frames only": ("client/e2ee_client/client.py", "import e2ee_relay.node"),
    "The client's layers": ("client/e2ee_client/engine/__init__.py", "import e2ee_client.client"),
}


def _broken(root: Path) -> list[str]:
    """Names of the contracts that a tree breaks; none if it keeps them all."""
    path = ":".join(str(root / part) for part in ("", "client", "server"))
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    run = subprocess.run(
        command,
        cwd=root,
        env=wheel_build.clean_environment(PYTHONPATH=path, COLUMNS="300"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in run.stdout, run.stdout + run.stderr
    return re.findall(r"^(.*?) BROKEN", run.stdout, re.MULTILINE)


@pytest.fixture
def tree(tmp_path: Path, repo_root: Path) -> Path:
    """A copy of the shipped packages and their contracts."""
    for package in checkout.SHIPPED:
        shutil.copytree(repo_root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repo_root / "pyproject.toml", tmp_path)
    return tmp_path


def test_each_contract_is_broken_by_what_it_forbids(tree: Path) -> None:
    assert _broken(tree) == []
    for file, line in FAULTS.values():
        with (tree / file).open("a") as source:
            source.write(f"\n{line}\n")
    broken = _broken(tree)
    for words in FAULTS:
        assert any(name.startswith(words) for name in broken), f"not broken: {words}"
    assert len(broken) == len(FAULTS)
