"""What a company shows before anybody writes: its notice, and the door (chapter 18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from e2ee.errors import DecodeError, E2eeError
from e2ee.ids import DeviceId
from e2ee.rooms.assets import Assets, Served, next_assets, sign_assets
from e2ee.rooms.channels import Channel, Channels
from e2ee.rooms.door import check_texts
from e2ee.rooms.mandate import Mandate, next_seq
from e2ee.rooms.notice import Draft, Notice, next_notice, sign_notice
from e2ee_client.errors import ConfigError

from .company import Founding
from .part import Part
from .records import account_key_of
from .rooms.policies import check_told, load_policy
from .turn import Turn

OLDER_COUNTS_MS: Final = 30 * 86_400_000
"""How long consent to the notice before counts where nothing else is said (CNS-12)."""


class Publishing(Part):
    """Of a device that signs for its company."""

    def found(
        self, turn: Turn, founding: Founding, name: str, languages: Sequence[str], teams: Sequence[str]
    ) -> None:
        """Let this front desk sign for its company, under a card of its own.

        Raises:
            ConfigError: as `Company.found` and `Company.set_card`.
        """
        company = self._context.company
        company.found(turn, founding)
        device_id = DeviceId(self._state.own.device.record.device_id)
        company.set_card(turn, device_id, name, languages, teams)

    def publish(self, turn: Turn, draft: Draft, texts: Mapping[str, str], until_ms: int | None) -> Notice:
        """Sign a notice and state it from now on; consent to the one before counts until a time.

        Raises:
            AccountKeyAbsent: the account key is kept elsewhere. ConfigError: this device does not sign.
            NoticeIncomplete: a field is missing.
        """
        self._state.check_goes_on()
        own = self._state.own
        number = next_seq(self._context.notices.newest_number(own.account_id), turn.now_ms)
        notice = sign_notice(account_key_of(own), number, draft, turn.now_ms)
        self.install(turn, notice, texts, until_ms)
        return notice

    def request(self, turn: Turn, draft: Draft) -> bytes:
        """Return the bytes of our next notice, for the account key to sign where it is kept (ACC-26).

        Raises:
            NoticeIncomplete: a field is missing. RetentionNotStated: as `install`.
        """
        self._check_retention(draft.retention or ())
        account_id = self._state.own.account_id
        number = next_seq(self._context.notices.newest_number(account_id), turn.now_ms)
        return next_notice(account_id, number, draft, turn.now_ms)

    def install_signed(
        self, turn: Turn, signed: bytes, texts: Mapping[str, str], until_ms: int | None
    ) -> Notice:
        """State a notice that was signed elsewhere.

        Raises:
            ConfigError: this device does not sign, or the notice or a text does not fit.
        """
        account_id = self._state.own.account_id
        try:
            notice = Notice.verify(account_id, signed)
            check_texts(notice, [(locale, text.encode()) for locale, text in sorted(texts.items())])
        except E2eeError as error:
            raise ConfigError(f"the signed notice does not fit: {error.code}") from None
        self.install(turn, notice, texts, until_ms)
        return notice

    def install(self, turn: Turn, notice: Notice, texts: Mapping[str, str], until_ms: int | None) -> None:
        """State a notice that the account has signed.

        Raises:
            ConfigError: this device does not sign, or the notice does not fit. DecodeError: a text does not.
            RetentionNotStated: our policy keeps rooms longer than the notice tells (CNS-46).
        """
        self._check_retention(notice.retention)
        until = turn.now_ms + OLDER_COUNTS_MS if until_ms is None else until_ms
        self._context.company.publish_notice(turn, notice.signed, until)
        self._context.notices.put_texts(turn, notice, texts)

    def _check_retention(self, told: Sequence[tuple[int, int]]) -> None:
        if told:
            check_told(load_policy(self._state.rows).retention, told)

    def door(
        self, turn: Turn, channels: Sequence[Channel], hours: Mapping[str, str]
    ) -> tuple[Mandate, Notice, dict[str, str], Channels]:
        """Return what the company's door is made of: mandate, notice, texts by locale, channels (CNS-04).

        Raises:
            ConfigError: nothing is signed yet, or channels and hours are not such.
            NoticeIncomplete, SigningUnsure.
        """
        self._context.company.set_channels(turn, channels, hours)
        mandate, notice, signed = self._context.company.door_parts(turn)
        return mandate, notice, self._context.notices.texts(turn, notice.account_id, notice.hash), signed

    def assets_request(self, turn: Turn, served: Served, last_seq: int) -> bytes:
        """Return the bytes of assets that end with the mandate, for the account key to sign (CNS-60).

        Raises:
            ConfigError: this device does not sign. NoticeIncomplete, SigningUnsure, CounterExhausted.
        """
        mandate = self._context.company.door_parts(turn).mandate
        seq = next_seq(last_seq, turn.now_ms)
        return next_assets(mandate.account_id, seq, served, turn.now_ms, mandate.expires_ms)

    def sign_assets(self, turn: Turn, served: Served, last_seq: int) -> Assets:
        """Sign the files that the company serves for browsers.

        Raises:
            AccountKeyAbsent: the account key is kept elsewhere. What `assets_request` raises.
            ConfigError: more files, headers or bytes than assets hold.
        """
        self._state.check_goes_on()
        unsigned = self.assets_request(turn, served, last_seq)
        try:
            return sign_assets(account_key_of(self._state.own), unsigned)
        except DecodeError as error:
            raise ConfigError(f"these files cannot be listed: {error}") from None
