"""Stored states: each comes back, and goes on as the one that was never stored (SES-14, SES-15)."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest
from device_model import DeviceModel
from hypothesis import given
from hypothesis import strategies as st
from session_world import SessionWorld

from e2ee import snapshot
from e2ee.content import Text
from e2ee.errors import SnapshotError
from e2ee.session import Session
from e2ee.wire import cbor

# One letter a step: A or B sends, a or b receives the oldest, x drops it, g leaves a gap in A's chain.
SCRIPTS = st.text("ABABabababxg", max_size=25)


def played(script: str, seed: int = 3) -> SessionWorld:
    """Two devices after a script."""
    world = SessionWorld(seed)
    for letter in script:
        waiting = [packet for packet in world.network.waiting if packet.recipient == "ab".find(letter)]
        if letter in "AB":
            world.send(world.devices["AB".index(letter)], "BA".index(letter), Text(letter))
        elif letter == "g" and world.devices[0].pair(1).active is not None:
            world.send(world.devices[0], 1, Text("gap"), keep=False)
        elif letter == "x" and world.network.waiting:
            world.network.take(0)
        elif waiting:
            world.network.waiting.remove(waiting[0])
            world.deliver(world.devices[waiting[0].recipient], waiting[0].envelope)
    return world


def sessions_of(world: SessionWorld) -> list[Session]:
    """All sessions of all devices."""
    return [one for device in world.devices for pair in device.pairs.values() for one in pair.sessions()]


def stored(session: Session) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """A session as rows."""
    rows = sorted(snapshot.encode_skipped(row) for row in session.ratchet.skipped)
    return snapshot.encode_session(session), rows


def loaded(encoded: bytes, rows: list[tuple[bytes, bytes]]) -> Session:
    """A session from its rows."""
    return snapshot.decode_session(encoded, [snapshot.decode_skipped(*row) for row in rows])


@given(SCRIPTS)
def test_a_stored_session_comes_back_equal(script: str) -> None:
    """SES-14, SES-15: byte by byte, skipped keys included."""
    for session in sessions_of(played(script)):
        again = loaded(*stored(session))
        assert stored(again) == stored(session)
        assert again._replace(ratchet=session.ratchet) == session
        # Chains stored in the same millisecond may change places: none of them is the older one.
        assert sorted(again.tags()) == sorted(session.tags())


@given(SCRIPTS, SCRIPTS, st.integers(0, 2**32))
def test_a_restored_device_goes_on_as_the_one_that_ran_through(before: str, after: str, order: int) -> None:
    """SES-14: the same script from memory and from rows ends in the same rows, and both sides still agree."""
    through, restarted = played(before), played(before)
    for device in restarted.devices:
        device.load(device.store())
    for world in (through, restarted):
        for letter in after:
            if letter in "AB":
                world.send(world.devices["AB".index(letter)], "BA".index(letter), Text(letter))
            elif world.network.waiting:
                packet = world.network.take(0)
                world.deliver(world.devices[packet.recipient], packet.envelope)
        world.quiesce(random.Random(order))
    assert [device.rows for device in through.devices] == [device.rows for device in restarted.devices]


@given(
    SCRIPTS.filter(lambda script: "A" in script), st.integers(0, 2**16), st.integers(0, 255), st.booleans()
)
def test_a_damaged_row_is_refused_or_another_state(script: str, at: int, byte: int, cut: bool) -> None:
    """SES-14: nothing but a SnapshotError comes out, and what is taken encodes to what was read."""
    encoded, rows = stored(sessions_of(played(script))[0])
    at %= len(encoded)
    changed = encoded[:at] if cut else encoded[:at] + bytes((byte,)) + encoded[at + 1 :]
    try:
        session = loaded(changed, rows)
    except SnapshotError:
        assert changed != encoded
        return
    assert snapshot.encode_session(session) == changed


@given(SCRIPTS.filter(lambda script: "A" in script), st.integers(-(2**63), 2**63) | st.none() | st.booleans())
def test_an_unknown_version_is_refused(script: str, version: int | bool | None) -> None:
    """SES-14."""
    items = cast("list[Any]", cbor.decode(snapshot.encode_session(sessions_of(played(script))[0])))
    items[0] = version
    if version is not True and version == snapshot.SESSION_FORMAT:
        assert snapshot.decode_session(cbor.encode(items))
        return
    with pytest.raises(SnapshotError):
        snapshot.decode_session(cbor.encode(items))


@given(SCRIPTS)
def test_a_stored_pair_comes_back_with_its_sessions(script: str) -> None:
    """SES-14; and a pair that lacks a session is refused."""
    for pair in [pair for device in played(script).devices for pair in device.pairs.values()]:
        row = snapshot.decode_pair(snapshot.encode_pair(pair))
        known = {session.id: session for session in pair.sessions()}
        assert snapshot.restore_pair(row, known) == pair
        known.popitem()
        with pytest.raises(SnapshotError):
            snapshot.restore_pair(row, known)


def test_the_scripts_reach_every_kind_of_state() -> None:
    """Each sending and receiving state, and skipped keys, or the tests above would show little."""
    world = played("A" + "a" + "B" + "b" * 0)
    sender: DeviceModel = world.devices[0]
    assert sender.pair(1).active is not None
    found = {
        (type(one.ratchet.sending).__name__, type(one.ratchet.receiving).__name__, bool(one.ratchet.skipped))
        for script in ("A", "Ab", "AbB", "AbBa", "AbBaAb", "AgAbb", "AgAb")
        for one in sessions_of(played(script))
    }
    assert {kind for kind, _, _ in found} >= {"Sending", "StepDue"}
    assert {kind for _, kind, _ in found} == {"NoChain", "Receiving"}
    assert {kept for _, _, kept in found} == {True, False}
