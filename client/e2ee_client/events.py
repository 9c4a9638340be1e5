"""What a client tells its application. Frozen values; text and keys stay out of their repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeAlias

from e2ee.rooms.team import Condition

from .errors import UnknownContact
from .room_events import RoomEvent

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from .contacts import Contact

    # The kind of handle: that of `e2ee_client` unless an event comes from `e2ee_client.sync`.
    C = TypeVar("C", default=Contact)
else:
    from typing import TypeVar

    C = TypeVar("C")


class MessageState(Enum):
    """How far a message of ours has come. FAILED is final."""

    QUEUED = "queued"
    SENT = "sent"
    """The relay has it on disk."""
    DELIVERED = "delivered"
    """The other side's client has it on disk."""
    READ = "read"
    FAILED = "failed"


class ConnectionState(Enum):
    """Whether the mailboxes of this client are connected to their relays."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"


@dataclass(frozen=True)
class OfContact(Generic[C]):
    """What events have in common that name an account."""

    __slots__ = ("_contact", "account_id")
    account_id: bytes
    if TYPE_CHECKING:
        _contact: C = field(init=False)

    @property
    def contact(self) -> C:
        """The handle of the account; no part of equality and `repr`.

        Raises:
            UnknownContact: the sender is not known, or the event does not come from a client.
        """
        try:
            return self._contact
        except AttributeError:
            raise UnknownContact("the event names no contact") from None

    def attach(self, contact: C) -> None:
        """Set the handle; called by the client."""
        object.__setattr__(self, "_contact", contact)


@dataclass(frozen=True, slots=True)
class MessageReceived(OfContact[C]):
    """A text of a contact, given once (SES-11). `sent_ms` is the sender's claim, `received_ms` our clock."""

    message_id: bytes
    text: str = field(repr=False)
    sent_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class MessageStateChanged(OfContact[C]):
    """A message of ours came further. `code` says why it failed, and is empty otherwise."""

    message_id: bytes
    state: MessageState
    code: str = ""


@dataclass(frozen=True, slots=True)
class ContactAdded(OfContact[C]):
    """Somebody unknown wrote first; nothing is sent back until the contact is accepted (CON-04)."""


@dataclass(frozen=True, slots=True)
class SessionStarted(OfContact[C]):
    """A session began. The two flags tell whether its handshake had one-time keys (ID-17)."""

    by_us: bool
    one_time_x25519: bool
    one_time_kem: bool


@dataclass(frozen=True, slots=True)
class SessionProven(OfContact[C]):
    """The contact has answered on a session: both sides share it, and texts go on it (SES-36)."""


@dataclass(frozen=True, slots=True)
class Doubt(OfContact[C]):
    """Something came that does not fit the session in use; the contact is asked for its own (SES-25)."""


@dataclass(frozen=True, slots=True)
class Gap(OfContact[C]):
    """Texts that a contact has sent have not arrived; they are asked for (SES-30)."""


@dataclass(frozen=True, slots=True)
class GapFilled(OfContact[C]):
    """No text of a contact is missing any more (SES-30)."""


@dataclass(frozen=True, slots=True)
class Parted(OfContact[C]):
    """A contact's numbers do not continue: its store was set back, or two copies of it run. Texts may be
    missing (SES-30).
    """


@dataclass(frozen=True, slots=True)
class RolledBack(OfContact[C]):
    """A contact has texts of ours unknown to this store: it was set back, or a copy runs (SES-31)."""


@dataclass(frozen=True, slots=True)
class Unconfirmed(OfContact[C]):
    """A text of ours was never confirmed and is not sent again: it may not have arrived (SES-37)."""

    message_id: bytes


@dataclass(frozen=True, slots=True)
class Unreachable(OfContact[C]):
    """No session with any device of a contact can be started: no prekeys, or no answer for days (SES-43)."""


@dataclass(frozen=True, slots=True)
class Churn(OfContact[C]):
    """A contact starts more sessions in a day than it may; those beyond are refused. Once a day (SES-35)."""


@dataclass(frozen=True, slots=True)
class ListStale(OfContact[C]):
    """The device list of a contact is past its end: nothing is sent to it, what it sends is held (ID-36)."""


@dataclass(frozen=True, slots=True)
class DeviceReplaced:
    """Our own newest list does not name this device: another one has taken its place, as after a restore.

    `by_code`: somebody has gone on with the account by its recovery code, or with a copy of this store or a
    backup (ACC-74), or has listed a device beside this one, which may be taken out again by now (ACC-75). Ask
    the person whether it was itself; if not, only a new account helps.
    """

    by_code: bool = False


@dataclass(frozen=True, slots=True)
class SecondCopy:
    """Another connection proves our mailbox again and again: a second copy of this store is running."""


@dataclass(frozen=True, slots=True)
class CopyStopped:
    """A second copy of this store has signed a device list of a number that this one has signed, and the
    directory has that one. This store sends, takes and signs nothing more; what it has can be read (ID-48).
    """


@dataclass(frozen=True, slots=True)
class MessageRejected(OfContact[C]):
    """Something arrived that was refused and dropped; `account_id` is empty where the sender is unknown."""

    code: str


