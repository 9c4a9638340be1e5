"""company, agent and room: from a draft of a notice to the end of a room, in processes over a real relay."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from pathlib import Path

import pytest
from command_line import PASSPHRASE, QUICK, Person, Running
from e2ee_client import Client
from e2ee_client.cli import room_files
from e2ee_client.rooms import Company, Policy
from e2ee_client.rooms.notices import EXAMPLE
from e2ee_login import issue_login_token
from relay_process import RelayProcess

pytestmark = [pytest.mark.processes, pytest.mark.slow]
ORIGIN = "https://praxis.example"
COMPANY = EXAMPLE["name"]


class Praxis:
    """A company's desk whose notice is published, and its door."""

    def __init__(self, desk: Person, door: Path) -> None:
        self.desk = desk
        self.door = door


def _founded(home: Path, relay_url: str) -> Person:
    home.mkdir()
    desk = Person(home)

    async def found() -> None:
        opening = Company.create(
            desk.store, relay=relay_url, name="Praxis", passphrase=PASSPHRASE, origins=[ORIGIN], runtime=QUICK
        )
        async with opening as company:
            await company.set_policy(Policy(grants=frozenset()))  # A person decides what agents ask for.
            await company.client.wait_settled(60)

    asyncio.run(found())
    return desk


@pytest.fixture(scope="module")
def praxis(tmp_path_factory: pytest.TempPathFactory, relay: RelayProcess) -> Praxis:
    """A practice that has published the notice of an invented company."""
    desk = _founded(tmp_path_factory.mktemp("praxis") / "desk", relay.url)
    desk.ok("company", "notice", "draft", "notice", "--sector", "health", "--relay", relay.url, "--example")
    assert "Published; the notice is" in desk.ok("company", "publish", "notice/notice.toml")
    assert "Door written" in desk.ok("company", "door", "door", "--phone", "+49 30 123456")
    return Praxis(desk, desk.home / "door")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, relay: RelayProcess) -> Person:
    """A company that has published nothing."""
    return _founded(tmp_path_factory.mktemp("bare") / "desk", relay.url)


def test_a_company_without_a_notice_is_told_what_comes_next(bare: Person) -> None:
    said = bare.run("company", "members").err
    assert "company notice draft" in said


def _customer(tmp_path: Path, name: str = "customer") -> Person:
    (tmp_path / name).mkdir()
    return Person(tmp_path / name)


def _make_quick(person: Person) -> None:
    """Derive the key of a store at a low cost from now on; the command that made it took the full one."""

    async def change() -> None:
        async with Client.open(person.store, passphrase=PASSPHRASE, online=False, runtime=QUICK) as client:
            await client.change_passphrase(PASSPHRASE, PASSPHRASE)

    asyncio.run(change())


def _opened(praxis: Praxis, customer: Person) -> str:
    said = customer.ok("room", "open", "--door", str(praxis.door), "--accept", "--json")
    notice, room = (json.loads(line) for line in said.splitlines())
    assert notice["company"] == "Beispiel GmbH"
    _make_quick(customer)
    return str(room["room_id"])


def test_the_door_is_for_a_web_server_and_is_not_replaced_unasked(praxis: Praxis) -> None:
    assert stat.S_IMODE(praxis.door.stat().st_mode) == 0o644
    said = praxis.desk.run("company", "door", "door")
    assert (said.status, said.code) == (2, "file.exists")


def test_a_draft_is_not_published_before_somebody_has_filled_it_in(praxis: Praxis) -> None:
    """CNS-03: every fault is told."""
    desk = praxis.desk
    desk.ok("company", "notice", "draft", "raw")
    said = desk.run("company", "publish", "raw/notice.toml")
    assert (said.status, said.code) == (2, "config.notice")
    assert all(f"- {field}" in said.err for field in ("controller.name", "authority", "imprint_url"))


