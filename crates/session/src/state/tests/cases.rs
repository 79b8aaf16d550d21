//! Transcripts of single matters; scenario numbers are those of sync-and-http 9.

use super::*;

#[test]
fn s004_empty_query_set() {
    check(
        "> connect
         > set 0 1
         < compute 10
         * answer
         < T 0.0.0 1.0.10",
    );
}

#[test]
fn s008_s010_subscription_and_invalidation() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         * left
         * commit 20
         * touched
         < compute 20
         * answer 0=2
         < T 1.0.10 1.0.20 0=2",
    );
}

#[test]
fn s009_changes_during_a_round_wait_for_the_next() {
    check(
        "> set 0 1 +0
         < compute 10
         > set 1 2 +1
         > set 2 3 +2
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         < compute 10
         * answer 1=1 2=1
         < T 1.0.10 3.0.10 1=1 2=1",
    );
}

#[test]
fn s011_unchanged_results_are_not_repeated() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         * commit 20
         * touched
         < compute 20
         * answer 0=1
         * commit 30
         * touched
         < compute 30
         * answer 0=2
         < T 1.0.10 1.0.30 0=2",
    );
}

#[test]
fn s013_remove() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         > set 1 2 -0
         < compute 10
         * answer
         < T 1.0.10 2.0.10 -0",
    );
}

#[test]
fn s014_add_and_remove_before_the_result() {
    check(
        "> set 0 1 +0
         < compute 10
         > set 1 2 -0
         * answer 0=1
         < T 0.0.0 1.0.10
         < compute 10
         * answer
         < T 1.0.10 2.0.10 -0",
    );
}

#[test]
fn a_number_added_again_does_not_get_the_old_answer() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         > set 1 2 -0 +0
         < compute 10
         * answer 0=1
         < T 1.0.10 2.0.10 -0 0=1",
    );
}

#[test]
fn s018_failure_and_recovery() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=!boom
         < T 0.0.0 1.0.10 0=!boom
         * touched
         < compute 10
         * answer 0=!boom
         * touched
         < compute 10
         * answer 0=1
         < T 1.0.10 1.0.10 0=1",
    );
}

#[test]
fn s016_redacted_errors_keep_only_the_first_line() {
    let transcript = "> set 0 1 +0
         < compute 10
         * answer 0=!boom
         < T 0.0.0 1.0.10 0=!
         > mutation 0
         < run 0
         * done 0 !secret
         < MutationResponse 0 !
         < compute 10
         * answer
         < T 1.0.10 1.0.10";
    check_with(transcript, true);
}

#[test]
fn journals_are_kept_and_do_not_count_as_change() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1/J1
         < T 0.0.0 1.0.10 0=1/J1
         * touched
         < compute 10
         * answer 0=1/J2
         * touched
         < compute 10
         * answer 0=!boom
         < T 1.0.10 1.0.10 0=!boom/J2",
    );
}

#[test]
fn s025_a_transition_follows_every_mutation() {
    check(
        "> connect
         > mutation 0
         < run 0
         * commit 20
         * done 0 null 20
         < MutationResponse 0 null 20
         < compute 20
         * answer
         < T 0.0.0 0.0.20
         > mutation 1
         < run 1
         * done 1 null 20
         < MutationResponse 1 null 20
         < compute 20
         * answer
         < T 0.0.20 0.0.20",
    );
}

#[test]
fn s026_own_effects_are_not_shown_before_the_response() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         > mutation 0
         < run 0
         * commit 20
         * touched
         * done 0 null 20
         < MutationResponse 0 null 20
         < compute 20
         * answer 0=2
         < T 1.0.10 1.0.20 0=2",
    );
}

#[test]
fn a_running_mutation_does_not_delay_new_queries() {
    check(
        "> mutation 0
         < run 0
         * commit 20
         > set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         * commit 30
         * touched
         * done 0 null 20
         < MutationResponse 0 null 20
         < compute 30
         * answer 0=2
         < T 1.0.10 1.0.30 0=2",
    );
}

#[test]
fn what_was_touched_during_a_held_round_is_not_lost() {
    check(
        "> mutation 0
         < run 0
         > set 0 1 +0
         < compute 10
         * commit 20
         * touched
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         * done 0 !boom
         < MutationResponse 0 !boom
         < compute 20
         * answer 0=2
         < T 1.0.10 1.0.20 0=2",
    );
}

#[test]
fn what_is_ready_is_shown_before_the_newest() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         * commit 40
         * touched 30
         < compute 30
         * answer 0=2
         < T 1.0.10 1.0.30 0=2
         * left
         * touched 20
         < compute 40
         * answer 0=3
         < T 1.0.30 1.0.40 0=3",
    );
}

#[test]
fn what_the_client_waits_for_is_not_older_than_it_may_be() {
    check(
        "> set 0 1 +0
         < compute 10
         > set 1 2 +1
         * commit 30
         * touched 20
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         < compute 30
         * answer 0=2 1=1
         < T 1.0.10 2.0.30 0=2 1=1",
    );
}

#[test]
fn a_long_mutation_lets_go() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         > mutation 0
         < run 0
         * commit 20
         * touched
         * hold
         < compute 20
         * answer 0=2
         < T 1.0.10 1.0.20 0=2
         * left
         * commit 30
         * touched
         < compute 30
         * answer 0=3
         < T 1.0.20 1.0.30 0=3",
    );
}

