"""Settings of web servers for the room's host: what is served, with which headers, and nothing else.

Texts are compressed by gzip, which verifiers read (CNS-65). No answer has a secret beside what somebody else
can choose: each file is the same for everybody, whatever was asked with it. The way to the relay is not
compressed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from e2ee.rooms.assets import Header, Place

from .headers import Kind
from .site import ASSETS_PATH, RELAY_PATH, Site

_TYPES: Final = {"html": "text/html", "js": "text/javascript", "txt": "text/plain"}
_NO_TEXT: Final = "application/octet-stream"
_ACME: Final = "/.well-known/acme-challenge/"
# What a browser tells of company, person and program when it opens a WebSocket; the relay needs none of it.
_PRIVATE: Final = (
    "Accept-Language",
    "Cookie",
    "Forwarded",
    "Origin",
    "Referer",
    "Sec-WebSocket-Extensions",
    "User-Agent",
    "X-Forwarded-For",
    "X-Real-IP",
)


def server_files(site: Site) -> dict[str, str]:
    """Return the settings of nginx, Caddy and Apache, and the `_headers` of static hosts, by file name."""
    return {
        "nginx.conf": _nginx(site),
        "Caddyfile": _caddy(site),
        "apache.conf": _apache(site),
        "_headers": _static(site),
    }


def _host(site: Site) -> str:
    return urlsplit(site.settings.room).netloc


def _paths(site: Site) -> dict[str, Kind]:
    """The paths of the room's host, with the set of each."""
    listed = {one.path: one.kind for one in site.files if one.place is Place.ROOM}
    return dict(sorted({**listed, ASSETS_PATH: Kind.OTHER}.items()))


def _by_kind(site: Site) -> Iterator[tuple[Kind, list[str], list[Header]]]:
    for kind in (Kind.ROOM, Kind.SCRIPT, Kind.OTHER):
        paths = [path for path, of in _paths(site).items() if of is kind]
        yield kind, paths, [(_titled(name), value) for name, value in site.header_sets[kind]]


def _titled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _type(path: str) -> str:
    return _TYPES.get(path.rpartition(".")[2], _NO_TEXT)


def _is_text(path: str) -> bool:
    return _type(path) != _NO_TEXT


# --- nginx ---

_NGINX_GZIP: Final = "  gzip on;\n  gzip_vary on;\n  gzip_proxied any;\n  gzip_types *;\n"


def _nginx(site: Site) -> str:
    blocks = "".join(_nginx_file(path, dict(site.header_sets[kind])) for path, kind in _paths(site).items())
    return f"""# For the `server` block of {_host(site)}. Set `root` to the folder `room` of this build.
# Nothing but the listed files is served; a challenge for a certificate is let through.
charset utf-8;
autoindex off;
disable_symlinks on;
{blocks}location ^~ {_ACME} {{ try_files $uri =404; }}
{_nginx_relay(site)}location / {{ return 404; }}
"""


def _nginx_file(path: str, headers: Mapping[str, str]) -> str:
    lines = "".join(f'  add_header {_titled(name)} "{value}" always;\n' for name, value in headers.items())
    kind = _type(path)
    more = f"  charset_types {kind};\n{_NGINX_GZIP}" if _is_text(path) else "  charset off;\n  gzip off;\n"
    return f"location = {path} {{\n  types {{ }}\n  default_type {kind};\n{more}{lines}}}\n"


def _nginx_relay(site: Site) -> str:
    if not site.settings.relay_upstream:
        return ""
    upstream = urlsplit(site.settings.relay_upstream)
    removed = "".join(f'  proxy_set_header {name} "";\n' for name in _PRIVATE)
    return f"""location = {RELAY_PATH} {{
  proxy_pass https://{upstream.netloc}{upstream.path or "/"};
  proxy_http_version 1.1;
  proxy_set_header Host {upstream.netloc};
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection "upgrade";
{removed}  proxy_ssl_server_name on;
  proxy_ssl_name {upstream.hostname};
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
  proxy_buffering off;
  gzip off;
  proxy_read_timeout 1h;
  access_log off;
}}
"""


