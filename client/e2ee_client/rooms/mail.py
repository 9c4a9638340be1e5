"""Mail that something waits: fixed words in German or English, a link, and never any content (CNS-40).

Nothing of a conversation reaches this module: it has no argument for a text, a name or a room's id.
Connections have TLS, or go to this machine.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from enum import Enum
from typing import Final, Literal

from e2ee.grammar import is_email, is_name, is_web_url
from e2ee.ports import Rng
from e2ee.secret import Secret
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.errors import MailInsecure, MailRefused, MailUnavailable

TIME_LIMIT_S: Final = 20.0
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_PORT: Final = 65_535
_PERMANENT: Final = 500


class MailPassword(Secret):
    """The password of a mail account, 1 to 1024 bytes."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        value = text.encode("utf-8", "surrogatepass")
        if not 1 <= len(value) <= 1024:
            raise ConfigError("a password of a mail account has 1 to 1024 bytes")
        self._value = value


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail leaves: the server, the sender's address, and the company's name as people see it.

    `security` is `starttls` or `tls`; `none` goes to this machine only.
    """

    host: str
    port: int
    sender: str
    company: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: MailPassword | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.security not in ("starttls", "tls", "none"):
            raise ConfigError('the security of a mail server is "starttls", "tls" or "none"')
        if self.security == "none" and self.host not in _LOCAL_HOSTS:
            raise ConfigError("mail without TLS goes to this machine only")
        if not self.host or not self.host.isascii() or not self.host.isprintable():
            raise ConfigError("the host of a mail server is a name or an address")
        if not 1 <= self.port <= _MAX_PORT:
            raise ConfigError("a port is 1 to 65535")
        if not is_email(self.sender) or not is_name(self.company):
            raise ConfigError("mail has an address of e-mail and a name as its sender")
        if (self.user is None) != (self.password is None):
            raise ConfigError("give user and password of the mail server, or neither")


class MailKind(Enum):
    """What a mail says."""

    CONFIRM = "confirm"
    """Whoever gave this address asks for notes: please confirm. Sent once."""
    WAITING = "waiting"
    """Something waits."""


_SUBJECTS: Final = {
    (MailKind.CONFIRM, "de"): "Bitte bestätigen Sie Ihre E-Mail-Adresse",
    (MailKind.CONFIRM, "en"): "Please confirm your e-mail address",
    (MailKind.WAITING, "de"): "Eine Nachricht wartet auf Sie",
    (MailKind.WAITING, "en"): "A message is waiting for you",
}
_TEXTS: Final = {
    (MailKind.CONFIRM, "de"): """Guten Tag,

jemand hat diese Adresse angegeben, damit {company} per E-Mail mitteilen kann, dass eine Nachricht wartet.

Waren Sie das? Dann bestätigen Sie bitte hier:
{link}

Wenn nicht, müssen Sie nichts tun: Ohne Bestätigung kommt keine weitere E-Mail.
""",
    (MailKind.CONFIRM, "en"): """Hello,

somebody has given this address so that {company} can tell by e-mail that a message is waiting.

Was it you? Then please confirm here:
{link}

If not, there is nothing to do: without confirmation there will be no further e-mail.
""",
    (MailKind.WAITING, "de"): """Guten Tag,

bei {company} wartet eine Nachricht auf Sie. Aus Gründen des Datenschutzes steht sie nicht in dieser E-Mail.

Lesen Sie sie hier, auf dem Gerät, mit dem Sie geschrieben haben:
{link}

Dort können Sie diese Hinweise auch abbestellen.
""",
    (MailKind.WAITING, "en"): """Hello,

a message is waiting for you at {company}. To protect your data it is not in this e-mail.

Read it here, on the device that you have written from:
{link}

You can also stop these notes there.
""",
}


def is_mailable(address: str) -> bool:
    """Whether a mail can have an address: some that ACC-20 takes are no dot-atom (RFC 5322, section 3.4.1),
    or are read as something encoded (RFC 2047).
    """
    return is_email(address) and "=?" not in address and all(address.rpartition("@")[0].split("."))


def compose(
    server: MailServer, to: str, kind: MailKind, locale: str, link: str, now_ms: int, rng: Rng
) -> EmailMessage:
    """Return a mail of fixed words, with a link to a page of the company.

    Raises:
        ConfigError: not an address to which mail goes, or not the URL of a page.
    """
    if not is_mailable(to) or not is_web_url(link):
        raise ConfigError("a mail has an address of e-mail, and a link to a page")
    language = "de" if locale.partition("-")[0] == "de" else "en"
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(server.company, addr_spec=server.sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = _SUBJECTS[kind, language]
    message["Date"] = formatdate(now_ms // 1000)
    message["Message-ID"] = f"<{rng(16).hex()}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_TEXTS[kind, language].format(company=server.company, link=link))
    return message


async def send_mail(server: MailServer, message: EmailMessage, *, time_limit_s: float = TIME_LIMIT_S) -> None:
    """Hand a mail over to the server, in a thread.

    Raises:
        MailUnavailable, MailInsecure, MailRefused.
    """
    await asyncio.to_thread(_send, server, message, time_limit_s)


def _send(server: MailServer, message: EmailMessage, time_limit_s: float) -> None:
    is_leaving = False
    try:
        with _connected(server, time_limit_s) as connection:
            if server.user is not None and server.password is not None:
                connection.login(server.user, server.password.expose().decode("utf-8", "surrogatepass"))
            is_leaving = True
            connection.send_message(message)
    except (ssl.SSLError, smtplib.SMTPNotSupportedError):
        raise MailInsecure("the mail server has no TLS that holds, or no login over it") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise _refused([code for code, _ in error.recipients.values()]) from None
    except smtplib.SMTPResponseException as error:
        raise _refused([error.smtp_code]) from None
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        lost = MailUnavailable(f"the mail server cannot be used ({type(error).__name__})")
        lost.may_have_left = is_leaving
        raise lost from None


def _connected(server: MailServer, time_limit_s: float) -> smtplib.SMTP:
    """Connect; over TLS before anything of ours is said, unless the server is on this machine."""
    context = server.ssl_context or ssl.create_default_context()
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, "localhost", timeout=time_limit_s, context=context)
    connection = smtplib.SMTP(server.host, server.port, "localhost", timeout=time_limit_s)
    if server.security == "starttls":
        try:
            connection.starttls(context=context)
        except BaseException:
            connection.close()
            raise
    return connection


def _refused(codes: list[int]) -> MailRefused | MailUnavailable:
    if any(code >= _PERMANENT for code in codes):
        return MailRefused(f"the mail server refuses (SMTP {max(codes)})")
    return MailUnavailable(f"the mail server does not take mail now (SMTP {max(codes, default=0)})")
