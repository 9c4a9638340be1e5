"""pq_cases.json: single steps of the KEM ratchet that an undisturbed conversation does not show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from spec.vectors import arrival, kem_ratchet, ratchet
from spec.vectors.document import render
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.kem_ratchet import KemState, ciphertext_id, key_id
from spec.vectors.pq_scenes import (
    CONTENT,
    FRESH,
    LATER_MS,
    MADE,
    OTHER_SEED,
    PRIVATE,
    THIRD_SEED,
    Moment,
    all_but,
    false_key_piece,
    held,
    key_piece,
    message_piece,
    moment,
)
from spec.vectors.ratchet import Draws, State
from spec.vectors.suite import cbor, draw, kem_public
from spec.vectors.transcript import KIND_1, Transcript

NOISE: Final = draw("pq case noise", 1184)
REPLY_SEED: Final = draw("pq case reply kem seed", 64)
OTHER_ID: Final = key_id(kem_public(OTHER_SEED))
THIRD_ID: Final = key_id(kem_public(THIRD_SEED))


def cases(played: Transcript, kem: Encapsulations) -> str:
    """The file."""
    made = (*_offering(played, kem), *_secret_held(played), *_collecting(played), *_answering(played, kem))
    return render(
        "Single steps: restore the session, open what arrives (if anything), compare with the stored session"
        " `after`; `ignored` says that the kem state stays as it is. `reply`, where there is one, is the next"
        " message of the receiver, at the same time and from the given draws. `fragment` is the block in the"
        " body.",
        "PQ-02 PQ-04 PQ-05 PQ-07 PQ-08 PQ-09 PQ-11 PQ-14 PQ-15 SES-14",
        {"now_ms": LATER_MS, "content": cbor(CONTENT), "cases": [*made, *_key_due(played)]},
    )


def _case(name: str, rules: str, at: Moment, block: bytes, reply: Draws | None = None) -> dict[str, Any]:
    """What a fragment does to the receiver."""
    message = at.message(block)
    after, _ = arrival.receive(at.receiver, message["header"], message["tag"], block, LATER_MS)
    untouched = after["kem"] == at.receiver["kem"]
    return {
        "name": name,
        "rules": rules.split(),
        **at.stored(),
        "arrives": {"envelope": message["envelope"], "fragment": block, "ignored": untouched},
        "after": at.stored(after),
        "reply": None if reply is None else _reply(after, reply),
    }


def _reply(state: State, draws: Draws) -> dict[str, Any]:
    """The receiver's next message."""
    _, trace = ratchet.seal(state, KIND_1, cbor(CONTENT), draws, LATER_MS)
    made = trace["kem_step"] or {"made": None}
    return {
        "ratchet_private": None if trace["root_step"] is None else draws.ratchet_private,
        "seed": made.get("seed"),
        "encapsulated": {"ciphertext": made["ciphertext"], "secret": made["kem_secret"]}
        if made["made"] == "ciphertext"
        else None,
        "fresh": draws.fresh,
        "fragment": trace["fragment"],
        "envelope": trace["envelope"],
    }


def _no_encapsulation(key: bytes) -> tuple[bytes, bytes]:
    raise ArithmeticError(f"nothing is encapsulated here, least of all to {key_id(key).hex()}")


PLAIN_REPLY: Final = Draws(PRIVATE, REPLY_SEED, _no_encapsulation, FRESH)


def _offering(played: Transcript, kem: Encapsulations) -> Iterator[dict[str, Any]]:
    """A generator that offers its key, and pieces of right and of other ciphertexts."""
    at = moment(played, "A", "A<b5")
    ours, epoch = key_id(kem_public(at.receiver["kem"]["seed"])), at.epoch
    held_id = at.receiver["kem"]["pieces"]["hash"]
    again, other = NOISE[:1120], NOISE[64:]
    yield _case(
        "a piece that is there already, with other bytes",
        "PQ-09",
        at,
        message_piece(epoch, ours, again, 2, held_id),
    )
    yield _case(
        "a piece of a second ciphertext for our key begins anew with itself alone",
        "PQ-09",
        at,
        message_piece(epoch, ours, other, 3),
        PLAIN_REPLY,
    )
    foreign = message_piece(epoch, OTHER_ID, other, 1)
    yield _case(
        "a piece of a ciphertext for another key drops what was collected; the key is offered again",
        "PQ-05 PQ-11",
        at,
        foreign,
        PLAIN_REPLY,
    )
    bare = at.holding({**at.receiver["kem"], "pieces": None})
    yield _case("a piece of a ciphertext for another key, with nothing collected", "PQ-11", bare, foreign)
    for sent, said in ((39, "the last of round 7"), (40, "round 8 begins with byte 0 of the id again")):
        again_at = bare.holding({**bare.receiver["kem"], "sent": sent})
        yield _case(f"piece {sent} is sent: {said}", "PQ-05", again_at, foreign, PLAIN_REPLY)
    further = bare.holding({**bare.receiver["kem"], "sent": 87})
    yield _case("piece 87 is sent: round 17, byte 1 of the id", "PQ-05", further, foreign, PLAIN_REPLY)
    yield _case("Offering: an empty block within a chain says nothing", "PQ-11", at, kem_ratchet.EMPTY)
    yield _case(
        "Offering: an empty block in a new chain shows that the answer was lost",
        "PQ-11",
        _turned(at),
        kem_ratchet.EMPTY,
        PLAIN_REPLY,
    )
    yield from _over(moment(played, "B", "B<a11"), "Offering")