@pytest.mark.parametrize("command", [("agent", "join"), ("room", "join", "--company", "https://a.example")])
def test_a_text_that_is_missing_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Where there is no terminal to ask for it; nothing is made."""
    person = _customer(tmp_path)
    said = person.run(*command)
    assert (said.status, said.code) == (2, "input.missing")
    assert not person.store.exists()


def test_nothing_is_made_before_a_person_accepts(praxis: Praxis, tmp_path: Path) -> None:
    """CNS-18: neither a store nor a question for a passphrase."""
    customer = _customer(tmp_path).with_(SEALROOM_PASSPHRASE=None)
    said = customer.ok("room", "open", "--door", str(praxis.door), "--refuse")
    assert "Notice of Beispiel GmbH" in said
    assert "Telephone: +49 30 123456" in said
    assert customer.run("room", "open", "--door", str(praxis.door)).code == "confirm.undecided"
    for answer, status in (("n", 0), ("", 2)):
        with customer.terminal("--lang", "de", "room", "open", "--door", str(praxis.door)) as asked:
            asked.wait_for(r"Nehmen Sie an\?")
            asked.type(f"{answer}\n")
            assert asked.finish() == status
    assert list(customer.home.iterdir()) == []


def test_a_person_accepts_at_a_terminal_and_writes(praxis: Praxis, tmp_path: Path) -> None:
    customer = _customer(tmp_path)
    with customer.terminal("room", "open", "--door", str(praxis.door)) as asked:
        asked.wait_for(r"Do you accept\? \[y/n\]")
        asked.type("y\n")
        asked.wait_for(r"Room [0-9a-f]{8} with Beispiel GmbH")
        assert asked.finish() == 0
    _make_quick(customer)
    assert customer.ok("room", "send", "-", "Guten Tag", "--lang", "de") == "beim Relay\n"
    assert re.search(r"You: Guten Tag", customer.ok("room", "history", "-", "--offline"))
    said = customer.run("room", "send", "-", "IBAN DE89 3704 0044 0532 0130 00")
    assert (said.status, said.code) == (2, "confirm.missing")
    assert "(IBAN)" in said.err
    assert "DE89" not in said.err
    assert "DE89" not in customer.ok("room", "history", "-", "--offline")
    assert "Sie haben den Hinweistext" in customer.ok("--lang", "de", "room", "show", "-", "--offline")
    assert "Guten Tag" in customer.ok("room", "search", "guten", "--offline")
    (room,) = [json.loads(line) for line in customer.ok("room", "list", "--offline", "--json").splitlines()]
    _proved(customer, tmp_path)
    assert "Withdrawn" in customer.ok("room", "withdraw", room["room_id"][:6])
    said = customer.run("room", "send", "-", "noch etwas")
    assert (said.status, said.code) == (8, "local.consent")


def _proved(customer: Person, tmp_path: Path) -> None:
    """CNS-23, CNS-24: whoever has the company's card verifies offline, without a store; a byte is named."""
    made = json.loads(customer.ok("room", "proof", "-", "consent", "--json", "--offline"))
    card, file = made["card"], tmp_path / "customer" / "consent"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert customer.run("room", "proof", "-", "consent", "--offline").code == "file.exists"
    reader = _customer(tmp_path, "reader").with_(SEALROOM_PASSPHRASE=None)
    shown = json.loads(reader.ok("verify-consent", str(file), card, "--json"))
    assert (shown["is_withdrawn"], shown["doubts"]) == (False, [])
    page = reader.ok("--lang", "de", "verify-consent", str(file), shown["company"])
    assert "Alle Unterschriften stimmen" in page
    assert shown["text"].splitlines()[0] in page
    flipped = bytearray(file.read_bytes())
    flipped[-100] ^= 1
    file.write_bytes(flipped)
    said = reader.run("--lang", "de", "verify-consent", str(file), card)
    assert (said.status, said.code, said.out) == (7, "proof.invalid", "")
    assert re.search(r"woran es liegt: remote\.\w+", said.err)
    assert reader.run("verify-consent", str(file), "card").code == "card.invalid"
    assert list(reader.home.iterdir()) == []


