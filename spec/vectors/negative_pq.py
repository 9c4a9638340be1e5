"""Defects of the KEM ratchet: authentic messages, sealed with the right keys, that chapter 09 refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from spec.vectors import arrival
from spec.vectors.defects import Negative, flipped
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.kem_ratchet import (
    AUTHENTICATION,
    DESYNC,
    EMPTY,
    KemState,
    Refused,
    ciphertext_id,
    epoch_values,
    key_id,
)
from spec.vectors.pq_scenes import (
    LATER_MS,
    MADE,
    OTHER_SEED,
    Moment,
    all_but,
    false_key_piece,
    key_piece,
    message_piece,
    moment,
)
from spec.vectors.ratchet import Defect, State
from spec.vectors.suite import draw, kem_public
from spec.vectors.transcript import Transcript

OTHER_KEY: Final = kem_public(OTHER_SEED)
OTHER_ID: Final = key_id(OTHER_KEY)
NOISE: Final = draw("pq defect noise", 1184)
MESSAGE: Final = NOISE[:1120]
# Every coefficient of the first piece is 4095: no key (PRM-04), whatever its id.
NO_KEY: Final = b"\xff" * 256 + OTHER_KEY[256:]


def _refused(name: str, rules: str, at: Moment, envelope: bytes, error: str = AUTHENTICATION) -> Negative:
    given = {
        **at.stored(),
        "now_ms": LATER_MS,
        "envelope": envelope,
        "honest": at.message(EMPTY)["envelope"],
    }
    about = f"An authentic message: {name.replace('-', ' ')}."
    return Negative(f"pq-{name}", about, rules, "session.open", given, error)


def _fragment(name: str, rules: str, at: Moment, block: bytes, error: str = AUTHENTICATION) -> Negative:
    """A message with a block that the reference refuses as well."""
    message = at.message(block)
    try:
        arrival.receive(at.receiver, message["header"], message["tag"], block, LATER_MS)
    except Refused as refused:
        if refused.code == error:
            return _refused(name, f"PQ-07 {rules}", at, message["envelope"], error)
    raise ArithmeticError(f"{name} is not refused with {error}")


def _forms(played: Transcript) -> Iterator[Negative]:
    """What needs no state: as first pieces in `Collecting`, and once each in an epoch that is over."""
    at, later = moment(played, "B", "B<a3"), moment(played, "A", "A<b12")
    for when, where, epoch in (("", at, at.epoch), ("-of-an-old-epoch", later, later.epoch - 1)):
        last = key_piece(epoch, OTHER_SEED, 4)
        blocks = {
            "type-0": b"\0" + last[1:],
            "type-3": b"\x03" + last[1:],
            "index-5": flipped(last, 1),
            "index-5-without-data": flipped(last, 1)[:16] + bytes(256),
            "index-255": last[:1] + b"\xff" + last[2:],
            "reserved-set": flipped(last, 2),
            "reserved-low-bit": flipped(last, 3),
            "fill-of-a-key": flipped(last, 16 + 160),
            "fill-of-a-key-at-its-end": flipped(last, -1),
            "fill-of-a-ciphertext": flipped(message_piece(epoch, OTHER_ID, MESSAGE, 4), 16 + 96),
        }
        for name, block in blocks.items():
            yield _fragment(f"{name}{when}", "WIRE-10 PQ-02 PQ-08", where, block)
    yield _fragment("epoch-0", "PQ-08", at, key_piece(0, OTHER_SEED, 0))


def _epochs_and_roles(played: Transcript) -> Iterator[Negative]:
    """An epoch above the one under way, and types that the peer's role does not send, in each state."""
    states = {
        "key-due": moment(played, "B", "B<a8"),
        "offering": moment(played, "A", "A<b5"),
        "secret-held": moment(played, "A", "A<b9"),
        "collecting": moment(played, "B", "B<a3"),
        "ciphertext-due": moment(played, "B", "B<a2"),
        "answering": moment(played, "B", "B<a7"),
    }
    generates = ("offering", "secret-held")
    for name, at in states.items():
        key, message = key_piece(at.epoch, OTHER_SEED, 0), message_piece(at.epoch, OTHER_ID, MESSAGE, 0)
        right, wrong = (message, key) if name in generates else (key, message)
        yield _fragment(f"{name}-wrong-type", "PQ-01 PQ-08", at, wrong)
        above = right[:4] + (at.epoch + 1).to_bytes(4, "big") + right[8:]
        yield _fragment(f"{name}-epoch-above", "PQ-08", at, above)
    due = states["key-due"]
    yield _fragment("key-due-any-piece", "PQ-08", due, key_piece(due.epoch, OTHER_SEED, 0))
    far = key_piece(2**32 - 1, OTHER_SEED, 0)
    yield _fragment("collecting-epoch-at-its-end", "PQ-08", states["collecting"], far)


def _false_keys(played: Transcript) -> Iterator[Negative]:
    """A key that is whole and wrong: not of its id, or no key (PQ-10)."""
    collecting, answering = moment(played, "B", "B<a3"), moment(played, "B", "B<a7")
    wholes = {
        "not-of-its-id": (NOISE, OTHER_ID, "PQ-09 PQ-10"),
        "changed-in-its-last-piece": (flipped(OTHER_KEY, -1), OTHER_ID, "PQ-09 PQ-10"),
        "failing-the-modulus-check": (NO_KEY, key_id(NO_KEY), "PQ-10 PRM-04"),
    }
    for name, (whole, mark, rules) in wholes.items():
        for state, at, index in (("collecting", collecting, 4), ("answering", answering, 0)):
            kem = {**at.receiver["kem"], "pieces": all_but(mark, whole, index)}
            block = false_key_piece(at.epoch, whole, index, mark)
            yield _fragment(f"{state}-key-{name}", rules, at.holding(kem), block)


