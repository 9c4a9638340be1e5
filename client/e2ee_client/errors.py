"""Every error of the client: a stable code, whether trying again can help, and what to do next.

No message holds a key, a passphrase, plaintext or the bytes that failed (STO-21).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final


class SealroomError(Exception):
    """Root of the client's errors: `code` is stable, `retryable` tells whether the same call may succeed
    later.
    """

    code: ClassVar[str] = "sealroom"
    retryable: ClassVar[bool] = False
    hint: ClassVar[str] = ""


class StoreError(SealroomError):
    """The store cannot do what was asked; whatever raised it changed no row (STO-09)."""

    code: ClassVar[str] = "store"


class StoreLocked(StoreError):
    """Another process, or another object of this process, has the store open (STO-13)."""

    code: ClassVar[str] = "store.locked"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "close the other program that uses this store, then try again"


class StoreWrongKey(StoreError):
    """The passphrase or raw key does not open the header (STO-05)."""

    code: ClassVar[str] = "store.wrong_key"
    hint: ClassVar[str] = "check the passphrase; if it is right, the header is damaged: use a backup"


class StoreCorrupt(StoreError):
    """The file is damaged, or was changed while the store was closed (STO-02, STO-10)."""

    code: ClassVar[str] = "store.corrupt"
    hint: ClassVar[str] = (
        "keep the file for analysis; a backup brings contacts and texts into a new store, no rooms"
    )


class StoreFull(StoreError):
    """The disk, or the store's own size limit, has no room; nothing changed (STO-09)."""

    code: ClassVar[str] = "store.full"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "free some disk space, then try again"


class StoreTooNew(StoreError):
    """The file has a newer format than this program knows (STO-18)."""

    code: ClassVar[str] = "store.too_new"
    hint: ClassVar[str] = "update this program"


class StoreTooOld(StoreError):
    """The file was written by an earlier program, in a format that this one no longer reads (STO-18)."""

    code: ClassVar[str] = "store.too_old"
    hint: ClassVar[str] = (
        "open it with the program that wrote it; a backup brings contacts and texts to a new store, no rooms"
    )


class StoreExists(StoreError):
    """A file already stands where a new store was to be created (STO-16)."""

    code: ClassVar[str] = "store.exists"
    hint: ClassVar[str] = "open the store, or choose another path"


class StoreMissing(StoreError):
    """No store stands at this path (STO-16)."""

    code: ClassVar[str] = "store.missing"
    hint: ClassVar[str] = "check the path, or create a store first"


class StoreUnavailable(StoreError):
    """The operating system failed an operation on the files; open the store again (STO-09)."""

    code: ClassVar[str] = "store.unavailable"
    hint: ClassVar[str] = "check the disk and the file's permissions, then open the store again"


class StoreClosed(StoreError):
    """The store was closed, or belongs to the parent of a forked process (STO-22)."""

    code: ClassVar[str] = "store.closed"
    hint: ClassVar[str] = "open the store in the process that uses it"


class StoreMisuse(StoreError):
    """Argument out of range: unknown table, key or value too long, unusable passphrase (STO-08)."""

    code: ClassVar[str] = "store.misuse"
    hint: ClassVar[str] = "this is a fault of the calling program"


class BackupError(SealroomError):
    """A backup file cannot be opened."""

    code: ClassVar[str] = "backup"


class BackupWrongKey(BackupError):
    """The passphrase does not fit the backup's header (STO-24)."""

    code: ClassVar[str] = "backup.wrong_key"
    hint: ClassVar[str] = "check the passphrase; if it is right, the file's header is damaged"


class BackupCorrupt(BackupError):
    """The backup is no backup, or is cut short, reordered or changed (STO-25)."""

    code: ClassVar[str] = "backup.corrupt"
    hint: ClassVar[str] = "use another copy of the backup"


class BackupTooNew(BackupError):
    """The backup has a newer format than this program knows (STO-24)."""

    code: ClassVar[str] = "backup.too_new"
    hint: ClassVar[str] = "update this program"


class BackupOutdated(BackupError):
    """The account was recovered by its code after this backup was made (ACC-71)."""

    code: ClassVar[str] = "backup.outdated"
    hint: ClassVar[str] = "use a backup made after the recovery, or recover by the code again"


class UnknownContact(SealroomError):
    """No contact of this account id."""

    code: ClassVar[str] = "contact.unknown"
    hint: ClassVar[str] = "add the contact from its card first"


class UnknownMessage(SealroomError):
    """No text with this contact has this id."""

    code: ClassVar[str] = "message.unknown"
    hint: ClassVar[str] = "take the id from an event or from the history of the same contact"


