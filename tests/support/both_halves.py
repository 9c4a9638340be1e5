"""What a class of the client without an event loop has in common with the asynchronous one."""

from __future__ import annotations

import inspect
import re
from typing import Final

from e2ee_client.blocking import Read, same

_BASES: Final = frozenset({"Handle", "Holder", "Generic", "object"})
HANDLES: Final = re.compile(
    r"\b(Client|Contact|Message|Invitation|EventIterator|Entry|Room|CompanyRoom|CustomerRoom|Invite|Self|R)\b"
)
"""Names of classes of which each half has its own, where a method states what it returns."""


def public(cls: type) -> dict[str, object]:
    """Return the public members of a class and its bases, those of the class first."""
    found: dict[str, object] = {}
    for one in cls.__mro__:
        if one is not object:
            found |= {name: value for name, value in vars(one).items() if name not in found}
    return {name: value for name, value in found.items() if not name.startswith("_") and name != "inner"}


def arguments(cls: type, name: str) -> list[tuple[str, object, object]]:
    """Return names, kinds and defaults of what a method takes."""
    parameters = inspect.signature(getattr(cls, name)).parameters.values()
    return [(one.name, one.kind, one.default) for one in parameters]


def faults(asynchronous: type, synchronous: type, internal: set[str], attributes: set[str]) -> list[str]:
    """Say how the two differ: `internal` names have no twin, `attributes` are no members of the class."""
    theirs, ours = public(asynchronous), public(synchronous)
    found = [f"{name} is missing" for name in theirs.keys() - internal - ours.keys()]
    found += [f"{name} is of nothing" for name in ours.keys() - theirs.keys() - attributes]
    for name in sorted(theirs.keys() & ours.keys() - internal):
        found += _faults(asynchronous, synchronous, name, theirs[name])
    return found


def _faults(asynchronous: type, synchronous: type, name: str, theirs: object) -> list[str]:
    ours = public(synchronous)[name]
    if isinstance(theirs, property):
        return [] if isinstance(ours, Read | property) else [f"{name} is no attribute"]
    if isinstance(ours, Read | property):
        return [f"{name} is no method"]
    found = []
    if arguments(synchronous, name) != arguments(asynchronous, name):
        found.append(f"{name} takes other arguments")
    if not getattr(synchronous, name).__doc__:
        found.append(f"{name} is not documented")
    if _leaks(asynchronous, synchronous, name):
        found.append(f"{name} gives an asynchronous handle away")
    return found


def _leaks(asynchronous: type, synchronous: type, name: str) -> bool:
    """Whether a method that returns handles hands them out as they are."""
    returned = str(getattr(asynchronous, name).__annotations__.get("return", ""))
    outer = inspect.getclosurevars(getattr(synchronous, name)).nonlocals
    return HANDLES.search(returned) is not None and outer.get("convert") is same


def stated_types(synchronous: type) -> dict[str, str]:
    """Return the types of the attributes of a class and its bases, as its source states them."""
    found: dict[str, str] = {}
    for one in reversed(synchronous.__mro__):
        if one.__name__ not in _BASES:
            source = re.sub(r"\s+", " ", inspect.getsource(one))
            found |= dict(re.findall(r'(\w+) = Read\["?(.+?)"?\]\(', source))
    return found


def wrong_types(asynchronous: type, synchronous: type, internal: set[str]) -> list[str]:
    """Name the attributes of which the two state other types."""
    stated, ours = stated_types(synchronous), public(synchronous)
    return [
        name
        for name, theirs in public(asynchronous).items()
        if isinstance(theirs, property) and name not in internal and isinstance(ours.get(name), Read)
        if theirs.fget is None or stated[name] != theirs.fget.__annotations__["return"]
    ]
