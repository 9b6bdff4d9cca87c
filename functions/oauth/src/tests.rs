//! The routes, as a browser meets them.

mod sign_in;
mod world;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shared::audit::AuditEvent;
use shared::credentials::CredentialState;
use shared::oauth::HeldRoles;
use shared::sync::Trigger;
use world::{ANN, Browser, TENANT, World};

/// What a test spoils of an otherwise good answer.
type Change = fn(&mut Value);

#[tokio::test]
async fn a_good_account_passes_and_its_authorization_is_stored() {
    let mut world = World::new().await;
    let answer = world.authorize().await;
    assert_eq!(answer.status, StatusCode::OK);
    insta::assert_snapshot!(answer.text(), @r"
    Office 365 Sync
    Your account passes synchronization validation
    The sync can read the users and groups of this tenant, and the authorization is stored safely.
    Account
    Ann &lt;Admin&gt; (ann@Contoso.example)
    Tenant
    contoso.example
    22222222-2222-2222-2222-222222222222
    Authorization
    The first one of this tenant
    What happens next
    The first synchronization starts within a minute and reads all users and groups. Nothing is published before you switch on the synchronization of users or groups in the settings. After that, changes are read on a schedule.
    Have a second administrator authorize as a backup, so that the sync goes on should this account be disabled or its authorization end.
    Go to the Sync page
    ");

    let state = &world.state;
    assert_eq!(state.secrets.lock().unwrap()[ANN], "the-refresh-token");
    let credential = state.credentials.lock().unwrap()[0].clone();
    assert_eq!(credential.directory.to_string(), TENANT);
    assert_eq!(credential.state, CredentialState::Working);
    assert!(credential.missing_roles.is_empty());
    let directory = state.directories.lock().unwrap()[0].clone();
    assert_eq!((directory.id.to_string().as_str(), directory.name.as_str()), (TENANT, "contoso.example"));
    let run = state.runs.lock().unwrap()[0].clone();
    assert_eq!(run.trigger, Trigger::Authorization);
    assert_eq!(state.queued.lock().unwrap()[0].run, run.id);
    assert_eq!(world.browser.cookies.len(), 1, "the cookie shows whose page it is, for a while");
}

#[tokio::test]
async fn browser_is_sent_on_to_an_address_without_a_code() {
    let mut world = World::new().await;
    let query = world.begin().await;
    world.answer_token(200, &World::tokens(&world.claims(&query))).await;
    let callback = format!("/oauth/callback?code=the-code&state={}", query["state"]);
    let sent_on = world.get_once(&callback).await;
    assert_eq!(sent_on.status, StatusCode::SEE_OTHER);
    assert!(sent_on.body.is_empty());
    let location = sent_on.location().unwrap();
    assert!(location.starts_with("https://sync.example.com/oauth/result?of="), "{location}");
    assert!(!location.contains("the-code") && !location.contains(&query["state"]), "{location}");

    // A reload, and the callback itself, show the same page.
    let result = sent_on.result_address().unwrap();
    let first = world.get_once(&result).await;
    assert!(first.text().contains("Your account passes synchronization validation"));
    for again in [world.get_once(&result).await, world.get(&callback).await] {
        assert_eq!((again.status, again.body.as_str()), (StatusCode::OK, first.body.as_str()));
    }
    assert_eq!(world.token_requests().await, 1);

    // Another browser does not see it.
    let own = std::mem::take(&mut world.browser);
    let foreign = world.get_once(&result).await;
    assert_eq!(foreign.status, StatusCode::GONE);
    assert!(foreign.text().contains("This page is no longer kept") && !foreign.text().contains("Ann"));
    let (name, _) = own.cookies.first_key_value().unwrap();
    world.browser = Browser { cookies: [(name.clone(), "A".repeat(43))].into() };
    assert_eq!(world.get_once(&result).await.status, StatusCode::GONE, "a cookie with another secret shows nothing");
}

#[tokio::test]
async fn refusal_is_shown_again_on_reload() {
    let mut world = World::new().await;
    let query = world.begin().await;
    let sent_on = world.get_once(&format!("/oauth/callback?error=access_denied&state={}", query["state"])).await;
    let result = sent_on.result_address().unwrap();
    for _ in 0..2 {
        let answer = world.get_once(&result).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text().contains("The sign-in was cancelled"), "{}", answer.text());
    }
}

