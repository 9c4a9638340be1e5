"""One tree of errors: `LocalError` for the caller or our own state, `RemoteError` for bytes from outside.

Every class carries a stable `code` (spec/registries.md), and a `hint` where a caller can do something. No
message holds a key, plaintext or a peer's bytes.
"""

from __future__ import annotations

from typing import ClassVar


class E2eeError(Exception):
    """Root of all errors of the core."""

    code: ClassVar[str] = "e2ee"
    hint: ClassVar[str] = ""

    def __init_subclass__(cls, *, code: str = "", hint: str = "") -> None:
        super().__init_subclass__()
        cls.code = code or cls.code
        cls.hint = hint

    def __init__(self, *arguments: object) -> None:
        """Hide what was behind it, which may hold bytes: `from None` alone is lost in compiled modules."""
        super().__init__(*arguments)
        self.__suppress_context__ = True


class LocalError(E2eeError, code="local"):
    """The caller or our own state is at fault."""


class InvalidArgument(LocalError, code="local.argument", hint="correct the value that the message names"):
    """An argument has the wrong type, size or range."""


class ContentTooLarge(LocalError, code="local.content_too_large", hint="send it in parts, or as a file"):
    """The content does not fit where it is to go (WIRE-12, WIRE-14)."""


class CounterExhausted(LocalError, code="local.counter_exhausted"):
    """A counter reached 2^31; a new session is needed (DR-09)."""


class NoListNumber(LocalError, code="local.list_number", hint="check this device's clock"):
    """The clock or the account leaves no number for a device list (ID-46, ACC-70)."""


class SessionExpired(LocalError, code="local.session_expired", hint="write the message again"):
    """A session that was never answered outlived the peer's signed prekey (HS-04)."""


class SessionInactive(LocalError, code="local.session_inactive"):
    """A receive-only session was asked to send (SES-02)."""


class SnapshotError(LocalError, code="local.snapshot"):
    """A stored state has an unknown version or is damaged (SES-14)."""


class SigningUnsure(LocalError, code="local.signing_unsure", hint="look up the highest numbers first"):
    """Our store may be an older copy: nothing is signed for a company before a person has looked."""


class FileTooLarge(LocalError, code="local.file_too_large", hint="send a smaller file, or several"):
    """A file has more bytes than one may have (FIL-01)."""


class NoConsent(LocalError, code="local.consent", hint="show `notice()` and call `accept`"):
    """No consent of ours stands behind what was to be sent."""


class NoticeIncomplete(LocalError, code="config.notice", hint="fill in what `field` names"):
    """A notice lacks something that the law or chapter 18 asks for; `field` names what is missing."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class RemoteError(E2eeError, code="remote"):
    """Bytes from outside are at fault. Whatever raised it changed nothing."""


class DecodeError(RemoteError, code="remote.decode"):
    """Bytes are not an accepted encoding (WIRE-03)."""


class UnsupportedVersion(RemoteError, code="remote.version", hint="update this program"):
    """A version, suite or kind that this implementation does not speak (WIRE-06)."""


class InvalidKey(RemoteError, code="remote.key"):
    """A public key is not canonical, of low order, or fails its check (PRM-01, PRM-02, PRM-04)."""


class BadSignature(RemoteError, code="remote.signature"):
    """A signature does not verify (PRM-03)."""


class AuthenticationError(RemoteError, code="remote.authentication"):
    """A message does not open; one text for every cause (HS-10, DR-11)."""

    def __init__(self) -> None:
        super().__init__("the message does not open")


class ReplayError(RemoteError, code="remote.replay"):
    """A handshake or message that was already taken (HS-09, DR-12)."""


class SkipLimitExceeded(RemoteError, code="remote.skip_limit"):
    """A chain would jump further than the limit (DR-13)."""


class PqDesync(RemoteError, code="remote.pq_desync"):
    """A KEM ciphertext whose confirmation is wrong; a new session follows (PQ-10)."""


class UnknownSession(RemoteError, code="remote.unknown_session"):
    """No session knows the tag (SES-23)."""


class UnknownPrekey(RemoteError, code="remote.unknown_prekey"):
    """A first flight names a prekey that is no longer held (HS-06)."""


class Expired(RemoteError, code="remote.expired", hint="check the clock, or ask for a new one"):
    """A prekey, record or address is past its end (ID-04, ID-16)."""


class IdentityMismatch(RemoteError, code="remote.identity", hint="compare the safety number elsewhere"):
    """Keys do not belong to the pinned account (ID-09)."""


class ListRollback(RemoteError, code="remote.list_rollback"):
    """A device list with a lower sequence number than the pinned head (ID-07)."""


class ListFork(RemoteError, code="remote.list_fork", hint="compare the safety number elsewhere"):
    """Another device list for a pinned sequence number, or a wrong predecessor (ID-07); other assets with the
    number of known ones (CNS-63).

    `signed` is the contradicting list with its signature: evidence against the account key. It is no part of
    the message.
    """

    def __init__(self, message: str, *, signed: bytes) -> None:
        super().__init__(message)
        self.signed = signed


class ListGap(RemoteError, code="remote.list_gap"):
    """A link between the pinned head and the offered device list is missing (ID-07)."""


class ListExpired(RemoteError, code="remote.list_expired", hint="the other side has to renew its list"):
    """The newest device list is past its end (ID-08)."""


class ContentError(RemoteError, code="remote.content"):
    """An authenticated body whose content breaks chapter 10 (CON-01, CON-03)."""


class BudgetExceeded(RemoteError, code="remote.budget"):
    """A contact has used up what it may ask of us in 24 hours; nothing was used up by this (SES-35)."""


class MandateInvalid(RemoteError, code="room.mandate", hint="check the clock, then sign a new mandate"):
    """A mandate, roster or channels that is not valid at this time, or belongs to another mandate."""


class RosterExpired(RemoteError, code="room.roster_expired", hint="let a desk of the company go online"):
    """No roster is in force: nobody of the company is known to act."""


class NotInForce(RemoteError, code="room.suspended", hint="reinstate the device"):
    """A company's device that is not in force acted."""


