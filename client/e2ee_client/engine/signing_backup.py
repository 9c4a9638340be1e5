"""What a backup holds of a company that its device signs for, and how another device goes on (ACC-28)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from e2ee.ids import AccountId, DeviceId
from e2ee.ports import Rng
from e2ee.rooms.agent_card import new_card
from e2ee_client.rows import Put

from .ports import RowReader
from .signing_row import Signing
from .team_rows import CardRow, NoticeRow


def saved_rows(rows: RowReader, account_id: AccountId) -> list[tuple[bytes, bytes]]:
    """Return what the device signs from, without roster and login key, and the notices and cards."""
    row = rows.get(Signing.TABLE, Signing.PREFIX)
    if row is None:
        return []
    signing = Signing.decode(Signing.PREFIX, row)
    signing.keys = signing.next_keys = None
    ours = CardRow.PREFIX + account_id, NoticeRow.PREFIX + account_id
    found = [(key, one) for key, one in rows.items(CardRow.TABLE) if key.startswith(ours)]
    return [(signing.key, signing.put().value), *found]


def restored_rows(
    saved: Sequence[tuple[bytes, bytes]], before: DeviceId, device_id: DeviceId, rng: Rng
) -> Iterator[Put]:
    """Yield the rows of the device that goes on: in the place of the one before, with its powers and its
    card, and unsure of the numbers, since others may have been given since the backup.
    """
    for key, row in saved:
        if key == Signing.PREFIX:
            yield _restored(Signing.decode(key, row), before, device_id).put()
            continue
        if key.startswith(NoticeRow.PREFIX):
            yield NoticeRow.decode(key, row).put()
            continue
        card = CardRow.decode(key, row).card
        if card.device_id == before:
            card = new_card(card.account_id, device_id, card.name, card.languages, card.teams, rng)
        yield CardRow(card.account_id, card.device_id, card.encoded).put()


def _restored(signing: Signing, before: DeviceId, device_id: DeviceId) -> Signing:
    def replaced(ids: Sequence[DeviceId]) -> list[DeviceId]:
        return sorted({device_id if one == before else one for one in ids})

    signing.supervisors, signing.cleared = replaced(signing.supervisors), replaced(signing.cleared)
    signing.keys = signing.next_keys = signing.confirmed = None
    signing.unsure = True
    return signing