#[tokio::test]
async fn outcome_that_cannot_be_kept_is_shown_at_once() {
    let mut world = World::new().await;
    *world.state.conclusions_are_kept.lock().unwrap() = false;
    let query = world.begin().await;
    world.answer_token(200, &World::tokens(&world.claims(&query))).await;
    let answer = world.get_once(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("Your account passes synchronization validation"));
}

#[tokio::test]
async fn every_callback_leads_to_an_address_without_its_query() {
    let mut world = World::new().await;
    let unknown = format!("code=the-code&state={}", "A".repeat(43));
    for query in [
        "",
        "code=the-code",
        "admin_consent=True&tenant=the-tenant&state=the-state",
        "admin_consent=False&tenant=the-tenant",
        "admin_consent=True&error=access_denied&error_description=AADSTS65004%3A+the-description",
        &unknown,
    ] {
        let answer = world.get_once(&format!("/oauth/callback?{query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{query}");
        let location = answer.location().unwrap();
        assert!(location.starts_with("https://sync.example.com/oauth/result?because="), "{location}");
        assert!(!location.contains("the-") && !location.contains("AAAA"), "{location}");
    }
}

#[tokio::test]
async fn result_without_a_known_reason_is_stray() {
    let mut world = World::new().await;
    for query in
        ["", "?because=", "?because=%3Cscript%3E", "?of=", "?of=AAAAAAAAAAAA", "?because=refused&cause=x&aadsts=-1"]
    {
        let answer = world.get_once(&format!("/oauth/result{query}")).await;
        assert!(answer.status.is_client_error(), "{query}: {}", answer.status);
        assert!(!answer.body.contains("<script"));
    }
}

#[tokio::test]
async fn speculative_requests_have_no_effect() {
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ] {
        let mut world = World::new().await;
        let query = world.begin().await;
        world.answer_token(200, &World::tokens(&world.claims(&query))).await;
        let callback = format!("/oauth/callback?code=the-code&state={}", query["state"]);
        world.headers.insert(name, value.parse().unwrap());
        let attempts = *world.state.attempts.lock().unwrap();
        for path in ["/oauth/authorize", "/signin", &callback, "/oauth/result?because=stray"] {
            let answer = world.get_once(path).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {name}: {value}");
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
            assert!(!answer.headers.contains_key(header::SET_COOKIE));
        }
        assert_eq!(*world.state.attempts.lock().unwrap(), attempts);
        assert_eq!(world.token_requests().await, 0);
        world.assert_nothing_stored();
        world.headers.clear();
        assert_eq!(world.get(&callback).await.status, StatusCode::OK, "{name}: {value}");
    }
}

#[tokio::test]
async fn another_host_is_sent_to_the_base_url_before_anything_begins() {
    for (base_url, host) in [
        ("http://localhost:8365", "127.0.0.1:8365"),
        ("http://127.0.0.1:8365", "localhost:8365"),
        ("https://sync.example.com", "old.example.com"),
    ] {
        let mut world = World::at(base_url, None).await;
        world.host = host.to_owned();
        for path in
            ["/oauth/authorize?login_hint=ann%40contoso.example", "/signin?return_to=%2Fdirectories%2F1%3Fq%3Da"]
        {
            let answer = world.get_once(path).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            assert_eq!(answer.location().unwrap(), format!("{base_url}{path}&sent_on=1"));
            assert!(world.browser.cookies.is_empty(), "nothing has begun");
        }
        assert_eq!(*world.state.attempts.lock().unwrap(), 0);
        // What stands before us and asks under a host of its own does not go round in a circle.
        let answer = world.get_once("/oauth/authorize?sent_on=1").await;
        assert!(answer.location().unwrap().contains("/oauth2/v2.0/authorize?"), "{:?}", answer.location());
    }
}

