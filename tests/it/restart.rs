//! A stack that was killed, and started again on the same state.

use jiff::SignedDuration;
use local::recovery::{lost_runs, send_again};
use serde_json::json;
use shared::clock::Clock as _;
use shared::directory::DirectoryId;
use shared::store::{Leased, MirrorStore as _, RunStore as _};
use shared::sync::{Run, RunRequest, RunState, Trigger};
use tenant::Action;

use crate::harness::{World, everything, small};

#[tokio::test]
async fn a_run_that_died_with_its_process_is_taken_up_at_the_next_start() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    let (store, queue) = (&world.stack.store, &world.stack.sync.queue);
    let directory: DirectoryId = world.directory.parse().unwrap();
    let now = world.clock.now();
    // What a process killed in the middle of a run leaves: a lease, and a record of a run at work.
    let mut run = Run::requested(directory, Trigger::Manual, now);
    store.request_run(&run).await.unwrap();
    let until = now + SignedDuration::from_secs(80);
    let leased = store.acquire_lease(directory, run.id, now, until).await.unwrap();
    assert!(matches!(leased, Leased::Taken(..)), "{leased:?}");
    run.state = RunState::Running;
    store.save_run(&run).await.unwrap();

    let lost = lost_runs(store, now).await.unwrap();
    assert_eq!(lost, [RunRequest { directory, run: run.id }]);
    send_again(queue.as_ref(), &lost).await.unwrap();
    let ended = world.ended(&json!(run.id)).await;
    assert_eq!(ended["state"], json!("succeeded"), "{ended:#}");
    world.check(&everything()).await;
    assert_eq!(lost_runs(store, now).await.unwrap(), []);
    world.assert_idle().await;
}
