"""What a thief of a side's whole state reads of a conversation with resets and texts that go again.

The engines are the client's own; the thief is a program of its own (tests/support/conversation_thief.py).
"""

from __future__ import annotations

from pathlib import Path

import conversation_windows
import pytest
from conversation_thief import Recorded, Theft, reads, texts
from conversation_windows import SCENES, after_a_reset
from thief import Powers

from e2ee import pair as pairs
from e2ee.ids import SessionId
from e2ee.pair import Pair

RESETS = [name for name in SCENES if name != "undisturbed"]


def started_later(run: Recorded, theft: Theft) -> set[int]:
    """The envelopes of sessions that began after the theft."""
    known = {one.id for one in theft.sessions}
    return {at for at, one in enumerate(run.sealed) if at >= theft.at and one.session_id not in known}


@pytest.mark.parametrize("victim", ["A", "B"])
@pytest.mark.parametrize("scene", RESETS)
def test_a_reset_opens_no_text_to_a_thief(scene: str, victim: str) -> None:
    """SES-22, SES-36, DR-14: a new session carries texts only when the victim has made a key on it."""
    run, theft = after_a_reset(scene, victim, seed=3)
    opened = reads(run, theft, Powers())
    later = started_later(run, theft)
    assert texts(run, later), "texts go on the new session"
    assert texts(run, opened & later) == []
    assert texts(run, opened, run.healed_at[0]) == [], "nor does anything written after the healing open"


def test_the_thief_opens_the_ask_that_its_prekeys_are_for() -> None:
    """HS-06, SES-24: what it misses above is closed by the rules, not by its ignorance."""
    found = {(scene, victim): _asks(scene, victim) for scene in RESETS for victim in ("A", "B")}
    assert found["reset by the relay, customer starts", "B"]
    assert found["reset by the relay, company starts", "A"]
    assert found["customer's state lost", "B"]
    assert not found["reset by the relay, customer starts", "A"], "a peer's prekeys are public in a theft"


def _asks(scene: str, victim: str) -> int:
    run, theft = after_a_reset(scene, victim, seed=3)
    return len(reads(run, theft, Powers()) & started_later(run, theft))


@pytest.mark.parametrize("victim", ["A", "B"])
def test_texts_that_go_again_stay_closed(victim: str) -> None:
    """SES-37: what the relay hid is sealed again, on a session on which the thief is blind."""
    run, theft = after_a_reset("reset by the relay, customer starts", victim, seed=5)
    sealings = [one.content_id for one in run.sealed if one.is_text]
    later = started_later(run, theft)
    again = {one for one in texts(run, later) if sealings.count(one) > 1}
    assert again
    assert again.isdisjoint(texts(run, reads(run, theft, Powers()) & later))


@pytest.mark.parametrize("victim", ["A", "B"])
@pytest.mark.parametrize("scene", RESETS)
def test_who_breaks_diffie_hellman_too_is_shut_out_again(scene: str, victim: str) -> None:
    """PQ-06, PQ-16: stolen prekeys open the new session, until an epoch of it was made after the theft."""
    run, theft = after_a_reset(scene, victim, seed=3)
    opened = reads(run, theft, Powers(dh=run.broken))
    assert run.sealed[-1].is_text
    assert max(opened) < len(run.sealed) - 20


def test_prekeys_that_are_gone_open_nothing() -> None:
    """HS-06, ID-19, SES-34: two months later a reset gives a thief neither a text nor an ask."""
    run = Recorded(7)
    run.begin()
    run.talk("ABAB")
    run.steal("B")
    run.wait(24 * 60)
    run.talk("AB" * 30)
    mark = len(run.sealed)
    assert run.force_reset("A")
    run.talk("ABAB")
    (theft,) = run.thefts
    assert {at for at in started_later(run, theft) if at >= mark}
    assert {at for at in reads(run, theft, Powers(dh=run.broken)) if at >= mark} == set()


def test_a_first_contact_is_open_until_it_is_answered() -> None:
    """HS-08, SES-22: the declared limit. Who has the company's prekeys reads a newcomer's first texts."""
    run = Recorded(4, steal_first="B")
    run.begin()
    run.talk("ABABAB")
    (theft,) = run.thefts
    opened = reads(run, theft, Powers())
    first = run.sealed[0]
    answered = next(at for at, one in enumerate(run.sealed) if one.sender == "B")
    assert texts(run, opened)
    assert {run.sealed[at].session_id for at in opened} == {first.session_id}
    assert all(run.sealed[at].sender == "A" for at in opened)
    assert texts(run, opened, answered + 1) == []


