//! Lists and rounds are read to their end, or not taken for read.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::stage::{Stage, done, error, first, json, last, more, page, stage};
use crate::directory::{GroupProfile, UserProfile};
use crate::graph::GraphError;
use crate::sync::{DeltaLink, GroupEvent, Next, ReadPage, SourceError, TenantSource, Trail};

/// The cause that a source error carries.
fn cause(error: SourceError) -> GraphError {
    match error {
        SourceError::Incomplete(cause) | SourceError::Rejected(cause) | SourceError::Unavailable(cause) => {
            *cause.downcast().unwrap()
        }
        other => panic!("{other} has no cause in Graph"),
    }
}

async fn listed_users(stage: &Stage) -> Result<Vec<String>, SourceError> {
    let listing = stage.users().await?;
    Ok(listing.objects.iter().map(|(id, _)| id.to_string()).collect())
}

#[tokio::test]
async fn a_list_is_read_page_by_page_also_past_an_empty_page() {
    let stage = stage().await;
    let second = stage.link("users", "RFNwdAIAAQ%7C%3D+a");
    stage.once(first("users"), more(&["u1"], &second)).await;
    stage.once(page("users", "RFNwdAIAAQ|= a"), more(&[], &stage.link("users", "three"))).await;
    stage.once(page("users", "three"), last(&["u2"])).await;

    assert_eq!(listed_users(&stage).await.unwrap(), ["u1", "u2"]);

    let requests = stage.requests().await;
    assert_eq!(requests[0].url.query().unwrap(), format!("$select={}&$top=999", UserProfile::SELECT));
    let used = requests[1].url.query().unwrap();
    assert_eq!(second.split_once('?').unwrap().1, used, "a link is used whole and unchanged");
    let effort = stage.tenant.effort();
    assert_eq!((effort.graph_requests, effort.pages, effort.throttled), (3, 3, 0));
}

#[tokio::test]
async fn groups_and_members_are_asked_for_in_large_pages() {
    let stage = stage().await;
    stage.once(first("groups"), last(&["g1"])).await;
    let members = json!({ "value": [
        { "@odata.type": "#microsoft.graph.user", "id": "u1", "businessPhones": [] },
        { "@odata.type": "#microsoft.graph.device" },
    ] });
    stage.once(first("groups/g1/members"), json(members)).await;

    stage.groups().await.unwrap();
    let members = stage.members("g1").await.unwrap();

    assert_eq!(members.objects.len(), 1);
    assert_eq!(notes(&members.unread), ["a member of group g1 without a usable id was left out (entry 2 of page 1)"]);
    let requests = stage.requests().await;
    assert_eq!(requests[0].url.query().unwrap(), format!("$select={}&$top=999", GroupProfile::SELECT));
    assert_eq!(requests[1].url.query().unwrap(), "$top=999");
}

#[tokio::test]
async fn one_odd_user_is_reported_and_does_not_stop_the_others() {
    let stage = stage().await;
    let page = json!({ "value": [{ "id": "u1" }, { "id": "u2", "accountEnabled": "yes" }, null, { "id": "u4" }] });
    stage.once(first("users"), json(page)).await;

    let listing = stage.users().await.unwrap();

    assert_eq!(listing.objects.len(), 2);
    assert_eq!(
        notes(&listing.unread),
        [
            "user u2 was left out: accountEnabled has an unexpected type",
            "a user without a usable id was left out (entry 3 of page 1)",
        ]
    );
}

#[tokio::test]
async fn the_members_of_a_vanished_group_are_not_found() {
    let stage = stage().await;
    stage.once(first("groups/g1/members"), error(404, "Request_ResourceNotFound")).await;
    let members = stage.members("g1").await;
    assert!(matches!(members, Err(SourceError::NotFound)));
}

