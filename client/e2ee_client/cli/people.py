"""Commands on contacts: add, contacts, accept, verify, forget."""

from __future__ import annotations

from contextlib import suppress

from e2ee.grammar import is_name
from e2ee_client import Client, Contact, ContactView
from e2ee_client.errors import UnknownContact, WaitTimeout

from .account import show_qr
from .addressing import find_contact, is_card, label, label_of, short_id
from .failures import DONE, Refused
from .fetching import fetch, when_fetched
from .neutral import neutral
from .session import Session, Work, opened

_GROUPS_A_LINE = 4


def add(session: Session) -> Work:
    """Add a contact by its card, or give a known one another name."""
    name = session.options.name
    _check_name(name)
    passphrase = session.passphrase()
    text = session.given_or_input(session.options.card)

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            before = {one.account_id for one in client.contacts()}
            contact = await _added(client, text, name)
            if name is not None:
                await contact.set_name(name)
            key = "add.known" if contact.account_id in before else "add.added"
            short = short_id(contact.account_id)
            session.say(key, name=label(contact), id=contact.account_id.hex())
            if not contact.verified and not session.terminal.in_chat:
                session.say("add.compare", short=short)
            return DONE

    return work()


async def _added(client: Client, text: str, name: str | None) -> Contact:
    """Add by a card; with a new name, a contact may be named as everywhere."""
    if name is not None and not is_card(text):
        with suppress(UnknownContact):
            return find_contact(client, text)
    return await client.add_contact(text)


def _check_name(name: str | None) -> None:
    if name is not None and not is_name(name):
        raise Refused("contact.name")


def contacts(session: Session) -> Work:
    """List the contacts."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=not session.options.offline) as client:
            await fetch(session, client)
            listed = [(one.view, one.unread) for one in client.contacts()]
        for view, unread in listed:
            if session.options.json:
                about = {**view._asdict(), "account_id": view.account_id.hex(), "unread": unread}
                session.terminal.json(about)
            else:
                session.terminal.line(_contact_line(session, view, unread))
        if not listed and not session.options.json:
            session.remark("contacts.none")
        return DONE

    return work()


def _contact_line(session: Session, view: ContactView, unread: int) -> str:
    words = [session.texts.say("contacts.accepted" if view.accepted else "contacts.waiting")]
    if view.verified:
        words.append(session.texts.say("contacts.verified"))
    if view.alarm:
        words.append(session.texts.say("contacts.alarm", code=view.alarm))
    if unread:
        words.append(session.texts.say("contacts.unread", count=unread))
    name = label_of(view.name, view.account_id)
    return f"{short_id(view.account_id)}  {name}  [{', '.join(words)}]  {neutral(view.relay_url)}"


def accept(session: Session) -> Work:
    """Accept somebody who wrote first, and tell the relay if it answers."""
    name = session.options.name
    _check_name(name)

    async def act(client: Client) -> None:
        contact = find_contact(client, session.options.contact)
        await contact.accept()
        if name is not None:
            await contact.set_name(name)
        session.say("accept.done", name=label(contact))
        await _tell_relay(session, client)

    return opened(session, act, online=True)


def verify(session: Session) -> Work:
    """Show the safety number, compare it, or note that a person has."""

    async def act(client: Client) -> None:
        contact = find_contact(client, session.options.contact)
        if session.options.compare is not None:
            _compare(session, contact)
        if session.options.mark or session.options.unmark:
            await contact.verify(session.options.mark)
            key = "verify.marked" if session.options.mark else "verify.unmarked"
            session.say(key, name=label(contact))
        elif session.options.compare is None:
            _show_number(session, contact)

    return when_fetched(session, act)


def _compare(session: Session, contact: Contact) -> None:
    if not contact.matches(session.options.compare):
        raise Refused("verify.different")
    session.say("verify.equal")


def _show_number(session: Session, contact: Contact) -> None:
    health = contact.health()
    if session.options.json:
        session.terminal.json(
            {
                "contact": contact.account_id.hex(),
                "safety_number": contact.safety_number(),
                "qr": contact.qr_payload(),
                "verified": contact.verified,
                "alarm": contact.alarm,
                "health": None if health is None else {k: v._asdict() for k, v in health._asdict().items()},
            }
        )
        return
    session.say("verify.number", name=label(contact))
    groups = contact.safety_number().split(" ")
    for start in range(0, len(groups), _GROUPS_A_LINE):
        session.terminal.line("  " + " ".join(groups[start : start + _GROUPS_A_LINE]))
    show_qr(session, contact.qr_payload())
    if health is not None:
        session.say(
            "verify.health",
            classical=_age(session, health.classical.age_ms),
            quantum=_age(session, health.post_quantum.age_ms),
        )
    if contact.verified:
        session.say("verify.is_verified")
    elif session.terminal.in_chat:
        session.say("chat.not_compared")
    else:
        session.say("verify.not_verified", short=short_id(contact.account_id))


def _age(session: Session, age_ms: int) -> str:
    """Say an age in its largest whole unit."""
    for key, unit_ms in (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000)):
        if age_ms >= 2 * unit_ms:
            return session.texts.say(f"age.{key}", count=age_ms // unit_ms)
    return session.texts.say("age.now")


def forget(session: Session) -> Work:
    """Delete contacts, here and at the relay."""
    options = session.options
    if options.all == (options.contact is not None):
        raise Refused("usage.invalid", detail="CONTACT | --all", program="sealroom forget")

    async def act(client: Client) -> None:
        chosen = client.contacts() if options.all else [find_contact(client, options.contact)]
        await _ask_to_forget(session, chosen)
        # What contacts reach us by is taken back at the relay, which has to be connected for it.
        reached = await _tell_relay(session, client, remark=False)
        for contact in chosen:
            name = label(contact)
            await contact.forget()
            session.say("forget.done", name=name)
        if not reached or not await _tell_relay(session, client, remark=False):
            session.remark("forget.later")

    return opened(session, act, online=True)


async def _ask_to_forget(session: Session, chosen: list[Contact]) -> None:
    """Ask by the name and id that were found, not by the words that were given."""
    if session.options.all:
        await session.confirm("ask.forget_all")
        return
    (contact,) = chosen
    await session.confirm("ask.forget", name=label(contact), short=short_id(contact.account_id))


async def _tell_relay(session: Session, client: Client, *, remark: bool = True) -> bool:
    """Give the relay the time to learn of a change; without an answer it learns of it later."""
    try:
        await client.wait_settled(min(session.options.timeout, 10.0))
    except WaitTimeout:
        if remark:
            session.remark("error.wait.timeout")
        return False
    return True
