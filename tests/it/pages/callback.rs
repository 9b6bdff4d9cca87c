//! The way back from Microsoft, as browsers really take it: on speculation, from many tabs, under two names, and once more.

use http::header::LOCATION;
use serde_json::json;
use tenant::{Options, RequestKind};

use super::browser::{Browser, Setup, in_a_browser};
use crate::harness::{self, World, everything, small};

const ADMINISTRATOR: &str = "admin@contoso.example";
const CONNECTED: &str = "Your account passes synchronization validation";

/// The address that Microsoft would send the browser back to from the login page that is open.
async fn callback_of(world: &World, browser: &Browser) -> String {
    browser.find("button[name=account]").await;
    let account = world.tenant.administrators()[0].id.to_string();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = http.post(browser.url().await).form(&[("account", account)]).send().await.unwrap();
    let callback = answer.headers()[LOCATION].to_str().unwrap().to_owned();
    assert!(callback.contains("/oauth/callback?code="), "{callback}");
    callback
}

/// How many codes the tenant was asked to redeem.
fn codes_redeemed(world: &World) -> usize {
    world.tenant.requests().iter().filter(|request| request.kind == RequestKind::RedeemCode).count()
}

/// Lets the page that is open prefetch an address, and waits until that is done.
const PREFETCH: &str = r#"
const [url, done] = arguments;
const link = Object.assign(document.createElement("link"), { rel: "prefetch", href: url });
link.onload = () => done("loaded");
link.onerror = () => done("failed");
document.head.append(link);
"#;

/// Lets the page that is open prerender an address, and waits until the browser says how that ended, or for a second if it
/// never does.
const PRERENDER: &str = r#"
const [url, done] = arguments;
const rules = document.createElement("script");
rules.type = "speculationrules";
rules.textContent = JSON.stringify({ prerender: [{ source: "list", urls: [url], eagerness: "immediate" }] });
document.head.append(rules);
setTimeout(() => done(HTMLScriptElement.supports("speculationrules")), 1000);
"#;

