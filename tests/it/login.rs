//! Microsoft's login and Graph as they really answer: odd types, dates, tokens refused for a while, numbers of all kinds.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use shared::alerts::Condition;
use shared::clock::Clock as _;
use shared::store::CredentialStore as _;
use tenant::{Action, ConsentAnswer, Fault, Matcher, NumberForm, Refusal, RequestKind, What};

use crate::harness::{World, everything, small};
use crate::lab::{Lab, Process, tiny};

#[tokio::test]
async fn token_lifetime_in_any_form_is_accepted() {
    let world = World::synced(&small(), everything()).await;
    for form in [NumberForm::Text, NumberForm::Fraction, NumberForm::Whole] {
        world.apply(Action::WriteExpiresIn { form });
        world.authorize().await;
        world.apply(Action::ExpireAccessTokens { administrator: None });
        world.sync_and_check(&everything()).await;
    }
}

#[tokio::test]
async fn failing_login_is_reported_as_the_login() {
    let world = World::synced(&small(), everything()).await;
    let odd = json!({ "token_type": "Bearer", "expires_in": 3599 });
    for what in [
        What::Status { code: 500, retry_after: None, body: None },
        What::Disconnect,
        What::NonJson,
        What::Status { code: 200, retry_after: None, body: Some(odd) },
    ] {
        world.tenant.inject(Fault::new(Matcher::on(RequestKind::Refresh), what.clone()));
        world.apply(Action::ExpireAccessTokens { administrator: None });
        let run = world.sync().await;
        assert_eq!(run["failure"]["code"], "login_unavailable", "{what:?}: {run:#}");
        let message = run["failure"]["message"].as_str().unwrap();
        assert!(message.starts_with("Microsoft's login"), "{message}");
        assert!(world.credentials().await.values().all(|credential| credential["state"] == "working"));
        world.tenant.clear_faults();
    }
    world.sync_and_check(&everything()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wait_of_the_login_as_a_date_pauses_the_run() {
    let mut lab = Lab::start(&tiny(), |_| {}).await;
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    lab.time = Some(Duration::from_mins(2));
    lab.world.apply(Action::ExpireAccessTokens { administrator: None });
    let busy = What::BusyUntil { code: 429, seconds: 800 };
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Refresh).times(1), busy));
    let request = lab.request().await;
    lab.deliver(&request, &Process::undisturbed()).await;
    assert_eq!(lab.record(&request).await["state"], "paused");

    // Another run that comes too early leaves the login alone.
    lab.world.tenant.forget_requests();
    lab.deliver(&request, &Process::undisturbed()).await;
    assert_eq!(lab.world.tenant.requests().len(), 0);
    lab.settle().await;
    let run = lab.record(&request).await;
    assert_eq!((&run["state"], &run["failure"]), (&json!("succeeded"), &json!(null)), "{run:#}");
    lab.world.check(&everything()).await;
}

#[tokio::test]
async fn short_wait_of_the_login_as_a_date_is_waited_for() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::ExpireAccessTokens { administrator: None });
    let busy = What::BusyUntil { code: 503, seconds: 20 };
    let fault = world.tenant.inject(Fault::new(Matcher::on(RequestKind::Refresh).times(2), busy));
    world.sync_and_check(&everything()).await;
    assert_eq!(world.tenant.times_used(fault), 2);
}

#[tokio::test]
async fn wait_of_graph_as_a_date_is_kept() {
    let world = World::synced(&small(), everything()).await;
    let busy = What::BusyUntil { code: 429, seconds: 20 };
    world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta).times(1), busy));
    let run = world.sync_and_check(&everything()).await;
    assert_eq!(run["effort"]["throttled"], 1, "{run:#}");
}

#[tokio::test]
async fn rejected_fresh_tokens_mark_a_credential_only_when_it_repeats() {
    let world = World::synced(&small(), everything()).await;
    let [first, second] = [0, 1].map(|nth| world.tenant.administrators()[nth].clone());
    // Passes after some seconds: the same administrator's.
    world.apply(Action::RejectFreshTokens { tokens: 3 });
    let run = world.sync().await;
    assert_eq!((&run["state"], &run["credential"]), (&json!("succeeded"), &json!(first.id)), "{run:#}");

    // Lasts: a run without a backup fails, and says that Graph refuses.
    world.apply(Action::RejectFreshTokens { tokens: 5 });
    let run = world.sync().await;
    assert_eq!(run["failure"]["code"], "tokens_rejected", "{run:#}");
    assert_eq!(world.credentials().await[&first.user_principal_name]["state"], "working");
    world.sync_and_check(&everything()).await;

    // With a backup the run goes on.
    world.authorize_as(1).await;
    for (minutes, failing) in [(0, 0), (10, 1)] {
        world.clock.pass(SignedDuration::from_mins(minutes));
        world.apply(Action::RejectFreshTokens { tokens: 5 });
        let run = world.sync().await;
        assert_eq!(run["state"], "succeeded", "{run:#}");
        let credentials = world.credentials().await;
        let found = credentials.values().filter(|credential| credential["state"] == "failing").count();
        assert_eq!(found, failing, "{credentials:#?}");
        // The one that was passed over comes first again.
        let passed_over = if run["credential"] == json!(first.id) { &second } else { &first };
        let (directory, administrator) =
            (world.directory.parse().unwrap(), passed_over.id.to_string().parse().unwrap());
        let now = world.clock.now();
        assert!(world.stack.store.prefer_credential(directory, &administrator, now).await.unwrap());
    }
    let credentials = world.credentials().await;
    let failing = credentials.values().find(|credential| credential["state"] == "failing").unwrap();
    assert_eq!(failing["cause"], "token_rejected", "{failing:#}");
}

