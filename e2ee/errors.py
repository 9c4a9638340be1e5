"""One tree of errors: `LocalError` for the caller or our own state, `RemoteError` for bytes from outside.

Every class carries a stable `code` (spec/registries.md). Messages never hold a key, plaintext or a peer's
bytes.
"""

from __future__ import annotations

from typing import ClassVar


class E2eeError(Exception):
    """Root of all errors of the core."""

    code: ClassVar[str] = "e2ee"

    def __init__(self, *arguments: object) -> None:
        """Hide what was behind it, which may hold bytes: `from None` alone is lost where this is compiled."""
        super().__init__(*arguments)
        self.__suppress_context__ = True


class LocalError(E2eeError):
    """The caller or our own state is at fault."""

    code: ClassVar[str] = "local"


class InvalidArgument(LocalError):
    """An argument has the wrong type, size or range."""

    code: ClassVar[str] = "local.argument"


class ContentTooLarge(LocalError):
    """The content does not fit where it is to go (WIRE-12, WIRE-14)."""

    code: ClassVar[str] = "local.content_too_large"


class CounterExhausted(LocalError):
    """A counter reached 2^31; a new session is needed (DR-09)."""

    code: ClassVar[str] = "local.counter_exhausted"


class NoListNumber(LocalError):
    """The clock or the account leaves no number for a device list (ID-46, ACC-70)."""

    code: ClassVar[str] = "local.list_number"


class SessionExpired(LocalError):
    """A session that was never answered outlived the peer's signed prekey (HS-04)."""

    code: ClassVar[str] = "local.session_expired"


class SessionInactive(LocalError):
    """A receive-only session was asked to send (SES-02)."""

    code: ClassVar[str] = "local.session_inactive"


class SnapshotError(LocalError):
    """A stored state has an unknown version or is damaged (SES-14)."""

    code: ClassVar[str] = "local.snapshot"


class SigningUnsure(LocalError):
    """Our store may be an older copy: nothing is signed for a company before a person has looked."""

    code: ClassVar[str] = "local.signing_unsure"


class FileTooLarge(LocalError):
    """A file has more bytes than one may have (FIL-01)."""

    code: ClassVar[str] = "local.file_too_large"


class NoConsent(LocalError):
    """No consent of ours stands behind what was to be sent."""

    code: ClassVar[str] = "local.consent"


class NoticeIncomplete(LocalError):
    """A notice lacks something that the law or chapter 18 asks for; `field` names what is missing."""

    code: ClassVar[str] = "config.notice"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class RemoteError(E2eeError):
    """Bytes from outside are at fault. Whatever raised it changed nothing."""

    code: ClassVar[str] = "remote"


class DecodeError(RemoteError):
    """Bytes are not an accepted encoding (WIRE-03)."""

    code: ClassVar[str] = "remote.decode"


class UnsupportedVersion(RemoteError):
    """A version, suite or kind that this implementation does not speak (WIRE-06)."""

    code: ClassVar[str] = "remote.version"


class InvalidKey(RemoteError):
    """A public key is not canonical, of low order, or fails its check (PRM-01, PRM-02, PRM-04)."""

    code: ClassVar[str] = "remote.key"


class BadSignature(RemoteError):
    """A signature does not verify (PRM-03)."""

    code: ClassVar[str] = "remote.signature"


class AuthenticationError(RemoteError):
    """A message does not open; one text for every cause (HS-10, DR-11)."""

    code: ClassVar[str] = "remote.authentication"

    def __init__(self) -> None:
        super().__init__("the message does not open")


class ReplayError(RemoteError):
    """A handshake or message that was already taken (HS-09, DR-12)."""

    code: ClassVar[str] = "remote.replay"


class SkipLimitExceeded(RemoteError):
    """A chain would jump further than the limit (DR-13)."""

    code: ClassVar[str] = "remote.skip_limit"


class PqDesync(RemoteError):
    """A KEM ciphertext whose confirmation is wrong; a new session follows (PQ-10)."""

    code: ClassVar[str] = "remote.pq_desync"


class UnknownSession(RemoteError):
    """No session knows the tag (SES-23)."""

    code: ClassVar[str] = "remote.unknown_session"


class UnknownPrekey(RemoteError):
    """A first flight names a prekey that is no longer held (HS-06)."""

    code: ClassVar[str] = "remote.unknown_prekey"


class Expired(RemoteError):
    """A prekey, record or address is past its end (ID-04, ID-16)."""

    code: ClassVar[str] = "remote.expired"


