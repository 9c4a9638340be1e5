"""Generated pages of the site: the client's events, the names of its synchronous half, the relay's settings.

python tests/support/reference_pages.py [--write]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import e2ee_client
from both_halves import public
from e2ee_client import rooms, sync
from e2ee_client.room_events import OfRoom
from e2ee_client.rooms import sync as room_sync
from e2ee_relay.config import ENV_PREFIX, Config
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.setting_table import GROUPS, MOST, Kind, Setting
from error_table import meaning

_EVENTS: Final = """# Events

Made from the classes by `make spec`. `Client.events()` gives them. An event of a contact has its handle
as `event.contact`; one of a room has a `room_id`.

| Event | Means | What to do |
| --- | --- | --- |
"""
_SYNC: Final = """# Without an event loop

Made from the classes by `make spec`.

::: e2ee_client.sync
    options:
      force_inspection: true
      show_root_heading: false
      show_root_toc_entry: false
      members: []

Each name below takes the arguments of the one that it leads to, raises the same errors, and returns when the
work is done.
"""
_HALVES: Final = (
    (sync.Client, e2ee_client.Client, ("recovery_key",)),
    (sync.Contact, e2ee_client.Contact, ()),
    (sync.Message, e2ee_client.Message, ()),
    (sync.Invitation, e2ee_client.Invitation, ()),
    (sync.EventIterator, e2ee_client.EventIterator, ()),
)
_ROOM_SYNC: Final = """# Rooms without an event loop

Made from the classes by `make spec`.

::: e2ee_client.rooms.sync
    options:
      force_inspection: true
      show_root_heading: false
      show_root_toc_entry: false
      members: []

Each name below takes the arguments of the one that it leads to, raises the same errors, and returns when the
work is done.
"""
_ROOM_HALVES: Final = (
    (room_sync.Company, rooms.Company, ()),
    (room_sync.Desk, rooms.Desk, ()),
    (room_sync.Agent, rooms.Agent, ()),
    (room_sync.Invite, rooms.Invite, ()),
    (room_sync.CompanyRoom, rooms.CompanyRoom, ()),
    (room_sync.Customer, rooms.Customer, ()),
    (room_sync.CustomerRoom, rooms.CustomerRoom, ()),
    (room_sync.Room, rooms.Room, ()),
    (room_sync.Entry, rooms.Entry, ()),
    (room_sync.SentFile, rooms.SentFile, ()),
)
_NOT_SHOWN: Final = frozenset({"compare"})
"""What the client itself calls."""
_WITH_FIELDS: Final = """    options:
      merge_init_into_class: true
