"""What the command line says of what an account key signs where it is kept, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_SIGNING: Final[dict[str, str]] = {
    "help.company.notice.request": "write what the account key has to sign, where it is kept elsewhere",
    "help.company.notice.sign": "sign a notice with an exported account key; needs no store and no network",
    "help.company.notice.install": "state a notice that was signed elsewhere from now on",
    "help.company.mandate": "renew who may act for the company, where its account key is kept elsewhere",
    "help.company.mandate.request": "write what the account key has to sign; good for 90 days",
    "help.company.mandate.sign": "sign a mandate with an exported account key; needs no store and no network",
    "help.company.mandate.install": "install the signed mandate",
    "help.company.device": "take a colleague's device in, where the account key is kept elsewhere",
    "help.company.device.request": "show what the device is given, compare digits, and write what has to be "
    "signed",
    "help.company.device.sign": "sign the device list with an exported account key; needs no store and no "
    "network",
    "help.company.device.install": "install the signed list, and tell the device",
    "help.company.device.cancel": "forget the device that was asked for, so that another one may be",
    "help.renewal.follow": "take the device list that the relay has, where another one of its number is in "
    "use here",
    "ask.follow": "Take the device list that the relay has? Only if these fingerprints are those of your "
    "devices, and of none that you have taken out, and if no copy of this store is in use. Contacts that "
    "know the other list are warned.",
    "error.renewal.not_followed": "the device list of the relay was not taken",
    "hint.renewal.not_followed": "it may name a device that was taken out, or be another one by now: fetch "
    "the exported account key, and restore a backup that is made with it",
    "device.requested": "Written to {path}. Sign it where the account key is kept: sealroom company device "
    "sign KEY {path} ANSWER\nThen, here, within 24 hours: sealroom company device install ANSWER\n"
    "The new device waits until then: leave it running. Its fingerprint, which it shows as well, has to "
    "stand among those that are signed:\n{digits}",
    "renewal.compare": "You have signed each of these fingerprints before, except that of a new device that "
    "was asked for, as its own screen shows it. Is that one missing, or is there another one that you have "
    "not signed before, do not give the answer away.",
    "device.installed": "{short} belongs to the company now.",
    "device.cancelled": "No device is asked for any more. Destroy an answer that was signed. If one was "
    "installed, its device stands in the list: take it out by sealroom company suspend.",
    "error.renewal.offline": "the relay has not shown whether there is a later device list; nothing was done",
    "hint.renewal.offline": "try again when the relay can be reached",
    "error.renewal.waiting": "the device list is installed, but the relay does not have it yet",
    "hint.renewal.waiting": "the next command that reaches the relay hands it over",
    "error.config.list_outdated": "this answer was asked for before the device list that is in use now",
    "hint.config.list_outdated": "destroy the answer; make a new request, have it signed, and install that",
    "mandate.signed": "Signed for account {id}: mandate {seq}, until {date}. Supervisors: {supervisors}. "
    "Suspended: {suspended}. Pages: {origins}. {login}",
    "mandate.login": "It names a key for logins.",
    "mandate.no_login": "It names no key for logins.",
    "mandate.installed": "Installed. Write the door anew: sealroom company door FILE --force",
    "notice.kept": "Kept. It is published once a mandate is signed: sealroom company mandate request FILE",
    "notice.signed": "Signed for account {id}: notice {number} of {company}, in {locales}, relay {relay}.",
}
