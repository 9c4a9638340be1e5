"""What the page and the process of the agent say to each other.

One schema for both sides: each message is an object of JSON with its `type` and the fields of a class below
in camel case, all of them, no others. The types of the page are made of these classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from .bounds import Flat, Hex, Many, Number, Text

RoomName: TypeAlias = Annotated[str, Hex(16)]
EntryName: TypeAlias = Annotated[str, Hex(32)]
DeviceName: TypeAlias = Annotated[str, Hex(16)]
AskNumber: TypeAlias = Annotated[int, Number(1, 2**31 - 1)]
Reason: TypeAlias = Annotated[str, Text(1, 200)]
Said: TypeAlias = Annotated[str, Text(1, 16_384)]
Label: TypeAlias = Annotated[str, Flat(1, 40)]
Title: TypeAlias = Annotated[str, Flat(1, 80)]
TeamName: TypeAlias = Annotated[str, Flat(1, 256)]
PageSize: TypeAlias = Annotated[int, Number(1, 200)]

PhaseName: TypeAlias = Literal["begun", "open", "closed", "frozen", "withdrawn", "erased"]
RoleName: TypeAlias = Literal["customer", "bot", "agent", "desk", "supervisor", "former"]
ProgressName: TypeAlias = Literal["waiting", "sent", "delivered", "failed"]
ConnectionName: TypeAlias = Literal["offline", "connecting", "online"]
ModeName: TypeAlias = Literal["notice", "consent", "explicit"]
AlarmName: TypeAlias = Literal["two_histories", "restarted_twice", "objection", "unattended"]
RetentionName: TypeAlias = Literal["ephemeral", "default", "statutory", "proof"]


@dataclass(frozen=True, slots=True)
class _Asking:
    """What has an answer, or is one, with the same number."""

    ask: AskNumber


@dataclass(frozen=True, slots=True)
class _OfRoom(_Asking):
    """The same about a room."""

    room: RoomName


# --- what is shown ---


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A device of a room."""

    id: DeviceName
    name: str | None
    role: RoleName
    is_bot: bool
    is_this: bool
    teams: tuple[str, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room in the list; `is_here`: this device reads and writes in it. Times are Unix milliseconds."""

    id: RoomName
    phase: PhaseName
    customer: str | None
    is_here: bool
    is_mine: bool
    assigned: DeviceName | None
    assigned_name: str | None
    unread: int
    new_notes: int
    waits_ms: int | None
    waits_for: str | None
    is_for_us: bool
    last_ms: int
    is_sensitive: bool
    on_hold: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """What an entry says of its file; `upload` is its id on its way out from here, as long as it is known."""

    upload: str | None
    name: str
    media_type: str
    size_b: int
    expires_ms: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class StateRow:
    """What a steward has set: who is in the room and what holds; `answers` are acts and logins it names."""

    phase: PhaseName
    members: tuple[PersonRow, ...]
    assigned: DeviceName | None
    retention: RetentionName
    retention_s: int
    is_sensitive: bool
    on_hold: bool
    text: str | None
    answers: tuple[EntryName, ...]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry of a room. `kind` is its name in the registry, `detail` what else it says in words."""

    id: EntryName
    kind: str
    author: PersonRow
    written_ms: int
    text: str | None
    first_wording: str | None
    reply: EntryName | None
    is_hidden: bool
    is_sensitive: bool
    by_machine: bool
    forwarded_by: str | None
    progress: ProgressName | None
    file: FileRow | None
    state: StateRow | None
    what: str | None
    count: int | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """The newest text of a room, cut to a line, and whom the company's own login names as its customer."""

    room: RoomName
    customer: str | None
    text: str | None
    role: RoleName | None
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A text that was looked for."""

    room: RoomName
    entry: EntryName
    text: str
    author: str | None
    role: RoleName
    written_ms: int


@dataclass(frozen=True, slots=True)
class RequestRow:
    """What a colleague asks for, or a login that waits, with the number of devices that are new."""

    id: str
    device: DeviceName | None
    what: str
    reason: str | None
    devices: int


@dataclass(frozen=True, slots=True)
class LoginRow:
    """Who the customer is by the company's own login; `level` is how it knows: 1 to 3."""

    subject: str
    name: str | None
    number: str | None
    level: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class TermsRow:
    """What the customer has accepted."""

    locale: str
    mode: ModeName
    purposes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """What a person has to know of a room; at `until_ms` an objection has to be decided."""

    room: RoomName
    code: AlarmName
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A canned answer; `{name}`, `{agent}` and `{company}` stand in it for what the page fills in."""

    id: Annotated[str, Hex(16)]
    shortcut: Annotated[str, Flat(1, 24)]
    title: Title
    text: Said


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day of this desk, as this device has it: rooms opened and texts of each side."""

    day: str
    opened: int
    from_customers: int
    from_us: int


# --- from the page ---


@dataclass(frozen=True, slots=True)
class Enter:
    """First of all: the page's half of the session."""

    key: Annotated[str, Hex(32)]


@dataclass(frozen=True, slots=True)
class Used:
    """Somebody uses the page."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Which room is on the screen; None for none."""

    room: RoomName | None


@dataclass(frozen=True, slots=True)
class Begin(_Asking):
    """Ask for everything."""


@dataclass(frozen=True, slots=True)
class Unlock(_Asking):
    """Unlock by the passphrase of the store."""

    passphrase: Annotated[str, Text(1, 1024)]


@dataclass(frozen=True, slots=True)
class Lock(_Asking):
    """Lock at once."""


@dataclass(frozen=True, slots=True)
class Read(_OfRoom):
    """Read the newest entries, or those before one; of the notes of a room with `notes`."""

    before: EntryName | None
    limit: PageSize
    notes: bool


@dataclass(frozen=True, slots=True)
class Preview(_Asking):
    """Ask for the newest text of rooms."""

    rooms: Annotated[tuple[RoomName, ...], Many(64)]


@dataclass(frozen=True, slots=True)
class About(_OfRoom):
    """Ask what is known of a room and its customer."""


@dataclass(frozen=True, slots=True)
class Search(_Asking):
    """Look through the texts of all rooms."""

    words: Annotated[str, Flat(1, 200)]
    limit: PageSize


@dataclass(frozen=True, slots=True)
class Figures(_Asking):
    """Ask for figures of the last days."""

    days: Annotated[int, Number(1, 31)]


@dataclass(frozen=True, slots=True)
class Send(_OfRoom):
    """Write a text."""

    text: Said
    reply: EntryName | None


@dataclass(frozen=True, slots=True)
class Edit(_OfRoom):
    """Word a text of this device anew."""

    entry: EntryName
    text: Said


@dataclass(frozen=True, slots=True)
class Erase(_OfRoom):
    """Have entries of our side erased."""

    entries: Annotated[tuple[EntryName, ...], Many(64)]


@dataclass(frozen=True, slots=True)
class MarkSensitive(_OfRoom):
    """Mark entries as sensitive."""

    entries: Annotated[tuple[EntryName, ...], Many(64)]


@dataclass(frozen=True, slots=True)
class MarkRead(_OfRoom):
    """Note that a person has seen entries."""

    entries: Annotated[tuple[EntryName, ...], Many(256)]


@dataclass(frozen=True, slots=True)
class Claim(_OfRoom):
    """Take a room."""


@dataclass(frozen=True, slots=True)
class Transfer(_OfRoom):
    """Hand a room to a team or to a colleague; `*` is whoever is free: back to the queue."""

    team: TeamName | None
    device: DeviceName | None
    note: Said | None


@dataclass(frozen=True, slots=True)
class Add(_OfRoom):
    """Let a colleague read and write."""

    device: DeviceName


@dataclass(frozen=True, slots=True)
class HandOver(_OfRoom):
    """Give a colleague who is in the room what was said before."""

    device: DeviceName
    count: Annotated[int, Number(1, 256)]
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Leave(_OfRoom):
    """Leave a room."""


@dataclass(frozen=True, slots=True)
class Close(_OfRoom):
    """Close a room."""

    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Reopen(_OfRoom):
    """Open a closed room again."""


@dataclass(frozen=True, slots=True)
class SetHold(_OfRoom):
    """Keep everything of a room from being destroyed, or no longer."""

    on: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class SetSensitive(_OfRoom):
    """Mark a room as sensitive, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetRetention(_OfRoom):
    """Shorten how long a room is kept."""

    kind: RetentionName
    seconds: Annotated[int, Number(0, 2**32 - 1)]


@dataclass(frozen=True, slots=True)
class Decide(_OfRoom):
    """Grant or refuse what a colleague asks for."""

    request: Annotated[str, Text(2, 64)]
    grant: bool


@dataclass(frozen=True, slots=True)
class DecideObjection(_OfRoom):
    """Decide a customer's objection."""

    text: Reason
    close: bool


@dataclass(frozen=True, slots=True)
class Note(_OfRoom):
    """Write a note for colleagues."""

    text: Said


@dataclass(frozen=True, slots=True)
class KeepDraft(_OfRoom):
    """Keep what is being written in a room, or in its notes, on this device; an empty text keeps nothing."""

    notes: bool
    text: Annotated[str, Text(0, 65_536)]


@dataclass(frozen=True, slots=True)
class SetLabels(_OfRoom):
    """Set the labels of a room; they stay on this device."""

    labels: Annotated[tuple[Label, ...], Many(8)]


@dataclass(frozen=True, slots=True)
class SaveAnswer(_Asking):
    """Keep a canned answer on this device, in place of the one with its id."""

    answer: AnswerRow


@dataclass(frozen=True, slots=True)
class DropAnswer(_Asking):
    """Drop a canned answer."""

    id: Annotated[str, Hex(16)]


@dataclass(frozen=True, slots=True)
class Hide(_OfRoom):
    """Show an alarm of a room no more, on no page."""

    code: AlarmName


@dataclass(frozen=True, slots=True)
class FetchFile(_OfRoom):
    """Fetch the file of an entry, for one download."""

    entry: EntryName


@dataclass(frozen=True, slots=True)
class SendFile(_OfRoom):
    """Send a file; its bytes follow to the path that is answered."""

    name: Annotated[str, Text(1, 128)]
    size_b: Annotated[int, Number(0, 67_108_864)]
    strips: bool


@dataclass(frozen=True, slots=True)
class CancelFile(_OfRoom):
    """Give a file up that is on its way out."""

    file: Annotated[str, Hex(16)]


Asked: TypeAlias = (
    (Begin | Unlock | Lock | Read | Preview | About | Search | Figures)
    | (Send | Edit | Erase | MarkSensitive | MarkRead | Claim | Transfer | Add | HandOver | Leave | Close)
    | (Reopen | SetHold | SetSensitive | SetRetention | Decide | DecideObjection | Note)
    | (KeepDraft | SetLabels | SaveAnswer | DropAnswer | Hide | FetchFile | SendFile | CancelFile)
)
"""What is answered by a message with the same number."""

FromPage: TypeAlias = Enter | Used | Watch | Asked


# --- to the page ---


@dataclass(frozen=True, slots=True)
class Welcome:
    """The session holds. `language` is that of the command that serves."""

    version: str
    language: Literal["de", "en"]
    is_locked: bool


@dataclass(frozen=True, slots=True)
class Whole(_Asking):
    """Everything that a list shows; `roster_ends_ms` is as in `Team`, `locks` says how often the desk was
    locked.
    """

    company: str | None
    me: PersonRow | None
    connection: ConnectionName
    entry_waits: bool
    team: tuple[PersonRow, ...]
    roster_ends_ms: int | None
    rooms: tuple[RoomRow, ...]
    answers: tuple[AnswerRow, ...]
    alarms: tuple[AlarmRow, ...]
    now_ms: int
    locks: int


@dataclass(frozen=True, slots=True)
class History(_OfRoom):
    """Entries in the order of the transcript; with the newest ones, the draft that is kept."""

    entries: tuple[EntryRow, ...]
    unread: tuple[EntryName, ...]
    is_start: bool
    notes: bool
    draft: str


@dataclass(frozen=True, slots=True)
class Previews(_Asking):
    """The newest texts."""

    previews: tuple[PreviewRow, ...]


@dataclass(frozen=True, slots=True)
class Detail(_OfRoom):
    """What is known of a room and its customer; at `decide_ms` an objection has to be decided, and since
    `unreached_ms` nothing reaches the customer, whose device list has ended (ID-36).
    """

    members: tuple[PersonRow, ...]
    terms: TermsRow | None
    login: LoginRow | None
    requests: tuple[RequestRow, ...]
    logins: tuple[RequestRow, ...]
    notes: RoomName
    has_notes: bool
    state: StateRow | None
    decide_ms: int | None
    unreached_ms: int | None


@dataclass(frozen=True, slots=True)
class Found(_Asking):
    """What was found, the newest first in each room."""

    found: tuple[FoundRow, ...]


@dataclass(frozen=True, slots=True)
class Figured(_Asking):
    """Figures, of what this device has: medians in milliseconds; None where there is nothing to tell."""

    days: tuple[DayRow, ...]
    waiting: int
    longest_wait_ms: int | None
    first_answer_ms: int | None
    answered: int


@dataclass(frozen=True, slots=True)
class Ticket(_Asking):
    """A file is here: `path` serves it once."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Upload(_Asking):
    """A file may come, which is `file` on its way out: `path` takes it once."""

    file: str
    path: str


@dataclass(frozen=True, slots=True)
class Done(_Asking):
    """It is done."""


@dataclass(frozen=True, slots=True)
class Failed(_Asking):
    """It was not done; `code` is that of the registry, `hint` says in English what to do."""

    code: str
    hint: str
    retryable: bool
    not_before_ms: int | None


@dataclass(frozen=True, slots=True)
class Rooms:
    """Rooms as they are now, and rooms that are gone."""

    rooms: tuple[RoomRow, ...]
    gone: tuple[RoomName, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of the room on the screen, new or changed; with `again` its order is another: read it anew."""

    room: RoomName
    entries: tuple[EntryRow, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Drafted:
    """What is kept now of what is being written in a room, or in its notes, by another page of this desk."""

    room: RoomName
    notes: bool
    text: str


@dataclass(frozen=True, slots=True)
class Team:
    """Who is in force; when the roster that says so ends or has ended, from four days before on (ACC-82)."""

    me: PersonRow | None
    team: tuple[PersonRow, ...]
    roster_ends_ms: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """Whether the relay is connected, and whether what the account publishes has to wait (ID-59)."""

    connection: ConnectionName
    entry_waits: bool


@dataclass(frozen=True, slots=True)
class Locked:
    """The page shows nothing until it is unlocked."""


@dataclass(frozen=True, slots=True)
class Again:
    """Too much has happened at once: begin again."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """What a person has to know of rooms, as it is now."""

    alarms: tuple[AlarmRow, ...]


@dataclass(frozen=True, slots=True)
class NotDone:
    """What was asked of a room earlier was not done; `code` is that of the registry."""

    room: RoomName
    code: str


@dataclass(frozen=True, slots=True)
class Moved:
    """So much of a file has come or gone; `name` is that of one on its way out."""

    room: RoomName
    file: str
    done_b: int
    size_b: int
    name: str | None


@dataclass(frozen=True, slots=True)
class FileLost:
    """A file on its way out was given up; `code` is that of the registry."""

    room: RoomName
    file: str
    code: str


ToPage: TypeAlias = (
    Welcome | Whole | History | Previews | Detail | Found | Figured | Ticket | Upload | Done | Failed
) | (Rooms | Entries | Drafted | Team | Link | Locked | Again | Alarms | NotDone | Moved | FileLost)
