"""What a person decides for our company: powers, cards, notices, suspensions, numbers (ACC-07, ACC-22)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from e2ee.constants import MAX_LIST_RECORDS
from e2ee.errors import DecodeError, E2eeError, NoticeIncomplete
from e2ee.grammar import is_origin
from e2ee.identity import DeviceKind
from e2ee.ids import DeviceId
from e2ee.rooms import mandate as mandates
from e2ee.rooms.agent_card import AgentCard, new_card
from e2ee.rooms.channels import Channel, Channels, check_channels, sign_channels
from e2ee.rooms.checks import MAX_ORIGIN_B
from e2ee.rooms.login_texts import IssuingKey
from e2ee.rooms.mandate import MAX_ORIGINS, Mandate
from e2ee.rooms.notice import Notice
from e2ee_client.errors import ConfigError, TooManyDevices, UnknownDevice

from .signing import Signer
from .signing_row import Highest, Keys, Signing
from .turn import Turn

MAX_SUSPENDED: Final = 16


class Founding(NamedTuple):
    """What the first mandate gives. Where `supervisors` or `cleared` is None it is this device alone; with
    `login` each mandate names a login key for the company's web server.
    """

    supervisors: Sequence[DeviceId] | None = None
    cleared: Sequence[DeviceId] | None = None
    origins: Sequence[str] = ()
    login: bool = False


class DoorParts(NamedTuple):
    """What a door is made of, with the texts of the notice (CNS-04)."""

    mandate: Mandate
    notice: Notice
    channels: Channels


class Company(Signer):
    """What a person decides; all of it is signed as soon as it can be."""

    # --- by a person ---

    def found(self, turn: Turn, founding: Founding) -> None:
        """Let this front desk sign for its company from now on. Nothing is signed before a notice is
        published.

        Raises:
            ConfigError: not a front desk of an account with a directory entry, or it signs already.
        """
        own = self._state.own
        record = own.device.record
        if not own.publish or not record.front_desk or record.kind is DeviceKind.PERSON:
            raise ConfigError("a company is founded by a front desk that has an entry in the directory")
        if self._signing is not None:
            raise ConfigError("this device signs for its company already")
        _check_powers(founding)
        self._signing = Signing(
            supervisors=_or_this(founding.supervisors, record.device_id),
            cleared=_or_this(founding.cleared, record.device_id),
            origins=list(founding.origins),
            login=founding.login,
        )
        self._save(turn)

    def set_powers(self, turn: Turn, founding: Founding) -> None:
        """Give other powers, with a new mandate.

        Raises:
            ConfigError: this device does not sign, or an origin or a number of devices is not allowed.
        """
        signing, this = self._own_signing(), self._state.own.device.record.device_id
        _check_powers(founding)
        signing.supervisors = _or_this(founding.supervisors, this)
        signing.cleared = _or_this(founding.cleared, this)
        signing.origins, signing.login, signing.renew = list(founding.origins), founding.login, True
        self._save(turn)

    def set_card(
        self,
        turn: Turn,
        device_id: DeviceId,
        name: str,
        languages: Sequence[str] = (),
        teams: Sequence[str] = (),
    ) -> None:
        """Give a device of ours the card that its rooms show; without one no roster names it (ACC-14).

        Raises:
            ConfigError: this device does not sign, or name, language or team is not allowed.
            UnknownDevice: the account has none of this id.
        """
        self._own_signing()
        self._check_device(device_id)
        self._context.team.put_card(turn, self.new_card(device_id, name, languages, teams))
        self._save(turn)

    def check_signs(self) -> None:
        """Refuse where this device does not sign for its company.

        Raises:
            ConfigError.
        """
        self._own_signing()

    def new_card(
        self, device_id: DeviceId, name: str, languages: Sequence[str] = (), teams: Sequence[str] = ()
    ) -> AgentCard:
        """Make a card for a device.

        Raises:
            ConfigError: name, language or team is not allowed.
        """
        own, rng = self._state.own, self._state.ports.rng
        try:
            return new_card(own.account_id, device_id, name, languages, teams, rng)
        except DecodeError:
            raise ConfigError("a name, language or team that a card cannot have") from None

    def notice(self) -> Notice | None:
        """Return the notice that our rosters state; None before the first, and where we do not sign."""
        return None if self._signing is None else self._signing.notice_of(self._state.own.account_id)

    def publish_notice(self, turn: Turn, signed: bytes, until_ms: int) -> None:
        """State a notice from now on; consent to the one before counts until a time.

        Raises:
            ConfigError: this device does not sign, or it is not a newer notice of this account.
        """
        signing, account_id = self._own_signing(), self._state.own.account_id
        try:
            notice = Notice.verify(account_id, signed)
        except E2eeError as error:
            raise ConfigError(f"the notice does not fit: {error.code}") from None
        before = signing.notice_of(account_id)
        if before is not None and notice.version <= before.version:
            raise ConfigError("a notice of an older version than the one that is published")
        signing.replace_notice(account_id, notice, until_ms, turn.now_ms)
        self._save(turn)

    def suspend(self, turn: Turn, device_id: DeviceId) -> None:
        """Take a device out at once, without the account key; it locks its rooms and keeps them (ACC-15).

        Raises:
            ConfigError: this device does not sign, or it is this device.
            UnknownDevice, TooManyDevices.
        """
        signing = self._own_signing()
        self._check_device(device_id)
        if device_id == self._state.own.device.record.device_id:
            raise ConfigError("this device cannot suspend itself")
        kept = [one for one in signing.suspended if one in self._device_ids()]
        if len({*kept, device_id}) > MAX_SUSPENDED:
            raise TooManyDevices("a roster suspends at most 16 devices")
        signing.suspended = sorted({*kept, device_id})
        self._save(turn)

    def reinstate(self, turn: Turn, device_id: DeviceId) -> None:
        """Suspend a device no longer, from the next mandate on, which is asked for (ACC-09).

        Raises:
            ConfigError: this device does not sign, or the other one is not suspended.
        """
        signing = self._own_signing()
        if device_id not in signing.suspended:
            raise ConfigError("the device is not suspended")
        signing.suspended = [one for one in signing.suspended if one != device_id]
        signing.renew = True
        self._save(turn)

    def confirm_signing(self, turn: Turn, highest: Highest) -> None:
        """A person has looked up the highest numbers: go on above them, under a new mandate (ACC-07).

        Raises:
            ConfigError: this device does not sign.
            SigningUnsure: higher ones are known.
        """
        signing = self._own_signing()
        signing.confirm(self._standing(), highest)
        self._told = ""
        self._save(turn)

    def set_channels(self, turn: Turn, channels: Sequence[Channel], hours: Mapping[str, str]) -> None:
        """Say how the company is reached otherwise; the next door shows it (ACC-18).

        Raises:
            ConfigError: this device does not sign, or a channel or an hour is not allowed.
        """
        signing = self._own_signing()
        _check_channels(channels, hours)
        signing.channels, signing.hours = list(channels), dict(hours)
        self._save(turn)

    def door_parts(self, turn: Turn) -> DoorParts:
        """Return what a door is made of; it is to be served anew after each `MandateSigned` (CNS-04).

        Raises:
            ConfigError: this device does not sign under the mandate that counts.
            NoticeIncomplete, SigningUnsure.
        """
        signing, standing = self._own_signing(), self._standing()
        signing.last(standing)
        notice = signing.notice_of(self._state.own.account_id)
        if notice is None:
            raise NoticeIncomplete("no notice is published yet", field="notice")
        if standing is None or signing.keys is None or not signing.signs(standing):
            raise ConfigError(
                "this device has signed no mandate that counts: it does so when it has reached the relay,"
                " or has it signed where the account key is kept"
            )
        key, mandate = signing.keys.roster, standing.mandate
        channels = sign_channels(key, mandate, signing.channels, signing.hours, turn.now_ms)
        return DoorParts(mandate, notice, channels)

    # --- where the account key is kept elsewhere ---

    def mandate_request(self, turn: Turn) -> bytes:
        """Return the bytes of our next mandate, for the account key to sign; its keys stay here (ACC-22).

        Raises:
            ConfigError: this device does not sign.
            SigningUnsure, CounterExhausted.
        """
        signing = self._own_signing()
        seq = mandates.next_seq(signing.last(self._standing()).mandate, turn.now_ms)
        if signing.next_keys is None or (signing.next_keys.login is not None) != signing.login:
            signing.next_keys = Keys.new(self._state.ports.rng, login=signing.login)
            turn.put(signing.put())
        return signing.unsigned_mandate(self._state.own.account_id, signing.next_keys, seq, turn.now_ms)

    def install_mandate(self, turn: Turn, signed: bytes) -> None:
        """Install a mandate that was signed elsewhere.

        Raises:
            ConfigError: it is not the one that was asked for here, not valid now, or gives other powers than
                the next one would (ACC-26).
            SigningUnsure.
        """
        signing = self._own_signing()
        last = signing.last(self._standing())
        try:
            mandate = Mandate.verify(self._state.own.account_id, signed)
            mandate.check_time(turn.now_ms)
        except E2eeError as error:
            raise ConfigError(f"the signed mandate does not fit: {error.code}") from None
        publics = (mandate.roster_public, mandate.login_public)
        if signing.next_keys is None or publics != signing.next_keys.publics() or mandate.seq <= last.mandate:
            raise ConfigError("not the mandate that was asked for here")
        if not signing.is_wanted(mandate):
            raise ConfigError("other powers were chosen after this mandate was asked for: ask for one anew")
        signing.take(mandate, signing.next_keys)
        self._context.team.learn_verified(turn, mandate, None)
        self._save(turn)

    @property
    def signs(self) -> bool:
        """Whether this device signs for its company."""
        return self._signing is not None

    def allow_logins(self, turn: Turn, *, allowed: bool) -> None:
        """Have each mandate name a login key, or none; a new mandate is asked for (ACC-06).

        Raises:
            ConfigError: this device does not sign.
        """
        signing = self._own_signing()
        if signing.login is not allowed:
            signing.login, signing.renew = allowed, True
            self._save(turn)

    def origins(self) -> tuple[str, ...]:
        """Return the origins that the next mandate names.

        Raises:
            ConfigError: this device does not sign.
        """
        return tuple(sorted(self._known_signing().origins))

    def origins_named(self) -> tuple[str, ...] | None:
        """Return the origins that the mandate that counts names; None where there is none yet (ACC-05)."""
        standing = self._standing()
        return None if standing is None else standing.mandate.origins

    def set_origins(self, turn: Turn, origins: Sequence[str]) -> None:
        """Have each mandate name these origins; a new mandate is asked for (ACC-06, ACC-20).

        Raises:
            ConfigError: this device does not sign, or they are not origins, or more than 4.
        """
        signing = self._own_signing()
        _check_powers(Founding(origins=origins))
        if set(signing.origins) != set(origins):
            signing.origins, signing.renew = sorted(set(origins)), True
            self._save(turn)

    def issuing_key(self) -> IssuingKey | None:
        """Return what the company's web server signs logins with; None where the mandate that counts names no
        key, or names one of another device (CNS-55).
        """
        signing, standing = self._signing, self._standing()
        if signing is None or standing is None or signing.keys is None or not signing.signs(standing):
            return None
        mandate, login = standing.mandate, signing.keys.login
        if login is None:
            return None
        return IssuingKey(mandate.account_id, mandate.seq, mandate.expires_ms, login)

    # --- inside ---

    def _check_device(self, device_id: DeviceId) -> None:
        if device_id not in self._device_ids():
            raise UnknownDevice("the account has no such device")

    def _save(self, turn: Turn) -> None:
        """Keep what has changed, and have signed what follows from it."""
        if self._signing is not None:
            turn.put(self._signing.put())
        self._context.entry.refill(turn)


def _or_this(ids: Sequence[DeviceId] | None, this: DeviceId) -> list[DeviceId]:
    return [this] if ids is None else sorted(set(ids))


def _check_powers(founding: Founding) -> None:
    """Refuse what no mandate can have (ACC-03, ACC-20)."""
    origins = founding.origins
    if len(set(origins)) > MAX_ORIGINS or not all(
        is_origin(one) and len(one) <= MAX_ORIGIN_B for one in origins
    ):
        raise ConfigError("at most 4 origins of pages, such as https://praxis.example")
    if any(len(set(ids or ())) > MAX_LIST_RECORDS for ids in (founding.supervisors, founding.cleared)):
        raise TooManyDevices("a mandate names at most 16 devices")


def _check_channels(channels: Sequence[Channel], hours: Mapping[str, str]) -> None:
    """Refuse what channels cannot have (ACC-18, ACC-20)."""
    try:
        check_channels(channels, hours)
    except DecodeError:
        raise ConfigError("at most 16 channels, each of its form, and hours in 4 languages") from None
