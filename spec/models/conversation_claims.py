"""What the models of the ratchet (chapter 07) and of the KEM ratchet (chapter 09) must show."""

from __future__ import annotations

from collections.abc import Iterator

from spec.models.attacker import Knowledge, forged, kem_secret, later, now
from spec.models.claims import Claim, Control
from spec.models.conversation import (
    LEG,
    ZERO,
    Conversation,
    N,
    Plan,
    accepts,
    messages_of,
    mixes,
    numeral,
    randomness,
    ratchet_key,
    seed,
    spk_private,
    successor,
    text,
)
from spec.models.terms import Term, variables
from spec.models.theory import Theory

RATCHET = Plan(legs=4, messages=2, epochs=0)
KEM_RATCHET = Plan(legs=7, messages=1, epochs=2)
_J, _P, _Q = variables("J P Q")
_FORGED = (accepts(N, LEG, _J, forged),)
_BROKEN_HANDSHAKE = Control(
    "first-keys", "with the keys of the handshake the attacker is a party", "first_keys_known"
)
_FAKED = Control("first-keys", "with the keys of the handshake anything can be said", "first_keys_known")


def claims() -> tuple[Claim, ...]:
    return (*_plain(), *_healing(), *_kem_plain(), *_kem_healing())


def ratchet(settings: frozenset[str]) -> Theory:
    return Conversation(RATCHET, settings).theory()


def kem_ratchet(settings: frozenset[str]) -> Theory:
    return Conversation(KEM_RATCHET, settings).theory()


def _texts(phase: Knowledge, first: int, last: int) -> tuple[Term, ...]:
    return tuple(map(phase.known, messages_of(range(first, last + 1))))


def _arrives(leg: int) -> tuple[Term, ...]:
    return (accepts(N, numeral(leg), numeral(0), text(N, numeral(leg), numeral(0))),)


def _misplaced(plan: Plan) -> tuple[Term, ...]:
    """A text accepted under another number or leg than it was sent under, or in another session."""
    places = [(numeral(leg), numeral(at)) for leg in range(1, plan.legs + 1) for at in range(plan.messages)]
    moved = [accepts(N, *here, text(_P, *there)) for here in places for there in places if here != there]
    return (*moved, accepts(ZERO, LEG, _J, text(successor(N), _P, _Q)))


def _plain() -> tuple[Claim, ...]:
    not_advanced = Control("one-key", "with one message key per chain messages change places", "no_chain")
    kept = Control("chain-kept", "a kept chain key opens what its chain sent", "chain_kept")
    seen = tuple(now.point(ratchet_key(N, numeral(leg))) for leg in range(1, 5))
    leaked = Control(
        "first-keys", "keys of the handshake from X25519 alone would fall too", "first_keys_later"
    )
    return (
        _ratchet_claim(
            "secret", "all messages stay secret", "DR-04 DR-06 DR-08", _texts(now, 1, 4), _BROKEN_HANDSHAKE
        ),
        _ratchet_claim("authentic", "what is accepted, the peer has sent", "DR-08 DR-11", _FORGED, _FAKED),
        _ratchet_claim(
            "in-place", "and in this place of this session", "DR-04 DR-08", _misplaced(RATCHET), not_advanced
        ),
        _ratchet_claim(
            "forward-secret",
            "the last states of both do not open old messages",
            "DR-04 DR-06 DR-14",
            _texts(later, 1, 4),
            kept,
            "states_later",
        ),
        _ratchet_claim(
            "harvested",
            "nor does a later break of X25519, if the handshake held",
            "DR-06",
            _texts(later, 1, 4),
            leaked,
            "dh_later",
        ),
        _ratchet_claim("header-hidden", "ratchet keys stay unseen", "DR-07 DR-10", seen, _BROKEN_HANDSHAKE),
    )


def _ratchet_claim(
    name: str, says: str, rules: str, goals: tuple[Term, ...], control: Control, settings: str = ""
) -> Claim:
    return Claim(
        f"ratchet.{name}",
        says,
        rules,
        ratchet,
        goals,
        "leg 4 arrives",
        _arrives(4),
        (control,),
        settings,
        underivable,
    )


def _healing() -> Iterator[Claim]:
    """Classical healing: the thief of leg t reads leg t+1 and no more, if the round trip is undisturbed."""
    for leg, thief in ((1, "the initiator"), (2, "the responder")):
        controls = (
            Control("before", "the theft is real: the next leg is read", goals=_texts(now, leg + 1, leg + 1)),
            Control("no-dh", "without a DH output nothing heals", "no_dh"),
            Control("same-key", "nor with a ratchet key that stays", "ratchet_key_kept"),
            Control("disturbed", "declared: an active thief goes on", f"calm_{leg}", f"calm_{leg + 2}"),
            Control("dh-broken", "nor when X25519 is broken", "dh_broken"),
        )
        yield Claim(
            f"ratchet.heals-{leg}",
            f"state of {thief} stolen after leg {leg}: secret from leg {leg + 2}",
            "DR-06 DR-14 DR-19",
            ratchet,
            _texts(now, leg + 2, 4),
            "leg 4 arrives",
            _arrives(4),
            controls,
            f"theft_{leg} calm_{leg + 2}",
            underivable,
        )


