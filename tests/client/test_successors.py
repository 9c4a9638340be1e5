"""An account that begins anew, as an application says, shows and follows it (ID-13, ID-61 to ID-63)."""

from __future__ import annotations

import pytest
from conversations import meet
from e2ee_client import Client, ContactCard, SealroomError
from e2ee_client.errors import ConfigError, ContactSucceeded, InvalidCard, SuccessorInvalid
from e2ee_client.testing import MemoryNetwork

from e2ee.secret import RecoveryKey


async def test_the_old_account_is_named_by_its_card_or_its_id_and_the_key_as_it_was_typed(
    network: MemoryNetwork, shop: Client, customer: Client
) -> None:
    old, _ = await meet(customer, shop)
    key = shop.recovery_key
    assert key is not None
    digits = key.expose().hex().upper()
    async with network.client(name="Anew") as anew:
        named: list[tuple[ContactCard | str | bytes, RecoveryKey | str]] = [
            (shop.card(), key),
            (shop.card().to_uri(), digits),
            (shop.card().to_json(), f" {digits} "),
            (shop.account_id, digits.lower()),
        ]
        for one, typed in named:
            found = customer.read_successor(anew.sign_successor(one, typed))
            assert (found.old_account_id, found.new_account_id) == (shop.account_id, anew.account_id)
        new = await customer.follow_successor(anew.sign_successor(shop.card(), key), anew.card().to_uri())
        assert (new.account_id, new.verified, new.name) == (anew.account_id, False, "Anew")
        with pytest.raises(ContactSucceeded):
            await old.send("to the thief?")
        await old.verify()
        assert (await old.send("it was right after all")).text


async def test_what_cannot_be_used_is_refused_and_nothing_has_changed(
    network: MemoryNetwork, shop: Client, customer: Client
) -> None:
    await meet(customer, shop)
    key = shop.recovery_key
    assert key is not None
    async with network.client() as anew:
        text = anew.sign_successor(shop.card(), key)
        signing: list[tuple[object, object, type[SealroomError]]] = [
            ("sealroom:contact?v=1", key, InvalidCard),
            (b"short", key, ConfigError),
            (shop.account_id, "0" * 63, ConfigError),
            (shop.account_id, key.expose(), ConfigError),
            (anew.account_id, key, ConfigError),
            (7, key, ConfigError),
        ]
        for old, typed, error in signing:
            with pytest.raises(error):
                anew.sign_successor(old, typed)  # type: ignore[arg-type]  # what a program may give
        wrong = anew.sign_successor(shop.card(), RecoveryKey(bytes(32)))
        following: list[tuple[object, object, type[SealroomError]]] = [
            (wrong, anew.card(), SuccessorInvalid),
            (text, shop.card(), SuccessorInvalid),
            (text, "no card", InvalidCard),
            (text.encode(), anew.card(), ConfigError),
            ("\ud800", anew.card(), ConfigError),
        ]
        for given, card, error in following:
            with pytest.raises(error):
                await customer.follow_successor(given, card)  # type: ignore[arg-type]  # likewise
        assert [one.alarm for one in customer.contacts()] == [""]
