"""The commands of companies, agents and rooms with their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from e2ee_client.guard import PACKS
from e2ee_client.rooms.notices import MODES, SECTORS
from e2ee_client.rooms.transcripts import FORMATS

from . import (
    account_keys,
    agents,
    archives,
    companies,
    company_devices,
    company_mandates,
    company_notices,
    company_origins,
    company_policy,
    linking,
    logins,
    messages,
    proofs,
    recovering,
    room_acts,
    room_erasing,
    room_files,
    room_lists,
    room_opening,
    room_words,
    transcripts,
)
from .argument_parser import Command, CommandGroup
from .argument_parts import Run, command, group, positive, with_list_signing, with_signing, with_timeout
from .texts import Texts

_INVITE_S: Final = 600.0
_PROGRESS: Final = ("sent", "delivered")


class _Adding:
    """One of the three words, with its commands."""

    def __init__(self, commands: CommandGroup, texts: Texts, word: str) -> None:
        self.group = group(commands, texts, word, f"help.{word}")
        self.texts = texts
        self._word = word

    def __call__(self, name: str, run: Run) -> Command:
        """Add a command; each prints JSON where it is asked to."""
        added = command(self.group, self.texts, name, run, f"help.{self._word}.{name}")
        return added.switches(json="help.json")

    def reading(self, name: str, run: Run) -> Command:
        """Add one that shows something; what waits at the relay comes first."""
        return self(name, run).switches(offline="help.offline")

    def acting(self, name: str, run: Run) -> Command:
        """Add one that needs the relay and waits for it."""
        return with_timeout(self(name, run)).default(offline=False)


def add_commands(commands: CommandGroup, texts: Texts) -> None:
    """Add `company`, `agent`, `room` and `verify-consent`."""
    _company(_Adding(commands, texts, "company"))
    _agent(_Adding(commands, texts, "agent"))
    room = _Adding(commands, texts, "room")
    _room_reading(room)
    _room_writing(room)
    _room_erasing(room)
    _room_words(room)
    _room_devices(room)
    verify = command(commands, texts, "verify-consent", proofs.verify, "help.verify-consent")
    verify.argument("file", "help.proof_file", type=Path, metavar="FILE")
    verify.argument("company", "help.proof_company", metavar="CARD").switches(json="help.json")


def _company(add: _Adding) -> None:
    create = add("create", companies.create)
    create.option("--relay", key="help.relay", required=True, metavar="URL")
    create.option("--name", key="help.company_name", required=True, metavar="NAME")
    create.option("--origin", key="help.origin", action="append", default=[], metavar="URL")
    _with_card(with_timeout(create))
    notice = group(add.group, add.texts, "notice", "help.company.notice", "part")
    draft = command(notice, add.texts, "draft", company_notices.draft, "help.company.notice.draft")
    draft.argument("folder", "help.draft_folder", type=Path, metavar="FOLDER").switches(json="help.json")
    draft.option("--sector", key="help.sector", choices=SECTORS, default="general")
    draft.option("--mode", key="help.mode", choices=sorted(MODES), default="consent")
    draft.option("--relay", key="help.draft_relay", metavar="URL")
    draft.switches(example="help.example")
    _signed_elsewhere(add, notice)
    publish = add.acting("publish", company_notices.publish)
    publish.argument("file", "help.notice_file", type=Path, metavar="NOTICE.TOML")
    publish.option("--until", key="help.until", type=positive, metavar="DAYS")
    door = add("door", company_notices.door).argument("file", "help.file", type=Path, metavar="FILE")
    door.switches(force="help.force")
    for name, key in (("phone", "help.door_phone"), ("email", "help.door_email"), ("web", "help.door_web")):
        door.option(f"--{name}", key=key, metavar=name.upper())
    _invite(add)
    add.reading("members", companies.members)
    for name, run in (("suspend", companies.suspend), ("reinstate", companies.reinstate)):
        add.acting(name, run).argument("device", "help.device", metavar="DEVICE")
    remove = add.acting("remove", companies.remove).argument("device", "help.device", metavar="DEVICE")
    remove.switches(yes="help.yes")
    hosts = add.acting("origins", company_origins.origins)
    for name in ("add", "remove"):
        hosts.option(f"--{name}", key=f"help.origins_{name}", action="append", default=[], metavar="URL")
    _policy(add)
    archive = add.acting("archive", archives.write)
    archive.argument("folder", "help.archive_folder", type=Path, metavar="FOLDER")
    logins_ = add.acting("logins", logins.allow)
    logins_.switches(allow="help.logins_allow", end="help.logins_end")
    login_key = add.acting("login-key", logins.write_key)
    login_key.argument("file", "help.login_key_file", type=Path, metavar="FILE")
    _listening(add("run", messages.run_desk))


def _signed_elsewhere(add: _Adding, notice: CommandGroup) -> None:
    """What a company's account key signs where it is kept."""
    request = command(notice, add.texts, "request", company_notices.request, "help.company.notice.request")
    request.argument("notice", "help.notice_file", type=Path, metavar="NOTICE.TOML")
    request.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    with_signing(command(notice, add.texts, "sign", company_notices.sign, "help.company.notice.sign"))
    install = command(notice, add.texts, "install", company_notices.install, "help.company.notice.install")
    install.argument("notice", "help.notice_file", type=Path, metavar="NOTICE.TOML")
    install.argument("file", "help.answer_file", type=Path, metavar="FILE").switches(json="help.json")
    with_timeout(install.option("--until", key="help.until", type=positive, metavar="DAYS"))
    mandate = group(add.group, add.texts, "mandate", "help.company.mandate", "part")
    request = command(mandate, add.texts, "request", company_mandates.request, "help.company.mandate.request")
    request.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    with_signing(command(mandate, add.texts, "sign", company_mandates.sign, "help.company.mandate.sign"))
    install = command(mandate, add.texts, "install", company_mandates.install, "help.company.mandate.install")
    with_timeout(install.argument("file", "help.answer_file", type=Path, metavar="FILE"))
    device = group(add.group, add.texts, "device", "help.company.device", "part")
    request = command(device, add.texts, "request", company_devices.request, "help.company.device.request")
    _inviting(request).argument("file", "help.file", type=Path, metavar="FILE")
    request.switches(force="help.force").switches(json="help.json")
    with_list_signing(command(device, add.texts, "sign", account_keys.sign, "help.company.device.sign"))
    install = command(device, add.texts, "install", company_devices.install, "help.company.device.install")
    install.argument("file", "help.answer_file", type=Path, metavar="FILE").switches(json="help.json")
    with_timeout(install)
    cancel = command(device, add.texts, "cancel", company_devices.cancel, "help.company.device.cancel")
    cancel.switches(json="help.json")