def _kem_plain() -> tuple[Claim, ...]:
    foreign = tuple(
        goal
        for leg, answer in ((3, 2), (6, 5))
        for goal in (
            mixes(ZERO, numeral(leg), randomness(successor(N), _P)),
            mixes(N, numeral(leg), randomness(_Q, numeral(7 - answer))),
            mixes(N, numeral(leg), forged),
        )
    )
    twin = (mixes(N, numeral(6), randomness(N, numeral(5))),)
    return (
        _kem_claim(
            "secret", "all messages stay secret", "PQ-06 PQ-12", _texts(now, 1, 7), (_BROKEN_HANDSHAKE,)
        ),
        _kem_claim("authentic", "what is accepted, the peer has sent", "PQ-07 DR-08", _FORGED, (_FAKED,)),
        Claim(
            "kem-ratchet.same-secret",
            "a generator mixes the secret that its peer made for this epoch",
            "PQ-03 PQ-07 PQ-10 PQ-12",
            kem_ratchet,
            foreign,
            "epoch 2 is mixed",
            twin,
            (_FAKED,),
            "",
            underivable,
        ),
        _kem_claim(
            "harvested",
            "handshake keys and X25519 fall later: secret from epoch 1 on",
            "PQ-06",
            _texts(later, 3, 7),
            (
                Control("before", "what came before it is read", goals=_texts(later, 1, 2)),
                Control("no-kem", "without KEM secrets all is read", "no_kem"),
            ),
            "dh_later first_keys_later",
        ),
    )


def _kem_claim(
    name: str,
    says: str,
    rules: str,
    goals: tuple[Term, ...],
    controls: tuple[Control, ...],
    settings: str = "",
) -> Claim:
    return Claim(
        f"kem-ratchet.{name}",
        says,
        rules,
        kem_ratchet,
        goals,
        "leg 7 arrives",
        _arrives(7),
        controls,
        settings,
        underivable,
    )


def _kem_healing() -> Iterator[Claim]:
    """Post-quantum healing, with X25519 broken throughout, and the classical one with ML-KEM broken."""
    yield _kem_healed("from-start", "first keys known", "first_keys_known", 3)
    yield _kem_healed("generator", "generator's state stolen in epoch 1", "theft_1", 6)
    yield _kem_healed("encapsulator", "encapsulator's state stolen in epoch 1", "theft_2", 6)
    yield _kem_healed("between", "state stolen between the epochs", "theft_3", 6)
    for leg in (1, 2, 3):
        both = Control("both-broken", "with both broken nothing heals", "dh_broken")
        yield _kem_claim(
            f"hybrid-{leg}",
            f"stolen after leg {leg}, ML-KEM broken: secret from leg {leg + 2}",
            "PQ-06 DR-06",
            _texts(now, leg + 2, 7),
            (both,),
            f"theft_{leg} kem_broken calm_6",
        )


def _kem_healed(name: str, stolen: str, theft: str, mixing: int) -> Claim:
    controls = (
        Control("before", "the leg before is read", goals=_texts(now, mixing - 1, mixing - 1)),
        Control("no-kem", "without KEM secrets nothing heals", "no_kem"),
        Control("kem-broken", "nor when ML-KEM is broken too", "kem_broken"),
    )
    says = f"{stolen}, X25519 broken: secret again from leg {mixing}"
    settings = f"{theft} dh_broken calm_6"
    return _kem_claim(f"heals-{name}", says, "PQ-06 PQ-12 PQ-14", _texts(now, mixing, 7), controls, settings)


def underivable(settings: frozenset[str]) -> tuple[Term, ...]:
    """Private keys and KEM secrets that these settings do not give away: more goals of every claim."""
    phases = [now, later] if any(setting.endswith("_later") for setting in settings) else [now]
    return tuple(
        goal for phase in phases for goal in (*_dh_keys(settings, phase), *_kem_keys(settings, phase))
    )


def _stolen(settings: frozenset[str]) -> set[int]:
    return {leg for leg in range(1, 5) if f"theft_{leg}" in settings}


def _dh_keys(settings: frozenset[str], phase: Knowledge) -> Iterator[Term]:
    if "dh_broken" in settings or (phase is later and "dh_later" in settings):
        return
    yield phase.known(spk_private(N))
    last = {4} if phase is later and "states_later" in settings else set[int]()
    for leg in sorted(set(range(1, 8)) - _stolen(settings) - last):
        yield phase.known(ratchet_key(N, numeral(leg)))


def _kem_keys(settings: frozenset[str], phase: Knowledge) -> Iterator[Term]:
    if "kem_broken" in settings:
        return
    yield phase.known(randomness(N, LEG))
    stolen = _stolen(settings)
    for offer in sorted({1, 4} - stolen):
        yield phase.known(seed(N, numeral(offer)))
        if offer + 1 not in stolen:
            yield phase.known(kem_secret(seed(N, numeral(offer)), randomness(N, numeral(offer + 1))))