def test_a_room_is_claimed_handed_on_and_closed(praxis: Praxis, tmp_path: Path) -> None:
    """ACC-31, ROOM-22, ROOM-23: three terminals; a command of a second one goes through the socket."""
    desk, agent, customer = praxis.desk, _customer(tmp_path, "agent"), _customer(tmp_path)
    with desk.start("company", "run") as running:
        running.wait_for("connected")
        Person(tmp_path, desk.store).ok("company", "door", "here")
        assert (tmp_path / "here").is_file()
        _joined(desk, agent)
        with agent.start("agent", "run") as working:
            working.wait_for("connected")
            room_id = _opened(praxis, customer)
            short = room_id[:8]
            customer.ok("room", "send", "-", "Guten Tag")
            working.wait_for(rf"\[{short}\] the customer waits: ")
            assert short in agent.ok("agent", "waiting")
            assert f"You answer in room {short}" in agent.ok("room", "claim", "-")
            working.wait_for(rf"\[{short}\] entries from before handed over to You: \d+ \(Praxis\)")
            working.wait_for(rf"\[{short}\] \S+ Customer: Guten Tag")
            assert re.search(
                r"Customer: Guten Tag +\[passed on by Praxis\]", agent.ok("room", "history", short)
            )
            desk.ok("room", "handover", short, "--to", "Frau Sommer", "--reason", "Erste Frage")
            # Whose card the customer was never given speaks as the company.
            read = customer.ok("room", "history", "-")
            assert re.search(rf"handed over to Frau Sommer: \d+ \({COMPANY}\)", read)
            agent.ok("room", "send", short, "Was fehlt Ihnen?")
            desk.ok("room", "note", short, "Rechnung 4711")
            with customer.start("room", "listen") as listening:
                listening.wait_for(rf"\[{short}\] \S+ Frau Sommer: Was fehlt Ihnen\?")
            customer.ok("room", "send", "-", "Husten")
            working.wait_for(rf"\[{short}\] \S+ Customer: Husten")
            # Its author's next text makes the copy an original; that is no news to who reads along.
            assert working.output.count("Customer: Guten Tag") == 1
            assert "handed over to Frau Sommer" in customer.ok("room", "history", "-", "--offline")
            assert "Frau Sommer answers" in customer.ok("room", "show", "-", "--offline")
            assert "Rechnung 4711" in desk.ok("room", "history", short, "--notes")
            # What was said since the desk gave the room away is named by the wish of the customer (EXP-13).
            desk.ok("room", "close", short)
            customer.ok("room", "reopen", "-")
            running.wait_for(rf"\[{short}\] \S+ -- the room is to be opened again")
            partial = desk.run("room", "export", short, "partial.json")
            assert (partial.status, "where the room is answered" in partial.err) == (7, True)
            whole = agent.run("room", "export", short, "whole.json")
            assert (whole.status, "where the room is answered" in whole.err) == (0, False)
            _handed_on(desk, running, agent, short)
            _objected(desk, customer, short)
            _logged_in(desk, running, customer, short)
            assert "is closed" in desk.ok("room", "close", short)
            with customer.start("room", "listen") as listening:
                listening.wait_for(rf"\[{short}\] closed")
        assert customer.run("room", "send", "-", "zu?").code == "room.closed"


def _joined(desk: Person, agent: Person) -> None:
    """Let an agent join; a person compares the digits."""
    with desk.terminal("company", "invite", "Frau Sommer", "--team", "empfang", columns=400) as inviting:
        text = inviting.wait_for(r"sealroom:contact\S+ sealroom:join\S+")
        with agent.start("agent", "join", *text.split()) as joining:
            digits = joining.wait_for(r"^[0-9]{6}")
            inviting.wait_for(digits)
            inviting.wait_for(r"the same digits\? \[y/N\]")
            inviting.type("y\n")
            joining.wait_for(r"This is device")
            assert joining.finish().status == 0
        assert inviting.finish() == 0
    _make_quick(agent)
    assert "Frau Sommer  [agent, team empfang" in desk.ok("company", "members")