#[test]
fn s027_s029_failures_do_not_block() {
    check(
        "> mutation 0
         < run 0
         > mutation 1
         > mutation 2
         * done 0 !boom
         < MutationResponse 0 !boom
         < run 1
         < compute 10
         * answer
         < T 0.0.0 0.0.10
         * commit 20
         * done 1 null 20
         < MutationResponse 1 null 20
         < run 2
         < compute 20
         * answer
         < T 0.0.10 0.0.20",
    );
}

#[test]
fn s030_actions_run_beside() {
    check(
        "> action 0
         < act 0
         > mutation 1
         < run 1
         > action 2
         < act 2
         * acted 2 5
         < ActionResponse 2 5
         < compute 10
         * answer
         < T 0.0.0 0.0.10
         * acted 0 !boom
         < ActionResponse 0 !boom
         < compute 10
         * answer
         < T 0.0.10 0.0.10",
    );
}

#[test]
fn failures_of_the_server_close_the_socket() {
    check(
        "> mutation 0\n < run 0\n * conflict 0\n < close 1013 OptimisticConcurrencyControlFailure",
    );
    check("> mutation 0\n < run 0\n * broken 0\n < close 1011 InternalServerError");
    check("> mutation 0\n < run 0\n * overdue\n < close 1013 SystemTimeoutError");
}

#[test]
fn s037_s038_protocol_errors() {
    check("> set 1 2\n < FatalError\n < close 0");
    check("> nonsense\n < FatalError\n < close 0");
    check("> connect\n > connect\n < FatalError\n < close 0");
    check("> set 0 0\n < close 1011 InternalServerError");
    check("> set 0 1 -3\n < close 1011 InternalServerError");
    check("> set 0 1 +3 +3\n < close 1011 InternalServerError");
    check("> auth 1\n < close 1011 InternalServerError");
    check("> event");
}

#[test]
fn s042_nothing_is_computed_for_a_client_that_does_not_read() {
    check(
        "> set 0 1 +0
         < compute 10
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         * commit 20
         * touched
         < compute 20
         * answer 0=2
         < T 1.0.10 1.0.20 0=2
         * commit 30
         * touched
         * commit 40
         * touched
         * left
         < compute 40
         * answer 0=4
         < T 1.0.20 1.0.40 0=4",
    );
}

#[test]
fn s044_s045_login_without_queries_and_again() {
    check(
        "> set 0 1 +0
         < compute 10
         > auth 0
         < authenticate
         * good
         * answer 0=1
         < T 0.0.0 1.0.10 0=1
         < compute 10
         * answer 0=1
         < T 1.0.10 1.1.10",
    );
    check("> auth 0\n < authenticate\n * good\n < compute 10\n * answer\n < T 0.0.0 0.1.10");
}

#[test]
fn s047_s048_bad_tokens() {
    check("> auth 0\n < authenticate\n * bad\n < AuthError base 0 true\n < close 0");
    check(
        "> auth 0
         < authenticate
         * good
         < compute 10
         * answer
         < T 0.0.0 0.1.10
         > auth 1
         < authenticate
         * bad
         < AuthError base 1 true
         < close 0",
    );
}

#[test]
fn s006_future_timestamps() {
    check(
        "> connect 50
         < advance 50
         * advanced 55
         > set 0 1
         < compute 55
         * answer
         < T 0.0.0 1.0.55",
    );
    check("> connect 10\n > event");
    check(
        "> connect 400000000000
         < close 1011 InternalServerError: the client has seen data from this server's future",
    );
}

#[test]
fn unanswered_queries_are_asked_again() {
    check(
        "> set 0 1 +0
         < compute 10
         * unanswered
         < retry later
         * commit 20
         > set 1 2
         * retry
         < compute 20
         * answer 0=1
         < T 0.0.0 2.0.20 0=1",
    );
}

#[test]
fn unanswered_queries_are_given_up_at_last() {
    let mut transcript = "> set 0 1 +0\n< compute 10\n".to_owned();
    for _ in 0..RETRIES_MAX {
        transcript.push_str("* unanswered\n< retry later\n* retry\n< compute 10\n");
    }
    transcript.push_str("* unanswered\n< close 1013 Busy");
    check(&transcript);
}

#[test]
fn too_many_mutations() {
    let mut transcript = "> mutation 0\n< run 0\n".to_owned();
    for number in 1..MUTATIONS_QUEUED_MAX {
        writeln!(transcript, "> mutation {number}").unwrap();
    }
    transcript.push_str("> mutation 1000\n< close 1013 TooManyConcurrentMutations");
    check(&transcript);
}

#[test]
fn too_many_actions() {
    let mut transcript = String::new();
    for number in 0..ACTIONS_IN_FLIGHT_MAX {
        writeln!(transcript, "> action {number}\n< act {number}").unwrap();
    }
    transcript.push_str("> action 1000\n< close 1013 TooManyInflightActionsForSingleClient");
    check(&transcript);
}

#[test]
fn the_clock_is_left_out_for_clients_without_one() {
    assert_eq!(clock_skew_ms(Some(0.0), 5_000_000), None);
    assert_eq!(clock_skew_ms(None, 5_000_000), None);
    assert_eq!(clock_skew_ms(Some(1e300), 5_000_000), None);
    assert_eq!(clock_skew_ms(Some(f64::NAN), 5_000_000), None);
    assert_eq!(clock_skew_ms(Some(3.6), 5_000_000), Some(-1));
}
