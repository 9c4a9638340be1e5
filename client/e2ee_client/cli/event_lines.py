"""Events as lines for people and as JSON for programs.

The name of an event is that of its class, in lower case with underscores. One that has a text `event.NAME`
is told to people; one in `SILENT` is for programs only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from enum import Enum
from typing import Final

from e2ee.errors import ListFork, ListGap, NoticeIncomplete
from e2ee_client import (
    Client,
    ClientEvent,
    ConnectionChanged,
    ConnectionState,
    DeviceListExpiring,
    DeviceReplaced,
    MessageReceived,
    MessageRejected,
    MessageStateChanged,
    OwnConditionChanged,
    OwnDeviceAdded,
    OwnDeviceListed,
    PrekeysLow,
    RosterExpiring,
    SessionStarted,
    SigningStopped,
)
from e2ee_client.errors import UnknownContact
from e2ee_client.room_events import RoomEvent

from . import room_event_lines
from .addressing import label, label_of, short_id
from .neutral import neutral
from .session import local_date, local_time
from .texts import Texts

_NAMES: Final[dict[str, str]] = {
    "MessageReceived": "message",
    "MessageStateChanged": "message_state",
    "ConnectionChanged": "connection",
}
# Shown as what they change: texts, marks, headings.
_STATES: Final = (
    *(MessageReceived, MessageStateChanged, SessionStarted, ConnectionChanged),
    *room_event_lines.SHOWN_IN_LISTS,
)
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


def event_name(kind: type[object]) -> str:
    """Return the name of a kind of events."""
    return _NAMES.get(kind.__name__) or _WORD.sub("_", kind.__name__).lower()


# What an engine does inside, nothing that a person could act on.
SILENT: Final = frozenset(
    {"doubt", "session_proven", "gap_closed", "file_progress", "file_held", "file_dropped"}
)


def is_told(event: ClientEvent) -> bool:
    """Whether an event is for people at all."""
    if isinstance(event, RoomEvent):
        return room_event_lines.is_told(event)
    return event_name(type(event)) not in SILENT


def is_news(event: ClientEvent) -> bool:
    """Whether an event says what no list of contacts, texts or rooms shows."""
    return is_told(event) and not isinstance(event, _STATES)


def event_json(event: ClientEvent) -> dict[str, object]:
    """Return an event as an object: `event` names it, bytes are in hex, times in Unix milliseconds."""
    values: dict[str, object] = {"event": event_name(type(event))}
    for one in fields(event):
        value = getattr(event, one.name)
        values[one.name] = _plain(value)
    return values


def _plain(value: object) -> object:
    match value:
        case bytes():
            return value.hex()
        case Enum():
            return value.value
        case tuple():
            return [_plain(one) for one in value]
        case _:
            return value


def event_line(event: ClientEvent, client: Client, texts: Texts) -> str:
    """Return an event as one harmless line."""
    if isinstance(event, MessageReceived):
        clock = local_time(event.received_ms)
        return f"{clock} {name_of(client, event.account_id)}: {neutral(event.text)}"
    return f"-- {event_text(event, client, texts)}"


def event_text(event: ClientEvent, client: Client, texts: Texts) -> str:
    """Return what an event other than a text says."""
    if isinstance(event, RoomEvent):
        return room_event_lines.text_of(event, event_name(type(event)), client, texts)
    values: dict[str, object] = {one.name: getattr(event, one.name) for one in fields(event)}
    values["name"] = values["short"] = "?"
    account_id = values.get("account_id")
    if isinstance(account_id, bytes):
        values["name"] = name_of(client, account_id)
        values["short"] = short_id(account_id)
    key = f"event.{event_name(type(event))}"
    special = _SPECIAL.get(type(event))
    if special is not None:
        key = special(event, values, texts)
    code = values.get("code")
    values["why"] = texts.why(str(code))
    shown = {name: neutral(value) if isinstance(value, str) else value for name, value in values.items()}
    said = texts.say(key, **shown)
    return f"{said} ({shown['code']})" if code and f"({shown['code']})" not in said else said


def name_of(client: Client, account_id: bytes) -> str:
    """Return what the contact of an event is called; it may be forgotten meanwhile, or unknown. Devices of
    our own account have the name of our card.
    """
    if account_id == client.account_id:
        return label_of(client.card().name, account_id)
    try:
        return label(client.contact(account_id))
    except UnknownContact:
        return short_id(account_id) or "?"


# --- events whose text depends on what they hold: each fills in values and returns the key ---


def _connection(event: ConnectionChanged, values: dict[str, object], texts: Texts) -> str:
    values["relay"] = event.relay_url
    if event.state is ConnectionState.OFFLINE and event.code == ListFork.code:
        return "event.connection_forked"
    if event.state is ConnectionState.OFFLINE and texts.has(f"error.{event.code}"):
        values["reason"] = texts.why(event.code)
        return "event.connection_offline_because"
    if event.code and event.state is not ConnectionState.OFFLINE:
        return "event.connection_entry_waits"
    return f"event.connection_{event.state.value}"


def _message_state(event: MessageStateChanged, values: dict[str, object], texts: Texts) -> str:
    values["state"] = texts.say(f"state.{event.state.value}")
    values["number"] = event.message_id.hex()[:8]
    return "event.message_state"


def _session_started(event: SessionStarted, _: dict[str, object], texts: Texts) -> str:
    whole = event.one_time_x25519 and event.one_time_kem
    return "event.session_started" if whole else "event.session_started_without"


def _prekeys_low(event: PrekeysLow, _: dict[str, object], texts: Texts) -> str:
    return "event.prekeys_low" if event.one_time_x25519 and event.one_time_kem else "event.prekeys_gone"


def _list_expiring(event: DeviceListExpiring, values: dict[str, object], texts: Texts) -> str:
    values["date"] = local_date(event.expires_ms)
    return "event.device_list_expiring"


def _roster_expiring(event: RosterExpiring, values: dict[str, object], texts: Texts) -> str:
    values["date"] = local_date(event.expires_ms)
    return "event.roster_expiring"


def _own_condition(event: OwnConditionChanged, _: dict[str, object], texts: Texts) -> str:
    return f"event.own_condition_{event.condition.value}"


def _signing_stopped(event: SigningStopped, _: dict[str, object], texts: Texts) -> str:
    return "event.signing_without_notice" if event.code == NoticeIncomplete.code else "event.signing_stopped"


def _replaced(event: DeviceReplaced, _: dict[str, object], texts: Texts) -> str:
    return "event.device_replaced_by_code" if event.by_code else "event.device_replaced"


def _own_device_listed(event: OwnDeviceListed, values: dict[str, object], texts: Texts) -> str:
    values["added"], values["removed"] = local_date(event.added_ms), local_date(event.removed_ms)
    return "event.own_device_listed"


def _own_device_added(event: OwnDeviceAdded, _: dict[str, object], texts: Texts) -> str:
    return "event.own_device_added_here" if event.invited_here else "event.own_device_added"


def _rejected(event: MessageRejected, _: dict[str, object], texts: Texts) -> str:
    """Of lists that do not go on from the one that is known, a person is told what helps (ID-58)."""
    is_gap = event.code == ListGap.code and event.account_id
    return "event.message_rejected_list_gap" if is_gap else "event.message_rejected"


_SPECIAL: Final[dict[type[object], Callable[..., str]]] = {
    ConnectionChanged: _connection,
    MessageRejected: _rejected,
    MessageStateChanged: _message_state,
    SessionStarted: _session_started,
    PrekeysLow: _prekeys_low,
    DeviceListExpiring: _list_expiring,
    RosterExpiring: _roster_expiring,
    DeviceReplaced: _replaced,
    OwnConditionChanged: _own_condition,
    OwnDeviceAdded: _own_device_added,
    OwnDeviceListed: _own_device_listed,
    SigningStopped: _signing_stopped,
}