class ConsentRequired(RemoteError, code="room.consent_required", hint="let the customer accept first"):
    """Content of somebody who has not consented."""


class ConsentStale(RemoteError, code="room.consent_stale", hint="let the customer accept the newer one"):
    """Content under a notice that has been replaced and has ended."""


class ConsentWithdrawn(RemoteError, code="room.consent_withdrawn", hint="let the customer accept again"):
    """Content after a withdrawal."""


class RoomClosed(RemoteError, code="room.closed", hint="open it again by `reopen`, within 90 days"):
    """Content in a closed room."""


class RoomFrozen(RemoteError, code="room.frozen", hint="wait until the objection is decided"):
    """Content in a frozen room."""


class RoomErased(RemoteError, code="room.erased", hint="open a new room"):
    """Content in an erased room."""


class NoRight(RemoteError, code="room.right", hint="ask for it, or have a desk or supervisor do it"):
    """An act above the rights of its author."""


class BadEntry(RemoteError, code="room.signature"):
    """An entry of a company whose signature is missing or does not verify."""


class NotMember(RemoteError, code="room.not_member", hint="take the room by `claim` first"):
    """An entry of a device that is no member of the room."""


class Unlogged(RemoteError, code="room.unlogged"):
    """History that was handed over without its log entry."""


class TooMany(RemoteError, code="room.too_many", hint="let a device leave the room first"):
    """More devices in a room than it holds, or two with one tag."""


class FileNameRefused(LocalError, code="local.file_name", hint="give another `name`"):
    """A name that no file of a room has (FIL-08)."""


class FileTypeRefused(RemoteError, code="file.type", hint="convert it, or name it after what it is"):
    """A file is of a type that is not sent, or not of the type that its name or its announcement says; one
    text for every cause (FIL-09, FIL-10).
    """

    def __init__(self) -> None:
        super().__init__("the file is of no type that is sent, or not of the one that it says")


class FileCorrupt(RemoteError, code="file.corrupt", hint="ask for the file to be sent again"):
    """A sealed file is not the one that was announced; one text for every cause (FIL-05)."""

    def __init__(self) -> None:
        super().__init__("the file is not what was announced")


class LoginOfAnother(RemoteError, code="login.holder", hint="make a token for the challenge of this room"):
    """A login token that was made for another account, device or room (CNS-52)."""


class LoginExpired(RemoteError, code="login.expired", hint="check both clocks, then log in again"):
    """A login token outside its time, or under a mandate that has been replaced (CNS-52)."""


class LoginUsed(RemoteError, code="login.used", hint="make a new challenge, and a token for it"):
    """A login token whose challenge was answered before (CNS-52)."""
