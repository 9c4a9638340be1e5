"""What the command line says of the desk, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_DESK: Final[dict[str, str]] = {
    "help.desk_command": "show the desk in a browser of this machine; `serve` runs the company's own desk",
    "help.desk_action": "page (without it too): for a person; serve: greets, routes, grants, until Ctrl-C",
    "help.desk_port": "port of the page on this machine (0: a free one)",
    "help.desk_lock": "lock the page after so many minutes without use ({default})",
    "help.desk_no_browser": "open no browser, only print the address",
    "help.desk_settings": "settings of `serve`: greeting, hours, routing, mail, webhook",
    "desk.at": "Open this address in a browser of this machine, within ten minutes; it works once.\n"
    "Enter gives a new one, Ctrl-C ends the desk.",
    "desk.shared": "Only on a machine of your own: whoever uses your login here reads along.",
    "desk.no_browser": "No browser could be opened; copy the address.",
    "desk.serves": "The desk is on, until Ctrl-C.",
    "error.desk.missing": "the desk's page needs libraries that are not installed",
    "hint.desk.missing": "pip install 'sealroom[desk]'",
}
