"""Chapter 06 as terms: names of keys, transcripts, key schedule; and the settings of the model."""

from __future__ import annotations

from typing import NamedTuple

from spec.models.attacker import Knowledge, dh, none, sealed
from spec.models.terms import Symbol, Term, constants, unary, variables
from spec.models.theory import Theory

SETTINGS = {
    "unpinned": "the initiator takes the bundle of any account for that of b (against HS-01, ID-16)",
    "no_kem": "no ML-KEM secret in the key schedule",
    "no_opk": "the bundle has no one-time key, and the KEM key is the last-resort one",
    "no_dh4": "dh4 left out",
    "no_dh5": "dh5 left out",
    "no_t1": "the initiator's record left out of the transcript",
    "open_identity": "the identity travels in clear instead of under K0",
    "no_pqk_in_t0": "KEM key and ciphertext left out of the transcript",
    "dh_broken": "X25519 and Ed25519 broken from the start",
    "kem_broken": "ML-KEM broken from the start",
    "spk_known": "private signed prekeys of b known from the start",
    "ikb_known": "private identity key of b known from the start",
    "a_known": "all long-term keys of a known from the start",
    "longterm_later": "all long-term keys of a and b leak afterwards",
    "spk_later": "signed prekeys leak afterwards",
    "pqk_later": "KEM prekeys leak afterwards",
    "dh_later": "X25519 and Ed25519 are broken afterwards: every private key, also the ephemeral ones",
    "hidden": "nobody publishes the record of a, and a talks to b only",
    "both_roles": "a and b both start sessions and answer",
    "crossed_keys": "X25519 outputs of identity keys may be written in either order (see README)",
}

ZERO, A, B, EVIL = constants("zero a b evil")
successor = Symbol("suc", 1)
account, signing, identity, device_name = unary("acc sig ik devname")
ephemeral, ratchet_i, random_i, salt_i = unary("ek rx rnd salti")
spk, opk, pqk, ratchet_r, salt_r = unary("spk opk pqk ry saltr")
record, listed = Symbol("rec", 4), Symbol("list", 1)
signed_spk, signed_opk, signed_pqk = (Symbol(name, 2) for name in ("lspk", "lopk", "lpqk"))
transcript0, transcript1 = Symbol("t0", 6), Symbol("t1", 2)
seal_key, schedule = Symbol("k0", 5), Symbol("ks", 7)
root_key, header_i, header_r = unary("rk hki hkr")
identity_text = Symbol("ident", 2)
first_text, reply_text = (Symbol(name, 2) for name in ("secretfirst", "secretreply"))
view, told = Symbol("view", 4), Symbol("told", 2)
accepts_first, accepts_reply = Symbol("acceptsfirst", 7), Symbol("acceptsreply", 3)
verified, opened = Symbol("verified", 4), Symbol("opened", 7)
started, received = Symbol("started", 5), Symbol("received", 8)

FUNCTIONS = (seal_key, schedule, root_key, header_i, header_r, identity_text, listed, told)
J, L, N, PA, ID, SG, IK, S, K, E, R, X, Y, SL, M, KS, RA = variables(
    "J L N PA ID SG IK S K E R X Y SL M KS RA"
)
SPK_ID, ONE_TIME = variables("I O")


class Device(NamedTuple):
    """An honest device; its sessions and prekeys are those of its own numbers."""

    name: Term
    of: Symbol

    def record(self) -> Term:
        return record(account(self.name), device_name(self.name), signing(self.name), identity(self.name))


DEVICE_A, DEVICE_B = Device(A, Symbol("ofa", 1)), Device(B, Symbol("ofb", 1))


class Secrets(NamedTuple):
    """The X25519 outputs of a handshake, each already written in an order."""

    dh1: Term
    dh2: Term
    dh3: Term
    dh4: Term
    dh5: Term


def records(clauses: Theory, phase: Knowledge) -> None:
    """Records, prekeys, texts. Transcript hashes are given away: what they cover is on the wire or signed."""
    known = phase.known
    parts = phase.check(PA), known(ID), phase.check(SG), phase.point(IK)
    whole = known(record(PA, ID, SG, IK))
    clauses.rule("make_record", whole, *parts)
    for part in parts:
        clauses.rule("read_record", part, whole)
    for label, public in ((signed_spk, phase.point), (signed_opk, phase.point), (signed_pqk, phase.ekey)):
        clauses.rule("make_prekey", known(label(RA, X)), known(RA), public(X))
    clauses.rule("read_identity", known(X), known(identity_text(X, Y)))
    clauses.rule("read_identity", known(Y), known(identity_text(X, Y)))
    clauses.facts("hash", known(transcript0(RA, S, ONE_TIME, K, X, E)), known(transcript1(X, RA)))
    clauses.facts("view", known(view(S, ONE_TIME, K, E)))


def orders(settings: frozenset[str], one: Term, other: Term) -> list[Term]:
    """DH is commutative and the symbol is not: where an identity key takes part, the clauses say both."""
    both = [dh(one, other), dh(other, one)]
    return both if "crossed_keys" in settings else both[:1]


def first_hash(
    settings: frozenset[str], theirs: Term, keys: tuple[Term, Term, Term], ct: Term, e: Term
) -> Term:
    one_time = none if "no_opk" in settings else keys[1]
    kem = (none, none) if "no_pqk_in_t0" in settings else (keys[2], ct)
    return transcript0(theirs, keys[0], one_time, *kem, e)


def key_schedule(
    settings: frozenset[str], hash0: Term, mine: Term, dhs: Secrets, kem: Term
) -> tuple[Term, Term]:
    """K0, and the secret that root key, header keys and session id come from (steps 3 to 5 of chapter 06)."""
    dh3 = none if "no_opk" in settings else dhs.dh3
    first = dhs.dh2, dhs.dh1, dh3, none if "no_kem" in settings else kem
    hash1 = hash0 if "no_t1" in settings else transcript1(hash0, mine)
    dh4, dh5 = none if "no_dh4" in settings else dhs.dh4, none if "no_dh5" in settings else dhs.dh5
    return seal_key(hash0, *first), schedule(hash1, *first, dh4, dh5)


def identity_block(settings: frozenset[str], key: Term, hash0: Term, proof: Term) -> Term:
    return proof if "open_identity" in settings else sealed(key, hash0, proof)
