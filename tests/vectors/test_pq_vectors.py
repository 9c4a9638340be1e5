"""Chapter 09 by the core: the epochs of pq.json, and the single steps of pq_cases.json."""

from __future__ import annotations

from typing import Any

import pytest
from vector_files import load, recorded, scripted, unhex
from vector_play import conversation, no_encapsulation

from e2ee import content, labels, session, snapshot
from e2ee.constants import FRAGMENT_B, KEM_CIPHERTEXT_B
from e2ee.primitives import kdf, kem
from e2ee.ratchet import kem_ratchet, stored
from e2ee.session import Session
from e2ee.wire import envelope

EPOCHS = [
    pytest.param(name, epoch, id=f"{name}-{epoch['epoch']}")
    for name in ("ratchet.json", "pq.json")
    for epoch in load(name)["epochs"]
]
PQ = load("pq.json")
CASES = load("pq_cases.json")
KEY_TYPE, CIPHERTEXT_TYPE = 1, 2
EMPTY = "00" * FRAGMENT_B


@pytest.mark.parametrize(("name", "epoch"), EPOCHS)
def test_a_key_and_its_pieces(name: str, epoch: dict[str, Any]) -> None:
    """PQ-02: key and key id from the seed; the fragments of the conversation are the pieces of the key."""
    assert epoch["generator"] == ("A" if epoch["epoch"] % 2 else "B")
    key = kem.derive_public(unhex(epoch["seed"]))
    assert (key.hex(), kem_ratchet.key_id(key).hex()) == (epoch["key"], epoch["key_id"])
    blocks = _pieces(KEY_TYPE, epoch["epoch"], unhex(epoch["key_id"]), key)
    sent = _sent(name, epoch, epoch["generator"])
    assert sent == [blocks[at] for at in _order(unhex(epoch["key_id"]), len(sent))]


@pytest.mark.parametrize("epoch", PQ["epochs"][:2], ids=lambda epoch: epoch["epoch"])
def test_an_epoch(epoch: dict[str, Any]) -> None:
    """PQ-03, PQ-10: from ciphertext to epoch secret, confirmation and ciphertext id, on both sides."""
    key, ciphertext = unhex(epoch["key"]), unhex(epoch["ciphertext"])
    secret = kem.DecapsulationKey(unhex(epoch["seed"])).decapsulate(ciphertext)
    bound = kdf.sha256(key + ciphertext)
    info = labels.KEM_EPOCH + epoch["epoch"].to_bytes(4, "big") + bound
    session_id = conversation("pq.json").initiated().ratchet.session_id
    output = kdf.hkdf(session_id, secret, info, 64)
    made = (secret, bound, info, output[:32], output[32:], ciphertext + output[32:])
    names = ("kem_secret", "exchange_hash", "info", "epoch_secret", "confirmation", "ciphertext_message")
    assert [value.hex() for value in made] == [epoch[name] for name in names]
    ours = kem_ratchet.epoch_secret(session_id, epoch["epoch"], secret, key, ciphertext)
    assert (ours[0].expose(), ours[1]) == (output[:32], output[32:])
    message_id = kem_ratchet.ciphertext_id(unhex(epoch["key_id"]), made[-1])
    assert message_id.hex() == epoch["ciphertext_id"]
    blocks = _pieces(CIPHERTEXT_TYPE, epoch["epoch"], message_id, made[-1])
    sent = _sent("pq.json", epoch, "B" if epoch["generator"] == "A" else "A")
    assert sent == [blocks[at] for at in _order(message_id, len(sent))]