#[tokio::test]
async fn wrong_clock_comes_before_any_other_reason() {
    let mut world = World::new().await;
    world.set_clock_ahead(420).await;
    let expired = world.authorize_with(|claims| claims["exp"] = json!(1)).await;
    assert_eq!(expired.status, StatusCode::INTERNAL_SERVER_ERROR);
    insta::assert_snapshot!(expired.text(), @r"
    Office 365 Sync
    The clock of this deployment is wrong
    What happened
    The clock is 7 minutes ahead of Microsoft's. The proofs of identity that are exchanged with Microsoft are valid for a short time only, and are outside of it by this clock.
    What it means
    Nothing was stored. Until this is repaired, no one can authorize or sign in, and the sync of connected tenants may stop.
    What to do
    Set the clock of the machine that runs the sync, and let it follow a time server (NTP). No administrator needs to authorize again.
    Start the authorization again
    ");

    let query = world.begin().await;
    let error = json!({ "error": "invalid_client", "error_codes": [7_000_215] });
    world.answer_token(401, &error).await;
    let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
    let text = answer.text();
    let (clock, secret) =
        (text.find("7 minutes ahead of Microsoft's"), text.find("does not accept the application's client secret"));
    assert!(clock.unwrap() < secret.unwrap(), "{text}");

    world.set_clock_ahead(60).await;
    assert_eq!(world.authorize().await.status, StatusCode::OK, "a small difference does not matter");
}

#[tokio::test]
async fn a_refusal_says_what_happened_what_it_means_and_what_to_do() {
    let mut world = World::new().await;
    let query = world.begin().await;
    let error = json!({
        "error": "invalid_grant", "suberror": "message_only", "error_codes": [53003],
        "error_description": "AADSTS53003: <b>blocked</b>", "claims": "{}",
    });
    world.answer_token(400, &error).await;
    let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    insta::assert_snapshot!(answer.text(), @r"
    Office 365 Sync
    A policy of the tenant blocks the sign-in
    What happened
    A security policy of the tenant (Conditional Access, sign-in risk or the security defaults) blocks the sign-in from this place or device.
    What it means
    Nothing was stored. What was connected before stays as it was.
    What to do
    Ask the administrator of the tenant's Conditional Access policies to let this account use the application from the servers of the sync (the sign-in log in the Entra admin center names the policy), or authorize with an account the policy does not cover.
    Start the authorization again
    Microsoft's error number: AADSTS53003
    ");
    world.assert_nothing_stored();
}

#[tokio::test]
async fn each_refusal_of_the_callback_has_its_page() {
    for (error, description, status, heading) in [
        ("access_denied", "", 403, "The sign-in was cancelled"),
        ("access_denied", "AADSTS65004: declined", 403, "Consent was declined"),
        ("consent_required", "AADSTS65001: no consent", 403, "Consent is missing"),
        ("access_denied", "AADSTS90094: admin", 403, "Another administrator must consent"),
        ("interaction_required", "AADSTS50076: mfa", 403, "A second factor is needed"),
        ("access_denied", "AADSTS53003: policy", 403, "A policy of the tenant blocks the sign-in"),
        ("access_denied", "AADSTS500021: restricted", 403, "A policy of the tenant blocks the sign-in"),
        ("invalid_grant", "AADSTS50057: disabled", 403, "The account is disabled"),
        ("invalid_request", "AADSTS50020: other tenant", 403, "The account is not in this tenant"),
        ("access_denied", "AADSTS50105: not assigned", 403, "The account is not assigned to the application"),
        ("invalid_request", "AADSTS50011: reply", 500, "The redirect address is not registered"),
        ("unauthorized_client", "AADSTS700016: no app", 500, "The application is not set up correctly"),
        ("temporarily_unavailable", "", 503, "Microsoft is not available for now"),
        ("server_error", "", 503, "Microsoft is not available for now"),
        ("something_new", "<script>", 403, "Microsoft refused the authorization"),
    ] {
        let mut world = World::new().await;
        let query = world.begin().await;
        let encoded: String = url::form_urlencoded::byte_serialize(description.as_bytes()).collect();
        let callback = format!("/oauth/callback?error={error}&error_description={encoded}&state={}", query["state"]);
        let answer = world.get(&callback).await;
        assert_eq!(answer.status.as_u16(), status, "{error} {description}");
        assert!(answer.text().contains(heading), "{error} {description}:\n{}", answer.text());
        assert!(answer.body.contains("href=\"https://sync.example.com/oauth/authorize\""));
        assert!(!answer.body.contains("<script"));
        assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), status == 503);
        let consent = answer.body.contains("/organizations/v2.0/adminconsent?client_id=the-app");
        assert_eq!(consent, heading.contains("onsent is missing") || heading.contains("must consent"), "{heading}");
        world.assert_nothing_stored();
        assert_eq!(world.token_requests().await, 0);
    }
}

