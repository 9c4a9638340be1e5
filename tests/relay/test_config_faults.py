"""What a start says of settings and files that cannot be used: all, each with its path (RLY-168, RLY-169)."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from e2ee_relay.cli import main
from e2ee_relay.config import load
from e2ee_relay.settings import ConfigError, ConfigErrors
from service_certificate import certificate

LATER = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain_bytes, key_bytes = certificate(LATER, 1)
    chain.write_bytes(chain_bytes)
    key.write_bytes(key_bytes)
    return chain, key


def serving(**settings: object) -> list[str]:
    """Return what is wrong with settings of a relay that is to serve."""
    try:
        load(None, {}, {name: str(value) for name, value in settings.items()}, serves=True)
    except ConfigError as error:
        return [str(one) for one in error.faults]
    return []


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-168: of each source, the files that are named included; one line each, and status 2."""
    file = tmp_path / "relay.toml"
    file.write_text('quota_messages = 0\nlog_level = "loud"\nqouta_b = 5\n')
    missing = tmp_path / "nowhere"
    given = {
        "listen": "127.0.0.1:99999",
        "lookups": "many",
        "tls_cert": f"{missing}.crt",
        "tls_key": f"{missing}.key",
        "registration_secret_file": f"{missing}.secret",
        "trusted_proxies": "nonsense",
    }
    right = {"client_address": "forwarded-for"}
    flags = [part for name, value in {**given, **right}.items() for part in ("--set", f"{name}={value}")]
    for command in (["serve", "--data-dir", str(tmp_path / "r")], ["check-config"]):
        assert main([*command, "--config", str(file), *flags, "--set", "bare"]) == 2
        told = capsys.readouterr().err.splitlines()
        assert all(line.startswith("sealroom-relay: ") for line in told)
        named = sorted(line.removeprefix("sealroom-relay: ").partition(":")[0] for line in told)
        assert named == sorted(["bare", "quota_messages", "log_level", "qouta_b", *given])
        text = "\n".join(told)
        for path in (".crt", ".key", ".secret"):
            assert f"{missing}{path} cannot be read: no such file or directory" in text
        assert "'127.0.0.1:99999' is not that: a port is a number from 0 to 65535 (set by a flag)" in text
        assert "log_level: one of debug, info, warning, error (set by the file)" in text
    assert not (tmp_path / "r").exists()


def test_an_error_of_several_stands_for_each() -> None:
    """RLY-168: who asks for one setting gets the first."""
    with pytest.raises(ConfigErrors) as raised:
        load(None, {}, {"listen": "nowhere", "drain_s": "-1"})
    assert raised.value.setting == "listen"
    assert [one.setting for one in raised.value.faults] == ["listen", "drain_s"]
    assert str(raised.value).count("\n") == 1


def test_a_pair_that_fits(pair: tuple[Path, Path]) -> None:
    chain, key = pair
    assert serving(tls_cert=chain, tls_key=key, listen="0.0.0.0:0") == []