def _false_ciphertexts(played: Transcript, kem: Encapsulations) -> Iterator[Negative]:
    """A ciphertext message that is whole and wrong: not of its id, or with a wrong confirmation (PQ-10)."""
    at = moment(played, "A", "A<b5")
    ours = kem_public(at.receiver["kem"]["seed"])
    mark = key_id(ours)
    ciphertext, secret = kem.to("pq defects", at.receiver["kem"]["seed"])
    right = epoch_values(at.session_id, at.epoch, secret, ours, ciphertext)["ciphertext_message"]
    foreign = {
        "of-another-epoch": epoch_values(at.session_id, at.epoch + 1, secret, ours, ciphertext),
        "of-another-session": epoch_values(bytes(32), at.epoch, secret, ours, ciphertext),
        "of-another-key": epoch_values(at.session_id, at.epoch, secret, OTHER_KEY, ciphertext),
    }
    desyncs = {
        "changed": flipped(right, 0),
        "with-a-changed-confirmation": flipped(right, -1),
        **{
            f"with-the-confirmation-{about}": values["ciphertext_message"]
            for about, values in foreign.items()
        },
    }
    for name, message in desyncs.items():
        yield _whole_ciphertext(f"ciphertext-{name}", at, ciphertext_id(mark, message), message, DESYNC)
    changed = flipped(right, 512)
    yield _whole_ciphertext(
        "ciphertext-not-of-its-id", at, ciphertext_id(mark, right), changed, AUTHENTICATION
    )


def _whole_ciphertext(name: str, at: Moment, mark: bytes, message: bytes, error: str) -> Negative:
    kem = {**at.receiver["kem"], "pieces": all_but(mark, message, 2)}
    block = message_piece(at.epoch, mark[:4].ljust(8, b"\0"), message, 2, mark)
    return _fragment(name, "PQ-03 PQ-10", at.holding(kem), block, error)


def _new_chains(played: Transcript) -> Iterator[Negative]:
    """New chains whose epoch rises where it must not, or otherwise differs (PQ-12)."""
    at = moment(played, "B", "A<b10")
    answering: KemState = at.receiver["kem"]
    secret: bytes = answering["epoch_secret"]
    due = {"state": "CiphertextDue", "key": OTHER_KEY}
    chains: dict[str, tuple[Moment, State]] = {
        "collecting-epoch-rises": (at.holding({"state": "Collecting", "pieces": None}), at.begun(b"", 1)),
        "ciphertext-due-epoch-rises": (at.holding(due), at.begun(b"", 1)),
        "answering-epoch-rises-by-two": (at, at.begun(secret, 2)),
        "answering-epoch-rises-without-its-secret": (at, at.begun(b"", 1)),
        "answering-epoch-rises-with-another-secret": (at, at.begun(NOISE[:32], 1)),
        "answering-secret-without-a-rise": (at, at.begun(secret, 0)),
    }
    turn = moment(played, "A", "B<a7")
    holding = {"state": "SecretHeld", "epoch_secret": secret, "ciphertext_id": bytes(8), "made": MADE}
    chains |= {
        "offering-epoch-rises": (turn, turn.begun(b"", 1)),
        "secret-held-epoch-rises": (turn.holding(holding), turn.begun(secret, 1)),
    }
    back = moment(played, "B", "A<b20")
    chains["epoch-falls"] = (back, back.begun(b"", 0))
    answers = moment(played, "A", "B<a11")
    held = answers.receiver["kem"]["epoch_secret"]
    chains["answering-epoch-falls"] = (answers, answers.begun(held, 0))
    without_secret = ("collecting", "ciphertext-due", "offering", "secret-held")
    for name, (where, sender) in chains.items():
        desync = name.removesuffix("-epoch-rises") in without_secret
        yield _refused(
            f"new-chain-{name}",
            "PQ-06 PQ-12",
            where,
            where.message(EMPTY, sender)["envelope"],
            DESYNC if desync else AUTHENTICATION,
        )
    held = turn.holding({**holding, "ciphertext_id": NOISE[:8]})
    yield _fragment(
        "secret-held-a-second-ciphertext",
        "PQ-11",
        held,
        message_piece(held.epoch, NOISE[8:16], NOISE[:1120], 1),
        DESYNC,
    )
    bad = key_piece(3, OTHER_SEED, 0)
    yield _fragment("fragment-refused-in-a-new-chain", "PQ-07 DR-18", back, bad)


def _within_chains(played: Transcript) -> Iterator[Negative]:
    """Another epoch within a chain (PQ-13), also the state's own where our step has mixed since."""
    before, mixed = moment(played, "A", "A<b12"), moment(played, "A", "A>a9")
    cases = {
        "rises-within-a-chain": (before, before.epoch),
        "falls-within-a-chain": (before, before.epoch - 2),
        "follows-our-step-within-a-chain": (mixed, mixed.epoch - 1),
    }
    for name, (at, epoch) in cases.items():
        yield _refused(
            f"epoch-{name}",
            "PQ-13 DR-15",
            at,
            at.message(EMPTY, at.chain, Defect(pq_epoch=epoch))["envelope"],
        )


def all_pq(played: Transcript, kem: Encapsulations) -> Iterator[Negative]:
    """Everything here."""
    for part in (_forms, _epochs_and_roles, _false_keys, _new_chains, _within_chains):
        yield from part(played)
    yield from _false_ciphertexts(played, kem)
