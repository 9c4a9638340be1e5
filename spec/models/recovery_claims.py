"""What the model of recovery (chapter 15) must show."""

from __future__ import annotations

from spec.models import recovery
from spec.models.attacker import now
from spec.models.claims import Claim, Control
from spec.models.recovery import (
    HIGH,
    PERSONS,
    L,
    N,
    after,
    before,
    code,
    keeps,
    key,
    loses,
    new,
    old,
    pins,
    reads,
    replaced,
)
from spec.models.rooms import EVIL, own
from spec.models.terms import Term

_FOLLOWED = ("the new device is followed", (pins(loses(N), HIGH, own(new(loses(N)))),))
_CODE = Control("code", "declared: who has seen the code does", "code_seen")


def claims() -> tuple[Claim, ...]:
    return (_device(), _told(), _before(), _after())


def _claim(
    name: str,
    says: str,
    rules: str,
    goals: tuple[Term, ...],
    twin: tuple[str, tuple[Term, ...]],
    controls: tuple[Control, ...],
    settings: str = "",
) -> Claim:
    return Claim(
        f"recovery.{name}", says, rules, recovery.theory, goals, *twin, controls, settings, underivable
    )


def _device() -> Claim:
    return _claim(
        "device",
        "no device of a stranger's is followed, who is the relay and has the old devices, but not the code",
        "ACC-60 ACC-63 ID-05",
        tuple(pins(person, L, own(EVIL)) for person in PERSONS),
        _FOLLOWED,
        (
            _CODE,
            Control("record", "with the code kept at the relay, who guesses its seal does", "record_kept"),
            Control("unsigned", "with lists that nobody has signed anybody does", "unsigned"),
            Control("any-account", "with lists of any account anybody does", "any_account"),
        ),
        "old_stolen",
    )


def _told() -> Claim:
    return _claim(
        "told",
        "no device stops as replaced whose account nobody has recovered, whatever it is shown",
        "ACC-66 ACC-67 ID-05",
        (replaced(keeps(N)),),
        ("one whose account was recovered does", (replaced(loses(N)),)),
        (
            Control("code", "declared: who has seen the code stops it", "code_seen"),
            Control("any-number", "an older list that names an earlier record stops it", "any_number"),
            Control("unsigned", "a list that nobody has signed stops it", "unsigned"),
            Control("any-account", "a list of another account stops it", "any_account"),
        ),
        "old_stolen",
    )


def _before() -> Claim:
    return _claim(
        "before",
        "what was said before is read by nobody who has seen the code",
        "ACC-60 ACC-65 ID-02",
        tuple(now.known(before(person)) for person in PERSONS),
        ("with the code a stranger's device is followed", (pins(keeps(N), HIGH, own(EVIL)),)),
        (
            Control("derived", "where a device's keys follow from the code it is read", "from_code"),
            Control("stolen", "declared: who has the old device reads it", "old_stolen"),
        ),
        "code_seen",
    )


def _after() -> Claim:
    return _claim(
        "after",
        "what is said after a recovery goes to the new device alone, although the old one is stolen",
        "ACC-63 ID-28",
        (now.known(after(loses(N))),),
        ("the new device reads it", (reads(loses(N), after(loses(N))),)),
        (
            Control("not-struck", "a device that stays in force beside it reads on", "not_struck"),
            Control("code", "declared: who has seen the code recovers again, and reads", "code_seen"),
        ),
        "old_stolen",
    )


def underivable(settings: frozenset[str]) -> tuple[Term, ...]:
    """Keys of honest parties that the settings do not give away."""
    found = [own(new(loses(N)))]
    if "code_seen" not in settings:
        found += [one(person) for person in PERSONS for one in (code, key)]
    if "old_stolen" not in settings:
        found += [own(old(person)) for person in PERSONS]
    return tuple(map(now.known, found))
