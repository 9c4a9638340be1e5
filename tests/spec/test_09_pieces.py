"""Chapter 09: the state machine of the post-quantum ratchet alone, piece by piece."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from kem_states import (
    CIPHERTEXT,
    CIPHERTEXT_BLOCKS,
    EPOCH,
    KEY,
    KEY_BLOCKS,
    NOW,
    OTHER_CIPHERTEXT_BLOCKS,
    OTHER_KEY_BLOCKS,
    OTHER_SEED,
    SEED,
    SESSION,
    SHARED,
    STATES,
    answering,
    blocks,
    malformed,
    offering,
    take,
)
from parties import ScriptedRng

from e2ee.constants import MAX_COUNTER
from e2ee.errors import AuthenticationError, DecodeError, PqDesync
from e2ee.ids import SessionId
from e2ee.primitives import kem
from e2ee.ratchet import kem_ratchet, stored
from e2ee.ratchet.kem_ratchet import (
    KEY_DUE,
    NOTHING_COLLECTED,
    Answering,
    CiphertextDue,
    Collecting,
    KemState,
    KeyDue,
    Offering,
    Pieces,
    SecretHeld,
)
from e2ee.secret import EpochSecret
from e2ee.wire import cbor
from e2ee.wire import fragment as fragments


def expand(salt: bytes, ikm: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 to 64 bytes, by RFC 5869."""
    extracted = hmac.digest(salt, ikm, "sha256")
    first = hmac.digest(extracted, info + b"\1", "sha256")
    return first + hmac.digest(extracted, first + info + b"\2", "sha256")


def expected_secret(epoch: int = EPOCH) -> tuple[bytes, bytes]:
    """Epoch secret and confirmation by the words of the chapter."""
    bound = hashlib.sha256(KEY + CIPHERTEXT).digest()
    info = b"SR1-kem-epoch".ljust(16, b"\0") + epoch.to_bytes(4, "big") + bound
    output = expand(SESSION, SHARED, info)
    return output[:32], output[32:]


def labelled_hash(label: bytes, data: bytes) -> bytes:
    """SHA-256 behind a padded label."""
    return hashlib.sha256(label.ljust(16, b"\0") + data).digest()


def test_both_sides_reach_the_secret_of_the_chapter() -> None:
    """PQ-02, PQ-03, PQ-04: ids, fragments, secret and confirmation, made without the code under test."""
    secret, confirmation = expected_secret()
    key_id = labelled_hash(b"SR1-kem-key", KEY)[:8]
    message = CIPHERTEXT + confirmation
    message_id = key_id[:4] + labelled_hash(b"SR1-kem-text", message)[:4]
    for kind, whole, id_, made in ((1, KEY, key_id, KEY_BLOCKS), (2, message, message_id, CIPHERTEXT_BLOCKS)):
        for index, block in enumerate(made):
            head = bytes((kind, index, 0, 0)) + EPOCH.to_bytes(4, "big") + id_
            assert block == (head + whole[256 * index : 256 * index + 256]).ljust(272, b"\0")
    assert answering().secret.expose() == secret
    held = take(offering(), *CIPHERTEXT_BLOCKS)
    assert isinstance(held, SecretHeld)
    assert held.secret.expose() == secret


def test_the_secret_binds_session_epoch_key_and_ciphertext() -> None:
    """PQ-03: each of them changes both outputs."""
    base = kem_ratchet.epoch_secret(SESSION, 1, SHARED, KEY, CIPHERTEXT)
    other_key = kem.derive_public(OTHER_SEED)
    for varied in (
        kem_ratchet.epoch_secret(SessionId(bytes(32)), 1, SHARED, KEY, CIPHERTEXT),
        kem_ratchet.epoch_secret(SESSION, 2, SHARED, KEY, CIPHERTEXT),
        kem_ratchet.epoch_secret(SESSION, 1, bytes(32), KEY, CIPHERTEXT),
        kem_ratchet.epoch_secret(SESSION, 1, SHARED, other_key, CIPHERTEXT),
        kem_ratchet.epoch_secret(SESSION, 1, SHARED, KEY, bytes(1088)),
    ):
        assert varied[0] != base[0]
        assert varied[1] != base[1]