def test_what_is_wrong_with_certificate_and_key(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """RLY-168: which of both files, and what: missing, a folder, exchanged, of another pair, torn."""
    chain, key = pair
    other = tmp_path / "other.pem"
    other.write_bytes(certificate(LATER, 2)[1])
    torn = tmp_path / "torn.pem"
    torn.write_bytes(key.read_bytes()[:60] + b"\n-----END PRIVATE KEY-----\n")
    empty = tmp_path / "empty.pem"
    empty.touch()
    cases = [
        (empty, key, [f"tls_cert: {empty} is no certificate chain in PEM: no certificate in the file"]),
        (tmp_path, key, [f"tls_cert: {tmp_path} cannot be read: is a directory"]),
        (chain, tmp_path / "no", [f"tls_key: {tmp_path}/no cannot be read: no such file or directory"]),
        (chain, chain, [f"tls_key: {chain} has no private key in PEM"]),
        (chain, empty, [f"tls_key: {empty} has no private key in PEM"]),
        (chain, other, [f"tls_key: {other} is not the key of the certificate in {chain}"]),
        (chain, torn, [f"tls_key: {torn} cannot be used with the certificate in {chain}"]),
        (
            key,
            chain,
            [
                f"tls_cert: {key} is no certificate chain in PEM: no certificate in the file",
                f"tls_key: {chain} has no private key in PEM",
            ],
        ),
    ]
    for one, two, expected in cases:
        told = serving(tls_cert=one, tls_key=two)
        assert [line.removesuffix(" (set by a flag)") for line in told] == expected
    assert serving(tls_cert=chain) == ["tls_key: tls_cert and tls_key come together, and tls_key is not set"]
    assert serving(tls_key=key)[0].startswith(
        "tls_key: tls_cert and tls_key come together, and tls_cert is not"
    )


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """RLY-168: OpenSSL would ask for it on the terminal, for ever where that is a service manager's."""
    chain, key = pair
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    locked = tmp_path / "locked.pem"
    for form in ("ec -aes128", "pkcs8 -topk8"):
        words = ["openssl", *form.split(), "-in", str(key), "-passout", "pass:word", "-out", str(locked)]
        subprocess.run(words, check=True, capture_output=True)
        (told,) = serving(tls_cert=chain, tls_key=locked)
        assert told.startswith(f"tls_key: {locked} is encrypted")


def test_files_that_are_no_secret_and_no_configuration(tmp_path: Path) -> None:
    """RLY-168: with the path; a secret is never repeated."""
    empty = tmp_path / "empty"
    empty.touch()
    (told,) = serving(registration_secret_file=empty)
    assert told.startswith(f"registration_secret_file: {empty} has to have 1 to 128 bytes")
    (told,) = serving(registration_secret="s3cret" * 30)
    assert "s3cret" not in told
    with pytest.raises(ConfigError, match=f"^config: {tmp_path}/no.toml cannot be read: no such file"):
        load(tmp_path / "no.toml", {}, {})


def test_a_secret_in_a_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-276: and not repeated."""
    for value in ("registration_secret=s3cret", "registration_secret"):
        assert main(["check-config", "--set", value]) == 2
        told = capsys.readouterr().err
        assert told.startswith("sealroom-relay: registration_secret: not as a flag")
        assert "s3cret" not in told


def test_only_a_relay_that_serves_needs_certificate_and_key(tmp_path: Path) -> None:
    """RLY-168: the operator's other commands run as somebody who may not read the key."""
    config = load(None, {}, {"tls_cert": "no", "tls_key": "no", "listen": "0.0.0.0:1"})
    assert config.tls_cert == Path("no")
    for command in ("stats", "restore-check"):
        settings = ["--set", "tls_cert=no", "--set", "tls_key=no", "--set", "listen=0.0.0.0:1"]
        assert main([command, "--data-dir", str(tmp_path), *settings]) == 1


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "relay.example.org:80"])
def test_plaintext_for_other_machines_has_to_be_asked_for(
    listen: str, pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-169: a proxy in front does not change it, the setting does, and TLS; then it is a note."""
    chain, key = pair
    refused = (
        "TLS on it: set tls_cert and tls_key, or listen on 127.0.0.1 behind a proxy, or set public_plaintext"
    )
    assert refused in serving(listen=listen)[0]
    proxies = {"client_address": "forwarded-for", "trusted_proxies": "192.0.2.9"}
    assert refused in serving(listen=listen, **proxies)[0]
    assert refused in serving(listen=listen, public_plaintext="false")[0]
    assert serving(listen=listen, public_plaintext="true") == []
    assert serving(listen=listen, tls_cert=chain, tls_key=key) == []
    assert main(["serve", "--check-config", "--listen", listen]) == 2
    assert main(["serve", "--check-config", "--listen", listen, "--public-plaintext"]) == 0
    assert "there is no TLS on it" in capsys.readouterr().err
    assert serving(listen=listen, public_plaintext="perhaps")[0].startswith("public_plaintext: true or false")


@pytest.mark.parametrize("listen", ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "localhost:80"])
def test_loopback_is_free(listen: str) -> None:
    """RLY-169: behind a proxy on the same machine nothing has to be said."""
    assert serving(listen=listen) == []


def test_a_name_without_an_address_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-168: what the system says of it names nothing."""
    settings = ["--listen", "no-such-host.invalid:0", "--public-plaintext", "--data-dir", str(tmp_path / "r")]
    assert main(["serve", *settings]) == 1
    assert "no-such-host.invalid:0 cannot be listened on" in capsys.readouterr().err


def test_a_data_directory_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-168."""
    (tmp_path / "file").touch()
    assert main(["serve", "--data-dir", str(tmp_path / "file" / "r")]) == 1
    assert f"the data directory {tmp_path / 'file' / 'r'} cannot be used: file exists" in (
        capsys.readouterr().err
    )
    assert os.listdir(tmp_path) == ["file"]
