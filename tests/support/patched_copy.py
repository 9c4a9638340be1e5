"""A copy of a function of ours without one of its countermeasures, for a control."""

from __future__ import annotations

import inspect
import sys
import textwrap

import pytest


def switch_off(patch: pytest.MonkeyPatch, owner: type | object, name: str, old: str, new: str) -> None:
    """Put a copy of `owner.name` in its place whose source has `new` where the original has `old`.

    The text has to be there exactly once, so that a control fails when the code that it weakens has changed.
    """
    original = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(original))
    if source.count(old) != 1:
        raise AssertionError(f"{name} does not have `{old}` exactly once")
    scope = vars(sys.modules[original.__module__])
    made: dict[str, object] = {}
    exec(compile(source.replace(old, new), f"<{name} without {old}>", "exec"), scope, made)  # noqa: S102  # own source
    patch.setattr(owner, name, made[name])
