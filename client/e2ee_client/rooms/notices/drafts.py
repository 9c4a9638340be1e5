"""Drafts of notices: a starting point for counsel, put together from parts by sector and mode.

A draft says at its top that it is one, and a notice with that line is not loaded. What only the company knows
stands in it as a placeholder. Nothing here is legal advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from e2ee.grammar import is_plain_text
from e2ee_client.engine.rooms.surroundings import DEFAULT_RETENTION
from e2ee_client.errors import ConfigError

from .fields import MODES
from .filling import LANGUAGES, parts

SECTORS: Final = ("general", "health", "finance", "legal")
FILE: Final = "notice.toml"
_SECTIONS: Final = (
    *("title", "controller", "purposes", "recipients", "storage", "device", "duty", "withdrawal", "rights"),
    *("complaint", "decisions", "links", "question"),
)
_RETENTION: Final = {
    "general": ("default", "proof"),
    "health": ("default", "statutory", "proof"),
    "finance": ("default", "statutory", "proof"),
    "legal": ("default", "statutory", "proof"),
}
_USUAL: Final = f"{DEFAULT_RETENTION.ttl_s // 86_400}d"
"""As long as new rooms are kept by a policy that nobody has set (CNS-46)."""
_DURATIONS: Final = {"default": _USUAL, "statutory": _USUAL, "proof": "3y"}
# One text for all languages, read as German law first: in its form there, with the word that others look for.
_CONTRACT: Final = {
    "general": "Art. 6 Abs. 1 Buchst. b DSGVO (GDPR)",
    "health": (
        "Art. 6 Abs. 1 Buchst. b, Art. 9 Abs. 2 Buchst. h, Abs. 3 DSGVO (GDPR),"
        " § 22 Abs. 1 Nr. 1 Buchst. b BDSG"
    ),
    "finance": "Art. 6 Abs. 1 Buchst. b DSGVO (GDPR)",
    "legal": "Art. 6 Abs. 1 Buchst. b, Art. 9 Abs. 2 Buchst. f DSGVO (GDPR)",
}
_CONSENT: Final = "Art. 6 Abs. 1 Buchst. a DSGVO (GDPR)"
_EXPLICIT: Final = "Art. 6 Abs. 1 Buchst. a, Art. 9 Abs. 2 Buchst. a DSGVO (GDPR)"
_PROOF: Final = "Art. 6 Abs. 1 Buchst. c, Art. 7 Abs. 1 DSGVO (GDPR)"
_PROOF_OF_NOTICE: Final = "Art. 6 Abs. 1 Buchst. f DSGVO (GDPR)"

FACTS: Final = {
    "name": "name of the company",
    "address": "street, postal code and town of the company",
    "email": "address of e-mail of the company",
    "relay_operator": "who operates the relay",
    "relay_url": "wss address of the relay",
    "authority": "supervisory authority, with its address",
    "imprint_url": "https address of the imprint",
    "privacy_url": "https address of the privacy statement",
}
"""What a draft cannot know: the names of `facts`, each with what it is."""

EXAMPLE: Final[Mapping[str, str]] = {
    "name": "Beispiel GmbH",
    "address": "Musterstraße 1, 10115 Berlin",
    "email": "kontakt@firma.example",
    "relay_operator": "Relay GmbH, Musterstraße 2, 10115 Berlin",
    "relay_url": "wss://relay.example/",
    "authority": "Berliner Beauftragte für Datenschutz und Informationsfreiheit",
    "imprint_url": "https://firma.example/impressum",
    "privacy_url": "https://firma.example/datenschutz",
}
"""Facts of a company that does not exist, to try things out."""

_TOML: Final = """\
# Privacy notice of this company. DRAFT: have it reviewed by counsel before use.
# Fill in each {{{{...}}}}; the notice is not loaded before. Texts stand beside this file.

mode = "{mode}"  # notice, consent or explicit
sector = "{sector}"
default_locale = "de"

bot = false  # do bots answer?
automated_decisions = false  # Art. 22 GDPR
# minimum_age = 16
# protection_officer = "name and address of the data protection officer"
authority = {authority}
imprint_url = {imprint_url}
privacy_url = {privacy_url}
recipients = []  # beside the operator of the relay
third_countries = []  # with the basis of the transfer, Art. 44 to 49 GDPR

