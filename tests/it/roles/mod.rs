//! The role of each function in `infra/template.yaml` against what the functions ask of AWS.
//!
//! All end-to-end tests run under these roles: the wire to the local parts of AWS lets nothing through that the role of the
//! function does not allow ([`wire`]). Here a directory's whole life shows that every permission is needed.

mod policy;
mod request;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use jiff::SignedDuration;
use reqwest::header::{LOCATION, SET_COOKIE};
use serde_json::json;
use shared::alerts::SnsTopic;
use shared::config::AppCredential;
use shared::feed::EventBus;
use shared::session::Role;
use tenant::Action;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Setup, World, everything, small};
use crate::pages::visit::{Visitor, ask};

use policy::{Permission, ROLES};
pub use request::SIGNING_KEY;
pub use wire::{Deployment, by_tcp, wire};

/// What Lambda itself does in the name of a function: it writes logs and traces, and it receives messages (AWS Lambda developer
/// guide, "Configuring SQS queue event source": execution role permissions).
fn is_done_by_lambda(permission: &Permission) -> bool {
    let of_lambda = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
    permission.action.starts_with("logs:")
        || permission.action.starts_with("xray:")
        || of_lambda.contains(&permission.action.as_str())
}

/// What the role of a function may do in such a deployment and nothing in this process has needed, by what it is.
pub fn idle(function: &str, app_credential: &AppCredential) -> BTreeSet<&'static Permission> {
    let used = wire::used(function);
    let permissions = ROLES[function].iter().filter(|one| one.is_in(app_credential) && !is_done_by_lambda(one));
    permissions.filter(|one| !used.contains(one)).collect()
}

/// An SNS or EventBridge that takes everything.
async fn taking(answer: &str) -> MockServer {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(200).set_body_string(answer.to_owned());
    Mock::given(method("POST")).respond_with(template).mount(&server).await;
    server
}

/// The sync function's clients for alerts and events, as its `main.rs` makes them.
fn sinks(sns: &str, events: &str) -> (Arc<SnsTopic>, Arc<EventBus>) {
    let credentials = || aws_sdk_sns::config::Credentials::new("local", "local", None, None, "local");
    let app = || aws_sdk_sns::config::AppName::new("sync").unwrap();
    let sns = aws_sdk_sns::Config::builder()
        .behavior_version(aws_sdk_sns::config::BehaviorVersion::latest())
        .region(aws_sdk_sns::config::Region::from_static("local"))
        .credentials_provider(credentials())
        .app_name(app())
        .http_client(wire(by_tcp(), Deployment::default()))
        .endpoint_url(sns);
    let events = aws_sdk_eventbridge::Config::builder()
        .behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest())
        .region(aws_sdk_eventbridge::config::Region::from_static("local"))
        .credentials_provider(credentials())
        .app_name(app())
        .http_client(wire(by_tcp(), Deployment::default()))
        .endpoint_url(events);
    let topic = "arn:aws:sns:local:000000000000:AlertTopic".to_owned();
    (
        Arc::new(SnsTopic::new(aws_sdk_sns::Client::from_conf(sns.build()), topic)),
        Arc::new(EventBus::new(aws_sdk_eventbridge::Client::from_conf(events.build()), "bus".to_owned())),
    )
}

