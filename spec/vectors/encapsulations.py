"""ML-KEM encapsulations: the only values that cannot be made anew, and therefore recorded (PRM-09)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from spec.vectors.document import render
from spec.vectors.parties import Prekey
from spec.vectors.suite import draw, kem_decapsulate, kem_encapsulate, kem_public

FILE: Final = "kem.json"


class Encapsulations:
    """Gives one encapsulation for each name: the recorded one if it has the same key, else a new one."""

    def __init__(self, recorded: str | None) -> None:
        cases = [] if recorded is None else json.loads(recorded)["encapsulations"]
        self._recorded: Mapping[str, Mapping[str, str]] = {case["name"]: case for case in cases}
        self._used: dict[str, dict[str, object]] = {}

    def to(self, name: str, seed: bytes) -> tuple[bytes, bytes]:
        """Ciphertext and secret of the encapsulation of that name to the key of a seed."""
        known = self._recorded.get(name)
        fits = known is not None and known["seed"] == seed.hex()
        ciphertext = bytes.fromhex(known["ciphertext"]) if known and fits else kem_encapsulate(seed)
        secret = kem_decapsulate(seed, ciphertext)
        self._used[name] = {
            "name": name,
            "seed": seed,
            "encapsulation_key": kem_public(seed),
            "ciphertext": ciphertext,
            "secret": secret,
        }
        return ciphertext, secret

    def to_prekey(self, name: str, pqk: Prekey) -> tuple[bytes, bytes]:
        """The same, to a KEM prekey."""
        return self.to(name, pqk.private)

    def render(self) -> str:
        """The text of the file that keeps them, with an implicit rejection of each."""
        return render(
            "ML-KEM-768: seed, encapsulation key, ciphertext and secret; the secret of the same ciphertext"
            " with its last byte changed is the pseudo-random one of implicit rejection.",
            "PRM-04 PRM-05 PRM-09",
            {"encapsulations": [self._with_rejection(self._used[name]) for name in sorted(self._used)]},
        )

    @staticmethod
    def _with_rejection(case: dict[str, object]) -> dict[str, object]:
        seed, ciphertext = case["seed"], case["ciphertext"]
        if not isinstance(seed, bytes) or not isinstance(ciphertext, bytes):
            raise TypeError("not byte strings")
        wrong = ciphertext[:-1] + bytes((ciphertext[-1] ^ 1,))
        return {**case, "rejected_secret": kem_decapsulate(seed, wrong)}


def standalone(kem: Encapsulations) -> None:
    """Records one encapsulation that belongs to no handshake."""
    kem.to("primitive", draw("kem primitive", 64))
