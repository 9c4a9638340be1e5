"""Commands on proofs of consent: one is made in a room, and verified offline by anybody (CNS-23, CNS-24)."""

from __future__ import annotations

import re
from typing import Final

from e2ee.ids import AccountId
from e2ee.rooms.proof import PROOF_MAX_B, Proof
from e2ee_client import Client
from e2ee_client.opening import parse_card
from e2ee_client.rooms.proof import describe, open_proof

from .failures import DONE
from .fetching import fetch
from .files import check_writable, read_file, write_private
from .neutral import neutral_lines
from .room_addressing import company_room, customer_room, is_company
from .session import Session, Work

_ACCOUNT: Final = re.compile("[0-9a-fA-F]{64}")


def make(session: Session) -> Work:
    """Write the proof of a room's consent into a file."""
    options, path = session.options, session.path(session.options.file)
    check_writable(path, force=options.force)
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=not options.offline) as client:
            await fetch(session, client)
            find = company_room if is_company(client) else customer_room
            data = await find(client, options.room).proof()
            card = _card(client)
        write_private(path, data, force=options.force)
        session.result(
            "proof.done", {"file": str(path), "size_b": len(data), "card": card}, path=path, card=card
        )
        return DONE

    return work()


def _card(client: Client) -> str:
    card = client.card() if is_company(client) else client.shell.machine.rooms.company_card()
    return "" if card is None else card.to_uri()


def verify(session: Session) -> Work:
    """Say what a proof shows, or what of it does not hold."""
    options = session.options
    company = _account(options.company)
    proof = open_proof(read_file(session.path(options.file), PROOF_MAX_B), company)

    async def work() -> int:
        if options.json:
            session.terminal.json(_json(proof))
            return DONE
        for line in neutral_lines(describe(proof, session.texts.language)):
            session.terminal.line(line)
        return DONE

    return work()


def _account(text: str) -> AccountId:
    """Return the account that a reader names.

    Raises:
        InvalidCard: neither a contact card nor the digits of an account.
    """
    if _ACCOUNT.fullmatch(text.strip()):
        return AccountId(bytes.fromhex(text.strip()))
    return parse_card(text.strip()).account_id


def _json(proof: Proof) -> dict[str, object]:
    terms, left, answer = proof.receipt.terms, proof.withdrawal, proof.answer
    return {
        "company": proof.company.hex(),
        "customer": proof.customer.hex(),
        "device_id": proof.record.device_id.hex(),
        "room_id": proof.room.hex(),
        "notice_hash": proof.notice.hash.hex(),
        "locale": terms.locale,
        "mode": terms.mode.name.lower(),
        "purposes": [one.number for one in proof.notice.purposes if terms.purposes >> (one.number - 1) & 1],
        "accepted_ms": proof.receipt.accepted_ms,
        "withdrawn_ms": None if left is None else left.withdrawn_ms,
        "is_withdrawn": proof.is_withdrawn,
        "answered_ms": None if answer is None else answer.sent_ms,
        "doubts": sorted(one.value for one in proof.doubts),
        "text": proof.text,
    }
