"""Three kinds of wheel of one version: a tag says what is in it, and what fails is left out as a whole."""

from __future__ import annotations

import importlib.metadata
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import checkout
import native_build
import pytest
import wheel_build

import hatch_build
from release import sodium, wheel_contents

needs_compiler = pytest.mark.skipif(not native_build.can_build(), reason="no cc, or no headers of libsodium")
WORKFLOW = checkout.ROOT / ".github/workflows/wheels.yml"
OTHER = "e2ee/card.cpython-313-x86_64-linux-gnu.so"


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of Python alone."""
    return wheel_build.build(tmp_path_factory.mktemp("pure"))


def like(wheel: Path, folder: Path, tag: str, files: list[str], changed: str = "", line: str = "#") -> Path:
    """Write a wheel with the Python of another, under a tag, with files that stand for compiled ones.

    One that is `changed` has a line more, at the first gap between its lines.
    """
    distribution, version, *_ = wheel.stem.split("-")
    target = folder / f"{distribution}-{version}-{tag}.whl"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("/WHEEL"):
                said = data.decode().replace("py3-none-any", tag)
                data = said.replace("Purelib: true", f"Purelib: {str(tag.endswith('any')).lower()}").encode()
            if name == changed:
                head, gap, rest = data.partition(b"\n\n")
                data = head.rstrip() + f"\n{line}\n".encode() + gap + rest
            archive.writestr(name, data)
        for name in files:
            archive.writestr(name, b"compiled")
    return target


def compiled_files(wheel: Path, python: str) -> list[str]:
    """The names that a compiled wheel has beside those of another."""
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("e2ee/")]
    modules = [name.removesuffix(".py") for name in names if not name.startswith(wheel_contents.LEFT)]
    modules = [name for name in modules if not name.endswith((".typed", ".c"))]
    suffix = f".cpython-{python}-x86_64-linux-gnu.so"
    return [name + suffix for name in [*modules, "sealroom__mypyc"]] + ["e2ee/primitives/_native.abi3.so"]


@pytest.mark.audit_only
@needs_compiler
def test_each_kind_of_wheel_has_what_its_tag_says(pure: Path, tmp_path: Path) -> None:
    """Pure and native as they are built here; compiled with stand-ins, since to compile takes minutes."""
    native = wheel_build.build(tmp_path / "native", "native")
    compiled = like(pure, tmp_path, "cp313-cp313-linux_x86_64", compiled_files(pure, "313"))
    found = wheel_contents.compare([pure, native, compiled])
    assert [one.kind for one in found.values()] == ["pure", "native", "compiled"]


@pytest.mark.parametrize(
    ("tag", "lacking", "more", "why"),
    [
        ("cp311-abi3-linux_x86_64", ".cpython", [OTHER], "compiled modules"),
        ("cp311-abi3-linux_x86_64", "e2ee", [], "0 extensions"),
        ("py3-none-any", ".cpython", [], "1 extensions"),
        ("py3-none-any", "e2ee", [OTHER], "compiled modules"),
        ("cp313-cp313-linux_x86_64", "e2ee/card.", [], "compiled modules"),
        ("cp313-cp313-linux_x86_64", "sealroom__mypyc", [], "compiled modules"),
        ("cp313-cp313-linux_x86_64", "_native", [], "0 extensions"),
        ("cp312-cp312-linux_x86_64", "nothing", [], "compiled modules"),
        ("cp313-cp313-linux_x86_64", "nothing", ["sealroom.libs/libsodium-5.so"], "no module of ours"),
    ],
)
def test_a_wheel_that_claims_what_it_is_not_is_refused(
    pure: Path, tmp_path: Path, tag: str, lacking: str, more: list[str], why: str
) -> None:
    """One that claims abi3 has no compiled module, a compiled one has all, for its Python."""
    files = [name for name in compiled_files(pure, "313") if lacking not in name]
    wheel = like(pure, tmp_path, tag, files + more)
    with pytest.raises(wheel_contents.Contradiction, match=why):
        wheel_contents.read(wheel)


def test_wheels_of_a_release_have_the_same_python(pure: Path, tmp_path: Path) -> None:
    page = f"{wheel_contents.BUILT[0].removeprefix('client/')}another.js"
    other = like(pure, tmp_path, "cp313-cp313-linux_x86_64", [*compiled_files(pure, "313"), page])
    wheel_contents.read(other)
    with pytest.raises(wheel_contents.Contradiction, match="differ"):
        wheel_contents.compare([pure, other])


INFO = "sealroom-0.1.0.dist-info/"


@pytest.mark.parametrize(
    ("changed", "line", "more", "why"),
    [
        ("e2ee/card.py", "#", [], "e2ee/card.py is another"),
        ("e2ee_relay/cli.py", "#", [], "server/e2ee_relay/cli.py is another"),
        ("", "", ["e2ee/more.py"], "e2ee/more.py is no file of the source"),
        ("", "", ["e2ee/more.dist-info/x.py"], "x.py is no file of the source"),
        ("", "", ["start.pth"], "start.pth is no file of the source"),
        ("", "", ["hatch_build.py"], "hatch_build.py is no file of the source"),
        ("", "", ["sealroom-0.1.0.data/scripts/pip"], "scripts/pip is no file of the source"),
        ("", "", [f"{INFO}direct_url.json"], "metadata"),
        (f"{INFO}METADATA", "Requires-Dist: another-library", [], "libraries.*another-library"),
        (f"{INFO}METADATA", "requires-dist: another-library", [], "libraries.*another-library"),
        (f"{INFO}METADATA", "Requires-Dist:another-library", [], "libraries.*another-library"),
        (f"{INFO}METADATA", "Requires-Dist:\n another-library", [], "libraries.*another-library"),
        (f"{INFO}METADATA", "Requires-Dist: cbor2 @ https://example.org/cbor2.whl", [], "libraries"),
        (f"{INFO}METADATA", "Requires-Dist: cbor2==5.0", [], "libraries"),
        (f"{INFO}entry_points.txt", "pip = e2ee_client.cli:main", [], "commands"),
    ],
)
def test_a_wheel_that_is_not_what_its_source_says_is_refused(
    pure: Path, tmp_path: Path, changed: str, line: str, more: list[str], why: str
) -> None:
    """What builds a release, and whoever keeps it, could put into it what runs at each start of Python."""
    wheel_contents.read(pure)
    wheel = like(pure, tmp_path, "py3-none-any", more, changed, line)
    with pytest.raises(wheel_contents.Contradiction, match=why):
        wheel_contents.read(wheel)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("e2ee_relay/limits.py", "server/e2ee_relay/limits.py"),
        ("e2ee_client/rooms/notices/de.toml", "client/e2ee_client/rooms/notices/de.toml"),
    ],
)
def test_a_wheel_that_lacks_a_file_of_the_source_is_refused(
    pure: Path, tmp_path: Path, name: str, source: str
) -> None:
    """Also where all wheels of a release lack it."""
    wheel = tmp_path / pure.name
    with zipfile.ZipFile(pure) as whole, zipfile.ZipFile(wheel, "w") as archive:
        for one in whole.namelist():
            if one != name:
                archive.writestr(one, whole.read(one))
    with pytest.raises(wheel_contents.Contradiction, match=f"{source} of the source is missing"):
        wheel_contents.compare([wheel])


def test_a_wheel_with_two_files_of_one_name_is_refused(pure: Path, tmp_path: Path) -> None:
    """One program unpacks the first, another the last."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        wheel = like(pure, tmp_path, "py3-none-any", ["e2ee/card.py"])
    with pytest.raises(wheel_contents.Contradiction, match="two files of one name"):
        wheel_contents.read(wheel)