class IdentityMismatch(RemoteError):
    """Keys do not belong to the pinned account (ID-09)."""

    code: ClassVar[str] = "remote.identity"


class ListRollback(RemoteError):
    """A device list with a lower sequence number than the pinned head (ID-07)."""

    code: ClassVar[str] = "remote.list_rollback"


class ListFork(RemoteError):
    """Another device list for a pinned sequence number, or a wrong predecessor (ID-07); other assets with the
    number of known ones (CNS-63).

    `signed` is the contradicting list with its signature: evidence against the account key. It is no part of
    the message.
    """

    code: ClassVar[str] = "remote.list_fork"

    def __init__(self, message: str, *, signed: bytes) -> None:
        super().__init__(message)
        self.signed = signed


class ListGap(RemoteError):
    """A link between the pinned head and the offered device list is missing (ID-07)."""

    code: ClassVar[str] = "remote.list_gap"


class ListExpired(RemoteError):
    """The newest device list is past its end (ID-08)."""

    code: ClassVar[str] = "remote.list_expired"


class ContentError(RemoteError):
    """An authenticated body whose content breaks chapter 10 (CON-01, CON-03)."""

    code: ClassVar[str] = "remote.content"


class BudgetExceeded(RemoteError):
    """A contact has used up what it may ask of us in 24 hours; nothing was used up by this (SES-35)."""

    code: ClassVar[str] = "remote.budget"


class MandateInvalid(RemoteError):
    """A mandate, roster or channels that is not valid at this time, or belongs to another mandate."""

    code: ClassVar[str] = "room.mandate"


class RosterExpired(RemoteError):
    """No roster is in force: nobody of the company is known to act."""

    code: ClassVar[str] = "room.roster_expired"


class NotInForce(RemoteError):
    """A company's device that is not in force acted."""

    code: ClassVar[str] = "room.suspended"


class ConsentRequired(RemoteError):
    """Content of somebody who has not consented."""

    code: ClassVar[str] = "room.consent_required"


class ConsentStale(RemoteError):
    """Content under a notice that has been replaced and has ended."""

    code: ClassVar[str] = "room.consent_stale"


class ConsentWithdrawn(RemoteError):
    """Content after a withdrawal."""

    code: ClassVar[str] = "room.consent_withdrawn"


class RoomClosed(RemoteError):
    """Content in a closed room."""

    code: ClassVar[str] = "room.closed"


class RoomFrozen(RemoteError):
    """Content in a frozen room."""

    code: ClassVar[str] = "room.frozen"


class RoomErased(RemoteError):
    """Content in an erased room."""

    code: ClassVar[str] = "room.erased"


class NoRight(RemoteError):
    """An act above the rights of its author."""

    code: ClassVar[str] = "room.right"


class BadEntry(RemoteError):
    """An entry of a company whose signature is missing or does not verify."""

    code: ClassVar[str] = "room.signature"


class NotMember(RemoteError):
    """An entry of a device that is no member of the room."""

    code: ClassVar[str] = "room.not_member"


class Unlogged(RemoteError):
    """History that was handed over without its log entry."""

    code: ClassVar[str] = "room.unlogged"


class TooMany(RemoteError):
    """More devices in a room than it holds, or two with one tag."""

    code: ClassVar[str] = "room.too_many"


class FileNameRefused(LocalError):
    """A name that no file of a room has (FIL-08)."""

    code: ClassVar[str] = "local.file_name"


class FileTypeRefused(RemoteError):
    """A file is of a type that is not sent, or not of the type that its name or its announcement says; one
    text for every cause (FIL-09, FIL-10).
    """

    code: ClassVar[str] = "file.type"

    def __init__(self) -> None:
        super().__init__("the file is of no type that is sent, or not of the one that it says")


class FileCorrupt(RemoteError):
    """A sealed file is not the one that was announced; one text for every cause (FIL-05)."""

    code: ClassVar[str] = "file.corrupt"

    def __init__(self) -> None:
        super().__init__("the file is not what was announced")


class LoginOfAnother(RemoteError):
    """A login token that was made for another account, device or room (CNS-52)."""

    code: ClassVar[str] = "login.holder"


class LoginExpired(RemoteError):
    """A login token outside its time, or under a mandate that has been replaced (CNS-52)."""

    code: ClassVar[str] = "login.expired"


class LoginUsed(RemoteError):
    """A login token whose challenge was answered before (CNS-52)."""

    code: ClassVar[str] = "login.used"