@pytest.mark.parametrize("state", [offering(), answering()], ids=["key", "ciphertext"])
def test_pieces_go_round(state: KemState) -> None:
    """PQ-05: one in each message, all five in each round, in an order that the id decides."""
    made = blocks(state, 60)
    assert [block[1] for block in made[:5]] == [0, 1, 2, 3, 4]
    for start in range(5, 60, 5):
        assert sorted(made[start : start + 5]) == sorted(made[:5])
    id_ = made[0][8:16]
    for n in range(5, 60):
        b = id_[n // 5 % 8]
        assert made[n][1] == (b + n % 5 * (1 + b // 5 % 4)) % 5


def test_a_key_is_offered_until_its_ciphertext_begins() -> None:
    """PQ-05: then the block is empty, as in every state that sends nothing."""
    for name, state in STATES.items():
        after, block = kem_ratchet.next_block(state)
        sends = name == "offering" or name.startswith("answering")
        assert (block != fragments.NONE) == sends
        assert (after == state) != sends


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 2, 0, 4, 0, 1, 3)])
def test_pieces_arrive_in_any_order_and_twice(order: tuple[int, ...]) -> None:
    """PQ-09, PQ-10"""
    due = take(NOTHING_COLLECTED, *(KEY_BLOCKS[at] for at in order))
    assert due == CiphertextDue(KEY, kem_ratchet.key_id(KEY))
    assert isinstance(take(offering(), *(CIPHERTEXT_BLOCKS[at] for at in order)), SecretHeld)
    for missing in range(5):
        rest = [block for at, block in enumerate(KEY_BLOCKS) if at != missing]
        assert isinstance(take(NOTHING_COLLECTED, *rest * 2), Collecting)


def test_a_second_answer_to_a_held_secret_is_refused() -> None:
    """PQ-11: the peer was set back and will not have the secret; also one for another key."""
    for block in (*blocks(_answer_again()), *OTHER_CIPHERTEXT_BLOCKS):
        with pytest.raises(PqDesync):
            take(STATES["secret held"], block)


def test_a_relay_cannot_starve_one_piece() -> None:
    """PQ-05: dropping any one place of each round loses another piece each time."""
    for seed in range(20):
        state: KemState = offering(ScriptedRng(f"order {seed}")(64))
        made = blocks(state, 40)
        for place in range(5):
            kept = {block[1] for n, block in enumerate(made) if n % 5 != place}
            assert kept == {0, 1, 2, 3, 4}


def test_a_peer_that_has_lost_its_answer_gets_the_key_again() -> None:
    """PQ-11: an empty block at the head of a new chain, while pieces of a ciphertext are held."""
    begun = STATES["offering, ciphertext begun"]
    again = kem_ratchet.receive(begun, SESSION, 0, fragments.NONE, new_chain=True)
    assert again == offering()
    assert kem_ratchet.receive(begun, SESSION, 0, fragments.NONE, new_chain=False) is begun
    for name, state in STATES.items():
        if state is not begun:
            assert kem_ratchet.receive(state, SESSION, 0, fragments.NONE, new_chain=True) is state, name


def test_what_is_of_no_use_any_more_is_ignored() -> None:
    """PQ-08, PQ-09: the same object comes back."""
    held, due, answer = STATES["secret held"], STATES["ciphertext due"], STATES["answering"]
    for state, more in (
        (held, CIPHERTEXT_BLOCKS),
        (due, KEY_BLOCKS),
        (answer, KEY_BLOCKS),
    ):
        for block in more:
            assert take(state, block) is state
    for state in STATES.values():
        assert take(state, fragments.NONE) is state
        for block in (*KEY_BLOCKS, *CIPHERTEXT_BLOCKS):
            assert kem_ratchet.receive(state, SESSION, EPOCH, block, new_chain=False) is state
            assert kem_ratchet.receive(state, SESSION, EPOCH + 5, block, new_chain=False) is state


@pytest.mark.parametrize("name", malformed())
@pytest.mark.parametrize("state", STATES)
def test_a_malformed_fragment_is_refused(name: str, state: str) -> None:
    """PQ-08: in every state."""
    with pytest.raises(AuthenticationError):
        take(STATES[state], malformed()[name])


def test_a_type_that_the_role_does_not_send_is_refused() -> None:
    """PQ-08: and any fragment while no key is made."""
    for name, state in STATES.items():
        wrong = [*KEY_BLOCKS, *CIPHERTEXT_BLOCKS]
        if isinstance(state, Offering | SecretHeld):
            wrong = KEY_BLOCKS
        elif not isinstance(state, KeyDue):
            wrong = CIPHERTEXT_BLOCKS
        for block in wrong:
            with pytest.raises(AuthenticationError):
                take(state, block)
        assert name in STATES


