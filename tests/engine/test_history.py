"""The order of a contact's texts, their pages, and which are unread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2ee_client.engine.history import PAGE_ENTRIES, History
from e2ee_client.engine.records import Message
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt, UnknownMessage
from e2ee_client.events import MessageState
from e2ee_client.rows import Put
from e2ee_client.store import Store
from engine_world import Rows, World

from e2ee.ids import AccountId

ANNA = AccountId(b"a" * 32)
BEN = AccountId(b"b" * 32)


class CountedRows(Rows):
    """Rows that count what is read, and do not let the texts be scanned."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, table: str, key: bytes) -> bytes | None:
        self.reads += 1
        return super().get(table, key)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        assert table == "timeline", "only the timeline is read as a whole"
        found: Iterator[tuple[bytes, bytes]] = super().items(table)
        return found


@pytest.fixture
def rows() -> CountedRows:
    return CountedRows()


def text_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def text(account_id: AccountId, number: int, *, outgoing: bool = False) -> Message:
    state = MessageState.QUEUED if outgoing else MessageState.DELIVERED
    return Message(account_id, text_id(number), outgoing, f"text {number}", number, number, state)


def done(turn: Turn, rows: Rows) -> int:
    """Commit a step; return how many rows it changed."""
    (commit,) = turn.effects()
    rows.commit(commit.changes)  # type: ignore[union-attr]  # a step of these tests has only a commit
    return len(commit.changes)  # type: ignore[union-attr]  # as above


def written(rows: Rows, account_id: AccountId, count: int) -> History:
    """A history of so many texts, each fifth of them ours, appended 7 in a step."""
    history = History.load(rows)
    for start in range(0, count, 7):
        turn = Turn(0)
        for number in range(start, min(start + 7, count)):
            history.append(turn, text(account_id, number, outgoing=number % 5 == 0))
        done(turn, rows)
    return history


def numbers(messages: list[Message]) -> list[int]:
    return [message.sent_ms for message in messages]


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 100])
def test_pages_from_the_newest_back_give_every_text_once(rows: CountedRows, count: int) -> None:
    """STO-29: across the borders of stored pages, and again after loading."""
    for history in (written(rows, ANNA, count), History.load(rows)):
        found: list[int] = []
        page = history.page(ANNA, None, 10)
        while page:
            assert len(page) <= 10
            found = numbers(page) + found
            page = history.page(ANNA, (page[0].message_id, page[0].outgoing), 10)
        assert found == list(range(count))
        assert numbers(history.page(ANNA, None, 1000)) == list(range(count))


def test_contacts_are_apart(rows: CountedRows) -> None:
    """STO-29: also where both used one content id."""
    written(rows, ANNA, 40)
    history = written(rows, BEN, 3)
    assert numbers(history.page(ANNA, None, 100)) == list(range(40))
    assert numbers(history.page(BEN, None, 100)) == [0, 1, 2]
    assert (history.unread(ANNA), history.unread(BEN)) == (32, 2)
    with pytest.raises(UnknownMessage):
        history.page(BEN, (text_id(30), False), 5)


def test_an_id_of_ours_that_the_contact_uses_again(rows: CountedRows) -> None:
    """STO-29: a page ends before the text that is meant, and our text stays ours."""
    history = written(rows, ANNA, 6)
    turn = Turn(0)
    history.append(turn, text(ANNA, 5))
    done(turn, rows)
    assert numbers(history.page(ANNA, (text_id(5), True), 2)) == [3, 4]
    assert numbers(history.page(ANNA, (text_id(5), False), 2)) == [4, 5]
    assert history.message(ANNA, text_id(5)).outgoing
    assert not history.message(ANNA, text_id(5), outgoing=False).outgoing


def test_one_text_by_its_id(rows: CountedRows) -> None:
    history = written(rows, ANNA, 6)
    assert history.message(ANNA, text_id(3)).text == "text 3"
    assert history.message(ANNA, text_id(5)).outgoing
    for account_id, number, outgoing in ((BEN, 3, None), (ANNA, 6, None), (ANNA, 3, True)):
        with pytest.raises(UnknownMessage):
            history.message(account_id, text_id(number), outgoing)


def test_marked_once_and_known_after_loading(rows: CountedRows) -> None:
    """STO-29: what is named twice, ours, unknown or read already is not marked."""
    history = written(rows, ANNA, 40)
    turn = Turn(0)
    named = [text_id(number) for number in (33, 1, 33, 5, 77)]
    assert history.mark_read(turn, ANNA, named) == [text_id(33), text_id(1)]
    done(turn, rows)
    for known in (history, History.load(rows)):
        assert known.unread(ANNA) == 30
        assert known.message(ANNA, text_id(33)).state is MessageState.READ
        assert known.mark_read(Turn(0), ANNA, named) == []
        assert numbers(known.page(ANNA, None, 100)) == list(range(40))


