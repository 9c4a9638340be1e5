"""Cards: what a room shows of a company's device; the public roster has only their hashes (ACC-14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from e2ee import labels
from e2ee.constants import ACCOUNT_ID_B, DEVICE_ID_B, VERSION
from e2ee.identity import check_version, encode_map
from e2ee.ids import AccountId, DeviceId
from e2ee.ports import Rng
from e2ee.primitives import kdf
from e2ee.wire.fields import KEYS, decode_map

from .checks import ascending, locale, plain_name

CARD_MAX_B: Final = 1_024
BLIND_B: Final = 16
MAX_LANGUAGES: Final = 8
MAX_TEAMS: Final = 8


@dataclass(frozen=True, slots=True)
class AgentCard:
    """Name, languages and teams of a device, given to its rooms only (ACC-14)."""

    encoded: bytes = field(repr=False)
    account_id: AccountId
    device_id: DeviceId
    name: str
    languages: tuple[str, ...]
    teams: tuple[str, ...]
    hash: bytes

    @classmethod
    def decode(cls, encoded: bytes) -> AgentCard:
        """Read a card; only its hash in a roster makes it one of the company (ACC-14).

        Raises:
            DecodeError, UnsupportedVersion.
        """
        fields = decode_map(encoded, CARD_MAX_B, KEYS[7])
        check_version(fields)
        account_id, device_id = AccountId(fields.bstr(2, ACCOUNT_ID_B)), DeviceId(fields.bstr(3, DEVICE_ID_B))
        fields.bstr(4, BLIND_B)
        return cls(
            encoded,
            account_id,
            device_id,
            plain_name(fields.value(5)),
            ascending(tuple(locale(item) for item in fields.array(6, 0, MAX_LANGUAGES))),
            tuple(plain_name(item) for item in fields.array(7, 0, MAX_TEAMS)),
            kdf.hash_(labels.AGENT_CARD, encoded),
        )


def new_card(
    account_id: AccountId,
    device_id: DeviceId,
    name: str,
    languages: Sequence[str],
    teams: Sequence[str],
    rng: Rng,
) -> AgentCard:
    """Make a card; its blind keeps the name from being guessed by its hash (ACC-14)."""
    names = sorted(set(languages)), list(teams)
    return AgentCard.decode(encode_map(VERSION, account_id, device_id, rng(BLIND_B), name, *names))