def _handed_on(desk: Person, running: Running, agent: Person, short: str) -> None:
    """An agent asks, the desk grants it."""
    with agent.start("room", "transfer", short, "--to", "Praxis") as asking:
        running.wait_for(rf"\[{short}\] Frau Sommer asks to hand the room on")
        assert "Frau Sommer asks to hand the room on" in desk.ok("room", "show", short)
        assert "Granted" in desk.ok("room", "decide", short, "-", "--grant")
        assert asking.finish().status == 0
    assert "you answer" in desk.ok("room", "list")


def _objected(desk: Person, customer: Person, short: str) -> None:
    """A customer objects, the supervisor decides (ROOM-37)."""
    assert "the company decides within 30 days" in customer.ok("room", "objection", "-")
    with customer.start("room", "listen") as listening:
        listening.wait_for("connected")
        desk.ok("room", "objection", short, "--open", "--reason", "Geprüft")
        listening.wait_for(rf"\[{short}\] open")
    assert "Geprüft" in customer.ok("room", "history", "-", "--offline")


def _logged_in(desk: Person, running: Running, customer: Person, short: str) -> None:
    """The customer logs in by the company's web server, and signs out (CNS-50 to CNS-57)."""
    key = desk.store.with_name("login.key")
    desk.ok("company", "logins", "--allow")
    desk.ok("company", "login-key", str(key))
    with customer.start("room", "listen") as listening:
        listening.wait_for("connected")
        challenge = customer.ok("room", "login", "-").strip()
        token = issue_login_token(key.read_text(), challenge, subject="4711", name="Erika Muster")
        customer.ok("room", "login", "-", token)
        running.wait_for(rf"\[{short}\] the customer is logged in")
        listening.wait_for(r"the customer is logged in")
        refused = customer.run("room", "login", "-", token)
        assert (refused.status, refused.code) == (8, "login.used")
    assert "Logged in as Erika Muster" in desk.ok("room", "show", short)
    customer.ok("room", "sign-out", "-")
    running.wait_for(rf"\[{short}\] the customer has signed out")
    assert "Logged in" not in desk.ok("room", "show", short)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("room", "show", "-"), 5, "local.room"),
        (("room", "show", "abc"), 5, "local.room"),
        (("room", "withdraw", "-"), 2, "local.side_company"),
        (("company", "suspend", "Nobody"), 1, "device.unknown"),
        (("room", "open", "--door", "door"), 2, "local.side_company"),
        (("room", "open"), 2, "usage.invalid"),
        (("room", "transfer", "-"), 2, "usage.invalid"),
    ],
)
def test_what_is_not_there_is_told(bare: Person, arguments: tuple[str, ...], status: int, code: str) -> None:
    said = bare.run("--lang", "de", *arguments)
    assert (said.status, said.code, said.out) == (status, code, "")
    assert "Fehler: " in said.err


def test_both_sides_export_a_room_that_anybody_verifies(praxis: Praxis, tmp_path: Path) -> None:
    """EXP-03, EXP-04, EXP-13: the company's export is in the customer's history."""
    customer = _customer(tmp_path)
    with praxis.desk.start("company", "run") as running:
        running.wait_for("connected")
        room_id = _opened(praxis, customer)
        customer.ok("room", "send", "-", "Guten Tag")
        running.wait_for("Guten Tag")
        ours = json.loads(customer.ok("room", "export", "-", "ours.json", "--json"))
        assert (ours["holds"], ours["is_stale"]) == (True, False)
        here = Person(tmp_path, praxis.desk.store)
        assert "Alles stimmt" in here.ok("--lang", "de", "room", "export", room_id, "theirs.json")
        said = customer.ok("room", "history", "-", "--json", "--all").splitlines()
        assert "access" in [json.loads(one)["kind"] for one in said]
        assert "-- conversation saved, entries: " in customer.ok("room", "history", "-")
        assert "-- Verlauf gespeichert, Einträge: " in customer.ok("--lang", "de", "room", "history", "-")
        for file in (customer.home / "ours.json", tmp_path / "theirs.json"):
            assert "All is in order" in here.ok("verify-transcript", str(file), "--account", ours["company"])
        _archived(here, ours["company"], room_id)
        customer.ok("room", "export", "-", "page.html", "--format", "html", "--offline")
        assert "Guten Tag" in (customer.home / "page.html").read_text("utf-8")
        said_again = customer.run("room", "export", "-", "ours.json")
        assert (said_again.status, said_again.code) == (2, "file.exists")


