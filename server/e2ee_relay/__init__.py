"""The Sealroom relay: stores and forwards sealed envelopes that it cannot open."""

from __future__ import annotations

__version__ = "0.1.0"
