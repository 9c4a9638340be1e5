"""What the model of linking (chapter 15) must show."""

from __future__ import annotations

from spec.models import link
from spec.models.attacker import now, signature
from spec.models.claims import Claim, Control
from spec.models.link import N, fixes, history, joins, lists, new_device, opening, reply, secret
from spec.models.rooms import EVIL, PLAIN, C, account, listed, own, record
from spec.models.terms import Term

_OURS = own(new_device(N))
_TAKEN_IN = ("the device beside it is listed", (lists(N, _OURS),))


def claims() -> tuple[Claim, ...]:
    return (_unseen(), _listed(), _account(), _history())


def _claim(
    name: str,
    says: str,
    rules: str,
    goals: tuple[Term, ...],
    twin: tuple[str, tuple[Term, ...]],
    controls: tuple[Control, ...],
    settings: str = "",
) -> Claim:
    return Claim(f"link.{name}", says, rules, link.theory, goals, *twin, controls, settings, underivable)


def _unseen() -> Claim:
    return _claim(
        "unseen",
        "who has not seen a code has no device of his own looked at, compared or not",
        "ACC-31 ACC-33",
        (fixes(N, own(EVIL)), now.known(reply(N))),
        _TAKEN_IN,
        (Control("seen", "declared: with the code a device of the stranger's is looked at", "code_seen"),),
        "not_compared",
    )


def _listed() -> Claim:
    return _claim(
        "listed",
        "although a stranger has seen the code and is the relay, no device but the person's is listed",
        "ACC-34 ACC-35",
        (lists(N, own(EVIL)), now.known(signature(account(C), listed(record(account(C), own(EVIL), PLAIN))))),
        _TAKEN_IN,
        (
            Control(
                "r-early", "with r before an in is fixed the stranger finds one of the same digits", "r_early"
            ),
            Control(
                "any-r",
                "with an r that the code has not committed to he finds an r of the same digits",
                "any_r",
            ),
            Control(
                "not-compared",
                "declared: who confirms without comparing lists the stranger's",
                "not_compared",
            ),
        ),
        "code_seen",
    )


def _account() -> Claim:
    return _claim(
        "account",
        "the new device comes into the account of the person that it was read from, and into no other",
        "ACC-35 ACC-51",
        (joins(_OURS, account(EVIL)),),
        ("it comes into the person's", (joins(_OURS, account(C)),)),
        (
            Control("any-list", "with a list of any account it comes into the stranger's", "any_list"),
            Control("not-asked", "without the question it follows a stranger's code", "not_asked"),
            Control(
                "told",
                "declared: so it does where the person says that the device is its own",
                "stranger_told",
            ),
        ),
        "code_seen",
    )


def _history() -> Claim:
    return _claim(
        "history",
        "what the other device gives the new one is read by nobody else, although the code was seen",
        "ACC-34 ACC-52",
        (now.known(history(N)),),
        ("the new device is given it", (lists(N, _OURS),)),
        (
            Control("r-early", "with r before an in is fixed the stranger reads it", "r_early"),
            Control("any-r", "with an r that the code has not committed to, too", "any_r"),
        ),
        "code_seen",
    )


def underivable(settings: frozenset[str]) -> tuple[Term, ...]:
    """Keys of honest parties that the settings do not give away."""
    found = [account(C), _OURS]
    if "code_seen" not in settings:
        found += [secret(N), opening(N, _OURS)]
    return tuple(map(now.known, found))
