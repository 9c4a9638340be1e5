"""The Sealroom client: what developers embed.

    from e2ee_client import Client

`Client` is asynchronous; `e2ee_client.sync` has the same names without `await`. `e2ee_client.testing` has
a relay in memory, a clock to move and faults to inject. Nothing is logged unless the application
configures the logger "sealroom", and then only names of events and codes.
"""

from __future__ import annotations

import logging

from e2ee.card import ContactCard
from e2ee.identity import Successor
from e2ee.session import Healing, Health

from .account_key import sign_renewal
from .client import Client
from .contacts import Contact, Message
from .engine import ContactView, DeviceView
from .errors import SealroomError
from .events import (
    Churn,
    CompanyFork,
    CompanyKeysExpiring,
    ConnectionChanged,
    ConnectionState,
    ContactAdded,
    CopyStopped,
    DeviceListExpiring,
    DeviceRemoved,
    DeviceReplaced,
    Doubt,
    Gap,
    GapFilled,
    IdentityAlarm,
    ListStale,
    MandateSigned,
    MessageReceived,
    MessageRejected,
    MessageState,
    MessageStateChanged,
    NewDevice,
    OwnConditionChanged,
    OwnDeviceAdded,
    OwnDeviceListed,
    OwnDeviceRemoved,
    Parted,
    PrekeysLow,
    RolledBack,
    RosterExpiring,
    SecondCopy,
    SessionProven,
    SessionStarted,
    SigningStopped,
    TeamUnknown,
    Unconfirmed,
    Unreachable,
    UnsupportedContent,
)
from .inviting import Invitation
from .opening import Opening, Runtime
from .runtime.event_stream import ClientEvent, EventIterator, EventsMissed, StoreTrouble
from .runtime.transport import WebSocketTransport

__version__ = "0.1.0"

logging.getLogger("sealroom").addHandler(logging.NullHandler())

__all__ = [
    "Churn",
    "Client",
    "ClientEvent",
    "CompanyFork",
    "CompanyKeysExpiring",
    "ConnectionChanged",
    "ConnectionState",
    "Contact",
    "ContactAdded",
    "ContactCard",
    "ContactView",
    "CopyStopped",
    "DeviceListExpiring",
    "DeviceRemoved",
    "DeviceReplaced",
    "DeviceView",
    "Doubt",
    "EventIterator",
    "EventsMissed",
    "Gap",
    "GapFilled",
    "Healing",
    "Health",
    "IdentityAlarm",
    "Invitation",
    "ListStale",
    "MandateSigned",
    "Message",
    "MessageReceived",
    "MessageRejected",
    "MessageState",
    "MessageStateChanged",
    "NewDevice",
    "Opening",
    "OwnConditionChanged",
    "OwnDeviceAdded",
    "OwnDeviceListed",
    "OwnDeviceRemoved",
    "Parted",
    "PrekeysLow",
    "RolledBack",
    "RosterExpiring",
    "Runtime",
    "SealroomError",
    "SecondCopy",
    "SessionProven",
    "SessionStarted",
    "SigningStopped",
    "StoreTrouble",
    "Successor",
    "TeamUnknown",
    "Unconfirmed",
    "Unreachable",
    "UnsupportedContent",
    "WebSocketTransport",
    "__version__",
    "sign_renewal",
]
