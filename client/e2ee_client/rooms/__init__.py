"""Rooms for companies and their customers, above the client of single contacts (chapters 15 to 18)."""

from __future__ import annotations

from e2ee_client.people import Person, Role
from e2ee_client.room_events import (
    ChainRestarted,
    ConsentChanged,
    DeskCalled,
    Differ,
    EntryAdded,
    EntryErased,
    EntryProgress,
    EntryRefused,
    EntryState,
    Equivocation,
    GapClosed,
    GapShown,
    RequestAnswered,
    RequestAsked,
    RoomChanged,
    WaitingChanged,
)

from .agent import Agent
from .company import Company
from .company_room import CompanyRoom
from .customer import Customer, ShownNotice
from .customer_room import CustomerRoom
from .entry import Entry
from .invites import Invite
from .notices import Notice
from .room import Room

__all__ = [
    "Agent",
    "ChainRestarted",
    "Company",
    "CompanyRoom",
    "ConsentChanged",
    "Customer",
    "CustomerRoom",
    "DeskCalled",
    "Differ",
    "Entry",
    "EntryAdded",
    "EntryErased",
    "EntryProgress",
    "EntryRefused",
    "EntryState",
    "Equivocation",
    "GapClosed",
    "GapShown",
    "Invite",
    "Notice",
    "Person",
    "RequestAnswered",
    "RequestAsked",
    "Role",
    "Room",
    "RoomChanged",
    "ShownNotice",
    "WaitingChanged",
]
