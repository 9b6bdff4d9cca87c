//! Ten thousand users and a thousand groups.

use serde_json::json;
use tenant::{ALL_EMPLOYEES, Action, SERVICE_ACCOUNTS, Sample};

use crate::harness::World;

#[tokio::test]
async fn ten_thousand_users_and_a_thousand_groups_are_published_as_the_settings_demand() {
    let world = World::unauthorized(&Sample { users: 10_000, groups: 1_000, ..Sample::default() }).await;
    world.authorize().await;
    let group = |name| world.tenant.group_named(name).unwrap();
    let settings = json!({
        "sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "nested_groups": true,
        "group_prefixes": ["team ", "vpn "],
        "allowed_groups": [group(ALL_EMPLOYEES)], "ignored_groups": [group(SERVICE_ACCOUNTS)],
    });
    let run = world.set(settings.clone()).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    // Compares the members of the groups that decide now.
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["effort"]["items_written"]), (&json!("succeeded"), &json!(0)), "{run:#}");
    world.apply(Action::DisableUser { user: world.ordinary_users()[0] });
    let run = world.sync_and_check(&settings).await;
    assert!(run["effort"]["graph_requests"].as_u64().unwrap() <= 3, "{run:#}");
    assert_eq!(run["effort"]["items_written"], 4, "the user, two lists and the log: {run:#}");
}
