"""The relay's HTTP side: health, readiness, disclosure and figures, for both of its ports (RLY-74)."""

from __future__ import annotations

import email.utils
import json
import shutil
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

from websockets.datastructures import Headers
from websockets.http11 import Response

from . import __version__
from .config import Config
from .metrics import CONTENT_TYPE
from .protocol import PROTOCOL_VERSION

_TEXT: Final = "text/plain; charset=utf-8"
_LEAST_FREE_DISK: Final = 0.05


class Standing(Protocol):
    """How the relay is at this moment."""

    def complaints(self) -> list[str]:
        """Return what keeps it from taking traffic."""
        ...

    def figures(self) -> str:
        """Return the figures in Prometheus' text format."""
        ...


class Pages:
    """Answers plain HTTP requests."""

    def __init__(self, config: Config, standing: Standing) -> None:
        self._config = config
        self._standing = standing
        self._common: dict[str, Callable[[], Response]] = {
            "/livez": self._alive,
            "/healthz": self._alive,
            "/readyz": self._ready,
            "/info": self._info,
        }

    def for_clients(self, path: str) -> Response | None:
        """Answer on the clients' port, which has no figures; None: the path is none of these pages."""
        page = self._common.get(path)
        return None if page is None else page()

    def for_operators(self, path: str) -> Response:
        """Answer on the port for figures."""
        page = self._metrics if path == "/metrics" else self._common.get(path)
        return respond(HTTPStatus.NOT_FOUND, "not found\n") if page is None else page()

    def _alive(self) -> Response:
        return respond(HTTPStatus.OK, "ok\n")

    def _ready(self) -> Response:
        complaints = self._standing.complaints()
        if complaints:
            text = "not ready: " + ", ".join(complaints) + "\n"
            return respond(HTTPStatus.SERVICE_UNAVAILABLE, text)
        return respond(HTTPStatus.OK, "ready\n")

    def _info(self) -> Response:
        return respond(HTTPStatus.OK, disclosure(self._config), "application/json")

    def _metrics(self) -> Response:
        return respond(HTTPStatus.OK, self._standing.figures(), CONTENT_TYPE)


def disclosure(config: Config) -> str:
    """Return what anybody may know of this relay, as JSON (RLY-82)."""
    policy = config.policy
    document = {
        "software": "sealroom-relay",
        "version": __version__,
        "protocol": PROTOCOL_VERSION,
        "relay_name": policy.relay_name,
        "registration": "open" if policy.registration_secret is None else "by secret",
        "retention_s": policy.retention_s,
        "remembered_s": policy.remembered_s,
        "abandoned_s": policy.abandoned_s,
        "max_body_b": policy.max_body_b,
        "quota_messages": policy.quota_messages,
        "quota_b": policy.quota_b,
        "published_quota_messages": policy.published_quota_messages,
        "published_quota_b": policy.published_quota_b,
        "pow_bits": {
            "create": policy.pow_bits_create,
            "send": policy.pow_bits_send,
            "fetch": policy.pow_bits_fetch,
        },
        "contact": config.contact or None,
        "privacy_url": config.privacy_url or None,
        "source_url": config.source_url or None,
    }
    return json.dumps(document, indent=2) + "\n"


def disk_is_full(data_dir: Path) -> bool:
    """Tell whether less than 5 % of the disk is free; not where the directory is gone (RLY-173 tells)."""
    try:
        disk = shutil.disk_usage(data_dir)
    except OSError:
        return False
    return disk.free <= _LEAST_FREE_DISK * disk.total


def respond(status: HTTPStatus, text: str, content_type: str = _TEXT) -> Response:
    """Return an answer to a request of HTTP, after which the connection ends."""
    body = text.encode()
    headers = Headers(
        [
            ("Date", email.utils.formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("Content-Type", content_type),
            # No page of another origin makes a script of it, or has it loaded beside itself (RLY-253).
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
    )
    return Response(status.value, status.phrase, headers, body)
