//! Runs by the pages: what each changed, as far as it is kept.

use local::aws::TABLE;
use shared::session::Role;
use tenant::Action;
use uuid::Uuid;

use super::visit::Visitor;
use crate::harness::{World, everything, small};
use crate::lab::client;

/// Takes the last item of the log away, as DynamoDB does with what has expired, in any order.
async fn remove_end_of_log(world: &World) {
    let table = client(&world.stack.aws);
    let items = table.scan().table_name(TABLE).consistent_read(true).send().await.unwrap().items.unwrap_or_default();
    let of_log = items.into_iter().filter(|item| item["pk"].as_s().unwrap().ends_with("#CHANGES"));
    let last = of_log.max_by_key(|item| item["sk"].as_s().unwrap().clone()).unwrap();
    let delete = table.delete_item().table_name(TABLE);
    delete.key("pk", last["pk"].clone()).key("sk", last["sk"].clone()).send().await.unwrap();
}

#[tokio::test]
async fn page_of_a_run_says_that_what_follows_is_not_kept_any_more() {
    let world = World::synced(&small(), everything()).await;
    let users = world.ordinary_users();
    let disable = async |user: Uuid| {
        world.apply(Action::DisableUser { user });
        world.sync().await["id"].as_str().unwrap().to_owned()
    };
    let (earlier, later) = (disable(users[0]).await, disable(users[1]).await);
    let admin = Visitor::new(&world, Role::Administrator).await;
    let shown = async |run: &str| admin.get(&format!("/runs/{run}")).await.text();
    for run in [&earlier, &later] {
        let text = shown(run).await;
        assert!(text.contains("became inactive") && !text.contains("30 days"), "{text}");
    }
    remove_end_of_log(&world).await;
    let text = shown(&earlier).await;
    assert!(text.contains("became inactive") && text.contains("Changes after these are not kept any more"), "{text}");
    let text = shown(&later).await;
    assert!(!text.contains("became inactive") && text.contains("Single changes are kept for 30 days"), "{text}");
}