def test_pieces_of_two_keys_never_mix() -> None:
    """PQ-09, PQ-11: another id begins anew with that piece alone."""
    state = take(NOTHING_COLLECTED, *KEY_BLOCKS[:4], OTHER_KEY_BLOCKS[4])
    assert isinstance(state, Collecting)
    assert state.received is not None
    assert state.received.id == OTHER_KEY_BLOCKS[0][8:16]
    assert [piece is not None for piece in state.received.data] == [False] * 4 + [True]
    assert isinstance(take(state, *OTHER_KEY_BLOCKS[:3]), Collecting)
    whole = take(state, *OTHER_KEY_BLOCKS[:4])
    assert whole == CiphertextDue(kem.derive_public(OTHER_SEED), OTHER_KEY_BLOCKS[0][8:16])


def test_pieces_of_two_ciphertexts_never_mix() -> None:
    """PQ-09: two answers to one key; the library would take a splice silently."""
    second = blocks(_answer_again())
    assert second[0][8:12] == CIPHERTEXT_BLOCKS[0][8:12]
    assert second[0][12:16] != CIPHERTEXT_BLOCKS[0][12:16]
    state = take(offering(), *CIPHERTEXT_BLOCKS[:4], second[4])
    assert isinstance(state, Offering)
    assert isinstance(take(state, *second[:3]), Offering)
    assert isinstance(take(state, *second[:4]), SecretHeld)


def _answer_again() -> Answering:
    due = CiphertextDue(KEY, kem_ratchet.key_id(KEY))
    state = kem_ratchet.make(due, SESSION, 0, NOW, ScriptedRng("x"), kem.encapsulate)
    assert isinstance(state, Answering)
    return state


def test_a_ciphertext_for_another_key_makes_us_offer_ours_again() -> None:
    """PQ-11"""
    begun = STATES["offering, ciphertext begun"]
    again = take(begun, OTHER_CIPHERTEXT_BLOCKS[0])
    assert again == offering()
    assert kem_ratchet.next_block(again)[1] == KEY_BLOCKS[0]
    assert take(again, OTHER_CIPHERTEXT_BLOCKS[1]) is again


def test_another_key_replaces_an_answer_once_it_is_whole() -> None:
    """PQ-11: until then the answer goes on."""
    state = STATES["answering, other key begun"]
    assert kem_ratchet.next_block(state)[1] == CIPHERTEXT_BLOCKS[0]
    assert kem_ratchet.after_their_step(state)[1] == answering().secret
    assert take(state, *OTHER_KEY_BLOCKS) == CiphertextDue(
        kem.derive_public(OTHER_SEED), OTHER_KEY_BLOCKS[0][8:16]
    )
    due = take(NOTHING_COLLECTED, *KEY_BLOCKS)
    assert take(due, OTHER_KEY_BLOCKS[0]) == take(NOTHING_COLLECTED, OTHER_KEY_BLOCKS[0])


def renamed(made: list[bytes], id_: bytes) -> list[bytes]:
    """The same pieces under another id."""
    return [block[:8] + id_ + block[16:] for block in made]


def test_what_is_whole_is_checked() -> None:
    """PQ-10, PRM-04: ids of keys and ciphertexts, and the key's own check."""
    with pytest.raises(AuthenticationError):
        take(NOTHING_COLLECTED, *renamed(KEY_BLOCKS, b"\1" * 8))
    with pytest.raises(AuthenticationError):
        take(offering(), *renamed(CIPHERTEXT_BLOCKS, CIPHERTEXT_BLOCKS[0][8:12] + b"\1" * 4))
    unreduced = b"\xff" * 1152 + KEY[1152:]
    made = fragments.blocks(1, EPOCH, kem_ratchet.key_id(unreduced), unreduced)
    assert isinstance(take(NOTHING_COLLECTED, *made[:4]), Collecting)
    with pytest.raises(AuthenticationError):
        take(NOTHING_COLLECTED, *made)


