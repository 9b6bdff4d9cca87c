//! An account that is being authorized is tried by real reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use wiremock::ResponseTemplate;

use super::stage::{ManualClock, Stage, bearer, error, first, http, json, last, origin, stage};
use crate::graph::{AccountProbe, AccountRoles, DirectoryRole, GraphError, probe_account};

const ROLES: &str = "me/memberOf/microsoft.graph.directoryRole";

async fn probe(stage: &Stage) -> Result<AccountProbe, GraphError> {
    let origin = origin(&stage.server.uri());
    probe_account(&http(), &origin, &"bare-token".into(), Arc::new(ManualClock::new())).await
}

/// A stage whose users and groups can be read.
async fn readable(roles: ResponseTemplate) -> Stage {
    let stage = stage().await;
    stage.once(first("users").and(bearer("bare-token")), last(&["u1"])).await;
    stage.once(first("groups").and(bearer("bare-token")), last(&[])).await;
    stage.always(first(ROLES).and(bearer("bare-token")), roles).await;
    stage
}

fn role(template: &str) -> serde_json::Value {
    json!({ "id": "4c8ec6b0-1234-4b2b-9d5f-3f0f0a0b0c0d", "displayName": "Rolle", "roleTemplateId": template })
}

#[tokio::test]
async fn an_account_that_can_read_is_known_by_its_roles() {
    let roles = json!({ "value": [
        role("62e90394-69f5-4237-9190-012177145e10"),
        role("158C047A-C907-4556-B7EF-446551A6B5F7"),
        role("fe930be7-5e62-47db-91af-98c3a49a38b1"),
        role("88d8e3e3-8f55-4a1e-953a-9b9898b8876b"),
    ] });
    let stage = readable(json(roles)).await;

    let probe = probe(&stage).await.unwrap();

    let expected = BTreeSet::from([
        DirectoryRole::GlobalAdministrator,
        DirectoryRole::CloudApplicationAdministrator,
        DirectoryRole::UserAdministrator,
        DirectoryRole::Other("88d8e3e3-8f55-4a1e-953a-9b9898b8876b".to_owned()),
    ]);
    assert_eq!(probe, AccountProbe { sees_users: true, roles: AccountRoles::Known(expected) });
    let queries: Vec<_> =
        stage.requests().await.iter().map(|request| request.url.query().unwrap().to_owned()).collect();
    assert_eq!(queries, ["$select=id&$top=1", "$select=id&$top=1", "$select=id,displayName,roleTemplateId"]);
}

#[tokio::test]
async fn roles_that_cannot_be_read_are_unknown_and_no_error() {
    for answer in [
        error(403, "Authorization_RequestDenied"),
        error(404, "Request_ResourceNotFound"),
        error(400, "Request_UnsupportedQuery"),
        error(500, ""),
        json(json!({ "value": [{ "id": "r1" }] })),
        json(json!({ "value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/me/memberOf?$skiptoken=x" })),
    ] {
        let stage = readable(answer).await;
        assert_eq!(probe(&stage).await.unwrap().roles, AccountRoles::Unknown);
    }
}

#[tokio::test]
async fn an_account_that_is_shown_nobody_says_so() {
    let stage = stage().await;
    stage.once(first("users"), last(&[])).await;
    stage.once(first("groups"), last(&[])).await;
    stage.once(first(ROLES), last(&[])).await;
    let expected = AccountProbe { sees_users: false, roles: AccountRoles::Known(BTreeSet::new()) };
    assert_eq!(probe(&stage).await.unwrap(), expected);
}

#[tokio::test]
async fn an_account_that_cannot_read_users_or_groups_is_refused() {
    let stage = stage().await;
    stage.once(first("users"), error(403, "Authorization_RequestDenied")).await;
    assert!(matches!(probe(&stage).await, Err(GraphError::Forbidden(refused)) if refused.status == 403));

    stage.once(first("users"), last(&["u1"])).await;
    stage.once(first("groups"), error(401, "InvalidAuthenticationToken")).await;
    assert!(matches!(probe(&stage).await, Err(GraphError::Unauthorized(_))));
}

#[tokio::test]
async fn a_person_is_not_kept_waiting_for_long() {
    let stage = stage().await;
    stage.always(first("users"), error(503, "serviceNotAvailable")).await;
    assert!(matches!(probe(&stage).await, Err(GraphError::Failing(_))));
    let requests = stage.requests().await;
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| request.headers["x-ms-throttle-priority"] == "high"));
}
