"""What the model of a conversation over several sessions (chapter 08) must show."""

from __future__ import annotations

from collections.abc import Iterator

from spec.models import sessions
from spec.models.attacker import Knowledge, dh, forged, kem_secret, later, now
from spec.models.claims import Claim, Control
from spec.models.conversation import numeral, ratchet_key, root_0, text
from spec.models.handshake_terms import (
    DEVICE_A,
    DEVICE_B,
    SPK_ID,
    A,
    B,
    Device,
    E,
    J,
    N,
    account,
    ephemeral,
    identity,
    opk,
    pqk,
    random_i,
    signing,
    spk,
)
from spec.models.sessions import (
    ANEW,
    EARLIER,
    accepts,
    again,
    ask,
    fresh,
    ratchet_1,
    ratchet_2,
    ratchet_3,
    ratchet_4,
)
from spec.models.terms import Term

_RUN, _EARLIER = DEVICE_A.of(N), EARLIER.of(N)
_EPHEMERAL = ephemeral(_RUN)
_STARTER = frozenset({"theft_of_starter"})
_ANSWERER = frozenset({"theft_of_answerer"})


def claims() -> tuple[Claim, ...]:
    return (*_resets(), *_stolen_sessions(), *_prekeys(), *_quantum(), *_active())


def _texts(victim: frozenset[str], phase: Knowledge = later) -> tuple[Term, ...]:
    """All texts that go on the new session, those that went on the old one before it included."""
    new = fresh(_RUN, numeral(3)), fresh(_EPHEMERAL, numeral(4))
    return tuple(map(phase.known, (again(True, victim), again(False, victim), *new)))


def _claim(
    name: str, says: str, rules: str, goals: tuple[Term, ...], controls: tuple[Control, ...], settings: str
) -> Claim:
    twin = (accepts(_RUN, numeral(4), fresh(_EPHEMERAL, numeral(4))),)
    return Claim(
        f"sessions.{name}",
        says,
        rules,
        sessions.theory,
        goals,
        "leg 4 of a new session arrives",
        twin,
        controls,
        settings,
        underivable,
    )


def _resets() -> Iterator[Claim]:
    leg_2 = (later.known(text(N, numeral(2), numeral(0))),)
    real = Control("before", "the theft is real: the next leg of the old session is read", goals=leg_2)
    read = Control(
        "ask", "the stolen prekeys open the ask of the new session", goals=(later.known(ask(_RUN)),)
    )
    early = Control("early", "texts that go again before an answer are read (review A1)", "early_texts")
    unchecked = Control("any-answer", "and so are texts after an answer that was not checked", "any_answer")
    active = Control(
        "active",
        "declared: with SPK and identity key an active thief proves a session in the peer's name",
        "active_thief",
        goals=(now.known(fresh(E, numeral(4))),),
    )
    yield _claim(
        "reset-answerer",
        "state of the answering device stolen: texts of a new session stay secret, those that go again too",
        "SES-22 SES-24 SES-36 SES-37",
        _texts(_ANSWERER),
        (real, read, early, unchecked, active),
        "theft_of_answerer",
    )
    yield _claim(
        "reset-starter",
        "state of the starting device stolen: the same, and the ask is closed too",
        "SES-22 SES-24 SES-36 SES-37",
        (*_texts(_STARTER), later.known(ask(_RUN))),
        (real, Control("both", "with the state of the other one too the ask is read", "theft_of_answerer")),
        "theft_of_starter",
    )
    yield _claim(
        "first-contact",
        "a newcomer's company was stolen: the texts after its first answer stay secret",
        "SES-22 SES-36 HS-08",
        _texts(_ANSWERER),
        (
            Control(
                "before",
                "declared: the texts until the first answer are read",
                goals=(later.known(fresh(_RUN, numeral(1))),),
            ),
            Control("any-answer", "an answer that was not checked opens all", "any_answer"),
        ),
        "theft_of_answerer not_met",
    )
    yield _claim(
        "earlier-texts",
        "the last states of both with all prekeys, used ones too, do not open what was said",
        "SES-22 DR-04 DR-06 DR-14",
        _texts(_STARTER),
        (Control("chain-kept", "a kept chain key opens what its chain sent", "chain_kept"),),
        "theft_of_starter theft_of_answerer last_states",
    )


def _stolen_sessions() -> Iterator[Claim]:
    """A session that had begun and was not proven when the theft took place."""
    on_earlier = fresh(_EARLIER, numeral(3)), fresh(ephemeral(_EARLIER), numeral(4))
    heard = Control("heard-texts", "texts on a session that is only heard are read", "heard_texts")
    yield _claim(
        "started-stolen",
        "the state of the starter with an unanswered session in it: the texts on that session stay secret",
        "SES-22 SES-36",
        (*_texts(_STARTER), *map(later.known, on_earlier)),
        (heard,),
        "theft_of_starter session_stolen",
    )
    yield _claim(
        "answer-kept",
        "a session that the thief knows as heard, its answer kept back until the old session has healed",
        "SES-27",
        _texts(_ANSWERER),
        (
            Control(
                "not-dropped", "a session that was not dropped takes the texts to the thief", "not_dropped"
            ),
            Control(
                "before",
                "what goes on it before the healing is read",
                goals=(later.known(fresh(_EARLIER, numeral(3))),),
            ),
        ),
        "theft_of_answerer session_stolen",
    )


