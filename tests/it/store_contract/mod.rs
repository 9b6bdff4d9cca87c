//! What the store promises to its callers, asked of DynamoDB emulators that share no code: the embedded one, a table per
//! test, and the one whose URL is in `STORE_CONTRACT_ENDPOINT`, if it is set.

mod alerts;
mod authorizations;
mod changes;
mod checkpoints;
mod corruption;
mod directories;
mod fixtures;
mod holds;
mod lease;
mod listings;
mod members;
mod mirror;
mod packing;
mod publication;
mod runs;
mod site;
mod statistics;
mod timing;

use futures::future::LocalBoxFuture;

use crate::dynamodb::Table;

/// The variable with the URL of a second DynamoDB emulator.
const SECOND_EMULATOR: &str = "STORE_CONTRACT_ENDPOINT";

/// Makes a test of each promise, and one that asks all of them of a second emulator.
macro_rules! promises {
    ($($module:ident { $($promise:ident,)+ })+) => {
        mod embedded {
            use crate::dynamodb::Table;

            $(mod $module {
                use super::Table;
                use crate::store_contract::$module;

                $(#[tokio::test]
                async fn $promise() {
                    $module::$promise(&Table::embedded().await).await;
                })+
            })+
        }

        #[tokio::test]
        async fn a_second_emulator_sees_the_same_promises_kept() {
            #[expect(clippy::disallowed_methods, reason = "a setting of the test, not of the program")]
            let Ok(endpoint) = std::env::var(SECOND_EMULATOR) else {
                eprintln!("SKIPPED: {SECOND_EMULATOR} does not name a second DynamoDB emulator");
                return;
            };
            $($({
                // Made in a function of its own: all of them in one would need a larger stack than a test has.
                fn kept(endpoint: String) -> LocalBoxFuture<'static, ()> {
                    Box::pin(async move { $module::$promise(&Table::at(&endpoint).await).await })
                }
                eprintln!("{}::{}", stringify!($module), stringify!($promise));
                kept(endpoint.clone()).await;
            })+)+
        }
    };
}