@pytest.mark.parametrize("scene", SCENES)
def test_a_relay_that_records_and_later_breaks_one_primitive_reads_nothing(scene: str) -> None:
    """HS-02, PQ-06: no state was stolen; with both broken the control opens what was sent to the company."""
    run, _ = after_a_reset(scene, "B", seed=2)
    nothing = Theft("B", 0, (), (), frozenset())
    assert reads(run, nothing, Powers()) == set()
    assert reads(run, nothing, Powers(dh=run.broken)) == set()
    assert reads(run, nothing, Powers(kem=run.broken)) == set()
    assert 0 in reads(run, nothing, Powers(run.broken, run.broken))


@pytest.mark.parametrize("victim", ["A", "B"])
def test_a_thief_who_breaks_both_reads_all_that_began_with_stolen_keys(victim: str) -> None:
    """The control: sessions of the theft, and those that the peer began, are read to their end."""
    run, theft = after_a_reset("reset by the relay, customer starts", victim, seed=3)
    opened = reads(run, theft, Powers(run.broken, run.broken))
    starter = {one.session_id: one.sender for one in reversed(run.sealed)}
    known = {one.id for one in theft.sessions}
    expected = {
        at
        for at, one in enumerate(run.sealed)
        if at >= theft.at and (one.session_id in known or starter[one.session_id] != victim)
    }
    assert expected <= opened


def test_texts_on_sessions_that_are_not_proven_would_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of SES-22: the thief reads what goes on a new session before the victim has answered."""

    def newest(pair: Pair, now_ms: int) -> SessionId | None:
        usable = [one for one in pair.sessions if one.proven or (one.ours and one.may_send(now_ms))]
        return max(usable, key=lambda one: one.created_ms, default=None).id if usable else None  # type: ignore[union-attr]  # not empty

    def anything(*_: object, **__: object) -> None:
        """Let everything pass."""

    monkeypatch.setattr(pairs, "sending", newest)
    monkeypatch.setattr(pairs, "check_sending", anything)
    monkeypatch.setattr(Recorded, "_posted", lambda _self, _letter: None)  # it would find the fault first
    run = Recorded(3)
    run.begin()
    run.talk("ABAB")
    run.steal("B")
    run.talk("AB")
    run.lose("A", quietly=True)
    run.say("A")
    run.all_through()
    (theft,) = run.thefts
    assert texts(run, reads(run, theft, Powers()) & started_later(run, theft))


def in_the_chapter(root: Path) -> list[conversation_windows.Row]:
    return conversation_windows.rows_of((root / conversation_windows.CHAPTER).read_text("utf-8"))


def test_every_figure_of_the_chapter_holds_the_bound(repo_root: Path) -> None:
    """PQ-19"""
    rows = in_the_chapter(repo_root)
    assert len(rows) == len(SCENES) * len(conversation_windows.THIEVES)
    assert not conversation_windows.misses(rows)


@pytest.mark.audit_only
def test_the_chapter_has_the_figures_of_the_code(repo_root: Path) -> None:
    """PQ-19: two rows are measured again."""
    rows = in_the_chapter(repo_root)
    again = conversation_windows.measured("undisturbed")
    assert again == [row for row in rows if row.scene == "undisturbed"]


def test_a_row_beyond_its_bound_is_told() -> None:
    """The control."""
    for thief, new, most in (("classical", 1, 1), ("breaks Diffie-Hellman", 9, 61)):
        assert conversation_windows.misses([conversation_windows.Row("x", thief, 9, 1, most, new)])


def test_what_a_part_of_the_seeds_brings_is_in_the_chapter_or_told(repo_root: Path) -> None:
    """PQ-19: the short form of the report compares what it finds."""
    whole = in_the_chapter(repo_root)
    fewer = [row._replace(thefts=2, median=0) for row in whole]
    assert conversation_windows.beyond(fewer, whole) == []
    assert len(conversation_windows.beyond([fewer[0]._replace(most=whole[0].most + 1)], whole)) == 1
    assert len(conversation_windows.beyond([fewer[0]._replace(new=whole[0].new + 1)], whole)) == 1
    assert len(conversation_windows.beyond([fewer[0]._replace(scene="another")], whole)) == 1
