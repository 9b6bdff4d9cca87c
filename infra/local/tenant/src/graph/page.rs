//! A page of a list: its objects and the link to what follows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{call::Collection, error::GraphError};
use crate::{
    exchange::{Fields, Request},
    options::Paging,
    token,
};

/// The largest `$top` Graph accepts.
const LARGEST_TOP: usize = 999;

/// A page about to become JSON.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) context: String,
    pub(crate) value: Vec<Map<String, Value>>,
    pub(crate) link: Link,
    pub(crate) count: Option<usize>,
    /// Graph adds a hint to answers that selected nothing.
    pub(crate) tips: Option<String>,
}

/// What follows a page, as an absolute URL.
#[derive(Debug)]
pub(crate) enum Link {
    End,
    Next(String),
    Delta(String),
}

impl Page {
    pub(crate) fn into_json(self) -> Value {
        let mut json = Map::new();
        json.insert("@odata.context".to_owned(), json!(self.context));
        json.extend(self.tips.map(|tips| ("@microsoft.graph.tips".to_owned(), json!(tips))));
        json.extend(self.count.map(|count| ("@odata.count".to_owned(), json!(count))));
        match self.link {
            Link::End => {}
            Link::Next(url) => _ = json.insert("@odata.nextLink".to_owned(), json!(url)),
            Link::Delta(url) => _ = json.insert("@odata.deltaLink".to_owned(), json!(url)),
        }
        json.insert("value".to_owned(), Value::Array(self.value.into_iter().map(Value::Object).collect()));
        Value::Object(json)
    }
}

/// The hint itself, worded as Graph does.
pub(crate) fn tips(of: Collection) -> String {
    format!(
        "Use $select to choose only the properties your app needs, as this can lead to performance improvements. For example: GET {}?$select=displayName,id",
        of.name()
    )
}

/// A place in a list: the content of a skip token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place<S> {
    /// The path the token belongs to.
    pub(crate) path: String,
    /// Where the page starts.
    pub(crate) start: usize,
    /// Its number, from 1.
    pub(crate) page: u32,
    pub(crate) size: usize,
    pub(crate) select: S,
    /// Whether the list is an advanced query, which is answered from an index of its own.
    pub(crate) advanced: bool,
}

impl<S: Serialize + for<'a> Deserialize<'a> + Clone> Place<S> {
    /// Where a request wants to read: at its skip token, or at the start.
    pub(crate) fn of(
        request: &Request,
        paging: Paging,
        select: impl FnOnce() -> Result<S, GraphError>,
    ) -> Result<Self, GraphError> {
        let Request { path, query, .. } = request;
        if let Some(text) = query.get("$skiptoken") {
            let place = token::open::<Self>(text).filter(|place| place.path == *path);
            let place = place.ok_or_else(|| GraphError::bad_request("The skip token is not valid."))?;
            // Headers of a list have to be sent again with each page ("Paging Microsoft Graph data in your app").
            return if place.advanced { must_be_eventual(request).map(|()| place) } else { Ok(place) };
        }
        refuse_options(query, &["$filter", "$orderby", "$search", "$skip", "$expand"])?;
        // Without the header, `$count=true` is ignored ("Advanced query capabilities on Microsoft Entra ID objects").
        let advanced = query.get("$count") == Some("true") && is_eventual(request);
        Ok(Self { path: path.clone(), start: 0, page: 1, size: size(query, paging)?, select: select()?, advanced })
    }

    /// The place of the page after this one, as a link.
    pub(crate) fn next(&self, origin: &str, start: usize) -> Link {
        let next = Self { start, page: self.page + 1, ..self.clone() };
        Link::Next(format!("{origin}{}?$skiptoken={}", self.path, token::seal(&next)))
    }
}

/// The page number in the skip token of a plain list.
pub(crate) fn page_in_list(skip_token: &str) -> Option<u32> {
    token::open::<Value>(skip_token)?.get("page")?.as_u64()?.try_into().ok()
}

/// Whether the request asks for the index behind advanced queries.
pub(crate) fn is_eventual(request: &Request) -> bool {
    request.header("ConsistencyLevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
}

/// Refuses an advanced query without its header.
pub(crate) fn must_be_eventual(request: &Request) -> Result<(), GraphError> {
    if is_eventual(request) {
        return Ok(());
    }
    Err(GraphError::bad_request("An advanced query needs the header 'ConsistencyLevel: eventual'."))
}

/// The page size asked for. The documents call what happens above the limit specific to each API; the directory refuses it.
fn size(query: &Fields, paging: Paging) -> Result<usize, GraphError> {
    let Some(text) = query.get("$top") else { return Ok(paging.list_default.clamp(1, paging.list_max.max(1))) };
    match text.parse() {
        Ok(top @ 1..=LARGEST_TOP) => Ok(top.min(paging.list_max.max(1))),
        _ => Err(GraphError::bad_request(format!(
            "Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_TOP} inclusive."
        ))),
    }
}

/// Refuses query options that this tenant does not serve, rather than answer as if they were not there.
pub(crate) fn refuse_options(query: &Fields, options: &[&str]) -> Result<(), GraphError> {
    match query.names().find(|name| options.contains(name)) {
        Some(option) => Err(GraphError::unsupported(format!("The query option '{option}' is not supported here."))),
        None => Ok(()),
    }
}
