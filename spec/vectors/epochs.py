"""What a KEM ratchet exchanged, and its states with names in place of bytes that stand there already.

A key or ciphertext message is long and stands in many states; a file holds it once, and states name its id.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from spec.vectors.kem_ratchet import KemState, Trace, ciphertext_id, key_id, piece

Wholes: TypeAlias = dict[bytes, bytes]


class Epochs:
    """Collects the values of each epoch from the traces of the steps."""

    def __init__(self) -> None:
        self._values: dict[int, dict[str, Any]] = {}
        self.wholes: Wholes = {}

    def note(self, side: str, trace: Trace | None) -> None:
        """Take what a step made; what both sides compute must be equal."""
        if trace is None:
            return
        values: dict[str, Any] = {
            name: value for name, value in trace.items() if name not in ("made", "epoch")
        }
        if trace["made"] == "key pair":
            values = {"generator": side, **values}
        known = self._values.setdefault(trace["epoch"], {})
        if any(known.get(name, value) != value for name, value in values.items()):
            raise ArithmeticError(f"the two sides differ in epoch {trace['epoch']}")
        known.update(values)
        if "key" in values:
            self.wholes[values["key_id"]] = values["key"]
        if "ciphertext_message" in values:
            self.wholes[values["ciphertext_id"]] = values["ciphertext_message"]

    def render(self) -> list[dict[str, Any]]:
        """One entry for each epoch that was begun."""
        return [{"epoch": epoch, **self._values[epoch]} for epoch in sorted(self._values)]


def shown_step(trace: Trace | None) -> dict[str, Any] | None:
    """What a step made: its kind and epoch, with the draw that it took; all else stands in the epoch."""
    if trace is None:
        return None
    draws = {"key pair": ("seed",), "ciphertext": ("ciphertext", "kem_secret")}
    names = ("made", "epoch", *draws.get(trace["made"], ()))
    return {name: trace[name] for name in names}


def shown_kem(kem: KemState, wholes: Wholes) -> dict[str, Any]:
    """A kem state for a file: keys, ciphertext messages and pieces by id."""
    shown = {
        name: value for name, value in kem.items() if name not in ("key", "ciphertext_message", "pieces")
    }
    if "key" in kem:
        shown["key_id"] = _named(wholes, key_id(kem["key"]), kem["key"])
    if "ciphertext_message" in kem:
        message = kem["ciphertext_message"]
        shown["ciphertext_id"] = _named(wholes, ciphertext_id(kem["key_id"], message), message)
    if "pieces" in kem:
        shown["pieces"] = None if kem["pieces"] is None else _shown_pieces(kem["pieces"], wholes)
    return shown


def _named(wholes: Wholes, name: bytes, whole: bytes) -> bytes:
    if wholes[name] != whole:
        raise ArithmeticError("a state holds other bytes than its name says")
    return name


def _shown_pieces(pieces: Trace, wholes: Wholes) -> dict[str, Any]:
    """The hash, and the indexes of the pieces that are there."""
    there = {at: data for at, data in enumerate(pieces["pieces"]) if data is not None}
    whole = wholes[pieces["hash"]]
    if any(piece(whole, at) != data for at, data in there.items()):
        raise ArithmeticError("a state holds other pieces than its hash says")
    return {"hash": pieces["hash"], "there": list(there)}
