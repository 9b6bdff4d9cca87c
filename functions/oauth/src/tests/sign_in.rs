//! Signing in to the Sync page.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::session::{Role, Session, SessionCookie, SessionKeys};
use url::Url;

use super::world::{Answer, TENANT, World};

const PAGE: &str = "/directories/22222222-2222-2222-2222-222222222222/users?q=ann";
const OTHER_TENANT: &str = "55555555-5555-5555-5555-555555555555";

impl World {
    /// Begins a sign-in and gives the query of Microsoft's authorize URL.
    async fn begin_sign_in(&mut self, return_to: &str) -> std::collections::BTreeMap<String, String> {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to).finish();
        let answer = self.get(&format!("/signin?{query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let location: Url = answer.headers[header::LOCATION].to_str().unwrap().parse().unwrap();
        location.query_pairs().into_owned().collect()
    }

    /// A whole sign-in with these app roles, and other changes of the claims.
    async fn sign_in(&mut self, return_to: &str, roles: &[&str], change: impl FnOnce(&mut Value)) -> Answer {
        let query = self.begin_sign_in(return_to).await;
        let mut claims = self.claims(&query);
        claims["roles"] = json!(roles);
        change(&mut claims);
        self.answer_token(200, &Self::tokens(&claims)).await;
        self.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await
    }

    fn session(&self) -> Option<Session> {
        let keys = SessionKeys::parse(&SecretString::from("k".repeat(32))).unwrap();
        let value = self.browser.cookies.get("__Host-session")?;
        let cookie = HeaderValue::from_str(&format!("__Host-session={value}")).unwrap();
        SessionCookie::new(true).open(&keys, &HeaderMap::from_iter([(header::COOKIE, cookie)]))
    }
}

#[tokio::test]
async fn who_has_a_role_gets_a_session_and_the_page_they_wanted() {
    for (roles, role) in [(&["Sync.Read"][..], Role::Reader), (&["Sync.Admin", "Sync.Read"], Role::Administrator)] {
        let mut world = World::new().await;
        let answer = world.sign_in(PAGE, roles, |_| {}).await;
        assert_eq!((answer.status, answer.headers[header::LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, PAGE));
        let session = world.session().unwrap();
        assert_eq!((session.tenant.to_string().as_str(), session.role, session.operator), (TENANT, role, false));
        assert_eq!(session.user_principal_name, "ann@Contoso.example");
        assert_eq!(world.browser.cookies.len(), 1, "the cookie of the sign-in has served");
        world.assert_nothing_stored();
    }
}

#[tokio::test]
async fn a_sign_in_asks_for_nothing_of_the_tenant_and_for_no_choice_without_need() {
    let mut world = World::new().await;
    let query = world.begin_sign_in(PAGE).await;
    assert_eq!(query["scope"], "openid profile");
    assert!(!query.contains_key("prompt") && query["code_challenge_method"] == "S256");
    let choosing = world.get("/signin?choose=1").await;
    assert!(choosing.headers[header::LOCATION].to_str().unwrap().contains("prompt=select_account"));
}

#[tokio::test]
async fn who_has_no_role_is_told_how_to_be_given_one() {
    let mut world = World::new().await;
    let answer = world.sign_in(PAGE, &["Sync.Operator", "Other"], |_| {}).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    insta::assert_snapshot!(answer.text(), @r"
    Office 365 Sync
    You have no access to this page
    What happened
    You are signed in as ann@Contoso.example, an account without a role of this application.
    What it means
    You are not signed in to the Sync page. The sync itself goes on as before.
    What to do
    Ask an administrator of your tenant: in the Entra admin center, under Enterprise applications, this application, Users and groups, an account can be assigned the role Sync.Read (may look) or Sync.Admin (may change). Then sign in again, or choose another account there.
    Sign in again
    ");
    assert!(world.session().is_none());
}

#[tokio::test]
async fn a_tenant_that_is_not_on_the_list_gets_no_session() {
    let mut world = World::new().await;
    let answer = world.sign_in(PAGE, &["Sync.Admin"], |claims| {
        claims["iss"] = json!(claims["iss"].as_str().unwrap().replace(TENANT, OTHER_TENANT));
        claims["tid"] = json!(OTHER_TENANT);
    });
    assert_eq!(answer.await.status, StatusCode::FORBIDDEN);
    assert!(world.session().is_none());
}

#[tokio::test]
async fn an_operator_is_one_by_tenant_and_role_together() {
    for (operators, roles, operator) in [
        (Some(TENANT), &["Sync.Read", "Sync.Operator"][..], true),
        (Some(TENANT), &["Sync.Read"], false),
        (Some(OTHER_TENANT), &["Sync.Read", "Sync.Operator"], false),
        (None, &["Sync.Read", "Sync.Operator"], false),
    ] {
        let mut world = World::operated_by(operators).await;
        world.sign_in(PAGE, roles, |_| {}).await;
        assert_eq!(world.session().unwrap().operator, operator, "{operators:?} {roles:?}");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_after_signing_in() {
    for elsewhere in ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"] {
        let mut world = World::new().await;
        let answer = world.sign_in(elsewhere, &["Sync.Read"], |_| {}).await;
        assert_eq!(answer.headers[header::LOCATION], "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn what_signs_in_signs_in_once_and_in_its_own_browser() {
    let mut world = World::new().await;
    let query = world.begin_sign_in(PAGE).await;
    let mut claims = world.claims(&query);
    claims["roles"] = json!(["Sync.Read"]);
    world.answer_token(200, &World::tokens(&claims)).await;
    let callback = format!("/oauth/callback?code=the-code&state={}", query["state"]);
    let own = std::mem::take(&mut world.browser);
    assert_eq!(world.get(&callback).await.status, StatusCode::FORBIDDEN);
    assert!(world.session().is_none());
    world.browser = own;
    let again = world.browser.cookies.clone();
    assert_eq!(world.get(&callback).await.status, StatusCode::SEE_OTHER);
    assert!(world.session().is_some());
    // The same answer once more, as of a double click: it leads to the page, and gives no second session.
    world.browser.cookies = again;
    let repeated = world.get(&callback).await;
    assert_eq!((repeated.status, repeated.location()), (StatusCode::SEE_OTHER, Some(PAGE)));
    assert!(world.session().is_none());
    world.browser.cookies.clear();
    assert_eq!(world.get(&callback).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_address_that_begins_too_often_must_wait() {
    let mut world = World::new().await;
    *world.state.attempts.lock().unwrap() = 29;
    assert_eq!(world.get("/signin").await.status, StatusCode::SEE_OTHER);
    for path in ["/signin", "/oauth/authorize"] {
        let refused = world.get(path).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert!(
            refused.headers.contains_key(header::RETRY_AFTER) && refused.text().contains("Wait a minute"),
            "{path}"
        );
    }
}
