"""Commands on an account that begins anew: successor sign, read, follow (ID-13, ID-61, ID-62)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from e2ee import card as cards
from e2ee import fingerprint
from e2ee.card import ContactCard
from e2ee.errors import DecodeError
from e2ee.identity import Successor
from e2ee.ids import AccountId
from e2ee_client import Client, Contact, MessageState
from e2ee_client.contacts import wait_until
from e2ee_client.errors import (
    ContactSucceeded,
    InvalidCard,
    ListUnknown,
    SuccessorInvalid,
    UnknownContact,
    WaitTimeout,
)

from .account import show_qr
from .addressing import label, label_of, short_id
from .failures import Refused
from .fetching import when_fetched
from .files import MAX_SMALL_B, read_file
from .secret_input import typed_key
from .session import Session, Work, local_time, opened

_GROUPS_A_LINE = 4
_MOST_TEXTS = 1000
_HEAD = "sealroom:successor"


def sign(session: Session) -> Work:
    """State that a lost account is followed by this one; its recovery key is asked for, never an argument."""
    old: bytes = session.options.old

    async def act(client: Client) -> None:
        # Seen while it is typed, as nobody types 64 digits blind; then off the screen.
        typed = await typed_key(session, session.texts.say("ask.recovery_key"))
        text = client.sign_successor(old, typed)
        code = await _doubt(session, client, text)
        if code:
            # The old account's list is no judge: a thief of its account key can sign one with another key.
            again = await typed_key(session, session.texts.say(f"ask.{code}"), code)
            if again.upper() != "".join(typed.split()).upper():
                raise Refused("successor.mismatch")
        session.say("successor.signed", old=short_id(old))
        session.terminal.line(text)
        show_qr(session, text)

    return opened(session, act, online=True)


async def _doubt(session: Session, client: Client, text: str) -> str:
    """Return why the key may be mistyped, as an error's code: the old account's list, which is awaited for a
    while, names another one, or is not known here.
    """

    def is_known() -> bool:
        with suppress(ListUnknown):
            client.read_successor(text)
            return True
        return False

    try:
        await wait_until(is_known, client.progress, session.options.timeout, "the old account's list")
    except SuccessorInvalid:
        return "successor.other_key"
    except (UnknownContact, WaitTimeout):
        return "successor.unchecked"
    return ""


def read(session: Session) -> Work:
    """Say what a statement says, and change nothing."""
    text = _statement(session)

    async def act(client: Client) -> None:
        found = client.read_successor(text)
        if not session.options.json:
            _show(session, client, found)
            return
        session.terminal.json(
            {
                "old": found.old_account_id.hex(),
                "new": found.new_account_id.hex(),
                "signed_ms": found.issued_ms,
                "safety_number": _number(client, found),
                "alarm": client.contact(found.old_account_id).alarm,
            }
        )

    return when_fetched(session, act)


def follow(session: Session) -> Work:
    """Show both accounts, ask, then add the new one; nothing is sent to the old one any more."""
    text, card = _statement(session), _card(session.options.card)

    async def act(client: Client) -> None:
        found = client.read_successor(text)
        old = client.contact(found.old_account_id)
        try:
            client.read_successor(text, card)
        except ContactSucceeded:
            raise Refused("successor.second", name=label(old)) from None
        _show(session, client, found)
        question = session.texts.say("ask.successor", name=label(old))
        answer = await session.ask(question, "successor.unasked")
        if answer.strip().lower() not in session.texts.say("ask.yes").split():
            raise Refused("confirm.declined")
        new = await client.follow_successor(text, card)
        session.say("successor.followed", name=label(new), id=new.account_id.hex(), old=_who(old))
        texts = await old.history(limit=_MOST_TEXTS)
        waiting = sum(one.state is MessageState.QUEUED for one in texts)
        if waiting:
            session.say("successor.waiting", count=waiting, name=label(old))
        if not new.verified:
            session.say("add.compare", short=short_id(new.account_id))

    return when_fetched(session, act)


def _show(session: Session, client: Client, found: Successor) -> None:
    """Both accounts, when it was signed, and what a person compares with the new one."""
    old = client.contact(found.old_account_id)
    signed = local_time(found.issued_ms, "%Y-%m-%d %H:%M")
    session.say("successor.says", old=_who(old), new=found.new_account_id.hex(), signed=signed)
    for one in _known(client, found):
        session.say("successor.known", name=label(one))
    if old.alarm:
        key = "successor.second" if old.alarm == ContactSucceeded.code else "contacts.alarm"
        session.say(key, code=old.alarm, name=label(old))
    session.say("successor.number")
    groups = _number(client, found).split(" ")
    for start in range(0, len(groups), _GROUPS_A_LINE):
        session.terminal.line("  " + " ".join(groups[start : start + _GROUPS_A_LINE]))
    session.say("successor.ask", name=label(old))


def _known(client: Client, found: Successor) -> list[Contact]:
    return [one for one in client.contacts() if one.accepted and one.account_id == found.new_account_id]


def _number(client: Client, found: Successor) -> str:
    return fingerprint.safety_number(AccountId(client.account_id), found.new_account_id)


def _who(contact: Contact) -> str:
    return f"{label_of(contact.name, contact.account_id)} ({short_id(contact.account_id)})"


def _statement(session: Session) -> str:
    """The statement as it was given, or from a file: the answer to the question needs the input."""
    given: str = session.options.statement
    if given.strip().startswith(_HEAD):
        return given
    return read_file(session.path(Path(given)), MAX_SMALL_B).decode("utf-8", "replace")


def _card(text: str) -> ContactCard:
    try:
        return cards.parse(text)
    except DecodeError as error:
        raise InvalidCard(str(error)) from None
