"""Chapter 06, with the first message and the first reply of chapter 07, as Horn clauses.

Device `a` starts sessions, with the honest device `b` and with anybody else; `b` answers everybody. In the
setting `both_roles` each of the two does both. Sessions and prekeys are numbered: there is no bound on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from spec.models import attacker
from spec.models.attacker import (
    Knowledge,
    body_key,
    chain_key,
    dh,
    header,
    kem_secret,
    kem_text,
    later,
    message_key,
    next_root,
    now,
    root_step,
    sealed,
    signature,
)
from spec.models.handshake_terms import (
    DEVICE_A,
    DEVICE_B,
    EVIL,
    FUNCTIONS,
    ID,
    IK,
    KS,
    ONE_TIME,
    PA,
    SETTINGS,
    SG,
    SL,
    SPK_ID,
    A,
    B,
    Device,
    E,
    J,
    K,
    L,
    M,
    N,
    R,
    S,
    Secrets,
    X,
    Y,
    accepts_first,
    accepts_reply,
    account,
    device_name,
    ephemeral,
    first_hash,
    first_text,
    header_i,
    header_r,
    identity,
    identity_block,
    identity_text,
    key_schedule,
    listed,
    opened,
    opk,
    orders,
    pqk,
    random_i,
    ratchet_i,
    ratchet_r,
    received,
    record,
    records,
    reply_text,
    root_key,
    salt_i,
    salt_r,
    signed_opk,
    signed_pqk,
    signed_spk,
    signing,
    spk,
    started,
    told,
    verified,
    view,
)
from spec.models.terms import Term
from spec.models.theory import Theory


def theory(settings: frozenset[str]) -> Theory:
    """All clauses of the handshake under some settings."""
    if unknown := settings - SETTINGS.keys():
        raise ValueError(f"no such settings: {sorted(unknown)}")
    clauses = Theory()
    _deduction(clauses, now)
    both = "both_roles" in settings
    _publish(clauses, settings)
    bundle(clauses, settings)
    for device, peer in ((DEVICE_A, DEVICE_B), (DEVICE_B, DEVICE_A))[: 2 if both else 1]:
        _initiator(clauses, settings, device, peer)
        _responder(clauses, settings, peer, device)
    _leaks(clauses, settings)
    return clauses


def _deduction(clauses: Theory, phase: Knowledge) -> None:
    attacker.deduction(clauses, phase, FUNCTIONS)
    records(clauses, phase)


def _publish(clauses: Theory, settings: frozenset[str]) -> None:
    """What stands in the directory, and what everybody knows about a."""
    publish_record(clauses, DEVICE_B)
    publish_prekeys(clauses, DEVICE_B)
    if "hidden" not in settings:
        publish_record(clauses, DEVICE_A)
    if "both_roles" in settings:
        publish_prekeys(clauses, DEVICE_A)
    clauses.facts("account_of_attacker", now.known(EVIL))


def publish_record(clauses: Theory, device: Device) -> None:
    name = device.name
    clauses.facts(
        "record",
        now.check(account(name)),
        now.known(device_name(name)),
        now.check(signing(name)),
        now.point(identity(name)),
        now.known(signature(account(name), listed(device.record()))),
    )


def publish_prekeys(clauses: Theory, device: Device) -> None:
    number, own, key = device.of(SPK_ID), device.record(), signing(device.name)
    clauses.facts(
        "prekeys",
        now.point(spk(number)),
        now.known(signature(key, signed_spk(own, spk(number)))),
        now.point(opk(number)),
        now.known(signature(key, signed_opk(own, opk(number)))),
        now.ekey(pqk(number)),
        now.known(signature(key, signed_pqk(own, pqk(number)))),
    )


def bundle(clauses: Theory, settings: frozenset[str]) -> None:
    """ID-16: list, record and prekeys belong together; whose they are is for the initiator to check."""
    whose = record(PA, ID, SG, IK)
    premises = [
        now.known(signature(PA, listed(whose))),
        now.known(signature(SG, signed_spk(whose, S))),
        now.known(signature(SG, signed_pqk(whose, K))),
    ]
    if "no_opk" not in settings:
        premises.append(now.known(signature(SG, signed_opk(whose, ONE_TIME))))
    clauses.rule("verified", verified(whose, S, ONE_TIME, K), *premises)


def _initiator(clauses: Theory, settings: frozenset[str], device: Device, peer: Device) -> None:
    friend = account(peer.name)
    _starts(clauses, settings, device, PA if "unpinned" in settings else friend, friend)
    if "hidden" not in settings:
        _starts(clauses, settings, device, PA, PA)
    run = device.of(N)
    clauses.facts("flight", now.point(ephemeral(run)), now.known(salt_i(run)))


def _starts(clauses: Theory, settings: frozenset[str], device: Device, target: Term, meant: Term) -> None:
    start(clauses, settings, device, target, meant)
    _first_message(clauses, settings, device, meant)


def start(clauses: Theory, settings: frozenset[str], device: Device, target: Term, meant: Term) -> None:
    """First flights to the account `target`; `meant` is the account that the initiator has in mind."""
    run, own, theirs = device.of(N), device.record(), record(target, ID, SG, IK)
    found, ciphertext = verified(theirs, S, ONE_TIME, K), kem_text(K, random_i(run))
    hash0 = first_hash(settings, theirs, (S, ONE_TIME, K), ciphertext, ephemeral(run))
    shared_kem = kem_secret(K, random_i(run))
    proof = identity_text(own, signature(account(device.name), listed(own)))
    for secrets in _initiator_secrets(settings, device):
        sealing, session = key_schedule(settings, hash0, own, secrets, shared_kem)
        clauses.rule("start", started(run, meant, S, view(S, ONE_TIME, K, ephemeral(run)), session), found)
        clauses.rule("flight", now.known(identity_block(settings, sealing, hash0, proof)), found)
    clauses.rule("flight", now.known(ciphertext), found)


def _initiator_secrets(settings: frozenset[str], device: Device) -> Iterator[Secrets]:
    fresh, mine = ephemeral(device.of(N)), identity(device.name)
    for dh4, dh5 in product(orders(settings, mine, S), orders(settings, mine, IK)):
        yield Secrets(dh(fresh, S), dh(fresh, IK), dh(fresh, ONE_TIME), dh4, dh5)


def _first_message(clauses: Theory, settings: frozenset[str], device: Device, meant: Term) -> None:
    run = device.of(N)
    session, seen = started(run, meant, S, M, KS), view(S, ONE_TIME, K, ephemeral(run))
    ratchet = ratchet_i(run)
    head = header(header_i(KS), salt_i(run), ratchet)
    first_root = root_step(root_key(KS), dh(ratchet, S))
    clauses.rule("flight", now.known(head), session)
    key = body_key(message_key(chain_key(first_root)), salt_i(run))
    texts = (told(meant, run),) if meant == PA else (first_text(device.name, run), seen, told(meant, run))
    for text in texts:
        clauses.rule("flight", now.known(sealed(key, head, text)), started(run, meant, S, seen, KS))
    if meant == PA:
        return
    _reply_arrives(clauses, device, meant, root_step(next_root(first_root), dh(ratchet, Y)))


def _reply_arrives(clauses: Theory, device: Device, meant: Term, root: Term) -> None:
    head = header(header_r(KS), SL, Y)
    body = sealed(body_key(message_key(chain_key(root)), SL), head, M)
    session = started(device.of(N), meant, S, X, KS)
    clauses.rule("reply", accepts_reply(device.name, X, M), session, now.known(head), now.known(body))


def _responder(clauses: Theory, settings: frozenset[str], device: Device, peer: Device) -> None:
    open_flights(clauses, settings, device)
    _first_arrives(clauses, settings, device)
    _answers(clauses, settings, device, peer)


def open_flights(clauses: Theory, settings: frozenset[str], device: Device) -> None:
    """Device answers whoever shows a record that its account signed (HS-07)."""
    theirs, ours = record(PA, ID, SG, IK), device.record()
    keys = spk(device.of(SPK_ID)), opk(device.of(J)), pqk(device.of(L))
    ciphertext = kem_text(keys[2], R)
    hash0 = first_hash(settings, ours, keys, ciphertext, E)
    proof = identity_text(theirs, signature(PA, listed(theirs)))
    seen = view(*keys, E)
    for secrets in _responder_secrets(settings, device):
        sealing, session = key_schedule(settings, hash0, theirs, secrets, kem_secret(keys[2], R))
        arrives = [
            now.known(identity_block(settings, sealing, hash0, proof)),
            now.point(E),
            now.known(ciphertext),
        ]
        clauses.rule(
            "opened", opened(PA, device.of(SPK_ID), device.of(J), device.of(L), E, seen, session), *arrives
        )


def _responder_secrets(settings: frozenset[str], device: Device) -> Iterator[Secrets]:
    key_s, key_o, mine = spk(device.of(SPK_ID)), opk(device.of(J)), identity(device.name)
    for dh2, dh5 in product(orders(settings, E, mine), orders(settings, IK, mine)):
        yield Secrets(dh(E, key_s), dh2, dh(E, key_o), dh(IK, key_s), dh5)


def _first_arrives(clauses: Theory, settings: frozenset[str], device: Device) -> None:
    numbers = device.of(SPK_ID), device.of(J), device.of(L)
    session = opened(PA, *numbers, E, Y, KS)
    head = header(header_i(KS), SL, X)
    root = root_step(root_key(KS), dh(X, spk(device.of(SPK_ID))))
    body = sealed(body_key(message_key(chain_key(root)), SL), head, M)
    after = received(device.name, PA, device.of(SPK_ID), KS, root, X, M, Y)
    clauses.rule("received", after, session, now.known(head), now.known(body))
    clauses.rule(
        "first", accepts_first(device.name, PA, *numbers, E, M), session, now.known(head), now.known(body)
    )


def _answers(clauses: Theory, settings: frozenset[str], device: Device, peer: Device) -> None:
    number, root = device.of(SPK_ID), Term("RT")
    ratchet = ratchet_r(number)
    head = header(header_r(KS), salt_r(number), ratchet)
    clauses.facts("answer", now.known(salt_r(number)))
    friend, text, seen = account(peer.name), reply_text(device.name, number), Term("V")
    for whom, content in ((friend, text), (friend, seen), (PA, told(PA, number))):
        session = received(device.name, whom, number, KS, root, X, M, seen)
        clauses.rule("answer", now.known(head), session)
        key = body_key(message_key(chain_key(root_step(next_root(root), dh(X, ratchet)))), salt_r(number))
        clauses.rule("answer", now.known(sealed(key, head, content)), session)


def _leaks(clauses: Theory, settings: frozenset[str]) -> None:
    if "dh_broken" in settings:
        attacker.break_dh(clauses, now)
    if "kem_broken" in settings:
        attacker.break_kem(clauses, now)
    if "spk_known" in settings:
        clauses.facts("leak", now.known(spk(DEVICE_B.of(SPK_ID))))
    if "ikb_known" in settings:
        clauses.facts("leak", now.known(identity(B)))
    if "a_known" in settings:
        clauses.facts("leak", *(now.known(key(A)) for key in (account, signing, identity)))
    if any(setting.endswith("_later") for setting in settings):
        _later_leaks(clauses, settings)


def _later_leaks(clauses: Theory, settings: frozenset[str]) -> None:
    attacker.afterwards(clauses, FUNCTIONS)
    records(clauses, later)
    longterm = [key(device) for key in (account, signing, identity) for device in (A, B)]
    leaking = {
        "longterm_later": longterm,
        "spk_later": [spk(SPK_ID)],
        "pqk_later": [pqk(SPK_ID)],
        "dh_later": [*longterm, *(key(SPK_ID) for key in (spk, opk, ephemeral, ratchet_i, ratchet_r))],
    }
    for setting in sorted(settings & leaking.keys()):
        clauses.facts("leak", *map(later.known, leaking[setting]))
