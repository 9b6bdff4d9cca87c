//! Who may change things: an extractor that a handler names to be reachable only with a good token.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use shared::access::Scope;
use shared::audit::Actor;
use shared::directory::Directory;
use shared::http::{Problem, authorized_directory};

use crate::App;

/// The directory named in the path, which the request's bearer may administer, and who that is.
pub(crate) struct Administered(pub(crate) Directory, pub(crate) Actor);

impl FromRequestParts<App> for Administered {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // A path that is no text names no directory.
        let params = RawPathParams::from_request_parts(parts, app).await.ok();
        let id = params.iter().flatten().find(|(name, _)| *name == "directory").map_or("", |(_, id)| id);
        authorized_directory(&*app.tokens, &*app.clock, &*app.directories, &parts.headers, Scope::Admin, id)
            .await
            .map(|(directory, token)| Self(directory, Actor::from(&token)))
    }
}
