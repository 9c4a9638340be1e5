"""pq.json: a conversation long enough for two whole epochs and the beginning of a third (chapter 09)."""

from __future__ import annotations

from typing import Final

from spec.vectors import parties
from spec.vectors.content_vectors import text
from spec.vectors.document import render
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.parties import Device
from spec.vectors.ratchet_vectors import HOW_KEM_IS_SHOWN
from spec.vectors.ratchet_vectors import conversation as shown
from spec.vectors.suite import Value
from spec.vectors.transcript import EPOCH, Transcript, plan

# The first flight and its answer; nothing of a KEM epoch travels under a prefix.
OPENING: Final = "A>a0 B<a0 B>b0 A<b0"
# A offers a key, a2 is late and completes it; B answers, b8 is lost, b9 comes when A has the secret; a8
# mixes, and a9 is there before it; b11 and b4 are so late that their epoch is in use.
FIRST: Final = (
    "A>a1 A>a2 A>a3 B<a1 B<a3 B>b1 B>b2 A<b1 A<b2 A>a4 A>a5 A>a6 B<a4 B<a5 B<a2 B<a6 B>b3 B>b4 B>b5 A<b3 A<b5"
    " A>a7 B<a7 B>b6 B>b7 B>b8 B>b9 B>b10 B>b11 A<b7 A<b6 A<b10 A<b9 A>a8 A>a9 B<a9 B<a8 A<b11 A<b4"
)
# B offers, b14 is lost, and its piece comes again in the next round; A answers, out of order; b21 mixes.
SECOND: Final = (
    "B>b12 B>b13 B>b14 A<b12 A<b13 A>a10 B<a10 B>b15 B>b16 B>b17 B>b18 B>b19 A<b15 A<b16 A<b18 A<b17"
    " A>a11 A>a12 A>a13 B<a11 B<a12 B<a13 B>b20 A<b20 A>a14 A>a15 B<a15 B<a14 B>b21 A<b21"
)
THIRD: Final = "A>a16 B<a16 B>b22 A<b22 A>a17 B<a17"


def exchange(kem: Encapsulations) -> Transcript:
    """The conversation."""
    return Transcript("pq", kem, plan(f"{OPENING} {FIRST} {SECOND} {THIRD}"), _content)


def _content(name: str, ours: Device, theirs: Device, first: bool) -> dict[int, Value]:
    also: dict[int, Value] = {6: EPOCH, 7: parties.way_back(ours)} if first else {}
    return text(f"pq {name}", name, also)


def conversation(played: Transcript) -> str:
    """The file."""
    return render(
        "A conversation of A (initiator) and B that completes epochs 1 and 2 and begins 3, in the form of"
        " ratchet.json, with messages lost and out of order. An epoch: HKDF of salt session id, ikm"
        " `kem_secret` and `info` gives `epoch_secret` and `confirmation`; `exchange_hash` is SHA-256(ek |"
        f" ct). {HOW_KEM_IS_SHOWN}",
        "PQ-01 PQ-02 PQ-03 PQ-04 PQ-05 PQ-06 PQ-07 PQ-08 PQ-09 PQ-10 PQ-12 PQ-13 PQ-14 PQ-16 DR-06 DR-14"
        " WIRE-10",
        shown(played),
    )
