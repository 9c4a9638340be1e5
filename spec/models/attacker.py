"""The attacker: network and relay at once. He knows all that was sent, computes, and sends what he likes.

Four predicates tell what he has: `known(m)` a byte string, `point(x)` the X25519 public key of private key x,
`check(k)` the Ed25519 public key of k, `ekey(k)` the ML-KEM encapsulation key of seed k. Public keys are no
terms of their own: clauses stay small, and no decoder takes a key for something else (PRM-01, PRM-04).
"""

from __future__ import annotations

from collections.abc import Iterable

from spec.models.terms import Symbol, Term, constants, unary, variables
from spec.models.theory import Theory


class Knowledge:
    """The attacker's predicates in one phase: while the protocol runs, or later, when secrets have leaked."""

    def __init__(self, prefix: str) -> None:
        names = "known point check ekey"
        self.known, self.point, self.check, self.ekey = unary(
            " ".join(prefix + name for name in names.split())
        )

    def predicates(self) -> tuple[Symbol, ...]:
        return self.known, self.point, self.check, self.ekey


now, later = Knowledge(""), Knowledge("later")

dh = Symbol("dh", 2)  # X25519 of the initiator's and the responder's private key
kem_text = Symbol("ct", 2)  # ML-KEM ciphertext for a seed's key, from randomness
kem_secret = Symbol("ss", 2)  # the secret in it
signature = Symbol("sign", 2)  # private key, content
sealed = Symbol("aead", 3)  # key, associated data, plaintext
header = Symbol("hdr", 3)  # a sealed header: header key, salt, ratchet key
root_step = Symbol("root", 2)  # root key, secret that is mixed in
next_root, chain_key, next_header = unary("nrk ck nhk")  # what a root step gives
message_key, next_chain = unary("mk nck")  # what a chain step gives
body_key = Symbol("bk", 2)  # message key, salt
none, forged = constants("none forged")
said = Symbol("said", 1)  # a text that carries no secret

_BYTES = (
    root_step,
    next_root,
    chain_key,
    next_header,
    message_key,
    next_chain,
    body_key,
    signature,
    sealed,
    said,
)


def deduction(theory: Theory, phase: Knowledge, functions: Iterable[Symbol] = ()) -> None:
    """What he computes by himself; `functions` are the public functions on byte strings that a model adds."""
    for symbol in (*_BYTES, *functions):
        parts = [Term(f"X{index}") for index in range(symbol.arity)]
        theory.rule(f"make_{symbol.name}", phase.known(symbol(*parts)), *map(phase.known, parts))
    theory.facts("constant", phase.known(none), phase.known(forged))
    _opening(theory, phase)
    _asymmetric(theory, phase)


def _opening(theory: Theory, phase: Knowledge) -> None:
    key, data, text, salt, private = variables("K A M S X")
    theory.rule("open", phase.known(text), phase.known(sealed(key, data, text)), phase.known(key))
    theory.rule(
        "make_header",
        phase.known(header(key, salt, private)),
        phase.known(key),
        phase.known(salt),
        phase.point(private),
    )
    theory.rule(
        "open_header", phase.point(private), phase.known(header(key, salt, private)), phase.known(key)
    )


def _asymmetric(theory: Theory, phase: Knowledge) -> None:
    known, x, y, random = phase.known, *variables("X Y R")
    for public in (phase.point, phase.check, phase.ekey):
        theory.rule("public", public(x), known(x))
    theory.rule("dh", known(dh(x, y)), known(x), phase.point(y))
    theory.rule("dh", known(dh(x, y)), phase.point(x), known(y))
    theory.rule("encapsulate", known(kem_text(x, random)), phase.ekey(x), known(random))
    theory.rule("encapsulate", known(kem_secret(x, random)), phase.ekey(x), known(random))
    theory.rule("decapsulate", known(kem_secret(x, random)), known(x), known(kem_text(x, random)))


def break_dh(theory: Theory, phase: Knowledge) -> None:
    """Discrete logarithms: private keys of X25519 and Ed25519 follow from public ones and from signatures."""
    x, content = variables("X M")
    for public in (phase.point(x), phase.check(x), phase.known(signature(x, content))):
        theory.rule("logarithm", phase.known(x), public)


def break_kem(theory: Theory, phase: Knowledge) -> None:
    """ML-KEM protects nothing: the seed follows from the key, the secret from the ciphertext."""
    x, random = variables("X R")
    theory.rule("kem_key", phase.known(x), phase.ekey(x))
    theory.rule("kem_text", phase.known(kem_secret(x, random)), phase.known(kem_text(x, random)))


def afterwards(theory: Theory, functions: Iterable[Symbol] = ()) -> None:
    """A second phase: nobody runs the protocol any more, and the attacker computes on with all he has."""
    (x,) = variables("X")
    deduction(theory, later, functions)
    for before, after in zip(now.predicates(), later.predicates(), strict=True):
        theory.rule("keeps", after(x), before(x))
