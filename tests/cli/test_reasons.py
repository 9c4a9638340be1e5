"""Why a relay cannot be reached is said by every command that needs it, in both languages."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Person, make_account
from relay_process import RelayProcess
from service_certificate import write_pair

pytestmark = [pytest.mark.processes, pytest.mark.slow]
NOBODY = "ws://127.0.0.1:9"


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """The certificate of an authority that no system knows."""
    return write_pair(tmp_path, 1)[0]


@pytest.fixture
def private_relay(tmp_path: Path, chain: Path) -> Iterator[str]:
    """The address of a relay with that certificate."""
    relay = RelayProcess(tmp_path / "relay", f"tls_cert={chain}", f"tls_key={chain.with_name('key.pem')}")
    relay.trust(ssl.create_default_context(cafile=chain))
    with relay:
        yield f"wss://127.0.0.1:{relay.port}"


def test_a_certificate_that_is_not_trusted_is_told_at_once(
    person: Person, private_relay: str, chain: Path
) -> None:
    said = person.run("init", "--relay", private_relay, "--publish", "--timeout", "60")
    assert (said.status, said.code) == (6, "publish.pending")
    assert "no known authority has signed the relay's certificate" in said.err.splitlines()[0]
    german = person.run("--lang", "de", "contacts")
    assert german.status == 0
    assert german.err.startswith("Dies war vorher bekannt: nicht verbunden mit wss://")
    assert "keine bekannte Stelle hat das Zertifikat des Relays signiert" in german.err
    # With the authority of the operator all is well: by option, or by the environment.
    assert "Dies war" not in person.run("--lang", "de", "contacts", "--ca-file", str(chain)).err
    assert "known before" not in person.with_(SEALROOM_CA_FILE=str(chain)).run("contacts").err


def test_a_file_that_holds_no_certificates(person: Person) -> None:
    make_account(person.store, NOBODY)
    noise = person.home / "noise.pem"
    noise.write_text("no certificate")
    for file in (noise, person.home / "absent.pem"):
        said = person.run("contacts", "--ca-file", str(file))
        assert (said.status, said.code) == (2, "file.certificates")
        assert file.name in said.err


def test_a_relay_that_refuses_is_told_and_what_is_known_is_shown(person: Person) -> None:
    make_account(person.store, NOBODY)
    card = make_account(person.home / "shop.db", NOBODY, name="Shop")
    person.ok("add", card)
    said = person.run("contacts")
    assert (said.status, "Shop" in said.out) == (0, True)
    assert "This is what was known before: not connected to ws://127.0.0.1:9: nothing listens" in said.err
    assert person.run("contacts", "--offline").err == ""
    sent = person.run("send", "Shop", "text", "--timeout", "1")
    assert (sent.status, sent.code) == (6, "send.kept")
    assert "nothing listens at the relay's address" in sent.err
    with person.terminal("chat", "Shop") as chat:
        chat.see(r"-- not connected to ws://127\.0\.0\.1:9: nothing")
        chat.type("\x03")
        assert chat.finish() == 0
