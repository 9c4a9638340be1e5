"""What a desk that is always on does by itself, from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.service_settings import load_service

WHOLE = """
page = "https://praxis.example/room"
mail_after_s = 600
[greeting]
de = "Guten Tag"
en = "Good morning"
[closed]
de = "Wir sind ab {opens} da."
[hours]
zone = "Europe/Berlin"
[hours.week]
mon = ["08:00-12:00"]
[routing]
default = "empfang"
[mail]
host = "mail.praxis.example"
port = 587
sender = "praxis@praxis.example"
company = "Praxis"
user = "praxis"
password_file = "mail.password"
[webhook]
url = "https://praxis.example/hook"
secret_file = "hook.secret"
"""


def test_a_whole_file_is_read_with_its_secrets_beside_it(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text(WHOLE, "utf-8")
    (tmp_path / "mail.password").write_text("geheim\n", "utf-8")
    (tmp_path / "hook.secret").write_text("ab" * 32 + "\n", "utf-8")
    service = load_service(tmp_path / "desk.toml")
    assert service.welcome("de", 1_800_000_000_000) is not None
    assert service.mail is not None
    assert service.mail.password is not None
    assert service.mail.password.expose() == b"geheim"
    assert service.webhook is not None
    assert service.webhook.secret.expose() == b"\xab" * 32
    assert service.routing is not None
    assert "geheim" not in repr(service)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("greetings = 'x'", "greetings: no setting of a desk"),
        ("greeting = 1", "greeting: a text"),
        ("[mail]\nhost = 'x'", "mail:"),
        ("[webhook]\nurl = 'https://x.example/'", "webhook:"),
        (
            "[mail]\nhost='x.example'\nport=587\nsender='a@x.example'\ncompany='X'\npassword_file='none'",
            "mail:",
        ),
        ("closed = 'x'", "words for closed hours"),
        ("mail_after_s = 'x'", "a value of another kind"),
        ("[routing]\ndefault = 1", "routing:"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "desk.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said):
        load_service(tmp_path / "desk.toml")
