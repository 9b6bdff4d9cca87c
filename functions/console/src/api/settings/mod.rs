//! The settings of a directory: read, and replaced as a whole.

mod request;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use shared::directory::Directory;
use shared::filter::{InvalidPolicy, Policy};
use shared::http::{DirectoryInPath, JsonBody, PROBLEM, PreviewSummaryView, Problem, ProblemKind, ProblemView};
use shared::settings::{Draft, DraftId, RejectedSettings, UnknownGroup};
use shared::store::StoreError;
use shared::sync::RunId;
use utoipa::ToSchema;

use self::request::NewSettings;
use super::access::Administered;
use crate::App;
use crate::actions::{SaveError, save_settings};

/// The most characters of a header that an error repeats.
const MAX_SHOWN_CHARS: usize = 80;

/// The settings, which version of them this is, and which one the published state was made with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VersionedSettings)]
struct SettingsView {
    settings: Policy,
    version: u64,
    published_version: Option<u64>,
}

/// The settings after a change.
#[derive(Debug, Serialize, ToSchema)]
struct ChangedView {
    #[serde(flatten)]
    settings: SettingsView,
    /// The run that will publish them; `null` when nothing changed, or when the schedule must see to it.
    run: Option<RunId>,
}

impl SettingsView {
    fn new(directory: Directory) -> Self {
        Self {
            published_version: directory.published.map(|published| published.settings_version),
            settings: directory.policy,
            version: directory.settings_version,
        }
    }
}

/// The settings of a directory.
#[utoipa::path(
    get,
    path = "/api/v1/directories/{directory}/settings",
    tag = "Settings",
    operation_id = "showSettings",
    params(DirectoryInPath),
    responses((status = 200, description = "The settings", body = SettingsView, headers(("ETag" = String, description = "The version of the settings")))),
)]
pub(crate) async fn show(Administered(directory, _): Administered) -> Response {
    tagged(directory.settings_version, SettingsView::new(directory))
}

/// Replaces the settings, and requests the run that publishes them.
///
/// A field left out is off or empty. With `If-Match`, they replace the version that it names and no other; without it, whatever
/// version there is.
///
/// Settings that would deactivate more users than the safety limit allows, or that would leave no user active, are answered
/// `409` with the type `deactivations-not-confirmed`, the number, and a preview of who. They are saved when they are sent
/// again with `confirm_deactivations` equal to that number, as long as it is still the number.
#[utoipa::path(
    put,
    path = "/api/v1/directories/{directory}/settings",
    tag = "Settings",
    operation_id = "replaceSettings",
    params(DirectoryInPath, ("If-Match" = Option<String>, Header, description = "The version that is meant to be replaced, as its `ETag`", example = "\"1\"")),
    request_body(content = NewSettings, description = "All of the settings. While `sync_groups` is off, no groups may be listed. All prefixes and ids together have at most 160 KiB."),
    responses((status = 200, description = "The settings from now on", body = ChangedView, headers(("ETag" = String, description = "The version of the settings"))), (status = 409, description = "The number of deactivations is not confirmed (`deactivations-not-confirmed`), or somebody else changed the settings meanwhile (`conflict`); nothing was changed", body = ProblemView, content_type = PROBLEM), (status = 412, description = "The version named in `If-Match` is not the current one", body = ProblemView, content_type = PROBLEM), (status = 422, description = "`errors` names each fault; nothing was changed", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn replace(
    Administered(mut directory, by): Administered,
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response, Problem> {
    let NewSettings { policy, confirmed } = NewSettings::parse(body)?;
    let from_version = directory.settings_version;
    if !if_match(&headers, from_version) {
        return Err(not_the_version(&headers, from_version));
    }
    let draft = Draft { id: DraftId::generate(), policy, from_version, by: None, at: app.clock.now() };
    match save_settings(&app, &mut directory, &draft, confirmed, by).await {
        Ok(run) => {
            let settings = SettingsView::new(directory);
            Ok(tagged(settings.version, ChangedView { settings, run }))
        }
        Err(SaveError::Superseded) if !if_match(&headers, directory.settings_version) => {
            Err(not_the_version(&headers, directory.settings_version))
        }
        Err(SaveError::Superseded) => Err(StoreError::Conflict.into()),
        Err(SaveError::Rejected { reason: RejectedSettings::Unconfirmed { deactivations }, preview }) => {
            let preview = PreviewSummaryView::new(&directory, draft.id, &preview);
            Err(Problem::not_confirmed(deactivations, preview))
        }
        Err(SaveError::Rejected { reason: RejectedSettings::Unknown { groups }, .. }) => {
            Err(InvalidPolicy { faults: groups.iter().map(UnknownGroup::fault).collect() }.into())
        }
        Err(SaveError::Store(error)) => Err(error.into()),
    }
}

fn not_the_version(headers: &HeaderMap, current: u64) -> Problem {
    let sent = headers.get(IF_MATCH).and_then(|sent| sent.to_str().ok()).unwrap_or("what was sent");
    let sent: String = sent.chars().take(MAX_SHOWN_CHARS).collect();
    let detail = format!(
        "Nothing was changed. If-Match: expected \"{current}\", the current version, found {sent}. Read the settings again, and \
         repeat the change if it is still meant."
    );
    Problem::new(ProblemKind::PreconditionFailed, detail)
}

fn tagged(version: u64, body: impl Serialize) -> Response {
    ([(ETAG, etag(version))], Json(body)).into_response()
}

fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// True when the request was made for this version, or for any.
///
/// Source: RFC 9110, section 13.1.1. A weak tag never matches.
fn if_match(headers: &HeaderMap, version: u64) -> bool {
    if !headers.contains_key(IF_MATCH) {
        return true;
    }
    let current = etag(version);
    let values = headers.get_all(IF_MATCH).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|tag| tag == "*" || tag == current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_wants_the_current_version_or_any() {
        for (sent, matches) in [
            (&[][..], true),
            (&["\"7\""], true),
            (&["*"], true),
            (&["\"6\", \"7\""], true),
            (&["\"6\"", "\"7\""], true),
            (&["\"6\""], false),
            (&["W/\"7\""], false),
            (&["7"], false),
            (&[""], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(IF_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(if_match(&headers, 7), matches, "{sent:?}");
        }
    }
}
