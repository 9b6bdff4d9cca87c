//! Long lists, page by page.

use http::Uri;
use maud::{Markup, html};
use shared::directory::ObjectId;
use shared::store::Cursor;
use url::form_urlencoded;

use super::visitor::Form;

/// What a list page was asked for.
pub(super) struct Asked {
    pub(super) query: Form,
    pub(super) after: Option<Cursor>,
}

impl Asked {
    pub(super) fn of(uri: &Uri) -> Self {
        let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
        let after = query.get("after").map(|text| Cursor::new(text.to_owned()));
        Self { query, after }
    }
}

impl Asked {
    /// The id behind which a search continues. One that is none of ours begins it again.
    pub(super) fn after_id(&self) -> Option<ObjectId> {
        self.after.as_ref().and_then(|after| after.as_str().parse().ok())
    }
}

/// The cursor of what follows a page of a search.
pub(super) fn cursor(next: Option<ObjectId>) -> Option<Cursor> {
    next.map(|id| Cursor::new(id.to_string()))
}

/// The links below a list: to its beginning, unless this is it, and to what follows.
pub(super) fn links(path: &str, keep: &[(&str, &str)], asked: &Asked, next: Option<&Cursor>) -> Markup {
    let with = |after: Option<&Cursor>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(keep.iter().filter(|(_, value)| !value.is_empty()));
        if let Some(after) = after {
            query.append_pair("after", after.as_str());
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