#[tokio::test]
async fn each_refusal_of_the_token_endpoint_has_its_page() {
    for (http_status, error, code, status, heading) in [
        (401, "invalid_client", 7_000_215, 500, "The application's client secret is wrong"),
        (401, "invalid_client", 7_000_222, 500, "The application's client secret has expired"),
        (400, "invalid_grant", 54005, 403, "Microsoft refused the authorization"),
        (400, "invalid_grant", 501_481, 500, "The application is not set up correctly"),
        (400, "invalid_grant", 50057, 403, "The account is disabled"),
        (400, "interaction_required", 50079, 403, "A second factor is needed"),
        (400, "invalid_grant", 50196, 503, "Microsoft is not available for now"),
    ] {
        let mut world = World::new().await;
        let query = world.begin().await;
        world.answer_token(http_status, &json!({ "error": error, "error_codes": [code] })).await;
        let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
        assert_eq!(answer.status.as_u16(), status, "AADSTS{code}");
        assert!(answer.text().contains(heading), "AADSTS{code}:\n{}", answer.text());
        assert!(answer.text().contains(&format!("{code}")));
        world.assert_nothing_stored();
    }
}

#[tokio::test]
async fn a_state_that_is_unknown_expired_or_used_is_refused() {
    let mut world = World::new().await;
    for query in ["", "?code=the-code", "?code=the-code&state=short"] {
        assert_eq!(world.get(&format!("/oauth/callback{query}")).await.status, StatusCode::BAD_REQUEST);
    }
    let unknown = format!("/oauth/callback?code=the-code&state={}", "A".repeat(43));
    assert!(world.get(&unknown).await.text().contains("This authorization is not known"));

    let query = world.begin().await;
    world.pass(SignedDuration::from_mins(10));
    let callback = format!("/oauth/callback?code=the-code&state={}", query["state"]);
    let late = world.get(&callback).await;
    assert_eq!(late.status, StatusCode::GONE);

    let replayed = world.get(&callback).await;
    assert_eq!(replayed.status, StatusCode::GONE, "how it ended is shown again");
    world.browser = Browser::default();
    let replayed = world.get(&callback).await;
    assert_eq!(replayed.status, StatusCode::CONFLICT);
    assert!(replayed.text().contains("This authorization was used already"));
    assert_eq!(world.token_requests().await, 0);
    world.assert_nothing_stored();
}

#[tokio::test]
async fn callback_without_its_cookie_leaves_the_sign_in_to_its_owner() {
    let mut world = World::new().await;
    let query = world.begin().await;
    world.answer_token(200, &World::tokens(&world.claims(&query))).await;
    let own = std::mem::take(&mut world.browser);
    let callback = format!("/oauth/callback?code=the-code&state={}", query["state"]);
    for _ in 0..2 {
        let foreign = world.get(&callback).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN);
        assert!(foreign.text().contains("started in another browser"));
        assert!(foreign.text().contains("more than 20 sign-ins"), "{}", foreign.text());
    }
    assert_eq!(world.token_requests().await, 0);
    world.assert_nothing_stored();
    world.browser = own;
    assert_eq!(world.get(&callback).await.status, StatusCode::OK);
    assert_eq!(world.token_requests().await, 1);
}

