//! Users: lists, look-ups, and why.

use http::StatusCode;
use serde_json::{Value, json};
use shared::directory::Presence;
use shared::filter::Policy;

use crate::world::{ADA, BOB, CYD, DAN, EVE, LEAVERS, SALES, World, path};

async fn why(world: World, user: &str) -> Value {
    let answer = world.get(&path(&format!("/users/{user}"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn users_are_listed_with_their_reasons_and_without_those_never_read() {
    let answer = World::new().get(&path("/users")).await;
    let reasons: Vec<_> = answer.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["id"].as_str().unwrap(), user["status"].as_str().unwrap(), user["reason"].as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (ADA, "active", None),
            (BOB, "inactive", Some("member_of_ignored_group")),
            (CYD, "inactive", Some("deleted")),
            (DAN, "inactive", Some("disabled_in_office_365")),
        ]
    );
}

#[tokio::test]
async fn users_are_filtered_by_status() {
    assert_eq!(World::new().get(&path("/users?status=active")).await.each("id"), [ADA]);
    assert_eq!(World::new().get(&path("/users?status=inactive")).await.each("id"), [BOB, CYD, DAN]);
}

#[tokio::test]
async fn users_come_by_pages() {
    let first = World::new().get(&path("/users?limit=3")).await;
    assert_eq!(first.each("id"), [ADA, BOB, CYD]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = World::new().get(&path(&format!("/users?limit=3&cursor={cursor}"))).await;
    assert_eq!(second.each("id"), [DAN]);
    assert_eq!(second.body["next_cursor"], json!(null));
}

#[tokio::test]
async fn malformed_parameters_are_named() {
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=Active", "status"),
        ("status=", "status"),
    ] {
        let answer = World::new().get(&path(&format!("/users?{query}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.body["errors"][0]["field"], field, "{query}");
    }
    let answer = World::new().get(&path("/users?cursor=garbage")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body["type"], "urn:office365-sync:problem:invalid-cursor");
}

#[tokio::test]
async fn an_active_user_shows_what_is_published_of_it() {
    // Not the groups "Private", which is skipped, and "Gone", which was deleted.
    insta::assert_json_snapshot!(why(World::new(), ADA).await, @r#"
    {
      "company_name": null,
      "deleted_since": null,
      "department": null,
      "display_name": "Ada",
      "employee_id": null,
      "given_name": null,
      "group": null,
      "groups": [
        {
          "display_name": "Sales",
          "id": "00000000-0000-4000-8000-0000000000b1"
        }
      ],
      "id": "00000000-0000-4000-8000-0000000000a1",
      "job_title": null,
      "mail": "ada@contoso.example",
      "on_premises_sam_account_name": null,
      "proxy_addresses": [],
      "reason": null,
      "status": "active",
      "surname": null,
      "user_principal_name": "ada@contoso.example",
      "user_type": null,
      "why": [
        {
          "explanation": "The user exists in the tenant.",
          "group": null,
          "passed": true,
          "rule": "not_deleted"
        },
        {
          "explanation": "The account is not disabled in Office 365.",
          "group": null,
          "passed": true,
          "rule": "enabled_in_office_365"
        },
        {
          "explanation": "The user is in no ignored group.",
          "group": null,
          "passed": true,
          "rule": "in_no_ignored_group"
        },
        {
          "explanation": "No allowed groups are set, so everybody is allowed.",
          "group": null,
          "passed": true,
          "rule": "in_allowed_group"
        }
      ],
      "why_is_current": true,
      "why_note": null
    }
    "#);
}

#[tokio::test]
async fn a_user_is_found_by_id_sign_in_name_or_mail_in_any_case() {
    let world = || {
        let mut world = World::new();
        world.0.users[0].profile.mail = Some("ada.l@contoso.example".into());
        world
    };
    for key in [ADA, &ADA.to_uppercase(), "ADA@contoso.example", "ada%40Contoso.example", "Ada.L@contoso.example"] {
        assert_eq!(why(world(), key).await["id"], ADA, "{key}");
    }
}

#[tokio::test]
async fn a_name_without_end_finds_nobody() {
    let name = format!("{}@contoso.example", "x".repeat(400));
    assert_eq!(World::new().get(&path(&format!("/users/{name}"))).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn of_several_users_with_a_name_the_one_who_exists_is_meant() {
    let mut world = World::new();
    // Cyd was deleted, then Dan came and got the address.
    world.0.users[3].profile.mail = Some("cyd@contoso.example".into());
    assert_eq!(why(world, "cyd@contoso.example").await["id"], DAN);

    assert_eq!(why(World::new(), "cyd@contoso.example").await["id"], CYD);
}

#[tokio::test]
async fn of_several_users_with_a_name_the_sign_in_name_counts_more_than_the_mail_address() {
    let mut world = World::new();
    world.0.users[0].profile.mail = Some("dan@contoso.example".into());
    assert_eq!(why(world, "DAN@contoso.example").await["id"], DAN);
}

#[tokio::test]
async fn a_user_never_read_does_not_exist() {
    for key in [EVE, "eve@contoso.example", "nobody", "%00", &"x".repeat(2000)] {
        let answer = World::new().get(&path(&format!("/users/{key}"))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{key}");
        assert_eq!(answer.body["detail"], "There is no such user in this directory.");
    }
}

#[tokio::test]
async fn an_ignored_group_that_is_not_published_is_named_to_administrators_and_by_its_id_only() {
    let seen = why(World::new(), BOB).await;
    assert_eq!((&seen["reason"], &seen["group"]), (&json!("member_of_ignored_group"), &json!(null)));
    assert!(!seen.to_string().contains(LEAVERS), "{seen}");
    let bob = World::new().send("GET", &path(&format!("/users/{BOB}")), Some("Bearer admin")).await.body;
    assert_eq!(bob["reason"], "member_of_ignored_group");
    assert_eq!(bob["group"], json!({"id": LEAVERS, "display_name": null}));
    // Bob is in "Secret", which is nested in the ignored group.
    assert_eq!(bob["why"][2]["passed"], false);
    assert_eq!(bob["why"][2]["group"]["id"], LEAVERS);
    assert!(!bob.to_string().contains("Leavers"), "{bob}");
}

#[tokio::test]
async fn an_ignored_group_that_is_published_is_named_in_full() {
    let mut world = World::new();
    world.0.groups[3].decision = shared::filter::GroupDecision::Synced;
    let answer = world.get(&path("/users?status=inactive&limit=1")).await;
    assert_eq!(answer.body["items"][0]["group"], json!({"id": LEAVERS, "display_name": "Leavers"}));
}

#[tokio::test]
async fn a_deleted_user_is_inactive_since_then_and_in_no_group() {
    let cyd = why(World::new(), CYD).await;
    assert_eq!(cyd["reason"], "deleted");
    assert_eq!(cyd["deleted_since"], "2026-01-01T12:00:00Z");
    assert_eq!(cyd["groups"], json!([]));
}

#[tokio::test]
async fn checks_made_with_newer_settings_say_so() {
    let mut world = World::new();
    let directory = world.directory();
    directory.settings_version = 4;
    directory.policy =
        Policy::parse(&json!({"sync_users": true, "sync_groups": true, "ignored_groups": [SALES]})).unwrap();
    let ada = why(world, ADA).await;
    assert_eq!(ada["status"], "active");
    assert_eq!(ada["why"][2]["passed"], false);
    assert_eq!(ada["why_is_current"], false);
    assert!(ada["why_note"].as_str().unwrap().starts_with("The settings have changed"), "{ada}");
}

#[tokio::test]
async fn checks_that_do_not_lead_to_the_decision_shown_say_so() {
    let mut world = World::new();
    // Disabled meanwhile, but the deactivation is held.
    world.0.users[0].profile.account_enabled = Some(false);
    let ada = why(world, ADA).await;
    assert_eq!(ada["status"], "active");
    assert_eq!(ada["why_is_current"], false);
    assert!(ada["why_note"].as_str().unwrap().starts_with("The checks come out otherwise"), "{ada}");
}

#[tokio::test]
async fn nesting_counts_only_when_the_settings_say_so() {
    let mut world = World::new();
    world.directory().policy =
        Policy::parse(&json!({"sync_users": true, "sync_groups": true, "ignored_groups": [LEAVERS]})).unwrap();
    assert_eq!(why(world, BOB).await["why"][2]["passed"], true);
}

#[tokio::test]
async fn without_user_sync_no_user_exists() {
    let off = || {
        let mut world = World::new();
        world.published().users = false;
        world
    };
    let list = off().get(&path("/users")).await.body;
    assert_eq!((&list["items"], &list["next_cursor"]), (&json!([]), &json!(null)));
    let answer = off().get(&path(&format!("/users/{ADA}"))).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body["detail"], "Users are not published: user sync is off for this directory.");
}

#[tokio::test]
async fn before_the_first_publication_no_user_exists() {
    let unpublished = || {
        let mut world = World::new();
        world.directory().published = None;
        world
    };
    assert_eq!(unpublished().get(&path("/users")).await.body["items"], json!([]));
    let answer = unpublished().get(&path(&format!("/users/{ADA}"))).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body["detail"], "Nothing is published for this directory yet.");
}

#[tokio::test]
async fn a_restored_user_is_no_longer_deleted() {
    let mut world = World::new();
    world.0.users[2].presence = Presence::Present;
    let cyd = why(world, CYD).await;
    assert_eq!(cyd["deleted_since"], json!(null));
    assert_eq!(cyd["why_is_current"], false);
}
