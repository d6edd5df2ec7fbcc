"""The ND and SDP cases of the fact sheet (slac-and-network 6.4, items 63 and 64): what each one is, and which tests answer for it.

A test is `file::function` below tests/; `test_cases.py` checks that each exists and carries its number in its name where it is its own.
"""
from __future__ import annotations

N = "ipv6/test_neighbor.py::"
S = "ipv6/test_sdp.py::"
ROUND = "ipv6/test_nd_rules.py::"
WHOLE = "attacks/test_solicited.py::test_n01_n02_answered_in_every_state"
STRANGERS = "attacks/test_neighbours.py::test_the_charge_does_not_change_and_tells"
CHARGES = "ipv6/test_sdp_charges.py::"

CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "N01": ("NS for us: NA 0x60 with TLLA, unicast, at once in every state", (
        N + "test_n01_the_real_solicitation_gets_the_real_answer", N + "test_n01_unicast_solicitation_without_option", WHOLE)),
    "N02": ("NS from ::: NA 0x20 to ff02::1", (N + "test_n02_duplicate_detection_of_another", WHOLE)),
    "N03": ("hop limit other than 255 is ignored", (N + "test_n03_hop_limit", ROUND + "test_n03_an_advertisement_from_afar_moves_nothing")),
    "N04": ("an option of length 0 spoils the message", (N + "test_n04_option_of_length_zero", ROUND + "test_n04_options_that_cannot_be")),
    "N05": ("NA without TLLA is a confirmation", (N + "test_n05_advertisement_without_option_confirms", N + "test_n05_advertisement_without_option_resolves_by_the_frame")),
    "N06": ("NS for another target: nothing", (N + "test_n06_another_target",)),
    "N07": ("an unsolicited NA with O changes the MAC, except of who has the stream", (
        N + "test_n07_override_moves_what_nobody_holds_in_place", N + "test_n07_without_override_the_old_mac_stays",
        ROUND + "test_n07_the_peer_and_the_open_stream_stay_where_they_are", STRANGERS)),
    "N08": ("three NS, then unreachable", (N + "test_n08_t58_three_solicitations_then_unreachable", N + "test_n08_three_packets_wait_in_order")),
    "N09": ("duplicate address detection and its conflict", (
        N + "test_n09_duplicate_detection_is_sent_and_nobody_waits", N + "test_n09_conflict_takes_a_random_address", N + "test_n09_conflicts_are_bounded",
        N + "test_n09_later_claims_change_nothing", ROUND + "test_n09_only_the_peer_can_have_our_address", STRANGERS)),
    "N10": ("echo of 0, 1 and 1232 octets", (N + "test_n10_n12_echo", N + "test_n10_echo_too_long_or_switched_off", ROUND + "test_n10_echoes_are_limited")),
    "N11": ("NS with a multicast target", (N + "test_n11_multicast_target",)),
    "N12": ("echo to ff02::1", (N + "test_n10_n12_echo",)),
    "S01": ("a request every 250 ms, fifty times, then failure", (S + "test_s01_fifty_requests_every_250_ms_then_failure", CHARGES + "test_s01_a_silent_charger")),
    "S02": ("malformed messages are ignored", (
        S + "test_s02_malformed_header_of_a_response", S + "test_s02_response_of_a_wrong_size", S + "test_s02_malformed_request",
        S + "test_s02_wrong_udp_checksum_like_pyplcs_first_request")),
    "S03": ("a request for TLS is answered as the settings say", (
        S + "test_s03_request_for_tls_is_answered_without_tls", S + "test_s03_request_for_tls_may_be_ignored", CHARGES + "test_s08_cars_that_ask_for_tls_charge")),
    "S04": ("each request gets the same answer", (S + "test_s04_real_request_gets_the_real_answer_each_time", S + "test_s04_a_flood_of_requests_is_answered_in_part")),
    "S05": ("a response with transport UDP is ignored", (S + "test_s05_response_that_cannot_be_used",)),
    "S06": ("a charger with a random interface identifier", (
        S + "test_s06_random_interface_identifier", S + "test_s06_address_of_another_host_is_resolved_and_told", STRANGERS,
        S + "test_s06_the_matched_charger_is_preferred", S + "test_s06_without_its_answer_another_one_is_taken")),
    "S07": ("every port is accepted, and connected to", (S + "test_s07_every_port_is_accepted", CHARGES + "test_s07_the_announced_port_is_the_one_that_is_used")),
    "S08": ("TLS and no TLS, both forms, both sides", (
        S + "test_s08_a_car_that_falls_back_after_fifty_requests_for_tls", S + "test_s08_a_car_that_asks_for_tls_and_takes_no_tls_at_once",
        S + "test_s08_our_car_goes_on_asking_past_an_answer_with_tls", CHARGES + "test_s08_cars_that_ask_for_tls_charge")),
}
