//! Access tokens for programs: made, shown once, revoked.

use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use secrecy::{ExposeSecret as _, SecretString};
use shared::access::{AccessToken, Scope, TokenHash, hash, new_token_secret};
use shared::audit::{AuditEntry, AuditEvent};
use shared::session::Role;

use super::failure::Failure;
use super::layout::{Page, Tab, form_token, path};
use super::visitor::{Submission, Viewer};
use super::words::{mark, time, time_or};
use crate::Site;
use crate::actions::record;

/// The most tokens of a directory.
const MAX_TOKENS: usize = 100;
/// The longest name of a token, in characters.
const MAX_NAME_CHARS: usize = 80;
/// The days a token may last, to choose from.
const LIVES: [(i64, &str); 4] = [(30, "30 days"), (90, "90 days"), (365, "a year"), (730, "two years")];

/// `GET /directories/{directory}/tokens`
pub(super) async fn list(viewer: Viewer, State(site): State<Site>) -> Result<Response, Failure> {
    page(&site, &viewer, StatusCode::OK, None, None).await
}

async fn page(
    site: &Site,
    viewer: &Viewer,
    status: StatusCode,
    made: Option<&SecretString>,
    fault: Option<&str>,
) -> Result<Response, Failure> {
    let directory = &viewer.directory;
    let tokens = site.registry.tokens(directory.id).await?;
    let now = site.app.clock.now();
    Ok(Page::of(viewer, Tab::Tokens, "API tokens").status(status).show(&html! {
        h1 { "API tokens" }
        p {
            "With a token, programs ask this directory who is active and who is in which group. "
            a href="/api/v1/docs" { "What they can ask" }
        }
        @if let Some(fault) = fault { div.notice.bad role="alert" { p { (fault) } } }
        @if let Some(secret) = made {
            div.notice.good role="status" {
                h2 { "The new token" }
                p { "Copy it now: it is shown this once, and only its hash is kept." }
                p { code.secret { (secret.expose_secret()) } }
            }
        }
        @if tokens.is_empty() { p { "There are no tokens." } }
        @else { (table(viewer, &tokens, now)) }
        @if viewer.may_change() {
            h2 { "Make a token" }
            form method="post" action=(path(directory, "/tokens")) {
                (form_token(&viewer.session))
                div.field {
                    label for="name" { "Name" }
                    input #name name="name" maxlength=(MAX_NAME_CHARS) required autocomplete="off" aria-describedby="name_help";
                    p.help #name_help { "What will use it, such as “VPN gateway”." }
                }
                div.field {
                    label for="scope" { "May" }
                    select #scope name="scope" {
                        option value="read" selected { "read" }
                        option value="admin" { "read, change settings, start syncs and answer holds" }
                    }
                }
                div.field {
                    label for="days" { "Lasts" }
                    select #days name="days" {
                        @for (days, label) in LIVES { option value=(days) selected[days == 365] { (label) } }
                    }
                }
                button type="submit" { "Make the token" }
            }
        }
    }))
}

fn table(viewer: &Viewer, tokens: &[(TokenHash, AccessToken)], now: Timestamp) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Name" } th scope="col" { "May" } th scope="col" { "Made" } th scope="col" { "Ends" }
                th scope="col" { "Last used" } th scope="col" { span.unseen { "Revoke" } }
            } }
            tbody {
                @for (hash, token) in tokens {
                    tr {
                        th scope="row" { (token.name) }
                        td { @match token.scope { Scope::Read => "read", Scope::Admin => "change" } }
                        td { (time(token.created_at)) }
                        td { @if now >= token.expires_at { (mark("quiet", "ended")) " " } (time(token.expires_at)) }
                        td { (time_or(token.last_used_at, "never")) }
                        td {
                            @if viewer.session.role == Role::Administrator {
                                form method="post" action=(path(&viewer.directory, &format!("/tokens/{}/revoke", hash.public_id()))) {
                                    (form_token(&viewer.session))
                                    button.plain type="submit" { "Revoke" span.unseen { " " (token.name) } }
                                }
                            }
                        }
                    }
                }
            }
        } }
    }
}

/// `POST /directories/{directory}/tokens`: the answer is the only place where the token's secret ever is. It cannot be a
/// redirect, and a reload makes another token, which is listed.
pub(super) async fn create(State(site): State<Site>, submission: Submission) -> Result<Response, Failure> {
    let by = submission.actor();
    let Submission { session, directory, form } = submission;
    let now = site.app.clock.now();
    let wanted = Wanted::of(&form);
    let viewer = Viewer { session, directory };
    let count = site.registry.tokens(viewer.directory.id).await?.len();
    let wanted = match wanted {
        Ok(_) if count >= MAX_TOKENS => Err("There are 100 tokens already. Revoke one that is not used."),
        wanted => wanted,
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(fault) => return page(&site, &viewer, StatusCode::UNPROCESSABLE_ENTITY, None, Some(fault)).await,
    };
    let secret = new_token_secret(&mut rand::rng());
    let token = AccessToken {
        name: wanted.name,
        scope: wanted.scope,
        directory: Some(viewer.directory.id),
        created_at: now,
        expires_at: now.saturating_add(wanted.life).unwrap_or(Timestamp::MAX),
        last_used_at: None,
    };
    site.app.tokens.put_token(&hash(&secret), &token).await?;
    let event = AuditEvent::TokenCreated { name: token.name, scope: token.scope, expires_at: token.expires_at };
    record(&site.app, &viewer.directory, AuditEntry::new(by, event, now)).await;
    page(&site, &viewer, StatusCode::CREATED, Some(&secret), None).await
}

/// What was asked for, when it makes sense.
struct Wanted {
    name: String,
    scope: Scope,
    life: SignedDuration,
}

impl Wanted {
    fn of(form: &super::visitor::Form) -> Result<Self, &'static str> {
        let name = form.get("name").unwrap_or_default();
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            return Err("Expected a name of 1 to 80 characters.");
        }
        let scope = match form.get("scope") {
            Some("read") => Scope::Read,
            Some("admin") => Scope::Admin,
            _ => return Err("Expected what the token may do: read, or change."),
        };
        let days = form.get("days").and_then(|days| days.parse::<i64>().ok());
        let days = days.filter(|days| LIVES.iter().any(|(life, _)| life == days));
        let life = days.map(|days| SignedDuration::from_hours(24 * days));
        Ok(Self { name: name.to_owned(), scope, life: life.ok_or("Expected how long the token lasts.")? })
    }
}

/// `POST /directories/{directory}/tokens/{token}/revoke`: from now on the token is refused.
pub(super) async fn revoke(
    State(site): State<Site>,
    params: RawPathParams,
    submission: Submission,
) -> Result<Response, Failure> {
    let by = submission.actor();
    let directory = &submission.directory;
    let id = params.iter().find(|(name, _)| *name == "token").map_or("", |(_, id)| id);
    let tokens = site.registry.tokens(directory.id).await?;
    // Asked for twice, it is gone the second time, which is what was wanted.
    if let Some((hash, token)) = tokens.into_iter().find(|(hash, _)| hash.public_id() == id) {
        site.registry.revoke_token(directory.id, &hash).await?;
        let event = AuditEvent::TokenRevoked { name: token.name };
        record(&site.app, directory, AuditEntry::new(by, event, site.app.clock.now())).await;
    }
    Ok(Redirect::to(&path(directory, "/tokens")).into_response())
}
