//! The audit trail: who changed what, when, from what and to what.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use maud::{Markup, html};
use serde_json::Value;
use shared::access::Scope;
use shared::audit::{Actor, AuditEntry, AuditEvent};
use shared::directory::Directory;

use super::failure::Failure;
use super::layout::{Page, Tab, path};
use super::paging::{Asked, links, listing};
use super::quoted::shown;
use super::visitor::Viewer;
use super::words::time;
use crate::Site;

/// How many entries a page has.
const PER_PAGE: usize = 50;
/// How many values of a list an entry names. With fifty entries a page then fits the answer of a function, whatever they are.
const NAMED: usize = 10;

/// `GET /directories/{directory}/audit`
pub(super) async fn list(viewer: Viewer, State(site): State<Site>, uri: Uri) -> Result<Response, Failure> {
    let asked = Asked::of(&uri);
    let listing = listing(&viewer.directory, "audit", "");
    let entries = site.app.audit.audit(viewer.directory.id, PER_PAGE, asked.after(&listing)?).await?;
    let next = entries.end().map(|entry| listing.cursor(&entry.id));
    Ok(Page::of(&viewer, Tab::Audit, "Audit").show(&html! {
        h1 { "Audit" }
        p.quiet { "Who changed what, the latest first. Entries are kept for 400 days." }
        @if entries.items.is_empty() { p { "Nobody has changed anything yet." } }
        @else {
            div.scroll { table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } } }
                tbody { @for entry in &entries.items { (row(&viewer.directory, entry)) } }
            } }
        }
        (links(&path(&viewer.directory, "/audit"), &[], &asked, next.as_deref()))
    }))
}

fn row(directory: &Directory, entry: &AuditEntry) -> Markup {
    html! {
        tr {
            th scope="row" { (time(entry.at)) }
            td { (entry.by.name()) @if matches!(entry.by, Actor::Token { .. }) { span.quiet { " (token)" } } }
            td { (event(directory, &entry.event)) }
        }
    }
}

fn event(directory: &Directory, event: &AuditEvent) -> Markup {
    html! {
        @match event {
            AuditEvent::SettingsChanged { from, to, version } => {
                "Changed the settings (version " (version) "):"
                ul.plain.exact { @for change in differences(from, to, NAMED) { li { (change) } } }
            }
            AuditEvent::RunRequested { run } => {
                "Asked for " a href=(path(directory, &format!("/runs/{run}"))) { "a sync" } "."
            }
            AuditEvent::HoldDecided { hold, applied } => {
                @if *applied { "Applied " } @else { "Discarded " }
                a href=(path(directory, &format!("/holds/{hold}"))) { "a hold" } "."
            }
            AuditEvent::TokenCreated { name, scope, expires_at } => {
                "Made the API token “" (name) "”, which may " @match scope { Scope::Read => "read", Scope::Admin => "change settings" }
                " until " (time(*expires_at)) "."
            }
            AuditEvent::TokenRevoked { name } => { "Revoked the API token “" (name) "”." }
            AuditEvent::CredentialAuthorized { first_time: true } => { "Authorized the sync." }
            AuditEvent::CredentialAuthorized { first_time: false } => { "Authorized the sync again." }
            AuditEvent::CredentialPreferred { user_principal_name, .. } => { "Said to try the authorization of " (user_principal_name) " first." }
            AuditEvent::CredentialRemoved { user_principal_name, .. } => { "Removed the authorization of " (user_principal_name) "." }
        }
    }
}

/// Setting by setting, what was and what is. Of what came and went in a list, at most so many are `named`.
pub(super) fn differences(from: &Value, to: &Value, named: usize) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (from, to) = (from.as_object().unwrap_or(&empty), to.as_object().unwrap_or(&empty));
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    let changed = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    changed.map(|name| difference(name, from.get(name), to.get(name), named)).collect()
}

fn difference(name: &str, from: Option<&Value>, to: Option<&Value>, named: usize) -> String {
    let (null, label) = (Value::Null, name.replace('_', " "));
    let (from, to) = (from.unwrap_or(&null), to.unwrap_or(&null));
    if let (Some(from), Some(to)) = (from.as_array(), to.as_array()) {
        let texts = |list: &[Value], other: &[Value]| -> Vec<String> {
            let values: Vec<&Value> = list.iter().filter(|value| !other.contains(value)).collect();
            let more = values.len().saturating_sub(named);
            let more = (more > 0).then(|| format!("and {more} more"));
            values.into_iter().take(named).map(text).chain(more).collect()
        };
        let (added, removed) = (texts(to, from), texts(from, to));
        let said: Vec<String> = [("added", added), ("removed", removed)]
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(what, values)| format!("{what} {}", values.join(", ")))
            .collect();
        return format!("{label}: {}", said.join("; "));
    }
    format!("{label}: {} → {}", text(from), text(to))
}

fn text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => shown(text),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{} {value}", name.replace('_', " ")))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_and_of_lists_what_came_and_went() {
        let prefixes = (json!({"group_prefixes": ["VPN "]}), json!({"group_prefixes": ["VPN", "a\u{200b}"]}));
        assert_eq!(
            differences(&prefixes.0, &prefixes.1, NAMED),
            ["group prefixes: added VPN, \"a\\u200b\"; removed \"VPN \""]
        );
        let from = json!({"sync_users": false, "allowed_groups": ["a", "b"], "nested_groups": true, "safety_limit": {"percent": 20}});
        let to = json!({"sync_users": true, "allowed_groups": ["b", "c"], "nested_groups": true, "safety_limit": {"percent": 10}});
        assert_eq!(
            differences(&from, &to, NAMED),
            ["allowed groups: added c; removed a", "safety limit: percent 20 → percent 10", "sync users: no → yes"]
        );
    }

    #[test]
    fn longest_page_fits_one_answer() {
        for letter in ['"', '\u{1}', '\u{200b}', '😀'] {
            let values = |many: usize, length: usize, own: &str| -> Vec<String> {
                (0..many).map(|number| format!("{number}{own}{}", letter.to_string().repeat(length))).collect()
            };
            let settings = |own: &str| {
                json!({"group_prefixes": values(100, 250, own), "allowed_groups": values(2_000, 120, own),
                       "ignored_groups": values(2_000, 120, own)})
            };
            let changes = differences(&settings("a"), &settings("b"), NAMED);
            let entry = html! { @for change in changes { li { (change) } } }.into_string();
            let bytes = PER_PAGE * serde_json::to_string(&entry).unwrap().len();
            assert!(bytes < 6_000_000, "{bytes} bytes of {letter:?}");
        }
    }

    #[test]
    fn very_many_values_are_counted() {
        let from = json!({"allowed_groups": []});
        let to = json!({"allowed_groups": (10..30).collect::<Vec<_>>()});
        let changes = differences(&from, &to, NAMED);
        assert_eq!(changes, ["allowed groups: added 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, and 10 more"]);
    }
}
