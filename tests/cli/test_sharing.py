"""Commands while the store is open: a chat and `listen` carry them out, other holders are waited for."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from command_line import PASSPHRASE, Two
from e2ee_client.cli import local_socket
from e2ee_client.store import Passphrase, Store

pytestmark = [pytest.mark.processes, pytest.mark.slow]
LEAVE = "\x03"


def _socket_of(two: Two) -> Path:
    return local_socket.socket_path(two.customer.store)


def test_an_open_chat_carries_out_other_commands(acquainted: Two) -> None:
    customer = acquainted.customer
    with customer.terminal("chat", "Shop") as chat:
        chat.see("not verified · connected")
        assert stat.S_IMODE(_socket_of(acquainted).stat().st_mode) == 0o600
        assert customer.ok("send", "Shop", "-", text="from the other terminal\n").strip() == "at the relay"
        chat.see("You: from the other terminal")
        assert "from the other terminal" in customer.ok("--lang", "de", "history", "Shop")
        assert [json.loads(one)["name"] for one in customer.ok("contacts", "--json").splitlines()] == ["Shop"]
        assert customer.ok("card").startswith("sealroom:contact")
        customer.ok("verify", "Shop", "--mark")
        chat.see("Shop · verified")
        unknown = customer.run("send", "Nobody", "x")
        assert (unknown.status, unknown.code, unknown.out) == (5, "contact.unknown", "")
        chat.type(LEAVE)
        assert chat.finish() == 0
    assert not _socket_of(acquainted).exists()


def test_a_command_that_needs_the_store_for_itself_says_so(acquainted: Two) -> None:
    """STO-13."""
    customer = acquainted.customer.with_(SEALROOM_BACKUP_PASSPHRASE="a good long one")
    with customer.start("listen") as listening:
        listening.wait_for("connected to")
        for language, word in (("en", "Ctrl-C"), ("de", "Strg-C")):
            for arguments in (("chat", "Shop"), ("export", "file")):
                said = customer.run("--lang", language, *arguments)
                assert (said.status, said.code, said.out) == (3, "store.busy", "")
                assert word in said.err
                assert arguments[0] in said.err
        assert listening.process.poll() is None


def test_the_passphrase_is_asked_for_while_the_store_is_open(acquainted: Two) -> None:
    customer = acquainted.customer
    with customer.start("listen") as listening:
        listening.wait_for("connected to")
        said = customer.with_(SEALROOM_PASSPHRASE="not this one").run("history", "Shop")
        assert (said.status, said.code, said.out) == (4, "store.wrong_key", "")


def test_a_question_is_asked_in_the_terminal_of_the_command(acquainted: Two) -> None:
    customer = acquainted.customer
    with customer.terminal("chat", "Shop") as chat:
        chat.see("connected")
        said = customer.run("forget", "Sho")
        assert (said.status, said.code) == (2, "confirm.missing")
        for answer, status in (("n", 2), ("y", 0)):
            with customer.terminal("forget", "Sho") as asked:
                asked.see(r"Forget Shop \([0-9a-f]{8}\) with all texts")
                asked.type(f"{answer}\n")
                assert asked.finish() == status
        chat.see("forgotten")
        chat.type("too late\r")
        chat.see("there is no such contact")
        chat.type(LEAVE)
        assert chat.finish() == 0


def test_listening_beside_a_chat_ends_with_its_caller(acquainted: Two) -> None:
    customer = acquainted.customer
    with customer.terminal("chat", "Shop") as chat:
        chat.see("connected")
        with customer.start("listen", "--texts", "--count", "1") as listening:
            # It says nothing when it has begun: what it has heard is what came afterwards.
            for _ in range(60):
                acquainted.shop.ok("send", acquainted.customer_id, "both hear this")
                if listening.ends_within(1.0):
                    break
            assert listening.finish().out.endswith("Shop: both hear this\n")
        with customer.start("listen") as listening:
            time.sleep(0.3)
            listening.process.kill()
        chat.see("Shop: both hear this")
        chat.type("/quit\r")
        assert chat.finish() == 0


def test_what_is_not_a_request_is_dropped(acquainted: Two) -> None:
    customer = acquainted.customer
    with customer.start("listen") as listening:
        listening.wait_for("connected to")
        for data in (b"", b"hello\n", b"[1]\n", b'{"arguments": []}\n', b"\xff\n"):
            connection = local_socket.connect_to(_socket_of(acquainted))
            assert connection is not None
            with connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(100) == b""
        assert "Shop" in customer.ok("contacts")


def test_a_store_that_is_open_for_a_moment_is_waited_for(two: Two) -> None:
    """STO-13."""
    store = Store.open(two.customer.store, Passphrase(PASSPHRASE), rng=os.urandom)
    closing = threading.Timer(0.7, store.close)
    closing.start()
    try:
        assert "Shop" in two.customer.ok("contacts", "--offline")
    finally:
        closing.join()


def test_a_store_that_stays_open_elsewhere_is_locked(two: Two) -> None:
    """STO-13."""
    store = Store.open(two.customer.store, Passphrase(PASSPHRASE), rng=os.urandom)
    try:
        said = two.customer.run("contacts")
        assert (said.status, said.code, said.out) == (3, "store.locked", "")
    finally:
        store.close()


def test_the_socket_of_a_crashed_run_is_replaced(acquainted: Two) -> None:
    customer = acquainted.customer
    with customer.start("listen") as listening:
        listening.wait_for("connected to")
        listening.process.kill()
        listening.process.wait(60)
    assert _socket_of(acquainted).exists()
    assert "Shop" in customer.ok("contacts", "--offline")
    with customer.start("listen") as listening:
        listening.wait_for("connected to")
        assert "Shop" in customer.ok("contacts")


def test_a_socket_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db.socket"
    listening = local_socket.listen_at(path)
    assert listening is not None
    with listening:
        connection = local_socket.connect_to(path)
        assert connection is not None
        connection.close()
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
        assert local_socket.connect_to(path) is None
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(str(path))
            assert not local_socket.is_same_user(other)
    path.unlink()
    path.write_text("a file")
    assert local_socket.connect_to(path) is None


def test_a_long_path_has_a_socket_too(tmp_path: Path) -> None:
    folder = tmp_path / ("f" * 100)
    folder.mkdir()
    path = folder / "store.db.socket"
    listening = local_socket.listen_at(path)
    assert listening is not None
    with listening:
        connection = local_socket.connect_to(path)
        assert connection is not None
        connection.close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