def _archived(desk: Person, account: str, room_id: str) -> None:
    """EXP-20, EXP-22: written once, verified without a store; a changed file is told by its name. Of other
    tests' rooms the desk has not all, and their files say so.
    """
    refused = desk.run("company", "archive", "archive")
    assert (refused.status, refused.code) == (2, "config.invalid")
    (desk.home / "archive").mkdir()
    first = json.loads(desk.ok("company", "archive", "archive", "--json"))
    assert room_id in first["written"]
    assert first["refused"] == []
    assert "Archiv: 0 Räume geschrieben" in desk.ok("--lang", "de", "company", "archive", "archive")
    checked = desk.run("verify-archive", "archive", "--account", account, "--json").out.splitlines()
    (ours,) = [found for one in checked if (found := json.loads(one))["room_id"] == room_id]
    assert ours["holds"]
    file = desk.home / "archive" / ours["file"]
    file.write_bytes(file.read_bytes().replace(b'"end":', b'"end" :'))
    said = desk.run("verify-archive", "archive", "--account", account)
    assert said.status == 7
    assert f"{file.name} does not hold: changed" in said.out
    assert desk.run("verify-archive", ".", "--account", account).code == "config.invalid"


def test_a_file_is_sent_and_saved(praxis: Praxis, tmp_path: Path) -> None:
    """FIL-08, FIL-10, FIL-16: the desk saves what the customer sends; a refusal has its code."""
    customer = _customer(tmp_path)
    room = _opened(praxis, customer)
    praxis.desk.ok("room", "claim", room)
    source = customer.home / "Befund.txt"
    source.write_text("alles in Ordnung\n" * 100)
    assert "Sent: Befund.txt" in customer.ok("room", "send-file", room, "Befund.txt")
    assert "sent the file Befund.txt (2 KiB, " in praxis.desk.ok("room", "history", room)
    folder = praxis.desk.home / "saved"
    folder.mkdir()
    said = json.loads(praxis.desk.ok("room", "save", room, "-", "saved", "--json"))
    assert Path(said["path"]).name == "Befund.txt"
    assert (folder / "Befund.txt").read_text() == source.read_text()
    (customer.home / "a.pdf").write_text("no PDF")
    assert customer.run("room", "send-file", room, "a.pdf").code == "file.type"
    assert (
        customer.run("room", "send-file", room, "Befund.txt", "--name", "nul.txt").code == "local.file_name"
    )
    assert praxis.desk.run("room", "save", room, "ffff").code == "local.file"


def test_texts_are_worded_anew_and_questions_answered(praxis: Praxis, tmp_path: Path) -> None:
    """TRN-40 to TRN-44: by both sides, with what programs read."""
    customer = _customer(tmp_path)
    room = _opened(praxis, customer)
    desk = praxis.desk
    customer.ok("room", "send", "-", "Guten Tga")
    desk.ok("room", "claim", room)
    assert customer.ok("room", "edit", "-", "-", "Guten Tag") == "Worded anew.\n"
    desk.ok("room", "send", room, "Guten Tag zurück", "--reply-to", "-")
    assert re.search(r"Customer: Guten Tag  \[worded anew\]", desk.ok("room", "history", room))
    assert desk.ok("room", "search", "Tga", "--offline") == ""
    assert "[in reply to: Guten Tag]" in customer.ok("room", "history", "-")
    desk.ok("room", "ask", room, "Passt es?", "--option", "Ja", "--option", "Nein")
    said = customer.ok("--lang", "de", "room", "history", "-", "--ids")
    assert re.search(r"^[0-9a-f]{8} .* fragt: Passt es\? \[Ja / Nein\] \(sealroom room answer", said, re.M)
    assert customer.run("room", "answer", "-", "-", "Vielleicht").code == "config.invalid"
    given = json.loads(customer.ok("room", "answer", "-", "-", "1", "--json"))
    assert given["answers"] == {"1": "Ja"}
    assert "Customer answered: Passt es? Ja" in desk.ok("room", "history", room)
    customer.ok("room", "rate", "-", "5", "--text", "schnell")
    assert "rated the conversation: 5 of 5 (schnell)" in desk.ok("room", "history", room)
    assert desk.run("room", "answer", room, "-", "1").code == "local.side_company"
    assert desk.run("room", "ask", room, "Passt es?").code == "usage.invalid"
    assert customer.run("room", "edit", "-", "ffffffff", "x").code == "local.entry"


