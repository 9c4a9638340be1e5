"""The TypeScript core: written from the chapters a second time, and held against their vectors.

Node's own test runner runs the cases; each one that fails is named here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import web_packages

CORE = web_packages.WORKSPACE / "packages/core"
# Node writes a case that failed as "not ok 7 - name", indented inside its file.
FAILED = re.compile(r"^\s*not ok \d+ - (.+)$", re.MULTILINE)
PASSED = re.compile(r"^# pass (\d+)$", re.MULTILINE)
LEAST_CASES = 1400
# Tests of one workspace stay in one process: there is one folder of libraries to install.


@pytest.mark.usefixtures("web_libraries")
def test_every_case_of_the_core_passes() -> None:
    files = sorted(str(path) for path in (CORE / "tests").glob("*.test.ts"))
    done = web_packages.run(*web_packages.TESTS, *files)
    failed = FAILED.findall(done.stdout)
    assert not failed, "\n".join(failed)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    passed = PASSED.search(done.stdout)
    assert passed is not None
    assert int(passed[1]) >= LEAST_CASES


def test_the_lock_names_no_registry_and_has_a_hash_for_each_library() -> None:
    lock = json.loads((web_packages.WORKSPACE / "package-lock.json").read_text("utf-8"))
    assert "://" not in json.dumps([entry.get("resolved") for entry in lock["packages"].values()])
    fetched = {
        name: entry
        for name, entry in lock["packages"].items()
        if name.startswith("node_modules/") and not entry.get("link")
    }
    assert fetched
    assert not [name for name, entry in fetched.items() if not entry["integrity"].startswith("sha512-")]


def test_the_core_reads_no_clock_no_randomness_and_nothing_of_node() -> None:
    """PRM-08"""
    ambient = re.compile(
        r"\b(?:Date|Math\.random|crypto|performance|process|globalThis|setTimeout|fetch|console|require)\b|node:"
    )
    sources = sorted((CORE / "src").rglob("*.ts"))
    assert sources
    for path in sources:
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text("utf-8"), flags=re.DOTALL)
        code = re.sub(r'"[^"\n]*"', '""', re.sub(r'from "node:', "node:", code))
        assert not ambient.search(code), f"{path.name} reads {ambient.search(code)}"


def test_each_library_has_a_line_on_who_maintains_it_and_why(repo_root: Path) -> None:
    used = json.loads((CORE / "package.json").read_text("utf-8"))["dependencies"]
    tools = json.loads((web_packages.WORKSPACE / "package.json").read_text("utf-8"))["devDependencies"]
    for names, page in ((used, "spec/adr/0001-dependencies.md"), (tools, "CONTRIBUTING.md")):
        text = (repo_root / page).read_text("utf-8")
        assert not [name for name in names if f"\n| {name} | " not in text], page


def test_files_of_the_core_stay_small() -> None:
    for path in sorted((CORE / "src").rglob("*.ts")):
        assert len(path.read_text("utf-8").splitlines()) <= 300, path.name
