"""The state machine can fail: each planted bug is found within a few examples.

The bugs live in patched copies, in this process and for one test; nothing in shipped code knows of them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from device_model import DeviceModel
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from session_machine import SessionMachine

from e2ee import pair as pairs
from e2ee.pair import Change
from e2ee.ratchet import chain
from e2ee.ratchet.skipped import SkippedKeys
from e2ee.secret import HeaderKey, MessageKey

EXAMPLES = 400
SEEDS = 6
"""One after the other until the bug is found; the first was chosen as one that finds it soon."""

QUICK = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Plant = Callable[[pytest.MonkeyPatch], None]


def no_replay_cache(patch: pytest.MonkeyPatch) -> None:
    """A first flight is taken as often as it comes (HS-09)."""
    patch.setattr(DeviceModel, "_check_replay", lambda _self, _key: None)


def skipped_keys_stay(patch: pytest.MonkeyPatch) -> None:
    """A skipped key opens its message again and again (DR-12)."""
    patch.setattr(SkippedKeys, "without", lambda self, _header_key, _number: self)


def failure_changes_state(patch: pytest.MonkeyPatch) -> None:
    """A skipped key is overwritten in the old state before its message has opened (DR-18)."""
    get = SkippedKeys.get

    def take(self: SkippedKeys, header_key: HeaderKey, number: int) -> MessageKey | None:
        found = get(self, header_key, number)
        for one in self._chains:
            if found is not None and one.header_key == header_key:
                one.keys[number] = MessageKey(bytes(32)), one.keys[number][1]
        return found

    patch.setattr(SkippedKeys, "get", take)


def oldest_stays(patch: pytest.MonkeyPatch) -> None:
    """Of the proven sessions the one with the lowest epoch is active (SES-22)."""

    def oldest(pair: pairs.Pair) -> pairs.Standing | None:
        proven = (one for one in pair.sessions if one.proven)
        return min(proven, key=lambda one: (one.epoch, one.id), default=None)

    patch.setattr(pairs.Pair, "active", property(oldest))


def texts_before_proof(patch: pytest.MonkeyPatch) -> None:
    """Texts go on the newest session, also where nobody has answered on it (SES-22)."""
    patch.setattr(pairs, "sending", lambda pair, _now_ms: pair.sessions[-1].id if pair.sessions else None)
    patch.setattr(pairs, "check_sending", lambda *_: None)


def no_search(patch: pytest.MonkeyPatch) -> None:
    """Silence leads to nothing (SES-26)."""
    patch.setattr(pairs, "tick", lambda pair, *_, **__: Change(pair))


def salt_is_not_hedged(patch: pytest.MonkeyPatch) -> None:
    """The salt is the fresh randomness itself, and so repeats with it (DR-05)."""
    patch.setattr(chain, "hedged_salt", lambda _key, fresh, _header, _body: fresh)


PLANTS: tuple[tuple[Plant, str, int], ...] = (
    (no_replay_cache, "opened twice", 1),
    (texts_before_proof, "a text sent again before an answer|a text on an unproven session", 7),
    (no_search, "two active sessions", 8),
)
# What the core calls within itself is replaced, so that it has to be Python.
IN_REFERENCE: tuple[tuple[Plant, str, int], ...] = (
    (skipped_keys_stay, "opened twice", 7),
    (failure_changes_state, "sessions in memory differ from their rows", 7),
    (oldest_stays, "the active session is not the best proven one|two active sessions", 8),
    (salt_is_not_hedged, "one key sealed two different plaintexts", 4),
)
CASES = [*PLANTS, *(pytest.param(*one, marks=pytest.mark.reference) for one in IN_REFERENCE)]


def search(machine: type[SessionMachine], first: int) -> None:
    """Run the machine with one seed after the other."""
    for number in range(first, first + SEEDS):
        run_state_machine_as_test(seed(number)(machine), settings=QUICK)


@pytest.mark.parametrize(
    ("plant", "finding", "first"), CASES, ids=lambda value: getattr(value, "__name__", "")
)
def test_the_machine_finds_a_planted_bug(
    plant: Plant, finding: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of DR-05, DR-12, DR-18, HS-09, SES-22 and SES-26 is broken once, and is found."""
    plant(monkeypatch)
    machine = type("PlantedMachine", (SessionMachine,), {})
    with pytest.raises(Exception, match=finding):
        search(machine, first)
