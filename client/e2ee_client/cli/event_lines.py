"""Events as lines for people and as JSON for programs."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Final

from e2ee_client import (
    Client,
    ClientEvent,
    ConnectionChanged,
    ContactAdded,
    DeviceListExpiring,
    EventsMissed,
    IdentityAlarm,
    MessageReceived,
    MessageRejected,
    MessageStateChanged,
    NewDevice,
    PrekeysLow,
    SessionStarted,
    StoreTrouble,
    UnsupportedContent,
)
from e2ee_client.errors import UnknownContact

from .addressing import label, short_id
from .neutral import neutral
from .session import local_date, local_time
from .texts import Texts

_NAMES: Final[dict[type[ClientEvent], str]] = {
    MessageReceived: "message",
    MessageStateChanged: "message_state",
    ContactAdded: "contact_added",
    SessionStarted: "session_started",
    MessageRejected: "message_rejected",
    UnsupportedContent: "unsupported_content",
    IdentityAlarm: "identity_alarm",
    NewDevice: "new_device",
    DeviceListExpiring: "device_list_expiring",
    PrekeysLow: "prekeys_low",
    ConnectionChanged: "connection",
    EventsMissed: "events_missed",
    StoreTrouble: "store_trouble",
}


def event_json(event: ClientEvent) -> dict[str, object]:
    """Return an event as an object: `event` names it, bytes are in hex, times in Unix milliseconds."""
    values: dict[str, object] = {"event": _NAMES[type(event)]}
    for one in fields(event):
        value = getattr(event, one.name)
        match value:
            case bytes():
                values[one.name] = value.hex()
            case Enum():
                values[one.name] = value.value
            case _:
                values[one.name] = value
    return values


def event_line(event: ClientEvent, client: Client, texts: Texts) -> str:
    """Return an event as one harmless line."""
    if isinstance(event, MessageReceived):
        clock = local_time(event.received_ms)
        return f"{clock} {name_of(client, event.account_id)}: {neutral(event.text)}"
    return f"-- {event_text(event, client, texts)}"


def event_text(event: ClientEvent, client: Client, texts: Texts) -> str:
    """Return what an event other than a text says."""
    values: dict[str, object] = {one.name: getattr(event, one.name) for one in fields(event)}
    account_id = values.get("account_id")
    if isinstance(account_id, bytes):
        values["name"] = name_of(client, account_id)
        values["short"] = short_id(account_id)
    key = f"event.{_NAMES[type(event)]}"
    match event:
        case ConnectionChanged(state):
            key = f"event.connection_{state.value}"
            values["relay"] = event.relay_url
        case MessageStateChanged():
            values["state"] = texts.say(f"state.{event.state.value}")
            values["number"] = event.message_id.hex()[:8]
        case SessionStarted() if not (event.one_time_x25519 and event.one_time_kem):
            key = "event.session_started_without"
        case PrekeysLow() if not (event.one_time_x25519 and event.one_time_kem):
            key = "event.prekeys_gone"
        case DeviceListExpiring(expires_ms):
            values["date"] = local_date(expires_ms)
        case _:
            pass
    code = values.get("code")
    said = texts.say(key, **values)
    return neutral(f"{said} ({code})" if code and f"({code})" not in said else said)


def name_of(client: Client, account_id: bytes) -> str:
    """Return what the contact of an event is called; it may be forgotten meanwhile, or unknown."""
    try:
        return label(client.contact(account_id))
    except UnknownContact:
        return short_id(account_id) or "?"
