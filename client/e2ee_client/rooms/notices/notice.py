"""The notice of a company as its file states it: checked whole, ready to be signed (CNS-01 to CNS-03)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2ee.constants import ACCOUNT_ID_B
from e2ee.grammar import is_file_name
from e2ee.ids import AccountId
from e2ee.rooms import notice as core
from e2ee.rooms.checks import MAX_SEQ
from e2ee.rooms.door import TEXT_MAX_B
from e2ee.rooms.notice import NOTICE_MAX_B, Draft, Purpose
from e2ee.secret import AccountKey
from e2ee.wire.fields import MAX_MS
from e2ee_client.rooms.errors import Fault, NoticeInvalid

from . import drafts
from .fields import CLASSES, MODES, check_all, check_texts, duration_s
from .filling import fill

FILE_MAX_B: Final = 262_144
_SIGNATURE_B: Final = 72
"""Signature and the bytes of CBOR around it."""
ReadText = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that the company's account can sign, with its texts by locale."""

    fields: Draft
    texts: Mapping[str, str]

    @classmethod
    def load(cls, path: str | Path) -> Notice:
        """Read `notice.toml` and the texts beside it.

        Raises:
            NoticeInvalid: with all faults at once (CNS-03).
        """
        file = Path(path)
        return _parsed(_read(file, FILE_MAX_B, "notice.toml"), lambda name: _beside(file, name))

    @classmethod
    def draft(cls, sector: str, mode: str, facts: Mapping[str, str], *, is_reviewed: bool = False) -> Notice:
        """Return a draft that is filled in by the facts of a company (`FACTS`).

        Raises:
            ConfigError: no such sector, mode or fact.
            NoticeInvalid: a fact is missing or wrong, or nobody has reviewed the draft.
        """
        files = drafts.draft_files(sector, mode, facts, is_reviewed=is_reviewed)
        return _parsed(files[drafts.FILE], files.__getitem__)

    def unsigned(self, account_id: AccountId, number: int, issued_ms: int) -> bytes:
        """Return the bytes that the account signs; the number is above that of the notice before (CNS-01)."""
        return core.next_notice(account_id, number, self.fields, issued_ms)

    def sign(self, key: AccountKey, number: int, issued_ms: int) -> core.Notice:
        """Return the signed notice, where the account key is kept (CNS-01)."""
        return core.sign_notice(key, number, self.fields, issued_ms)


class _Unreadable(Exception):
    """A file cannot be read; the message says what it must be."""


def _read(path: Path, max_b: int, field: str) -> str:
    """Read a text of UTF-8 of at most so many bytes.

    Raises:
        NoticeInvalid.
    """
    try:
        return _read_text(path, max_b)
    except _Unreadable as error:
        raise NoticeInvalid([Fault(field, str(error), "CNS-03")]) from None


def _read_text(path: Path, max_b: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(max_b + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise _Unreadable(f"must be a file that can be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise _Unreadable("must be UTF-8") from None
    if len(data) > max_b:
        raise _Unreadable(f"must have at most {max_b} bytes")
    return text.replace("\r\n", "\n")


def _beside(path: Path, name: str) -> str:
    if not is_file_name(name):
        raise _Unreadable("must name a file beside notice.toml")
    # A text that is filled in may be shorter than its placeholders.
    return _read_text(path.parent / name, 4 * TEXT_MAX_B)


def _parsed(text: str, read_text: ReadText) -> Notice:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NoticeInvalid([Fault("notice.toml", f"must be TOML: {error}", "CNS-03")]) from None
    faults = check_all(data)
    faults += check_texts(data.get("texts"), data.get("default_locale"))
    texts, of_texts = _texts(data.get("texts"), read_text, None if faults else data)
    faults += of_texts
    if faults:
        raise NoticeInvalid(faults)
    found = Notice(_fields(data, texts), texts)
    size_b = len(found.unsigned(AccountId(bytes(ACCOUNT_ID_B)), MAX_SEQ, MAX_MS)) + _SIGNATURE_B
    if size_b > NOTICE_MAX_B:
        raise NoticeInvalid([Fault("notice.toml", f"must be shorter: signed {NOTICE_MAX_B} bytes", "CNS-02")])
    return found


def _texts(
    table: Any, read_text: ReadText, data: Mapping[str, Any] | None
) -> tuple[dict[str, str], list[Fault]]:
    """Return the texts by locale, filled in where the fields have no fault, and what is wrong with them."""
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for locale, source in table.items() if isinstance(table, dict) else ():
        try:
            raw = _source(source, read_text)
        except _Unreadable as error:
            faults.append(Fault(f"texts.{locale}", str(error), "Art. 12 (1) GDPR"))
            continue
        if data is not None:
            texts[locale], found = fill(locale, raw.strip("\n"), data)
            faults += found
    return texts, faults


def _source(source: Any, read_text: ReadText) -> str:
    match source:
        case str(text):
            return text
        case {"file": str(name)} if len(source) == 1:
            return read_text(name)
        case _:
            raise _Unreadable('must be a text, or { file = "name of a file beside this one" }')


def _fields(data: Mapping[str, Any], texts: Mapping[str, str]) -> Draft:
    """Return the fields of the notice; all of them have been checked."""
    controller = data["controller"]
    relay = data["relay"]
    return Draft(
        mode=MODES[data["mode"]],
        controller=(controller["name"], controller["address"], controller["email"]),
        purposes=[Purpose(one["number"], one["basis"], one["required"]) for one in data["purposes"]],
        operator=(relay["operator"], relay["url"]),
        retention=[(CLASSES[name], duration_s(value) or 0) for name, value in data["retention"].items()],
        authority=data["authority"],
        imprint_url=data["imprint_url"],
        privacy_url=data["privacy_url"],
        has_bot=data["bot"],
        decides_alone=data["automated_decisions"],
        texts={locale: text.encode() for locale, text in texts.items()},
        default_locale=data["default_locale"],
        sector=data["sector"],
        protection_officer=data.get("protection_officer"),
        minimum_age=data.get("minimum_age"),
        recipients=data["recipients"],
        third_countries=data["third_countries"],
    )
