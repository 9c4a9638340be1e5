"""Configuration: sources, precedence, and errors that name the setting."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from e2ee_relay.cli import main
from e2ee_relay.config import Config, config_path, load
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.setting_table import SETTINGS, Kind, names_of
from e2ee_relay.settings import ConfigError


def test_defaults() -> None:
    config = load(None, {}, {})
    assert config == Config(policy=Policy(relay_name="127.0.0.1"), metrics_port=9465, metrics_chosen=False)
    assert config.database_path == Path("relay-data/relay.db")


def test_file_then_environment_then_flags(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(
        'listen = "[::1]:9000"\nrelay_name = "relay.example"\n'
        "[limits]\nquota_messages = 5\nretention_s = 60\n[rates]\nlookups = { burst = 3, per_s = 0.5 }\n"
        'fetches = "7/0.1"\n'
    )
    environment = {
        "SEALROOM_RELAY_QUOTA_MESSAGES": "6",
        "SEALROOM_RELAY_RETENTION_S": "70",
        "SEALROOM_RELAY_CONFIG": "ignored here",
        "OTHER": "x",
    }
    config = load(file, environment, {"retention_s": "80"})
    assert (config.host, config.port) == ("::1", 9000)
    policy = config.policy
    assert (policy.relay_name, policy.quota_messages, policy.retention_s) == ("relay.example", 6, 80)
    assert (policy.lookups, policy.fetches) == (Rate(3, 0.5), Rate(7, 0.1))


def test_secrets_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    """RLY-21: and are not shown."""
    file = tmp_path / "secret"
    file.write_text("letmein\n")
    config = load(None, {}, {"registration_secret_file": str(file)})
    assert config.policy.registration_secret == b"letmein"
    assert "letmein" not in repr(config)
    config = load(None, {"SEALROOM_RELAY_REGISTRATION_SECRET": "other"}, {})
    assert config.policy.registration_secret == b"other"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen", "nowhere"),
        ("listen", ":80"),
        ("listen", "host:99999"),
        ("listen", "host:http"),
        ("metrics_listen", "9000"),
        ("relay_name", ""),
        ("relay_name", "x" * 256),
        ("log_level", "loud"),
        ("quota_messages", "0"),
        ("quota_messages", "-1"),
        ("quota_messages", "many"),
        ("max_body_b", "98305"),
        ("max_send_items", "257"),
        ("pow_bits_send", "23"),
        ("lookups", "5"),
        ("lookups", "0/1"),
        ("lookups", "5/0"),
        ("lookups", "nan/1"),
        ("registration_secret", ""),
        ("registration_secret", "x" * 129),
        ("registration_secret_file", "missing"),
        ("tls_key", "key.pem"),
        ("no_such_setting", "1"),
    ],
)
def test_errors_name_the_setting(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(None, {}, {name: value})
    assert error.value.setting == name
    assert str(error.value).startswith(f"{name}: ")
    if len(value) > 20:
        assert value not in str(error.value)


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing cannot be read: no such file"):
        load(tmp_path / "missing", {}, {})
    (tmp_path / "bad").write_text("listen =")
    with pytest.raises(ConfigError, match="not TOML"):
        load(tmp_path / "bad", {}, {})
    (tmp_path / "typed").write_text("relay_name = 5\n")
    with pytest.raises(ConfigError, match="relay_name"):
        load(tmp_path / "typed", {}, {})


@pytest.mark.parametrize("port", ["\u00b2", "\u0661", "9" * 5000, "65536", ""])
def test_a_port_is_written_in_plain_digits(port: str) -> None:
    with pytest.raises(ConfigError, match="listen"):
        load(None, {}, {"listen": f"127.0.0.1:{port}"})


def test_a_number_of_thousands_of_digits_and_a_file_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="max_connections"):
        load(None, {}, {"max_connections": "9" * 5000})
    (tmp_path / "latin").write_bytes(b'relay_name = "B\xe4r"\n')
    with pytest.raises(ConfigError, match="config"):
        load(tmp_path / "latin", {}, {})


def test_a_certificate_that_cannot_be_used() -> None:
    config = load(None, {}, {"tls_cert": "missing.pem", "tls_key": "missing.pem"})
    with pytest.raises(ConfigError, match=r"tls_cert: missing\.pem cannot be read: no such file"):
        config.tls_listener()


def test_the_configuration_file_is_named_by_flag_or_environment() -> None:
    assert config_path({}, None) is None
    assert config_path({"SEALROOM_RELAY_CONFIG": "a"}, None) == Path("a")
    assert config_path({"SEALROOM_RELAY_CONFIG": "a"}, "b") == Path("b")


def test_every_limit_can_be_set() -> None:
    """RLY-11: each figure of the Hello, and each rate; as the kind that the table says."""
    kinds = {"int": Kind.NUMBER, "Rate": Kind.RATE}
    limits = {
        one.name: kinds[str(one.type)]
        for one in (*fields(Policy), *fields(Config))
        if one.type in kinds and one.name not in ("port", "metrics_port")
    }
    assert limits == {name: SETTINGS[name].kind for name in names_of(*kinds.values())}
    assert {"relay_name", "registration_secret"} <= SETTINGS.keys()


@pytest.mark.parametrize("name", names_of(Kind.NUMBER))
def test_every_number_is_bounded_as_the_table_says(name: str) -> None:
    least, most = SETTINGS[name].least, SETTINGS[name].most
    for value in (least, most):
        load(None, {}, {name: str(value)})
    for value in (least - 1, most + 1):
        with pytest.raises(ConfigError, match=f"{name}: a whole number from {least} to {most}"):
            load(None, {}, {name: str(value)})


def test_the_command_line_reports_and_exits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = ["--data-dir", str(tmp_path / "r")]
    assert main(["serve", "--check-config", *data]) == 0
    assert main(["serve", *data, "--set", "quota_messages=none"]) == 2
    assert "quota_messages" in capsys.readouterr().err
    assert main(["serve", *data, "--set", "quota_messages"]) == 2
    assert main(["inspect", *data, "--mailbox", "xyz"]) == 2
    assert main(["inspect", *data, "--mailbox", "00"]) == 2
    assert main(["inspect", *data, "--mailbox", "00" * 16]) == 1
    assert main(["manifest"]) == 0
    assert "What the relay stores" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["inspect", *data])
    assert not (tmp_path / "r").exists()
