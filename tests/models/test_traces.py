"""Traces of the TLA+ models, replayed on the code: after each step the code is where the model says.

The traces are made by spec/models/tla/make_traces.py. Each kind of replay is shown faults that it notices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import model_traces
import pytest
from consent_replay import ConsentReplay
from e2ee_client.rows import Continuity
from e2ee_client.store import opening
from e2ee_relay.store.sqlite import SqliteStore
from e2ee_relay.store.sqlite_file import DatabaseFile
from e2ee_relay.store.sqlite_group import SqliteGroup
from e2ee_relay.store.sqlite_view import SqliteView
from model_traces import Difference, Trace
from pair_replay import JUMP, PairReplay
from prekey_stock_replay import PrekeyStockReplay
from relay_queue_replay import RelayQueueReplay
from room_head_replay import RoomHeadReplay
from sealing_record import SealingRecord
from stored_ratchet_replay import StoredRatchetReplay

from e2ee import labels, numbers
from e2ee import pair as pairs
from e2ee.constants import SALT_B
from e2ee.errors import SessionInactive
from e2ee.numbers import Given
from e2ee.pair import Pair
from e2ee.primitives import kdf
from e2ee.ratchet import chain
from e2ee.rooms import head
from e2ee.rooms.consent import RoomConsent
from e2ee.rooms.head import Team
from e2ee.rooms.room import Room
from e2ee.rooms.state import WrittenState

TRACES: Final = {model: model_traces.read(model) for model in model_traces.MODELS}
# Only a control of the model has the first: the real owner never uploads a key twice. No run came to the
# second.
NOT_REPLAYED: Final = {"repeat", "want"}


def traces(model: str, name: str = "") -> list[Any]:
    return [
        pytest.param(trace, id=trace.name.replace(" ", "-")) for trace in TRACES[model] if name in trace.name
    ]


@pytest.mark.parametrize("trace", traces("RelayQueue"))
def test_the_relay_queue_follows_its_model(trace: Trace, tmp_path: Path) -> None:
    """RLY-30, RLY-32, RLY-35, RLY-37, RLY-39, RLY-41: disk, memory, answers and pushes, crashes included."""
    replay = RelayQueueReplay(tmp_path)
    assert model_traces.follow(replay, trace) == len(trace.changes)
    replay.close()


@pytest.mark.parametrize("trace", traces("StoredRatchet"))
def test_the_stored_ratchet_follows_its_model(trace: Trace, tmp_path: Path) -> None:
    """DR-04, DR-05, STO-09, STO-14, STO-15, STO-23; and no AEAD key seals two texts, whatever is restored."""
    replay = StoredRatchetReplay(tmp_path, trace.name)
    with SealingRecord() as record:
        assert model_traces.follow(replay, trace) == len(trace.changes)
    replay.close()
    assert record.reused == []
    assert len(record.sealed) > 2


@pytest.mark.parametrize("trace", traces("Prekeys"))
def test_the_prekey_stock_follows_its_model(trace: Trace, tmp_path: Path) -> None:
    """RLY-62, RLY-63, RLY-76: database, mark, and what was handed out."""
    replay = PrekeyStockReplay(tmp_path)
    assert model_traces.follow(replay, trace) == len(trace.changes)
    replay.close()


@pytest.mark.parametrize("trace", traces("Pair"))
def test_the_rules_of_a_pair_follow_their_model(trace: Trace) -> None:
    """SES-21 to SES-28, SES-30 to SES-32: sessions, search and numbers of both sides, losses included."""
    with patch.object(numbers, "MAX_NUMBER_JUMP", JUMP):
        assert model_traces.follow(PairReplay(), trace) == len(trace.changes)


@pytest.mark.parametrize("trace", traces("Consent"))
def test_consent_follows_its_model(trace: Trace) -> None:
    """CNS-09, CNS-10, CNS-13, CNS-15, CNS-17, CNS-19, CNS-20: two devices of a person, and a desk."""
    assert model_traces.follow(ConsentReplay(), trace) == len(trace.changes)


@pytest.mark.parametrize("trace", traces("RoomHead"))
def test_the_head_of_a_room_follows_its_model(trace: Trace) -> None:
    """ROOM-05, ROOM-08, ROOM-10, ROOM-11, ROOM-27, ROOM-28: verdicts, head and hold, in any order."""
    assert model_traces.follow(RoomHeadReplay(), trace) == len(trace.changes)


# --- the traces themselves ---


@pytest.mark.parametrize("model", model_traces.MODELS)
def test_the_traces_are_those_of_the_model(model: str) -> None:
    """After a change of a model: `python spec/models/tla/make_traces.py`."""
    assert model_traces.made_from(model) == model_traces.digest(model)


@pytest.mark.parametrize("model", model_traces.MODELS)
def test_every_action_of_the_model_is_replayed(model: str) -> None:
    text = (model_traces.FOLDER / f"{model}Trace.tla").read_text("utf-8")
    replayed = {step.step["op"] for trace in TRACES[model] for step in trace.steps()}
    assert replayed == set(re.findall(r'Named\("([a-z ]+)"', text)) - NOT_REPLAYED


@pytest.mark.parametrize("trace", traces("StoredRatchet", "limit"))
def test_a_declared_limit_of_the_store_uses_a_message_key_twice(trace: Trace) -> None:
    """STO-14, STO-23, DR-05: what the replay above carried out ends with two texts under one message key."""
    (*_, last) = trace.steps()
    sent = [(envelope["sess"], envelope["n"]) for envelope in last.after["net"]]
    assert len(sent) == len(set(sent)) + 1


@pytest.mark.parametrize("trace", traces("Prekeys", "limit"))
def test_a_declared_limit_of_the_relay_hands_a_key_out_twice(trace: Trace) -> None:
    """RLY-76: database and mark put back together, and no operator who says so."""
    (*_, last) = trace.steps()
    assert len(last.after["given"]) == len(set(last.after["given"])) + 1


@pytest.mark.parametrize("trace", traces("Consent", "limit"))
def test_a_declared_limit_of_consent_lets_an_earlier_word_count(trace: Trace) -> None:
    """CNS-09: a clock that is ahead numbered a consent above the withdrawal that a person made last."""
    (*_, last) = trace.steps()
    desk = last.after["desk"]["K"]
    assert last.after["word"] == "no"
    assert desk["receipt"] > desk["withdrawal"] > 0


# --- faults that the replays notice ---

WRITE: Final = SqliteGroup._write_messages
BEGIN: Final = SqliteView.begin
WITHDRAW: Final = RoomConsent.with_withdrawal
NEWEST: Final = head.newest_ranks


def unwritten(group: SqliteGroup, _puts: list[tuple[Any, ...]], gone: list[int]) -> None:
    """Messages that are confirmed and were never stored."""
    WRITE(group, [], gone)


def begun_again(view: SqliteView, _generation: int) -> None:
    """Every start gives the numbers of the first one."""
    BEGIN(view, 1)


def unhedged(message_key: bytes, fresh: bytes, _header: bytes, _body: bytes) -> bytes:
    """A salt of the randomness alone."""
    return kdf.prf(message_key, labels.SALT, SALT_B, data=fresh)


QUEUE_FAULTS: Final[dict[str, Callable[[], Any]]] = {
    "confirmed but not stored": lambda: patch.object(SqliteGroup, "_write_messages", unwritten),
    "ids forgotten": lambda: patch.object(SqliteView, "knows", lambda _view, _address, _msg_id: False),
    "what failed is believed": lambda: patch.object(SqliteStore, "_reload", lambda _store: None),
    "numbers given again": lambda: patch.object(SqliteView, "begin", begun_again),
}
STORE_FAULTS: Final[dict[str, Callable[[], Any]]] = {
    "every copy taken for the original": lambda: patch.object(
        opening, "judge", lambda _state, _anchor, _mark: Continuity.CONTINUOUS
    ),
    "a crashed opening is not made good": lambda: patch.object(
        opening, "crashed_while_opening", lambda _state, _anchor: False
    ),
}
STOCK_FAULTS: Final[dict[str, Callable[[], Any]]] = {
    "a restored stock is served": lambda: patch.object(DatabaseFile, "is_restored", lambda _file: False),
    "keys leave without a mark": lambda: patch.object(
        SqliteStore, "_behind_mark", lambda _store, _handed_out: None
    ),
}


PAIR_FAULTS: Final[dict[str, Callable[[], Any]]] = {
    "a flight counts as proven": lambda: patch.object(
        Pair, "active", property(lambda pair: min(pair.sessions, key=lambda one: one.rank, default=None))
    ),
    "a candidate outlives its session": lambda: patch.object(pairs, "_alive", lambda pair, _answered: pair),
    "a loss begins the numbers anew": lambda: patch.object(Given, "skip_to", lambda _given, _now_ms: Given()),
}
CONSENT_FAULTS: Final[dict[str, Callable[[], Any]]] = {
    "an overtaken withdrawal is forgotten": lambda: patch.object(
        RoomConsent, "with_withdrawal", lambda known, new: WITHDRAW(known, new) if known.receipt else known
    ),
    "what came last counts": lambda: patch.object(
        RoomConsent, "with_receipt", lambda known, receipt: replace(known, receipt=receipt)
    ),
    "a withdrawal stops nothing": lambda: patch.object(
        RoomConsent, "is_withdrawn", property(lambda _: False)
    ),
}
ROOM_FAULTS: Final[dict[str, Callable[[], Any]]] = {
    "a suspended supervisor clears a hold": lambda: patch.object(
        Team, "still", lambda who, ref: who.ranks(ref) or {}
    ),
    "only the head says whether there is a hold": lambda: patch.object(Room, "_setters", lambda _: []),
    "a suspended supervisor has a vote": lambda: patch.object(
        head, "newest_ranks", lambda valid, who: NEWEST(valid, Team(who.ranks))
    ),
    "the last one written counts": lambda: patch.object(head, "_votes", last_votes),
}


def last_votes(valid: Iterable[WrittenState], _: Any) -> list[tuple[int, WrittenState]]:
    """One vote of one supervisor, for the longest branch."""
    return [(3, one) for one in sorted(valid, key=lambda one: one.state.epoch)[-1:]]


def replay_all(model: str, make: Callable[[Path, Trace], Any], folder: Path) -> None:
    for number, trace in enumerate(TRACES[model]):
        place = folder / f"trace {number}"
        place.mkdir()
        replay = make(place, trace)
        try:
            model_traces.follow(replay, trace)
        finally:
            replay.close()


@pytest.mark.parametrize("fault", QUEUE_FAULTS)
def test_a_fault_of_the_relays_queue_is_noticed(fault: str, tmp_path: Path) -> None:
    with QUEUE_FAULTS[fault](), pytest.raises(Difference, match="RelayQueue, simulated"):
        replay_all("RelayQueue", lambda folder, _: RelayQueueReplay(folder), tmp_path)


@pytest.mark.parametrize("fault", STORE_FAULTS)
def test_a_fault_of_the_clients_store_is_noticed(fault: str, tmp_path: Path) -> None:
    with STORE_FAULTS[fault](), pytest.raises(Difference, match="StoredRatchet, simulated"):
        replay_all("StoredRatchet", lambda folder, trace: StoredRatchetReplay(folder, trace.name), tmp_path)


@pytest.mark.parametrize("fault", STOCK_FAULTS)
def test_a_fault_of_the_relays_stock_is_noticed(fault: str, tmp_path: Path) -> None:
    with STOCK_FAULTS[fault](), pytest.raises(Difference, match="Prekeys, simulated"):
        replay_all("Prekeys", lambda folder, _: PrekeyStockReplay(folder), tmp_path)


@pytest.mark.parametrize("fault", PAIR_FAULTS)
def test_a_fault_of_the_rules_of_a_pair_is_noticed(fault: str, tmp_path: Path) -> None:
    with (
        PAIR_FAULTS[fault](),
        patch.object(numbers, "MAX_NUMBER_JUMP", JUMP),
        pytest.raises((Difference, SessionInactive), match=r"Pair, simulated|only the active"),
    ):
        replay_all("Pair", lambda _folder, _trace: PairReplay(), tmp_path)


@pytest.mark.parametrize("fault", CONSENT_FAULTS)
def test_a_fault_of_consent_is_noticed(fault: str, tmp_path: Path) -> None:
    with CONSENT_FAULTS[fault](), pytest.raises(Difference, match="Consent, simulated"):
        replay_all("Consent", lambda _folder, _trace: ConsentReplay(), tmp_path)


@pytest.mark.parametrize("fault", ROOM_FAULTS)
def test_a_fault_of_the_head_is_noticed(fault: str, tmp_path: Path) -> None:
    with ROOM_FAULTS[fault](), pytest.raises(Difference, match="RoomHead, simulated"):
        replay_all("RoomHead", lambda _folder, _trace: RoomHeadReplay(), tmp_path)


@pytest.mark.parametrize("trace", traces("StoredRatchet", "limit"))
def test_without_the_hedged_salt_a_restored_state_uses_a_key_twice(trace: Trace, tmp_path: Path) -> None:
    """DR-05: the record of sealings notices, so its silence above means something."""
    replay = StoredRatchetReplay(tmp_path, trace.name)
    with patch.object(chain, "hedged_salt", unhedged), SealingRecord() as record:
        model_traces.follow(replay, trace)
    replay.close()
    assert len(record.reused) > 0
