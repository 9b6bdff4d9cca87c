//! How much memory a run's own structures take. A binary of its own, since it counts every byte of the process.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop where it is"
)]
#![expect(clippy::unimplemented, reason = "a full reading asks for less of the stores")]

mod store;
mod tenant;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use peak_alloc::PeakAlloc;
use serde_json::json;
use shared::clock::{Clock as _, SystemClock};
use shared::directory::{Directory, DirectoryId};
use shared::filter::Policy;
use shared::sync::{Handled, Pace, Ports, Run, RunRequest, RunState, Trigger, Unobserved, perform};
use uuid::Uuid;

use crate::store::Stores;
use crate::tenant::Tenant;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Counting is for one run at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Reads the whole tenant and returns how many bytes that took at the most, and how many writes came of it.
fn full_sync(tenant: Tenant, synced_before: bool) -> (usize, usize) {
    let _alone = ONE_AT_A_TIME.lock().unwrap();
    let now = SystemClock.now();
    let id = DirectoryId::new(Uuid::nil());
    let mut directory = Directory::new(id, "contoso.example".to_owned(), now);
    directory.policy = Policy::parse(&json!({"sync_users": true, "sync_groups": true})).unwrap();
    let run = Run::requested(id, Trigger::Manual, now);
    let request = RunRequest { directory: id, run: run.id };
    let stores = Arc::new(Stores {
        directory: Mutex::new(directory),
        run: Mutex::new(run),
        tenant,
        synced_before,
        written: Mutex::default(),
    });
    let ports = Ports {
        directories: stores.clone(),
        mirror: stores.clone(),
        holds: stores.clone(),
        checkpoints: stores.clone(),
        runs: stores.clone(),
        clock: Arc::new(SystemClock),
        progress: Arc::new(Unobserved),
    };
    let pace = Pace {
        stop_at: now + Duration::from_hours(1),
        checkpoint_every: Duration::from_hours(1),
        reconcile_every: Duration::from_hours(168),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let handled = runtime.block_on(perform(&ports, &tenant, pace, &request)).unwrap();
    let peak = MEMORY.peak_usage() - before;
    let Handled::Ended { run, .. } = handled else { panic!("{handled:?}") };
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    (peak, *stores.written.lock().unwrap())
}

/// A tenant where each user is in ten groups and each group has a hundred members.
fn tenant(users: usize) -> Tenant {
    Tenant { users, groups: users / 10, groups_of_a_user: 10 }
}

#[test]
fn a_first_sync_takes_at_most_1950_bytes_a_user_whatever_the_size() {
    for users in [2_000, 20_000] {
        let (peak, written) = full_sync(tenant(users), false);
        // Users, groups with their members, and names some thousand at a time.
        assert!((users + 2 * (users / 10)..users + 2 * (users / 10) + 32).contains(&written), "{written}");
        assert!(peak / users <= 1_950, "{} bytes a user of {users}", peak / users);
    }
}

#[test]
fn a_full_sync_that_finds_nothing_new_takes_at_most_2500_bytes_a_user_whatever_the_size() {
    for users in [2_000, 20_000] {
        let (peak, written) = full_sync(tenant(users), true);
        assert_eq!(written, 0);
        assert!(peak / users <= 2_500, "{} bytes a user of {users}", peak / users);
    }
}
