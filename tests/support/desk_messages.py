"""The types of the desk's page, made of the schema of its messages.

python tests/support/desk_messages.py [--write]
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import checkout
from e2ee_client.desk import schema
from e2ee_client.desk.codec import camel, type_name

FILE: Final = checkout.ROOT / "client/web/packages/desk/src/messages.ts"
_HEAD: Final = "// Made of client/e2ee_client/desk/schema.py by `make spec`.\n\n"
_PLAIN: Final = {str: "string", int: "number", bool: "boolean"}


def page() -> str:
    """Return the file as it has to stand in the repository."""
    said, asked, told = (set(get_args(one)) for one in (schema.FromPage, schema.Asked, schema.ToPage))
    kinds = [one for _, one in inspect.getmembers(schema, _is_own)]
    kinds.sort(key=lambda one: inspect.getsourcelines(one)[1])
    parts = [_interface(one, is_message=one in said | told) for one in kinds]
    for name, of in (("Asked", asked), ("FromPage", said), ("ToPage", told)):
        names = [one.__name__ for one in kinds if one in of]
        parts.append(f"export type {name} =\n" + "\n".join(f"  | {one}" for one in names) + ";\n")
    return _HEAD + "\n".join(parts)


def _is_own(kind: object) -> bool:
    is_here = is_dataclass(kind) and getattr(kind, "__module__", "") == schema.__name__
    return is_here and not getattr(kind, "__name__", "").startswith("_")


def _interface(kind: type, *, is_message: bool) -> str:
    hints = get_type_hints(kind, dict(vars(schema)), include_extras=True)
    lines = [f'  readonly type: "{type_name(kind)}";'] if is_message else []
    lines += [f"  readonly {camel(name)}: {_type(hint)};" for name, hint in hints.items()]
    said = " ".join((kind.__doc__ or "").split())
    return f"/** {said} */\nexport interface {kind.__name__} {{\n" + "\n".join(lines) + "\n}\n"


def _type(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(args[0])
    if origin is Literal:
        return " | ".join(f'"{one}"' for one in args)
    if origin is tuple:
        inner = _type(args[0])
        return f"readonly ({inner})[]" if " " in inner else f"readonly {inner}[]"
    if origin in (Union, UnionType):
        return " | ".join("null" if one is NoneType else _type(one) for one in args)
    return str(_PLAIN.get(hint, hint.__name__))


if __name__ == "__main__":
    if "--write" in sys.argv:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(page(), "utf-8")
    elif not FILE.is_file() or FILE.read_text("utf-8") != page():
        sys.exit(f"{FILE.relative_to(checkout.ROOT)} is not current: make spec")
