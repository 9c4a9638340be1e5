"""Errors of rooms: a stable code, whether trying again can help, and what to do next.

No message holds a key, a passphrase, an address of a person, or bytes that came from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from e2ee_client.errors import ConfigError, SealroomError


class Fault(NamedTuple):
    """One thing that is wrong with a notice: where, what it must be, and the provision that asks for it."""

    field: str
    must: str
    law: str

    def __str__(self) -> str:
        return f"{self.field} {self.must} ({self.law})"


class NoticeInvalid(ConfigError):
    """A notice lacks something, or states it in a form that cannot be signed; `faults` are all of them
    (CNS-03).
    """

    code: ClassVar[str] = "config.notice"
    hint: ClassVar[str] = "correct each field that the message names, then load the notice again"

    def __init__(self, faults: Sequence[Fault]) -> None:
        lines = "".join(f"\n- {fault}" for fault in faults)
        super().__init__(f"the notice cannot be used:{lines}")
        self.faults = tuple(faults)


class DoorError(SealroomError):
    """The door of a company cannot be used; nothing was stored, and nothing else was connected (CNS-18)."""

    code: ClassVar[str] = "door"


class DoorUnreachable(DoorError):
    """The origin cannot be reached, or does not answer in time."""

    code: ClassVar[str] = "door.unreachable"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "check the address and the network, then try again"


class DoorCertificate(DoorError):
    """The certificate of the origin does not hold, or it does not speak TLS."""

    code: ClassVar[str] = "door.certificate"
    hint: ClassVar[str] = "check this device's clock; if it is right, tell the company"


class DoorMissing(DoorError):
    """The origin has no door."""

    code: ClassVar[str] = "door.missing"
    hint: ClassVar[str] = "check the address; the company may use another one"


class DoorRefused(DoorError):
    """The origin answers with a failure of its own."""

    code: ClassVar[str] = "door.refused"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "try again later"


class DoorElsewhere(DoorError):
    """The origin points to another address, which is not followed; `origin` names it if it is one."""

    code: ClassVar[str] = "door.elsewhere"
    hint: ClassVar[str] = "if you trust the other address, enter it yourself"

    def __init__(self, message: str, *, origin: str | None) -> None:
        super().__init__(message)
        self.origin = origin


class DoorTooLarge(DoorError):
    """What the origin sends is larger than a door may be."""

    code: ClassVar[str] = "door.too_large"
    hint: ClassVar[str] = "tell the company"


class DoorInvalid(DoorError):
    """What the origin sends is no door, or one that was changed (CNS-04, CNS-05)."""

    code: ClassVar[str] = "door.invalid"
    hint: ClassVar[str] = "tell the company, over another channel"


class DoorExpired(DoorError):
    """The door is not valid at this time: the company has not renewed it, or this device's clock is wrong."""

    code: ClassVar[str] = "door.expired"
    hint: ClassVar[str] = "check this device's clock; if it is right, tell the company"


class DoorOfAnotherPage(DoorError):
    """The company that signed the door has not named this origin (CNS-04)."""

    code: ClassVar[str] = "door.origin"
    hint: ClassVar[str] = "this page may pretend to be the company; reach it over another channel"


class DoorOfAnotherCompany(DoorError):
    """The door is of another account, or of another relay, than the one that is known (CNS-27)."""

    code: ClassVar[str] = "door.identity"
    hint: ClassVar[str] = "compare the company's contact card over another channel; do not go on before"


class SecondCompany(DoorOfAnotherCompany):
    """The store holds rooms with another company, and this page is not one of its pages (CNS-44)."""

    code: ClassVar[str] = "door.second"
    hint: ClassVar[str] = "give each company a store of its own"


class ProofInvalid(SealroomError):
    """A proof of consent does not hold; `reason` is the code of what failed (CNS-24)."""

    code: ClassVar[str] = "proof.invalid"
    hint: ClassVar[str] = "ask for the file again; compare the company's account with its card"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TranscriptInvalid(SealroomError):
    """A file is no transcript of this company, or larger than one may be; `reason` is the code of what failed
    (EXP-05, EXP-14).
    """

    code: ClassVar[str] = "transcript.invalid"
    hint: ClassVar[str] = "compare the company's account with its card; ask for the file again"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class MailError(SealroomError):
    """A mail was not handed over to the mail server; where this was lost meanwhile, it may have left."""

    may_have_left: bool = False
    code: ClassVar[str] = "mail"


