//! The few files that pages load: part of the binary, named by their content, and kept by browsers for a year.

use std::sync::LazyLock;

use axum::extract::RawPathParams;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest as _, Sha256};

/// A file with its name.
pub(super) struct Asset {
    content: &'static str,
    kind: &'static str,
    name: String,
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, content: &'static str) -> Self {
        let mut hash = URL_SAFE_NO_PAD.encode(Sha256::digest(content));
        hash.truncate(12);
        Self { content, kind, name: format!("{stem}.{hash}.{extension}") }
    }

    /// Where it is.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// How pages look.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_str!("assets/style.css")));
/// What makes pages livelier; they work without.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("enhance", "js", "text/javascript; charset=utf-8", include_str!("assets/enhance.js")));
/// The sign of the site.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

/// `GET /assets/{name}`: for everybody, since there is nothing in them.
pub(super) async fn serve(params: RawPathParams) -> Response {
    let name = params.iter().next().map_or("", |(_, name)| name);
    match [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, asset.content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
