"""The generated parts of chapter 14: the cells of the claims file as tables; `--write` writes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from audit import ROOT, claims

PATH = Path("spec") / "14-security.md"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") or "-" for cell in cells) + " |"


def _table(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    return "\n".join([_row(heads), _row(["---"] * len(heads)), *map(_row, rows)])


def _names(entries: Sequence[str]) -> str:
    return "<br>".join(f"`{entry.removeprefix('tests/')}`" for entry in entries)


def adversaries(file: claims.ClaimsFile) -> str:
    """One table per adversary: cannot, then can."""
    parts = []
    for adversary in file.adversaries:
        heads = ("It", "Claim", "Rules", "Shown by", "Limit")
        rows = [
            ("can" if c.can else "**cannot**", c.says, ", ".join(c.rules), _names(c.evidence), c.limit)
            for c in file.of(adversary)
        ]
        parts.append(f"### {adversary.name}\n\nHas: {adversary.has}\n\n{_table(heads, rows)}")
    return "\n\n".join(parts)


def compromises(file: claims.ClaimsFile) -> str:
    """Which stolen secret opens what, and when it heals."""
    heads = ("Stolen", "Opens", "Stays closed", "Heals", "Rules", "Shown by")
    rows = (
        (c.secret, c.opens, c.closed, c.heals, ", ".join(c.rules), _names(c.evidence))
        for c in file.compromises
    )
    return _table(heads, rows)


def risks(file: claims.ClaimsFile) -> str:
    """Accepted risks."""
    rows = ((risk.says, risk.instead, ", ".join(risk.rules)) for risk in file.risks)
    return _table(("Risk", "What is done", "Rules"), rows)


PARTS: dict[str, Callable[[claims.ClaimsFile], str]] = {
    "adversaries": adversaries,
    "compromises": compromises,
    "risks": risks,
}


def render(root: Path) -> str:
    """The chapter with its generated parts made anew. Raises `ValueError` where a marker is missing."""
    text, file = (root / PATH).read_text("utf-8"), claims.load(root)
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}:begin (make spec) -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{PATH} has no place for {name}")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{part(file)}\n\n{end}{rest.split(end)[1]}"
    return text


def problems(root: Path) -> list[str]:
    """Faults of the claims file, and a chapter that does not show what the file says."""
    if not (root / claims.PATH).exists():
        return []
    found = [f"{claims.PATH.as_posix()}: {problem}" for problem in claims.problems(root)]
    if render(root) != (root / PATH).read_text("utf-8"):
        found.append(f"{PATH.as_posix()}: stale, run `make spec`")
    return found


def main() -> int:
    if "--write" in sys.argv[1:]:
        (ROOT / PATH).write_text(render(ROOT), "utf-8")
        print(f"wrote {PATH.as_posix()}")
    found = problems(ROOT)
    print(*found, sep="\n", end="\n" if found else "")
    file = claims.load(ROOT)
    print(f"{len(file.claims)} claims, {len(file.compromises)} stolen secrets, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
