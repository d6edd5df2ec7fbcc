"""The 57 cases of the slac-and-network sheet, section 9, each with the tests that show it. `test_cases.py` holds this table to the tests that exist.

A test is named as file::function below tests/, a foreign program's matching as interop:CASE (./install/test.sh --interop, root; other state machines run in
the place of EVerest's, which cannot be installed here), a figure as bench:NAME (python -m tools.bench NAME), 10^6 mutated frames (M09): ./install/test.sh --fuzz-mme.
"""
from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """`name` and `title` as in the sheet."""

    name: str
    title: str
    tests: tuple[str, ...]


MME, PIB = "homeplug/test_mme_cases.py::", "homeplug/test_pib.py::"
WIRE, MODEM = "homeplug/test_wire.py::", "homeplug/test_modem.py::"
PEV, EVSE = "homeplug/test_slac_pev.py::", "homeplug/test_slac_evse.py::"
CAR, CHARGER, BOX = "homeplug/test_cases_pev.py::", "homeplug/test_cases_evse.py::", "homeplug/test_cases_box.py::"
ENDS, PEERS = "homeplug/test_end_to_end.py::", "homeplug/test_personalities.py::"
FIRST = PEERS + "test_matching_completes_at_the_first_attempt_within_every_limit"
VALIDATION, MAP, HOSTILE = "homeplug/test_validation.py::", "homeplug/test_amp_map.py::", "homeplug/test_slac_hostile.py::"
ENDINGS = "connection/test_supervision_ends.py::"
RANDOM = PEERS + "test_random_peers_within_the_real_world_spread"