#[tokio::test]
async fn a_link_to_another_host_is_refused_and_no_token_goes_there() {
    let stage = stage().await;
    let elsewhere = MockServer::start().await;
    let link = format!("{}/v1.0/users?$skiptoken=x", elsewhere.uri());
    stage.always(first("users"), more(&["u1"], &link)).await;
    stage.always(first("users/delta"), done(&[], &link)).await;

    assert!(matches!(cause(listed_users(&stage).await.unwrap_err()), GraphError::ForeignLink));
    let delta = DeltaLink::new(format!("{}/v1.0/users/delta?$deltatoken=a", stage.server.uri()));
    assert!(matches!(cause(stage.user_changes(&delta).await.unwrap_err()), GraphError::ForeignLink));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_stored_link_to_another_host_asks_for_a_resync() {
    let stage = stage().await;
    let link = DeltaLink::new("https://graph.microsoft.us/v1.0/users/delta?$deltatoken=a".to_owned());
    assert!(matches!(stage.user_changes(&link).await, Err(SourceError::ResyncRequired)));
    assert!(stage.requests().await.is_empty());
}

#[tokio::test]
async fn a_next_link_to_its_own_page_is_noticed() {
    let stage = stage().await;
    let link = stage.link("users", "two");
    stage.once(first("users"), more(&["u1"], &link)).await;
    stage.once(page("users", "two"), more(&["u2"], &link)).await;
    assert!(matches!(cause(listed_users(&stage).await.unwrap_err()), GraphError::NextLinkLoop));
}

#[tokio::test]
async fn a_longer_circle_of_next_links_is_noticed() {
    let stage = stage().await;
    stage.once(first("users"), more(&[], &stage.link("users", "two"))).await;
    stage.once(page("users", "two"), more(&[], &stage.link("users", "three"))).await;
    stage.once(page("users", "three"), more(&[], &stage.link("users", "two"))).await;
    assert!(matches!(cause(listed_users(&stage).await.unwrap_err()), GraphError::NextLinkLoop));
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let mut stage = stage().await;
    stage.tenant.max_pages = 5;
    let (count, uri) = (AtomicU32::new(0), stage.server.uri());
    let ever_another = move |_: &Request| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        more(&[], &format!("{uri}/v1.0/users?$skiptoken={number}"))
    };
    Mock::given(wiremock::matchers::any()).respond_with(ever_another).expect(5).mount(&stage.server).await;
    assert!(matches!(cause(listed_users(&stage).await.unwrap_err()), GraphError::TooManyPages));
}

#[tokio::test]
async fn a_page_without_value_is_incomplete_and_never_empty() {
    for body in
        [json!({}), json!({ "value": null }), json!({ "value": [], "@odata.nextLink": "a", "@odata.deltaLink": "b" })]
    {
        let stage = stage().await;
        stage.always(first("users"), json(body)).await;
        assert!(matches!(cause(listed_users(&stage).await.unwrap_err()), GraphError::Malformed(_)));
        assert_eq!(stage.requests().await.len(), 3, "it is asked for again, and not for ever");
    }
}

#[tokio::test]
async fn a_round_without_a_link_at_its_end_is_incomplete() {
    let stage = stage().await;
    stage.always(first("users/delta"), last(&["u1"])).await;
    let link = DeltaLink::new(format!("{}/v1.0/users/delta?$deltatoken=a", stage.server.uri()));
    assert!(matches!(stage.user_changes(&link).await, Err(SourceError::Incomplete(_))));
    stage.always(first("groups/delta"), last(&[])).await;
    assert!(matches!(stage.tenant.latest_links().await, Err(SourceError::Incomplete(_))));
}

#[tokio::test]
async fn a_page_cut_short_is_asked_for_again() {
    let stage = stage().await;
    let cut = ResponseTemplate::new(200).set_body_raw(r#"{"value":[{"id":"u1"},{"#, "application/json");
    stage.once(first("users"), cut.clone()).await;
    stage.once(first("users"), last(&["u1", "u2"])).await;
    assert_eq!(listed_users(&stage).await.unwrap(), ["u1", "u2"]);

    stage.always(first("groups"), cut).await;
    assert!(matches!(stage.groups().await, Err(SourceError::Incomplete(_))));
}

#[tokio::test]
async fn an_answer_too_large_for_a_page_is_not_read() {
    let stage = stage().await;
    let blank = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 64 * 1024 * 1024 + 1]);
    stage.once(first("users"), blank).await;
    assert!(matches!(cause(listed_users(&stage).await.unwrap_err()), GraphError::TooLarge));
}

#[tokio::test]
async fn a_list_whose_page_token_has_expired_is_read_from_its_first_page() {
    for code in ["Directory_ExpiredPageToken", "DirectoryPageTokenNotFoundException"] {
        let stage = stage().await;
        stage.once(first("users"), more(&["u1"], &stage.link("users", "old"))).await;
        stage.once(page("users", "old"), error(400, code)).await;
        stage.once(first("users"), more(&["u1"], &stage.link("users", "new"))).await;
        stage.once(page("users", "new"), last(&["u2"])).await;
        assert_eq!(listed_users(&stage).await.unwrap(), ["u1", "u2"], "nobody comes twice");
    }
}

#[tokio::test]
async fn a_list_is_started_again_twice_at_most() {
    let stage = stage().await;
    stage.always(first("users"), more(&["u1"], &stage.link("users", "old"))).await;
    stage.always(page("users", "old"), error(404, "DirectoryPageTokenNotFoundException")).await;
    assert!(matches!(cause(listed_users(&stage).await.unwrap_err()), GraphError::PageTokenExpired(_)));
    assert_eq!(stage.requests().await.len(), 6);
}

#[tokio::test]
async fn a_round_whose_page_tokens_keep_expiring_asks_for_a_resync() {
    let stage = stage().await;
    stage.always(first("users/delta"), error(400, "Directory_ExpiredPageToken")).await;
    let link = DeltaLink::new(format!("{}/v1.0/users/delta?$deltatoken=a", stage.server.uri()));
    assert!(matches!(stage.user_changes(&link).await, Err(SourceError::ResyncRequired)));
}

