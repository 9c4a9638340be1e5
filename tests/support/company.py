"""A scripted company for tests of rooms: an account, its devices, mandates, rosters, cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from parties import DAY_MS, NOW_MS, ScriptedRng

from e2ee import identity
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, OurDevice
from e2ee.ids import AccountId, DeviceId
from e2ee.primitives import sign
from e2ee.rooms import agent_card, mandate, roster, team
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.mandate import Mandate, Powers
from e2ee.rooms.notice import Draft, Mode, Notice, Purpose, sign_notice
from e2ee.rooms.roster import NextRoster, OlderNotice, Roster
from e2ee.rooms.team import Standing, TeamView
from e2ee.secret import AccountKey, LoginKey, RosterKey

NOTICE_HASH = b"n" * 32
RELAY_URL = "wss://relay.example/"
TEXTS = {
    "de": "Wir verarbeiten Ihre Nachrichten, um zu antworten.",
    "en": "We process your messages to answer.",
}
DRAFT = Draft(
    mode=Mode.CONSENT,
    controller=("Praxis Dr. Müller", "Hauptstraße 1\n10115 Berlin", "praxis@praxis.example"),
    purposes=[Purpose(1, "Art. 6 (1) a", True), Purpose(2, "Art. 6 (1) a", False)],
    operator=("Relay GmbH", RELAY_URL),
    retention=[(1, 604_800), (2, 7_776_000)],
    authority="Landesbeauftragte",
    imprint_url="https://praxis.example/impressum",
    privacy_url="https://praxis.example/datenschutz",
    has_bot=False,
    decides_alone=False,
    default_locale="de",
    sector="health",
)
TEAM = {
    "chief": (DeviceKind.AGENT, identity.FLAG_FRONT_DESK),
    "desk": (DeviceKind.AGENT, identity.FLAG_FRONT_DESK),
    "agent": (DeviceKind.AGENT, 0),
    "bot": (DeviceKind.BOT, 0),
}
"""Who works there; the chief is supervisor, chief and desk are cleared."""


@dataclass
class Company:
    """A company with four devices, all of them in force."""

    name: str
    rng: ScriptedRng
    account_key: AccountKey
    devices: dict[str, OurDevice]
    lists: list[DeviceList]
    roster_key: RosterKey
    login_key: LoginKey
    mandate: Mandate
    roster: Roster
    cards: dict[str, AgentCard] = field(default_factory=dict)

    @classmethod
    def make(cls, name: str = "praxis", now_ms: int = NOW_MS) -> Company:
        """Make a company; the name is the seed."""
        rng = ScriptedRng(name)
        account_key = identity.new_account(rng)
        account_id = identity.account_id_of(account_key)
        devices = {
            who: identity.new_device(account_id, kind, flags, now_ms, now_ms + 400 * DAY_MS, rng)
            for who, (kind, flags) in TEAM.items()
        }
        company = cls.__new__(cls)
        company.name, company.rng, company.account_key, company.devices = name, rng, account_key, devices
        company.lists, company.cards = [], {}
        company.sign_list(now_ms)
        company.new_mandate(now_ms)
        company.cards = {who: company.card(who, who.title()) for who in devices}
        company.new_roster(now_ms)
        return company

    @property
    def account_id(self) -> AccountId:
        """The company's id."""
        return identity.account_id_of(self.account_key)

    @property
    def device_list(self) -> DeviceList:
        """The newest device list."""
        return self.lists[-1]

    @property
    def records(self) -> list[DeviceRecord]:
        """Records of all devices."""
        return [device.record for device in self.devices.values()]

    def id(self, who: str) -> DeviceId:
        """The id of a device."""
        return self.devices[who].record.device_id

    def card(self, who: str, name: str) -> AgentCard:
        """Make a card for a device."""
        return agent_card.new_card(self.account_id, self.id(who), name, ["de"], ["Empfang"], self.rng)

    def sign_list(self, now_ms: int, records: Sequence[DeviceRecord] | None = None) -> DeviceList:
        """Sign the next device list."""
        before = self.lists[-1] if self.lists else None
        listed = self.records if records is None else records
        unsigned = identity.next_list(self.account_id, before, listed, None, now_ms)
        self.lists.append(identity.sign_list(self.account_key, unsigned))
        return self.device_list

    def new_mandate(self, now_ms: int, seq: int | None = None, **powers: Any) -> Mandate:
        """Sign a mandate with keys of its own, and use it from now on."""
        self.roster_key, self.login_key = RosterKey(self.rng(32)), LoginKey(self.rng(32))
        given: dict[str, Any] = {
            "supervisors": [self.id("chief")],
            "cleared": [self.id("chief"), self.id("desk")],
            "origins": ["https://praxis.example"],
        }
        publics = sign.derive_public(self.roster_key.expose()), sign.derive_public(self.login_key.expose())
        number = mandate.next_seq(0, now_ms) if seq is None else seq
        unsigned = mandate.next_mandate(
            self.account_id, number, *publics, Powers(**{**given, **powers}), now_ms
        )
        self.mandate = mandate.sign_mandate(self.account_key, unsigned)
        return self.mandate

    def new_roster(
        self,
        now_ms: int,
        who: Sequence[str] = tuple(TEAM),
        *,
        seq: int | None = None,
        suspended: Sequence[str] = (),
        ends: dict[str, int] | None = None,
        older: Sequence[OlderNotice] = (),
        notice_hash: bytes = NOTICE_HASH,
    ) -> Roster:
        """Sign a roster with the roster key of the newest mandate."""
        given = NextRoster(
            self.device_list.head,
            self.device_list.expires_ms,
            [(self.id(one), self.cards[one].hash, (ends or {}).get(one)) for one in who],
            notice_hash,
            older,
            [self.id(one) for one in suspended],
        )
        number = mandate.next_seq(0, now_ms) if seq is None else seq
        self.roster = roster.sign_roster(self.roster_key, self.mandate, number, given, now_ms)
        return self.roster

    def standing(self, known: Standing | None = None, now_ms: int = NOW_MS) -> Standing:
        """What somebody knows who has learned the newest mandate and roster."""
        learned = team.learn(known, self.mandate, self.roster, now_ms).standing
        assert learned is not None
        return learned

    def view(self, standing: Standing | None = None, now_ms: int = NOW_MS) -> TeamView:
        """Who is in force to somebody who knows the newest list and all records."""
        return team.view(standing or self.standing(now_ms=now_ms), self.device_list, self.records, now_ms)

    def names(self, view: TeamView) -> dict[str, int]:
        """Who is in force, with the rank."""
        ids = {device.record.device_id: who for who, device in self.devices.items()}
        return {ids[device_id]: rank for device_id, rank in view.ranks().items()}

    def notice(self, version: int = 1, now_ms: int = NOW_MS, **changes: Any) -> Notice:
        """Sign a notice in German and English, for purposes 1 (required) and 2."""
        draft = DRAFT._replace(texts={name: text.encode() for name, text in TEXTS.items()})
        return sign_notice(self.account_key, version, draft._replace(**changes), now_ms)