@dataclass(frozen=True, slots=True)
class UnsupportedContent(OfContact[C]):
    """A content of a type that this version does not know (CON-02)."""

    message_id: bytes
    type: int


@dataclass(frozen=True, slots=True)
class IdentityAlarm(OfContact[C]):
    """A contact's list or keys do not hold; nothing is sent until a person has looked (ID-07)."""

    code: str


@dataclass(frozen=True, slots=True)
class NewDevice(OfContact[C]):
    """A contact has a device that was not known before, signed into its list."""

    device_id: bytes


@dataclass(frozen=True, slots=True)
class DeviceRemoved(OfContact[C]):
    """A contact has struck a device off its list: nothing is sent to it or taken from it any more (ID-28)."""

    device_id: bytes


@dataclass(frozen=True, slots=True)
class OwnDeviceAdded:
    """Our account has another device, signed into its list (ID-41). `invited_here`: this device has taken it
    in itself.
    """

    device_id: bytes
    invited_here: bool = False


@dataclass(frozen=True, slots=True)
class OwnDeviceRemoved:
    """Another device of our account has been struck off its list (ID-41)."""

    device_id: bytes


@dataclass(frozen=True, slots=True)
class OwnDeviceListed:
    """Lists of a person's account have named a device that is not known here, and name it no more (ACC-80).

    `digits` are those of its record (ACC-44); `added_ms` and `removed_ms` are what the lists state. If it was
    not the person, somebody has the recovery code or a copy of the account key.
    """

    digits: str
    added_ms: int
    removed_ms: int


@dataclass(frozen=True, slots=True)
class DeviceListExpiring:
    """Our own device list ends in 12 days or less, or has ended, and the account key is not here to renew it:
    from then on nothing that is written is accepted (ID-12, ID-65).
    """

    expires_ms: int


@dataclass(frozen=True, slots=True)
class TeamUnknown(OfContact[C]):
    """It is not known who of a company may act; texts to it wait. `code` says why: `room.roster_expired`,
    `room.mandate`, `remote.list_expired`, `remote.list_gap` or `remote.identity`. Told once; the directory is
    asked again by itself (ACC-13).
    """

    code: str


@dataclass(frozen=True, slots=True)
class CompanyFork(OfContact[C]):
    """A company has signed two mandates, or two rosters of one, under one number; one of them counts, the
    same for everybody (ACC-05). `kind` is `mandate_fork` or `roster_fork`.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class OwnConditionChanged:
    """What this device is to its own company: in force as before, locked by a roster, or dropped (ACC-15)."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class SigningStopped:
    """Nothing is signed for our company. `code` says why: `config.notice` as long as no notice is published,
    `local.signing_unsure` until a person has confirmed the highest numbers, `local.counter_exhausted` where
    no number is left (ACC-07).
    """

    code: str


@dataclass(frozen=True, slots=True)
class MandateSigned:
    """Our company has a new mandate, good until a time: the door is to be served anew (CNS-04)."""

    expires_ms: int


@dataclass(frozen=True, slots=True)
class CompanyKeysExpiring:
    """Device list or mandate of our company ends within so many days, 14, 7 or 2, and the account key is not
    here to sign either anew (ACC-16).
    """

    days: int


@dataclass(frozen=True, slots=True)
class RosterExpiring:
    """The roster of our company, by which it is known who answers, ends in four days or less, or has ended,
    and the front desk that signs it is another device: from then on no text is taken, on either side, until
    it has signed the next one (ACC-82).
    """

    expires_ms: int


@dataclass(frozen=True, slots=True)
class PrekeysLow:
    """So many one-time keys of ours are left at the relay: many new contacts, or somebody drains them.

    They are made anew within a minute or two. While a kind is at 0, first messages of new contacts have less
    forward secrecy (ID-17, RLY-157).
    """

    one_time_x25519: int
    one_time_kem: int


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The connection to the relay of a mailbox changed. `code` is the code of `RelayUnavailable` or of a kind
    of it, or a relay error code; empty if none is known. With another state than OFFLINE it says why our
    directory entry waits, once a day (ID-59): new contacts, strike-offs and a company's roster wait with it;
    or why the first prekeys of this device do (ID-60).
    """

    state: ConnectionState
    relay_url: str
    code: str = ""


Event: TypeAlias = (
    MessageReceived[C]
    | MessageStateChanged[C]
    | ContactAdded[C]
    | SessionStarted[C]
    | SessionProven[C]
    | Doubt[C]
    | Gap[C]
    | GapFilled[C]
    | Parted[C]
    | RolledBack[C]
    | Unconfirmed[C]
    | Unreachable[C]
    | Churn[C]
    | ListStale[C]
    | DeviceReplaced
    | SecondCopy
    | CopyStopped
    | MessageRejected[C]
    | UnsupportedContent[C]
    | IdentityAlarm[C]
    | NewDevice[C]
    | DeviceRemoved[C]
    | OwnDeviceAdded
    | OwnDeviceRemoved
    | OwnDeviceListed
    | DeviceListExpiring
    | TeamUnknown[C]
    | CompanyFork[C]
    | OwnConditionChanged
    | SigningStopped
    | CompanyKeysExpiring
    | RosterExpiring
    | MandateSigned
    | PrekeysLow
    | ConnectionChanged
    | RoomEvent
)