def _turned(at: Moment) -> Moment:
    """The moment after a message of the receiver that the sender has read: its next one begins a chain."""
    draws = Draws(draw("pq case turn", 32), REPLY_SEED, _no_encapsulation, FRESH)
    receiver, trace = ratchet.seal(at.receiver, KIND_1, cbor(CONTENT), draws, LATER_MS)
    sender, _ = arrival.receive(
        at.sender, trace["header"], receiver["sending"]["tag"], trace["fragment"], LATER_MS
    )
    return Moment(at.played, at.name, receiver, sender)


def _over(at: Moment, state: str) -> Iterator[dict[str, Any]]:
    """Fragments of an epoch in use are ignored, of either type (PQ-08)."""
    in_use = at.epoch - 1
    for about, block in (
        ("key", key_piece(in_use, OTHER_SEED, 4)),
        ("ciphertext", message_piece(in_use, OTHER_ID, NOISE[:1120], 4)),
    ):
        yield _case(f"{state}: a piece of a {about} of the epoch in use", "PQ-08", at, block)


def _secret_held(played: Transcript) -> Iterator[dict[str, Any]]:
    at = moment(played, "A", "A<b9")
    same = at.receiver["kem"]["ciphertext_id"]
    block = message_piece(at.epoch, OTHER_ID, NOISE[:1120], 0, same)
    yield _case("SecretHeld: a piece of the ciphertext that the secret came from", "PQ-09", at, block)


def _collecting(played: Transcript) -> Iterator[dict[str, Any]]:
    at = moment(played, "B", "B<a3")
    kem = at.receiver["kem"]
    yield _case(
        "a piece of the key that is there already, with other bytes",
        "PQ-09",
        at,
        false_key_piece(at.epoch, NOISE, 2, kem["pieces"]["hash"]),
    )
    yield _case(
        "a piece of another key begins anew with itself alone",
        "PQ-09",
        at,
        key_piece(at.epoch, OTHER_SEED, 4),
    )
    most = at.holding({"state": "Collecting", "pieces": all_but(OTHER_ID, kem_public(OTHER_SEED), 4)})
    yield _case(
        "the last piece, with its fill, completes a key", "PQ-10", most, key_piece(at.epoch, OTHER_SEED, 4)
    )
    yield from _over(moment(played, "A", "A<b12"), "Collecting")


def _answering(played: Transcript, kem: Encapsulations) -> Iterator[dict[str, Any]]:
    """An encapsulator whose peer was set back and offers a second key (PQ-11)."""
    due, at = moment(played, "B", "B<a2"), moment(played, "B", "B<a7")
    epoch, answered = at.epoch, at.receiver["kem"]["key_id"]
    first_key = due.receiver["kem"]["key"]
    own = kem_ratchet.fragment(1, 0, epoch, answered, kem_ratchet.piece(first_key, 0))
    yield _case("CiphertextDue: a piece of the answered key", "PQ-09", due, own)
    yield _case(
        "CiphertextDue: a piece of another key begins anew with itself alone",
        "PQ-09",
        due,
        key_piece(epoch, OTHER_SEED, 2),
        PLAIN_REPLY,
    )
    yield _case("Answering: a piece of the answered key", "PQ-09", at, own)
    yield _case(
        "Answering: another key is collected beside the answer",
        "PQ-11",
        at,
        key_piece(epoch, OTHER_SEED, 1),
        PLAIN_REPLY,
    )
    beside = {**at.receiver["kem"], "pieces": held(OTHER_ID, kem_public(OTHER_SEED), 0, 1, 2)}
    yield _case(
        "Answering: a third key begins anew with itself alone",
        "PQ-09 PQ-11",
        at.holding(beside),
        key_piece(epoch, THIRD_SEED, 3),
    )
    whole = {**at.receiver["kem"], "pieces": all_but(OTHER_ID, kem_public(OTHER_SEED), 3)}
    encapsulating = Draws(PRIVATE, REPLY_SEED, lambda _: kem.to("pq case, second answer", OTHER_SEED), FRESH)
    yield _case(
        "Answering: the other key is whole, replaces the answer, and is answered",
        "PQ-04 PQ-11",
        at.holding(whole),
        key_piece(epoch, OTHER_SEED, 3),
        encapsulating,
    )
    yield from _second_answer(played, kem)


def _second_answer(played: Transcript, kem: Encapsulations) -> Iterator[dict[str, Any]]:
    """The generator that was set back collects the ciphertext for its second key."""
    at = moment(played, "A", "A<b3")
    key = kem_public(OTHER_SEED)
    ciphertext, secret = kem.to("pq case, second answer", OTHER_SEED)
    values = kem_ratchet.epoch_values(at.session_id, at.epoch, secret, key, ciphertext)
    message = values["ciphertext_message"]
    offering: KemState = {
        "state": "Offering",
        "seed": OTHER_SEED,
        "sent": 2,
        "pieces": all_but(ciphertext_id(key_id(key), message), message, 1),
        "made": MADE,
    }
    last = message_piece(at.epoch, key_id(key), message, 1)
    yield _case(
        "the ciphertext for the second key is whole", "PQ-03 PQ-10", at.holding(offering), last, PLAIN_REPLY
    )


def _key_due(played: Transcript) -> Iterator[dict[str, Any]]:
    at = moment(played, "B", "B<a8")
    yield from _over(at, "KeyDue")
    yield _case(
        "KeyDue: no fragment; the reply makes a key pair", "PQ-04 PQ-05", at, kem_ratchet.EMPTY, PLAIN_REPLY
    )
    end = 2**31 - 1
    last = {**at.receiver, "pq_epoch": end, "receiving": {**at.receiver["receiving"], "pq_epoch": end}}
    stays = Moment(played, "B", last, at.sender)
    yield {
        "name": "KeyDue: epoch 2^31 is never begun",
        "rules": ["PQ-15"],
        **stays.stored(),
        "arrives": None,
        "after": stays.stored(),
        "reply": _reply(last, PLAIN_REPLY),
    }