def _policy(add: _Adding) -> None:
    policy = add("policy", company_policy.policy)
    policy.option("--keep", key="help.policy_keep", type=positive, metavar="DAYS")
    policy.option("--class", key="help.policy_class", choices=company_policy.CLASSES, dest="kind")
    policy.option("--team", key="help.policy_team", metavar="TEAM")
    policy.switches(anybody="help.policy_anybody", nobody="help.policy_nobody")
    for name, key in (("--grant", "help.policy_grant"), ("--ask", "help.policy_ask")):
        policy.option(name, key=key, action="append", default=[], choices=company_policy.ASKED)


def _invite(add: _Adding) -> None:
    _inviting(add("invite", companies.invite))


def _inviting(to: Command) -> Command:
    with_timeout(to, _INVITE_S).argument("name", "help.agent_name", metavar="NAME")
    return _with_card(to).switches(desk="help.desk").switches(bot="help.bot").switches(yes="help.invite_yes")


def _with_card(to: Command) -> Command:
    to.option("--team", key="help.team", action="append", default=[], metavar="TEAM")
    return to.option("--language", key="help.language", action="append", default=[], metavar="CODE")


def _agent(add: _Adding) -> None:
    join = with_timeout(add("join", agents.join), _INVITE_S)
    join.argument("text", "help.invite_text", metavar="TEXT", nargs="*")
    add.reading("rooms", agents.rooms)
    add.reading("waiting", agents.waiting)
    _listening(add("run", messages.listen))


def _listening(to: Command) -> None:
    to.switches(texts="help.texts_only").option("--count", key="help.count", type=positive, metavar="N")


def _room_reading(add: _Adding) -> None:
    add.reading("list", room_lists.list_)
    _with_room(add.reading("show", room_lists.show))
    history = _with_room(add.reading("history", room_lists.history))
    history.option("--last", key="help.last", type=positive, default=50, metavar="N")
    history.switches(notes="help.notes").switches(all="help.all_entries", ids="help.ids")
    search = add.reading("search", room_lists.search)
    search.argument("words", "help.words", metavar="WORDS", nargs="+")
    search.option("--last", key="help.last", type=positive, default=50, metavar="N")
    proof = _with_room(add.reading("proof", proofs.make))
    proof.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    export = with_timeout(_with_room(add.reading("export", transcripts.export)))
    export.argument("file", "help.file", type=Path, metavar="FILE")
    export.option("--format", key="help.format", choices=FORMATS, default="json")
    _listening(add("listen", messages.listen))


