"""What the command line says of erasure, marks and holds, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_ERASING: Final[dict[str, str]] = {
    "help.room.erase": "have an entry of your side erased (customers keep the company's), or the whole room",
    "help.room.sensitive": "mark an entry as sensitive: who is not cleared does not see it",
    "help.room.hold": "keep everything from being destroyed, or no longer, with a reason (supervisors)",
    "help.room.erasures": "show what was to be erased, who has said that it is done, and who has not",
    "help.erase_entry": "the beginning of the entry's id (room history --ids), or - for the newest one",
    "help.erase_all": "the whole room, as its customer",
    "help.hold_reason": "why; the customer sees that there is a hold",
    "help.hold_clear": "clear the hold: what has waited for that is destroyed",
    "erase.done": "The erasure is asked for. What it names is hidden from now on, and destroyed within "
    "24 hours unless a hold stands above it.",
    "sensitive.done": "Marked as sensitive.",
    "hold.set": "Room {short} is on hold: nothing of it is destroyed.",
    "hold.cleared": "Room {short} is not on hold any more.",
    "erasures.none": "Nothing was to be erased in this room.",
    "erasures.order": "{when}  {what}: done by {done}; not yet by {missing}",
    "erasures.entries": "{count} entries",
    "erasures.entries.one": "{count} entry",
    "erasures.room": "the whole room",
    "erasures.nobody": "nobody",
    "erasures.kept": "{name} ({why})",
    "event.erasure_answered": "[{room}] erasure, {name}: {what}",
    "event.erasure_unanswered": "[{room}] an erasure was not confirmed within 7 days; devices: {count}",
    "erasure.done": "done",
    "erasure.hold": "a hold stands above it",
    "erasure.class": "the law keeps it",
}
