"""Every command of the command line with its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from . import account, account_keys, chat, messages, people
from .argument_parser import Command, CommandGroup, Parser, make_parser
from .session import Session, Work
from .texts import LANGUAGES, Texts

_TIMEOUT_S: Final = 30.0
_DELIVERED_CHOICES: Final = ("queued", "sent", "delivered")
Run = Callable[[Session], Work]


def parse(arguments: Sequence[str] | None, texts: Texts) -> argparse.Namespace:
    """Return the options; `run` among them is what carries the command out.

    Raises:
        Refused: usage.invalid.
    """
    parser = make_parser(
        texts, prog="sealroom", description=texts.say("help.program"), epilog=texts.say("help.exit")
    )
    _common(parser, texts, top=True)
    commands = CommandGroup(parser, texts, "command")

    def add(name: str, run: Run) -> Command:
        return _command(commands, texts, name, run, f"help.{name}")

    _account_commands(add)
    _people_commands(add)
    _message_commands(add)
    _key_commands(commands, texts)
    return parser.parse_args(arguments)


def _command(group: CommandGroup, texts: Texts, name: str, run: Run, key: str) -> Command:
    parser = group.add(name, key)
    parser.set_defaults(run=run)
    command = Command(parser, texts)
    _common(parser, texts, top=False)
    return command


def _group(above: CommandGroup, texts: Texts, name: str, key: str) -> CommandGroup:
    parser = above.add(name, key)
    _common(parser, texts, top=False)
    return CommandGroup(parser, texts, "action")


def _common(parser: Parser, texts: Texts, *, top: bool) -> None:
    """Options that may stand before or after the command; what stands after it decides."""
    group = parser.add_argument_group(texts.say("help.common"))
    group.add_argument("-h", "--help", action="help", help=texts.say("help.help"))
    if top:
        group.add_argument("--version", action="version", version=_version(), help=texts.say("help.version"))
    absent = None if top else argparse.SUPPRESS
    group.add_argument("--store", type=Path, metavar="PATH", default=absent, help=texts.say("help.store"))
    group.add_argument("--lang", choices=sorted(LANGUAGES), default=absent, help=texts.say("help.lang"))
    group.add_argument(
        "--passphrase-fd", type=_descriptor, metavar="N", default=absent, help=texts.say("help.passphrase_fd")
    )
    group.add_argument("--ca-file", type=Path, metavar="FILE", default=absent, help=texts.say("help.ca_file"))


# --- commands ---


def _account_commands(add: Callable[[str, Run], Command]) -> None:
    init = add("init", account.init)
    init.option("--relay", key="help.relay", required=True, metavar="URL")
    init.option("--name", key="help.name", metavar="NAME")
    init.option("--kind", key="help.kind", choices=("person", "agent", "bot"), default="person")
    init.switches(publish="help.publish").switches(read_receipts="help.read_receipts")
    _with_timeout(init)
    add("card", account.card).switches(json="help.json", qr="help.qr")
    export = add("export", account.export)
    export.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    _with_backup(export)
    restore = add("restore", account.restore)
    restore.argument("file", "help.backup_file", type=Path, metavar="FILE")
    _with_backup(restore)


def _people_commands(add: Callable[[str, Run], Command]) -> None:
    new = add("add", people.add).argument("card", "help.card_text", metavar="CARD")
    new.option("--name", key="help.contact_name", metavar="NAME")
    add("contacts", people.contacts).switches(json="help.json").switches(offline="help.offline")
    accept = _with_timeout(_with_contact(add("accept", people.accept)))
    accept.option("--name", key="help.contact_name", metavar="NAME")
    verify = _with_contact(add("verify", people.verify))
    verify.switches(mark="help.mark", unmark="help.unmark").switches(json="help.json").switches(qr="help.qr")
    verify.switches(offline="help.offline")
    verify.option("--compare", key="help.compare", metavar="TEXT")
    forget = add("forget", people.forget)
    forget.argument("contact", "help.contact", metavar="CONTACT", nargs="?")
    _with_timeout(forget.switches(all="help.all").switches(yes="help.yes"))


def _message_commands(add: Callable[[str, Run], Command]) -> None:
    send = _with_contact(add("send", messages.send)).argument("text", "help.text", metavar="TEXT")
    send.option("--wait", key="help.wait", choices=_DELIVERED_CHOICES, default="sent")
    _with_timeout(send.switches(json="help.json"))
    listen = add("listen", messages.listen).switches(json="help.json").switches(texts="help.texts_only")
    listen.option("--count", key="help.count", type=_positive, metavar="N")
    history = _with_contact(add("history", messages.history)).switches(json="help.json")
    history.switches(offline="help.offline")
    history.option("--last", key="help.last", type=_positive, metavar="N")
    _with_contact(add("chat", chat.chat)).switches(plain="help.plain")


def _key_commands(commands: CommandGroup, texts: Texts) -> None:
    keys = _group(commands, texts, "account-key", "help.account_key")
    export = _command(keys, texts, "export", account_keys.export_key, "help.account_key.export")
    export.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    _with_backup(export)
    remove = _command(keys, texts, "remove", account_keys.remove_key, "help.account_key.remove")
    remove.switches(yes="help.yes")
    renewal = _group(commands, texts, "renewal", "help.renewal")
    request = _command(renewal, texts, "request", account_keys.request, "help.renewal.request")
    request.argument("file", "help.file", type=Path, metavar="FILE").switches(force="help.force")
    sign = _command(renewal, texts, "sign", account_keys.sign, "help.renewal.sign")
    for name, key in (("key", "key_file"), ("request", "request_file"), ("file", "file")):
        sign.argument(name, f"help.{key}", type=Path, metavar=name.upper())
    _with_backup(sign.switches(force="help.force"))
    install = _command(renewal, texts, "install", account_keys.install, "help.renewal.install")
    install.argument("file", "help.answer_file", type=Path, metavar="FILE")


def _with_contact(command: Command) -> Command:
    return command.argument("contact", "help.contact", metavar="CONTACT")


def _with_timeout(command: Command) -> Command:
    return command.option("--timeout", key="help.timeout", type=_seconds, metavar="S", default=_TIMEOUT_S)


def _with_backup(command: Command) -> Command:
    return command.option(
        "--backup-passphrase-fd", key="help.backup_passphrase_fd", type=_descriptor, metavar="N"
    )


# --- values ---


def _version() -> str:
    try:
        return metadata.version("sealroom")
    except metadata.PackageNotFoundError:
        return "sealroom (not installed)"


def _descriptor(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**31:
        raise ValueError
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 10**7:
        raise ValueError
    return value