"""
_NOTHING: Final = "Nothing."
WHAT_TO_DO: Final = {
    "MessageReceived": "Show the text. Call `contact.mark_read` when a person has seen it.",
    "MessageStateChanged": "Show the state beside the text. After `FAILED` the person may write it again.",
    "ContactAdded": "Ask a person, or decide by program, then `contact.accept()`, or `contact.forget()`.",
    "SessionStarted": _NOTHING,
    "SessionProven": _NOTHING,
    "Doubt": "Nothing; the client sorts it out. Many in a day: show the contact as troubled.",
    "Gap": "Show at the end of the conversation that texts are missing.",
    "GapFilled": "Take the note of `Gap` away.",
    "Parted": "Show that texts may be missing, and ask the contact whether a backup was restored.",
    "RolledBack": "Tell the person that texts of this device may be missing here; its store is an old copy.",
    "Unconfirmed": "Show beside the text that it may not have arrived; the person may write it again.",
    "Unreachable": "Show that texts to this contact wait. They go out when it can be reached.",
    "Churn": "Show the contact as troubled; `contact.forget()` if it is an attack.",
    "ListStale": "Show that texts wait until the contact has been online.",
    "DeviceReplaced": "Say that another device has taken over, and close the client."
    " A backup that is restored here takes the account back.",
    "CopyStopped": "Say that a second copy of this store is in use, and close the client. One copy goes on;"
    " if there is no other, a backup that is made and restored here shuts out both.",
    "SecondCopy": "Close one of the copies. Each device has a store of its own.",
    "MessageRejected": "Log `code`. Many from one contact: show it as troubled. With `remote.list_gap`, and"
    " where it stays so for days, have a person remove the contact, add it anew and verify it (ID-58).",
    "UnsupportedContent": "Show that a newer version of the application is needed to read it.",
    "IdentityAlarm": "Stop showing the contact as verified. Have a person compare the safety number, then"
    " `contact.verify()`.",
    "NewDevice": "Note it in the conversation. Compare the safety number again if it was not expected.",
    "DeviceRemoved": "Note it in the conversation.",
    "OwnDeviceAdded": "With `invited_here` nothing. Else tell the people of the account: if nobody has"
    " invited it, somebody else has the account key.",
    "OwnDeviceListed": "Show it with both dates, and ask the person whether it was itself; if not, only a new"
    " account helps.",
    "OwnDeviceRemoved": "Tell the people of the account.",
    "TeamUnknown": "Show that messages wait, and the company's other channels.",
    "CompanyFork": "Show it to the people of the company: two front desks sign, or a key was stolen.",
    "OwnConditionChanged": "`locked`: close the rooms on this device. `dropped`: they are erased.",
    "SigningStopped": "`config.notice`: publish a notice. `local.signing_unsure`: have a person look up the"
    " highest numbers and confirm them.",
    "MandateSigned": "Make the door file anew, and put it on the web server.",
    "CompanyKeysExpiring": "Have device list and mandate signed where the account key is kept.",
    "RosterExpiring": "Tell the company's people to start the front desk that founded it, and to keep it on.",
    "DeviceListExpiring": "Tell the person to open the device with the account key by that date (the one"
    " that was set up first); with a key kept elsewhere: `renewal_request`, `sign_renewal`, `install_list`.",
    "PrekeysLow": "Nothing; new ones are made. If it comes often on a quiet day, tell the relay's operator.",
    "ConnectionChanged": "Show the state. The client reconnects by itself.",
    "EntryAdded": "Show the entry in its place: `device.room(event.room_id).entry(event.entry_hash)`.",
    "EntryState": "Show beside the entry how far it has come.",
    "EntryRefused": "Log `code`. Many from one device: show it to the desk.",
    "FileProgress": "Show how far the file is.",
    "FileFailed": "Show beside the file why it did not come or go; `code` says it.",
    "FileHeld": "Show that the device has the file.",
    "FileDropped": "Nothing; the relay has deleted the file.",
    "FileExpiring": "Ask the person to save the file; with `is_over` it has to be sent again.",
    "EntryErased": "Take what the entry said off the screen.",
    "ErasureAnswered": "Show it beside the order.",
    "ErasureUnanswered": "See that these devices come online, or take them out of the company.",
    "RoomChanged": "Show phase, members and who answers.",
    "WaitingChanged": "Show the room among those that wait, or take it away.",
    "GapShown": "Show in its place that entries are missing.",
    "GapClosed": "Take the note of `GapShown` away.",
    "Differ": "Show that two devices tell of one entry differently; who is wrong is open.",
    "Equivocation": "Alarm a person and keep `evidence`: a device of the company has signed two entries for"
    " one place.",
    "ChainRestarted": "Note it in the room. With `needs_person`, have somebody look at this device.",
    "RequestAsked": "Ask a person, then `room.decide(event, grant=...)`.",
    "RequestAnswered": "Show what came of it; with a `code` it was refused.",
    "ConsentChanged": "Show whether the consent stands.",
    "DeskCalled": "Have somebody of the desk look into the room.",
    "HistoryHandedOver": "Show in the room who was given what was said before.",
    "FreezeUndecided": "Have a supervisor decide: `room.decide_objection(text, close=...)`.",
    "IdentifyAsked": "Show that devices of the customer are new. Once a person is sure:"
    " `room.decide_identification(event, grant=...)`.",
    "SignedOut": "Show that nobody is known in the room any more.",
    "IdentifyAnswered": "Show whether the login counts; with a `code` it was refused.",
    "EventsMissed": "Read `contacts()` and histories anew; nothing is lost in the store.",
    "StoreTrouble": "Free disk space, or look `code` up among the [errors](errors.md).",
}


def events_page() -> str:
    """Return the page of the events as it has to stand in the repository.

    Raises:
        KeyError: an event has no line in `WHAT_TO_DO`.
    """
    rows = [f"| `{one.__name__}` | {meaning(one)} | {WHAT_TO_DO[one.__name__]} |\n" for one in events()]
    details = [f"\n::: {_place(one)}.{one.__name__}\n{_WITH_FIELDS}" for one in events()]
    return _EVENTS + "".join(rows) + "".join(details)


def _place(one: type) -> str:
    return "e2ee_client.rooms" if issubclass(one, OfRoom) else "e2ee_client"


def events() -> Iterator[Any]:
    """The classes of all events that a client gives, in the order of their definition."""
    for one in get_args(e2ee_client.ClientEvent):
        yield get_origin(one) or one


def sync_page() -> str:
    """Return the page of the synchronous half as it has to stand in the repository."""
    return _SYNC + "".join(_half(*half) for half in _HALVES)


def rooms_sync_page() -> str:
    """Return the page of the synchronous half of rooms as it has to stand in the repository."""
    return _ROOM_SYNC + "".join(_half(*half) for half in _ROOM_HALVES)


def _half(blocking: type, plain: type, of_instances: tuple[str, ...]) -> str:
    names = [*(name for name in public(blocking) if name not in _NOT_SHOWN), *of_instances]
    links = [f"[`{name}`][{_home(plain, name)}.{name}]" for name in names]
    return f"\n## `sync.{blocking.__name__}`\n\n" + ",\n".join(links) + "\n"


def _home(plain: type, name: str) -> str:
    """Return the class that has a member, as the reference shows it."""
    home = next((one for one in plain.__mro__ if name in vars(one)), plain.__mro__[-2])
    for module in (e2ee_client, rooms):
        if home.__name__ in module.__all__:
            return f"{module.__name__}.{home.__name__}"
    return f"{home.__module__}.{home.__name__}"


_SETTINGS: Final = f"""# Settings of the relay

