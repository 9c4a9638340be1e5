"""What the core is given from outside: randomness and KEM encapsulation (PRM-08, PRM-09)."""

from collections.abc import Callable
from typing import TypeAlias

Rng: TypeAlias = Callable[[int], bytes]
"""`rng(n)` returns n uniformly random bytes."""

Encapsulate: TypeAlias = Callable[[bytes], tuple[bytes, bytes]]
"""`encapsulate(key)` returns (ciphertext 1088, secret 32)."""
