"""A company's own device that is always on: it greets, routes, grants, tells, and runs handlers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from e2ee_client.client import Client
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.errors import ConfigError

from .agent import Agent
from .attending import DESKS, Attending
from .handlers import Handlers, OnMessage, OnOpened, OnRequest, OnWaiting, awaited
from .mailing import Mailing
from .service import Service

_NOTHING: Final = Service()


class Desk(Agent):
    """An agent or bot with the flag of a front desk (`Company.invite(..., front_desk=True)`).

    Handlers are coroutines. Those of one room run one at a time, those of different rooms side by side. One
    that fails is logged by the name of its error alone, and counted in `failed`; nothing else ends.
    """

    def __init__(self, client: Client | None) -> None:
        """Not for callers: use `join` or `open`."""
        super().__init__(client)
        self._handlers = Handlers()
        self._attending: Attending | None = None
        self._mailing: Mailing | None = None

    # --- handlers ---

    def on_opened(self, handle: OnOpened) -> OnOpened:
        """Call `handle(room)` for each room that a customer opens, after the greeting."""
        self._handlers.opened.append(awaited(handle))
        return handle

    def on_message(
        self, *, pattern: str | re.Pattern[str] | None = None, language: str | None = None
    ) -> Callable[[OnMessage], OnMessage]:
        """Call `handle(room, entry)` for a customer's text in a room that nobody else answers.

        Of several handlers the first that fits has it: `pattern` is searched in the first 1024 characters,
        `language` is that of the text or of the notice that was accepted. A text is marked as read when
        its handler is done; one whose handler failed comes again when the desk runs the next time, and
        keeps no other one back.

        Raises:
            ConfigError: not a regular expression; from what is returned, no async function.
        """

        def add(handle: OnMessage) -> OnMessage:
            self._handlers.on_message(handle, pattern, language)
            return handle

        return add

    def on_answer(self, handle: OnMessage) -> OnMessage:
        """Call `handle(room, entry)` for each answer to a form that fits it; `entry.answers` has it."""
        self._handlers.answer.append(awaited(handle))
        return handle

    def on_waiting(self, handle: OnWaiting) -> OnWaiting:
        """Call `handle(room, team)` when a customer waits for a team."""
        self._handlers.waiting.append(awaited(handle))
        return handle

    def on_request(self, handle: OnRequest) -> OnRequest:
        """Call `handle(room, asked)` for what a colleague asks for and the policy does not grant; answer it
        by `room.decide(asked, grant=...)`.
        """
        self._handlers.request.append(awaited(handle))
        return handle

    # --- running ---

    async def run(self, service: Service = _NOTHING) -> None:
        """Attend to rooms until the client is closed, or this call is cancelled.

        Texts that came before and that nobody has marked as read are offered first. With rules of routing
        no customer waits before its first text, which says for whom.

        Raises:
            ConfigError: this device is no front desk, or runs already.
        """
        if self._attending is not None:
            raise ConfigError("this desk runs already")
        events = self.events()
        await self.wait_ready()
        if self.me().role not in DESKS:
            raise ConfigError("this device is no front desk: invite it with front_desk=True")
        if service.routing is not None and self.policy.team is not None:
            await self.set_policy(replace(self.policy, team=None))
        if service.history is not None:
            await self.set_policy(replace(self.policy, history=service.history))
        if service.mail is not None and service.page is not None:
            self._mailing = Mailing(self.client, service.mail, service.page, service.mail_after_s)
        self._attending = Attending(self, self._handlers, service, self._mailing)
        try:
            await self._attending.run(events)
        finally:
            self._attending = self._mailing = None
            events.close()

    @property
    def failed(self) -> int:
        """How many handlers have failed since `run` began."""
        return 0 if self._attending is None else self._attending.lanes.failed

    async def confirm_address(self, token: str) -> bool:
        """Take the token of a link in a mail, which the company's page hands over; whether it holds.

        Raises:
            ConfigError: the desk does not run with mail.
            RoomsLocked: the company has struck this device off.
        """
        if self._mailing is None:
            raise ConfigError("addresses are confirmed while the desk runs with mail")
        return await self._mailing.confirm(token)

    # --- policy ---

    @property
    def policy(self) -> Policy:
        """How long new rooms are kept, whose they are first, and what members are granted (ROOM-22)."""
        return self._shell.machine.rooms.policy

    async def set_policy(self, policy: Policy) -> None:
        """Set the choices of the company on this device; they stay when the program ends."""
        await self._shell.call(
            lambda engine, now_ms: engine.of_rooms(lambda turn, rooms: rooms.set_policy(turn, policy), now_ms)
        )
