"""A self-signed certificate for 127.0.0.1, for tests of TLS."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate(
    ends: datetime.datetime,
    serial: int,
    begins_year: int = 2020,
    address: str = "127.0.0.1",
    names: tuple[str, ...] = (),
) -> tuple[bytes, bytes]:
    """Return a certificate and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay under test")])
    alternative = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(address)), *map(x509.DNSName, names)]
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime.datetime(begins_year, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(ends)
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(serialization.Encoding.PEM), private


def write_pair(folder: Path, serial: int, names: tuple[str, ...] = ()) -> tuple[Path, Path]:
    """Write a certificate that is good for a month, and its key."""
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    chain, key = certificate(ends, serial, names=names)
    paths = folder / "chain.pem", folder / "key.pem"
    paths[0].write_bytes(chain)
    paths[1].write_bytes(key)
    return paths
