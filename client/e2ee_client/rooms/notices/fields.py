"""Fields of `notice.toml`: what each must be, and the provision that asks for it (CNS-02, CNS-03).

A field stands in the file by its path: `mode` at the top, `controller.name` in the table `controller`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from e2ee.grammar import MAX_ROOM_RELAY_B, is_email, is_locale, is_plain_text, is_relay_url, is_web_url
from e2ee.rooms.notice import MAX_AGE, MAX_LINE, MAX_NAMES, MAX_PURPOSE, MAX_TEXTS, REACH, Mode
from e2ee.wire.fields import MAX_U32
from e2ee_client.rooms.errors import Fault

MODES: Final = {"notice": Mode.NOTICE, "consent": Mode.CONSENT, "explicit": Mode.EXPLICIT}
CLASSES: Final = {"ephemeral": 1, "default": 2, "statutory": 3, "proof": 4}
PLACEHOLDER: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_DURATION: Final = re.compile(r"([1-9][0-9]{0,6}) ?([hdy])")
_UNITS_S: Final = {"h": 3_600, "d": 86_400, "y": 365 * 86_400}
_ART_9: Final = re.compile(r"\bArt(\.|icle|ikel)? ?9\b")
_LINE: Final = f"must be a text of 1 to {MAX_LINE} characters without hidden ones"
_PAGE: Final = "must be the https address of a page"
_SPEC: Final = "CNS-02"
FILLED: Final = "must be filled in: a placeholder is left"


def is_line(value: object) -> bool:
    """Whether a value is a plain text of 1 to 240 characters."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_LINE and is_plain_text(value)


