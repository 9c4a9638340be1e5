"""What is kept of an attack: what the relay did, what the clients saw of it, and how it ended.

A verdict is not a word but a check: an alarm has to have been told, a refusal has to have a code, a gap has
to have its event, and in no case may a text of the two stand anywhere in what the relay was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Final, cast

import pytest
from attack_catalogue import CATALOGUE
from attack_world import AttackWorld, Victim
from e2ee_client import Client
from e2ee_client.cli.event_lines import event_json, event_text, is_told
from e2ee_client.cli.texts import Texts
from e2ee_client.events import (
    Churn,
    ConnectionChanged,
    Event,
    Gap,
    IdentityAlarm,
    ListStale,
    MessageReceived,
    Parted,
    RolledBack,
    SecondCopy,
    SessionStarted,
    Unconfirmed,
    Unreachable,
)

from e2ee.card import ContactCard

_ENGLISH: Final = Texts("en")
_SHOWN: Final = (Churn, ListStale, Parted, RolledBack, SecondCopy, Unconfirmed, Unreachable)


class Verdict(Enum):
    """How an attack ends."""

    ALARMED = "blocked, with an alarm"
    REFUSED = "refused, with a typed error"
    GAP = "loss shown as a gap"
    SHOWN = "bounded, and shown by an event of its own"
    VISIBLE = "weakened, and shown to both sides"
    HARMLESS = "nothing learned, nothing changed"
    LEFT = "not stopped by the client: it is left to a person to notice"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One attack that was tried against the real client."""

    attack: str
    title: str
    relay: tuple[str, ...]
    saw: tuple[str, ...]
    codes: tuple[str, ...]
    verdict: str
    because: str


@dataclass(frozen=True, slots=True)
class Control:
    """The same attack against a copy without the countermeasure."""

    attack: str
    switched_off: str
    success: str


class Book:
    """Takes the evidence of a run."""

    def __init__(self) -> None:
        self.attacks: list[Evidence] = []
        self.controls: list[Control] = []

    def attack(
        self, entry: str, world: AttackWorld, verdict: Verdict, because: str, *, saw: Sequence[Victim] = ()
    ) -> Evidence:
        """Check a verdict against what happened in a world, and keep it."""
        victims = saw or [node for node in world.nodes if isinstance(node, Victim)]
        check(world, victims, verdict)
        made = Evidence(
            entry,
            CATALOGUE[entry].title,
            tuple(world.relay.deeds),
            tuple(line for victim in victims for line in lines(victim)),
            tuple(sorted(codes(victims))),
            verdict.value,
            because,
        )
        self.attacks.append(made)
        return made

    def control(self, entry: str, switched_off: str, success: str) -> Control:
        """Keep what an attack reached once its countermeasure was off."""
        made = Control(entry, switched_off, success)
        self.controls.append(made)
        return made

    def document(self) -> dict[str, object]:
        """Return everything as it is written to the report."""
        return {
            "attacks": [asdict(one) for one in self.attacks],
            "controls": [asdict(one) for one in self.controls],
        }


def check(world: AttackWorld, victims: Sequence[Victim], verdict: Verdict) -> None:
    """Fail where the verdict does not follow from what happened."""
    if not world.relay.deeds:
        raise AssertionError("the relay did nothing")
    seen = world.seen_by_relay()
    leaked = [text for text in world.written if text.encode() in seen]
    if leaked:
        raise AssertionError("a text went to the relay as it is")
    shown = [event for victim in victims for event in victim.news()]
    if not _holds(verdict, shown, codes(victims)):
        raise AssertionError(f"nobody was told: {verdict.value}")


def _holds(verdict: Verdict, shown: list[Event], found: set[str]) -> bool:
    match verdict:
        case Verdict.ALARMED:
            return any(isinstance(event, IdentityAlarm) for event in shown)
        case Verdict.REFUSED:
            return bool(found)
        case Verdict.GAP:
            return any(isinstance(event, Gap) for event in shown)
        case Verdict.SHOWN:
            return any(isinstance(event, _SHOWN) for event in shown)
        case Verdict.VISIBLE:
            return any(
                isinstance(event, SessionStarted) and not (event.one_time_x25519 and event.one_time_kem)
                for event in shown
            )
        case Verdict.HARMLESS:
            return not any(isinstance(event, IdentityAlarm) for event in shown)
        case Verdict.LEFT:
            return True


def codes(victims: Sequence[Victim]) -> set[str]:
    """Return every code that these clients gave for something that they refused."""
    told = {str(getattr(event, "code", "")) for victim in victims for event in victim.news()}
    return (told | {code for victim in victims for code in victim.refusals}) - {""}


def lines(victim: Victim) -> Iterator[str]:
    """Yield what a person at this client reads, in the words of the command line, with the event's name."""
    for event in victim.news():
        if not isinstance(event, ConnectionChanged):
            yield f"{victim.name}: {said(victim, event)}"


def said(victim: Victim, event: Event) -> str:
    """Return one event as a person reads it, and its name for programs."""
    name = event_json(event)["event"]
    if isinstance(event, MessageReceived):
        return f"a text of {len(event.text)} characters [{name}]"
    told = event_text(event, cast("Client", _Names(victim)), _ENGLISH) if is_told(event) else "for programs"
    return f"{told} [{name}]"


class _Names:
    """Knows what a client's contacts are called, as the command line asks for it."""

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self.account_id = victim.engine.account_id

    def card(self) -> ContactCard:
        return self._victim.engine.card()

    def contact(self, account_id: bytes) -> SimpleNamespace:
        known = self._victim.engine._state.contacts.get(account_id)
        return SimpleNamespace(name=None if known is None else known.name, account_id=account_id)


BOOK: Final = pytest.StashKey[Book]()
"""Where a run of the tests keeps its book."""
