//! Who may open which page and send which form, and what becomes of those who may not.

use http::{Method, StatusCode};
use jiff::SignedDuration;
use shared::clock::Clock as _;
use shared::directory::DirectoryId;
use shared::session::{Role, SESSION_IDLE, SESSION_LIFETIME, Session};
use shared::store::EndedSessions as _;
use uuid::Uuid;

use super::visit::{FROM, Visitor, ask};
use crate::harness::{World, everything, small};

/// Every page of a directory.
const PAGES: [&str; 8] = ["", "/state", "/users", "/groups", "/runs", "/holds", "/audit", "/tokens"];
/// Every form of a directory, with good and bad ids in its path.
const FORMS: [&str; 9] = [
    "/sync",
    "/settings",
    "/credentials/nobody/prefer",
    "/credentials/nobody/remove",
    "/drafts/0190a1b2-0000-7000-8000-000000000000/save",
    "/holds/0190a1b2-0000-7000-8000-000000000000/apply",
    "/holds/0190a1b2-0000-7000-8000-000000000000/discard",
    "/tokens",
    "/tokens/AAAAAAAAAAAAAAAA/revoke",
];

#[tokio::test]
async fn strangers_are_sent_to_sign_in_and_come_back_to_their_page() {
    let world = World::synced(&small(), everything()).await;
    for page in PAGES {
        let path = format!("/directories/{}{page}", world.directory);
        for cookie in ["", "session=", "session=forged", "session=a; session=b"] {
            let answer = ask(&world, Method::GET, &path, &[("cookie", cookie)], String::new()).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page} {cookie}");
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &path).finish();
            assert_eq!(answer.location(), format!("/signin?{query}"));
        }
    }
    for form in FORMS {
        let path = format!("/directories/{}{form}", world.directory);
        let answer = ask(&world, Method::POST, &path, &[], String::new()).await;
        // No redirect: a browser would not follow it from a form.
        assert_eq!((answer.status, answer.location()), (StatusCode::FORBIDDEN, ""), "{form}");
        assert!(answer.text().contains("Your session has ended"), "{form}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_reader_sees_every_page_and_can_change_nothing() {
    let world = World::synced(&small(), everything()).await;
    let reader = Visitor::new(&world, Role::Reader).await;
    for page in PAGES {
        let answer = reader.get(page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}: {}", answer.text());
        assert!(!answer.body.contains("type=\"submit\">Save") && !answer.body.contains("Sync now"), "{page}");
    }
    for form in FORMS {
        let answer = reader.post(form, &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form}");
        assert!(answer.text().contains("You may look, but not change anything"), "{form}: {}", answer.text());
    }
    assert!(reader.get("/audit").await.text().contains("Changed the settings"));
}

#[tokio::test]
async fn another_tenant_does_not_see_that_there_is_one() {
    let world = World::synced(&small(), everything()).await;
    let elsewhere = DirectoryId::new(Uuid::from_u128(7));
    let stranger = Visitor::of(&world, elsewhere, Role::Administrator, false).await;
    for page in PAGES {
        let (real, made_up) =
            (stranger.get(page).await, stranger.at(&format!("/directories/{}{page}", Uuid::from_u128(8))).await);
        assert_eq!((real.status, made_up.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND), "{page}");
        // But for the token of their own form.
        assert_eq!(real.body, made_up.body);
    }
    for form in FORMS {
        assert_eq!(stranger.post(form, &[]).await.status, StatusCode::NOT_FOUND, "{form}");
    }
    let own = stranger.at("/").await;
    assert!(own.text().contains("Your tenant is not connected yet"), "{}", own.text());
}

#[tokio::test]
async fn an_operator_sees_all_directories() {
    let world = World::synced(&small(), everything()).await;
    let operator = Visitor::of(&world, DirectoryId::new(Uuid::from_u128(7)), Role::Reader, true).await;
    let list = operator.at("/").await;
    assert!(list.body.contains(&format!("/directories/{}", world.directory)), "{}", list.text());
    assert_eq!(operator.get("/users").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_counts_only_when_our_own_page_sent_it() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let other = Visitor::new(&world, Role::Administrator).await;
    let before = world.list("runs").await.len();
    let path = format!("/directories/{}/sync", world.directory);
    let good = format!("form_token={}", admin.session.form_token());
    for (headers, body) in [
        (vec![], String::new()),
        (vec![], "form_token=".to_owned()),
        (vec![], format!("form_token={}", other.session.form_token())),
        (vec![(FROM, "https://evil.example")], good.clone()),
        (vec![(FROM, "null")], good.clone()),
        (vec![("sec-fetch-site", "cross-site")], good.clone()),
        (vec![("sec-fetch-site", "same-site")], good.clone()),
    ] {
        let answer = admin.post_body(&path, &headers, body.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?} {body}");
    }
    let long = admin.post_body(&path, &[], format!("{good}&x={}", "x".repeat(600_000))).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.list("runs").await.len(), before, "nothing was asked for");
    assert_eq!(admin.post_body(&path, &[], good).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_by_time_by_rest_and_by_signing_out_and_a_copy_is_worth_nothing_then() {
    let world = World::synced(&small(), everything()).await;
    let now = world.clock.now();
    let fresh = Visitor::new(&world, Role::Reader).await.session;
    for (begun, seen) in [(SESSION_LIFETIME, SignedDuration::ZERO), (SESSION_IDLE, SESSION_IDLE)] {
        let old = Session { begun_at: now - begun, seen_at: now - seen, ..fresh.clone() };
        assert_eq!(Visitor::with(&world, old).await.get("").await.status, StatusCode::SEE_OTHER);
    }
    // One that is used is renewed after a while, and only then.
    assert!(Visitor::with(&world, fresh.clone()).await.get("").await.headers.get("set-cookie").is_none());
    let used = Session { seen_at: now - SignedDuration::from_mins(6), ..fresh.clone() };
    let renewed = Visitor::with(&world, used).await.get("").await;
    assert!(renewed.headers["set-cookie"].to_str().unwrap().starts_with("session="));

    let visitor = Visitor::with(&world, fresh).await;
    let body = format!("form_token={}", visitor.session.form_token());
    let out = visitor.post_body("/signout", &[], body.clone()).await;
    assert_eq!((out.status, out.location()), (StatusCode::SEE_OTHER, "/signed-out"));
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(world.stack.store.has_ended(&visitor.session.id.hash()).await.unwrap());
    assert_eq!(visitor.get("").await.status, StatusCode::SEE_OTHER, "the copy still opens pages");
    assert_eq!(visitor.post_body("/signout", &[], body).await.status, StatusCode::SEE_OTHER, "twice is as once");
}

#[tokio::test]
async fn every_page_is_private_and_runs_nothing_from_elsewhere() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    for page in PAGES.into_iter().filter(|page| *page != "/state").chain(["/users/nobody", "/drafts/none"]) {
        let answer = admin.get(page).await;
        let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{policy}");
        assert_eq!(
            (header("cache-control").as_str(), header("x-content-type-options").as_str()),
            ("private, no-store", "nosniff")
        );
        for inline in ["<style", " style=", " onclick=", "<script>", "javascript:"] {
            assert!(!answer.body.contains(inline), "{page} has {inline}");
        }
    }
    let page = admin.get("").await;
    let style = page.body.split("href=\"").find(|part| part.starts_with("/assets/style")).unwrap();
    let style = ask(&world, Method::GET, style.split('"').next().unwrap(), &[], String::new()).await;
    assert_eq!(style.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(ask(&world, Method::GET, "/assets/style.css", &[], String::new()).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn paths_and_queries_that_make_no_sense_are_answered_in_words() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    for path in ["/users/nobody", "/groups/none", "/runs/1", "/holds/1", "/drafts/1", "/users/%FF", "/users/a%5Cb"] {
        let answer = admin.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text());
        assert!(answer.text().contains("What to do"), "{path}");
    }
    for list in ["/users", "/groups", "/runs", "/audit"] {
        let answer = admin.get(&format!("{list}?after=nonsense")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{list}: {}", answer.text());
    }
    for directory in ["x", "%00", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(admin.at(&format!("/directories/{directory}")).await.status, StatusCode::NOT_FOUND, "{directory}");
    }
}
