"""How cost grows with what there is: sessions, contacts, rooms, entries, mailboxes, messages."""
