"""The post-quantum ratchet: one ML-KEM-768 exchange after the other, in pieces (chapter 09).

    generator      KeyDue --> Offering --> SecretHeld --(its sending step)--> Collecting
    encapsulator   Collecting --> CiphertextDue --> Answering --(the peer's new chain)--> KeyDue

A state belongs to the epoch under way, `pq_epoch` + 1. Every function is pure. The table of
transitions in chapter 09 is drawn from this code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from e2ee import labels
from e2ee.constants import KEM_CIPHERTEXT_B, KEM_SEED_B, KEY_B, MAX_COUNTER
from e2ee.errors import AuthenticationError, InvalidKey, PqDesync
from e2ee.ids import SessionId
from e2ee.ports import Encapsulate, Rng
from e2ee.primitives import kdf, kem
from e2ee.secret import EpochSecret
from e2ee.wire import fragment as fragments
from e2ee.wire.fragment import CT, EK, ID_B, NONE, PIECES, Fragment

_HALF_ID_B: Final = ID_B // 2
_NOTHING: Final[tuple[bytes | None, ...]] = (None,) * PIECES
# As in `state`: for what each message makes anew.
_new: Final = tuple.__new__


class Mark(NamedTuple):
    """A moment of a session: our clock, and how many messages it had sent and received (PQ-16)."""

    at_ms: int
    messages: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """What came of one key or ciphertext message, by index; all of one id (PQ-09)."""

    id: bytes
    data: tuple[bytes | None, ...] = field(repr=False)

    def whole(self) -> bytes | None:
        """Return the key or ciphertext message once every piece is there."""
        there = [data for data in self.data if data is not None]
        return b"".join(there) if len(there) == PIECES else None


@dataclass(frozen=True, slots=True)
class KeyDue:
    """Generator without a key pair: the next message makes one (PQ-04)."""


class Offering(NamedTuple):
    """Generator with a key pair. It sends the key until pieces of a ciphertext for it arrive (PQ-05).

    `pair` stays expanded: to expand its seed costs more than the rest of an epoch.
    """

    pair: kem.DecapsulationKey
    key_id: bytes
    blocks: tuple[bytes, ...]
    sent: int
    received: Pieces | None
    made: Mark

    def __repr__(self) -> str:
        return "<Offering>"


@dataclass(frozen=True, slots=True)
class SecretHeld:
    """Generator with the epoch secret, which its next sending step mixes (PQ-06).

    `id` is that of the ciphertext it came from: a piece of another shows that the peer was set back (PQ-11).
    """

    secret: EpochSecret
    id: bytes
    made: Mark


@dataclass(frozen=True, slots=True)
class Collecting:
    """Encapsulator that waits for a whole key."""

    received: Pieces | None = None


@dataclass(frozen=True, slots=True)
class CiphertextDue:
    """Encapsulator with a whole key: the next message encapsulates (PQ-04)."""

    key: bytes = field(repr=False)
    key_id: bytes


class Answering(NamedTuple):
    """Encapsulator with the epoch secret. It sends the ciphertext message until the epoch is in use (PQ-05).

    `other` is what came of another key than the answered one (PQ-11).
    """

    key_id: bytes
    blocks: tuple[bytes, ...]
    secret: EpochSecret
    sent: int
    other: Pieces | None
    made: Mark

    @property
    def message(self) -> bytes:
        """The whole ciphertext message."""
        return fragments.whole(self.blocks, fragments.KEM_MESSAGE_B)

    def __repr__(self) -> str:
        return "<Answering>"


KemState: TypeAlias = KeyDue | Offering | SecretHeld | Collecting | CiphertextDue | Answering

DUE: Final = (KeyDue, CiphertextDue)
"""States in which the next message has something to make."""

_WITH_KEY: Final = (CiphertextDue, Answering)
_ENCAPSULATOR: Final = (Collecting, CiphertextDue, Answering)

KEY_DUE: Final = KeyDue()
NOTHING_COLLECTED: Final = Collecting()


def is_generator(state: KemState) -> bool:
    """Whether the state belongs to the side that generates the epoch under way (PQ-01)."""
    return isinstance(state, KeyDue | Offering | SecretHeld)


def key_id(key: bytes) -> bytes:
    """Return the 8 bytes that name a key (PQ-02)."""
    return kdf.hash_(labels.KEM_KEY, key)[:ID_B]


def ciphertext_id(id_of_key: bytes, message: bytes) -> bytes:
    """Return the 8 bytes that name a ciphertext message and the key that it is for (PQ-02)."""
    return id_of_key[:_HALF_ID_B] + kdf.hash_(labels.KEM_TEXT, message)[:_HALF_ID_B]


def epoch_secret(
    session_id: SessionId, epoch: int, shared: bytes, key: bytes, ciphertext: bytes
) -> tuple[EpochSecret, bytes]:
    """Return (epoch secret, confirmation 32) (PQ-03)."""
    bound = kdf.sha256(key + ciphertext)
    output = kdf.hkdf(session_id, shared, labels.KEM_EPOCH + epoch.to_bytes(4, "big") + bound, 2 * KEY_B)
    return EpochSecret(output[:KEY_B]), output[KEY_B:]


def make(
    state: KeyDue | CiphertextDue,
    session_id: SessionId,
    pq_epoch: int,
    now: Mark,
    rng: Rng,
    encapsulate: Encapsulate,
) -> KemState:
    """Make the key pair, or the ciphertext, that the next message begins to carry (PQ-04, PQ-15)."""
    epoch = pq_epoch + 1
    if isinstance(state, KeyDue):
        if epoch >= MAX_COUNTER:
            return state
        return offering(kem.DecapsulationKey(rng(KEM_SEED_B)), epoch, 0, None, now)
    ciphertext, shared = encapsulate(state.key)
    secret, confirmation = epoch_secret(session_id, epoch, shared, state.key, ciphertext)
    return answering(state.key_id, ciphertext + confirmation, secret, epoch, 0, None, now)


def offering(
    pair: kem.DecapsulationKey, epoch: int, sent: int, received: Pieces | None, made: Mark
) -> Offering:
    """Return the state of a generator with a key pair."""
    key = pair.public
    id_of_key = key_id(key)
    blocks = fragments.blocks(EK, epoch, id_of_key, key)
    return Offering(pair=pair, key_id=id_of_key, blocks=blocks, sent=sent, received=received, made=made)


def answering(
    id_of_key: bytes,
    message: bytes,
    secret: EpochSecret,
    epoch: int,
    sent: int,
    other: Pieces | None,
    made: Mark,
) -> Answering:
    """Return the state of an encapsulator with a ciphertext message."""
    blocks = fragments.blocks(CT, epoch, ciphertext_id(id_of_key, message), message)
    return Answering(key_id=id_of_key, blocks=blocks, secret=secret, sent=sent, other=other, made=made)


def next_block(state: KemState) -> tuple[KemState, bytes]:
    """Return the state after a message, and that message's fragment block (PQ-05)."""
    if isinstance(state, Offering):
        pair, id_of_key, blocks, sent, received, made = state
        if received is None:
            return _new(Offering, (pair, id_of_key, blocks, sent + 1, None, made)), _following(blocks, sent)
    elif isinstance(state, Answering):
        id_of_key, blocks, secret, sent, other, made = state
        return _new(Answering, (id_of_key, blocks, secret, sent + 1, other, made)), _following(blocks, sent)
    return state, NONE


