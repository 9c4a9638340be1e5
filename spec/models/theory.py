"""A protocol as first-order Horn clauses, and as the text that SPASS takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spec.models.terms import Term


class Clause(NamedTuple):
    """The premises together imply the conclusion, for every value of the variables."""

    name: str
    premises: tuple[Term, ...]
    conclusion: Term

    def atoms(self) -> tuple[Term, ...]:
        return (*self.premises, self.conclusion)

    def text(self) -> str:
        literals = [*(f"not({premise})" for premise in self.premises), str(self.conclusion)]
        return _clause(self.name, literals, self.atoms())


class Theory:
    """Clauses, in the order in which they were stated."""

    def __init__(self) -> None:
        self.clauses: list[Clause] = []

    def rule(self, name: str, conclusion: Term, *premises: Term) -> None:
        """State one clause; a number keeps clauses of one name apart."""
        self.clauses.append(Clause(f"{name}_{len(self.clauses)}", premises, conclusion))

    def facts(self, name: str, *atoms: Term) -> None:
        """State what holds without premises."""
        for atom in atoms:
            self.rule(name, atom)

    def problem(self, title: str, goals: Sequence[Term]) -> str:
        """The question for SPASS: can one of the goals be derived?"""
        atoms = [*goals, *(atom for clause in self.clauses for atom in clause.atoms())]
        functions = _arities(term for atom in atoms for part in atom.args for term in part.subterms())
        denials = [_clause(f"goal_{at}", [f"not({goal})"], [goal]) for at, goal in enumerate(goals)]
        return _FORM.format(
            title=title,
            functions=functions,
            predicates=_arities(atoms),
            axioms="\n".join(clause.text() for clause in self.clauses),
            denials="\n".join(denials),
        )


_FORM = """\
begin_problem(Sealroom).
list_of_descriptions.
name({{*{title}*}}).
author({{*Sealroom*}}).
status(unknown).
description({{*{title}*}}).
end_of_list.
list_of_symbols.
functions[{functions}].
predicates[{predicates}].
end_of_list.
list_of_clauses(axioms, cnf).
{axioms}
end_of_list.
list_of_clauses(conjectures, cnf).
{denials}
end_of_list.
end_problem.
"""


def _arities(terms: Iterable[Term]) -> str:
    """Every symbol with its number of arguments; one symbol with two numbers is a slip of the model."""
    table: dict[str, int] = {}
    for term in terms:
        if not term.is_variable and table.setdefault(term.head, len(term.args)) != len(term.args):
            raise ValueError(f"{term.head} is used with different numbers of arguments")
    return ",".join(f"({name},{arity})" for name, arity in table.items())


def _clause(name: str, literals: Sequence[str], atoms: Iterable[Term]) -> str:
    names = sorted(set[str]().union(*(atom.variables() for atom in atoms)))
    body = f"or({','.join(literals)})"
    return f"clause({f'forall([{_listed(names)}],{body})' if names else body},{name})."


def _listed(names: Iterable[str]) -> str:
    return ",".join(names)
