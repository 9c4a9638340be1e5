"""Commands of a company's web pages: build them, have the list signed elsewhere, verify and check them."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from e2ee.errors import E2eeError
from e2ee.ids import AccountId
from e2ee.rooms.assets import ASSETS_MAX_B, Assets
from e2ee_client import __version__
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import sign_assets
from e2ee_client.web.built import load
from e2ee_client.web.checking import Checker
from e2ee_client.web.findings import Finding, Weight, has_faults
from e2ee_client.web.making import Made, install_assets, look_at_folder, make_site
from e2ee_client.web.origins import origin_of
from e2ee_client.web.settings import load_settings
from e2ee_client.web.verifying import Verified, Verifier, day

from .account_keys import signed_elsewhere
from .failures import DONE, Refused
from .files import MAX_SMALL_B, read_file
from .neutral import neutral
from .room_addressing import company_of
from .session import Session, Work
from .transcripts import account_id as account_of

DIFFERENT = 7
"""The exit status of a site that is not as it has to be."""
_ADDRESS = re.compile(r"https?://[!-~]+")


def build(session: Session) -> Work:
    """Write the site of a company, and sign the list of its files."""
    options = session.options
    settings = load_settings(session.path(options.config))
    built = load()
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            company = company_of(client)
            made = await make_site(
                company, settings, built, session.path(options.out), __version__, _now_ms()
            )
        _show_made(session, made)
        return DONE

    return work()


def _show_made(session: Session, made: Made) -> None:
    assets = made.assets
    if session.options.json:
        session.terminal.json(
            {
                "files": [str(one) for one in made.files],
                "request": None if made.request is None else str(made.request),
                "account_id": made.site.account,
                "seq": None if assets is None else assets.seq,
                "expires_ms": None if assets is None else assets.expires_ms,
            }
        )
        return
    for path in made.files:
        session.terminal.line(neutral(str(path)))
    if assets is None:
        session.remark("web.to_sign", file=made.request)
    else:
        session.remark("web.made", seq=assets.seq, date=day(assets.expires_ms))
    session.remark("web.next", room=made.site.settings.room)


def sign(session: Session) -> Work:
    """Sign the list of a site with an account key that is kept elsewhere."""
    return signed_elsewhere(session, sign_assets, _show_signed)


def _show_signed(session: Session, _: AccountId, __: bytes) -> None:
    session.say("web.signed", path=session.options.file)


def install(session: Session) -> Work:
    """Put the signed list into its site."""
    options = session.options
    assets = install_assets(session.path(options.folder), read_file(options.file, MAX_SMALL_B))

    async def work() -> int:
        session.say("web.made", seq=assets.seq, date=day(assets.expires_ms))
        return DONE

    return work()


# --- looking at what is served ---


def verify(session: Session) -> Work:
    """Compare a site, or the folder of one, with the list that its company has signed."""
    options = session.options
    account_id = None if options.company is None else _account(options.company)
    if "://" not in options.url:
        folder = session.path(Path(options.url))
        assets, found = look_at_folder(folder, account_id)
        stated = [] if account_id is not None else [_stated(folder, assets)]
        return _told(session, Verified((*stated, *found), assets), "web.folder_seen")
    kept = None if options.assets is None else session.path(options.assets)
    known = None if kept is None else _known(kept, account_id)
    stated = []
    if account_id is None and kept is not None and known is not None:
        account_id, stated = known.account_id, [_stated(kept, known)]
    pages = tuple(origin_of(one) for one in options.page)
    verifier = Verifier(
        _origin(options.url),
        _now_ms(),
        account_id,
        known,
        pages,
        ssl_context=_context(session),
        findings=stated,
    )

    async def work() -> int:
        return await _told(session, await verifier.run(), "web.seen")

    return work()


def _stated(path: Path, assets: Assets) -> Finding:
    """What stands in a file is nobody's word but its own, so nothing is verified by it (CNS-68)."""
    return Finding("account_stated", str(path), assets.account_id.hex())


async def _told(session: Session, verified: Verified, limits: str) -> int:
    assets, options = verified.assets, session.options
    is_good = not has_faults(verified.findings) and assets is not None
    if options.json:
        about = _assets_json(assets) | {"requests": verified.requests}
        session.terminal.json({"holds": is_good, **about, "findings": _json(verified.findings)})
    else:
        _show(session, verified.findings)
        if assets is not None:
            made, ends = day(assets.issued_ms), day(assets.expires_ms)
            values = {"release": neutral(assets.release), "seq": assets.seq, "made": made, "ends": ends}
            session.say("web.list", account=assets.account_id.hex(), count=len(assets.files), **values)
        session.say("web.holds" if is_good else "web.differs")
        session.remark(limits)
    return DONE if is_good else DIFFERENT


def check(session: Session) -> Work:
    """Say what is wrong with a room's host and the pages around it, before or after it is served."""
    options = session.options
    for one in (options.url, *options.page):
        _origin(one)
    checker = Checker(options.url, options.page, _now_ms(), _context(session))

    async def work() -> int:
        found = await checker.run()
        is_good = not has_faults(found)
        if options.json:
            session.terminal.json({"holds": is_good, "findings": _json(found)})
        else:
            _show(session, found)
            session.say("web.works" if is_good else "web.fails")
        return DONE if is_good else DIFFERENT

    return work()


def _show(session: Session, found: Sequence[Finding]) -> None:
    for weight in Weight:
        for one in found:
            if one.weight is weight:
                text = session.texts.say(f"finding.{one.code}", where=one.where, what=one.what)
                seen = session.texts.say("finding.seen_by", names=one.seen_by) if one.seen_by else ""
                session.terminal.line(neutral(f"{session.texts.say(f'finding.{weight.value}')} {text}{seen}"))


def _json(found: Sequence[Finding]) -> list[dict[str, str]]:
    return [{**one._asdict(), "weight": one.weight.value} for one in found]


def _assets_json(assets: Assets | None) -> dict[str, object]:
    if assets is None:
        return {"account_id": None}
    names = ("seq", "release", "issued_ms", "expires_ms", "origin")
    about: dict[str, object] = {name: getattr(assets, name) for name in names}
    return {**about, "account_id": assets.account_id.hex(), "files": len(assets.files)}


# --- values ---


def _account(text: str) -> AccountId:
    try:
        return account_of(text.strip())
    except ValueError:
        raise Refused("web.account") from None


def _known(path: Path, account_id: AccountId | None) -> Assets:
    """Assets that somebody has kept, of the account that they state themselves where none is given."""
    signed = read_file(path, ASSETS_MAX_B)
    try:
        return Assets.verify(account_id or Assets.stated_account(signed), signed)
    except E2eeError as error:
        raise ConfigError(f"the kept list of files does not hold ({error.code})") from None


def _origin(address: str) -> str:
    parts = urlsplit(address) if _ADDRESS.fullmatch(address) else None
    try:
        if parts is None or not parts.hostname or parts.username is not None or (parts.port or 0) < 0:
            raise ValueError
    except ValueError:
        raise Refused("web.address", address=neutral(address)) from None
    return origin_of(address)


def _context(session: Session) -> ssl.SSLContext | None:
    file = session.authorities
    if file is None:
        return None
    session.runtime()
    return ssl.create_default_context(cafile=file)


def _now_ms() -> int:
    return int(time.time() * 1000)