def _prekeys() -> Iterator[Claim]:
    yield _claim(
        "loss-noticed",
        "a loss was noticed after the theft: asks and newcomers' first texts for the new prekeys stay secret",
        "SES-32 ID-18",
        (*_texts(_ANSWERER), later.known(ask(_RUN)), later.known(fresh(_RUN, numeral(1)))),
        (Control("prekeys-kept", "without new prekeys they are read", "prekeys_kept"),),
        "theft_of_answerer not_met loss_noticed",
    )


def _quantum() -> Iterator[Claim]:
    yield _claim(
        "harvested",
        "state of the starter stolen, X25519 broken later: a new session stays secret by its KEM secret",
        "HS-02 PRM-05 SES-34",
        tuple(map(later.known, (fresh(_RUN, numeral(3)), fresh(_EPHEMERAL, numeral(4)), ask(_RUN)))),
        (
            Control("no-kem", "without the KEM secret it is read", "no_kem"),
            Control(
                "answerer", "declared: with the KEM prekey of the other one it is read", "theft_of_answerer"
            ),
        ),
        "theft_of_starter dh_later",
    )


def _active() -> Iterator[Claim]:
    said_by_thief = tuple(accepts(_RUN, numeral(leg), forged) for leg in (2, 4))
    yield _claim(
        "active-thief",
        "a thief of the starter who takes part: on sessions that it started texts are secret, and the peer's",
        "SES-36 HS-02",
        (now.known(fresh(_RUN, numeral(3))), *said_by_thief),
        (
            Control(
                "both", "declared: with the keys of the peer too the thief is the peer", "theft_of_answerer"
            ),
        ),
        "theft_of_starter active_thief",
    )


# --- keys that must stay underivable ---


def underivable(settings: frozenset[str]) -> tuple[Term, ...]:
    """Private keys, X25519 outputs and KEM secrets that these settings do not give away."""
    stolen = _stolen(settings)
    during = stolen if "active_thief" in settings else frozenset[str]()
    return (*_in_phase(settings, now, during), *_in_phase(settings, later, stolen))


def _stolen(settings: frozenset[str]) -> frozenset[str]:
    return frozenset(who for who in ("starter", "answerer") if f"theft_of_{who}" in settings)


def _in_phase(settings: frozenset[str], phase: Knowledge, stolen: frozenset[str]) -> Iterator[Term]:
    answerer = ANEW if "loss_noticed" in settings else DEVICE_B
    prekeys_hold = "answerer" not in stolen or answerer is ANEW
    dh_holds = phase is now or "dh_later" not in settings
    if dh_holds:
        yield from _private(settings, phase, stolen)
        yield from map(phase.known, _outputs(settings, answerer, with_spk=prekeys_hold))
        if prekeys_hold:
            yield from (phase.known(key(answerer.of(SPK_ID))) for key in (spk, opk))
    yield phase.known(random_i(SPK_ID))
    if prekeys_hold:
        yield phase.known(pqk(answerer.of(SPK_ID)))
        yield phase.known(kem_secret(pqk(answerer.of(SPK_ID)), random_i(_RUN)))
    if not stolen:
        yield phase.known(root_0(N))


def _private(settings: frozenset[str], phase: Knowledge, stolen: frozenset[str]) -> Iterator[Term]:
    for name, who in ((A, "starter"), (B, "answerer")):
        if who not in stolen:
            yield from (phase.known(key(name)) for key in (account, signing, identity))
    yield phase.known(ephemeral(J))
    legs = (2, 3, 4) if stolen else (1, 2, 3, 4)
    yield from (phase.known(ratchet_key(N, numeral(leg))) for leg in legs)
    yield phase.known(ratchet_1(_RUN))
    yield phase.known(ratchet_2(_EPHEMERAL))
    if "last_states" not in settings:
        yield from (phase.known(ratchet_3(_RUN)), phase.known(ratchet_4(E)))


def _outputs(settings: frozenset[str], answerer: Device, *, with_spk: bool) -> Iterator[Term]:
    yield dh(ratchet_1(_RUN), ratchet_2(_EPHEMERAL if "session_stolen" in settings else E))
    if "last_states" not in settings:
        yield dh(ratchet_3(_RUN), ratchet_2(_EPHEMERAL))
    if with_spk:
        number = answerer.of(SPK_ID)
        yield from (
            dh(_EPHEMERAL, spk(number)),
            dh(_EPHEMERAL, opk(number)),
            dh(ratchet_1(_RUN), spk(number)),
        )
