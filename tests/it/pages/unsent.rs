//! Forms that are sent when their session has ended: nothing happens, nothing is lost.

use http::{Method, StatusCode};
use jiff::SignedDuration;
use shared::clock::Clock as _;
use shared::session::{Role, SESSION_IDLE, Session};
use shared::store::{DirectoryStore as _, EndedSessions as _};

use super::browser::{Browser, Setup, in_a_browser};
use super::visit::{Answer, FROM, Visitor, ask};
use crate::harness::{World, everything, small};

const ADMIN: &str = "admin@contoso.example";

/// Longer than a session lasts without being used.
fn idle(world: &World) {
    world.clock.pass(SESSION_IDLE + SignedDuration::from_mins(1));
}

async fn version(world: &World) -> u64 {
    world.stack.store.directory(world.directory.parse().unwrap()).await.unwrap().unwrap().settings_version
}

/// The same person with a session that begins now.
async fn signed_in_again<'a>(world: &'a World, before: &Visitor<'_>) -> Visitor<'a> {
    let mut again = Visitor::new(world, before.session.role).await.session;
    again.user = before.session.user.clone();
    Visitor::with(world, again).await
}

/// Where the page of an ended session leads after the sign-in.
fn kept_at(answer: &Answer) -> Option<String> {
    let link = answer.body.split("href=\"/signin?").nth(1)?.split('"').next()?.replace("&amp;", "&");
    let (_, place) = url::form_urlencoded::parse(link.as_bytes()).into_owned().find(|(name, _)| name == "return_to")?;
    place.contains("/unsent/").then_some(place)
}

/// A session of the administrator who can sign in by the simulated login.
async fn administrator(world: &World) -> Visitor<'_> {
    let mut session = Visitor::new(world, Role::Administrator).await.session;
    session.user = world.tenant.administrators()[0].id.to_string().parse().unwrap();
    Visitor::with(world, session).await
}

/// Lets the browser's session be over, as if nobody had used it for an hour.
async fn end(world: &World, browser: &Browser, visitor: &Visitor<'_>) {
    let now = world.clock.now();
    let old = Session { begun_at: now - SESSION_IDLE, seen_at: now - SESSION_IDLE, ..visitor.session.clone() };
    browser.has(&Visitor::with(world, old).await).await;
}

