"""The certificate that a relay serves: when it ends, and its exchange at work (RLY-74, RLY-81)."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import signal
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conversations import until
from cryptography import x509
from e2ee_relay.certificate import CertificateUnreadable, earliest_end_s
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from service_certificate import certificate
from websockets.asyncio.client import connect

EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
CLIENT_TIMEOUT_S = 60.0


def from_now(days: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


class TlsRelay(RelayProcess):
    """A relay with a certificate that can be exchanged."""

    def __init__(self, folder: Path, ends: datetime.datetime, *settings: str) -> None:
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"
        self.install(ends, 1)
        super().__init__(folder / "relay", f"tls_cert={self.chain}", f"tls_key={self.key}", *settings)

    def __enter__(self) -> TlsRelay:
        self.start()
        return self

    def install(self, ends: datetime.datetime, serial: int) -> None:
        """Put a certificate into the files."""
        chain, key = certificate(ends, serial)
        self.chain.write_bytes(chain)
        self.key.write_bytes(key)

    async def reload(self, expected: str) -> None:
        """Send SIGHUP and wait until the log says what came of it."""
        before = self.log().count(expected)
        os.kill(self.pid, signal.SIGHUP)
        for _ in range(1200):
            if self.log().count(expected) > before:
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"the log does not say {expected}")

    def served(self) -> int:
        """Return the serial number of the certificate that a new connection gets."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.port), timeout=CLIENT_TIMEOUT_S)
        return x509.load_pem_x509_certificate(pem.encode()).serial_number

    def get(self, path: str) -> tuple[int, str]:
        """Ask its HTTPS side without looking at the certificate."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        address = f"https://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=CLIENT_TIMEOUT_S, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.mark.parametrize("year", [2026, 2049, 2050, 2199])
def test_the_end_is_read(year: int) -> None:
    """RLY-74: both forms of time; as the library for certificates reads it."""
    ends = EPOCH.replace(year=year)
    chain, _ = certificate(ends, 1)
    assert earliest_end_s(chain.decode()) == int(ends.timestamp())


def test_the_first_end_of_a_chain_counts() -> None:
    """RLY-74: an issuer that ends earlier makes the chain as useless."""
    late, _ = certificate(EPOCH.replace(year=2040), 1)
    early, _ = certificate(EPOCH.replace(year=2031), 2)
    for chain in (late + early, early + late):
        assert earliest_end_s(chain.decode()) == int(EPOCH.replace(year=2031).timestamp())


def test_what_is_no_certificate_is_refused() -> None:
    """RLY-81: cut at any place, or with a byte changed, it is refused or read; it never fails otherwise."""
    chain, _ = certificate(EPOCH, 1)
    der = ssl.PEM_cert_to_DER_cert(chain.decode())
    for size in range(len(der)):
        with pytest.raises(CertificateUnreadable):
            earliest_end_s(ssl.DER_cert_to_PEM_cert(der[:size]))
    with pytest.raises(CertificateUnreadable, match="no certificate"):
        earliest_end_s("nothing")
    refused = 0
    for place in range(120):
        changed = der[:place] + bytes([der[place] ^ 0x55]) + der[place + 1 :]
        try:
            earliest_end_s(ssl.DER_cert_to_PEM_cert(changed))
        except CertificateUnreadable:
            refused += 1
    assert refused > 10


@pytest.mark.processes
async def test_a_new_certificate_is_taken_over(tmp_path: Path) -> None:
    """RLY-81: new connections get it, an open one stays; a pair that does not fit changes nothing."""
    with TlsRelay(tmp_path, from_now(90)) as relay:
        assert relay.served() == 1
        context = ssl.create_default_context(cafile=relay.chain)
        async with connect(f"wss://127.0.0.1:{relay.port}", ssl=context, compression=None) as client:
            peer = await Peer(SocketLink(client)).greet()
            owner = Owner()
            await owner.set_up(peer)
            relay.install(from_now(30), 2)
            await relay.reload('"reloaded"')
            assert relay.served() == 2
            relay.key.write_bytes(certificate(from_now(1), 3)[1])
            await relay.reload('"reload_refused"')
            assert relay.served() == 2
            assert (await peer.send(owner.item(b"still there")))[0].code == 0
        assert f'"{tmp_path}' not in relay.log()


@pytest.mark.processes
async def test_the_end_shows_before_and_after(tmp_path: Path) -> None:
    """RLY-72, RLY-74: in the figures, in the log some days before, in readiness afterwards."""
    with TlsRelay(tmp_path, from_now(3.5)) as relay:
        assert relay.get("/readyz") == (200, "ready\n")
        figures = dict(line.rsplit(" ", 1) for line in relay.figures().splitlines() if line[0] != "#")
        ends_s = int(float(figures["sealroom_relay_certificate_end_seconds"]))
        assert 3.4 < (ends_s - time.time()) / 86_400 < 3.6
        for _ in range(1200):
            if "certificate_ends_soon" in relay.log():
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.2)
        warnings = [line for line in relay.log().splitlines() if "certificate_ends_soon" in line]
        # One a day, and midnight may be now.
        assert [json.loads(line)["certificate_days"] for line in warnings] in ([3], [3, 3])
        relay.install(from_now(-1), 2)
        await relay.reload('"reloaded"')
        assert relay.get("/readyz") == (503, "not ready: the certificate has ended\n")
        assert relay.get("/livez")[0] == 200
        await until(lambda: '"not_ready"' in relay.log() and '"certificate_ended"' in relay.log())


@pytest.mark.processes
async def test_the_registration_secret_is_read_again(tmp_path: Path) -> None:
    """RLY-21, RLY-81: with the certificate; an empty file changes neither."""
    secret = tmp_path / "secret"
    secret.write_text("first")
    with TlsRelay(tmp_path, from_now(90), f"registration_secret_file={secret}") as relay:
        assert json.loads(relay.get("/info")[1])["registration"] == "by secret"
        secret.write_text("")
        relay.install(from_now(90), 2)
        await relay.reload('"reload_refused"')
        assert relay.served() == 1
        secret.write_text("second")
        await relay.reload('"reloaded"')
        assert relay.served() == 2
        assert "second" not in relay.log()
