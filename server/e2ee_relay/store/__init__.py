"""What the relay keeps on disk: one interface of changes, and SQLite behind it."""

from __future__ import annotations