/// From the page that says that the session has ended, back to what was filled in.
async fn sign_in_again(browser: &Browser) {
    browser.wait_for("Your session has ended").await;
    assert_eq!(browser.violations().await, [""; 0]);
    browser.press("Sign in again").await;
    browser.sign_in(ADMIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_filled_in_survive_the_end_of_the_session() {
    let world = World::synced(&small(), everything()).await;
    let base = world.stack.base_url.clone();
    let admin = administrator(&world).await;
    in_a_browser(&base, Setup::default(), async |browser| {
        browser.be(&admin).await;
        browser.open_page(&format!("/directories/{}", world.directory)).await;
        browser.choose("nested_groups", "yes").await;
        browser.fill("group_prefixes", "VPN ").await;
        end(&world, &browser, &admin).await;
        browser.press("Preview the changes").await;
        sign_in_again(&browser).await;
        browser.wait_for("This is what you filled in").await;
        assert_eq!(browser.value("group_prefixes").await, "VPN ");
        assert_eq!(browser.value("nested_groups").await, "yes");
        assert_eq!(browser.violations().await, [""; 0]);
        browser.press("Preview the changes").await;
        browser.wait_for("What saving would change").await;
        assert!(browser.text().await.contains("added \"VPN \""), "{}", browser.text().await);
        browser.press("Save the settings").await;
        browser.wait_for("The settings are saved").await;
        // Shown so that it can be seen, and unchanged when it is sent unchanged.
        assert_eq!(browser.value("group_prefixes").await, "\"VPN \"");
        browser.press("Preview the changes").await;
        browser.wait_for("These are the settings as they are").await;
    })
    .await;
    let settings = world.get("settings").await["settings"].clone();
    assert_eq!(settings["group_prefixes"], serde_json::json!(["VPN "]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_form_comes_back_after_the_sign_in() {
    let world = World::synced(&small(), everything()).await;
    let base = world.stack.base_url.clone();
    let here = format!("/directories/{}", world.directory);
    let admin = administrator(&world).await;
    in_a_browser(&base, Setup::default(), async |browser| {
        browser.open_page("/signed-out").await;
        browser.has(&admin).await;
        browser.open_page(&format!("{here}/tokens")).await;
        browser.fill("name", "VPN gateway").await;
        end(&world, &browser, &admin).await;
        browser.press("Make the token").await;
        sign_in_again(&browser).await;
        browser.wait_for("Not sent yet").await;
        assert!(browser.text().await.contains("VPN gateway"));
        browser.press("Make the token").await;
        browser.wait_for("Copy it now").await;

        let runs = world.list("runs").await.len();
        browser.has(&admin).await;
        browser.open_page(&here).await;
        end(&world, &browser, &admin).await;
        browser.press("Sync now").await;
        sign_in_again(&browser).await;
        browser.wait_for("Not sent yet").await;
        assert_eq!(world.list("runs").await.len(), runs, "nothing was asked for");
        browser.press("Sync now").await;
        browser.wait_for("Latest runs").await;
        assert_eq!(world.list("runs").await.len(), runs + 1);
        world.settle().await;

        // A search is a form too.
        browser.has(&admin).await;
        browser.open_page(&format!("{here}/users")).await;
        browser.fill("q", "a").await;
        end(&world, &browser, &admin).await;
        browser.press("Show").await;
        browser.sign_in(ADMIN).await;
        browser.find("input[name=q][value=a]").await;
        assert!(browser.path().await.ends_with("/users"), "{}", browser.path().await);

        // Signing out takes no session.
        end(&world, &browser, &admin).await;
        browser.press("Sign out").await;
        browser.wait_for("You are signed out").await;
    })
    .await;
}

#[tokio::test]
async fn kept_form_is_its_authors_and_does_nothing_until_it_is_sent_again() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let before = version(&world).await;
    idle(&world);
    let ended = admin.post("/tokens", &[("name", "gateway <1>"), ("scope", "read"), ("days", "90")]).await;
    assert_eq!(ended.status, StatusCode::FORBIDDEN, "{}", ended.text());
    assert!(ended.text().contains("Your session has ended"), "{}", ended.text());
    let place = kept_at(&ended).unwrap();

    assert_eq!(admin.at(&place).await.status, StatusCode::SEE_OTHER, "not without signing in");
    let mut other = Visitor::new(&world, Role::Administrator).await.session;
    other.user = "bob".parse().unwrap();
    let other = Visitor::with(&world, other).await;
    assert_eq!(other.at(&place).await.status, StatusCode::NOT_FOUND, "to others it does not exist");
    let reader = Visitor::new(&world, Role::Reader).await;
    assert_eq!(reader.at(&place).await.status, StatusCode::FORBIDDEN, "who may only look now may only look");

    let again = signed_in_again(&world, &admin).await;
    let shown = again.at(&place).await;
    assert!(shown.text().contains("Name gateway &lt;1&gt; May read"), "{}", shown.text());
    assert!(shown.body.contains(&again.session.form_token()) && !shown.body.contains(&admin.session.form_token()));
    assert!(again.get("/tokens").await.text().contains("There are no tokens."), "looking at it does nothing");
    assert_eq!(version(&world).await, before);
}

#[tokio::test]
async fn form_is_kept_only_when_it_is_certain_whose_it_is() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let path = format!("/directories/{}/settings", world.directory);
    let body = |token: &str| format!("form_token={token}&group_prefixes=VPN+&note=%3Cb%3E");
    let good = body(&admin.session.form_token());
    let kept = async |cookie: &str, body: &str| {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let answer = ask(&world, Method::POST, &path, &[("cookie", cookie), kind], body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        // Else the page itself has it.
        let held = answer.body.contains("name=\"group_prefixes\" value=\"VPN \"")
            && answer.body.contains("value=\"&lt;b&gt;\"");
        assert_eq!(held, kept_at(&answer).is_none(), "{}", answer.body);
        assert!(!answer.body.contains(&admin.session.form_token()));
        !held
    };
    let reader = Visitor::new(&world, Role::Reader).await;
    idle(&world);
    assert!(kept(&admin.cookie, &good).await);
    assert!(!kept("", &good).await, "without a cookie");
    assert!(!kept("session=forged", &good).await);
    assert!(!kept(&admin.cookie, &body("another")).await, "not of a page of that session");
    assert!(!kept(&reader.cookie, &body(&reader.session.form_token())).await, "who may not send it");
    world.clock.pass(SignedDuration::from_hours(32));
    assert!(!kept(&admin.cookie, &good).await, "after a day");
    let old = Session {
        begun_at: world.clock.now() - SESSION_IDLE * 2,
        seen_at: world.clock.now() - SESSION_IDLE,
        ..admin.session.clone()
    };
    let old = Visitor::with(&world, old).await;
    assert!(kept(&old.cookie, &good).await);
    world.stack.store.end_session(&old.session.id.hash(), old.session.ends_at()).await.unwrap();
    assert!(!kept(&old.cookie, &good).await, "a copy of a signed-out session's cookie is worth nothing");
    let foreign =
        ask(&world, Method::POST, &path, &[("cookie", &admin.cookie), (FROM, "https://evil.example")], good.clone())
            .await;
    assert!(foreign.status == StatusCode::FORBIDDEN && !foreign.body.contains("VPN "), "{}", foreign.text());
}

#[tokio::test]
async fn form_of_an_earlier_session_is_shown_with_the_token_of_this_one() {
    let world = World::synced(&small(), everything()).await;
    let admin = Visitor::new(&world, Role::Administrator).await;
    let again = signed_in_again(&world, &admin).await;
    let own = world.stack.base_url.origin().ascii_serialization();
    let here = format!("/directories/{}", world.directory);
    let runs = world.list("runs").await.len();
    for token in [admin.session.form_token(), String::new()] {
        let headers = [(FROM, own.as_str())];
        let sync = again.post_body(&format!("{here}/sync"), &headers, format!("form_token={token}")).await;
        assert_eq!(sync.status, StatusCode::FORBIDDEN);
        assert!(sync.text().contains("Not sent yet"), "{}", sync.text());
        let settings = format!("form_token={token}&group_prefixes=VPN+%0D%0A&sync_users=yes&version=2");
        let settings = again.post_body(&format!("{here}/settings"), &headers, settings).await;
        assert_eq!(settings.status, StatusCode::FORBIDDEN);
        assert!(settings.body.contains("VPN ") && settings.body.contains(&again.session.form_token()));
        let reader = Visitor::new(&world, Role::Reader).await;
        let looks = reader.post_body(&format!("{here}/sync"), &headers, format!("form_token={token}")).await;
        assert!(looks.text().contains("You may look, but not change anything"), "{}", looks.text());
    }
    assert_eq!(world.list("runs").await.len(), runs, "nothing was asked for");
}