promises! {
    directories {
        a_directory_is_created_once,
        directories_are_listed_by_id,
        settings_are_changed_only_from_the_version_they_were_made_from,
        settings_are_changed_only_while_compared_state_is_current,
        the_next_run_can_be_moved,
        credentials_are_kept_apart_by_directory_and_administrator,
        a_credential_that_was_removed_is_not_brought_back,
        tokens_are_found_by_their_hash_and_forgotten_after_their_end,
    }
    authorizations {
        an_authorization_is_used_once,
        an_unknown_state_is_told_from_a_used_one,
        of_sixteen_callbacks_with_one_state_one_gets_it,
        authorization_is_shown_without_being_used,
        conclusion_is_kept_with_a_used_authorization,
        an_authorization_is_forgotten_an_hour_after_its_end,
    }
    alerts {
        a_directory_without_a_record_has_nothing_open,
        a_record_is_read_back_under_the_next_version,
        a_record_is_stored_only_over_the_one_it_was_made_from,
        of_sixteen_records_of_the_same_version_one_is_stored,
        the_record_comes_with_the_credentials_and_nothing_else,
    }
    site {
        an_ended_session_stays_ended,
        attempts_are_counted_by_who_and_minute,
        a_draft_is_its_directorys,
        a_kept_form_is_its_directorys_and_not_too_long,
        what_a_draft_would_change_is_read_page_by_page,
        the_latest_progress_is_kept,
        the_audit_trail_is_read_from_its_end_page_by_page,
        tokens_are_listed_noted_and_revoked_in_their_own_directory,
    }
    statistics {
        runs_add_to_their_day_and_the_last_counts_hold,
    }
    runs {
        a_run_is_kept_for_ninety_days,
        a_second_request_is_folded_into_the_waiting_run,
        a_request_is_not_folded_into_a_run_that_has_begun,
        a_request_that_wants_the_tenant_read_is_not_folded_into_a_run_for_new_settings,
        a_request_is_not_folded_into_a_run_that_ended_without_beginning,
        of_sixteen_requests_one_waits_and_takes_in_the_others,
        asking_twice_for_the_same_run_adds_it_once,
        runs_are_listed_from_the_latest_on,
        long_records_of_runs_are_listed_whole,
        manual_runs_are_counted_by_minute,
    }
    lease {
        a_free_lease_is_taken_and_a_held_one_is_not,
        an_expired_lease_is_taken_over_and_the_old_holder_can_write_nothing,
        a_renewed_lease_does_not_expire,
        a_released_lease_can_be_taken_and_tells_who_waits,
        of_sixteen_runs_one_takes_the_lease,
        each_directory_has_a_lease_of_its_own,
    }
    mirror {
        what_was_written_is_read_back,
        unknown_users_and_groups_are_left_out,
        directories_do_not_see_each_other,
        of_two_writes_about_the_same_the_later_one_stays,
        writes_beyond_one_transaction_all_arrive,
        writes_of_many_bytes_all_arrive,
        deleted_groups_are_forgotten_after_thirty_days,
        a_user_who_is_forgotten_is_gone_and_nobody_else,
        overlong_names_are_kept,
    }
    packing {
        users_of_one_shard_close_together_are_all_kept,
        a_change_of_one_user_touches_one_item_and_the_log_however_many_there_are,
        a_first_write_costs_about_a_unit_for_each_user_with_names,
    }
    members {
        members_join_and_leave,
        what_changes_no_membership_writes_nothing,
        changes_of_the_same_group_in_one_call_add_up,
        one_membership_of_a_large_group_touches_one_item,
        ids_close_together_are_split_all_the_same,
        a_large_group_can_be_emptied,
        more_members_than_fit_one_transaction_all_join,
        ids_that_are_no_guids_are_members_like_others,
    }
    publication {
        links_and_outcome_appear_together,
        other_links_by_now_are_a_conflict,
        links_can_stay_where_they_are,
        a_stale_holder_publishes_nothing,
        writing_that_was_begun_is_unfinished_until_something_is_published,
        the_record_of_a_run_is_stored_with_what_it_publishes_or_not_at_all,
        a_checkpoint_is_told_of_until_it_is_dropped_or_something_is_published,
    }
    checkpoints {
        a_checkpoint_grows_piece_by_piece_and_is_read_whole,
        another_reading_replaces_a_checkpoint,
        a_dropped_checkpoint_is_gone,
        a_checkpoint_of_another_format_or_with_pieces_missing_is_reported,
        a_stale_holder_saves_no_checkpoint,
    }
    holds {
        a_hold_is_opened_and_ended_with_a_publication,
        a_hold_is_decided_once,
        holds_are_listed_from_the_latest_on,
        a_hold_of_very_many_changes_is_read_whole,
    }
    changes {
        what_becomes_of_users_and_groups_is_logged_with_the_records,
        the_log_is_followed_without_gaps_in_pages_of_any_size,
        a_user_has_a_history,
        changes_are_forgotten_after_thirty_days_and_that_is_told,
        missing_items_of_the_log_are_never_skipped,
        numbers_beyond_the_log_are_not_reached,
        times_never_go_backwards_in_the_log,
        a_stale_holder_logs_nothing,
        very_many_memberships_of_one_user_are_logged_whole,
    }
    listings {
        users_come_in_full_pages_in_the_order_of_ids,
        users_are_filtered_by_decision_and_reason,
        unseen_users_are_never_listed,
        groups_are_filtered_by_presence_and_decision,
        members_come_in_full_pages_of_those_who_are_there,
        users_are_found_by_any_name_in_any_case,
        users_are_not_found_by_names_they_no_longer_have,
        users_who_swap_names_are_found_by_their_new_ones,
        users_are_found_by_each_of_their_mail_addresses,
        users_are_found_by_the_beginning_of_a_name_or_word,
        of_many_with_the_same_beginning_some_are_found,
        names_are_found_in_any_encoding_and_searched_without_marks,
        entries_of_an_earlier_version_are_found,
        a_search_by_name_and_decision_finds_all_page_by_page,
        a_search_for_very_many_finds_all_in_bounded_pages,
        groups_are_found_by_the_beginning_of_their_name_a_word_or_their_address,
        places_are_counted_as_pages_list_them,
    }
    corruption {
        items_of_another_version_are_reported,
        malformed_attributes_are_reported,
    }
}
