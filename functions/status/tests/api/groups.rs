//! Groups and their members.

use http::StatusCode;
use serde_json::json;

use crate::world::{ADA, BERLIN, BOB, GONE, LEAVERS, PRIVATE, SALES, SECRET, World, path};

#[tokio::test]
async fn only_groups_that_are_synced_and_exist_are_listed() {
    let answer = World::new().get(&path("/groups")).await;
    assert_eq!(answer.each("id"), [SALES, BERLIN]);
}

#[tokio::test]
async fn a_group_names_the_published_groups_nested_in_it() {
    let answer = World::new().get(&path(&format!("/groups/{SALES}"))).await;
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "description": null,
      "display_name": "Sales",
      "group_types": [],
      "groups": [
        {
          "display_name": "Berlin",
          "id": "00000000-0000-4000-8000-0000000000b2"
        }
      ],
      "id": "00000000-0000-4000-8000-0000000000b1",
      "mail": null,
      "mail_enabled": null,
      "members": 0,
      "membership": "known",
      "security_enabled": null,
      "visibility": null
    }
    "#);
}

#[tokio::test]
async fn a_skipped_or_deleted_group_cannot_be_told_from_none() {
    let none = World::new().get(&path("/groups/nothing")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    for group in [SECRET, LEAVERS, GONE, PRIVATE] {
        for rest in [format!("/groups/{group}"), format!("/groups/{group}/members")] {
            let answer = World::new().get(&path(&rest)).await;
            assert_eq!((answer.status, &answer.body), (none.status, &none.body), "{rest}");
        }
    }
}

#[tokio::test]
async fn members_are_the_users_who_exist_active_or_not() {
    let answer = World::new().get(&path(&format!("/groups/{SALES}/members"))).await;
    assert_eq!(answer.each("id"), [ADA, BOB]);
    assert_eq!(answer.each("kind"), ["user", "user"]);
    assert_eq!(answer.each("status"), ["active", "inactive"]);
}

#[tokio::test]
async fn members_come_by_pages() {
    let first = World::new().get(&path(&format!("/groups/{SALES}/members?limit=1"))).await;
    assert_eq!(first.each("id"), [ADA]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = World::new().get(&path(&format!("/groups/{SALES}/members?limit=1&cursor={cursor}"))).await;
    assert_eq!(second.each("id"), [BOB]);
    assert_eq!(second.body["next_cursor"], json!(null));
}

#[tokio::test]
async fn without_user_sync_a_group_has_no_members_to_show() {
    let mut world = World::new();
    world.published().users = false;
    let answer = world.get(&path(&format!("/groups/{SALES}/members"))).await;
    assert_eq!(answer.body, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn before_the_first_publication_there_are_no_groups() {
    let unpublished = || {
        let mut world = World::new();
        world.directory().published = None;
        world
    };
    assert_eq!(unpublished().get(&path("/groups")).await.body["items"], json!([]));
    assert_eq!(unpublished().get(&path(&format!("/groups/{SALES}"))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(unpublished().get(&path(&format!("/groups/{SALES}/members"))).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_group_with_too_many_members_for_one_scim_answer_is_refused_and_never_cut_short() {
    let large = || {
        let mut world = World::new();
        world
            .0
            .groups
            .iter_mut()
            .filter(|group| group.id.to_string() == SALES)
            .for_each(|group| group.members = 20_001);
        world
    };
    let scim = |rest: &str| path(rest).replace("/api/v1/directories", "/scim/v2");
    for rest in [format!("/Groups/{SALES}"), "/Groups".to_owned(), format!("/Groups?filter=id+eq+%22{SALES}%22")] {
        let answer = large().get(&scim(&rest)).await;
        assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("tooMany")), "{rest}");
        assert!(answer.body["detail"].as_str().unwrap().contains("excludedAttributes=members"), "{}", answer.body);
    }
    let answer = large().get(&scim("/Groups?excludedAttributes=members")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let one = large().get(&scim(&format!("/Groups/{SALES}?excludedAttributes=members"))).await;
    assert_eq!((one.status, one.body.get("members")), (StatusCode::OK, None));
    let whole = World::new().get(&scim(&format!("/Groups/{SALES}"))).await;
    let users = whole.body["members"].as_array().unwrap().iter().filter(|member| member["type"] == "User");
    assert_eq!(users.count(), 2, "{}", whole.body);
}

#[tokio::test]
async fn a_page_of_scim_ends_where_its_members_would_be_too_many() {
    let large = || {
        let mut world = World::new();
        world.0.groups.iter_mut().for_each(|group| group.members = 15_000);
        world
    };
    let ask = async |query: &str| large().get(&path(query).replace("/api/v1/directories", "/scim/v2")).await.body;
    let all = ask("/Groups?excludedAttributes=members").await["Resources"].as_array().unwrap().len();
    assert!(all > 1);
    let mut found = 0;
    while found < all {
        let page = ask(&format!("/Groups?startIndex={}", found + 1)).await;
        assert_eq!(page["itemsPerPage"], 1, "{page:#}");
        found += 1;
    }
    let page = ask("/Groups?cursor=").await;
    assert!(page["nextCursor"].is_string(), "{page:#}");
}
