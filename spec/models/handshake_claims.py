"""What the model of the handshake must show."""

from __future__ import annotations

from dataclasses import replace

from spec.models.attacker import forged, later, now
from spec.models.claims import Claim, Control
from spec.models.handshake import theory
from spec.models.handshake_secrets import underivable
from spec.models.handshake_terms import (
    DEVICE_A,
    DEVICE_B,
    EVIL,
    ZERO,
    A,
    B,
    accepts_first,
    accepts_reply,
    account,
    device_name,
    ephemeral,
    first_text,
    opk,
    pqk,
    reply_text,
    spk,
    successor,
    told,
    view,
)
from spec.models.terms import variables

_C, _D, _E, _F, _G, _H, _P, _Q = variables("C D EE F G H P Q")
_FIRST, _REPLY = first_text(_P, _C), reply_text(_P, _C)
_FIRST_FROM_A = accepts_first(B, account(A), _D, _E, _F, _G, first_text(A, _C))
_REPLY_FROM_B = accepts_reply(A, _D, reply_text(B, _C))
_FIRST_FORGED = accepts_first(B, account(A), _D, _E, _F, _G, forged)
_REPLY_FORGED = accepts_reply(A, _D, forged)
_REACHES_B, _REACHES_A = "the first message arrives", "the reply arrives"

_UNPINNED = Control("unpinned", "without the pinned account the relay gives a bundle of its own", "unpinned")
_BOTH = "both_roles crossed_keys"
_ZERO_B, _OTHER_B = DEVICE_B.of(ZERO), DEVICE_B.of(successor(_H))
_ZERO_A, _OTHER_A = ephemeral(DEVICE_A.of(ZERO)), ephemeral(DEVICE_A.of(successor(_H)))
# a says that it saw one thing, b saw another: numbers are arbitrary, so 0 stands for any of them.
_VIEWS_DIFFER_AT_B = (
    accepts_first(B, account(A), _ZERO_B, _D, _E, _F, view(spk(_OTHER_B), _G, _P, _Q)),
    accepts_first(B, account(A), _D, _ZERO_B, _E, _F, view(_G, opk(_OTHER_B), _P, _Q)),
    accepts_first(B, account(A), _D, _E, _ZERO_B, _F, view(_G, _P, pqk(_OTHER_B), _Q)),
    accepts_first(B, account(A), _D, _E, _F, _ZERO_A, view(_G, _P, _Q, _OTHER_A)),
)
_VIEWS_DIFFER_AT_A = (
    accepts_reply(A, view(spk(_ZERO_B), _D, _E, _F), view(spk(_OTHER_B), _G, _P, _Q)),
    accepts_reply(A, view(_D, opk(_ZERO_B), _E, _F), view(_G, opk(_OTHER_B), _P, _Q)),
    accepts_reply(A, view(_D, _E, pqk(_ZERO_B), _F), view(_G, _P, pqk(_OTHER_B), _Q)),
    accepts_reply(A, view(_D, _E, _F, _ZERO_A), view(_G, _P, _Q, _OTHER_A)),
)


def claims() -> tuple[Claim, ...]:
    """All of them, each with the keys that must stay secret along with it."""
    asked = (*_secrecy(), *_later_secrecy(), *_authentication(), *_binding(), *_identity())
    return tuple(replace(claim, underivable=underivable) for claim in asked)


def _secrecy() -> tuple[Claim, ...]:
    both = now.known(_FIRST), now.known(_REPLY)
    return (
        Claim(
            "handshake.secret",
            "first message and reply stay secret",
            "HS-01 HS-02 ID-16 PRM-07",
            theory,
            both,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (_UNPINNED,),
        ),
        Claim(
            "handshake.secret-both-roles",
            "the same when both start and answer, with crossed identity keys",
            "HS-01 HS-02 HS-11",
            theory,
            both,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (_UNPINNED,),
            _BOTH,
        ),
        Claim(
            "handshake.secret-kem-broken",
            "the same although ML-KEM gives nothing",
            "HS-02 PRM-05",
            theory,
            both,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (Control("dh-broken", "with X25519 broken too nothing is left", "dh_broken"),),
            "kem_broken",
        ),
        Claim(
            "handshake.secret-no-opk",
            "the same from last-resort keys, while these are not stolen",
            "HS-02 ID-17",
            theory,
            both,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (_UNPINNED,),
            "no_opk",
        ),
        Claim(
            "handshake.secret-stolen-initiator",
            "the first message is, although a's long-term keys are stolen",
            "HS-02",
            theory,
            (now.known(first_text(A, _C)),),
            _REACHES_B,
            (_FIRST_FROM_A,),
            (_UNPINNED,),
            "a_known",
        ),
    )


def _later_secrecy() -> tuple[Claim, ...]:
    both = later.known(_FIRST), later.known(_REPLY)
    undeleted = Control("last-resort", "a last-resort KEM key not yet deleted opens them", "no_opk pqk_later")
    return (
        Claim(
            "handshake.forward-secret",
            "old messages stay secret when all long-term keys and the SPK leak later",
            "HS-08 ID-18",
            theory,
            both,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (undeleted,),
            "longterm_later spk_later",
        ),
        Claim(
            "handshake.harvested",
            "recorded messages stay secret when X25519 and Ed25519 are broken later",
            "HS-02 PRM-05",
            theory,
            both,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (Control("no-kem", "without the KEM secret they are read", "no_kem"),),
            "dh_later",
        ),
    )


