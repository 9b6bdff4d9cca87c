//! Who may read: extractors that a handler names to be reachable only with a good token.

use axum::extract::FromRequestParts;
use http::request::Parts;
use shared::access::{AccessToken, Scope};
use shared::directory::Directory;
use shared::http::{Audience, Params, Problem, authorize, authorized_directory};

use crate::App;

/// The bearer of a request about no directory in particular.
pub(crate) struct Reader(pub(crate) AccessToken);

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        authorize(&*app.tokens, &*app.clock, &parts.headers, Scope::Read, None).await.map(Self)
    }
}

/// The directory named in the path, which the request's bearer may read, and for whom it is shown.
pub(crate) struct Readable(pub(crate) Directory, pub(crate) Audience);

impl FromRequestParts<App> for Readable {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = Params::from_request_parts(parts, app).await?;
        let id = params.segment("directory");
        authorized_directory(&*app.tokens, &*app.clock, &*app.directories, &parts.headers, Scope::Read, id)
            .await
            .map(|(directory, token)| Self(directory, token.scope.into()))
    }
}