def _order(mark: bytes, count: int) -> list[int]:
    """The indexes of the first pieces by the words of PQ-05."""
    order = []
    for n in range(count):
        r, p = n // 5, n % 5
        b = mark[r % 8]
        order.append(n if n < 5 else (b + p * (1 + b // 5 % 4)) % 5)
    return order


def _pieces(kind: int, epoch: int, mark: bytes, whole: bytes) -> list[str]:
    """The five blocks of a whole, by the layout of chapter 04."""
    heads = [bytes((kind, index, 0, 0)) + epoch.to_bytes(4, "big") + mark for index in range(5)]
    pieces = [whole[256 * index : 256 * (index + 1)].ljust(256, b"\0") for index in range(5)]
    return [(head + piece).hex() for head, piece in zip(heads, pieces, strict=True)]


def _sent(name: str, epoch: dict[str, Any], side: str) -> list[str]:
    """The fragments of an epoch that a side sent, in order."""
    number = f"{epoch['epoch']:08x}"
    steps = [step for step in load(name)["steps"] if step["action"] == "send" and step["side"] == side]
    return [step["fragment"] for step in steps if step["fragment"][8:16] == number]


def test_the_conversation_completes_an_epoch_of_each_side_with_losses_and_late_arrivals() -> None:
    """PQ-01, PQ-05, PQ-06, PQ-12: one epoch mixed by A, one by B, each followed by the other side."""
    steps = PQ["steps"]
    mixing = [step for step in steps if step["root_step"] and step["root_step"]["kem"]]
    assert [(step["side"], step["action"]) for step in mixing] == [
        ("A", "send"),
        ("B", "receive"),
        ("B", "send"),
        ("A", "receive"),
    ]
    assert [step["root_step"]["pq_epoch"] for step in mixing] == [1, 1, 2, 2]
    sent = [step["message"] for step in steps if step["action"] == "send"]
    arrived = [step["message"] for step in steps if step["action"] == "receive"]
    assert len(set(sent) - set(arrived)) >= 3
    assert sorted(arrived, key=sent.index) != arrived
    states = {step["after"]["kem"]["state"] for step in steps}
    assert states == {"KeyDue", "Offering", "SecretHeld", "Collecting", "CiphertextDue", "Answering"}
    ignored = [step for step in steps if step["action"] == "receive" and _carries_old_epoch(step)]
    assert [step["message"] for step in ignored] == ["b11", "b4"]


def _carries_old_epoch(step: dict[str, Any]) -> bool:
    sent = conversation("pq.json").sent(step["message"])["fragment"]
    return sent not in ("", EMPTY) and int(sent[8:16], 16) <= step["before"]["pq_epoch"]


def _restored(case: dict[str, Any]) -> Session:
    rows = [snapshot.decode_skipped(unhex(row["place"]), unhex(row["value"])) for row in case["skipped"]]
    return snapshot.decode_session(unhex(case["session"]), rows)


def _stored(ours: Session) -> dict[str, Any]:
    rows = [snapshot.encode_skipped(row) for row in ours.ratchet.skipped]
    return {
        "session": snapshot.encode_session(ours).hex(),
        "skipped": [{"place": place.hex(), "value": value.hex()} for place, value in rows],
    }


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_a_single_step(case: dict[str, Any]) -> None:
    """PQ-04, PQ-05, PQ-08 to PQ-11, PQ-15: what a message makes of a stored session, and the answer to it."""
    before = after = _restored(case)
    if case["arrives"] is not None:
        raw = envelope.decode(unhex(case["arrives"]["envelope"]))
        after = session.open_(before, raw, CASES["now_ms"]).session
        untouched = stored.encode_kem(before.ratchet.kem) == stored.encode_kem(after.ratchet.kem)
        assert untouched == case["arrives"]["ignored"]
    assert _stored(after) == case["after"]
    if case["reply"] is not None:
        _check_reply(after, case["reply"])


def _check_reply(ours: Session, reply: dict[str, Any]) -> None:
    draws = [reply[name] for name in ("ratchet_private", "seed", "fresh") if reply[name] is not None]
    given = reply["encapsulated"]
    encapsulate = no_encapsulation if given is None else recorded(given["ciphertext"], given["secret"])
    meant = content.decode(unhex(CASES["content"]))
    sealed = session.seal(ours, meant, CASES["now_ms"], scripted(*draws), encapsulate)
    assert sealed.envelope.hex() == reply["envelope"]


def test_the_single_steps_start_from_every_state() -> None:
    """PQ-01."""
    states = {type(_restored(case).ratchet.kem).__name__ for case in CASES["cases"]}
    assert states == {"KeyDue", "Offering", "SecretHeld", "Collecting", "CiphertextDue", "Answering"}
    replies = {(case["reply"] or {"fragment": ""})["fragment"][:2] for case in CASES["cases"]}
    assert replies == {"", "00", "01", "02"}
    assert len(unhex(PQ["epochs"][0]["ciphertext"])) == KEM_CIPHERTEXT_B