#[tokio::test]
async fn a_link_that_is_no_longer_accepted_asks_for_a_resync() {
    for (status, code) in [(410, ""), (410, "resyncRequired"), (410, "SyncStateNotFound"), (400, "syncStateNotFound")] {
        let stage = stage().await;
        stage.once(first("groups/delta"), error(status, code)).await;
        let link = DeltaLink::new(format!("{}/v1.0/groups/delta?$deltatoken=a", stage.server.uri()));
        assert!(matches!(stage.group_changes(&link).await, Err(SourceError::ResyncRequired)), "{status} {code}");
    }
}

#[tokio::test]
async fn the_latest_links_carry_the_select_lists() {
    let stage = stage().await;
    let users = format!("{}/v1.0/users/delta?$deltatoken=u", stage.server.uri());
    let groups = format!("{}/v1.0/groups/delta?$deltatoken=g", stage.server.uri());
    stage.once(first("users/delta"), done(&[], &users)).await;
    stage.once(first("groups/delta"), done(&[], &groups)).await;

    let links = stage.tenant.latest_links().await.unwrap();

    assert_eq!((links.users.as_str(), links.groups.as_str()), (users.as_str(), groups.as_str()));
    assert_eq!(links.select, stage.tenant.select());
    assert!(links.select.contains(UserProfile::SELECT) && links.select.contains(GroupProfile::DELTA_SELECT));
    let mut queries: Vec<_> = stage.requests().await.iter().map(|r| r.url.query().unwrap().to_owned()).collect();
    queries.sort();
    let expected = [UserProfile::SELECT, GroupProfile::DELTA_SELECT].map(|s| format!("$select={s}&$deltatoken=latest"));
    assert!(expected.iter().all(|query| queries.contains(query)), "{queries:?}");
}

#[tokio::test]
async fn a_round_gathers_its_pages_in_their_order_and_ends_with_the_next_link_to_store() {
    let stage = stage().await;
    let next = format!("{}/v1.0/groups/delta?$deltatoken=next", stage.server.uri());
    // Modelled on Microsoft Graph, "Get incremental changes for groups": a large group comes in slices.
    let slice = |member: &str| {
        json!({ "id": "g1", "displayName": "All", "members@delta": [
        { "@odata.type": "#microsoft.graph.user", "id": member },
    ] })
    };
    let start = json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#groups(displayName,members)",
        "@odata.nextLink": stage.link("groups/delta", "two"),
        "value": [slice("u1"), { "id": "g2", "@removed": { "reason": "deleted" } }],
    });
    stage.once(first("groups/delta"), json(start)).await;
    let end = json!({ "@odata.deltaLink": next, "value": [slice("u2")] });
    stage.once(page("groups/delta", "two"), json(end)).await;

    let link = DeltaLink::new(format!("{}/v1.0/groups/delta?$deltatoken=a", stage.server.uri()));
    let round = stage.group_changes(&link).await.unwrap();

    assert_eq!(end_of(&round), next);
    let told: Vec<_> = round
        .objects
        .iter()
        .map(|change| (change.id.to_string(), matches!(change.what, GroupEvent::Seen(_)), change.members.len()))
        .collect();
    assert_eq!(told, [("g1".to_owned(), true, 1), ("g2".to_owned(), false, 0), ("g1".to_owned(), true, 1)]);
}

#[tokio::test]
async fn a_round_in_which_nothing_changed_has_a_new_link_all_the_same() {
    let stage = stage().await;
    let next = format!("{}/v1.0/users/delta?$deltatoken=next", stage.server.uri());
    stage.once(first("users/delta"), done(&[], &next)).await;
    let link = DeltaLink::new(format!("{}/v1.0/users/delta?$deltatoken=a", stage.server.uri()));
    let round = stage.user_changes(&link).await.unwrap();
    assert_eq!((round.objects.as_slice(), end_of(&round)), ([].as_slice(), next.as_str()));
}

fn notes(unread: &[crate::sync::UnreadObject]) -> Vec<&str> {
    unread.iter().map(|object| object.note.as_str()).collect()
}

fn end_of<T>(round: &ReadPage<T>) -> &str {
    match &round.next {
        Next::Changes(link) => link.as_str(),
        next => panic!("a round ends with changes, not {next:?}"),
    }
}

#[tokio::test]
async fn a_list_that_was_cut_off_goes_on_with_the_page_it_lacks() {
    let stage = stage().await;
    let trail = Trail::default();
    stage.once(first("users"), more(&["u1"], &stage.link("users", "two"))).await;
    stage.always(page("users", "two"), error(500, "InternalServerError")).await;
    assert!(matches!(stage.tenant.users(&trail).await, Err(SourceError::Unavailable(_))));
    stage.server.reset().await;
    stage.once(page("users", "two"), last(&["u2"])).await;
    stage.tenant.users(&trail).await.unwrap();
    let ids: Vec<String> = trail.take().objects.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids, ["u1", "u2"]);
}
