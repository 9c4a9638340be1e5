"""What the command line says of recovery codes, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_RECOVERY: Final[dict[str, str]] = {
    "help.room.code": "show your recovery code, to be written down: it alone brings your account back",
    "help.room.recover": "lost every device: go on with your account, by its recovery code",
    "recovery.code": "Your recovery code for {company}:\n\n  {code}\n",
    "recovery.keep": "Write it on paper, with the name and page of the company, and keep it where nobody "
    "else looks: who has\nit can write as you. It cannot be changed.",
    "recovery.whose": "Use the recovery code on the paper that names {company}.",
    "ask.recovery_written": "Press Enter when it is written down: ",
    "ask.recovery_group": "Group {group} of the code: ",
    "recovery.kept": "Right. The code is on paper.",
    "recovery.remind": "If this device is lost, only a recovery code brings your account back: sealroom room "
    "code",
    "ask.recovery_code": "Recovery code: ",
    "recovery.going_on": "going on with your account ...",
    "recovery.done": "Your earlier devices are struck off, and the company is shown a new device. What was "
    "written before is\nnot here; ask the company to go on with it.",
    "event.device_replaced_by_code": "SOMEBODY HAS USED YOUR ACCOUNT, BY ITS RECOVERY CODE OR A COPY OF "
    "THIS STORE, and could read along and write in your name; a store that was put back to an earlier state "
    "says this, too. What you write here reaches nobody. If it was not you, tell the company by telephone or "
    "in person, and begin anew with a new store",
    "event.own_device_listed": "A DEVICE THAT IS NOT KNOWN HERE ({digits}) WAS ADDED TO YOUR ACCOUNT on "
    "{added} and removed again on {removed}. If it was not you, somebody has your recovery code or a copy "
    "of your account key, and could read along meanwhile: tell the company by telephone or in person, and "
    "begin anew with a new store",
    "error.recovery.code": "this is not the recovery code",
    "hint.recovery.code": "compare it with the paper, group by group, and type it again",
    "error.recovery.group": "this is not the recovery code: look at group {group}",
    "hint.recovery.group": "compare that group with the paper, and type the code again",
    "error.recovery.none": "this device has no recovery code",
    "hint.recovery.none": "the first device of an account has it; link a further device, or export a backup",
    "error.local.list_number": "no number is left for a list of this account's devices",
    "hint.local.list_number": "set this device's clock; if it is right, this account cannot go on: begin a "
    "new one",
    "error.backup.outdated": "the account was recovered after this backup was made",
    "hint.backup.outdated": "use a backup made after that, or the recovery code",
}
