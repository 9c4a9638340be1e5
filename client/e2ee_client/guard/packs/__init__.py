"""Words by sector and language. A pack says that a text may be about something, not what of it is true."""

from __future__ import annotations

from functools import cache
from typing import Final

from e2ee_client.guard.lexicon import Lexicon

from . import finance, health, legal

_WORDS: Final = {"health": health.WORDS, "finance": finance.WORDS, "legal": legal.WORDS}


@cache
def lexicon(sector: str, language: str) -> Lexicon:
    """Return the words of a sector in a language; made at the first look, which most programs never take."""
    return Lexicon(_WORDS[sector][language])
