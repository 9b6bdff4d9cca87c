//! What a request asks for: names in its path, and query parameters.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use shared::http::{InvalidCursor, Listing, Problem, ProblemKind};
use shared::store::Page;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::App;

/// The entries of a page unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;
/// The most entries of a page.
const MAX_LIMIT: usize = 1_000;

/// Names in the path and query parameters, decoded.
pub(crate) struct Params {
    path: Vec<(String, String)>,
    /// None when it is not text.
    query: Option<Vec<(String, String)>>,
}

impl FromRequestParts<App> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // A path that is no text names nothing.
        let path = RawPathParams::from_request_parts(parts, app).await.map_or_else(
            |_| Vec::new(),
            |params| params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        );
        Ok(Self { path, query: decoded(parts.uri.query().unwrap_or_default()) })
    }
}

/// The parameters of a query. None when any of it is not UTF-8: with replaced bytes, a name would be another one.
fn decoded(query: &str) -> Option<Vec<(String, String)>> {
    percent_decode_str(query).decode_utf8().ok()?;
    Some(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

impl Params {
    /// A name in the path; empty when it is no text.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.path.iter().find(|(segment, _)| segment == name).map_or("", |(_, value)| value)
    }

    /// The values of these query parameters. Any other one is refused, since a misspelt filter would list everybody.
    pub(crate) fn query<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N], Problem> {
        let given = self.query.as_ref().ok_or_else(|| {
            Problem::new(
                ProblemKind::InvalidParameter,
                "The query is not UTF-8: encode each byte of a name in UTF-8 as `%XX`.",
            )
        })?;
        let mut values = [const { None }; N];
        for (name, value) in given {
            let known = names.iter().zip(&mut values).find(|(known, _)| **known == name.as_str());
            let Some((_, slot)) = known else {
                let expected = if N == 0 { "no parameters".to_owned() } else { format!("one of {}", names.join(", ")) };
                return Err(Problem::invalid_parameter(name, expected, value));
            };
            if slot.is_some() {
                return Err(Problem::invalid_parameter(name, "only once", value));
            }
            *slot = Some(value.clone());
        }
        Ok(values)
    }
}

/// The part of a listing that is asked for, as it is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct PageParams {
    /// The most entries of a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

/// The part of a listing that is asked for.
#[derive(Debug)]
pub(crate) struct Paging {
    pub(crate) limit: usize,
    cursor: Option<String>,
}

impl Paging {
    /// Reads the parameters `limit` and `cursor`.
    pub(crate) fn parse(limit: Option<String>, cursor: Option<String>) -> Result<Self, Problem> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
                Problem::invalid_parameter("limit", format!("a whole number from 1 to {MAX_LIMIT}"), &text)
            })?,
        };
        Ok(Self { limit, cursor })
    }

    /// True for the first page of a listing.
    pub(crate) fn is_first(&self) -> bool {
        self.cursor.is_none()
    }

    /// The cursor as it was sent.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The position behind which the page begins.
    pub(crate) fn after<T: FromStr + Display>(&self, listing: &Listing) -> Result<Option<T>, InvalidCursor> {
        self.cursor.as_deref().map(|cursor| listing.position(cursor)).transpose()
    }
}

/// A part of a listing as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins; `null` at the end.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A listing with nothing in it.
    pub(crate) fn empty() -> Self {
        Self::whole(Vec::new())
    }

    /// A listing that fits one answer.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    /// A page, each record made into what is shown of it.
    pub(crate) fn page<R, I: Display>(
        page: Page<R>,
        listing: &Listing,
        id: impl Fn(&R) -> &I,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let next_cursor = page.end().map(|last| listing.cursor(id(last)));
        Self { items: page.items.into_iter().map(view).collect(), next_cursor }
    }
}