Made from the relay's table of settings by `make spec`. Each name works in the TOML file (at the top, or in a
table of any name), in the environment as `{ENV_PREFIX}` and the name in capitals, and as `--set NAME=VALUE`.
Later ones win: file, environment, flags. A rate is written `"burst/per second"`: so many at once, and so many
more each second.
"""


def settings_page() -> str:
    """Return the page of the relay's settings as it has to stand in the repository."""
    defaults = {one.name: one.default for kind in (Policy, Config) for one in fields(kind)}
    parts = [_SETTINGS]
    for title, group in GROUPS.items():
        parts.append(f"\n## {title}\n\n| Setting | Default | Value | Meaning |\n| --- | --- | --- | --- |\n")
        parts += [_setting(name, one, defaults.get(name)) for name, one in group.items()]
    return "".join(parts)


def _setting(name: str, setting: Setting, number: object) -> str:
    if isinstance(number, Rate):
        default = f"{number.burst:.10g}/{number.per_s:.10g}"
    else:
        default = str(number) if setting.kind is Kind.NUMBER else setting.default
    value = setting.kind.value
    if setting.kind is Kind.NUMBER:
        value = f"{setting.least} " + ("or more" if setting.most == MOST else f"to {setting.most}")
    shown = f"`{default}`" if default else ""
    return f"| `{name}` | {shown} | {value} | {setting.meaning} |\n"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "docs/reference/events.md": events_page,
    "docs/reference/sync.md": sync_page,
    "docs/reference/rooms-sync.md": rooms_sync_page,
    "docs/reference/settings.md": settings_page,
}


def main(root: Path, write: bool) -> int:
    """Write the pages, or name the first that is not current."""
    for name, make in PAGES.items():
        if write:
            (root / name).write_text(make(), "utf-8")
        elif (root / name).read_text("utf-8") != make():
            print(f"{name} is not current: make spec", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2], "--write" in sys.argv))