def duration_s(value: object) -> int | None:
    """Return the seconds of a duration such as `36h`, `90d` or `3y`; None for what is none."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    found = None if match is None else int(match[1]) * _UNITS_S[match[2]]
    return found if found is not None and found <= MAX_U32 else None


def _lines(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_NAMES and all(is_line(one) for one in value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _whole(value: object, maximum: int, minimum: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum


class Field(NamedTuple):
    """A field: its path, what it must be, whose provision that is, and how it is checked."""

    path: str
    must: str
    law: str
    accepts: Callable[[Any], bool]
    is_optional: bool = False


FIELDS: Final = (
    Field(
        "mode",
        'must be "notice", "consent" or "explicit"',
        "Art. 6 (1), Art. 7, Art. 9 (2) (a) GDPR",
        lambda value: isinstance(value, str) and value in MODES,
    ),
    Field("sector", _LINE, _SPEC, is_line),
    Field("controller.name", _LINE, "Art. 13 (1) (a) GDPR", is_line),
    Field("controller.address", _LINE, "Art. 13 (1) (a) GDPR", is_line),
    Field(
        "controller.email",
        "must be an address of e-mail",
        "Art. 13 (1) (a) GDPR",
        lambda value: is_line(value) and is_email(value),
    ),
    Field("protection_officer", _LINE, "Art. 13 (1) (b) GDPR", is_line, is_optional=True),
    Field("relay.operator", _LINE, "Art. 13 (1) (e) GDPR", is_line),
    Field(
        "relay.url",
        f"must be the wss address of the relay, of at most {MAX_ROOM_RELAY_B} bytes",
        _SPEC,
        lambda value: isinstance(value, str) and len(value) <= MAX_ROOM_RELAY_B and is_relay_url(value),
    ),
    Field(
        "recipients",
        f"must be a list of at most {MAX_NAMES} texts, empty if there are no other recipients",
        "Art. 13 (1) (e) GDPR",
        _lines,
    ),
    Field(
        "third_countries",
        f"must be a list of at most {MAX_NAMES} texts, empty if there is no transfer",
        "Art. 13 (1) (f) GDPR",
        _lines,
    ),
    Field("authority", _LINE, "Art. 13 (2) (d) GDPR", is_line),
    Field("imprint_url", _PAGE, "§ 5 DDG", lambda value: is_line(value) and is_web_url(value)),
    Field("privacy_url", _PAGE, "Art. 12 (1) GDPR", lambda value: is_line(value) and is_web_url(value)),
    Field("bot", "must be true or false: do bots answer?", "Art. 50 (1) Regulation (EU) 2024/1689", _flag),
    Field(
        "minimum_age",
        f"must be a number from 0 to {MAX_AGE}",
        "Art. 8 (1) GDPR",
        lambda value: _whole(value, MAX_AGE),
        is_optional=True,
    ),
    Field(
        "automated_decisions",
        "must be true or false: is anything decided by automated means alone?",
        "Art. 13 (2) (f), Art. 22 GDPR",
        _flag,
    ),
    Field(
        "default_locale",
        "must be the locale of one of the texts",
        "Art. 12 (1) GDPR",
        lambda value: isinstance(value, str) and is_locale(value),
    ),
)
PURPOSE: Final = (
    Field(
        "number",
        f"must be a number from 1 to {MAX_PURPOSE}",
        _SPEC,
        lambda value: _whole(value, MAX_PURPOSE, 1),
    ),
    Field("basis", f"{_LINE}: the legal basis", "Art. 13 (1) (c) GDPR", is_line),
    Field("required", "must be true or false", "Art. 13 (2) (e) GDPR", _flag),
)
_TABLES: Final = frozenset({"controller", "relay"})
_OTHERS: Final = frozenset({"purposes", "retention", "texts"})
_TOP: Final = frozenset(field.path.partition(".")[0] for field in FIELDS) | _OTHERS


def value_at(data: Mapping[str, Any], path: str) -> Any:
    """Return the value of a field, None if it is not there."""
    table, _, name = path.rpartition(".")
    inside = data.get(table) if table else data
    return inside.get(name) if isinstance(inside, dict) else None


def has_placeholder(value: object) -> bool:
    """Whether something of a draft is left in a value."""
    if isinstance(value, list):
        return any(has_placeholder(one) for one in value)
    return isinstance(value, str) and PLACEHOLDER.search(value) is not None


def check_field(field: Field, value: Any, prefix: str = "") -> Iterator[Fault]:
    """Yield the fault of a field, if it has one."""
    name = prefix + field.path
    if value is None:
        if not field.is_optional:
            yield Fault(name, f"is missing; it {field.must}", field.law)
    elif has_placeholder(value):
        yield Fault(name, FILLED, field.law)
    elif not field.accepts(value):
        yield Fault(name, field.must, field.law)


def check_all(data: Mapping[str, Any]) -> list[Fault]:
    """Return all that is wrong with the fields, in the order of the table; texts are checked where they are
    read.
    """
    found = [fault for field in FIELDS for fault in check_field(field, value_at(data, field.path))]
    found += _check_purposes(data.get("purposes"), data.get("mode"))
    found += _check_retention(data.get("retention"))
    return found + list(_check_unknown(data))


def _check_unknown(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = frozenset(field.path for field in FIELDS)
    for name, value in data.items():
        if name not in _TOP:
            yield _unknown(name)
        if name in _TABLES and isinstance(value, dict):
            yield from (_unknown(f"{name}.{inner}") for inner in value if f"{name}.{inner}" not in known)


def _unknown(name: str) -> Fault:
    return Fault(name, "is no field of a notice; remove it or correct its name", _SPEC)


def _check_purposes(items: Any, mode: Any) -> Iterator[Fault]:
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_PURPOSE:
        must = f"must be 1 to {MAX_PURPOSE} tables with number, basis and required"
        yield Fault("purposes", must, "Art. 13 (1) (c) GDPR")
        return
    for at, item in enumerate(items):
        yield from _check_purpose(f"purposes[{at}]", item)
    good: list[dict[str, Any]] = [one for one in items if isinstance(one, dict)]
    numbers = [str(one.get("number")) for one in good]
    if len(set(numbers)) < len(numbers):
        yield Fault("purposes", "must have a number of its own each", _SPEC)
    if mode == "explicit" and not any(_ART_9.search(str(one.get("basis"))) for one in good):
        must = "must state Art. 9 (2) (a) as a basis where the mode is explicit"
        yield Fault("purposes", must, "Art. 9 (2) (a), Art. 13 (1) (c) GDPR")


def _check_purpose(prefix: str, item: Any) -> Iterator[Fault]:
    if not isinstance(item, dict):
        yield Fault(prefix, "must be a table with number, basis and required", "Art. 13 (1) (c) GDPR")
        return
    for field in PURPOSE:
        yield from check_field(field, item.get(field.path), f"{prefix}.")
    names = {field.path for field in PURPOSE}
    yield from (_unknown(f"{prefix}.{name}") for name in item if name not in names)
    if item.get("number") == REACH and item.get("required") is True:
        must = "must be false for purpose 2: a note by e-mail is a free choice"
        yield Fault(f"{prefix}.required", must, "Art. 7 (4) GDPR")


def _check_retention(table: Any) -> Iterator[Fault]:
    law = "Art. 13 (2) (a) GDPR"
    if not isinstance(table, dict) or not table:
        yield Fault("retention", f"must be a table with one or more of {', '.join(CLASSES)}", law)
        return
    for name, value in table.items():
        if name not in CLASSES:
            yield _unknown(f"retention.{name}")
        elif duration_s(value) is None:
            yield Fault(f"retention.{name}", "must be a duration such as 36h, 90d or 3y", law)


def check_texts(texts: Any, default: Any) -> Iterator[Fault]:
    """Yield what is wrong with the table of texts, but for the texts themselves."""
    law = "Art. 12 (1) GDPR"
    if not isinstance(texts, dict) or not 1 <= len(texts) <= MAX_TEXTS:
        yield Fault("texts", f"must be a table of 1 to {MAX_TEXTS} texts by locale", law)
        return
    for name in texts:
        if not is_locale(name):
            yield Fault(f"texts.{name}", "must be named by a locale such as de or de-AT", _SPEC)
    if isinstance(default, str) and is_locale(default) and default not in texts:
        yield Fault("default_locale", "must be the locale of one of the texts", law)


def purposes_of(items: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Return the basis of each purpose by its number."""
    return {int(one["number"]): str(one["basis"]) for one in items}
