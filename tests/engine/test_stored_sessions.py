"""Sessions of an opened store: found at once, decoded when they are looked at (SES-14)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from e2ee_client.engine import stored_sessions
from e2ee_client.engine.stored_sessions import Sessions
from e2ee_client.errors import StoreCorrupt
from engine_world import Rows, acquainted

from e2ee.ids import SessionId
from e2ee.ratchet.skipped import SkippedKey
from e2ee.session import Session
from e2ee.snapshot import decode_session
from e2ee.wire import cbor


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The rows of sessions that are decoded."""
    found: list[bytes] = []

    def counted(row: bytes, skipped: Iterable[SkippedKey] = ()) -> Session:
        found.append(row)
        return decode_session(row, skipped)

    monkeypatch.setattr(stored_sessions, "decode_session", counted)
    return found


def loaded(rows: Rows) -> Sessions:
    sessions = Sessions()
    sessions.load(rows)
    return sessions


def test_an_opened_store_goes_on_and_decodes_what_it_uses(decoded: list[bytes]) -> None:
    """SES-14: nothing at opening and at the start; then the session in which something comes, once."""
    world, company, customer, praxis = acquainted()
    kept = dict(company.engine._state.sessions)
    tags = {tag: set(found) for tag, found in company.engine._state.tags.items()}
    heard = {key: peer.heard_ms for key, peer in company.engine._state.peers.items()}
    company.crash()
    company.start()
    state = company.engine._state
    assert state.tags == tags
    assert {key: peer.heard_ms for key, peer in state.peers.items()} == heard
    assert not decoded
    assert set(state.sessions) == set(kept)
    customer.send(praxis, "Noch etwas")
    customer.send(praxis, "und noch etwas")
    world.settle()
    assert company.texts()[-2:] == ["Noch etwas", "und noch etwas"]
    assert len(decoded) == 1


def test_what_was_decoded_is_the_session_that_was_stored(decoded: list[bytes]) -> None:
    """SES-14: once, also after it was asked for by several; the mapping is as one of decoded sessions."""
    _, company, _, _ = acquainted()
    (session_id,) = company.engine._state.sessions
    kept = company.engine._state.sessions[session_id]
    sessions = loaded(company.rows)
    assert (len(sessions), list(sessions), session_id in sessions) == (1, [session_id], True)
    assert not sessions.has_skipped(session_id)
    assert not decoded
    assert sessions[session_id].tags() == kept.tags()
    assert sessions.get(session_id) is sessions[session_id]
    assert not sessions.has_skipped(session_id)
    assert len(decoded) == 1
    assert (len(sessions), list(sessions), session_id in sessions) == (1, [session_id], True)
    assert bytes(32) not in sessions
    with pytest.raises(KeyError):
        sessions[SessionId(bytes(32))]
    with pytest.raises(KeyError):
        del sessions[SessionId(bytes(32))]


def test_a_session_goes_whether_it_was_decoded_or_not() -> None:
    """SES-33: what is stored in its place counts."""
    _, company, _, _ = acquainted()
    (session_id,) = company.engine._state.sessions
    closed, opened, replaced = (loaded(company.rows) for _ in range(3))
    newer = opened[session_id]._replace(opened_ms=99)
    replaced[session_id] = newer
    assert replaced[session_id] is newer
    for one in (closed, opened, replaced):
        del one[session_id]
        assert (len(one), session_id in one, list(one)) == (0, False, [])
    assert "0 sessions" in repr(closed)


def test_the_tag_of_a_skipped_key_finds_its_session() -> None:
    """DR-10, SES-14: from the rows of skipped keys, before the session is decoded."""
    world, company, _, _ = acquainted()
    session_id = next(iter(company.engine._state.sessions))
    rows, tag = company.rows.copy(), b"a tag 8b"
    value = cbor.encode([1, bytes(32), bytes(32), world.now_ms])
    rows.tables["skipped"] = {session_id + tag + n.to_bytes(4, "big"): value for n in (3, 4)}
    sessions = Sessions()
    found = sessions.load(rows)[session_id]
    assert found.tags.count(tag) == 1
    assert sessions.has_skipped(session_id)
    assert found.tags == sessions[session_id].tags()
    assert sessions.has_skipped(session_id)


def test_a_damaged_session_is_refused_and_stays_refused() -> None:
    """SES-14: another version when the store is opened, anything else where it is looked at."""
    _, company, _, _ = acquainted()
    ((key, row),) = company.rows.tables["session"].items()
    items = cbor.decode(row)
    assert isinstance(items, list)
    rows = company.rows.copy()
    rows.tables["session"][key] = cbor.encode([2, *items[1:]])
    with pytest.raises(StoreCorrupt):
        loaded(rows)
    rows.tables["session"][key] = cbor.encode([*items[:4], 5, *items[5:]])
    sessions = loaded(rows)
    for _ in range(2):
        with pytest.raises(StoreCorrupt):
            sessions[SessionId(key)]
    assert SessionId(key) in sessions
