"""TLS in the relay itself (OPERATING.md)."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from websockets.asyncio.client import connect

pytestmark = pytest.mark.processes


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay under test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "chain.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


async def test_a_message_goes_through_tls(tmp_path: Path) -> None:
    """RLY-10: the same frames behind TLS 1.3; an older version is refused."""
    chain, key = write_certificate(tmp_path)
    with RelayProcess(tmp_path / "relay", f"tls_cert={chain}", f"tls_key={key}") as process:
        context = ssl.create_default_context(cafile=chain)
        address = f"wss://127.0.0.1:{process.port}"
        async with connect(address, ssl=context, compression=None) as client:
            assert client.transport.get_extra_info("ssl_object").version() == "TLSv1.3"
            peer = await Peer(SocketLink(client)).greet()
            owner = Owner()
            await owner.set_up(peer)
            assert (await peer.send(owner.item(bytes(90_000))))[0].code == 0
        old = ssl.create_default_context(cafile=chain)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(OSError):  # noqa: PT011 - an alert or a reset, as the timing falls
            await connect(address, ssl=old)