#[tokio::test]
async fn authorization_waits_for_graph_to_accept_its_token() {
    let world = World::unauthorized(&small()).await;
    let refused = What::Status { code: 401, retry_after: None, body: None };
    let fault = world.tenant.inject(Fault::new(Matcher::on(RequestKind::Users).times(2), refused));
    world.authorize().await;
    assert_eq!(world.tenant.times_used(fault), 2);
}

#[tokio::test]
async fn every_number_marks_a_credential_with_its_cause() {
    let world = World::synced(&small(), everything()).await;
    let administrator = world.tenant.administrators()[0].clone();
    for (code, cause) in [
        (700_003, "managed_device_required"),
        (135_011, "managed_device_required"),
        (530_084, "managed_device_required"),
        (530_003, "managed_device_required"),
        (500_341, "deleted"),
        (500_571, "disabled"),
        (90072, "wrong_tenant"),
        (5_000_224, "tenant_blocked"),
        (5_000_225, "tenant_blocked"),
        (53003, "conditional_access"),
    ] {
        world.apply(Action::Refuse { administrator: administrator.id, refusal: Refusal::Code { code } });
        world.apply(Action::ExpireAccessTokens { administrator: None });
        let run = world.sync().await;
        assert_eq!(run["failure"]["code"], "no_working_credential", "AADSTS{code}: {run:#}");
        let failing = world.credentials().await[&administrator.user_principal_name].clone();
        assert_eq!((&failing["cause"], &failing["aadsts"]), (&json!(cause), &json!(code)), "{failing:#}");
        assert!(failing["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{failing:#}");
    }
    // The application is gone from the tenant: no administrator is to blame.
    world.apply(Action::Accept { administrator: administrator.id });
    world.sync_and_check(&everything()).await;
    let gone = Refusal::Code { code: 7_000_229 };
    world.apply(Action::Refuse { administrator: administrator.id, refusal: gone });
    world.apply(Action::ExpireAccessTokens { administrator: None });
    world.alerts.take();
    let run = world.sync().await;
    assert_eq!(run["failure"]["code"], "application_refused", "{run:#}");
    let alerts = world.alerts.take();
    let alert = &alerts.iter().find(|alert| alert.condition == Condition::ApplicationRefused).unwrap().body;
    for text in [run["failure"]["message"].as_str().unwrap(), alert] {
        assert!(text.contains("(AADSTS7000229)") && text.contains("grant consent for the whole tenant"), "{text}");
    }
    assert_eq!(world.credentials().await[&administrator.user_principal_name]["state"], "working");
}

#[tokio::test]
async fn run_says_what_is_wrong_with_a_refused_client_secret() {
    let world = World::synced(&small(), everything()).await;
    for (secret, said) in [
        ("\"the secret\"", "without spaces, line ends or quotation marks"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "copy the column Value"),
        ("wrong", "Put the value (not the id)"),
    ] {
        world.stack.secrets.put_client_secret(&secret.into()).await.unwrap();
        world.apply(Action::ExpireAccessTokens { administrator: None });
        let run = world.sync().await;
        assert_eq!(run["failure"]["code"], "application_refused", "{run:#}");
        let message = run["failure"]["message"].as_str().unwrap();
        assert!(message.contains(said) && !message.contains(secret), "{message}");
    }
}

#[tokio::test]
async fn consent_page_is_believed_only_when_it_says_so() {
    let world = World::unauthorized(&small()).await;
    let http = reqwest::Client::builder().build().unwrap();
    for (answer, heading) in [
        (ConsentAnswer::Granted, "Consent was granted"),
        (ConsentAnswer::NotGranted, "Consent was not granted"),
        (ConsentAnswer::Declined, "Consent was declined"),
        (ConsentAnswer::AdminRequired, "Another administrator must consent"),
        (ConsentAnswer::Cancelled, "The sign-in was cancelled"),
    ] {
        world.apply(Action::AnswerConsent { answer });
        let mut url: url::Url =
            format!("{}/organizations/v2.0/adminconsent", world.tenant.login_url()).parse().unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", &world.tenant.registration().client_id)
            .append_pair("scope", "https://graph.microsoft.com/.default")
            .append_pair("redirect_uri", world.stack.base_url.join("/oauth/callback").unwrap().as_str());
        let page = http.get(url).send().await.unwrap();
        assert!(page.url().query().is_some_and(|query| query.starts_with("because=")), "{}", page.url());
        let text = page.text().await.unwrap();
        assert!(text.contains(heading), "{answer:?}: {text}");
    }
    world.apply(Action::AnswerConsent { answer: ConsentAnswer::GrantedWithCode });
    world.authorize().await;
}