class ContactBlocked(SealroomError):
    """The contact's identity raised an alarm; nothing is sent until a person has looked (ID-07)."""

    code: ClassVar[str] = "contact.blocked"
    hint: ClassVar[str] = (
        "compare the safety number with the contact over another channel, then mark it as verified"
    )


class ContactSucceeded(ContactBlocked):
    """A person has had the contact's account followed by another one; nothing is sent to it (ID-62)."""

    code: ClassVar[str] = "contact.succeeded"
    hint: ClassVar[str] = (
        "write to the account that followed it; if that was wrong, compare the safety number with this"
        " contact over another channel, then mark it as verified"
    )


class ListUnknown(SealroomError):
    """No device list of the contact is known here yet, by which a statement could be verified (ID-13)."""

    code: ClassVar[str] = "contact.list_unknown"
    hint: ClassVar[str] = "go online until the relay has shown it, or the contact has written, then try again"


class SuccessorInvalid(SealroomError):
    """No successor statement, a damaged one, one that the recovery key of the old account's list has not
    signed, or the card of another account beside it (ID-13, ID-61, ID-62). Nothing has changed.
    """

    code: ClassVar[str] = "successor.invalid"
    hint: ClassVar[str] = (
        "copy statement and card whole again; if it stays so, do not follow it: ask the contact over another"
        " channel, and add its new card by hand"
    )


class DeviceReplacedError(SealroomError):
    """Our newest device list does not name this device: another one has taken its place (SES-40)."""

    code: ClassVar[str] = "account.replaced"
    hint: ClassVar[str] = "go on with the device that replaced this one, or restore a backup here"


class DeviceListOver(SealroomError):
    """Our device list has ended, and the account key is not here to sign the next one: contacts would hold
    back what is written now, and lose it in the end (ID-65). Nothing has changed.
    """

    code: ClassVar[str] = "account.list_over"
    hint: ClassVar[str] = (
        "open the device that holds the account key, while this one is online: it all goes on then; if that"
        " device is lost, begin anew"
    )


class SecondCopyError(SealroomError):
    """A second copy of this store has signed for the account: this one has stopped (ID-48)."""

    code: ClassVar[str] = "account.second_copy"
    hint: ClassVar[str] = (
        "go on with the other copy and erase this one; if there is no other, restore a backup made here"
    )


class MessageEmpty(SealroomError):
    """A text has at least one character (CON-03)."""

    code: ClassVar[str] = "message.empty"
    hint: ClassVar[str] = "write something"


class MessageTooLarge(SealroomError):
    """The text is longer than one message can hold (WIRE-14)."""

    code: ClassVar[str] = "message.too_large"
    hint: ClassVar[str] = "split the text into several messages"


class ConfigError(SealroomError):
    """A setting or an argument cannot be used."""

    code: ClassVar[str] = "config.invalid"
    hint: ClassVar[str] = "correct the value that the message names"


class ListOutdated(ConfigError):
    """The signed device list was asked for before the list that is in use now (ID-12)."""

    code: ClassVar[str] = "config.list_outdated"
    hint: ClassVar[str] = "destroy it; make a new request, have that signed, and install its answer"


class RetentionNotStated(ConfigError):
    """The notice does not state the class of the policy, or a shorter period for it; `policy` and `notice`
    are class and seconds of each (CNS-46).
    """

    code: ClassVar[str] = "config.retention"
    hint: ClassVar[str] = "state the period of the policy in the notice, or set a policy that keeps no longer"

    def __init__(self, policy: tuple[int, int], notice: Sequence[tuple[int, int]]) -> None:
        stated = ", ".join(_kept(one) for one in notice)
        super().__init__(f"policy: {_kept(policy)}; notice: {stated}")
        self.policy = policy
        self.notice = tuple(notice)


_CLASSES: Final = ("ephemeral", "default", "statutory", "proof")
_UNITS_S: Final = (("y", 365 * 86_400), ("d", 86_400), ("h", 3_600), ("s", 1))


def _kept(retention: tuple[int, int]) -> str:
    """Class and period as they stand in notice.toml."""
    kind, ttl_s = retention
    unit, size_s = next(one for one in _UNITS_S if ttl_s % one[1] == 0)
    return f"{_CLASSES[kind - 1]} {ttl_s // size_s}{unit}"


class AccountKeyAbsent(SealroomError):
    """The account key is not on this device (ID-12)."""

    code: ClassVar[str] = "account.key_absent"
    hint: ClassVar[str] = (
        "have it signed where the account key is kept; a backup is made with the exported key"
    )


