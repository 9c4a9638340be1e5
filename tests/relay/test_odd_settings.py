"""RLY-168: values that break programs elsewhere are faults with a setting's name, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from e2ee_relay.cli import main
from e2ee_relay.config import load
from e2ee_relay.settings import ConfigError

NOT_A_TEXT = "a text in UTF-8 without a zero character"


@pytest.mark.parametrize(
    ("document", "setting"),
    [
        (r'data_dir = "a\u0000b"', "data_dir"),
        (r'registration_secret_file = "a\u0000b"', "registration_secret_file"),
        (r'listen = "a\u0000b:1"', "listen"),
        (r'contact = "\u0000"', "contact"),
        ('store = "postgresql://[::1"', "store"),
        ("public_plaintext = 1", "public_plaintext"),
        ("public_plaintext = 0.0", "public_plaintext"),
        ('data_dir = ""', "data_dir"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_fault(tmp_path: Path, document: str, setting: str) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(document + "\n")
    with pytest.raises(ConfigError) as found:
        load(file, {}, {}, serves=True)
    assert [one.setting for one in found.value.faults] == [setting]


def test_a_path_of_tls_with_a_zero_is_one(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text('tls_cert = "a\\u0000b"\ntls_key = "key.pem"\n')
    with pytest.raises(ConfigError, match=NOT_A_TEXT):
        load(file, {}, {}, serves=True)


@pytest.mark.parametrize("name", ["RELAY_NAME", "REGISTRATION_SECRET"])
def test_bytes_of_the_environment_that_are_no_text(name: str) -> None:
    """A secret among them is not repeated."""
    with pytest.raises(ConfigError, match=NOT_A_TEXT) as found:
        load(None, {f"SEALROOM_RELAY_{name}": "geheim\udcff"}, {})
    assert [one.setting for one in found.value.faults] == [name.lower()]
    assert "geheim" not in str(found.value)


def test_a_path_may_have_any_bytes() -> None:
    config = load(None, {"SEALROOM_RELAY_DATA_DIR": "/srv/\udcff"}, {})
    assert config.data_dir == Path("/srv/\udcff")


def test_a_database_may_have_several_hosts() -> None:
    assert load(None, {}, {"store": "postgresql://one:5432,two:5432/relay"}).doubts() == []


def test_an_empty_data_directory_serves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "e2ee_relay", "serve", "--listen", "127.0.0.1:0"],
        env={"SEALROOM_RELAY_DATA_DIR": "", "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("sealroom-relay: data_dir: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["mailbox", "account"])
def test_an_empty_id_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    assert main(["purge", "--yes", f"--{kind}", "", "--data-dir", str(tmp_path)]) == 2
    assert "bytes in hex" in capsys.readouterr().err