CASES = (
    # --- the octets
    Case("M01", "encode/decode round trip of each message of 1.4-1.9", (
        MME + "test_m01_round_trip", WIRE + "test_golden_both_directions", WIRE + "test_round_trip_of_slac_messages")),
    Case("M02", "byte-exact against every frame of appendix A", (
        MME + "test_m02_every_frame_of_appendix_a_octet_by_octet", WIRE + "test_captured_slac_frames_are_emitted_octet_by_octet")),
    Case("M03", "padded, truncated (every length) and oversize frames", (
        MME + "test_m03_every_length_from_nothing_to_the_longest_frame", WIRE + "test_every_truncation_of_every_message", WIRE + "test_lengths_on_the_wire")),
    Case("M04", "MMV 0/1/2 and FMI not 0", (
        MME + "test_m04_mmv", MME + "test_m04_fragments_are_refused", WIRE + "test_header_rules")),
    Case("M05", "A14E with OUI 0", (
        MME + "test_m05_a14e_with_any_oui", WIRE + "test_attenuation_report_of_a_modem_with_any_oui")),
    Case("M06", "NUM_GROUPS 0, 58, 59, 255", (
        MME + "test_m06_num_groups", WIRE + "test_attenuation_profiles_full_and_empty")),
    Case("M07", "AMLEN bounds", (
        MME + "test_m07_amlen_is_checked_before_the_data_is_touched", WIRE + "test_amplitude_map_length_is_checked")),
    Case("M08", "scapy as second decoder", (
        MME + "test_m08_scapy_reads_the_same_fields", "interop/test_readers.py::test_both_readers_pass_the_control", "interop:slac-pyslac")),
    Case("M09", "fuzz 10^6", (
        MME + "test_m09_short_form_of_the_fuzz", WIRE + "test_arbitrary_octets_give_a_value_or_a_wire_error")),
    Case("M10", "SET_KEY result table 0/1", (MODEM + "test_key_answered_with_0_or_1_is_taken",)),
    Case("M11", "PIB parser/editor: six dumped PIBs, checksums before/after edit", (PIB + "test_the_recorded_pibs_have_the_layout_and_right_checksums", PIB + "test_recorded_pibs_go_to_the_other_role_and_back_to_the_same_octets",
        PIB + "test_configure_changes_four_fields_and_their_checksums_only")),
    Case("M12", "NW_INFO v0 and v1", (
        MME + "test_m12_nw_info_in_both_layouts", WIRE + "test_network_info_in_both_layouts")),
    Case("M13", "NID vectors", (
        MME + "test_m13_nid_vectors", "homeplug/test_keys.py::test_nid_follows_from_nmk")),
    # --- the car
    Case("P01", "nominal with each charger profile of 8.2", (FIRST, RANDOM)),
    Case("P02", "CNF lost 1, 2, 3 times", (CAR + "test_lost_confirmations_are_asked_for_again", PEV + "test_parm_three_times_then_slow_with_fresh_run_ids")),
    Case("P03", "CNF late (216 ms) after retry", (
        CAR + "test_a_confirmation_after_the_retry_counts_for_both", PEV + "test_late_parm_cnf_after_the_retry_counts")),
    Case("P04", "wrong RunID, forwarding MAC, app type", (PEV + "test_wrong_parm_cnf_is_ignored", WIRE + "test_other_applications_and_security_are_dropped")),
    Case("P05", "two chargers, 20 dB apart, both orders", (
        PEV + "test_the_least_attenuated_charger_wins", ENDS + "test_two_chargers_the_nearest_is_chosen")),
    Case("P06", "two chargers < 10 dB apart (warning)", (PEV + "test_close_call_is_warned_about",)),
    Case("P07", "IND lost, repeated thrice", (CAR + "test_a_lost_result_is_repeated_by_the_charger", CAR + "test_every_repeated_result_is_answered_again")),
    Case("P08", "no IND: restart after 1200 ms with a new RunID", (
        CAR + "test_a_lost_result_is_repeated_by_the_charger", PEV + "test_batch_times_and_contents",
        PEERS + "test_a_charger_whose_result_is_too_late_is_told_as_such")),
    Case("P09", "IND with 9 sounds", (CAR + "test_a_result_of_nine_sounds_counts",)),
    Case("P10", "NUM_SOUNDS 5, TIME_OUT 10", (CAR + "test_five_sounds_and_a_time_out_of_ten_are_obeyed",
                                              PEV + "test_announced_number_of_sounds_is_obeyed_and_bounded")),
    Case("P11", "MATCH.CNF lost twice", (CAR + "test_lost_match_confirmations_are_asked_for_again",)),
    Case("P12", "MATCH.CNF with wrong NID (not derived): used, warned", (CAR + "test_a_nid_that_does_not_follow_is_used_as_it_came",
                                                                         PEV + "test_nid_that_does_not_follow_is_used_and_warned_about")),
    Case("P13", "SET_KEY result 0, 1, none", (
        MODEM + "test_key_answered_with_0_or_1_is_taken", MODEM + "test_key_is_repeated_each_second_and_given_up_after_ten",
        CAR + "test_a_modem_that_never_confirms_its_key_is_left_to_the_link_test")),
    Case("P14", "link up at 0.2, 8, 11.9, 12.1 s", (CAR + "test_the_link_may_take_twelve_seconds", CAR + "test_the_link_may_take_twelve_seconds_on_a_line")),
    Case("P15", "CP goes A in each state", (BOX + "test_unplugging_ends_matching_in_every_state_within_a_second",
                                            PEV + "test_stop_in_every_state_is_silence")),
    Case("P16", "VALIDATE success, wrong count, NOT_READY, NOT_REQUIRED, FAILURE, silent", (
        VALIDATION + "test_p16_success_the_second_request_opens_a_window_for_all_toggles", VALIDATION + "test_p16_wrong_count_rejects_it_for_good",
        VALIDATION + "test_p16_not_ready_is_asked_again_each_400_ms_and_not_for_ever", VALIDATION + "test_p16_not_required_matches_without",
        VALIDATION + "test_p16_failure_goes_on_only_with_a_charger_that_is_alone", VALIDATION + "test_p16_silent_after_the_toggles_is_no_proof",
        PEV + "test_potential_charger_alone_is_taken_when_silent", "sessions/test_validation.py::test_the_charger_counts_the_toggles_of_its_car_and_they_charge")),
    Case("P17", "D-LINK_ERROR and restart, 3 attempts", (BOX + "test_failed_joins_are_reported_and_both_boxes_begin_again",
                                                         PEV + "test_join_time_is_twelve_seconds_and_three_failures_end_it",
                                                         "homeplug/test_slac_runs.py::test_p17_matching_that_fails_quickly_is_repeated_for_ten_seconds")),
    Case("P18", "all zero profile", (CAR + "test_an_all_zero_profile_is_no_result", PEV + "test_wrong_or_empty_results_are_ignored")),
    Case("P19", "sound batch jitter measured: gaps 20-50 ms, START <= 100 ms after CNF", (
        "bench:slac", PEV + "test_a_batch_keeps_its_interval_on_a_clock_of_ticks", ENDS + "test_batch_spacing_on_the_line")),
    # --- the charger
    Case("E01", "nominal with each car profile of 8.2", (FIRST, RANDOM)),
    Case("E02", "RunID opaque (Taycan case)", (FIRST, PEERS + "test_a_peer_objects_to_what_it_would_not_take",
                                               EVSE + "test_parm_cnf_echoes_the_run_id_also_for_repeated_requests")),
    Case("E03", "PARM.REQ twice 7 ms apart", (CHARGER + "test_a_request_twice_is_answered_twice_and_is_one_session",
                                              EVSE + "test_parm_cnf_echoes_the_run_id_also_for_repeated_requests")),
    Case("E04", "5 parallel PEVs + a sixth", (
        CHARGER + "test_five_cars_side_by_side_each_gets_its_own_result", CHARGER + "test_a_sixth_car_is_measured_too",
        HOSTILE + "test_a_flood_of_requests_keeps_no_car_away_that_goes_on", EVSE + "test_more_cars_side_by_side_than_the_standard_asks_for_the_next_replaces_the_idlest")),
    Case("E05", "no START in 400 ms", (EVSE + "test_start_must_come_within_400_ms",)),
    Case("E06", "sounds missing 1, 5, 10", (CHARGER + "test_missing_sounds", EVSE + "test_no_sound_no_result")),
    Case("E07", "profiles after timeout ignored", (EVSE + "test_missing_sounds_are_waited_for_600_ms_after_the_first_start",)),
    Case("E08", "empty ATTEN_PROFILE: synthetic 9 dB, non-zero", (CHARGER + "test_empty_profiles_are_replaced_and_an_ioniq_takes_them",
                                                                  EVSE + "test_empty_profiles_become_nine_db")),
    Case("E09", "RSP lost: IND 3 x 200 ms then silence", (CHARGER + "test_a_result_that_is_not_answered_is_repeated_twice",
                                                          EVSE + "test_indication_three_times_then_silence")),
    Case("E10", "RSP result 1", (CHARGER + "test_a_refused_result_ends_the_session", EVSE + "test_refused_result_ends_the_session")),
    Case("E11", "MATCH.REQ with wrong RunID, EVSE MAC, MVFLength", (CHARGER + "test_a_wrong_match_request_is_not_answered",
                                                                    EVSE + "test_wrong_match_req_is_ignored", "homeplug/test_cases.py::test_wrong_mvf_length")),
    Case("E12", "MATCH.REQ repeated: same CNF", (CHARGER + "test_a_repeated_match_request_gets_the_same_answer",
                                                 EVSE + "test_match_cnf_carries_the_key_and_is_repeated")),
    Case("E13", "matched: PARM.REQ of another MAC ignored, of own PEV with dead link: restart", (
        CHARGER + "test_matched_is_silence_for_another_car", BOX + "test_a_link_that_dies_is_matched_anew_by_both_boxes_with_another_key",
        HOSTILE + "test_e13_our_own_car_begins_again_when_its_link_is_dead",
        EVSE + "test_same_car_may_begin_again_while_the_link_is_not_up", EVSE + "test_matched_ignores_everybody")),
    Case("E14", "link timeout 12 s: X1, E/F, 5 %", (BOX + "test_a_link_that_does_not_come_means_x1_state_f_x1_and_five_percent_again",
                                                    ENDINGS + "test_e14_after_a_lost_link_the_pilot_goes_through_state_f",
                                                    EVSE + "test_link_must_come_within_twelve_seconds")),
    Case("E15", "SLAC_init timeout 20/40/50 s and five_percent_forever", (
        CHARGER + "test_the_wait_for_the_first_request_is_as_configured", BOX + "test_a_car_that_never_asks_is_waited_for_or_offered_five_percent_again")),
    Case("E16", "key changed at each plug-in and after terminate", (BOX + "test_each_plugging_in_and_each_end_has_a_key_of_its_own",
                                                                    EVSE + "test_key_changes_with_every_session_and_stop_is_silence")),
    Case("E17", "VALIDATE answers", (
        VALIDATION + "test_e17_counts_what_the_pilot_shows", VALIDATION + "test_e17_what_the_first_request_gets",
        VALIDATION + "test_e17_a_second_car_is_not_ready_meanwhile", VALIDATION + "test_e17_wrong_requests_get_no_answer",
        "sessions/test_validation.py::test_a_charger_that_does_not_count_says_so_and_they_charge")),
    Case("E18", "wrong MAC in ATTEN_PROFILE", (EVSE + "test_profiles_of_other_modems_and_cars_do_not_count",)),
    Case("E19", "modem silent 5 s after SET_KEY", (CHARGER + "test_a_modem_that_is_silent_for_five_seconds_after_its_key",
                                                   EVSE + "test_no_answer_before_the_key_is_in_the_modem")),
    Case("E20", "AMP_MAP with good and bad lengths", (
        MAP + "test_e20_a_good_request_is_answered", MAP + "test_e20_what_is_not_answered", MAP + "test_e20_a_length_beyond_the_frame_is_an_error_of_the_wire",
        WIRE + "test_amplitude_map_length_is_checked", "sessions/test_validation.py::test_amplitude_maps_are_exchanged_where_both_want_it")),
    # --- both ends
    Case("X01", "our PEV and our EVSE over an in-memory HomePlug model", (ENDS + "test_nominal_session", ENDS + "test_matching_completes_for_many_seeds",
                                                                         ENDS + "test_only_joined_modems_carry_other_traffic")),
    Case("X02", "two cars and two chargers with crosstalk 20 dB", ("homeplug/test_crosstalk.py::test_without_loss_every_car_finds_its_own_charger",
                                                                   ENDS + "test_two_cars_and_two_chargers_with_crosstalk")),
    Case("X03", "same with 5 % frame loss", (
        "homeplug/test_crosstalk.py::test_with_loss_every_car_ends_at_one_charger_and_at_the_neighbours_only_unheard_by_its_own", "bench:slac")),
    Case("X04", "other state machines on a veth (pyslac, open-plc-utils; EVerest's cannot be installed)", (
        "interop:slac-pev", "interop:slac-evse", "interop:slac-pyslac", "interop:slac-pev-loss", "interop:slac-evse-loss")),
    Case("X05", "each capture's car frames against our EVSE, each charger's against our PEV, original timing", (
        "replay/test_replay.py::test_replay", "homeplug/test_measured.py::test_the_recordings_say_the_same", FIRST)),
)
