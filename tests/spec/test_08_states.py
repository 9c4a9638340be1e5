"""Chapter 08, the tables of states: each cell is driven on e2ee.pair; budgets and lengths of the chapter."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pair_states as states
import pytest
from pair_states import ASK_ID, EPOCH, LATER_KEY, met, session_id, sync
from parties import DAY_MS, NOW_MS

from e2ee import pair as pairs
from e2ee.content import SyncKind
from e2ee.pair import Change, Pair

_CHAPTER = Path(__file__).resolve().parents[2] / "spec" / "08-sessions.md"
_NEW = 9


@cache
def table(first: str) -> Mapping[tuple[str, str], str]:
    """Read a table of the chapter: (row, column) -> cell."""
    lines = _CHAPTER.read_text("utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {first} |"))
    header = [cell.strip() for cell in lines[start].strip("|").split("|")]
    cells: dict[tuple[str, str], str] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        row = [cell.strip() for cell in line.strip("|").split("|")]
        cells.update({(row[0], column): cell for column, cell in zip(header[1:], row[1:], strict=True)})
    return cells


def _message(pair: Pair) -> Change:
    if pair.session(session_id(5)) is None:
        return pairs.heard(pair, states.heard(5), NOW_MS)
    return pairs.opened(pair, session_id(5), None, NOW_MS)


def _answer(pair: Pair) -> Change:
    return pairs.opened(pair, session_id(5), LATER_KEY, NOW_MS)


def _another(pair: Pair) -> Change:
    pair = replace(pair, sessions=(*pair.sessions, states.heard(_NEW, EPOCH + 5)))
    return pairs.opened(pair, session_id(_NEW), LATER_KEY, NOW_MS)


def _tell(pair: Pair) -> Change:
    pair = pairs.asked(pair, ASK_ID, pairs.SHORT_PATIENCE_MS, NOW_MS)
    return pairs.synced(pair, session_id(1), sync(SyncKind.TELL, ASK_ID), NOW_MS)


def _age(pair: Pair) -> Change:
    session = pair.session(session_id(5))
    is_candidate = pair.candidate is not None
    age_ms = DAY_MS if is_candidate else 7 * DAY_MS if session and session.proven else 44 * DAY_MS
    before = pairs.tick(pair, NOW_MS + age_ms - 1, connected=False, texts_wait=False)
    assert before.pair.session(session_id(5)) is not None
    return pairs.tick(pair, NOW_MS + age_ms, connected=False, texts_wait=False)


_SESSION_EVENTS: Mapping[str, tuple[Callable[[Pair], Change], bool]] = {
    "message, no answer": (_message, True),
    "answer, outranks": (_answer, True),
    "answer, outranked": (_answer, False),
    "another becomes active": (_another, True),
    "matching tell": (_tell, False),
    "its age": (_age, True),
}


def _cells(first: str) -> Iterator[tuple[str, str, str]]:
    for (row, column), cell in table(first).items():
        if cell != "-":
            yield row, column, cell


@pytest.mark.parametrize(("state", "event", "after"), list(_cells("Session")))
def test_each_cell_of_the_table_of_sessions(state: str, event: str, after: str) -> None:
    """SES-22, SES-23, SES-26, SES-27, SES-33, SES-36"""
    act, outranks = _SESSION_EVENTS[event]
    pair = states.pair_with(state, outranks=outranks)
    if state != "none":
        assert states.state_of_session(Change(pair), 5) == state
    change = act(pair)
    assert states.state_of_session(change, 5) == after
    assert (session_id(5) in change.gone) == (after == states.GONE)


_PAIRS: Mapping[str, Callable[[], Pair]] = {
    "Calm": states.calm,
    "Asking": states.asking,
    "Wanting": states.wanting,
    "Candidate": states.with_candidate,
}


def _life(pair: Pair) -> Pair:
    sent_later = pairs.opened(pair, session_id(1), LATER_KEY, NOW_MS).pair
    if sent_later.ask is None:
        return sent_later
    return pairs.synced(sent_later, session_id(1), sync(SyncKind.TELL, ASK_ID), NOW_MS).pair


def _life_of(pair: Pair) -> Pair:
    if pair.wanted is not None:  # wanted by silence: the session becomes alive by a new one
        pair = replace(pair, sessions=(*pair.sessions, states.heard(_NEW, EPOCH + 5)))
        return pairs.opened(pair, session_id(_NEW), LATER_KEY, NOW_MS).pair
    return _life(pair)


_PAIR_EVENTS: Mapping[str, Callable[[Pair], Pair]] = {
    "ask sent": lambda pair: pairs.asked(pair, ASK_ID, pairs.SHORT_PATIENCE_MS, NOW_MS),
    "life": _life_of,
    "silence": lambda pair: (
        pairs.tick(pair, NOW_MS + pairs.SHORT_PATIENCE_MS, connected=True, texts_wait=False).pair
    ),
    "session started": lambda pair: pairs.started(pair, states.started(_NEW, EPOCH + 5), NOW_MS).pair,
    "top lacked": lambda pair: (
        pairs.synced(pair, session_id(1), sync(top=states.top(7, EPOCH + 3)), NOW_MS).pair
    ),
    "a day": lambda pair: pairs.tick(pair, NOW_MS + DAY_MS, connected=False, texts_wait=False).pair,
    "loss": lambda pair: pairs.lost(pair, NOW_MS),
    "search over": lambda pair: (
        pairs.tick(pair, NOW_MS + pairs.SEARCH_MS + 1, connected=True, texts_wait=False).pair
    ),
}


@pytest.mark.parametrize(("state", "event", "after"), list(_cells("Pair")))
def test_each_cell_of_the_table_of_pairs(state: str, event: str, after: str) -> None:
    """SES-25, SES-26, SES-27, SES-28, SES-32"""
    pair = _PAIRS[state]()
    assert states.state_of_pair(pair) == state
    assert states.state_of_pair(_PAIR_EVENTS[event](pair)) == after


def test_tables_have_each_state_and_event() -> None:
    """SES-36: a row or a column more would be one that nothing drives."""
    assert {column for _, column in table("Session")} == set(_SESSION_EVENTS)
    assert {column for _, column in table("Pair")} == set(_PAIR_EVENTS)
    assert {row for row, _ in table("Pair")} == set(_PAIRS)


def test_table_of_budgets_names_the_constants_of_the_code() -> None:
    """SES-35: the number at the start of the second column is that of the constant."""
    modules = [importlib.import_module(name) for name in ("e2ee.pair", "e2ee.constants")]
    rows = {
        cells[3].strip().strip("`"): cells[2].strip()
        for line in _CHAPTER.read_text("utf-8").splitlines()
        if line.count("|") == 5 and len(cells := line.split("|")) == 6
    }
    checked = 0
    for name, value in rows.items():
        number = re.match(r"[\d ]+", value)
        for module in modules:
            if hasattr(module, name) and number is not None and isinstance(getattr(module, name), int):
                assert getattr(module, name) == int(number[0].replace(" ", "")), name
                checked += 1
    assert checked >= 9


def test_chapter_is_short() -> None:
    """Rules have at most three sentences, the text beside the tables at most 1800 words."""
    text = _CHAPTER.read_text("utf-8")
    words = sum(len(line.split()) for line in text.splitlines() if not line.startswith("|"))
    assert words <= 1_800
    rules = [part for part in text.split("\n\n") if part.startswith("**")]
    assert len(rules) >= 25
    for rule in rules:
        assert len(re.findall(r"\.(?=\s|$)", rule)) <= 3, rule[:10]


def test_pairs_of_the_tables_have_met() -> None:
    """SES-36"""
    assert met().met
    assert met().active is not None
