"""`make room`: a relay, a practice with two agents, their desks and a web page, all on this machine.

Nothing of it is kept. A browser reaches the page by names under `localhost`, which are always this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2ee_client.desk import Hub, Served, serve
from e2ee_client.errors import SealroomError
from e2ee_client.rooms import Agent, Company, Routing, Service
from e2ee_client.rooms.app_lock import LONGEST_MS
from e2ee_client.rooms.notices import EXAMPLE, Notice

from e2ee.rooms.channels import Channel, ChannelKind

from . import web_build
from .one_key import until_a_key
from .processes import ProcessFailed, Relay
from .web_site import Answer, WebSite, type_of

WWW: Final = "www.praxis.localhost"
CHAT: Final = "chat.praxis.localhost"
NAME: Final = "Praxis Dr. Beispiel"
AGENTS: Final = (("Frau Sommer", "Empfang"), ("Herr Winter", "Abrechnung"))
# A notice names origins that have TLS; on this machine alone its pages are served without.
_ORIGIN: Final = "https://praxis.example"
_READY_S: Final = 60
_GREETING: Final = {
    "de": "Guten Tag! Was können wir für Sie tun?",
    "en": "Good day! What can we do for you?",
}
_CHANNELS: Final = (
    Channel(ChannelKind.PHONE, "+49 30 1234", "Empfang"),
    Channel(ChannelKind.EMAIL, "praxis@praxis.example", "Praxis"),
)
_SHOP: Final = Path(__file__).parent / "shop"
_DOOR: Final = "/.well-known/sealroom-door"
_FAILED: Final = 2


class Team:
    """The practice: its own device that is always on, and two agents, each with a desk."""

    def __init__(self, folder: Path, relay_url: str, stack: AsyncExitStack) -> None:
        self._folder, self._relay_url, self._stack = folder, relay_url, stack
        self._passphrase = secrets.token_urlsafe(16)
        self.desks: list[tuple[str, Served]] = []

    async def found(self) -> Company:
        """Make the company's account and publish its notice."""
        opening = Company.create(
            self._folder / "company.db",
            relay=self._relay_url,
            name=NAME,
            passphrase=self._passphrase,
            languages=("de", "en"),
            origins=(_ORIGIN,),
        )
        company = await self._stack.enter_async_context(opening)
        facts = {**EXAMPLE, "name": NAME, "relay_url": self._relay_url}
        await company.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await company.wait_ready(_READY_S)
        return company

    async def join(self, company: Company, name: str, team: str) -> None:
        """Let an agent join, and serve the desk of this agent."""
        invite = await company.invite(name, teams=[team])
        file = self._folder / f"{team}.db"
        agent = await self._stack.enter_async_context(Agent.join(file, invite, passphrase=self._passphrase))
        await agent.wait_ready(_READY_S)
        hub = Hub(agent, LONGEST_MS, "de", "room")
        await hub.unlock(self._passphrase)
        self.desks.append((name, await self._stack.enter_async_context(serve(hub))))

    async def serve_always(self, company: Company) -> None:
        """Greet and route as a company's own service does."""
        routing = Routing.of(
            {"default": AGENTS[0][1], "rules": [{"team": AGENTS[1][1], "words": ["rechnung*"]}]}
        )
        running = asyncio.create_task(company.run(Service(greeting=_GREETING, routing=routing)))
        self._stack.callback(running.cancel)


async def _site(site: WebSite, built: dict[str, bytes], company: Company, relay_url: str) -> None:
    """Serve the page of the practice and the room, with the headers that a release asks for."""
    manifest = json.loads(built["manifest.json"])
    headers = dict(manifest["headers"])
    policy = headers["Content-Security-Policy"].replace("{pages}", site.origin(WWW))
    headers["Content-Security-Policy"] = policy.replace("{relay}", relay_url)
    for name, data in built.items():
        site.files[f"/{name}"] = Answer(data, headers if name == "room.html" else {})
    site.files[_DOOR] = await company.door(_CHANNELS)
    values = {"LAUNCHER": manifest["launcher"], "ROOM": f"{site.origin(CHAT)}/room.html"}
    for path, name in {"/": "index.de.html", "/en": "index.en.html", "/shop.css": "shop.css"}.items():
        text = (_SHOP / name).read_text("utf-8")
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", value)
        site.files[path] = Answer(text.encode(), {"Content-Type": type_of(name)})


@dataclass(frozen=True)
class Stage:
    """What runs: the address of the web page, each agent's name and desk, the relay."""

    page: str
    desks: list[tuple[str, Served]]
    relay: Relay


@asynccontextmanager
async def rooms(folder: Path) -> AsyncIterator[Stage]:
    """Start everything.

    Raises:
        ProcessFailed: the relay does not start. BuildFailed: the pages cannot be built.
    """
    built = await asyncio.to_thread(web_build.build, folder / "web")
    async with AsyncExitStack() as stack:
        relay = Relay(folder / "relay")
        stack.push_async_callback(relay.stop)
        await relay.start()
        site = stack.enter_context(WebSite({}, {"Cache-Control": "no-store"}))
        team = Team(folder, relay.url, stack)
        company = await team.found()
        for name, part in AGENTS:
            await team.join(company, name, part)
        await _site(site, built, company, relay.url)
        await team.serve_always(company)
        yield Stage(f"{site.origin(WWW)}/", team.desks, relay)


async def run(folder: Path, *, opens_browser: bool) -> None:
    """Show the addresses until a key is pressed."""
    print("A relay, a practice and two desks start on this machine ...", flush=True)
    async with rooms(folder) as stage:
        print(f"\n  customer   {stage.page}   ({stage.page}en in English)")
        for name, desk in stage.desks:
            print(f"  {name:<10} {desk.address()}")
        if opens_browser:
            await asyncio.to_thread(webbrowser.open, stage.page)
        await until_a_key("\nThe addresses of the desks open once, within ten minutes. Press a key to end.")
        print("Everything is taken down, and nothing of it is kept.", flush=True)


def main() -> int:
    """Run until a key is pressed; 2 where something is missing."""
    parser = argparse.ArgumentParser(prog="make room", description=__doc__)
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealroom-room-") as folder:
        try:
            asyncio.run(run(Path(folder), opens_browser=not options.no_browser))
        except (ProcessFailed, web_build.BuildFailed, SealroomError) as problem:
            print(f"make room: {problem}", file=sys.stderr)
            return _FAILED
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
