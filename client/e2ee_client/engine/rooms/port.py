"""What the engine calls of rooms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from e2ee.content import Content
    from e2ee.identity import DeviceRecord
    from e2ee.ids import AccountId, DeviceId
    from e2ee_client.engine.peers import Peer
    from e2ee_client.engine.posted import Posted
    from e2ee_client.engine.turn import Turn


class RoomsPort(Protocol):
    """Consent, entries and teams, as sessions see them (chapters 15 to 18)."""

    def admit(self, turn: Turn, record: DeviceRecord, content: Content) -> None:
        """Refuse what a device of another account may not send (CNS-13 to CNS-15). Called for each content,
        of whatever type, before a contact, session, key or row exists or changes. It changes nothing itself.

        Raises:
            RemoteError: refused. A first flight then leaves nothing but the remembered message id, a known
                session advances its ratchet only (CNS-28).
        """
        ...

    def take(self, turn: Turn, peer: Peer, content: Content) -> bool:
        """Carry out a content of types 8 to 12; True: it is to be confirmed by a receipt. The same content
        may come again (SES-37) and is then to be answered as before.

        Raises:
            RemoteError: refused; reported, and not confirmed.
        """
        ...

    def confirmed(self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes) -> None:
        """A posted content is in the store of a device, once for each."""
        ...

    def failed(
        self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes, code: str
    ) -> None:
        """A posted content will not be sent to a device any more, once for each."""
        ...

    def not_sent(self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes) -> None:
        """A posted content has not left for a device that was struck off, once for each (ID-28)."""
        ...

    def first_of(self, turn: Turn, account_id: AccountId, device_id: DeviceId) -> Posted | None:
        """Return the `open` with which each flight to this device begins, while the device has not confirmed
        it (TRN-30); None if there is none.
        """
        ...

    def is_trusted(self, account_id: bytes) -> bool:
        """Whether an account may put large files at the cost of our mailbox (FIL-11)."""
        ...

    def devices_changed(self, turn: Turn, account_id: AccountId) -> None:
        """A list of an account was pinned, or a device of it was learned of or struck off; our own account
        counts as well.
        """
        ...

    def is_gated(self) -> bool:
        """Whether this is a company's device: customers reach it in rooms only (CNS-29)."""
        ...

    def are_with(self, account_id: AccountId) -> bool:
        """Whether we have rooms with a company: its devices are written to in rooms only."""
        ...

    def customers(self) -> Iterable[tuple[AccountId, DeviceId]]:
        """Return the devices of customers with open rooms: a roster that changes goes to them (ACC-17)."""
        ...

    def start(self, turn: Turn) -> None:
        """The engine goes online: set the timers."""
        ...
