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
    "logins.allowed": "Logins are allowed. Write the key for your web server:\n"
    "  sealroom company login-key FILE",
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
}
