"""Commands on a company's mandate where its account key is elsewhere: request, sign, install (ACC-26)."""

from __future__ import annotations

from collections.abc import Iterable

from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.mandate import Mandate
from e2ee_client.rooms import sign_mandate

from .account import until_published
from .account_keys import request_elsewhere, signed_elsewhere
from .addressing import short_id
from .failures import DONE
from .files import MAX_SMALL_B, read_file
from .neutral import neutral
from .room_addressing import company_of
from .session import Session, Work, local_date


def request(session: Session) -> Work:
    """Write what the account key has to sign; its keys are made here, and stay here."""
    return request_elsewhere(session, lambda client: company_of(client).mandate_request())


def sign(session: Session) -> Work:
    """Sign a request; the file is written after it was shown what is in it."""
    return signed_elsewhere(session, sign_mandate, _show_signed)


def install(session: Session) -> Work:
    """Install the signed answer, and wait until the relay has what follows from it."""
    answer = read_file(session.options.file, MAX_SMALL_B)
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            await company_of(client).install_mandate(answer)
            await until_published(session, client)
        session.say("mandate.installed")
        return DONE

    return work()


def _show_signed(session: Session, account_id: AccountId, signed: bytes) -> None:
    mandate = Mandate.verify(account_id, signed)
    session.say(
        "mandate.signed",
        id=account_id.hex(),
        seq=mandate.seq,
        origins=neutral(", ".join(mandate.origins)) or "-",
        supervisors=_shorts(mandate.supervisors),
        suspended=_shorts(mandate.suspended),
        login=session.texts.say("mandate.login" if mandate.login_public else "mandate.no_login"),
        date=local_date(mandate.expires_ms),
    )


def _shorts(devices: Iterable[DeviceId]) -> str:
    return ", ".join(short_id(one) for one in devices) or "-"
