"""Mail that something waits: fixed words, no content, TLS, and how often whom."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.errors import MailError, MailInsecure, MailRefused, MailUnavailable
from e2ee_client.rooms.mail import MailKind, MailPassword, MailServer, compose, send_mail
from e2ee_client.rooms.reach import (
    ALL_TO_ASK,
    ASKED_A_DAY,
    ASKED_BY_ROOM,
    MAX_ASKED,
    MAX_TO_ASK,
    MemoryBook,
    Order,
    Reach,
)
from parties import DAY_MS, NOW_MS, ScriptedRng
from service_certificate import write_pair

from e2ee.grammar import is_email

PAGE = "https://praxis.example/chat"
ANNA = "anna@mail.example"
LOUD = "ANNA@mail.example"
BOTH = 0b11
SERVER = MailServer("localhost", 25, "praxis@praxis.example", "Praxis Dr. Müller", "none")


def mail(kind: MailKind = MailKind.WAITING, locale: str = "de", to: str = ANNA) -> EmailMessage:
    """A mail."""
    return compose(SERVER, to, kind, locale, PAGE, NOW_MS, ScriptedRng("mail"))


# --- what it says ---


@pytest.mark.parametrize("kind", list(MailKind))
@pytest.mark.parametrize(("locale", "word"), [("de", "Guten Tag"), ("de-AT", "Guten Tag"), ("fr", "Hello")])
def test_a_mail_has_fixed_words_and_a_link_and_says_who_sends_it(
    kind: MailKind, locale: str, word: str
) -> None:
    read: Any = message_from_bytes(mail(kind, locale).as_bytes(), policy=SMTP)
    assert read["From"] == '"Praxis Dr. Müller" <praxis@praxis.example>'
    assert (read["To"], read["Auto-Submitted"]) == (ANNA, "auto-generated")
    text = read.get_content()
    assert word in text
    assert PAGE in text
    assert "Praxis Dr. Müller" in text
    assert "{" not in text
    assert set(read.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    }


@pytest.mark.parametrize(
    "to",
    [
        "anna@mail.example\r\nBcc: eve@evil.example",
        "anna@mail.example, eve@evil.example",
        "<anna@mail.example>",
        '"a b"@mail.example',
        "anna",
        "",
        f"{'a' * 65}@mail.example",
    ],
)
def test_an_address_that_could_say_more_than_one_is_none(to: str) -> None:
    """ACC-20: no header can be injected."""
    with pytest.raises(ConfigError):
        mail(to=to)


def test_a_link_is_a_page() -> None:
    for link in ("http://praxis.example", "https://praxis.example/\r\nX: y", "javascript:alert(1)"):
        with pytest.raises(ConfigError):
            compose(SERVER, ANNA, MailKind.WAITING, "de", link, NOW_MS, ScriptedRng(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "mail.example", "security": "none"},
        {"security": "ssl3"},
        {"host": ""},
        {"host": "mail\r\n.example", "security": "tls"},
        {"port": 0},
        {"sender": "praxis"},
        {"company": "Praxis\nBcc: x"},
        {"user": "a"},
    ],
)
def test_settings_that_are_wrong_or_without_tls_are_refused(changes: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "host": "localhost",
        "port": 25,
        "sender": SERVER.sender,
        "company": "P",
        "security": "none",
    }
    with pytest.raises(ConfigError):
        MailServer(**{**given, **changes})


def test_a_password_stays_out_of_sight() -> None:
    server = MailServer("h.example", 465, SERVER.sender, "P", "tls", "user", MailPassword("canary"))
    assert "canary" not in repr(server)
    for text in ("", "x" * 1025):
        with pytest.raises(ConfigError):
            MailPassword(text)


# --- how it leaves ---


class Smtp:
    """A mail server that takes a mail, or answers a command as it is told."""

    def __init__(self, tls: ssl.SSLContext | None = None, answers: dict[str, str] | None = None) -> None:
        self.tls, self.answers, self.heard = tls, answers or {}, list[str]()
        self.data = b""

    @asynccontextmanager
    async def serve(self, *, at_once: bool = False) -> AsyncIterator[int]:
        """Serve on a free port; with TLS from the beginning, or after STARTTLS."""
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=self.tls if at_once else None)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                await self._answer(line, reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb = line.split(" ", maxsplit=1)[0].split(":")[0].upper()
        self.heard.append(verb)
        extra = "250-STARTTLS\r\n" if self.tls else ""
        usual = {
            "EHLO": f"250-here\r\n{extra}250 AUTH PLAIN",
            "STARTTLS": "220 go",
            "AUTH": "235 ok",
            "DATA": "354 go",
            "QUIT": "221 bye",
        }
        answer = self.answers.get(verb, usual.get(verb, "250 ok"))
        writer.write(f"{answer}\r\n".encode())
        if verb == "STARTTLS" and self.tls:
            await writer.start_tls(self.tls)
        if verb == "DATA" and answer.startswith("354"):
            self.data = await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 taken\r\n")
        await writer.drain()


def at(port: int, **changes: Any) -> MailServer:
    """The settings for a server on this machine."""
    given: dict[str, Any] = {
        "host": "localhost",
        "port": port,
        "sender": SERVER.sender,
        "company": "P",
        "security": "none",
    }
    return MailServer(**{**given, **changes})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    return write_pair(tmp_path_factory.mktemp("mail"), 1, ("localhost",))


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_leaves_over_tls_with_login(pair: tuple[Path, Path], security: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*pair)
    smtp = Smtp(tls)
    trusting = ssl.create_default_context(cafile=str(pair[0]))
    async with smtp.serve(at_once=security == "tls") as port:
        login = {"user": "u", "password": MailPassword("p"), "ssl_context": trusting}
        await send_mail(at(port, security=security, **login), mail())
    assert "AUTH" in smtp.heard
    assert b"To: anna@mail.example" in smtp.data
    assert smtp.heard.index("MAIL") > smtp.heard.index("AUTH")


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_nothing_leaves_without_a_certificate_that_holds(
    pair: tuple[Path, Path], security: str
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*pair)
    smtp = Smtp(tls)
    async with smtp.serve(at_once=security == "tls") as port:
        with pytest.raises(MailInsecure):
            await send_mail(at(port, security=security), mail())
    assert "MAIL" not in smtp.heard


async def test_nothing_leaves_to_a_server_that_offers_no_starttls() -> None:
    """Whoever strips STARTTLS from the answer gets no mail."""
    smtp = Smtp()
    async with smtp.serve() as port:
        with pytest.raises(MailInsecure):
            await send_mail(at(port, security="starttls"), mail())
    assert "MAIL" not in smtp.heard


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"RCPT": "550 no such user"}, MailRefused),
        ({"RCPT": "450 later"}, MailUnavailable),
        ({"MAIL": "553 not you"}, MailRefused),
        ({"DATA": "451 later"}, MailUnavailable),
        ({"AUTH": "535 wrong"}, MailRefused),
        ({"EHLO": "421 busy", "HELO": "421 busy"}, MailError),
        ({"MAIL": "garbage"}, MailError),
    ],
)
async def test_what_a_mail_server_refuses_has_its_error(
    answers: dict[str, str], error: type[MailError]
) -> None:
    async with Smtp(answers=answers).serve() as port:
        with pytest.raises(error) as caught:
            await send_mail(at(port, user="u", password=MailPassword("p")), mail())
    assert ANNA not in str(caught.value)


async def test_a_mail_server_that_is_not_there_is_unavailable() -> None:
    async with Smtp().serve() as port:
        pass
    with pytest.raises(MailUnavailable):
        await send_mail(at(port), mail(), time_limit_s=20)


# --- to whom, how often ---


def reach(book: MemoryBook | None = None) -> Reach:
    """Who may be told."""
    return Reach(book or MemoryBook(), PAGE, ScriptedRng("reach"))


def token_of(order: Order | None) -> str:
    """The token of a mail that asks."""
    assert order is not None
    assert order.kind is MailKind.CONFIRM
    return order.link.removeprefix(f"{PAGE}#confirm=")


def told(one: Reach, room: bytes, now_ms: int, purposes: int = BOTH, is_open: bool = True) -> bool:
    """Whether a mail is ordered when something waits."""
    return one.waiting(room, purposes, "de", now_ms, is_open=is_open) is not None


def confirmed(room: bytes = b"r") -> Reach:
    """An address that was confirmed."""
    one = reach()
    assert one.confirm(token_of(one.set(room, ANNA, "de", NOW_MS)), NOW_MS)
    return one


def test_an_address_is_asked_once_and_told_nothing_before_it_confirms() -> None:
    """CNS-40"""
    one = reach()
    token = token_of(one.set(b"r", ANNA, "de", NOW_MS))
    assert one.set(b"r", ANNA, "de", NOW_MS + 1) is None
    assert not told(one, b"r", NOW_MS)
    assert not one.confirm("A" * 22, NOW_MS)
    assert not one.confirm("?", NOW_MS)
    assert one.confirm(token, NOW_MS + 7 * DAY_MS)
    assert told(one, b"r", NOW_MS)


def test_a_link_to_confirm_ends() -> None:
    one = reach()
    token = token_of(one.set(b"r", ANNA, "de", NOW_MS))
    assert not one.confirm(token, NOW_MS + 7 * DAY_MS + 1)
    assert not one.confirm(token, NOW_MS - 1)


def test_a_mail_that_something_waits_has_the_page_and_nothing_of_the_room() -> None:
    order = confirmed().waiting(b"r", BOTH, "en", NOW_MS, is_open=True)
    assert order == Order(ANNA, MailKind.WAITING, "en", PAGE)


def test_an_address_is_told_once_a_day_over_all_rooms() -> None:
    """CNS-40"""
    one = confirmed()
    assert one.confirm(token_of(one.set(b"s", LOUD, "de", NOW_MS)), NOW_MS)
    assert told(one, b"r", NOW_MS)
    for room, now_ms in ((b"r", NOW_MS + 1), (b"s", NOW_MS + DAY_MS - 1), (b"s", NOW_MS - 1)):
        assert not told(one, room, now_ms)
    assert told(one, b"s", NOW_MS + DAY_MS)
    assert not told(one, b"r", NOW_MS + DAY_MS)


def test_a_link_confirms_for_its_room_alone() -> None:
    """CNS-69: who enters an address that somebody else has confirmed has no mail sent there."""
    one = confirmed()
    stranger = token_of(one.set(b"stranger", ANNA, "de", NOW_MS))
    assert not told(one, b"stranger", NOW_MS)
    assert told(one, b"r", NOW_MS)
    assert one.confirm(stranger, NOW_MS)
    assert told(one, b"stranger", NOW_MS + DAY_MS)


def test_a_stranger_who_is_asked_first_does_not_keep_a_person_from_confirming() -> None:
    """CNS-69"""
    one = reach()
    assert one.set(b"stranger", ANNA, "de", NOW_MS) is not None
    assert one.confirm(token_of(one.set(b"r", LOUD, "de", NOW_MS)), NOW_MS)
    assert one.waiting(b"r", BOTH, "de", NOW_MS, is_open=True) == Order(ANNA, MailKind.WAITING, "de", PAGE)
    assert not told(one, b"stranger", NOW_MS + DAY_MS)


def test_who_gives_up_a_confirmed_address_ends_it_for_all_rooms_and_nobody_else_does() -> None:
    """CNS-69"""
    book = MemoryBook()
    one = reach(book)
    for room in (b"r", b"s"):
        assert one.confirm(token_of(one.set(room, ANNA, "de", NOW_MS)), NOW_MS)
    one.set(b"stranger", ANNA, "de", NOW_MS)
    one.set(b"stranger", None, "de", NOW_MS)
    assert told(one, b"s", NOW_MS)
    one.set(b"r", None, "de", NOW_MS)
    assert not any(told(one, room, NOW_MS + DAY_MS) for room in (b"r", b"s", b"stranger"))
    assert all(row.address is None and not row.rooms for row in book.rows())


def test_who_gives_up_an_address_that_had_ended_there_ends_it_for_all_rooms_that_use_it() -> None:
    """CNS-69: as where its room was closed; an address that no room uses any more goes at once."""
    book = MemoryBook()
    one = reach(book)
    for room in (b"r", b"s", b"t"):
        assert one.confirm(token_of(one.set(room, ANNA, "de", NOW_MS)), NOW_MS)
    one.end(b"r")
    assert not told(one, b"r", NOW_MS)
    assert one.may_tell_ms(b"r", NOW_MS) is None
    assert told(one, b"s", NOW_MS)
    one.set(b"r", None, "de", NOW_MS)
    assert not told(one, b"s", NOW_MS + DAY_MS)
    assert all(row.address is None and not row.rooms for row in book.rows())
    later_ms = NOW_MS + 30 * DAY_MS
    for room in (b"r", b"s"):
        assert one.confirm(token_of(one.set(room, ANNA, "de", later_ms)), later_ms)
    one.end(b"r")
    assert one.confirm(token_of(one.set(b"r", ANNA, "de", later_ms)), later_ms)
    assert told(one, b"r", later_ms)
    one.end(b"r")
    one.end(b"s")
    assert all(row.address is None and not row.rooms for row in book.rows())


def test_what_is_not_confirmed_is_dropped_with_its_link_and_may_be_entered_again() -> None:
    """CNS-69"""
    book = MemoryBook()
    one = reach(book)
    one.set(b"r", ANNA, "de", NOW_MS)
    later_ms = NOW_MS + 7 * DAY_MS + 1
    assert one.set(b"s", "other@mail.example", "de", later_ms) is not None
    assert [row.address for row in book.rows()] == [None, "other@mail.example"]
    assert one.confirm(token_of(one.set(b"r", ANNA, "de", later_ms)), later_ms)
    one.set(b"t", "third@mail.example", "de", NOW_MS + 60 * DAY_MS)
    assert {row.address for row in book.rows()} == {ANNA, "third@mail.example"}


@pytest.mark.parametrize(("purposes", "is_open"), [(0b01, True), (BOTH, False)])
def test_nobody_is_told_without_the_purpose_or_in_a_room_that_is_not_open(
    purposes: int, is_open: bool
) -> None:
    """CNS-11"""
    assert not told(confirmed(), b"r", NOW_MS, purposes, is_open)


def test_a_room_that_ends_takes_its_address_with_it() -> None:
    """CNS-11: also at a withdrawal; another room keeps it."""
    book = MemoryBook()
    one = reach(book)
    for room in (b"r", b"s"):
        assert one.confirm(token_of(one.set(room, ANNA, "de", NOW_MS)), NOW_MS)
    one.forget(b"r")
    assert not told(one, b"r", NOW_MS)
    assert told(one, b"s", NOW_MS)
    one.forget(b"s")
    one.forget(b"unknown")
    assert all(row.address is None and not row.rooms for row in book.rows())


def test_a_stranger_is_not_asked_again_by_entering_and_giving_up() -> None:
    """CNS-40: three mails in 30 days, whoever enters the address in however many rooms."""
    one = reach()
    for room in (b"r", b"s", b"t"):
        assert one.set(room, ANNA, "de", NOW_MS) is not None
        one.set(room, None, "de", NOW_MS)
    for room in (b"r", b"u"):
        assert one.set(room, ANNA, "de", NOW_MS + 29 * DAY_MS) is None
        one.forget(room)
    assert one.set(b"u", ANNA, "de", NOW_MS + 30 * DAY_MS) is not None


def test_another_address_of_a_room_replaces_the_first() -> None:
    one = confirmed()
    assert token_of(one.set(b"r", "other@mail.example", "de", NOW_MS))
    assert not told(one, b"r", NOW_MS)


def test_one_room_takes_not_all_mails_of_a_day() -> None:
    """CNS-91, CNS-73: what it enters beyond three waits, and others are asked."""
    one = reach()
    asked = [one.set(b"r", f"a{at}@mail.example", "de", NOW_MS) for at in range(ASKED_A_DAY)]
    assert [order is None for order in asked] == [False] * ASKED_BY_ROOM + [True] * (
        ASKED_A_DAY - ASKED_BY_ROOM
    )
    assert one.set(b"q", "q@mail.example", "de", NOW_MS) is not None
    assert one.waiting(b"r", BOTH, "de", NOW_MS + DAY_MS - 1, is_open=True) is None
    order = one.waiting(b"r", BOTH, "de", NOW_MS + DAY_MS, is_open=True)
    assert order is not None
    assert order.address == f"a{ASKED_A_DAY - 1}@mail.example"


def test_not_many_strangers_are_asked_in_a_day_and_not_many_rooms_share_an_address() -> None:
    one = reach()
    asked = [one.set(bytes([at]), f"a{at}@mail.example", "de", NOW_MS) for at in range(ASKED_A_DAY + 1)]
    assert [order is None for order in asked] == [False] * ASKED_A_DAY + [True]
    assert one.set(b"later", "later@mail.example", "de", NOW_MS + DAY_MS) is not None
    book = MemoryBook()
    full = reach(book)
    for at_ in range(70):
        now_ms = NOW_MS + at_ * 10 * DAY_MS
        order = full.set(bytes([at_]), ANNA, "de", now_ms)
        assert order is None or full.confirm(token_of(order), now_ms)
    assert [len(row.rooms) for row in book.rows()] == [64]


def test_rooms_in_which_an_address_has_ended_leave_room_for_others() -> None:
    """CNS-76, CNS-69: the newest that have ended it may still give it up for all."""
    book = MemoryBook()
    one = reach(book)
    rooms = [bytes([at]) for at in range(70)]
    for at, room in enumerate((b"first", *rooms)):
        now_ms = NOW_MS + at * 11 * DAY_MS
        assert one.confirm(token_of(one.set(room, ANNA, "de", now_ms)), now_ms)
        if room != b"first":
            one.end(room)
    later_ms = NOW_MS + 800 * DAY_MS
    assert one.confirm(token_of(one.set(b"new", ANNA, "de", later_ms)), later_ms)
    assert [[each.room for each in row.rooms] for row in book.rows()] == [[b"first", *rooms[-64:], b"new"]]
    one.set(rooms[-1], None, "de", later_ms)
    assert not one.has(b"first")


def test_strangers_of_a_day_are_counted_over_a_restart() -> None:
    """CNS-40: whoever makes the desk start anew has no more of them asked."""
    book = MemoryBook()
    for at in range(ASKED_A_DAY):
        assert reach(book).set(bytes([at]), f"a{at}@mail.example", "de", NOW_MS) is not None
    assert reach(book).set(b"more", "more@mail.example", "de", NOW_MS) is None
    assert reach(book).set(b"more", "more@mail.example", "de", NOW_MS + DAY_MS) is not None


def test_who_cannot_be_asked_now_is_asked_when_something_waits_later() -> None:
    """CNS-73: before, three rooms of strangers muted an address, and nobody was told."""
    one = reach()
    for stranger in (b"x", b"y", b"z"):
        assert one.set(stranger, ANNA, "de", NOW_MS) is not None
    assert one.set(b"r", LOUD, "de", NOW_MS + DAY_MS) is None
    for day in (1, 29):
        assert one.set(b"r", ANNA, "de", NOW_MS + day * DAY_MS) is None
        assert one.waiting(b"r", BOTH, "de", NOW_MS + day * DAY_MS, is_open=True) is None
    later_ms = NOW_MS + 30 * DAY_MS
    assert one.confirm(token_of(one.waiting(b"r", BOTH, "de", later_ms, is_open=True)), later_ms)
    assert told(one, b"r", later_ms)


def test_a_question_that_no_server_takes_ends_after_sixty_days() -> None:
    """CNS-73, CNS-78: it counts for no bound, and before, it waited anew after each try."""
    book = MemoryBook()
    one = reach(book)
    order = one.set(b"r", ANNA, "de", NOW_MS)
    for hour in range(60 * 24 + 1):
        assert order is not None
        one.unsent(b"r", order)
        now_ms = NOW_MS + hour * DAY_MS // 24
        order = one.waiting(b"r", BOTH, "de", now_ms, is_open=True)
    assert order is not None
    one.unsent(b"r", order)
    assert one.waiting(b"r", BOTH, "de", NOW_MS + 60 * DAY_MS + 1, is_open=True) is None
    one.drop_expired(NOW_MS + 60 * DAY_MS + 1)
    assert not book.rows()


def test_a_question_that_no_server_takes_counts_for_the_bound_of_a_day() -> None:
    """CNS-78: before, a customer had a mail server tried as often as it pleased."""
    one = reach()
    for at in range(ASKED_A_DAY):
        order = one.set(b"%d" % at, f"a{at}@mail.example", "de", NOW_MS)
        assert order is not None
        one.unsent(b"%d" % at, order)
    assert one.set(b"more", ANNA, "de", NOW_MS + 1) is None
    assert one.waiting(b"0", BOTH, "de", NOW_MS + 1, is_open=True) is None
    for room in (b"more", b"0"):
        assert one.waiting(room, BOTH, "de", NOW_MS + DAY_MS, is_open=True) is not None


def test_what_is_to_be_asked_ends_after_sixty_days_and_is_bounded() -> None:
    """CNS-73"""
    book = MemoryBook()
    one = reach(book)
    for at in range(ASKED_A_DAY + ALL_TO_ASK + 1):
        one.set(b"%d" % at, f"a{at}@mail.example", "de", NOW_MS)
    assert sum(len(row.rooms) for row in book.rows()) == ASKED_A_DAY + ALL_TO_ASK
    late = b"%d" % ASKED_A_DAY
    ends_ms = NOW_MS + 60 * DAY_MS
    assert one.waiting(late, BOTH, "de", ends_ms + 1, is_open=True) is None
    assert one.waiting(late, BOTH, "de", ends_ms, is_open=True) is not None
    one.set(b"last", ANNA, "de", ends_ms + 1)
    assert {room.room for row in book.rows() for room in row.rooms} == {late, b"last"}
    book = MemoryBook()
    one = reach(book)
    for at in range(MAX_ASKED + MAX_TO_ASK + 1):
        one.set(bytes([at]), ANNA, "de", NOW_MS)
    assert [len(row.rooms) for row in book.rows()] == [MAX_ASKED + MAX_TO_ASK]


@pytest.mark.parametrize("local", ["a..b", ".a", "a.", "=?utf-8?q?a=40b.example=2Cc?=", "=?utf-8?q?x?=.c"])
def test_an_address_to_which_no_mail_can_go_is_neither_kept_nor_counted(local: str) -> None:
    """ACC-20 takes it; in the head of a mail it is none, or another one."""
    to = f"{local}@mail.example"
    assert is_email(to)
    with pytest.raises(ConfigError):
        compose(SERVER, to, MailKind.CONFIRM, "de", PAGE, NOW_MS, ScriptedRng("mail"))
    book = MemoryBook()
    assert reach(book).set(b"r", to, "de", NOW_MS) is None
    assert not book.rows()


def test_what_is_no_address_or_page_is_not_used() -> None:
    assert reach().set(b"r", "anna", "de", NOW_MS) is None
    for page in ("http://praxis.example", f"{PAGE}#x", f"{PAGE}/{'x' * 200}"):
        with pytest.raises(ConfigError):
            Reach(MemoryBook(), page, ScriptedRng(1))


def test_an_address_stays_out_of_sight() -> None:
    book = MemoryBook()
    reach(book).set(b"r", ANNA, "de", NOW_MS)
    assert ANNA not in repr(book.rows())
