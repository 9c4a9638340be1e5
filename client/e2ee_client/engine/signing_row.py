"""What a front desk that signs for its company keeps, and what it would sign now (ACC-07, ACC-16, ACC-22)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from e2ee.constants import CLOCK_TOLERANCE_MS, MAX_TEAM
from e2ee.errors import SigningUnsure
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord
from e2ee.ids import AccountId, DeviceId, SignPublic
from e2ee.ports import Rng
from e2ee.primitives import sign
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.channels import Channel
from e2ee.rooms.mandate import Mandate, Powers, next_mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.roster import MAX_OLDER, NextRoster, OlderNotice, Roster
from e2ee.rooms.team import Standing
from e2ee.rooms.upkeep import last_number
from e2ee.secret import LoginKey, RosterKey

from .row_codec import Row, stored_parts

_KEY_B: Final = 32


class Highest(NamedTuple):
    """Numbers of a mandate, and of a roster of it."""

    mandate: int
    roster: int


class Keys(NamedTuple):
    """The keys that a mandate names: a roster key, and a login key where there is a web server (ACC-06)."""

    roster: RosterKey
    login: LoginKey | None

    @classmethod
    def new(cls, rng: Rng, *, login: bool) -> Keys:
        """Make keys for the next mandate."""
        return cls(RosterKey(rng(_KEY_B)), LoginKey(rng(_KEY_B)) if login else None)

    def publics(self) -> tuple[SignPublic, SignPublic | None]:
        """Return the public halves."""
        login = None if self.login is None else sign.derive_public(self.login.expose())
        return sign.derive_public(self.roster.expose()), login


_NONE: Final = Highest(0, 0)


@dataclass(slots=True)
class Signing(Row):
    """What mandates and rosters of our company are made from.

    `keys` are those of the last mandate that was signed or installed here, `next_keys` of one that was asked
    for; `highest` are the last numbers given here, `confirmed` those that a person has confirmed, `unsure`
    that one has to. `renew` asks for a new mandate. `suspended` are devices that each roster suspends.
    """

    TABLE = "team"
    PREFIX = b"signing"
    supervisors: list[DeviceId]
    cleared: list[DeviceId]
    origins: list[str]
    login: bool
    suspended: list[DeviceId] = field(default_factory=list)
    notice: bytes | None = None
    channels: list[Channel] = field(default_factory=list)
    hours: dict[str, str] = field(default_factory=dict)
    older: list[OlderNotice] = field(default_factory=list)
    keys: Keys | None = field(default=None, repr=False)
    next_keys: Keys | None = field(default=None, repr=False)
    highest: Highest = _NONE
    confirmed: Highest | None = None
    unsure: bool = False
    renew: bool = False
    reminded_days: int = 0

    def powers(self) -> Powers:
        """Return what the next mandate gives. It suspends nobody: that would erase rooms (ACC-15)."""
        return Powers(self.supervisors, self.cleared, (), self.origins)

    def is_wanted(self, mandate: Mandate) -> bool:
        """Whether a mandate gives what the next one would give; it may suspend nobody (ACC-26)."""
        given = Powers(mandate.supervisors, mandate.cleared, mandate.suspended, mandate.origins)
        has_login = mandate.login_public is not None
        return _sorted(given) == _sorted(self.powers()) and has_login is self.login

    def notice_of(self, account_id: AccountId) -> Notice | None:
        """Return the notice that rosters state."""
        if self.notice is None:
            return None
        with stored_parts():
            return Notice.verify(account_id, self.notice)

    def signs(self, standing: Standing | None) -> bool:
        """Whether the roster key of the mandate that counts is here."""
        return (
            self.keys is not None
            and standing is not None
            and self.keys.publics()[0] == standing.mandate.roster_public
        )

    def stated(self, standing: Standing | None) -> Highest:
        """Return the highest numbers that a mandate or roster which verifies has stated (ACC-25)."""
        if standing is None:
            return _NONE
        roster = standing.roster if self.signs(standing) else None
        return Highest(standing.mandate.seq, 0 if roster is None else roster.ref.seq)

    def last(self, standing: Standing | None) -> Highest:
        """Return the numbers above which the next ones are (ACC-07).

        Raises:
            SigningUnsure: a person has to confirm the highest first.
        """
        stated, is_sure, confirmed = self.stated(standing), not self.unsure, self.confirmed
        numbers = (None, None) if confirmed is None else confirmed
        return Highest(
            last_number(self.highest.mandate, stated.mandate, numbers[0], is_continuous=is_sure),
            last_number(self.highest.roster, stated.roster, numbers[1], is_continuous=is_sure),
        )

    def confirm(self, standing: Standing | None, highest: Highest) -> None:
        """Go on above numbers that a person has looked up (ACC-07).

        Raises:
            SigningUnsure: higher ones are known.
        """
        for own, stated, confirmed in zip(self.highest, self.stated(standing), highest, strict=True):
            if confirmed < max(own, stated):
                raise SigningUnsure("a higher number than the confirmed one is known")
        self.confirmed, self.unsure, self.renew = highest, False, True

    def replace_notice(self, account_id: AccountId, notice: Notice, until_ms: int, now_ms: int) -> None:
        """State another notice from now on; the one before counts until a time (CNS-07)."""
        before = self.notice_of(account_id)
        if before is not None:
            self.older = [*self.older, OlderNotice(before.hash, until_ms)]
        others = [one for one in self.older if one.until_ms > now_ms and one.hash != notice.hash]
        self.older = sorted(sorted(others, key=lambda one: one.until_ms)[-MAX_OLDER:])
        self.notice = notice.signed

    def take(self, mandate: Mandate, keys: Keys) -> None:
        """A mandate of ours has been signed; rosters are numbered anew under it."""
        self.keys, self.next_keys, self.highest = keys, None, Highest(mandate.seq, 0)
        self.confirmed, self.renew = None, False

    def unsigned_mandate(self, account_id: AccountId, keys: Keys, seq: int, now_ms: int) -> bytes:
        """Return the bytes of a mandate, for the account key to sign."""
        return next_mandate(account_id, seq, *keys.publics(), self.powers(), now_ms)


def _sorted(powers: Powers) -> list[list[DeviceId] | list[str]]:
    devices = (powers.supervisors, powers.cleared, powers.suspended)
    return [*(sorted(set(ids)) for ids in devices), sorted(set(powers.origins))]


def next_roster(
    signing: Signing,
    notice: Notice,
    device_list: DeviceList,
    records: Iterable[DeviceRecord],
    cards: Mapping[DeviceId, AgentCard],
    now_ms: int,
) -> NextRoster:
    """Return what a roster states now: each listed device of the company that is valid, has a card and is not
    suspended.
    """
    named = {
        one.device_id
        for one in records
        if one.hash in device_list.record_hashes
        and one.kind is not DeviceKind.PERSON
        and one.created_ms - CLOCK_TOLERANCE_MS <= now_ms <= one.expires_ms
        and one.device_id in cards
        and one.device_id not in signing.suspended
    }
    return NextRoster(
        device_list.head,
        device_list.expires_ms,
        [(one, cards[one].hash, None) for one in sorted(named)[:MAX_TEAM]],
        notice.hash,
        [one for one in signing.older if one.until_ms > now_ms],
        sorted(signing.suspended),
    )


def differs(roster: Roster | None, following: NextRoster) -> bool:
    """Whether a roster states anything else than the next one would, but for times (ACC-16, ACC-17)."""
    if roster is None:
        return True
    before = [(one.device_id, one.card_hash) for one in roster.named]
    after = [(device_id, card_hash) for device_id, card_hash, _ in following.named]
    return (roster.list_head, before, *_stated(roster)) != (following.list_head, after, *_stated(following))


def _stated(roster: Roster | NextRoster) -> tuple[object, ...]:
    return roster.notice_hash, list(roster.older_notices), list(roster.suspended)
