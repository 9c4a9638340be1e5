"""Notices of a company: read from a file, checked whole, and drafts of them to begin with."""

from .drafts import EXAMPLE, FACTS, FILE, SECTORS, draft_files, draft_text, write_draft
from .fields import MODES
from .notice import Notice

__all__ = [
    "EXAMPLE",
    "FACTS",
    "FILE",
    "MODES",
    "SECTORS",
    "Notice",
    "draft_files",
    "draft_text",
    "write_draft",
]
