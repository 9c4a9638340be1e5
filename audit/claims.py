"""The claims file: what each adversary can and cannot do, what a stolen secret opens, which risks remain."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spec_rules

from audit import evidence

PATH = Path("spec") / "claims.toml"
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Adversary:
    """One row of the threat model: a short id, a name, and what the adversary has."""

    id: str
    name: str
    has: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One cell: what an adversary cannot do, or can, with the rules and the evidence behind it."""

    id: str
    adversary: str
    can: bool
    says: str
    rules: tuple[str, ...]
    evidence: tuple[str, ...]
    limit: str


@dataclass(frozen=True, slots=True)
class Compromise:
    """One secret that was stolen: what opens, what stays closed, and when it heals."""

    id: str
    secret: str
    opens: str
    closed: str
    heals: str
    rules: tuple[str, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Risk:
    """One accepted risk: what it is, and what is done to keep it small."""

    id: str
    says: str
    instead: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimsFile:
    """All that the file holds, in its order."""

    adversaries: tuple[Adversary, ...]
    claims: tuple[Claim, ...]
    compromises: tuple[Compromise, ...]
    risks: tuple[Risk, ...]

    def of(self, adversary: Adversary) -> list[Claim]:
        """Claims about one adversary: first what it cannot do."""
        return sorted((c for c in self.claims if c.adversary == adversary.id), key=lambda c: c.can)


def load(root: Path) -> ClaimsFile:
    """Reads the claims file. Raises `KeyError`, `TypeError` or `ValueError` for another shape."""
    data = tomllib.loads((root / PATH).read_text("utf-8"))
    return ClaimsFile(
        tuple(Adversary(**entry) for entry in data["adversary"]),
        tuple(_claim(entry) for entry in data["claim"]),
        tuple(Compromise(**_lists(entry)) for entry in data["compromise"]),
        tuple(Risk(**_lists({"rules": []} | entry)) for entry in data["risk"]),
    )


def _claim(entry: Mapping[str, Any]) -> Claim:
    (can,) = {"can", "cannot"} & set(entry)
    rest = {name: value for name, value in entry.items() if name != can}
    defaults: dict[str, Any] = {"rules": [], "evidence": [], "limit": ""}
    return Claim(can=can == "can", says=entry[can], **_lists(defaults | rest))


def _lists(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}


def problems(root: Path) -> list[str]:
    """Everything in the claims file that leads nowhere."""
    file = load(root)
    entries: list[Claim | Compromise] = [*file.claims, *file.compromises]
    found = [*_id_problems(file), *_rule_problems(root, [*entries, *file.risks])]
    known = {adversary.id for adversary in file.adversaries}
    for claim in file.claims:
        if claim.adversary not in known:
            found.append(f"{claim.id}: no adversary is called {claim.adversary}")
        if not claim.can and not (claim.rules and claim.evidence):
            found.append(f"{claim.id}: what an adversary cannot do needs a rule and evidence")
        if claim.can and not (claim.limit or claim.rules):
            found.append(f"{claim.id}: what an adversary can do needs a limit or the rule that declares it")
    found += [f"{stolen.id}: needs evidence" for stolen in file.compromises if not stolen.evidence]
    for entry in entries:
        found += [f"{entry.id}: {problem}" for problem in evidence.problems(root, entry.evidence)]
    return found


def _id_problems(file: ClaimsFile) -> Iterator[str]:
    seen: set[str] = set()
    parts: tuple[Sequence[Adversary | Claim | Compromise | Risk], ...] = (
        file.adversaries,
        file.claims,
        file.compromises,
        file.risks,
    )
    for name in (entry.id for part in parts for entry in part):
        if not ID.fullmatch(name):
            yield f"{name}: an id is lower-case words joined by hyphens"
        if name in seen:
            yield f"{name}: stands twice"
        seen.add(name)


def _rule_problems(root: Path, entries: Sequence[Claim | Compromise | Risk]) -> Iterator[str]:
    known = {rule.rule_id for rule in spec_rules.definitions(root)}
    for entry in entries:
        for rule in entry.rules:
            if rule not in known:
                yield f"{entry.id}: no chapter defines {rule}"
