"""How many plausible misreadings of the chapters the vectors catch in the TypeScript core.

    python tests/support/web_misreadings.py --runs 100 --seed 1

A misreading is one changed place of the sources: a bound that is off by one, `<` for `<=`, another label,
parts of a key input in another order, a check that is left out. It is caught if a case of the core fails.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import checkout
import web_packages

CORE: Final = Path("packages/core")
# Lines that say nothing of the protocol: comments, imports, types, texts of errors.
SILENT: Final = re.compile(
    r"^\s*(?:/?\*|//|import |export (?:type|interface)|readonly |\}|$)|throw new \w+Error\("
)
SWAPS: Final = (
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" === ", " !== "),
    (r" !== ", " === "),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r" \+ 1\b", ""),
    (r" - 1\b", ""),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r"concat\((\w[\w.()]*), (\w[\w.()]*)", r"concat(\2, \1"),
    (r"\"SR1-[a-z0-9-]+\"", '"SR1-record"'),
    (r"(?<![\w.])(\d[\d_]*)(?=[,;)\s\]])", lambda match: str(int(match[1].replace("_", "")) + 1)),
    (r"^(\s*)(?:check\w*|verify\w*)\([^;]*\);$", r"\1;"),
)


class Misreading(NamedTuple):
    """One changed line."""

    file: str
    line: int
    text: str


def misreadings(sources: Path) -> Iterator[Misreading]:
    """All that the swaps make of the sources."""
    for path in sorted(sources.rglob("*.ts")):
        for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
            if SILENT.search(text):
                continue
            for pattern, other in SWAPS:
                for match in re.finditer(pattern, text):
                    changed = text[: match.start()] + re.sub(pattern, other, text[match.start() :], count=1)
                    if changed != text:
                        yield Misreading(path.relative_to(sources).as_posix(), number, changed)


def is_caught(workspace: Path, one: Misreading) -> bool:
    """Whether the core's tests fail with this line."""
    path = workspace / CORE / "src" / one.file
    before = path.read_text("utf-8")
    lines = before.splitlines()
    lines[one.line - 1] = one.text
    path.write_text("\n".join(lines) + "\n", "utf-8")
    try:
        files = sorted(str(test) for test in (workspace / CORE / "tests").glob("*.test.ts"))
        command = [str(web_packages.NODE), "--test", "--test-isolation=none", "--test-reporter=dot", *files]
        return (
            subprocess.run(command, cwd=workspace, capture_output=True, check=False, timeout=300).returncode
            != 0
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(before, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="misreadings that the vectors catch")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    web_packages.install()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(web_packages.WORKSPACE, root / "client/web", symlinks=True)
        (root / "spec").symlink_to(checkout.ROOT / "spec")
        found = list(misreadings(root / "client/web" / CORE / "src"))
        first = (root / "client/web" / CORE / "src" / found[0].file).read_text("utf-8").splitlines()
        if is_caught(root / "client/web", found[0]._replace(text=first[found[0].line - 1])):
            print("the cases fail without a misreading")
            return 1
        chosen = random.Random(options.seed).sample(found, min(options.runs, len(found)))
        missed = [one for one in chosen if not is_caught(root / "client/web", one)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} misreadings caught, of {len(found)} that there are")
    for one in missed:
        print(f"{one.file}:{one.line}: {one.text.strip()}")
    return int(len(missed) * 10 > len(chosen))


if __name__ == "__main__":
    sys.exit(main())