class AccountKeyHere(SealroomError):
    """The account key is on this device, which signs by itself what was to be signed elsewhere (ID-12)."""

    code: ClassVar[str] = "account.key_here"
    hint: ClassVar[str] = "nothing is to be done; to sign elsewhere, export the account key, then remove it"


class UnknownDevice(SealroomError):
    """Our account has no device of this id (ID-41)."""

    code: ClassVar[str] = "device.unknown"
    hint: ClassVar[str] = "take the id from `devices()`"


class TooManyDevices(SealroomError):
    """The account has as many devices as it may (ACC-36)."""

    code: ClassVar[str] = "device.too_many"
    hint: ClassVar[str] = "remove a device that is not used any more"


class InviteInvalid(SealroomError):
    """A code that is none or of another account, an answer that does not hold, or a second device (ACC-34,
    ACC-35). The invite has ended; nothing was signed.
    """

    code: ClassVar[str] = "link.code"
    hint: ClassVar[str] = "compare the company's card, then make a new code"


class InviteShared(InviteInvalid):
    """A second device has come by the same code (ACC-34). Nothing was signed."""

    code: ClassVar[str] = "link.second"
    hint: ClassVar[str] = "somebody may have seen the code: make a new one, and show it to nobody else"


class InviteClock(InviteInvalid):
    """The clocks of both devices are more than a day apart (ACC-35). Nothing was signed."""

    code: ClassVar[str] = "link.clock"
    hint: ClassVar[str] = "set date and clock of both devices, then make a new code"


class InviteExpired(SealroomError):
    """Nobody waits where the code says, or ten minutes are over (ACC-35)."""

    code: ClassVar[str] = "link.expired"
    hint: ClassVar[str] = "make a new code, and keep both devices online"


class InviteLeft(InviteExpired):
    """The new device had gone before it could be told: the list that names it is followed by one without it
    (ACC-54).
    """

    code: ClassVar[str] = "link.left"
    hint: ClassVar[str] = "make a new code, and leave the new device open until it says that it is done"


class InvalidCard(SealroomError):
    """The text is no contact card, or has a typing error (ID-21 to ID-23)."""

    code: ClassVar[str] = "card.invalid"
    hint: ClassVar[str] = "copy the whole card again from where it is published"


class ClientClosed(SealroomError):
    """The client was closed before, or while, the call was carried out."""

    code: ClassVar[str] = "client.closed"
    hint: ClassVar[str] = "open the client again"


class RelayUnavailable(SealroomError):
    """The relay cannot be reached, or the connection to it broke."""

    code: ClassVar[str] = "relay.unavailable"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "check the relay's address and the network; the client itself tries again"


class RelayNameUnknown(RelayUnavailable):
    """The name of the relay has no address."""

    code: ClassVar[str] = "relay.dns"
    hint: ClassVar[str] = "check the spelling of the relay's address, and the network"


class RelayRefused(RelayUnavailable):
    """Nothing listens at the relay's address and port."""

    code: ClassVar[str] = "relay.refused"
    hint: ClassVar[str] = "check the port; the relay may be stopped"


class RelayTimeout(RelayUnavailable):
    """The relay did not answer in time."""

    code: ClassVar[str] = "relay.timeout"
    hint: ClassVar[str] = "check the network and the firewall; the client itself tries again"


class RelayCertificate(RelayUnavailable):
    """The relay's certificate does not hold."""

    code: ClassVar[str] = "relay.certificate"
    retryable: ClassVar[bool] = False
    hint: ClassVar[str] = "tell the operator of the relay; nothing was sent"


class RelayCertificateExpired(RelayCertificate):
    """The relay's certificate is past its end, or begins later than now."""

    code: ClassVar[str] = "relay.certificate_expired"
    hint: ClassVar[str] = "check this device's clock; if it is right, tell the operator of the relay"


class RelayCertificateUnknown(RelayCertificate):
    """No authority that this device knows has signed the relay's certificate."""

    code: ClassVar[str] = "relay.certificate_authority"
    hint: ClassVar[str] = "give the operator's own authority as `ca_file`, if the relay has one"


class RelayCertificateName(RelayCertificate):
    """The relay's certificate is for another name."""

    code: ClassVar[str] = "relay.certificate_name"
    hint: ClassVar[str] = "check the spelling of the relay's address"


class NotARelay(RelayUnavailable):
    """Something answers at the address that is no relay, or does not speak TLS."""

    code: ClassVar[str] = "relay.not_a_relay"
    hint: ClassVar[str] = "check address, port and path, and whether it is ws:// or wss://"


