"""Every command of the command line with its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from . import (
    account,
    account_keys,
    archives,
    chat,
    desk,
    messages,
    people,
    room_arguments,
    successors,
    transcripts,
    web_site,
)
from .argument_parser import Command, CommandGroup, make_parser
from .argument_parts import (
    Run,
    command,
    common,
    group,
    lock_minutes,
    port,
    positive,
    with_backup,
    with_list_signing,
    with_signing,
    with_timeout,
)
from .texts import Texts

_FOLLOW_S: Final = 120.0
"""A device whose list the relay contradicts is on a pause of a minute when it is told to follow."""
_LISTED_S: Final = 10.0
_DELIVERED_CHOICES: Final = ("queued", "sent", "delivered")


def parse(arguments: Sequence[str], texts: Texts) -> argparse.Namespace:
    """Return the options; `run` among them is what carries the command out.

    Raises:
        Refused: usage.invalid.
    """
    about = {"description": texts.say("help.program"), "epilog": texts.say("help.exit")}
    parser = make_parser(texts, arguments, prog="sealroom", **about)
    common(parser, texts, top=True)
    commands = CommandGroup(parser, texts, "command")

    def add(name: str, run: Run) -> Command:
        return command(commands, texts, name, run, f"help.{name}")

    _account_commands(add)
    _people_commands(add)
    _message_commands(add)
    _verifying(add)
    _key_commands(commands, texts)
    room_arguments.add_commands(commands, texts)
    _desk(command(commands, texts, "desk", desk.desk, "help.desk_command"))
    _web(group(commands, texts, "web", "help.web"), texts)
    return parser.parse_args(arguments)


# --- commands ---


def _account_commands(add: Callable[[str, Run], Command]) -> None:
    init = add("init", account.init)
    init.option("--relay", key="help.relay", required=True, metavar="URL")
    init.option("--name", key="help.name", metavar="NAME")
    init.option("--kind", key="help.kind", choices=("person", "agent", "bot"), default="person")
    init.switches(publish="help.publish").switches(read_receipts="help.read_receipts")
    with_timeout(init)
    add("card", account.card).switches(json="help.json", qr="help.qr")
    export = add("export", account.export)
    export.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    export.option("--account-key", key="help.export_key", type=Path, metavar="KEY")
    with_backup(export)
    restore = add("restore", account.restore)
    restore.argument("file", "help.backup_file", type=Path, metavar="FILE")
    with_backup(restore)


def _people_commands(add: Callable[[str, Run], Command]) -> None:
    new = add("add", people.add).argument("card", "help.card_text", metavar="CARD")
    new.option("--name", key="help.contact_name", metavar="NAME")
    add("contacts", people.contacts).switches(json="help.json").switches(offline="help.offline")
    accept = with_timeout(_with_contact(add("accept", people.accept)))
    accept.option("--name", key="help.contact_name", metavar="NAME")
    verify = _with_contact(add("verify", people.verify))
    verify.switches(mark="help.mark", unmark="help.unmark").switches(json="help.json").switches(qr="help.qr")
    verify.switches(offline="help.offline")
    verify.option("--compare", key="help.compare", metavar="TEXT")
    forget = add("forget", people.forget)
    forget.argument("contact", "help.contact", metavar="CONTACT", nargs="?")
    with_timeout(forget.switches(all="help.all").switches(yes="help.yes"))


def _message_commands(add: Callable[[str, Run], Command]) -> None:
    send = _with_contact(add("send", messages.send)).argument("text", "help.text", metavar="TEXT")
    send.option("--wait", key="help.wait", choices=_DELIVERED_CHOICES, default="sent")
    with_timeout(send.switches(json="help.json"))
    listen = add("listen", messages.listen).switches(json="help.json").switches(texts="help.texts_only")
    listen.option("--count", key="help.count", type=positive, metavar="N")
    history = _with_contact(add("history", messages.history)).switches(json="help.json")
    history.switches(offline="help.offline")
    history.option("--last", key="help.last", type=positive, metavar="N")
    _with_contact(add("chat", chat.chat)).switches(plain="help.plain")


def _web(commands: CommandGroup, texts: Texts) -> None:
    build = command(commands, texts, "build", web_site.build, "help.web.build").switches(json="help.json")
    build.option("--config", key="help.web_config", type=Path, required=True, metavar="FILE")
    build.option("--out", key="help.web_out", type=Path, required=True, metavar="FOLDER")
    with_signing(command(commands, texts, "sign", web_site.sign, "help.web.sign"))
    install = command(commands, texts, "install", web_site.install, "help.web.install")
    install.argument("file", "help.web_signed", type=Path, metavar="FILE")
    install.argument("folder", "help.web_folder", type=Path, metavar="FOLDER")
    verify = command(commands, texts, "verify", web_site.verify, "help.web.verify")
    verify.argument("url", "help.web_url", metavar="URL").switches(json="help.json")
    verify.option("--company", key="help.web_company", metavar="CARD")
    verify.option("--assets", key="help.web_known", type=Path, metavar="FILE")
    check = command(commands, texts, "check", web_site.check, "help.web.check")
    check.argument("url", "help.web_room", metavar="URL").switches(json="help.json")
    for one in (verify, check):
        one.option("--page", key="help.web_page", action="append", default=[], metavar="URL")


def _desk(to: Command) -> None:
    to.argument("action", "help.desk_action", choices=("page", "serve"), nargs="?", default="page")
    to.option("--port", key="help.desk_port", type=port, metavar="N", default=0)
    to.option("--lock", key="help.desk_lock", type=lock_minutes, metavar="MINUTES", default=10)
    to.switches(no_browser="help.desk_no_browser").switches(json="help.json")
    to.option("--settings", key="help.desk_settings", type=Path, metavar="FILE")
    to.default(offline=False)


def _verifying(add: Callable[[str, Run], Command]) -> None:
    verify = add("verify-transcript", transcripts.verify).argument(
        "file", "help.transcript", type=Path, metavar="FILE"
    )
    verify.option(
        "--account", key="help.company_account", type=transcripts.account_id, required=True, metavar="ID"
    )
    verify.option("--html", key="help.html", type=Path, metavar="FILE")
    verify.switches(all="help.all_verdicts").switches(json="help.json")
    archive = add("verify-archive", archives.verify)
    archive.argument("folder", "help.archive_folder", type=Path, metavar="FOLDER")
    archive.option(
        "--account", key="help.company_account", type=transcripts.account_id, required=True, metavar="ID"
    ).switches(json="help.json")


def _key_commands(commands: CommandGroup, texts: Texts) -> None:
    keys = group(commands, texts, "account-key", "help.account_key")
    export = command(keys, texts, "export", account_keys.export_key, "help.account_key.export")
    export.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    with_backup(export)
    remove = command(keys, texts, "remove", account_keys.remove_key, "help.account_key.remove")
    remove.switches(yes="help.yes")
    renewal = group(commands, texts, "renewal", "help.renewal")
    request = command(renewal, texts, "request", account_keys.request, "help.renewal.request")
    request.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    with_timeout(request)
    with_list_signing(command(renewal, texts, "sign", account_keys.sign, "help.renewal.sign"))
    install = command(renewal, texts, "install", account_keys.install, "help.renewal.install")
    with_timeout(install.argument("file", "help.answer_file", type=Path, metavar="FILE"))
    follow = command(renewal, texts, "follow", account_keys.follow, "help.renewal.follow")
    with_timeout(follow.switches(yes="help.yes").switches(json="help.json"), _FOLLOW_S)
    _successors(group(commands, texts, "successor", "help.successor"), texts)


def _successors(commands: CommandGroup, texts: Texts) -> None:
    sign = command(commands, texts, "sign", successors.sign, "help.successor.sign").switches(qr="help.qr")
    sign.argument("old", "help.successor.old", type=transcripts.account_id, metavar="CARD")
    with_timeout(sign, _LISTED_S)
    read = command(commands, texts, "read", successors.read, "help.successor.read").switches(json="help.json")
    follow = command(commands, texts, "follow", successors.follow, "help.successor.follow")
    for one in (read, follow):
        one.argument("statement", "help.successor.statement", metavar="STATEMENT")
        one.switches(offline="help.offline")
    follow.argument("card", "help.successor.card", metavar="CARD")


def _with_contact(command: Command) -> Command:
    return command.argument("contact", "help.contact", metavar="CONTACT")
