"""What an application reads of a room: pages and search (chapter 17)."""

from __future__ import annotations

from rooms_world import MINUTE_MS, opened, rooms_of, write

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.payloads import Erase, RoomText

SAID = ("Grüße aus Köln", "Die Straße 12", "köln köln", "ein €uro", "😀 Termin", "nichts")


def test_search_finds_texts_in_any_case_and_language_and_only_those() -> None:
    """All words in any case; the newest first, in parts; what was erased is found no more."""
    world, company, customer, room_id = opened()
    hashes = [write(customer, room_id, one) for one in SAID]
    world.advance(MINUTE_MS)
    rooms = rooms_of(company).queries

    def found(*words: str, count: int = 2) -> list[str]:
        texts, before = list[str](), None
        while True:
            page = rooms.search(room_id, [one.casefold() for one in words], before, count, company.now_ms)
            payloads = [one.payload for one in page.found]
            texts += [one.text for one in payloads if isinstance(one, RoomText)]
            before = page.next
            if before is None:
                return texts

    assert found("köln") == ["köln köln", "Grüße aus Köln"]
    assert found("KÖLN", "grüsse") == ["Grüße aus Köln"]
    assert found("STRASSE") == ["Die Straße 12"]
    assert found("€UR", count=50) == ["ein €uro"]
    assert found("😀") == ["😀 Termin"]
    assert found("nirgends") == []
    write(customer, room_id, Erase((EntryHash(hashes[0]),)))
    world.advance(MINUTE_MS)
    assert found("köln") == ["köln köln"]


def test_a_page_looks_at_each_author_once() -> None:
    """Who is in force, and each card, is looked up once for a page, however many entries it shows."""
    world, company, customer, room_id = opened()
    for at in range(8):
        write(company if at % 2 else customer, room_id, f"Text {at}")
    world.advance(MINUTE_MS)
    queries, asked = rooms_of(customer).queries, list[object]()
    look = queries.person
    queries.person = lambda author, now_ms: (asked.append(author), look(author, now_ms))[1]  # type: ignore[method-assign,func-returns-value]  # counts
    shown = queries.page(room_id, None, 50, customer.now_ms)
    assert len(shown) >= 9
    assert len(asked) == len(set(asked)) == 2
