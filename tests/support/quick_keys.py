"""Imported, or run by its path: this process makes stores whose passphrase is derived at the lowest cost.

At the usual one each command that opens such a store takes a second of a core. A store says the cost that it
was made at, and any process opens it. That a program which asks for no cost has the usual one is for
`tests/store/test_keys.py`.
"""

from __future__ import annotations

from e2ee_client.store import MODERATE

# The defaults of all signatures are this one object.
object.__setattr__(MODERATE, "passes", 1)
object.__setattr__(MODERATE, "memory_b", 8 << 20)