class MailUnavailable(MailError):
    """The mail server cannot be reached, or does not take mail now."""

    code: ClassVar[str] = "mail.unavailable"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "check host, port and network of the mail server"


class MailInsecure(MailError):
    """The mail server offers no TLS, or its certificate does not hold; nothing was sent."""

    code: ClassVar[str] = "mail.tls"
    hint: ClassVar[str] = "correct the mail server's TLS; mail is not sent without it"


class MailRefused(MailError):
    """The mail server refuses the login, the sender or the recipient for good."""

    code: ClassVar[str] = "mail.refused"
    hint: ClassVar[str] = "check user, password and sender; the recipient may not exist"


class AddressNotKept(MailError):
    """A desk keeps an address that a customer has left no further: as many are kept as may be, or no mail can
    go there (CNS-76).
    """

    code: ClassVar[str] = "mail.address"
    hint: ClassVar[str] = "nobody is told by mail in that room; ask the customer for another address"


class WebhookFailed(SealroomError):
    """The receiver of a webhook does not take an event now."""

    code: ClassVar[str] = "webhook.failed"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "check the receiver; the event is sent again with growing pauses"


class WebhookQueueFull(SealroomError):
    """So many events wait for the receiver of a webhook that no further one is kept."""

    code: ClassVar[str] = "webhook.full"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "check the receiver; events are lost until it takes some"


class ArchiveFull(SealroomError):
    """A statutory record has as many earlier files in an archive as there may be (EXP-21)."""

    code: ClassVar[str] = "archive.full"
    hint: ClassVar[str] = "move the earlier files of this room elsewhere, and archive into a new folder"


class ArchiveOld(SealroomError):
    """A device that goes on from a backup does not know yet what was erased in a room since (EXP-27)."""

    code: ClassVar[str] = "archive.old"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "the room is written once a device of its customer has answered"


class AppLocked(SealroomError):
    """The application is locked until the passphrase is given again."""

    code: ClassVar[str] = "app.locked"
    hint: ClassVar[str] = "enter the passphrase"


class UnlockTooSoon(AppLocked):
    """Wrong passphrases came before; the next one is taken after a pause, `wait_ms` long."""

    code: ClassVar[str] = "app.wait"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "wait, then enter the passphrase"

    def __init__(self, wait_ms: int) -> None:
        super().__init__(f"the next passphrase is taken in {-(-wait_ms // 1000)} s")
        self.wait_ms = wait_ms


class VersionTooOld(SealroomError):
    """This program is older than the company allows."""

    code: ClassVar[str] = "version.too_old"
    hint: ClassVar[str] = "update this program"


class LoginsNotAllowed(SealroomError):
    """The mandate that counts names no login key of this device."""

    code: ClassVar[str] = "local.logins"
    hint: ClassVar[str] = "allow logins on the device that signs for the company, and wait for its mandate"


class LinkRefused(SealroomError):
    """The person said that the other device is not its own: nothing was sent."""

    code: ClassVar[str] = "link.refused"
    hint: ClassVar[str] = "scan only the code on a device of your own that is before you"


class RecoveryCodeInvalid(SealroomError):
    """What was typed is no recovery code, or not the one of this account; `group` is the group to look at,
    from 1 on, or None where that cannot be told (ACC-62, ACC-68). Nothing was sent or made.
    """

    code: ClassVar[str] = "recovery.code"
    hint: ClassVar[str] = "compare it with the paper, group by group, and type it again"

    def __init__(self, group: int | None) -> None:
        where = "" if group is None else f": look at group {group}"
        super().__init__(f"not this recovery code{where}")
        self.group = group


class RecoveryCodeAbsent(SealroomError):
    """This device has no recovery code: it was linked or restored, or the account is an older one or a
    company's (ACC-60).
    """

    code: ClassVar[str] = "recovery.none"
    hint: ClassVar[str] = (
        "the first device of an account has the code; link a further device, or export a backup"
    )
