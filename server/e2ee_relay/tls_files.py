"""Certificate and key as files, and what is wrong with them (RLY-168)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from .certificate import earliest_end_s
from .settings import ConfigError, raise_all, reason_of

_KEY_BEGINS: Final = "PRIVATE KEY-----"
# In the headers of the older form, and in the name of the newer one.
_ENCRYPTED: Final = "ENCRYPTED"
_MISMATCH: Final = "KEY_VALUES_MISMATCH"


def load_pair(chain: Path, key: Path) -> ssl.SSLContext:
    """Return a context with certificate and key as their files have them now.

    Raises:
        ConfigError: certificate or key cannot be used; ConfigErrors: neither can.
    """
    raise_all([*_faults_of_chain(chain), *_faults_of_key(key)])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        # Without a passphrase OpenSSL would ask for one on the terminal.
        context.load_cert_chain(chain, key, password="")
    except (OSError, ssl.SSLError) as error:
        if isinstance(error, ssl.SSLError) and error.reason == _MISMATCH:
            raise ConfigError("tls_key", f"{key} is not the key of the certificate in {chain}") from None
        raise ConfigError("tls_key", f"{key} cannot be used with the certificate in {chain}") from None
    return context


def _faults_of_chain(chain: Path) -> list[ConfigError]:
    text = _read("tls_cert", chain)
    if isinstance(text, ConfigError):
        return [text]
    try:
        earliest_end_s(text)
    except ValueError as error:
        return [ConfigError("tls_cert", f"{chain} is no certificate chain in PEM: {error}")]
    return []


def _faults_of_key(key: Path) -> list[ConfigError]:
    text = _read("tls_key", key)
    if isinstance(text, ConfigError):
        return [text]
    if _KEY_BEGINS not in text:
        return [ConfigError("tls_key", f"{key} has no private key in PEM")]
    if _ENCRYPTED in text:
        return [ConfigError("tls_key", f"{key} is encrypted; the relay has no passphrase for it")]
    return []


def _read(setting: str, path: Path) -> str | ConfigError:
    try:
        return path.read_text("ascii", "replace")
    except OSError as error:
        return ConfigError(setting, f"{path} cannot be read: {reason_of(error)}")
