"""Results of pure functions that tests ask for again and again: keys and signatures from the same seeds.

Worlds of engines draw from seeds by name, so that a "Praxis" has the same keys in every test of a process.
What the functions themselves do is for the tests of chapters and vectors, which never use this.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest

from e2ee.primitives import dh, kem, sign

_MOST = 8_192

_dh_public = lru_cache(_MOST)(dh.derive_public)
_kem_public = lru_cache(_MOST)(kem.derive_public)
_sign_public = lru_cache(_MOST)(sign.derive_public)
_sign = lru_cache(_MOST)(sign.sign)
_verify = lru_cache(_MOST)(sign.verify)


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    """Ask the library once for each key, signature and verification; a refusal is not remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dh, "derive_public", _dh_public)
        patch.setattr(kem, "derive_public", _kem_public)
        patch.setattr(sign, "derive_public", _sign_public)
        patch.setattr(sign, "sign", _sign)
        patch.setattr(sign, "verify", _verify)
        yield