def _room_writing(add: _Adding) -> None:
    opening = add.acting("open", room_opening.open_)
    opening.option("--company", key="help.company_origin", metavar="URL")
    opening.option("--door", key="help.door_file", type=Path, metavar="FILE")
    opening.option("--purpose", key="help.purpose", type=positive, action="append", metavar="N")
    opening.switches(accept="help.accept_notice", refuse="help.refuse_notice")
    opening.switches(linkable="help.linkable")
    send = _with_room(add.acting("send", room_acts.send)).argument("text", "help.text", metavar="TEXT")
    send.option("--wait", key="help.wait_entry", choices=_PROGRESS, default="sent")
    send.option("--pack", key="help.guard_pack", choices=PACKS, action="append", default=[])
    send.option("--reply-to", key="help.reply_to", metavar="ENTRY").switches(yes="help.send_yes")
    send_file = _with_room(add.acting("send-file", room_files.send_file))
    send_file.argument("path", "help.sent_file", type=Path, metavar="FILE")
    send_file.option("--name", key="help.file_name", metavar="NAME").switches(strip_metadata="help.strip")
    save = _with_room(add.acting("save", room_files.save))
    save.argument("entry", "help.file_entry", metavar="ENTRY")
    save.argument("folder", "help.save_folder", type=Path, metavar="FOLDER", nargs="?", default=Path())
    _with_room(add.acting("claim", room_acts.claim))
    transfer = _with_room(add.acting("transfer", room_acts.transfer))
    transfer.option("--to", key="help.transfer_to", metavar="NAME")
    transfer.option("--team", key="help.transfer_team", metavar="TEAM")
    transfer.option("--note", key="help.transfer_note", metavar="TEXT")
    handover = _with_room(add.acting("handover", room_acts.handover))
    handover.option("--to", key="help.handover_to", required=True, metavar="NAME")
    handover.option("--last", key="help.handover_last", type=positive, default=64, metavar="N")
    handover.option("--reason", key="help.handover_reason", metavar="TEXT")
    decide = _with_room(add.acting("decide", room_acts.decide))
    decide.argument("request", "help.request_id", metavar="REQUEST")
    decide.switches(grant="help.grant", refuse="help.refuse")
    objection = _with_room(add.acting("objection", room_acts.objection))
    objection.switches(open="help.objection_open", close="help.objection_close")
    objection.option("--reason", key="help.objection_reason", metavar="TEXT")
    _with_room(add.acting("note", room_acts.note)).argument("text", "help.text", metavar="TEXT")
    close = _with_room(add.acting("close", room_acts.close))
    close.option("--reason", key="help.reason", metavar="TEXT")
    _with_room(add.acting("reopen", room_acts.reopen))
    _with_room(add.acting("withdraw", room_acts.withdraw))
    login = _with_room(add.acting("login", logins.login))
    login.argument("token", "help.login_token", metavar="TOKEN", nargs="?")
    _with_room(add.acting("sign-out", logins.sign_out))


def _room_devices(add: _Adding) -> None:
    with_timeout(add("link", linking.link), _INVITE_S).switches(yes="help.link_yes")
    join = with_timeout(add("join", linking.join), _INVITE_S)
    join.argument("text", "help.link_text", metavar="TEXT", nargs="*")
    join.option("--company", key="help.company_origin", metavar="URL")
    join.option("--door", key="help.door_file", type=Path, metavar="FILE").switches(yes="help.own_yes")
    add("code", recovering.code)
    recover = with_timeout(add("recover", recovering.recover))
    recover.option("--company", key="help.company_origin", metavar="URL")
    recover.option("--door", key="help.door_file", type=Path, metavar="FILE")
    recover.option("--purpose", key="help.purpose", type=positive, action="append", metavar="N")
    recover.switches(accept="help.accept_notice", refuse="help.refuse_notice")
    devices = add.acting("devices", linking.devices)
    devices.option("--remove", key="help.remove_own", metavar="DEVICE")


def _room_words(add: _Adding) -> None:
    edit = _with_room(add.acting("edit", room_words.edit))
    edit.argument("entry", "help.edit_entry", metavar="ENTRY").argument("text", "help.text", metavar="TEXT")
    ask = _with_room(add.acting("ask", room_words.ask))
    ask.argument("title", "help.ask_title", metavar="TITLE", nargs="?")
    ask.option("--option", key="help.ask_option", action="append", default=[], metavar="TEXT")
    ask.option("--form", key="help.ask_form", type=Path, metavar="FILE")
    answer = _with_room(add.acting("answer", room_words.answer))
    answer.argument("entry", "help.answer_entry", metavar="FORM")
    answer.argument("value", "help.answer_value", metavar="VALUE", nargs="+")
    rate = _with_room(add.acting("rate", room_words.rate))
    rate.argument("stars", "help.rate_stars", type=positive, metavar="STARS")
    rate.option("--text", key="help.rate_text", metavar="TEXT")


def _room_erasing(add: _Adding) -> None:
    erase = _with_room(add.acting("erase", room_erasing.erase))
    erase.argument("entry", "help.erase_entry", metavar="ENTRY", nargs="?").switches(all="help.erase_all")
    sensitive = _with_room(add.acting("sensitive", room_erasing.sensitive))
    sensitive.argument("entry", "help.erase_entry", metavar="ENTRY")
    hold = _with_room(add.acting("hold", room_erasing.hold))
    hold.option("--reason", key="help.hold_reason", required=True, metavar="TEXT")
    hold.switches(clear="help.hold_clear")
    _with_room(add.reading("erasures", room_erasing.erasures))


def _with_room(to: Command) -> Command:
    return to.argument("room", "help.room_id", metavar="ROOM")
