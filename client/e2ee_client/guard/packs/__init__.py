"""Words by sector and language. A pack says that a text may be about something, not what of it is true."""

from __future__ import annotations

from typing import Final

from e2ee_client.guard.lexicon import Lexicon

from . import finance, health, legal

LEXICONS: Final = {
    (sector, language): Lexicon(lines)
    for sector, by_language in (
        ("health", health.WORDS),
        ("finance", finance.WORDS),
        ("legal", legal.WORDS),
    )
    for language, lines in by_language.items()
}
