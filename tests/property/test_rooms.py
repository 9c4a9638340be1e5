"""Rooms in which somebody lies: every lie is noticed, honest runs are quiet, head and order are one.

`python tests/support/room_runs.py` plays more.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
import room_runs
import room_states
from room_people import NOW_MS, Person
from room_states import EVER, head_of
from run_counts import count
from vector_files import load, unhex

from e2ee.errors import DecodeError, UnsupportedVersion
from e2ee.rooms.entry import carrier
from e2ee.rooms.head import judge
from e2ee.rooms.order import order
from e2ee.rooms.payloads import decode_payload, encode_payload
from e2ee.rooms.state import HOLD, Verdict
from e2ee.wire import cbor

TALKS, HONEST, HEADS = count(200, 400), count(60, 120), count(120, 300)


def test_every_lie_is_noticed_and_honest_runs_are_quiet() -> None:
    """TRN-06, TRN-09, TRN-13, TRN-16: forks, omissions, and such behind a restart; of either side."""
    kinds = Counter(room_runs.check_talk(seed) for seed in range(TALKS))
    assert set(kinds) == {"honest", *room_runs.LIES}
    assert min(kinds.values()) > TALKS // 20


def test_honest_devices_with_losses_joins_and_older_stores_accuse_nobody() -> None:
    """TRN-06, TRN-07, TRN-11, TRN-14 to TRN-17: a relay drops a fifth; all comes by asking in the end."""
    kinds = Counter(room_runs.check_honest(seed) for seed in range(HONEST))
    assert kinds["set back"] > HONEST // 20


def test_control_without_links_omissions_stay_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-06: the countermeasure off: where nobody links, what one of two lacks at the end shows nowhere."""
    monkeypatch.setattr("e2ee.rooms.transcript.links", lambda view, _held: ((), view))
    missed = 0
    for seed in range(TALKS // 4):
        liar, _, b, now_ms = room_runs.talk(seed)
        missed += liar.lie is not None and not room_runs.noticed(b, now_ms)
    assert missed > 0


def test_hostile_stewards_move_the_head_within_their_rights() -> None:
    """ROOM-11: no supervisor's hold is dropped, nobody suspended is back, whatever the order of arrival."""
    kinds = Counter(room_runs.check_heads(seed) for seed in range(HEADS))
    assert kinds["moved"] > HEADS // 20


def test_control_by_length_holds_are_dropped() -> None:
    """ROOM-11: the countermeasure off: with the deepest valid state as head, the same runs lose holds."""
    dropped = 0
    for seed in range(HEADS // 4):
        run = room_states.run(seed)
        states = {one.hash: one for one in (*run.honest, *run.hostile)}
        found = judge(states, room_states.ROOT, EVER)
        valid = [one for one in states.values() if found[one.hash] is Verdict.VALID]
        deepest = max(valid, key=lambda one: (one.state.epoch, one.hash))
        before = head_of(run.honest, EVER)
        dropped += before is not None and before.state.has(HOLD) and not deepest.state.has(HOLD)
    assert dropped > 0


def test_a_damaged_payload_is_refused_or_has_one_encoding() -> None:
    """TRN-21, WIRE-04: whatever is read is written again to the same bytes."""
    rnd, outcomes = random.Random(5), Counter[str]()
    cases = [(case["kind"], unhex(case["payload"])) for case in load("rooms.json")["payloads"]]
    for _ in range(4_000):
        kind, payload = rnd.choice(cases)
        damaged = bytearray(payload)
        for _ in range(rnd.randint(1, 3)):
            damaged[rnd.randrange(min(len(damaged), 400))] = rnd.choice(
                (0, 1, 0x40, 0x60, 0xF6, rnd.randrange(256))
            )
        try:
            found = decode_payload(kind, cbor.decode(bytes(damaged)))
        except (DecodeError, UnsupportedVersion):
            outcomes["refused"] += 1
        else:
            assert cbor.encode(encode_payload(found)) == bytes(damaged)
            outcomes["read"] += 1
    assert min(outcomes.values()) > 400


@pytest.mark.parametrize("seed", range(20))
def test_what_is_there_does_not_depend_on_how_it_came(seed: int) -> None:
    """TRN-16, TRN-13: in any order, twice, weeks late: the same entries, no gap, the same order."""
    rnd = random.Random(seed)
    writers = [Person("A"), Person("B"), Person("C", False)]
    sent, now_ms = [], NOW_MS
    for _ in range(40):
        now_ms += rnd.randint(-1_000, 10_000)
        writer = rnd.choice(writers)
        sent.append((writer, writer.write(now_ms, restart=rnd.random() < 0.05)))
        for other in writers:
            for author, entry in rnd.sample(sent, min(3, len(sent))):
                if author is not other:
                    other.receive(carrier(entry), author, now_ms)
    readers = [Person(f"R{at}") for at in range(3)]
    for reader in readers:
        for author, entry in rnd.sample(sent, len(sent)) + rnd.sample(sent, 10):
            reader.receive(carrier(entry), author, now_ms)
    late_ms = now_ms + 90 * 86_400_000
    assert all(reader.gaps(late_ms) == [] for reader in readers)
    shown = {tuple(order(reader.headers(), None)) for reader in readers}
    assert len(shown) == 1
    assert {len(one) for one in shown} == {len(sent)}