def test_a_step_sees_its_own_changes(rows: CountedRows) -> None:
    """STO-29: a text that came in this step can be found, changed and marked in it."""
    history, turn = History(rows), Turn(0)
    history.append(turn, text(ANNA, 1))
    found = history.find(turn, ANNA, text_id(1), outgoing=False)
    assert found is not None
    found.confirmed = 2
    turn.put(found.put())
    assert history.mark_read(turn, ANNA, [text_id(1)]) == [text_id(1)]
    assert history.find(turn, ANNA, text_id(1), outgoing=True) is None
    done(turn, rows)
    (kept,) = History.load(rows).page(ANNA, None, 9)
    assert (kept.confirmed, kept.position, kept.state) == (2, 0, MessageState.READ)


def test_forgetting_leaves_no_row_of_the_contact_and_all_of_others(rows: CountedRows) -> None:
    """STO-29: also texts of the same step go."""
    written(rows, BEN, 33)
    history, turn = written(rows, ANNA, 70), Turn(0)
    history.append(turn, text(ANNA, 70))
    history.forget(turn, ANNA)
    done(turn, rows)
    assert {key[1:33] for key in rows.tables["message"]} == {BEN}
    assert {key[:32] for key in rows.tables["timeline"]} == {BEN}
    assert (history.page(ANNA, None, 9), history.unread(ANNA)) == ([], 0)
    again = Turn(0)
    history.append(again, text(ANNA, 1))
    done(again, rows)
    assert numbers(History.load(rows).page(ANNA, None, 9)) == [1]


def test_what_a_call_reads_and_writes_does_not_grow_with_the_history(rows: CountedRows) -> None:
    """STO-29: a text costs two rows; a page its texts and at most two pages; a mark its text and its page."""
    costs = []
    for count in (100, 1000):
        history = written(rows, ANNA, count)
        turn, rows.reads = Turn(0), 0
        history.append(turn, text(ANNA, count))
        changed = [done(turn, rows), rows.reads]
        rows.reads = 0
        history.page(ANNA, (text_id(50), True), PAGE_ENTRIES)
        changed.append(rows.reads)
        turn, rows.reads = Turn(0), 0
        history.mark_read(turn, ANNA, [text_id(7)])
        changed += [done(turn, rows), rows.reads]
        costs.append(changed)
        rows.tables.clear()
    assert costs == [[2, 1, 1 + 2 + PAGE_ENTRIES, 2, 2]] * 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (bytes(35), bytes(17)),
        (bytes(37), bytes(17)),
        (bytes(36), b""),
        (bytes(36), bytes(16)),
        (bytes(36), bytes(18)),
        (bytes(36), b"\3" + bytes(16)),
        (bytes(36), bytes(33 * 17)),
    ],
)
def test_a_page_that_does_not_fit(rows: CountedRows, key: bytes, value: bytes) -> None:
    """STO-08, STO-26."""
    rows.commit((Put("timeline", key, value),))
    with pytest.raises(StoreCorrupt):
        History.load(rows)


def test_a_page_without_its_text(rows: CountedRows) -> None:
    """STO-08."""
    history = written(rows, ANNA, 3)
    rows.tables["message"].clear()
    with pytest.raises(StoreCorrupt):
        history.page(ANNA, None, 3)


def test_over_a_store() -> None:
    """STO-29: what a real store gives back is the same."""
    store = Store.in_memory()
    history, turn = History(store), Turn(0)
    for number in range(50):
        history.append(turn, text(ANNA, number))
    (commit,) = turn.effects()
    store.commit(commit.changes)  # type: ignore[union-attr]  # the step has only a commit
    assert numbers(History.load(store).page(ANNA, (text_id(40), False), 20)) == list(range(20, 40))
    assert numbers(history.page(ANNA, None, 1)) == [49]
    store.close()


def test_engines_keep_both_sides_texts_in_order() -> None:
    """STO-29: sent and received texts have their place, and it is there after a restart."""
    world = World()
    company = world.node("Praxis", publish=True)
    customer = world.node("Kundin")
    for node in (company, customer):
        node.start()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "Guten Tag")
    world.settle()
    (view,) = company.engine.contacts()
    company.send(view.account_id, "Guten Morgen")
    world.settle()
    customer.crash()
    texts = [(one.text, one.outgoing) for one in customer.engine.history(praxis, None, 9)]
    assert texts == [("Guten Tag", True), ("Guten Morgen", False)]
    assert customer.engine.unread(praxis) == 1
