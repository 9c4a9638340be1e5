"""The page's types are made of the one schema, and are current."""

from __future__ import annotations

from typing import get_args

import desk_messages
from e2ee_client.desk import schema
from e2ee_client.desk.codec import type_name


def test_the_types_of_the_page_are_current() -> None:
    assert desk_messages.FILE.read_text("utf-8") == desk_messages.page(), "make spec"


def test_no_two_messages_have_one_name() -> None:
    both = [*get_args(schema.FromPage), *get_args(schema.ToPage)]
    assert len({type_name(one) for one in both}) == len(both) > 40
