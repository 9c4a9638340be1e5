"""The attacks on rooms that are tried, by number: the test of each, and that of its control."""

from __future__ import annotations

from typing import Final, NamedTuple


class RoomAttack(NamedTuple):
    """What it is, and `file::test` of attack and control; without a control of its own it is named None."""

    title: str
    attack: str
    control: str | None


ROOM_ATTACKS: Final[dict[int, RoomAttack]] = {
    1: RoomAttack(
        "a relay adds a device",
        "spec/test_16_rooms.py::test_a01_a_device_that_the_relay_adds_is_not_in_force",
        None,
    ),
    2: RoomAttack(
        "a roster key promotes an accomplice",
        "engine/test_team_attacks.py::test_a_huge_number_by_a_stolen_roster_key_ends_with_the_next_mandate",
        "spec/test_15_attacks.py::test_a_roster_key_ends_with_the_next_mandate",
    ),
    3: RoomAttack(
        "a suspended device goes on",
        "engine/test_suspension.py::test_who_holds_the_new_roster_refuses_at_once_whatever_is_put_back",
        "engine/test_suspension.py::test_the_control_shows_what_members_alone_would_let_pass",
    ),
    4: RoomAttack(
        "a desk clears a hold",
        "spec/test_16_rooms.py::test_a_stolen_desk_drops_no_hold",
        "spec/test_16_rooms.py::test_a_stolen_desk_control_by_the_head_alone",
    ),
    5: RoomAttack(
        "a joiner pulls history",
        "spec/test_17_forward.py::test_a05_a_joiner_gets_nothing_from_before",
        "spec/test_17_forward.py::test_a05_control_whoever_asks_is_answered",
    ),
    6: RoomAttack(
        "a desk makes up a consent",
        "spec/test_18_attacks.py::test_a_desk_does_not_make_up_a_consent",
        "spec/test_18_attacks.py::test_a_desk_does_not_make_up_a_consent",
    ),
    7: RoomAttack(
        "a receipt of another room or account",
        "spec/test_18_attacks.py::test_a_receipt_of_another_room_or_account_opens_nothing",
        "spec/test_18_attacks.py::test_a_receipt_of_another_room_or_account_opens_nothing",
    ),
    8: RoomAttack(
        "content without consent",
        "engine/test_real_gate.py::test_no_content_without_a_receipt_changes_a_row",
        "engine/test_real_gate.py::test_the_control_notices_a_gate_with_a_hole",
    ),
    9: RoomAttack(
        "a customer tells two things",
        "spec/test_17_chains.py::test_a09_a_customer_that_tells_two_things",
        None,
    ),
    10: RoomAttack(
        "a company tells two things", "spec/test_17_chains.py::test_a10_a_company_that_tells_two_things", None
    ),
    11: RoomAttack(
        "a relay drops one copy",
        "property/test_room_world.py::test_a_fork_is_reported_and_what_a_relay_drops_is_fetched_or_shown_as_missing",
        "spec/test_17_chains.py::test_a11_control_without_links_a_dropped_last_entry_is_not_missed",
    ),
    12: RoomAttack(
        "a redacted text is guessed",
        "spec/test_17_entries.py::test_the_body_goes_and_the_hash_stays",
        "spec/test_17_entries.py::test_a12_control_without_a_blind_a_guess_is_confirmed",
    ),
    13: RoomAttack(
        "a company erases its promise",
        "spec/test_17_payloads.py::test_a13_the_customer_keeps_what_it_was_promised",
        "engine/test_room_promises.py::test_a13_control_an_order_of_the_company_that_binds_all",
    ),
    14: RoomAttack(
        "a restored device repeats a number",
        "spec/test_17_chains.py::test_a14_a_restored_device_goes_on_without_a_fork",
        "spec/test_17_chains.py::test_a14_control_a_restored_device_that_counts_on_forks",
    ),
    15: RoomAttack(
        "a leaver dates back",
        "spec/test_19_export.py::test_a15_what_a_leaver_dates_back_has_no_witness",
        "spec/test_19_export.py::test_a15_control_by_signature_and_time_alone_it_passes",
    ),
    16: RoomAttack(
        "an entry is moved",
        "spec/test_17_entries.py::test_a16_an_entry_has_one_room_author_and_place",
        "spec/test_17_entries.py::test_a16_control_a_signature_over_the_body_alone_moves",
    ),
    17: RoomAttack(
        "a forged entry in a hand-over",
        "spec/test_17_chains.py::test_a17_a_forged_entry_in_a_handover_is_hearsay",
        "spec/test_17_chains.py::test_a17_control_whoever_takes_forwarded_entries_for_real",
    ),
    18: RoomAttack(
        "an invite is taken over", "spec/test_15_invites.py::test_an_r_that_was_not_committed_to", None
    ),
    19: RoomAttack(
        "a login token is replayed elsewhere",
        "engine/test_room_decisions.py::test_a19_a_token_for_elsewhere_is_refused_and_both_sides_are_told",
        "engine/test_room_decisions.py::test_a19_control_without_the_check_the_thief_is_the_person",
    ),
    20: RoomAttack(
        "a blob is cut or reordered", "spec/test_13_files.py::test_each_part_opens_in_its_place_only", None
    ),
    21: RoomAttack(
        "a note is sealed to the customer",
        "engine/test_room_promises.py::test_a21_no_note_is_sealed_to_the_customer",
        "engine/test_room_promises.py::test_a21_control_a_room_of_notes_with_a_customer_in_it",
    ),
    22: RoomAttack("links without end", "spec/test_17_chains.py::test_a22_links_without_end", None),
    23: RoomAttack(
        "a stolen recovery code brings a device of the thief's",
        "engine/test_room_decisions.py::test_a_login_beside_a_new_device_waits_for_a_person",
        "engine/test_room_decisions.py::test_a23_control_without_a_wait_the_thief_is_logged_in",
    ),
}
"""Of 23 the device of the thief is tried, not how the code brings it."""