class RelayNotFollowed(RelayUnavailable):
    """A contact named a relay that is not followed: without TLS, or not at a public address."""

    code: ClassVar[str] = "relay.not_followed"
    retryable: ClassVar[bool] = False
    hint: ClassVar[str] = "ask the contact for an address at a public relay"


class BlobRefused(SealroomError):
    """A relay does not take a blob, does not have it, or has handed it out often enough."""

    code: ClassVar[str] = "file.relay"
    hint: ClassVar[str] = "the file may be too large for the relay, or past its end there; ask for it again"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class FileQuota(SealroomError):
    """No mailbox of the room has room for the file; nothing of it was sent (FIL-11)."""

    code: ClassVar[str] = "file.quota"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "send a smaller file, or wait until files before it were fetched"


class FileExpired(SealroomError):
    """The relay does not have the file any more, and this device has not fetched it (FIL-15)."""

    code: ClassVar[str] = "file.expired"
    hint: ClassVar[str] = "ask for the file to be sent again"


class FileCancelled(SealroomError):
    """The file was given up before the room had it."""

    code: ClassVar[str] = "file.cancelled"
    hint: ClassVar[str] = "send it again if it is still wanted"


class FileMissing(SealroomError):
    """The entry has no file, or it was erased."""

    code: ClassVar[str] = "local.file"
    hint: ClassVar[str] = "take an entry whose `file` is set"


class FileUnusable(SealroomError):
    """A file or folder of this device cannot be read or written."""

    code: ClassVar[str] = "local.file_unusable"
    hint: ClassVar[str] = "check path, permissions and the room on the disk"


class FileStalled(FileUnusable):
    """The disk of a file or folder of a person does not answer (FIL-28)."""

    code: ClassVar[str] = "local.file_stalled"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "look whether the disk or network drive is there, or take a copy elsewhere"


class MetadataKept(SealroomError):
    """The metadata of a file cannot be removed: of its type, or because it is damaged (FIL-17)."""

    code: ClassVar[str] = "file.metadata"
    hint: ClassVar[str] = "send it with its metadata, or make a JPEG or PNG of it"


class WaitTimeout(SealroomError, TimeoutError):
    """What was waited for has not happened in time; it may still happen."""

    code: ClassVar[str] = "wait.timeout"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "wait again, or go on without it"


class PublishRefused(WaitTimeout):
    """The relay has refused entry or prekeys of a device so far, so that nobody reaches it (ID-60); `reason`
    is the code of the refusal.
    """

    code: ClassVar[str] = "wait.refused"
    hint: ClassVar[str] = "wait on, it is tried again by itself; if it lasts, tell the relay's operator"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the relay does not take what this device publishes: {reason}")
        self.reason = reason


class MessageFailed(SealroomError):
    """The message will not reach the state that was waited for; `reason` is the code of the failure."""

    code: ClassVar[str] = "message.failed"
    hint: ClassVar[str] = "write the message again"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the message failed: {reason or 'no reason given'}")
        self.reason = reason


class UnknownRoom(SealroomError):
    """This device has no room of this id."""

    code: ClassVar[str] = "local.room"
    hint: ClassVar[str] = "take the id from an event or from `rooms()`"


class UnknownEntry(SealroomError):
    """The room has no entry of this hash here."""

    code: ClassVar[str] = "local.entry"
    hint: ClassVar[str] = "take the hash from an event or from the history of the same room"


class RoomsLocked(SealroomError):
    """The company has suspended this device, or struck it off: its rooms stay closed (ACC-15)."""

    code: ClassVar[str] = "local.locked"
    hint: ClassVar[str] = "ask who runs the company's first front desk"


class NotAccepted(SealroomError):
    """The person has not accepted the company's notice yet: there is no account and no store (CNS-18)."""

    code: ClassVar[str] = "local.not_accepted"
    hint: ClassVar[str] = "show `notice()` and call `accept`"


class ProofIncomplete(SealroomError):
    """A part of a proof of consent is not on this device (CNS-30)."""

    code: ClassVar[str] = "local.proof"
    hint: ClassVar[str] = "make the proof where the notice was published, or on the customer's device"


class EntryFailed(SealroomError):
    """An entry of ours will reach none of the devices that it was for."""

    code: ClassVar[str] = "local.entry_failed"
    hint: ClassVar[str] = "write it again"


class RequestRefused(SealroomError):
    """What this device asked for is refused, by a desk, or at once where none could grant it; `reason` is the
    code of the refusal.
    """

    code: ClassVar[str] = "local.request_refused"
    hint: ClassVar[str] = "somebody else may have the room; look at who is assigned"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the request was refused: {reason or 'no reason given'}")
        self.reason = reason
