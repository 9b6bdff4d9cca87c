//! Long lists, page by page.

use std::fmt::Display;
use std::str::FromStr;

use http::Uri;
use maud::{Markup, html};
use shared::directory::Directory;
use shared::http::{InvalidCursor, Listing};
use url::form_urlencoded;

use super::visitor::Form;

/// What a list page was asked for.
pub(super) struct Asked {
    pub(super) query: Form,
    pub(super) after: Option<String>,
}

impl Asked {
    pub(super) fn of(uri: &Uri) -> Self {
        let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
        let after = query.get("after").map(str::to_owned);
        Self { query, after }
    }

    /// The position behind which the page begins.
    pub(super) fn after<T: FromStr + Display>(&self, listing: &Listing) -> Result<Option<T>, InvalidCursor> {
        self.after.as_deref().map(|after| listing.position(after)).transpose()
    }
}

/// A list of the pages, by its name and filter.
pub(super) fn listing(directory: &Directory, name: &str, filter: &str) -> Listing {
    Listing::new(directory.id, &format!("page of {name}"), &[Some(filter)])
}

/// The links below a list: to its beginning, unless this is it, and to what follows.
pub(super) fn links(path: &str, keep: &[(&str, &str)], asked: &Asked, next: Option<&str>) -> Markup {
    let with = |after: Option<&str>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(keep.iter().filter(|(_, value)| !value.is_empty()));
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    };
    html! {
        @if asked.after.is_some() || next.is_some() {
            nav.pages aria-label="Pages of the list" {
                @if asked.after.is_some() { a href=(with(None)) { "To the beginning" } }
                @if let Some(next) = next { a rel="next" href=(with(Some(next))) { "Next page" } }
            }
        }
    }
}
