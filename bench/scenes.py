"""What the rows are measured on: two parties, a session between them, texts of a given size."""

from __future__ import annotations

import os
from collections.abc import Sequence

import parties
from parties import Connected

from bench.bare_calls import recorded_kem
from bench.floors import Message, Turn, messages
from e2ee import content as contents
from e2ee import session
from e2ee.content import Content, Text
from e2ee.ids import ContentId
from e2ee.primitives import dh, kem
from e2ee.ratchet import chain, kem_ratchet
from e2ee.ratchet.state import Receiving, Sending, StepDue
from e2ee.secret import RootKey
from e2ee.session import Session
from e2ee.wire.envelope import decode

NOW_MS = parties.NOW_MS


def talking() -> Connected:
    """Two parties in the middle of a chain of Alice's: the state in which most messages are sent."""
    alice, bob, a, b = parties.connected_pair()
    a, envelope = session.seal(a, text("x"), NOW_MS, os.urandom, kem.encapsulate)
    return Connected(alice, bob, a, session.open_(b, decode(envelope), NOW_MS).session)


def text(of: str) -> Content:
    """A text as most messages are: its number alone travels with it."""
    return Content(ContentId(os.urandom(16)), NOW_MS, Text(of), number=parties.NUMBER)


def seal_all(state: Session, contents: Sequence[Content]) -> list[bytes]:
    """Seal one after the other."""
    sealed: list[bytes] = []
    for content in contents:
        state, envelope = session.seal(state, content, NOW_MS, os.urandom, kem.encapsulate)
        sealed.append(envelope)
    return sealed


def trace(receiver: Session, sealed: Sequence[bytes]) -> list[Message]:
    """The arguments of every call for envelopes that go on in the receiver's newest chain."""
    receiving = receiver.ratchet.receiving
    if not isinstance(receiving, Receiving):
        raise TypeError("nothing has been received")
    return messages(receiver.id, receiving.header_key.expose(), receiving.chain_key.expose(), sealed)


def ping_pong(a: Session, b: Session, of: str, round_trips: int) -> list[Turn]:
    """The same for messages in turn, each of which begins a chain, with the calls of ML-KEM among them."""
    turns: list[Turn] = []
    with recorded_kem() as bare:
        for _ in range(2 * round_trips):
            after, envelope = session.seal(a, text(of), NOW_MS, os.urandom, kem.encapsulate)
            sealing = bare.taken()
            opened = session.open_(b, decode(envelope), NOW_MS).session
            turn = _trace_turn(a, after, b, envelope)
            turns.append(turn._replace(kem_sealing=sealing, kem_opening=bare.taken()))
            a, b = opened, after
    return turns


def _trace_turn(before: Session, after: Session, receiver: Session, sealed: bytes) -> Turn:
    """The sender before and after a message that begins a chain, the receiver before it."""
    due, sending, theirs = before.ratchet.sending, after.ratchet.sending, receiver.ratchet.sending
    if not (isinstance(due, StepDue) and isinstance(sending, Sending) and isinstance(theirs, Sending)):
        raise TypeError("not the first message of a chain")
    root_key = before.ratchet.root_key.expose()
    shared = dh.exchange(sending.private_key.expose(), due.their_key)
    mixing = kem_ratchet.after_own_step(before.ratchet.kem)
    secret = None if mixing is None else mixing[1]
    chain_key = chain.root(RootKey(root_key), shared, secret, after.ratchet.pq_epoch).chain_key
    (message,) = messages(before.id, due.next_header_key.expose(), chain_key.expose(), [sealed])
    return Turn(
        message,
        sending.private_key.expose(),
        sending.public_key,
        theirs.private_key.expose(),
        theirs.public_key,
        root_key,
        shared if secret is None else shared + secret.expose(),
        (),
        (),
    )


def content_frame_b() -> int:
    """How many bytes of an encoded content are not its text, for long texts."""
    return len(contents.encode(text("x" * 40_000))) - 40_000
