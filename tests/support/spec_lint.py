"""Checks the specification against code, tests and registries; `--write` regenerates the matrix and
the table of transitions first.

Prints one problem per line and exits 1 if there is any.
"""

from __future__ import annotations

import sys
from pathlib import Path

import checkout
import kem_transitions
import registries
import repository_text
import rule_matrix
import source_lint
import spec_rules
import typescript_tests


def problems(root: Path) -> list[str]:
    """Everything that is wrong, most basic first."""
    checks = (
        spec_rules.problems,
        registries.problems,
        repository_text.problems,
        source_lint.problems,
        typescript_tests.problems,
        rule_matrix.problems,
        kem_transitions.problems,
    )
    return [problem for check in checks for problem in check(root)]


def main() -> int:
    root = checkout.ROOT
    for package in ("", "client", "server"):
        sys.path.insert(0, str(root / package))
    if "--write" in sys.argv[1:]:
        (root / rule_matrix.PATH).write_text(rule_matrix.render(root), "utf-8")
        kem_transitions.write(root)
        print(f"wrote {rule_matrix.PATH.as_posix()} and the table of {kem_transitions.CHAPTER.as_posix()}")
    found = problems(root)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(spec_rules.definitions(root))} rules, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