# --- Caddy ---


def _caddy(site: Site) -> str:
    blocks = "".join(_caddy_files(*one) for one in _by_kind(site))
    return f"""# Set `root` to the folder `room` of this build. Nothing but the listed files is served.
{_host(site)} {{
	root * /srv/sealroom/room
{blocks}{_caddy_relay(site)}	handle {_ACME}* {{
		file_server
	}}
	handle {{
		respond 404
	}}
}}
"""


def _caddy_files(kind: Kind, paths: list[str], headers: list[Header]) -> str:
    name = kind.name.lower()
    lines = "".join(_caddy_header(*one) for one in headers)
    return f"""	@{name} path {" ".join(paths)}
	handle @{name} {{
{lines}		encode gzip
		file_server
	}}
"""


def _caddy_header(name: str, value: str) -> str:
    """Caddy compresses nothing that is not to be transformed: it is told last what is meant for others."""
    if name == "Cache-Control":
        return f'\t\theader {{\n\t\t\t{name} "{value}"\n\t\t\tdefer\n\t\t}}\n'
    return f'\t\theader {name} "{value}"\n'


def _caddy_relay(site: Site) -> str:
    if not site.settings.relay_upstream:
        return ""
    upstream = urlsplit(site.settings.relay_upstream)
    removed = "".join(f"\t\t\theader_up -{name}\n" for name in _PRIVATE)
    return f"""	handle {RELAY_PATH} {{
		rewrite * {upstream.path or "/"}
		reverse_proxy https://{upstream.netloc} {{
			header_up Host {upstream.netloc}
{removed}		}}
	}}
"""


# --- Apache ---


def _apache(site: Site) -> str:
    blocks = "".join(_apache_files(*one) for one in _by_kind(site))
    known = "|".join([*(re.escape(path) for path in _paths(site)), f"{re.escape(_ACME)}.+"])
    through = f"|{RELAY_PATH}" if site.settings.relay_upstream else ""
    return f"""# For the `VirtualHost` of {_host(site)}; needs mod_headers, mod_filter and mod_deflate.
# Set `DocumentRoot` to the folder `room` of this build.
# Nothing but the listed files is served; a challenge for a certificate is let through.
AddDefaultCharset utf-8
AddType text/javascript .js
<LocationMatch "^(?!(?:{known}{through})$)">
  Require all denied
</LocationMatch>
{blocks}{_apache_relay(site)}"""


def _apache_files(_kind: Kind, paths: list[str], headers: list[Header]) -> str:
    lines = "".join(f'  Header always set {name} "{value}"\n' for name, value in headers)
    lines += f"  AddOutputFilterByType DEFLATE {' '.join(sorted(_TYPES.values()))}\n"
    return f'<LocationMatch "^(?:{"|".join(map(re.escape, paths))})$">\n{lines}</LocationMatch>\n'


def _apache_relay(site: Site) -> str:
    if not site.settings.relay_upstream:
        return ""
    removed = "".join(f"  RequestHeader unset {name}\n" for name in _PRIVATE)
    upstream = urlsplit(site.settings.relay_upstream)
    target = f"wss://{upstream.netloc}{upstream.path or '/'}"
    return f"""# Needs mod_proxy and mod_proxy_wstunnel.
SSLProxyEngine on
ProxyAddHeaders Off
<Location "{RELAY_PATH}">
{removed}  ProxyPass "{target}"
</Location>
"""


# --- static hosts ---


def _static(site: Site) -> str:
    parts: list[str] = []
    for path, kind in _paths(site).items():
        lines = "".join(f"  {_titled(name)}: {value}\n" for name, value in site.header_sets[kind])
        parts.append(f"{path}\n{lines}")
    return "\n".join(parts)
