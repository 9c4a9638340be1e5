"""The lock files: complete, hash-locked, without addresses, and in step with the package description."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import wheel_build
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("build", "client", "desk", "relay", "relay-nodes", "dev", "native", "audit", "peers", "docs")

EXTRAS = {"relay-nodes": "relay-postgres"}
"""Those whose lock has another name."""


def _project(root: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _locked(root: Path, extra: str) -> dict[str, str]:
    lines = (root / f"requirements/{extra}.txt").read_text("utf-8").splitlines()
    pins = [line.split(" ")[0].split("==") for line in lines if "==" in line.split(" ")[0]]
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("extra", LOCKS)
def test_each_declared_requirement_is_locked_at_a_version_it_allows(repo_root: Path, extra: str) -> None:
    locked = _locked(repo_root, extra)
    for text in _project(repo_root)["optional-dependencies"][EXTRAS.get(extra, extra)]:
        requirement = Requirement(text)
        if requirement.name != "sealroom":
            version = locked[canonicalize_name(requirement.name.split("[")[0])]
            assert requirement.specifier.contains(version), f"{text} is locked at {version}"


def test_development_has_the_libraries_of_client_and_relay_at_the_same_versions(repo_root: Path) -> None:
    dev = _locked(repo_root, "dev")
    for extra in ("build", "client", "desk", "relay", "relay-nodes"):
        assert _locked(repo_root, extra).items() <= dev.items()


def test_an_audit_runs_on_the_libraries_of_development(repo_root: Path) -> None:
    assert _locked(repo_root, "dev").items() <= _locked(repo_root, "audit").items()


def test_the_core_is_compiled_beside_the_libraries_of_development(repo_root: Path) -> None:
    assert _locked(repo_root, "dev").items() <= _locked(repo_root, "native").items()


def test_peers_stand_beside_the_libraries_of_development(repo_root: Path) -> None:
    dev, peers = _locked(repo_root, "dev"), _locked(repo_root, "peers")
    assert not {name for name in dev.keys() & peers.keys() if dev[name] != peers[name]}


@pytest.mark.parametrize("extra", LOCKS)
def test_each_entry_has_a_hash_and_no_file_names_an_address(repo_root: Path, extra: str) -> None:
    text = (repo_root / f"requirements/{extra}.txt").read_text("utf-8")
    entries = text.split("\n")
    assert not [line for line in entries if "://" in line or line.startswith("-")]
    for position, line in enumerate(entries):
        if line and not line.startswith((" ", "#")):
            assert "--hash=sha256:" in entries[position + 1], line


def test_the_relay_is_locked_without_a_cryptography_library(repo_root: Path) -> None:
    assert "cryptography" not in wheel_build.locked_names(repo_root / "requirements/relay.txt")
    assert "pynacl" in wheel_build.locked_names(repo_root / "requirements/relay.txt")


def test_nothing_is_installed_by_default(repo_root: Path) -> None:
    assert _project(repo_root)["dependencies"] == []


def test_each_declared_library_has_a_line_on_who_maintains_it_and_why(repo_root: Path) -> None:
    pages = dict.fromkeys(("build", "dev", "native", "audit", "peers", "docs"), "CONTRIBUTING.md")
    for extra, texts in _project(repo_root)["optional-dependencies"].items():
        page = (repo_root / pages.get(extra, "spec/adr/0001-dependencies.md")).read_text("utf-8")
        names = {Requirement(text).name for text in texts} - {"sealroom"}
        assert not [name for name in sorted(names) if f"\n| {name} | " not in page], extra
