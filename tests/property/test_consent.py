"""Consent and standing under any order of events: what was not accepted leaves no trace (CNS-18), and what is
known does not depend on the order in which it came (ACC-05, ACC-09, CNS-09).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from company import TEAM, Company
from hypothesis import given
from hypothesis import strategies as st
from parties import DAY_MS, NOW_MS

from e2ee.errors import E2eeError
from e2ee.rooms import customer, team
from e2ee.rooms.customer import (
    Accept,
    Ask,
    Effect,
    Event,
    Leave,
    Refuse,
    Replace,
    ShowChannels,
    Shown,
    ShowNotice,
    State,
)
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.roster import Roster
from e2ee.rooms.team import Standing

FIRM = Company.make()
NOTICES = [FIRM.notice(1), FIRM.notice(2), FIRM.notice(2, sector="law"), FIRM.notice(3, has_bot=True)]


@dataclass
class Shell:
    """What a client does with effects; each port writes down that it was used."""

    used: list[str] = field(default_factory=list)

    def carry_out(self, effects: tuple[Effect, ...]) -> None:
        """Draw, connect and write for all but what is only shown."""
        for effect in effects:
            if not isinstance(effect, ShowNotice | ShowChannels):
                self.used += ["draw", "connect", "write"]


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.just(Refuse()),
    st.just(Ask()),
    st.just(Leave()),
    st.builds(Replace, st.sampled_from(NOTICES), st.integers(0, NOW_MS)),
)
ACCEPTS = st.builds(
    Accept,
    st.sampled_from([one.hash for one in NOTICES]),
    st.sampled_from(["de", "en", "fr"]),
    st.integers(0, 7),
)


def played(events: list[Event]) -> list[tuple[Event, State, tuple[Effect, ...]]]:
    """Play events from a notice that is shown; what is refused changes nothing."""
    state: State = Shown(NOTICES[0])
    found = []
    for event in events:
        try:
            state, effects = customer.step(state, event, NOW_MS)
        except E2eeError:
            continue
        found.append((event, state, effects))
    return found


@given(st.lists(EVENTS | ACCEPTS, max_size=12))
def test_before_accepting_nothing_is_drawn_connected_or_written(events: list[Event]) -> None:
    """CNS-18: whatever is shown, refused, asked for and replaced before."""
    shell = Shell()
    for event, _, effects in played(events):
        if isinstance(event, Accept):
            break
        shell.carry_out(effects)
    assert shell.used == []


def test_after_accepting_the_ports_are_used() -> None:
    """CNS-18: the shell would notice."""
    shell = Shell()
    shell.carry_out(customer.step(Shown(NOTICES[0]), Accept(NOTICES[0].hash, "de", 1), NOW_MS)[1])
    assert shell.used == ["draw", "connect", "write"]


@given(st.lists(EVENTS | ACCEPTS, max_size=12))
def test_numbers_only_rise_and_content_needs_a_consent(events: list[Event]) -> None:
    """CNS-09, CNS-20: no event takes a number back, and nothing but an acceptance lets content out."""
    last, has_accepted = 0, False
    for event, state, _ in played(events):
        has_accepted = has_accepted or isinstance(event, Accept)
        number = customer._last(state)
        assert number >= last
        last = number
        try:
            customer.check_sending(state, NOW_MS)
        except E2eeError:
            continue
        assert has_accepted


def _given() -> list[tuple[Mandate, Roster]]:
    """Mandates with equal and higher numbers, each with rosters of equal and higher ones."""
    firm, found = Company.make(), []
    rosters: list[tuple[int, list[str]]] = [(1, []), (2, ["agent"]), (2, ["desk"]), (3, [])]
    for seq in (5, 5, 6):
        mandate = firm.new_mandate(NOW_MS, seq, suspended=[firm.id("bot")] if seq == 5 else [])
        found += [(mandate, firm.new_roster(NOW_MS, seq=number, suspended=out)) for number, out in rosters]
    return found


GIVEN = _given()


@given(st.permutations(range(len(GIVEN))), st.integers(1, len(GIVEN)), st.data())
def test_what_is_known_does_not_depend_on_the_order(order: list[int], size: int, data: Any) -> None:
    """ACC-05, ACC-09: of any part of it, in any two orders, with repetitions."""
    part = order[:size]
    other = [*data.draw(st.permutations(part)), *part[: size // 2]]
    ends = []
    for way in (part, other):
        known: Standing | None = None
        for at in way:
            mandate, roster = GIVEN[at]
            known = team.learn(known, mandate, roster, NOW_MS + DAY_MS).standing
        ends.append(known)
    assert ends[0] == ends[1]


NAMES = st.lists(st.sampled_from(sorted(TEAM)), unique=True)


@given(NAMES, NAMES)
def test_a_roster_only_takes_away(named: list[str], suspended: list[str]) -> None:
    """ACC-09, ACC-10: nobody beyond the list, nobody above the rank that the account gave."""
    firm = Company.make()
    most = firm.names(firm.view())
    firm.new_roster(NOW_MS, named, seq=2**30, suspended=suspended)
    found = firm.names(firm.view())
    assert found.items() <= most.items()
    assert set(found) == set(named) - set(suspended)
