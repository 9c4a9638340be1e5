"""What the model of logins (chapter 18) must show."""

from __future__ import annotations

from spec.models import login
from spec.models.attacker import now
from spec.models.claims import Claim, Control
from spec.models.login import N, R, is_taken_for, login_key, subject
from spec.models.rooms import (
    DESK,
    EVIL,
    C,
    K,
    account,
    customer_device,
    our_room,
    own,
    refused_room,
    session,
    successor,
)
from spec.models.terms import Term

_DEVICE = own(customer_device(N))
_AS_ITSELF = ("c is taken for c in its room", (is_taken_for(account(C), _DEVICE, our_room(N), subject(C)),))


def claims() -> tuple[Claim, ...]:
    return (_holder(), _in_place(), _hidden())


def _claim(
    name: str,
    says: str,
    rules: str,
    goals: tuple[Term, ...],
    controls: tuple[Control, ...],
    settings: str = "",
) -> Claim:
    return Claim(
        f"login.{name}", says, rules, login.theory, goals, *_AS_ITSELF, controls, settings, underivable
    )


def _holder() -> Claim:
    return _claim(
        "holder",
        "although all tokens are seen, no account but the person's is taken for the person",
        "CNS-50 CNS-51 CNS-52 CNS-53",
        (is_taken_for(account(EVIL), own(EVIL), R, subject(C)),),
        (
            Control(
                "replayed", "without account and device a token counts again for the attacker", "no_device"
            ),
            Control(
                "other-company",
                "without its company a token of another company's server counts",
                "no_company",
            ),
            Control("any-key", "by a key that no mandate names anybody signs", "any_key"),
            Control(
                "challenge",
                "declared: a page that hands over others' challenges gives the person away",
                "any_challenge",
            ),
            Control("login-key", "declared: who has the login key names whom it likes", "login_key"),
        ),
        "token_seen known_elsewhere",
    )


def _in_place() -> Claim:
    other = is_taken_for(account(C), _DEVICE, our_room(successor(N)), subject(C))
    refused = is_taken_for(account(C), _DEVICE, refused_room(N), subject(C))
    return _claim(
        "in-place",
        "and in no other room and by no other device of the account, whoever writes in its sessions",
        "CNS-51 CNS-52",
        (
            other,
            refused,
            is_taken_for(account(C), own(customer_device(successor(N))), our_room(N), subject(C)),
        ),
        (
            Control("other-room", "without its room a token counts in another one", "no_room"),
            Control("other-device", "without its device it counts for another one", "no_device"),
        ),
        "token_seen sessions_known",
    )


def _hidden() -> Claim:
    return _claim(
        "hidden",
        "the relay in the middle learns no name: the token goes inside the encryption",
        "CNS-53 CNS-55",
        (now.known(subject(C)),),
        (
            Control("in-clear", "a token that goes through the relay names the person", "in_clear"),
            Control("sessions", "declared: who has the sessions reads it", "sessions_known"),
        ),
    )


def underivable(settings: frozenset[str]) -> tuple[Term, ...]:
    """Keys of honest parties that the settings do not give away."""
    found = [account(K), account(C), _DEVICE, own(DESK)]
    if "login_key" not in settings:
        found.append(login_key(K))
    if "sessions_known" not in settings:
        found.append(session(_DEVICE, own(DESK)))
    return tuple(map(now.known, found))