#[tokio::test]
async fn the_life_of_a_directory_needs_every_permission_there_is() {
    let sns = taking(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>1</MessageId>\
         </PublishResult></PublishResponse>",
    )
    .await;
    let bus = taking(r#"{"FailedEntryCount": 0, "Entries": []}"#).await;
    let (alerts, events) = sinks(&sns.uri(), &bus.uri());
    let world = World::set_up(&small(), Setup { alerts: Some(alerts), events: Some(events), ..Setup::default() }).await;

    // Authorized twice by one administrator and once by another, who is removed again.
    for administrator in [0, 0, 1] {
        world.authorize_as(administrator).await;
    }
    world.set(everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let backup = world.tenant.administrators()[1].id;
    for form in [format!("/credentials/{backup}/prefer"), format!("/credentials/{backup}/remove")] {
        assert!(admin.post(&form, &[]).await.status.is_redirection());
    }
    // Signed in and out.
    sign_in(&world).await;
    assert!(admin.at("/").await.status.is_success() || admin.at("/").await.status.is_redirection());
    let signed_out = admin.post_body("/signout", &[], format!("form_token={}", admin.session.form_token())).await;
    assert!(signed_out.status.is_redirection(), "{}", signed_out.body);
    let admin = Visitor::new(&world, Role::Administrator).await;

    // A token of the page's, used and revoked; settings by a draft.
    let made = admin.post("/tokens", &[("name", "gateway"), ("scope", "read"), ("days", "90")]).await;
    assert!(made.status.is_success(), "{}", made.body);
    for page in ["", "/users", "/groups", "/runs", "/audit", "/tokens"] {
        assert!(admin.get(page).await.status.is_success(), "{page}");
    }
    let revoke = admin.get("/tokens").await.body;
    let revoke = revoke.split("/tokens/").nth(1).unwrap().split('"').next().unwrap();
    assert!(admin.post(&format!("/tokens/{revoke}"), &[]).await.status.is_redirection());
    let fields = [
        ("sync_users", "yes"),
        ("sync_groups", "yes"),
        ("sync_groups_without_email", "yes"),
        ("percent", "25"),
        ("at_least", "5"),
    ];
    let draft = admin.post("/settings", &fields).await.location().to_owned();
    assert!(admin.at(&draft).await.status.is_success(), "{draft}");
    let saved =
        admin.post_body(&format!("{draft}/save"), &[], format!("form_token={}", admin.session.form_token())).await;
    assert!(saved.status.is_redirection(), "{}", saved.body);
    world.settle().await;

    // Too many go at once, which is approved; somebody comes; and nobody's authorization works any more.
    for user in world.ordinary_users().into_iter().take(20) {
        world.apply(Action::Delete { id: user });
    }
    let held = world.sync().await;
    assert_eq!(held["state"], "held", "{held:#}");
    assert!(admin.get("/holds").await.status.is_success());
    world.approve(&held).await;
    world.check(&everything()).await;
    world.assert_idle().await;
    for query in ["users?limit=5", "groups", "changes", "runs", "users/admin@contoso.example/access", "users?q=a"] {
        world.get(query).await;
    }
    // The first use of a token in an hour is noted.
    world.clock.pass(SignedDuration::from_hours(25));
    world.get("users?limit=5").await;
    tick(&world).await;
    world.apply(Action::DisableUser { user: world.tenant.administrators()[0].id });
    world.sync().await;

    for function in ROLES.keys() {
        let idle = idle(function, &AppCredential::ClientSecret);
        assert!(idle.is_empty(), "{function} needs none of {idle:#?}");
    }
}

/// Signs the first administrator in to the Sync page.
async fn sign_in(world: &World) {
    let left = ask(world, Method::GET, "/signin", &[], String::new()).await;
    let cookie = left.headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let account = world.tenant.administrators()[0].id.to_string();
    let chosen = browser.post(left.location()).form(&[("account", account)]).send().await.unwrap();
    let back = chosen.headers()[LOCATION].to_str().unwrap();
    let path = back.strip_prefix(world.stack.base_url.as_str().trim_end_matches('/')).unwrap();
    let entered = ask(world, Method::GET, path, &[("cookie", &cookie)], String::new()).await;
    assert!(entered.status.is_redirection(), "{}", entered.body);
}

/// A tick of the schedule, and time for what it asks for.
async fn tick(world: &World) {
    let event = serde_json::from_value(json!({"detail-type": "Scheduled Event"})).unwrap();
    sync::handle(&world.stack.sync, lambda_runtime::LambdaEvent::new(event, lambda_runtime::Context::default()))
        .await
        .unwrap();
    world.settle().await;
}
