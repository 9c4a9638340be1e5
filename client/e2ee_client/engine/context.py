"""What the parts of the engine share: the state, the connections, and each other by name."""

from __future__ import annotations

from .announcing import Announcing
from .colleagues import Colleagues
from .company import Company
from .contents import Contents
from .copies import Copies
from .delivery import Delivery
from .devices import Devices
from .directory import Directory
from .dossiers import Dossiers
from .entry import Entry
from .forks import Forks
from .incoming import Incoming
from .links import Links
from .mailboxes import Mailboxes
from .notices import Notices
from .posting import Posting
from .publishing import Publishing
from .receipts import Receipts
from .recovering import Recovering
from .renewal import Renewal
from .rooms.rooms import Rooms
from .sending import Sending
from .state import State
from .successors import Successors
from .team import Team
from .team_archive import TeamArchive
from .telling import Telling
from .timers import Timers
from .upkeep import Upkeep


class Context:
    """One for each engine. A part calls another one through it and keeps no reference of its own."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.timers = Timers()
        self.links = Links(self)
        self.upkeep = Upkeep(self)
        self.mailboxes = Mailboxes(self)
        self.devices = Devices(self)
        self.colleagues = Colleagues(self)
        self.entry = Entry(self)
        self.copies = Copies(self)
        self.forks = Forks(self)
        self.successors = Successors(self)
        self.directory = Directory(self)
        self.team_archive = TeamArchive(self)
        self.team = Team(self)
        self.company = Company(self)
        self.renewal = Renewal(self)
        self.sending = Sending(self)
        self.posting = Posting(self)
        self.telling = Telling(self)
        self.delivery = Delivery(self)
        self.receipts = Receipts(self)
        self.recovering = Recovering(self)
        self.contents = Contents(self)
        self.incoming = Incoming(self)
        self.notices = Notices(self)
        self.publishing = Publishing(self)
        self.announcing = Announcing(self)
        self.dossiers = Dossiers(self)
        self.rooms = Rooms(self)
