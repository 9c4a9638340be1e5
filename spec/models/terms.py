"""Terms of the symbolic models, written the way SPASS reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Term(NamedTuple):
    """A symbol applied to terms, or a variable: a head in capitals without arguments."""

    head: str
    args: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return f"{self.head}({','.join(map(str, self.args))})" if self.args else self.head

    @property
    def is_variable(self) -> bool:
        return self.head[0].isupper()

    def subterms(self) -> Iterator[Term]:
        """The term itself and everything inside it."""
        yield self
        for argument in self.args:
            yield from argument.subterms()

    def variables(self) -> set[str]:
        return {term.head for term in self.subterms() if term.is_variable}

    def with_values(self, values: Mapping[str, Term]) -> Term:
        """The term with some of its variables replaced."""
        if self.is_variable:
            return values.get(self.head, self)
        return Term(self.head, tuple(argument.with_values(values) for argument in self.args))


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or predicate symbol; calling it makes a term."""

    name: str
    arity: int

    def __call__(self, *args: Term) -> Term:
        if len(args) != self.arity:
            raise ValueError(f"{self.name} takes {self.arity} arguments, not {len(args)}")
        return Term(self.name, args)


def unary(names: str) -> list[Symbol]:
    """Symbols of one argument by name."""
    return [Symbol(name, 1) for name in names.split()]


def variables(names: str) -> list[Term]:
    """Variables by name, as in `variables("X Y")`."""
    return [Term(name) for name in names.split()]


def constants(names: str) -> list[Term]:
    return [Term(name) for name in names.split()]
