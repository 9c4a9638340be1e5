"""Chapter 12, stored sessions and pairs: the whole state, in one form, and nothing is guessed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pair_states
import parties
import pytest
from pair_states import EPOCH, heard, proven, session_id, started
from parties import NOW_MS, Party, ScriptedRng, open_, state_bytes, with_fields

from e2ee import session, snapshot
from e2ee.content import Top
from e2ee.errors import ReplayError, SnapshotError
from e2ee.ids import Tag
from e2ee.numbers import Given, Received
from e2ee.pair import Ask, Budget, Candidate, Pair, Wanted
from e2ee.primitives import kem
from e2ee.ratchet.skipped import EMPTY, SkippedKey
from e2ee.ratchet.state import Listening, NoChain
from e2ee.secret import HeaderKey, MessageKey, RatchetPrivateKey
from e2ee.session import Session
from e2ee.wire import cbor


def states() -> dict[str, Session]:
    """One session in each state that there is."""
    alice, bob = Party.make("alice"), Party.make("bob")
    begun = alice.initiate(bob, 7, one_time_kem=True)
    waiting, flight = alice.seal(begun, "hello")
    accepted = bob.accept(flight).opened.session
    answering, answer = bob.seal(accepted, "answer", way_back=None)
    established = open_(waiting, answer).session
    _, envelopes = many(alice, established, 6)
    late = open_(open_(answering, envelopes[2]).session, envelopes[5], NOW_MS + 5).session
    listening = with_fields(
        accepted.ratchet,
        sending=Listening(RatchetPrivateKey(b"\1" * 32), HeaderKey(b"\2" * 32)),
        receiving=NoChain(),
    )
    return {
        "started": begun,
        "waiting": waiting,
        "accepted": accepted,
        "answering": answering,
        "established": established,
        "with skipped keys": late,
        "listening": with_fields(accepted, ratchet=listening),
    }


def many(party: Party, state: Session, count: int) -> tuple[Session, list[bytes]]:
    """Seal several texts."""
    envelopes = []
    for number in range(count):
        state, sealed = party.seal(state, f"text {number}", way_back=None)
        envelopes.append(sealed)
    return state, envelopes


def rows_of(state: Session) -> list[SkippedKey]:
    """The rows of skipped keys, through their stored form."""
    stored = [snapshot.encode_skipped(row) for row in state.ratchet.skipped]
    return [snapshot.decode_skipped(place, value) for place, value in stored]


def restored(state: Session) -> Session:
    """What a store gives back."""
    return snapshot.decode_session(snapshot.encode_session(state), rows_of(state))


@pytest.mark.parametrize("name", list(states()))
def test_a_state_has_one_stored_form(name: str) -> None:
    """SES-15, SES-14: encoded, decoded and encoded again, with every field."""
    state = states()[name]
    again = restored(state)
    assert state_bytes(again) == state_bytes(state)
    assert snapshot.encode_session(again) == snapshot.encode_session(state)
    for field in ("id", "origin", "phase", "opened_ms"):
        assert getattr(again, field) == getattr(state, field)
    assert again.tags() == state.tags()
    assert again.ratchet.healing == state.ratchet.healing


@pytest.mark.parametrize("name", list(states()))
def test_a_session_is_found_before_it_is_decoded(name: str) -> None:
    """SES-14, DR-10: its tags but those of skipped keys, and when it opened last."""
    state = states()[name]
    tags, opened_ms = snapshot.decode_outline(snapshot.encode_session(state))
    assert (*tags, *dict.fromkeys(row.tag for row in rows_of(state))) == state.tags()
    assert opened_ms == state.opened_ms


@pytest.mark.parametrize("name", list(states()))
def test_a_session_that_cannot_be_found_is_refused(name: str) -> None:
    """SES-14: another version or length, and damage where its tags and times stand."""
    items = cbor.decode(snapshot.encode_session(states()[name]))
    assert isinstance(items, list)
    wrong: list[tuple[int, cbor.Value]] = [
        (0, 2),
        (9, -1),
        (9, b""),
        (12, [bytes(32)]),
        (12, 1),
        (13, bytes(31)),
        (13, None),
    ]
    cut = [cbor.encode(items[:-1]), cbor.encode([*items, 0]), b"", cbor.encode(items)[:-1]]
    for encoded in [cbor.encode([*items[:at], value, *items[at + 1 :]]) for at, value in wrong] + cut:
        with pytest.raises(SnapshotError):
            snapshot.decode_outline(encoded)


@pytest.mark.parametrize("name", ["started", "waiting", "accepted", "answering", "established"])
def test_a_restored_state_seals_the_same_bytes(name: str) -> None:
    """SES-14: with the same randomness; nothing that matters stays behind in memory."""
    state = states()[name]
    content = Party.make("alice").text("same")
    one, other = (
        session.seal(item, content, NOW_MS, ScriptedRng("x"), kem.encapsulate)
        for item in (state, restored(state))
    )
    assert one.envelope == other.envelope
    assert state_bytes(one.session) == state_bytes(other.session)


def test_a_restored_state_opens_the_same_messages() -> None:
    """SES-14: current chain, skipped numbers in any order, and a new chain, with a restore after each."""
    alice, bob, a, b = parties.connected_pair()
    a, envelopes = many(alice, a, 9)
    for number in (4, 1, 8, 0, 3, 7, 2, 6, 5):
        opened = open_(b, envelopes[number])
        assert parties.text_of(open_(restored(b), envelopes[number])) == f"text {number}"
        b = restored(opened.session)
        assert state_bytes(b) == state_bytes(opened.session)
        with pytest.raises(ReplayError):
            open_(b, envelopes[number])
    b, answer = bob.seal(b, "turn", way_back=None)
    a = restored(open_(restored(a), answer).session)
    _, back = alice.seal(a, "back", way_back=None)
    assert open_(restored(b), back).answered is not None


def test_rows_come_back_in_any_order() -> None:
    """SES-14, DR-16: a store that does not keep the order gives the same state, oldest first."""
    state = states()["with skipped keys"]
    rows = rows_of(state)
    assert len(rows) == 4
    for seed in range(6):
        shuffled = random.Random(seed).sample(rows, len(rows))
        again = snapshot.decode_session(snapshot.encode_session(state), shuffled)
        assert state_bytes(again) == state_bytes(state)
    assert [row.number for row in state.ratchet.skipped] == [0, 1, 3, 4]


def test_a_skipped_key_is_a_row_of_its_own() -> None:
    """SES-14: {chain tag, number} -> {header key, message key, stored_ms}; the session holds none."""
    state = states()["with skipped keys"]
    for row in state.ratchet.skipped:
        place, value = snapshot.encode_skipped(row)
        assert place == row.tag + row.number.to_bytes(4, "big")
        expected = [1, row.header_key.expose(), row.message_key.expose(), row.stored_ms]
        assert cbor.decode(value) == expected
        assert snapshot.decode_skipped(place, value) == row
        assert row.message_key.expose() not in snapshot.encode_session(state)


def test_changes_of_rows_between_two_states() -> None:
    """SES-14: what a store has to write and delete after a message."""
    alice, _, a, b = parties.connected_pair()
    _, envelopes = many(alice, a, 5)
    after = open_(b, envelopes[3]).session
    new, gone = snapshot.skipped_changes(b.ratchet.skipped, after.ratchet.skipped)
    assert ([row.number for row in new], gone) == ([0, 1, 2], [])
    later = open_(open_(after, envelopes[1]).session, envelopes[4]).session
    new, gone = snapshot.skipped_changes(after.ratchet.skipped, later.ratchet.skipped)
    (place,) = gone
    assert (new, place[8:]) == ([], (1).to_bytes(4, "big"))
    same = open_(after, envelopes[4]).session
    assert snapshot.skipped_changes(after.ratchet.skipped, same.ratchet.skipped) == ([], [])
    assert snapshot.skipped_changes(EMPTY, EMPTY) == ([], [])


@pytest.mark.parametrize("version", [0, 4, 255, True, None, "1", b"\1"])
def test_an_unknown_version_is_refused(version: cbor.Value) -> None:
    """SES-14: of a session, of a skipped key, of a pair; never guessed."""
    state = states()["with skipped keys"]
    place, row = snapshot.encode_skipped(next(iter(state.ratchet.skipped)))

    def other(encoded: bytes) -> bytes:
        items = cbor.decode(encoded)
        assert isinstance(items, list)
        return cbor.encode([version, *items[1:]])

    for session_version in (version, 1, 2):
        items = cbor.decode(snapshot.encode_session(state))
        assert isinstance(items, list)
        with pytest.raises(SnapshotError):
            snapshot.decode_session(cbor.encode([session_version, *items[1:]]))
    with pytest.raises(SnapshotError):
        snapshot.decode_skipped(place, other(row))
    with pytest.raises(SnapshotError):
        snapshot.decode_pair(other(snapshot.encode_pair(Pair())), LINE)


@pytest.mark.parametrize("encoded", [b"", b"\x80", b"\xa0", b"\x01", b"\x81\x01", bytes(20_000)])
def test_what_is_no_snapshot_is_refused(encoded: bytes) -> None:
    """SES-14"""
    with pytest.raises(SnapshotError):
        snapshot.decode_session(encoded)
    with pytest.raises(SnapshotError):
        snapshot.decode_skipped(bytes(12), encoded)
    with pytest.raises(SnapshotError):
        snapshot.decode_pair(encoded, LINE)


LINE = b"LINE"
WRONG_VALUES: tuple[cbor.Value, ...] = (
    -1,
    2**53,
    True,
    None,
    b"",
    b"\xff" * 32,
    "x",
    [],
    [9, 9, 9],
    [b"", b""],
)


@pytest.mark.parametrize("name", list(states()))
def test_a_damaged_session_is_refused_or_whole(name: str) -> None:
    """SES-14, SES-15: each field replaced by values of every type: refused, or a state of one form."""
    items = cbor.decode(snapshot.encode_session(states()[name]))
    assert isinstance(items, list)
    refused = 0
    for at in range(len(items)):
        for wrong in WRONG_VALUES:
            encoded = cbor.encode([*items[:at], wrong, *items[at + 1 :]])
            try:
                state = snapshot.decode_session(encoded)
            except SnapshotError:
                refused += 1
            else:
                assert snapshot.encode_session(state) == encoded
    assert refused > 110
    for short in (items[:-1], [*items, 0]):
        with pytest.raises(SnapshotError):
            snapshot.decode_session(cbor.encode(short))


@pytest.mark.parametrize("wrong", [0, 1, None, b"", "x", []])
def test_what_is_true_or_false_is_nothing_else(wrong: cbor.Value) -> None:
    """SES-14: whether we started, which one-time keys were used, whether the peer has proven it."""
    items = cbor.decode(snapshot.encode_session(states()["accepted"]))
    assert isinstance(items, list)
    assert items[6] is False
    replaced: list[tuple[int, cbor.Value]] = [(4, wrong), (7, [wrong, True]), (7, [True, wrong]), (6, wrong)]
    for at, value in replaced:
        with pytest.raises(SnapshotError):
            snapshot.decode_session(cbor.encode([*items[:at], value, *items[at + 1 :]]))


@pytest.mark.parametrize("name", list(states()))
def test_no_flipped_byte_makes_a_second_form(name: str) -> None:
    """SES-15"""
    encoded = snapshot.encode_session(states()[name])
    for at in range(0, len(encoded), 1 if len(encoded) < 1000 else 5):
        changed = encoded[:at] + bytes((encoded[at] ^ 0xFF,)) + encoded[at + 1 :]
        try:
            state = snapshot.decode_session(changed)
        except SnapshotError:
            continue
        assert snapshot.encode_session(state) == changed


def test_inner_states_are_checked() -> None:
    """SES-14: an unknown kind of sending side, a number beyond its end, a key that is none."""
    items = cbor.decode(snapshot.encode_session(states()["answering"]))
    assert isinstance(items, list)
    sending, receiving = items[11], items[12]
    assert isinstance(sending, list)
    assert isinstance(receiving, list)
    wrong_sending: list[cbor.Value] = [
        [3, *sending[1:]],
        [True, *sending[1:]],
        [1, *sending[1:4]],
        [0, *sending[1:]],
        [2, *sending[1:]],
        [*sending[:2], b"\xff" * 32, *sending[3:]],
        [*sending[:5], 2**31 + 1, *sending[6:]],
        [2, b"\xff" * 32, bytes(32), 0],
        [2, bytes(32), bytes(32), 2**31 + 1],
    ]
    wrong_receiving: list[cbor.Value] = [
        receiving[:3],
        [b"\xff" * 32, *receiving[1:]],
        [*receiving[:3], 2**31 + 1],
        [receiving[0], b"short", *receiving[2:]],
    ]
    for at, values in ((11, wrong_sending), (12, wrong_receiving)):
        for wrong in values:
            with pytest.raises(SnapshotError):
                snapshot.decode_session(cbor.encode([*items[:at], wrong, *items[at + 1 :]]))


@pytest.mark.parametrize("place", [b"", bytes(11), bytes(13)])
def test_a_skipped_key_stands_at_its_place(place: bytes) -> None:
    """SES-14"""
    row = SkippedKey(Tag(bytes(8)), 5, HeaderKey(bytes(32)), MessageKey(bytes(32)), NOW_MS)
    right, value = snapshot.encode_skipped(row)
    assert snapshot.decode_skipped(right, value) == row
    with pytest.raises(SnapshotError):
        snapshot.decode_skipped(place, value)
    wrong_rows: list[list[cbor.Value]] = [[1, bytes(31), bytes(32), 0], [1, bytes(32), None, 0], [1]]
    wrong_rows.append([1, bytes(32), bytes(32), -1])
    for wrong in wrong_rows:
        with pytest.raises(SnapshotError):
            snapshot.decode_skipped(right, cbor.encode(wrong))


def full_pair() -> Pair:
    """A pair in which every part is there."""
    top = Top(EPOCH + 3, b"short-id")
    return Pair(
        sessions=(proven(1), proven(2, EPOCH - 1, since_ms=NOW_MS), heard(3), started(4, top=top)),
        known=EPOCH + 3,
        met=True,
        wanted=Wanted(NOW_MS - 1, top, again=True),
        candidate=Candidate(session_id(4), NOW_MS - 2, NOW_MS - 1, 3),
        ask=Ask(b"ask-id-8", NOW_MS - 3, 600_000),
        asked_ms=NOW_MS - 4,
        gap_asks=2,
        rolled_back_ms=NOW_MS - 5,
        budget=Budget(NOW_MS - 6, 1, 2, 3, 4, 5, 6),
        given=Given(7, LINE),
        received=Received(99, b"line", 3, 88, ((4, 5), (9, 9)), 2),
    )


def test_a_pair_is_stored_whole_but_for_its_line() -> None:
    """SES-14, SES-15, SES-29: the line is that of the opening, and no number was given on it yet."""
    for pair in (Pair(given=Given(0, LINE)), full_pair(), pair_states.met(given=Given(1, LINE))):
        encoded = snapshot.encode_pair(pair)
        assert snapshot.decode_pair(encoded, LINE) == pair
        assert snapshot.encode_pair(snapshot.decode_pair(encoded, LINE)) == encoded
    lines = full_pair().given._replace(line=b"old.", first=5)
    again = snapshot.decode_pair(snapshot.encode_pair(replace(full_pair(), given=lines)), LINE)
    assert again.given == Given(7, LINE, 0)


@pytest.mark.parametrize("at", range(1, 13))
def test_a_damaged_pair_is_refused_or_whole(at: int) -> None:
    """SES-14, SES-15: each field, and each field of a field, replaced by values of every type."""
    items = cbor.decode(snapshot.encode_pair(full_pair()))
    assert isinstance(items, list)
    refused = 0
    for changed in _changes(items, at):
        encoded = cbor.encode(changed)
        try:
            pair = snapshot.decode_pair(encoded, LINE)
        except SnapshotError:
            refused += 1
        else:
            assert snapshot.encode_pair(pair) == encoded
    assert refused > len(WRONG_VALUES) // 2
    with pytest.raises(SnapshotError):
        snapshot.decode_pair(cbor.encode(items[:at]), LINE)


def _changes(items: list[cbor.Value], at: int) -> Iterator[list[cbor.Value]]:
    for wrong in WRONG_VALUES:
        yield [*items[:at], wrong, *items[at + 1 :]]
    inner = items[at]
    for index in range(len(inner) if isinstance(inner, list) else 0):
        for deeper in _changes(list(inner), index) if isinstance(inner, list) else ():
            yield [*items[:at], deeper, *items[at + 1 :]]


def test_a_stored_prefix_is_repeated_as_it_was() -> None:
    """HS-03, SES-14: after a restart in the middle of waiting."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob), "one")
    a, again = alice.seal(restored(a), "two")
    assert flight[:2110] == again[:2110]
    assert bob.accept(again).opened.skipped == 1