def sources(folder: Path) -> Path:
    """Build the source distribution."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder)]
    environment = wheel_build.clean_environment()
    subprocess.run(command, cwd=checkout.ROOT, env=environment, check=True, capture_output=True)
    return next(folder.glob("*.tar.gz"))


def test_a_source_distribution_that_is_not_its_source_is_refused(tmp_path: Path) -> None:
    """All wheels of a release are built of it."""
    good = sources(tmp_path / "good")
    wheel_contents.read_sources(good)
    folder = good.name.removesuffix(".tar.gz")
    for name, content, why in (
        (f"{folder}/hatch_build.py", b"#", "hatch_build.py is another"),
        (f"{folder}/e2ee/more.py", b"#", "more.py is no file of the source"),
        ("elsewhere/e2ee/card.py", b"#", "outside of its folder"),
        (f"{folder}/e2ee/../../more.py", b"#", "no file of the source"),
    ):
        (tmp_path / "bad").mkdir(exist_ok=True)
        bad = tmp_path / "bad" / good.name
        with tarfile.open(good) as source, tarfile.open(bad, "w:gz") as archive:
            for member in source:
                if member.name != name:
                    archive.addfile(member, source.extractfile(member))
            planted = tarfile.TarInfo(name)
            planted.size = len(content)
            archive.addfile(planted, io.BytesIO(content))
        with pytest.raises(wheel_contents.Contradiction, match=why):
            wheel_contents.read_sources(bad)


def test_a_source_distribution_with_a_link_is_refused(tmp_path: Path) -> None:
    """What it leads to in the archive is not what it leads to where that is unpacked."""
    archived = tmp_path / "sealroom-0.1.0.tar.gz"
    with tarfile.open(archived, "w:gz") as archive:
        for name in ("client/e2ee_client/py.typed", "server/e2ee_relay/py.typed"):
            archive.add(checkout.ROOT / name, f"sealroom-0.1.0/{name}")
        link = tarfile.TarInfo("sealroom-0.1.0/e2ee/py.typed")
        link.type, link.linkname = tarfile.SYMTYPE, "../server/e2ee_relay/py.typed"
        archive.addfile(link)
    with pytest.raises(wheel_contents.Contradiction, match=r"py\.typed is no file"):
        wheel_contents.read_sources(archived)


@pytest.mark.audit_only
@needs_compiler
def test_what_does_not_compile_is_left_out_as_a_whole_and_said(pure: Path, tmp_path: Path) -> None:
    """Asked for the best, it is native; asked for compiled, it is an error."""
    (tmp_path / "mypyc").mkdir()
    (tmp_path / "mypyc/__init__.py").write_text("raise ImportError('planted')")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    for kind in ("best", "compiled"):
        environment = wheel_build.clean_environment(PYTHONPATH=str(tmp_path), SEALROOM_WHEEL=kind)
        run = subprocess.run(
            command, cwd=checkout.ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert "no compiled wheel can be built: ImportError: planted" in run.stderr + run.stdout
        assert (run.returncode == 0) == (kind == "best")
    (built,) = tmp_path.glob("*.whl")
    assert wheel_contents.compare([pure, built])[built.name].kind == "native"


@pytest.mark.skipif(sys.platform == "win32", reason="the compiler is called otherwise")
def test_a_release_links_its_own_libsodium_and_not_the_system_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The static one from the folder that `SEALROOM_SODIUM` names."""
    system = hatch_build._posix(native_build.SOURCE, tmp_path / "a")
    assert "-lsodium" in system
    monkeypatch.setenv("SEALROOM_SODIUM", "/own")
    own = hatch_build._posix(native_build.SOURCE, tmp_path / "a")
    assert {"-I/own/include", "/own/lib/libsodium.a"} <= set(own)
    assert "-lsodium" not in own


