"""The desk's page on this machine alone: the agent's process holds the keys, a browser is its screen."""

from __future__ import annotations

from .hub import Hub
from .serving import Served, serve

__all__ = ["Hub", "Served", "serve"]