def _following(blocks: tuple[bytes, ...], sent: int) -> bytes:
    """Return the block that follows after `sent` of them: each round in an order that only the two sides
    know, so that a relay cannot drop the same piece in every round (PQ-05).
    """
    if sent < PIECES:
        return blocks[sent]
    turn, place = divmod(sent, PIECES)
    chosen = fragments.id_of(blocks[0])[turn % ID_B]
    return blocks[(chosen + place * (1 + chosen // PIECES % (PIECES - 1))) % PIECES]


def receive(
    state: KemState, session_id: SessionId, pq_epoch: int, body: bytes, *, new_chain: bool
) -> KemState:
    """Take the fragment block of a body that has opened (PQ-07 to PQ-11).

    Raises:
        AuthenticationError: a fragment that PQ-08 or PQ-10 refuses.
        PqDesync: a whole ciphertext that its confirmation does not confirm, or a second one for a secret
            that we hold.
    """
    piece = fragments.decode(body)
    if piece is None:
        if new_chain and isinstance(state, Offering) and state.received is not None:
            return state._replace(received=None)
        return state
    if piece.epoch <= pq_epoch:
        return state
    if piece.epoch == pq_epoch + 1:
        if piece.type == EK and isinstance(state, _ENCAPSULATOR):
            known = isinstance(state, _WITH_KEY) and piece.id == state.key_id
            return state if known else _collect_key(state, piece)
        if piece.type == CT and isinstance(state, SecretHeld):
            if piece.id != state.id:
                raise PqDesync("a second ciphertext for an epoch whose secret is held")
            return state
        if piece.type == CT and isinstance(state, Offering):
            return _collect_ciphertext(state, session_id, piece)
    raise AuthenticationError


def after_own_step(state: KemState) -> tuple[KemState, EpochSecret, Mark] | None:
    """Return (state, secret, healing) of a sending step that mixes, None if it does not (PQ-06, PQ-14)."""
    if isinstance(state, SecretHeld):
        return NOTHING_COLLECTED, state.secret, state.made
    return None


def after_their_step(state: KemState) -> tuple[KemState, EpochSecret, Mark]:
    """Return (state, secret, healing) after a new chain with the next epoch (PQ-12, PQ-14).

    Raises:
        PqDesync: we have given the peer no secret, or do not remember it.
    """
    if not isinstance(state, Answering):
        raise PqDesync("the peer mixes an epoch whose secret we do not have")
    return KEY_DUE, state.secret, state.made


def _added(received: Pieces | None, piece: Fragment) -> Pieces:
    """Return what has come with one piece more; what is there stays, another id begins anew (PQ-09)."""
    if received is None or received.id != piece.id:
        received = Pieces(piece.id, _NOTHING)
    at, data = piece.number, received.data
    return received if data[at] is not None else Pieces(piece.id, (*data[:at], piece.data, *data[at + 1 :]))


def _collect_key(state: Collecting | CiphertextDue | Answering, piece: Fragment) -> KemState:
    begun = state.received if isinstance(state, Collecting) else None
    collected = _added(state.other if isinstance(state, Answering) else begun, piece)
    key = collected.whole()
    if key is None:
        return state._replace(other=collected) if isinstance(state, Answering) else Collecting(collected)
    if key_id(key) != collected.id:
        raise AuthenticationError
    try:
        kem.encapsulation_key(key)
    except InvalidKey:
        raise AuthenticationError from None
    return CiphertextDue(key, collected.id)


def _collect_ciphertext(state: Offering, session_id: SessionId, piece: Fragment) -> KemState:
    if piece.id[:_HALF_ID_B] != state.key_id[:_HALF_ID_B]:
        return state if state.received is None else state._replace(received=None)
    collected = _added(state.received, piece)
    message = collected.whole()
    if message is None:
        return state._replace(received=collected)
    if ciphertext_id(state.key_id, message) != collected.id:
        raise AuthenticationError
    ciphertext = message[:KEM_CIPHERTEXT_B]
    shared = state.pair.decapsulate(ciphertext)
    secret, confirmation = epoch_secret(session_id, piece.epoch, shared, state.pair.public, ciphertext)
    if not kdf.equal(confirmation, message[KEM_CIPHERTEXT_B:]):
        raise PqDesync("the ciphertext of the post-quantum ratchet is not for our key")
    return SecretHeld(secret, collected.id, state.made)