@pytest.mark.parametrize("name", wheel_contents.LICENCES)
def test_a_wheel_without_the_licence_of_what_it_contains_is_refused(
    pure: Path, tmp_path: Path, name: str
) -> None:
    (place,) = (
        one for one in zipfile.ZipFile(pure).namelist() if one.endswith(f".dist-info/licenses/{name}")
    )
    with pytest.raises(wheel_contents.Contradiction, match="licence texts"):
        wheel_contents.read(like(pure, tmp_path, "py3-none-any", [], changed=place))


def test_the_licence_of_mypyc_is_that_of_the_one_that_compiles() -> None:
    text = (checkout.ROOT / "release/licenses/mypyc.txt").read_text("utf-8")
    assert text == importlib.metadata.distribution("mypy").read_text("licenses/LICENSE")


def test_another_licence_of_libsodium_is_refused(tmp_path: Path) -> None:
    """Its text stands between the marks of a comment."""
    text = sodium.LICENCE.read_text("utf-8")
    stated = "/*\n" + "".join(f" * {line}\n" for line in text.splitlines()) + " */\n"
    (tmp_path / "LICENSE").write_text(stated, "utf-8")
    sodium.check_licence(tmp_path)
    (tmp_path / "LICENSE").write_text(stated.replace("2024", "2025"), "utf-8")
    with pytest.raises(sodium.OtherBytes, match="LICENSE"):
        sodium.check_licence(tmp_path)


def test_another_tarball_of_libsodium_is_refused() -> None:
    assert re.fullmatch("[0-9a-f]{64}", sodium.SHA256)
    with pytest.raises(sodium.OtherBytes):
        sodium.pinned(b"another")


def test_the_release_pins_what_it_runs() -> None:
    """Actions by commit; each form is built, by files that are there; the token of the run may only read."""
    text = WORKFLOW.read_text("utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, note in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", note), action
    assert "permissions:\n  contents: read\n" in text
    assert "kind: [native, compiled]" in text
    assert "SEALROOM_WHEEL=pure" in text
    for python in ("cp311", "cp312", "cp313", "cp314"):
        assert f"{python}-*" in text
    assert text.count("release/wheel_contents.py dist/*.whl dist/*.tar.gz") == 1
    named = set(re.findall(r"(?:\{project\}/|python3? |-r )([a-z][\w/-]*\.(?:py|txt))", text))
    assert {"requirements/native.txt", "requirements/dev.txt", "release/sodium.py"} <= named
    assert [name for name in named if not (checkout.ROOT / name).is_file()] == []
    assert text.count("timeout-minutes:") == text.count("runs-on:")
    for installed in re.findall(r"pip install (.*)", text):
        assert installed.startswith("--require-hashes --only-binary=:all: -r ")
