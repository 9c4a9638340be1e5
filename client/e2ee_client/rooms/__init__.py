"""Rooms for companies and their customers, above the client of single contacts (chapters 15 to 18)."""

from __future__ import annotations

from e2ee.rooms.forms import AnswerFault, Form, Question, QuestionKind
from e2ee_client.account_key import sign_assets, sign_mandate, sign_notice
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.people import LoggedIn, Person, Role
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
    ErasureAnswered,
    ErasureUnanswered,
    FileDropped,
    FileExpiring,
    FileFailed,
    FileHeld,
    FileProgress,
    FreezeUndecided,
    GapClosed,
    GapShown,
    HistoryHandedOver,
    IdentifyAnswered,
    IdentifyAsked,
    RequestAnswered,
    RequestAsked,
    RoomChanged,
    SignedOut,
    WaitingChanged,
)

from .agent import Agent
from .company import Company
from .company_room import CompanyRoom
from .customer import Customer
from .customer_room import CustomerRoom
from .desk import Desk
from .entry import Entry
from .files import FileInfo, SentFile
from .hours import Hours
from .invites import Invite
from .linking import Link, LinkOffer
from .notices import Notice
from .questions import Answered, choice, day, free_text, number
from .recovering import RecoverySheet
from .room import Room
from .routing import Routing
from .service import Service
from .shown_notice import ShownNotice

__all__ = [
    "Agent",
    "AnswerFault",
    "Answered",
    "ChainRestarted",
    "Company",
    "CompanyRoom",
    "ConsentChanged",
    "Customer",
    "CustomerRoom",
    "Desk",
    "DeskCalled",
    "Differ",
    "Entry",
    "EntryAdded",
    "EntryErased",
    "EntryProgress",
    "EntryRefused",
    "EntryState",
    "Equivocation",
    "ErasureAnswered",
    "ErasureUnanswered",
    "FileDropped",
    "FileExpiring",
    "FileFailed",
    "FileHeld",
    "FileInfo",
    "FileProgress",
    "Form",
    "FreezeUndecided",
    "GapClosed",
    "GapShown",
    "HistoryHandedOver",
    "Hours",
    "IdentifyAnswered",
    "IdentifyAsked",
    "Invite",
    "Link",
    "LinkOffer",
    "LoggedIn",
    "Notice",
    "Person",
    "Policy",
    "Question",
    "QuestionKind",
    "RecoverySheet",
    "RequestAnswered",
    "RequestAsked",
    "Role",
    "Room",
    "RoomChanged",
    "Routing",
    "SentFile",
    "Service",
    "ShownNotice",
    "SignedOut",
    "WaitingChanged",
    "choice",
    "day",
    "free_text",
    "number",
    "sign_assets",
    "sign_mandate",
    "sign_notice",
]
