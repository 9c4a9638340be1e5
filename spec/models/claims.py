"""What is asked of a model: claims, each with its reachability twin and the controls that must fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from spec.models.terms import Term
from spec.models.theory import Theory

SAFE, REACHED, UNDECIDED = "no derivation", "derivation", "undecided"


@dataclass(frozen=True, slots=True)
class Question:
    """One run of the prover: can one of the goals be derived under these settings?"""

    name: str
    kind: str  # claim, twin or control
    text: str
    expected: str
    settings: frozenset[str]
    goals: tuple[Term, ...]
    theory: Callable[[frozenset[str]], Theory] = field(repr=False)

    def problem(self) -> str:
        return self.theory(self.settings).problem(self.name, self.goals)


@dataclass(frozen=True, slots=True)
class Control:
    """The claim with something taken away: now the prover must find an attack."""

    name: str
    text: str
    settings: str = ""
    without: str = ""
    goals: tuple[Term, ...] = ()


def _nothing(settings: frozenset[str]) -> tuple[Term, ...]:
    del settings
    return ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A security property: neither goals nor keys under them may be derivable, the twin must be.

    `underivable` names these keys for given settings; twins and controls ask for their own goals only.
    """

    name: str
    text: str
    rules: str
    theory: Callable[[frozenset[str]], Theory] = field(repr=False)
    goals: tuple[Term, ...]
    twin_text: str
    twin: tuple[Term, ...]
    controls: tuple[Control, ...]
    settings: str = ""
    underivable: Callable[[frozenset[str]], tuple[Term, ...]] = field(default=_nothing, repr=False)

    def questions(self) -> Iterator[Question]:
        """The claim itself, its twin under the same settings, its controls."""
        own = frozenset(self.settings.split())
        goals = (*self.goals, *self.underivable(own))
        yield Question(self.name, "claim", self.text, SAFE, own, goals, self.theory)
        yield Question(f"{self.name}/twin", "twin", self.twin_text, REACHED, own, self.twin, self.theory)
        for control in self.controls:
            changed = (own | set(control.settings.split())) - set(control.without.split())
            goals = control.goals or self.goals
            name = f"{self.name}/{control.name}"
            yield Question(name, "control", control.text, REACHED, changed, goals, self.theory)
