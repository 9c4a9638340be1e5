"""Why a relay could not be reached, from what system, TLS and WebSocket library raise."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from websockets.exceptions import InvalidHandshake, InvalidStatus, ProxyError

from e2ee_client.errors import (
    NotARelay,
    RelayCertificate,
    RelayCertificateExpired,
    RelayCertificateName,
    RelayCertificateUnknown,
    RelayNameUnknown,
    RelayRefused,
    RelayTimeout,
    RelayUnavailable,
)

# X509_V_ERR_... of OpenSSL.
_CERTIFICATES: Final[dict[int, type[RelayCertificate]]] = {
    2: RelayCertificateUnknown,  # unable to get issuer certificate
    9: RelayCertificateExpired,  # not yet valid
    10: RelayCertificateExpired,
    18: RelayCertificateUnknown,  # self-signed
    19: RelayCertificateUnknown,  # self-signed in chain
    20: RelayCertificateUnknown,  # unable to get local issuer certificate
    21: RelayCertificateUnknown,  # unable to verify the first certificate
    62: RelayCertificateName,  # host name
    64: RelayCertificateName,  # address
}
_SERVER_ERROR: Final = 500


def of(error: BaseException) -> RelayUnavailable:
    """Return the error of the client for a failure to connect; bytes from outside are not quoted."""
    match error:
        case ssl.SSLCertVerificationError(verify_code=code):
            kind = _CERTIFICATES.get(code, RelayCertificate)
            return kind(f"the certificate of the relay does not hold (OpenSSL {code})")
        case ssl.SSLError():
            return NotARelay("what answers does not speak TLS as it should")
        case socket.gaierror():
            return RelayNameUnknown("the relay's name has no address")
        case ConnectionRefusedError():
            return RelayRefused("nothing listens at the relay's address")
        case TimeoutError():
            return RelayTimeout("the relay does not answer in time")
        case InvalidStatus(response=response) if response.status_code >= _SERVER_ERROR:
            return RelayUnavailable(f"what answers is out of order (HTTP {response.status_code})")
        case InvalidHandshake() if not isinstance(error, ProxyError):
            return NotARelay("what answers is no relay")
        case _:
            return RelayUnavailable(f"the relay cannot be reached ({type(error).__name__})")