@pytest.mark.parametrize("at", [0, 1087, 1088, 1119])
def test_an_unconfirmed_ciphertext_is_never_mixed(at: int) -> None:
    """PQ-10: a bit of the ciphertext (implicit rejection) or of the confirmation."""
    message = answering().message
    wrong = message[:at] + bytes((message[at] ^ 1,)) + message[at + 1 :]
    id_ = kem_ratchet.ciphertext_id(kem_ratchet.key_id(KEY), wrong)
    made = fragments.blocks(2, EPOCH, id_, wrong)
    begun = take(offering(), *made[:4])
    assert isinstance(begun, Offering)
    with pytest.raises(PqDesync):
        take(begun, made[4])


def test_the_last_epoch_is_never_passed() -> None:
    """PQ-15"""
    rng = ScriptedRng("unused")
    last = kem_ratchet.make(KEY_DUE, SESSION, MAX_COUNTER - 2, NOW, rng, kem.encapsulate)
    assert isinstance(last, Offering)
    rng = ScriptedRng("unused")
    beyond = kem_ratchet.make(KEY_DUE, SESSION, MAX_COUNTER - 1, NOW, rng, kem.encapsulate)
    assert beyond is KEY_DUE
    assert rng.calls == 0
    assert kem_ratchet.next_block(beyond) == (KEY_DUE, fragments.NONE)


def test_a_piece_of_an_epoch_that_is_never_begun_is_refused() -> None:
    """PQ-08, PQ-15: though it is the one after the last."""
    last = KEY_BLOCKS[0][:4] + (MAX_COUNTER - 1).to_bytes(4, "big") + KEY_BLOCKS[0][8:]
    beyond = KEY_BLOCKS[0][:4] + MAX_COUNTER.to_bytes(4, "big") + KEY_BLOCKS[0][8:]
    assert (
        kem_ratchet.receive(NOTHING_COLLECTED, SESSION, MAX_COUNTER - 2, last, new_chain=False)
        != NOTHING_COLLECTED
    )
    with pytest.raises(AuthenticationError):
        kem_ratchet.receive(NOTHING_COLLECTED, SESSION, MAX_COUNTER - 1, beyond, new_chain=False)


def test_secrets_are_gone_when_the_chapter_says() -> None:
    """PQ-14: seed with decapsulation, key with encapsulation, everything with the mixing step."""
    held, answer = STATES["secret held"], STATES["answering"]
    assert held == SecretHeld(EpochSecret(expected_secret()[0]), CIPHERTEXT_BLOCKS[0][8:16], NOW)
    assert isinstance(answer, Answering)
    assert KEY not in (item for item in answer if isinstance(item, bytes))
    assert kem_ratchet.after_own_step(held) == (NOTHING_COLLECTED, answer.secret, NOW)
    assert kem_ratchet.after_their_step(answer) == (KEY_DUE, answer.secret, NOW)
    for name, state in STATES.items():
        if not isinstance(state, SecretHeld):
            assert kem_ratchet.after_own_step(state) is None
        if not isinstance(state, Answering):
            with pytest.raises(PqDesync):
                kem_ratchet.after_their_step(state)
        assert name in STATES


def test_pieces_are_stored_as_they_came() -> None:
    """SES-14: a count, a size or a set of pieces that cannot be is refused."""
    begun = STATES["collecting, key begun"]
    assert isinstance(begun, Collecting)
    assert begun.received is not None
    id_, data = begun.received.id, list(begun.received.data)
    assert stored.decode_kem([3, [id_, data]], 0) == begun
    wrongs: list[cbor.Value] = [
        [id_[:7], data],
        [id_, data[:4]],
        [id_, [None] * 5],
        [id_, [bytes(256)] * 4 + [bytes(160)]],
        [id_, [*data[:4], bytes(256)]],
        [id_, [bytes(255), *data[1:]]],
        [id_, [*data[:4], bytes(96)]],
        [id_],
    ]
    for wrong in wrongs:
        with pytest.raises(DecodeError):
            stored.decode_kem([3, wrong], 0)


def test_states_do_not_show_what_they_hold() -> None:
    """PRM-10: neither secrets nor pieces."""
    for state in STATES.values():
        text = f"{state!r} {state}"
        for shown in (SEED, KEY[:32], CIPHERTEXT[:32], expected_secret()[0]):
            assert repr(shown)[2:-1] not in text
            assert shown.hex() not in text
    assert repr(fragments.decode(KEY_BLOCKS[1])) == "<Fragment type=1 number=1 epoch=1>"
    assert repr(Pieces(b"abcdefgh", (KEY[:256], None, None, None, None))) == "Pieces(id=b'abcdefgh')"
