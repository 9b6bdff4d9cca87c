//! The settings of a directory: read, and replaced as a whole.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use shared::directory::Directory;
use shared::filter::Policy;
use shared::http::{DirectoryInPath, JsonBody, PROBLEM, Problem, ProblemKind, ProblemView, SomeOf};
use shared::sync::RunId;
use utoipa::ToSchema;

use super::access::Administered;
use crate::App;
use crate::actions::change_settings;

/// Settings, of which any may be left out.
type NewSettings = SomeOf<Policy>;

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

/// Replaces the settings, and asks for the run that publishes them.
///
/// A field left out is off or empty.
#[utoipa::path(
    put,
    path = "/api/v1/directories/{directory}/settings",
    tag = "Settings",
    operation_id = "replaceSettings",
    params(DirectoryInPath, ("If-Match" = Option<String>, Header, description = "The version that is meant to be replaced, as its `ETag`", example = "\"1\"")),
    request_body(content = NewSettings, description = "All of the settings"),
    responses((status = 200, description = "The settings from now on", body = ChangedView, headers(("ETag" = String, description = "The version of the settings"))), (status = 409, description = "Somebody else changed them meanwhile", body = ProblemView, content_type = PROBLEM), (status = 412, description = "The version named in `If-Match` is not the current one", body = ProblemView, content_type = PROBLEM), (status = 422, description = "`errors` names each fault; nothing was changed", body = ProblemView, content_type = PROBLEM)),
)]
pub(crate) async fn replace(
    Administered(mut directory, by): Administered,
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response, Problem> {
    let policy = Policy::parse(&body)?;
    if !if_match(&headers, directory.settings_version) {
        return Err(Problem::new(
            ProblemKind::PreconditionFailed,
            format!("The current version is {}. Read the settings again.", directory.settings_version),
        ));
    }
    if policy == directory.policy {
        let settings = SettingsView::new(directory);
        return Ok(tagged(settings.version, ChangedView { settings, run: None }));
    }
    let run = change_settings(&app, &mut directory, policy, by).await?;
    let settings = SettingsView::new(directory);
    Ok(tagged(settings.version, ChangedView { settings, run }))
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