#[tokio::test]
async fn a_cookie_of_another_authorization_does_not_help() {
    let mut world = World::new().await;
    let victim = world.begin().await;
    let (name, _) = world.browser.cookies.pop_first().unwrap();
    world.begin().await;
    let (_, value) = world.browser.cookies.pop_first().unwrap();
    world.browser = Browser { cookies: [(name, value)].into() };
    let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", victim["state"])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn two_tabs_do_not_break_each_other() {
    let mut world = World::new().await;
    let first = world.begin().await;
    let second = world.begin().await;
    for query in [second, first] {
        world.answer_token(200, &World::tokens(&world.claims(&query))).await;
        let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn many_tabs_can_each_complete_their_sign_in() {
    let mut world = World::new().await;
    let mut tabs = Vec::new();
    for _ in 0..20 {
        tabs.push(world.begin().await);
        world.pass(SignedDuration::from_secs(1));
    }
    for query in tabs {
        world.answer_token(200, &World::tokens(&world.claims(&query))).await;
        let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn oldest_sign_in_gives_way_to_the_twenty_first() {
    let mut world = World::new().await;
    let mut tabs = Vec::new();
    for _ in 0..25 {
        tabs.push(world.begin().await);
        world.pass(SignedDuration::from_secs(1));
        assert!(world.browser.cookies.len() <= 20);
    }
    let bytes: usize = world.browser.cookies.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
    assert!(bytes < 3_000, "the headers of a request have 10,240 bytes: {bytes}");
    for (tab, query) in tabs.into_iter().enumerate() {
        let expected = if tab < 5 { StatusCode::FORBIDDEN } else { StatusCode::OK };
        if expected == StatusCode::OK {
            world.answer_token(200, &World::tokens(&world.claims(&query))).await;
        }
        let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
        assert_eq!(answer.status, expected, "tab {tab}: {}", answer.text());
        assert!(expected == StatusCode::OK || answer.text().contains("more than 20 sign-ins"));
    }
}

#[tokio::test]
async fn the_cookie_is_bound_to_the_host_over_https_and_plain_on_loopback() {
    for (base_url, prefix, attributes) in [
        ("https://sync.example.com", "__Host-authorization-", "Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"),
        ("http://127.0.0.1:8080", "authorization-", "Path=/; Max-Age=600; HttpOnly; SameSite=Lax"),
    ] {
        let mut world = World::at(base_url, None).await;
        let answer = world.get("/oauth/authorize").await;
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with(prefix) && cookie.ends_with(attributes), "{cookie}");
        assert_eq!(cookie.split_once("; ").unwrap().1, attributes);
        assert_eq!(world.authorize().await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_id_token_that_does_not_fit_proves_nothing() {
    let changes: [(&str, Change); 5] = [
        ("audience", |claims| claims["aud"] = json!("another-app")),
        ("issuer", |claims| claims["iss"] = json!("https://elsewhere.example/v2.0")),
        ("nonce", |claims| claims["nonce"] = json!("of another sign-in")),
        ("time", |claims| claims["exp"] = json!(1)),
        ("object id", |claims| claims["oid"] = json!("ann")),
    ];
    for (what, change) in changes {
        let mut world = World::new().await;
        let answer = world.authorize_with(change).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{what}");
        assert!(answer.text().contains("It could not be proven who signed in"));
        world.assert_nothing_stored();
    }
}

#[tokio::test]
async fn an_unsigned_id_token_proves_nothing() {
    let mut world = World::new().await;
    let query = world.begin().await;
    let mut tokens = World::tokens(&world.claims(&query));
    let signed = tokens["id_token"].as_str().unwrap().rsplit_once('.').unwrap().0.to_owned();
    tokens["id_token"] = json!(format!("{signed}."));
    world.answer_token(200, &tokens).await;
    let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    world.assert_nothing_stored();
}

#[tokio::test]
async fn a_tenant_that_is_not_on_the_list_is_refused() {
    let mut world = World::at("https://sync.example.com", Some("44444444-4444-4444-4444-444444444444")).await;
    let answer = world.authorize().await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains(&format!("the tenant {TENANT}, which may not be connected here")));
    world.assert_nothing_stored();
}

#[tokio::test]
async fn what_microsoft_left_out_of_the_grant_is_missed() {
    for (change, heading) in [
        ((|tokens: &mut Value| tokens["scope"] = json!("openid User.Read.All")) as Change, "Permissions are missing"),
        (|tokens| tokens["refresh_token"] = Value::Null, "Microsoft's answer is not complete"),
        (|tokens| tokens["id_token"] = Value::Null, "Microsoft's answer is not complete"),
    ] {
        let mut world = World::new().await;
        let query = world.begin().await;
        let mut tokens = World::tokens(&world.claims(&query));
        change(&mut tokens);
        world.answer_token(200, &tokens).await;
        let answer = world.get(&format!("/oauth/callback?code=the-code&state={}", query["state"])).await;
        assert!(answer.text().contains(heading), "{}", answer.text());
        world.assert_nothing_stored();
    }
}

#[tokio::test]
async fn an_account_that_cannot_read_is_refused() {
    for (what, status, heading) in [
        ("refused", 403, "This account may not read users and groups"),
        ("token", 403, "Microsoft refused the authorization"),
        ("unavailable", 503, "Microsoft Graph is not available for now"),
        ("unexpected", 503, "Something did not work on our side"),
    ] {
        let mut world = World::new().await;
        *world.state.roles.lock().unwrap() = Err(what);
        let answer = world.authorize().await;
        assert_eq!(answer.status.as_u16(), status, "{what}");
        assert!(answer.text().contains(heading), "{what}");
        world.assert_nothing_stored();
    }
}

#[tokio::test]
async fn weak_and_unknown_roles_are_warned_of() {
    let mut world = World::new().await;
    *world.state.roles.lock().unwrap() = Ok(Some(HeldRoles { user_administrator: true, ..HeldRoles::default() }));
    let weak = world.authorize().await;
    assert_eq!(weak.status, StatusCode::OK);
    assert!(weak.text().contains("The account's roles are weak"));
    assert!(weak.body.contains("<strong>Cloud application administrator</strong>"));
    assert!(!weak.body.contains("<strong>User administrator</strong>"));
    assert_eq!(world.state.credentials.lock().unwrap()[0].missing_roles, ["Cloud application administrator"]);

    *world.state.roles.lock().unwrap() = Ok(None);
    assert!(world.authorize().await.text().contains("roles could not be read"));
}

#[tokio::test]
async fn a_second_administrator_is_a_backup_and_the_same_one_is_renewed() {
    let mut world = World::new().await;
    assert!(world.authorize().await.text().contains("The first one of this tenant"));
    assert!(world.authorize().await.text().contains("Renewed"));
    let bob = "55555555-5555-5555-5555-555555555555";
    let backup = world.authorize_with(|claims| claims["oid"] = json!(bob)).await;
    assert!(backup.text().contains("A backup, in addition to 1 other"));
    assert_eq!(world.state.credentials.lock().unwrap().len(), 2);
    assert_eq!(world.state.directories.lock().unwrap().len(), 1);
    let queued: BTreeSet<_> = world.state.queued.lock().unwrap().iter().map(|request| request.run).collect();
    assert_eq!(queued.len(), 1, "further requests fold into the one that waits");
    let noted: Vec<AuditEvent> = world.state.audit.lock().unwrap().iter().map(|entry| entry.event.clone()).collect();
    let authorized = |first_time| AuditEvent::CredentialAuthorized { first_time };
    assert_eq!(noted, [authorized(true), authorized(false), authorized(true)], "the trail says who authorized");
}

#[tokio::test]
async fn a_queue_out_of_order_does_not_undo_an_authorization() {
    let mut world = World::new().await;
    *world.state.queue_works.lock().unwrap() = false;
    let answer = world.authorize().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("with the next schedule"));
}

#[tokio::test]
async fn a_table_out_of_order_is_our_own_trouble() {
    let mut world = World::new().await;
    let query = world.begin().await;
    *world.state.storage_works.lock().unwrap() = false;
    for path in ["/oauth/authorize".to_owned(), format!("/oauth/callback?code=the-code&state={}", query["state"])] {
        let answer = world.get(&path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.text().contains("Something did not work on our side"));
    }
}

#[tokio::test]
async fn granted_admin_consent_leads_to_the_authorization() {
    let mut world = World::new().await;
    let answer = world.get(&format!("/oauth/callback?admin_consent=True&tenant={TENANT}&scope=x")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("Nobody has signed in to the sync yet"));
    for (query, heading) in [
        ("admin_consent=True&error=access_denied&error_description=AADSTS65004", "Consent was declined"),
        (
            "admin_consent=True&error=consent_required&error_description=AADSTS90094",
            "Another administrator must consent",
        ),
        ("admin_consent=False&error=access_denied&error_subcode=cancel", "The sign-in was cancelled"),
        ("admin_consent=False&tenant=x", "Consent was not granted"),
    ] {
        let answer = world.get(&format!("/oauth/callback?{query}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{query}");
        assert!(answer.text().contains(heading), "{query}:\n{}", answer.text());
    }
    world.assert_nothing_stored();
}

#[tokio::test]
async fn code_beside_admin_consent_is_redeemed() {
    let mut world = World::new().await;
    let query = world.begin().await;
    world.answer_token(200, &World::tokens(&world.claims(&query))).await;
    let callback = format!("/oauth/callback?code=the-code&state={}&admin_consent=True&tenant={TENANT}", query["state"]);
    assert_eq!(world.get(&callback).await.status, StatusCode::OK);
    assert_eq!(world.state.credentials.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn every_answer_is_protected_and_escaped() {
    let mut world = World::new().await;
    let begun = world.get("/oauth/authorize").await;
    let connected = world.authorize().await;
    let denied = world.get("/oauth/callback").await;
    for answer in [&begun, &connected, &denied] {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.headers[name], value);
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    }
    assert!(connected.body.contains("Ann &lt;Admin&gt;") && !connected.body.contains("<Admin>"));
    for page in [&connected, &denied] {
        assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(page.body.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.body.contains("<title>"));
        let style = page.body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(page.headers["content-security-policy"].to_str().unwrap().contains(&format!("'sha256-{hash}'")));
        assert!(!page.body.contains("the-refresh-token") && !page.body.contains("the-access-token"));
    }
}

#[tokio::test]
async fn a_head_request_does_not_use_the_state_up() {
    let mut world = World::new().await;
    let query = world.begin().await;
    let callback = format!("/oauth/callback?code=the-code&state={}", query["state"]);
    assert_eq!(world.send("HEAD", &callback).await.status, StatusCode::METHOD_NOT_ALLOWED);
    world.answer_token(200, &World::tokens(&world.claims(&query))).await;
    assert_eq!(world.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_hint_is_passed_on_and_the_base_url_may_have_a_path() {
    let mut world = World::at("https://example.com/stage/", None).await;
    let answer = world.get("/oauth/authorize?login_hint=ann%40contoso.example").await;
    let location = answer.headers[header::LOCATION].to_str().unwrap();
    assert!(location.contains("login_hint=ann%40contoso.example"));
    assert!(location.contains("redirect_uri=https%3A%2F%2Fexample.com%2Fstage%2Foauth%2Fcallback"), "{location}");
}
