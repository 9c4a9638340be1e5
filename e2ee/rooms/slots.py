"""How mandates and rosters reach a reader: slots of the directory, contents of type 12 (ACC-11, ACC-12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from e2ee.constants import MAX_LIST_RECORDS, MAX_TEAM
from e2ee.content import ContentType, OfRooms
from e2ee.errors import ContentError, DecodeError, RemoteError
from e2ee.identity import LIST_MAX_B, RECORD_MAX_B
from e2ee.ids import AccountId
from e2ee.wire import cbor
from e2ee.wire.fields import KEYS, Fields, array, bstr

from .agent_card import CARD_MAX_B
from .mandate import MANDATE_MAX_B, Mandate
from .notice import NOTICE_MAX_B
from .roster import ROSTER_MAX_B, Roster
from .team import Finding, Learned, Standing, learn

SLOT_MAX_B: Final = 4_096
MAX_LISTS: Final = 8
MAX_NOTICES: Final = 4


def encode_slot(mandate: Mandate, roster: Roster) -> bytes:
    """Return what a device publishes beside its record: [signed mandate, signed roster] (ACC-11)."""
    return cbor.encode([mandate.signed, roster.signed])


def read_slots(account_id: AccountId, known: Standing | None, slots: Iterable[bytes], now_ms: int) -> Learned:
    """Learn from the slots of a directory entry; of one that does not hold only the code is kept (ACC-11)."""
    standing, findings, refused = known, frozenset[Finding](), list[str]()
    for slot in slots:
        try:
            mandate, roster = open_slot(account_id, slot)
            learned = learn(standing, mandate, roster, now_ms)
        except RemoteError as error:
            refused.append(error.code)
        else:
            standing, findings = learned.standing, findings | learned.findings
            refused += learned.refused
    return Learned(standing, findings, tuple(refused))


def open_slot(account_id: AccountId, slot: bytes) -> tuple[Mandate, Roster]:
    """Return mandate and roster of a slot, verified for an account (ACC-11, ACC-03).

    Raises:
        RemoteError: it does not hold.
    """
    items = array(cbor.decode(slot, SLOT_MAX_B), 2, 2)
    signed, signed_roster = bstr(items[0], 1, MANDATE_MAX_B), bstr(items[1], 1, ROSTER_MAX_B)
    mandate = Mandate.verify(account_id, signed)
    return mandate, Roster.verify(mandate, signed_roster)


@dataclass(frozen=True, slots=True)
class RosterContent:
    """A content of type 12: what a reader of a roster needs, as byte strings that are verified when taken
    (ACC-12). `cards` go to devices of the company only.
    """

    mandate: bytes
    roster: bytes
    lists: tuple[bytes, ...]
    records: tuple[bytes, ...]
    notices: tuple[bytes, ...] = ()
    cards: tuple[bytes, ...] = ()

    def encode(self) -> OfRooms:
        """Return the payload."""
        payload: dict[int, cbor.Value] = {
            1: self.mandate,
            2: self.roster,
            3: list(self.lists),
            4: list(self.records),
            5: list(self.notices),
            6: list(self.cards),
        }
        return OfRooms(ContentType.ROSTER, payload)

    @classmethod
    def decode(cls, payload: cbor.Value) -> RosterContent:
        """Read the payload.

        Raises:
            ContentError.
        """
        try:
            fields = Fields(payload, KEYS[6])
            return cls(
                fields.bstr(1, 1, MANDATE_MAX_B),
                fields.bstr(2, 1, ROSTER_MAX_B),
                tuple(bstr(item, 1, LIST_MAX_B) for item in fields.array(3, 0, MAX_LISTS)),
                tuple(bstr(item, 1, RECORD_MAX_B) for item in fields.array(4, 0, MAX_LIST_RECORDS)),
                tuple(bstr(item, 1, NOTICE_MAX_B) for item in fields.array(5, 0, MAX_NOTICES)),
                tuple(bstr(item, 1, CARD_MAX_B) for item in fields.array(6, 0, MAX_TEAM)),
            )
        except DecodeError:
            raise ContentError("not a content of type roster") from None
