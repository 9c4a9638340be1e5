"""What else must stay underivable in the model of the handshake, beside the goals of a claim.

Each is one more goal: saturation without a derivation says that the attacker knows none of them. They also
let the prover drop every clause that asks the attacker for one of them, and spare it most of its work.
"""

from __future__ import annotations

from collections.abc import Iterator

from spec.models.attacker import Knowledge, dh, kem_secret, later, now
from spec.models.handshake_terms import (
    DEVICE_A,
    DEVICE_B,
    SPK_ID,
    A,
    B,
    Device,
    N,
    account,
    ephemeral,
    identity,
    opk,
    pqk,
    random_i,
    ratchet_i,
    ratchet_r,
    signing,
    spk,
)
from spec.models.terms import Term

_LONGTERM_FALLS = {"longterm_later", "dh_later"}
_SPK_FALLS = {"spk_later", "dh_later"}


def underivable(settings: frozenset[str]) -> tuple[Term, ...]:
    """Private keys, X25519 outputs and KEM secrets of honest devices that these settings do not give away."""
    found = list(_in_phase(settings, now, frozenset()))
    fallen = frozenset(setting for setting in settings if setting.endswith("_later"))
    if fallen:
        found += _in_phase(settings, later, fallen)
    return tuple(found)


def _in_phase(settings: frozenset[str], phase: Knowledge, fallen: frozenset[str]) -> Iterator[Term]:
    broken = "dh_broken" in settings
    if not (broken or fallen & _LONGTERM_FALLS):
        yield from _longterm(settings, phase)
    spk_holds = not (broken or fallen & _SPK_FALLS or "spk_known" in settings)
    if spk_holds:
        yield phase.known(spk(SPK_ID))
    dh_holds = not (broken or "dh_later" in fallen)
    if dh_holds:
        yield from (phase.known(key(SPK_ID)) for key in (opk, ephemeral, ratchet_i, ratchet_r))
    kem_holds = not ("kem_broken" in settings or "pqk_later" in fallen)
    if kem_holds:
        yield from (phase.known(pqk(SPK_ID)), phase.known(random_i(SPK_ID)))
    for starts, answers in _pairs(settings):
        if dh_holds:
            yield from _outputs(phase, starts, answers, spk_holds)
        if kem_holds:
            yield phase.known(kem_secret(pqk(answers.of(SPK_ID)), random_i(starts.of(N))))


def _longterm(settings: frozenset[str], phase: Knowledge) -> Iterator[Term]:
    yield from (phase.known(account(B)), phase.known(signing(B)))
    if "ikb_known" not in settings:
        yield phase.known(identity(B))
    if "a_known" not in settings:
        yield from (phase.known(key(A)) for key in (account, signing, identity))


def _pairs(settings: frozenset[str]) -> tuple[tuple[Device, Device], ...]:
    one_way = (DEVICE_A, DEVICE_B)
    return (one_way, (DEVICE_B, DEVICE_A)) if "both_roles" in settings else (one_way,)


def _outputs(phase: Knowledge, starts: Device, answers: Device, with_spk: bool) -> Iterator[Term]:
    run, number = starts.of(N), answers.of(SPK_ID)
    yield phase.known(dh(ephemeral(run), opk(number)))
    yield phase.known(dh(ratchet_i(run), ratchet_r(number)))
    if with_spk:
        yield phase.known(dh(ephemeral(run), spk(number)))
        yield phase.known(dh(ratchet_i(run), spk(number)))
