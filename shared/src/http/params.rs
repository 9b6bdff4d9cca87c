//! What a request asks for: names in its path, and query parameters.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::budget::{Budget, Wrapping, oversized};
use super::cursor::{InvalidCursor, Listing};
use super::problem::{Problem, ProblemKind};
use crate::store::Page;

/// The entries of a page unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;
/// The most entries of a page.
const MAX_LIMIT: usize = 1_000;

/// Names in the path and query parameters, decoded.
pub struct Params {
    path: Vec<(String, String)>,
    /// None when it is not text.
    query: Option<Vec<(String, String)>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // A path that is no text names nothing.
        let path = RawPathParams::from_request_parts(parts, state).await.map_or_else(
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
    #[must_use]
    pub fn segment(&self, name: &str) -> &str {
        self.path.iter().find(|(segment, _)| segment == name).map_or("", |(_, value)| value)
    }

    /// The values of these query parameters. Any other one is refused, since a misspelt filter would list everybody.
    ///
    /// # Errors
    /// For one that is not among the names, comes twice or is not UTF-8.
    pub fn query<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N], Problem> {
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
pub struct PageParams {
    /// The most entries of a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

/// The part of a listing that is asked for.
#[derive(Debug)]
pub struct Paging {
    /// The most entries of the page.
    pub limit: usize,
    cursor: Option<String>,
}

impl Paging {
    /// Reads the parameters `limit` and `cursor`.
    ///
    /// # Errors
    /// For a limit that is out of bounds.
    pub fn parse(limit: Option<String>, cursor: Option<String>) -> Result<Self, Problem> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
                Problem::invalid_parameter("limit", format!("a whole number from 1 to {MAX_LIMIT}"), &text)
            })?,
        };
        Ok(Self { limit, cursor })
    }

    /// True for the first page of a listing.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.cursor.is_none()
    }

    /// The cursor as it was sent.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The position behind which the page begins.
    ///
    /// # Errors
    /// For a cursor of another listing.
    pub fn after<T: FromStr + Display>(&self, listing: &Listing) -> Result<Option<T>, InvalidCursor> {
        self.cursor.as_deref().map(|cursor| listing.position(cursor)).transpose()
    }
}

/// A part of a listing as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page begins; `null` at the end.
    #[schema(example = json!(null))]
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A listing with nothing in it.
    #[must_use]
    pub fn empty() -> Self {
        Self { items: Vec::new(), next_cursor: None }
    }

    /// A page, each record made into what is shown of it. It ends earlier where the answer is full.
    ///
    /// # Errors
    /// [`ProblemKind::TooMany`] when the first entry alone does not fit.
    pub fn page<R, I: Display>(
        page: Page<R>,
        listing: &Listing,
        id: impl Fn(&R) -> I,
        view: impl FnMut(R) -> T,
    ) -> Result<Self, Problem>
    where
        T: Serialize,
    {
        let ids: Vec<I> = page.items.iter().map(id).collect();
        let mut page = Page { items: page.items.into_iter().map(view).collect::<Vec<T>>(), more: page.more };
        let fitting = Budget::new(Wrapping::Text).fitting(&page.items);
        if fitting == 0 && !page.items.is_empty() {
            return Err(oversized());
        }
        page.cut(fitting);
        let next = ids.get(page.items.len().wrapping_sub(1)).filter(|_| page.more);
        Ok(Self { next_cursor: next.map(|id| listing.cursor(id)), items: page.items })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::directory::DirectoryId;

    #[test]
    fn page_ends_where_the_answer_is_full_and_goes_on_behind_it() {
        let listing = Listing::new(DirectoryId::new(Uuid::nil()), "texts", &[]);
        let entry = |number: usize| (number, "\"".repeat(1_000));
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let left = (0..7_000).filter(|number| after.is_none_or(|after| *number > after)).map(entry).collect();
            let page = List::page(Page::of(left, 5_000), &listing, |(number, _)| *number, |entry| entry).unwrap();
            assert!(serde_json::to_string(&serde_json::to_string(&page).unwrap()).unwrap().len() < 6_291_556);
            seen.extend(page.items.iter().map(|(number, _)| *number));
            let Some(cursor) = page.next_cursor else { break };
            after = Some(listing.position(&cursor).unwrap());
        }
        assert_eq!(seen, (0..7_000).collect::<Vec<_>>());
        let huge = Page::of(vec![(0, "x".repeat(6_300_000))], 1);
        let refused = List::page(huge, &listing, |(number, _)| *number, |entry| entry).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::TooMany);
    }
}