@pytest.mark.parametrize(
    ("done_b", "bar"), [(0, "[" + "." * 30 + "]   0 %"), (5, "[" + "#" * 15 + "." * 15 + "]  50 %")]
)
def test_the_bar_says_how_far_a_file_is(done_b: int, bar: str) -> None:
    assert room_files.bar_of(done_b, 10) == bar


def test_a_second_device_of_a_person_is_linked_and_struck_off(praxis: Praxis, tmp_path: Path) -> None:
    """ACC-50 to ACC-52, ID-28: over a real relay, the digits compared by this test."""
    phone, tablet = _customer(tmp_path), _customer(tmp_path, "tablet")
    door = ("--door", str(praxis.door))
    phone.ok("room", "open", *door, "--accept", "--linkable")
    _make_quick(phone)
    phone.ok("room", "send", "-", "vom Telefon")
    with phone.start("room", "link", "--yes", "--json") as linking:
        shown = json.loads(linking.wait_for(r"\{\"link\": .*\}"))["link"]
        with tablet.start("room", "join", shown, *door, "--yes") as joining:
            digits = json.loads(linking.wait_for(r"\{\"digits\": .*\}"))["digits"]
            joining.wait_for(rf"with the other device: {digits}")
            joining.wait_for("of your account")
    _make_quick(tablet)
    assert "vom Telefon" in tablet.ok("room", "history", "-", "--last", "5")
    refused = _customer(tmp_path, "thief").run("room", "join", shown, *door, "--yes")
    assert refused.code == "link.expired"
    found = [json.loads(line) for line in phone.ok("room", "devices", "--json").splitlines()]
    assert [one["is_this"] for one in found] == [True, False]
    phone.ok("room", "devices", "--remove", found[1]["device_id"])
    assert len(phone.ok("room", "devices").splitlines()) == 1


def test_a_person_goes_on_by_the_recovery_code(praxis: Praxis, tmp_path: Path) -> None:
    """ACC-60, ACC-62, ACC-65, ACC-72: over a real relay; a wrong group is named, and nothing is made by it;
    whose code it is stands where it is shown, and where it is asked for.
    """
    phone, tablet = _customer(tmp_path), _customer(tmp_path, "tablet")
    door = ("--door", str(praxis.door))
    phone.ok("room", "open", *door, "--accept")
    _make_quick(phone)
    shown = json.loads(phone.ok("room", "code", "--json"))
    code = shown["code"]
    assert (shown["company"], shown["origins"], shown["kept"]) == (COMPANY, [ORIGIN], False)
    refused = tablet.run("room", "recover", *door, "--accept", text=f"0{code}")
    assert (refused.code, "look at group 1" in refused.err) == ("recovery.group", True)
    assert f"the paper that names {COMPANY} ({ORIGIN})" in refused.err
    unclear = code.replace("-", "")[1:]
    assert tablet.run("room", "recover", *door, "--accept", text=unclear).code == "recovery.code"
    assert not tablet.store.exists()
    tablet.ok("room", "recover", *door, "--accept", text=code.lower())
    _make_quick(tablet)
    assert json.loads(tablet.ok("room", "code", "--json")) == {**shown, "kept": True}
    assert f"recovery code for {COMPANY} ({ORIGIN}):\n\n  {code}\n" in tablet.ok("room", "code")
    assert len(tablet.ok("room", "list").splitlines()) == 1
    assert tablet.run("room", "recover", *door, "--accept", text=code).code == "store.exists"