#[tokio::test(flavor = "multi_thread")]
async fn prefetched_callback_leaves_the_code_alone() {
    let world = World::unauthorized(&small()).await;
    in_a_browser(&world.stack.base_url.clone(), Setup::default(), async |browser| {
        browser.open_page("/oauth/authorize").await;
        let callback = callback_of(&world, &browser).await;
        assert_eq!(browser.run(PREFETCH, vec![json!(callback)]).await, json!("failed"));
        assert_eq!(codes_redeemed(&world), 0);
        browser.open_url(&callback).await;
        browser.wait_for(CONNECTED).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prerendered_callback_leaves_the_code_alone() {
    let world = World::unauthorized(&small()).await;
    in_a_browser(&world.stack.base_url.clone(), Setup::default(), async |browser| {
        // Our own pages allow no such rules; a bookmark's or the address bar's prerendering needs none.
        browser.command("Page.setBypassCSP", json!({"enabled": true})).await;
        browser.open_page("/oauth/authorize").await;
        let callback = callback_of(&world, &browser).await;
        browser.open_page("/signed-out").await;
        assert_eq!(browser.run(PRERENDER, vec![json!(callback)]).await, json!(true));
        assert_eq!(codes_redeemed(&world), 0);
        browser.open_url(&callback).await;
        browser.wait_for(CONNECTED).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_tabs_each_complete_their_sign_in() {
    let world = World::synced(&small(), everything()).await;
    in_a_browser(&world.stack.base_url.clone(), Setup::default(), async |browser| {
        let mut tabs = Vec::new();
        for _ in 0..6 {
            tabs.push(browser.open_tab().await);
            browser.open_page(&format!("/directories/{}/users", world.directory)).await;
            browser.find("button[name=account]").await;
        }
        for tab in &tabs {
            browser.show_tab(tab).await;
            browser.sign_in(ADMINISTRATOR).await;
            browser.wait_for("Sign out").await;
            assert_eq!(browser.path().await, format!("/directories/{}/users", world.directory));
        }
    })
    .await;
}

/// A stack that is reached under this host, and a tenant where only the redirect URI under that host is registered.
async fn reached_as(host: &'static str) -> World {
    let bend = move |options: &mut Options| {
        options.registration.any_loopback = false;
        options.registration.redirect_uris = vec![format!("http://{host}/oauth/callback")];
    };
    let setup = harness::Setup { host: Some(host), bend: Some(Box::new(bend)), ..harness::Setup::default() };
    World::set_up(&small(), setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn either_spelling_of_this_machine_works_when_registered() {
    for (registered, opened) in [("localhost", "127.0.0.1"), ("127.0.0.1", "localhost"), ("localhost", "localhost")] {
        let world = reached_as(registered).await;
        let mut base = world.stack.base_url.clone();
        base.set_host(Some(opened)).unwrap();
        in_a_browser(&base, Setup::default(), async |browser| {
            browser.open_page("/").await;
            browser.sign_in(ADMINISTRATOR).await;
            browser.wait_for("Your tenant is not connected yet").await;
            assert_eq!(browser.url().await.host_str(), Some(registered), "opened as {opened}");
            browser.open_page("/oauth/authorize").await;
            browser.sign_in(ADMINISTRATOR).await;
            browser.wait_for(CONNECTED).await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn result_page_can_be_reloaded_and_hides_the_code() {
    let world = World::unauthorized(&small()).await;
    in_a_browser(&world.stack.base_url.clone(), Setup::default(), async |browser| {
        browser.open_page("/signed-out").await;
        browser.open_page("/oauth/authorize").await;
        browser.sign_in(ADMINISTRATOR).await;
        browser.wait_for(CONNECTED).await;
        let url = browser.url().await;
        let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!((url.path(), names.as_slice()), ("/oauth/result", ["of".to_owned()].as_slice()));
        let text = browser.text().await;
        browser.reload().await;
        assert_eq!(browser.text().await, text);
        for _ in 0..3 {
            browser.back().await;
            let url = browser.url().await;
            assert_ne!(url.path(), "/oauth/callback", "the callback is in the history");
            assert!(url.query_pairs().all(|(name, _)| name != "code"), "{url}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_sign_in_can_be_reloaded() {
    let world = World::unauthorized(&small()).await;
    in_a_browser(&world.stack.base_url.clone(), Setup::default(), async |browser| {
        browser.open_page("/signin").await;
        browser.press("Cancel").await;
        browser.wait_for("The sign-in was cancelled").await;
        browser.reload().await;
        browser.wait_for("The sign-in was cancelled").await;
        assert_eq!(browser.path().await, "/oauth/result");
    })
    .await;
}

/// What a browser sends when it asks on speculation.
#[tokio::test]
async fn speculative_requests_of_any_page_have_no_effect() {
    use http::{Method, StatusCode};
    use jiff::SignedDuration;
    use shared::clock::Clock as _;
    use shared::session::{Role, Session};

    use super::visit::{Visitor, ask};

    let world = World::synced(&small(), everything()).await;
    let fresh = Visitor::new(&world, Role::Administrator).await.session;
    // A session whose cookie would be renewed.
    let used = Session { seen_at: world.clock.now() - SignedDuration::from_mins(6), ..fresh };
    let visitor = Visitor::with(&world, used).await;
    let runs = world.list("runs").await.len();
    let directory = format!("/directories/{}", world.directory);
    for path in ["/", "/signin", "/oauth/authorize", "/oauth/callback", "/oauth/result", "/signed-out", &directory] {
        for (name, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")] {
            let headers = [("cookie", visitor.cookie.as_str()), (name, value)];
            let answer = ask(&world, Method::GET, path, &headers, String::new()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {name}");
            assert!(!answer.headers.contains_key("set-cookie"), "{path} {name}");
        }
    }
    assert_eq!(world.list("runs").await.len(), runs);
    assert_eq!(visitor.get("").await.status, StatusCode::OK);
}
