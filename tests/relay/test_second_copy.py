"""An expired message that could not be deleted, beside a later one of the same id."""

from __future__ import annotations

from e2ee_relay.mailbox import HeldMessage, Mailbox

OLDER, NEWER = 1, 2
ID = b"i" * 16


def test_both_copies_of_an_id_go_one_after_the_other() -> None:
    """RLY-37, RLY-41: what a start found on disk twice is deleted copy by copy, in either order."""
    for first, second in ((OLDER, NEWER), (NEWER, OLDER)):
        mailbox = Mailbox(1, b"m" * 16, bytes(32), 0, 1)
        for seq in (OLDER, NEWER):
            mailbox.hold(seq, HeldMessage(seq, ID, 10, 60_000 * seq, 0))
        assert mailbox.remove(first) is not None
        assert (ID in mailbox.seq_of) == (first == OLDER)
        assert mailbox.remove(second) is not None
        assert (mailbox.held, mailbox.seq_of, mailbox.held_b) == ({}, {}, 0)
