"""What the command line says of logins, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_LOGINS: Final[dict[str, str]] = {
    "help.company.logins": "let your web server say who its customers are, or no longer",
    "help.company.login-key": "write the key of your web server to a file; anew after each mandate",
    "help.room.login": "say who you are by the company's web server; without TOKEN, print what it is asked",
    "help.room.sign-out": "sign out: from now on the room is of nobody known",
    "help.logins_allow": "from the next mandate on",
    "help.logins_end": "what the key has signed counts no longer",
    "help.login_key_file": "where the key is written, for its owner only; a secret of the web server",
    "help.login_token": "what the web server has answered",
    "login.sent": "Handed in. The company says whether it takes it.",
    "login.signed_out": "Signed out. What was written stays; sealroom room withdraw ends the room.",
    "login.level.1": "password",
    "login.level.2": "second factor",
    "login.level.3": "identity document",
    "logins.allowed": "Logins are allowed. Write the key for your web server, and the door anew:\n"
    "  sealroom company login-key FILE\n"
    "  sealroom company door FILE --force",
    "logins.ended": "Logins have ended with a new mandate.",
    "logins.key": "Written to {path}. Keep it as secret as a password; it is good as long as the mandate.",
    "about.person": "Logged in as {name} since {since} ({level}).",
    "event.identify_granted": "[{room}] the customer is logged in",
    "event.signed_out": "[{room}] the customer has signed out: nobody known from here on",
    "error.login.holder": "this login was made for another device, room or account",
    "error.login.expired": "this login came too late, or a clock is wrong: log in again",
    "error.login.used": "this login was used before, or not asked for by this device",
    "error.remote.signature": "a signature does not hold",
    "error.local.logins": "your company's mandate names no key for a web server",
    "hint.login.expired": "check date and time of this device; then ask for a new token",
    "hint.login.used": "ask for a new token: sealroom room login",
    "hint.local.logins": "sealroom company logins --allow",
    "help.room.link": "let a further device of yours in: shows a QR code and asks",
    "help.room.join": "make this device a further one of yours, by what another one shows",
    "help.room.devices": "list your devices, or strike one off",
    "help.linkable": "so that further devices can be linked later: an entry in the relay's directory",
    "help.link_yes": "confirm without asking: the digits were compared by a program",
    "help.own_yes": "the other device is yours and before you",
    "help.link_text": "what the other device shows",
    "help.remove_own": "the beginning of the id of a device to strike off",
    "link.waiting": "waiting for the new device, ten minutes at most ...",
    "link.digits": "The new device has to show these digits as well: {digits}",
    "ask.link": "Does it show the same ones, and is it yours? [y/n] ",
    "link.telling": "telling the new device, and giving it your rooms ...",
    "link.done": "Device {short} is yours now. The company is shown a new device.",
    "link.own": "This device joins an account that talks to {company}{origin}.\n"
    "Only a device of your own shows its code. A stranger's code lets the stranger read what you write here.",
    "ask.own": "Is the other device yours, and in front of you? [y/n] ",
    "ask.link_text": "What the other device shows: ",
    "link.compare": "Compare these digits with the other device: {digits}",
    "link.joined": "This is device {short} of your account; its store is {path}.",
    "link.device": "since {date}",
    "error.link.refused": "the other device is not yours: nothing was sent",
    "hint.link.refused": "scan only a code on a device of your own",
}
