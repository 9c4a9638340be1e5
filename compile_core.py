"""Compiles `e2ee/` with mypyc: `python compile_core.py FOLDER`; run by `hatch_build.py`.

What `LEFT` names stays Python: rooms, since their records have class variables, which mypyc takes for fields;
secrets, since the client has roles of its own, and no Python class can be made of a compiled one; errors,
whose codes stand in the head of their class, which mypyc does not read.

The modules come to FOLDER/lib, as they stand in a wheel. FOLDER/c keeps what was made on the way; an object
file that is newer than its source and all headers is not made again.
"""

# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUntypedBaseClass=false
# setuptools is installed only where the core is compiled.

from __future__ import annotations

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mypyc.build import mypycify
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

ROOT: Final = Path(__file__).resolve().parent
LEFT: Final = ("e2ee/rooms/", "e2ee/secret.py", "e2ee/errors.py", "e2ee/primitives/kem.py")
HARDENING: Final = () if sys.platform == "win32" else ("-fstack-protector-strong", "-fvisibility=hidden")


class EachFileByItself(build_ext):
    """One C file a module, as many at a time as there are processors."""

    def build_extension(self, ext: Extension) -> None:
        """Compile what is not up to date, and link."""
        headers = [Path(at) for at in ext.depends if Path(at).suffix == ".h" and Path(at).exists()]
        newest = max((header.stat().st_mtime for header in headers), default=0.0)

        def compiled(source: str) -> str:
            found: str
            (found,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
            made = Path(found)
            if made.exists() and made.stat().st_mtime > max(newest, Path(source).stat().st_mtime):
                return found
            options = [*ext.extra_compile_args, *HARDENING]
            self.compiler.compile(
                [source], self.build_temp, include_dirs=ext.include_dirs, extra_postargs=options
            )
            return found

        with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            ext.extra_objects = list(pool.map(compiled, ext.sources))
        ext.sources = []
        super().build_extension(ext)


def main(folder: Path) -> None:
    """Write C, compile and link it."""
    os.chdir(ROOT)
    found = sorted(path.as_posix() for path in Path("e2ee").rglob("*.py"))
    sources = [path for path in found if not path.startswith(LEFT)]
    extensions = mypycify(
        ["--config-file=pyproject.toml", *sources],
        opt_level="2",
        debug_level="0",
        multi_file=True,
        group_name="sealroom",
        target_dir=str(folder / "c"),
    )
    shutil.rmtree(folder / "lib", ignore_errors=True)
    distribution = Distribution({"name": "sealroom", "ext_modules": extensions})
    command = EachFileByItself(distribution)
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "o")
    command.force = True
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