[controller]
name = {name}
address = {address}
email = {email}

[relay]
operator = {relay_operator}
url = {relay_url}

[retention]  # hours, days or years: 36h, 90d, 3y
{retention}

[[purposes]]  # to answer requests
number = 1
basis = "{answer}"
required = true

[[purposes]]  # a note by e-mail that something waits, without content
number = 2
basis = "{note}"
required = false

[[purposes]]  # proof
number = 3
basis = "{proof}"
required = true

[texts]
de = {{ file = "notice.de.txt" }}
en = {{ file = "notice.en.txt" }}
"""


def draft_files(
    sector: str, mode: str, facts: Mapping[str, str] | None = None, *, is_reviewed: bool = False
) -> dict[str, str]:
    """Return the files of a draft by their names: `notice.toml`, and a text in German and in English.

    `facts` are those of `FACTS` that are known; the others stay placeholders. `is_reviewed` leaves out the
    line that says that a text is a draft.

    Raises:
        ConfigError: no such sector, mode or fact.
    """
    given = _checked(sector, mode, facts or {})
    texts = {
        f"notice.{language}.txt": draft_text(language, sector, mode, is_reviewed=is_reviewed)
        for language in LANGUAGES
    }
    return {FILE: _toml(sector, mode, given), **texts}


def draft_text(language: str, sector: str, mode: str, *, is_reviewed: bool = False) -> str:
    """Return the text of a draft, with the placeholders that the fields of the notice fill."""
    shipped = parts(language)["parts"]
    sections = [_part(shipped, name, sector, mode) for name in _SECTIONS]
    body = "\n\n".join(sections).replace("{{@data}}", _part(shipped, "data", sector, mode))
    return f"{body}\n" if is_reviewed else f"{shipped['mark']}\n\n{body}\n"


def write_draft(
    folder: Path, sector: str, mode: str, facts: Mapping[str, str] | None = None, *, is_reviewed: bool = False
) -> list[Path]:
    """Write the files of a draft into a folder, which is made if it is not there; none is overwritten.

    Raises:
        ConfigError: as `draft_files`, a file of the draft is there already, or the folder cannot be written.
    """
    files = draft_files(sector, mode, facts, is_reviewed=is_reviewed)
    paths = [folder / name for name in files]
    if any(path.exists() for path in paths):
        raise ConfigError("a file of the notice is there already; choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, files.values(), strict=True):
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(f"the draft cannot be written: {error.strerror}") from None
    return paths


def _checked(sector: str, mode: str, facts: Mapping[str, str]) -> dict[str, str]:
    if sector not in SECTORS:
        raise ConfigError(f"a sector is one of {', '.join(SECTORS)}")
    if mode not in MODES:
        raise ConfigError(f"a mode is one of {', '.join(MODES)}")
    if not facts.keys() <= FACTS.keys():
        raise ConfigError(f"facts of a company are {', '.join(FACTS)}")
    if not all(is_plain_text(value) for value in facts.values()):
        raise ConfigError("facts of a company are plain texts")
    return {name: _quoted(facts.get(name, f"{{{{{about}}}}}")) for name, about in FACTS.items()}


def _quoted(text: str) -> str:
    """Return a plain text as a string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _toml(sector: str, mode: str, facts: Mapping[str, str]) -> str:
    answer = {"notice": _CONTRACT[sector], "consent": _CONSENT, "explicit": _EXPLICIT}[mode]
    retention = "\n".join(f'{name} = "{_DURATIONS[name]}"' for name in _RETENTION[sector])
    proof = _PROOF_OF_NOTICE if mode == "notice" else _PROOF
    bases = {"answer": answer, "note": _CONSENT, "proof": proof}
    return _TOML.format(mode=mode, sector=sector, retention=retention, **bases, **facts)


def _part(shipped: Mapping[str, Any], name: str, sector: str, mode: str) -> str:
    part = shipped[name]
    return str(part if isinstance(part, str) else part.get(mode) or part[sector])