def _authentication() -> tuple[Claim, ...]:
    no_proof = Control("no-dh4-dh5", "without dh4 and dh5 anybody passes as a", "no_dh4 no_dh5")
    both_keys = Control(
        "spk-too", "declared: with SPK and identity key of b anybody passes as a", "spk_known"
    )
    return (
        Claim(
            "handshake.initiator",
            "what b accepts from a, a has sent",
            "HS-02 HS-07",
            theory,
            (_FIRST_FORGED,),
            _REACHES_B,
            (_FIRST_FROM_A,),
            (no_proof, Control("quantum-today", "classical only: X25519 broken at the time", "dh_broken")),
        ),
        Claim(
            "handshake.initiator-both-roles",
            "the same when both start and answer, with crossed identity keys",
            "HS-02 HS-11",
            theory,
            (_FIRST_FORGED,),
            _REACHES_B,
            (_FIRST_FROM_A,),
            (no_proof,),
            _BOTH,
        ),
        Claim(
            "handshake.initiator-stolen-spk",
            "the same although the SPK of b is stolen",
            "HS-02",
            theory,
            (_FIRST_FORGED,),
            _REACHES_B,
            (_FIRST_FROM_A,),
            (Control("no-dh5", "without dh5 the thief passes as a", "no_dh5"),),
            "spk_known",
        ),
        Claim(
            "handshake.initiator-stolen-ik",
            "the same although the identity key of b is stolen",
            "HS-02",
            theory,
            (_FIRST_FORGED,),
            _REACHES_B,
            (_FIRST_FROM_A,),
            (both_keys,),
            "ikb_known",
        ),
        Claim(
            "handshake.responder",
            "what a accepts from b, b has sent",
            "HS-01 ID-16",
            theory,
            (_REPLY_FORGED,),
            _REACHES_A,
            (_REPLY_FROM_B,),
            (_UNPINNED,),
        ),
        Claim(
            "handshake.responder-stolen-initiator",
            "the same although a's own keys are stolen",
            "HS-01 HS-02",
            theory,
            (_REPLY_FORGED,),
            _REACHES_A,
            (_REPLY_FROM_B,),
            (_UNPINNED,),
            "a_known",
        ),
    )


def _binding() -> tuple[Claim, ...]:
    mixed_up = (
        accepts_first(B, EVIL, _D, _E, _F, _G, first_text(A, _C)),
        accepts_first(B, account(A), _D, _E, _F, _G, told(EVIL, _C)),
        accepts_reply(A, _D, told(EVIL, _C)),
    )
    unbound = Control("no-t1", "identity in clear and outside the transcript", "open_identity no_t1")
    no_field = Control("no-pqk-field", "without the KEM key in T0 it can be exchanged", "no_kem no_pqk_in_t0")
    return (
        Claim(
            "handshake.no-unknown-key-share",
            "no message is taken for one of, or to, another account",
            "HS-02 HS-03 HS-07",
            theory,
            mixed_up,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (unbound,),
        ),
        Claim(
            "handshake.transcript-at-b",
            "b accepts under the keys that a used",
            "HS-02",
            theory,
            _VIEWS_DIFFER_AT_B,
            _REACHES_B,
            (_FIRST_FROM_A,),
            (no_field,),
        ),
        Claim(
            "handshake.transcript-at-a",
            "a accepts a reply under the keys that b used",
            "HS-02",
            theory,
            _VIEWS_DIFFER_AT_A,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (no_field,),
        ),
        Claim(
            "handshake.record-in-transcript",
            "an identity in clear would still be bound, by T1 alone",
            "HS-02",
            theory,
            mixed_up,
            _REACHES_A,
            (_REPLY_FROM_B,),
            (Control("no-t1", "and T1 is what binds it", "no_t1"),),
            "open_identity",
        ),
    )


def _identity() -> tuple[Claim, ...]:
    seen = now.known(device_name(A)), later.known(device_name(A))
    undeleted = Control("last-resort", "last-resort keys that were not deleted show it", "no_opk pqk_later")
    return (
        Claim(
            "handshake.identity-hidden",
            "the name in the initiator's record stays secret",
            "HS-03 WIRE-15",
            theory,
            seen[:1],
            _REACHES_B,
            (_FIRST_FROM_A,),
            (_UNPINNED, Control("open", "in clear it is seen", "open_identity")),
            "hidden",
        ),
        Claim(
            "handshake.identity-hidden-later",
            "it stays so when all long-term keys and the SPK leak",
            "HS-03 HS-08",
            theory,
            seen[1:],
            _REACHES_B,
            (_FIRST_FROM_A,),
            (undeleted,),
            "hidden longterm_later spk_later",
        ),
        Claim(
            "handshake.identity-harvested",
            "it stays so when X25519 and Ed25519 are broken later",
            "HS-03",
            theory,
            seen[1:],
            _REACHES_B,
            (_FIRST_FROM_A,),
            (Control("no-kem", "without the KEM secret it is seen", "no_kem"),),
            "hidden dh_later",
        ),
    )
